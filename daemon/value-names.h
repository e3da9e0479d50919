/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The names of an enumeration's values, as a decoder needs them: found by value, without
 * allocation.
 *
 * A table does not change once it is made, and is counted, because those who make it (from the
 * kernel's type information) and those who decode with it are different threads and live for
 * different times.
 */
#ifndef KP_VALUE_NAMES_H
#define KP_VALUE_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cleanup.h"
#include "span.h"

/* Enumerations of the kernel have up to some 700 values and 60 characters (6.12). */
#define VALUE_NAMES_MAX	    4096
#define VALUE_NAME_TEXT_MAX 128

struct value_name {
	int64_t value; /* of an unsigned one of 64 bits: the same bits */
	const char *name;
};

struct value_names;

/*
 * Copies @rows into a table with one reference, the caller's. Of several names of one value the
 * first stays. -E2BIG over the limits above, -EINVAL for a name that is no C identifier, -ENOMEM.
 */
int value_names_new(const struct value_name *rows, size_t n, struct value_names **ret);

/* One more reference to @names, which may be NULL; returns it. Any thread. */
struct value_names *value_names_ref(struct value_names *names);
/* One less; the last one frees. Returns NULL. Any thread. */
struct value_names *value_names_unref(struct value_names *names);
DEFINE_CLEANUP(struct value_names *, value_names_unref);

/* The name of @value, borrowed from @names, and its length; NULL: it has none. */
const char *value_names_find(const struct value_names *names, int64_t value, size_t *ret_len);

/* The value that is called @name; looks at all of them. False: none, or @names is NULL. */
bool value_names_value(const struct value_names *names, struct span name, int64_t *ret);

#endif
