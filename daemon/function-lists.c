/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See function-lists.h. */
#include "function-lists.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "strutil.h"
#include "tracefs.h"

struct function_lists {
	uint32_t n;
	uint64_t *traceable;   /* owned: a bit each; NULL: unknown */
	uint64_t *blacklisted; /* owned: a bit each; NULL: unknown */
	struct text_bounds bounds;
};

static uint64_t *new_set(uint32_t n)
{
	return calloc(n / 64 + 1, sizeof(uint64_t));
}

static void set_add(uint64_t *set, uint32_t i)
{
	set[i / 64] |= 1ULL << i % 64;
}

static enum list_answer set_has(const uint64_t *set, uint32_t i)
{
	if (!set)
		return LIST_UNKNOWN;
	return set[i / 64] >> i % 64 & 1 ? LIST_YES : LIST_NO;
}

/* All names of the function that is at the place of @i, the first one there. */
static void add_all_at(uint64_t *set, const struct symbols *s, uint32_t i)
{
	const uint64_t address = symbols_address(s, i);

	for (; i < symbols_count(s) && symbols_address(s, i) == address; i++)
		set_add(set, i);
}

/*
 * The texts are megabytes in one piece. Nothing of libc that takes a string goes over them:
 * strtoull() and its like may look for the string's end first, and do under the sanitizers, which
 * made seconds of CPU of each thousand lines.
 */
static const char *skip_line(const char *p)
{
	while (*p && *p != '\n')
		p++;
	return *p ? p + 1 : p;
}

/*
 * As symbols_below(), starting at @near: the files are nearly in the order of addresses, and the
 * one that is looked for is a few symbols on.
 */
static uint32_t below_from(const struct symbols *s, uint64_t address, uint32_t near)
{
	enum { STEPS_MAX = 64 };
	const uint32_t end = symbols_count(s) - near > STEPS_MAX ? near + STEPS_MAX : 0;

	if (symbols_address(s, near) > address)
		return symbols_below(s, address);
	for (uint32_t i = near; i < end; i++) {
		if (symbols_address(s, i) > address)
			return near;
		/* The first of those at one address. */
		if (symbols_address(s, i) != symbols_address(s, near))
			near = i;
	}
	return symbols_below(s, address);
}

/* "ffffffff81000010 name": the call that ftrace patches is some bytes into the function. */
static void read_addresses(uint64_t *set, const struct symbols *s, const char *text)
{
	uint32_t i = 0;

	for (const char *p = text; *p && symbols_count(s); p = skip_line(p)) {
		uint64_t address;
		const char *end = str_parse_hex(p, &address);
		uint32_t below = end && *end == ' ' ? below_from(s, address, i) : SYMBOL_NONE;

		if (below == SYMBOL_NONE)
			continue;
		i = below;
		add_all_at(set, s, i);
	}
}

/*
 * The function that a line of that name means. The file is in the order of addresses (ftrace sorts
 * the calls of the kernel and of each module), so that of several functions of one name it is the
 * first behind the one of the line before.
 */
static uint32_t find_function(const struct symbols *s, const char *name, const char *module,
			      uint64_t last)
{
	uint32_t cursor = SYMBOL_NONE, first = SYMBOL_NONE, i;

	while ((i = symbols_next_named(s, name, module, &cursor)) != SYMBOL_NONE) {
		if (!symbol_is_text(symbols_type(s, i)))
			continue;
		if (symbols_address(s, i) > last)
			return i;
		if (first == SYMBOL_NONE)
			first = i;
	}
	return first;
}

/* Copies what is before @stop, a blank or the line's end; where that is, or NULL: too long. */
static const char *copy_word(const char *p, char stop, char *buf, size_t size)
{
	size_t n = 0;

	while (*p && *p != stop && *p != ' ' && *p != '\t' && *p != '\n') {
		if (n + 1 >= size)
			return NULL;
		buf[n++] = *p++;
	}
	buf[n] = '\0';
	return p;
}

/* "name\n" or "name [mod]\n" */
static void read_functions(uint64_t *set, const struct symbols *s, const char *text)
{
	char name[512], module[64] = "", last_module[64] = "";
	uint64_t last = 0;

	for (const char *p = text; *p; p = skip_line(p)) {
		const char *end = copy_word(p, '\n', name, sizeof(name));
		uint32_t i;

		module[0] = '\0';
		if (end && end[0] == ' ' && end[1] == '[')
			end = copy_word(end + 2, ']', module, sizeof(module));
		if (!end || name[0] == '\0')
			continue;
		if (strcmp(module, last_module) != 0) {
			memcpy(last_module, module, sizeof(module));
			last = 0;
		}
		i = find_function(s, name, module, last);
		if (i == SYMBOL_NONE)
			continue;
		last = symbols_address(s, i);
		add_all_at(set, s, symbols_at(s, last));
	}
}

