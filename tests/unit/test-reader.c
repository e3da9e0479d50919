/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From rings to the log with rings of our own: sockets that carry pages. Order across CPUs and
 * instances, what is held back and for how long, and losses.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <json-c/json.h>

#include "cleanup.h"
#include "random.h"
#include "reader-world.h"
#include "stream.h"

static void test_events_of_all_cpus_and_instances_merge_by_time(void **state)
{
	struct world *w = world_new(1000);
	struct ring *rings[] = {ring_new(w, false), ring_new(w, false)};
	struct random random = {3};
	uint64_t start = now_nsec() - 1000 * MSEC, ts[2][CPUS];
	unsigned int n = 0;

	for (int i = 0; i < 2; i++)
		for (int k = 0; k < CPUS; k++)
			ts[i][k] = start;
	for (int page = 0; page < 60; page++) {
		uint64_t i = random_below(&random, 2), cpu = random_below(&random, CPUS);
		uint32_t events = 1 + (uint32_t)random_below(&random, 100);
		uint32_t step = (uint32_t)random_below(&random, 1000);

		send_events(rings[i], (unsigned int)cpu, ts[i][cpu], step, events);
		ts[i][cpu] += (uint64_t)events * step;
		n += events;
	}
	run_until_idle(w);
	assert_int_equal(count_entries(w), n);
	assert_int_equal(w->n_appended, n);
	assert_ordered(w);
	assert_int_equal(reader_totals(w->reader)->recorded, n);
	assert_int_equal(reader_totals(w->reader)->reordered, 0);
	assert_true(reader_is_drained(w->reader, &rings[0]->instance));
	ring_free(w, rings[0]);
	ring_free(w, rings[1]);
	world_free(w);
}

static void test_entry_says_what_the_record_said(void **state)
{
	struct world *w = world_new(1000);
	struct ring *r = ring_new(w, false);
	uint64_t ts = now_nsec() - 1000 * MSEC;
	const struct log_entry *e;
	uint32_t number = 4242;
	char want[256];
	struct page p;

	page_begin(&p, ts);
	page_event(&p, 5, TYPE, 77, &number, sizeof(number));
	send_page(r, 2, &p, 0);
	run_until_idle(w);
	e = event_log_entry(w->log, 1);
	assert_int_equal(e->ts, ts + 5);
	assert_int_equal(e->tid, 77);
	assert_int_equal(e->cpu, 2);
	assert_int_equal(e->source, w->source);
	assert_int_equal(e->flags, 0);
	snprintf(want, sizeof(want),
		 "{\"seq\":1,\"ts\":%llu,\"cpu\":2,\"tid\":77,\"comm\":\"\",\"probe\":\"p\","
		 "\"site\":\"vfs_read+0x0\",\"args\":{\"n\":4242}},",
		 (unsigned long long)ts + 5);
	assert_int_equal(e->text_len, strlen(want));
	assert_memory_equal(event_log_text(w->log, e), want, strlen(want));
	ring_free(w, r);
	world_free(w);
}

/* The helper module's probes share a type; the decoder here has its number where a probe has it. */
static void test_hits_belong_to_their_cookies(void **state)
{
	struct world *w = world_new(1000);
	struct ring *r = ring_new(w, false);
	struct hit_table *hits = reader_hits(w->reader);
	uint64_t ts = now_nsec() - 1000 * MSEC, cookies[3];
	unsigned int source;
	struct page p;

	assert_int_equal(event_log_source_open(w->log, LOG_SOURCE_PROBE, "q", 2, &source), 0);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(hit_table_take(hits, i + 1, false, &cookies[i]), 0);
	hit_table_bind(hits, cookies[0], w->decoder, w->source);
	hit_table_bind(hits, cookies[1], w->decoder, source);
	hit_table_bind(hits, cookies[2], w->decoder, w->source);
	hit_table_give_back(hits, cookies[2]);
	for (int round = 0; round < 2; round++) {
		/* Before anything is known of the type they are nobody's, like any other. */
		page_begin(&p, ts + (unsigned int)round * 1000);
		for (uint32_t i = 0; i < 3; i++)
			page_event(&p, 5, TYPE + 1, 77, &cookies[i], sizeof(cookies[i]));
		page_event(&p, 5, TYPE + 1, 77, &source, sizeof(source)); /* too short */
		send_page(r, 1, &p, 0);
		run_until_idle(w);
		assert_int_equal(count_entries(w), round * 2);
		assert_int_equal(reader_totals(w->reader)->unknown, round ? 4 + 2 : 4);
		reader_set_hits(w->reader, TYPE + 1, 8);
	}
	assert_int_equal(event_log_entry(w->log, 1)->source, w->source);
	assert_int_equal(event_log_entry(w->log, 2)->source, source);
	ring_free(w, r);
	world_free(w);
}

