/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Histograms: from what is asked for to the module's words, and from its rows to one for each key.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cleanup.h"
#include "helper-hist.h"
#include "random.h"

static struct helper_arg places[] = {
	{HELPER_ENTRY, HELPER_SIGNED, 16, 4, 0, 0},
	{HELPER_RETURN, HELPER_NUMBER, 0, 8, 0, 1},
	{HELPER_ENTRY, HELPER_STRING, 20, 4, 0, 2},
	{HELPER_ENTRY, HELPER_NUMBER, 24, 1, 4, 3},
};

static void make_spec(struct probe_spec *spec, const struct hist_spec *hist)
{
	struct kp_error e = KP_ERROR_INIT;

	*spec = PROBE_SPEC_INIT;
	assert_int_equal(probe_spec_parse("c:x vfs_read a=%di:s32 b=$retval:u64 s=+0(%si):string "
					  "n=+0(%si):u8[4]",
					  spec, &e),
			 0);
	spec->hist = hist_spec_copy(hist);
	assert_non_null(spec->hist);
}

static int compile(const struct hist_spec *hist, struct kprobed_hist *ret, struct kp_error *e)
{
	struct helper_program program = {.args = places, .n_args = ARRAY_SIZE(places)};
	struct probe_spec spec;
	int r;

	*e = KP_ERROR_INIT;
	make_spec(&spec, hist);
	r = helper_hist_compile(&spec, &program, ret, e);
	probe_spec_done(&spec);
	return r;
}

static void test_what_is_asked_for_is_said_in_the_modules_words(void **state)
{
	struct hist_spec h = {.value = HIST_DURATION};
	struct kprobed_hist k;
	struct kp_error e;

	assert_int_equal(compile(&h, &k, &e), 0);
	assert_int_equal(k.value, KPROBED_HIST_DURATION);
	assert_int_equal(k.scale, KPROBED_LOG2);
	assert_int_equal(k.key, KPROBED_KEY_NONE);
	assert_int_equal(k.keys, 0);

	h = (struct hist_spec){.is_linear = true, .min = -5, .width = 10, .buckets = 3, .keys = 7};
	assert_true(hist_spec_set_value(&h, "args.b"));
	assert_true(hist_spec_set_key(&h, "a"));
	assert_int_equal(compile(&h, &k, &e), 0);
	assert_int_equal(k.value, KPROBED_HIST_ARG);
	assert_int_equal(k.value_n, 1);
	assert_int_equal(k.value_len, 0);
	assert_int_equal(k.value_imm, 8);
	assert_int_equal(k.scale, KPROBED_LINEAR);
	assert_int_equal(k.min, -5);
	assert_int_equal(k.width, 10);
	assert_int_equal(k.buckets, 3);
	assert_int_equal(k.key, KPROBED_KEY_ARG);
	assert_int_equal(k.key_n, 0);
	assert_int_equal(k.key_len, 16);
	assert_int_equal(k.key_imm, 4 | KPROBED_SIGNED);
	assert_int_equal(k.keys, 7);
}

static void test_arguments_that_are_no_numbers_are_refused(void **state)
{
	static const char *const names[] = {"nothing", "s", "n"};
	struct kprobed_hist k;
	struct kp_error e;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct hist_spec value = {.value = HIST_DURATION}, key = {.keys = 4};

		assert_true(hist_spec_set_value(&value, names[i]));
		assert_int_equal(compile(&value, &k, &e), -EINVAL);
		assert_string_equal(e.reason, "badHistogram");
		assert_non_null(strstr(e.message, names[i]));
		assert_true(hist_spec_set_key(&key, names[i]));
		assert_int_equal(compile(&key, &k, &e), -EINVAL);
		assert_string_equal(e.reason, "badHistogram");
	}
}

static void test_narrow_result_is_recorded_in_its_own_width(void **state)
{
	struct helper_program program = {.args = places, .n_args = ARRAY_SIZE(places)};
	struct hist_spec h = {.value = HIST_RET};
	struct kp_error e = KP_ERROR_INIT;
	struct probe_spec spec;
	struct kprobed_hist k;

	make_spec(&spec, &h);
	program.ret = calloc(4, sizeof(*program.ret));
	program.ret[0] = (struct kprobed_insn){.op = KPROBED_FETCH_RET};
	program.ret[1] = (struct kprobed_insn){.op = KPROBED_FETCH_STORE, .n = 8};
	program.ret[2] = (struct kprobed_insn){.op = KPROBED_FETCH_STR, .len = 64};
	program.n_ret = 3;
	assert_int_equal(helper_hist_compile(&spec, &program, &k, &e), 0);
	assert_int_equal(k.value, KPROBED_HIST_RET);
	assert_int_equal(program.n_ret, 3);

	/* The first argument is an s32. */
	spec.result = &spec.args[0];
	assert_int_equal(helper_hist_compile(&spec, &program, &k, &e), 0);
	assert_int_equal(k.value, KPROBED_HIST_ARG);
	assert_int_equal(k.value_n, 1);
	assert_int_equal(k.value_len, 12);
	assert_int_equal(k.value_imm, 4 | KPROBED_SIGNED);
	assert_int_equal(program.n_ret, 5);
	assert_int_equal(program.ret[3].op, KPROBED_FETCH_RET);
	assert_int_equal(program.ret[4].op, KPROBED_FETCH_STORE);
	assert_int_equal(program.ret[4].n, 4);

	spec.result = NULL;
	spec.has_no_result = true;
	assert_int_equal(helper_hist_compile(&spec, &program, &k, &e), -EINVAL);
	free(program.ret);
	probe_spec_done(&spec);
}

