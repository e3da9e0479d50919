/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The line of an event that is written as the daemon writes nearly all of them: in one pass over
 * its text.
 */
#ifndef KP_OUTPUT_QUICK_H
#define KP_OUTPUT_QUICK_H

#include <stdbool.h>

#include "output-event.h"
#include "slice.h"
#include "text.h"

/*
 * Appends the line that format_hit() makes of the event whose text @json is. False, and nothing is
 * changed, if that is for format_hit() to find out: colours, chosen columns, columns that have to
 * grow, another second than the last one's, stacks, nested values, strings that are not plain
 * ASCII, and whatever is in another order than the daemon's.
 */
bool format_quickly(const struct event_format *f, struct slice json, struct text *t);

#endif
