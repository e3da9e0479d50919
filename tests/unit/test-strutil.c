/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers, UTF-8 and what is shown; and the log's line on stderr, which is made of them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cleanup.h"
#include "log.h"
#include "strutil.h"

static void test_numbers_are_digits_in_a_range(void **state)
{
	static const struct {
		const char *text;
		uint64_t min, max, value;
		int r;
	} rows[] = {
		{"0", 0, 0, 0, 0},
		{"007", 0, 10, 7, 0},
		{"18446744073709551615", 0, UINT64_MAX, UINT64_MAX, 0},
		{"18446744073709551616", 0, UINT64_MAX, 0, -ERANGE},
		{"18446744073709551610000", 0, UINT64_MAX, 0, -ERANGE},
		{"9", 10, 20, 0, -ERANGE},
		{"21", 10, 20, 0, -ERANGE},
		{"", 0, 10, 0, -EINVAL},
		{"-1", 0, 10, 0, -EINVAL},
		{"+1", 0, 10, 0, -EINVAL},
		{" 1", 0, 10, 0, -EINVAL},
		{"1 ", 0, 10, 0, -EINVAL},
		{"0x1", 0, 10, 0, -EINVAL},
		{"1K", 0, 10000, 0, -EINVAL},
		{"99999999999999999999x", 0, 10, 0, -EINVAL},
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		uint64_t value = 0;

		assert_int_equal(str_to_uint(rows[i].text, rows[i].min, rows[i].max, &value),
				 rows[i].r);
		assert_true(value == rows[i].value);
	}
}

static void test_hexadecimal_ends_where_it_ends(void **state)
{
	static const struct {
		const char *text;
		size_t len; /* 0: none */
		uint64_t value;
	} rows[] = {
		{"0", 1, 0},
		{"fF09 x", 4, 0xff09},
		{"ffffffffffffffff-", 16, UINT64_MAX},
		{"10000000000000000", 0, 0},
		{"", 0, 0},
		{"g", 0, 0},
		{"x1", 0, 0},
		{" 1", 0, 0},
		{"-1", 0, 0},
		{"1`", 1, 1},
		{"@", 0, 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint64_t value = 0;
		const char *end = str_parse_hex(rows[i].text, &value);

		assert_ptr_equal(end, rows[i].len ? rows[i].text + rows[i].len : NULL);
		assert_true(value == rows[i].value);
	}
}

static void test_sizes_are_read_and_written(void **state)
{
	static const struct {
		const char *text;
		uint64_t value;
		int r;
		const char *out;
	} rows[] = {
		{"0", 0, 0, "0"},
		{"0M", 0, 0, "0"},
		{"1023", 1023, 0, "1023"},
		{"1024", 1024, 0, "1K"},
		{"1408K", 1408 << 10, 0, "1408K"},
		{"4096K", 4096 << 10, 0, "4M"},
		{"16G", UINT64_C(16) << 30, 0, "16G"},
		{"2048T", UINT64_C(2048) << 40, 0, "2048T"},
		{"16777215T", UINT64_C(16777215) << 40, 0, "16777215T"},
		{"16777216T", 0, -ERANGE, NULL},
		{"18446744073709551616", 0, -ERANGE, NULL},
		{"1k", 0, -EINVAL, NULL},
		{"1KB", 0, -EINVAL, NULL},
		{"1KiB", 0, -EINVAL, NULL},
		{"1P", 0, -EINVAL, NULL},
		{"1.5M", 0, -EINVAL, NULL},
		{"M", 0, -EINVAL, NULL},
		{"", 0, -EINVAL, NULL},
	};
	char buf[STR_SIZE_MAX];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		uint64_t value = 0;

		assert_int_equal(str_to_size(rows[i].text, 0, UINT64_MAX, &value), rows[i].r);
		assert_true(value == rows[i].value);
		if (rows[i].out)
			assert_string_equal(str_from_size(value, buf, sizeof(buf)), rows[i].out);
	}
	assert_string_equal(str_from_size(UINT64_MAX, buf, sizeof(buf)), "18446744073709551615");
}

static void test_globs_match_the_whole(void **state)
{
	assert_true(str_glob_match("tcp_*", "tcp_v4_rcv"));
	assert_false(str_glob_match("tcp_*", "xtcp_v4"));
	assert_true(str_glob_match("[a-c]?", "b7"));
	assert_false(str_glob_match("a", "A"));
	assert_true(str_is_glob("a?"));
	assert_true(str_is_glob("[a]"));
	assert_false(str_is_glob("do_sys_openat2"));
	assert_true(str_starts_with("io.kprobed", "io."));
	assert_false(str_starts_with("io", "io."));
	assert_true(str_ends_with("a.conf", ".conf"));
	assert_false(str_ends_with("conf", ".conf"));
}

/* Every code point there is, and every two-byte beginning there is not. */
static void test_utf8_is_all_of_unicode_and_no_more(void **state)
{
	unsigned int c, a, b;

	for (c = 0; c < 0x120000; c++) {
		unsigned int n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4, i;
		bool is_valid = c <= 0x10ffff && !(c >= 0xd800 && c <= 0xdfff);
		static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
		char s[4];

		for (i = n; i-- > 1;)
			s[i] = (char)(0x80 | (c >> 6 * (n - 1 - i) & 0x3f));
		s[0] = (char)(lead[n] | c >> 6 * (n - 1));
		assert_int_equal(utf8_sequence(s, n), is_valid ? n : 0);
		assert_int_equal(utf8_sequence(s, n - 1), 0);
	}
	for (a = 0x80; a < 0x100; a++) {
		for (b = 0; b < 0x100; b++) {
			char s[4] = {(char)a, (char)b, (char)0xbf, (char)0xbf};
			bool is_continued = (b & 0xc0) == 0x80;

			if (a < 0xc2 || a > 0xf4 || !is_continued)
				assert_int_equal(utf8_sequence(s, sizeof(s)), 0);
		}
	}
}

