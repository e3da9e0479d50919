/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The interface language, and that the interfaces we have are in it. */
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
#include "interfaces.h"
#include "varlink-idl.h"

DEFINE_CLEANUP(struct interfaces *, interfaces_free);
DEFINE_CLEANUP(struct varlink_interface *, varlink_interface_free);

static struct varlink_interface *parse(const char *text)
{
	struct varlink_interface *iface = NULL;
	char err[VARLINK_IDL_ERROR_MAX] = "";

	if (varlink_interface_parse(text, &iface, err, sizeof(err)) != 0)
		fail_msg("%s: %s", text, err);
	return iface;
}

/* An interface with the type @text in it, where a struct S and an enum E are defined. */
static struct varlink_interface *parse_with_type(const char *text)
{
	char buf[512];

	snprintf(buf, sizeof(buf), "interface a.b type T (t: %s) type S (s: ?S) type E (x, y)",
		 text);
	return parse(buf);
}

static const struct varlink_type *get_type(const struct varlink_interface *iface)
{
	return varlink_interface_find(iface, VARLINK_TYPE, "T")->type->fields->type;
}

static void test_types_are_read_as_written(void **state)
{
	static const struct {
		const char *text;
		enum varlink_kind kind;
		bool nullable;
		int element; /* kind of it, -1: none */
	} rows[] = {
		{"bool", VARLINK_BOOL, false, -1},
		{"int", VARLINK_INT, false, -1},
		{"?float", VARLINK_FLOAT, true, -1},
		{"string", VARLINK_STRING, false, -1},
		{"?object", VARLINK_OBJECT, true, -1},
		{"[]int", VARLINK_ARRAY, false, VARLINK_INT},
		{"?[][]string", VARLINK_ARRAY, true, VARLINK_ARRAY},
		{"[string]S", VARLINK_DICT, false, VARLINK_STRUCT},
		{"[]?E", VARLINK_ARRAY, false, VARLINK_ENUM},
		{"(a, b)", VARLINK_ENUM, false, -1},
		{"(a)", VARLINK_ENUM, false, -1},
		{"(a: int, b: (c: ?[](d: bool)))", VARLINK_STRUCT, false, -1},
		{"()", VARLINK_STRUCT, false, -1},
		{"S", VARLINK_STRUCT, false, -1},
		{"?E", VARLINK_ENUM, true, -1},
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(varlink_interface_freep) struct varlink_interface *iface =
			parse_with_type(rows[i].text);
		const struct varlink_type *type = get_type(iface);

		assert_int_equal(type->kind, rows[i].kind);
		assert_int_equal(type->nullable, rows[i].nullable);
		if (rows[i].element < 0)
			assert_null(type->element);
		else
			assert_int_equal(type->element->kind, rows[i].element);
	}
}

static void test_fields_keep_their_order(void **state)
{
	_cleanup_(varlink_interface_freep) struct varlink_interface *iface =
		parse_with_type("(one: int, Two_2: ?bool, three: E)");
	const struct varlink_type *type = get_type(iface);

	assert_string_equal(type->fields->name, "one");
	assert_string_equal(type->fields->next->name, "Two_2");
	assert_true(type->fields->next->type->nullable);
	assert_string_equal(type->fields->next->next->name, "three");
	assert_null(type->fields->next->next->next);

	type = varlink_type_find(type, "three")->type;
	assert_string_equal(type->fields->name, "x");
	assert_null(type->fields->type);
	assert_string_equal(varlink_type_find(type, "y")->name, "y");
	assert_null(varlink_type_find(type, "z"));
}

static void test_type_may_hold_itself(void **state)
{
	_cleanup_(varlink_interface_freep) struct varlink_interface *iface = parse_with_type("S");
	const struct varlink_type *type = get_type(iface);

	assert_ptr_equal(type->fields->type->fields, type->fields);
	assert_true(type->fields->type->nullable);
	assert_false(type->nullable);
}

static void test_members_are_found_by_kind_and_name(void **state)
{
	_cleanup_(varlink_interface_freep) struct varlink_interface *iface =
		parse("# about it\ninterface io.a-1.b2 # more\r\n\tmethod M(a:int)->(b:T)\n"
		      "error E (c: string) error None() type T (x) # the end");
	const struct varlink_member *member;

	assert_string_equal(iface->name, "io.a-1.b2");
	member = varlink_interface_find(iface, VARLINK_METHOD, "M");
	assert_string_equal(member->in->fields->name, "a");
	assert_int_equal(member->out->fields->type->kind, VARLINK_ENUM);
	member = varlink_interface_find(iface, VARLINK_ERROR, "E");
	assert_string_equal(member->type->fields->name, "c");
	member = varlink_interface_find(iface, VARLINK_ERROR, "None");
	assert_null(member->type->fields);
	assert_null(varlink_interface_find(iface, VARLINK_METHOD, "E"));
	assert_null(varlink_interface_find(iface, VARLINK_ERROR, "M"));
	assert_null(varlink_interface_find(iface, VARLINK_METHOD, "m"));
}

