/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hands the log to its subscribers: who has something to read, when it is sent, and the sending.
 *
 * An append marks its source; after a pass of the reader only subscribers of marked sources are
 * looked at. One that has waited long enough for company, or has a full batch, gets it at once:
 * writev() straight out of the log. A socket that takes only a part ends the batch at the event it
 * stopped in: the rest of that event and the closing of the reply are the only bytes ever copied. A
 * reader that stops reading therefore holds one event's worth of memory and its place in the log.
 *
 * Subscribers with a condition hang on their view (views.h) instead of the sources: they are looked
 * at when an entry was marked there and, so that what is left out is told, once a second when some
 * was. Those with fields get their events cut down in memory that all of them share.
 */
#ifndef KP_DELIVERY_H
#define KP_DELIVERY_H

#include <stdbool.h>
#include <stdint.h>

#include <event2/buffer.h>
#include <event2/event.h>

#include "cleanup.h"
#include "event-log.h"
#include "fields.h"
#include "subscription.h"
#include "views.h"

struct delivery;
struct subscriber;

enum subscriber_event {
	SUBSCRIBER_BLOCKED, /* call subscriber_resume() when the socket takes more */
	SUBSCRIBER_FAILED,  /* the connection is dead */
};

struct subscriber_options {
	int fd;		      /* borrowed: the socket */
	struct evbuffer *out; /* borrowed: what must be sent before any batch */
	uint64_t position;    /* where in the log it begins */
	unsigned int max_latency_msec;
	unsigned int max_batch;
	struct shared_view *view; /* taken over on success; NULL: everything of the sources */
	struct fields *fields;	  /* taken over on success; NULL: events as they are */
	unsigned int sample;	  /* one event in so many; 0: each */
	unsigned int rate;	  /* events a second; 0: any */
	/* Called from within delivery; must not free the subscriber. */
	void (*on_event)(enum subscriber_event event, void *data);
	void *data;
};

int delivery_new(struct event_base *base, struct event_log *log, struct delivery **ret);
struct delivery *delivery_free(struct delivery *d);
DEFINE_CLEANUP(struct delivery *, delivery_free);

int subscriber_new(struct delivery *d, const struct subscriber_options *options,
		   struct subscriber **ret);
struct subscriber *subscriber_free(struct subscriber *s);
DEFINE_CLEANUP(struct subscriber *, subscriber_free);

int subscriber_add_source(struct subscriber *s, unsigned int source);

/* What the log has already: to be called once, after the sources were added. */
void subscriber_start(struct subscriber *s);

/* The socket takes more again. */
void subscriber_resume(struct subscriber *s);

/* The position of everything that was sent or is in the out buffer. */
uint64_t subscriber_position(const struct subscriber *s);

unsigned int delivery_count(const struct delivery *d);
/* Whether a subscriber wants its events at once, and not when it suits. */
bool delivery_is_urgent(const struct delivery *d);

/* Of all subscribers there were, since the start: events sent, and told of as not sent. */
struct delivery_totals {
	uint64_t events;
	uint64_t filtered;
	uint64_t sampled; /* of those filtered: by their samples */
	uint64_t rate_limited;
	uint64_t overtaken;
	/* Told of as lost before the log. */
	uint64_t missed, recursion, overrun;
};
const struct delivery_totals *delivery_totals(const struct delivery *d);

/*
 * The account of one subscriber: every hit of its probes since it began is in exactly one of the
 * counts, but for what the kernel's rings still hold.
 */
struct subscriber_account {
	struct delivery_totals sent; /* what was left out counts when it was, told or not */
	uint64_t waiting;	     /* in the log, still to be sent or left out */
	bool is_uncounted;	     /* something was lost of which the number is not known */
};
struct subscriber_account subscriber_account(const struct subscriber *s);

/* The views of subscribers. Borrowed. */
struct views *delivery_views(const struct delivery *d);

/* For reader_options: an entry was appended; a pass is over. */
void delivery_append(struct delivery *d, unsigned int source, uint64_t seq,
		     const struct raw_record *record);
void delivery_pass(struct delivery *d);

/*
 * Sends everything that is due or not, as far as the sockets take it: before stopping. Whether that
 * was all; if not, to be called again in a moment.
 */
bool delivery_flush(struct delivery *d);

/*
 * Writes one reply of Events.Read to @out: at most @max_events from @view's position on, cut
 * down to @fields (NULL: as they are); moves the view. 0 or -ENOMEM.
 */
int delivery_read(struct subscription *view, size_t max_events, const struct fields *fields,
		  struct evbuffer *out);

/* The first reply of a subscription: no events, where it begins. 0 or -ENOMEM. */
int delivery_greet(const struct event_log *log, uint64_t position, struct evbuffer *out);

#endif
