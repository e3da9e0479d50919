/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A condition against an event's JSON text: for what is in the log already, whoever recorded it.
 * filter-eval.h judges raw records, and both judge alike.
 */
#ifndef KP_FILTER_TEXT_H
#define KP_FILTER_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "filter-parse.h"

/* Whether the event @text meets @f. */
bool filter_match_text(const struct filter *f, const char *text, size_t len);

#endif
