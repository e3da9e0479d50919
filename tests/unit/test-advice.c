/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sizes advised against what was lost. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "advice.h"

#define KIB 1024ULL
#define GIB (1ULL << 30)

static void test_buffer_grows_with_what_was_lost(void **state)
{
	assert_int_equal(advice_bytes(64 * KIB, 1000, 1, GIB), 128 * KIB);
	assert_int_equal(advice_bytes(64 * KIB, 1000, 1000, GIB), 128 * KIB);
	assert_int_equal(advice_bytes(64 * KIB, 1000, 1001, GIB), 256 * KIB);
	assert_int_equal(advice_bytes(64 * KIB, 1000, 15000, GIB), 1024 * KIB);
	/* A size that is no power of two becomes one. */
	assert_int_equal(advice_bytes(1408 * KIB, 1000, 10, GIB), 4096 * KIB);
}

static void test_buffer_has_a_limit(void **state)
{
	assert_int_equal(advice_bytes(64 * KIB, 0, 1, GIB), GIB);
	assert_int_equal(advice_bytes(GIB, 1, 1, GIB), GIB);
	assert_int_equal(advice_bytes(64 * KIB, 1, UINT64_MAX, GIB), GIB);
	assert_int_equal(advice_bytes(UINT64_MAX, 1, 1, GIB), GIB);
	assert_int_equal(advice_bytes(UINT64_MAX, UINT64_MAX, UINT64_MAX, GIB), GIB);
}

static void test_maxactive_is_what_was_under_way(void **state)
{
	/* 32 sleepers, 8 instances, any number of rounds */
	assert_int_equal(advice_maxactive(8, 8, 24), 32);
	assert_int_equal(advice_maxactive(8, 8000, 24000), 32);
	/* None has returned yet */
	assert_int_equal(advice_maxactive(8, 0, 24), 32);
	/* Never more than all that were missed had been under way at once */
	assert_int_equal(advice_maxactive(8, 1, 24), 32);
	assert_int_equal(advice_maxactive(100, 100000, 1), 101);
	assert_int_equal(advice_maxactive(8, 0, UINT64_MAX), UINT_MAX);
}

static void test_sizes_are_written_as_the_configuration_has_them(void **state)
{
	char text[ADVICE_SIZE_MAX];

	assert_string_equal(advice_size_text(0, text), "0");
	assert_string_equal(advice_size_text(1023, text), "1023");
	assert_string_equal(advice_size_text(1408 * KIB, text), "1408K");
	assert_string_equal(advice_size_text(4096 * KIB, text), "4M");
	assert_string_equal(advice_size_text(4096 * GIB, text), "4096G");
	assert_string_equal(advice_size_text(UINT64_MAX, text), "18446744073709551615");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_buffer_grows_with_what_was_lost),
		cmocka_unit_test(test_buffer_has_a_limit),
		cmocka_unit_test(test_maxactive_is_what_was_under_way),
		cmocka_unit_test(test_sizes_are_written_as_the_configuration_has_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
