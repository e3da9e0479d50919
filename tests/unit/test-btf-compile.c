/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Typed expressions over the types of btf-world.h: what the kernel gets to see, or what is wrong.
 */
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

static int compile(struct btf_store *store, const char *definition, struct probe_spec *ret,
		   struct kp_error *e)
{
	int r = probe_spec_parse(definition, ret, e);

	if (r == 0) {
		r = btf_compile_spec(ret, store, ret->module, ret->symbol, e);
		if (r < 0)
			probe_spec_done(ret);
	}
	return r;
}

static void assert_line(struct btf_store *store, const char *definition, const char *expected)
{
	_cleanup_free_ char *line = NULL, *normal = NULL;
	struct kp_error e = KP_ERROR_INIT;
	struct probe_spec spec, again;
	int r = compile(store, definition, &spec, &e);

	if (r < 0)
		fail_msg("\"%s\": %d %s %s [%s]", definition, r, e.reason, e.message, e.hint);
	assert_int_equal(probe_spec_format_kernel(&spec, "g", "e", NULL, &line), 0);
	if (strcmp(strchr(line, ' ') + 1, expected) != 0)
		fail_msg("\"%s\" is \"%s\", not \"%s\"", definition, strchr(line, ' ') + 1,
			 expected);
	/* The normal form is a definition that means the same. */
	assert_int_equal(probe_spec_format(&spec, &normal), 0);
	r = compile(store, normal, &again, &e);
	if (r < 0)
		fail_msg("normal form \"%s\": %s", normal, e.message);
	if (!probe_spec_equal(&spec, &again))
		fail_msg("normal form \"%s\" is another probe", normal);
	probe_spec_done(&spec);
	probe_spec_done(&again);
}

