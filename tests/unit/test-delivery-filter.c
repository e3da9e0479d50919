/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Delivery to subscribers with conditions, fields, samples and rates, over real sockets whose
 * writes stop anywhere: each gets its events as they were cut down, in order and once, and an
 * account of the others. Records are real ones, judged as the daemon judges them.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <cmocka.h>
#include <event2/event.h>
#include <json-c/json.h>

#include "delivery.h"
#include "filter-world.h"
#include "random.h"

#define LOG_BYTES  (1UL << 20)
#define EVENTS_MAX 100000

struct client {
	struct world *world;
	int fd, server_fd;
	struct evbuffer *out;
	struct subscriber *subscriber;
	const char *filter;
	const char *const *fields;
	unsigned int sample, rate;
	bool is_blocked;
	char *text; /* received and not yet a message */
	size_t len;
	uint64_t begin, next; /* sequence numbers: where it began, and of the next event */
	uint64_t received, filtered, rate_limited, overtaken;
	uint64_t sampled; /* of those filtered */
	char cursor[CURSOR_TEXT_MAX];
};

struct world {
	struct event_base *base;
	struct event_log *log;
	struct delivery *delivery;
	struct decoder *decoder;
	struct random random;
	unsigned int slot;
	int32_t *values; /* by seq: of the argument "a" */
};

static size_t write_limit = SIZE_MAX;

/* In the place of libc's: takes so much, and then the socket is full. */
ssize_t writev(int fd, const struct iovec *iov, int n)
{
	static char text[1 << 20];
	size_t len = 0;

	for (int i = 0; i < n; i++) {
		assert_true(len + iov[i].iov_len <= sizeof(text));
		memcpy(text + len, iov[i].iov_base, iov[i].iov_len);
		len += iov[i].iov_len;
	}
	len = len < write_limit ? len : write_limit;
	return len ? send(fd, text, len, MSG_DONTWAIT | MSG_NOSIGNAL) : (errno = EAGAIN, -1);
}

static struct world *world_new(uint64_t seed)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	w->base = event_base_new();
	assert_int_equal(event_log_new(LOG_BYTES, -1, &w->log), 0);
	assert_int_equal(delivery_new(w->base, w->log, &w->delivery), 0);
	assert_int_equal(event_log_source_open(w->log, LOG_SOURCE_PROBE, "back", 1, &w->slot), 0);
	w->decoder = world_decoder(0);
	w->random.state = seed;
	w->values = calloc(EVENTS_MAX, sizeof(*w->values));
	assert_non_null(w->values);
	write_limit = SIZE_MAX;
	return w;
}

static void world_free(struct world *w)
{
	assert_int_equal(views_count(delivery_views(w->delivery)), 0);
	delivery_free(w->delivery);
	event_log_free(w->log);
	event_base_free(w->base);
	decoder_free(w->decoder);
	free(w->values);
	free(w);
}

/* As the reader does. */
static void append(struct world *w)
{
	uint64_t seq = event_log_next(w->log);
	struct record_context context = {.seq = seq, .ts = seq * 1000000, .cpu = 1};
	unsigned char record[44] = {0};
	struct raw_record raw = {record, sizeof(record), w->decoder, &context};
	int32_t a = (int32_t)random_below(&w->random, 10);
	char *text;

	w->values[seq] = a;
	memcpy(record + 24, &a, sizeof(a));
	text = event_log_reserve(w->log, decoder_bound(w->decoder, sizeof(record), 0) + 1);
	event_log_commit(w->log, w->slot, context.ts, 7, 1, 0,
			 decoder_write(w->decoder, record, sizeof(record), &context, text), 0);
	delivery_append(w->delivery, w->slot, seq, &raw);
}

static void on_subscriber(enum subscriber_event event, void *data)
{
	assert_int_equal(event, SUBSCRIBER_BLOCKED);
	((struct client *)data)->is_blocked = true;
}

