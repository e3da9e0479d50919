/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The condition language: what is taken and how it is linked, and what is refused, where and why.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cleanup.h"
#include "filter-parse.h"
#include "filter-value.h"

static struct filter *parse(const char *text)
{
	struct kp_error e = KP_ERROR_INIT;
	struct filter *f = NULL;

	if (filter_parse(text, &f, &e) < 0)
		fail_msg("%s: at %d: %s", text, e.position, e.message);
	return f;
}

/* The condition with each comparison true where @truth has a bit. */
static bool value(const struct filter *f, unsigned int truth)
{
	unsigned int at = 0;

	while (at < f->n_terms)
		at = truth >> at & 1 ? f->terms[at].yes : f->terms[at].no;
	assert_true(at == FILTER_ACCEPT || at == FILTER_REJECT);
	return at == FILTER_ACCEPT;
}

#define A (truth & 1)
#define B (truth >> 1 & 1)
#define C (truth >> 2 & 1)
#define D (truth >> 3 & 1)

/* Each condition and the same in C, for all values. */
#define ASSERT_MEANS(text, expression)                                                             \
	do {                                                                                       \
		struct filter *f = parse(text);                                                    \
		for (unsigned int truth = 0; truth < 16; truth++)                                  \
			assert_int_equal(value(f, truth), !!(expression));                         \
		filter_free(f);                                                                    \
	} while (0)

static void test_operators_bind_as_in_c(void **state)
{
	ASSERT_MEANS("a", A);
	ASSERT_MEANS("!a", !A);
	ASSERT_MEANS("!!a", A);
	ASSERT_MEANS("a && b", A && B);
	ASSERT_MEANS("a || b && c", A || (B && C));
	ASSERT_MEANS("a && b || c", (A && B) || C);
	ASSERT_MEANS("(a || b) && c", (A || B) && C);
	ASSERT_MEANS("!(a || b) && c", !(A || B) && C);
	ASSERT_MEANS("!(a && !(b || c)) || d", !(A && !(B || C)) || D);
	ASSERT_MEANS("a || b || c && d", A || B || (C && D));
	ASSERT_MEANS("!(a && b) && !(c || d)", !(A && B) && !(C || D));
	ASSERT_MEANS("((a))&&(((b||!c)))", A && (B || !C));
	ASSERT_MEANS("a&1&&b&2", A && B);
}

static void assert_term(const char *text, enum filter_op op, const char *name, const char *number,
			const char *string)
{
	struct filter *f = parse(text);
	const struct filter_term *t = &f->terms[0];
	char got[32];

	assert_int_equal(f->n_terms, 1);
	assert_int_equal(t->op, op);
	assert_string_equal(t->name, name);
	assert_int_equal(t->name_len, strlen(name));
	if (number) {
		assert_int_equal(t->literal, FILTER_NUMBER);
		if (t->number.is_negative)
			snprintf(got, sizeof(got), "%lld", (long long)t->number.value);
		else
			snprintf(got, sizeof(got), "%llu", (unsigned long long)t->number.value);
		assert_string_equal(got, number);
	} else if (string) {
		assert_int_equal(t->literal, FILTER_STRING);
		assert_int_equal(t->string_len, strlen(string));
		assert_memory_equal(t->string, string, strlen(string));
	} else {
		assert_int_equal(t->literal, FILTER_NOTHING);
	}
	filter_free(f);
}

static void test_values_are_read(void **state)
{
	assert_term("fd == 3", FILTER_EQUAL, "fd", "3", NULL);
	assert_term(" fd<-100 ", FILTER_LESS, "fd", "-100", NULL);
	assert_term("fd <= +7", FILTER_LESS_EQUAL, "fd", "7", NULL);
	assert_term("x > 0xFFffFFffFFffFFff", FILTER_GREATER, "x", "18446744073709551615", NULL);
	assert_term("x >= -9223372036854775808", FILTER_GREATER_EQUAL, "x", "-9223372036854775808",
		    NULL);
	assert_term("x != -0", FILTER_UNEQUAL, "x", "0", NULL);
	assert_term("flags & 0x40", FILTER_BITS, "flags", "64", NULL);
	assert_term("mode == 010", FILTER_EQUAL, "mode", "8", NULL);
	assert_term("durationNs > 1ms", FILTER_GREATER, "durationNs", "1000000", NULL);
	assert_term("t < 2s", FILTER_LESS, "t", "2000000000", NULL);
	assert_term("t < -3us", FILTER_LESS, "t", "-3000", NULL);
	assert_term("t < 5ns", FILTER_LESS, "t", "5", NULL);
	assert_term("args.comm == \"cat\"", FILTER_EQUAL, "comm", NULL, "cat");
	assert_term("comm ^= 'kw\"o\\'r'", FILTER_PREFIX, "comm", NULL, "kw\"o'r");
	assert_term("n ~ \"/etc/*\\*\\\"[!a]\"", FILTER_GLOB, "n", NULL, "/etc/*\\*\"[!a]");
	assert_term("n != \"\\\\\\n\\t\"", FILTER_UNEQUAL, "n", NULL, "\\\n\t");
	assert_term("n == ''", FILTER_EQUAL, "n", NULL, "");
	assert_term("n == 'ü€'", FILTER_EQUAL, "n", NULL, "ü€");
	assert_term("kthread", FILTER_TRUE, "kthread", NULL, NULL);
}

