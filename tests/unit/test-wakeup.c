/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is known of a subscriber that reads the log's memory: what came to the log for it, what it
 * has woken to, and whether the log has begun to overwrite the rest.
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
#include <event2/event.h>

#include "cleanup.h"
#include "wakeup.h"

#define LOG_BYTES (1UL << 20)

struct world {
	struct event_base *base;
	struct event_log *log;
	struct wakeups *wakeups;
};

static struct world world_new(void)
{
	struct world w = {.base = event_base_new()};

	assert_int_equal(event_log_new(LOG_BYTES, -1, &w.log), 0);
	assert_int_equal(wakeups_new(w.base, w.log, &w.wakeups), 0);
	return w;
}

static void world_free(struct world *w)
{
	wakeups_free(w->wakeups);
	event_log_free(w->log);
	event_base_free(w->base);
}

static unsigned int source(struct world *w, enum log_source_kind kind, const char *name)
{
	unsigned int slot;

	assert_int_equal(event_log_source_open(w->log, kind, name, 1, &slot), 0);
	return slot;
}

static void append(struct world *w, unsigned int slot, unsigned int flags, uint64_t lost)
{
	char *text = event_log_reserve(w->log, 64);

	event_log_commit(w->log, slot, 1, 1, 0, flags, (size_t)sprintf(text, "{}"), lost);
}

static void append_events(struct world *w, unsigned int slot, size_t n)
{
	while (n-- > 0)
		append(w, slot, 0, 0);
	wakeups_pass(w->wakeups);
}

/* Takes what is in its pipe. Returns how many wakeups that were. */
static size_t take(int fd)
{
	char bytes[8192];
	ssize_t n = read(fd, bytes, sizeof(bytes));

	return n > 0 ? (size_t)n : 0;
}

static void test_what_came_is_counted_by_cause(void **state)
{
	struct world w = world_new();
	unsigned int mine = source(&w, LOG_SOURCE_PROBE, "mine");
	unsigned int other = source(&w, LOG_SOURCE_PROBE, "other");
	unsigned int ring = source(&w, LOG_SOURCE_RING, "ring");
	struct wakeup_account a;
	struct wakeup *c;
	int fd;

	append_events(&w, mine, 5);
	assert_int_equal(wakeup_new(w.wakeups, 0, 1, &fd, &c), 0);
	assert_int_equal(wakeup_add_source(c, mine), 0);
	assert_int_equal(wakeup_add_source(c, mine), 0);
	assert_int_equal(wakeup_add_source(c, ring), 0);
	append(&w, mine, LOG_GAP, 3);
	append(&w, mine, LOG_GAP | LOG_RECURSION, 20);
	append(&w, ring, LOG_GAP, 100);
	append(&w, other, LOG_GAP, 1000);
	append_events(&w, other, 7);
	append_events(&w, mine, 2);
	a = wakeup_account(c);
	assert_int_equal(a.published, 2);
	assert_int_equal(a.missed, 3);
	assert_int_equal(a.recursion, 20);
	assert_int_equal(a.overrun, 100);
	assert_int_equal(wakeups_published(w.wakeups), 2);
	wakeup_free(c);
	close(fd);
	/* It has been, and counts. */
	assert_int_equal(wakeups_published(w.wakeups), 2);
	world_free(&w);
}

static void test_what_it_has_not_woken_to_is_pending(void **state)
{
	struct world w = world_new();
	unsigned int mine = source(&w, LOG_SOURCE_PROBE, "mine");
	unsigned int other = source(&w, LOG_SOURCE_PROBE, "other");
	struct wakeup *c;
	int fd;

	assert_int_equal(wakeup_new(w.wakeups, 0, 1, &fd, &c), 0);
	assert_int_equal(wakeup_add_source(c, mine), 0);
	append_events(&w, mine, 10);
	assert_int_equal(wakeup_account(c).pending, 10);
	assert_int_equal(take(fd), 1);
	assert_int_equal(wakeup_account(c).pending, 0);
	append_events(&w, mine, 4);
	append_events(&w, mine, 3);
	assert_int_equal(wakeup_account(c).pending, 7);
	assert_false(wakeup_account(c).is_behind);
	/* Others write over it. */
	append_events(&w, other, event_log_capacity(w.log));
	assert_true(wakeup_account(c).is_behind);
	assert_int_equal(take(fd), 2);
	assert_int_equal(wakeup_account(c).pending, 0);
	assert_false(wakeup_account(c).is_behind);
	append_events(&w, other, event_log_capacity(w.log));
	/* Nothing of its own was lost since. */
	assert_false(wakeup_account(c).is_behind);
	assert_int_equal(wakeup_account(c).published, 17);
	wakeup_free(c);
	close(fd);
	world_free(&w);
}

/* All slots are taken, so that the next source gets one that is watched. */
static void test_another_source_in_the_slot_is_not_its_own(void **state)
{
	struct world w = world_new();
	unsigned int mine = source(&w, LOG_SOURCE_PROBE, "mine"), slot;
	struct wakeup *c;
	int fd;

	assert_int_equal(wakeup_new(w.wakeups, 0, 1, &fd, &c), 0);
	assert_int_equal(wakeup_add_source(c, mine), 0);
	for (unsigned int i = 2; i < event_log_source_limit(); i++)
		source(&w, LOG_SOURCE_PROBE, "filler");
	event_log_source_close(w.log, mine);
	slot = source(&w, LOG_SOURCE_PROBE, "later");
	assert_int_equal(slot, mine);
	append_events(&w, slot, 9);
	assert_int_equal(take(fd), 0);
	assert_int_equal(wakeup_account(c).published, 0);
	assert_int_equal(wakeup_add_source(c, slot), 0);
	append_events(&w, slot, 2);
	assert_int_equal(take(fd), 1);
	assert_int_equal(wakeup_account(c).published, 2);
	wakeup_free(c);
	close(fd);
	world_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_came_is_counted_by_cause),
		cmocka_unit_test(test_what_it_has_not_woken_to_is_pending),
		cmocka_unit_test(test_another_source_in_the_slot_is_not_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
