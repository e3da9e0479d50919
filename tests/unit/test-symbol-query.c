/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which symbols a query finds: globs, regular expressions, types, modules, and what can be probed.
 */
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

#include "symbol-query.h"

static const char kallsyms[] = "ffffffff81000000 T tcp_sendmsg\n"
			       "ffffffff81000100 t tcp_send_ack\n"
			       "ffffffff81000200 T __tcp_send_ack\n"
			       "ffffffff81000300 t udp_sendmsg\n"
			       "ffffffff81000400 t tcp_secret\n"
			       "ffffffff81000500 W weak\n"
			       "ffffffff82000000 D tcp_prot\n"
			       "ffffffff82000100 b tcp_[odd]\n"
			       "ffffffffc0000000 t tcp_probe\t[tcp_module]\n"
			       "ffffffffc0001000 t other\t[other]\n";

static const char functions[] =
	"tcp_sendmsg\ntcp_send_ack\n__tcp_send_ack\nudp_sendmsg\ntcp_secret\n"
	"tcp_probe [tcp_module]\n";
static const char blacklist[] = "0xffffffff81000400-0xffffffff81000500\ttcp_secret\n";

struct fixture {
	struct symbols *s;
	struct function_lists *l;
};

static int set_up(void **state)
{
	static struct fixture f;
	const struct function_lists_text text = {.functions = functions, .blacklist = blacklist};
	char path[] = "/tmp/test-symbol-query-XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, kallsyms, strlen(kallsyms)), strlen(kallsyms));
	assert_int_equal(symbols_load(path, &f.s), 0);
	close(fd);
	unlink(path);
	assert_int_equal(function_lists_new(f.s, &text, &f.l), 0);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	function_lists_free(f->l);
	symbols_free(f->s);
	return 0;
}

/* What is found as names in a row, and how many there are in all. */
static void assert_found(const struct fixture *f, const struct symbol_query_options *options,
			 const char *want, uint32_t want_total)
{
	struct symbol_query_options o = *options;
	struct symbol_query *q;
	struct symbol_matches m;
	char got[512] = "";

	if (o.limit == 0)
		o.limit = 100;
	assert_int_equal(symbol_query_new(&o, &q, NULL), 0);
	assert_int_equal(symbol_query_run(q, f->s, f->l, &m, NULL), 0);
	for (uint32_t i = 0; i < m.n; i++)
		snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s%s", i ? " " : "",
			 symbols_name(f->s, m.indexes[i]));
	if (strcmp(got, want) != 0)
		fail_msg("%s: \"%s\", not \"%s\"", o.pattern, got, want);
	assert_int_equal(m.total, want_total);
	free(m.indexes);
	symbol_query_free(q);
}

#define found(f, want, total, ...)                                                                 \
	assert_found(f, &(struct symbol_query_options){__VA_ARGS__}, want, total)

static void test_names_and_globs(void **state)
{
	const struct fixture *f = *state;

	found(f, "tcp_sendmsg", 1, .pattern = "tcp_sendmsg");
	found(f, "", 0, .pattern = "tcp_send");
	found(f, "tcp_sendmsg tcp_send_ack", 2, .pattern = "tcp_send*");
	found(f, "tcp_send_ack __tcp_send_ack", 2, .pattern = "*tcp_send_ack");
	found(f, "tcp_sendmsg udp_sendmsg", 2, .pattern = "?[cd]p_sendmsg");
	found(f, "tcp_[odd]", 1, .pattern = "tcp_\\[odd]");
	found(f, "tcp_sendmsg udp_sendmsg", 2, .pattern = "*_sendms[g]");
	found(f, "weak", 1, .pattern = "[w]e*");
}

static void test_regular_expressions(void **state)
{
	const struct fixture *f = *state;

	found(f, "tcp_sendmsg udp_sendmsg", 2, .pattern = "/sendmsg$/");
	found(f, "tcp_sendmsg tcp_send_ack", 2, .pattern = "/^tcp_send/");
	found(f, "tcp_send_ack __tcp_send_ack tcp_probe other", 4, .pattern = "/ack|probe|other/");
	found(f, "", 0, .pattern = "/^$/");
	/* A slash by itself is a name. */
	found(f, "", 0, .pattern = "/");
}

