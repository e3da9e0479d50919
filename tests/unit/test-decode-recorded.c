/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Format files and a page as the kernels of Debian 12 (6.1) and 13 (6.12) wrote them, in guests in
 * which cat was run with two probes on do_sys_openat2 and options/stacktrace on.
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
#include <json-c/json.h>

#include "cleanup.h"
#include "decode.h"
#include "ring.h"

#define DEFINITION_A                                                                               \
	"p:a do_sys_openat2 a=%di:s32 b=+0(%si):ustring c=+0(%si):x8[4] d=+0(%sp):symbol "         \
	"f=+0(%bx):string"
#define DEFINITION_R "r8:rr do_sys_openat2 ret=$retval:s32"

#define COMMON                                                                                     \
	"format:\n"                                                                                \
	"\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n"                     \
	"\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;\n"                     \
	"\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;\n"             \
	"\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n"

/* Both kernels write the same, but for the number. */
#define FORMAT_A                                                                                   \
	COMMON                                                                                     \
	"\tfield:unsigned long __probe_ip;\toffset:8;\tsize:8;\tsigned:0;\n"                       \
	"\tfield:s32 a;\toffset:16;\tsize:4;\tsigned:1;\n"                                         \
	"\tfield:__data_loc char[] b;\toffset:20;\tsize:4;\tsigned:1;\n"                           \
	"\tfield:u8 c[];\toffset:24;\tsize:4;\tsigned:0;\n"                                        \
	"\tfield:u64 d;\toffset:28;\tsize:8;\tsigned:0;\n"                                         \
	"\tfield:__data_loc char[] f;\toffset:36;\tsize:4;\tsigned:1;\n"                           \
	"\tfield:__data_loc char[] __comm;\toffset:40;\tsize:4;\tsigned:1;\n\n"                    \
	"print fmt: \"(%lx) a=%d b=\\\"%s\\\" c={0x%x,0x%x,0x%x,0x%x} d=%pS\", "                   \
	"REC->__probe_ip, REC->a, __get_str(b), REC->c[0], REC->c[1], REC->c[2], REC->c[3], "      \
	"REC->d\n"

#define FORMAT_R                                                                                   \
	COMMON                                                                                     \
	"\tfield:unsigned long __probe_func;\toffset:8;\tsize:8;\tsigned:0;\n"                     \
	"\tfield:unsigned long __probe_ret_ip;\toffset:16;\tsize:8;\tsigned:0;\n"                  \
	"\tfield:s32 ret;\toffset:24;\tsize:4;\tsigned:1;\n"                                       \
	"\tfield:__data_loc char[] __comm;\toffset:28;\tsize:4;\tsigned:1;\n\n"                    \
	"print fmt: \"(%lx <- %lx) ret=%d\", REC->__probe_func, REC->__probe_ret_ip, REC->ret\n"

static const char format_stack[] =
	"name: kernel_stack\nID: 4\n" COMMON "\tfield:int size;\toffset:8;\tsize:4;\tsigned:1;\n"
	"\tfield:unsigned long caller[8];\toffset:16;\tsize:64;\tsigned:0;\n\n"
	"print fmt: \"\\t=> %ps\\n\", (void *)REC->caller[0]\n";

static void assert_field(const struct event_format *format, size_t i, const char *name,
			 unsigned int offset, unsigned int size)
{
	assert_true(i < format->n_fields);
	assert_string_equal(format->fields[i].name, name);
	assert_int_equal(format->fields[i].offset, offset);
	assert_int_equal(format->fields[i].size, size);
}

static void parse_format(const char *text, unsigned int id, struct event_format *ret)
{
	char buf[4096];

	snprintf(buf, sizeof(buf), "name: x\nID: %u\n%s", id, text);
	assert_int_equal(event_format_parse(buf, ret), 0);
	assert_int_equal(ret->id, id);
}

