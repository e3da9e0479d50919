/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the parts of the reader share: reader.c (its life), reader-pass.c (from the rings' pages to
 * the log, in order) and reader-pace.c (when to do that). Included by them only.
 */
#ifndef KP_READER_INTERNAL_H
#define KP_READER_INTERNAL_H

#include "fine-timer.h"
#include "reader.h"
#include "stream.h"

#define NSEC_PER_USEC 1000ULL
#define NSEC_PER_MSEC 1000000ULL

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
	struct fine_timer *tick; /* owned */
	struct event *wake;	 /* owned: a ring has something, all that have are known */
	struct stream *streams;
	struct binding *bindings; /* owned, BINDINGS, by event id */
	struct hit_table *hits;	  /* owned */
	uint32_t hit_type; /* the type of the helper's event, and where its cookie is << 16 */
	struct stack_layout stack;
	uint64_t tick_nsec;  /* the longest pause between two passes */
	uint64_t pause_nsec; /* the one now, loaded */
	uint64_t window_nsec;
	uint64_t last_ts;
	uint64_t passed_at;   /* CLOCK_MONOTONIC of the last pass's start */
	uint64_t woken_at;    /* when the first ring was ready after it: the others were empty */
	uint64_t appended_at; /* and of the last pass that appended */
	unsigned int quiet_passes; /* in a row */
	uint64_t span_start;	   /* since when span_events count */
	uint64_t span_events;
	bool is_strict;	 /* the window always holds: it was asked for */
	bool is_waiting; /* on the rings */
	bool in_pass;
	struct reader_totals totals;
	bool (*is_urgent)(void *data);
	void (*on_pass)(void *data);
	void (*on_append)(unsigned int source, uint64_t seq, const struct raw_record *record,
			  void *data);
	void *data;
};

/* As the time of a merge: nothing will come that could be waited for. */
#define NO_FUTURE UINT64_MAX

struct pass_result {
	uint64_t n_appended;
	unsigned int n_pages;
	bool is_partial;     /* a ring had more than its queue could take */
	uint64_t held_ts;    /* oldest record held back, 0: none */
	uint64_t start;	     /* CLOCK_MONOTONIC, ns */
	uint64_t looked_at;  /* the same of when all rings were looked at: start, or the wake-up */
	uint64_t since_last; /* ns from the start of the pass before */
};

/* reader-pass.c */

enum pass_scope {
	ALL_RINGS,
	READY_RINGS, /* those the loop has said something is in; all if it has said so of none */
};

/*
 * Reads the rings and appends what is complete by the order @window before now. @window is in
 * nanoseconds; 0: what is older than the pass itself.
 */
struct pass_result reader_run_pass(struct reader *r, enum pass_scope scope, uint64_t window);
/* Appends in time order what has been read and is not newer than @watermark. Returns how many. */
uint64_t reader_merge(struct reader *r, uint64_t watermark, uint64_t now);
/* A gap for what the ring of @s has lost and nobody was told yet, dated @ts. */
void reader_tell_overrun(struct reader *r, struct stream *s, uint64_t ts);

/* reader-pace.c */

/* The next pass is in @nsec nanoseconds. */
void reader_schedule(struct reader *r, uint64_t nsec);
/* Passes come in ticks from now on, the first one at once. */
void reader_begin_ticks(struct reader *r);
void reader_stop_waiting(struct reader *r);
/* For the events of the loop: the tick, the wake-up after a ring was ready, a ready ring. */
void reader_on_tick(evutil_socket_t fd, short what, void *data);
void reader_on_wake(evutil_socket_t fd, short what, void *data);
void reader_on_readable(evutil_socket_t fd, short what, void *data);

#endif
