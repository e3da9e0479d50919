/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Histograms for people: of each key a line that sums it up, and a line with a bar for each bucket
 * from the first that has anything to the last.
 */
#ifndef KP_OUTPUT_HIST_H
#define KP_OUTPUT_HIST_H

#include <json-c/json_types.h>
#include <stdbool.h>
#include <stddef.h>

#include "text.h"

struct hist_format {
	size_t width;	  /* of the terminal; 0: none */
	size_t max_lines; /* 0: no limit; what is beyond them is told */
	bool color;
};

/* Appends what Probes.Histogram has answered. Returns how many lines that are. */
size_t format_histogram(const struct hist_format *f, json_object *reply, struct text *t);

/* "4.1us"; "1.5s" */
void format_duration(double nsec, char *buf, size_t size);

/* From "500us", "1ms", "1.5s" to nanoseconds; 0: it is no duration. */
unsigned long long parse_duration(const char *text);

#endif