static void test_formats_are_parsed(void **state)
{
	struct event_format format;

	parse_format(FORMAT_A, 1472, &format);
	assert_int_equal(format.n_fields, 11);
	assert_field(&format, 0, "common_type", 0, 2);
	assert_field(&format, 3, "common_pid", 4, 4);
	assert_field(&format, 5, "a", 16, 4);
	assert_field(&format, 6, "b", 20, 4);
	assert_field(&format, 7, "c", 24, 4);
	assert_field(&format, 10, "__comm", 40, 4);
	event_format_done(&format);

	parse_format(FORMAT_R, 1, &format);
	assert_field(&format, 5, "__probe_ret_ip", 16, 8);
	event_format_done(&format);

	assert_int_equal(event_format_parse(format_stack, &format), 0);
	assert_int_equal(format.id, 4);
	assert_field(&format, 4, "size", 8, 4);
	assert_field(&format, 5, "caller", 16, 64);
	event_format_done(&format);
	/* Twice is once. */
	event_format_done(&format);
}

static void test_array_fields_are_parsed(void **state)
{
	struct event_format format;

	assert_int_equal(event_format_parse(
				 "name: x\nID: 7\n" COMMON
				 "\tfield:__data_loc char[][3] d;\toffset:8;\tsize:12;\tsigned:1;\n"
				 "\tfield:u8 c[4];\toffset:20;\tsize:4;\tsigned:0;\n"
				 "\tfield:u64 e[2];\toffset:24;\tsize:16;\tsigned:0;\n",
				 &format),
			 0);
	assert_field(&format, 4, "d", 8, 12);
	assert_field(&format, 5, "c", 20, 4);
	assert_field(&format, 6, "e", 24, 16);
	event_format_done(&format);
}

static void test_what_is_no_format_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"name: x\n",
		"ID: 5\n",
		"ID: 5\nformat:\n",
		"ID: 0\n" COMMON,
		"ID: 65536\n" COMMON,
		"ID: x\n" COMMON,
		COMMON,
		"ID: 5\n\tfield:",
		"ID: 5\n\tfield:int a",
		"ID: 5\n\tfield:int a;\n",
		"ID: 5\n\tfield:int a;\toffset:1;\n",
		"ID: 5\n\tfield:int a;\tsize:1;\toffset:1;\n",
		"ID: 5\n\tfield:;\toffset:1;\tsize:1;\n",
		"ID: 5\n\tfield:int ;\toffset:1;\tsize:1;\n",
		"ID: 5\n\tfield:int a];\toffset:1;\tsize:1;\n",
		"ID: 5\n\tfield:int [4];\toffset:1;\tsize:1;\n",
		"ID: 5\n\tfield:int "
		"a123456789b123456789c123456789d123456789e123456789f123456789abcd;"
		"\toffset:1;\tsize:1;\n",
	};
	struct event_format format = {.id = 99};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (event_format_parse(bad[i], &format) != -EBADMSG)
			fail_msg("taken: %s", bad[i]);
	assert_int_equal(format.id, 99);
}

static void test_fields_are_limited(void **state)
{
	_cleanup_free_ char *text = malloc(1 << 20);
	struct event_format format;
	char *p = text;

	p += sprintf(p, "ID: 5\n");
	for (int i = 0; i < 10000; i++)
		p += sprintf(p, "\tfield:int a%d;\toffset:1;\tsize:1;\n", i);
	assert_int_equal(event_format_parse(text, &format), -EBADMSG);
}

struct recorded {
	unsigned int id; /* of the entry probe; the return probe has the next one */
	const char *file;
	/* The first of each */
	const char *a, *r;
	unsigned int n_a, n_r;
};

static struct decoder *make_decoder(const char *definition, const char *format_text,
				    unsigned int id)
{
	struct event_format format;
	struct probe_spec spec;
	struct decoder *d;

	assert_int_equal(probe_spec_parse(definition, &spec, NULL), 0);
	parse_format(format_text, id, &format);
	assert_int_equal(decoder_new(&spec, &format, spec.name, "do_sys_openat2+0x0", &d), 0);
	event_format_done(&format);
	probe_spec_done(&spec);
	return d;
}

