/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See delivery.h. */
#include "delivery.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include <utlist.h>

#include "reader.h"

/* Bytes in one reply: enough to make the system calls few, little enough to be fair. */
#define BATCH_BYTES (256 * 1024)
/* Replies sent to one subscriber before the others get a turn. */
#define BATCHES_PER_TURN 8
/* Bytes of one reply of Read. */
#define READ_BYTES (4 * 1024 * 1024)

#define NSEC_PER_MSEC 1000000ULL

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
	struct event *timer;	      /* owned: the earliest subscriber that waits for company */
	struct source_state *sources; /* owned, by slot */
	uint16_t *marked;	      /* owned */
	size_t n_marked;
	struct subscriber *all;
	struct subscriber *pending; /* has entries to send and is not blocked */
	unsigned int count;
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
	uint64_t sent_at;
	struct subscriber *next, *prev;			/* all */
	struct subscriber *pending_next, *pending_prev; /* pending */
};

static void on_timer(evutil_socket_t fd, short what, void *data);
static void note_marked(struct delivery *d);

int delivery_new(struct event_base *base, struct event_log *log, struct delivery **ret)
{
	_cleanup_(delivery_freep) struct delivery *d = calloc(1, sizeof(*d));

	if (!d)
		return -ENOMEM;
	d->log = log;
	d->sources = calloc(event_log_source_limit(), sizeof(*d->sources));
	d->marked = calloc(event_log_source_limit(), sizeof(*d->marked));
	d->timer = evtimer_new(base, on_timer, d);
	if (!d->sources || !d->marked || !d->timer)
		return -ENOMEM;

	*ret = take_ptr(d);
	return 0;
}

struct delivery *delivery_free(struct delivery *d)
{
	if (d->timer)
		event_free(d->timer);
	free(d->sources);
	free(d->marked);
	free(d);
	return NULL;
}

int subscriber_new(struct delivery *d, const struct subscriber_options *options,
		   struct subscriber **ret)
{
	struct subscriber *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	/* What was appended before it came is not news to it. */
	note_marked(d);
	s->delivery = d;
	s->options = *options;
	subscription_init(&s->view, d->log, options->position);
	DL_APPEND(d->all, s);
	d->count++;
	*ret = s;
	return 0;
}

static void set_pending(struct subscriber *s, bool pending)
{
	struct delivery *d = s->delivery;

	if (s->is_pending == pending)
		return;
	if (pending)
		DL_APPEND2(d->pending, s, pending_prev, pending_next);
	else
		DL_DELETE2(d->pending, s, pending_prev, pending_next);
	s->is_pending = pending;
}

/* The links are an array that moves when it grows, so all of them leave their lists for that. */
static void unlink_all(struct subscriber *s)
{
	for (size_t i = 0; i < s->n_links; i++)
		DL_DELETE(s->delivery->sources[s->slots[i]].subscribers, &s->links[i]);
}

static void link_all(struct subscriber *s)
{
	for (size_t i = 0; i < s->n_links; i++)
		DL_APPEND(s->delivery->sources[s->slots[i]].subscribers, &s->links[i]);
}

struct subscriber *subscriber_free(struct subscriber *s)
{
	set_pending(s, false);
	unlink_all(s);
	DL_DELETE(s->delivery->all, s);
	s->delivery->count--;
	subscription_done(&s->view);
	free(s->links);
	free(s->slots);
	free(s);
	return NULL;
}

static int grow_links(struct subscriber *s)
{
	size_t size = s->links_size ? 2 * s->links_size : 4;
	struct link *links = malloc(size * sizeof(*links));
	uint16_t *slots = realloc(s->slots, size * sizeof(*slots));

	if (slots)
		s->slots = slots;
	if (!links || !slots) {
		free(links);
		return -ENOMEM;
	}
	unlink_all(s);
	for (size_t i = 0; i < s->n_links; i++)
		links[i] = (struct link){.subscriber = s};
	free(s->links);
	s->links = links;
	s->links_size = size;
	link_all(s);
	return 0;
}

int subscriber_add_source(struct subscriber *s, unsigned int source)
{
	int r;

	r = subscription_add_source(&s->view, source);
	if (r < 0)
		return r;
	for (size_t i = 0; i < s->n_links; i++)
		if (s->slots[i] == source)
			return 0;
	if (s->n_links == s->links_size) {
		r = grow_links(s);
		if (r < 0)
			return r;
	}
	s->slots[s->n_links] = (uint16_t)source;
	s->links[s->n_links] = (struct link){.subscriber = s};
	DL_APPEND(s->delivery->sources[source].subscribers, &s->links[s->n_links]);
	s->n_links++;
	return 0;
}