/* Another CPU may still be writing a record that is older. */
static void test_new_events_are_held_back_for_the_window(void **state)
{
	const uint64_t window = 50 * MSEC;
	struct world *w = world_new(window / 1000);
	struct ring *r = ring_new(w, false);
	uint64_t ts;

	run_until_idle(w);
	ts = now_nsec();
	send_events(r, 0, ts, 1000, 1);
	while (count_entries(w) == 0) {
		assert_false(reader_is_drained(w->reader, &r->instance) && count_entries(w) > 0);
		event_base_loop(w->base, EVLOOP_ONCE);
	}
	assert_true(now_nsec() >= ts + window);
	/* What every CPU has gone beyond needs no waiting. */
	ts = now_nsec();
	for (unsigned int cpu = 0; cpu < CPUS; cpu++)
		send_events(r, cpu, ts, 1, 1);
	event_base_loop(w->base, EVLOOP_ONCE);
	assert_int_equal(count_entries(w), 1 + CPUS);
	ring_free(w, r);
	world_free(w);
}

static void test_straggler_is_appended_and_counted(void **state)
{
	struct world *w = world_new(1000);
	struct ring *r = ring_new(w, false);
	uint64_t ts = now_nsec() - 500 * MSEC;

	send_events(r, 0, ts, 1, 3);
	run_until_idle(w);
	send_events(r, 1, ts - 5 * MSEC, 1, 2);
	run_until_idle(w);
	assert_int_equal(count_entries(w), 5);
	assert_int_equal(reader_totals(w->reader)->reordered, 2);
	assert_int_equal(event_log_entry(w->log, 4)->ts, ts - 5 * MSEC);
	ring_free(w, r);
	world_free(w);
}

static uint64_t gap_number(const struct world *w, uint64_t seq, const char *key)
{
	const struct log_entry *e = event_log_entry(w->log, seq);
	char text[512];
	struct json_object *o;
	uint64_t n;

	assert_int_equal(e->flags, LOG_GAP);
	snprintf(text, sizeof(text), "%.*s", (int)e->text_len - 1, event_log_text(w->log, e));
	o = json_tokener_parse(text);
	assert_non_null(o);
	n = json_object_get_uint64(json_object_object_get(o, key));
	json_object_put(o);
	return n;
}

static void test_overrun_is_told_once(void **state)
{
	struct world *w = world_new(1000);
	struct ring *r = ring_new(w, false);
	uint64_t ts = now_nsec() - 1000 * MSEC;
	struct page p;

	set_overrun(r, 1, 5);
	for (uint32_t i = 0; i < 2; i++) {
		page_begin(&p, ts + i);
		page_event(&p, 0, TYPE, 1, &i, sizeof(i));
		send_page(r, 1, &p, PAGE_MISSED);
	}
	run_until_idle(w);
	assert_int_equal(count_entries(w), 3);
	assert_int_equal(gap_number(w, 1, "count"), 5);
	assert_int_equal(gap_number(w, 1, "cpu"), 1);
	assert_int_equal(gap_number(w, 1, "untilTs"), ts);
	assert_int_equal(event_log_entry(w->log, 1)->source, w->ring_source);
	assert_int_equal(reader_totals(w->reader)->overrun, 5);

	set_overrun(r, 1, 9);
	page_begin(&p, ts + 10);
	send_page(r, 1, &p, PAGE_MISSED);
	run_until_idle(w);
	assert_int_equal(gap_number(w, 4, "count"), 4);
	/* What no page has told is told when the ring goes. */
	set_overrun(r, 1, 12);
	set_overrun(r, 0, 1);
	reader_drain(w->reader);
	assert_int_equal(count_entries(w), 6);
	assert_int_equal(reader_totals(w->reader)->overrun, 13);
	ring_free(w, r);
	assert_int_equal(count_entries(w), 6);
	assert_int_equal(event_log_source(w->log, w->ring_source)->lost, 13);
	world_free(w);
}

