/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Cursors into the log against a naive model: every batch is compared with what a walk over
 * everything that was ever appended says it must be, overtaken or not.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <json-c/json.h>

#include "cleanup.h"
#include "random.h"
#include "subscription.h"

#define LOG_BYTES   (1UL << 20)
#define SOURCES_MAX 24
#define VIEWS_MAX   6

struct item {
	uint16_t source; /* index in world.slots */
	bool is_gap;
	uint32_t lost;
};

struct viewer {
	struct subscription s;
	bool sees[SOURCES_MAX];
};

struct world {
	struct event_log *log;
	struct random random;
	struct item *items; /* by seq */
	uint64_t next;
	unsigned int slots[SOURCES_MAX];
	size_t n_sources;
	uint64_t first_of_pass[SOURCES_MAX]; /* 0: nothing yet */
	struct viewer views[VIEWS_MAX];
	size_t n_views;
};

static struct world *world_new(size_t max_items, size_t n_sources, uint64_t seed)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	assert_int_equal(event_log_new(LOG_BYTES, -1, &w->log), 0);
	w->random.state = seed;
	w->next = 1;
	w->items = calloc(max_items + 1, sizeof(*w->items));
	assert_non_null(w->items);
	for (size_t i = 0; i < n_sources; i++) {
		char name[32];

		/* The last one is a ring's. */
		snprintf(name, sizeof(name), "s%zu", i);
		assert_int_equal(event_log_source_open(w->log,
						       i == n_sources - 1 ? LOG_SOURCE_RING
									  : LOG_SOURCE_PROBE,
						       name, i, &w->slots[i]),
				 0);
	}
	w->n_sources = n_sources;
	return w;
}

static void world_free(struct world *w)
{
	for (size_t i = 0; i < w->n_views; i++)
		subscription_done(&w->views[i].s);
	event_log_free(w->log);
	free(w->items);
	free(w);
}

/* A view of @n sources from the @first on. */
static struct viewer *add_view(struct world *w, size_t first, size_t n)
{
	struct viewer *v = &w->views[w->n_views++];

	subscription_init(&v->s, w->log, event_log_next(w->log));
	for (size_t i = first; i < first + n; i++) {
		v->sees[i % w->n_sources] = true;
		assert_int_equal(subscription_add_source(&v->s, w->slots[i % w->n_sources]), 0);
		assert_int_equal(subscription_add_source(&v->s, w->slots[i % w->n_sources]), 0);
	}
	return v;
}

static int item_text(const struct world *w, uint64_t seq, char *buf)
{
	const struct item *item = &w->items[seq];

	if (item->is_gap)
		return sprintf(buf, "{\"kind\":\"told\",\"count\":%u,\"seq\":%llu}", item->lost,
			       (unsigned long long)seq);
	return sprintf(buf, "{\"seq\":%llu,\"x\":\"%.*s\"}", (unsigned long long)seq,
		       (int)(seq * 31 % 150),
		       "----------------------------------------------------------------------"
		       "----------------------------------------------------------------------"
		       "----------");
}

/* Of a probe, which may be missed for two reasons. */
static bool is_recursion(const struct world *w, const struct item *item)
{
	return item->lost && item->lost % 3 == 0 && item->source != w->n_sources - 1;
}

static void append(struct world *w, size_t source, uint32_t lost)
{
	unsigned int flags = lost ? LOG_GAP : 0;
	char *text = event_log_reserve(w->log, 300);
	uint64_t seq = w->next++;

	w->items[seq] = (struct item){(uint16_t)source, lost > 0, lost};
	flags |= is_recursion(w, &w->items[seq]) ? LOG_RECURSION : 0;
	assert_int_equal(event_log_commit(w->log, w->slots[source], seq, 1, 0, flags,
					  (size_t)item_text(w, seq, text), lost),
			 seq);
	if (w->first_of_pass[source] == 0)
		w->first_of_pass[source] = seq;
}

/* What delivery does between appending and reading. */
static void end_pass(struct world *w)
{
	for (size_t i = 0; i < w->n_sources; i++) {
		for (size_t k = 0; k < w->n_views && w->first_of_pass[i]; k++)
			subscription_note(&w->views[k].s, w->slots[i], w->first_of_pass[i]);
		w->first_of_pass[i] = 0;
	}
}

