/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Streams: events as they happen, and what the log still holds.
 *
 * Both come in batches: replies with gaps, events, and the cursor behind them. A batch stays in the
 * input buffer and is given out value by value, gaps first; only then is the next message received.
 * Reading the log is one call per batch, made when the batch before it is used up.
 */
#include "libkprobed-internal.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"

#define READ_LIMIT 1024

EXPORT bool kprobed_has_next(const struct kprobed *k)
{
	return k->gaps.at || k->events.at < k->events.n || k->n_items;
}

EXPORT const char *kprobed_cursor(const struct kprobed *k)
{
	return k->cursor;
}

/* With the last event of a batch taken, the stream stands where the batch ends. */
static void batch_settle(struct kprobed *k)
{
	if (kprobed_has_next(k) || !k->next_cursor)
		return;
	free(k->cursor);
	k->cursor = take_ptr(k->next_cursor);
}

static int batch_begin(struct kprobed *k, const struct reply *reply)
{
	char *cursor = slice_dup(reply->cursor);
	enum slice_type gaps = slice_type_of(reply->gaps);
	bool is_read = k->state == KPROBED_READING;

	if (!cursor && slice_type_of(reply->cursor) == SLICE_STRING)
		return connection_break(k, -ENOMEM);
	if (!cursor || slice_type_of(reply->events) != SLICE_ARRAY ||
	    (gaps != SLICE_ARRAY && gaps != SLICE_NULL && gaps != SLICE_NONE) ||
	    (is_read && reply->continues)) {
		free(cursor);
		return connection_break(k, -EPROTO);
	}
	slice_iter_init(&k->gaps, reply->gaps);
	k->waiting = reply->continues;
	k->page_done = is_read && k->events.n == 0 && k->cursor && strcmp(k->cursor, cursor) == 0;
	free(k->next_cursor);
	k->next_cursor = cursor;
	batch_settle(k);
	return 0;
}

/* Takes an event out of a batch of the log's memory. Returns 1 or -ENOMEM. */
static int batch_take_item(struct kprobed *k)
{
	struct slice json = {k->items_copy + k->items->at, k->items->length - 1};
	int r = event_take_item(&k->event, k->items, json);

	if (r < 0)
		return r;
	k->items++;
	k->n_items--;
	return 1;
}

/* Takes an event out of a reply. Returns 1, 0 when there is none left, or an error. */
static int batch_take_event(struct kprobed *k)
{
	struct slice json;
	int r;

	if (!slice_list_next(&k->events, &json))
		return 0;
	r = event_take(&k->event, json);
	if (r < 0)
		k->events.at--;
	return r < 0 ? r : 1;
}

/* Takes a value out of the batch. Returns 1, 0 when it is used up, or an error. */
static int batch_take(struct kprobed *k)
{
	int r;

	if (k->gaps.at)
		r = gap_take(&k->event, &k->gaps);
	else if (k->n_items)
		r = batch_take_item(k);
	else
		r = batch_take_event(k);
	if (r == -EBADMSG)
		return connection_break(k, -EPROTO);
	if (r <= 0)
		return r;
	/* What is behind a value has been looked at, so that byte is free; it is in memory of ours.
	 */
	*(char *)(uintptr_t)(k->event.json.text + k->event.json.length) = '\0';
	batch_settle(k);
	return 1;
}

static void stream_end(struct kprobed *k)
{
	k->state = KPROBED_IDLE;
	free(take_ptr(k->read_request));
}

/* Asks for the next page of the log. */
static int read_page(struct kprobed *k)
{
	_cleanup_text_ struct text request = {0};
	int r;

	text_puts(&request, k->read_request);
	if (k->cursor) {
		text_puts(&request, ",\"cursor\":");
		text_json_string(&request, k->cursor);
	}
	text_putc(&request, '}');
	if (request.failed)
		return -ENOMEM;
	r = io_send(k, "io.kprobed.Events.Read", request.data, 0);
	if (r < 0)
		return r;
	k->waiting = true;
	return 0;
}

EXPORT int kprobed_next(struct kprobed *k, int timeout_ms, struct kprobed_event **ret)
{
	int64_t deadline = timeout_ms > 0 ? deadline_after(timeout_ms) : timeout_ms;
	struct reply reply;
	int r;

	for (;;) {
		if (k->state != KPROBED_STREAMING && k->state != KPROBED_READING)
			return k->broken ? k->broken : -ENODATA;
		r = batch_take(k);
		if (r > 0)
			*ret = &k->event;
		if (r != 0)
			return r;
		if (!k->waiting && (k->state == KPROBED_STREAMING || k->page_done)) {
			stream_end(k);
			return -ENODATA;
		}
		if (!k->waiting) {
			r = read_page(k);
			if (r < 0)
				return r;
		}
		if (k->memory) {
			r = memory_receive(k, deadline);
			if (r <= 0)
				return r;
			continue;
		}
		r = reply_receive(k, deadline, &reply);
		if (r == -EREMOTEIO)
			stream_end(k);
		if (r <= 0)
			return r;
		r = batch_begin(k, &reply);
		if (r < 0)
			return r;
	}
}

