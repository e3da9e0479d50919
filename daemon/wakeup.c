/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See wakeup.h. */
#include "wakeup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <utlist.h>

#include "reader.h"

/* Bytes that a client can leave unread: enough that it is woken, and no more memory than that. */
#define PIPE_BYTES 4096

#define NSEC_PER_MSEC 1000000ULL

/* Who watches a slot of the log, and for which source: the slot may be another's later. */
struct watcher {
	struct wakeup *wakeup; /* borrowed */
	uint32_t source_id;
};

/* A slot that somebody watches, and how far its source had come after the last pass. */
struct watched {
	unsigned int slot;
	uint32_t source_id;
	struct log_counts counts;
	struct watcher *who; /* owned */
	size_t n_who, who_size;
};

struct wakeups {
	const struct event_log *log; /* borrowed */
	struct event *timer;	     /* owned: the earliest that waits for company */
	struct watched *watched;     /* owned */
	size_t n_watched, watched_size;
	uint16_t *index; /* owned: slot to place in watched + 1 */
	struct wakeup *pending;
	uint64_t next_seq; /* of the log after the last pass */
	uint64_t published;
	unsigned int count, n_urgent;
};

struct wakeup {
	struct wakeups *wakeups; /* borrowed (outlives it) */
	int fd;			 /* owned: the end that is written */
	uint64_t latency_nsec;
	unsigned int max_batch;
	uint64_t woken_at;  /* CLOCK_MONOTONIC, ns */
	uint64_t woken_seq; /* next_seq of the log then */
	uint64_t woken_published;
	/* The same as of the last wakeup that was found to be taken. */
	uint64_t taken_seq, taken_published;
	struct wakeup_account account; /* but for the last two */
	bool is_pending;
	struct wakeup *next, *prev; /* pending */
};

static void on_timer(evutil_socket_t fd, short what, void *data);

int wakeups_new(struct event_base *base, const struct event_log *log, struct wakeups **ret)
{
	_cleanup_(wakeups_freep) struct wakeups *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	w->log = log;
	w->next_seq = event_log_next(log);
	w->index = calloc(event_log_source_limit(), sizeof(*w->index));
	w->timer = evtimer_new(base, on_timer, w);
	if (!w->index || !w->timer)
		return -ENOMEM;
	*ret = take_ptr(w);
	return 0;
}

struct wakeups *wakeups_free(struct wakeups *w)
{
	if (w->timer)
		event_free(w->timer);
	free(w->index);
	free(w->watched);
	free(w);
	return NULL;
}

unsigned int wakeups_count(const struct wakeups *w)
{
	return w->count;
}

bool wakeups_is_urgent(const struct wakeups *w)
{
	return w->n_urgent > 0;
}

int wakeup_new(struct wakeups *w, unsigned int max_latency_msec, unsigned int max_batch,
	       int *ret_fd, struct wakeup **ret)
{
	struct wakeup *c = calloc(1, sizeof(*c));
	int fds[2];

	if (!c)
		return -ENOMEM;
	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0) {
		free(c);
		return -errno;
	}
	/* At best: a pipe that is larger than it need be does no harm. */
	(void)fcntl(fds[1], F_SETPIPE_SZ, PIPE_BYTES);
	*c = (struct wakeup){
		.wakeups = w,
		.fd = fds[1],
		.latency_nsec = max_latency_msec * NSEC_PER_MSEC,
		.max_batch = max_batch,
		.woken_seq = event_log_next(w->log),
		.taken_seq = event_log_next(w->log),
	};
	w->count++;
	w->n_urgent += reader_is_urgent(max_latency_msec);
	*ret_fd = fds[0];
	*ret = c;
	return 0;
}

static void set_pending(struct wakeup *c, bool pending)
{
	if (c->is_pending == pending)
		return;
	if (pending)
		DL_APPEND(c->wakeups->pending, c);
	else
		DL_DELETE(c->wakeups->pending, c);
	c->is_pending = pending;
}

/* Nobody watches it any more: the last one takes its place. */
static void drop_watched(struct wakeups *w, size_t i)
{
	free(w->watched[i].who);
	w->index[w->watched[i].slot] = 0;
	w->watched[i] = w->watched[--w->n_watched];
	if (i < w->n_watched)
		w->index[w->watched[i].slot] = (uint16_t)(i + 1);
}

struct wakeup *wakeup_free(struct wakeup *c)
{
	struct wakeups *w = c->wakeups;

	set_pending(c, false);
	for (size_t i = w->n_watched; i-- > 0;) {
		struct watched *s = &w->watched[i];

		for (size_t k = 0; k < s->n_who; k++)
			if (s->who[k].wakeup == c) {
				s->who[k] = s->who[--s->n_who];
				break;
			}
		if (s->n_who == 0)
			drop_watched(w, i);
	}
	w->count--;
	w->n_urgent -= reader_is_urgent((unsigned int)(c->latency_nsec / NSEC_PER_MSEC));
	close(c->fd);
	free(c);
	return NULL;
}

/* Whether the source has grown since the last look; *@ret_more is by how much. */
static bool look_at(const struct wakeups *w, struct watched *s, struct log_counts *ret_more)
{
	static const struct log_source none;
	const struct log_source *source = event_log_last_source(w->log, s->slot);
	struct log_counts before = s->counts, now;

	source = source ? source : &none;
	now = log_source_counts(source);
	if (source->id != s->source_id)
		before = (struct log_counts){0};
	s->source_id = source->id;
	s->counts = now;
	*ret_more = (struct log_counts){now.events - before.events, now.lost - before.lost,
					now.recursion - before.recursion,
					(uint8_t)(now.untold - before.untold)};
	return ret_more->events || ret_more->lost || ret_more->recursion || ret_more->untold;
}