/* What the gaps of a batch told, by what they are. */
struct told {
	uint64_t overtaken;
	uint64_t lost[SOURCES_MAX]; /* of overtaken gap entries; the last one: overrun */
	uint64_t recursion[SOURCES_MAX];
	uint64_t lost_of_nobody;
	uint64_t gap_seqs[512];
	size_t n_gaps;
	bool is_uncounted;
};

static void read_told(const struct world *w, const struct batch *b, struct told *ret)
{
	char text[BATCH_GAP_BYTES + 3];
	struct json_object *array;

	*ret = (struct told){0};
	snprintf(text, sizeof(text), "[%.*s]", (int)b->gaps_len, b->gaps);
	array = json_tokener_parse(text);
	assert_non_null(array);
	for (size_t i = 0; i < json_object_array_length(array); i++) {
		struct json_object *gap = json_object_array_get_idx(array, i), *v;
		const char *kind = json_object_get_string(json_object_object_get(gap, "kind"));
		uint64_t count;

		assert_true(json_object_object_get_ex(gap, "count", &v));
		count = json_object_get_uint64(v);
		if (strcmp(kind, "told") == 0)
			ret->gap_seqs[ret->n_gaps++] =
				json_object_get_uint64(json_object_object_get(gap, "seq"));
		else if (strcmp(kind, "overtaken") == 0 && !v)
			ret->is_uncounted = true;
		else if (strcmp(kind, "overtaken") == 0)
			ret->overtaken += count;
		else if (strcmp(kind, "overrun") == 0)
			ret->lost[w->n_sources - 1] += count;
		else if (!json_object_object_get_ex(gap, "probe", &v))
			ret->lost_of_nobody += count;
		else if (strcmp(kind, "recursion") == 0)
			ret->recursion[atoi(json_object_get_string(v) + 1)] += count;
		else
			ret->lost[atoi(json_object_get_string(v) + 1)] += count;
	}
	json_object_put(array);
}

/* The first batch of @v, by walking over everything there ever was. */
static void check_gaps(const struct world *w, const struct viewer *v, const struct batch *b,
		       uint64_t *at)
{
	uint64_t first = event_log_first(w->log), seq, overtaken = 0;
	uint64_t lost[SOURCES_MAX] = {0}, recursion[SOURCES_MAX] = {0};
	struct told told;
	size_t n = 0;

	read_told(w, b, &told);
	for (seq = v->s.position; seq < first; seq++) {
		const struct item *item = &w->items[seq];

		if (!v->sees[item->source])
			continue;
		overtaken += !item->is_gap;
		if (is_recursion(w, item))
			recursion[item->source] += item->lost;
		else
			lost[item->source] += item->lost;
	}
	assert_false(told.is_uncounted);
	assert_int_equal(told.overtaken, overtaken);
	for (size_t i = 0; i < w->n_sources; i++) {
		assert_int_equal(told.lost[i], lost[i]);
		assert_int_equal(told.recursion[i], recursion[i]);
	}

	for (; seq < w->next; seq++) {
		if (!v->sees[w->items[seq].source])
			continue;
		if (!w->items[seq].is_gap || n == told.n_gaps)
			break;
		assert_int_equal(told.gap_seqs[n], seq);
		n++;
	}
	assert_int_equal(n, told.n_gaps);
	*at = seq;
}

