/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Delivery over real sockets, to readers that stall and writes that stop anywhere: what is received
 * and what is told as lost is what was appended, in order and once.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>
#include <json-c/json.h>

#include "cleanup.h"
#include "delivery.h"
#include "random.h"

#define LOG_BYTES   (1UL << 20)
#define SOURCES_MAX 24

struct client {
	struct world *world;
	int fd, server_fd; /* ours to read, delivery's to write */
	struct evbuffer *out;
	struct subscriber *subscriber;
	bool sees[SOURCES_MAX];
	bool is_blocked, is_failed;
	bool was_away; /* its account is not all that it has received */
	char *text;    /* received and not yet a message */
	size_t len;
	uint64_t last_seq;
	uint64_t received, told; /* events */
	uint64_t lost_received;	 /* told by gap entries, or as overtaken ones */
	unsigned int n_messages, n_uncounted;
	char cursor[CURSOR_TEXT_MAX]; /* of the last message */
};

struct world {
	struct event_base *base;
	struct event_log *log;
	struct delivery *delivery;
	struct random random;
	unsigned int slots[SOURCES_MAX];
	size_t n_sources;
	uint64_t events[SOURCES_MAX], lost[SOURCES_MAX];
	uint16_t *source_of; /* by seq */
};

/* What a write takes; the rest finds the socket full. */
static size_t write_limit = SIZE_MAX;

/* In the place of libc's. */
ssize_t writev(int fd, const struct iovec *iov, int n)
{
	size_t len = 0;
	char *text;
	ssize_t r;

	for (int i = 0; i < n; i++)
		len += iov[i].iov_len;
	text = malloc(len + 1);
	assert_non_null(text);
	len = 0;
	for (int i = 0; i < n; i++) {
		memcpy(text + len, iov[i].iov_base, iov[i].iov_len);
		len += iov[i].iov_len;
	}
	if (len > write_limit)
		len = write_limit;
	r = len ? send(fd, text, len, MSG_DONTWAIT | MSG_NOSIGNAL) : (errno = EAGAIN, -1);
	free(text);
	return r;
}

static struct world *world_new(size_t n_sources, uint64_t seed)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	w->base = event_base_new();
	assert_non_null(w->base);
	assert_int_equal(event_log_new(LOG_BYTES, -1, &w->log), 0);
	assert_int_equal(delivery_new(w->base, w->log, &w->delivery), 0);
	w->random.state = seed;
	w->source_of = calloc(400000, sizeof(*w->source_of));
	assert_non_null(w->source_of);
	w->n_sources = n_sources;
	for (size_t i = 0; i < n_sources; i++)
		assert_int_equal(
			event_log_source_open(w->log, LOG_SOURCE_PROBE, "probe", i, &w->slots[i]),
			0);
	write_limit = SIZE_MAX;
	return w;
}

static void world_free(struct world *w)
{
	delivery_free(w->delivery);
	event_log_free(w->log);
	event_base_free(w->base);
	free(w->source_of);
	free(w);
}

static void on_subscriber(enum subscriber_event event, void *data)
{
	struct client *c = data;

	if (event == SUBSCRIBER_BLOCKED)
		c->is_blocked = true;
	else
		c->is_failed = true;
}

static void connect_client(struct client *c, uint64_t position, unsigned int latency_msec,
			   unsigned int max_batch)
{
	struct subscriber_options options = {
		.position = position,
		.max_latency_msec = latency_msec,
		.max_batch = max_batch,
		.on_event = on_subscriber,
		.data = c,
	};
	int fds[2], small = 1;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	assert_int_equal(setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)), 0);
	c->fd = fds[0];
	options.fd = c->server_fd = fds[1];
	options.out = c->out = evbuffer_new();
	c->len = 0;
	c->is_blocked = false;
	assert_int_equal(subscriber_new(c->world->delivery, &options, &c->subscriber), 0);
	for (size_t i = 0; i < c->world->n_sources; i++)
		if (c->sees[i])
			assert_int_equal(subscriber_add_source(c->subscriber, c->world->slots[i]),
					 0);
	assert_int_equal(delivery_greet(c->world->log, position, c->out), 0);
	subscriber_start(c->subscriber);
}

