/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From rings to the log with rings of our own: sockets that carry pages. Order across CPUs and
 * instances, what is held back and for how long, losses, and when the reader sleeps.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>
#include <json-c/json.h>

#include "cleanup.h"
#include "random.h"
#include "reader.h"
#include "ring-pages.h"
#include "stream.h"

#define CPUS 3
#define TYPE 100
#define MSEC 1000000ULL

static const char format_text[] =
	"name: p\nID: 100\nformat:\n"
	"\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n"
	"\tfield:u32 n;\toffset:8;\tsize:4;\tsigned:0;\n";

struct ring {
	struct instance instance;
	int fds[CPUS], stats_fds[CPUS], write_fds[CPUS];
};

struct world {
	struct event_base *base;
	struct event_log *log;
	struct reader *reader;
	struct decoder *decoder;
	struct probe_spec spec;
	struct event_format format;
	unsigned int source, ring_source;
	unsigned int n_passes;
	uint64_t n_appended;
};

static void on_pass(void *data)
{
	((struct world *)data)->n_passes++;
}

static void on_append(unsigned int source, uint64_t seq, const struct raw_record *record,
		      void *data)
{
	struct world *w = data;

	assert_int_equal(event_log_entry(w->log, seq)->source, source);
	assert_int_equal(event_log_next(w->log), seq + 1);
	w->n_appended++;
}

static struct world *world_new(unsigned int window_usec)
{
	struct world *w = calloc(1, sizeof(*w));
	struct reader_options options = {
		.tick_msec = 1,
		.window_usec = window_usec,
		.on_pass = on_pass,
		.on_append = on_append,
		.data = w,
	};

	assert_non_null(w);
	options.base = w->base = event_base_new();
	assert_int_equal(event_log_new(1 << 22, -1, &w->log), 0);
	options.log = w->log;
	assert_int_equal(reader_new(&options, &w->reader), 0);
	event_log_source_open(w->log, LOG_SOURCE_PROBE, "p", 1, &w->source);
	event_log_source_open(w->log, LOG_SOURCE_RING, "ring", 0, &w->ring_source);
	assert_int_equal(probe_spec_parse("p:p vfs_read n=%di:u32", &w->spec, NULL), 0);
	assert_int_equal(event_format_parse(format_text, &w->format), 0);
	assert_int_equal(decoder_new(&w->spec, &w->format, "p", "vfs_read+0x0", &w->decoder), 0);
	reader_bind(w->reader, TYPE, w->decoder, w->source);
	return w;
}

static void world_free(struct world *w)
{
	reader_free(w->reader);
	decoder_free(w->decoder);
	event_format_done(&w->format);
	probe_spec_done(&w->spec);
	event_log_free(w->log);
	event_base_free(w->base);
	free(w);
}

static struct ring *ring_new(struct world *w, bool has_stacks)
{
	struct ring *r = calloc(1, sizeof(*r));

	assert_non_null(r);
	r->instance = (struct instance){
		.source = w->ring_source,
		.has_stacks = has_stacks,
		.n_cpus = CPUS,
		.fds = r->fds,
		.stats_fds = r->stats_fds,
	};
	for (int i = 0; i < CPUS; i++) {
		int fds[2], size = 1 << 20;

		assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, fds), 0);
		setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
		r->fds[i] = fds[0];
		r->write_fds[i] = fds[1];
		r->stats_fds[i] = memfd_create("stats", MFD_CLOEXEC);
	}
	assert_int_equal(reader_add_instance(w->reader, &r->instance), 0);
	return r;
}

static void ring_free(struct world *w, struct ring *r)
{
	reader_remove_instance(w->reader, &r->instance);
	for (int i = 0; i < CPUS; i++) {
		close(r->fds[i]);
		close(r->write_fds[i]);
		close(r->stats_fds[i]);
	}
	free(r);
}

static void send_page(struct ring *r, unsigned int cpu, struct page *p, uint32_t flags)
{
	page_end(p, flags);
	assert_int_equal(write(r->write_fds[cpu], p->bytes, sizeof(p->bytes)), sizeof(p->bytes));
}

/* A page with @n events @step apart, the first at @ts. */
static void send_events(struct ring *r, unsigned int cpu, uint64_t ts, uint32_t step, uint32_t n)
{
	struct page p;

	page_begin(&p, ts);
	for (uint32_t i = 0; i < n; i++)
		page_event(&p, i ? step : 0, TYPE, 1, &i, sizeof(i));
	send_page(r, cpu, &p, 0);
}

static void set_overrun(struct ring *r, unsigned int cpu, unsigned int n)
{
	char text[200];
	int len = snprintf(text, sizeof(text),
			   "entries: 1\noverrun: %u\ncommit overrun: 0\nbytes: 5\n", n);

	assert_int_equal(pwrite(r->stats_fds[cpu], text, (size_t)len, 0), len);
}