static void test_names_are_given_back(void **state)
{
	static const char *const values[] = {"duration", "ret", "count", "args.ret"};
	static const char *const keys[] = {"comm", "tid", "pid", "flags", "args.pid"};
	char name[HIST_NAME_MAX + 8];

	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		struct hist_spec h = {.value = HIST_DURATION};

		assert_true(hist_spec_set_value(&h, values[i]));
		hist_spec_value_name(&h, name, sizeof(name));
		assert_string_equal(name, values[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		struct hist_spec h = {.value = HIST_DURATION};

		assert_true(hist_spec_set_key(&h, keys[i]));
		hist_spec_key_name(&h, name, sizeof(name));
		assert_string_equal(name, keys[i]);
	}
	assert_false(hist_spec_set_key(&(struct hist_spec){0},
				       "a_name_that_is_longer_than_any_argument_may_have"));
}

static void test_histograms_are_equal_when_all_of_them_is(void **state)
{
	struct hist_spec a = {.value = HIST_RET, .key = HIST_KEY_COMM, .keys = 3}, b = a;

	assert_true(hist_spec_equal(NULL, NULL));
	assert_false(hist_spec_equal(&a, NULL));
	assert_true(hist_spec_equal(&a, &b));
	b.is_eventless = true;
	assert_false(hist_spec_equal(&a, &b));
	b = a;
	b.keys = 4;
	assert_false(hist_spec_equal(&a, &b));
}

static void test_bounds_are_where_the_module_counts(void **state)
{
	struct hist_spec h = {.value = HIST_DURATION};
	int64_t from, to;

	assert_true(hist_spec_bounds(&h, 0, &from, &to));
	assert_true(from == 0 && to == 1);
	assert_true(hist_spec_bounds(&h, 1, &from, &to));
	assert_true(from == 1 && to == 2);
	assert_true(hist_spec_bounds(&h, 11, &from, &to));
	assert_true(from == 1024 && to == 2048);
	assert_false(hist_spec_bounds(&h, 64, &from, &to));
	assert_true((uint64_t)from == UINT64_C(1) << 63);
	h = (struct hist_spec){.is_linear = true, .min = -10, .width = 4, .buckets = 5};
	assert_true(hist_spec_bounds(&h, 2, &from, &to));
	assert_true(from == -2 && to == 2);
}

#define BUCKETS 3
#define ROWS	40

static void test_rows_of_one_key_become_one(void **state)
{
	size_t size = sizeof(struct kprobed_hist_row) + BUCKETS * sizeof(uint64_t);
	struct random random = {7};
	uint64_t want[8][3 + BUCKETS] = {0}, total = 0, kept = 0;
	unsigned char *rows = calloc(ROWS, size);
	struct histogram h;
	struct hist_row rest;
	size_t others;

	for (size_t i = 0; i < ROWS; i++) {
		struct kprobed_hist_row *row = (struct kprobed_hist_row *)(rows + i * size);
		uint64_t key = random_below(&random, 8);

		row->cpu = (uint32_t)i;
		row->key[0] = key ? key : (uint64_t)-1;
		row->under = random_below(&random, 3);
		row->over = random_below(&random, 3);
		row->sum = random_next(&random);
		want[key][0] += row->under;
		want[key][1] += row->over;
		want[key][2] += row->sum;
		total += row->under + row->over;
		for (size_t b = 0; b < BUCKETS; b++) {
			row->buckets[b] = random_below(&random, 100);
			want[key][3 + b] += row->buckets[b];
			total += row->buckets[b];
		}
	}
	assert_int_equal(histogram_merge((struct kprobed_hist_row *)rows, ROWS, BUCKETS, &h), 0);
	assert_int_equal(h.n_rows, 8);
	for (size_t i = 0; i < h.n_rows; i++) {
		const struct hist_row *row = &h.rows[i];
		const uint64_t *w = want[row->key[0] == (uint64_t)-1 ? 0 : row->key[0]];

		assert_true(i == 0 || h.rows[i - 1].count >= row->count);
		assert_true(row->under == w[0] && row->over == w[1] && row->sum == w[2]);
		assert_memory_equal(row->buckets, w + 3, BUCKETS * sizeof(uint64_t));
	}
	/* What does not fit is added up, and nothing of it is lost. */
	others = histogram_cut(&h, 3, &rest);
	assert_int_equal(others, 5);
	assert_int_equal(h.n_rows, 3);
	for (size_t i = 0; i < 3; i++)
		kept += h.rows[i].count;
	assert_int_equal(kept + rest.count, total);
	assert_int_equal(rest.under + rest.over + rest.buckets[0] + rest.buckets[1] +
				 rest.buckets[2],
			 rest.count);
	assert_int_equal(histogram_cut(&h, 3, &rest), 0);
	histogram_done(&h);
	free(rows);

	assert_int_equal(histogram_merge(NULL, 0, BUCKETS, &h), 0);
	assert_int_equal(h.n_rows, 0);
	histogram_done(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_asked_for_is_said_in_the_modules_words),
		cmocka_unit_test(test_arguments_that_are_no_numbers_are_refused),
		cmocka_unit_test(test_narrow_result_is_recorded_in_its_own_width),
		cmocka_unit_test(test_names_are_given_back),
		cmocka_unit_test(test_histograms_are_equal_when_all_of_them_is),
		cmocka_unit_test(test_bounds_are_where_the_module_counts),
		cmocka_unit_test(test_rows_of_one_key_become_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
