/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Records of the helper module to JSON and against filters: what calls add, both parts, what could
 * not be read, and records that are not what they should be.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "btf-compile.h"
#include "btf-world.h"
#include "cleanup.h"
#include "filter-eval.h"
#include "filter-text.h"
#include "hit-record.h"
#include "random.h"

struct probe_fixture {
	struct probe_spec spec;
	struct helper_program program;
	struct event_format format;
	struct decoder *decoder;
	struct hit_record hit;
};

/* @store NULL: no types are known. */
static void fixture_init(struct probe_fixture *f, struct btf_store *store, const char *definition)
{
	struct kp_error e = KP_ERROR_INIT;

	memset(f, 0, sizeof(*f));
	if (probe_spec_parse(definition, &f->spec, &e) < 0)
		fail_msg("%s: %s", definition, e.message);
	if (store && btf_compile_spec(&f->spec, store, NULL, f->spec.symbol, &e) < 0)
		fail_msg("%s: %s", definition, e.message);
	if (helper_program_compile(&f->spec, &f->program, &e) < 0)
		fail_msg("%s: %s", definition, e.message);
	assert_int_equal(event_format_parse(hit_format, &f->format), 0);
	assert_int_equal(decoder_new_hit(&f->spec, &f->program, &f->format, "walks", "walk+0x0",
					 &f->decoder),
			 0);
	hit_begin(&f->hit, &f->program, "cat");
	hit_set(&f->hit, RECORD_PID_OFFSET, 412, 4);
	hit_set(&f->hit, HIT_PID, 400, 4);
}

static void fixture_done(struct probe_fixture *f)
{
	decoder_free(f->decoder);
	event_format_done(&f->format);
	helper_program_done(&f->program);
	probe_spec_done(&f->spec);
}

static const struct record_context context = {.seq = 7, .ts = 81234567890, .cpu = 1};

/* Written into exactly the room asked for, from a copy of its exact size. */
static char *decode(const struct probe_fixture *f, size_t len)
{
	size_t bound = decoder_bound(f->decoder, len, 0), n;
	_cleanup_free_ unsigned char *copy = malloc(len);
	_cleanup_free_ char *out = malloc(bound);

	assert_true(copy && out);
	memcpy(copy, f->hit.bytes, len);
	n = decoder_write(f->decoder, copy, len, &context, out);
	assert_in_range(n, 1, bound);
	return strndup(out, n);
}

static void assert_event(struct probe_fixture *f, const char *want)
{
	_cleanup_free_ char *text = NULL;

	hit_finish(&f->hit);
	text = decode(f, f->hit.len);
	assert_string_equal(text, want);
}

static void test_a_call_is_one_event(void **state)
{
	struct probe_fixture f;

	fixture_init(&f, *state, "c:walks walk");
	hit_put(&f.hit, 0, 0, &(uint64_t){0xffff888001020304});
	hit_put(&f.hit, 1, 0, &(int32_t){-3});
	hit_put_string(&f.hit, 2, 0, "/etc/passwd", 12);
	hit_put(&f.hit, 3, 0, "\1");
	hit_put(&f.hit, 4, 0, &(uint16_t){0644});
	hit_put(&f.hit, 5, 0, &(uint32_t){1000});
	hit_put(&f.hit, 6, 0, &(uint32_t){7});
	hit_put(&f.hit, 7, 0, &(uint64_t){1});
	hit_put(&f.hit, 7, 1, &(uint64_t){2});
	hit_set(&f.hit, HIT_TIME, 12345, 8);
	/* What is above the width of an int is anything. */
	hit_set(&f.hit, HIT_RET, 0x12345678fffffffe, 8);
	hit_set(&f.hit, HIT_CALLER, 0xffffffff81000010, 8);
	assert_event(&f, "{\"seq\":7,\"ts\":81234567890,\"cpu\":1,\"tid\":412,\"pid\":400,"
			 "\"comm\":\"cat\",\"probe\":\"walks\",\"site\":\"walk+0x0\","
			 "\"caller\":\"0xffffffff81000010\",\"durationNs\":12345,\"ret\":-2,"
			 "\"args\":{\"node\":\"0xffff888001020304\",\"depth\":-3,"
			 "\"path\":\"/etc/passwd\",\"deep\":true,\"mode\":\"0644\",\"uid\":1000,"
			 "\"seventh\":7,\"pair\":[\"0x1\",\"0x2\"]}}");
	fixture_done(&f);
}