static void check_batch(const struct world *w, const struct viewer *v, const struct batch *b,
			size_t max_events, size_t max_bytes)
{
	size_t n = 0, bytes = 0, run = 0, offset = 0;
	char text[300];
	uint64_t seq;

	check_gaps(w, v, b, &seq);
	for (; seq < w->next; seq++) {
		size_t len;

		if (!v->sees[w->items[seq].source])
			continue;
		len = (size_t)item_text(w, seq, text);
		text[len++] = ',';
		if (w->items[seq].is_gap || n == max_events || (n && bytes + len > max_bytes) ||
		    n == b->n_events)
			break;
		if (offset == 0)
			assert_int_equal(b->run_first[run], seq);
		/* The last event goes without its comma. */
		len -= n == b->n_events - 1;
		assert_true(offset + len <= b->runs[run].iov_len);
		assert_memory_equal((char *)b->runs[run].iov_base + offset, text, len);
		offset += len;
		if (offset == b->runs[run].iov_len) {
			offset = 0;
			run++;
		}
		bytes += len;
		n++;
	}
	assert_int_equal(n, b->n_events);
	assert_int_equal(run, b->n_runs);
	assert_int_equal(bytes, b->n_bytes);
	/* It ends for one of these reasons and for no other. */
	if (seq < w->next && n < max_events && !w->items[seq].is_gap && b->n_runs < BATCH_PIECES)
		assert_true(bytes + 1 + (size_t)item_text(w, seq, text) + 1 > max_bytes);
	/* What is skipped behind it is not ours. */
	assert_true(b->end <= seq && b->first <= b->end);
}

/* Each byte of the batch lies in the event where batch_find() says it does. */
static void check_find(const struct viewer *v, const struct batch *b)
{
	size_t offset = 0, before;

	for (size_t i = 0; i < b->n_runs; i++)
		for (size_t k = 0; k < b->runs[i].iov_len; k++, offset++) {
			const struct log_entry *e = batch_find(&v->s, b, offset, &before);

			assert_non_null(e);
			assert_true(before < e->text_len);
			assert_ptr_equal(event_log_text(v->s.log, e) + before,
					 (char *)b->runs[i].iov_base + k);
		}
	assert_int_equal(offset, b->n_bytes);
	assert_null(batch_find(&v->s, b, offset, &before));
}

/* Reads one batch and takes all, some or none of its events. */
static bool read_batch(struct world *w, struct viewer *v, size_t max_events, size_t max_bytes)
{
	struct batch b;
	uint64_t end;
	bool is_any = batch_compose(&v->s, max_events, max_bytes, &b);

	check_batch(w, v, &b, max_events, max_bytes);
	assert_int_equal(is_any, b.n_events > 0 || b.gaps_len > 0);
	if (b.n_events && b.n_events < 20)
		check_find(v, &b);
	end = b.end;
	if (b.n_events && random_below(&w->random, 2)) {
		size_t before;
		const struct log_entry *e =
			batch_find(&v->s, &b, random_below(&w->random, b.n_bytes), &before);

		end = random_below(&w->random, 4) ? e->seq + 1 : b.first;
	}
	if (!is_any)
		end = event_log_next(w->log);
	subscription_consume(&v->s, &b, end);
	assert_int_equal(v->s.position, end);
	return is_any;
}

static void append_some(struct world *w)
{
	uint64_t n = 1 + random_below(&w->random, random_below(&w->random, 50) ? 20 : 3000);

	for (uint64_t i = 0; i < n; i++) {
		/* Sources have bursts, and some are much busier than others. */
		size_t source =
			random_below(&w->random, 1 + random_below(&w->random, w->n_sources));

		for (uint64_t k = 1 + random_below(&w->random, 6); k > 0; k--)
			append(w, source,
			       random_below(&w->random, 20) == 0
				       ? 1 + (uint32_t)random_below(&w->random, 1000)
				       : 0);
	}
}

static void run_world(size_t n_sources, const size_t *widths, size_t n_views, uint64_t seed)
{
	struct world *w = world_new(600000, n_sources, seed);

	for (size_t i = 0; i < n_views; i++)
		add_view(w, i, widths[i]);
	while (w->next < 250000) {
		size_t i;

		append_some(w);
		end_pass(w);
		/* The first reads at once, the last hardly ever. */
		for (i = 0; i < n_views; i++) {
			if (random_below(&w->random, 1 + i * i * 4) > 0)
				continue;
			for (uint64_t k = random_below(&w->random, 4); k > 0; k--)
				read_batch(w, &w->views[i], 1 + random_below(&w->random, 300),
					   random_below(&w->random, 20000));
		}
	}
	for (size_t i = 0; i < n_views; i++)
		while (read_batch(w, &w->views[i], 10000, 1 << 20))
			;
	world_free(w);
}

