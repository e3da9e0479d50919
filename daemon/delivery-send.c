/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A batch as a reply: written to a socket straight out of the log, or to a buffer. See delivery.h.
 *
 * What the socket does not take of a reply ends it at the event it stopped in, whose rest and the
 * closing are copied to the subscriber's buffer; nothing else is.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "delivery-internal.h"

/* Bytes in one reply: enough to make the system calls few, little enough to be fair. */
#define BATCH_BYTES (256 * 1024)
/* Bytes of one reply of Read. */
#define READ_BYTES (4 * 1024 * 1024)
/* Bytes of events that are cut down for one reply. */
#define CUT_BYTES (64 * 1024)

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

static void add_totals(struct delivery_totals *to, const struct delivery_totals *n)
{
	to->events += n->events;
	to->filtered += n->filtered;
	to->sampled += n->sampled;
	to->rate_limited += n->rate_limited;
	to->overtaken += n->overtaken;
	to->missed += n->missed;
	to->recursion += n->recursion;
	to->overrun += n->overrun;
}

/* What of @b was sent: its gaps, and its events before @end. */
static void count_sent(struct subscriber *s, const struct batch *b, uint64_t end)
{
	struct events it = {.log = s->delivery->log, .batch = b};
	struct delivery_totals n = {
		.filtered = (uint64_t)b->filtered_told,
		.sampled = (uint64_t)b->sampled_told,
		.rate_limited = (uint64_t)b->rate_limited_told,
		.overtaken = b->overtaken,
		.missed = b->missed,
		.recursion = b->recursion,
		.overrun = b->overrun,
	};
	const char *text;
	size_t len;

	if (end == b->end)
		n.events = b->n_events;
	else
		while (next_event(&it, &text, &len) && it.seq <= end)
			n.events++;
	add_totals(&s->account, &n);
	add_totals(&s->delivery->totals, &n);
	s->is_uncounted |= b->is_uncounted;
}

int subscriber_send_batch(struct subscriber *s, uint64_t now)
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
	count_sent(s, &b, end);
	subscription_consume(&s->view, &b, end);
	return 1;
}
