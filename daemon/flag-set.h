/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sets of flags that have names in the kernel's user interface, for "flags(open)" in a definition.
 *
 * Only sets that are the same on every kernel are here: those of the interface to programs, and of
 * this machine's architecture. Constant, without state.
 */
#ifndef KP_FLAG_SET_H
#define KP_FLAG_SET_H

#include <stddef.h>
#include <stdint.h>

#include "span.h"

/* The longest text of any value of any set */
#define FLAG_TEXT_MAX 512

struct flag_set;

/* The set called @name; NULL: there is none. */
const struct flag_set *flag_set_find(struct span name);
/* "open" */
const char *flag_set_name(const struct flag_set *set);
/* The names of all sets with spaces between them. */
const char *flag_set_list(void);

/*
 * Writes "O_WRONLY|O_CREAT" at @p, what has no name in hexadecimal behind it, "0" when there is
 * nothing to write; not terminated, FLAG_TEXT_MAX bytes at most. Returns its end.
 */
char *flag_set_put(char *p, const struct flag_set *set, uint64_t value);

#endif
