/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The timer for short pauses: never early, once, and replaced when it is set again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "fine-timer.h"

#define MSEC 1000000ULL

struct world {
	struct event_base *base;
	struct fine_timer *timer;
	unsigned int n_due;
	uint64_t due_at;
	uint64_t again; /* set to so many from within, 0: not */
};

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
}

static void on_due(evutil_socket_t fd, short what, void *data)
{
	struct world *w = data;

	w->n_due++;
	w->due_at = now();
	if (w->again)
		fine_timer_set(w->timer, w->again);
}

static int set_up(void **state)
{
	static struct world w;

	w = (struct world){.base = event_base_new()};
	assert_non_null(w.base);
	assert_int_equal(fine_timer_new(w.base, on_due, &w, &w.timer), 0);
	*state = &w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	fine_timer_free(w->timer);
	event_base_free(w->base);
	return 0;
}

static void run_until(struct world *w, unsigned int n)
{
	while (w->n_due < n)
		assert_int_equal(event_base_loop(w->base, EVLOOP_ONCE), 0);
}

static void test_is_due_once_and_not_early(void **state)
{
	struct world *w = *state;
	uint64_t begin;

	for (unsigned int i = 1; i <= 20; i++) {
		begin = now();
		fine_timer_set(w->timer, MSEC);
		run_until(w, i);
		assert_true(w->due_at - begin >= MSEC);
		assert_int_equal(event_base_loop(w->base, EVLOOP_NONBLOCK), 0);
		assert_int_equal(w->n_due, i);
	}
}

static void test_set_from_within_goes_on(void **state)
{
	struct world *w = *state;
	uint64_t begin = now();

	w->again = MSEC / 2;
	fine_timer_set(w->timer, MSEC / 2);
	run_until(w, 10);
	assert_true(w->due_at - begin >= 5 * MSEC);
}

static void test_no_time_is_the_next_turn(void **state)
{
	struct world *w = *state;

	fine_timer_set(w->timer, 0);
	assert_int_equal(w->n_due, 0);
	assert_int_equal(event_base_loop(w->base, EVLOOP_NONBLOCK), 0);
	assert_int_equal(w->n_due, 1);
	/* Each turn once, however soon it is set again: others have theirs in between. */
	w->again = 0;
	fine_timer_set(w->timer, 0);
	fine_timer_set(w->timer, 0);
	event_base_loop(w->base, EVLOOP_NONBLOCK);
	event_base_loop(w->base, EVLOOP_NONBLOCK);
	assert_int_equal(w->n_due, 2);
}

static void test_setting_replaces_what_was_set(void **state)
{
	struct world *w = *state;
	uint64_t begin = now();

	fine_timer_set(w->timer, MSEC);
	fine_timer_set(w->timer, 20 * MSEC);
	run_until(w, 1);
	assert_true(w->due_at - begin >= 20 * MSEC);

	fine_timer_set(w->timer, 0);
	begin = now();
	fine_timer_set(w->timer, 20 * MSEC);
	run_until(w, 2);
	assert_true(w->due_at - begin >= 20 * MSEC);

	fine_timer_set(w->timer, MSEC);
	fine_timer_set(w->timer, 0);
	event_base_loop(w->base, EVLOOP_NONBLOCK);
	assert_int_equal(w->n_due, 3);
	begin = now();
	while (now() - begin < 5 * MSEC)
		event_base_loop(w->base, EVLOOP_NONBLOCK);
	assert_int_equal(w->n_due, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_is_due_once_and_not_early, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_set_from_within_goes_on, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_no_time_is_the_next_turn, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_setting_replaces_what_was_set, set_up,
						tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
