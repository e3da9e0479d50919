/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which entries of the log meet a condition: three bits per entry, set as it is appended, for
 * everyone who has the same condition on the same probes.
 *
 * Bits are kept by sequence number in words of 64, as many as the log can hold, each with how many
 * were set before it. So the next entry that is wanted is found without a look at those that are
 * not, and how many lie between two places is a subtraction. Nothing is done for entries of others:
 * words are cleared when the view's next entry comes.
 */
#ifndef KP_VIEW_H
#define KP_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "cleanup.h"
#include "event-log.h"
#include "filter-parse.h"

struct view_word {
	uint64_t events; /* that meet the condition */
	uint64_t gaps;
	uint64_t left_out;	/* events that do not */
	uint64_t events_before; /* this word, since the view began */
	uint64_t left_out_before;
};

struct view {
	const struct event_log *log; /* borrowed */
	struct filter *filter;	     /* owned */
	uint64_t begin;		     /* entries from here on have their bits */
	uint64_t last;		     /* the newest word, counted from sequence number 0 */
	uint64_t n_words;
	struct view_word *words; /* owned */
	uint64_t n_events, n_left_out;
};

struct view_counts {
	uint64_t events;
	uint64_t left_out;
};

enum view_mark {
	VIEW_EVENT,
	VIEW_LEFT_OUT,
	VIEW_GAP,
};

/* From the log's end on; takes @filter over on success. 0 or -ENOMEM. */
int view_new(const struct event_log *log, struct filter *filter, struct view **ret);
struct view *view_free(struct view *v);
DEFINE_CLEANUP(struct view *, view_free);

/* The entry @seq is the newest in the log. */
void view_mark(struct view *v, uint64_t seq, enum view_mark mark);

/* What came before @seq, which the view has seen and the log holds, or its end. */
struct view_counts view_count(const struct view *v, uint64_t seq);

/*
 * The first event that meets the condition, or gap, at @from or behind it; UINT64_MAX: there is
 * none. @from as for view_count().
 */
uint64_t view_next(const struct view *v, uint64_t from);
/* As view_next(), of gaps alone. */
uint64_t view_next_gap(const struct view *v, uint64_t from);

#endif
