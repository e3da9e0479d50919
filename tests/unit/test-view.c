/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What readers with a condition, a sample or a rate get of a log, against a walk over everything
 * that was ever appended: by marks, by text, and from the one to the other; overtaken, and with
 * batches that are taken in part. Every event of theirs ends in exactly one place.
 */
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
#define SOURCES	    4
#define ITEMS_MAX   400000
#define READERS_MAX 6

struct item {
	uint64_t ts;
	uint32_t lost; /* told by a gap; 0: an event */
	uint8_t source, k;
};

struct reader {
	struct subscription s;
	struct view *view;  /* owned; NULL: judged by text */
	struct filter *own; /* owned, where there is no view */
	const struct filter *filter;
	int below; /* takes events with k below it */
	bool sees[SOURCES];
	uint64_t begin, last_seq;
	uint64_t got, filtered, rate_limited, overtaken, lost;
	struct pace pace; /* the model's */
	bool is_exact;	  /* overtaken counts are of events that meet the condition alone */
	uint64_t model_overtaken;
};

struct world {
	struct event_log *log;
	struct random random;
	struct item *items; /* by seq */
	uint64_t next, ts;
	unsigned int slots[SOURCES];
	uint64_t first_of_pass[SOURCES];
	struct reader readers[READERS_MAX];
	size_t n_readers;
};

static struct world *world_new(uint64_t seed)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	assert_int_equal(event_log_new(LOG_BYTES, -1, &w->log), 0);
	w->random.state = seed;
	w->next = 1;
	w->items = calloc(ITEMS_MAX, sizeof(*w->items));
	assert_non_null(w->items);
	for (size_t i = 0; i < SOURCES; i++)
		assert_int_equal(
			event_log_source_open(w->log, LOG_SOURCE_PROBE, "p", i, &w->slots[i]), 0);
	return w;
}

static void world_free(struct world *w)
{
	for (size_t i = 0; i < w->n_readers; i++) {
		struct reader *r = &w->readers[i];

		subscription_done(&r->s);
		if (r->own)
			filter_free(r->own);
		if (r->view)
			view_free(r->view);
	}
	event_log_free(w->log);
	free(w->items);
	free(w);
}

/* @below 0: no condition. @cursor: where it begins; its view, if it has one, begins now. */
static struct reader *add_reader(struct world *w, int below, bool has_view, uint64_t cursor,
				 struct pace pace, unsigned int sees)
{
	struct reader *r = &w->readers[w->n_readers++];
	struct filter *f = NULL;
	char text[32];

	*r = (struct reader){.below = below ? below : 10, .begin = cursor, .pace = pace};
	subscription_init(&r->s, w->log, cursor);
	if (below) {
		snprintf(text, sizeof(text), "k < %d", below);
		assert_int_equal(filter_parse(text, &f, NULL), 0);
		if (has_view)
			assert_int_equal(view_new(w->log, f, &r->view), 0);
		else
			r->own = f;
		r->filter = f;
	}
	subscription_set_filter(&r->s, f, r->view);
	r->s.pace = pace;
	r->is_exact = !below || (has_view && cursor == w->next);
	for (size_t i = 0; i < SOURCES; i++) {
		r->sees[i] = sees >> i & 1;
		if (r->sees[i])
			assert_int_equal(subscription_add_source(&r->s, w->slots[i]), 0);
	}
	return r;
}