static void connect_client(struct client *c, uint64_t position)
{
	struct world *w = c->world;
	struct subscriber_options options = {
		.position = position,
		.max_batch = 50,
		.sample = c->sample,
		.rate = c->rate,
		.on_event = on_subscriber,
		.data = c,
	};
	struct filter *filter = NULL;
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	c->fd = fds[0];
	options.fd = c->server_fd = fds[1];
	options.out = c->out = evbuffer_new();
	if (c->filter) {
		assert_int_equal(filter_parse(c->filter, &filter, NULL), 0);
		assert_int_equal(views_get(delivery_views(w->delivery), c->filter,
					   strlen(c->filter), &filter, &options.view),
				 0);
		if (filter)
			filter_free(filter); /* the view was there */
	}
	if (c->fields) {
		size_t n = 0;

		while (c->fields[n])
			n++;
		assert_int_equal(fields_new(c->fields, n, &options.fields, NULL), 0);
	}
	c->len = 0;
	c->is_blocked = false;
	assert_int_equal(subscriber_new(w->delivery, &options, &c->subscriber), 0);
	assert_int_equal(subscriber_add_source(c->subscriber, w->slot), 0);
	assert_int_equal(delivery_greet(w->log, position, c->out), 0);
	subscriber_start(c->subscriber);
}

static struct client *client_new(struct world *w, const char *filter, const char *const *fields,
				 unsigned int sample, unsigned int rate)
{
	struct client *c = calloc(1, sizeof(*c));

	assert_non_null(c);
	*c = (struct client){.world = w,
			     .filter = filter,
			     .fields = fields,
			     .sample = sample,
			     .rate = rate,
			     .begin = event_log_next(w->log),
			     .next = event_log_next(w->log)};
	c->text = malloc(1 << 22);
	assert_non_null(c->text);
	connect_client(c, c->begin);
	return c;
}

