/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The members of an event that a subscriber wants, and events cut down to them. Pure. */
#ifndef KP_FIELDS_H
#define KP_FIELDS_H

#include <stdbool.h>
#include <stddef.h>

#include "cleanup.h"
#include "error.h"

#define FIELDS_MAX 160

struct fields;

/*
 * @names: "ts" is the event's member or an argument of that name, "args.ts" the argument, "args"
 * all of them. 0, -EINVAL (KP_INVALID_FILTER, tooManyFields or badField), or -ENOMEM.
 */
int fields_new(const char *const *names, size_t n, struct fields **ret, struct kp_error *reterr);
struct fields *fields_free(struct fields *f);
DEFINE_CLEANUP(struct fields *, fields_free);

/* The @i-th name, NULL at the end; *@ret_is_arg: it can only be an argument's. */
const char *fields_name(const struct fields *f, size_t i, bool *ret_is_arg);
/* Whether every event may have a member called @name. */
bool fields_is_common(const char *name);

/*
 * Writes the event @text with the members wanted, in its own order; returns the length, which is
 * never more than @len (of the event alone, without a comma).
 */
size_t fields_write(const struct fields *f, const char *text, size_t len, char *out);

#endif