static struct client *client_new(struct world *w, size_t first, size_t n, unsigned int latency_msec,
				 unsigned int max_batch)
{
	struct client *c = calloc(1, sizeof(*c));

	assert_non_null(c);
	c->world = w;
	c->text = malloc(1 << 22);
	assert_non_null(c->text);
	for (size_t i = first; i < first + n; i++)
		c->sees[i % w->n_sources] = true;
	connect_client(c, event_log_next(w->log), latency_msec, max_batch);
	return c;
}

static void disconnect_client(struct client *c)
{
	c->was_away = true;
	subscriber_free(c->subscriber);
	evbuffer_free(c->out);
	close(c->fd);
	close(c->server_fd);
}

static void client_free(struct client *c)
{
	disconnect_client(c);
	free(c->text);
	free(c);
}

static void append(struct world *w, size_t source, uint32_t lost)
{
	char *text = event_log_reserve(w->log, 200);
	uint64_t seq = event_log_next(w->log);
	int n = lost ? sprintf(text, "{\"kind\":\"missed\",\"count\":%u}", lost)
		     : sprintf(text, "{\"seq\":%llu,\"x\":\"%.*s\"}", (unsigned long long)seq,
			       (int)(seq * 31 % 100),
			       "--------------------------------------------------"
			       "--------------------------------------------------");

	event_log_commit(w->log, w->slots[source], seq, 1, 0, lost ? LOG_GAP : 0, (size_t)n, lost);
	delivery_append(w->delivery, w->slots[source], seq, NULL);
	w->source_of[seq] = (uint16_t)source;
	w->events[source] += !lost;
	w->lost[source] += lost;
}

static void take_gap(struct client *c, struct json_object *gap)
{
	struct json_object *count = json_object_object_get(gap, "count");
	const char *kind = json_object_get_string(json_object_object_get(gap, "kind"));

	if (!count)
		c->n_uncounted++;
	else if (strcmp(kind, "overtaken") == 0)
		c->told += json_object_get_uint64(count);
	else
		c->lost_received += json_object_get_uint64(count);
}

static void take_event(struct client *c, struct json_object *event)
{
	uint64_t seq = json_object_get_uint64(json_object_object_get(event, "seq"));

	assert_true(seq > c->last_seq);
	assert_true(c->sees[c->world->source_of[seq]]);
	c->last_seq = seq;
	c->received++;
}

/* json-c also takes what is no JSON; here nothing but JSON may come. */
static struct json_object *parse_strictly(const char *text, size_t len)
{
	struct json_tokener *tokener = json_tokener_new();
	struct json_object *o;

	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
	o = json_tokener_parse_ex(tokener, text, (int)len + 1);
	if (!o || json_tokener_get_parse_end(tokener) != len)
		fail_msg("no JSON: %.*s", (int)len, text);
	json_tokener_free(tokener);
	return o;
}

static void take_reply(struct client *c, const char *text, size_t len, bool continues)
{
	struct json_object *message = parse_strictly(text, len), *p, *events, *gaps;
	uint64_t position;

	assert_int_equal(json_object_get_boolean(json_object_object_get(message, "continues")),
			 continues);
	p = json_object_object_get(message, "parameters");
	events = json_object_object_get(p, "events");
	assert_non_null(events);
	gaps = json_object_object_get(p, "gaps");
	for (size_t i = 0; gaps && i < json_object_array_length(gaps); i++)
		take_gap(c, json_object_array_get_idx(gaps, i));
	for (size_t i = 0; i < json_object_array_length(events); i++)
		take_event(c, json_object_array_get_idx(events, i));
	snprintf(c->cursor, sizeof(c->cursor), "%s",
		 json_object_get_string(json_object_object_get(p, "cursor")));
	assert_int_equal(cursor_parse(c->world->log, c->cursor, &position), 0);
	assert_true(position > c->last_seq);
	c->n_messages++;
	json_object_put(message);
}

static void take_messages(struct client *c)
{
	char *end;

	while ((end = memchr(c->text, '\0', c->len))) {
		size_t len = (size_t)(end - c->text);

		take_reply(c, c->text, len, true);
		c->len -= len + 1;
		memmove(c->text, end + 1, c->len);
	}
}

