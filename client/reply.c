/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A message of the daemon, taken apart.
 *
 * The members of "parameters" are noted while it is walked over, and where each event of a batch
 * lies, so that nothing is gone over twice.
 */
#include "reply.h"

#include <errno.h>

/* @it stands before the value of "events". What is no array, the stream's reader refuses. */
static int parse_events(struct slice_iter *it, struct slice_list *events, struct reply *reply)
{
	if (events)
		return slice_iter_list(it, events, &reply->events);
	return slice_iter_element(it, &reply->events) > 0 ? 0 : -EBADMSG;
}

/* @it stands before the value of "parameters". */
static int parse_parameters(struct slice_iter *it, struct slice_list *events, struct reply *reply)
{
	struct slice key, value;
	struct slice_iter inner;
	const char *start;
	int r;

	r = slice_iter_enter(it, &inner);
	if (r < 0)
		return r;
	start = inner.open;
	while ((r = slice_iter_key(&inner, &key)) > 0) {
		if (slice_is(key, "events")) {
			r = parse_events(&inner, events, reply);
			if (r < 0)
				return r;
			continue;
		}
		r = slice_iter_element(&inner, &value);
		if (r < 0)
			return r;
		if (slice_is(key, "gaps"))
			reply->gaps = value;
		else if (slice_is(key, "cursor"))
			reply->cursor = value;
	}
	if (r < 0)
		return r;
	r = slice_iter_leave(it, &inner);
	if (r < 0)
		return r;
	reply->parameters = (struct slice){start, (size_t)(inner.stop - start)};
	if (*start != '{')
		return -EBADMSG;
	return 0;
}

int reply_parse(char *message, size_t length, struct slice_list *events, struct reply *ret)
{
	struct reply reply = {0};
	struct slice key, value;
	struct slice_iter it;
	int r;

	r = slice_iter_text(&it, message, length);
	if (r < 0)
		return r;
	while ((r = slice_iter_key(&it, &key)) > 0) {
		if (slice_is(key, "parameters")) {
			r = parse_parameters(&it, events, &reply);
			if (r < 0)
				return r;
			continue;
		}
		r = slice_iter_element(&it, &value);
		if (r < 0)
			return r;
		if (slice_is(key, "error"))
			reply.error = value;
		else if (slice_is(key, "continues"))
			reply.continues = value.text[0] == 't';
	}
	if (r < 0)
		return r;
	if (!slice_iter_was_all(&it))
		return -EBADMSG;
	if (reply.error.text && slice_type_of(reply.error) != SLICE_STRING)
		return -EBADMSG;
	*ret = reply;
	return 0;
}
