/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What an event says.
 *
 * Its numbers are read when it is taken out of the batch; its parts are noted when the first of
 * them is asked for, and strings decoded then. Unknown members are left alone: later daemons have
 * more.
 */
#include "libkprobed-internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DECODED_SIZE_MIN 4096

/* A number that is missing or strange counts as not given: no reason to end a stream. */
static int64_t number_or(struct slice value, int64_t otherwise)
{
	int64_t number;

	return slice_to_int(value, &number) == 0 ? number : otherwise;
}

/* The slice that a member of that name goes to, NULL if it goes elsewhere. */
static struct slice *event_slice(struct kprobed_event *e, struct slice key)
{
	switch (key.text[1]) {
	case 'a':
		return slice_is(key, "args") ? &e->args : NULL;
	case 'c':
		return slice_is(key, "comm")	 ? &e->comm
		       : slice_is(key, "caller") ? &e->caller
						 : NULL;
	case 'd':
		return slice_is(key, "durationNs") ? &e->duration : NULL;
	case 'k':
		return slice_is(key, "kind") ? &e->kind : NULL;
	case 'p':
		return slice_is(key, "probe") ? &e->probe : slice_is(key, "pid") ? &e->pid : NULL;
	case 'r':
		return slice_is(key, "ret") ? &e->ret : NULL;
	case 's':
		return slice_is(key, "site") ? &e->site : slice_is(key, "stack") ? &e->stack : NULL;
	default:
		return NULL;
	}
}

static void event_member(struct kprobed_event *e, struct slice key, struct slice value)
{
	struct slice *slice = event_slice(e, key);

	if (slice)
		*slice = value;
	else if (slice_is(key, "seq"))
		e->seq = (uint64_t)number_or(value, 0);
	else if (slice_is(key, "ts") || slice_is(key, "untilTs"))
		e->ts_nsec = (uint64_t)number_or(value, 0);
	else if (slice_is(key, "cpu"))
		e->cpu = (int)number_or(value, -1);
	else if (slice_is(key, "tid"))
		e->tid = (pid_t)number_or(value, -1);
	else if (slice_is(key, "count"))
		e->has_count = slice_to_uint(value, &e->count) == 0;
}

static int reserve_decoded(struct kprobed_event *event, size_t size)
{
	char *decoded;

	if (size <= event->decoded_size)
		return 0;
	if (size < DECODED_SIZE_MIN)
		size = DECODED_SIZE_MIN;
	decoded = realloc(event->decoded, size);
	if (!decoded)
		return -ENOMEM;
	event->decoded = decoded;
	event->decoded_size = size;
	return 0;
}

/* Notes the members of the object that @member has entered. Returns 0 or -EBADMSG. */
static int note_members(struct kprobed_event *e, struct slice_iter *member)
{
	struct slice key, value;
	int r;

	while ((r = slice_iter_member(member, &key, &value)) > 0)
		event_member(e, key, value);
	return r;
}

/* @json is a new event, of which nothing else is known. Returns 0 or -ENOMEM. */
static int event_renew(struct kprobed_event *event, enum kprobed_event_type type, struct slice json)
{
	int r = reserve_decoded(event, json.length);

	if (r < 0)
		return r;
	event->type = type;
	event->json = json;
	/* The rest is set when it is looked for. */
	event->is_closed = event->is_unread = true;
	event->numbers_end = 0;
	return 0;
}

int event_take_item(struct kprobed_event *event, const struct log_item *item, struct slice json)
{
	int r = event_renew(event, KPROBED_EVENT, json);

	if (r < 0)
		return r;
	event->seq = item->seq;
	event->ts_nsec = item->ts;
	event->cpu = item->cpu;
	event->tid = (pid_t)item->tid;
	event->is_unread = false;
	return 0;
}

int event_take(struct kprobed_event *event, struct slice json)
{
	return json.text[0] == '{' ? event_renew(event, KPROBED_EVENT, json) : -EBADMSG;
}

int gap_take(struct kprobed_event *event, struct slice_iter *it)
{
	struct slice_iter before = *it;
	struct slice json;
	int r = slice_iter_element(it, &json);

	if (r <= 0)
		return r;
	if (json.text[0] != '{')
		return -EBADMSG;
	slice_blank(json);
	r = event_renew(event, KPROBED_GAP, json);
	if (r < 0)
		*it = before;
	return r < 0 ? r : 1;
}

/*
 * The number of the member whose quoted name and colon are @name, if it stands at @p; NULL
 * otherwise. Returns the place behind it.
 */