static void test_overrun_with_stacks_counts_pairs(void **state)
{
	struct world *w = world_new(1000);
	struct ring *r = ring_new(w, true);

	set_overrun(r, 0, 7);
	reader_drain(w->reader);
	assert_int_equal(gap_number(w, 1, "count"), 4);
	ring_free(w, r);
	world_free(w);
}

static void test_unknown_events_are_counted(void **state)
{
	struct world *w = world_new(1000);
	struct ring *r = ring_new(w, false);
	uint64_t ts = now_nsec() - 1000 * MSEC;
	struct page p;

	page_begin(&p, ts);
	page_event(&p, 0, 65535, 1, "abcd", 4);
	page_event(&p, 0, TYPE, 1, "abcd", 4);
	send_page(r, 0, &p, 0);
	run_until_idle(w);
	assert_int_equal(reader_totals(w->reader)->unknown, 1);
	assert_int_equal(reader_totals(w->reader)->recorded, 1);
	reader_unbind(w->reader, TYPE);
	send_events(r, 0, ts + 10, 1, 3);
	run_until_idle(w);
	assert_int_equal(reader_totals(w->reader)->unknown, 4);
	ring_free(w, r);
	world_free(w);
}

static void test_drain_appends_what_was_held_back(void **state)
{
	struct world *w = world_new(1000000);
	struct ring *r = ring_new(w, false);

	send_events(r, 0, now_nsec() + 3600000 * MSEC, 1, 7);
	send_events(r, 2, now_nsec(), 1, 7);
	event_base_loop(w->base, EVLOOP_ONCE);
	assert_int_equal(count_entries(w), 0);
	assert_false(reader_is_drained(w->reader, &r->instance));
	reader_drain(w->reader);
	assert_int_equal(count_entries(w), 14);
	assert_true(reader_is_drained(w->reader, &r->instance));
	assert_ordered(w);
	ring_free(w, r);
	world_free(w);
}

/* More pages than the queue takes, all of it held back when the end comes. */
static void test_drain_goes_on_until_the_rings_are_empty(void **state)
{
	struct world *w = world_new(1000000);
	struct ring *r = ring_new(w, false);

	for (unsigned int i = 0; i < 3 * STREAM_PAGES; i++)
		send_events(r, 0, now_nsec(), 1, 10);
	for (unsigned int i = 0; i < 2 * STREAM_PAGES; i++)
		send_events(r, 1, now_nsec(), 1, 10);
	event_base_loop(w->base, EVLOOP_ONCE);
	assert_int_equal(count_entries(w), 0);
	reader_drain(w->reader);
	assert_int_equal(count_entries(w), 10 * 5 * STREAM_PAGES);
	assert_true(reader_is_drained(w->reader, &r->instance));
	ring_free(w, r);
	world_free(w);
}

static void test_drain_waits_for_no_stack(void **state)
{
	struct world *w = world_new(1000);
	struct ring *r = ring_new(w, true);

	for (unsigned int cpu = 0; cpu < CPUS; cpu++)
		send_events(r, cpu, now_nsec(), 1, 5);
	reader_drain(w->reader);
	assert_int_equal(count_entries(w), 5 * CPUS);
	ring_free(w, r);
	world_free(w);
}

