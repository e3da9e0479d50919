/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Framing, and what is a message: the places where json-c by itself is more forgiving have a row.
 */
#include <errno.h>
#include <math.h>
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
#include "wire.h"

DEFINE_CLEANUP(struct json_object *, json_object_put);

/* A text with its length, so that it can have NULs. */
#define TEXT(s) s, sizeof(s) - 1

struct text {
	const char *text;
	size_t len;
};

/* In memory of its exact size, so that the sanitizer sees a byte read too far. */
static int parse_with(int (*parse)(const char *msg, size_t len, struct json_object **ret),
		      const char *text, size_t len, struct json_object **ret)
{
	_cleanup_free_ char *copy = malloc(len ? len : 1);

	assert_non_null(copy);
	memcpy(copy, text, len);
	return parse(copy, len, ret);
}

static void test_framer_finds_messages_however_they_are_cut(void **state)
{
	static const char stream[] = "{}\0\0{\"a\":1}\0{";
	static const size_t lengths[] = {2, 0, 7};
	size_t cut;

	for (cut = 1; cut <= sizeof(stream) - 1; cut++) {
		struct wire_framer framer = WIRE_FRAMER_INIT(7);
		size_t start = 0, have = 0, found = 0, len;

		while (have < sizeof(stream) - 1) {
			have += cut;
			if (have > sizeof(stream) - 1)
				have = sizeof(stream) - 1;
			while (wire_framer_next(&framer, stream + start, have - start, &len) == 1) {
				assert_true(found < ARRAY_SIZE(lengths));
				assert_int_equal(len, lengths[found]);
				found++;
				start += len + 1;
			}
		}
		assert_int_equal(found, ARRAY_SIZE(lengths));
		assert_int_equal(framer.scanned, 1);
	}
}

static void test_framer_limit_is_the_longest_message(void **state)
{
	struct wire_framer framer = WIRE_FRAMER_INIT(4);
	size_t len = 99;

	assert_int_equal(wire_framer_next(&framer, "aaaa", 4, &len), 0);
	assert_int_equal(wire_framer_next(&framer, "aaaa\0", 5, &len), 1);
	assert_int_equal(len, 4);

	framer = WIRE_FRAMER_INIT(4);
	len = 99;
	assert_int_equal(wire_framer_next(&framer, "aaaaa", 5, &len), -EMSGSIZE);
	framer = WIRE_FRAMER_INIT(4);
	assert_int_equal(wire_framer_next(&framer, "aaaaa\0", 6, &len), -EMSGSIZE);
	assert_int_equal(len, 99);

	/* What follows the message does not count. */
	framer = WIRE_FRAMER_INIT(4);
	assert_int_equal(wire_framer_next(&framer, "aa\0aaaaaaaa", 11, &len), 1);
	assert_int_equal(len, 2);
}

static void test_framer_looks_at_each_byte_once(void **state)
{
	struct wire_framer framer = WIRE_FRAMER_INIT(100);
	char data[] = "abcd";
	size_t len;

	assert_int_equal(wire_framer_next(&framer, data, 3, &len), 0);
	data[1] = '\0'; /* behind its back: must not be seen */
	assert_int_equal(wire_framer_next(&framer, data, 4, &len), 0);
	assert_int_equal(framer.scanned, 4);
}

