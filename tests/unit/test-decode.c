/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Records to JSON: every type against what it must become, and records that are not what the format
 * says. Texts are written into exactly the room that decoder_bound() asks for, and records lie in
 * memory of their exact size, so that the sanitizer sees a byte too far.
 */
#include <errno.h>
#include <inttypes.h>
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
#include "decode.h"
#include "random.h"
#include "ring.h"

/* A definition, and the record and the format that the kernel would make of it. */
struct probe_fixture {
	struct probe_spec spec;
	struct event_format format;
	struct decoder *decoder;
	char text[16384];
	unsigned char record[4096];
	size_t len;
};

/* The next field lies at the end of the record, which grows by @size. Returns its place. */
static unsigned int add_field(struct probe_fixture *f, const char *declaration, unsigned int size)
{
	unsigned int offset = (unsigned int)f->len;

	sprintf(f->text + strlen(f->text), "\tfield:%s;\toffset:%u;\tsize:%u;\tsigned:0;\n",
		declaration, offset, size);
	f->len += size;
	return offset;
}

static struct probe_fixture *fixture_new(const char *definition)
{
	struct probe_fixture *f = calloc(1, sizeof(*f));
	struct kp_error error = KP_ERROR_INIT;
	const int32_t pid = -7;

	assert_non_null(f);
	if (probe_spec_parse(definition, &f->spec, &error) < 0)
		fail_msg("%s: %s", definition, error.message);
	strcpy(f->text, "name: x\nID: 100\nformat:\n");
	add_field(f, "unsigned short common_type", 2);
	add_field(f, "unsigned char common_flags", 1);
	add_field(f, "unsigned char common_preempt_count", 1);
	add_field(f, "int common_pid", 4);
	memcpy(f->record + RECORD_PID_OFFSET, &pid, sizeof(pid));
	return f;
}

static int compile(struct probe_fixture *f)
{
	assert_int_equal(event_format_parse(f->text, &f->format), 0);
	return decoder_new(&f->spec, &f->format, "opens", "do_sys_openat2+0x0", &f->decoder);
}

static void fixture_free(struct probe_fixture *f)
{
	if (f->decoder)
		decoder_free(f->decoder);
	event_format_done(&f->format);
	probe_spec_done(&f->spec);
	free(f);
}

/* Bytes at the end of the record, and the __data_loc at @offset that points at them. */
static void add_string(struct probe_fixture *f, unsigned int offset, const void *s, size_t n)
{
	uint32_t loc = (uint32_t)n << 16 | (uint32_t)f->len;

	memcpy(f->record + offset, &loc, sizeof(loc));
	memcpy(f->record + f->len, s, n);
	f->len += n;
}

static struct json_object *parse_strictly(const char *text, size_t len)
{
	struct json_tokener *tokener = json_tokener_new();
	struct json_object *o;

	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	o = json_tokener_parse_ex(tokener, text, (int)len);
	if (!o || json_tokener_get_parse_end(tokener) != len)
		fail_msg("no JSON: %.*s", (int)len, text);
	json_tokener_free(tokener);
	return o;
}

/* The event as text, terminated; the caller's. */
static char *decode_text(const struct decoder *d, const void *record, size_t len,
			 const struct stack_record *stack, struct symbols *symbols)
{
	const struct record_context context = {
		.seq = UINT64_MAX,
		.ts = 12345678901234567890U,
		.cpu = UINT32_MAX,
		.stack = stack,
		.symbols = symbols,
	};
	size_t bound = decoder_bound(d, len, stack ? stack->n : 0), n;
	_cleanup_free_ unsigned char *copy = malloc(len);
	_cleanup_free_ char *out = malloc(bound);

	assert_true(copy && out);
	memcpy(copy, record, len);
	n = decoder_write(d, copy, len, &context, out);
	assert_in_range(n, 1, bound);
	json_object_put(parse_strictly(out, n));
	return strndup(out, n);
}

