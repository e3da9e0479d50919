/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What kprobectl prints: harmless text, carets under the right character, fitted tables, and the
 * lines of events.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cleanup.h"
#include "libkprobed-internal.h"
#include "output-caret.h"
#include "output-event.h"
#include "output-quick.h"
#include "output-table.h"
#include "output-text.h"

static void test_text_is_made_harmless(void **state)
{
	static const struct {
		const char *text, *safe;
		size_t width;
	} rows[] = {
		{"plain", "plain", 5},
		{"\x1b[31m", "\\x1b[31m", 8},
		{"a\tb\nc\x7f", "a\\tb\\nc\\x7f", 11},
		{"gr\xc3\xb6\xc3\x9f", "gr\xc3\xb6\xc3\x9f", 4},
		{"\xc2\x9b"
		 "1m",
		 "\\u009b1m", 8},
		{"\xe2\x80\xae", "\\u202e", 6},
		{"\xff\xc3(\xed\xa0\x80", "\\xff\\xc3(\\xed\\xa0\\x80", 21},
		{"\xe6\xbc\xa2", "\xe6\xbc\xa2", 2},
		{"e\xcc\x81", "e\xcc\x81", 1},
		{"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80", 2},
		{"\xe2\x82", "\\xe2\\x82", 8},
		{"\xc0\x80", "\\xc0\\x80", 8},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_text_ struct text t = {0};

		assert_int_equal(text_safe(&t, rows[i].text, strlen(rows[i].text)), rows[i].width);
		assert_string_equal(t.data, rows[i].safe);
	}
}

static void test_json_stays_json_and_is_made_harmless(void **state)
{
	static const char json[] =
		"{\"a\":\"\x7f\xc2\x9b\xe2\x80\xae\xff\xf3\xa0\x80\x81 \xc3\xa9\",\n\"b\":1}";
	_cleanup_text_ struct text t = {0};

	text_safe_json(&t, json, strlen(json));
	assert_string_equal(t.data,
			    "{\"a\":\"\\u007f\\u009b\\u202e\\ufffd\\udb40\\udc01 \xc3\xa9\", "
			    "\"b\":1}");
}

