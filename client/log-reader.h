/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The daemon's event log, read where it lies while the daemon writes it (log-layout.h).
 *
 * A reader does by itself what the daemon does for a subscription on the socket: it knows the
 * sources that its selectors mean, those that are added later included, moves a cursor over the
 * index, hands out batches of their events, and tells what it lost by falling behind, source by
 * source, to the event. It writes nothing, so the daemon does not know where it stands.
 *
 * Every entry and text is copied out first and believed only when the log has been seen not to have
 * overwritten it.
 */
#ifndef KP_LOG_READER_H
#define KP_LOG_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "log-layout.h"
#include "slice.h"
#include "text.h"

struct log_reader;

/* An entry that is given out. */
struct log_item {
	uint64_t seq;
	uint64_t ts;		  /* CLOCK_MONOTONIC, ns */
	struct log_counts before; /* of its source, before it */
	size_t at;		  /* offset of its text in the batch's copy */
	uint32_t length;	  /* with the comma, or what else is behind the text */
	uint32_t tid;
	uint16_t source;
	uint16_t cpu;
	uint16_t flags; /* enum log_flags */
};

/* What comes next; borrowed until the next call. */
struct log_batch {
	struct slice gaps;   /* an array; no text: none */
	struct slice events; /* an array; no text: none */
	size_t n_events;
	/* The same events, one by one; the byte behind a text may be overwritten. */
	const struct log_item *items;
	char *copy;
};

/*
 * A reader of the log in the memfd @fd, which is borrowed and can be closed afterwards.
 *
 * @selectors: @n ids, names or globs; copied
 * @position: sequence number to begin with
 *
 * Returns 0, -EBADMSG (no log of this version and layout, or one that could shrink under the
 * reader), -ENOMEM, or the errno of mmap().
 */
int log_reader_new(int fd, const char *const *selectors, size_t n, uint64_t position,
		   struct log_reader **ret);
/* Returns NULL. */
struct log_reader *log_reader_free(struct log_reader *r);

/*
 * Takes the next batch of at most @max_events events, one at least. Returns 1, 0 when the log has
 * no more, -EBADMSG, or -ENOMEM.
 */
int log_reader_next(struct log_reader *r, size_t max_events, struct log_batch *ret);

/* Everything before it is accounted for; and the log it is of. */
uint64_t log_reader_position(const struct log_reader *r);
uint32_t log_reader_epoch(const struct log_reader *r);

#endif
