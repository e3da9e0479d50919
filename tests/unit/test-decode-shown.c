/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Types that the kernel has none for, from a record to their text: alone, in arrays, and in records
 * that are too short. Records and texts lie in memory of their exact size.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cleanup.h"
#include "decode.h"
#include "random.h"

/* Behind the header of a record, and at an odd place */
enum { VALUE_AT = 9, VALUE_MAX = 64 };

static struct decoder *decoder_of(const char *type, unsigned int size, struct value_names *names)
{
	_cleanup_(probe_spec_done) struct probe_spec spec = PROBE_SPEC_INIT;
	struct event_format format;
	struct decoder *d = NULL;
	char text[256];

	snprintf(text, sizeof(text), "p:x vfs_read v=+0(%%di):%s", type);
	if (probe_spec_parse(text, &spec, NULL) < 0)
		fail_msg("%s", text);
	if (names) {
		spec.args[0].show = ARG_ENUM;
		spec.args[0].names = value_names_ref(names);
	}
	snprintf(text, sizeof(text), "ID: 1\n\tfield:u8 v;\toffset:%d;\tsize:%u;\tsigned:0;\n",
		 VALUE_AT, size);
	assert_int_equal(event_format_parse(text, &format), 0);
	assert_int_equal(decoder_new(&spec, &format, "x", "vfs_read+0x0", &d), 0);
	event_format_done(&format);
	return d;
}

/* What the first @len bytes of a record with @bytes in it come to, the value alone; the caller's */
static char *decode(const struct decoder *d, const void *bytes, unsigned int size, size_t len)
{
	static const char before[] = "\"args\":{\"v\":";
	const struct record_context context = {.seq = 1};
	size_t bound = decoder_bound(d, len, 0), n;
	_cleanup_free_ char *record = calloc(1, len), *out = malloc(bound);
	_cleanup_free_ char *value = malloc(DECODER_VALUE_MAX);
	char whole[VALUE_AT + VALUE_MAX] = "", *args;

	assert_true(record && out && value && size <= VALUE_MAX);
	memcpy(whole + VALUE_AT, bytes, size);
	memcpy(record, whole, len);
	n = decoder_write(d, record, len, &context, out);
	assert_in_range(n, 1, bound);
	args = memmem(out, n, before, sizeof(before) - 1);
	assert_non_null(args);
	args += sizeof(before) - 1;
	n = (size_t)(out + n - args) - 2;
	/* By itself it is the same. */
	assert_int_equal(decoder_write_value(d, 0, record, len, &context, value), n);
	assert_memory_equal(value, args, n);
	return strndup(args, n);
}

static void check(const char *type, const void *bytes, unsigned int size, const char *want)
{
	_cleanup_(decoder_freep) struct decoder *d = decoder_of(type, size, NULL);
	_cleanup_free_ char *text = decode(d, bytes, size, VALUE_AT + size);

	assert_string_equal(text, want);
}

static void check_number(const char *type, unsigned int size, uint64_t value, const char *want)
{
	check(type, &value, size, want);
}

static void test_errors(void **state)
{
	check_number("errno", 4, 0, "0");
	check_number("errno", 4, 3, "3");
	check_number("errno", 4, (uint64_t)-2, "\"-ENOENT\"");
	check_number("errno", 4, (uint64_t)-4095, "-4095");
	check_number("errno", 4, (uint64_t)-4096, "-4096");
	check_number("errno", 4, INT32_MAX, "2147483647");
	check_number("errno/8", 1, (uint64_t)-1, "\"-EPERM\"");
	check_number("errno/16", 2, (uint64_t)-512, "\"-ERESTARTSYS\"");
	check_number("errno/64", 8, (uint64_t)-22, "\"-EINVAL\"");
	check_number("errno/64", 8, 0xfffffffe, "4294967294");
	check_number("errno/64", 8, 0x8000000000000000, "-9223372036854775808");
}

static void test_truth(void **state)
{
	check_number("bool", 1, 0, "false");
	check_number("bool", 1, 1, "true");
	check_number("bool", 1, 0x80, "true");
	check_number("bool/32", 4, 0x100, "true");
	check_number("bool/64", 8, 1ULL << 63, "true");
	check_number("bool/64", 8, 0, "false");
}

static void test_files(void **state)
{
	check_number("mode", 2, 0100644, "\"0100644\"");
	check_number("mode", 2, 0, "\"0\"");
	check_number("mode/32", 4, 040755, "\"040755\"");
	check_number("dev", 4, 8 << 20 | 1, "\"8:1\"");
	check_number("dev", 4, UINT32_MAX, "\"4095:1048575\"");
	check_number("flags(open)", 4, 0101, "\"O_WRONLY|O_CREAT\"");
	check_number("flags(open)", 4, 0, "\"O_RDONLY\"");
	check_number("flags(open)/64", 8, 1ULL << 63, "\"O_RDONLY|0x8000000000000000\"");
	check_number("flags(prot)/8", 1, 3, "\"PROT_READ|PROT_WRITE\"");
	check_number("flags(mmap)/16", 2, 0x22, "\"MAP_PRIVATE|MAP_ANONYMOUS\"");
}

static void test_network(void **state)
{
	check("port", "\0\x50", 2, "80");
	check("port", "\xff\xff", 2, "65535");
	check("port", "\0\0", 2, "0");
	check("ip4", "\x7f\0\0\x01", 4, "\"127.0.0.1\"");
	check("ip4", "\xff\xff\xff\xff", 4, "\"255.255.255.255\"");
	check("ip6", "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01", 16, "\"::1\"");
	check("ip6", "\x20\x01\x0d\xb8\0\0\0\0\0\x01\0\0\0\0\0\x01", 16, "\"2001:db8::1:0:0:1\"");
	check("mac", "\x52\x54\0\x12\x34\x56", 6, "\"52:54:00:12:34:56\"");
}

