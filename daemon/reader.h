/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From the kernel's rings to the event log: reads the pages of all CPUs of all instances, merges
 * their records by time, decodes and appends them.
 *
 * While events are few the loop waits on the rings and each event wakes it. Loaded, nothing waits:
 * a tick drains every ring, so that the kernel need not wake anybody per event: a short one while
 * that finds little and somebody wants it soon, up to the one configured when there is much.
 *
 * A pass appends what is older than its watermark and holds the rest back, so that the log is in
 * time order across CPUs: what a ring has delivered is complete up to its newest record, and a ring
 * found empty is taken to be complete up to the order window before the pass began, the time a CPU
 * may take between reserving a record and committing it. A record that comes later still is
 * appended out of order, counted, and widens the window. Woken by an event there is no window, and
 * a short one for a CPU that has been silent for as long, unless one was asked for: it would be
 * most of the latency, for an accident that takes many events to happen.
 *
 * Main thread only; never blocks and allocates nothing per event.
 */
#ifndef KP_READER_H
#define KP_READER_H

#include <stdbool.h>
#include <stdint.h>

#include <event2/event.h>

#include "cleanup.h"
#include "decode.h"
#include "event-log.h"
#include "hit-table.h"
#include "instance.h"
#include "symbols.h"

struct reader;

struct reader_options {
	struct event_base *base;  /* borrowed */
	struct event_log *log;	  /* borrowed */
	unsigned int tick_msec;	  /* between passes under load, at most */
	unsigned int window_usec; /* 0: chosen for this machine and what it has to do */
	/* Whether somebody has asked for events sooner than a tick. NULL: nobody does. */
	bool (*is_urgent)(void *data);
	/* Called after a pass that appended: hand out what came. */
	void (*on_pass)(void *data);
	/* Called for each entry as it is appended; @record is what it was made of, NULL: a gap. */
	void (*on_append)(unsigned int source, uint64_t seq, const struct raw_record *record,
			  void *data);
	void *data;
};

struct reader_totals {
	uint64_t recorded;
	uint64_t overrun;
	uint64_t reordered;
	uint64_t unknown; /* records of no event or cookie that is bound */
};

int reader_new(const struct reader_options *options, struct reader **ret);
struct reader *reader_free(struct reader *r);
DEFINE_CLEANUP(struct reader *, reader_free);

/* Begins and ends reading @instance's rings; borrowed in between. */
int reader_add_instance(struct reader *r, struct instance *instance);
void reader_remove_instance(struct reader *r, struct instance *instance);

/* Whether every record read from @instance's rings has been appended. */
bool reader_is_drained(const struct reader *r, const struct instance *instance);
/* Whether all that @instance's rings got before @ts (CLOCK_MONOTONIC, ns) has been appended. */
bool reader_is_past(const struct reader *r, const struct instance *instance, uint64_t ts);
/* Whether nothing has been recorded for a while. */
bool reader_is_idle(const struct reader *r);
/* Whether the next event wakes the loop; if not, the next tick finds it. */
bool reader_is_waiting(const struct reader *r);

/*
 * Records of type @id are decoded by @decoder (borrowed) and attributed to @source. The worker may
 * call both for an event that is not enabled: no record of it can be under way then.
 */
void reader_bind(struct reader *r, unsigned int id, const struct decoder *decoder,
		 unsigned int source);
void reader_unbind(struct reader *r, unsigned int id);

/*
 * Records of type @id are hits of the helper module, each with a cookie at @cookie_offset that says
 * whose it is. 0: there are none. The worker may call it before there are any.
 */
void reader_set_hits(struct reader *r, unsigned int id, unsigned int cookie_offset);
/* Whose they are; borrowed from the reader. */
struct hit_table *reader_hits(struct reader *r);

/* The names for addresses from now on; borrowed, replaced by the next call. */
void reader_set_symbols(struct reader *r, struct symbols *symbols);

/*
 * Appends everything recorded before this call, holding nothing back: for the end of an instance or
 * of the service, when nothing records any more.
 */
void reader_drain(struct reader *r);

/* Reads what the rings have by now, and appends what of it may be: a pass out of turn. */
void reader_catch_up(struct reader *r);

/* Appends a gap to @source now: for losses seen elsewhere (missed hits). */
void reader_append_gap(struct reader *r, unsigned int source, const char *kind, uint64_t count,
		       const char *probe, int cpu, uint64_t since, uint64_t until);

/* Ends a row of reader_append_gap(): hands them out. */
void reader_deliver(struct reader *r);

const struct reader_totals *reader_totals(const struct reader *r);

/* For is_urgent: who lets events wait for so long and no longer wants them while they are new. */
#define READER_URGENT_MSEC 5
static inline bool reader_is_urgent(unsigned int max_latency_msec)
{
	return max_latency_msec <= READER_URGENT_MSEC;
}

/* CLOCK_MONOTONIC in nanoseconds. */
uint64_t now_nsec(void);

#endif
