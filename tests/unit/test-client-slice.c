/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The scanner under libkprobed: what it takes for JSON, how it splits, decodes and counts. Texts
 * are looked at in memory of their exact size, so that a sanitizer sees a byte read too far.
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
#include "reply.h"
#include "slice.h"

static int scan(const char *text)
{
	size_t length = strlen(text);
	_cleanup_free_ char *copy = malloc(length ? length : 1);
	struct slice slice;

	assert_non_null(copy);
	memcpy(copy, text, length);
	return slice_scan(copy, length, &slice);
}

static struct slice slice_of(const char *text)
{
	struct slice slice;

	assert_int_equal(slice_scan(text, strlen(text), &slice), 0);
	return slice;
}

static void test_json_is_accepted(void **state)
{
	static const char *const texts[] = {
		"{}",
		" [ ] ",
		"null",
		"-0",
		"0.5e-3",
		"1E+9",
		"\"\"",
		"\"a\\\"b\\\\c\\u00e9\\n\"",
		"{\"a\":{\"b\":[1,2,{\"c\":[]}]},\"d\":true}",
		"[[],{},[[]],\"12345678\\\"\",false]",
		"\t{ \"a\" : [ 1 , 2 ] , \"b\" : null }\r\n",
		"\"a string that is longer than eight bytes, with \\u0020 and \xc3\xa9\"",
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (scan(texts[i]) != 0)
			fail_msg("refused: %s", texts[i]);
}

static void test_anything_else_is_refused(void **state)
{
	static const char *const texts[] = {
		"",
		" ",
		"{",
		"}",
		"[1,]",
		"{,}",
		"[,1]",
		"[1 2]",
		"{\"a\"}",
		"{\"a\":}",
		"{\"a\":1,}",
		"{a:1}",
		"[1}",
		"{\"a\":1]",
		"01",
		"-",
		"1.",
		".5",
		"1e",
		"+1",
		"NaN",
		"nul",
		"truex",
		"{} {}",
		"\"",
		"\"\\",
		"\"\\x\"",
		"\"\\u12\"",
		"\"\\u12g4\"",
		"\"a\nb\"",
		"\"1234567",
		"\"12345678",
		"\"\x01\"",
		"'a'",
		"[1]]",
		"{\"a\":1}}",
		"\"12345678\t\"",
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (scan(texts[i]) != -EBADMSG)
			fail_msg("accepted: %s", texts[i]);
}

static void test_depth_is_limited(void **state)
{
	char text[2 * SLICE_DEPTH_MAX + 3];

	memset(text, '[', SLICE_DEPTH_MAX);
	memset(text + SLICE_DEPTH_MAX, ']', SLICE_DEPTH_MAX);
	text[2 * SLICE_DEPTH_MAX] = '\0';
	assert_int_equal(scan(text), 0);

	memset(text, '[', SLICE_DEPTH_MAX + 1);
	memset(text + SLICE_DEPTH_MAX + 1, ']', SLICE_DEPTH_MAX + 1);
	text[2 * SLICE_DEPTH_MAX + 2] = '\0';
	assert_int_equal(scan(text), -EBADMSG);
}

/* Every place of the first special byte relative to a group of eight. */
static void test_string_ends_are_found_wherever_they_are(void **state)
{
	for (size_t length = 0; length < 40; length++) {
		for (size_t quote = 0; quote <= length; quote++) {
			_cleanup_free_ char *text = malloc(length + 4);
			struct slice slice;

			assert_non_null(text);
			text[0] = '"';
			/* 0x80 and above must not be taken for controls, nor '#' for a quote. */
			for (size_t i = 0; i < length; i++)
				text[1 + i] = i % 3 ? (char)0xa2 : '#';
			memcpy(text + 1 + quote, "\\\"", 2);
			text[length + 3] = '"';
			if (quote < length)
				memset(text + 3 + quote, 'x', length - quote);
			assert_int_equal(slice_scan(text, length + 4, &slice), 0);
			assert_int_equal(slice.length, length + 4);
			text[1 + quote] = 0x1f;
			assert_int_equal(slice_scan(text, length + 4, &slice), -EBADMSG);
		}
	}
}

static void test_members_are_found(void **state)
{
	struct slice object = slice_of("{\"a\":1, \"b\" : [2,3] ,\"c\":{\"a\":4},\"\\u0064\":5}");
	struct slice value;
	int64_t number;

	assert_int_equal(slice_get(object, "b", &value), 0);
	assert_int_equal(value.length, 5);
	assert_memory_equal(value.text, "[2,3]", 5);
	assert_int_equal(slice_get(object, "d", &value), 0);
	assert_int_equal(slice_to_int(value, &number), 0);
	assert_int_equal(number, 5);
	assert_int_equal(slice_get(object, "e", &value), -ENOENT);
	assert_int_equal(slice_get(slice_of("[]"), "a", &value), -ENOENT);
}

static void test_elements_may_be_ended_by_nul(void **state)
{
	char text[] = "[{\"a\":1},2 , \"three\",[4]]";
	static const char *const expected[] = {"{\"a\":1}", "2", "\"three\"", "[4]"};
	struct slice element;
	struct slice_iter it;
	size_t n = 0;

	slice_iter_init(&it, slice_of(text));
	while (slice_iter_element(&it, &element) > 0) {
		text[element.text - text + (ptrdiff_t)element.length] = '\0';
		assert_true(n < ARRAY_SIZE(expected));
		assert_string_equal(element.text, expected[n++]);
	}
	assert_int_equal(n, ARRAY_SIZE(expected));
}

static void test_strings_are_decoded(void **state)
{
	static const struct {
		const char *json, *decoded;
	} rows[] = {
		{"\"\"", ""},
		{"\"plain\"", "plain"},
		{"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t"},
		{"\"\\u0041\\u00e9\\u20ac\"", "A\xc3\xa9\xe2\x82\xac"},
		{"\"\\ud83d\\ude00!\"", "\xf0\x9f\x98\x80!"},
		{"\"a\\u0000b\"", "a\xef\xbf\xbd"
				  "b"},
		{"\"\\ud83d\"", "\xef\xbf\xbd"},
		{"\"\\ude00\\ud83dx\"", "\xef\xbf\xbd\xef\xbf\xbdx"},
		{"\"\\ud83d\\u0041\"", "\xef\xbf\xbd"
				       "A"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct slice slice = slice_of(rows[i].json);
		_cleanup_free_ char *decoded = malloc(slice.length);

		assert_non_null(decoded);
		assert_int_equal(slice_decode(slice, decoded), strlen(rows[i].decoded));
		assert_string_equal(decoded, rows[i].decoded);
	}
}

static void test_numbers_are_read_to_their_limits(void **state)
{
	uint64_t u;
	int64_t i;

	assert_int_equal(slice_to_int(slice_of("-9223372036854775808"), &i), 0);
	assert_true(i == INT64_MIN);
	assert_int_equal(slice_to_int(slice_of("9223372036854775807"), &i), 0);
	assert_true(i == INT64_MAX);
	assert_int_equal(slice_to_int(slice_of("9223372036854775808"), &i), -ERANGE);
	assert_int_equal(slice_to_int(slice_of("-9223372036854775809"), &i), -ERANGE);
	assert_int_equal(slice_to_uint(slice_of("18446744073709551615"), &u), 0);
	assert_true(u == UINT64_MAX);
	assert_int_equal(slice_to_uint(slice_of("18446744073709551616"), &u), -ERANGE);
	assert_int_equal(slice_to_uint(slice_of("-1"), &u), -ERANGE);
	assert_int_equal(slice_to_uint(slice_of("-0"), &u), 0);
	assert_int_equal(slice_to_int(slice_of("1.0"), &i), -EINVAL);
	assert_int_equal(slice_to_int(slice_of("1e3"), &i), -EINVAL);
	assert_int_equal(slice_to_int(slice_of("true"), &i), -EINVAL);
	assert_int_equal(slice_hex_to_uint(slice_of("\"0xffffffffffffffff\""), &u), 0);
	assert_true(u == UINT64_MAX);
	assert_int_equal(slice_hex_to_uint(slice_of("\"0x1ffffffffffffffff\""), &u), -ERANGE);
	assert_int_equal(slice_hex_to_uint(slice_of("\"0x\""), &u), -EINVAL);
	assert_int_equal(slice_hex_to_uint(slice_of("\"0xg\""), &u), -EINVAL);
	assert_int_equal(slice_hex_to_uint(slice_of("\"12\""), &u), -EINVAL);
}

/* The text is in memory that may be written, as a message is. */
static int parse(const char *text, struct reply *ret)
{
	static char message[512];

	assert_true(strlen(text) < sizeof(message));
	strcpy(message, text);
	return reply_parse(message, strlen(message), NULL, ret);
}

/* Each element of @array where the list has it; @array may change. Returns how many. */
static int list(char *array, size_t length, struct slice_list *ret)
{
	char text[8192];
	struct slice key, all, value;
	struct slice_iter it;
	int n = snprintf(text, sizeof(text), "{\"a\":%.*s, \"b\" : 1}", (int)length, array), r;

	assert_true(n > 0 && (size_t)n < sizeof(text));
	assert_int_equal(slice_iter_text(&it, text, (size_t)n), 0);
	assert_int_equal(slice_iter_key(&it, &key), 1);
	r = slice_iter_list(&it, ret, &all);
	if (r < 0)
		return r;
	/* It stands behind the array. */
	assert_int_equal(slice_iter_member(&it, &key, &value), 1);
	assert_true(slice_is(key, "b"));
	assert_int_equal(slice_iter_member(&it, &key, &value), 0);
	slice_iter_init(&it, all);
	for (size_t i = 0; i < ret->n; i++) {
		assert_int_equal(slice_iter_element(&it, &value), 1);
		assert_ptr_equal(value.text, ret->base + ret->marks[i].start);
		assert_int_equal(value.length, ret->marks[i].length);
	}
	assert_int_equal(slice_iter_element(&it, &value), 0);
	memcpy(array, all.text, all.length);
	array[all.length] = '\0';
	return (int)ret->n;
}

static void test_lists_of_objects(void **state)
{
	static const struct {
		const char *array, *after; /* NULL: as it was */
		int n;
	} rows[] = {
		{"[]", NULL, 0},
		{"[ ]", NULL, 0},
		{"[{}]", NULL, 1},
		{"[{},{}]", NULL, 2},
		{"[{\"a\":[{},[]]},{\"]}[{\":1}]", NULL, 2},
		{"[{\"a\\\"}\":1},{\"b\\\\\":\"\\\\\\\"]\"}]", NULL, 2},
		{" [{}]", "[{}]", 1},
		{"[ {} , {\"a\" : 1 } ]", NULL, 2},
		{"[{}\n,\t{\"a\":\r\n1}]", "[{} , {\"a\":  1}]", 2},
		{"[1,[2],\"3\",{}]", NULL, 4},
		{"[[],{}]", NULL, 2},
		{"[{}", NULL, -EBADMSG},
		{"[{]}", NULL, -EBADMSG},
		{"[{},]", NULL, -EBADMSG},
		{"[,{}]", NULL, -EBADMSG},
		{"[{}{}]", NULL, -EBADMSG},
		{"[{},,{}]", NULL, -EBADMSG},
		{"[{\"a\nb\":1}]", NULL, -EBADMSG},
		{"[{\"a\":\"]", NULL, -EBADMSG},
	};
	struct slice_list events = {0};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char array[128];

		strcpy(array, rows[i].array);
		if (list(array, strlen(array), &events) != rows[i].n)
			fail_msg("%s", rows[i].array);
		if (rows[i].n >= 0)
			assert_string_equal(array, rows[i].after ? rows[i].after : rows[i].array);
	}
	slice_list_done(&events);
}

/* Blocks end everywhere: in strings, between a backslash and what it is for, between brackets. */
static void test_lists_over_the_ends_of_blocks(void **state)
{
	static const char *const objects[] = {
		"{\"k\":\"\\\\\"}",
		"{\"k\":[{\"}\":\"\\\"{\"},[]]}",
		"{\"\\\\\\\\\\\"\":0}",
		"{}",
		"{\"long\":\"................................................................\"}",
	};
	struct slice_list events = {0};

	for (size_t pad = 0; pad < 200; pad++) {
		char array[4096];
		char *p = array;
		int n = 1;

		p += sprintf(p, "[{\"pad\":\"%*s\"}", (int)pad, "");
		for (size_t i = 0; i < 20; i++, n++)
			p += sprintf(p, ",%s", objects[(pad + i * 7) % ARRAY_SIZE(objects)]);
		p += sprintf(p, "]");
		assert_int_equal(list(array, (size_t)(p - array), &events), n);
	}
	slice_list_done(&events);
}

/* What it accepts that is JSON is what walking over it accepts, and it splits likewise. */
static void test_lists_of_random_text(void **state)
{
	static const char *const words[] = {"{", "}", "[", "]", "\"", "\\",
					    ",", ":", "1", "a", " ",  "\n"};
	struct slice_list events = {0};
	uint64_t seed = 1;
	int accepted = 0;

	for (int round = 0; round < 200000; round++) {
		char array[64] = "{\"a\":[", copy[64];
		struct slice key, all, value, element;
		struct slice_iter it, walk;
		size_t n = 1;
		int r;

		for (int i = 0; i < 10; i++) {
			seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
			strcat(array, words[(seed >> 33) % ARRAY_SIZE(words)]);
		}
		strcat(array, "]}");
		strcpy(copy, array);
		assert_int_equal(slice_iter_text(&it, array, strlen(array)), 0);
		assert_int_equal(slice_iter_key(&it, &key), 1);
		r = slice_iter_list(&it, &events, &all);
		assert_int_equal(slice_iter_text(&walk, copy, strlen(copy)), 0);
		assert_int_equal(slice_iter_key(&walk, &key), 1);
		if (slice_iter_element(&walk, &value) != 1)
			continue;
		assert_int_equal(r, 0);
		assert_int_equal(all.length, value.length);
		slice_iter_init(&walk, value);
		for (n = 0; slice_iter_element(&walk, &element) > 0; n++)
			assert_int_equal(element.text - value.text, events.marks[n].start);
		assert_int_equal(n, events.n);
		accepted += n > 0;
	}
	assert_true(accepted > 100);
	slice_list_done(&events);
}

static void test_replies_are_taken_apart_in_any_order(void **state)
{
	struct reply reply;

	assert_int_equal(
		parse("{\"continues\":true,\"parameters\":{\"cursor\":\"1:2\",\"events\":[{}],"
		      "\"later\":[1],\"gaps\":null}}",
		      &reply),
		0);
	assert_true(reply.continues);
	assert_int_equal(slice_type_of(reply.events), SLICE_ARRAY);
	assert_int_equal(slice_type_of(reply.gaps), SLICE_NULL);
	assert_true(slice_is(reply.cursor, "1:2"));
	assert_null(reply.error.text);

	assert_int_equal(parse("{\"error\":\"a.b\",\"parameters\":{}}", &reply), 0);
	assert_true(slice_is(reply.error, "a.b"));
	assert_int_equal(reply.parameters.length, 2);
	assert_int_equal(parse("{}", &reply), 0);
	assert_null(reply.parameters.text);
}

static void test_what_is_no_reply_is_refused(void **state)
{
	static const char *const texts[] = {
		"",
		"[]",
		"1",
		"{\"parameters\":[]}",
		"{\"parameters\":[\"a\":1]}",
		"{\"parameters\":1}",
		"{\"error\":1}",
		"{\"parameters\":{\"events\":[{]}}",
		"{\"parameters\":{}",
		"{\"parameters\":{}}x",
		"{\"parameters\":{} \"continues\":true}",
	};
	struct reply reply;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (parse(texts[i], &reply) != -EBADMSG)
			fail_msg("accepted: %s", texts[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_json_is_accepted),
		cmocka_unit_test(test_anything_else_is_refused),
		cmocka_unit_test(test_depth_is_limited),
		cmocka_unit_test(test_string_ends_are_found_wherever_they_are),
		cmocka_unit_test(test_members_are_found),
		cmocka_unit_test(test_elements_may_be_ended_by_nul),
		cmocka_unit_test(test_strings_are_decoded),
		cmocka_unit_test(test_numbers_are_read_to_their_limits),
		cmocka_unit_test(test_lists_of_objects),
		cmocka_unit_test(test_lists_over_the_ends_of_blocks),
		cmocka_unit_test(test_lists_of_random_text),
		cmocka_unit_test(test_replies_are_taken_apart_in_any_order),
		cmocka_unit_test(test_what_is_no_reply_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