static const char *skip_number_of(const char *p, const char *end, const char *name,
				  uint64_t *ret_number)
{
	size_t length = strlen(name);
	uint64_t number = 0;
	const char *digits;

	if ((size_t)(end - p) < length || memcmp(p, name, length) != 0)
		return NULL;
	p += length;
	/* With 19 digits it is less than 2^64. */
	for (digits = p; p < end && p - digits < 19 && *p >= '0' && *p <= '9'; p++)
		number = number * 10 + (uint64_t)(*p - '0');
	if (p == digits || p == end || (*p != ',' && *p != '}'))
		return NULL;
	*ret_number = number;
	return p;
}

/*
 * The numbers that the daemon writes first: most readers of events want no more than these and the
 * text. Anything else that is also JSON is looked at member by member.
 */
static bool note_numbers(struct kprobed_event *e)
{
	const char *p = e->json.text, *end = p + e->json.length;
	uint64_t cpu, tid;

	p = skip_number_of(p, end, "{\"seq\":", &e->seq);
	if (p)
		p = skip_number_of(p, end, ",\"ts\":", &e->ts_nsec);
	if (p)
		p = skip_number_of(p, end, ",\"cpu\":", &cpu);
	if (p)
		p = skip_number_of(p, end, ",\"tid\":", &tid);
	if (!p || cpu > INT32_MAX || tid > INT32_MAX)
		return false;
	e->cpu = (int)cpu;
	e->tid = (pid_t)tid;
	e->numbers_end = (size_t)(p - e->json.text);
	return true;
}

/* Looks for the members, if that has not been done. What is no JSON has none. */
static void event_open(struct kprobed_event *event)
{
	const struct slice none = {0};
	struct slice_iter member;

	if (!event->is_closed)
		return;
	if (event->is_unread && event->type == KPROBED_EVENT && note_numbers(event))
		event->is_unread = false;
	event->is_closed = false;
	event->probe = event->comm = event->site = event->caller = event->pid = none;
	event->duration = event->ret = event->args = event->stack = event->kind = none;
	event->has_count = false;
	if (event->is_unread) {
		event->is_unread = false;
		event->seq = event->ts_nsec = 0;
		event->cpu = event->tid = -1;
	}
	slice_iter_init(&member, event->json);
	/* The numbers need not be looked at again. */
	if (event->numbers_end && event->json.text[event->numbers_end] == ',')
		member.at = event->json.text + event->numbers_end + 1;
	(void)note_members(event, &member);
}

/* Looks for the numbers in front, if that has not been done. */
static void event_read(struct kprobed_event *event)
{
	if (!event->is_unread)
		return;
	if (event->type == KPROBED_EVENT && note_numbers(event))
		event->is_unread = false;
	else
		event_open(event);
}

/* A string of the event, decoded; NULL when @string is none. */
static const char *event_string(struct kprobed_event *event, struct slice string)
{
	char *decoded;

	if (slice_type_of(string) != SLICE_STRING)
		return NULL;
	decoded = event->decoded + (string.text - event->json.text);
	slice_decode(string, decoded);
	return decoded;
}

EXPORT enum kprobed_event_type kprobed_event_get_type(const struct kprobed_event *event)
{
	return event->type;
}

EXPORT const char *kprobed_event_get_json(const struct kprobed_event *event, size_t *ret_length)
{
	if (ret_length)
		*ret_length = event->json.length;
	return event->json.text;
}

EXPORT uint64_t kprobed_event_get_seq(struct kprobed_event *event)
{
	event_read(event);
	return event->seq;
}

EXPORT uint64_t kprobed_event_get_ts_nsec(struct kprobed_event *event)
{
	event_read(event);
	return event->ts_nsec;
}

EXPORT int kprobed_event_get_cpu(struct kprobed_event *event)
{
	event_read(event);
	return event->cpu;
}

EXPORT pid_t kprobed_event_get_tid(struct kprobed_event *event)
{
	event_read(event);
	return event->tid;
}

EXPORT pid_t kprobed_event_get_pid(struct kprobed_event *event)
{
	event_open(event);
	return (pid_t)number_or(event->pid, -1);
}

EXPORT int kprobed_event_get_duration_nsec(struct kprobed_event *event, uint64_t *ret)
{
	event_open(event);
	return slice_type_of(event->duration) == SLICE_NUMBER ? slice_to_uint(event->duration, ret)
							      : -ENOENT;
}

EXPORT const char *kprobed_event_get_comm(struct kprobed_event *event)
{
	event_open(event);
	return event_string(event, event->comm);
}

EXPORT const char *kprobed_event_get_probe(struct kprobed_event *event)
{
	event_open(event);
	return event_string(event, event->probe);
}

EXPORT const char *kprobed_event_get_site(struct kprobed_event *event)
{
	event_open(event);
	return event_string(event, event->site);
}

EXPORT const char *kprobed_event_get_caller(struct kprobed_event *event)
{
	event_open(event);
	return event_string(event, event->caller);
}