static void append(struct world *w)
{
	struct item *item = &w->items[w->next];
	uint64_t seq = w->next++;
	char *text = event_log_reserve(w->log, 300);
	int n;

	/* Time moves in leaps, so that rates are met and are not. */
	w->ts += random_below(&w->random, 20) ? 1000 : random_below(&w->random, 100000000);
	*item = (struct item){.ts = w->ts,
			      .lost = random_below(&w->random, 40) ? 0 : 3,
			      .source = (uint8_t)random_below(&w->random, SOURCES),
			      .k = (uint8_t)random_below(&w->random, 10)};
	if (item->lost)
		n = sprintf(text, "{\"kind\":\"missed\",\"count\":3}");
	else
		n = sprintf(text, "{\"seq\":%llu,\"pad\":\"%.*s\",\"args\":{\"k\":%u}}",
			    (unsigned long long)seq, (int)(seq * 31 % 90),
			    "---------------------------------------------"
			    "---------------------------------------------",
			    item->k);
	event_log_commit(w->log, w->slots[item->source], item->ts, 1, 0, item->lost ? LOG_GAP : 0,
			 (size_t)n, item->lost);
	if (!w->first_of_pass[item->source])
		w->first_of_pass[item->source] = seq;
	for (size_t i = 0; i < w->n_readers; i++) {
		struct reader *r = &w->readers[i];

		if (r->view && r->sees[item->source])
			view_mark(r->view, seq,
				  item->lost	       ? VIEW_GAP
				  : item->k < r->below ? VIEW_EVENT
						       : VIEW_LEFT_OUT);
	}
}

static void end_pass(struct world *w)
{
	for (size_t i = 0; i < SOURCES; i++) {
		for (size_t k = 0; k < w->n_readers && w->first_of_pass[i]; k++)
			subscription_note(&w->readers[k].s, w->slots[i], w->first_of_pass[i]);
		w->first_of_pass[i] = 0;
	}
}

static void take_gaps(struct reader *r, const struct batch *b)
{
	char text[BATCH_GAP_BYTES + 3];
	struct json_object *array;

	snprintf(text, sizeof(text), "[%.*s]", (int)b->gaps_len, b->gaps);
	array = json_tokener_parse(text);
	assert_non_null(array);
	for (size_t i = 0; i < json_object_array_length(array); i++) {
		struct json_object *gap = json_object_array_get_idx(array, i);
		const char *kind = json_object_get_string(json_object_object_get(gap, "kind"));
		uint64_t n = json_object_get_uint64(json_object_object_get(gap, "count"));

		assert_true(n > 0);
		if (strcmp(kind, "filtered") == 0)
			r->filtered += n;
		else if (strcmp(kind, "rateLimited") == 0)
			r->rate_limited += n;
		else if (strcmp(kind, "overtaken") == 0)
			r->overtaken += n;
		else
			r->lost += n;
	}
	json_object_put(array);
}

/* The model's next event at or after @seq; what the model overtakes is counted. */
static uint64_t model_next(struct world *w, struct reader *r, uint64_t seq)
{
	for (; seq < w->next; seq++) {
		const struct item *item = &w->items[seq];
		enum pace_verdict verdict;

		if (!r->sees[item->source] || item->lost || item->k >= r->below)
			continue;
		verdict = pace_judge(&r->pace, item->ts);
		pace_count(&r->pace, item->ts, verdict);
		if (verdict == PACE_TAKEN)
			break;
	}
	return seq;
}

static void check_events(struct world *w, struct reader *r, const struct batch *b, uint64_t from,
			 uint64_t end)
{
	uint64_t seq = from;

	for (size_t i = 0; i < b->n_runs; i++) {
		const char *p = b->runs[i].iov_base, *stop = p + b->runs[i].iov_len;
		uint64_t at = b->run_first[i];

		for (; p < stop; at++) {
			if (at >= end)
				return;
			seq = model_next(w, r, seq);
			assert_int_equal(seq, at);
			p += event_log_entry(w->log, at)->text_len;
			seq++;
			r->got++;
		}
	}
	/* What follows up to the end is none of its events. */
	assert_true(model_next(w, r, seq) >= end);
}