static void test_views_of_few_sources_match_the_model(void **state)
{
	const size_t widths[] = {1, 3, 8, 2, 5};

	run_world(8, widths, 5, 11);
	run_world(20, widths, 5, 12);
}

static void test_views_of_many_sources_match_the_model(void **state)
{
	const size_t widths[] = {9, 20, 12, 20};

	run_world(20, widths, 4, 13);
}

static void test_view_of_nothing_has_nothing(void **state)
{
	struct world *w = world_new(100, 2, 1);
	struct viewer *v = add_view(w, 0, 0);
	struct batch b;

	append(w, 0, 0);
	end_pass(w);
	assert_false(batch_compose(&v->s, 10, 100, &b));
	assert_int_equal(b.n_runs, 0);
	world_free(w);
}

static void test_limits_leave_one_event_at_least(void **state)
{
	struct world *w = world_new(100, 2, 1);
	struct viewer *v = add_view(w, 0, 1);
	struct batch b;

	for (int i = 0; i < 3; i++)
		append(w, 0, 0);
	end_pass(w);
	assert_true(batch_compose(&v->s, 10, 0, &b));
	assert_int_equal(b.n_events, 1);
	assert_true(batch_compose(&v->s, 2, 10000, &b));
	assert_int_equal(b.n_events, 2);
	assert_int_equal(b.n_runs, 1);
	world_free(w);
}

static void test_pieces_are_limited(void **state)
{
	struct world *w = world_new(3000, 2, 1);
	struct viewer *v = add_view(w, 0, 1);
	struct batch b;

	for (int i = 0; i < 2000; i++)
		append(w, (size_t)i % 2, 0);
	end_pass(w);
	assert_true(batch_compose(&v->s, 5000, 1 << 20, &b));
	assert_int_equal(b.n_runs, BATCH_PIECES);
	assert_int_equal(b.n_events, BATCH_PIECES);
	check_batch(w, v, &b, 5000, 1 << 20);
	world_free(w);
}

static void test_gaps_beyond_their_room_wait(void **state)
{
	struct world *w = world_new(1000, 2, 1);
	struct viewer *v = add_view(w, 0, 1);

	for (int i = 0; i < 500; i++)
		append(w, 0, 5);
	append(w, 0, 0);
	end_pass(w);
	for (int i = 0; i < 20; i++)
		read_batch(w, v, 100, 10000);
	assert_int_equal(v->s.position, w->next);
	world_free(w);
}

/* More sources than gaps fit into a batch have lost something: nothing of it goes untold. */
static struct json_object *gaps_of(const struct batch *b)
{
	char text[BATCH_GAP_BYTES + 3];
	struct json_object *array;

	snprintf(text, sizeof(text), "[%.*s]", (int)b->gaps_len, b->gaps);
	array = json_tokener_parse(text);
	assert_non_null(array);
	return array;
}

static uint64_t sum_of(struct json_object *array, const char *kind)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < json_object_array_length(array); i++) {
		struct json_object *gap = json_object_array_get_idx(array, i);

		if (strcmp(json_object_get_string(json_object_object_get(gap, "kind")), kind) == 0)
			sum += json_object_get_uint64(json_object_object_get(gap, "count"));
	}
	return sum;
}

