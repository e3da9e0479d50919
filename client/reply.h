/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A message of the daemon, taken apart: a reply or a typed error, and in a reply the parts that
 * streams are made of. Pure: text in, slices of it out.
 */
#ifndef KP_REPLY_H
#define KP_REPLY_H

#include <stdbool.h>

#include "slice.h"
#include "slice-list.h"

/* All slices borrow from the message; text is NULL for what is not there. */
struct reply {
	struct slice error;	 /* a string */
	struct slice parameters; /* an object */
	/* Members of the parameters, of whatever type. */
	struct slice events;
	struct slice gaps;
	struct slice cursor;
	bool continues;
};

/*
 * @message: without the NUL at its end
 * @events: where each of the events lies, if they are an array; NULL: nobody wants to know
 *
 * The whole text has been checked when this returns 0, but for what is within each of @events
 * (slice_iter_list(), which may change blanks). Returns -EBADMSG for what is not JSON, not an
 * object, or has an error or parameters of another type; -ENOMEM.
 */
int reply_parse(char *message, size_t length, struct slice_list *events, struct reply *ret);

#endif
