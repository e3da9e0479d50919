/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The control worker: operations one at a time and in order, each where it belongs, all of them
 * ended. */
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "cleanup.h"
#include "control.h"

struct fixture {
	struct event_base *base;
	struct control *control;
	char log[512]; /* "p1 r1 d1 ": planned, run, done; written by whoever has the operation */
	sem_t may_run;
	bool is_held; /* run() waits for may_run */
};

struct step {
	struct control_op op;
	struct fixture *fixture;
	unsigned int number;
	bool is_refused;   /* plan() says no */
	struct step *next; /* submitted by done() */
};

static void note(const struct step *s, char what)
{
	char *log = s->fixture->log;

	sprintf(log + strlen(log), "%c%u ", what, s->number);
}

static bool plan(struct control_op *op)
{
	struct step *s = (struct step *)op;

	assert_int_equal(gettid(), getpid());
	note(s, 'p');
	return !s->is_refused;
}

static void run(struct control_op *op)
{
	struct step *s = (struct step *)op;

	assert_int_equal(gettid(), control_tid(s->fixture->control));
	if (s->fixture->is_held)
		while (sem_wait(&s->fixture->may_run) < 0)
			;
	note(s, 'r');
}

static void done(struct control_op *op)
{
	struct step *s = (struct step *)op;

	assert_int_equal(gettid(), getpid());
	note(s, 'd');
	if (s->next)
		control_submit(s->fixture->control, &s->next->op);
	free(s);
}

static struct step *step_new(struct fixture *f, unsigned int number)
{
	struct step *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	s->op = (struct control_op){.plan = plan, .run = run, .done = done};
	s->fixture = f;
	s->number = number;
	return s;
}

static void submit(struct fixture *f, unsigned int number)
{
	control_submit(f->control, &step_new(f, number)->op);
}

static void run_until_idle(struct fixture *f)
{
	while (!control_is_idle(f->control))
		assert_int_equal(event_base_loop(f->base, EVLOOP_ONCE), 0);
}

static struct fixture *fixture_new(void)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->base = event_base_new();
	sem_init(&f->may_run, 0, 0);
	assert_int_equal(control_new(f->base, &f->control), 0);
	return f;
}

static void fixture_free(struct fixture *f)
{
	if (f->control)
		control_free(f->control);
	event_base_free(f->base);
	sem_destroy(&f->may_run);
	free(f);
}

static void test_worker_is_a_thread_of_its_own(void **state)
{
	struct fixture *f = fixture_new();

	assert_int_not_equal(control_tid(f->control), 0);
	assert_int_not_equal(control_tid(f->control), getpid());
	assert_true(control_is_idle(f->control));
	fixture_free(f);
}

static void test_operations_run_in_order_and_one_at_a_time(void **state)
{
	struct fixture *f = fixture_new();

	for (unsigned int i = 1; i <= 4; i++)
		submit(f, i);
	assert_false(control_is_idle(f->control));
	run_until_idle(f);
	assert_string_equal(f->log, "p1 r1 d1 p2 r2 d2 p3 r3 d3 p4 r4 d4 ");
	submit(f, 5);
	run_until_idle(f);
	assert_string_equal(f->log, "p1 r1 d1 p2 r2 d2 p3 r3 d3 p4 r4 d4 p5 r5 d5 ");
	fixture_free(f);
}

static void test_main_thread_does_not_wait_for_the_worker(void **state)
{
	struct fixture *f = fixture_new();

	f->is_held = true;
	submit(f, 1);
	submit(f, 2);
	assert_string_equal(f->log, "p1 ");
	event_base_loop(f->base, EVLOOP_NONBLOCK);
	assert_string_equal(f->log, "p1 ");
	sem_post(&f->may_run);
	sem_post(&f->may_run);
	run_until_idle(f);
	assert_string_equal(f->log, "p1 r1 d1 p2 r2 d2 ");
	fixture_free(f);
}

static void test_what_plan_refuses_is_done_without_running(void **state)
{
	struct fixture *f = fixture_new();
	struct step *s = step_new(f, 2);

	s->is_refused = true;
	submit(f, 1);
	control_submit(f->control, &s->op);
	submit(f, 3);
	run_until_idle(f);
	assert_string_equal(f->log, "p1 r1 d1 p2 d2 p3 r3 d3 ");

	/* At once, when nothing is before it */
	f->log[0] = '\0';
	s = step_new(f, 4);
	s->is_refused = true;
	control_submit(f->control, &s->op);
	assert_string_equal(f->log, "p4 d4 ");
	assert_true(control_is_idle(f->control));
	fixture_free(f);
}

static void test_plan_may_be_left_out(void **state)
{
	struct fixture *f = fixture_new();
	struct step *s = step_new(f, 1);

	s->op.plan = NULL;
	control_submit(f->control, &s->op);
	run_until_idle(f);
	assert_string_equal(f->log, "r1 d1 ");
	fixture_free(f);
}

static void test_done_may_submit(void **state)
{
	struct fixture *f = fixture_new();
	struct step *s = step_new(f, 1), *refused = step_new(f, 3);

	s->next = step_new(f, 9);
	control_submit(f->control, &s->op);
	submit(f, 2);
	refused->is_refused = true;
	refused->next = step_new(f, 10);
	control_submit(f->control, &refused->op);
	run_until_idle(f);
	/* At the end of the queue, as for anybody */
	assert_string_equal(f->log, "p1 r1 d1 p2 r2 d2 p3 d3 p9 r9 d9 p10 r10 d10 ");
	fixture_free(f);
}

static void test_end_is_done_for_all(void **state)
{
	struct fixture *f = fixture_new();

	f->is_held = true;
	for (unsigned int i = 1; i <= 3; i++)
		submit(f, i);
	/* The first may be running already, or not have begun: it is waited for. */
	sem_post(&f->may_run);
	f->control = control_free(f->control);
	assert_non_null(strstr(f->log, "d1 d2 d3 "));
	assert_null(strstr(f->log, "p2"));
	assert_null(strstr(f->log, "r2"));
	fixture_free(f);
}

static void test_what_is_submitted_at_the_end_is_done_too(void **state)
{
	struct fixture *f = fixture_new();
	struct step *s = step_new(f, 2);

	submit(f, 1);
	s->next = step_new(f, 3);
	control_submit(f->control, &s->op);
	control_free(f->control);
	f->control = NULL;
	assert_non_null(strstr(f->log, "d1 d2 d3 "));
	fixture_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_worker_is_a_thread_of_its_own),
		cmocka_unit_test(test_operations_run_in_order_and_one_at_a_time),
		cmocka_unit_test(test_main_thread_does_not_wait_for_the_worker),
		cmocka_unit_test(test_what_plan_refuses_is_done_without_running),
		cmocka_unit_test(test_plan_may_be_left_out),
		cmocka_unit_test(test_done_may_submit),
		cmocka_unit_test(test_end_is_done_for_all),
		cmocka_unit_test(test_what_is_submitted_at_the_end_is_done_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
