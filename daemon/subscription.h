/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A cursor into the event log that sees the entries of some sources.
 *
 * A subscription owns no events. Reading is in two steps: batch_compose() says which pieces of the
 * log come next, without changing anything, and subscription_consume() moves the cursor over what
 * was really handed out. With few sources it follows their chains, so that it touches its own
 * entries only; with many it walks the index.
 *
 * With a condition it follows the marks of its view (view.h), from where those begin; what is older
 * is judged by its text, a limited number of entries at a time. What the condition, the sample and
 * the rate leave out is counted, and told with the next batch, so that each batch accounts for
 * everything up to its cursor.
 *
 * Being overtaken by the log is noticed when the next batch is composed; how many events of its own
 * a reader lost is the difference of two ordinals, and exact. (Of those that went before they could
 * be judged by their text, none can be said to have been left out: all count as overtaken.)
 */
#ifndef KP_SUBSCRIPTION_H
#define KP_SUBSCRIPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "event-log.h"
#include "pace.h"
#include "view.h"

struct subscription_source {
	uint16_t slot;
	uint32_t id;
	uint64_t next;		  /* seq of its next entry for us; 0: none known */
	struct log_counts counts; /* of it what is accounted for */
};

struct subscription {
	const struct event_log *log;	     /* borrowed */
	uint64_t position;		     /* everything before it is accounted for */
	struct subscription_source *sources; /* owned */
	size_t n_sources;
	size_t size;
	bool has_uncounted; /* a loss without a number is to be told */
	uint16_t *map;	    /* owned: slot to index + 1, once there are many sources; else NULL */

	/* What of its sources it takes. */
	const struct filter *filter; /* borrowed; NULL: everything */
	const struct view *view;     /* borrowed; NULL: all is judged by its text */
	struct pace pace;
	bool tell; /* what was left out is told even if there is nothing else */
	/* Left out before the position and not told yet; negative: told ahead. */
	int64_t filtered, rate_limited;
	int64_t sampled;	   /* of those filtered: by the sample */
	struct view_counts counts; /* of the view, at the position, once that is in it */
};

void subscription_init(struct subscription *s, const struct event_log *log, uint64_t position);
void subscription_done(struct subscription *s);
/*
 * Takes only what meets @filter (borrowed, as @view). Before the first source is added. @view: who
 * marks the entries of the same sources that meet it, or NULL.
 */
void subscription_set_filter(struct subscription *s, const struct filter *filter,
			     const struct view *view);

/*
 * Sees the entries of @slot from the cursor's position on. Adding a source twice is no error. 0 or
 * -ENOMEM.
 */
int subscription_add_source(struct subscription *s, unsigned int slot);

/*
 * Events of its sources that the log has and the cursor has not come to, those that will be left
 * out included. Of what is to be judged by its text and of sources that have gone, as far as known.
 */
uint64_t subscription_waiting(const struct subscription *s);

/* The source has a new entry @seq: called for each append, before the next batch. */
void subscription_note(struct subscription *s, unsigned int slot, uint64_t seq);

#define BATCH_PIECES 512
/* Gap entries in one batch, and their text. */
#define BATCH_GAP_BYTES 4096

/* What comes next: gaps first, then runs of neighbouring events. */
struct batch {
	char gaps[BATCH_GAP_BYTES]; /* Gap objects with commas between them */
	size_t gaps_len;
	uint64_t first; /* position after the gaps: where the events begin */
	uint64_t end;	/* position after all of it */
	size_t n_events;
	size_t n_bytes; /* of all runs, the last comma left out */
	/* Of the view, or of the texts judged: left out up to the end, and told in the gaps. */
	int64_t filtered, rate_limited;
	int64_t filtered_told, rate_limited_told;
	int64_t sampled, sampled_told; /* of those filtered */
	uint64_t overtaken;	       /* told in the gaps, as the next */
	uint64_t missed, recursion, overrun;
	bool is_uncounted; /* and a loss without a number */
	struct pace pace;  /* at the end */
	bool is_partial;   /* enough was judged for once: there may be more behind the end */
	size_t n_runs;
	struct iovec runs[BATCH_PIECES];  /* borrowed from the log */
	uint64_t run_first[BATCH_PIECES]; /* seq of the first entry of each */
};

/*
 * Composes the next batch of at most @max_events events and @max_bytes bytes (one event at least).
 * Returns whether there is anything in it.
 */
bool batch_compose(const struct subscription *s, size_t max_events, size_t max_bytes,
		   struct batch *ret);

/*
 * Accounts for the gaps of @batch and its events before @end (batch->end for all of them), and
 * moves the cursor there.
 */
void subscription_consume(struct subscription *s, const struct batch *batch, uint64_t end);

/* Where in @batch the byte @offset of its runs lies: the entry, and how many bytes of it precede.
 */
const struct log_entry *batch_find(const struct subscription *s, const struct batch *batch,
				   size_t offset, size_t *ret_before);

/* "5f3a9c0d:1234", and back: 0, -EINVAL for no cursor, -ESTALE for one of another log. */
#define CURSOR_TEXT_MAX 32
int cursor_format(const struct event_log *log, uint64_t position, char *buf);
int cursor_parse(const struct event_log *log, const char *text, uint64_t *ret);

#endif
