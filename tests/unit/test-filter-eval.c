/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Conditions against records: by hand, and by the two judges, of raw records and of JSON text, that
 * must agree on whatever a record holds. And what is said of conditions that fit no probe.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "filter-world.h"
#include "random.h"

struct record {
	unsigned char bytes[WORLD_RECORD_MAX];
	size_t len;
};

static void put(struct record *r, size_t offset, const void *v, size_t size)
{
	memcpy(r->bytes + offset, v, size);
	if (offset + size > r->len)
		r->len = offset + size;
}

static void put_text(struct record *r, size_t place, const char *s)
{
	uint32_t loc = (uint32_t)(strlen(s) + 1) << 16 | (uint32_t)r->len;

	put(r, place, &loc, sizeof(loc));
	put(r, r->len, s, strlen(s) + 1);
}

static void assert_judged(size_t kind, const struct record *r, const char *condition, bool want)
{
	struct decoder *d = world_decoder(kind);
	struct kp_error e = KP_ERROR_INIT;
	struct filter *f;
	char *text;
	int got;

	if (filter_parse(condition, &f, &e) < 0)
		fail_msg("%s: at %d: %s", condition, e.position, e.message);
	got = world_judge(f, d, r->bytes, r->len, &text);
	if (got != want)
		fail_msg("%s: %d of %s", condition, got, text);
	free(text);
	filter_free(f);
	decoder_free(d);
}

static void test_return_with_numbers(void **state)
{
	struct record r = {.len = 44};
	int32_t tid = 4711, a = -2;
	uint64_t b = UINT64_MAX;
	uint16_t c = 0xbeef;
	int8_t d = -128;

	put(&r, 4, &tid, 4);
	put(&r, 24, &a, 4);
	put(&r, 28, &b, 8);
	put(&r, 36, &c, 2);
	put(&r, 38, &d, 1);
	put_text(&r, 40, "cat");
	assert_judged(0, &r, "a == -2", true);
	assert_judged(0, &r, "a < 0", true);
	assert_judged(0, &r, "a >= 0", false);
	assert_judged(0, &r, "args.a & 0xfffe", true);
	assert_judged(0, &r, "b == 18446744073709551615", true);
	assert_judged(0, &r, "b > 5", true);
	assert_judged(0, &r, "b == -1", false);
	assert_judged(0, &r, "c == 0xbeef", true);
	assert_judged(0, &r, "c == '0xbeef'", true);
	assert_judged(0, &r, "d == -128 && d > -129", true);
	assert_judged(0, &r, "tid == 4711", true);
	assert_judged(0, &r, "cpu == 3 && ts == 1234567890123", true);
	assert_judged(0, &r, "ts > 2000s", false);
	assert_judged(0, &r, "comm == 'cat'", true);
	assert_judged(0, &r, "args.comm == 'cat'", false);
	assert_judged(0, &r, "probe == 'back' && site ^= 'do_sys'", true);
	assert_judged(0, &r, "probe == 'other' || comm ~ 'c?t'", true);
	assert_judged(0, &r, "caller == 0", true);
	/* What it does not have. */
	assert_judged(0, &r, "pid == 4711", false);
	assert_judged(0, &r, "!(pid == 4711)", true);
	assert_judged(0, &r, "x != 1", false);
	assert_judged(0, &r, "a == 'x' || a != 'x'", false);
}

static void test_entry_with_strings(void **state)
{
	struct record r = {.len = 36};
	uint64_t d = 0xffffffff81000000;
	uint32_t caller = 9;

	put(&r, 16, "Q", 1);
	put(&r, 20, &d, 8);
	put(&r, 28, &caller, 4);
	put_text(&r, 8, "/etc/pass\"wd\n");
	put_text(&r, 12, "\xff\xc3\xbc");
	put_text(&r, 32, "kworker/0:1");
	assert_judged(1, &r, "a ^= '/etc/'", true);
	assert_judged(1, &r, "a == '/etc/pass\"wd\\n'", true);
	assert_judged(1, &r, "a ~ '*\"wd?'", true);
	assert_judged(1, &r, "b == '\\\\xff\xc3\xbc'", true);
	assert_judged(1, &r, "b ~ '?xff?'", true);
	assert_judged(1, &r, "d >= 0xffffffff80000000", true);
	/* The argument hides the common field of its name. */
	assert_judged(1, &r, "comm == 'Q'", true);
	assert_judged(1, &r, "caller == 9", true);
	assert_judged(1, &r, "a == 5", false);
}