/* What of an event does not depend on the hour: its args, as json-c writes them, and the comm. */
static void check_event(const struct decoder *d, const struct ring_record *record, const char *want)
{
	const struct record_context context = {.seq = 1, .ts = record->ts, .cpu = 0};
	_cleanup_free_ char *out = malloc(decoder_bound(d, record->len, 0));
	struct json_object *o, *args;
	struct json_tokener *tokener = json_tokener_new();
	char got[512];
	size_t n;

	n = decoder_write(d, record->data, record->len, &context, out);
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	o = json_tokener_parse_ex(tokener, out, (int)n);
	assert_non_null(o);
	assert_int_equal(json_object_get_uint64(json_object_object_get(o, "ts")), record->ts);
	args = json_object_object_get(o, "args");
	snprintf(got, sizeof(got), "%s %s",
		 json_object_get_string(json_object_object_get(o, "comm")),
		 json_object_to_json_string_ext(args, JSON_C_TO_STRING_PLAIN |
							      JSON_C_TO_STRING_NOSLASHESCAPE));
	if (want)
		assert_string_equal(got, want);
	json_object_put(o);
	json_tokener_free(tokener);
}

static void check_recorded(const struct recorded *want)
{
	struct decoder *a = make_decoder(DEFINITION_A, FORMAT_A, want->id);
	struct decoder *r = make_decoder(DEFINITION_R, FORMAT_R, want->id + 1);
	unsigned int n_a = 0, n_r = 0;
	unsigned char page[4096];
	struct ring_record record;
	struct ring_loss loss;
	struct ring_iter it;
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", TEST_DATA, want->file);
	f = fopen(path, "re");
	assert_non_null(f);
	assert_int_equal(fread(page, 1, sizeof(page), f), sizeof(page));
	fclose(f);
	assert_int_equal(ring_iter_init(&it, page, sizeof(page), &loss), 0);
	while (ring_iter_next(&it, &record) == 1) {
		uint16_t type;

		memcpy(&type, record.data, sizeof(type));
		if (type == want->id)
			check_event(a, &record, n_a++ == 0 ? want->a : NULL);
		else if (type == want->id + 1)
			check_event(r, &record, n_r++ == 0 ? want->r : NULL);
		else
			assert_int_equal(type, 4);
	}
	assert_int_equal(n_a, want->n_a);
	assert_int_equal(n_r, want->n_r);
	decoder_free(a);
	decoder_free(r);
}

static void test_recorded_pages_are_decoded(void **state)
{
	static const struct recorded recorded[] = {
		{1472, "page-6.1",
		 "cat {\"a\":-100,\"b\":\"/etc/ld.so.cache\",\"c\":[\"0x2f\",\"0x65\",\"0x74\","
		 "\"0x63\"],\"d\":\"0xffffffff88c76930\",\"f\":"
		 "\"\\\\xb8\\\\xc6X\\\\xbf\\\\xbd\x7f\"}",
		 "cat {\"ret\":3}", 18, 18},
		{1630, "page-6.12",
		 "systemd-udevd {\"a\":-100,\"b\":\"/\",\"c\":[\"0x2f\",\"0x0\",\"0x20\",\"0x28\"],"
		 "\"d\":\"0xffffffffb4442c45\",\"f\":\"\"}",
		 "bash {\"ret\":3}", 18, 16},
	};

	for (size_t i = 0; i < ARRAY_SIZE(recorded); i++)
		check_recorded(&recorded[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_formats_are_parsed),
		cmocka_unit_test(test_array_fields_are_parsed),
		cmocka_unit_test(test_what_is_no_format_is_refused),
		cmocka_unit_test(test_fields_are_limited),
		cmocka_unit_test(test_recorded_pages_are_decoded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
