/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel's symbols, as /proc/kallsyms had them at one moment: functions and data, of the kernel
 * and of its modules, by address and by name.
 *
 * A snapshot is immutable once loaded, and counted: the worker that loads it and the main thread
 * that names addresses with it share it. A symbol is meant by its index, 0 to symbols_count() - 1,
 * in the order of addresses; of several at one address the one that kallsyms has first is first,
 * which is the one the kernel itself prints.
 *
 * The text of an address is remembered in a small direct-mapped cache, so that return addresses and
 * stacks cost one compare each in the long run; the cache alone is the main thread's.
 */
#ifndef KP_SYMBOLS_H
#define KP_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cleanup.h"

/* KSYM_NAME_LEN is 128 (6.0) or 512 (6.1 on); longer texts are cut. */
#define SYMBOL_TEXT_MAX 160

/* No symbol: what functions that return an index return when there is none. */
#define SYMBOL_NONE UINT32_MAX

struct symbols;

/* One symbol; the texts are borrowed from the snapshot. */
struct symbol {
	const char *name;
	const char *module; /* NULL: the kernel's own */
	uint64_t address;
	/*
	 * Bytes to the next symbol of the kernel or of the same module, as kallsyms counts (padding
	 * is part of it). 0: unknown, as for the last function of a module.
	 */
	uint64_t size;
	char type; /* as nm(1): t T d D b B r R w W a A ... */
};

/*
 * Reads @path (NULL: /proc/kallsyms) in one pass; *@ret has one reference, the caller's. -EPERM
 * when the kernel hides the addresses (kptr_restrict, or CAP_SYSLOG missing), -ENOMEM, -EFBIG for
 * more than can be counted, or the errno of reading.
 */
int symbols_load(const char *path, struct symbols **ret);
/* Another reference. Any thread. Returns @s. */
struct symbols *symbols_ref(struct symbols *s);
/* Gives one up; the last frees. Any thread. Returns NULL. */
struct symbols *symbols_free(struct symbols *s);
DEFINE_CLEANUP(struct symbols *, symbols_free);

/* How many there are, data included. */
uint32_t symbols_count(const struct symbols *s);
/* Bytes of memory a snapshot takes. */
size_t symbols_memory(const struct symbols *s);

/* A function, as the snapshot has it; borrowed from there. */
struct symbol_view {
	uint64_t address;
	const char *name;
	const char *module; /* NULL: the kernel's own */
};

/*
 * Calls @fn for each text symbol in the order of their addresses; stops when it returns nonzero and
 * returns that.
 */
int symbols_each(const struct symbols *s, int (*fn)(const struct symbol_view *symbol, void *data),
		 void *data);

void symbols_get(const struct symbols *s, uint32_t index, struct symbol *ret);
/* One thing of one, where that is all that is asked for. */
const char *symbols_name(const struct symbols *s, uint32_t index);
const char *symbols_module(const struct symbols *s, uint32_t index);
uint64_t symbols_address(const struct symbols *s, uint32_t index);
char symbols_type(const struct symbols *s, uint32_t index);

/* Whether code can be behind a symbol of that type. */
bool symbol_is_text(char type);

/*
 * The symbols called @name, one after the other: from *@cursor (SYMBOL_NONE to begin) to the next,
 * in the order of addresses, which becomes the cursor and is returned; SYMBOL_NONE at the end.
 * @module NULL: anywhere; "": the kernel's own only.
 */
uint32_t symbols_next_named(const struct symbols *s, const char *name, const char *module,
			    uint32_t *cursor);

/* The first symbol of that address exactly, the one that kallsyms itself prints, or SYMBOL_NONE. */
uint32_t symbols_at(const struct symbols *s, uint64_t address);
/* The first of the symbols nearest at or below @address, whatever their size, or SYMBOL_NONE. */
uint32_t symbols_below(const struct symbols *s, uint64_t address);

/* Whether a symbol called @a and one called @b are at one address. */
bool symbols_are_aliases(const struct symbols *s, const char *a, const char *b);

/* Whether the address is within a text symbol. */
bool symbols_is_code(const struct symbols *s, uint64_t address);

/* Whether a text symbol of that name exists, in @module or (NULL) anywhere. */
bool symbols_has(const struct symbols *s, const char *module, const char *name);

/* How many text symbols have that name; more than one cannot be probed by name from 6.6 on. */
unsigned int symbols_occurrences(const struct symbols *s, const char *name);

/* Whether the module has symbols, that is: is loaded. */
bool symbols_has_module(const struct symbols *s, const char *module);

/*
 * "vfs_read+0x1f" or "0xffff…" for an address outside of all symbols, not terminated, in @buf of
 * SYMBOL_TEXT_MAX bytes; returns the length. @s may be NULL. Names consist of printable ASCII
 * without quotes or backslashes, whatever the file said, so that they can go into JSON as they are.
 * Main thread.
 */
size_t symbols_format(struct symbols *s, uint64_t address, char *buf);

/* As symbols_format() but terminated and without the cache: any thread may call it. */
size_t symbols_locate(const struct symbols *s, uint64_t address, char *buf);

/*
 * Up to @max names of functions that resemble @name, best first, borrowed from @s. Returns how
 * many.
 */
size_t symbols_similar(const struct symbols *s, const char *name, const char **ret, size_t max);

/*
 * Adds functions that begin with @name and are no variants of anything to the @n names in @ret,
 * each once, up to @max, borrowed from @s. Returns how many there are then.
 */
size_t symbols_prefixed(const struct symbols *s, const char *name, const char **ret, size_t n,
			size_t max);

/*
 * What the compiler has made of the function @name: the text symbols called name.isra.0,
 * name.constprop.0, name.part.0, name.cold, name.llvm.123 and combinations of these. Up to @max
 * indexes, in the order of addresses; returns how many there are, which may be more. @module as in
 * symbols_next_named().
 */
size_t symbols_variants(const struct symbols *s, const char *name, const char *module,
			uint32_t *ret, size_t max);

#endif