uint64_t subscriber_position(const struct subscriber *s)
{
	return s->view.position;
}

unsigned int delivery_count(const struct delivery *d)
{
	return d->count;
}

/*
 * The opening of a reply, with the gaps in it, and its closing. The pieces are written so that
 * between them there are only events and commas.
 */
static size_t put_opening(const struct batch *b, char *buf, size_t size)
{
	if (b->gaps_len == 0)
		return (size_t)snprintf(buf, size, "{\"parameters\":{\"events\":[");
	return (size_t)snprintf(buf, size, "{\"parameters\":{\"gaps\":[%.*s],\"events\":[",
				(int)b->gaps_len, b->gaps);
}

static size_t put_closing(const struct event_log *log, uint64_t position, bool continues, char *buf,
			  size_t size)
{
	char cursor[CURSOR_TEXT_MAX];

	cursor_format(log, position, cursor);
	/* With the NUL that ends a message. */
	return (size_t)snprintf(buf, size, "],\"cursor\":\"%s\"}%s}", cursor,
				continues ? ",\"continues\":true" : "") +
	       1;
}

#define CLOSING_MAX (64 + CURSOR_TEXT_MAX)
#define OPENING_MAX (64 + BATCH_GAP_BYTES)

int delivery_greet(const struct event_log *log, uint64_t position, struct evbuffer *out)
{
	struct batch none = {0};
	char text[OPENING_MAX + CLOSING_MAX];
	size_t n = put_opening(&none, text, sizeof(text));

	n += put_closing(log, position, true, text + n, sizeof(text) - n);
	return evbuffer_add(out, text, n) < 0 ? -ENOMEM : 0;
}

int delivery_read(struct subscription *view, size_t max_events, struct evbuffer *out)
{
	static struct batch b; /* 16 KiB; one thread */
	char text[OPENING_MAX];
	size_t n;
	int r = 0;

	batch_compose(view, max_events, READ_BYTES, &b);
	n = put_opening(&b, text, sizeof(text));
	r |= evbuffer_add(out, text, n);
	for (size_t i = 0; i < b.n_runs; i++)
		r |= evbuffer_add(out, b.runs[i].iov_base, b.runs[i].iov_len);
	n = put_closing(view->log, b.end, false, text, sizeof(text));
	r |= evbuffer_add(out, text, n);
	if (r < 0)
		return -ENOMEM;
	subscription_consume(view, &b, b.end);
	return 0;
}

/* Copies what the socket did not take of a batch that ends where it stopped. Returns that end. */
static int keep_rest(struct subscriber *s, const struct batch *b, const char *opening,
		     size_t opening_len, size_t sent, uint64_t *ret_end)
{
	struct evbuffer *out = s->options.out;
	char closing[CLOSING_MAX];
	size_t closing_len, before;
	const struct log_entry *e;
	int r = 0;

	if (sent < opening_len) {
		r = evbuffer_add(out, opening + sent, opening_len - sent);
		*ret_end = b->first;
		sent = 0;
	} else if (sent - opening_len < b->n_bytes) {
		e = batch_find(&s->view, b, sent - opening_len, &before);
		r = evbuffer_add(out, event_log_text(s->view.log, e) + before,
				 e->text_len - 1 - before);
		*ret_end = e->seq + 1;
		sent = 0;
	} else {
		*ret_end = b->end;
		sent -= opening_len + b->n_bytes;
	}
	closing_len = put_closing(s->view.log, *ret_end, true, closing, sizeof(closing));
	r |= evbuffer_add(out, closing + sent, closing_len - sent);
	return r < 0 ? -ENOMEM : 0;
}

/* Sends one batch. 1: sent; 0: nothing to send, or the socket is full; negative: dead. */
static int send_batch(struct subscriber *s)
{
	static struct batch b; /* 16 KiB; one thread */
	struct iovec iov[BATCH_PIECES + 2];
	char opening[OPENING_MAX], closing[CLOSING_MAX];
	size_t opening_len, closing_len, n = 0;
	uint64_t end;
	ssize_t sent;
	int r;

	if (!batch_compose(&s->view, s->options.max_batch, BATCH_BYTES, &b)) {
		/* What stands in between is not ours: the cursor moves over it. */
		subscription_consume(&s->view, &b, event_log_next(s->view.log));
		return 0;
	}
	opening_len = put_opening(&b, opening, sizeof(opening));
	closing_len = put_closing(s->view.log, b.end, true, closing, sizeof(closing));
	iov[n++] = (struct iovec){opening, opening_len};
	memcpy(iov + n, b.runs, b.n_runs * sizeof(*iov));
	n += b.n_runs;
	iov[n++] = (struct iovec){closing, closing_len};

	do {
		sent = writev(s->options.fd, iov, (int)n);
	} while (sent < 0 && errno == EINTR);
	if (sent < 0 && errno != EAGAIN)
		return -errno;
	if (sent <= 0) {
		s->is_blocked = true;
		return 0;
	}
	end = b.end;
	if ((size_t)sent < opening_len + b.n_bytes + closing_len) {
		r = keep_rest(s, &b, opening, opening_len, (size_t)sent, &end);
		if (r < 0)
			return r;
		s->is_blocked = true;
	}
	subscription_consume(&s->view, &b, end);
	return 1;
}

