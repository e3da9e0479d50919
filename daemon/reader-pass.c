/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A pass: reads the rings, merges their records by time, decodes and appends them. See reader.h. */
#include <string.h>

#include <utlist.h>

#include "json-text.h"
#include "reader-internal.h"

/* As far as records that come late widen the window. */
#define WINDOW_MAX_NSEC (200 * NSEC_PER_MSEC)
/* A stack that has not come after so long will not come. */
#define STACK_WAIT_NSEC (100 * NSEC_PER_MSEC)

static void append_text(struct reader *r, unsigned int source, uint64_t ts, uint32_t tid,
			unsigned int cpu, unsigned int flags, size_t len, uint64_t lost,
			const struct raw_record *record)
{
	uint64_t seq = event_log_commit(r->log, source, ts, tid, cpu, flags, len, lost);

	r->on_append(source, seq, record, r->data);
}

void reader_append_gap(struct reader *r, unsigned int source, const char *kind, uint64_t count,
		       const char *probe, int cpu, uint64_t since, uint64_t until)
{
	char *text = event_log_reserve(r->log, 1024), *p = text;

	p = put_literal(p, "{\"kind\":");
	p = put_string(p, kind, strlen(kind));
	p = put_literal(p, ",\"count\":");
	p = count ? put_u64(p, count) : put_literal(p, "null");
	if (probe) {
		p = put_literal(p, ",\"probe\":");
		p = put_string(p, probe, strnlen(probe, LOG_SOURCE_NAME_MAX));
	}
	if (cpu >= 0) {
		p = put_literal(p, ",\"cpu\":");
		p = put_u64(p, (uint64_t)cpu);
	}
	if (since) {
		p = put_literal(p, ",\"sinceTs\":");
		p = put_u64(p, since);
	}
	p = put_literal(p, ",\"untilTs\":");
	p = put_u64(p, until);
	*p++ = '}';
	append_text(r, source, until, 0, cpu < 0 ? 0 : (unsigned int)cpu,
		    strcmp(kind, "recursion") == 0 ? LOG_GAP | LOG_RECURSION : LOG_GAP,
		    (size_t)(p - text), count, NULL);
}

/*
 * The pages say that something was lost, and sometimes how much; the ring's own counter always
 * knows. What it has counted by now may lie behind a page that is still to be read: that page then
 * finds nothing left to tell.
 */
void reader_tell_overrun(struct reader *r, struct stream *s, uint64_t ts)
{
	uint64_t overrun, lost;

	if (instance_overrun(s->instance, s->cpu, &overrun) < 0 || overrun <= s->overrun_told)
		return;
	lost = overrun - s->overrun_told;
	s->overrun_told = overrun;
	/* An event with a stack is two records in the ring. */
	if (s->instance->has_stacks)
		lost = (lost + 1) / 2;
	r->totals.overrun += lost;
	reader_append_gap(r, s->instance->source, "overrun", lost, NULL, (int)s->cpu, 0, ts);
}

/* Whose a record of the helper's event is. False: it is no such event, or nobody's. */
static bool find_hit(const struct reader *r, const struct ring_record *record, unsigned int type,
		     const struct decoder **ret_decoder, unsigned int *ret_source)
{
	uint32_t hit_type = __atomic_load_n(&r->hit_type, __ATOMIC_ACQUIRE);
	const struct hit_binding *b;
	uint64_t cookie;

	if (!hit_type || (hit_type & UINT16_MAX) != type ||
	    (hit_type >> 16) + sizeof(cookie) > record->len)
		return false;
	memcpy(&cookie, (const char *)record->data + (hit_type >> 16), sizeof(cookie));
	b = hit_table_find(r->hits, cookie);
	if (!b)
		return false;
	*ret_decoder = b->decoder;
	*ret_source = b->source;
	return true;
}

static void append_record(struct reader *r, const struct stream *s, const struct stream_item *item)
{
	const struct ring_record *record = &item->record;
	const struct decoder *decoder;
	unsigned int source;
	struct record_context context;
	struct raw_record raw;
	uint16_t type;
	uint32_t tid;
	char *text;
	size_t len;

	memcpy(&type, (const char *)record->data + RECORD_TYPE_OFFSET, sizeof(type));
	memcpy(&tid, (const char *)record->data + RECORD_PID_OFFSET, sizeof(tid));
	decoder = __atomic_load_n(&r->bindings[type].decoder, __ATOMIC_ACQUIRE);
	source = r->bindings[type].source;
	if (!decoder && !find_hit(r, record, type, &decoder, &source)) {
		r->totals.unknown++;
		return;
	}
	text = event_log_reserve(
		r->log,
		decoder_bound(decoder, record->len, item->has_stack ? item->stack.n : 0) + 1);
	if (!text) {
		r->totals.unknown++;
		return;
	}
	context = (struct record_context){
		.seq = event_log_next(r->log),
		.ts = record->ts,
		.cpu = s->cpu,
		.stack = item->has_stack ? &item->stack : NULL,
		.symbols = r->symbols,
	};
	len = decoder_write(decoder, record->data, record->len, &context, text);
	raw = (struct raw_record){record->data, record->len, decoder, &context};
	append_text(r, source, record->ts, tid, s->cpu, 0, len, 0, &raw);
	r->totals.recorded++;
}