static void assert_decoded_with(struct probe_fixture *f, const struct stack_record *stack,
				struct symbols *symbols, const char *want_tail)
{
	static const char head[] = "{\"seq\":18446744073709551615,\"ts\":12345678901234567890,"
				   "\"cpu\":4294967295,\"tid\":-7,\"comm\":\"";
	_cleanup_free_ char *text = decode_text(f->decoder, f->record, f->len, stack, symbols);

	assert_memory_equal(text, head, sizeof(head) - 1);
	assert_string_equal(text + sizeof(head) - 1, want_tail);
}

/* The "args" of the event. */
static void assert_args(struct probe_fixture *f, const char *want)
{
	char tail[2048];

	snprintf(tail, sizeof(tail),
		 "\",\"probe\":\"opens\",\"site\":\"do_sys_openat2+0x0\",\"args\":{%s}}", want);
	assert_decoded_with(f, NULL, NULL, tail);
}

static void check_type(const char *type, unsigned int size, uint64_t value, const char *want)
{
	struct probe_fixture *f;
	char definition[64], args[128];
	unsigned int offset;

	snprintf(definition, sizeof(definition), "p:x vfs_read v=%%di:%s", type);
	f = fixture_new(definition);
	add_field(f, "u8 odd", 1); /* nothing is aligned */
	offset = add_field(f, "u64 v", size);
	assert_int_equal(compile(f), 0);
	memcpy(f->record + offset, &value, size);
	snprintf(args, sizeof(args), "\"v\":%s", want);
	assert_args(f, args);
	fixture_free(f);
}

static void test_every_integer_type(void **state)
{
	static const uint64_t values[] = {
		0,	    1,
		9,	    10,
		0x7f,	    0x80,
		0xff,	    0x7fff,
		0x8000,	    0xffff,
		0x7fffffff, 0x80000000,
		0xffffffff, INT64_MAX,
		1234567,    (uint64_t)INT64_MIN,
		UINT64_MAX, 0x123456789abcdef0,
	};

	for (size_t i = 0; i < ARRAY_SIZE(values); i++)
		for (unsigned int size = 1; size <= 8; size *= 2) {
			uint64_t v = size == 8 ? values[i] : values[i] & ((1ULL << 8 * size) - 1);
			int64_t s = (int64_t)(v << (64 - 8 * size)) >> (64 - 8 * size);
			char type[8], want[32];

			snprintf(type, sizeof(type), "u%u", 8 * size);
			snprintf(want, sizeof(want), "%" PRIu64, v);
			check_type(type, size, v, want);
			snprintf(type, sizeof(type), "s%u", 8 * size);
			snprintf(want, sizeof(want), "%" PRId64, s);
			check_type(type, size, v, want);
			snprintf(type, sizeof(type), "x%u", 8 * size);
			snprintf(want, sizeof(want), "\"0x%" PRIx64 "\"", v);
			check_type(type, size, v, want);
		}
}

static void test_characters_and_symbols(void **state)
{
	check_type("char", 1, 'A', "\"A\"");
	check_type("char", 1, '"', "\"\\\"\"");
	check_type("char", 1, '\n', "\"\\n\"");
	check_type("char", 1, 0, "\"\"");
	check_type("char", 1, 0xe4, "\"\\\\xe4\"");
	check_type("symbol", 8, 0xffffffff81000000, "\"0xffffffff81000000\"");
}

static void test_arrays(void **state)
{
	struct probe_fixture *f = fixture_new(
		"p:x vfs_read n=+0(%si):u16[4] s=+0(%si):s8[3] x=+0(%si):x8[1] c=+0(%si):char[3]");
	static const uint16_t n[] = {1, 2, 65535, 0};
	unsigned int at;

	at = add_field(f, "u16 n[4]", 8);
	memcpy(f->record + at, n, sizeof(n));
	at = add_field(f, "s8 s[3]", 3);
	memcpy(f->record + at, "\xff\x00\x7f", 3);
	at = add_field(f, "u8 x[]", 1); /* as 6.1 writes it */
	f->record[at] = 0x2f;
	at = add_field(f, "char c[3]", 3);
	memcpy(f->record + at, "a\0\"", 3);
	assert_int_equal(compile(f), 0);
	assert_args(f, "\"n\":[1,2,65535,0],\"s\":[-1,0,127],\"x\":[\"0x2f\"],"
		       "\"c\":[\"a\",\"\",\"\\\"\"]");
	fixture_free(f);
}