static void test_string_that_could_not_be_read(void **state)
{
	struct record r = {.len = 36};

	put_text(&r, 12, "(fault)");
	put_text(&r, 32, "");
	assert_judged(1, &r, "a == '' || a != 'x' || a ~ '*'", false);
	assert_judged(1, &r, "b ~ '*'", false);
	assert_judged(1, &r, "args.comm == ''", true);
}

static void test_arrays_are_any_of_their_elements(void **state)
{
	const unsigned char a[] = {1, 2, 250, 4};
	const int16_t d[] = {-5, 7};
	struct record r = {.len = 32};

	put(&r, 8, a, 4);
	put(&r, 28, d, 4);
	put_text(&r, 12, "one");
	put_text(&r, 16, "two");
	assert_judged(2, &r, "a == 250", true);
	assert_judged(2, &r, "a == 3", false);
	assert_judged(2, &r, "a < 2 && a > 249", true);
	assert_judged(2, &r, "b == 'two' && b ~ 'o*'", true);
	assert_judged(2, &r, "b == 'three'", false);
	assert_judged(2, &r, "d == -5 && d == 7", true);
	assert_judged(2, &r, "c == '0x0' || c == 0", true);
}

static void test_values_with_a_text_of_their_own(void **state)
{
	struct record r = {.len = 24};
	int32_t a = -ENOENT;

	put(&r, 8, &a, 4);
	put(&r, 12, "\1", 1);
	put(&r, 14, "\x1f\x90", 2);
	assert_judged(3, &r, "a == -2 && a < 0 && a == '-ENOENT'", true);
	assert_judged(3, &r, "a == '-EPERM' || a == -1 || a > 0", false);
	assert_judged(3, &r, "b && b == 1", true);
	assert_judged(3, &r, "c == 8080", true);
	put(&r, 16, "\xa4\x01", 2);
	assert_judged(3, &r, "d == 0644 && d == '0644' && d < 0755", true);
	a = -5000;
	put(&r, 8, &a, 4);
	assert_judged(3, &r, "a == -5000", true);
	/* Each number there may be. */
	for (a = -4200; a < 300; a++) {
		char condition[64];

		put(&r, 8, &a, 4);
		sprintf(condition, "a == %d && a < %d", a, a + 1);
		assert_judged(3, &r, condition, true);
	}
}

static void test_short_record_reads_as_zeros(void **state)
{
	struct record r = {.len = 8};

	assert_judged(0, &r, "a == 0 && b == 0 && c == 0", true);
	assert_judged(0, &r, "comm == ''", true);
}

/* Any condition of the pieces here, on any record: the judges agree. */
static void test_both_judges_agree(void **state)
{
	static const char *const fields[] = {
		"a",  "b",     "c",    "d",	 "args.a", "comm",    "tid",	   "cpu",
		"ts", "probe", "site", "caller", "pid",	   "kthread", "args.comm", "x"};
	static const char *const numeric[] = {"==", "!=", "<", "<=", ">", ">=", "&"};
	static const char *const numbers[] = {"0",	"1",	"-1", "255",
					      "0xffff", "-128", "2s", "0x61"};
	static const char *const textual[] = {"==", "!=", "~", "^="};
	static const char *const strings[] = {"''",	"'a'",	"'*a*'",	  "'0x1'",
					      "'back'", "'?*'", "'\\\\\\\\xff*'", "'[!a-z]*'",
					      "'null'"};
	struct random random = {99};
	unsigned int counts[2] = {0};

	for (int i = 0; i < 30000; i++) {
		size_t kind = random_below(&random, WORLD_KINDS), n = 0;
		unsigned char record[WORLD_RECORD_MAX];
		struct decoder *d = world_decoder(kind);
		struct kp_error e = KP_ERROR_INIT;
		uint8_t bytes[300];
		char condition[512], *text;
		struct filter *f;
		size_t len;
		int got;

		/* Few values, so that comparisons are true now and then. */
		for (size_t k = 0; k < sizeof(bytes); k++)
			bytes[k] = "\x00\x01\xff\x80\xc3\xbc\"\\a\n"[random_below(&random, 10)];
		for (uint64_t k = 1 + random_below(&random, 4); k > 0; k--) {
			const char *field = fields[random_below(&random, ARRAY_SIZE(fields))];
			const char *not = random_below(&random, 4) ? "" : "!";

			if (random_below(&random, 2))
				n += (size_t)sprintf(
					condition + n, "%s(%s %s %s)", not, field,
					numeric[random_below(&random, ARRAY_SIZE(numeric))],
					numbers[random_below(&random, ARRAY_SIZE(numbers))]);
			else
				n += (size_t)sprintf(
					condition + n, "%s(%s %s %s)", not, field,
					textual[random_below(&random, ARRAY_SIZE(textual))],
					strings[random_below(&random, ARRAY_SIZE(strings))]);
			if (k > 1)
				n += (size_t)sprintf(condition + n, "%s",
						     random_below(&random, 2) ? " && " : " || ");
		}
		if (filter_parse(condition, &f, &e) < 0)
			fail_msg("%s: %s", condition, e.message);
		len = world_record(kind, bytes, random_below(&random, sizeof(bytes)), record);
		got = world_judge(f, d, record, len, &text);
		if (got < 0)
			fail_msg("%s\n%s", condition, text);
		counts[got]++;
		free(text);
		filter_free(f);
		decoder_free(d);
	}
	assert_true(counts[0] > 3000 && counts[1] > 3000);
}