static void test_errors_name_line_and_reason(void **state)
{
	static const struct {
		const char *text;
		const char *error;
	} rows[] = {
		{"", "line 1: expected 'interface', not the end"},
		{"\n# only\n# comments", "line 3: expected 'interface', not the end"},
		{"method M() -> ()", "line 1: expected 'interface', not 'method'"},
		{"interfaces a.b", "line 1: expected 'interface', not 'interfaces'"},
		{"interface", "line 1: expected the name of an interface, not the end"},
		{"interface kprobed", "line 1: expected the name of an interface, not 'kprobed'"},
		{"interface a..b", "line 1: expected the name of an interface, not 'a..b'"},
		{"interface a.b.", "line 1: expected the name of an interface, not 'a.b.'"},
		{"interface a.-b", "line 1: expected the name of an interface, not 'a.-b'"},
		{"interface a.b-", "line 1: expected the name of an interface, not 'a.b-'"},
		{"interface 1.b", "line 1: expected the name of an interface, not '1.b'"},
		{"interface a_b.c", "line 1: expected the name of an interface, not 'a_b.c'"},
		{"interface a.b\ninterface a.c",
		 "line 2: expected 'type', 'method' or 'error', not 'interface'"},
		{"interface a.b\n(x)", "line 2: expected 'type', 'method' or 'error', not '('"},
		{"interface a.b\n\ntype x (a)", "line 3: expected a name with a capital, not 'x'"},
		{"interface a.b\ntype X_Y (a)",
		 "line 2: expected a name with a capital, not 'X_Y'"},
		{"interface a.b\ntype X", "line 2: expected '(', not the end"},
		{"interface a.b\ntype X int", "line 2: expected '(', not 'int'"},
		{"interface a.b\ntype X (a) type X (b)", "line 2: 'X' is defined twice"},
		{"interface a.b\ntype X (a)\nmethod X\n() -> ()", "line 3: 'X' is defined twice"},
		{"interface a.b\nerror X ()\nerror X ()", "line 3: 'X' is defined twice"},
		{"interface a.b\ntype X (a: int,\na: int)", "line 3: 'a' stands here twice"},
		{"interface a.b\ntype X (a,\na\n)", "line 3: 'a' stands here twice"},
		{"interface a.b\ntype X (a, b: int)", "line 2: expected ',' or ')', not ':'"},
		{"interface a.b\ntype X (a: int, b)", "line 2: expected ':', not ')'"},
		{"interface a.b\ntype X (a: int b: int)", "line 2: expected ',' or ')', not 'b'"},
		{"interface a.b\ntype X (a: int,)",
		 "line 2: expected the name of a field or value, not ')'"},
		{"interface a.b\ntype X (,)",
		 "line 2: expected the name of a field or value, not ','"},
		{"interface a.b\ntype X (a_: int)",
		 "line 2: expected the name of a field or value, not 'a_'"},
		{"interface a.b\ntype X (a__b: int)",
		 "line 2: expected the name of a field or value, not 'a__b'"},
		{"interface a.b\ntype X (2a: int)",
		 "line 2: expected the name of a field or value, not '2a'"},
		{"interface a.b\ntype X (a-b: int)",
		 "line 2: expected the name of a field or value, not 'a-b'"},
		{"interface a.b\ntype X (a: )", "line 2: expected a type, not ')'"},
		{"interface a.b\ntype X (a: ??int)", "line 2: expected a type, not '?'"},
		{"interface a.b\ntype X (a: integer)", "line 2: expected a type, not 'integer'"},
		{"interface a.b\ntype X (a: [int]string)", "line 2: expected a type, not '['"},
		{"interface a.b\ntype X (a: [ ]int)", "line 2: expected a type, not '['"},
		{"interface a.b\ntype X (a: []", "line 2: expected a type, not the end"},
		{"interface a.b\ntype X (a: int", "line 2: expected ',' or ')', not the end"},
		{"interface a.b\ntype X (\na: Y,\nb: X)", "line 3: unknown type 'Y'"},
		{"interface a.b\nmethod M() -> (a: [string]?M)", "line 2: unknown type 'M'"},
		{"interface a.b\nmethod M() (a: int)", "line 2: expected '->', not '('"},
		{"interface a.b\nmethod M() - > ()", "line 2: expected '->', not '-'"},
		{"interface a.b\nmethod M(a) -> ()", "line 2: parameters need types"},
		{"interface a.b\nmethod M() -> (a)", "line 2: parameters need types"},
		{"interface a.b\nmethod M T -> ()", "line 2: expected '(', not 'T'"},
		{"interface a.b\nmethod M() -> X", "line 2: expected '(', not 'X'"},
		{"interface a.b\nerror E", "line 2: expected '(', not the end"},
		{"interface a.b\nerror E (a, b)", "line 2: parameters need types"},
		{"interface a.b;", "line 1: expected 'type', 'method' or 'error', not ';'"},
		{"interface a.b\ntype X (a: \xff)", "line 2: expected a type, not '\xff'"},
		{"interface a.b type X (a: [][][][][][][][][][][][][][][][]int)",
		 "line 1: types are nested too deeply"},
		{"interface a.b type X (a:(a:(a:(a:(a:(a:(a:(a:(a:(a:(a:(a:(a:(a:(a:(a:(a:",
		 "line 1: types are nested too deeply"},
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct varlink_interface *iface = NULL;
		char err[VARLINK_IDL_ERROR_MAX] = "";

		if (varlink_interface_parse(rows[i].text, &iface, err, sizeof(err)) != -EINVAL)
			fail_msg("accepted: %s", rows[i].text);
		assert_string_equal(err, rows[i].error);
		assert_null(iface);
	}
}