static void check_string(const char *s, size_t n, const char *want)
{
	struct probe_fixture *f = fixture_new("p:x vfs_read s=+0(%si):string");
	unsigned int at = add_field(f, "__data_loc char[] s", 4);
	char args[256];

	assert_int_equal(compile(f), 0);
	add_string(f, at, s, n);
	snprintf(args, sizeof(args), "\"s\":%s", want);
	assert_args(f, args);
	fixture_free(f);
}

static void test_strings(void **state)
{
	check_string("/etc/passwd", 12, "\"/etc/passwd\"");
	check_string("", 1, "\"\"");
	check_string("no end", 6, "\"no end\"");
	check_string("cut\0off", 8, "\"cut\"");
	check_string("\"\\\n\xff\xc3\xa4", 7, "\"\\\"\\\\\\n\\\\xff\xc3\xa4\"");
	/* What could not be read: until 6.5, and from then on */
	check_string("", 0, "null");
	check_string("(fault)", 8, "null");
	check_string("(fault) not", 12, "\"(fault) not\"");
}

/* Where each of four strings begins and ends, and what is shown. */
static void check_places(const uint32_t locs[4], const char *want)
{
	struct probe_fixture *f = fixture_new(
		"p:x vfs_read s=+0(%si):string n=%si t=+0(+0(%di)):string[2] u=+0(%dx):string");
	struct decoder_field field;
	struct span text;

	add_field(f, "__data_loc char[] s", 4);
	add_field(f, "u64 n", 8);
	add_field(f, "__data_loc char[] t[2]", 8);
	add_field(f, "__data_loc char[] u", 4);
	assert_int_equal(compile(f), 0);
	assert_int_equal(f->len, 32);
	memcpy(f->record + 8, &locs[0], 4);
	memcpy(f->record + 20, &locs[1], 8);
	memcpy(f->record + 28, &locs[3], 4);
	memcpy(f->record + 32, "one\0two\0six\0cat", 16);
	f->len = 48;
	assert_args(f, want);
	assert_true(decoder_field(f->decoder, 0, &field));
	assert_int_equal(decoder_string(f->record, f->len, field.offset, field.next, &text),
			 !strstr(want, "\"s\":null"));
	fixture_free(f);
}

/* Where a pointer on the way could not be followed, 6.5 and later leave what was prepared. */
static void test_overlapped_strings(void **state)
{
#define AT(offset, size) ((uint32_t)(size) << 16 | (offset))
	static const uint32_t all[] = {AT(32, 4), AT(36, 4), AT(40, 4), AT(44, 4)};
	static const uint32_t not_s[] = {AT(32, 16), AT(32, 4), AT(36, 4), AT(40, 4)};
	/* As the room was reckoned without it, it may have the length of the one in its place. */
	static const uint32_t not_t[] = {AT(32, 4), AT(36, 4), AT(0x7777, 9), AT(36, 4)};
	static const uint32_t no_element[] = {AT(32, 4), AT(36, 4), AT(40, 0), AT(40, 4)};
	static const uint32_t second[] = {AT(32, 4), AT(36, 4), AT(40, 8), AT(36, 4)};
	static const uint32_t none[] = {AT(32, 4), AT(32, 4), AT(32, 4), AT(32, 4)};

	check_places(all, "\"s\":\"one\",\"n\":\"0x0\",\"t\":[\"two\",\"six\"],\"u\":\"cat\"");
	check_places(not_s, "\"s\":null,\"n\":\"0x0\",\"t\":[\"one\",\"two\"],\"u\":\"six\"");
	check_places(not_t, "\"s\":\"one\",\"n\":\"0x0\",\"t\":[null,null],\"u\":\"two\"");
	check_places(no_element, "\"s\":\"one\",\"n\":\"0x0\",\"t\":[\"two\",null],\"u\":\"six\"");
	check_places(second, "\"s\":\"one\",\"n\":\"0x0\",\"t\":[null,null],\"u\":\"two\"");
	check_places(none, "\"s\":null,\"n\":\"0x0\",\"t\":[null,null],\"u\":\"one\"");
#undef AT
}

