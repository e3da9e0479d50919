/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See delivery.h. */
#include "delivery-internal.h"

#include <errno.h>
#include <stdlib.h>

#include <utlist.h>

#include "reader.h"

/* Replies sent to one subscriber before the others get a turn. */
#define BATCHES_PER_TURN 8
/*
 * And so long all of them are sent to at a time: the kernel's rings wait meanwhile, and what they
 * lose is lost to everybody, while in the log events can wait for long.
 */
#define SERVE_NSEC (5 * NSEC_PER_MSEC)

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
	d->n_urgent += reader_is_urgent(options->max_latency_msec);
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
	s->delivery->n_urgent -= reader_is_urgent(s->options.max_latency_msec);
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

struct subscriber_account subscriber_account(const struct subscriber *s)
{
	struct subscriber_account a = {
		.sent = s->account,
		.waiting = subscription_waiting(&s->view),
		.is_uncounted = s->is_uncounted,
	};

	/* Negative when it was told ahead. */
	a.sent.filtered += (uint64_t)s->view.filtered;
	a.sent.sampled += (uint64_t)s->view.sampled;
	a.sent.rate_limited += (uint64_t)s->view.rate_limited;
	return a;
}

unsigned int delivery_count(const struct delivery *d)
{
	return d->count;
}

bool delivery_is_urgent(const struct delivery *d)
{
	return d->n_urgent > 0;
}

/* Sends what there is, for one turn; it stays pending when there may be more. */
static void send_pending(struct subscriber *s, uint64_t now)
{
	int r = 1;

	s->is_blocked = evbuffer_get_length(s->options.out) > 0;
	s->sent_at = now;
	for (int i = 0; i < BATCHES_PER_TURN && r > 0 && !s->is_blocked; i++)
		r = subscriber_send_batch(s, now);
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
	unsigned int n_served = 0;

	note_marked(d);
	earliest = note_views(d, now);
	DL_FOREACH_SAFE2(d->pending, s, tmp, pending_next)
	{
		uint64_t due;

		if (due_time(s) <= now && s->sent_at != now) {
			if (n_served++ && now_nsec() - now > SERVE_NSEC) {
				earliest = now;
				break;
			}
			send_pending(s, now);
			/* In the next turn it comes after those that wait now. */
			if (s->is_pending) {
				set_pending(s, false);
				set_pending(s, true);
			}
		}
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