/* Reads at most @max bytes. Returns how many there were. */
static size_t client_read(struct client *c, size_t max)
{
	ssize_t n = read(c->fd, c->text + c->len, max);

	if (n <= 0)
		return 0;
	c->len += (size_t)n;
	take_messages(c);
	return (size_t)n;
}

/* What the session does when the socket takes more. */
static void client_write(struct client *c)
{
	while (evbuffer_get_length(c->out) > 0)
		if (evbuffer_write(c->out, c->server_fd) <= 0)
			return;
	if (c->is_blocked) {
		c->is_blocked = false;
		subscriber_resume(c->subscriber);
	}
}

static void finish_client(struct client *c)
{
	write_limit = SIZE_MAX;
	do {
		delivery_flush(c->world->delivery);
		client_write(c);
	} while (client_read(c, 1 << 20) || c->is_blocked || evbuffer_get_length(c->out));
	assert_int_equal(c->len, 0);
	assert_int_equal(subscriber_position(c->subscriber), event_log_next(c->world->log));
}

/* The daemon's account of the subscriber against what it has received. */
static void assert_account_is_so(const struct client *c)
{
	struct subscriber_account a = subscriber_account(c->subscriber);

	assert_int_equal(a.sent.events, c->received);
	assert_int_equal(a.sent.overtaken, c->told);
	assert_int_equal(a.sent.missed + a.sent.recursion + a.sent.overrun, c->lost_received);
	assert_int_equal(a.sent.filtered + a.sent.rate_limited, 0);
	assert_int_equal(a.waiting, 0);
	assert_false(a.is_uncounted);
}

static void assert_adds_up(const struct client *c)
{
	uint64_t events = 0, lost = 0;

	for (size_t i = 0; i < c->world->n_sources; i++)
		if (c->sees[i]) {
			events += c->world->events[i];
			lost += c->world->lost[i];
		}
	assert_int_equal(c->received + c->told, events);
	assert_int_equal(c->lost_received, lost);
	assert_int_equal(c->n_uncounted, 0);
	if (!c->was_away)
		assert_account_is_so(c);
}

static void append_some(struct world *w)
{
	uint64_t n = random_below(&w->random, 40) ? random_below(&w->random, 30)
						  : random_below(&w->random, 4000);

	for (; n > 0; n--)
		append(w, random_below(&w->random, 1 + random_below(&w->random, w->n_sources)),
		       random_below(&w->random, 30) == 0
			       ? 1 + (uint32_t)random_below(&w->random, 100)
			       : 0);
}

static void test_readers_of_any_speed_get_all_or_are_told(void **state)
{
	const size_t widths[] = {1, 3, 20, 20, 1, 9};
	struct client *clients[ARRAY_SIZE(widths)];
	struct world *w = world_new(20, 21);
	uint64_t n_told = 0;

	for (size_t i = 0; i < ARRAY_SIZE(widths); i++)
		clients[i] = client_new(w, i, widths[i], i % 2 ? 1 : 0,
					1 + (unsigned int)random_below(&w->random, 200));
	while (event_log_next(w->log) < 150000) {
		append_some(w);
		delivery_pass(w->delivery);
		write_limit =
			random_below(&w->random, 3) ? SIZE_MAX : random_below(&w->random, 3000);
		for (size_t i = 0; i < ARRAY_SIZE(widths); i++) {
			if (random_below(&w->random, 1 + 8 * i))
				continue;
			client_read(clients[i], 1 + random_below(&w->random, 60000));
			client_write(clients[i]);
		}
		event_base_loop(w->base, EVLOOP_NONBLOCK);
	}
	for (size_t i = 0; i < ARRAY_SIZE(widths); i++) {
		finish_client(clients[i]);
		assert_adds_up(clients[i]);
		n_told += clients[i]->told;
		client_free(clients[i]);
	}
	assert_int_not_equal(n_told, 0);
	assert_int_equal(delivery_count(w->delivery), 0);
	world_free(w);
}