static void test_utf8_trim_cuts_what_is_incomplete(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{"", ""},
		{"abc", "abc"},
		{"a\xc3\xa4", "a\xc3\xa4"},
		{"a\xc3", "a"},
		{"a\xe2\x82", "a"},
		{"a\xe2", "a"},
		{"\xf0\x9f\x98", ""},
		{"\xf0\x9f", ""},
		{"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"},
		{"\xc3\xa4\xf0\x9f\x98", "\xc3\xa4"},
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		char buf[16];

		strcpy(buf, rows[i].in);
		utf8_trim(buf);
		assert_string_equal(buf, rows[i].out);
	}
}

static void test_escape_shows_what_a_terminal_would_obey(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{"plain \\ text \xc3\xa4 \xf0\x9f\x98\x80",
		 "plain \\ text \xc3\xa4 \xf0\x9f\x98\x80"},
		{"a\nb\tc\rd", "a\\nb\\tc\\x0dd"},
		{"\x1b[31m\x7f\x01", "\\x1b[31m\\x7f\\x01"},
		{"\xc2\x9b"
		 "2J\xc2\xa0",
		 "\\xc2\\x9b2J\xc2\xa0"},
		{"\xff\xc0\x80\xe2\x82", "\\xff\\xc0\\x80\\xe2\\x82"},
	};
	char buf[64];
	size_t i, size;

	for (i = 0; i < ARRAY_SIZE(rows); i++)
		assert_string_equal(str_escape(rows[i].in, buf, sizeof(buf)), rows[i].out);

	for (size = 1; size <= 12; size++) {
		_cleanup_free_ char *exact = malloc(size);

		assert_non_null(exact);
		str_escape("a\x01\xc3\xa4\nb", exact, size);
		assert_memory_equal("a\\x01\xc3\xa4\\nb", exact, strlen(exact));
		assert_true(utf8_is_valid(exact, strlen(exact)));
	}
	assert_ptr_equal(str_escape("x", buf, 0), buf);
}

/* What log_fields() writes to stderr. The caller's. */
static char *capture(int max, int priority, const char *text)
{
	static const char *const fields[] = {"PROBE=x", NULL};
	char *out = calloc(1, 8192);
	int pipe_fds[2], saved;

	assert_non_null(out);
	assert_int_equal(pipe(pipe_fds), 0);
	saved = dup(STDERR_FILENO);
	assert_true(saved >= 0 && dup2(pipe_fds[1], STDERR_FILENO) >= 0);
	unsetenv("JOURNAL_STREAM");
	log_init(max);
	log_fields(priority, fields, "%s", text);
	assert_true(dup2(saved, STDERR_FILENO) >= 0);
	close(saved);
	close(pipe_fds[1]);
	assert_true(read(pipe_fds[0], out, 8191) >= 0);
	close(pipe_fds[0]);
	return out;
}

static void test_log_is_one_readable_line(void **state)
{
	_cleanup_free_ char *warning = capture(LOG_INFO, LOG_WARNING, "a\nb\x1b");
	_cleanup_free_ char *debug = capture(LOG_INFO, LOG_DEBUG, "hidden");
	_cleanup_free_ char *shown = capture(LOG_DEBUG, LOG_DEBUG, "shown");
	char expected[256];

	snprintf(expected, sizeof(expected), "%s: warning: a\\nb\\x1b\n",
		 program_invocation_short_name);
	assert_string_equal(warning, expected);
	assert_string_equal(debug, "");
	assert_non_null(strstr(shown, ": debug: shown\n"));
}

static void test_log_cuts_long_messages_visibly(void **state)
{
	size_t len;

	for (len = 1018; len < 1030; len++) {
		_cleanup_free_ char *text = calloc(1, len + 5);
		_cleanup_free_ char *out = NULL;

		assert_non_null(text);
		memset(text, 'x', len);
		strcpy(text + len, "\xf0\x9f\x98\x80");
		out = capture(LOG_INFO, LOG_ERR, text);
		assert_true(utf8_is_valid(out, strlen(out)));
		assert_true(str_ends_with(out, "\n"));
		assert_true(str_ends_with(out, "...\n") == (len + 4 > 1023));
	}
}

static void test_log_leaves_errno_alone(void **state)
{
	int saved = dup(STDERR_FILENO);

	log_init(LOG_INFO);
	assert_true(saved >= 0);
	close(STDERR_FILENO); /* so that writing fails */
	errno = EXDEV;
	log_error("lost");
	assert_int_equal(errno, EXDEV);
	log_debug("dropped");
	assert_int_equal(errno, EXDEV);
	assert_true(dup2(saved, STDERR_FILENO) >= 0);
	close(saved);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers_are_digits_in_a_range),
		cmocka_unit_test(test_hexadecimal_ends_where_it_ends),
		cmocka_unit_test(test_sizes_are_read_and_written),
		cmocka_unit_test(test_globs_match_the_whole),
		cmocka_unit_test(test_utf8_is_all_of_unicode_and_no_more),
		cmocka_unit_test(test_utf8_trim_cuts_what_is_incomplete),
		cmocka_unit_test(test_escape_shows_what_a_terminal_would_obey),
		cmocka_unit_test(test_log_is_one_readable_line),
		cmocka_unit_test(test_log_cuts_long_messages_visibly),
		cmocka_unit_test(test_log_leaves_errno_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