/* Gap entries without a count are overtaken, with causes of one probe around them. */
static void test_overtaken_gaps_keep_their_causes(void **state)
{
	static const struct {
		unsigned int source, flags;
		uint64_t count;
	} told[] = {
		{1, LOG_GAP, 3}, {1, LOG_GAP | LOG_RECURSION, 20}, {1, LOG_GAP, 0}, {2, LOG_GAP, 0},
		{0, LOG_GAP, 0}, {1, LOG_GAP | LOG_RECURSION, 5},  {1, LOG_GAP, 40}};
	unsigned int slots[3] = {LOG_SOURCE_GLOBAL};
	struct event_log *log;
	struct subscription s;
	struct json_object *array;
	struct batch b;
	uint64_t seq;

	assert_int_equal(event_log_new(LOG_BYTES, -1, &log), 0);
	event_log_source_open(log, LOG_SOURCE_PROBE, "a", 1, &slots[1]);
	event_log_source_open(log, LOG_SOURCE_RING, "ring", 2, &slots[2]);
	subscription_init(&s, log, 1);
	for (size_t i = 0; i < ARRAY_SIZE(slots); i++)
		subscription_add_source(&s, slots[i]);
	for (size_t i = 0; i < ARRAY_SIZE(told); i++) {
		char *p = event_log_reserve(log, 100);

		seq = event_log_commit(log, slots[told[i].source], 1, 1, 0, told[i].flags,
				       (size_t)sprintf(p, "{}"), told[i].count);
		subscription_note(&s, slots[told[i].source], seq);
	}
	for (int i = 0; i < 10000; i++) {
		char *p = event_log_reserve(log, 100);

		event_log_commit(log, slots[1], 1, 1, 0, 0, (size_t)sprintf(p, "{}"), 0);
	}
	assert_true(batch_compose(&s, 10, 1000, &b));
	array = gaps_of(&b);
	/* missed, recursion, missed and unknown, overrun and restart both unknown, overtaken */
	assert_int_equal(json_object_array_length(array), 6);
	assert_int_equal(sum_of(array, "missed"), 43);
	assert_int_equal(sum_of(array, "recursion"), 25);
	assert_int_equal(sum_of(array, "overtaken"), event_log_first(log) - 1 - ARRAY_SIZE(told));
	assert_true(b.is_uncounted);
	json_object_put(array);
	subscription_consume(&s, &b, b.end);
	/* And once. */
	while (batch_compose(&s, 1000, 100000, &b)) {
		assert_int_equal(b.gaps_len, 0);
		assert_false(b.is_uncounted);
		subscription_consume(&s, &b, b.end);
	}
	subscription_done(&s);
	event_log_free(log);
}

static void test_overtaken_gaps_of_many_sources_are_all_told(void **state)
{
	enum { MANY = 300 };
	struct event_log *log;
	struct subscription s;
	struct batch b;
	struct json_object *array;
	unsigned int slots[MANY + 1];
	uint64_t missed, recursion, overrun;

	assert_int_equal(event_log_new(LOG_BYTES, -1, &log), 0);
	subscription_init(&s, log, 1);
	for (unsigned int i = 0; i <= MANY; i++) {
		char name[64];

		snprintf(name, sizeof(name), "a_probe_with_a_rather_long_name_number_%u", i);
		event_log_source_open(log, i % 2 ? LOG_SOURCE_RING : LOG_SOURCE_PROBE, name, i,
				      &slots[i]);
		if (i < MANY)
			subscription_add_source(&s, slots[i]);
	}
	for (unsigned int i = 0; i < MANY; i++) {
		char *p = event_log_reserve(log, 100);

		subscription_note(&s, slots[i],
				  event_log_commit(log, slots[i], 1, 1, 0,
						   i % 4 ? LOG_GAP : LOG_GAP | LOG_RECURSION,
						   (size_t)sprintf(p, "{}"), 7));
	}
	for (int i = 0; i < 10000; i++) {
		char *p = event_log_reserve(log, 100);

		event_log_commit(log, slots[MANY], 1, 1, 0, 0, (size_t)sprintf(p, "{}"), 0);
	}
	assert_true(batch_compose(&s, 10, 1000, &b));
	assert_true(b.gaps_len <= sizeof(b.gaps));
	array = gaps_of(&b);
	missed = sum_of(array, "missed");
	recursion = sum_of(array, "recursion");
	overrun = sum_of(array, "overrun");
	assert_int_equal(overrun, 7 * MANY / 2);
	assert_int_equal(recursion, 7 * MANY / 4);
	assert_int_equal(missed, 7 * MANY / 4);
	assert_int_equal(b.missed, missed);
	assert_int_equal(b.recursion, recursion);
	assert_int_equal(b.overrun, overrun);
	assert_false(b.is_uncounted);
	json_object_put(array);
	subscription_done(&s);
	event_log_free(log);
}