static void test_parse_accepts_messages(void **state)
{
	static const struct {
		struct text in;
		const char *out;
	} rows[] = {
		{{TEXT("{}")}, "{}"},
		{{TEXT("{ \"a\" :\t[ 1 ,\r\n2 ] }")}, "{\"a\":[1,2]}"},
		{{TEXT("{\"\":null}")}, "{\"\":null}"},
		{{TEXT("{\"a\":[true,false,null,[],{}]}")}, "{\"a\":[true,false,null,[],{}]}"},
		{{TEXT("{\"a\":{\"a\":{\"a\":1}}}")}, "{\"a\":{\"a\":{\"a\":1}}}"},
		{{TEXT("{\"a\":9223372036854775807}")}, "{\"a\":9223372036854775807}"},
		{{TEXT("{\"a\":-9223372036854775808}")}, "{\"a\":-9223372036854775808}"},
		{{TEXT("{\"a\":18446744073709551615}")}, "{\"a\":18446744073709551615}"},
		{{TEXT("{\"a\":-0}")}, "{\"a\":0}"},
		{{TEXT("{\"a\":[0.5,-1e2,1E+2,0e-1]}")}, "{\"a\":[0.5,-1e2,1E+2,0e-1]}"},
		{{TEXT("{\"a\":1e308}")}, "{\"a\":1e308}"},
		{{TEXT("{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"}")},
		 "{\"a\":\"\\\"\\\\/\\b\\f\\n\\r\\t\"}"},
		{{TEXT("{\"a\":\"\\u00e4\\ud83d\\ude00\\uFFFF\"}")},
		 "{\"a\":\"\xc3\xa4\xf0\x9f\x98\x80\xef\xbf\xbf\"}"},
		{{TEXT("{\"\xc3\xa4\":\"\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\"}")},
		 "{\"\xc3\xa4\":\"\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\"}"},
		{{TEXT("{\"a\":\"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\x7f\"}")},
		 "{\"a\":\"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\x7f\"}"},
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(json_object_putp) struct json_object *object = NULL;
		int r = parse_with(wire_parse, rows[i].in.text, rows[i].in.len, &object);

		if (r < 0)
			fail_msg("%s: %d", rows[i].in.text, r);
		assert_string_equal(
			json_object_to_json_string_ext(
				object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE),
			rows[i].out);
	}
}

static void test_parse_refuses_what_is_no_message(void **state)
{
	static const struct text rows[] = {
		/* not an object, or not only one */
		{TEXT("")},
		{TEXT(" {}")},
		{TEXT("{} ")},
		{TEXT("{}\n")},
		{TEXT("{}{}")},
		{TEXT("{}x")},
		{TEXT("[]")},
		{TEXT("1")},
		{TEXT("null")},
		{TEXT("\"a\"")},
		{TEXT("\xef\xbb\xbf{}")},
		{TEXT("{}\0")},
		{TEXT("\0")},
		{TEXT("nonsense")},
		/* not whole */
		{TEXT("{")},
		{TEXT("{\"")},
		{TEXT("{\"a")},
		{TEXT("{\"a\"")},
		{TEXT("{\"a\":")},
		{TEXT("{\"a\":1")},
		{TEXT("{\"a\":1,")},
		{TEXT("{\"a\":[")},
		{TEXT("{\"a\":[1")},
		{TEXT("{\"a\":tru")},
		{TEXT("{\"a\":\"\\")},
		{TEXT("{\"a\":\"\\u12")},
		{TEXT("{\"a\":\"\\ud83d\\u")},
		{TEXT("{\"a\":-")},
		{TEXT("{\"a\":1e")},
		/* punctuation */
		{TEXT("{,}")},
		{TEXT("{\"a\":1,}")},
		{TEXT("{\"a\":[1,]}")},
		{TEXT("{\"a\":[,1]}")},
		{TEXT("{\"a\" 1}")},
		{TEXT("{\"a\":1 \"b\":2}")},
		{TEXT("{\"a\":[1 2]}")},
		{TEXT("{\"a\":[1}]")},
		{TEXT("{a:1}")},
		{TEXT("{'a':1}")},
		{TEXT("{\"a\":'b'}")},
		{TEXT("{1:2}")},
		{TEXT("{/**/}")},
		{TEXT("{\"a\":1 // x\n}")},
		{TEXT("{\"a\":\v1}")},
		{TEXT("{\"a\":1\0}")},
		/* words and numbers */
		{TEXT("{\"a\":NaN}")},
		{TEXT("{\"a\":nan}")},
		{TEXT("{\"a\":Infinity}")},
		{TEXT("{\"a\":-Infinity}")},
		{TEXT("{\"a\":TRUE}")},
		{TEXT("{\"a\":nulll}")},
		{TEXT("{\"a\":01}")},
		{TEXT("{\"a\":-01}")},
		{TEXT("{\"a\":00}")},
		{TEXT("{\"a\":1.}")},
		{TEXT("{\"a\":.5}")},
		{TEXT("{\"a\":+1}")},
		{TEXT("{\"a\":1e+}")},
		{TEXT("{\"a\":1.e1}")},
		{TEXT("{\"a\":0x10}")},
		{TEXT("{\"a\":--1}")},
		{TEXT("{\"a\":1_000}")},
		{TEXT("{\"a\":18446744073709551616}")},
		{TEXT("{\"a\":-9223372036854775809}")},
		{TEXT("{\"a\":99999999999999999999999999}")},
		{TEXT("{\"a\":1e400}")},
		{TEXT("{\"a\":[[-1e999]]}")},
		/* strings */
		{TEXT("{\"a\":\"\x01\"}")},
		{TEXT("{\"a\":\"\n\"}")},
		{TEXT("{\"a\":\"\x1f\"}")},
		{TEXT("{\"a\":\"\0\"}")},
		{TEXT("{\"a\":\"\\x\"}")},
		{TEXT("{\"a\":\"\\'\"}")},
		{TEXT("{\"a\":\"\\\0\"}")},
		{TEXT("{\"a\":\"\\u00g0\"}")},
		{TEXT("{\"a\":\"\\U0041\"}")},
		{TEXT("{\"a\":\"\\u0000\"}")},
		{TEXT("{\"a\":\"x\\u0000y\"}")},
		{TEXT("{\"a\\u0000b\":1}")},
		{TEXT("{\"a\":\"\\ud800\"}")},
		{TEXT("{\"a\":\"\\udc00\"}")},
		{TEXT("{\"a\":\"\\ud800\\ud800\"}")},
		{TEXT("{\"a\":\"\\ud800x\"}")},
		{TEXT("{\"a\":\"\\ud800\\n\"}")},
		{TEXT("{\"a\":\"\\udc00\\ud800\"}")},
		{TEXT("{\"a\":\"\\udc00\\udc00\"}")},
		/* UTF-8: stray, truncated, overlong, surrogates, too large */
		{TEXT("{\"a\":\"\x80\"}")},
		{TEXT("{\"a\":\"\xff\"}")},
		{TEXT("{\"a\":\"\xc3\"}")},
		{TEXT("{\"a\":\"\xe2\x82\"}")},
		{TEXT("{\"a\":\"\xf0\x9f\x98\"}")},
		{TEXT("{\"a\":\"\xf0\x9f\x98")},
		{TEXT("{\"a\":\"\xc0\x80\"}")},
		{TEXT("{\"a\":\"\xc1\xbf\"}")},
		{TEXT("{\"a\":\"\xe0\x9f\xbf\"}")},
		{TEXT("{\"a\":\"\xf0\x8f\xbf\xbf\"}")},
		{TEXT("{\"a\":\"\xed\xa0\x80\"}")},
		{TEXT("{\"a\":\"\xed\xa0\xbd\xed\xb8\x80\"}")},
		{TEXT("{\"a\":\"\xf4\x90\x80\x80\"}")},
		{TEXT("{\"a\":\"\xf5\x80\x80\x80\"}")},
		{TEXT("{\"\xc0\x80\":1}")},
		/* one name twice */
		{TEXT("{\"a\":1,\"a\":1}")},
		{TEXT("{\"a\":1,\"b\":2,\"\\u0061\":3}")},
		{TEXT("{\"x\":[{\"a\":{\"b\":1},\"a\":{}}]}")},
		{TEXT("{\"a\":{\"b\":1},\"a\":{\"c\":1,\"d\":2}}")},
		{TEXT("{\"\":1,\"\":2}")},
	};
	static char untouched;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct json_object *object = (struct json_object *)&untouched;
		int r = parse_with(wire_parse, rows[i].text, rows[i].len, &object);

		if (r != -EBADMSG)
			fail_msg("row %zu '%s': %d", i, rows[i].text, r);
		assert_ptr_equal(object, &untouched);
	}
}

