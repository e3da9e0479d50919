/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is parsed, and the ways back to text: normal form, the kernel's line, positions, equality.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cleanup.h"
#include "definitions.h"
#include "probe-spec.h"
#include "span.h"

static struct probe_spec parse(const char *definition)
{
	struct kp_error e = KP_ERROR_INIT;
	struct probe_spec spec;
	int r;

	r = probe_spec_parse(definition, &spec, &e);
	if (r < 0)
		fail_msg("\"%s\": %d %s at %d: %s", definition, r, e.reason, e.position, e.message);
	assert_int_equal(e.code, KP_OK);
	return spec;
}

/* Text -> spec -> text -> an equal spec, and the very line for the kernel, for the whole table */
static void test_accepted_round_trips(void **state)
{
	struct definitions table;
	unsigned int n = 0;

	assert_true(definitions_open(&table, DEFINITIONS "/definitions-accepted"));
	for (; definitions_next(&table); n++) {
		_cleanup_(probe_spec_done) struct probe_spec spec = parse(table.column[0]);
		_cleanup_(probe_spec_done) struct probe_spec again = PROBE_SPEC_INIT;
		_cleanup_free_ char *normal = NULL, *kernel = NULL, *twice = NULL;

		assert_int_equal(probe_spec_format(&spec, &normal), 0);
		assert_string_equal(normal, table.column[1]);
		again = parse(normal);
		assert_true(probe_spec_equal(&spec, &again));
		assert_int_equal(probe_spec_format(&again, &twice), 0);
		assert_string_equal(twice, normal);
		assert_int_equal(probe_spec_format_kernel(&spec, "kprobed", "ev", NULL, &kernel),
				 0);
		assert_string_equal(kernel, table.column[2]);
	}
	assert_true(n >= 60);
}

static void test_parts_are_filled(void **state)
{
	_cleanup_(probe_spec_done) struct probe_spec spec =
		parse("r16:grp/name ext4:ext4_file_open+0 ret=$retval:s32 $comm");

	assert_int_equal(spec.kind, PROBE_RETURN);
	assert_string_equal(spec.name, "name");
	assert_string_equal(spec.module, "ext4");
	assert_string_equal(spec.symbol, "ext4_file_open");
	assert_int_equal(spec.offset, 0);
	assert_int_equal(spec.maxactive, 16);
	assert_int_equal(spec.symbol_position, 13);
	assert_int_equal(spec.name_position, 8);
	assert_true(spec.enabled);
	assert_int_equal(spec.n_args, 2);
	assert_true(spec.args[0].is_named && spec.args[0].is_typed);
	assert_int_equal(spec.args[0].position, 35);
	assert_int_equal(spec.args[0].fetch_position, 39);
	assert_int_equal(spec.args[0].type_position, 47);
	assert_false(spec.args[1].is_named || spec.args[1].is_typed);
	assert_string_equal(spec.args[1].name, "arg2");
	assert_int_equal(spec.args[1].type_position, -1);
}

