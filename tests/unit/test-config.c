/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kprobed.conf: what is taken, what is refused and how, and that its documentation is true. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include <cmocka.h>

#include "cleanup.h"
#include "config-keys.h"
#include "config.h"

#define TEXT(s) s, sizeof(s) - 1

/* A struct config has padding: equal is what is dumped alike. */
static void assert_config_equal(const struct config *a, const struct config *b)
{
	char left[CONFIG_PATH_MAX], right[CONFIG_PATH_MAX];
	size_t i;

	for (i = 0; i < CONFIG_KEYS_COUNT; i++) {
		config_key_format(&config_keys[i], a, left, sizeof(left));
		config_key_format(&config_keys[i], b, right, sizeof(right));
		assert_string_equal(left, right);
	}
}

static void parse_onto(struct config *config, const char *text)
{
	char err[CONFIG_ERROR_MAX] = "";

	if (config_parse("test.conf", text, strlen(text), config, err, sizeof(err)) < 0)
		fail_msg("%s", err);
}

static void test_defaults_are_as_designed(void **state)
{
	struct config config;

	config_defaults(&config);
	assert_string_equal(config.socket.path, "/run/kprobed/io.kprobed");
	assert_int_equal(config.socket.mode, 0660);
	assert_string_equal(config.socket.group, "kprobed");
	assert_int_equal(config.instance.buffer_size, 1408 * 1024);
	assert_int_equal(config.instance.parked_max, 64);
	assert_int_equal(config.instance.max_instances, 8);
	assert_int_equal(config.instance.bulk_threshold, 16);
	assert_int_equal(config.log.size, 64 << 20);
	assert_int_equal(config.delivery.tick_ms, 10);
	assert_int_equal(config.delivery.order_window_us, 0);
	assert_int_equal(config.limits.connections, 1024);
	assert_int_equal(config.limits.connections_per_uid, 600);
	assert_int_equal(config.limits.message_size, 1 << 20);
	assert_int_equal(config.limits.probes, 2048);
	assert_int_equal(config.limits.probes_per_uid, 1024);
	assert_int_equal(config.limits.probes_per_request, 512);
	assert_int_equal(config.limits.subscriptions, 1024);
	assert_int_equal(config.limits.selectors, 256);
	assert_int_equal(config.limits.filters, 64);
	assert_int_equal(config.limits.partial_message_timeout_sec, 30);
	assert_string_equal(config.access.observe_group, "kprobed");
	assert_string_equal(config.access.add_group, "");
	assert_int_equal(config.daemon.log_level, LOG_INFO);
}

/* conf/kprobed.conf with the "#" of each "#key=value" taken away. */
static char *read_documented(void)
{
	FILE *f = fopen(CONF_FILE, "r");
	char *text = NULL, line[512];
	size_t size;
	FILE *out;

	assert_non_null(f);
	out = open_memstream(&text, &size);
	assert_non_null(out);
	while (fgets(line, sizeof(line), f)) {
		const char *p = line;

		if (p[0] == '#' && p[1] >= 'a' && p[1] <= 'z')
			p++;
		fputs(p, out);
	}
	fclose(f);
	fclose(out);
	return text;
}

static unsigned int count(const char *text, const char *line)
{
	unsigned int n = 0;

	while ((text = strstr(text, line))) {
		text++;
		n++;
	}
	return n;
}

static void test_documented_defaults_are_the_defaults(void **state)
{
	_cleanup_free_ char *text = read_documented();
	struct config config, defaults;
	size_t i;

	/* Onto something else, so that a key that is not there shows. */
	config_defaults(&defaults);
	memset(&config, 0, sizeof(config));
	parse_onto(&config, text);
	assert_config_equal(&config, &defaults);

	/* In the words of the table, each once, in its order. */
	for (i = 0; i < CONFIG_KEYS_COUNT; i++) {
		char line[256];

		snprintf(line, sizeof(line), "\n%s=%s\n", config_keys[i].name,
			 config_keys[i].initial);
		if (count(text, line) != 1)
			fail_msg("not there once in kprobed.conf: %s", line + 1);
	}
}

