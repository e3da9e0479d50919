/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of symbols.c, for the file that loads it and for the one that looks for similar names.
 */
#ifndef KP_SYMBOLS_INTERNAL_H
#define KP_SYMBOLS_INTERNAL_H

#include <string.h>

#include "symbols.h"

/* 16 bytes for each of 200,000 and more: sizes are worked out from the next one. */
struct packed_symbol {
	uint64_t address;
	uint32_t name;	 /* offset in names */
	uint16_t module; /* index in modules; 0: the kernel's own */
	char type;
};

struct cached_text {
	uint64_t address;
	size_t len;
	char text[SYMBOL_TEXT_MAX];
};

struct symbols {
	unsigned int refs; /* atomic */
	/* owned, sorted by address, at one address as the file had them */
	struct packed_symbol *items;
	uint32_t n_items;
	uint32_t *modules; /* owned: offsets in names; [0] is "" */
	uint32_t n_modules;
	char *names; /* owned; offset 0 is "" */
	size_t names_len;
	/*
	 * The index by name: a chain for each hash, of indexes in ascending order, SYMBOL_NONE at
	 * its end.
	 */
	uint32_t *heads; /* owned: 1 << hash_bits */
	uint32_t *nexts; /* owned: n_items */
	unsigned int hash_bits;
	/*
	 * Text symbols with a dot in the name, which may be variants of another function: a chain
	 * for each hash of what is before the dot, of places in @dotted, ascending.
	 */
	uint32_t *dotted; /* owned: indexes, ascending */
	uint32_t n_dotted;
	uint32_t *dotted_nexts;	   /* owned: n_dotted */
	uint32_t *dotted_heads;	   /* owned: 1 << SYMBOL_DOTTED_BITS */
	struct cached_text *cache; /* owned, SYMBOL_CACHE_SLOTS */
};

#define SYMBOL_DOTTED_BITS 12

#define SYMBOL_CACHE_BITS  10
#define SYMBOL_CACHE_SLOTS (1 << SYMBOL_CACHE_BITS)

/* Eight characters at a time: names are long, and there are many. */
static inline uint32_t symbol_hash(const char *name, size_t n, unsigned int bits)
{
	const uint64_t factor = 0x9e3779b97f4a7c15ULL;
	uint64_t h = n, word;

	for (; n >= sizeof(word); n -= sizeof(word), name += sizeof(word)) {
		memcpy(&word, name, sizeof(word));
		h = (h ^ word) * factor;
		h ^= h >> 32;
	}
	word = 0;
	memcpy(&word, name, n);
	h = (h ^ word) * factor;
	return (uint32_t)((h ^ h >> 32) * factor >> (64 - bits));
}

#endif
