/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is refused: with which reason, where, and with which hint; and input that is meant to hurt.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cleanup.h"
#include "definitions.h"
#include "probe-spec.h"

static void check_refused(const char *definition, const char *reason, int position)
{
	struct probe_spec spec = {.n_args = 4711};
	struct kp_error e = KP_ERROR_INIT;
	int r = probe_spec_parse(definition, &spec, &e);

	if (r != -EINVAL || strcmp(e.reason, reason) != 0 || e.position != position)
		fail_msg("\"%.200s\": expected %s at %d, got %d %s at %d", definition, reason,
			 position, r, e.reason, e.position);
	assert_int_equal(e.code, KP_INVALID_DEFINITION);
	assert_int_not_equal(strlen(e.message), 0);
	assert_int_equal(spec.n_args, 4711);
	/* Nobody has to want to know. */
	assert_int_equal(probe_spec_parse(definition, &spec, NULL), -EINVAL);
}

static void test_refused_have_reason_and_position(void **state)
{
	struct definitions table;
	unsigned int n = 0;

	assert_true(definitions_open(&table, DEFINITIONS "/definitions-refused"));
	for (; definitions_next(&table); n++) {
		char *caret = strchr(table.column[1], '^');

		assert_non_null(caret);
		memmove(caret, caret + 1, strlen(caret));
		check_refused(table.column[1], table.column[0], caret - table.column[1]);
	}
	assert_true(n >= 60);
}