/* Sends what there is, for one turn; it stays pending when there may be more. */
static void send_pending(struct subscriber *s, uint64_t now)
{
	int r = 1;

	s->is_blocked = evbuffer_get_length(s->options.out) > 0;
	s->sent_at = now;
	for (int i = 0; i < BATCHES_PER_TURN && r > 0 && !s->is_blocked; i++)
		r = send_batch(s);
	if (r < 0)
		s->is_dead = true;
	if (r <= 0 || s->is_blocked)
		set_pending(s, false);
	if (s->is_dead)
		s->options.on_event(SUBSCRIBER_FAILED, s->options.data);
	else if (s->is_blocked)
		s->options.on_event(SUBSCRIBER_BLOCKED, s->options.data);
}

static bool is_due(const struct subscriber *s, uint64_t now)
{
	return now - s->sent_at >= s->options.max_latency_msec * NSEC_PER_MSEC ||
	       event_log_next(s->view.log) - s->view.position >= s->options.max_batch;
}

/*
 * Tells the subscribers of the marked sources where what is new begins. Before anything is sent to
 * anybody, whatever the occasion: a cursor passes over entries that it has not been told of.
 */
static void note_marked(struct delivery *d)
{
	for (size_t i = 0; i < d->n_marked; i++) {
		struct source_state *state = &d->sources[d->marked[i]];
		struct link *link;

		DL_FOREACH (state->subscribers, link) {
			struct subscriber *s = link->subscriber;

			subscription_note(&s->view, d->marked[i], state->first_seq);
			if (!s->is_blocked && !s->is_dead)
				set_pending(s, true);
		}
		state->is_marked = false;
	}
	d->n_marked = 0;
}

/* Sends to all that are due and sets the timer for the first of the others. */
static void serve_pending(struct delivery *d)
{
	struct subscriber *s, *tmp;
	uint64_t now = now_nsec(), earliest = UINT64_MAX;

	note_marked(d);
	DL_FOREACH_SAFE2(d->pending, s, tmp, pending_next)
	{
		uint64_t due;

		if (is_due(s, now))
			send_pending(s, now);
		if (!s->is_pending)
			continue;
		due = s->sent_at + s->options.max_latency_msec * NSEC_PER_MSEC;
		/* Its turn is over, but it has more: as soon as the others have had theirs. */
		if (s->sent_at == now)
			due = now;
		earliest = due < earliest ? due : earliest;
	}
	if (earliest != UINT64_MAX) {
		uint64_t wait = earliest > now ? earliest - now : 0;
		struct timeval tv = {.tv_sec = (time_t)(wait / 1000000000ULL),
				     .tv_usec = (suseconds_t)(wait % 1000000000ULL / 1000)};

		event_add(d->timer, &tv);
	}
}

static void on_timer(evutil_socket_t fd, short what, void *data)
{
	serve_pending(data);
}

void subscriber_start(struct subscriber *s)
{
	set_pending(s, true);
	serve_pending(s->delivery);
}

void subscriber_resume(struct subscriber *s)
{
	if (s->is_dead || !s->is_blocked)
		return;
	s->is_blocked = false;
	set_pending(s, true);
	serve_pending(s->delivery);
}

void delivery_append(struct delivery *d, unsigned int source, uint64_t seq)
{
	struct source_state *state = &d->sources[source];

	if (state->is_marked)
		return;
	state->is_marked = true;
	state->first_seq = seq;
	d->marked[d->n_marked++] = (uint16_t)source;
}

void delivery_pass(struct delivery *d)
{
	serve_pending(d);
}

bool delivery_flush(struct delivery *d)
{
	struct subscriber *s, *tmp;
	bool is_done = true;

	note_marked(d);
	DL_FOREACH_SAFE (d->all, s, tmp) {
		if (s->is_dead)
			continue;
		set_pending(s, true);
		for (int i = 0; i < 1024 && s->is_pending; i++)
			send_pending(s, 0);
		is_done &= s->is_dead || s->view.position >= event_log_next(d->log);
	}
	return is_done;
}