/* {"a":[[[...]]]} with @depth containers inside each other, the outer one included. */
static void make_deep(char *buf, size_t depth)
{
	strcpy(buf, "{\"a\":");
	memset(buf + 5, '[', depth - 1);
	memset(buf + 5 + depth - 1, ']', depth - 1);
	strcpy(buf + 5 + 2 * (depth - 1), "}");
}

static void test_parse_limits_depth(void **state)
{
	char text[2 * WIRE_DEPTH_MAX + 32];
	struct json_object *object;

	make_deep(text, WIRE_DEPTH_MAX);
	assert_int_equal(wire_parse(text, strlen(text), &object), 0);
	json_object_put(object);
	assert_int_equal(wire_parse_reply(text, strlen(text), &object), 0);
	json_object_put(object);

	/* json-c counts a scalar as a level: it must not run into its own limit first. */
	make_deep(text, WIRE_DEPTH_MAX);
	memmove(strchr(text, ']') + 1, strchr(text, ']'), strlen(strchr(text, ']')) + 1);
	*strchr(text, ']') = '1';
	assert_int_equal(wire_parse(text, strlen(text), &object), 0);
	json_object_put(object);

	make_deep(text, WIRE_DEPTH_MAX + 1);
	assert_int_equal(wire_parse(text, strlen(text), &object), -E2BIG);
	assert_int_equal(wire_parse_reply(text, strlen(text), &object), -E2BIG);
}

