/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What delivery.c (who is sent something, and when) and delivery-send.c (how) share. */
#ifndef KP_DELIVERY_INTERNAL_H
#define KP_DELIVERY_INTERNAL_H

#include "delivery.h"

#define NSEC_PER_MSEC 1000000ULL
/* What was left out is told this often where nothing else is sent. */
#define TELL_NSEC (1000 * NSEC_PER_MSEC)

/* A subscriber's place in the list of a source. */
struct link {
	struct subscriber *subscriber;
	struct link *next, *prev;
};

struct source_state {
	struct link *subscribers;
	bool is_marked;
	uint64_t first_seq; /* of this pass */
};

struct delivery {
	struct event_log *log;
	struct views *views;	      /* owned */
	struct event *timer;	      /* owned: the earliest subscriber that waits for company */
	struct source_state *sources; /* owned, by slot */
	uint16_t *marked;	      /* owned */
	size_t n_marked;
	struct subscriber *all;
	struct subscriber *pending; /* has entries to send and is not blocked */
	unsigned int count;
	unsigned int n_urgent;
	struct delivery_totals totals;
};

struct subscriber {
	struct delivery *delivery;
	struct subscription view;
	struct subscriber_options options;
	struct link *links; /* owned, one per source */
	uint16_t *slots;    /* owned: of the links */
	size_t n_links, links_size;
	bool is_pending;
	bool is_blocked;
	bool is_dead;
	bool only_tells; /* pending for what was left out alone */
	uint64_t sent_at;
	uint64_t told_at;
	struct delivery_totals account;
	bool is_uncounted;
	struct subscriber *view_next, *view_prev;	/* of the same view */
	struct subscriber *next, *prev;			/* all */
	struct subscriber *pending_next, *pending_prev; /* pending */
};

/* Sends one batch. 1: sent; 0: nothing to send, or the socket is full; negative: dead. */
int subscriber_send_batch(struct subscriber *s, uint64_t now);

#endif
