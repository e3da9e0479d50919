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
/* What was left out is told this often where nothing else is sent. */
#define TELL_NSEC (1000 * NSEC_PER_MSEC)
/* Bytes of events that are cut down for one reply. */
#define CUT_BYTES (64 * 1024)

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
	struct subscriber *view_next, *view_prev;	/* of the same view */
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
	if (views_new(log, &d->views) < 0)
		return -ENOMEM;
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
	if (d->views)
		views_free(d->views);
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
	s->view.pace = (struct pace){.sample = options->sample, .rate = options->rate};
	s->told_at = now_nsec();
	if (options->view) {
		subscription_set_filter(&s->view, options->view->marks->filter,
					options->view->marks);
		DL_APPEND2(options->view->subscribers, s, view_prev, view_next);
	}
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
	if (s->options.view) {
		DL_DELETE2(s->options.view->subscribers, s, view_prev, view_next);
		shared_view_unref(s->options.view);
	}
	if (s->options.fields)
		fields_free(s->options.fields);
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
	if (s->options.view)
		return shared_view_add_source(s->options.view, source);
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

struct views *delivery_views(const struct delivery *d)
{
	return d->views;
}

const struct delivery_totals *delivery_totals(const struct delivery *d)
{
	return &d->totals;
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

/* The events of a batch, one by one. */
struct events {
	const struct event_log *log;
	const struct batch *batch;
	size_t run, offset; /* of the next event */
	uint64_t seq;
};

/* Its text without a comma. False at the end. */
static bool next_event(struct events *it, const char **ret_text, size_t *ret_len)
{
	const struct batch *b = it->batch;
	const struct log_entry *e;

	if (it->run == b->n_runs)
		return false;
	if (it->offset == 0)
		it->seq = b->run_first[it->run];
	e = event_log_entry(it->log, it->seq++);
	*ret_text = event_log_text(it->log, e);
	*ret_len = e->text_len - 1;
	it->offset += e->text_len;
	/* The last event of all has lost its comma. */
	if (it->offset >= b->runs[it->run].iov_len) {
		it->run++;
		it->offset = 0;
	}
	return true;
}

/*
 * The events of @b cut down to @fields, with commas between them, up to and with the one that the
 * byte @until of them lies in. Borrowed until the next call; NULL without memory. *@ret_end is
 * behind the last one's sequence number.
 */
static const char *cut_events(const struct event_log *log, const struct batch *b,
			      const struct fields *fields, size_t until, size_t *ret_len,
			      uint64_t *ret_end)
{
	static char *memory; /* one thread; as large as the largest batch there was */
	static size_t size;
	struct events it = {.log = log, .batch = b};
	const char *text;
	size_t len, n = 0;

	/* Each is no longer than it was. */
	if (size < b->n_bytes + 1) {
		char *p = realloc(memory, b->n_bytes + 1);

		if (!p)
			return NULL;
		memory = p;
		size = b->n_bytes + 1;
	}
	while (n <= until && next_event(&it, &text, &len)) {
		if (n)
			memory[n++] = ',';
		n += fields_write(fields, text, len, memory + n);
		*ret_end = it.seq;
	}
	*ret_len = n;
	return memory;
}

int delivery_read(struct subscription *view, size_t max_events, const struct fields *fields,
		  struct evbuffer *out)
{
	static struct batch b; /* 16 KiB; one thread */
	char text[OPENING_MAX];
	const char *cut;
	uint64_t end;
	size_t n;
	int r = 0;

	view->tell = true;
	batch_compose(view, max_events, fields ? CUT_BYTES : READ_BYTES, &b);
	n = put_opening(&b, text, sizeof(text));
	r |= evbuffer_add(out, text, n);
	if (fields) {
		cut = cut_events(view->log, &b, fields, SIZE_MAX, &n, &end);
		r |= cut ? evbuffer_add(out, cut, n) : -1;
	} else {
		for (size_t i = 0; i < b.n_runs; i++)
			r |= evbuffer_add(out, b.runs[i].iov_base, b.runs[i].iov_len);
	}
	n = put_closing(view->log, b.end, false, text, sizeof(text));
	r |= evbuffer_add(out, text, n);
	if (r < 0)
		return -ENOMEM;
	subscription_consume(view, &b, b.end);
	return 0;
}

/* One reply: its opening, its events, its closing. */
struct reply {
	char opening[OPENING_MAX], closing[CLOSING_MAX];
	size_t opening_len, events_len, closing_len;
	struct iovec iov[BATCH_PIECES + 2];
	size_t n_iov;
};

static int make_reply(const struct subscriber *s, const struct batch *b, struct reply *r)
{
	const struct event_log *log = s->view.log;
	const char *cut;
	uint64_t end;

	r->opening_len = put_opening(b, r->opening, sizeof(r->opening));
	r->closing_len = put_closing(log, b->end, true, r->closing, sizeof(r->closing));
	r->events_len = b->n_bytes;
	r->iov[0] = (struct iovec){r->opening, r->opening_len};
	if (s->options.fields) {
		cut = cut_events(log, b, s->options.fields, SIZE_MAX, &r->events_len, &end);
		if (!cut)
			return -ENOMEM;
		r->iov[1] = (struct iovec){(void *)cut, r->events_len};
		r->n_iov = 2;
	} else {
		memcpy(r->iov + 1, b->runs, b->n_runs * sizeof(r->iov[0]));
		r->n_iov = 1 + b->n_runs;
	}
	r->iov[r->n_iov++] = (struct iovec){r->closing, r->closing_len};
	return 0;
}

/* Copies the rest of the event that byte @at of the reply's events is in. Returns where it ends. */
static int keep_event(struct subscriber *s, const struct batch *b, size_t at, uint64_t *ret_end)
{
	struct evbuffer *out = s->options.out;
	const struct log_entry *e;
	const char *cut;
	size_t before, len;

	if (s->options.fields) {
		cut = cut_events(s->view.log, b, s->options.fields, at, &len, ret_end);
		return cut ? evbuffer_add(out, cut + at, len - at) : -1;
	}
	e = batch_find(&s->view, b, at, &before);
	*ret_end = e->seq + 1;
	return evbuffer_add(out, event_log_text(s->view.log, e) + before, e->text_len - 1 - before);
}

/* Copies what the socket did not take of a batch that ends where it stopped. Returns that end. */
static int keep_rest(struct subscriber *s, const struct batch *b, const struct reply *reply,
		     size_t sent, uint64_t *ret_end)
{
	struct evbuffer *out = s->options.out;
	char closing[CLOSING_MAX];
	size_t closing_len;
	int r = 0;

	if (sent < reply->opening_len) {
		r = evbuffer_add(out, reply->opening + sent, reply->opening_len - sent);
		*ret_end = b->first;
		sent = 0;
	} else if (sent - reply->opening_len < reply->events_len) {
		r = keep_event(s, b, sent - reply->opening_len, ret_end);
		sent = 0;
	} else {
		*ret_end = b->end;
		sent -= reply->opening_len + reply->events_len;
	}
	closing_len = put_closing(s->view.log, *ret_end, true, closing, sizeof(closing));
	r |= evbuffer_add(out, closing + sent, closing_len - sent);
	return r < 0 ? -ENOMEM : 0;
}

/* What of @b was sent: its gaps, and its events before @end. */
static void count_sent(struct delivery *d, const struct batch *b, uint64_t end)
{
	struct events it = {.log = d->log, .batch = b};
	const char *text;
	size_t len;

	d->totals.filtered += (uint64_t)b->filtered_told;
	d->totals.rate_limited += (uint64_t)b->rate_limited_told;
	d->totals.overtaken += b->overtaken;
	if (end == b->end)
		d->totals.events += b->n_events;
	else
		while (next_event(&it, &text, &len) && it.seq <= end)
			d->totals.events++;
}

/* Sends one batch. 1: sent; 0: nothing to send, or the socket is full; negative: dead. */
static int send_batch(struct subscriber *s, uint64_t now)
{
	static struct batch b;	   /* 16 KiB; one thread */
	static struct reply reply; /* as large */
	uint64_t end;
	ssize_t sent;
	int r;

	s->view.tell = now - s->told_at >= TELL_NSEC;
	if (!batch_compose(&s->view, s->options.max_batch,
			   s->options.fields ? CUT_BYTES : BATCH_BYTES, &b)) {
		/* What stands in between is not ours: the cursor moves over it. */
		subscription_consume(&s->view, &b, b.end);
		return b.is_partial;
	}
	r = make_reply(s, &b, &reply);
	if (r < 0)
		return r;
	do {
		sent = writev(s->options.fd, reply.iov, (int)reply.n_iov);
	} while (sent < 0 && errno == EINTR);
	if (sent < 0 && errno != EAGAIN)
		return -errno;
	if (sent <= 0) {
		s->is_blocked = true;
		return 0;
	}
	end = b.end;
	if ((size_t)sent < reply.opening_len + reply.events_len + reply.closing_len) {
		r = keep_rest(s, &b, &reply, (size_t)sent, &end);
		if (r < 0)
			return r;
		s->is_blocked = true;
	}
	if (b.filtered_told || b.rate_limited_told)
		s->told_at = now;
	count_sent(s->delivery, &b, end);
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
		r = send_batch(s, now);
	if (r < 0)
		s->is_dead = true;
	/* With all sent, what was left out since is still to be told, in its time. */
	s->only_tells =
		r == 0 && !s->is_blocked && (s->view.filtered > 0 || s->view.rate_limited > 0);
	if ((r <= 0 && !s->only_tells) || s->is_blocked)
		set_pending(s, false);
	if (s->is_dead)
		s->options.on_event(SUBSCRIBER_FAILED, s->options.data);
	else if (s->is_blocked)
		s->options.on_event(SUBSCRIBER_BLOCKED, s->options.data);
}

/* Whether there is a batch's worth for it, or more. */
static bool has_batch(const struct subscriber *s)
{
	const struct subscription *v = &s->view;
	uint64_t n = event_log_next(v->log) - v->position;

	if (v->view && v->position >= v->view->begin)
		n = v->view->n_events - v->counts.events;
	return n >= s->options.max_batch;
}

/* When it is to be looked at. */
static uint64_t due_time(const struct subscriber *s)
{
	uint64_t due = s->sent_at + s->options.max_latency_msec * NSEC_PER_MSEC;

	if (s->only_tells)
		return due > s->told_at + TELL_NSEC ? due : s->told_at + TELL_NSEC;
	return has_batch(s) ? 0 : due;
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
			s->only_tells = false;
			if (!s->is_blocked && !s->is_dead)
				set_pending(s, true);
		}
		state->is_marked = false;
	}
	d->n_marked = 0;
}