static void test_every_cut_text_is_refused_or_shorter(void **state)
{
	const char *text = interfaces_find_text("io.kprobed.Probes");
	size_t len = strlen(text), i;

	for (i = 0; i < len; i++) {
		struct varlink_interface *iface = NULL;
		_cleanup_free_ char *cut = strndup(text, i);
		char err[VARLINK_IDL_ERROR_MAX];
		int r = varlink_interface_parse(cut, &iface, err, sizeof(err));

		assert_true(r == 0 || r == -EINVAL);
		varlink_interface_free(iface);
	}
}

static void test_long_error_fits_small_buffer(void **state)
{
	struct varlink_interface *iface;
	char err[8];

	assert_int_equal(varlink_interface_parse("x", &iface, err, sizeof(err)), -EINVAL);
	assert_string_equal(err, "line 1:");
}

static void test_interfaces_load(void **state)
{
	_cleanup_(interfaces_freep) struct interfaces *interfaces = NULL;
	char err[256] = "";
	size_t i;

	if (interfaces_load(&interfaces, err, sizeof(err)) < 0)
		fail_msg("%s", err);
	for (i = 0; i < INTERFACES_COUNT; i++) {
		const char *name = interface_texts[i].name;

		assert_string_equal(interfaces_find(interfaces, name)->name, name);
		assert_ptr_equal(interfaces_find_text(name), interface_texts[i].text);
		/* Whole, and nothing behind it. */
		assert_int_equal(interface_texts[i].text[strlen(interface_texts[i].text) - 1],
				 '\n');
	}
	assert_null(interfaces_find(interfaces, "io.kprobed"));
	assert_null(interfaces_find_text("io.kprobed.Probes.Add"));
}

static void test_interfaces_find_member_tells_what_is_unknown(void **state)
{
	static const struct {
		const char *name;
		enum varlink_member_kind kind;
		int r;
	} rows[] = {
		{"io.kprobed.Probes.Add", VARLINK_METHOD, 0},
		{"org.varlink.service.GetInfo", VARLINK_METHOD, 0},
		{"org.varlink.service.InvalidParameter", VARLINK_ERROR, 0},
		{"io.kprobed.Probes.Spec", VARLINK_METHOD, -ENOENT},
		{"io.kprobed.Probes.add", VARLINK_METHOD, -ENOENT},
		{"io.kprobed.Probes.NoSuchProbe", VARLINK_METHOD, -ENOENT},
		{"io.kprobed.Probe.Add", VARLINK_METHOD, -ENXIO},
		{"io.kprobed.Probes.Add.Add", VARLINK_METHOD, -ENXIO},
		{"kprobed.Probes.Add", VARLINK_METHOD, -ENXIO},
		{"Add", VARLINK_METHOD, -EINVAL},
		{".Add", VARLINK_METHOD, -EINVAL},
		{"io.kprobed.Probes.", VARLINK_METHOD, -EINVAL},
		{"", VARLINK_METHOD, -EINVAL},
	};
	_cleanup_(interfaces_freep) struct interfaces *interfaces = NULL;
	char err[256];
	size_t i;

	assert_int_equal(interfaces_load(&interfaces, err, sizeof(err)), 0);
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct varlink_member *member = NULL;

		assert_int_equal(
			interfaces_find_member(interfaces, rows[i].kind, rows[i].name, &member),
			rows[i].r);
		assert_true((member != NULL) == (rows[i].r == 0));
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_types_are_read_as_written),
		cmocka_unit_test(test_fields_keep_their_order),
		cmocka_unit_test(test_type_may_hold_itself),
		cmocka_unit_test(test_members_are_found_by_kind_and_name),
		cmocka_unit_test(test_errors_name_line_and_reason),
		cmocka_unit_test(test_every_cut_text_is_refused_or_shorter),
		cmocka_unit_test(test_long_error_fits_small_buffer),
		cmocka_unit_test(test_interfaces_load),
		cmocka_unit_test(test_interfaces_find_member_tells_what_is_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
