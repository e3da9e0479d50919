/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A batch of events as a hostile daemon may send it: taken apart, split, and every event asked for
 * everything, as libkprobed and kprobectl do. What is checked as a whole must be JSON to json-c as
 * well, and its events must be where walking over it value by value finds them. A line that is made
 * in one pass is the one that is made of the event's parts.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "libkprobed-internal.h"
#include "output-event.h"
#include "output-quick.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void ask(struct kprobed_event *event, struct text *line)
{
	struct event_format format = EVENT_FORMAT_INIT;
	const char *name, *value, *json;
	size_t position = 0, length;
	uint64_t unsigned_number;
	int64_t number;

	json = kprobed_event_get_json(event, &length);
	check(strlen(json) == length);
	while (kprobed_event_next_arg(event, &position, &name, &value, &length) > 0) {
		/* A name may stand twice or hold what strings in C cannot; then it is not found. */
		kprobed_event_get_int(event, name, &number);
		kprobed_event_get_uint(event, name, &unsigned_number);
		kprobed_event_get_string(event, name, &value);
	}
	format_event(&format, event, line);
	format.json = format.safe = true;
	format_event(&format, event, line);
	/* Nothing but line breaks is left that a terminal would act on. */
	for (size_t i = 0; i < line->length; i++)
		check(line->data[i] == '\n' ||
		      ((unsigned char)line->data[i] >= 0x20 && line->data[i] != 0x7f));
	text_clear(line);
}

static void compare_lines(struct kprobed_event *event, struct text *line)
{
	struct event_format format = EVENT_FORMAT_INIT;
	struct text quick = {0};

	if (kprobed_event_get_type(event) != KPROBED_EVENT)
		return;
	/* The first line shows the second that the quick one needs to know, and widens columns. */
	format_hit(&format, event, line);
	text_clear(line);
	if (format_quickly(&format, event->json, &quick)) {
		format_hit(&format, event, line);
		check(quick.length == line->length &&
		      memcmp(quick.data, line->data, quick.length) == 0);
	}
	text_done(&quick);
	text_clear(line);
}

/* An event, taken out of the batch as libkprobed does it. */
static void take(char *message, struct kprobed_event *event, struct text *line)
{
	message[event->json.text - message + (ptrdiff_t)event->json.length] = '\0';
	ask(event, line);
	compare_lines(event, line);
}

static void split(char *message, const struct reply *reply, struct slice_list *events)
{
	struct kprobed_event event = {0};
	struct text line = {0};
	struct slice json;
	struct slice_iter it;
	int r = 0;

	if (slice_type_of(reply->gaps) == SLICE_ARRAY) {
		slice_iter_init(&it, reply->gaps);
		while ((r = gap_take(&event, &it)) > 0)
			take(message, &event, &line);
		/* The only thing left to be wrong with it is that it is no object. */
		check(r == 0 || r == -EBADMSG);
	}
	while (slice_type_of(reply->events) == SLICE_ARRAY && slice_list_next(events, &json))
		if (event_take(&event, json) == 0)
			take(message, &event, &line);
	free(event.decoded);
	text_done(&line);
}

/* Each value of the array where the list has it. */
static void check_places(struct slice array, const struct slice_list *list)
{
	struct slice_iter it;
	struct slice value;
	size_t n = 0;

	if (slice_type_of(array) != SLICE_ARRAY)
		return;
	slice_iter_init(&it, array);
	for (; slice_iter_element(&it, &value) > 0; n++) {
		check(n < list->n && list->base == array.text);
		check(value.text == array.text + list->marks[n].start &&
		      value.length == list->marks[n].length);
	}
	check(n == list->n);
}

/* json-c counts what is open, and minds neither case nor some escapes: it accepts more, never less.
 */
static void compare(const char *message, size_t size)
{
	struct json_tokener *tokener = json_tokener_new_ex(SLICE_DEPTH_MAX + 2);
	json_object *object;

	check(tokener != NULL);
	object = json_tokener_parse_ex(tokener, message, (int)size);
	check(json_tokener_get_error(tokener) == json_tokener_success);
	json_object_put(object);
	json_tokener_free(tokener);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct slice_list events;
	char *message = malloc(size + 1);
	struct reply reply;
	bool is_json;

	check(message != NULL);
	/* As in the input buffer: the message's own NUL is the only byte behind it. */
	memcpy(message, data, size);
	message[size] = '\0';
	if (!memchr(message, '\0', size)) {
		is_json = reply_parse(message, size, NULL, &reply) == 0;
		if (is_json)
			compare(message, size);
		/* Events are not looked into, so more is accepted, and never less. */
		if (reply_parse(message, size, &events, &reply) == 0) {
			if (is_json)
				check_places(reply.events, &events);
			split(message, &reply, &events);
		} else {
			check(!is_json);
		}
	}
	free(message);
	return 0;
}