static void test_results_have_their_types(void **state)
{
	static const struct {
		const char *definition;
		uint64_t ret;
		const char *want; /* NULL: there is none */
	} rows[] = {
		{"c walk -", 3, "3"},
		{"c find -", 0xffff888001020304, "\"0xffff888001020304\""},
		{"c find -", 0, "\"0x0\""},
		{"c is_on -", 0xffffff00, "false"},
		{"c is_on -", 0x101, "true"},
		{"c color_of -", 1, "\"GREEN\""},
		{"c color_of -", 77, "77"},
		{"c text_of -", 0xffffffff82000000, "\"0xffffffff82000000\""},
		{"c address_of -", 0x0100007f, "16777343"},
		{"c none -", 5, NULL},
		/* All of it, and it may be an error. */
		{"c unknown -", (uint64_t)-2, "-2"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_free_ char *text = NULL;
		struct probe_fixture f;
		char want[64] = "";

		fixture_init(&f, *state, rows[i].definition);
		hit_set(&f.hit, HIT_RET, rows[i].ret, 8);
		hit_finish(&f.hit);
		text = decode(&f, f.hit.len);
		if (rows[i].want)
			sprintf(want, ",\"ret\":%s", rows[i].want);
		sprintf(want + strlen(want), ",\"args\":{}}");
		if (!strstr(text, "\"durationNs\":0") || !strstr(text, want))
			fail_msg("%s: %s", rows[i].definition, text);
		if (!rows[i].want)
			assert_null(strstr(text, "\"ret\""));
		fixture_done(&f);
	}
}

static void test_after_probes_have_the_process_only(void **state)
{
	struct probe_fixture f;

	fixture_init(&f, NULL, "a walk+0x10 %flags:x32 c=$comm t=\\\"a\\b\"");
	hit_put(&f.hit, 0, 0, &(uint32_t){0x246});
	hit_put(&f.hit, 1, 0, "sixteen letters!");
	hit_put(&f.hit, 2, 0, "a\\b\0\0\0\0");
	assert_event(&f, "{\"seq\":7,\"ts\":81234567890,\"cpu\":1,\"tid\":412,\"pid\":400,"
			 "\"comm\":\"cat\",\"probe\":\"walks\",\"site\":\"walk+0x0\",\"args\":{"
			 "\"arg1\":\"0x246\",\"c\":\"sixteen letters!\",\"t\":\"a\\\\b\"}}");
	fixture_done(&f);
}

static const char everything[] =
	"c walk a=%di:u8 r=$retval:u16 s=+0(%si):string i=+0(%dx):ip6 t=+0($retval):string "
	"n=+0(%si):s16[3] w=+0(%si):string[2] m=+0(%di):mac e=$retval:errno b=+8(%di):b3@5/16 "
	"p=%di:port f=%di:flags(open) h=%di:symbol l=+0($retval):u32[2]";

static void fill_everything(struct hit_record *h)
{
	hit_put(h, 0, 0, "\xff");
	hit_put(h, 1, 0, &(uint16_t){515});
	hit_put_string(h, 2, 0, "first", 6);
	hit_put(h, 3, 0, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1");
	hit_put_string(h, 4, 0, "of the return", 14);
	hit_put(h, 5, 0, &(int16_t){-1});
	hit_put(h, 5, 1, &(int16_t){0});
	hit_put(h, 5, 2, &(int16_t){300});
	hit_put_string(h, 6, 0, "w0", 3);
	hit_put_string(h, 6, 1, "", 1);
	hit_put(h, 7, 0, "\x52\x54\0\x12\x34\x56");
	hit_put(h, 8, 0, &(int32_t){-ENOENT});
	hit_put(h, 9, 0, &(uint16_t){5});
	hit_put(h, 10, 0, "\0\x50");
	hit_put(h, 11, 0, &(uint32_t){O_NONBLOCK | O_WRONLY});
	hit_put(h, 12, 0, &(uint64_t){0xffffffff81000000});
	hit_put(h, 13, 0, &(uint32_t){1});
	hit_put(h, 13, 1, &(uint32_t){2});
}

static void test_both_parts_are_decoded(void **state)
{
	_cleanup_free_ char *text = NULL;
	struct probe_fixture f;

	fixture_init(&f, NULL, everything);
	fill_everything(&f.hit);
	hit_finish(&f.hit);
	text = decode(&f, f.hit.len);
	assert_string_equal(strstr(text, "\"args\""),
			    "\"args\":{\"a\":255,\"r\":515,\"s\":\"first\",\"i\":\"::1\","
			    "\"t\":\"of the return\",\"n\":[-1,0,300],\"w\":[\"w0\",\"\"],"
			    "\"m\":\"52:54:00:12:34:56\",\"e\":\"-ENOENT\",\"b\":5,\"p\":80,"
			    "\"f\":\"O_WRONLY|O_NONBLOCK\",\"h\":\"0xffffffff81000000\","
			    "\"l\":[1,2]}}");
	fixture_done(&f);
}

static void test_what_could_not_be_read_is_null(void **state)
{
	struct probe_fixture f;
	_cleanup_free_ char *text = NULL;

	fixture_init(&f, NULL, everything);
	fill_everything(&f.hit);
	/* One string of two: the other is there. */
	hit_put_string(&f.hit, 6, 0, NULL, 0);
	hit_put_string(&f.hit, 4, 0, NULL, 0);
	f.hit.faults |= 1 << 5 | 1 << 7 | 1 << 9 | 1 << 13 | 1 << 3;
	hit_finish(&f.hit);
	text = decode(&f, f.hit.len);
	assert_string_equal(strstr(text, "\"args\""),
			    "\"args\":{\"a\":255,\"r\":515,\"s\":\"first\",\"i\":null,"
			    "\"t\":null,\"n\":null,\"w\":[null,\"\"],\"m\":null,"
			    "\"e\":\"-ENOENT\",\"b\":null,\"p\":80,"
			    "\"f\":\"O_WRONLY|O_NONBLOCK\",\"h\":\"0xffffffff81000000\","
			    "\"l\":null}}");
	fixture_done(&f);
}

static bool judge(struct probe_fixture *f, const char *text)
{
	_cleanup_(filter_freep) struct filter *filter = NULL;
	_cleanup_(filter_program_freep) struct filter_program *program = NULL;
	_cleanup_free_ char *event = NULL;
	struct kp_error e = KP_ERROR_INIT;
	bool is_met;

	if (filter_parse(text, &filter, &e) < 0)
		fail_msg("%s: %s", text, e.message);
	assert_int_equal(filter_compile(filter, f->decoder, &program), 0);
	is_met = filter_eval(program, f->decoder, f->hit.bytes, f->hit.len, &context);
	event = decode(f, f->hit.len);
	/* The text of the event says the same. */
	if (filter_match_text(filter, event, strlen(event)) != is_met)
		fail_msg("%s: %d by the record, and not by %s", text, is_met, event);
	return is_met;
}

/* It ends when it is recorded, at context.ts; and no clock goes back. */
static void test_a_call_that_began_ends_with_its_event(void **state)
{
	static const struct {
		uint64_t time;
		const char *want;
	} rows[] = {
		{81234567890 - 1500000, ",\"durationNs\":1500000,"},
		{81234567890, ",\"durationNs\":0,"},
		{81234567891, ",\"durationNs\":0,"},
	};
	struct probe_fixture f;

	(void)state;
	fixture_init(&f, NULL, "c:walks walk -");
	hit_set(&f.hit, HIT_FLAGS, KPROBED_HIT_BEGAN, 1);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_free_ char *text = NULL;

		hit_set(&f.hit, HIT_TIME, rows[i].time, 8);
		hit_finish(&f.hit);
		text = decode(&f, f.hit.len);
		if (!strstr(text, rows[i].want))
			fail_msg("no %s in %s", rows[i].want, text);
		assert_int_equal(judge(&f, "duration >= 1500us"), i == 0);
		assert_int_equal(judge(&f, "durationNs == 0"), i > 0);
	}
	fixture_done(&f);
}

static void test_filters_see_what_the_event_shows(void **state)
{
	static const struct {
		const char *filter;
		bool is_met;
	} rows[] = {
		{"pid == 400", true},
		{"pid == 412", false},
		{"tid == 412", true},
		{"comm == \"cat\"", true},
		{"comm ^= \"ca\"", true},
		{"comm == \"cats\"", false},
		{"durationNs >= 1ms", true},
		{"duration > 1ms", false},
		{"ret < 0", true},
		{"ret == -2", true},
		{"ret >= 0", false},
		{"a == 255", true},
		{"a == 254", false},
		{"r == 515", true},
		{"args.r > 514 && pid", true},
		{"s == \"first\"", true},
		{"s ^= \"fir\" && t ~ \"of*\"", true},
		{"t == \"first\"", false},
		{"n == 300", true},
		{"n == 7", false},
		{"w == \"w0\"", true},
		{"i == \"::1\"", true},
		{"m == \"52:54:00:12:34:56\"", true},
		{"e == -2", true},
		{"e == \"-ENOENT\"", true},
		{"b == 5", true},
		{"p == 80", true},
		{"caller == 0xffffffff81000010", true},
		{"probe == \"walks\" && site ^= \"walk\"", true},
		{"uid == 0", false},
	};
	struct probe_fixture f;

	fixture_init(&f, NULL, everything);
	fill_everything(&f.hit);
	hit_set(&f.hit, HIT_TIME, 1000000, 8);
	hit_set(&f.hit, HIT_RET, (uint64_t)-2, 8);
	hit_set(&f.hit, HIT_CALLER, 0xffffffff81000010, 8);
	hit_finish(&f.hit);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (judge(&f, rows[i].filter) != rows[i].is_met)
			fail_msg("%s is not %d", rows[i].filter, rows[i].is_met);
	/* Nothing that could not be read is anything. */
	f.hit.faults = 1 << 0 | 1 << 1 | 1 << 9;
	hit_finish(&f.hit);
	assert_false(judge(&f, "a == 255") || judge(&f, "a == 0") || judge(&f, "r == 515") ||
		     judge(&f, "b >= 0") || judge(&f, "b < 0"));
	assert_true(judge(&f, "!(a == 255)"));
	fixture_done(&f);
}

/* An error instead of a pointer is negative, and an address is given as the number that it is. */
static void test_a_pointer_that_is_returned_has_a_sign(void **state)
{
	static const struct {
		uint64_t ret;
		const char *filter;
		bool is_met;
	} rows[] = {
		{(uint64_t)-2, "ret < 0 && ret >= -4095", true},
		{(uint64_t)-2, "ret == -2", true},
		{(uint64_t)-2, "ret > 0", false},
		{(uint64_t)-2, "ret == 0xfffffffffffffffe", true},
		{0xffff888001020304, "ret < 0 && ret >= -4095", false},
		{0xffff888001020304, "ret > 0xffff888001020303", true},
		{0xffff888001020304, "ret == \"0xffff888001020304\"", true},
		{0, "ret == 0 && ret >= 0", true},
	};
	struct probe_fixture f;

	fixture_init(&f, *state, "c find -");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		hit_set(&f.hit, HIT_RET, rows[i].ret, 8);
		hit_finish(&f.hit);
		if (judge(&f, rows[i].filter) != rows[i].is_met)
			fail_msg("%s is not %d", rows[i].filter, rows[i].is_met);
	}
	fixture_done(&f);
}

