/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See reader.h. */
#include "reader.h"

#include <cpuid.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <utlist.h>

#include "json-text.h"
#include "stream.h"
#include "tracefs.h"

#define NSEC_PER_USEC 1000ULL
#define NSEC_PER_MSEC 1000000ULL
/* A CPU of real hardware commits within microseconds; a virtual one can be put aside in between. */
#define WINDOW_METAL_NSEC   (2 * NSEC_PER_MSEC)
#define WINDOW_VIRTUAL_NSEC (20 * NSEC_PER_MSEC)
#define WINDOW_MAX_NSEC	    (200 * NSEC_PER_MSEC)
/* A stack that has not come after so long will not come. */
#define STACK_WAIT_NSEC (100 * NSEC_PER_MSEC)
/* Passes that find nothing, or little, before the rings are waited on again. */
#define QUIET_PASSES 5
/*
 * Events in a span of time from which on a tick costs less than waking for each: about where
 * wakeups and looks at every ring, some ten microseconds, come to a few per cent of a CPU. The span
 * is long enough for what a machine does that was kept from running for a moment.
 */
#define BUSY_SPAN_NSEC (100 * NSEC_PER_MSEC)
#define BUSY_EVENTS    500
/* Nothing recorded for so long is idle. */
#define IDLE_NSEC (1000 * NSEC_PER_MSEC)

/* An event's id is a u16 in its records. Untouched pages of the table cost nothing. */
#define BINDINGS 65536

struct binding {
	const struct decoder *decoder; /* borrowed; NULL: none */
	unsigned int source;
};

struct reader {
	struct event_base *base;
	struct event_log *log;
	struct symbols *symbols;
	struct event *tick; /* owned */
	struct event *wake; /* owned: a ring has something, all that have are known */
	struct stream *streams;
	struct binding *bindings; /* owned, BINDINGS, by event id */
	struct stack_layout stack;
	uint64_t tick_nsec;
	uint64_t window_nsec;
	uint64_t last_ts;
	uint64_t appended_at;	   /* CLOCK_MONOTONIC of the last pass that appended */
	unsigned int quiet_passes; /* in a row */
	uint64_t span_start;	   /* waking for each event: since when span_events count */
	uint64_t span_events;
	bool is_strict;	 /* the window always holds: it was asked for */
	bool is_waiting; /* on the rings */
	bool in_pass;
	struct reader_totals totals;
	void (*on_pass)(void *data);
	void (*on_append)(unsigned int source, uint64_t seq, const struct raw_record *record,
			  void *data);
	void *data;
};

uint64_t now_nsec(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
}

/* CPUID leaf 1, ECX bit 31 (Intel SDM and AMD APM: reserved for hypervisors, 0 on hardware). */
static bool is_virtual_machine(void)
{
#if defined(__x86_64__) || defined(__i386__)
	unsigned int a, b, c, d;

	return __get_cpuid(1, &a, &b, &c, &d) && (c & (1U << 31));
#else
	return true;
#endif
}

/* kernel/trace/trace_entries.h: kernel_stack; the layout is asked for where it can be. */
static void find_stack_layout(struct stack_layout *ret)
{
	_cleanup_free_ char *text = NULL;
	struct event_format format;

	*ret = (struct stack_layout){.type = 4, .size_offset = 8, .callers_offset = 16};
	if (!tracefs_dir() || tracefs_read("events/ftrace/kernel_stack/format", &text, NULL) < 0 ||
	    event_format_parse(text, &format) < 0)
		return;
	ret->type = format.id;
	for (size_t i = 0; i < format.n_fields; i++) {
		if (strcmp(format.fields[i].name, "size") == 0)
			ret->size_offset = format.fields[i].offset;
		else if (strcmp(format.fields[i].name, "caller") == 0)
			ret->callers_offset = format.fields[i].offset;
	}
	event_format_done(&format);
}

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
	append_text(r, source, until, 0, cpu < 0 ? 0 : (unsigned int)cpu, LOG_GAP,
		    (size_t)(p - text), count, NULL);
}

