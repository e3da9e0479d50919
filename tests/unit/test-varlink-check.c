/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a request must look like, and how it is told what is wrong with it. */
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
#include "interfaces.h"
#include "strutil.h"
#include "varlink-check.h"
#include "wire.h"

DEFINE_CLEANUP(struct interfaces *, interfaces_free);
DEFINE_CLEANUP(struct json_object *, json_object_put);
DEFINE_CLEANUP(struct varlink_interface *, varlink_interface_free);

static const char idl[] = "interface test.check\n"
			  "type Color (red, green, blue)\n"
			  "type Point (x: int, y: ?int)\n"
			  "type Node (value: int, next: ?Node)\n"
			  "method M(\n"
			  "	b: ?bool, i: ?int, f: ?float, s: ?string, o: ?object, e: ?Color,\n"
			  "	p: ?Point, a: ?[]int, aa: ?[][]Color, d: ?[string]int,\n"
			  "	points: ?[]Point, an: ?[]?int, dp: ?[string]?Point, n: ?Node,\n"
			  "	inline: ?(deep: (er: [string][](z: bool)))\n"
			  ") -> (required: int, optional: ?string)\n"
			  "method Needs(first: string, second: int) -> ()\n"
			  "error E (what: string)\n";

/* As json-c makes it of a message, or without its checks where @is_raw. */
static struct json_object *make(const char *text, bool is_raw)
{
	struct json_object *object = NULL;

	if (is_raw)
		object = json_tokener_parse(text);
	else if (wire_parse_reply(text, strlen(text), &object) < 0)
		fail_msg("no JSON: %s", text);
	assert_non_null(object);
	return object;
}

static const struct varlink_member *find_method(const char *name)
{
	static struct varlink_interface *iface; /* kept for all tests, and reachable at the end */
	char err[VARLINK_IDL_ERROR_MAX];

	if (!iface && varlink_interface_parse(idl, &iface, err, sizeof(err)) < 0)
		fail_msg("%s", err);
	return varlink_interface_find(iface, VARLINK_METHOD, name);
}

static void test_valid_parameters_are_accepted(void **state)
{
	static const char *const rows[] = {
		"{}",
		"{\"b\":true,\"i\":-1,\"f\":0.5,\"s\":\"\",\"o\":{\"any\":[null]},\"e\":\"red\"}",
		"{\"b\":null,\"i\":null,\"f\":null,\"s\":null,\"o\":null,\"e\":null}",
		"{\"p\":null,\"a\":null,\"d\":null,\"points\":null,\"n\":null,\"inline\":null}",
		"{\"i\":9223372036854775807}",
		"{\"i\":-9223372036854775808}",
		"{\"f\":1}",
		"{\"f\":18446744073709551615}",
		"{\"o\":{\"u\":18446744073709551615}}",
		"{\"p\":{\"x\":1}}",
		"{\"p\":{\"x\":1,\"y\":null}}",
		"{\"a\":[],\"aa\":[[],[\"red\",\"blue\"]],\"d\":{},\"points\":[{\"x\":1}]}",
		"{\"d\":{\"\":1,\"b c\":2},\"an\":[null,1],\"dp\":{\"k\":null,\"l\":{\"x\":1}}}",
		"{\"n\":{\"value\":1,\"next\":{\"value\":2,\"next\":{\"value\":3}}}}",
		"{\"inline\":{\"deep\":{\"er\":{\"k\":[{\"z\":true}]}}}}",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(json_object_putp) struct json_object *object = make(rows[i], false);
		struct kp_error error = KP_ERROR_INIT;

		if (varlink_check_call(find_method("M"), object, &error) < 0)
			fail_msg("%s: %s", rows[i], error.message);
		assert_int_equal(error.code, KP_OK);
	}
}

