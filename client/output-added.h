/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What Add and Check say besides the probes: their notes, and what patterns left out. */
#ifndef KP_OUTPUT_ADDED_H
#define KP_OUTPUT_ADDED_H

#include "kprobectl.h"

/*
 * Prints the notes of the probes in @reply and what was left out to stderr; as JSON, which has the
 * notes in the probes, what was left out only: {"skipped":[...],"skippedCount":12}.
 */
void print_added(const struct ctl *ctl, json_object *reply);

#endif