static void check_location(uint32_t loc, const char *want)
{
	struct probe_fixture *f = fixture_new("p:x vfs_read s=+0(%si):string");
	unsigned int at = add_field(f, "__data_loc char[] s", 4);
	char args[64];

	assert_int_equal(compile(f), 0);
	add_string(f, at, "abcdefgh", 8);
	assert_int_equal(f->len, 20);
	memcpy(f->record + at, &loc, sizeof(loc));
	snprintf(args, sizeof(args), "\"s\":%s", want);
	assert_args(f, args);
	fixture_free(f);
}

static void test_strings_outside_of_the_record_are_null(void **state)
{
	check_location(8 << 16 | 12, "\"abcdefgh\"");
	check_location(9 << 16 | 12, "null");
	check_location(1 << 16 | 19, "\"h\"");
	check_location(1 << 16 | 20, "null");
	check_location(0 << 16 | 20, "null");
	check_location(1 << 16 | 21, "null");
	check_location(0xffffU << 16 | 12, "null");
	check_location(1 << 16 | 0xffff, "null");
	check_location(UINT32_MAX, "null");
}

static void test_arrays_of_strings(void **state)
{
	struct probe_fixture *f = fixture_new("p:x vfs_read s=+0(+0(%si)):string[3]");
	unsigned int at = add_field(f, "__data_loc char[][3] s", 12);

	assert_int_equal(compile(f), 0);
	add_string(f, at, "one", 4);
	add_string(f, at + 4, "", 0);
	add_string(f, at + 8, "three", 6);
	assert_args(f, "\"s\":[\"one\",null,\"three\"]");
	fixture_free(f);
}

static void test_comm_is_taken_from_its_argument(void **state)
{
	struct probe_fixture *f = fixture_new("p:x vfs_read n=%di:u8");
	unsigned int at;

	add_field(f, "u8 n", 1);
	at = add_field(f, "__data_loc char[] " COMM_FIELD, 4);
	assert_int_equal(compile(f), 0);
	add_string(f, at, "a\"b\xff", 5);
	assert_decoded_with(f, NULL, NULL,
			    "a\\\"b\\\\xff\",\"probe\":\"opens\",\"site\":\"do_sys_openat2+0x0\","
			    "\"args\":{\"n\":0}}");
	/* It points nowhere. */
	memset(f->record + at, 0xff, 4);
	assert_args(f, "\"n\":0");
	fixture_free(f);
}

static struct symbols *load_symbols(void)
{
	char path[] = "/tmp/test-decode-XXXXXX";
	int fd = mkstemp(path);
	struct symbols *s;

	assert_true(fd >= 0);
	assert_int_equal(dprintf(fd, "ffffffff81000000 T vfs_read\nffffffff81000100 T vfs_write\n"),
			 57);
	assert_int_equal(symbols_load(path, &s), 0);
	close(fd);
	unlink(path);
	return s;
}

static void test_return_probe_has_its_caller(void **state)
{
	const uint64_t caller = 0xffffffff81000104;
	struct probe_fixture *f = fixture_new("r:x vfs_read ret=$retval:s32");
	struct symbols *symbols = load_symbols();
	unsigned int at;

	add_field(f, "unsigned long __probe_func", 8);
	at = add_field(f, "unsigned long __probe_ret_ip", 8);
	memcpy(f->record + at, &caller, sizeof(caller));
	at = add_field(f, "s32 ret", 4);
	memset(f->record + at, 0xff, 4);
	assert_int_equal(compile(f), 0);
	assert_decoded_with(f, NULL, symbols,
			    "\",\"probe\":\"opens\",\"site\":\"do_sys_openat2+0x0\","
			    "\"caller\":\"vfs_write+0x4\",\"args\":{\"ret\":-1}}");
	assert_decoded_with(f, NULL, NULL,
			    "\",\"probe\":\"opens\",\"site\":\"do_sys_openat2+0x0\","
			    "\"caller\":\"0xffffffff81000104\",\"args\":{\"ret\":-1}}");
	symbols_free(symbols);
	fixture_free(f);
}