/* A cursor from before the oldest entry: how many of a source it has missed cannot be known. */
static void test_cursor_from_long_ago_says_so(void **state)
{
	struct world *w = world_new(30000, 2, 1);
	struct subscription s;
	struct batch b;

	for (int i = 0; i < 20000; i++)
		append(w, 0, 0);
	subscription_init(&s, w->log, 5);
	subscription_add_source(&s, w->slots[0]);
	assert_true(batch_compose(&s, 10, 10000, &b));
	b.gaps[b.gaps_len] = '\0';
	assert_string_equal(b.gaps, "{\"kind\":\"overtaken\",\"count\":null}");
	assert_int_equal(b.n_events, 10);
	subscription_consume(&s, &b, b.end);
	assert_true(batch_compose(&s, 10, 10000, &b));
	assert_int_equal(b.gaps_len, 0);
	subscription_done(&s);

	/* One that sees only what has had no events has missed none. */
	subscription_init(&s, w->log, 5);
	subscription_add_source(&s, w->slots[1]);
	assert_false(batch_compose(&s, 10, 10000, &b));
	subscription_done(&s);
	world_free(w);
}

static void test_cursor_in_the_middle_of_the_log_misses_nothing(void **state)
{
	struct world *w = world_new(30000, 3, 1);

	for (int i = 0; i < 20000; i++)
		append(w, (size_t)i % 3, i % 17 == 0);
	for (uint64_t back = 0; back < 5000; back += 97) {
		struct viewer *v = &w->views[0];

		subscription_init(&v->s, w->log, w->next - back);
		v->sees[0] = v->sees[2] = true;
		subscription_add_source(&v->s, w->slots[0]);
		subscription_add_source(&v->s, w->slots[2]);
		while (read_batch(w, v, 1000, 100000))
			;
		subscription_done(&v->s);
	}
	world_free(w);
}

/* The source is closed and the last of it evicted before the reader looks again. */
static void test_events_of_a_source_that_has_gone_are_told(void **state)
{
	struct world *w = world_new(30000, 2, 1);
	struct viewer *v = add_view(w, 0, 1);

	append(w, 0, 3);
	for (int i = 0; i < 41; i++)
		append(w, 0, 0);
	end_pass(w);
	event_log_source_close(w->log, w->slots[0]);
	for (int i = 0; i < 20000; i++)
		append(w, 1, 0);
	end_pass(w);
	assert_null(event_log_source(w->log, w->slots[0]));
	assert_true(read_batch(w, v, 10, 1000));
	assert_false(read_batch(w, v, 10, 1000));
	world_free(w);
}

/* All slots but one are taken for good; it is used again and again. */
struct crowd {
	struct event_log *log;
	unsigned int busy; /* of those that stay */
	unsigned int spare;
};

static struct crowd crowded_log(void)
{
	struct crowd c;

	assert_int_equal(event_log_new(LOG_BYTES, -1, &c.log), 0);
	for (unsigned int i = 1; i < LOG_SOURCES_MAX - 1; i++)
		assert_int_equal(event_log_source_open(c.log, LOG_SOURCE_PROBE, "busy", i, &c.busy),
				 0);
	assert_int_equal(event_log_source_open(c.log, LOG_SOURCE_PROBE, "spare", 0, &c.spare), 0);
	return c;
}

static void crowd_append(const struct crowd *c, unsigned int slot, struct subscription *s,
			 unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		char *p = event_log_reserve(c->log, 100);
		uint64_t seq = event_log_commit(c->log, slot, 1, 1, 0, 0,
						(size_t)sprintf(p, "{\"a\":1}"), 0);

		subscription_note(s, slot, seq);
	}
}

static void crowd_reuse(struct crowd *c)
{
	unsigned int slot;

	event_log_source_close(c->log, c->spare);
	assert_int_equal(event_log_source_open(c->log, LOG_SOURCE_PROBE, "again", 0, &slot), 0);
	assert_int_equal(slot, c->spare);
}

