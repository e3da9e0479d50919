/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The helper module's device appears: told once it does, and of no other file. */
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "helper-watch.h"

static void on_notice(void *data)
{
	++*(unsigned int *)data;
}

static void make_file(const char *folder, const char *name)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
}

static void remove_file(const char *folder, const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	assert_int_equal(unlink(path), 0);
}

static void test_only_the_device_is_told(void **state)
{
	char folder[] = "/tmp/test-helper-watch-XXXXXX";
	struct event_base *base = event_base_new();
	struct helper_watch *w = NULL;
	unsigned int n = 0;

	assert_non_null(mkdtemp(folder));
	assert_int_equal(helper_watch_new(base, folder, on_notice, &n, &w), 0);
	make_file(folder, "kprobed2");
	make_file(folder, "kprobe");
	/* Both have been told by the system before this returns. */
	event_base_loop(base, EVLOOP_ONCE);
	assert_int_equal(n, 0);
	make_file(folder, "kprobed");
	event_base_loop(base, EVLOOP_ONCE);
	assert_int_equal(n, 1);

	remove_file(folder, "kprobed");
	assert_int_equal(event_base_loop(base, EVLOOP_NONBLOCK), 0);
	assert_int_equal(n, 1);
	make_file(folder, "kprobed");
	event_base_loop(base, EVLOOP_ONCE);
	assert_int_equal(n, 2);

	helper_watch_free(w);
	event_base_free(base);
	remove_file(folder, "kprobed");
	remove_file(folder, "kprobed2");
	remove_file(folder, "kprobe");
	rmdir(folder);
}

static void test_folder_that_is_missing_is_an_error(void **state)
{
	struct event_base *base = event_base_new();
	struct helper_watch *w = NULL;

	assert_true(helper_watch_new(base, "/nonexistent/dev", on_notice, NULL, &w) < 0);
	assert_null(w);
	event_base_free(base);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_only_the_device_is_told),
		cmocka_unit_test(test_folder_that_is_missing_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