static void test_wrong_parameters_are_named(void **state)
{
	static const struct {
		const char *text;
		const char *path;
		const char *message;
	} rows[] = {
		{"{\"x\":1}", "x", "x: is not known here"},
		{"{\"B\":true}", "B", "B: is not known here"},
		{"{\"\":true}", "parameters", "parameters: is not known here"},
		{"{\"p\":{\"x\":1,\"z\":1}}", "p.z", "p.z: is not known here"},
		{"{\"p\":{}}", "p.x", "p.x: is missing"},
		{"{\"p\":{\"x\":null}}", "p.x", "p.x: must not be null"},
		{"{\"b\":1}", "b", "b: must be true or false"},
		{"{\"b\":\"true\"}", "b", "b: must be true or false"},
		{"{\"i\":1.0}", "i", "i: must be an integer"},
		{"{\"i\":1e3}", "i", "i: must be an integer"},
		{"{\"i\":\"1\"}", "i", "i: must be an integer"},
		{"{\"i\":true}", "i", "i: must be an integer"},
		{"{\"i\":9223372036854775808}", "i", "i: is larger than 9223372036854775807"},
		{"{\"a\":[1,18446744073709551615]}", "a[1]",
		 "a[1]: is larger than 9223372036854775807"},
		{"{\"f\":\"1\"}", "f", "f: must be a number"},
		{"{\"s\":1}", "s", "s: must be a string"},
		{"{\"s\":\"a\\u0000b\"}", "s", "s: has a NUL character"},
		{"{\"o\":[]}", "o", "o: must be an object"},
		{"{\"o\":\"{}\"}", "o", "o: must be an object"},
		{"{\"e\":\"pink\"}", "e", "e: must be one of red, green, blue"},
		{"{\"e\":\"\"}", "e", "e: must be one of red, green, blue"},
		{"{\"e\":\"Red\"}", "e", "e: must be one of red, green, blue"},
		{"{\"e\":\"red\\u0000\"}", "e", "e: has a NUL character"},
		{"{\"e\":0}", "e", "e: must be a string"},
		{"{\"p\":[]}", "p", "p: must be an object"},
		{"{\"a\":{}}", "a", "a: must be an array"},
		{"{\"a\":1}", "a", "a: must be an array"},
		{"{\"a\":[1,2,null]}", "a[2]", "a[2]: must not be null"},
		{"{\"a\":[[1]]}", "a[0]", "a[0]: must be an integer"},
		{"{\"aa\":[[\"red\"],[\"red\",\"x\"]]}", "aa[1][1]",
		 "aa[1][1]: must be one of red, green, blue"},
		{"{\"d\":[]}", "d", "d: must be an object"},
		{"{\"d\":{\"a\":1,\"k\":\"v\"}}", "d.k", "d.k: must be an integer"},
		{"{\"points\":[{\"x\":1},{\"x\":1,\"y\":\"2\"}]}", "points[1].y",
		 "points[1].y: must be an integer"},
		{"{\"an\":[null,false]}", "an[1]", "an[1]: must be an integer"},
		{"{\"dp\":{\"k\":{\"y\":1}}}", "dp.k.x", "dp.k.x: is missing"},
		{"{\"n\":{\"value\":1,\"next\":{\"value\":2,\"next\":{\"valu\":3}}}}",
		 "n.next.next.valu", "n.next.next.valu: is not known here"},
		{"{\"inline\":{\"deep\":{\"er\":{\"k\":[{\"z\":true},{\"z\":0}]}}}}",
		 "inline.deep.er.k[1].z", "inline.deep.er.k[1].z: must be true or false"},
		{"{\"a\\nb\":1}", "a\nb", "a\\nb: is not known here"},
		{"[]", "parameters", "parameters: must be an object"},
		{"\"\"", "parameters", "parameters: must be an object"},
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(json_object_putp) struct json_object *object =
			make(rows[i].text, rows[i].text[0] != '{');
		struct kp_error error = KP_ERROR_INIT;

		if (varlink_check_call(find_method("M"), object, &error) != -EINVAL)
			fail_msg("accepted: %s", rows[i].text);
		assert_int_equal(error.code, KP_INVALID_PARAMETER);
		assert_int_equal(error.err, EINVAL);
		assert_string_equal(error.subject, rows[i].path);
		assert_string_equal(error.message, rows[i].message);
		assert_int_equal(varlink_check_call(find_method("M"), object, NULL), -EINVAL);
	}
}

static void test_missing_parameters_are_named_in_order(void **state)
{
	static const struct {
		const char *text; /* NULL: no parameters */
		const char *path;
	} rows[] = {
		{NULL, "first"},
		{"{}", "first"},
		{"{\"second\":1}", "first"},
		{"{\"first\":\"\"}", "second"},
		{"{\"frist\":\"\",\"second\":1}", "frist"},
		{"{\"first\":\"\",\"second\":null}", "second"},
	};
	const struct varlink_member *method = find_method("Needs");
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(json_object_putp) struct json_object *object =
			rows[i].text ? make(rows[i].text, false) : NULL;
		struct kp_error error = KP_ERROR_INIT;

		assert_int_equal(varlink_check_call(method, object, &error), -EINVAL);
		assert_string_equal(error.subject, rows[i].path);
	}
	assert_int_equal(varlink_check_call(find_method("M"), NULL, NULL), 0);
	assert_int_equal(varlink_check_reply(method, NULL, NULL), 0);
}