static void run_until_idle(struct world *w)
{
	do
		assert_int_equal(event_base_loop(w->base, EVLOOP_ONCE), 0);
	while (!reader_is_idle(w->reader));
}

static uint64_t count_entries(const struct world *w)
{
	return event_log_next(w->log) - event_log_first(w->log);
}

static void assert_ordered(const struct world *w)
{
	for (uint64_t seq = event_log_first(w->log) + 1; seq < event_log_next(w->log); seq++)
		assert_true(event_log_entry(w->log, seq)->ts >=
			    event_log_entry(w->log, seq - 1)->ts);
}

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

static void test_sleeps_when_idle_and_wakes_for_an_event(void **state)
{
	struct world *w = world_new(1000);
	struct ring *r = ring_new(w, false);

	assert_false(reader_is_idle(w->reader));
	run_until_idle(w);
	/* Nothing is due: nothing but a page would wake it. */
	assert_int_equal(event_base_loop(w->base, EVLOOP_NONBLOCK), 0);
	assert_true(reader_is_idle(w->reader));
	for (unsigned int i = 1; i <= 3; i++) {
		send_events(r, i % CPUS, now_nsec() - 100 * MSEC, 1, 1);
		event_base_loop(w->base, EVLOOP_NONBLOCK);
		assert_false(reader_is_idle(w->reader));
		run_until_idle(w);
		assert_int_equal(count_entries(w), i);
		assert_int_equal(w->n_passes, i);
	}
	ring_free(w, r);
	assert_true(reader_is_idle(w->reader));
	r = ring_new(w, false);
	send_events(r, 0, now_nsec() - 100 * MSEC, 1, 1);
	run_until_idle(w);
	assert_int_equal(count_entries(w), 4);
	ring_free(w, r);
	world_free(w);
}

static void run_until_waiting(struct world *w)
{
	while (event_base_loop(w->base, EVLOOP_ONCE) == 0 && !reader_is_waiting(w->reader))
		;
}

/* Without a window of its own asking, it hands on each event as it comes. */
static void test_few_events_are_appended_at_once_and_in_order(void **state)
{
	struct world *w = world_new(0);
	struct ring *r = ring_new(w, false);
	uint64_t ts;

	run_until_waiting(w);
	for (unsigned int i = 0; i < 10; i++) {
		ts = now_nsec();
		for (unsigned int cpu = CPUS; cpu-- > 0;)
			send_events(r, cpu, ts - cpu, 0, 1);
		while (count_entries(w) < (i + 1) * CPUS)
			assert_int_equal(event_base_loop(w->base, EVLOOP_ONCE), 0);
		assert_true(reader_is_waiting(w->reader));
		assert_false(reader_is_idle(w->reader));
		assert_int_equal(w->n_passes, i + 1);
	}
	assert_ordered(w);
	assert_int_equal(reader_totals(w->reader)->reordered, 0);
	ring_free(w, r);
	world_free(w);
}

static void test_many_events_are_read_in_ticks_and_few_again_at_once(void **state)
{
	struct world *w = world_new(0);
	struct ring *r = ring_new(w, false);

	run_until_waiting(w);
	for (int i = 0; i < 4; i++)
		send_events(r, 0, now_nsec() - 500 * MSEC + (uint64_t)i * 1000, 1, 200);
	while (count_entries(w) < 800)
		assert_int_equal(event_base_loop(w->base, EVLOOP_ONCE), 0);
	assert_false(reader_is_waiting(w->reader));
	run_until_waiting(w);
	assert_int_equal(count_entries(w), 800);
	send_events(r, 0, now_nsec(), 1, 1);
	while (count_entries(w) < 801)
		assert_int_equal(event_base_loop(w->base, EVLOOP_ONCE), 0);
	assert_true(reader_is_waiting(w->reader));
	ring_free(w, r);
	world_free(w);
}

/* As the ring of a CPU that was never online: always ready, and nothing in it. */
static void test_dead_ring_is_not_waited_on(void **state)
{
	struct world *w = world_new(1000);
	struct ring *r = ring_new(w, false);

	shutdown(r->write_fds[1], SHUT_RDWR);
	run_until_idle(w);
	assert_int_equal(event_base_loop(w->base, EVLOOP_NONBLOCK), 0);
	assert_true(reader_is_idle(w->reader));
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
		cmocka_unit_test(test_sleeps_when_idle_and_wakes_for_an_event),
		cmocka_unit_test(test_few_events_are_appended_at_once_and_in_order),
		cmocka_unit_test(test_many_events_are_read_in_ticks_and_few_again_at_once),
		cmocka_unit_test(test_dead_ring_is_not_waited_on),
		cmocka_unit_test(test_drain_appends_what_was_held_back),
		cmocka_unit_test(test_drain_goes_on_until_the_rings_are_empty),
		cmocka_unit_test(test_drain_waits_for_no_stack),
		cmocka_unit_test(test_stack_that_never_comes_is_given_up),
		cmocka_unit_test(test_gap_may_be_appended_from_outside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
