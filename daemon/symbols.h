/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel's symbols, as /proc/kallsyms had them at one moment: addresses to names.
 *
 * A snapshot is immutable once loaded, so that the worker can load the next one while the main
 * thread reads this one. The text of an address is remembered in a small direct-mapped cache, so
 * that return addresses and stacks cost one compare each in the long run; the cache is the main
 * thread's.
 */
#ifndef KP_SYMBOLS_H
#define KP_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cleanup.h"

/* KSYM_NAME_LEN is 128 (6.0) or 512 (6.1 on); longer texts are cut. */
#define SYMBOL_TEXT_MAX 160

struct symbols;

/*
 * Reads @path (NULL: /proc/kallsyms). -EPERM when the kernel hides the addresses (kptr_restrict, or
 * CAP_SYSLOG missing), -ENOMEM, or the errno of reading.
 */
int symbols_load(const char *path, struct symbols **ret);
/* Snapshots are counted: each thread that uses one has a reference of its own. */
struct symbols *symbols_ref(struct symbols *s);
/* Gives up a reference, the last one frees. */
struct symbols *symbols_free(struct symbols *s);
DEFINE_CLEANUP(struct symbols *, symbols_free);

size_t symbols_count(const struct symbols *s);

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

/* Whether a text symbol of that name exists, in @module or (NULL) anywhere. */
bool symbols_has(const struct symbols *s, const char *module, const char *name);

/* How many text symbols have that name; more than one cannot be probed by name from 6.6 on. */
unsigned int symbols_occurrences(const struct symbols *s, const char *name);

/*
 * "vfs_read+0x1f" or "0xffff…" for an address outside of all symbols, not terminated, in @buf of
 * SYMBOL_TEXT_MAX bytes; returns the length. @s may be NULL. Names consist of printable ASCII
 * without quotes or backslashes, whatever the file said, so that they can go into JSON as they are.
 */
size_t symbols_format(struct symbols *s, uint64_t address, char *buf);

/* As symbols_format() but terminated and without the cache: any thread may call it. */
size_t symbols_locate(const struct symbols *s, uint64_t address, char *buf);

/*
 * Up to @max names that resemble @name, best first, borrowed from @s. Returns how many.
 */
size_t symbols_similar(const struct symbols *s, const char *name, const char **ret, size_t max);

#endif
