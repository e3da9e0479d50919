/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See symbols.h. */
#include "symbols.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json-text.h"

#define CACHE_SLOTS 1024
#define TEXT_PIECE  32
_Static_assert(SYMBOL_TEXT_MAX % TEXT_PIECE == 0, "the last piece is whole");

struct symbol {
	uint64_t address;
	uint32_t name;	 /* offset in names */
	uint32_t module; /* offset in names, 0: the kernel's own */
};

struct cached_text {
	uint64_t address;
	size_t len;
	char text[SYMBOL_TEXT_MAX];
};

struct symbols {
	atomic_uint references;
	struct symbol *items; /* owned, sorted by address */
	size_t n_items;
	size_t size;
	char *names; /* owned; offset 0 is "" */
	size_t names_len;
	size_t names_size;
	struct cached_text *cache; /* owned, CACHE_SLOTS */
};

static int grow(void **p, size_t *size, size_t need, size_t item)
{
	size_t want = *size ? *size : 4096;
	void *q;

	if (need <= *size)
		return 0;
	while (want < need)
		want *= 2;
	q = realloc(*p, want * item);
	if (!q)
		return -ENOMEM;
	*p = q;
	*size = want;
	return 0;
}

static int add_name(struct symbols *s, const char *name, size_t len, uint32_t *ret)
{
	int r = grow((void **)&s->names, &s->names_size, s->names_len + len + 1, 1);

	if (r < 0)
		return r;
	*ret = (uint32_t)s->names_len;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)name[i];

		s->names[s->names_len++] =
			(char)(c > 0x20 && c < 0x7f && c != '"' && c != '\\' ? c : '?');
	}
	s->names[s->names_len++] = '\0';
	return 0;
}

/* Modules' symbols come in a row: the name is stored once per row. */
static int add_module(struct symbols *s, const char *name, size_t len, uint32_t *last)
{
	if (*last && strlen(s->names + *last) == len && memcmp(s->names + *last, name, len) == 0)
		return 0;
	return add_name(s, name, len, last);
}

/* "ffffffff81000000 T _text" or "ffffffffc0000000 t foo\t[mod]" */
static int add_line(struct symbols *s, char *line, uint32_t *last_module)
{
	char *end, *name, *tab;
	uint64_t address;
	uint32_t module = 0, offset;
	int r;

	address = strtoull(line, &end, 16);
	if (end[0] != ' ' || end[1] == '\0' || end[2] != ' ')
		return 0;
	/* Data cannot be probed and does not call; types as nm(1) has them. */
	if (!strchr("tTwW", end[1]))
		return 0;
	name = end + 3;
	tab = strpbrk(name, "\t\n");
	if (tab && tab[0] == '\t' && tab[1] == '[') {
		char *close = strchr(tab + 2, ']');

		if (close) {
			r = add_module(s, tab + 2, (size_t)(close - tab - 2), last_module);
			if (r < 0)
				return r;
			module = *last_module;
		}
	}
	r = add_name(s, name, tab ? (size_t)(tab - name) : strlen(name), &offset);
	if (r == 0)
		r = grow((void **)&s->items, &s->size, s->n_items + 1, sizeof(*s->items));
	if (r < 0)
		return r;
	s->items[s->n_items++] = (struct symbol){address, offset, module};
	return 0;
}

static int compare_address(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;

	return x->address < y->address ? -1 : x->address > y->address;
}

int symbols_load(const char *path, struct symbols **ret)
{
	_cleanup_(symbols_freep) struct symbols *s = NULL;
	_cleanup_fclose_ FILE *f = NULL;
	_cleanup_free_ char *line = NULL;
	uint32_t last_module = 0, empty;
	size_t size = 0;
	int r;

	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	atomic_init(&s->references, 1);
	s->cache = calloc(CACHE_SLOTS, sizeof(*s->cache));
	if (!s->cache)
		return -ENOMEM;
	r = add_name(s, "", 0, &empty);
	if (r < 0)
		return r;

	f = fopen(path ? path : "/proc/kallsyms", "re");
	if (!f)
		return -errno;
	while (getline(&line, &size, f) > 0) {
		r = add_line(s, line, &last_module);
		if (r < 0)
			return r;
	}
	if (ferror(f))
		return -EIO;
	if (s->n_items == 0 || s->items[s->n_items - 1].address == 0)
		return -EPERM;

	qsort(s->items, s->n_items, sizeof(*s->items), compare_address);
	*ret = take_ptr(s);
	return 0;
}

struct symbols *symbols_ref(struct symbols *s)
{
	atomic_fetch_add_explicit(&s->references, 1, memory_order_relaxed);
	return s;
}

struct symbols *symbols_free(struct symbols *s)
{
	if (atomic_fetch_sub_explicit(&s->references, 1, memory_order_acq_rel) > 1)
		return NULL;
	free(s->items);
	free(s->names);
	free(s->cache);
	free(s);
	return NULL;
}

size_t symbols_count(const struct symbols *s)
{
	return s->n_items;
}

int symbols_each(const struct symbols *s, int (*fn)(const struct symbol_view *symbol, void *data),
		 void *data)
{
	int r = 0;

	for (size_t i = 0; i < s->n_items && r == 0; i++) {
		const struct symbol *item = &s->items[i];
		struct symbol_view view = {
			.address = item->address,
			.name = s->names + item->name,
			.module = item->module ? s->names + item->module : NULL,
		};

		r = fn(&view, data);
	}
	return r;
}