/* A line of the blacklist, "0xffffffff81a00000-0xffffffff81a00010\tname" */
struct blacklist_line {
	uint64_t from, to;
	const char *name; /* to the line's end; NULL: it has none */
};

/* Whether the line at @p is one. */
static bool parse_blacklist(const char *p, struct blacklist_line *ret)
{
	if (p[0] != '0' || p[1] != 'x')
		return false;
	p = str_parse_hex(p + 2, &ret->from);
	if (!p || p[0] != '-' || p[1] != '0' || p[2] != 'x')
		return false;
	p = str_parse_hex(p + 3, &ret->to);
	if (!p)
		return false;
	ret->name = *p == '\t' ? p + 1 : NULL;
	return true;
}

/*
 * Returns whether there was a line with an address: they are hidden together with those of
 * kallsyms.
 */
static bool read_blacklist(uint64_t *set, const struct symbols *s, const char *text)
{
	bool has_addresses = text[0] == '\0';
	struct blacklist_line line;

	for (const char *p = text; *p; p = skip_line(p)) {
		uint32_t i;

		if (!parse_blacklist(p, &line) || line.from == 0)
			continue;
		i = symbols_below(s, line.from);
		has_addresses = true;
		for (i = i == SYMBOL_NONE ? 0 : i; i < symbols_count(s); i++) {
			uint64_t address = symbols_address(s, i);

			if (address >= line.to)
				break;
			if (address >= line.from)
				set_add(set, i);
		}
	}
	return has_addresses;
}

bool function_lists_names_blacklisted(const char *text, const char *name)
{
	const size_t len = strlen(name);
	struct blacklist_line line;

	for (const char *p = text; *p; p = skip_line(p))
		if (parse_blacklist(p, &line) && line.name && strncmp(line.name, name, len) == 0 &&
		    (!line.name[len] || strchr("\n ", line.name[len])))
			return true;
	return false;
}

static uint64_t address_of(const struct symbols *s, const char *name)
{
	uint32_t cursor = SYMBOL_NONE, i = symbols_next_named(s, name, "", &cursor);

	return i == SYMBOL_NONE ? 0 : symbols_address(s, i);
}

static void find_bounds(const struct symbols *s, struct text_bounds *b)
{
	b->text[0] = address_of(s, "_stext");
	b->text[1] = address_of(s, "_etext");
	b->init[0] = address_of(s, "__init_begin");
	b->init[1] = address_of(s, "__init_end");
	b->init_text[0] = address_of(s, "_sinittext");
	b->init_text[1] = address_of(s, "_einittext");
}

int function_lists_new(const struct symbols *s, const struct function_lists_text *text,
		       struct function_lists **ret)
{
	_cleanup_(function_lists_freep) struct function_lists *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	l->n = symbols_count(s);
	find_bounds(s, &l->bounds);
	if (text->functions || text->addresses) {
		l->traceable = new_set(l->n);
		if (!l->traceable)
			return -ENOMEM;
		if (text->addresses)
			read_addresses(l->traceable, s, text->addresses);
		else
			read_functions(l->traceable, s, text->functions);
	}
	if (text->blacklist) {
		l->blacklisted = new_set(l->n);
		if (!l->blacklisted)
			return -ENOMEM;
		if (!read_blacklist(l->blacklisted, s, text->blacklist)) {
			free(l->blacklisted);
			l->blacklisted = NULL;
		}
	}
	*ret = take_ptr(l);
	return 0;
}

int function_lists_load(const struct symbols *s, struct function_lists **ret)
{
	_cleanup_free_ char *functions = NULL, *addresses = NULL, *blacklist = NULL;
	struct function_lists_text text = {0};

	if (tracefs_dir()) {
		if (tracefs_read("available_filter_functions_addrs", &addresses, NULL) == 0)
			text.addresses = addresses;
		else if (tracefs_read("available_filter_functions", &functions, NULL) == 0)
			text.functions = functions;
	}
	if (tracefs_read_blacklist(&blacklist) == 0)
		text.blacklist = blacklist;
	return function_lists_new(s, &text, ret);
}

struct function_lists *function_lists_free(struct function_lists *l)
{
	free(l->traceable);
	free(l->blacklisted);
	free(l);
	return NULL;
}

enum list_answer function_lists_traceable(const struct function_lists *l, uint32_t index)
{
	return set_has(l->traceable, index);
}

enum list_answer function_lists_blacklisted(const struct function_lists *l, uint32_t index)
{
	return set_has(l->blacklisted, index);
}

const struct text_bounds *function_lists_bounds(const struct function_lists *l)
{
	return &l->bounds;
}
