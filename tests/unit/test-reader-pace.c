/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * When the reader looks at its rings, which are sockets that carry pages: it sleeps, wakes for an
 * event, or goes by ticks, long and short ones.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "reader-world.h"

/* The least that the order window is without one of its own asking. */
#define WINDOW_NSEC (2 * MSEC)

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

/* Between the wake-up and the reading of the ring that was ready: both CPUs record once more. */
static void record_more(evutil_socket_t fd, short what, void *data)
{
	struct ring *r = data;
	uint64_t ts = now_nsec();

	send_events(r, 1, ts + 1, 0, 1);
	send_events(r, 0, ts + 2, 0, 1);
	while (now_nsec() < ts + 100000)
		;
}

static void test_ring_that_was_not_ready_is_empty_as_of_the_wakeup(void **state)
{
	static const struct timeval none;
	struct world *w = world_new(0);
	struct ring *r = ring_new(w, false);
	struct event *more = evtimer_new(w->base, record_more, r);

	run_until_waiting(w);
	/* No more than it takes one by one. */
	for (unsigned int i = 1; i <= 2; i++) {
		/* With so much in its page what is behind that is read as well. */
		send_events(r, 0, now_nsec(), 0, 200);
		evtimer_add(more, &none);
		while (count_entries(w) < 202 * i - 2)
			assert_int_equal(event_base_loop(w->base, EVLOOP_ONCE), 0);
		/* The rest comes in the next turns, which nothing has to be waited for. */
		for (unsigned int turns = 0; turns < 3; turns++)
			event_base_loop(w->base, EVLOOP_NONBLOCK);
		assert_int_equal(count_entries(w), 202 * i);
	}
	assert_ordered(w);
	assert_int_equal(reader_totals(w->reader)->reordered, 0);
	event_free(more);
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

/* Ticks from now on: more than it wakes for one by one. */
static void send_many(struct world *w, struct ring *r)
{
	run_until_waiting(w);
	for (int i = 0; i < 4; i++)
		send_events(r, 0, now_nsec() - 500 * MSEC + (uint64_t)i * 1000, 1, 200);
	while (count_entries(w) < 800)
		assert_int_equal(event_base_loop(w->base, EVLOOP_ONCE), 0);
	assert_false(reader_is_waiting(w->reader));
}

static void run_until(struct world *w, uint64_t n)
{
	while (count_entries(w) < n)
		assert_int_equal(event_base_loop(w->base, EVLOOP_ONCE), 0);
}

/* The nanoseconds from the last pass that appended to the one that makes it @n entries. */
static uint64_t pause_until(struct world *w, uint64_t n)
{
	uint64_t before = w->passed_at;

	run_until(w, n);
	return w->passed_at - before;
}

static void test_silent_cpu_is_not_waited_for_in_a_tick(void **state)
{
	struct world *w = world_new(0);
	struct ring *r = ring_new(w, false);
	uint64_t read_at;

	send_many(w, r);
	/* CPU 0 is the only one that records: what it has read of 2 ms ago is all there is. */
	read_at = now_nsec();
	send_events(r, 0, read_at - 2000000, 0, 1);
	event_base_loop(w->base, EVLOOP_ONCE);
	assert_int_equal(count_entries(w), 801);
	/* Now it may have begun a record that is older than the other CPU's. */
	send_events(r, 1, now_nsec(), 0, 1);
	event_base_loop(w->base, EVLOOP_ONCE);
	if (now_nsec() - read_at < WINDOW_NSEC)
		assert_int_equal(count_entries(w), 801);
	run_until(w, 802);
	assert_true(now_nsec() - read_at >= WINDOW_NSEC);
	assert_int_equal(reader_totals(w->reader)->reordered, 0);
	ring_free(w, r);
	world_free(w);
}

/* What both have gone beyond is complete, however new it is. */
static void test_cpu_that_is_further_is_not_waited_for(void **state)
{
	struct world *w = world_new(0);
	struct ring *r = ring_new(w, false);
	uint64_t ts;

	send_many(w, r);
	for (unsigned int i = 1; i <= 20; i++) {
		ts = now_nsec();
		send_events(r, 0, ts, 10, 3);
		send_events(r, 1, ts + 5, 20, 2);
		send_events(r, 2, ts + 5, 40, 2);
		/* Up to the last one of CPU 0, which is the least far. */
		event_base_loop(w->base, EVLOOP_ONCE);
		assert_true(count_entries(w) >= 800 + 7 * (i - 1) + 5);
		run_until(w, 800 + 7 * i);
	}
	assert_int_equal(reader_totals(w->reader)->reordered, 0);
	ring_free(w, r);
	world_free(w);
}

static void test_ticks_are_short_while_somebody_waits_for_little(void **state)
{
	struct world *w = world_with(1000, 0);
	struct ring *r = ring_new(w, false);

	w->is_urgent = true;
	send_many(w, r);
	for (unsigned int n = 801; n < 805; n++) {
		send_events(r, 0, now_nsec(), 0, 1);
		assert_true(pause_until(w, n) < 900 * MSEC);
	}
	ring_free(w, r);
	world_free(w);
}

static void test_ticks_are_long_while_there_is_much(void **state)
{
	struct world *w = world_with(16, 0);
	struct ring *r = ring_new(w, false);
	uint64_t pause = 0, longest = 0, shortest = UINT64_MAX;
	unsigned int n = 800;

	w->is_urgent = true;
	send_many(w, r);
	/* From one millisecond on each is twice as long; one may look shorter than it was. */
	for (unsigned int i = 1; i <= 10; i++) {
		for (unsigned int k = 0; k < 10; k++)
			send_events(r, 0, now_nsec(), 0, 200);
		pause = pause_until(w, n += 2000);
		longest = pause > longest ? pause : longest;
	}
	assert_true(longest > 15 * MSEC);
	/* As many as make no pause longer, each time: they become short again. */
	for (unsigned int i = 1; i <= 20; i++) {
		send_events(r, 0, now_nsec(), 0, 60);
		pause = pause_until(w, n += 60);
		shortest = pause < shortest ? pause : shortest;
	}
	assert_true(shortest < 10 * MSEC);
	ring_free(w, r);
	world_free(w);
}

static void test_ticks_are_long_while_nobody_waits(void **state)
{
	struct world *w = world_with(64, 0);
	struct ring *r = ring_new(w, false);

	send_many(w, r);
	send_events(r, 0, now_nsec(), 0, 1);
	run_until(w, 801);
	send_events(r, 0, now_nsec(), 0, 1);
	/* On a machine that stood still meanwhile it has seen that there is little. */
	if (!reader_is_waiting(w->reader))
		assert_true(pause_until(w, 802) > 30 * MSEC);
	run_until(w, 802);
	ring_free(w, r);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sleeps_when_idle_and_wakes_for_an_event),
		cmocka_unit_test(test_few_events_are_appended_at_once_and_in_order),
		cmocka_unit_test(test_ring_that_was_not_ready_is_empty_as_of_the_wakeup),
		cmocka_unit_test(test_many_events_are_read_in_ticks_and_few_again_at_once),
		cmocka_unit_test(test_dead_ring_is_not_waited_on),
		cmocka_unit_test(test_silent_cpu_is_not_waited_for_in_a_tick),
		cmocka_unit_test(test_cpu_that_is_further_is_not_waited_for),
		cmocka_unit_test(test_ticks_are_short_while_somebody_waits_for_little),
		cmocka_unit_test(test_ticks_are_long_while_there_is_much),
		cmocka_unit_test(test_ticks_are_long_while_nobody_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