static int uint_of(struct slice value, uint64_t *ret)
{
	switch (slice_type_of(value)) {
	case SLICE_NULL:
		return -ENODATA;
	case SLICE_STRING:
		return slice_hex_to_uint(value, ret);
	default:
		return slice_to_uint(value, ret);
	}
}

static int int_of(struct slice value, int64_t *ret)
{
	uint64_t bits;
	int r;

	if (slice_type_of(value) == SLICE_NUMBER)
		return slice_to_int(value, ret);
	r = uint_of(value, &bits);
	if (r < 0)
		return r;
	*ret = (int64_t)bits;
	return 0;
}

EXPORT int kprobed_event_get_uint(struct kprobed_event *event, const char *name, uint64_t *ret)
{
	struct slice value;

	event_open(event);
	return slice_get(event->args, name, &value) < 0 ? -ENOENT : uint_of(value, ret);
}

EXPORT int kprobed_event_get_int(struct kprobed_event *event, const char *name, int64_t *ret)
{
	struct slice value;

	event_open(event);
	return slice_get(event->args, name, &value) < 0 ? -ENOENT : int_of(value, ret);
}

EXPORT int kprobed_event_get_ret_int(struct kprobed_event *event, int64_t *ret)
{
	event_open(event);
	if (slice_type_of(event->ret) == SLICE_NONE)
		return -ENOENT;
	if (slice_type_of(event->ret) == SLICE_BOOL) {
		*ret = event->ret.text[0] == 't';
		return 0;
	}
	return int_of(event->ret, ret);
}

EXPORT int kprobed_event_get_ret(struct kprobed_event *event, const char **ret, size_t *ret_length)
{
	event_open(event);
	if (slice_type_of(event->ret) == SLICE_NONE)
		return -ENOENT;
	*ret = event->ret.text;
	*ret_length = event->ret.length;
	return 0;
}

EXPORT int kprobed_event_get_string(struct kprobed_event *event, const char *name, const char **ret)
{
	struct slice value;

	event_open(event);
	if (slice_get(event->args, name, &value) < 0)
		return -ENOENT;
	if (slice_type_of(value) == SLICE_NULL)
		return -ENODATA;
	if (slice_type_of(value) != SLICE_STRING)
		return -EINVAL;
	*ret = event_string(event, value);
	return 0;
}

EXPORT int kprobed_event_get_arg(struct kprobed_event *event, const char *name, const char **ret,
				 size_t *ret_length)
{
	struct slice value;

	event_open(event);
	if (slice_get(event->args, name, &value) < 0)
		return -ENOENT;
	*ret = value.text;
	*ret_length = value.length;
	return 0;
}

/*
 * An iterator where the last one stopped. A position is an offset into the event's text, and 0,
 * which no value can be at, is the beginning; the end is the length.
 */
static void resume(const struct kprobed_event *event, struct slice container, size_t position,
		   struct slice_iter *ret)
{
	slice_iter_init(ret, container);
	if (position > 0 && ret->at)
		ret->at = position < event->json.length ? event->json.text + position : NULL;
}

static size_t position_of(const struct kprobed_event *event, const struct slice_iter *it)
{
	return it->at ? (size_t)(it->at - event->json.text) : event->json.length;
}

EXPORT int kprobed_event_next_arg(struct kprobed_event *event, size_t *position,
				  const char **ret_name, const char **ret, size_t *ret_length)
{
	struct slice key, value;
	struct slice_iter it;

	event_open(event);
	if (slice_type_of(event->args) != SLICE_OBJECT)
		return 0;
	resume(event, event->args, *position, &it);
	if (slice_iter_member(&it, &key, &value) <= 0)
		return 0;
	*position = position_of(event, &it);
	*ret_name = event_string(event, key);
	*ret = value.text;
	*ret_length = value.length;
	return 1;
}

EXPORT int kprobed_event_next_frame(struct kprobed_event *event, size_t *position, const char **ret)
{
	struct slice value;
	struct slice_iter it;

	event_open(event);
	if (slice_type_of(event->stack) != SLICE_ARRAY)
		return 0;
	resume(event, event->stack, *position, &it);
	if (slice_iter_element(&it, &value) <= 0 || slice_type_of(value) != SLICE_STRING)
		return 0;
	*position = position_of(event, &it);
	*ret = event_string(event, value);
	return 1;
}

EXPORT const char *kprobed_event_get_gap_kind(struct kprobed_event *event)
{
	if (event->type != KPROBED_GAP)
		return NULL;
	event_open(event);
	return event_string(event, event->kind);
}

EXPORT int kprobed_event_get_gap_count(struct kprobed_event *event, uint64_t *ret)
{
	if (event->type != KPROBED_GAP)
		return -EINVAL;
	event_open(event);
	if (!event->has_count)
		return -ENODATA;
	*ret = event->count;
	return 0;
}