/* Counts events, and whether a gap without a number was told. */
static size_t read_all(struct subscription *s, size_t step, bool *is_uncounted, uint64_t *overtaken)
{
	struct world none = {.n_sources = SOURCES_MAX};
	struct batch b;
	size_t n = 0;

	*is_uncounted = false;
	*overtaken = 0;
	while (batch_compose(s, step, 1 << 20, &b)) {
		struct told told;

		read_told(&none, &b, &told);
		*is_uncounted |= told.is_uncounted;
		*overtaken += told.overtaken;
		n += b.n_events;
		subscription_consume(s, &b, b.end);
	}
	return n;
}

static void test_entries_of_a_slot_that_was_used_again_are_still_read(void **state)
{
	struct crowd c = crowded_log();
	struct subscription s;
	bool is_uncounted;
	uint64_t overtaken;

	subscription_init(&s, c.log, 1);
	subscription_add_source(&s, c.spare);
	crowd_append(&c, c.spare, &s, 30);
	crowd_reuse(&c);
	/* The later source's are not for us. */
	crowd_append(&c, c.spare, &s, 7);
	assert_int_equal(read_all(&s, 10, &is_uncounted, &overtaken), 30);
	assert_false(is_uncounted);
	assert_int_equal(overtaken, 0);
	crowd_append(&c, c.spare, &s, 7);
	assert_int_equal(read_all(&s, 10, &is_uncounted, &overtaken), 0);
	assert_int_equal(overtaken, 0);
	subscription_done(&s);
	event_log_free(c.log);
}

static void test_overtaken_in_a_slot_that_was_used_again_is_told(void **state)
{
	struct crowd c = crowded_log();
	struct subscription s;
	bool is_uncounted;
	uint64_t overtaken;

	subscription_init(&s, c.log, 1);
	subscription_add_source(&s, c.spare);
	crowd_append(&c, c.spare, &s, 30);
	crowd_reuse(&c);
	crowd_append(&c, c.busy, &s, 9000);
	assert_int_equal(read_all(&s, 10, &is_uncounted, &overtaken), 0);
	assert_true(is_uncounted || overtaken == 30);
	/* Once. */
	crowd_append(&c, c.busy, &s, 9000);
	assert_int_equal(read_all(&s, 10, &is_uncounted, &overtaken), 0);
	assert_false(is_uncounted);
	subscription_done(&s);
	event_log_free(c.log);
}

static void test_later_source_in_the_same_slot_takes_over(void **state)
{
	struct crowd c = crowded_log();
	struct subscription s;
	bool is_uncounted;
	uint64_t overtaken;
	size_t n;

	subscription_init(&s, c.log, 1);
	subscription_add_source(&s, c.spare);
	crowd_append(&c, c.spare, &s, 30);
	crowd_reuse(&c);
	subscription_add_source(&s, c.spare);
	crowd_append(&c, c.spare, &s, 7);
	n = read_all(&s, 10, &is_uncounted, &overtaken);
	assert_true(n == 37 || (n == 7 && is_uncounted));
	crowd_append(&c, c.spare, &s, 5);
	assert_int_equal(read_all(&s, 10, &is_uncounted, &overtaken), 5);
	assert_false(is_uncounted);
	subscription_done(&s);
	event_log_free(c.log);
}

static void test_log_may_grow_between_composing_and_consuming(void **state)
{
	struct world *w = world_new(30000, 2, 1);
	struct viewer *v = add_view(w, 0, 1);
	struct batch b;

	for (int i = 0; i < 50; i++)
		append(w, 0, 0);
	end_pass(w);
	assert_true(batch_compose(&v->s, 20, 100000, &b));
	for (int i = 0; i < 4000; i++)
		append(w, (size_t)i % 2, 0);
	end_pass(w);
	subscription_consume(&v->s, &b, b.end);
	while (read_batch(w, v, 1000, 100000))
		;
	assert_int_equal(v->s.position, w->next);
	world_free(w);
}

