/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The check of event filters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cleanup.h"
#include "definitions.h"
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_filters_are_accepted),
		cmocka_unit_test(test_filters_are_refused_at),
		cmocka_unit_test(test_fields_depend_on_the_kind),
		cmocka_unit_test(test_an_argument_hides_a_common_field),
		cmocka_unit_test(test_long_and_deep_filters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
