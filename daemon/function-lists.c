/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See function-lists.h. */
#include "function-lists.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

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

/* The call that ftrace patches is some bytes into the function. */
static void read_addresses(uint64_t *set, const struct symbols *s, const char *text)
{
	for (const char *p = text; *p; p += strcspn(p, "\n"), p += *p == '\n') {
		char *end;
		uint64_t address = strtoull(p, &end, 16);
		uint32_t i = end > p && *end == ' ' ? symbols_below(s, address) : SYMBOL_NONE;

		if (i != SYMBOL_NONE)
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
		struct symbol symbol;

		symbols_get(s, i, &symbol);
		if (!symbol_is_text(symbol.type))
			continue;
		if (symbol.address > last)
			return i;
		if (first == SYMBOL_NONE)
			first = i;
	}
	return first;
}

/* "name\n" or "name [mod]\n" */
static void read_functions(uint64_t *set, const struct symbols *s, const char *text)
{
	char module[64] = "", last_module[64] = "";
	uint64_t last = 0;
	size_t len;

	for (const char *p = text; *p; p += len, p += *p == '\n') {
		size_t name_len = strcspn(p, " \t\n");
		char name[512];
		uint32_t i;

		len = strcspn(p, "\n");
		if (name_len == 0 || name_len >= sizeof(name))
			continue;
		memcpy(name, p, name_len);
		name[name_len] = '\0';
		module[0] = '\0';
		if (name_len + 2 < len && p[name_len + 1] == '[') {
			size_t n = strcspn(p + name_len + 2, "]\n");

			if (n >= sizeof(module))
				continue;
			memcpy(module, p + name_len + 2, n);
			module[n] = '\0';
		}
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

/* Returns whether there was a line with an address: they are hidden together with those of
 * kallsyms. */
static bool read_blacklist(uint64_t *set, const struct symbols *s, const char *text)
{
	bool has_addresses = text[0] == '\0';

	for (const char *p = text; *p; p += strcspn(p, "\n"), p += *p == '\n') {
		char *end;
		uint64_t from = strtoull(p, &end, 16), to;
		uint32_t i;

		if (from == 0 || *end != '-')
			continue;
		to = strtoull(end + 1, &end, 16);
		i = symbols_below(s, from);
		has_addresses = true;
		for (i = i == SYMBOL_NONE ? 0 : i; i < symbols_count(s); i++) {
			uint64_t address = symbols_address(s, i);

			if (address >= to)
				break;
			if (address >= from)
				set_add(set, i);
		}
	}
	return has_addresses;
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