static void test_arrays(void **state)
{
	check("errno[3]", "\0\0\0\0\xfe\xff\xff\xff\x07\0\0\0", 12, "[0,\"-ENOENT\",7]");
	check("bool[4]", "\0\1\2\0", 4, "[false,true,true,false]");
	check("mode[2]", "\xa4\x81\xed\x41", 4, "[\"0100644\",\"040755\"]");
	check("dev[2]", "\1\0\x80\0\0\0\x70\0", 8, "[\"8:1\",\"7:0\"]");
	check("port[2]", "\0\x16\x1f\x90", 4, "[22,8080]");
	check("ip4[2]", "\x0a\0\0\x01\x0a\0\0\x02", 8, "[\"10.0.0.1\",\"10.0.0.2\"]");
	check("ip4[1]", "\x0a\0\0\x01", 4, "[\"10.0.0.1\"]");
	check("ip6[2]",
	      "\xfe\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\xff\xff\x7f\0\0\x01", 32,
	      "[\"fe80::1\",\"::ffff:127.0.0.1\"]");
	check("mac[2]", "\1\2\3\4\5\6\xa\xb\xc\xd\xe\xf", 12,
	      "[\"01:02:03:04:05:06\",\"0a:0b:0c:0d:0e:0f\"]");
	check("flags(open)[2]", "\1\0\0\0\0\0\0\0", 8, "[\"O_WRONLY\",\"O_RDONLY\"]");
}

static void check_enum(const char *type, unsigned int size, uint64_t value, const char *want)
{
	static const struct value_name rows[] = {{0, "NONE"}, {1, "SOME"}, {-1, "NEGATIVE"}};
	struct value_names *names = NULL;
	struct decoder *d;
	char *text;

	assert_int_equal(value_names_new(rows, ARRAY_SIZE(rows), &names), 0);
	d = decoder_of(type, size, names);
	/* The decoder has a reference of its own. */
	value_names_unref(names);
	text = decode(d, &value, size, VALUE_AT + size);
	assert_string_equal(text, want);
	free(text);
	decoder_free(d);
}

static void test_enumerations(void **state)
{
	check_enum("u32", 4, 0, "\"NONE\"");
	check_enum("u32", 4, 1, "\"SOME\"");
	check_enum("u32", 4, 2, "2");
	check_enum("u32", 4, 0xffffffff, "4294967295");
	check_enum("s32", 4, 0xffffffff, "\"NEGATIVE\"");
	check_enum("s32", 4, 0xfffffffe, "-2");
	check_enum("s8", 1, 0xff, "\"NEGATIVE\"");
	check_enum("u64", 8, UINT64_MAX - 1, "18446744073709551614");
	check_enum("b3@2/16", 2, 1, "\"SOME\"");
	check_enum("u8[2]", 2, 0x0501, "[\"SOME\",5]");
}

static void test_what_is_no_value_is_refused(void **state)
{
	static const struct {
		const char *type;
		enum arg_show show;
	} rows[] = {
		{"u32", ARG_IP6},    {"u16", ARG_IP4},	 {"u32", ARG_PORT},	{"u8[6]", ARG_MAC},
		{"u64", ARG_DEVICE}, {"u32", ARG_FLAGS}, {"u32", ARG_ENUM + 1},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(probe_spec_done) struct probe_spec spec = PROBE_SPEC_INIT;
		struct event_format format;
		struct decoder *d = NULL;
		char text[64];

		snprintf(text, sizeof(text), "p:x vfs_read v=+0(%%di):%s", rows[i].type);
		assert_int_equal(probe_spec_parse(text, &spec, NULL), 0);
		spec.args[0].show = rows[i].show;
		assert_int_equal(
			event_format_parse("ID: 1\n\tfield:u8 v;\toffset:8;\tsize:64;\n", &format),
			0);
		assert_int_equal(decoder_new(&spec, &format, "x", "y", &d), -EBADMSG);
		event_format_done(&format);
	}
}

/* Every type with every length of the record, and with bytes of every kind */
static void test_any_record_stays_in_bounds(void **state)
{
	static const struct {
		const char *type;
		unsigned int size;
	} rows[] = {
		{"errno", 4},
		{"errno/64[8]", 64},
		{"bool[64]", 64},
		{"mode/64[8]", 64},
		{"dev[16]", 64},
		{"port[32]", 64},
		{"ip4[16]", 64},
		{"ip6[4]", 64},
		{"mac[10]", 60},
		{"flags(open)", 4},
		{"flags(clone)/64[8]", 64},
		{"flags(mmap)[16]", 64},
		{"flags(poll)[4]", 16},
	};
	struct random random = {77};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(decoder_freep) struct decoder *d =
			decoder_of(rows[i].type, rows[i].size, NULL);
		unsigned char bytes[VALUE_MAX];

		memset(bytes, 0xff, sizeof(bytes));
		for (size_t len = RECORD_HEADER_SIZE; len <= VALUE_AT + rows[i].size; len++)
			free(decode(d, bytes, rows[i].size, len));
		for (int j = 0; j < 500; j++) {
			for (size_t k = 0; k < sizeof(bytes); k++)
				bytes[k] = (unsigned char)random_next(&random);
			free(decode(d, bytes, rows[i].size, VALUE_AT + rows[i].size));
		}
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_truth),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_network),
		cmocka_unit_test(test_arrays),
		cmocka_unit_test(test_enumerations),
		cmocka_unit_test(test_what_is_no_value_is_refused),
		cmocka_unit_test(test_any_record_stays_in_bounds),
	};

	return cmocka_run_group_tests_name("decode-shown", tests, NULL, NULL);
}