/* One reply with a gap, events of ours and of others: cut at each of its bytes. */
static void test_write_may_stop_at_every_byte(void **state)
{
	size_t total = SIZE_MAX;

	for (size_t cut = 0; cut <= total; cut++) {
		struct world *w = world_new(2, 5);
		struct client *c = client_new(w, 0, 1, 0, 100);
		uint64_t before;

		finish_client(c);
		before = c->n_messages;
		append(w, 0, 3);
		for (size_t i = 0; i < 6; i++)
			append(w, i % 3 == 2, 0);
		append(w, 1, 0);
		write_limit = cut;
		delivery_pass(w->delivery);
		assert_true(cut == total || c->is_blocked || total == SIZE_MAX);
		/* What comes in the meantime changes nothing of it. */
		append(w, 0, 0);
		delivery_pass(w->delivery);
		write_limit = SIZE_MAX;
		if (!c->is_blocked && total == SIZE_MAX)
			total = cut; /* and not one byte less */
		finish_client(c);
		assert_adds_up(c);
		assert_in_range(c->n_messages - before, 1, 4);
		client_free(c);
		world_free(w);
	}
	assert_in_range(total, 200, 2000);
}

static void test_reader_may_take_single_bytes(void **state)
{
	struct world *w = world_new(3, 6);
	struct client *c = client_new(w, 0, 2, 0, 50);

	for (int i = 0; i < 3000; i++) {
		append(w, (size_t)i % 3, i % 40 == 0);
		delivery_pass(w->delivery);
		write_limit = (size_t)i % 7;
		client_write(c);
		client_read(c, 1);
	}
	finish_client(c);
	assert_adds_up(c);
	client_free(c);
	world_free(w);
}

static void test_cursor_goes_on_where_it_was(void **state)
{
	struct world *w = world_new(12, 7);
	struct client *few = client_new(w, 0, 3, 0, 20), *many = client_new(w, 0, 12, 0, 20);
	struct client *clients[] = {few, many};

	while (event_log_next(w->log) < 6000) {
		append(w, random_below(&w->random, 12), random_below(&w->random, 20) == 0);
		if (random_below(&w->random, 5) == 0)
			delivery_pass(w->delivery);
		for (size_t i = 0; i < 2; i++) {
			struct client *c = clients[i];
			uint64_t position;

			write_limit = random_below(&w->random, 500);
			if (random_below(&w->random, 10) == 0)
				client_read(c, 1 + random_below(&w->random, 5000));
			client_write(c);
			/* Nothing is overtaken: what was told is told once as well. */
			if (random_below(&w->random, 100) || !c->cursor[0])
				continue;
			assert_int_equal(cursor_parse(w->log, c->cursor, &position), 0);
			disconnect_client(c);
			connect_client(c, position, 0, 20);
		}
	}
	assert_int_equal(event_log_first(w->log), 1);
	for (size_t i = 0; i < 2; i++) {
		finish_client(clients[i]);
		assert_adds_up(clients[i]);
		assert_int_equal(clients[i]->told, 0);
		client_free(clients[i]);
	}
	world_free(w);
}

static void test_waits_for_company_as_long_as_it_may(void **state)
{
	struct world *w = world_new(1, 8);
	struct client *patient = client_new(w, 0, 1, 60000, 10);
	struct client *hasty = client_new(w, 0, 1, 20, 1000);

	client_write(patient);
	client_write(hasty);
	client_read(patient, 1 << 20);
	client_read(hasty, 1 << 20);
	append(w, 0, 0);
	delivery_pass(w->delivery);
	assert_int_equal(client_read(patient, 1 << 20), 0);
	/* The timer is the only event there is. */
	while (client_read(hasty, 1 << 20) == 0)
		assert_int_equal(event_base_loop(w->base, EVLOOP_ONCE), 0);
	assert_int_equal(hasty->received, 1);
	assert_int_equal(client_read(patient, 1 << 20), 0);
	for (int i = 0; i < 8; i++)
		append(w, 0, 0);
	delivery_pass(w->delivery);
	assert_int_equal(client_read(patient, 1 << 20), 0);
	append(w, 0, 0);
	delivery_pass(w->delivery);
	client_read(patient, 1 << 20);
	assert_int_equal(patient->received, 10);
	client_free(patient);
	client_free(hasty);
	world_free(w);
}