static void test_an_argument_hides_what_all_have(void **state)
{
	struct probe_fixture f;

	fixture_init(&f, NULL, "c walk pid=%di:u32 ret=%si:s32 durationNs=%dx:u8");
	hit_put(&f.hit, 0, 0, &(uint32_t){1});
	hit_put(&f.hit, 1, 0, &(uint32_t){2});
	hit_put(&f.hit, 2, 0, "\3");
	hit_set(&f.hit, HIT_RET, (uint64_t)-2, 8);
	hit_finish(&f.hit);
	assert_true(judge(&f, "pid == 1 && ret == 2 && durationNs == 3"));
	fixture_done(&f);
}

static void test_fields_are_told(void **state)
{
	static const char *const names[] = {"caller", "durationNs", "ret", "x", "pid"};
	struct decoder_field field;
	struct probe_fixture f;
	unsigned int i;

	fixture_init(&f, NULL, "c walk x=$retval:u16");
	for (i = 0; decoder_field(f.decoder, i, &field); i++) {
		assert_string_equal(field.name, names[i]);
		assert_int_equal(field.is_arg, i == 3);
		assert_int_equal(field.part, i == 3 ? DECODER_RETURN : DECODER_RECORD);
	}
	assert_int_equal(i, ARRAY_SIZE(names));
	fixture_done(&f);
	fixture_init(&f, NULL, "a walk x=%di");
	for (i = 0; decoder_field(f.decoder, i, &field); i++)
		assert_string_equal(field.name, names[i + 3]);
	assert_int_equal(i, 2);
	fixture_done(&f);
}