static void test_values_are_taken(void **state)
{
	static const struct {
		const char *section, *key, *value, *out;
	} rows[] = {
		{"socket", "path", "/tmp/a b", "/tmp/a b"},
		{"socket", "path", "/", NULL},
		{"socket", "path", "run/x", NULL},
		{"socket", "path", "", NULL},
		{"socket", "mode", "0777", "0777"},
		{"socket", "mode", "600", "0600"},
		{"socket", "mode", "0000", "0000"},
		{"socket", "mode", "1777", NULL},
		{"socket", "mode", "0o600", NULL},
		{"socket", "mode", "688", NULL},
		{"socket", "mode", "60", NULL},
		{"socket", "group", "", ""},
		{"socket", "group", "_ssh-x.1", "_ssh-x.1"},
		{"socket", "group", "1000", "1000"},
		{"socket", "group", "-x", NULL},
		{"socket", "group", "a b", NULL},
		{"socket", "group", "abcdefghabcdefghabcdefghabcdefgh",
		 "abcdefghabcdefghabcdefghabcdefgh"},
		{"socket", "group", "abcdefghabcdefghabcdefghabcdefghi", NULL},
		{"instance", "buffer-size", "64K", "64K"},
		{"instance", "buffer-size", "65535", NULL},
		{"instance", "buffer-size", "65536", "64K"},
		{"instance", "buffer-size", "1G", "1G"},
		{"instance", "buffer-size", "1048577K", NULL},
		{"instance", "buffer-size", "100001", "100001"},
		{"instance", "buffer-size", "64KiB", NULL},
		{"instance", "buffer-size", "64k", NULL},
		{"instance", "buffer-size", "64 K", NULL},
		{"instance", "buffer-size", "K", NULL},
		{"instance", "buffer-size", "-1", NULL},
		{"instance", "buffer-size", "0x100000", NULL},
		{"instance", "buffer-size", "1.5M", NULL},
		{"instance", "buffer-size", "18014398509481985K", NULL},
		{"instance", "parked-max", "0", "0"},
		{"instance", "parked-max", "4096", "4096"},
		{"instance", "parked-max", "4097", NULL},
		{"instance", "max-instances", "0", NULL},
		{"instance", "max-instances", "064", "64"},
		{"instance", "max-instances", "65", NULL},
		{"log", "size", "1M", "1M"},
		{"log", "size", "1048577", "2M"},
		{"log", "size", "100M", "128M"},
		{"log", "size", "16G", "16G"},
		{"log", "size", "15G", "16G"},
		{"log", "size", "1048575", NULL},
		{"log", "size", "1T", NULL},
		{"delivery", "tick-ms", "1", "1"},
		{"delivery", "tick-ms", "10ms", NULL},
		{"delivery", "tick-ms", "1001", NULL},
		{"delivery", "tick-ms", "", NULL},
		{"delivery", "tick-ms", "+5", NULL},
		{"delivery", "tick-ms", "99999999999999999999999999", NULL},
		{"delivery", "tick-ms", "4294967306", NULL},
		{"delivery", "order-window-us", "1000000", "1000000"},
		{"limits", "message-size", "4095", NULL},
		{"limits", "message-size", "64M", "64M"},
		{"limits", "partial-message-timeout-sec", "0", NULL},
		{"access", "add-group", "wheel", "wheel"},
		{"daemon", "log-level", "debug", "debug"},
		{"daemon", "log-level", "error", "error"},
		{"daemon", "log-level", "err", NULL},
		{"daemon", "log-level", "7", NULL},
		{"daemon", "log-level", "", NULL},
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct config_key *key = config_key_find(rows[i].section, rows[i].key);
		char text[256], err[CONFIG_ERROR_MAX] = "", out[CONFIG_PATH_MAX];
		struct config config, defaults;
		int r;

		assert_non_null(key);
		config_defaults(&defaults);
		config = defaults;
		snprintf(text, sizeof(text), "[%s]\n%s = %s\n", rows[i].section, rows[i].key,
			 rows[i].value);
		r = config_parse("x", text, strlen(text), &config, err, sizeof(err));
		if (rows[i].out) {
			if (r < 0)
				fail_msg("%s: %s", text, err);
			assert_string_equal(config_key_format(key, &config, out, sizeof(out)),
					    rows[i].out);
		} else {
			char start[64];

			if (r != -EINVAL)
				fail_msg("%s: accepted", text);
			snprintf(start, sizeof(start), "x:2: %s must be ", rows[i].key);
			assert_memory_equal(err, start, strlen(start));
			assert_config_equal(&config, &defaults);
		}
	}
}

