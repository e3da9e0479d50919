/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A batch of events as a hostile daemon may send it: taken apart, split, and every event asked for
 * everything, as libkprobed and kprobectl do. What was accepted as a whole must split without
 * error, and must be JSON to json-c as well.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "libkprobed-internal.h"
#include "output-event.h"

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

static void split(char *message, struct slice values, enum kprobed_event_type type)
{
	struct kprobed_event event = {0};
	struct text line = {0};
	struct slice_iter it;
	int r = 0;

	if (slice_type_of(values) != SLICE_ARRAY)
		return;
	slice_iter_init(&it, values);
	while ((r = event_take(&event, type, &it)) > 0) {
		message[event.json.text - message + (ptrdiff_t)event.json.length] = '\0';
		ask(&event, &line);
	}
	/* The only thing left to be wrong with it is that it is no object. */
	check(r == 0 || r == -EBADMSG);
	free(event.decoded);
	text_done(&line);
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
	char *message = malloc(size + 1);
	struct reply reply;

	check(message != NULL);
	/* As in the input buffer: the message's own NUL is the only byte behind it. */
	memcpy(message, data, size);
	message[size] = '\0';
	if (!memchr(message, '\0', size) && reply_parse(message, size, &reply) == 0) {
		compare(message, size);
		split(message, reply.gaps, KPROBED_GAP);
		split(message, reply.events, KPROBED_EVENT);
	}
	free(message);
	return 0;
}
