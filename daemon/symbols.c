/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See symbols.h. Here: what is asked of a table. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json-text.h"
#include "symbols-internal.h"

#define TEXT_PIECE 32
_Static_assert(SYMBOL_TEXT_MAX % TEXT_PIECE == 0, "the last piece is whole");

/* Past a symbol whose size is not known, or a gap this large, it is some other memory. */
#define REACH_UNKNOWN (64u << 10)
#define REACH_MAX     (16u << 20)

struct symbols *symbols_ref(struct symbols *s)
{
	__atomic_add_fetch(&s->refs, 1, __ATOMIC_RELAXED);
	return s;
}

struct symbols *symbols_free(struct symbols *s)
{
	if (__atomic_sub_fetch(&s->refs, 1, __ATOMIC_ACQ_REL))
		return NULL;
	free(s->items);
	free(s->modules);
	free(s->names);
	free(s->heads);
	free(s->nexts);
	free(s->dotted);
	free(s->dotted_nexts);
	free(s->dotted_heads);
	free(s->cache);
	free(s);
	return NULL;
}

uint32_t symbols_count(const struct symbols *s)
{
	return s->n_items;
}

size_t symbols_memory(const struct symbols *s)
{
	return sizeof(*s) + s->n_items * (sizeof(*s->items) + sizeof(*s->nexts)) +
	       s->n_modules * sizeof(*s->modules) +
	       s->n_dotted * (sizeof(*s->dotted) + sizeof(*s->dotted_nexts)) +
	       (sizeof(*s->dotted_heads) << SYMBOL_DOTTED_BITS) + s->names_len +
	       (sizeof(*s->heads) << s->hash_bits) + SYMBOL_CACHE_SLOTS * sizeof(*s->cache);
}

bool symbol_is_text(char type)
{
	return type == 't' || type == 'T' || type == 'w' || type == 'W';
}

/*
 * The kernel counts to the next symbol as well (kernel/kallsyms.c: get_symbol_pos(), and
 * find_kallsyms_symbol() within a module). Where a module's text ends nothing tells.
 */
static uint64_t size_of(const struct symbols *s, uint32_t index)
{
	const struct packed_symbol *item = &s->items[index];
	uint32_t i = index + 1;

	while (i < s->n_items && s->items[i].address == item->address)
		i++;
	if (i == s->n_items || s->items[i].module != item->module)
		return 0;
	if (item->module && symbol_is_text(item->type) && !symbol_is_text(s->items[i].type))
		return 0;
	return s->items[i].address - item->address;
}

void symbols_get(const struct symbols *s, uint32_t index, struct symbol *ret)
{
	const struct packed_symbol *item = &s->items[index];

	ret->name = s->names + item->name;
	ret->module = item->module ? s->names + s->modules[item->module] : NULL;
	ret->address = item->address;
	ret->size = size_of(s, index);
	ret->type = item->type;
}

int symbols_each(const struct symbols *s, int (*fn)(const struct symbol_view *symbol, void *data),
		 void *data)
{
	int r = 0;

	for (uint32_t i = 0; i < s->n_items && r == 0; i++) {
		const struct packed_symbol *item = &s->items[i];
		struct symbol_view view = {
			.address = item->address,
			.name = s->names + item->name,
			.module = item->module ? s->names + s->modules[item->module] : NULL,
		};

		if (symbol_is_text(item->type))
			r = fn(&view, data);
	}
	return r;
}

const char *symbols_name(const struct symbols *s, uint32_t index)
{
	return s->names + s->items[index].name;
}

const char *symbols_module(const struct symbols *s, uint32_t index)
{
	uint16_t module = s->items[index].module;

	return module ? s->names + s->modules[module] : NULL;
}

char symbols_type(const struct symbols *s, uint32_t index)
{
	return s->items[index].type;
}

uint64_t symbols_address(const struct symbols *s, uint32_t index)
{
	return s->items[index].address;
}

static bool is_in_module(const struct symbols *s, uint32_t index, const char *module)
{
	return !module || strcmp(s->names + s->modules[s->items[index].module], module) == 0;
}

uint32_t symbols_next_named(const struct symbols *s, const char *name, const char *module,
			    uint32_t *cursor)
{
	uint32_t i = *cursor == SYMBOL_NONE
			     ? s->heads[symbol_hash(name, strlen(name), s->hash_bits)]
			     : s->nexts[*cursor];

	while (i != SYMBOL_NONE &&
	       (strcmp(symbols_name(s, i), name) != 0 || !is_in_module(s, i, module)))
		i = s->nexts[i];
	*cursor = i;
	return i;
}