static struct watched *watch(struct wakeups *w, unsigned int slot)
{
	struct log_counts more;
	struct watched *s;

	if (w->index[slot])
		return &w->watched[w->index[slot] - 1];
	if (w->n_watched == w->watched_size) {
		size_t size = w->watched_size ? 2 * w->watched_size : 16;
		void *p = realloc(w->watched, size * sizeof(*w->watched));

		if (!p)
			return NULL;
		w->watched = p;
		w->watched_size = size;
	}
	s = &w->watched[w->n_watched++];
	*s = (struct watched){.slot = slot};
	w->index[slot] = (uint16_t)w->n_watched;
	look_at(w, s, &more);
	return s;
}

int wakeup_add_source(struct wakeup *c, unsigned int slot)
{
	struct wakeups *w = c->wakeups;
	const struct log_source *source = event_log_last_source(w->log, slot);
	uint32_t id = source ? source->id : 0;
	struct watched *s = watch(w, slot);

	if (!s)
		return -ENOMEM;
	for (size_t i = 0; i < s->n_who; i++) {
		if (s->who[i].wakeup != c)
			continue;
		s->who[i].source_id = id;
		return 0;
	}
	if (s->n_who == s->who_size) {
		size_t size = s->who_size ? 2 * s->who_size : 2;
		void *p = realloc(s->who, size * sizeof(*s->who));

		if (!p) {
			if (s->n_who == 0)
				drop_watched(w, (size_t)(s - w->watched));
			return -ENOMEM;
		}
		s->who = p;
		s->who_size = size;
	}
	s->who[s->n_who++] = (struct watcher){c, id};
	return 0;
}

/* Whether it has taken all that was written to its pipe. */
static bool has_taken(const struct wakeup *c)
{
	int n;

	return ioctl(c->fd, FIONREAD, &n) == 0 && n == 0;
}

static void note_taken(struct wakeup *c)
{
	if (!has_taken(c))
		return;
	c->taken_seq = c->woken_seq;
	c->taken_published = c->woken_published;
}

struct wakeup_account wakeup_account(const struct wakeup *c)
{
	struct wakeup_account a = c->account;
	bool is_all = has_taken(c);

	a.pending = a.published - (is_all ? c->woken_published : c->taken_published);
	a.is_behind = a.pending &&
		      event_log_first(c->wakeups->log) > (is_all ? c->woken_seq : c->taken_seq);
	return a;
}

uint64_t wakeups_published(const struct wakeups *w)
{
	return w->published;
}

/* Full or broken is all the same: the client has enough to wake up by, or has gone. */
static void wake(struct wakeup *c, uint64_t now)
{
	ssize_t n;

	note_taken(c);
	do {
		n = write(c->fd, "", 1);
	} while (n < 0 && errno == EINTR);
	c->woken_at = now;
	c->woken_seq = event_log_next(c->wakeups->log);
	c->woken_published = c->account.published;
	set_pending(c, false);
}

static bool is_due(const struct wakeup *c, uint64_t now)
{
	return now - c->woken_at >= c->latency_nsec ||
	       event_log_next(c->wakeups->log) - c->woken_seq >= c->max_batch;
}

static void serve_pending(struct wakeups *w)
{
	uint64_t now = now_nsec(), earliest = UINT64_MAX;
	struct wakeup *c, *tmp;

	DL_FOREACH_SAFE (w->pending, c, tmp) {
		uint64_t due = c->woken_at + c->latency_nsec;

		if (is_due(c, now))
			wake(c, now);
		else if (due < earliest)
			earliest = due;
	}
	if (earliest != UINT64_MAX) {
		uint64_t wait = earliest > now ? earliest - now : 0;
		struct timeval tv = {.tv_sec = (time_t)(wait / 1000000000ULL),
				     .tv_usec = (suseconds_t)(wait % 1000000000ULL / 1000)};

		event_add(w->timer, &tv);
	}
}

static void on_timer(evutil_socket_t fd, short what, void *data)
{
	serve_pending(data);
}

static void count(struct wakeup *c, const struct watched *s, const struct log_counts *more)
{
	const struct log_source *source = event_log_last_source(c->wakeups->log, s->slot);

	c->account.published += more->events;
	c->wakeups->published += more->events;
	c->account.recursion += more->recursion;
	if (source && source->kind == LOG_SOURCE_RING)
		c->account.overrun += more->lost;
	else
		c->account.missed += more->lost;
}

void wakeups_pass(struct wakeups *w)
{
	uint64_t next = event_log_next(w->log);

	if (next == w->next_seq)
		return;
	w->next_seq = next;
	for (size_t i = 0; i < w->n_watched; i++) {
		struct watched *s = &w->watched[i];
		struct log_counts more;

		if (!look_at(w, s, &more))
			continue;
		for (size_t k = 0; k < s->n_who; k++) {
			if (s->who[k].source_id != s->source_id)
				continue;
			count(s->who[k].wakeup, s, &more);
			set_pending(s->who[k].wakeup, true);
		}
	}
	serve_pending(w);
}
