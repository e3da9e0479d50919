/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A compiled condition against a raw record: on the way of every event. Allocates nothing. */
#ifndef KP_FILTER_EVAL_H
#define KP_FILTER_EVAL_H

#include <stdbool.h>
#include <stddef.h>

#include "filter-compile.h"

/*
 * Whether the record, which @d decodes, meets @p, which was compiled for @d. Judges as
 * filter_match_text() judges the event made of it. Main thread only.
 */
bool filter_eval(const struct filter_program *p, const struct decoder *d, const void *record,
		 size_t len, const struct record_context *context);

#endif