static void note_time(struct reader *r, uint64_t ts)
{
	uint64_t late = r->last_ts - ts;

	if (ts >= r->last_ts) {
		r->last_ts = ts;
		return;
	}
	r->totals.reordered++;
	/* While it wakes for each event there is no window that could be too small. */
	if (!r->is_waiting && 2 * late > r->window_nsec)
		r->window_nsec = 2 * late < WINDOW_MAX_NSEC ? 2 * late : WINDOW_MAX_NSEC;
}

static void append_front(struct reader *r, struct stream *s)
{
	const struct stream_item *item = &s->front;

	if (item->kind == ITEM_DAMAGE) {
		/* It has no time of its own, and what was in it nobody can count. */
		reader_append_gap(r, s->instance->source, "overrun", 0, NULL, (int)s->cpu, 0,
				  r->last_ts);
	} else {
		note_time(r, item->ts);
		if (item->kind == ITEM_LOSS)
			reader_tell_overrun(r, s, item->ts);
		else
			append_record(r, s, item);
	}
	stream_pop(s);
	stream_peek(s, &r->stack);
}

/* Whether the front can be appended at all now; a stack is waited for, but not for ever. */
static bool is_ready(struct stream *s, uint64_t now)
{
	if (s->front.kind != ITEM_WAITS)
		return true;
	if (!s->waiting_since)
		s->waiting_since = now;
	if (now != NO_FUTURE && now - s->waiting_since < STACK_WAIT_NSEC)
		return false;
	s->front.kind = ITEM_RECORD;
	return true;
}

/*
 * Appends in time order what is not newer than @watermark. One stream is followed for as long as it
 * is the oldest, so that the others are looked at once per change and not once per record.
 */
uint64_t reader_merge(struct reader *r, uint64_t watermark, uint64_t now)
{
	uint64_t n = 0;

	for (;;) {
		struct stream *s, *oldest = NULL;
		uint64_t until = watermark;

		DL_FOREACH (r->streams, s) {
			if (s->front.kind == ITEM_NONE)
				continue;
			if (!oldest || s->front.ts < oldest->front.ts) {
				if (oldest && oldest->front.ts < until)
					until = oldest->front.ts;
				oldest = s;
			} else if (s->front.ts < until) {
				until = s->front.ts;
			}
		}
		if (!oldest || oldest->front.ts > watermark)
			return n;
		do {
			if (!is_ready(oldest, now))
				return n;
			append_front(r, oldest);
			n++;
		} while (oldest->front.kind != ITEM_NONE && oldest->front.ts <= until);
	}
}

static bool is_any_ready(const struct reader *r)
{
	const struct stream *s;

	DL_FOREACH (r->streams, s) {
		if (s->is_ready)
			return true;
	}
	return false;
}

/*
 * Longer than it takes to record anything, an interrupt in between included. What keeps a CPU from
 * going on for longer, such as a host that has put it aside, does so for milliseconds: to wait for
 * one of them would be most of the latency and help little.
 */
#define SILENT_WINDOW_NSEC (250 * NSEC_PER_USEC)

/*
 * Up to when all that @s has to deliver has been read. Of an empty ring only a record that its CPU
 * has begun and not finished can still come. That it was kept from finishing for long is too rare
 * an accident, where a CPU has been silent for a window, to delay everything for.
 */
static uint64_t complete_until(const struct reader *r, const struct stream *s, uint64_t start,
			       uint64_t window)
{
	if (!s->is_drained)
		return s->newest;
	if (!r->is_strict && start - s->read_at > window && window > SILENT_WINDOW_NSEC)
		window = SILENT_WINDOW_NSEC;
	return start - window > s->newest ? start - window : s->newest;
}

struct pass_result reader_run_pass(struct reader *r, enum pass_scope scope, uint64_t window)
{
	uint64_t start = now_nsec(), watermark = UINT64_MAX;
	struct pass_result result = {.start = start, .looked_at = start};
	bool is_choosy = scope == READY_RINGS && is_any_ready(r);
	struct stream *s;

	DL_FOREACH (r->streams, s) {
		unsigned int n_pages = 0;
		uint64_t complete, looked_at = r->woken_at;

		/* Of a ring that was not read before for lack of room there is more to come. */
		if (!is_choosy || s->is_ready || !s->is_drained) {
			n_pages = stream_fill(s, is_choosy);
			looked_at = start;
		} else {
			result.looked_at = looked_at;
		}
		if (n_pages)
			s->read_at = start;
		result.n_pages += n_pages;
		stream_peek(s, &r->stack);
		complete = complete_until(r, s, looked_at, window);
		if (!s->is_drained)
			result.is_partial = true;
		watermark = complete < watermark ? complete : watermark;
	}
	result.n_appended = reader_merge(r, watermark, start);
	DL_FOREACH (r->streams, s) {
		if (s->front.kind != ITEM_NONE &&
		    (result.held_ts == 0 || s->front.ts < result.held_ts))
			result.held_ts = s->front.ts;
	}
	return result;
}
