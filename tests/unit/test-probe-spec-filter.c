/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The check of event filters, and whose a filter is. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cleanup.h"
#include "definitions.h"
#include "filter-place.h"
#include "probe-spec.h"

static const char definition[] =
	"p do_sys_openat2 dfd=%di:s32 name=+0(%si):ustring how=%dx bits=%cx:b3@0/8 "
	"two=+0(%dx):u32[2] many=+0(%dx):u32[4] cpu=%r8:u8";

static int check(const char *filter, const char *of, struct kp_error *e)
{
	struct probe_spec spec;
	int r;

	*e = KP_ERROR_INIT;
	assert_int_equal(probe_spec_parse(of, &spec, NULL), 0);
	r = probe_spec_check_filter(&spec, filter, e);
	probe_spec_done(&spec);
	return r;
}

static void test_filters_are_accepted(void **state)
{
	struct definitions table;
	struct kp_error e;
	unsigned int n = 0;

	assert_true(definitions_open(&table, DEFINITIONS "/filters-accepted"));
	for (; definitions_next(&table); n++)
		if (check(table.column[0], definition, &e) != 0)
			fail_msg("\"%s\": at %d: %s", table.column[0], e.position, e.message);
	assert_true(n >= 15);
}

static void check_refused(const char *filter, int position)
{
	struct kp_error e;

	if (check(filter, definition, &e) != -EINVAL || e.position != position)
		fail_msg("\"%s\": at %d: %s", filter, e.position, e.message);
	assert_int_equal(e.code, KP_INVALID_DEFINITION);
	assert_string_equal(e.reason, "badFilter");
}

static void test_filters_are_refused_at(void **state)
{
	struct definitions table;
	unsigned int n = 0;

	assert_true(definitions_open(&table, DEFINITIONS "/filters-refused"));
	for (; definitions_next(&table); n++) {
		char *caret = strchr(table.column[0], '^');

		assert_non_null(caret);
		memmove(caret, caret + 1, strlen(caret));
		check_refused(table.column[0], caret - table.column[0]);
	}
	assert_true(n >= 40);
	check_refused("", 0);
	check_refused("dfd == 1\n", 8);
	check_refused("dfd == 1 && name == \"\x1b\"", 21);
}

static void test_fields_depend_on_the_kind(void **state)
{
	struct kp_error e;

	assert_int_equal(check("__probe_func != 0", "r vfs_read", &e), 0);
	assert_int_equal(check("__probe_ip != 0", "r vfs_read", &e), -EINVAL);
	assert_int_equal(check("arg1 == 1", "r vfs_read", &e), -EINVAL);
	assert_int_equal(check("arg1 == 1", "r vfs_read $retval", &e), 0);
}

static void test_an_argument_hides_a_common_field(void **state)
{
	struct kp_error e;

	assert_int_equal(check("comm == \"x\"", "p f", &e), 0);
	assert_int_equal(check("comm == \"x\"", "p f comm=%di", &e), -EINVAL);
	assert_int_equal(check("comm == 1", "p f comm=%di", &e), 0);
}

static void test_long_and_deep_filters(void **state)
{
	static char text[100000];
	struct kp_error e;

	memset(text, '(', sizeof(text) - 1);
	assert_int_equal(check(text, definition, &e), -EINVAL);
	assert_int_equal(e.position, 4094);
	text[4000] = '\0';
	assert_int_equal(check(text, definition, &e), -EINVAL);
	assert_int_equal(e.position, 4000);
	memset(text, '!', 4000);
	assert_int_equal(check(text, definition, &e), -EINVAL);
	snprintf(text, sizeof(text), "name == \"%0256d\"", 0);
	assert_int_equal(check(text, definition, &e), -EINVAL);
	snprintf(text, sizeof(text), "name == \"%0255d\"", 0);
	assert_int_equal(check(text, definition, &e), 0);
}

static void test_filter_is_placed_where_it_can_be_said(void **state)
{
	static const struct {
		const char *definition, *filter;
		int want; /* 0 the kernel's, 1 the helper's, or -1 - position of what is wrong */
	} rows[] = {
		{"p vfs_read a=%di:s32", "a == 1 && comm == \"x\"", 0},
		{"p vfs_read a=%di:s32", "a == 1 && pid == 5", 1},
		{"p vfs_read a=%di:s32", "!kthread", 1},
		{"p vfs_read a=%di:s32 pid=%si", "pid == 5", 0},
		{"p vfs_read s=+0(%si):string", "s ~ \"*x*\"", 0},
		{"p vfs_read s=+0(%si):string", "s ^= \"x\"", 1},
		{"p vfs_read a=%di", "a > 1ms", 1},
		{"p vfs_read p=+2(%si):port", "p == 80", 1},
		{"p vfs_read a=%di", "b == 1", -1},
		{"p vfs_read a=%di", "a ", -3},
		{"p vfs_read a=%di", "a == \"x\"", -6},
		{"p vfs_read a=%di", "a == -1", -6},
		{"p vfs_read s=+0(%si):string", "s == 1", -6},
		{"p vfs_read a=%di", "a == 1 && bb == 1 && pid == 3", -11},
		{"p vfs_read a=%di", "a = 1", -3},
		{"r vfs_read a=$retval", "a == 1", 0},
		{"r vfs_read a=$retval", "pid == 1", -1},
		{"c vfs_read a=%di", "a == 1", 1},
		{"c vfs_read a=%di", "common_pid == 1", -1},
		{"c vfs_read", "whatever == 1", 1},
		{"c vfs_read -", "whatever == 1", -1},
		{"c vfs_read -", "durationNs > 1ms && ret < 0", 1},
		{"a vfs_read+4 a=%di", "a == 1 && uid == 0", 1},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct probe_spec spec = PROBE_SPEC_INIT;
		struct kp_error e = KP_ERROR_INIT;
		int r;

		assert_int_equal(probe_spec_parse(rows[i].definition, &spec, &e), 0);
		spec.filter = strdup(rows[i].filter);
		r = filter_place(&spec, &e);
		if (r < 0) {
			assert_int_equal(r, -EINVAL);
			assert_int_equal(e.code, KP_INVALID_DEFINITION);
			assert_string_equal(e.reason, "badFilter");
			r = -1 - e.position;
		} else {
			r = spec.is_helper_filter;
			assert_int_equal(probe_spec_is_helpers(&spec), r);
		}
		if (r != rows[i].want)
			fail_msg("%s, %s: %d", rows[i].definition, rows[i].filter, r);
		probe_spec_done(&spec);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_filter_is_placed_where_it_can_be_said),
		cmocka_unit_test(test_filters_are_accepted),
		cmocka_unit_test(test_filters_are_refused_at),
		cmocka_unit_test(test_fields_depend_on_the_kind),
		cmocka_unit_test(test_an_argument_hides_a_common_field),
		cmocka_unit_test(test_long_and_deep_filters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