static void disconnect_client(struct client *c)
{
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

static void take_event(struct client *c, struct json_object *event)
{
	uint64_t seq = json_object_get_uint64(json_object_object_get(event, "seq"));
	struct json_object *args = json_object_object_get(event, "args"), *a;

	assert_true(seq >= c->next);
	/* Without a sample and a rate it is the very next that meets the condition. */
	for (uint64_t i = c->next; i < seq && c->filter && !c->sample && !c->rate && !c->overtaken;
	     i++)
		assert_true(c->world->values[i] >= 3);
	if (c->filter)
		assert_true(c->world->values[seq] < 3);
	assert_true(json_object_object_get_ex(args, "a", &a));
	assert_int_equal(json_object_get_int(a), c->world->values[seq]);
	if (c->fields) {
		assert_int_equal(json_object_object_length(event), 3);
		assert_int_equal(json_object_object_length(args), 1);
		assert_int_equal(json_object_get_int(json_object_object_get(event, "cpu")), 1);
	}
	c->next = seq + 1;
	c->received++;
}

static void take_gap(struct client *c, struct json_object *gap)
{
	const char *kind = json_object_get_string(json_object_object_get(gap, "kind"));
	uint64_t n = json_object_get_uint64(json_object_object_get(gap, "count"));
	struct json_object *sampled = json_object_object_get(gap, "sampled");

	assert_true(n > 0);
	if (sampled)
		assert_in_range(json_object_get_uint64(sampled), 1, n);
	c->sampled += json_object_get_uint64(sampled);
	if (strcmp(kind, "filtered") == 0)
		c->filtered += n;
	else if (strcmp(kind, "rateLimited") == 0)
		c->rate_limited += n;
	else if (strcmp(kind, "overtaken") == 0)
		c->overtaken += n;
	else
		fail_msg("%s", kind);
}

static void take_message(struct client *c, const char *text, size_t len)
{
	struct json_tokener *tokener = json_tokener_new();
	struct json_object *message, *p, *events, *gaps;

	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
	message = json_tokener_parse_ex(tokener, text, (int)len + 1);
	if (!message || json_tokener_get_parse_end(tokener) != len)
		fail_msg("no JSON: %.*s", (int)len, text);
	json_tokener_free(tokener);
	p = json_object_object_get(message, "parameters");
	gaps = json_object_object_get(p, "gaps");
	for (size_t i = 0; gaps && i < json_object_array_length(gaps); i++)
		take_gap(c, json_object_array_get_idx(gaps, i));
	events = json_object_object_get(p, "events");
	for (size_t i = 0; i < json_object_array_length(events); i++)
		take_event(c, json_object_array_get_idx(events, i));
	snprintf(c->cursor, sizeof(c->cursor), "%s",
		 json_object_get_string(json_object_object_get(p, "cursor")));
	json_object_put(message);
}

static size_t client_read(struct client *c, size_t max)
{
	ssize_t n = read(c->fd, c->text + c->len, max);
	char *end;

	if (n <= 0)
		return 0;
	c->len += (size_t)n;
	while ((end = memchr(c->text, '\0', c->len))) {
		take_message(c, c->text, (size_t)(end - c->text));
		c->len -= (size_t)(end + 1 - c->text);
		memmove(c->text, end + 1, c->len);
	}
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
	assert_int_equal(c->received + c->filtered + c->rate_limited + c->overtaken,
			 event_log_next(c->world->log) - c->begin);
}

/* At any time every event is in one of the counts; @is_finished: and as the client was told. */
static void assert_account_is_so(const struct client *c, bool is_finished)
{
	struct subscriber_account a = subscriber_account(c->subscriber);

	assert_int_equal(a.sent.events + a.sent.filtered + a.sent.rate_limited + a.sent.overtaken +
				 a.waiting,
			 event_log_next(c->world->log) - c->begin);
	assert_false(a.is_uncounted);
	if (!is_finished)
		return;
	assert_int_equal(a.sent.events, c->received);
	assert_int_equal(a.sent.filtered, c->filtered);
	assert_int_equal(a.sent.sampled, c->sampled);
	if (!c->filter)
		assert_int_equal(c->sampled, c->filtered);
	if (!c->sample)
		assert_int_equal(c->sampled, 0);
	assert_int_equal(a.sent.rate_limited, c->rate_limited);
	assert_int_equal(a.sent.overtaken, c->overtaken);
	assert_int_equal(a.waiting, 0);
}

static const char *const some_fields[] = {"cpu", "args.a", "seq", NULL};

static void test_each_event_ends_in_one_place(void **state)
{
	struct world *w = world_new(5);
	struct client *clients[] = {
		client_new(w, "a < 3", NULL, 0, 0),
		client_new(w, "a < 3", some_fields, 0, 0),
		client_new(w, NULL, some_fields, 0, 0),
		client_new(w, "args.a <= 2", some_fields, 4, 0),
		client_new(w, "a < 3", NULL, 0, 20),
		client_new(w, NULL, NULL, 3, 100),
	};
	uint64_t n_overtaken = 0;

	/* Three equal conditions are one view. */
	assert_int_equal(views_count(delivery_views(w->delivery)), 2);
	while (event_log_next(w->log) < 60000) {
		uint64_t n = random_below(&w->random, 50) ? random_below(&w->random, 40)
							  : random_below(&w->random, 6000);

		for (; n > 0; n--)
			append(w);
		delivery_pass(w->delivery);
		for (size_t i = 0; i < ARRAY_SIZE(clients); i++) {
			write_limit = random_below(&w->random, 3) ? SIZE_MAX
								  : random_below(&w->random, 3000);
			if (random_below(&w->random, 1 + 3 * i))
				continue;
			client_read(clients[i], 1 + random_below(&w->random, 60000));
			client_write(clients[i]);
			assert_account_is_so(clients[i], false);
		}
		event_base_loop(w->base, EVLOOP_NONBLOCK);
	}
	for (size_t i = 0; i < ARRAY_SIZE(clients); i++) {
		finish_client(clients[i]);
		assert_account_is_so(clients[i], true);
		n_overtaken += clients[i]->overtaken;
		client_free(clients[i]);
	}
	assert_true(n_overtaken > 0);
	world_free(w);
}

/* One reply of whole and of cut events, cut off at each of its bytes. */
static void test_write_may_stop_at_every_byte(void **state)
{
	for (int kind = 0; kind < 4; kind++) {
		size_t cut = 0;
		bool is_whole = false;

		for (; !is_whole; cut++) {
			struct world *w = world_new(9);
			struct client *c = client_new(w, kind & 1 ? "a < 3" : NULL,
						      kind & 2 ? some_fields : NULL, 0, 0);

			finish_client(c);
			for (int i = 0; i < 12; i++)
				append(w);
			write_limit = cut;
			delivery_pass(w->delivery);
			is_whole = !c->is_blocked;
			append(w);
			finish_client(c);
			client_free(c);
			world_free(w);
		}
		assert_in_range(cut, 100, 5000);
	}
}

/* Nothing is overtaken: what each connection was told adds up over all of them. */
static void test_cursor_goes_on_where_it_was(void **state)
{
	struct world *w = world_new(6);
	struct client *whole = client_new(w, "a < 3", NULL, 0, 0);
	struct client *c = client_new(w, "a < 3", some_fields, 0, 0);

	while (event_log_next(w->log) < 4000) {
		uint64_t position;

		for (uint64_t n = random_below(&w->random, 30); n > 0; n--)
			append(w);
		delivery_pass(w->delivery);
		client_read(c, 1 << 20);
		client_write(c);
		if (random_below(&w->random, 20) || !c->cursor[0])
			continue;
		assert_int_equal(cursor_parse(w->log, c->cursor, &position), 0);
		disconnect_client(c);
		connect_client(c, position);
	}
	assert_int_equal(event_log_first(w->log), 1);
	finish_client(whole);
	finish_client(c);
	assert_int_equal(c->received, whole->received);
	assert_int_equal(c->filtered, whole->filtered);
	client_free(whole);
	client_free(c);
	world_free(w);
}

/* By the condition and by the sample, told apart: one in four of those that meet the condition. */
static void test_sample_is_told_apart_from_the_filter(void **state)
{
	struct world *w = world_new(8);
	struct client *c = client_new(w, "a < 3", NULL, 4, 0);
	uint64_t n_meet = 0, last;

	while (event_log_next(w->log) < 4000) {
		for (uint64_t n = random_below(&w->random, 30); n > 0; n--)
			append(w);
		delivery_pass(w->delivery);
		write_limit = random_below(&w->random, 3000);
		client_read(c, 1 << 20);
		client_write(c);
		assert_account_is_so(c, false);
	}
	finish_client(c);
	assert_account_is_so(c, true);
	last = event_log_next(w->log);
	for (uint64_t seq = c->begin; seq < last; seq++)
		n_meet += w->values[seq] < 3;
	assert_int_equal(c->received, (n_meet + 3) / 4);
	assert_int_equal(c->sampled, n_meet - c->received);
	assert_int_equal(c->filtered, last - c->begin - c->received);
	client_free(c);
	world_free(w);
}

/* A stream in which nothing meets the condition says so after a while, and then rests. */
static void test_what_is_left_out_is_told_once_a_second(void **state)
{
	struct world *w = world_new(7);
	struct client *c = client_new(w, "a == 99", NULL, 0, 0);

	client_write(c);
	client_read(c, 1 << 20);
	for (int i = 0; i < 100; i++) {
		append(w);
		delivery_pass(w->delivery);
	}
	while (client_read(c, 1 << 20) == 0)
		assert_int_equal(event_base_loop(w->base, EVLOOP_ONCE), 0);
	assert_int_equal(c->filtered, 100);
	append(w);
	delivery_pass(w->delivery);
	assert_int_equal(client_read(c, 1 << 20), 0);
	while (client_read(c, 1 << 20) == 0)
		assert_int_equal(event_base_loop(w->base, EVLOOP_ONCE), 0);
	assert_int_equal(c->filtered, 101);
	/* With everything told there is no timer. */
	assert_int_equal(event_base_loop(w->base, EVLOOP_ONCE), 1);
	client_free(c);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_event_ends_in_one_place),
		cmocka_unit_test(test_write_may_stop_at_every_byte),
		cmocka_unit_test(test_cursor_goes_on_where_it_was),
		cmocka_unit_test(test_sample_is_told_apart_from_the_filter),
		cmocka_unit_test(test_what_is_left_out_is_told_once_a_second),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