static void test_parse_does_not_recurse_into_garbage(void **state)
{
	size_t len = 1 << 20;
	_cleanup_free_ char *text = malloc(len);
	struct json_object *object;

	assert_non_null(text);
	memset(text, '[', len);
	memcpy(text, "{\"a\":", 5);
	assert_int_equal(wire_parse(text, len, &object), -E2BIG);
}

static void test_parse_limits_containers_in_requests_only(void **state)
{
	size_t i, n;

	/* The object and its array count as well. */
	for (n = WIRE_CONTAINERS_MAX - 2; n <= WIRE_CONTAINERS_MAX - 1; n++) {
		_cleanup_free_ char *text = malloc(3 * n + 16);
		struct json_object *object;
		char *p = text;
		int r;

		assert_non_null(text);
		p += sprintf(p, "{\"a\":[");
		for (i = 0; i < n; i++)
			p += sprintf(p, "%s{}", i ? "," : "");
		p += sprintf(p, "]}");

		r = wire_parse(text, (size_t)(p - text), &object);
		assert_int_equal(r, n == WIRE_CONTAINERS_MAX - 2 ? 0 : -E2BIG);
		if (r == 0)
			json_object_put(object);
		assert_int_equal(wire_parse_reply(text, (size_t)(p - text), &object), 0);
		json_object_put(object);
	}
}

static void test_parse_reply_takes_nul_in_values_only(void **state)
{
	_cleanup_(json_object_putp) struct json_object *object = NULL;
	struct json_object *member, *none;

	assert_int_equal(wire_parse_reply(TEXT("{\"a\":\"x\\u0000y\"}"), &object), 0);
	assert_true(json_object_object_get_ex(object, "a", &member));
	assert_int_equal(json_object_get_string_len(member), 3);
	assert_int_equal(wire_parse_reply(TEXT("{\"a\\u0000\":1}"), &none), -EBADMSG);
}

static void test_encode_writes_what_parse_reads(void **state)
{
	static const char text[] = "{\"a\":[1,-0.5,\"/\xc3\xa4\\u0001\\n\",null,{\"b\":true}]}";
	_cleanup_(json_object_putp) struct json_object *object = NULL, *again = NULL;
	_cleanup_free_ char *out = NULL;
	size_t len;

	assert_int_equal(wire_parse(TEXT(text), &object), 0);
	assert_int_equal(wire_encode(object, &out, &len), 0);
	assert_int_equal(len, sizeof(text));
	assert_memory_equal(out, text, sizeof(text));
	assert_int_equal(wire_parse(out, len - 1, &again), 0);
	assert_true(json_object_equal(object, again));
}

static void test_encode_refuses_what_json_lacks(void **state)
{
	static const struct {
		const char *string;
		double number;
		int r;
	} rows[] = {
		{.string = "\xff", .r = -EILSEQ},
		{.string = "cut \xe2\x82", .r = -EILSEQ},
		{.number = INFINITY, .r = -EINVAL},
		{.number = NAN, .r = -EINVAL},
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(json_object_putp) struct json_object *object = json_object_new_object();
		char *out = NULL;
		size_t len = 99;

		json_object_object_add(object, "a",
				       rows[i].string ? json_object_new_string(rows[i].string)
						      : json_object_new_double(rows[i].number));
		assert_int_equal(wire_encode(object, &out, &len), rows[i].r);
		assert_null(out);
		assert_int_equal(len, 99);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_framer_finds_messages_however_they_are_cut),
		cmocka_unit_test(test_framer_limit_is_the_longest_message),
		cmocka_unit_test(test_framer_looks_at_each_byte_once),
		cmocka_unit_test(test_parse_accepts_messages),
		cmocka_unit_test(test_parse_refuses_what_is_no_message),
		cmocka_unit_test(test_parse_limits_depth),
		cmocka_unit_test(test_parse_does_not_recurse_into_garbage),
		cmocka_unit_test(test_parse_limits_containers_in_requests_only),
		cmocka_unit_test(test_parse_reply_takes_nul_in_values_only),
		cmocka_unit_test(test_encode_writes_what_parse_reads),
		cmocka_unit_test(test_encode_refuses_what_json_lacks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
