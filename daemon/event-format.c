/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An event's format file, read by libtraceevent and reduced to what a decoder needs. See decode.h.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event-parse.h>

#include "decode.h"

static void tep_free_handle(struct tep_handle *tep)
{
	tep_free(tep);
}
DEFINE_CLEANUP(struct tep_handle *, tep_free_handle);

static int copy_fields(const struct tep_event *event, struct event_format *ret)
{
	size_t n = 0;

	for (const struct tep_format_field *f = event->format.fields; f; f = f->next)
		n++;
	ret->fields = calloc(n ? n : 1, sizeof(*ret->fields));
	if (!ret->fields)
		return -ENOMEM;
	for (const struct tep_format_field *f = event->format.fields; f; f = f->next) {
		struct format_field *out = &ret->fields[ret->n_fields++];

		snprintf(out->name, sizeof(out->name), "%s", f->name);
		out->offset = (unsigned int)f->offset;
		out->size = (unsigned int)f->size;
	}
	ret->id = (unsigned int)event->id;
	return 0;
}

int event_format_parse(const char *text, size_t len, struct event_format *ret)
{
	_cleanup_(tep_free_handlep) struct tep_handle *tep = tep_alloc();
	struct event_format format = {0};
	struct tep_event *event = NULL;
	int r;

	if (!tep)
		return -ENOMEM;
	/* Only the fields matter; a print format that the library cannot read is not an error here.
	 */
	tep_set_loglevel(TEP_LOG_NONE);
	if (tep_parse_format(tep, &event, text, len, "kprobed") == TEP_ERRNO__MEM_ALLOC_FAILED)
		return -ENOMEM;
	if (!event)
		return -EBADMSG;
	/* The event is the handle's and goes with it. */
	r = event->id > 0 && event->id <= UINT16_MAX ? copy_fields(event, &format) : -EBADMSG;
	if (r < 0)
		return r;
	*ret = format;
	return 0;
}

void event_format_done(struct event_format *format)
{
	free(format->fields);
	*format = (struct event_format){0};
}