static bool read_batch(struct world *w, struct reader *r, size_t max_events)
{
	uint64_t first = event_log_first(w->log), from = r->s.position, end;
	struct pace before;
	static struct batch b;
	bool is_any;

	r->s.tell = random_below(&w->random, 2);
	if (from < first) {
		for (uint64_t seq = from; seq < first; seq++)
			r->model_overtaken += r->sees[w->items[seq].source] &&
					      !w->items[seq].lost && w->items[seq].k < r->below;
		from = first;
	}
	is_any = batch_compose(&r->s, max_events, 30000, &b);
	end = b.end;
	if (is_any)
		take_gaps(r, &b);
	if (b.n_events && random_below(&w->random, 3) == 0) {
		size_t at;

		end = random_below(&w->random, 4) == 0
			      ? b.first
			      : batch_find(&r->s, &b, random_below(&w->random, b.n_bytes), &at)
						->seq +
					1;
	}
	before = r->pace;
	check_events(w, r, &b, from, end);
	/* The model's pace at the end: of all before it, and of nothing behind. */
	r->pace = before;
	for (uint64_t seq = from; seq < end; seq++) {
		const struct item *item = &w->items[seq];

		if (r->sees[item->source] && !item->lost && item->k < r->below)
			pace_count(&r->pace, item->ts, pace_judge(&r->pace, item->ts));
	}
	subscription_consume(&r->s, &b, end);
	assert_int_equal(r->s.position, end);
	return is_any || b.is_partial || r->s.filtered > 0 || r->s.rate_limited > 0;
}

static void finish(struct world *w, struct reader *r)
{
	uint64_t events = 0, lost = 0;

	while (read_batch(w, r, 1000))
		;
	assert_int_equal(r->s.position, w->next);
	for (uint64_t seq = r->begin; seq < w->next; seq++) {
		if (!r->sees[w->items[seq].source])
			continue;
		events += !w->items[seq].lost;
		lost += w->items[seq].lost;
	}
	assert_int_equal(r->s.filtered, 0);
	assert_int_equal(r->s.rate_limited, 0);
	assert_int_equal(r->got + r->filtered + r->rate_limited + r->overtaken, events);
	assert_int_equal(r->lost, lost);
	if (r->is_exact)
		assert_int_equal(r->overtaken, r->model_overtaken);
	else
		assert_true(r->overtaken >= r->model_overtaken);
}

static void run(struct world *w, uint64_t until, unsigned int laziness)
{
	while (w->next < until) {
		uint64_t n = random_below(&w->random, 60) ? random_below(&w->random, 40)
							  : random_below(&w->random, 9000);

		for (; n > 0; n--)
			append(w);
		end_pass(w);
		for (size_t i = 0; i < w->n_readers; i++)
			if (random_below(&w->random, 1 + i * laziness) == 0)
				read_batch(w, &w->readers[i], 1 + random_below(&w->random, 400));
	}
}

static void test_marks_lead_to_each_event_that_is_wanted(void **state)
{
	struct world *w = world_new(3);

	add_reader(w, 3, true, 1, (struct pace){0}, 0xf);
	add_reader(w, 1, true, 1, (struct pace){0}, 0x3);
	add_reader(w, 9, true, 1, (struct pace){0}, 0x5);
	add_reader(w, 5, true, 1, (struct pace){.sample = 3}, 0xf);
	add_reader(w, 5, true, 1, (struct pace){.rate = 50}, 0xe);
	add_reader(w, 5, true, 1, (struct pace){.sample = 2, .rate = 7}, 0xf);
	run(w, 200000, 12);
	for (size_t i = 0; i < w->n_readers; i++)
		finish(w, &w->readers[i]);
	assert_true(w->readers[5].overtaken > 0 && w->readers[4].rate_limited > 0);
	world_free(w);
}

static void test_sample_and_rate_need_no_condition(void **state)
{
	struct world *w = world_new(4);

	add_reader(w, 0, false, 1, (struct pace){.sample = 10}, 0xf);
	add_reader(w, 0, false, 1, (struct pace){.rate = 20}, 0x3);
	add_reader(w, 0, false, 1, (struct pace){.sample = 2, .rate = 1}, 0x1);
	run(w, 150000, 3);
	for (size_t i = 0; i < w->n_readers; i++)
		finish(w, &w->readers[i]);
	assert_true(w->readers[0].got > 1000 && w->readers[1].rate_limited > 1000);
	world_free(w);
}