static void test_errors_name_file_line_and_reason(void **state)
{
	static const struct {
		const char *text;
		size_t len;
		const char *error;
	} rows[] = {
		{TEXT("[sockets]\n"), "f:1: unknown section [sockets]"},
		{TEXT("[Socket]"), "f:1: unknown section [Socket]"},
		{TEXT("[ socket ]"), "f:1: unknown section [ socket ]"},
		{TEXT("[]"), "f:1: unknown section []"},
		{TEXT("\n[socket"), "f:2: expected [section] alone on its line"},
		{TEXT("[socket] mode=0600"), "f:1: expected [section] alone on its line"},
		{TEXT("[socket]]"), "f:1: expected [section] alone on its line"},
		{TEXT("mode=0600"), "f:1: 'mode' stands in no section"},
		{TEXT("[socket]\n\n# x\nmood=0600"), "f:4: unknown key 'mood' in [socket]"},
		{TEXT("[socket]\nMode=0600"), "f:2: unknown key 'Mode' in [socket]"},
		{TEXT("[log]\nmode=0600"), "f:2: unknown key 'mode' in [log]"},
		{TEXT("[socket]\nmode=0660\nmode=0660"), "f:3: mode is set twice in this file"},
		{TEXT("[log]\nsize=1M\n[socket]\n[log]\nsize=1M"),
		 "f:5: size is set twice in this file"},
		{TEXT("[socket]\nmode"), "f:2: expected key=value, [section] or a comment"},
		{TEXT("[socket]\nmode: 0600"), "f:2: expected key=value, [section] or a comment"},
		{TEXT("[socket]\n=0600"), "f:2: expected key=value, [section] or a comment"},
		{TEXT("[socket]\n\"mode\"=0600"),
		 "f:2: expected key=value, [section] or a comment"},
		{TEXT("[socket]\n// x"), "f:2: expected key=value, [section] or a comment"},
		{TEXT("\xef\xbb\xbf[socket]"), "f:1: expected key=value, [section] or a comment"},
		{TEXT("[socket]\n mode=0600"), "f:2: a line must not begin with a blank"},
		{TEXT("[socket]\npath=/a\n\t/b"), "f:3: a line must not begin with a blank"},
		{TEXT("[socket]\nmode=06\0"
		      "00"),
		 "f:2: the line has a control character or is no UTF-8"},
		{TEXT("[socket]\npath=/\x1b[m"),
		 "f:2: the line has a control character or is no UTF-8"},
		{TEXT("[socket]\npath=/\xe2\x82"),
		 "f:2: the line has a control character or is no UTF-8"},
		{TEXT("[socket]\rmode=0600"),
		 "f:1: the line has a control character or is no UTF-8"},
		{TEXT("[socket]\nmode=\"0600\""),
		 "f:2: mode must be an octal mode from 0000 to 0777, not '\"0600\"'"},
		{TEXT("[delivery]\ntick-ms=0"),
		 "f:2: tick-ms must be a number from 1 to 1000, not '0'"},
		{TEXT("[log]\nsize=1K"), "f:2: size must be a size from 1M to 16G, not '1K'"},
		{TEXT("[daemon]\nlog-level=all"),
		 "f:2: log-level must be one of error, warning, notice, info, debug, not 'all'"},
		{TEXT("[socket]\npath=a"),
		 "f:2: path must be an absolute path of at most 107 characters, not 'a'"},
		{TEXT("[socket]\ngroup=a:b"),
		 "f:2: group must be the name of a group, or empty, not 'a:b'"},
		/* The first error is told, and what stood before it is not applied. */
		{TEXT("[log]\nsize=1M\n[x]\nbad\n[y]"), "f:3: unknown section [x]"},
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct config config, defaults;
		char err[CONFIG_ERROR_MAX] = "";

		config_defaults(&defaults);
		config = defaults;
		if (config_parse("f", rows[i].text, rows[i].len, &config, err, sizeof(err)) !=
		    -EINVAL)
			fail_msg("row %zu accepted: %s", i, rows[i].text);
		assert_string_equal(err, rows[i].error);
		assert_config_equal(&config, &defaults);
	}
}

