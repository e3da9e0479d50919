/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The views that somebody reads through, and the judging of each event as it is appended: once per
 * view of its source, however many read through that. A source without views costs a look.
 *
 * A view is found by a key, which says all that makes it what it is: the condition and the
 * selection of probes. Its programs are compiled when a source's first record comes, and again when
 * the source has got another decoder.
 */
#ifndef KP_VIEWS_H
#define KP_VIEWS_H

#include <stdbool.h>
#include <stdint.h>

#include "cleanup.h"
#include "decode.h"
#include "event-log.h"
#include "view.h"

struct views;
struct subscriber;
struct view_source;

struct shared_view {
	struct view *marks;		/* owned */
	struct subscriber *subscribers; /* delivery's list; borrowed */
	bool has_news;			/* marks that its subscribers have not been told of */
	bool has_left_out;		/* the same of events that were left out */
	uint64_t tell_at;		/* not before, CLOCK_MONOTONIC */

	struct views *views;
	char *key; /* owned */
	size_t key_len;
	unsigned int refs;
	bool is_touched;
	struct view_source *sources;
	struct shared_view *next, *prev;		 /* all */
	struct shared_view *touched_next, *touched_prev; /* touched */
};

int views_new(const struct event_log *log, struct views **ret);
struct views *views_free(struct views *v);
DEFINE_CLEANUP(struct views *, views_free);

/* How many there are, each with its memory and its cost per event. */
unsigned int views_count(const struct views *v);
struct shared_view *views_find(const struct views *v, const char *key, size_t key_len);
/*
 * The view of @key, made if need be: then @filter is taken over, and set to NULL. The caller's, to
 * be given back with shared_view_unref(). 0 or -ENOMEM.
 */
int views_get(struct views *v, const char *key, size_t key_len, struct filter **filter,
	      struct shared_view **ret);
struct shared_view *shared_view_unref(struct shared_view *view);

/* Judges entries of the log's source @slot from now on. Twice is no error. 0 or -ENOMEM. */
int shared_view_add_source(struct shared_view *view, unsigned int slot);

/* The newest entry of the log is @seq, of @slot; @record as for the reader's on_append(). */
void views_append(struct views *v, unsigned int slot, uint64_t seq,
		  const struct raw_record *record);

/* The views that something was appended for since views_settle(); the list's links are touched_. */
struct shared_view *views_touched(const struct views *v);
/* Nothing of @view's is left to be told of. */
void shared_view_settle(struct shared_view *view);

#endif
