/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names that resemble one, and what compilers make of one: see symbols.h. */
#include <ctype.h>
#include <string.h>

#include "strutil.h"
#include "symbols-internal.h"

/*
 * Levenshtein distance, given up (returns @limit + 1) when it exceeds @limit. What lies further
 * than that from the diagonal is over it anyway, and not looked at.
 */
static unsigned int distance(const char *a, size_t la, const char *b, size_t lb, unsigned int limit)
{
	unsigned int row[65];

	if (la > 64 || lb > 64 || (la > lb ? la - lb : lb - la) > limit)
		return limit + 1;
	for (size_t j = 0; j <= lb; j++)
		row[j] = j <= limit ? (unsigned int)j : limit + 1;
	for (size_t i = 1; i <= la; i++) {
		const size_t from = i > limit ? i - limit : 1;
		const size_t to = i + limit < lb ? i + limit : lb;
		unsigned int diagonal = row[from - 1], best = limit + 1;

		row[from - 1] = from == 1 && i <= limit ? (unsigned int)i : limit + 1;
		for (size_t j = from; j <= to; j++) {
			unsigned int above = row[j];
			unsigned int v = diagonal + (a[i - 1] != b[j - 1]);

			v = above + 1 < v ? above + 1 : v;
			v = row[j - 1] + 1 < v ? row[j - 1] + 1 : v;
			diagonal = above;
			row[j] = v;
			best = v < best ? v : best;
		}
		/* The column before the band may still be within the limit. */
		best = row[from - 1] < best ? row[from - 1] : best;
		if (best > limit)
			return limit + 1;
	}
	return row[lb] <= limit ? row[lb] : limit + 1;
}

/* Lower is more alike; 100 and more is not alike at all. */
static unsigned int unlikeness(const char *wanted, size_t lw, const char *name)
{
	size_t ln = strlen(name);
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

/* What is before functions where the kernel pads them: nobody means that. */
static bool is_padding(const char *name)
{
	return str_starts_with(name, "__pfx_");
}

size_t symbols_similar(const struct symbols *s, const char *name, const char **ret, size_t max)
{
	const size_t len = strlen(name);
	unsigned int score[16];
	size_t n = 0;

	max = max > ARRAY_SIZE(score) ? ARRAY_SIZE(score) : max;
	for (uint32_t i = 0; i < s->n_items; i++) {
		const char *candidate = symbols_name(s, i);
		bool is_known = false;
		unsigned int u;
		size_t at;

		if (!symbol_is_text(s->items[i].type) || is_padding(candidate))
			continue;
		u = unlikeness(name, len, candidate);
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

/* ".isra.0.cold": GCC's and Clang's suffixes, each with a number or without. */
static bool is_suffix(const char *p)
{
	static const char *const words[] = {".isra", ".constprop", ".part",	 ".cold",
					    ".llvm", ".lto_priv",  ".localalias"};

	while (*p) {
		size_t n = 0;

		for (size_t i = 0; i < ARRAY_SIZE(words) && n == 0; i++)
			if (strncmp(p, words[i], strlen(words[i])) == 0)
				n = strlen(words[i]);
		if (n == 0)
			return false;
		p += n;
		if (*p == '.' && isdigit((unsigned char)p[1]))
			for (p++; isdigit((unsigned char)*p); p++)
				;
		if (*p && *p != '.')
			return false;
	}
	return true;
}

size_t symbols_variants(const struct symbols *s, const char *name, const char *module,
			uint32_t *ret, size_t max)
{
	size_t len = strlen(name), n = 0;
	uint32_t k = s->dotted_heads[symbol_hash(name, strcspn(name, "."), SYMBOL_DOTTED_BITS)];

	for (; k != SYMBOL_NONE; k = s->dotted_nexts[k]) {
		const uint32_t i = s->dotted[k];
		const char *candidate = symbols_name(s, i);

		if (strncmp(candidate, name, len) != 0 || candidate[len] != '.' ||
		    !is_suffix(candidate + len))
			continue;
		if (module && strcmp(s->names + s->modules[s->items[i].module], module) != 0)
			continue;
		if (n < max)
			ret[n] = i;
		n++;
	}
	return n;
}

size_t symbols_prefixed(const struct symbols *s, const char *name, const char **ret, size_t n,
			size_t max)
{
	size_t len = strlen(name);

	for (uint32_t i = 0; i < s->n_items && n < max; i++) {
		const char *candidate = symbols_name(s, i);
		bool is_known = false;

		if (strncmp(candidate, name, len) != 0 || candidate[len] == '\0' ||
		    strchr(candidate + len, '.') || !symbol_is_text(s->items[i].type))
			continue;
		for (size_t k = 0; k < n; k++)
			is_known |= strcmp(ret[k], candidate) == 0;
		if (!is_known)
			ret[n++] = candidate;
	}
	return n;
}
