/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From the text that an argument's number is shown as back to the number: for comparing where there
 * are only numbers. Pure.
 */
#ifndef KP_SHOWN_NUMBER_H
#define KP_SHOWN_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

#include "probe-spec.h"
#include "span.h"

/* Whether events have @arg, a number where it was fetched, as a string. */
bool shown_is_text(const struct probe_arg *arg);
/* Whether it may be compared with a number nevertheless. */
bool shown_has_number(const struct probe_arg *arg);

/*
 * The number for which @arg is shown as @text, as 64 bits with its sign. 0, -EINVAL (it is never
 * shown so), or -EOPNOTSUPP (a text is not of one number, or not known here).
 */
int shown_to_number(const struct probe_arg *arg, struct span text, uint64_t *ret);

#endif
