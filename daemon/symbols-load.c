/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * /proc/kallsyms into a table: see symbols.h.
 *
 * The kernel makes the file's text page by page; it is parsed as it comes, so that the ten
 * megabytes of text are never in memory. What grows is given back to its size at the end.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "strutil.h"
#include "symbols-internal.h"

/* Room for a page of text and the piece of a line before it; a line is at most KSYM_NAME_LEN + 90.
 */
#define READ_SIZE 65536

/* From 6.4 on each function has one of these before it, when the kernel pads functions. */
#define PADDING_PREFIX "__pfx_"

struct loader {
	struct symbols *s;
	size_t items_size, names_size, modules_size; /* allocated */
	uint32_t module;			     /* of the line before */
	uint32_t last_name;			     /* offset */
	bool last_is_padding;
};

static int grow(void **p, size_t *size, size_t need, size_t item)
{
	size_t want = *size ? *size : 4096;
	void *q;

	if (need <= *size)
		return 0;
	while (want < need)
		want += want / 2;
	q = realloc(*p, want * item);
	if (!q)
		return -ENOMEM;
	*p = q;
	*size = want;
	return 0;
}

static int add_name(struct loader *l, const char *name, size_t len, uint32_t *ret)
{
	struct symbols *s = l->s;
	int r;

	if (s->names_len + len + 1 > UINT32_MAX)
		return -EFBIG;
	r = grow((void **)&s->names, &l->names_size, s->names_len + len + 1, 1);
	if (r < 0)
		return r;
	*ret = (uint32_t)s->names_len;
	memcpy(s->names + s->names_len, name, len);
	s->names_len += len;
	s->names[s->names_len++] = '\0';
	return 0;
}

static bool is_name(const char *have, const char *name, size_t len)
{
	return strncmp(have, name, len) == 0 && have[len] == '\0';
}

/* "__pfx_vfs_read" stands before "vfs_read", and holds its name. */
static int add_symbol_name(struct loader *l, const char *name, size_t len, uint32_t *ret)
{
	const char *last = l->s->names + l->last_name;
	int r;

	if (l->last_is_padding && is_name(last + strlen(PADDING_PREFIX), name, len)) {
		*ret = l->last_name + (uint32_t)strlen(PADDING_PREFIX);
		return 0;
	}
	r = add_name(l, name, len, ret);
	if (r == 0) {
		l->last_name = *ret;
		l->last_is_padding = strncmp(name, PADDING_PREFIX, strlen(PADDING_PREFIX)) == 0;
	}
	return r;
}

/* Symbols of a module come in a row, or in a few: looked for from the end. */
static int find_module(struct loader *l, const char *name, size_t len)
{
	struct symbols *s = l->s;
	uint32_t i = s->n_modules;
	int r;

	if (l->module && is_name(s->names + s->modules[l->module], name, len))
		return 0;
	while (--i > 0)
		if (is_name(s->names + s->modules[i], name, len)) {
			l->module = i;
			return 0;
		}
	if (s->n_modules > UINT16_MAX)
		return -EFBIG;
	r = grow((void **)&s->modules, &l->modules_size, s->n_modules + 1, sizeof(*s->modules));
	if (r == 0)
		r = add_name(l, name, len, &s->modules[s->n_modules]);
	if (r == 0)
		l->module = s->n_modules++;
	return r;
}

/* What a name may have: it goes into JSON as it is. */
static bool is_plain(char c)
{
	return c > 0x20 && c < 0x7f && c != '"' && c != '\\';
}

/* The end of the name, which is made plain; a tab is before the module. */
static char *read_name(char *p)
{
	for (; is_plain(*p) || (*p && *p != '\t'); p++)
		if (!is_plain(*p))
			*p = '?';
	return p;
}

/* "ffffffff81000000 T _text" or "ffffffffc0000000 t foo\t[mod]", terminated */
static int add_line(struct loader *l, char *line)
{
	struct symbols *s = l->s;
	struct packed_symbol item = {0};
	char *p = (char *)str_parse_hex(line, &item.address), *name, *end;
	int r;

	if (!p || p[0] != ' ' || p[1] == '\0' || p[2] != ' ' || p[3] == '\0')
		return 0;
	item.type = is_plain(p[1]) ? p[1] : '?';
	name = p + 3;
	end = read_name(name);
	if (end[0] == '\t' && end[1] == '[') {
		p = read_name(end + 2);
		r = find_module(l, end + 2, strcspn(end + 2, "]"));
		if (r < 0)
			return r;
		item.module = (uint16_t)l->module;
	}
	if (s->n_items == SYMBOL_NONE - 1)
		return -EFBIG;
	r = add_symbol_name(l, name, (size_t)(end - name), &item.name);
	if (r == 0)
		r = grow((void **)&s->items, &l->items_size, s->n_items + 1, sizeof(*s->items));
	if (r < 0)
		return r;
	s->items[s->n_items++] = item;
	return 0;
}

static int add_lines(struct loader *l, int fd)
{
	_cleanup_free_ char *buf = malloc(READ_SIZE + 1);
	size_t len = 0;
	int r = 0;

	if (!buf)
		return -ENOMEM;
	while (r == 0) {
		ssize_t n = read(fd, buf + len, READ_SIZE - len);
		char *line = buf, *end;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		len += (size_t)n;
		buf[len] = '\0';
		while (r == 0 && (end = memchr(line, '\n', len - (size_t)(line - buf)))) {
			*end = '\0';
			r = add_line(l, line);
			line = end + 1;
		}
		len -= (size_t)(line - buf);
		/* The last line without its end, or one that is longer than anything the kernel
		 * writes. */
		if (r == 0 && (n == 0 || len == READ_SIZE)) {
			r = len ? add_line(l, line) : 0;
			len = 0;
		}
		if (n == 0)
			break;
		memmove(buf, line, len);
	}
	return r;
}

