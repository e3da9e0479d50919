/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Events and gaps as lines: for people, or as JSON.
 */
#ifndef KP_OUTPUT_EVENT_H
#define KP_OUTPUT_EVENT_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include <kprobed.h>

#include "slice.h"
#include "text.h"

struct event_format {
	bool json;
	bool safe; /* JSON goes to a terminal */
	bool color;
	bool relative;		 /* times count from the first event */
	int64_t realtime_offset; /* nanoseconds from CLOCK_MONOTONIC to CLOCK_REALTIME */
	uint64_t first_nsec;	 /* set by the first event */
	bool has_first;
	/* The last second that was shown, and how: most events are of the same as the one before.
	 */
	time_t clock_seconds;
	char clock[16];
	/* What of an event is not shown; "tid" alone is shown as a number. */
	bool no_time, no_cpu, no_comm, no_tid, no_probe;
	bool has_pid; /* the process was asked for */
	/* Columns so far; they only grow, so that lines stay under each other. */
	size_t comm_width;
	size_t probe_width;
};

#define EVENT_FORMAT_INIT ((struct event_format){.comm_width = 20, .probe_width = 5})

/* Shows only the columns that @fields, a list with commas, has. */
void format_choose(struct event_format *f, const char *fields);

/* The titles over the columns. */
void format_titles(const struct event_format *f, struct text *t);

/* What stands behind the arguments of an event. */
struct hit_end {
	struct slice ret;    /* borrowed; text NULL: it has none */
	const char *error;   /* the name of the error that it is; NULL: it is none */
	struct slice caller; /* borrowed, decoded; text NULL: it has none */
	bool is_call;	     /* and then: */
	uint64_t duration_nsec;
};

/* The name of the error that @ret is, static; NULL: it is none. */
const char *format_error_name(int64_t ret);

/* Appends it, and ends the line. */
void format_end(const struct event_format *f, const struct hit_end *end, struct text *t);

/* Appends the lines of an event that is no gap, for people; what format_event() does. */
void format_hit(struct event_format *f, struct kprobed_event *event, struct text *t);

/* Appends the lines of an event or a gap. */
void format_event(struct event_format *f, struct kprobed_event *event, struct text *t);

#endif