static void test_conditions_that_fit_no_probe_are_refused(void **state)
{
	static const struct {
		const char *text, *reason, *hint;
		int position;
	} rows[] = {
		{"a == 1 && commm == 'x'", "unknownField", "did you mean comm?", 10},
		{"zzzzzz", "unknownField", "", 0},
		{"args.tid == 1", "unknownField", "", 0},
		{"ret < 0", "unknownField", "fetch it with the probe: r SYMBOL ret=$retval:s32", 0},
		{"tid == 'x'", "wrongType", "", 7},
		{"comm == 5", "wrongType", "strings are put in quotes", 8},
		{"comm", "wrongType", "strings are put in quotes", 0},
		{"a == 1 && !kthread", "unknownField",
		 "the filter of a probe knows it: kprobectl's --filter", 11},
	};
	struct decoder *d[] = {world_decoder(0), world_decoder(2)};
	struct kp_error e;
	struct filter *f;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		e = KP_ERROR_INIT;
		assert_int_equal(filter_parse(rows[i].text, &f, &e), 0);
		assert_int_equal(filter_check(f, (const struct decoder *const *)d, 2, &e), -EINVAL);
		assert_int_equal(e.code, KP_INVALID_FILTER);
		assert_string_equal(e.reason, rows[i].reason);
		assert_string_equal(e.hint, rows[i].hint);
		assert_int_equal(e.position, rows[i].position);
		filter_free(f);
	}
	/* Of the first probe a string would be wrong, of the second it is right. */
	e = KP_ERROR_INIT;
	assert_int_equal(filter_parse("b == 'x' && b == 1 && caller ~ '*'", &f, &e), 0);
	assert_int_equal(filter_check(f, (const struct decoder *const *)d, 2, &e), 0);
	assert_int_equal(filter_check(f, (const struct decoder *const *)d, 1, &e), -EINVAL);
	filter_free(f);
	e = KP_ERROR_INIT;
	assert_int_equal(filter_parse("a == 1 && durationNs > 1ms", &f, &e), 0);
	assert_int_equal(filter_check(f, (const struct decoder *const *)d, 2, &e), -EOPNOTSUPP);
	assert_int_equal(e.code, KP_HELPER_REQUIRED);
	assert_string_equal(e.subject, "durationNs");
	filter_free(f);
	decoder_free(d[0]);
	decoder_free(d[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_return_with_numbers),
		cmocka_unit_test(test_entry_with_strings),
		cmocka_unit_test(test_string_that_could_not_be_read),
		cmocka_unit_test(test_arrays_are_any_of_their_elements),
		cmocka_unit_test(test_values_with_a_text_of_their_own),
		cmocka_unit_test(test_short_record_reads_as_zeros),
		cmocka_unit_test(test_both_judges_agree),
		cmocka_unit_test(test_conditions_that_fit_no_probe_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
