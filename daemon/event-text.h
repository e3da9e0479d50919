/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading an event's JSON text as decode.c writes it: without blanks, its arguments one object
 * inside the other. No JSON parser, but nothing read from an adopted log can take it beyond the
 * text: what is not understood ends it.
 */
#ifndef KP_EVENT_TEXT_H
#define KP_EVENT_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "span.h"

/* Where one stands in an event. */
struct event_text {
	struct span rest;
	bool in_args; /* inside "args" */
	/* What event_text_next() found. */
	bool is_arg;
	struct span key;   /* without its quotes */
	struct span value; /* strings with theirs */
};

/* @text is the event from its "{" on; what follows the event does not matter. */
void event_text_begin(struct event_text *t, const char *text, size_t len);
/* The next member, of the event or of its arguments; "args" itself is none. False at the end. */
bool event_text_next(struct event_text *t);

/* How long the value is that @s begins with; 0: none. */
size_t event_text_value(struct span s);

/* The inside of a string, its escapes taken away; returns its length, cut off at @size. */
size_t event_text_unescape(struct span inside, char *buf, size_t size);

#endif