static void test_replies_and_errors_are_checked_against_theirs(void **state)
{
	_cleanup_(json_object_putp) struct json_object *reply = make("{\"required\":1}", false);
	_cleanup_(json_object_putp) struct json_object *params = make("{\"what\":\"x\"}", false);
	_cleanup_(varlink_interface_freep) struct varlink_interface *iface = NULL;
	struct kp_error error = KP_ERROR_INIT;
	char err[VARLINK_IDL_ERROR_MAX];
	const struct varlink_member *member;

	assert_int_equal(varlink_check_reply(find_method("M"), reply, NULL), 0);
	assert_int_equal(varlink_check_call(find_method("M"), reply, NULL), -EINVAL);
	assert_int_equal(varlink_check_reply(find_method("M"), params, &error), -EINVAL);
	assert_string_equal(error.subject, "what");

	assert_int_equal(varlink_interface_parse(idl, &iface, err, sizeof(err)), 0);
	member = varlink_interface_find(iface, VARLINK_ERROR, "E");
	assert_int_equal(varlink_check_error(member, params, NULL), 0);
	assert_int_equal(varlink_check_error(member, reply, NULL), -EINVAL);
	assert_int_equal(varlink_check_error(member, NULL, NULL), -EINVAL);
}

static void test_long_paths_are_cut_between_characters(void **state)
{
	size_t pad;

	for (pad = 250; pad <= 260; pad++) {
		_cleanup_(json_object_putp) struct json_object *object = json_object_new_object();
		struct kp_error error = KP_ERROR_INIT;
		char name[300];

		memset(name, 'x', pad);
		strcpy(name + pad, "\xf0\x9f\x98\x80");
		json_object_object_add(object, name, NULL);
		assert_int_equal(varlink_check_call(find_method("M"), object, &error), -EINVAL);
		assert_true(utf8_is_valid(error.subject, strlen(error.subject)));
		assert_true(strlen(error.subject) >= 250);
		assert_true(utf8_is_valid(error.message, strlen(error.message)));
	}
}

static void test_real_requests(void **state)
{
	static const struct {
		const char *method;
		const char *text;
		const char *path; /* NULL: valid */
	} rows[] = {
		{"io.kprobed.Probes.Add", "{\"probes\":[{\"definition\":\"p vfs_read\"}]}", NULL},
		{"io.kprobed.Probes.Add", "{\"probes\":[],\"lifetime\":\"daemon\"}", NULL},
		{"io.kprobed.Probes.Add", "{\"probes\":[],\"lifetime\":\"lease\"}", "lifetime"},
		{"io.kprobed.Probes.Add",
		 "{\"probes\":[{},{},{},{\"kind\":\"return\",\"maxactive\":\"5\"}]}",
		 "probes[3].maxactive"},
		{"io.kprobed.Probes.Add", "{\"probes\":[{\"args\":[\"a\",1]}]}",
		 "probes[0].args[1]"},
		{"io.kprobed.Probes.Add", "{\"probes\":\"p vfs_read\"}", "probes"},
		{"io.kprobed.Probes.Remove", "{\"probes\":[null]}", "probes[0]"},
		{"io.kprobed.Probes.Watch", "{\"more\":true}", "more"},
		{"io.kprobed.Events.Subscribe", "{\"probes\":[\"*\"],\"maxBatch\":1.5}",
		 "maxBatch"},
		{"org.varlink.service.GetInterfaceDescription", "{}", "interface"},
	};
	_cleanup_(interfaces_freep) struct interfaces *interfaces = NULL;
	char err[256];
	size_t i;

	assert_int_equal(interfaces_load(&interfaces, err, sizeof(err)), 0);
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(json_object_putp) struct json_object *object = make(rows[i].text, false);
		const struct varlink_member *method;
		struct kp_error error = KP_ERROR_INIT;

		assert_int_equal(
			interfaces_find_member(interfaces, VARLINK_METHOD, rows[i].method, &method),
			0);
		varlink_check_call(method, object, &error);
		assert_string_equal(error.subject, rows[i].path ? rows[i].path : "");
		assert_int_equal(error.code, rows[i].path ? KP_INVALID_PARAMETER : KP_OK);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_valid_parameters_are_accepted),
		cmocka_unit_test(test_wrong_parameters_are_named),
		cmocka_unit_test(test_missing_parameters_are_named_in_order),
		cmocka_unit_test(test_replies_and_errors_are_checked_against_theirs),
		cmocka_unit_test(test_long_paths_are_cut_between_characters),
		cmocka_unit_test(test_real_requests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