EXPORT int kprobed_process(struct kprobed *k)
{
	int r;

	/* The batch lies in the input buffer, which must not move under it. */
	if (kprobed_has_next(k))
		return 1;
	if (k->memory)
		return k->broken ? k->broken : memory_receive(k, 0);
	if (io_has_message(k))
		return 1;
	r = io_process(k);
	return r < 0 ? r : io_has_message(k);
}

static int check_options(const struct kprobed_stream_options *given,
			 struct kprobed_stream_options *ret)
{
	const size_t first = offsetof(struct kprobed_stream_options, filter);

	*ret = (struct kprobed_stream_options)KPROBED_STREAM_OPTIONS_INIT;
	if (!given)
		return 0;
	/* The first programs had no filter and what follows it. */
	if (given->size < first)
		return -EINVAL;
	/* A program built against a later library may not use what this one does not know. */
	for (size_t i = sizeof(*ret); i < given->size; i++)
		if (((const char *)given)[i] != 0)
			return -EINVAL;
	memcpy(ret, given, given->size < sizeof(*ret) ? given->size : sizeof(*ret));
	return ret->transport > KPROBED_TRANSPORT_MEMORY ? -EINVAL : 0;
}

static void write_selectors(struct text *t, const char *const *selectors, size_t n)
{
	text_puts(t, "\"probes\":[");
	for (size_t i = 0; i < n; i++) {
		if (i)
			text_putc(t, ',');
		text_json_string(t, selectors[i]);
	}
	text_putc(t, ']');
}

/* What subscribing and reading have in common, as members behind others. */
static void write_choice(struct text *t, const struct kprobed_stream_options *o)
{
	if (o->filter) {
		text_puts(t, ",\"filter\":");
		text_json_string(t, o->filter);
	}
	if (o->fields) {
		text_puts(t, ",\"fields\":[");
		for (size_t i = 0; o->fields[i]; i++) {
			if (i)
				text_putc(t, ',');
			text_json_string(t, o->fields[i]);
		}
		text_putc(t, ']');
	}
	if (o->sample > 1)
		text_printf(t, ",\"sample\":%u", o->sample);
	if (o->rate_limit > 0)
		text_printf(t, ",\"rateLimit\":%u", o->rate_limit);
}

/* The first cursor of a stream is what its options say. */
static int stream_begin(struct kprobed *k, enum kprobed_state state, const char *cursor)
{
	char *copy = NULL;

	if (cursor) {
		copy = strdup(cursor);
		if (!copy)
			return -ENOMEM;
	}
	free(k->cursor);
	k->cursor = copy;
	free(take_ptr(k->next_cursor));
	k->waiting = k->page_done = false;
	k->state = state;
	return 0;
}

EXPORT int kprobed_subscribe(struct kprobed *k, const char *const *selectors, size_t n,
			     const struct kprobed_stream_options *options)
{
	_cleanup_text_ struct text request = {0};
	struct kprobed_stream_options o;
	struct reply reply;
	bool is_memory;
	int r;

	r = n == 0 ? -EINVAL : check_options(options, &o);
	if (r < 0)
		return r;
	is_memory = o.transport == KPROBED_TRANSPORT_MEMORY;
	text_putc(&request, '{');
	write_selectors(&request, selectors, n);
	if (o.cursor) {
		text_puts(&request, ",\"cursor\":");
		text_json_string(&request, o.cursor);
	}
	if (o.max_latency_ms >= 0)
		text_printf(&request, ",\"maxLatencyMs\":%d", o.max_latency_ms);
	if (o.max_batch > 0)
		text_printf(&request, ",\"maxBatch\":%d", o.max_batch);
	write_choice(&request, &o);
	if (is_memory)
		text_puts(&request, ",\"transport\":\"memory\"");
	text_putc(&request, '}');
	if (request.failed)
		return -ENOMEM;

	r = call_begin(k);
	if (r < 0)
		return r;
	r = io_send(k, "io.kprobed.Events.Subscribe", request.data, KPROBED_CALL_MORE);
	if (r < 0)
		return r;
	k->is_subscribing = true;
	k->wants_rights = is_memory;
	r = reply_wait(k, deadline_after(k->timeout_ms), &reply);
	k->is_subscribing = k->wants_rights = false;
	if (r >= 0) {
		r = stream_begin(k, KPROBED_STREAMING, o.cursor);
		/* Later replies would be taken for those of other calls. */
		r = r < 0 ? connection_break(k, r) : batch_begin(k, &reply);
		if (r == 0 && is_memory)
			r = memory_begin(k, selectors, n, o.max_batch, &reply);
	}
	memory_drop_rights(k);
	return r;
}

EXPORT int kprobed_read(struct kprobed *k, const char *const *selectors, size_t n,
			const struct kprobed_stream_options *options)
{
	_cleanup_text_ struct text request = {0};
	struct kprobed_stream_options o;
	int r;

	r = check_options(options, &o);
	if (r < 0)
		return r;
	text_printf(&request, "{\"limit\":%d", o.max_batch > 0 ? o.max_batch : READ_LIMIT);
	if (n > 0) {
		text_putc(&request, ',');
		write_selectors(&request, selectors, n);
	}
	write_choice(&request, &o);
	r = call_begin(k);
	if (r < 0)
		return r;
	k->read_request = text_take(&request);
	if (!k->read_request)
		return -ENOMEM;
	r = stream_begin(k, KPROBED_READING, o.cursor);
	if (r < 0)
		free(take_ptr(k->read_request));
	return r;
}