/* Entries that no pass has ended yet, and another reason to send in between. */
static void test_sending_between_append_and_pass_loses_nothing(void **state)
{
	struct world *w = world_new(2, 9);
	struct client *a = client_new(w, 0, 2, 0, 10), *b;

	finish_client(a);
	append(w, 1, 0);
	delivery_pass(w->delivery);
	append(w, 0, 0);
	append(w, 1, 0);
	b = client_new(w, 0, 1, 0, 10);
	finish_client(b);
	delivery_pass(w->delivery);
	finish_client(a);
	assert_adds_up(a);
	/* The second began after them. */
	assert_int_equal(b->received, 0);
	client_free(a);
	client_free(b);
	world_free(w);
}

static void test_dead_connection_is_told_once(void **state)
{
	struct world *w = world_new(1, 10);
	struct client *c = client_new(w, 0, 1, 0, 10);

	finish_client(c);
	shutdown(c->fd, SHUT_RDWR);
	append(w, 0, 0);
	delivery_pass(w->delivery);
	assert_true(c->is_failed);
	c->is_failed = false;
	append(w, 0, 0);
	delivery_pass(w->delivery);
	delivery_flush(w->delivery);
	subscriber_resume(c->subscriber);
	assert_false(c->is_failed);
	client_free(c);
	world_free(w);
}

static void test_sources_may_be_added_later(void **state)
{
	struct world *w = world_new(20, 11);
	struct client *c = client_new(w, 0, 1, 0, 100);

	for (size_t i = 1; i < 20; i++) {
		append(w, 0, 0);
		c->sees[i] = true;
		assert_int_equal(subscriber_add_source(c->subscriber, w->slots[i]), 0);
		for (size_t k = 0; k < 50; k++)
			append(w, k % (i + 1), 0);
		delivery_pass(w->delivery);
		client_write(c);
		client_read(c, 1 << 20);
	}
	finish_client(c);
	assert_adds_up(c);
	client_free(c);
	world_free(w);
}

/* Reads all there is with Events.Read's replies of @step events. */
static void read_with(struct client *c, struct subscription *view, size_t step)
{
	struct evbuffer *out = evbuffer_new();

	while (view->position < event_log_next(c->world->log)) {
		size_t len;

		assert_int_equal(delivery_read(view, step, NULL, out), 0);
		len = evbuffer_get_length(out);
		take_reply(c, (char *)evbuffer_pullup(out, -1), len - 1, false);
		assert_int_equal(evbuffer_pullup(out, -1)[len - 1], '\0');
		evbuffer_drain(out, len);
	}
	evbuffer_free(out);
}

static void test_read_gives_what_the_log_holds(void **state)
{
	static const size_t steps[] = {1, 7, 100, 65536};
	struct world *w = world_new(12, 12);

	for (int i = 0; i < 3000; i++)
		append(w, random_below(&w->random, 12), random_below(&w->random, 10) == 0);
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++)
		for (size_t n = 0; n <= 12; n += 3) {
			struct client c = {.world = w, .was_away = true};
			struct subscription view;

			subscription_init(&view, w->log, event_log_first(w->log));
			for (size_t k = 0; k < n; k++) {
				c.sees[k] = true;
				subscription_add_source(&view, w->slots[k]);
			}
			read_with(&c, &view, steps[i]);
			assert_adds_up(&c);
			subscription_done(&view);
		}
	world_free(w);
}

static int ignore_broken_pipes(void **state)
{
	return signal(SIGPIPE, SIG_IGN) == SIG_ERR;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_readers_of_any_speed_get_all_or_are_told),
		cmocka_unit_test(test_write_may_stop_at_every_byte),
		cmocka_unit_test(test_reader_may_take_single_bytes),
		cmocka_unit_test(test_cursor_goes_on_where_it_was),
		cmocka_unit_test(test_waits_for_company_as_long_as_it_may),
		cmocka_unit_test(test_sending_between_append_and_pass_loses_nothing),
		cmocka_unit_test(test_dead_connection_is_told_once),
		cmocka_unit_test(test_sources_may_be_added_later),
		cmocka_unit_test(test_read_gives_what_the_log_holds),
	};

	return cmocka_run_group_tests(tests, ignore_broken_pipes, NULL);
}