/* How many begin at or below @address: the index of the first above. */
static uint32_t count_to(const struct symbols *s, uint64_t address)
{
	uint32_t low = 0, high = s->n_items;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (s->items[mid].address <= address)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

uint32_t symbols_below(const struct symbols *s, uint64_t address)
{
	uint32_t i = count_to(s, address);

	if (i == 0)
		return SYMBOL_NONE;
	for (i--; i > 0 && s->items[i - 1].address == s->items[i].address; i--)
		;
	return i;
}

uint32_t symbols_at(const struct symbols *s, uint64_t address)
{
	uint32_t i = symbols_below(s, address);

	return i != SYMBOL_NONE && s->items[i].address == address ? i : SYMBOL_NONE;
}

bool symbols_are_aliases(const struct symbols *s, const char *a, const char *b)
{
	uint32_t cursor = SYMBOL_NONE, i;

	while ((i = symbols_next_named(s, a, NULL, &cursor)) != SYMBOL_NONE) {
		const uint64_t address = s->items[i].address;

		for (i = symbols_at(s, address); i < s->n_items && s->items[i].address == address;
		     i++)
			if (strcmp(symbols_name(s, i), b) == 0)
				return true;
	}
	return false;
}

bool symbols_has(const struct symbols *s, const char *module, const char *name)
{
	uint32_t cursor = SYMBOL_NONE, i;

	while ((i = symbols_next_named(s, name, module, &cursor)) != SYMBOL_NONE)
		if (symbol_is_text(s->items[i].type))
			return true;
	return false;
}

unsigned int symbols_occurrences(const struct symbols *s, const char *name)
{
	uint32_t cursor = SYMBOL_NONE, i;
	unsigned int n = 0;

	while ((i = symbols_next_named(s, name, NULL, &cursor)) != SYMBOL_NONE)
		n += symbol_is_text(s->items[i].type);
	return n;
}

bool symbols_has_module(const struct symbols *s, const char *module)
{
	for (uint32_t i = 1; i < s->n_modules; i++)
		if (strcmp(s->names + s->modules[i], module) == 0)
			return true;
	return false;
}

static size_t format_hex(char *p, uint64_t v)
{
	return (size_t)snprintf(p, SYMBOL_TEXT_MAX, "0x%llx", (unsigned long long)v);
}

/* The symbol that @address is in, with the offset, or SYMBOL_NONE. */
static uint32_t find_symbol(const struct symbols *s, uint64_t address, uint64_t *ret_offset)
{
	uint32_t index = symbols_below(s, address);
	uint64_t reach;

	/* Kernel addresses are in the upper half; per-CPU offsets have symbols below. */
	if (index == SYMBOL_NONE || !(address >> 63))
		return SYMBOL_NONE;
	*ret_offset = address - s->items[index].address;
	reach = size_of(s, index);
	if (reach == 0)
		reach = REACH_UNKNOWN;
	return *ret_offset < reach && *ret_offset <= REACH_MAX ? index : SYMBOL_NONE;
}

bool symbols_is_code(const struct symbols *s, uint64_t address)
{
	uint64_t offset;
	uint32_t index = find_symbol(s, address, &offset);

	return index != SYMBOL_NONE && symbol_is_text(s->items[index].type);
}

size_t symbols_locate(const struct symbols *s, uint64_t address, char *buf)
{
	uint64_t offset;
	uint32_t index = find_symbol(s, address, &offset);
	int n;

	if (index == SYMBOL_NONE)
		return format_hex(buf, address);
	n = snprintf(buf, SYMBOL_TEXT_MAX, "%s+0x%llx", symbols_name(s, index),
		     (unsigned long long)offset);
	return n < SYMBOL_TEXT_MAX ? (size_t)n : SYMBOL_TEXT_MAX - 1;
}

size_t symbols_format(struct symbols *s, uint64_t address, char *buf)
{
	struct cached_text *c;

	if (!s)
		return format_hex(buf, address);
	c = &s->cache[(address * 0x9e3779b97f4a7c15ULL) >> (64 - SYMBOL_CACHE_BITS)];
	if (c->address != address || c->len == 0) {
		c->len = symbols_locate(s, address, c->text);
		c->address = address;
	}
	/* Few names need more than one piece; the compiler copies such without a call. */
	for (size_t i = 0; i < c->len; i += TEXT_PIECE)
		memcpy(buf + i, c->text + i, TEXT_PIECE);
	return c->len;
}