/* From a cursor: by text until where the marks begin, or all the way. */
static void test_texts_are_judged_up_to_the_marks(void **state)
{
	struct world *w = world_new(5);

	for (int i = 0; i < 5000; i++)
		append(w);
	add_reader(w, 3, true, 1, (struct pace){0}, 0xf);
	add_reader(w, 3, true, 2000, (struct pace){.sample = 4}, 0x9);
	add_reader(w, 3, false, 4999, (struct pace){0}, 0xf);
	add_reader(w, 8, false, 1, (struct pace){.rate = 100}, 0x6);
	memset(w->first_of_pass, 0, sizeof(w->first_of_pass));
	for (size_t i = 0; i < w->n_readers; i++)
		assert_int_equal(w->readers[i].begin, w->readers[i].s.position);
	run(w, 100000, 4);
	for (size_t i = 0; i < w->n_readers; i++)
		finish(w, &w->readers[i]);
	world_free(w);
}

/* Overtaken before its texts were judged: nothing is told to have been left out that was not. */
static void test_who_is_overtaken_while_catching_up_has_an_account(void **state)
{
	struct world *w = world_new(6);

	for (int i = 0; i < 6000; i++)
		append(w);
	add_reader(w, 3, true, 1, (struct pace){0}, 0xf);
	add_reader(w, 3, true, 1, (struct pace){0}, 0x3);
	memset(w->first_of_pass, 0, sizeof(w->first_of_pass));
	read_batch(w, &w->readers[1], 10);
	for (int i = 0; i < 30000; i++)
		append(w);
	end_pass(w);
	for (size_t i = 0; i < w->n_readers; i++) {
		finish(w, &w->readers[i]);
		assert_true(w->readers[i].overtaken > 0);
	}
	world_free(w);
}

static void test_judging_by_text_is_bounded(void **state)
{
	struct world *w = world_new(7);
	struct reader *r;
	static struct batch b;

	/* Short ones, so that the log holds many. */
	for (int i = 0; i < 7000; i++) {
		char *text = event_log_reserve(w->log, 100);
		uint64_t seq = w->next++;

		w->items[seq].k = 9;
		event_log_commit(w->log, w->slots[0], seq, 1, 0, 0,
				 (size_t)sprintf(text, "{\"args\":{\"k\":9}}"), 0);
	}
	r = add_reader(w, 3, false, 1, (struct pace){0}, 0x1);
	for (int i = 0; i < 3; i++)
		append(w);
	assert_false(batch_compose(&r->s, 10, 10000, &b));
	assert_true(b.is_partial);
	assert_int_equal(b.end, 4097);
	finish(w, r);
	world_free(w);
}

/* More entries of others than words, and words that come round again. */
static void test_marks_after_a_long_while_are_right(void **state)
{
	struct event_log *log;
	struct filter *f;
	struct view *v;
	uint64_t seq = 1;

	assert_int_equal(event_log_new(LOG_BYTES, -1, &log), 0);
	assert_int_equal(filter_parse("x", &f, NULL), 0);
	assert_int_equal(view_new(log, f, &v), 0);
	assert_int_equal(view_next(v, 1), UINT64_MAX);
	for (uint64_t step = 1; seq < 3000000; step = step * 3 % 50021) {
		uint64_t next = seq + step;

		view_mark(v, seq, seq % 5 ? VIEW_EVENT : VIEW_LEFT_OUT);
		assert_int_equal(view_next(v, seq), seq % 5 ? seq : UINT64_MAX);
		assert_int_equal(view_next(v, seq + 1), UINT64_MAX);
		assert_int_equal(view_count(v, seq + 1).events, v->n_events);
		assert_int_equal(view_count(v, seq).events, v->n_events - (seq % 5 != 0));
		assert_int_equal(view_count(v, next).left_out, v->n_left_out);
		seq = next;
	}
	view_free(v);
	event_log_free(log);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_marks_lead_to_each_event_that_is_wanted),
		cmocka_unit_test(test_sample_and_rate_need_no_condition),
		cmocka_unit_test(test_texts_are_judged_up_to_the_marks),
		cmocka_unit_test(test_who_is_overtaken_while_catching_up_has_an_account),
		cmocka_unit_test(test_judging_by_text_is_bounded),
		cmocka_unit_test(test_marks_after_a_long_while_are_right),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