/* Not even then is anything lost in silence. */
static void test_batch_evicted_before_it_is_consumed_is_told(void **state)
{
	struct world *w = world_new(60000, 2, 1);
	struct viewer *v = add_view(w, 0, 1);
	struct batch b;
	bool is_uncounted;
	uint64_t overtaken;
	size_t n;

	for (int i = 0; i < 50; i++)
		append(w, 0, 0);
	end_pass(w);
	assert_true(batch_compose(&v->s, 20, 100000, &b));
	for (int i = 0; i < 20000; i++)
		append(w, 0, 0);
	end_pass(w);
	subscription_consume(&v->s, &b, b.end);
	n = read_all(&v->s, 1000, &is_uncounted, &overtaken);
	assert_true(is_uncounted || n + overtaken == 20030);
	world_free(w);
}

static void test_cursors_are_read_as_they_are_written(void **state)
{
	struct world *w = world_new(100, 1, 1);
	char text[CURSOR_TEXT_MAX], epoch[9];
	uint64_t position;

	for (int i = 0; i < 20; i++)
		append(w, 0, 0);
	snprintf(epoch, sizeof(epoch), "%08x", event_log_epoch(w->log));
	for (uint64_t i = 1; i <= 21; i++) {
		assert_in_range(cursor_format(w->log, i, text), 10, CURSOR_TEXT_MAX - 1);
		assert_memory_equal(text, epoch, 8);
		assert_int_equal(cursor_parse(w->log, text, &position), 0);
		assert_int_equal(position, i);
	}
	assert_in_range(cursor_format(w->log, UINT64_MAX, text), 10, CURSOR_TEXT_MAX - 1);
	assert_int_equal(cursor_parse(w->log, text, &position), -ESTALE);
	cursor_format(w->log, 22, text);
	assert_int_equal(cursor_parse(w->log, text, &position), -ESTALE);
	cursor_format(w->log, 3, text);
	text[0] = text[0] == '1' ? '2' : '1';
	assert_int_equal(cursor_parse(w->log, text, &position), -ESTALE);
	world_free(w);
}

static void test_what_is_no_cursor_is_refused(void **state)
{
	static const char *const tails[] = {
		"",    ":",   ":0",  ":-1", ":+1", ": 1",  ":01",
		":1 ", ":1x", "1:1", ":1:", ":1.", ":0x1", ":123456789012345678901",
	};
	static const char *const others[] = {"",	   ":",		 "1:1",
					     "0000000g:1", "0000000A:1", " 0000000:1"};
	struct world *w = world_new(100, 1, 1);
	uint64_t position = 99;
	char text[64];

	for (size_t i = 0; i < ARRAY_SIZE(tails); i++) {
		snprintf(text, sizeof(text), "%08x%s", event_log_epoch(w->log), tails[i]);
		if (cursor_parse(w->log, text, &position) != -EINVAL)
			fail_msg("%s was taken", text);
	}
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		assert_int_equal(cursor_parse(w->log, others[i], &position), -EINVAL);
	assert_int_equal(position, 99);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_views_of_few_sources_match_the_model),
		cmocka_unit_test(test_views_of_many_sources_match_the_model),
		cmocka_unit_test(test_view_of_nothing_has_nothing),
		cmocka_unit_test(test_limits_leave_one_event_at_least),
		cmocka_unit_test(test_pieces_are_limited),
		cmocka_unit_test(test_gaps_beyond_their_room_wait),
		cmocka_unit_test(test_overtaken_gaps_of_many_sources_are_all_told),
		cmocka_unit_test(test_overtaken_gaps_keep_their_causes),
		cmocka_unit_test(test_cursor_from_long_ago_says_so),
		cmocka_unit_test(test_cursor_in_the_middle_of_the_log_misses_nothing),
		cmocka_unit_test(test_events_of_a_source_that_has_gone_are_told),
		cmocka_unit_test(test_entries_of_a_slot_that_was_used_again_are_still_read),
		cmocka_unit_test(test_overtaken_in_a_slot_that_was_used_again_is_told),
		cmocka_unit_test(test_later_source_in_the_same_slot_takes_over),
		cmocka_unit_test(test_log_may_grow_between_composing_and_consuming),
		cmocka_unit_test(test_batch_evicted_before_it_is_consumed_is_told),
		cmocka_unit_test(test_cursors_are_read_as_they_are_written),
		cmocka_unit_test(test_what_is_no_cursor_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
