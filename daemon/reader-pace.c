/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * When a pass is made: for each event while they are few, in ticks while they are many. See
 * reader.h.
 */
#include <poll.h>

#include <utlist.h>

#include "reader-internal.h"

/* With a window of its own asking: passes that find nothing before the rings are waited on again.
 */
#define QUIET_PASSES 5
/*
 * Events in a span of time from which on a tick costs less than waking for each: about where
 * wakeups and looks at every ring, some ten microseconds, come to a few per cent of a CPU; with
 * fewer than half of that it wakes again. The span is long enough for what a machine does that was
 * kept from running for a moment.
 */
#define BUSY_SPAN_NSEC (100 * NSEC_PER_MSEC)
#define BUSY_EVENTS    500
/*
 * The shortest pause between two ticks, and how many events have to come in it for the next one to
 * be twice as long: with so many a pass's own cost is little of theirs. With fewer it is half as
 * long. It is their rate that counts, since one pass may find many because it came late.
 */
#define PAUSE_MIN_NSEC NSEC_PER_MSEC
#define PASS_EVENTS    64
/* Nothing recorded for so long is idle. */
#define IDLE_NSEC (1000 * NSEC_PER_MSEC)

static void begin_span(struct reader *r, uint64_t now)
{
	r->span_start = now;
	r->span_events = 0;
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
	begin_span(r, now_nsec());
}

void reader_stop_waiting(struct reader *r)
{
	struct stream *s;

	DL_FOREACH (r->streams, s)
		event_del(s->readable);
	r->is_waiting = false;
}

void reader_schedule(struct reader *r, uint64_t nsec)
{
	fine_timer_set(r->tick, nsec);
}

static uint64_t shortest_pause(const struct reader *r)
{
	bool is_urgent = r->is_urgent && r->is_urgent(r->data);

	return is_urgent && PAUSE_MIN_NSEC < r->tick_nsec ? PAUSE_MIN_NSEC : r->tick_nsec;
}

static void adapt_pause(struct reader *r, const struct pass_result *result)
{
	uint64_t least = shortest_pause(r);

	if (result->n_appended * least > PASS_EVENTS * result->since_last)
		r->pause_nsec *= 2;
	else
		r->pause_nsec /= 2;
	if (r->pause_nsec < least)
		r->pause_nsec = least;
	if (r->pause_nsec > r->tick_nsec)
		r->pause_nsec = r->tick_nsec;
}

void reader_begin_ticks(struct reader *r)
{
	begin_span(r, now_nsec());
	r->quiet_passes = 0;
	r->pause_nsec = shortest_pause(r);
	reader_schedule(r, 0);
}

/* Whether there is so little that the rings can be waited on. */
static bool is_quiet(struct reader *r, const struct pass_result *result)
{
	uint64_t now = now_nsec();
	bool is_empty, is_little;

	if (r->is_strict) {
		is_empty = result->n_pages == 0 && result->held_ts == 0;
		r->quiet_passes = is_empty ? r->quiet_passes + 1 : 0;
		return r->quiet_passes >= QUIET_PASSES;
	}
	r->span_events += result->n_appended;
	if (now - r->span_start < BUSY_SPAN_NSEC)
		return false;
	is_little = r->span_events < BUSY_EVENTS / 2;
	begin_span(r, now);
	return is_little;
}

static void schedule_next(struct reader *r, const struct pass_result *result)
{
	adapt_pause(r, result);
	if (result->is_partial) {
		reader_schedule(r, 0);
	} else if (is_quiet(r, result)) {
		wait_for_rings(r);
		/* What is held back now would wake nobody. */
		if (result->held_ts)
			reader_schedule(r, NSEC_PER_MSEC);
	} else {
		reader_schedule(r, r->pause_nsec);
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

static struct pass_result pass(struct reader *r, enum pass_scope scope, uint64_t window)
{
	struct pass_result result = reader_run_pass(r, scope, window);

	result.since_last = result.start - r->passed_at;
	r->passed_at = result.start;
	if (result.n_appended) {
		r->appended_at = now_nsec();
		r->on_pass(r->data);
		event_log_prepare(r->log);
	}
	return result;
}

/*
 * Few events: each is handed on when it comes, with no window, since a record that another CPU has
 * begun and not finished is then a rare thing. Many: it goes over to ticks.
 */
static void wake(struct reader *r, enum pass_scope scope)
{
	struct pass_result result;
	uint64_t now;

	if (!r->is_waiting || !r->streams)
		return;
	result = pass(r, scope, 0);
	now = now_nsec();
	if (now - r->span_start > BUSY_SPAN_NSEC)
		begin_span(r, now);
	r->span_events += result.n_appended;
	if (r->span_events > BUSY_EVENTS) {
		reader_stop_waiting(r);
		reader_begin_ticks(r);
		if (!result.is_partial)
			reader_schedule(r, r->pause_nsec);
	} else if (result.held_ts) {
		/* It came since, or lacks its stack, or there was no room to read on. */
		reader_schedule(r, result.held_ts > result.looked_at ? 0 : NSEC_PER_MSEC);
	}
}

void reader_on_wake(evutil_socket_t fd, short what, void *data)
{
	wake(data, READY_RINGS);
}

void reader_on_tick(evutil_socket_t fd, short what, void *data)
{
	struct reader *r = data;
	struct pass_result result;

	if (!r->streams)
		return;
	if (r->is_waiting && !r->is_strict) {
		reader_on_wake(fd, what, data);
		return;
	}
	if (r->is_waiting)
		reader_stop_waiting(r);
	result = pass(r, ALL_RINGS, r->window_nsec);
	schedule_next(r, &result);
}

void reader_catch_up(struct reader *r)
{
	if (r->is_waiting && r->is_strict)
		reader_on_tick(-1, 0, r);
	else if (r->is_waiting)
		wake(r, ALL_RINGS);
	else if (r->streams)
		pass(r, ALL_RINGS, r->window_nsec);
}

/* Several rings may be ready at once: the pass comes when all that are have been heard. */
void reader_on_readable(evutil_socket_t fd, short what, void *data)
{
	struct stream *s = data;
	struct reader *r = s->reader;

	s->is_ready = true;
	if (r->woken_at < r->passed_at)
		r->woken_at = now_nsec();
	if (r->is_strict)
		reader_on_tick(fd, what, r);
	else
		event_active(r->wake, EV_TIMEOUT, 0);
}