static void test_hints_say_what_to_write(void **state)
{
	static const struct {
		const char *definition, *hint;
	} rows[] = {
		{"p vfs_read %rsi2", "did you mean %si?"},
		{"p vfs_read %RDI", "did you mean %di?"},
		{"p vfs_read %edy", "did you mean %dx?"},
#if defined(__x86_64__)
		{"p vfs_read %x0", "register of arm64"},
		{"p vfs_read %w12", "register of arm64"},
#else
		{"p vfs_read %rdi", "register of x86-64"},
#endif
		{"p vfs_read $retval", "r in place of p"},
		{"p vfs_read 8(%sp)", "+8(%sp)"},
		{"p vfs_read all=$arg*", "NAME=$arg1"},
		{"p vfs_read $arg*:u8", "NAME=$arg1"},
		{"p vfs_read file->", ""},
		{"p vfs_read file[x]", "name[3]"},
		{"p vfs_read container_of(file)", "container_of(pointer, struct type, member)"},
		{"p vfs_read %di:int", "write s32"},
		{"p vfs_read %di:flags", "flags(SET), the sets: open "},
		{"p vfs_read %di:flags(file)", "open prot mmap clone poll"},
		{"p vfs_read %di:errno/31", "/32"},
		{"p vfs_read %di:port/16", "leave the width out"},
		{"p vfs_read %di:enum", "name the parameter"},
		{"p vfs_read %di:ip6", "+0(%di):ip6"},
		{"p vfs_read %di:ipv4", "write ip4"},
		{"p vfs_read %di:umode_t", "write mode"},
		{"p vfs_read %di:nope", "errno, bool, mode"},
		{"p vfs_read %si:ustring", "+u0(%si):ustring"},
		{"p vfs_read %si:string", "+0(%si):string"},
		{"p vfs_read+8 $arg1", "without offset"},
		{"p100 vfs_read", "r100"},
		{"-:name", "remove"},
		{"p /bin/sh:0x100", "user-space"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct kp_error e = KP_ERROR_INIT;
		struct probe_spec spec;

		assert_int_equal(probe_spec_parse(rows[i].definition, &spec, &e), -EINVAL);
		if (!strstr(e.hint, rows[i].hint))
			fail_msg("\"%s\": the hint is \"%s\"", rows[i].definition, e.hint);
	}
}

/* Not in the table of what is refused: to the kernel these are no definitions at all. */
static void test_the_helpers_kinds_are_refused_where_they_make_no_sense(void **state)
{
	static const struct {
		const char *definition, *reason;
		int position;
	} rows[] = {
		{"c0 vfs_read", "badMaxact", 1},
		{"c65537 vfs_read", "maxactTooBig", 1},
		{"a8 vfs_read", "badMaxactType", 1},
		{"c vfs_read+4", "badRetprobe", 2},
		{"c vfs_read+0x10", "badRetprobe", 2},
		{"c vfs_read%return", "badAddrSuffix", 10},
		{"a vfs_read%return", "badAddrSuffix", 10},
		{"a vfs_read $retval", "retvalOnProbe", 11},
		{"a vfs_read+8 $arg1", "nofentryArgs", 13},
		{"a 0xffffffff81000000 $arg1", "nofentryArgs", 21},
		{"c vfs_read - %di", "derefNeedBrace", 11},
		{"a vfs_read -", "derefNeedBrace", 11},
		{"c vfs_read +0($comm)", "commCantDeref", 14},
		{"c", "noProbePoint", 1},
		{"c:", "noProbePoint", 2},
		{"c:1x %di", "badProbeAddr", 2},
		{"c9999999:vfs_read %di", "maxactTooBig", 1},
		{"c: vfs_read", "noEventName", 2},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		check_refused(rows[i].definition, rows[i].reason, rows[i].position);
}

static void test_a_definition_is_one_line(void **state)
{
	check_refused("p vfs_read\n", "newline", 10);
	check_refused("p vfs_read\np vfs_write", "newline", 10);
	check_refused("p vfs_read # comment\np vfs_write", "newline", 20);
	check_refused("p vfs_read \x01", "badCharacter", 11);
	check_refused("p vfs\x80read", "badCharacter", 5);
	check_refused("p vfs_read \x1b[31m", "badCharacter", 11);
}

static void test_too_many_arguments_are_refused(void **state)
{
	char text[PROBE_LINE_MAX + 1] = "p f";
	size_t n = strlen(text);

	for (int i = 0; i < 1000; i++)
		n += snprintf(text + n, sizeof(text) - n, " %%di");
	check_refused(text, "tooManyArgs", 3 + 128 * 4 + 1);
	memcpy(text + 3 + 900 * 4 + 1, "$arg", 4);
	check_refused(text, "badVar", 3 + 900 * 4 + 1);
}

static void test_long_lines_are_refused(void **state)
{
	_cleanup_free_ char *text = malloc(1 << 20);
	struct probe_spec spec;

	assert_non_null(text);
	memset(text, '(', 1 << 20);
	text[(1 << 20) - 1] = '\0';
	check_refused(text, "lineTooLong", PROBE_LINE_MAX);

	/* Just fits; then its normal form, with "p " in front and "0x", does not. */
	memset(text, 'f', PROBE_LINE_MAX);
	text[PROBE_LINE_MAX] = '\0';
	memcpy(text, "p ", 2);
	assert_int_equal(probe_spec_parse(text, &spec, NULL), 0);
	probe_spec_done(&spec);
	memcpy(text, "ff", 2);
	check_refused(text, "lineTooLong", PROBE_LINE_MAX);
	memcpy(text, "p ", 2);
	memcpy(text + PROBE_LINE_MAX - 2, "+9", 2);
	check_refused(text, "lineTooLong", PROBE_LINE_MAX);
}

static void test_deep_nesting_is_refused(void **state)
{
	char nested[PROBE_LINE_MAX - 8], text[PROBE_LINE_MAX + 1];

	for (size_t i = 0; i < sizeof(nested); i++)
		nested[i] = "+0("[i % 3];
	snprintf(text, sizeof(text), "p f %.*s", (int)sizeof(nested), nested);
	check_refused(text, "argTooLong", 4);
	/* As deep as 63 characters go */
	snprintf(text, sizeof(text), "p f %.*s%.*s", 15 * 3, nested, 15, ")))))))))))))))");
	check_refused(text, "badFetchArg", 4 + 15 * 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused_have_reason_and_position),
		cmocka_unit_test(test_hints_say_what_to_write),
		cmocka_unit_test(test_the_helpers_kinds_are_refused_where_they_make_no_sense),
		cmocka_unit_test(test_a_definition_is_one_line),
		cmocka_unit_test(test_too_many_arguments_are_refused),
		cmocka_unit_test(test_long_lines_are_refused),
		cmocka_unit_test(test_deep_nesting_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