static void test_expressions_become_offsets(void **state)
{
	static const struct {
		const char *definition, *line;
	} rows[] = {
		{"p walk depth", "walk depth=%si:s32"},
		{"p walk node", "walk node=%di:x64"},
		{"p walk path deep mode", "walk path=+0(%dx):string deep=%cx:u8 mode=%r8:u16"},
		{"p walk seventh", "walk seventh=+8(%sp):u32"},
		{"p walk uid uid.val uid:x32", "walk uid=%r9:u32 val=%r9:u32 uid_2=%r9:x32"},
		{"p walk pair.a pair.b", "walk a=+16(%sp):u64 b=+24(%sp):u64"},
		{"p by_value pair.a pair.b uid", "by_value a=%di:u64 b=%si:u64 uid=%dx:u32"},
		{"p walk node->next->next->color", "walk color=+72(+0(+0(%di))):u32"},
		{"p walk node->wide node->low node->high",
		 "walk wide=+8(%di):u64 low=+8(%di):u32 high=+12(%di):u32"},
		{"p walk node->name *node->name node->name[2]",
		 "walk name=+0(+16(%di)):string name_2=+0(+16(%di)):u8 name_3=+2(+16(%di)):u8"},
		{"p walk node->inner.text node->inner.h_dest node->inner.numbers",
		 "walk text=+24(%di):string h_dest=+40(%di):u8[6] numbers=+48(%di):s32[4]"},
		{"p walk node->inner.numbers[3]", "walk numbers=+60(%di):s32"},
		{"p walk node->inner.bits node->inner.sign",
		 "walk bits=+64(%di):b3@0/8 sign=+64(%di):b5@6/16"},
		{"p walk node->act node->on", "walk act=+80(%di):x64 on=+110(%di):u8"},
		{"p walk node->saddr node->dport", "walk saddr=+104(%di):u32 dport=+108(%di):u16"},
		{"p walk node->user_text", "walk user_text=+u0(+912(%di)):ustring"},
		{"p walk node->many[99]->color", "walk color=+72(+904(%di)):u32"},
		{"p walk x=((struct node *)node->data)->color", "walk x=+72(+96(%di)):u32"},
		{"p walk ((struct node *)node->next)->low ((struct node *)path)->low",
		 "walk low=+8(+0(%di)):u32 low_2=+8(%dx):u32"},
		{"p walk (struct node *)path->color", "walk color=+72(%dx):u32"},
		{"p walk (struct node *)(node->data)->low", "walk low=+8(+96(%di)):u32"},
		{"p walk (unsigned int *)path[1] *(int *)path",
		 "walk path=+4(%dx):u32 path_2=+0(%dx):s32"},
		{"p walk container_of(path, struct node, inner.numbers[1])->low",
		 "walk low=-44(%dx):u32"},
		{"p walk node->name:ustring node->data:string",
		 "walk name=+0(+16(%di)):ustring data=+0(+96(%di)):string"},
		{"p walk node->data:u8[16] node->inner:x8[4] node->inner.text:x8[4]",
		 "walk data=+0(+96(%di)):u8[16] inner=+24(%di):x8[4] text=+24(%di):x8[4]"},
		{"p walk depth:errno node->act:x64", "walk depth=%si:s32 act=+80(%di):x64"},
		{"p walk $arg1->color $arg2:u8", "walk color=+72(%di):u32 arg2=$arg2:u8"},
		{"p walk ((struct node *)%bx)->color", "walk color=+72(%bx):u32"},
		{"p walk+5 ((struct node *)%bx)->color", "walk+0x5 color=+72(%bx):u32"},
		{"p walk $arg*",
		 "walk node=%di:x64 depth=%si:s32 path=+0(%dx):string deep=%cx:u8 mode=%r8:u16 "
		 "uid=%r9:u32 seventh=+8(%sp):u32 pair=+16(%sp):x64[2]"},
		{"p walk depth $arg*",
		 "walk depth=%si:s32 node=%di:x64 depth_2=%si:s32 path=+0(%dx):string deep=%cx:u8 "
		 "mode=%r8:u16 uid=%r9:u32 seventh=+8(%sp):u32 pair=+16(%sp):x64[2]"},
		{"by_value", "by_value pair=%di:x64 pair_2=%si:x64 uid=%dx:u32"},
		{"by_value -", "by_value"},
		{"p by_value", "by_value"},
		{"none", "none"},
		{"walk%return", "walk ret=$retval:s32"},
		{"none%return", "none"},
		{"find%return", "find ret=$retval:x64"},
		{"r find $retval->color", "find color=+72($retval):u32"},
		{"r walk $retval", "walk arg1=$retval:x64"},
		{"unknown", "unknown"},
		{"walk+64", "walk+0x40"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_line(*state, rows[i].definition, rows[i].line);
}

static void test_display_follows_types(void **state)
{
	struct kp_error e = KP_ERROR_INIT;
	struct probe_spec spec;
	static const enum arg_show expected[] = {ARG_ENUM, ARG_SYMBOL, ARG_IP4,	 ARG_PORT,
						 ARG_BOOL, ARG_MAC,    ARG_MODE, ARG_CHAR};
	size_t len;

	assert_int_equal(compile(*state,
				 "p walk node->color node->act node->saddr node->dport node->on "
				 "node->inner.h_dest mode *node->name",
				 &spec, &e),
			 0);
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++)
		assert_int_equal(spec.args[i].show, expected[i]);
	assert_non_null(spec.args[0].names);
	assert_memory_equal(value_names_find(spec.args[0].names, 1, &len), "GREEN", 5);
	probe_spec_done(&spec);
}

static void test_errors_say_what_and_where(void **state)
{
	static const struct {
		const char *definition, *reason, *hint;
	} rows[] = {
		{"p walk ^dept", "unknownParameter", "did you mean depth?"},
		{"p walk ^di", "unknownParameter", "%di"},
		{"p walk ^zzzzzz", "unknownParameter", "parameters: node, depth"},
		{"p none ^x", "unknownParameter", "no parameters"},
		{"p walk node->^colour", "unknownMember", "did you mean color?"},
		{"p walk node->inner.^txt", "unknownMember", "did you mean text?"},
		{"p walk node^.color", "isAPointer", "write node->color"},
		{"p walk node->inner^->text", "notAPointer", "write inner.text"},
		{"p walk depth^->x", "notAPointer", ""},
		{"p walk ^node->inner", "notAValue", "text, h_dest"},
		{"p walk ^node->many", "arrayTooBig", "name[0]"},
		{"p walk node->many[^100]", "indexOutOfRange", ""},
		{"p walk node->inner.numbers[^4]", "indexOutOfRange", ""},
		{"p walk node->opaque->^x", "incompleteType", "private"},
		{"p walk node->data^->x", "notAStruct", "cast"},
		{"p walk (^struct nodes *)path->color", "unknownType", "did you mean node?"},
		{"p walk (^node *)path->color", "unknownType", "struct node"},
		{"p walk (^struct node)depth", "badCast", "pointer"},
		{"p walk %bx^->color", "noType", "cast"},
		{"p walk ((struct node *)^%bxx)->color", "badRegName", "%bx"},
		{"p walk node->inner.bits:^u8", "badType", "leave"},
		{"p unknown ^x", "noPrototype", "cast"},
		{"p walk.isra.0 ^node", "noPrototype", "compiler"},
		{"p unknown ^$arg*", "noPrototype", ""},
		{"p twice ^a", "ambiguousPrototype", ""},
		{"p 0xffffffff81000000 ^x", "noPrototype", ""},
		{"p walk+64 ^node", "nofentryArgs", "start"},
		{"p walk ^$retval->color", "retvalOnProbe", "%return"},
		{"p walk ^$arg9->color", "badArgNum", ""},
		{"p walk nowhere:^none", "badType", ""},
		{"p walk "
		 "^node->next->next->next->next->next->next->next->next->next->next->next->next->"
		 "next->next->next->color",
		 "argTooLong", "63 characters"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct kp_error e = KP_ERROR_INIT;
		char definition[256];
		struct probe_spec spec;
		const char *caret = strchr(rows[i].definition, '^');

		snprintf(definition, sizeof(definition), "%.*s%s",
			 (int)(caret - rows[i].definition), rows[i].definition, caret + 1);
		if (compile(*state, definition, &spec, &e) != -EINVAL)
			fail_msg("\"%s\" is accepted", definition);
		if (strcmp(e.reason, rows[i].reason) != 0 || !strstr(e.hint, rows[i].hint) ||
		    e.position != (int)(caret - rows[i].definition))
			fail_msg("\"%s\": %s at %d, %s [%s]", definition, e.reason, e.position,
				 e.message, e.hint);
	}
}

static void test_arguments_at_return_where_the_kernel_keeps_them(void **state)
{
	struct kp_error e = KP_ERROR_INIT;
	struct probe_spec spec;

	assert_int_equal(compile(*state, "r walk node->color", &spec, &e), -EOPNOTSUPP);
	assert_int_equal(e.code, KP_HELPER_REQUIRED);
	assert_int_equal(e.position, 7);
	btf_store_set_keeps_arguments(*state, true);
	assert_line(*state, "r walk node->color depth",
		    "walk color=+72($arg1):u32 depth=$arg2:s32");
	e = KP_ERROR_INIT;
	assert_int_equal(compile(*state, "r walk seventh", &spec, &e), -EOPNOTSUPP);
	btf_store_set_keeps_arguments(*state, false);
}

static void test_calls_have_parameters_and_a_result(void **state)
{
	static const struct {
		const char *definition, *args, *result; /* NULL: not known */
	} rows[] = {
		{"c walk",
		 "node=%di:x64 depth=%si:s32 path=+0(%dx):string deep=%cx:bool mode=%r8:mode "
		 "uid=%r9:u32 seventh=+8(%sp):u32 pair=+16(%sp):x64[2]",
		 "$retval:s32"},
		{"c walk -", "", "$retval:s32"},
		{"c walk node->color r=$retval", "color=+72(%di):u32 r=$retval:x64", "$retval:s32"},
		{"c find $retval->next->color", "color=+72(+0($retval)):u32", "$retval:x64"},
		{"c is_on", "", "$retval:bool"},
		{"c color_of", "", "$retval:u32"},
		{"c text_of +0($retval):string", "arg1=+0($retval):string", "$retval:x64"},
		{"c pair_of -", "", "$retval:x64"},
		{"c address_of -", "", "$retval:u32"},
		{"c none", "", "void"},
		{"c unknown", "", NULL},
		{"c twice", "", NULL},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct probe_spec spec = PROBE_SPEC_INIT, again;
		_cleanup_free_ char *normal = NULL;
		struct kp_error e = KP_ERROR_INIT;
		char args[512] = "", result[64] = "";

		if (compile(*state, rows[i].definition, &spec, &e) < 0)
			fail_msg("\"%s\": %s %s", rows[i].definition, e.reason, e.message);
		for (size_t k = 0; k < spec.n_args; k++) {
			const struct probe_arg *a = &spec.args[k];

			sprintf(args + strlen(args), a->count ? "%s%s=%s:%s[%u]" : "%s%s=%s:%s",
				k ? " " : "", a->name, a->fetch, a->type, a->count);
		}
		assert_string_equal(args, rows[i].args);
		assert_true(spec.knows_result);
		assert_false(btf_compile_is_needed(&spec));
		if (spec.result)
			sprintf(result, "%s:%s", spec.result->fetch, spec.result->type);
		else if (spec.has_no_result)
			strcpy(result, "void");
		assert_string_equal(result, rows[i].result ? rows[i].result : "");
		if (strcmp(rows[i].definition, "c color_of") == 0)
			assert_true(spec.result->show == ARG_ENUM && spec.result->names);
		assert_int_equal(probe_spec_format(&spec, &normal), 0);
		assert_int_equal(compile(*state, normal, &again, &e), 0);
		assert_true(probe_spec_equal(&spec, &again));
		probe_spec_done(&spec);
		probe_spec_done(&again);
	}
}

static void test_after_an_instruction_there_are_registers(void **state)
{
	struct kp_error e = KP_ERROR_INIT;
	struct probe_spec spec;

	assert_int_equal(compile(*state, "a walk node->color", &spec, &e), 0);
	assert_string_equal(spec.args[0].fetch, "+72(%di)");
	assert_false(spec.knows_result);
	probe_spec_done(&spec);
	assert_int_equal(compile(*state, "a walk+8 ((struct node *)%ax)->color", &spec, &e), 0);
	assert_string_equal(spec.args[0].fetch, "+72(%ax)");
	probe_spec_done(&spec);
	assert_int_equal(compile(*state, "a walk+8 node->color", &spec, &e), -EINVAL);
	assert_string_equal(e.reason, "nofentryArgs");
	e = KP_ERROR_INIT;
	assert_int_equal(compile(*state, "a walk $retval->next", &spec, &e), -EINVAL);
	assert_string_equal(e.reason, "retvalOnProbe");
}

static void test_filters_wait_for_the_names(void **state)
{
	struct kp_error e = KP_ERROR_INIT;
	struct probe_spec spec;

	assert_int_equal(probe_spec_parse("walk", &spec, &e), 0);
	assert_int_equal(probe_spec_check_filter(&spec, "depth < 3 && nothing == 1", &e), 0);
	spec.filter = strdup("depth < 3 && nothing == 1");
	assert_int_equal(btf_compile_spec(&spec, *state, NULL, "walk", &e), -EINVAL);
	assert_string_equal(e.reason, "badFilter");
	assert_int_equal(spec.n_args, 0);
	free(spec.filter);
	spec.filter = strdup("depth < 3");
	e = KP_ERROR_INIT;
	assert_int_equal(btf_compile_spec(&spec, *state, NULL, "walk", &e), 0);
	probe_spec_done(&spec);
}

static void test_without_types_registers_stay(void **state)
{
	struct kp_error e = KP_ERROR_INIT;
	struct btf_store *store;
	struct probe_spec spec;

	assert_int_equal(btf_store_new("/nonexistent", &store), 0);
	assert_int_equal(compile(store, "p walk depth", &spec, &e), -EINVAL);
	assert_string_equal(e.reason, "noBtf");
	e = KP_ERROR_INIT;
	assert_int_equal(compile(store, "p walk %di", &spec, &e), 0);
	probe_spec_done(&spec);
	assert_int_equal(compile(store, "walk", &spec, &e), 0);
	assert_int_equal(spec.n_args, 0);
	assert_non_null(spec.notes);
	probe_spec_done(&spec);
	btf_store_free(store);
}

static void test_prototypes_are_written_as_in_c(void **state)
{
	struct btf_prototype p;
	char *text;

	assert_int_equal(btf_find_func(*state, NULL, "walk", &p), 0);
	assert_int_equal(btf_prototype_text(&p, &text), 0);
	assert_string_equal(text, "int walk(struct node *node, int depth, const char *path, _Bool "
				  "deep, umode_t mode, kuid_t uid, unsigned int seventh, struct "
				  "pair pair)");
	free(text);
	assert_int_equal(btf_find_func(*state, NULL, "none", &p), 0);
	assert_int_equal(btf_prototype_text(&p, &text), 0);
	assert_string_equal(text, "void none(void)");
	free(text);
	assert_int_equal(btf_find_func(*state, NULL, "twice", &p), -ENOTUNIQ);
	assert_int_equal(btf_find_func(*state, NULL, "nothing", &p), -ENOENT);
	assert_int_equal(btf_find_func(*state, "no_such_module", "walk", &p), -ENODATA);
}

static int set_up(void **state)
{
	struct btf_store *store;
	struct btf *btf = world_new();
	const void *data;
	uint32_t size;
	int r;

	if (!btf || btf_store_new("/nonexistent", &store) < 0)
		return -1;
	data = btf__raw_data(btf, &size);
	r = btf_store_set_kernel(store, data, size);
	btf__free(btf);
	btf_store_set_keeps_arguments(store, false);
	*state = store;
	return r;
}

static int tear_down(void **state)
{
	btf_store_free(*state);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_expressions_become_offsets),
		cmocka_unit_test(test_display_follows_types),
		cmocka_unit_test(test_errors_say_what_and_where),
		cmocka_unit_test(test_arguments_at_return_where_the_kernel_keeps_them),
		cmocka_unit_test(test_calls_have_parameters_and_a_result),
		cmocka_unit_test(test_after_an_instruction_there_are_registers),
		cmocka_unit_test(test_filters_wait_for_the_names),
		cmocka_unit_test(test_without_types_registers_stay),
		cmocka_unit_test(test_prototypes_are_written_as_in_c),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
