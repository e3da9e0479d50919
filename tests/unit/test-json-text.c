/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The encoder's numbers and strings, each written into memory of exactly the size it is promised,
 * so that the sanitizer sees a byte too many; strings are read back by json-c.
 */
#include <inttypes.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <json-c/json.h>

#include "cleanup.h"
#include "json-text.h"
#include "random.h"
#include "strutil.h"

static void check_u64(uint64_t v)
{
	char *buf = malloc(JSON_INT_MAX), want[32];
	int n = snprintf(want, sizeof(want), "%" PRIu64, v);

	assert_non_null(buf);
	if (put_u64(buf, v) - buf != n || memcmp(buf, want, (size_t)n) != 0)
		fail_msg("%s became %.*s", want, n, buf);
	free(buf);
}

static void check_s64(int64_t v)
{
	char *buf = malloc(JSON_INT_MAX), want[32];
	int n = snprintf(want, sizeof(want), "%" PRId64, v);

	assert_non_null(buf);
	if (put_s64(buf, v) - buf != n || memcmp(buf, want, (size_t)n) != 0)
		fail_msg("%s became %.*s", want, n, buf);
	free(buf);
}

static void check_hex(uint64_t v)
{
	char *buf = malloc(JSON_HEX_MAX), want[32];
	int n = snprintf(want, sizeof(want), "\"0x%" PRIx64 "\"", v);

	assert_non_null(buf);
	if (put_hex(buf, v) - buf != n || memcmp(buf, want, (size_t)n) != 0)
		fail_msg("%s became %.*s", want, n, buf);
	free(buf);
}

static void check_number(uint64_t v)
{
	check_u64(v);
	check_s64((int64_t)v);
	check_s64((int64_t)(0 - v));
	check_hex(v);
}

static void test_numbers_at_their_limits(void **state)
{
	uint64_t p = 1;

	check_number(0);
	check_number(UINT64_MAX);
	check_number(INT64_MAX);
	check_number((uint64_t)INT64_MIN);
	for (int i = 0; i < 64; i++)
		for (int d = -2; d <= 2; d++)
			check_number((1ULL << i) + (uint64_t)d);
	for (int i = 0; i < 20; i++, p *= 10)
		for (int d = -2; d <= 2; d++)
			for (uint64_t k = 1; k <= 9; k++)
				check_number(k * p + (uint64_t)d);
}

static void test_small_numbers(void **state)
{
	for (uint64_t v = 0; v < 120000; v++)
		check_number(v);
}

static void test_random_numbers_of_every_length(void **state)
{
	struct random random = {17};

	for (int i = 0; i < 300000; i++)
		check_number(random_next(&random) >> random_below(&random, 64));
}

/* What the text must say: valid UTF-8 stays, other bytes are the four characters \xHH. */
static size_t expected_text(const char *s, size_t len, char *ret)
{
	size_t n = 0;

	for (size_t i = 0; i < len;) {
		unsigned int k = utf8_sequence(s + i, len - i);

		if (k == 0) {
			n += (size_t)sprintf(ret + n, "\\x%02x", (unsigned char)s[i++]);
			continue;
		}
		memcpy(ret + n, s + i, k);
		n += k;
		i += k;
	}
	return n;
}

/* Only what RFC 8259 allows between two quotes. */
static void assert_is_json(const char *text, size_t len)
{
	for (size_t i = 1; i < len - 1; i++) {
		assert_true((unsigned char)text[i] >= 0x20);
		assert_int_not_equal(text[i], '"');
		if (text[i] != '\\')
			continue;
		i++;
		assert_non_null(memchr("\"\\/bfnrtu", text[i], 9));
		if (text[i] == 'u')
			for (int k = 0; k < 4; k++)
				assert_non_null(memchr("0123456789abcdef", text[++i], 16));
	}
	assert_true(utf8_is_valid(text, len));
}

static void check_string(const char *s, size_t len)
{
	_cleanup_free_ char *buf = malloc(JSON_STRING_MAX(len)), *source = malloc(len ? len : 1);
	_cleanup_free_ char *want = malloc(4 * len + 1);
	size_t n, want_len;
	struct json_tokener *tokener = json_tokener_new();
	struct json_object *o;

	assert_true(buf && source && want && tokener);
	memcpy(source, s, len);
	n = (size_t)(put_string(buf, source, len) - buf);
	assert_in_range(n, 2, JSON_STRING_MAX(len));
	assert_int_equal(buf[0], '"');
	assert_int_equal(buf[n - 1], '"');
	assert_is_json(buf, n);
	want_len = expected_text(s, len, want);
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	o = json_tokener_parse_ex(tokener, buf, (int)n);
	assert_non_null(o);
	assert_int_equal(json_object_get_string_len(o), want_len);
	assert_memory_equal(json_object_get_string(o), want, want_len);
	json_object_put(o);
	json_tokener_free(tokener);
}