static void test_the_helpers_kinds_round_trip(void **state)
{
	static const struct {
		const char *definition, *normal;
		enum probe_kind kind;
		unsigned int maxactive;
		bool wants_all;
	} rows[] = {
		{"c vfs_read", "c vfs_read", PROBE_CALL, 0, true},
		{"c:reads vfs_read", "c:reads vfs_read", PROBE_CALL, 0, true},
		{"c vfs_read -", "c vfs_read -", PROBE_CALL, 0, false},
		{"c65536:g/n ext4:ext4_sync_file %rdi $arg7 r=$retval:s32 +0(%si):string",
		 "c65536:n ext4:ext4_sync_file %di $arg7 r=$retval:s32 +0(%si):string", PROBE_CALL,
		 65536, false},
		{"c vfs_read file->f_flags x=$retval->f_flags $arg*",
		 "c vfs_read file->f_flags x=$retval->f_flags $arg*", PROBE_CALL, 0, false},
		{"c 0xffffffff81000000", "c 0xffffffff81000000 -", PROBE_CALL, 0, false},
		{"c 0xffffffff81000000 $arg1 $retval", "c 0xffffffff81000000 $arg1 $retval",
		 PROBE_CALL, 0, false},
		{"c tcp_s*", "c tcp_s*", PROBE_CALL, 0, true},
		{"c:vfs_read", "c vfs_read", PROBE_CALL, 0, true},
		{"c8:vfs_read %di", "c8 vfs_read %di", PROBE_CALL, 8, false},
		{"c:vfs_read file->f_pos", "c vfs_read file->f_pos", PROBE_CALL, 0, false},
		{"c:vfs_read n=count", "c vfs_read n=count", PROBE_CALL, 0, false},
		{"c:vfs_read -", "c vfs_read -", PROBE_CALL, 0, false},
		{"c:vfs_read count", "c:vfs_read count", PROBE_CALL, 0, true},
		{"c:all *_read", "c:all *_read", PROBE_CALL, 0, true},
		{"c foo#2 # the second", "c foo#2", PROBE_CALL, 0, true},
		{"a vfs_read", "a vfs_read", PROBE_AFTER, 0, false},
		{"a:x vfs_read+0x12 %eflags %ax:s64", "a:x vfs_read+0x12 %flags %ax:s64",
		 PROBE_AFTER, 0, false},
		{"a vfs_read+4 $arg2:u8", "a vfs_read+0x4 $arg2:u8", PROBE_AFTER, 0, false},
		{"a 0xffffffff81000010 $stack2", "a 0xffffffff81000010 $stack2", PROBE_AFTER, 0,
		 false},
		/* Symbols of these names are still symbols. */
		{"call_rcu_core", "p call_rcu_core", PROBE_ENTRY, 0, true},
		{"a1a1", "p a1a1", PROBE_ENTRY, 0, true},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(probe_spec_done) struct probe_spec spec = parse(rows[i].definition);
		_cleanup_(probe_spec_done) struct probe_spec again = PROBE_SPEC_INIT;
		_cleanup_(probe_spec_done) struct probe_spec copy = PROBE_SPEC_INIT;
		_cleanup_free_ char *normal = NULL, *line = NULL;

		assert_int_equal(spec.kind, rows[i].kind);
		assert_int_equal(spec.maxactive, rows[i].maxactive);
		assert_int_equal(spec.wants_all, rows[i].wants_all);
		assert_int_equal(probe_spec_format(&spec, &normal), 0);
		assert_string_equal(normal, rows[i].normal);
		again = parse(normal);
		assert_true(probe_spec_equal(&spec, &again));
		assert_int_equal(again.wants_all, rows[i].wants_all && rows[i].kind != PROBE_ENTRY);
		assert_int_equal(probe_spec_copy(&spec, normal, &copy), 0);
		assert_int_equal(copy.wants_all, rows[i].wants_all);
		assert_int_equal(probe_spec_format_kernel(&spec, "kprobed", "ev", NULL, &line),
				 rows[i].kind == PROBE_ENTRY ? 0 : -EOPNOTSUPP);
	}
}

static void test_a_kind_has_a_name(void **state)
{
	static const char *const names[] = {"probe", "return", "call", "after"};
	enum probe_kind kind = PROBE_ENTRY;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		assert_string_equal(probe_kind_name((enum probe_kind)i), names[i]);
		assert_true(probe_kind_of_name(names[i], &kind));
		assert_int_equal(kind, i);
		assert_int_equal(probe_kind_is_helpers(kind), i >= 2);
	}
	assert_false(probe_kind_of_name("entry", &kind));
}

static void test_address_has_no_symbol(void **state)
{
	_cleanup_(probe_spec_done) struct probe_spec spec = parse("p 0xffffffff81234560");

	assert_null(spec.symbol);
	assert_true(spec.address == 0xffffffff81234560);
	assert_null(spec.name);
	assert_int_equal(spec.name_position, -1);
}