static void test_stack_that_never_comes_is_given_up(void **state)
{
	const uint64_t addresses[] = {1, 2};
	struct world *w = world_new(1000);
	struct ring *r = ring_new(w, true);
	uint64_t ts = now_nsec() - 100 * MSEC;
	uint32_t number = 1;
	struct page p;

	page_begin(&p, ts);
	page_event(&p, 0, TYPE, 1, &number, 4);
	page_stack(&p, 0, addresses, 2);
	page_event(&p, 1, TYPE, 1, &number, 4);
	send_page(r, 0, &p, 0);
	run_until_idle(w);
	assert_int_equal(count_entries(w), 2);
	assert_non_null(memmem(event_log_text(w->log, event_log_entry(w->log, 1)), 300,
			       "\"stack\":[\"0x1\",\"0x2\"]}", 22));
	ring_free(w, r);
	world_free(w);
}

static void test_page_that_cannot_be_read_is_a_gap(void **state)
{
	struct world *w = world_new(1000);
	struct ring *r = ring_new(w, false);
	uint64_t ts = now_nsec() - 100 * MSEC;
	const struct log_entry *e;
	uint32_t number = 1;
	struct page p;
	char expected[100];

	page_begin(&p, ts);
	page_event(&p, 0, TYPE, 1, &number, 4);
	page_head(&p, 28, 1); /* runs out */
	send_page(r, 2, &p, 0);
	send_events(r, 2, ts + 10, 0, 1);
	run_until_idle(w);
	assert_int_equal(count_entries(w), 3);
	e = event_log_entry(w->log, 2);
	assert_int_equal(e->source, w->ring_source);
	snprintf(expected, sizeof(expected),
		 "{\"kind\":\"overrun\",\"count\":null,\"cpu\":2,\"untilTs\":%llu},",
		 (unsigned long long)ts);
	assert_int_equal(e->text_len, strlen(expected));
	assert_memory_equal(event_log_text(w->log, e), expected, e->text_len);
	assert_int_equal(event_log_source(w->log, w->ring_source)->untold, 1);
	assert_ordered(w);
	assert_int_equal(reader_totals(w->reader)->reordered, 0);
	ring_free(w, r);
	world_free(w);
}

static void test_gap_may_be_appended_from_outside(void **state)
{
	struct world *w = world_new(1000);
	const struct log_entry *e;

	reader_append_gap(w->reader, w->source, "missed", 3, "p", -1, 10, 20);
	reader_append_gap(w->reader, LOG_SOURCE_GLOBAL, "restart", 0, NULL, -1, 0, 30);
	reader_deliver(w->reader);
	assert_int_equal(w->n_passes, 1);
	e = event_log_entry(w->log, 1);
	assert_int_equal(event_log_source(w->log, w->source)->lost, 3);
	assert_memory_equal(
		event_log_text(w->log, e),
		"{\"kind\":\"missed\",\"count\":3,\"probe\":\"p\",\"sinceTs\":10,\"untilTs\":20},"
		"{\"kind\":\"restart\",\"count\":null,\"untilTs\":30},",
		e->text_len + event_log_entry(w->log, 2)->text_len);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_events_of_all_cpus_and_instances_merge_by_time),
		cmocka_unit_test(test_entry_says_what_the_record_said),
		cmocka_unit_test(test_hits_belong_to_their_cookies),
		cmocka_unit_test(test_new_events_are_held_back_for_the_window),
		cmocka_unit_test(test_straggler_is_appended_and_counted),
		cmocka_unit_test(test_overrun_is_told_once),
		cmocka_unit_test(test_overrun_with_stacks_counts_pairs),
		cmocka_unit_test(test_unknown_events_are_counted),
		cmocka_unit_test(test_drain_appends_what_was_held_back),
		cmocka_unit_test(test_drain_goes_on_until_the_rings_are_empty),
		cmocka_unit_test(test_drain_waits_for_no_stack),
		cmocka_unit_test(test_stack_that_never_comes_is_given_up),
		cmocka_unit_test(test_page_that_cannot_be_read_is_a_gap),
		cmocka_unit_test(test_gap_may_be_appended_from_outside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