static void test_another_event_is_refused(void **state)
{
	static const char *const missing[] = {"pid;", "faults", "entry_len", "data;"};
	struct probe_fixture f;
	unsigned int cookie = 0;

	fixture_init(&f, NULL, "c walk x=%di");
	assert_int_equal(decoder_hit_cookie(&f.format, &cookie), 0);
	assert_int_equal(cookie, HIT_COOKIE);
	for (size_t i = 0; i < ARRAY_SIZE(missing); i++) {
		_cleanup_free_ char *text = strdup(hit_format);
		struct event_format format;
		struct decoder *d;

		/* common_pid is not it. */
		strstr(strstr(text, "cookie"), missing[i])[0] = 'X';
		assert_int_equal(event_format_parse(text, &format), 0);
		assert_int_equal(
			decoder_new_hit(&f.spec, &f.program, &format, "walks", "walk+0x0", &d),
			-EBADMSG);
		event_format_done(&format);
	}
	f.program.n_args = 0;
	assert_int_equal(
		decoder_new_hit(&f.spec, &f.program, &f.format, "walks", "walk+0x0", &f.decoder),
		-EBADMSG);
	fixture_done(&f);
}

/* Whatever the bytes are, the text stays within its bound, and the filter within the record. */
static void test_records_that_are_none(void **state)
{
	struct random r = {4711};
	struct probe_fixture f;

	fixture_init(&f, NULL, everything);
	for (unsigned int i = 0; i < 20000; i++) {
		_cleanup_free_ char *text = NULL;
		size_t len;

		fill_everything(&f.hit);
		f.hit.lens[0] = hit_fixed(f.program.entry, f.program.n_entry) + 30;
		f.hit.lens[1] = hit_fixed(f.program.ret, f.program.n_ret) + 14;
		hit_finish(&f.hit);
		len = random_below(&r, 4)
			      ? f.hit.len
			      : RECORD_HEADER_SIZE +
					random_below(&r, f.hit.len - RECORD_HEADER_SIZE + 1);
		for (unsigned int n = (unsigned int)random_below(&r, 6); n > 0; n--) {
			size_t at = RECORD_HEADER_SIZE + random_below(&r, f.hit.len - 8);

			f.hit.bytes[at] = (unsigned char)random_next(&r);
		}
		text = decode(&f, len);
		assert_non_null(strstr(text, "\"args\":{\"a\":"));
	}
	fixture_done(&f);
}

static int setup(void **state)
{
	struct btf *btf = world_new();
	struct btf_store *store;
	uint32_t size = 0;
	const void *data = btf ? btf__raw_data(btf, &size) : NULL;
	int r;

	if (!data || btf_store_new("/nonexistent", &store) < 0)
		return -1;
	r = btf_store_set_kernel(store, data, size);
	btf__free(btf);
	*state = store;
	return r;
}

static int teardown(void **state)
{
	btf_store_free(*state);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_call_is_one_event),
		cmocka_unit_test(test_a_call_that_began_ends_with_its_event),
		cmocka_unit_test(test_results_have_their_types),
		cmocka_unit_test(test_after_probes_have_the_process_only),
		cmocka_unit_test(test_both_parts_are_decoded),
		cmocka_unit_test(test_what_could_not_be_read_is_null),
		cmocka_unit_test(test_filters_see_what_the_event_shows),
		cmocka_unit_test(test_a_pointer_that_is_returned_has_a_sign),
		cmocka_unit_test(test_an_argument_hides_what_all_have),
		cmocka_unit_test(test_fields_are_told),
		cmocka_unit_test(test_another_event_is_refused),
		cmocka_unit_test(test_records_that_are_none),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