static void test_stacks(void **state)
{
	const uint64_t addresses[] = {0xffffffff81000000, 0xffffffff81000123, 5};
	struct stack_record stack = {addresses, 3};
	struct probe_fixture *f = fixture_new("p:x vfs_read");
	struct symbols *symbols = load_symbols();

	assert_int_equal(compile(f), 0);
	assert_decoded_with(f, &stack, symbols,
			    "\",\"probe\":\"opens\",\"site\":\"do_sys_openat2+0x0\",\"args\":{},"
			    "\"stack\":[\"vfs_read+0x0\",\"vfs_write+0x23\",\"0x5\"]}");
	stack.n = 0;
	assert_decoded_with(f, &stack, symbols,
			    "\",\"probe\":\"opens\",\"site\":\"do_sys_openat2+0x0\",\"args\":{},"
			    "\"stack\":[]}");
	symbols_free(symbols);
	fixture_free(f);
}

static void test_names_are_escaped(void **state)
{
	struct probe_fixture *f = fixture_new("p:x vfs_read");
	_cleanup_free_ char *text = NULL;

	assert_int_equal(event_format_parse(f->text, &f->format), 0);
	assert_int_equal(decoder_new(&f->spec, &f->format, "a\"b", "c\\d", &f->decoder), 0);
	text = decode_text(f->decoder, f->record, f->len, NULL, NULL);
	assert_non_null(strstr(text, "\"probe\":\"a\\\"b\",\"site\":\"c\\\\d\",\"args\":{}}"));
	fixture_free(f);
}

static void check_refused(const char *definition, const char *declaration, unsigned int size)
{
	struct probe_fixture *f = fixture_new(definition);

	add_field(f, declaration, size);
	if (compile(f) != -EBADMSG)
		fail_msg("%s with %u bytes of %s was taken", definition, size, declaration);
	fixture_free(f);
}

static void test_format_that_does_not_fit_is_refused(void **state)
{
	check_refused("p:x vfs_read n=%di:u32", "u32 other", 4);
	check_refused("p:x vfs_read n=%di:u32", "u32 n", 3);
	check_refused("p:x vfs_read n=+0(%di):u32[4]", "u32 n[4]", 15);
	check_refused("p:x vfs_read n=+0(%di):string", "__data_loc char[] n", 3);
	check_refused("p:x vfs_read n=+0(+0(%di)):string[3]", "__data_loc char[][3] n", 11);
}

/* All kinds of fields, for what may lie in a record. */
static struct probe_fixture *all_kinds(void)
{
	struct probe_fixture *f = fixture_new(
		"r:x vfs_read a=+0(%di):u8 b=+0(%di):s16 c=+0(%di):x32 d=+0(%di):u64 e=+0(%di):s64 "
		"f=+0(%di):char g=+0(%di):symbol h=+0(%di):string i=+0(%di):u16[5] "
		"j=+0(+0(%di)):string[7] k=+0(%di):x64[3] l=+0(%di):symbol[2] m=+0(%di):string");

	add_field(f, "unsigned long __probe_func", 8);
	add_field(f, "unsigned long __probe_ret_ip", 8);
	add_field(f, "u8 a", 1);
	add_field(f, "s16 b", 2);
	add_field(f, "u32 c", 4);
	add_field(f, "u64 d", 8);
	add_field(f, "s64 e", 8);
	add_field(f, "char f", 1);
	add_field(f, "u64 g", 8);
	add_field(f, "__data_loc char[] h", 4);
	add_field(f, "u16 i[5]", 10);
	add_field(f, "__data_loc char[][7] j", 28);
	add_field(f, "u64 k[3]", 24);
	add_field(f, "u64 l[2]", 16);
	add_field(f, "__data_loc char[] m", 4);
	add_field(f, "__data_loc char[] " COMM_FIELD, 4);
	assert_int_equal(compile(f), 0);
	return f;
}