/* Names were added in the file's order, which is kept at one address. */
static int compare_items(const void *a, const void *b)
{
	const struct packed_symbol *x = a, *y = b;

	if (x->address != y->address)
		return x->address < y->address ? -1 : 1;
	return x->name < y->name ? -1 : x->name > y->name;
}

/*
 * The kernel's own symbols are in order, and so are mostly those of each module: what is, is left
 * alone, the rest sorted and merged with it, from the end.
 */
static int sort_items(struct symbols *s)
{
	_cleanup_free_ struct packed_symbol *rest = NULL;
	uint32_t n = s->n_items ? 1 : 0, n_rest;

	while (n < s->n_items && s->items[n - 1].address <= s->items[n].address)
		n++;
	n_rest = s->n_items - n;
	if (n_rest == 0)
		return 0;
	rest = malloc(n_rest * sizeof(*rest));
	if (!rest)
		return -ENOMEM;
	memcpy(rest, s->items + n, n_rest * sizeof(*rest));
	qsort(rest, n_rest, sizeof(*rest), compare_items);
	for (uint32_t to = s->n_items; n_rest;) {
		const bool is_of_rest =
			n == 0 || s->items[n - 1].address <= rest[n_rest - 1].address;

		s->items[--to] = is_of_rest ? rest[--n_rest] : s->items[--n];
	}
	return 0;
}

static int make_index(struct symbols *s)
{
	s->hash_bits = 10;
	/* Chains of two to four: memory counts more than a compare. */
	while (s->hash_bits < 31 && (4u << s->hash_bits) < s->n_items)
		s->hash_bits++;
	s->heads = malloc(sizeof(*s->heads) << s->hash_bits);
	s->nexts = malloc(sizeof(*s->nexts) * s->n_items);
	if (!s->heads || !s->nexts)
		return -ENOMEM;
	memset(s->heads, 0xff, sizeof(*s->heads) << s->hash_bits);
	/* From the end, so that chains ascend. */
	for (uint32_t i = s->n_items; i-- > 0;) {
		const char *name = symbols_name(s, i);
		uint32_t *head = &s->heads[symbol_hash(name, strlen(name), s->hash_bits)];

		s->nexts[i] = *head;
		*head = i;
	}
	return 0;
}

/* Without memory for the smaller copy the larger one stays. */
static void shrink(void **p, size_t bytes)
{
	void *q = realloc(*p, bytes);

	if (q)
		*p = q;
}

static int list_dotted(struct symbols *s)
{
	size_t size = 0;

	for (uint32_t i = 0; i < s->n_items; i++) {
		int r;

		if (!symbol_is_text(s->items[i].type) || !strchr(symbols_name(s, i), '.'))
			continue;
		r = grow((void **)&s->dotted, &size, s->n_dotted + 1, sizeof(*s->dotted));
		if (r < 0)
			return r;
		s->dotted[s->n_dotted++] = i;
	}
	if (s->dotted)
		shrink((void **)&s->dotted, s->n_dotted * sizeof(*s->dotted));
	return 0;
}

static int make_dotted(struct symbols *s)
{
	const size_t heads_bytes = sizeof(*s->dotted_heads) << SYMBOL_DOTTED_BITS;
	int r = list_dotted(s);

	if (r < 0)
		return r;
	s->dotted_heads = malloc(heads_bytes);
	s->dotted_nexts = malloc(s->n_dotted * sizeof(*s->dotted_nexts) + 1);
	if (!s->dotted_heads || !s->dotted_nexts)
		return -ENOMEM;
	memset(s->dotted_heads, 0xff, heads_bytes);
	/* From the end, so that chains ascend. */
	for (uint32_t k = s->n_dotted; k-- > 0;) {
		const char *name = symbols_name(s, s->dotted[k]);
		uint32_t *head =
			&s->dotted_heads[symbol_hash(name, strcspn(name, "."), SYMBOL_DOTTED_BITS)];

		s->dotted_nexts[k] = *head;
		*head = k;
	}
	return 0;
}

int symbols_load(const char *path, struct symbols **ret)
{
	_cleanup_(symbols_freep) struct symbols *s = calloc(1, sizeof(*s));
	struct loader l = {.s = s};
	_cleanup_close_ int fd = -1;
	uint32_t empty;
	int r;

	if (!s)
		return -ENOMEM;
	s->refs = 1;
	s->cache = calloc(SYMBOL_CACHE_SLOTS, sizeof(*s->cache));
	if (!s->cache)
		return -ENOMEM;
	r = add_name(&l, "", 0, &empty);
	if (r == 0)
		r = grow((void **)&s->modules, &l.modules_size, 1, sizeof(*s->modules));
	if (r < 0)
		return r;
	s->modules[s->n_modules++] = empty;

	fd = open(path ? path : "/proc/kallsyms", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = add_lines(&l, fd);
	if (r < 0)
		return r;
	r = sort_items(s);
	if (r < 0)
		return r;
	if (s->n_items == 0 || s->items[s->n_items - 1].address == 0)
		return -EPERM;
	shrink((void **)&s->items, s->n_items * sizeof(*s->items));
	shrink((void **)&s->names, s->names_len);
	shrink((void **)&s->modules, s->n_modules * sizeof(*s->modules));
	r = make_index(s);
	if (r == 0)
		r = make_dotted(s);
	if (r < 0)
		return r;
	*ret = take_ptr(s);
	return 0;
}