static void test_types_and_modules(void **state)
{
	const struct fixture *f = *state;

	found(f, "tcp_prot", 1, .pattern = "*", .types = "D");
	found(f, "weak tcp_prot", 2, .pattern = "*", .types = "DW");
	found(f, "tcp_probe", 1, .pattern = "tcp*", .module = "tcp_module");
	found(f, "tcp_probe", 1, .pattern = "*", .module = "tcp*");
	found(f, "tcp_probe other", 2, .pattern = "*", .module = "*");
	found(f, "tcp_send_ack udp_sendmsg tcp_secret", 3, .pattern = "*", .types = "t",
	      .module = "vmlinux");
}

static void test_what_can_be_probed(void **state)
{
	const struct fixture *f = *state;

	found(f, "tcp_sendmsg tcp_send_ack tcp_probe", 3, .pattern = "tcp_*",
	      .answers = 1u << PROBEABLE_YES);
	found(f, "tcp_secret tcp_prot tcp_[odd]", 3, .pattern = "tcp_*",
	      .answers = 1u << PROBEABLE_NO);
	found(f, "", 0, .pattern = "*", .answers = 1u << PROBEABLE_UNKNOWN);
}

static void test_limits_and_pages(void **state)
{
	const struct fixture *f = *state;

	found(f, "tcp_sendmsg tcp_send_ack", 10, .pattern = "*", .limit = 2);
	found(f, "__tcp_send_ack udp_sendmsg", 10, .pattern = "*", .limit = 2, .skip = 2);
	found(f, "other", 10, .pattern = "*", .limit = 2, .skip = 9);
	found(f, "", 10, .pattern = "*", .limit = 2, .skip = 10);
}

static void assert_invalid(const char *pattern, int position)
{
	const struct symbol_query_options o = {.pattern = pattern, .limit = 1};
	struct kp_error e = KP_ERROR_INIT;
	struct symbol_query *q = NULL;

	assert_int_equal(symbol_query_new(&o, &q, &e), -EINVAL);
	assert_null(q);
	assert_int_equal(e.code, KP_INVALID_PARAMETER);
	assert_string_equal(e.subject, "pattern");
	assert_int_equal(e.position, position);
	assert_true(e.message[0] != '\0');
}

static void test_wrong_patterns_are_refused(void **state)
{
	char longest[SYMBOL_PATTERN_MAX + 2], nested[2 * 60 + 4] = "/";

	assert_invalid("", -1);
	assert_invalid("/tcp_(send/", 10);
	assert_invalid("/*a/", 1);
	assert_invalid("/\\C/", 3);
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_invalid(longest, -1);
	for (int i = 0; i < 60; i++)
		strcat(nested, "(");
	for (int i = 0; i < 60; i++)
		strcat(nested, ")");
	strcat(nested, "/");
	assert_invalid(nested, 52);
}

/* Backtracking without end is given up, and said to be. */
static void test_endless_patterns_end(void **state)
{
	const struct symbol_query_options o = {.pattern = "/^(n+)+(n+)+$/", .limit = 1};
	char path[] = "/tmp/test-symbol-query-XXXXXX", text[256];
	struct kp_error e = KP_ERROR_INIT;
	struct symbol_matches m = {0};
	struct symbol_query *q;
	struct symbols *s;
	int fd = mkstemp(path);

	snprintf(text, sizeof(text), "ffffffff81000000 T %s\n",
		 "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnx");
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(symbols_load(path, &s), 0);
	close(fd);
	unlink(path);
	assert_int_equal(symbol_query_new(&o, &q, NULL), 0);
	assert_int_equal(symbol_query_run(q, s, NULL, &m, &e), -EDQUOT);
	assert_int_equal(e.code, KP_LIMIT_REACHED);
	assert_string_equal(e.subject, "pattern-time");
	symbol_query_free(q);
	symbols_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_and_globs),
		cmocka_unit_test(test_regular_expressions),
		cmocka_unit_test(test_types_and_modules),
		cmocka_unit_test(test_what_can_be_probed),
		cmocka_unit_test(test_limits_and_pages),
		cmocka_unit_test(test_wrong_patterns_are_refused),
		cmocka_unit_test(test_endless_patterns_end),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