static void test_records_of_any_length_are_decoded_in_bounds(void **state)
{
	struct probe_fixture *f = all_kinds();
	struct symbols *symbols = load_symbols();

	for (int fill = 0; fill < 256; fill += 51) {
		memset(f->record, fill, sizeof(f->record));
		for (size_t len = RECORD_HEADER_SIZE; len < f->len + 50; len++)
			free(decode_text(f->decoder, f->record, len, NULL, symbols));
	}
	symbols_free(symbols);
	fixture_free(f);
}

static void test_random_records_are_decoded_in_bounds(void **state)
{
	struct probe_fixture *f = all_kinds();
	struct random random = {31};
	uint64_t addresses[20];
	struct stack_record stack = {addresses, 0};

	for (int i = 0; i < 5000; i++) {
		size_t len = RECORD_HEADER_SIZE + random_below(&random, 500);

		for (size_t k = 0; k < len; k++)
			f->record[k] = (unsigned char)random_next(&random);
		/* Locations that can be: 16-bit pairs of small numbers */
		for (size_t k = 60; k + 2 <= len && i % 2; k += 2)
			f->record[k + 1] = 0;
		for (size_t k = 0; k < ARRAY_SIZE(addresses); k++)
			addresses[k] = random_next(&random);
		stack.n = random_below(&random, ARRAY_SIZE(addresses) + 1);
		free(decode_text(f->decoder, f->record, len, &stack, NULL));
	}
	fixture_free(f);
}

/* All strings are the same bytes, and every one of those takes the most room. */
static void test_overlapping_strings_stay_within_the_bound(void **state)
{
	char definition[4096] = "p:x vfs_read";
	struct probe_fixture *f;

	for (int i = 0; i < 60; i++)
		sprintf(definition + strlen(definition), " s%d=+0(%%di):string", i);
	f = fixture_new(definition);
	for (int i = 0; i < 60; i++) {
		char declaration[64];

		snprintf(declaration, sizeof(declaration), "__data_loc char[] s%d", i);
		add_field(f, declaration, 4);
	}
	add_field(f, "__data_loc char[] " COMM_FIELD, 4);
	assert_int_equal(compile(f), 0);
	for (size_t n = 1; n <= 3000; n += 307) {
		uint32_t loc;

		f->len = 8 + 61 * 4 + n;
		memset(f->record + 8, 1, f->len - 8);
		/* Whole, or a piece that fits several times */
		loc = (uint32_t)(n % 2 ? n : n / 5) << 16 | (8 + 61 * 4);
		for (size_t i = 0; i < 61; i++)
			memcpy(f->record + 8 + 4 * i, &loc, sizeof(loc));
		free(decode_text(f->decoder, f->record, f->len, NULL, NULL));
	}
	fixture_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_integer_type),
		cmocka_unit_test(test_characters_and_symbols),
		cmocka_unit_test(test_arrays),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_overlapped_strings),
		cmocka_unit_test(test_strings_outside_of_the_record_are_null),
		cmocka_unit_test(test_arrays_of_strings),
		cmocka_unit_test(test_comm_is_taken_from_its_argument),
		cmocka_unit_test(test_return_probe_has_its_caller),
		cmocka_unit_test(test_stacks),
		cmocka_unit_test(test_names_are_escaped),
		cmocka_unit_test(test_format_that_does_not_fit_is_refused),
		cmocka_unit_test(test_records_of_any_length_are_decoded_in_bounds),
		cmocka_unit_test(test_random_records_are_decoded_in_bounds),
		cmocka_unit_test(test_overlapping_strings_stay_within_the_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
