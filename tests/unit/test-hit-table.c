/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Cookies of the helper module's events, and whose they are. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "hit-table.h"

/* The table only hands them on. */
#define DECODER(n) ((const struct decoder *)(uintptr_t)(n))

static void test_cookie_finds_its_decoder(void **state)
{
	_cleanup_(hit_table_freep) struct hit_table *t = NULL;
	uint64_t a = 0, b = 0;

	assert_int_equal(hit_table_new(&t), 0);
	assert_int_equal(hit_table_take(t, 1, false, &a), 0);
	assert_int_equal(hit_table_take(t, 2, true, &b), 0);
	assert_int_equal(a & HIT_HAS_STACK, 0);
	assert_int_equal(b & HIT_HAS_STACK, HIT_HAS_STACK);
	assert_null(hit_table_find(t, a));

	hit_table_bind(t, a, DECODER(8), 11);
	hit_table_bind(t, b, DECODER(16), 12);
	assert_ptr_equal(hit_table_find(t, a)->decoder, DECODER(8));
	assert_int_equal(hit_table_find(t, a)->source, 11);
	assert_ptr_equal(hit_table_find(t, b)->decoder, DECODER(16));
	assert_null(hit_table_find(t, a | HIT_HAS_STACK));
	assert_null(hit_table_find(t, 0));
	assert_null(hit_table_find(t, UINT64_MAX));
}

static void test_stale_cookie_finds_nobody(void **state)
{
	_cleanup_(hit_table_freep) struct hit_table *t = NULL;
	uint64_t old = 0, new;

	assert_int_equal(hit_table_new(&t), 0);
	assert_int_equal(hit_table_take(t, 1, false, &old), 0);
	hit_table_bind(t, old, DECODER(8), 11);
	hit_table_give_back(t, old);
	assert_null(hit_table_find(t, old));

	/* Until its slot has been taken again, and after. */
	for (uint32_t id = 2; id < HIT_SLOTS + 2; id++) {
		assert_int_equal(hit_table_take(t, id, false, &new), 0);
		hit_table_bind(t, new, DECODER(16), id);
		assert_null(hit_table_find(t, old));
		assert_int_equal(hit_table_find(t, new)->source, id);
	}
}

static void test_full_table_is_told(void **state)
{
	_cleanup_(hit_table_freep) struct hit_table *t = NULL;
	uint64_t cookie = 0, again = 0;

	assert_int_equal(hit_table_new(&t), 0);
	for (uint32_t id = 1; id <= HIT_SLOTS; id++)
		assert_int_equal(hit_table_take(t, id, false, &cookie), 0);
	assert_int_equal(hit_table_take(t, 1, false, &again), -ENOSPC);
	assert_int_equal(again, 0);
	hit_table_give_back(t, 0);
	assert_int_equal(hit_table_take(t, 1, false, &again), -ENOSPC);
	hit_table_give_back(t, cookie);
	assert_int_equal(hit_table_take(t, 7, true, &again), 0);
	assert_int_equal(again >> 1 & (HIT_SLOTS - 1), cookie >> 1 & (HIT_SLOTS - 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cookie_finds_its_decoder),
		cmocka_unit_test(test_stale_cookie_finds_nobody),
		cmocka_unit_test(test_full_table_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