static void test_common_fields_are_known(void **state)
{
	struct filter *f = parse("ts && comm && durationNs && args.ts && x");

	assert_int_equal(f->terms[0].common, FILTER_TS);
	assert_int_equal(f->terms[1].common, FILTER_COMM);
	assert_int_equal(f->terms[2].common, FILTER_DURATION);
	assert_int_equal(f->terms[3].common, FILTER_NO_COMMON);
	assert_true(f->terms[3].is_arg);
	assert_int_equal(f->terms[4].common, FILTER_NO_COMMON);
	assert_int_equal(f->terms[4].position, 39);
	filter_free(f);
}

static void test_errors_have_a_reason_and_a_place(void **state)
{
	static const struct {
		const char *text, *reason;
		int position;
	} rows[] = {
		{"", "empty", 0},
		{"  \n", "empty", 0},
		{"&& a", "fieldExpected", 0},
		{"a &&", "fieldExpected", 4},
		{"a && 3", "fieldExpected", 5},
		{"args. == 1", "fieldExpected", 5},
		{"abcdefghijabcdefghijabcdefghijabc == 1", "fieldExpected", 0},
		{"ä == 1", "fieldExpected", 0},
		{"a = 1", "badOperator", 2},
		{"a < 'x'", "badOperator", 4},
		{"a & 'x'", "badOperator", 4},
		{"a ==", "valueExpected", 4},
		{"a == cat", "valueExpected", 5},
		{"a ~ 3", "valueExpected", 4},
		{"a ^= 3", "valueExpected", 5},
		{"a == -", "badNumber", 5},
		{"a == 3x", "badNumber", 6},
		{"a == 3 ms", "operatorExpected", 7},
		{"a == 0x10000000000000000", "numberTooLarge", 5},
		{"a == 20000000000s", "numberTooLarge", 5},
		{"a == -9223372036854775809", "numberTooLarge", 5},
		{"a == 'x", "unclosedString", 5},
		{"a == 'x\\", "badEscape", 7},
		{"a ~ 'x\\", "unclosedString", 4},
		{"a == '\\x'", "badEscape", 6},
		{"a == '\xff'", "badString", 5},
		{"(a", "parenthesis", 0},
		{"a)", "parenthesis", 1},
		{"a b", "operatorExpected", 2},
		{"a | b", "operatorExpected", 2},
		{"a & b", "valueExpected", 4},
		{"!", "fieldExpected", 1},
		{"!!!!!!!!!!!!!!!!!a", "tooDeep", 16},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct kp_error e = KP_ERROR_INIT;
		struct filter *f;

		assert_int_equal(filter_parse(rows[i].text, &f, &e), -EINVAL);
		assert_int_equal(e.code, KP_INVALID_FILTER);
		if (strcmp(e.reason, rows[i].reason) != 0 || e.position != rows[i].position)
			fail_msg("%s: %s at %d, not %s at %d", rows[i].text, e.reason, e.position,
				 rows[i].reason, rows[i].position);
		assert_true(e.message[0]);
	}
}

static void test_limits_hold(void **state)
{
	struct kp_error e = KP_ERROR_INIT;
	char text[FILTER_TEXT_MAX + 2];
	struct filter *f;
	size_t n = 0;

	for (int i = 0; i < FILTER_TERMS_MAX; i++)
		n += (size_t)sprintf(text + n, "%sa == %d", i ? " || " : "", i);
	f = parse(text);
	assert_int_equal(f->n_terms, FILTER_TERMS_MAX);
	filter_free(f);
	strcpy(text + n, " && a");
	assert_int_equal(filter_parse(text, &f, &e), -EINVAL);
	assert_string_equal(e.reason, "tooManyTerms");

	memset(text, ' ', sizeof(text));
	text[0] = 'a';
	text[FILTER_TEXT_MAX] = '\0';
	filter_free(parse(text));
	text[FILTER_TEXT_MAX] = ' ';
	text[FILTER_TEXT_MAX + 1] = '\0';
	e = KP_ERROR_INIT;
	assert_int_equal(filter_parse(text, &f, &e), -EINVAL);
	assert_string_equal(e.reason, "tooLong");

	n = (size_t)sprintf(text, "a == '");
	memset(text + n, 'x', FILTER_STRING_MAX);
	strcpy(text + n + FILTER_STRING_MAX, "'");
	filter_free(parse(text));
	strcpy(text + n + FILTER_STRING_MAX, "x'");
	e = KP_ERROR_INIT;
	assert_int_equal(filter_parse(text, &f, &e), -EINVAL);
	assert_string_equal(e.reason, "stringTooLong");
}

