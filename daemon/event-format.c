/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An event's format file, reduced to what a decoder needs. See decode.h.
 *
 * Read here and not by libtraceevent, which drops a field whose type it does not know, such as the
 * "__data_loc char[][3]" of an array of strings. The lines are written by
 * kernel/trace/trace_events.c, f_show(): "\tfield:TYPE
 * NAME[COUNT];\toffset:N;\tsize:N;\tsigned:N;".
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decode.h"

#define FIELD_PREFIX "\tfield:"

/* The name is the last word of the declaration, without what an array has behind it. */
static bool parse_name(const char *declaration, size_t len, struct format_field *ret)
{
	const char *end = declaration + len, *begin;

	if (len && end[-1] == ']')
		while (end > declaration && *end != '[')
			end--;
	begin = end;
	while (begin > declaration && begin[-1] != ' ')
		begin--;
	if (begin == end || (size_t)(end - begin) >= sizeof(ret->name))
		return false;
	snprintf(ret->name, sizeof(ret->name), "%.*s", (int)(end - begin), begin);
	return true;
}

static bool parse_field(const char *line, struct format_field *ret)
{
	size_t len = strcspn(line, ";\n");

	return line[len] == ';' && parse_name(line, len, ret) &&
	       sscanf(line + len, ";\toffset:%u;\tsize:%u;", &ret->offset, &ret->size) == 2;
}

static int add_field(struct event_format *format, const struct format_field *field)
{
	/* An event has its common fields, its arguments, and a few of ours: one block holds them.
	 */
	const size_t max = PROBE_ARGS_MAX + 16;

	if (!format->fields)
		format->fields = calloc(max, sizeof(*format->fields));
	if (!format->fields)
		return -ENOMEM;
	if (format->n_fields == max)
		return -EBADMSG;
	format->fields[format->n_fields++] = *field;
	return 0;
}

int event_format_parse(const char *text, struct event_format *ret)
{
	struct event_format format = {0};
	const char *id = strstr(text, "ID: ");
	int r = 0;

	if (!id || sscanf(id, "ID: %u", &format.id) != 1 || format.id == 0 ||
	    format.id > UINT16_MAX)
		return -EBADMSG;
	for (const char *p = text; r == 0 && (p = strstr(p, FIELD_PREFIX));) {
		struct format_field field;

		p += strlen(FIELD_PREFIX);
		r = parse_field(p, &field) ? add_field(&format, &field) : -EBADMSG;
	}
	if (r == 0 && format.n_fields == 0)
		r = -EBADMSG;
	if (r < 0) {
		event_format_done(&format);
		return r;
	}
	*ret = format;
	return 0;
}

void event_format_done(struct event_format *format)
{
	free(format->fields);
	*format = (struct event_format){0};
}