static void test_text_is_cut_to_its_width(void **state)
{
	static const struct {
		const char *text;
		size_t width;
		const char *cut;
	} rows[] = {
		{"short", 5, "short"},
		{"longer", 5, "long…"},
		{"gr\xc3\xb6\xc3\x9f", 4, "gr\xc3\xb6\xc3\x9f"},
		{"ab\x1b", 5, "ab…"},
		{"\xe6\xbc\xa2\xe6\xbc\xa2\xe6\xbc\xa2", 4, "\xe6\xbc\xa2…"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_text_ struct text t = {0};

		assert_true(text_safe_cut(&t, rows[i].text, rows[i].width) <= rows[i].width);
		assert_string_equal(t.data, rows[i].cut);
	}
}

static void test_caret_stands_under_its_character(void **state)
{
	static const struct {
		const char *definition;
		long long position;
		size_t columns;
		const char *lines;
	} rows[] = {
		{"p vfs_read %q", 11, 0, "  p vfs_read %q\n             ^\n"},
		{"p vfs_read", 0, 0, "  p vfs_read\n  ^\n"},
		/* Behind the end: something is missing there. */
		{"p:", 2, 0, "  p:\n    ^\n"},
		{"p:", 99, 80, "  p:\n    ^\n"},
		{"", 0, 80, "  \n  ^\n"},
		{"p\tvfs\t%q", 6, 0, "  p     vfs     %q\n                ^\n"},
		{"gr\xc3\xb6\xc3\x9f=%q", 5, 0, "  gr\xc3\xb6\xc3\x9f=%q\n       ^\n"},
		{"\xe6\xbc\xa2 %q", 2, 0, "  \xe6\xbc\xa2 %q\n     ^\n"},
		{"\x1b %q", 2, 0, "  \\x1b %q\n       ^\n"},
		/* Only the part around the caret, on a narrow terminal. */
		{"aaaaaaaaaabbbbbbbbbbccccccccccdddddddddd", 25, 24,
		 "  …abbbbbbbbbbcccccccc…\n                   ^\n"},
		{"aaaaaaaaaabbbbbbbbbbccccccccccdddddddddd", 2, 24,
		 "  aaaaaaaaaabbbbbbbbb…\n    ^\n"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_text_ struct text t = {0};

		text_caret(&t, rows[i].definition, rows[i].position, rows[i].columns, false);
		assert_string_equal(t.data, rows[i].lines);
	}
}

static void test_table_fits_its_columns_and_the_terminal(void **state)
{
	struct table_column columns[] = {
		{"ID", .is_number = true}, {"NAME"}, {"X", .is_hidden = true}, {"DEFINITION"}};
	_cleanup_table_ struct table table = {.columns = columns, .n_columns = ARRAY_SIZE(columns)};
	_cleanup_text_ struct text t = {0};

	table_add(&table, (const char *const[]){"1", "gr\xc3\xb6\xc3\x9f", "x", "p vfs_read"});
	table_add(&table, (const char *const[]){"10", "opens", "x", "p:opens do_sys_openat2"});
	table_format(&table, 0, false, &t);
	assert_string_equal(t.data, "ID  NAME   DEFINITION\n"
				    " 1  gr\xc3\xb6\xc3\x9f   p vfs_read\n"
				    "10  opens  p:opens do_sys_openat2\n");
	text_clear(&t);
	columns[2].is_hidden = false;
	table_format(&table, 26, false, &t);
	assert_string_equal(t.data, "ID  NAME   X  DEFINITION\n"
				    " 1  gr\xc3\xb6\xc3\x9f   x  p vfs_read\n"
				    "10  opens  x  p:opens do_…\n");
}

/* The one event or gap of a batch that is only it. */
static void take(enum kprobed_event_type type, const char *json, struct text *batch,
		 struct kprobed_event *event)
{
	struct slice_list events = {0};
	struct slice_iter gaps;
	struct slice slice;
	struct reply reply;

	text_printf(batch, "{\"parameters\":{\"%s\":[%s]}}",
		    type == KPROBED_GAP ? "gaps" : "events", json);
	assert_int_equal(reply_parse(batch->data, batch->length, &events, &reply), 0);
	if (type == KPROBED_GAP) {
		slice_iter_init(&gaps, reply.gaps);
		assert_int_equal(gap_take(event, &gaps), 1);
	} else {
		assert_true(slice_list_next(&events, &slice));
		assert_int_equal(event_take(event, slice), 0);
		assert_false(slice_list_next(&events, &slice));
	}
	slice_list_done(&events);
}

/* Formats one event. */
static void format(struct event_format *f, enum kprobed_event_type type, const char *json,
		   struct text *t)
{
	_cleanup_text_ struct text batch = {0};
	struct kprobed_event event = {0};

	take(type, json, &batch, &event);
	format_event(f, &event, t);
	free(event.decoded);
}

static const char hit[] =
	"{\"seq\":7,\"ts\":1000000000,\"cpu\":1,\"tid\":412,\"comm\":\"c\\tt\",\"probe\":\"opens\","
	"\"site\":\"s+0x0\",\"args\":{\"dfd\":-100,\"p\":\"0xff\",\"n\":\"a \\\"b\\\"\\n\\u009b\","
	"\"bad\":null,\"list\":[1,\"x\",[2]]},\"caller\":\"f+0x1\",\"stack\":[\"a+0x0\",\"b+0x1\"]"
	"}";

static void test_event_is_a_line_with_its_stack_below(void **state)
{
	struct event_format f = EVENT_FORMAT_INIT;
	_cleanup_text_ struct text t = {0};

	setenv("TZ", "UTC", 1);
	f.realtime_offset = 1700000000000000000;
	format(&f, KPROBED_EVENT, hit, &t);
	assert_string_equal(
		t.data, "22:13:21.000000    1  c\\tt-412              opens  dfd=-100 p=0xff "
			"n=\"a \\\"b\\\"\\n\\u009b\" bad=(fault) list={1,\"x\",{2}} (to f+0x1)\n"
			"                      a+0x0\n"
			"                      b+0x1\n");
}

#define IN_FRONT                                                                                   \
	"{\"seq\":7,\"ts\":1000000000,\"cpu\":1,\"tid\":412,\"comm\":\"c t\",\"probe\":\"opens\"," \
	"\"site\":\"s+0x0\""

static void test_a_quick_line_is_the_same(void **state)
{
	static const struct {
		bool is_quick;
		const char *json;
	} rows[] = {
		{true, IN_FRONT ",\"args\":{}}"},
		{true,
		 IN_FRONT ",\"args\":{\"a\":-1,\"b\":\"0xff\",\"c\":null,\"d\":true,\"e\":false}}"},
		{true,
		 IN_FRONT ",\"args\":{\"a\":\"0x\",\"b\":\"0x1g\",\"c\":\"\",\"d\":\"x  \"}}"},
		{true, IN_FRONT ",\"args\":{\"a\":\"a string of more than eight bytes\"}}"},
		{true, IN_FRONT ",\"args\":{\"\":null,\"\":null,\"\":null,\"\":null,\"\":null}}"},
		{true, IN_FRONT ",\"caller\":\"f+0x1\",\"args\":{\"ret\":3}}"},
		{true, IN_FRONT ",\"caller\":\"f+0x1\",\"durationNs\":999,\"ret\":-2,\"args\":{}}"},
		{true,
		 IN_FRONT ",\"caller\":\"f\",\"durationNs\":12345,\"ret\":0,\"args\":{\"a\":1}}"},
		{true, IN_FRONT ",\"durationNs\":3723004005006,\"ret\":-5000,\"args\":{}}"},
		{true, IN_FRONT ",\"durationNs\":20114999,\"args\":{}}"},
		{false, IN_FRONT ",\"durationNs\":1,\"ret\":\"0xffffffffffffffea\",\"args\":{}}"},
		{false, IN_FRONT ",\"args\":{\"a\":\"0x00000000000000001\"}}"},
		{false, IN_FRONT ",\"args\":{\"a\":[1,2]}}"},
		{false, IN_FRONT ",\"args\":{\"a\":\"b\\n\"}}"},
		{false, IN_FRONT ",\"args\":{\"a\":\"\xc3\xb6\"}}"},
		{false, IN_FRONT ",\"args\":{\"a\":\"12345678\x7f\"}}"},
		{false, IN_FRONT ",\"args\":{\"a\":1.5,\"b\":1e3}}"},
		{false, IN_FRONT ",\"args\":{},\"stack\":[\"a+0x0\"]}"},
		{false, IN_FRONT ",\"args\":{},\"later\":1}"},
		{false, IN_FRONT ", \"args\":{}}"},
		{false, "{\"seq\":7,\"ts\":1000000000,\"cpu\":1,\"tid\":412,\"comm\":\"a comm too "
			"long for "
			"its column\",\"probe\":\"o\",\"site\":\"s\",\"args\":{}}"},
		{false,
		 "{\"seq\":7,\"ts\":2000000000,\"cpu\":1,\"tid\":412,\"comm\":\"another second\","
		 "\"probe\":\"o\",\"site\":\"s\",\"args\":{}}"},
		{false, "{\"seq\":7,\"cpu\":1,\"ts\":1000000000,\"tid\":412,\"comm\":\"c\","
			"\"probe\":\"o\","
			"\"site\":\"s\",\"args\":{}}"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct event_format f = EVENT_FORMAT_INIT;
		_cleanup_text_ struct text t = {0}, quick = {0}, batch = {0};
		struct kprobed_event event = {0};

		/* Both have shown the second before. */
		format(&f, KPROBED_EVENT, IN_FRONT ",\"args\":{}}", &t);
		text_append(&quick, t.data, t.length);
		take(KPROBED_EVENT, rows[i].json, &batch, &event);
		assert_int_equal(format_quickly(&f, event.json, &quick), rows[i].is_quick);
		assert_int_equal(strlen(quick.data), quick.length);
		if (!rows[i].is_quick) {
			assert_string_equal(quick.data, t.data);
			format_event(&f, &event, &quick);
		}
		format_hit(&f, &event, &t);
		assert_string_equal(quick.data, t.data);
		free(event.decoded);
	}
}

static void test_a_call_ends_in_its_result_and_duration(void **state)
{
	static const struct {
		const char *members, *line;
	} rows[] = {
		{"\"durationNs\":12345,\"ret\":3", "name=\"/etc/passwd\" = 3 <0.012 ms>"},
		{"\"durationNs\":999,\"ret\":-2", "name=\"/etc/passwd\" = -2 ENOENT <999 ns>"},
		{"\"durationNs\":20114999,\"ret\":-5000",
		 "name=\"/etc/passwd\" = -5000 <20.114 ms>"},
		{"\"durationNs\":1000,\"ret\":true", "name=\"/etc/passwd\" = true <0.001 ms>"},
		{"\"durationNs\":3723004005006", "name=\"/etc/passwd\" <3723.004 s>"},
		{"\"durationNs\":0,\"ret\":\"0xffff888003a4c000\"",
		 "name=\"/etc/passwd\" = 0xffff888003a4c000 <0 ns>"},
		{"\"durationNs\":0,\"ret\":\"0xffffffffffffffea\"",
		 "name=\"/etc/passwd\" = 0xffffffffffffffea EINVAL <0 ns>"},
		{"\"durationNs\":0,\"ret\":\"GREEN\"", "name=\"/etc/passwd\" = \"GREEN\" <0 ns>"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct event_format f = EVENT_FORMAT_INIT;
		_cleanup_text_ struct text t = {0};
		char json[512], line[256];

		snprintf(json, sizeof(json),
			 "{\"ts\":1,\"cpu\":0,\"tid\":1,\"pid\":7,\"comm\":\"a\",\"probe\":\"p\","
			 "\"caller\":\"f+0x1\",%s,\"args\":{\"name\":\"/etc/passwd\"}}",
			 rows[i].members);
		format_choose(&f, "args,probe,ret,durationNs");
		format(&f, KPROBED_EVENT, json, &t);
		snprintf(line, sizeof(line), "p      %s\n", rows[i].line);
		assert_string_equal(t.data, line);
	}
}

static void test_the_process_is_shown_when_asked_for(void **state)
{
	struct event_format f = EVENT_FORMAT_INIT;
	_cleanup_text_ struct text t = {0};

	format_choose(&f, "pid,probe");
	format(&f, KPROBED_EVENT, "{\"pid\":7,\"probe\":\"p\"}", &t);
	format(&f, KPROBED_EVENT, "{\"probe\":\"p\"}", &t);
	assert_string_equal(t.data, "p      pid=7\np\n");
}

static void test_relative_times_count_from_the_first_event(void **state)
{
	struct event_format f = EVENT_FORMAT_INIT;
	_cleanup_text_ struct text t = {0};

	f.relative = true;
	format(&f, KPROBED_EVENT,
	       "{\"ts\":1000000000,\"tid\":1,\"cpu\":0,\"comm\":\"a\",\"probe\":\"p\"}", &t);
	format(&f, KPROBED_EVENT,
	       "{\"ts\":2500001999,\"tid\":1,\"cpu\":0,\"comm\":\"a\",\"probe\":\"p\"}", &t);
	assert_string_equal(t.data, "       0.000000    0  a-1                   p\n"
				    "       1.500001    0  a-1                   p\n");
}

static void test_numbers_are_found_wherever_they_stand(void **state)
{
	static const char *const rows[] = {
		"{\"seq\":7,\"ts\":1000000000,\"cpu\":1,\"tid\":412}",
		"{\"seq\":7,\"ts\":1000000000,\"cpu\":1,\"tid\":412,\"comm\":\"c\"}",
		"{ \"seq\": 7,\"ts\":1000000000,\"cpu\":1,\"tid\":412}",
		"{\"seq\":7,\"ts\":1000000000,\"cpu\":1,\"x\":{\"tid\":9},\"tid\":412}",
		"{\"tid\":412,\"cpu\":1,\"ts\":1000000000,\"seq\":7}",
		"{\"seq\":7,\"ts\":1000000000,\"cpu\":1,\"tid\":412 ,\"comm\":\"c\"}",
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct kprobed_event event = {0};
		_cleanup_text_ struct text batch = {0};

		take(KPROBED_EVENT, rows[i], &batch, &event);
		assert_int_equal(kprobed_event_get_seq(&event), 7);
		assert_int_equal(kprobed_event_get_ts_nsec(&event), 1000000000);
		assert_int_equal(kprobed_event_get_cpu(&event), 1);
		assert_int_equal(kprobed_event_get_tid(&event), 412);
		assert_int_equal(event.json.length, strlen(rows[i]));
		free(event.decoded);
	}
}

static void test_gap_is_a_sentence(void **state)
{
	static const struct {
		const char *json, *line;
	} rows[] = {
		{"{\"kind\":\"overrun\",\"count\":12,\"cpu\":1}",
		 "-- lost 12 events: kernel ring full on cpu 1 --\n"},
		{"{\"kind\":\"overtaken\",\"count\":1,\"probe\":null}",
		 "-- lost 1 event: this reader was slower than the log --\n"},
		{"{\"kind\":\"restart\",\"count\":null,\"probe\":\"opens\"}",
		 "-- lost an unknown number of events of opens: kprobed was not reading --\n"},
		{"{\"kind\":\"\\u001bnew\",\"count\":2}", "-- lost 2 events: \\x1bnew --\n"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct event_format f = EVENT_FORMAT_INIT;
		_cleanup_text_ struct text t = {0};

		format(&f, KPROBED_GAP, rows[i].json, &t);
		assert_string_equal(t.data, rows[i].line);
	}
}

static void test_json_is_one_line_as_it_came(void **state)
{
	struct event_format f = EVENT_FORMAT_INIT;
	_cleanup_text_ struct text t = {0};

	f.json = true;
	format(&f, KPROBED_EVENT, hit, &t);
	assert_memory_equal(t.data, hit, strlen(hit));
	assert_string_equal(t.data + strlen(hit), "\n");
	text_clear(&t);
	format(&f, KPROBED_GAP, "{\"kind\":\n\"missed\"}", &t);
	assert_string_equal(t.data, "{\"gap\":{\"kind\": \"missed\"}}\n");
}

static void test_colors_are_closed(void **state)
{
	struct event_format f = EVENT_FORMAT_INIT;
	_cleanup_text_ struct text t = {0};
	size_t on = 0, off = 0;

	f.color = true;
	format(&f, KPROBED_EVENT, hit, &t);
	for (const char *p = t.data; (p = strchr(p, '\033')); p++)
		strncmp(p, "\033[0m", 4) == 0 ? off++ : on++;
	assert_true(on > 0);
	assert_int_equal(on, off);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text_is_made_harmless),
		cmocka_unit_test(test_json_stays_json_and_is_made_harmless),
		cmocka_unit_test(test_text_is_cut_to_its_width),
		cmocka_unit_test(test_caret_stands_under_its_character),
		cmocka_unit_test(test_table_fits_its_columns_and_the_terminal),
		cmocka_unit_test(test_event_is_a_line_with_its_stack_below),
		cmocka_unit_test(test_a_quick_line_is_the_same),
		cmocka_unit_test(test_a_call_ends_in_its_result_and_duration),
		cmocka_unit_test(test_the_process_is_shown_when_asked_for),
		cmocka_unit_test(test_relative_times_count_from_the_first_event),
		cmocka_unit_test(test_numbers_are_found_wherever_they_stand),
		cmocka_unit_test(test_gap_is_a_sentence),
		cmocka_unit_test(test_json_is_one_line_as_it_came),
		cmocka_unit_test(test_colors_are_closed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