static void assert_json(const char *condition, const char *json, bool want)
{
	struct filter *f = parse(condition);

	if (filter_test_json(&f->terms[0], json, strlen(json)) != want)
		fail_msg("%s is %s of %s", condition, want ? "false" : "true", json);
	filter_free(f);
}

static void test_comparisons_of_values(void **state)
{
	assert_json("a == 18446744073709551615", "18446744073709551615", true);
	assert_json("a == -1", "18446744073709551615", false);
	assert_json("a > -1", "18446744073709551615", true);
	assert_json("a < 0", "-1", true);
	assert_json("a < -1", "-2", true);
	assert_json("a > -2", "-1", true);
	assert_json("a >= -1", "-1", true);
	assert_json("a <= -1", "0", false);
	assert_json("a != 1", "1", false);
	assert_json("a & 6", "4", true);
	assert_json("a & 6", "9", false);
	assert_json("a & 1", "-1", true);
	assert_json("a", "0", false);
	assert_json("a", "-5", true);
	assert_json("a == 31", "\"0x1f\"", true);
	assert_json("a > 0xffffffff00000000", "\"0xffffffff81000000\"", true);
	assert_json("a == '0x1f'", "\"0x1f\"", true);
	assert_json("a == 0644", "\"0644\"", true);
	assert_json("a == 0", "\"0\"", true);
	assert_json("a == 0", "\"09\"", false);
	assert_json("a == -2", "\"-ENOENT\"", true);
	assert_json("a == 1", "true", true);
	assert_json("a", "false", false);
	assert_json("a == 1", "null", false);
	assert_json("a != 1", "null", false);
	assert_json("a != 'x'", "null", false);
	assert_json("a == 1", "\"x\"", false);
	assert_json("a != 'x'", "1", false);
	assert_json("a == 'a\"b'", "\"a\\\"b\"", true);
	assert_json("a == '\\n\\\\xff'", "\"\\n\\\\xff\"", true);
	assert_json("a == 'a'", "\"ab\"", false);
	assert_json("a ^= 'a'", "\"ab\"", true);
	assert_json("a ^= 'ab'", "\"a\"", false);
	assert_json("a ^= ''", "\"\"", true);
	assert_json("a == -2", "\"-ENOENT\"", true);
	assert_json("a < 0", "\"-EAGAIN\"", true);
	assert_json("a == -512", "\"-ERESTARTSYS\"", true);
	assert_json("a < 0", "\"-ENONSENSE\"", false);
	assert_json("a >= 0", "\"-ENOENT\"", false);
	assert_json("a == '-ENOENT'", "\"-ENOENT\"", true);
	assert_json("a == 2", "[1,2]", true);
	assert_json("a == 3", "[1,2]", false);
	assert_json("a == 'x,]y'", "[\"x,]y\",\"z\"]", true);
	assert_json("a == 'z'", "[null,\"x,]y\",\"z\"]", true);
	assert_json("a == 1", "[]", false);
	assert_json("a == 1", "{}", false);
	assert_json("a == 1", "1.0", false);
}

static void test_globs(void **state)
{
	static const struct {
		const char *pattern, *text;
		bool is_match;
	} rows[] = {
		{"", "", true},
		{"", "a", false},
		{"*", "", true},
		{"*", "abc", true},
		{"a*c", "abbbc", true},
		{"a*c", "abbb", false},
		{"*b*d", "abcbd", true},
		{"*b?d", "abcbd", false},
		{"*b?d*", "abcdbxd", true},
		{"a?c", "abc", true},
		{"a?c", "ac", false},
		{"a?c", "a\u00fcc", true},
		{"[a-c]x", "bx", true},
		{"[a-c]x", "dx", false},
		{"[!a-c]x", "dx", true},
		{"[^a-c]x", "\u00fcx", true},
		{"[a-c]x", "\u00fcx", false},
		{"[]a]", "]", true},
		{"[a-]", "-", true},
		{"[", "[", true},
		{"[a", "[a", true},
		{"\\*", "*", true},
		{"\\*", "a", false},
		{"\\", "\\", true},
		{"[\\]]", "]", true},
		{"\u00fc*", "\u00fcber", true},
		{"**a**", "bab", true},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (filter_glob_match(rows[i].pattern, strlen(rows[i].pattern), rows[i].text,
				      strlen(rows[i].text)) != rows[i].is_match)
			fail_msg("%s, %s", rows[i].pattern, rows[i].text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_operators_bind_as_in_c),
		cmocka_unit_test(test_values_are_read),
		cmocka_unit_test(test_common_fields_are_known),
		cmocka_unit_test(test_errors_have_a_reason_and_a_place),
		cmocka_unit_test(test_limits_hold),
		cmocka_unit_test(test_comparisons_of_values),
		cmocka_unit_test(test_globs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