static void test_long_lines_are_refused_not_split(void **state)
{
	size_t len;

	for (len = 150; len < 300; len++) {
		struct config config;
		char text[400] = "[socket]\n#", err[CONFIG_ERROR_MAX] = "";
		int r;

		memset(text + 10, 'x', len);
		strcpy(text + 10 + len, "\n[log]\nsize=2M");
		config_defaults(&config);
		r = config_parse("f", text, strlen(text), &config, err, sizeof(err));
		if (r == 0) {
			assert_int_equal(config.log.size, 2 << 20);
		} else {
			assert_true(len > 190);
			assert_memory_equal(err, "f:2: the line is longer than ", 29);
		}
	}
}

static void test_path_length_is_that_of_a_socket(void **state)
{
	struct config config;
	char text[256], err[CONFIG_ERROR_MAX];
	size_t len;

	for (len = 106; len <= 109; len++) {
		strcpy(text, "[socket]\npath=/");
		memset(text + 15, 'a', len - 1);
		text[15 + len - 1] = '\0';
		config_defaults(&config);
		assert_int_equal(config_parse("f", text, strlen(text), &config, err, sizeof(err)),
				 len <= 107 ? 0 : -EINVAL);
		if (len <= 107)
			assert_int_equal(strlen(config.socket.path), len);
	}
}

static void test_layout_is_free_where_it_is_harmless(void **state)
{
	struct config config;

	config_defaults(&config);
	parse_onto(&config, "");
	parse_onto(&config, "\n\r\n \t \n; a\n# b\n[log] ; c\r\n[socket]\t# d\r\n"
			    "mode \t=\t 0600 \t\r\ngroup=x ; y\n[log]\n[log]\nsize=1M ");
	assert_int_equal(config.socket.mode, 0600);
	assert_string_equal(config.socket.group, "x");
	assert_int_equal(config.log.size, 1 << 20);
}

static void test_dump_is_read_back(void **state)
{
	struct config config, again;
	_cleanup_free_ char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	assert_non_null(f);
	config_defaults(&config);
	parse_onto(&config, "[log]\nsize=3M\n[socket]\nmode=0600\npath=/x y\n[access]\n"
			    "observe-group=\nadd-group=adm\n[daemon]\nlog-level=debug\n"
			    "[instance]\nbuffer-size=70000\n");
	assert_int_equal(config_dump(&config, f), 0);
	fclose(f);
	memset(&again, 0, sizeof(again));
	parse_onto(&again, text);
	assert_config_equal(&config, &again);
	assert_non_null(strstr(text, "\n[log]\nsize=4M\n"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults_are_as_designed),
		cmocka_unit_test(test_documented_defaults_are_the_defaults),
		cmocka_unit_test(test_values_are_taken),
		cmocka_unit_test(test_errors_name_file_line_and_reason),
		cmocka_unit_test(test_long_lines_are_refused_not_split),
		cmocka_unit_test(test_path_length_is_that_of_a_socket),
		cmocka_unit_test(test_layout_is_free_where_it_is_harmless),
		cmocka_unit_test(test_dump_is_read_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