static void test_types_say_how_to_decode(void **state)
{
	static const struct {
		const char *definition, *type;
		enum arg_show show;
		unsigned int size, count;
	} rows[] = {
		{"f %di", "x64", ARG_HEX, 8, 0},
		{"f %di:u8", "u8", ARG_UNSIGNED, 1, 0},
		{"f %di:s16", "s16", ARG_SIGNED, 2, 0},
		{"f %di:x32", "x32", ARG_HEX, 4, 0},
		{"f %di:char", "char", ARG_CHAR, 1, 0},
		{"f %di:symbol", "symbol", ARG_SYMBOL, 8, 0},
		{"f %di:symstr", "symstr", ARG_SYMBOL, 8, 0},
		{"f %di:b3@2/16", "b3@2/16", ARG_UNSIGNED, 2, 0},
		{"f +0(%di):char[16]", "char", ARG_CHAR, 1, 16},
		{"f +0(%di):string", "string", ARG_STRING, 0, 0},
		{"f +0(%di):ustring[2]", "ustring", ARG_STRING, 0, 2},
		{"f $comm", "string", ARG_STRING, 0, 0},
		{"f \\\"x\"", "string", ARG_STRING, 0, 0},
		{"f %di:%pd", "%pd", ARG_STRING, 0, 0},
		{"f %di:errno", "errno", ARG_ERRNO, 4, 0},
		{"f %di:errno/64", "errno/64", ARG_ERRNO, 8, 0},
		{"f %di:bool", "bool", ARG_BOOL, 1, 0},
		{"f %di:mode", "mode", ARG_MODE, 2, 0},
		{"f %di:dev", "dev", ARG_DEVICE, 4, 0},
		{"f %di:port", "port", ARG_PORT, 2, 0},
		{"f %di:ip4", "ip4", ARG_IP4, 4, 0},
		{"f +0(%di):ip4[3]", "ip4", ARG_IP4, 4, 3},
		{"f +0(%di):ip6", "ip6", ARG_IP6, 16, 0},
		{"f +0(%di):ip6[2]", "ip6", ARG_IP6, 16, 2},
		{"f +0(%di):mac", "mac", ARG_MAC, 6, 0},
		{"f %di:flags(open)", "flags(open)", ARG_FLAGS, 4, 0},
		{"f %di:flags(clone)/64", "flags(clone)/64", ARG_FLAGS, 8, 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(probe_spec_done) struct probe_spec spec = parse(rows[i].definition);

		assert_int_equal(spec.n_args, 1);
		assert_string_equal(spec.args[0].type, rows[i].type);
		assert_int_equal(spec.args[0].show, rows[i].show);
		assert_int_equal(spec.args[0].size, rows[i].size);
		assert_int_equal(spec.args[0].count, rows[i].count);
	}
}

static void test_args_are_added_one_by_one(void **state)
{
	_cleanup_(probe_spec_done) struct probe_spec whole = parse("p vfs_read a=%di %si:u32");
	_cleanup_(probe_spec_done) struct probe_spec spec = parse("vfs_read");
	struct kp_error e = KP_ERROR_INIT;

	assert_int_equal(probe_spec_add_arg(&spec, "a=%rdi", &e), 0);
	assert_int_equal(probe_spec_add_arg(&spec, "%si:u32", &e), 0);
	assert_true(probe_spec_equal(&spec, &whole));
	assert_int_equal(probe_spec_add_arg(&spec, "x=%nope", &e), -EINVAL);
	assert_string_equal(e.reason, "badRegName");
	assert_int_equal(e.position, 2);
	e = KP_ERROR_INIT;
	assert_int_equal(probe_spec_add_arg(&spec, "%di %si", &e), -EINVAL);
	assert_string_equal(e.reason, "badCharacter");
	assert_int_equal(e.position, 3);
	e = KP_ERROR_INIT;
	assert_int_equal(probe_spec_add_arg(&spec, "a=%di", &e), -EINVAL);
	assert_string_equal(e.reason, "usedArgName");
	e = KP_ERROR_INIT;
	assert_int_equal(probe_spec_add_arg(&spec, "", &e), -EINVAL);
	assert_string_equal(e.reason, "noArgBody");
	assert_true(probe_spec_equal(&spec, &whole));
	while (spec.n_args < PROBE_ARGS_MAX)
		assert_int_equal(probe_spec_add_arg(&spec, "%di", NULL), 0);
	e = KP_ERROR_INIT;
	assert_int_equal(probe_spec_add_arg(&spec, "%di", &e), -EINVAL);
	assert_string_equal(e.reason, "tooManyArgs");
}

static void test_kernel_line_has_limits(void **state)
{
	_cleanup_(probe_spec_done) struct probe_spec spec = parse("vfs_read");
	_cleanup_free_ char *line = NULL;

	while (spec.n_args < PROBE_ARGS_MAX)
		assert_int_equal(probe_spec_add_arg(&spec, "%di", NULL), 0);
	assert_int_equal(probe_spec_format_kernel(&spec, "g", "e", "c=$comm", &line), -E2BIG);
	assert_null(line);
	probe_spec_done(&spec);

	spec = parse("vfs_read");
	for (int i = 0; i < 100; i++)
		assert_int_equal(probe_spec_add_arg(&spec, "+1234567(+1234567(@123456789))", NULL),
				 0);
	assert_int_equal(probe_spec_format_kernel(&spec, "g", "e", NULL, &line), -E2BIG);
	assert_null(line);
}

static void test_extra_argument_comes_last(void **state)
{
	_cleanup_(probe_spec_done) struct probe_spec spec = parse("vfs_read %di");
	_cleanup_free_ char *line = NULL;

	assert_int_equal(probe_spec_format_kernel(&spec, "g", "e", "__comm=$comm", &line), 0);
	assert_string_equal(line, "p:g/e vfs_read arg1=%di:x64 __comm=$comm");
}

/* An argument of 63 characters has no room for the type, and the kernel's default is the same. */
static void test_type_is_left_out_without_room(void **state)
{
	_cleanup_(probe_spec_done) struct probe_spec spec =
		parse("p f +1234567(+1234567(+1234567(+1234567(+1234567(+123(@12345))))))");
	_cleanup_free_ char *line = NULL;

	assert_int_equal(probe_spec_format_kernel(&spec, "g", "e", NULL, &line), 0);
	assert_string_equal(
		line,
		"p:g/e f arg1=+1234567(+1234567(+1234567(+1234567(+1234567(+123(@12345))))))");
}

/* Where the ^ of the kernel's line is, and where that is in the definition */
static void test_positions_are_mapped(void **state)
{
	static const struct {
		const char *definition, *kernel;
		int position;
	} rows[] = {
		{"p vfs_read %di", "p:kprobed/ev ^vfs_read arg1=%di:x64", 2},
		{"vfs_read %di", "p:kprobed/ev ^vfs_read arg1=%di:x64", 0},
		{"vfs_read %di", "^p:kprobed/ev vfs_read arg1=%di:x64", -1},
		{"p vfs_read %di", "^p:kprobed/ev vfs_read arg1=%di:x64", 0},
		{"p:n vfs_read %di", "p:^kprobed/ev vfs_read arg1=%di:x64", 2},
		{"p vfs_read %di", "p:^kprobed/ev vfs_read arg1=%di:x64", -1},
		{"p vfs_read %di", "p:kprobed/ev vfs_read ^arg1=%di:x64", 11},
		{"p vfs_read %di", "p:kprobed/ev vfs_read arg1=^%di:x64", 11},
		{"p vfs_read %di", "p:kprobed/ev vfs_read arg1=%di:^x64", 11},
		{"p vfs_read a=%di:u8", "p:kprobed/ev vfs_read a=^%di:u8", 13},
		{"p vfs_read a=%di:u8", "p:kprobed/ev vfs_read a=%di:^u8", 17},
		{"p  vfs_read  a=+0(%di):u8", "p:kprobed/ev vfs_read a=+0(^%di):u8", 18},
		{"p vfs_read +0x8(%rdi)", "p:kprobed/ev vfs_read arg1=+8(^%di):x64", 11},
		{"p vfs_read %di $comm", "p:kprobed/ev vfs_read arg1=%di:x64 ^arg2=$comm:string",
		 15},
		{"p vfs_read %di", "p:kprobed/ev vfs_read arg1=%di:x64 ^c=$comm", -1},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(probe_spec_done) struct probe_spec spec = parse(rows[i].definition);
		int position = strcspn(rows[i].kernel, "^");

		assert_int_equal(probe_spec_map_position(&spec, "kprobed", "ev", position),
				 rows[i].position);
		assert_int_equal(probe_spec_map_position(&spec, "kprobed", "ev", -1), -1);
		assert_int_equal(probe_spec_map_position(&spec, "kprobed", "ev", 100000), -1);
	}
}

static void test_equal_is_what_one_event_can_serve(void **state)
{
	static const struct {
		const char *a, *b;
		bool is_equal;
	} rows[] = {
		{"p vfs_read %di", "vfs_read %rdi", true},
		{"p:one vfs_read", "p:two vfs_read", true},
		{"p vfs_read %di", "p vfs_read arg1=%di:x64", true},
		{"p vfs_read +0x10(%di):u8[0x10]", "p vfs_read +16(%di):u8[16]", true},
		{"r vfs_read", "p vfs_read%return", true},
		{"p vfs_read+0x10", "p vfs_read+16", true},
		{"p vfs_read", "r vfs_read", false},
		{"r vfs_read", "r8 vfs_read", false},
		{"p vfs_read", "p vfs_write", false},
		{"p vfs_read", "p vfs_read+1", false},
		{"p vfs_read", "p m:vfs_read", false},
		{"p vfs_read %di", "p vfs_read", false},
		{"p vfs_read %di", "p vfs_read %si", false},
		{"p vfs_read %di", "p vfs_read x=%di", false},
		{"p vfs_read %di", "p vfs_read %di:u64", false},
		{"p vfs_read +0(%di):u8[2]", "p vfs_read +0(%di):u8[3]", false},
		{"p vfs_read +0(%di):u8[2]", "p vfs_read +0(%di):u8", false},
		{"p vfs_read +0(%di)", "p vfs_read +u0(%di)", false},
		{"p 1", "p 2", false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(probe_spec_done) struct probe_spec a = parse(rows[i].a);
		_cleanup_(probe_spec_done) struct probe_spec b = parse(rows[i].b);

		assert_int_equal(probe_spec_equal(&a, &b), rows[i].is_equal);
		assert_int_equal(probe_spec_equal(&b, &a), rows[i].is_equal);
		assert_true(probe_spec_equal(&a, &a));
		b.stack = !a.stack;
		assert_false(probe_spec_equal(&a, &b));
	}
}

static void test_filter_and_stack_count_for_equality(void **state)
{
	_cleanup_(probe_spec_done) struct probe_spec a = parse("vfs_read");
	_cleanup_(probe_spec_done) struct probe_spec b = parse("vfs_read");

	b.enabled = false;
	b.pending = true;
	assert_true(probe_spec_equal(&a, &b));
	b.filter = strdup("common_pid == 1");
	assert_false(probe_spec_equal(&a, &b));
	a.filter = strdup("common_pid == 1");
	assert_true(probe_spec_equal(&a, &b));
	a.stack = true;
	assert_false(probe_spec_equal(&a, &b));
}

static void test_names_are_identifiers(void **state)
{
	char name[PROBE_NAME_MAX + 2];

	memset(name, 'n', sizeof(name));
	name[PROBE_NAME_MAX + 1] = '\0';
	assert_false(probe_name_is_valid(name));
	name[PROBE_NAME_MAX] = '\0';
	assert_true(probe_name_is_valid(name));
	assert_true(probe_name_is_valid("_a1"));
	assert_false(probe_name_is_valid(""));
	assert_false(probe_name_is_valid("1a"));
	assert_false(probe_name_is_valid("a-b"));
	assert_false(probe_name_is_valid("a b"));
	assert_false(probe_name_is_valid("\xc3\xa9"));
}

/* lib/kstrtox.c: the borders */
static void test_numbers_are_the_kernels(void **state)
{
	uint64_t u;
	int64_t s;

	assert_int_equal(span_to_u64(span_of("18446744073709551615"), 0, &u), 0);
	assert_true(u == UINT64_MAX);
	assert_int_equal(span_to_u64(span_of("18446744073709551616"), 0, &u), -ERANGE);
	assert_int_equal(span_to_u64(span_of("0xffffffffffffffff"), 0, &u), 0);
	assert_int_equal(span_to_u64(span_of("0x10000000000000000"), 0, &u), -ERANGE);
	assert_int_equal(span_to_u64(span_of("-1"), 0, &u), -EINVAL);
	assert_int_equal(span_to_u64(span_of("+017"), 0, &u), 0);
	assert_int_equal(u, 15);
	assert_int_equal(span_to_u64(span_of("08"), 0, &u), -EINVAL);
	assert_int_equal(span_to_u64(span_of("08"), 10, &u), 0);
	assert_int_equal(span_to_u64(span_of("0x"), 0, &u), -EINVAL);
	assert_int_equal(span_to_u64(span_of(""), 0, &u), -EINVAL);
	assert_int_equal(span_to_u64(span_of("++1"), 0, &u), -EINVAL);
	assert_int_equal(span_to_s64(span_of("-9223372036854775808"), 0, &s), 0);
	assert_true(s == INT64_MIN);
	assert_int_equal(span_to_s64(span_of("-9223372036854775809"), 0, &s), -ERANGE);
	assert_int_equal(span_to_s64(span_of("9223372036854775808"), 0, &s), -ERANGE);
	assert_int_equal(span_to_s64(span_of("-0x10"), 0, &s), 0);
	assert_int_equal(s, -16);
	assert_int_equal(span_to_s64(span_of("-+1"), 0, &s), -EINVAL);
}

static void test_normal_numbers_are_short(void **state)
{
	char text[SPAN_NUMBER_MAX];

	span_number_s64(INT64_MIN, text);
	assert_string_equal(text, "-0x8000000000000000");
	span_number_s64(-16, text);
	assert_string_equal(text, "-16");
	span_number_u64(UINT64_MAX, text);
	assert_string_equal(text, "0xffffffffffffffff");
	span_number_u64(100000, text);
	assert_string_equal(text, "100000");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accepted_round_trips),
		cmocka_unit_test(test_parts_are_filled),
		cmocka_unit_test(test_the_helpers_kinds_round_trip),
		cmocka_unit_test(test_a_kind_has_a_name),
		cmocka_unit_test(test_address_has_no_symbol),
		cmocka_unit_test(test_types_say_how_to_decode),
		cmocka_unit_test(test_args_are_added_one_by_one),
		cmocka_unit_test(test_kernel_line_has_limits),
		cmocka_unit_test(test_extra_argument_comes_last),
		cmocka_unit_test(test_type_is_left_out_without_room),
		cmocka_unit_test(test_positions_are_mapped),
		cmocka_unit_test(test_equal_is_what_one_event_can_serve),
		cmocka_unit_test(test_filter_and_stack_count_for_equality),
		cmocka_unit_test(test_names_are_identifiers),
		cmocka_unit_test(test_numbers_are_the_kernels),
		cmocka_unit_test(test_normal_numbers_are_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