static void test_every_byte(void **state)
{
	for (int c = 0; c < 256; c++) {
		char s[3] = {'a', (char)c, 'b'};

		check_string(s + 1, 1);
		check_string(s, 3);
	}
}

static void test_every_pair_of_bytes(void **state)
{
	for (int a = 0; a < 256; a++)
		for (int b = 0; b < 256; b++) {
			char s[2] = {(char)a, (char)b};

			check_string(s, 2);
		}
}

/* Whatever the width of the inner loop, a special character is seen at every place in it. */
static void test_special_character_at_every_place(void **state)
{
	static const char *const specials[] = {
		"\"",	"\\",	"\n",	    "\x1f",	    "\x7f",
		"\x80", "\xff", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};

	for (size_t len = 0; len <= 40; len++) {
		char s[64];

		memset(s, 'x', sizeof(s));
		check_string(s, len);
		for (size_t at = 0; at < len; at++)
			for (size_t i = 0; i < ARRAY_SIZE(specials); i++) {
				memset(s, ' ' + (int)(len + at) % 2, sizeof(s));
				/* Cut off at the end, where it is longer */
				memcpy(s + at, specials[i], strlen(specials[i]));
				check_string(s, len);
			}
		memset(s, 0, sizeof(s));
		check_string(s, len);
		memset(s, 0xff, sizeof(s));
		check_string(s, len);
	}
}

static void assert_text(const char *s, const char *want)
{
	char buf[200];
	size_t n = (size_t)(put_string(buf, s, strlen(s)) - buf);

	buf[n] = '\0';
	assert_string_equal(buf, want);
}

static void test_what_is_no_utf8_is_shown_as_bytes(void **state)
{
	assert_text("\xc3\xa4", "\"\xc3\xa4\"");
	assert_text("\xc0\x80", "\"\\\\xc0\\\\x80\"");			     /* overlong */
	assert_text("\xe0\x80\x80", "\"\\\\xe0\\\\x80\\\\x80\"");	     /* overlong */
	assert_text("\xf0\x80\x80\x80", "\"\\\\xf0\\\\x80\\\\x80\\\\x80\""); /* overlong */
	assert_text("\xed\xa0\x80", "\"\\\\xed\\\\xa0\\\\x80\"");	     /* a surrogate */
	assert_text("\xed\x9f\xbf", "\"\xed\x9f\xbf\"");		     /* U+D7FF */
	assert_text("\xf4\x90\x80\x80", "\"\\\\xf4\\\\x90\\\\x80\\\\x80\""); /* U+110000 */
	assert_text("\xf4\x8f\xbf\xbf", "\"\xf4\x8f\xbf\xbf\"");	     /* U+10FFFF */
	assert_text("\xe2\x82", "\"\\\\xe2\\\\x82\"");			     /* cut off */
	assert_text("\xe2\x82x", "\"\\\\xe2\\\\x82x\"");
	/* A backslash in the text cannot be taken for one of these. */
	assert_text("\\xe2", "\"\\\\xe2\"");
	assert_text("a\"b\\c\n\t\r\x01", "\"a\\\"b\\\\c\\n\\t\\r\\u0001\"");
}

static void test_random_strings(void **state)
{
	static const char alphabet[] = "abc \"\\\n\x01\x80\xbf\xc2\xc3\xe0\xe2\xed\xf0\xf4\xff";
	struct random random = {23};

	for (int i = 0; i < 100000; i++) {
		size_t len = random_below(&random, 70);
		char s[70];

		for (size_t k = 0; k < len; k++)
			s[k] = random_below(&random, 4)
				       ? alphabet[random_below(&random, sizeof(alphabet))]
				       : (char)random_next(&random);
		check_string(s, len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers_at_their_limits),
		cmocka_unit_test(test_small_numbers),
		cmocka_unit_test(test_random_numbers_of_every_length),
		cmocka_unit_test(test_every_byte),
		cmocka_unit_test(test_every_pair_of_bytes),
		cmocka_unit_test(test_special_character_at_every_place),
		cmocka_unit_test(test_what_is_no_utf8_is_shown_as_bytes),
		cmocka_unit_test(test_random_strings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