static bool is_in_module(const struct symbols *s, const struct symbol *item, const char *module)
{
	return !module || strcmp(s->names + item->module, module) == 0;
}

bool symbols_has(const struct symbols *s, const char *module, const char *name)
{
	for (size_t i = 0; i < s->n_items; i++)
		if (strcmp(s->names + s->items[i].name, name) == 0 &&
		    is_in_module(s, &s->items[i], module))
			return true;
	return false;
}

unsigned int symbols_occurrences(const struct symbols *s, const char *name)
{
	unsigned int n = 0;

	for (size_t i = 0; i < s->n_items; i++)
		n += strcmp(s->names + s->items[i].name, name) == 0;
	return n;
}

/* The last symbol at or below @address; NULL below all of them. */
static const struct symbol *find_symbol(const struct symbols *s, uint64_t address)
{
	size_t low = 0, high = s->n_items;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (s->items[mid].address <= address)
			low = mid + 1;
		else
			high = mid;
	}
	return low ? &s->items[low - 1] : NULL;
}

static size_t format_hex(char *p, uint64_t v)
{
	return (size_t)snprintf(p, SYMBOL_TEXT_MAX, "0x%llx", (unsigned long long)v);
}

size_t symbols_locate(const struct symbols *s, uint64_t address, char *buf)
{
	const struct symbol *item = find_symbol(s, address);
	int n;

	/* Nothing known is larger than 16 MiB: past that it is some other memory. */
	if (!item || address - item->address > (16u << 20))
		return format_hex(buf, address);
	n = snprintf(buf, SYMBOL_TEXT_MAX, "%s+0x%llx", s->names + item->name,
		     (unsigned long long)(address - item->address));
	return n < SYMBOL_TEXT_MAX ? (size_t)n : SYMBOL_TEXT_MAX - 1;
}

size_t symbols_format(struct symbols *s, uint64_t address, char *buf)
{
	struct cached_text *c;

	if (!s)
		return format_hex(buf, address);
	c = &s->cache[(address * 0x9e3779b97f4a7c15ULL) >> 54];
	if (c->address != address || c->len == 0) {
		c->len = symbols_locate(s, address, c->text);
		c->address = address;
	}
	/* Few names need more than one piece; the compiler copies such without a call. */
	for (size_t i = 0; i < c->len; i += TEXT_PIECE)
		memcpy(buf + i, c->text + i, TEXT_PIECE);
	return c->len;
}

/* Levenshtein distance, given up (returns @limit + 1) when it exceeds @limit. */
static unsigned int distance(const char *a, size_t la, const char *b, size_t lb, unsigned int limit)
{
	unsigned int row[65];

	if (la > 64 || lb > 64 || (la > lb ? la - lb : lb - la) > limit)
		return limit + 1;
	for (size_t j = 0; j <= lb; j++)
		row[j] = (unsigned int)j;
	for (size_t i = 1; i <= la; i++) {
		unsigned int diagonal = row[0], best;

		row[0] = best = (unsigned int)i;
		for (size_t j = 1; j <= lb; j++) {
			unsigned int above = row[j];
			unsigned int v = diagonal + (a[i - 1] != b[j - 1]);

			v = above + 1 < v ? above + 1 : v;
			v = row[j - 1] + 1 < v ? row[j - 1] + 1 : v;
			diagonal = above;
			row[j] = v;
			best = v < best ? v : best;
		}
		if (best > limit)
			return limit + 1;
	}
	return row[lb];
}

/* Lower is more alike; 100 and more is not alike at all. */
static unsigned int unlikeness(const char *wanted, const char *name)
{
	size_t lw = strlen(wanted), ln = strlen(name);
	unsigned int limit = lw > 12 ? 3 : lw > 5 ? 2 : 1, d;

	/* foo for foo.isra.0, do_foo or __x64_foo: what compilers and conventions add. */
	if (ln > lw && strncmp(wanted, name, lw) == 0 && name[lw] == '.')
		return 0;
	d = distance(wanted, lw, name, ln, limit);
	if (d <= limit)
		return d;
	if (lw >= 5 && ln > lw && strcmp(name + ln - lw, wanted) == 0)
		return 5 + (unsigned int)(ln - lw);
	return 100;
}

size_t symbols_similar(const struct symbols *s, const char *name, const char **ret, size_t max)
{
	unsigned int score[16];
	size_t n = 0;

	max = max > ARRAY_SIZE(score) ? ARRAY_SIZE(score) : max;
	for (size_t i = 0; i < s->n_items; i++) {
		const char *candidate = s->names + s->items[i].name;
		unsigned int u = unlikeness(name, candidate);
		bool is_known = false;
		size_t at;

		if (u >= 100 || (n == max && (n == 0 || u >= score[n - 1])))
			continue;
		for (size_t k = 0; k < n; k++)
			is_known |= strcmp(ret[k], candidate) == 0;
		if (is_known)
			continue;
		at = n < max ? n++ : n - 1;
		for (; at > 0 && score[at - 1] > u; at--) {
			score[at] = score[at - 1];
			ret[at] = ret[at - 1];
		}
		score[at] = u;
		ret[at] = candidate;
	}
	return n;
}