/*
 * The pages say that something was lost, and sometimes how much; the ring's own counter always
 * knows. What it has counted by now may lie behind a page that is still to be read: that page then
 * finds nothing left to tell.
 */
static void tell_overrun(struct reader *r, struct stream *s, uint64_t ts)
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

static void append_record(struct reader *r, const struct stream *s, const struct stream_item *item)
{
	const struct ring_record *record = &item->record;
	const struct decoder *decoder;
	struct record_context context;
	struct raw_record raw;
	uint16_t type;
	uint32_t tid;
	char *text;
	size_t len;

	memcpy(&type, (const char *)record->data + RECORD_TYPE_OFFSET, sizeof(type));
	memcpy(&tid, (const char *)record->data + RECORD_PID_OFFSET, sizeof(tid));
	decoder = __atomic_load_n(&r->bindings[type].decoder, __ATOMIC_ACQUIRE);
	if (!decoder) {
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
	append_text(r, r->bindings[type].source, record->ts, tid, s->cpu, 0, len, 0, &raw);
	r->totals.recorded++;
}

static void append_front(struct reader *r, struct stream *s)
{
	const struct stream_item *item = &s->front;

	if (item->ts < r->last_ts) {
		uint64_t late = r->last_ts - item->ts;

		r->totals.reordered++;
		/* While it wakes for each event there is no window that could be too small. */
		if (!r->is_waiting && 2 * late > r->window_nsec)
			r->window_nsec = 2 * late < WINDOW_MAX_NSEC ? 2 * late : WINDOW_MAX_NSEC;
	} else {
		r->last_ts = item->ts;
	}
	if (item->kind == ITEM_LOSS)
		tell_overrun(r, s, item->ts);
	else
		append_record(r, s, item);
	stream_pop(s);
	stream_peek(s, &r->stack);
}

/* As the time of a merge: nothing will come that could be waited for. */
#define NO_FUTURE UINT64_MAX

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
static uint64_t merge(struct reader *r, uint64_t watermark, uint64_t now)
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

struct pass_result {
	uint64_t n_appended;
	unsigned int n_pages;
	bool is_partial;  /* a ring had more than its queue could take */
	uint64_t held_ts; /* oldest record held back, 0: none */
	uint64_t start;	  /* CLOCK_MONOTONIC, ns */
};

static struct pass_result run_pass(struct reader *r, uint64_t window)
{
	uint64_t start = now_nsec(), watermark = UINT64_MAX;
	struct pass_result result = {.start = start};
	struct stream *s;

	DL_FOREACH (r->streams, s) {
		uint64_t complete;

		result.n_pages += stream_fill(s);
		stream_peek(s, &r->stack);
		complete = s->newest;
		if (s->is_drained && start - window > complete)
			complete = start - window;
		if (!s->is_drained)
			result.is_partial = true;
		watermark = complete < watermark ? complete : watermark;
	}
	result.n_appended = merge(r, watermark, start);
	DL_FOREACH (r->streams, s) {
		if (s->front.kind != ITEM_NONE &&
		    (result.held_ts == 0 || s->front.ts < result.held_ts))
			result.held_ts = s->front.ts;
	}
	return result;
}

static void wait_for_rings(struct reader *r)
{
	struct stream *s;

	DL_FOREACH (r->streams, s) {
		struct pollfd p = {.fd = s->fd, .events = POLLIN};

		/* The ring of a CPU that never was online answers with POLLERR at once, always. */
		if (poll(&p, 1, 0) < 0 || (p.revents & ~POLLIN))
			continue;
		event_add(s->readable, NULL);
	}
	r->is_waiting = true;
	r->span_start = now_nsec();
	r->span_events = 0;
}

static void stop_waiting(struct reader *r)
{
	struct stream *s;

	DL_FOREACH (r->streams, s)
		event_del(s->readable);
	r->is_waiting = false;
}

static void schedule(struct reader *r, uint64_t nsec)
{
	struct timeval tv = {
		.tv_sec = (time_t)(nsec / 1000000000ULL),
		.tv_usec = (suseconds_t)(nsec % 1000000000ULL / 1000),
	};

	event_add(r->tick, &tv);
}

static void schedule_held(struct reader *r, uint64_t held_ts, uint64_t window)
{
	uint64_t now = now_nsec(), due = held_ts + window;

	/* No sooner than it can be appended, no later than the tick. */
	due = due > now ? due - now : 0;
	due = due < NSEC_PER_MSEC ? NSEC_PER_MSEC : due;
	schedule(r, due < r->tick_nsec ? due : r->tick_nsec);
}

static void schedule_next(struct reader *r, const struct pass_result *result)
{
	bool is_quiet = result->n_pages == 0 && result->held_ts == 0;

	if (!r->is_strict)
		is_quiet = !result->is_partial &&
			   result->n_appended * BUSY_SPAN_NSEC < BUSY_EVENTS / 2 * r->tick_nsec;
	r->quiet_passes = is_quiet ? r->quiet_passes + 1 : 0;
	if (result->is_partial) {
		schedule(r, 0);
	} else if (r->quiet_passes >= QUIET_PASSES) {
		wait_for_rings(r);
		/* What is held back now would wake nobody. */
		if (result->held_ts)
			schedule(r, NSEC_PER_MSEC);
	} else if (result->held_ts) {
		schedule_held(r, result->held_ts, r->window_nsec);
	} else {
		schedule(r, r->tick_nsec);
	}
}

bool reader_is_idle(const struct reader *r)
{
	return !r->streams ||
	       (r->is_waiting && (r->is_strict || now_nsec() - r->appended_at > IDLE_NSEC));
}

bool reader_is_waiting(const struct reader *r)
{
	return r->is_waiting;
}

static struct pass_result pass(struct reader *r, uint64_t window)
{
	struct pass_result result = run_pass(r, window);

	if (result.n_appended) {
		r->appended_at = now_nsec();
		r->on_pass(r->data);
	}
	return result;
}

/*
 * Few events: each is handed on when it comes, with no window, since a record that another CPU has
 * begun and not finished is then a rare thing. Many: it goes over to ticks.
 */
static void on_wake(evutil_socket_t fd, short what, void *data)
{
	struct reader *r = data;
	struct pass_result result;
	uint64_t now;

	if (!r->is_waiting || !r->streams)
		return;
	result = pass(r, 0);
	now = now_nsec();
	if (now - r->span_start > BUSY_SPAN_NSEC) {
		r->span_start = now;
		r->span_events = 0;
	}
	r->span_events += result.n_appended;
	if (r->span_events > BUSY_EVENTS) {
		stop_waiting(r);
		r->quiet_passes = 0;
		schedule(r, result.is_partial ? 0 : r->tick_nsec);
	} else if (result.held_ts) {
		/* It came during the pass, or lacks its stack, or there was no room to read on. */
		schedule(r, result.held_ts > result.start ? 0 : NSEC_PER_MSEC);
	}
}

static void on_tick(evutil_socket_t fd, short what, void *data)
{
	struct reader *r = data;
	struct pass_result result;

	if (!r->streams)
		return;
	if (r->is_waiting && !r->is_strict) {
		on_wake(fd, what, data);
		return;
	}
	if (r->is_waiting)
		stop_waiting(r);
	result = pass(r, r->window_nsec);
	schedule_next(r, &result);
}

/* Several rings may be ready at once: the pass comes when all that are have been heard. */
static void on_readable(evutil_socket_t fd, short what, void *data)
{
	struct reader *r = data;

	if (r->is_strict)
		on_tick(fd, what, data);
	else
		event_active(r->wake, EV_TIMEOUT, 0);
}

void reader_drain(struct reader *r)
{
	struct pass_result result;
	struct stream *s;

	if (!r->streams)
		return;
	/* A pass may find the queues full of what was held back: the next reads what is behind. */
	do {
		result = run_pass(r, 0);
		if (result.n_pages == 0 && result.n_appended == 0)
			merge(r, UINT64_MAX, NO_FUTURE);
	} while (result.is_partial);
	merge(r, UINT64_MAX, NO_FUTURE);
	DL_FOREACH (r->streams, s)
		tell_overrun(r, s, now_nsec());
	r->on_pass(r->data);
}

int reader_new(const struct reader_options *options, struct reader **ret)
{
	_cleanup_(reader_freep) struct reader *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->base = options->base;
	r->log = options->log;
	r->tick_nsec = options->tick_msec * NSEC_PER_MSEC;
	r->window_nsec = options->window_usec	? options->window_usec * NSEC_PER_USEC
			 : is_virtual_machine() ? WINDOW_VIRTUAL_NSEC
						: WINDOW_METAL_NSEC;
	r->is_strict = options->window_usec != 0;
	r->on_pass = options->on_pass;
	r->on_append = options->on_append;
	r->data = options->data;
	find_stack_layout(&r->stack);
	r->bindings = calloc(BINDINGS, sizeof(*r->bindings));
	if (!r->bindings)
		return -ENOMEM;
	r->tick = evtimer_new(r->base, on_tick, r);
	r->wake = evtimer_new(r->base, on_wake, r);
	if (!r->tick || !r->wake)
		return -ENOMEM;

	*ret = take_ptr(r);
	return 0;
}

struct reader *reader_free(struct reader *r)
{
	struct stream *s, *tmp;

	DL_FOREACH_SAFE (r->streams, s, tmp) {
		DL_DELETE(r->streams, s);
		stream_free(s);
	}
	if (r->tick)
		event_free(r->tick);
	if (r->wake)
		event_free(r->wake);
	free(r->bindings);
	free(r);
	return NULL;
}

int reader_add_instance(struct reader *r, struct instance *instance)
{
	for (unsigned int cpu = 0; cpu < instance->n_cpus; cpu++) {
		struct stream *s;

		if (instance->fds[cpu] < 0)
			continue;
		if (stream_new(instance, cpu, &s) < 0) {
			reader_remove_instance(r, instance);
			return -ENOMEM;
		}
		DL_APPEND(r->streams, s);
		s->readable = event_new(r->base, s->fd, EV_READ | EV_PERSIST, on_readable, r);
		if (!s->readable) {
			reader_remove_instance(r, instance);
			return -ENOMEM;
		}
	}
	/* The new rings are waited on with the others the next time. */
	if (r->is_waiting)
		stop_waiting(r);
	r->quiet_passes = 0;
	schedule(r, 0);
	return 0;
}

bool reader_is_drained(const struct reader *r, const struct instance *instance)
{
	const struct stream *s;

	DL_FOREACH (r->streams, s) {
		if (s->instance == instance && (s->front.kind != ITEM_NONE || !s->is_drained))
			return false;
	}
	return true;
}

void reader_remove_instance(struct reader *r, struct instance *instance)
{
	struct stream *s, *tmp;

	DL_FOREACH_SAFE (r->streams, s, tmp) {
		if (s->instance == instance) {
			tell_overrun(r, s, now_nsec());
			DL_DELETE(r->streams, s);
			stream_free(s);
		}
	}
}

void reader_bind(struct reader *r, unsigned int id, const struct decoder *decoder,
		 unsigned int source)
{
	r->bindings[id].source = source;
	__atomic_store_n(&r->bindings[id].decoder, decoder, __ATOMIC_RELEASE);
}

void reader_unbind(struct reader *r, unsigned int id)
{
	__atomic_store_n(&r->bindings[id].decoder, NULL, __ATOMIC_RELEASE);
}

void reader_set_symbols(struct reader *r, struct symbols *symbols)
{
	r->symbols = symbols;
}

void reader_deliver(struct reader *r)
{
	r->on_pass(r->data);
}

const struct reader_totals *reader_totals(const struct reader *r)
{
	return &r->totals;
}