/*
 * The subscribers of views that got something are pending; of those where all was left out, once a
 * second. Returns when the next of these is.
 */
static uint64_t note_views(struct delivery *d, uint64_t now)
{
	uint64_t earliest = UINT64_MAX;
	struct shared_view *view, *tmp;
	struct subscriber *s;

	DL_FOREACH_SAFE2(views_touched(d->views), view, tmp, touched_next)
	{
		if (!view->has_news && now < view->tell_at) {
			earliest = view->tell_at < earliest ? view->tell_at : earliest;
			continue;
		}
		DL_FOREACH2(view->subscribers, s, view_next)
		{
			s->only_tells &= !view->has_news;
			if (!s->is_blocked && !s->is_dead)
				set_pending(s, true);
		}
		view->tell_at = now + TELL_NSEC;
		shared_view_settle(view);
	}
	return earliest;
}

/* Sends to all that are due and sets the timer for the first of the others. */
static void serve_pending(struct delivery *d)
{
	struct subscriber *s, *tmp;
	uint64_t now = now_nsec(), earliest;

	note_marked(d);
	earliest = note_views(d, now);
	DL_FOREACH_SAFE2(d->pending, s, tmp, pending_next)
	{
		uint64_t due;

		if (due_time(s) <= now)
			send_pending(s, now);
		if (!s->is_pending)
			continue;
		due = due_time(s);
		/* Its turn is over, but it has more: as soon as the others have had theirs. */
		if (s->sent_at == now && !s->only_tells)
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

void delivery_append(struct delivery *d, unsigned int source, uint64_t seq,
		     const struct raw_record *record)
{
	struct source_state *state = &d->sources[source];

	views_append(d->views, source, seq, record);
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
		/* Everything is told now. */
		s->told_at = 0;
		for (int i = 0; i < 1024 && s->is_pending; i++)
			send_pending(s, TELL_NSEC);
		is_done &= s->is_dead || s->view.position >= event_log_next(d->log);
	}
	return is_done;
}
