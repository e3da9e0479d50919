/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A batch against symbols and lists of our own: what it becomes, what is left out, and what is
 * refused. */
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
#include "probe-resolve.h"

static const char kallsyms[] = "ffffffff81000000 T _stext\n"
			       "ffffffff81000100 t net_one\n"
			       "ffffffff81000200 t net_two\n"
			       "ffffffff81000300 t net_twice\n"
			       "ffffffff81000400 t __pfx_net_black\n"
			       "ffffffff81000410 t net_black\n"
			       "ffffffff81000500 t net_notrace\n"
			       "ffffffff81000600 t net_twice\n"
			       "ffffffff81000700 t net_two.cold\n"
			       "ffffffff81000800 t net_made.isra.0\n"
			       "ffffffff81000900 t all_black\n"
			       "ffffffff81000980 t setup\n"
			       "ffffffff81000a00 T _etext\n"
			       "ffffffff82000000 D net_data\n"
			       "ffffffff83000000 T __init_begin\n"
			       "ffffffff83000100 t setup\n"
			       "ffffffff83000200 t setup_all\n"
			       "ffffffff83001000 T __init_end\n";
static const char functions[] =
	"net_one\nnet_two\nnet_twice\nnet_black\nnet_twice\nnet_made.isra.0\n"
	"all_black\nsetup\n";
static const char blacklist[] = "0xffffffff81000410-0xffffffff81000420\tnet_black\n"
				"0xffffffff81000900-0xffffffff81000910\tall_black\n";

static int make(void **state)
{
	const struct function_lists_text text = {.functions = functions, .blacklist = blacklist};
	char path[] = "/tmp/test-probe-resolve-XXXXXX";
	struct function_lists *lists;
	struct knowledge *k;
	struct symbols *s;
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, kallsyms, strlen(kallsyms)), strlen(kallsyms));
	assert_int_equal(symbols_load(path, &s), 0);
	close(fd);
	unlink(path);
	assert_int_equal(function_lists_new(s, &text, &lists), 0);
	assert_int_equal(knowledge_new(&k), 0);
	knowledge_set(k, s, lists);
	*state = k;
	return 0;
}

static int release(void **state)
{
	knowledge_free(*state);
	return 0;
}

/* The batch of @definitions, which end with NULL, resolved */
static struct resolve resolve(struct knowledge *k, size_t max, const char *const *definitions)
{
	struct resolve r = {.max_specs = max};

	while (definitions[r.n_specs])
		r.n_specs++;
	r.specs = calloc(r.n_specs, sizeof(*r.specs));
	assert_non_null(r.specs);
	for (size_t i = 0; i < r.n_specs; i++)
		assert_int_equal(probe_spec_parse(definitions[i], &r.specs[i], NULL), 0);
	resolve_run(k, &r);
	return r;
}
#define RESOLVE(max, ...) resolve(*state, max, (const char *const[]){__VA_ARGS__, NULL})

static void assert_spec(const struct resolve *r, size_t i, const char *definition, int origin)
{
	_cleanup_free_ char *text = NULL;

	assert_true(i < r->n_specs);
	assert_int_equal(probe_spec_format(&r->specs[i], &text), 0);
	assert_string_equal(text, definition);
	assert_int_equal(r->origins[i], origin);
}

static void assert_refused(const struct resolve *r, enum kp_error_code code, const char *reason,
			   int probe)
{
	assert_true(r->result < 0);
	assert_int_equal(r->error.code, code);
	assert_string_equal(r->error.reason, reason);
	assert_int_equal(r->error.probe, probe);
	assert_true(r->error.message[0]);
}

static void test_a_pattern_becomes_the_functions_that_can_be_had(void **state)
{
	_cleanup_(resolve_done) struct resolve r =
		RESOLVE(16, "p:first net_one", "r8:n net_* $retval", "net_two");

	assert_int_equal(r.result, 0);
	assert_int_equal(r.n_specs, 7);
	assert_spec(&r, 0, "p:first net_one", 0);
	assert_spec(&r, 1, "r8:n_net_one net_one $retval", 1);
	assert_spec(&r, 2, "r8:n_net_two net_two $retval", 1);
	assert_spec(&r, 3, "r8:n_net_twice net_twice#1 $retval", 1);
	assert_spec(&r, 4, "r8:n_net_twice_2 net_twice#2 $retval", 1);
	assert_spec(&r, 5, "r8:n_net_made_isra_0 net_made.isra.0 $retval", 1);
	assert_spec(&r, 6, "p net_two", 2);
	assert_int_equal(r.n_skips, 2);
	assert_int_equal(r.n_skipped, 2);
	assert_string_equal(r.skips[0].symbol, "net_black");
	assert_string_equal(r.skips[0].reason, "blacklisted");
	assert_string_equal(r.skips[1].symbol, "net_notrace");
	assert_string_equal(r.skips[1].reason, "notrace");
	assert_int_equal(r.skips[1].probe, 1);
}

static void test_what_the_spec_says_besides_goes_with_each(void **state)
{
	struct probe_spec *spec = calloc(1, sizeof(*spec));
	_cleanup_(resolve_done) struct resolve r = {.specs = spec, .n_specs = 1, .max_specs = 16};

	assert_int_equal(probe_spec_parse("net_t* a=%di", spec, NULL), 0);
	spec->filter = strdup("a == 1");
	spec->stack = true;
	spec->enabled = false;
	resolve_run(*state, &r);
	assert_int_equal(r.result, 0);
	assert_int_equal(r.n_specs, 3);
	for (size_t i = 0; i < r.n_specs; i++) {
		assert_string_equal(r.specs[i].filter, "a == 1");
		assert_true(r.specs[i].stack);
		assert_false(r.specs[i].enabled);
		assert_null(r.specs[i].name);
	}
}

static void test_all_of_a_name_are_two(void **state)
{
	_cleanup_(resolve_done) struct resolve r = RESOLVE(16, "net_twice#* %di");

	assert_int_equal(r.result, 0);
	assert_int_equal(r.n_specs, 2);
	assert_spec(&r, 0, "p net_twice#1 %di", 0);
	assert_spec(&r, 1, "p net_twice#2 %di", 0);
	assert_string_equal(r.specs[1].place, "_stext+0x600");
}

static void test_what_is_gone_since_boot_is_not_meant(void **state)
{
	_cleanup_(resolve_done) struct resolve r = RESOLVE(16, "setup");
	_cleanup_(resolve_done) struct resolve named = RESOLVE(16, "setup#2");

	assert_int_equal(r.result, 0);
	assert_spec(&r, 0, "p setup#1", 0);
	assert_string_equal(r.specs[0].place, "_stext+0x980");
	assert_non_null(strstr(r.specs[0].notes, "setup"));
	assert_refused(&named, KP_NOT_PROBEABLE, "initText", 0);
}

static void test_limits_hold_over_the_batch(void **state)
{
	_cleanup_(resolve_done) struct resolve fits = RESOLVE(6, "net_one", "net_*");
	_cleanup_(resolve_done) struct resolve over = RESOLVE(5, "net_one", "net_*");
	_cleanup_(resolve_done) struct resolve all = RESOLVE(1, "net_twice#*");
	struct probe_spec *spec = calloc(1, sizeof(*spec));
	_cleanup_(resolve_done) struct resolve own = {.specs = spec, .n_specs = 1, .max_specs = 16};

	assert_int_equal(fits.result, 0);
	assert_int_equal(fits.n_specs, 6);
	assert_refused(&over, KP_LIMIT_REACHED, "", 1);
	assert_int_equal(over.error.value, 4);
	assert_string_equal(over.error.subject, "probes-per-request");
	assert_refused(&all, KP_LIMIT_REACHED, "", 0);

	assert_int_equal(probe_spec_parse("net_*", spec, NULL), 0);
	spec->max_matches = 4;
	resolve_run(*state, &own);
	assert_refused(&own, KP_LIMIT_REACHED, "", 0);
	assert_string_equal(own.error.subject, "maxMatches");
	assert_int_equal(own.error.value, 4);
}

static void test_what_cannot_be_probed_is_refused_by_reason(void **state)
{
	static const struct {
		const char *definition;
		enum kp_error_code code;
		const char *reason;
	} cases[] = {
		{"net_black", KP_NOT_PROBEABLE, "blacklisted"},
		{"r net_black", KP_NOT_PROBEABLE, "blacklisted"},
		{"net_notrace", KP_NOT_PROBEABLE, "notrace"},
		{"net_data", KP_NOT_PROBEABLE, "notFunction"},
		{"net_one+0x100", KP_NOT_PROBEABLE, "outOfFunction"},
		{"net_twice", KP_NOT_PROBEABLE, "ambiguous"},
		{"setup_all", KP_NOT_PROBEABLE, "initText"},
		{"all_*", KP_NOT_PROBEABLE, "noneProbeable"},
		{"net_nothing", KP_NO_SUCH_SYMBOL, ""},
		{"nothing_*", KP_NO_SUCH_SYMBOL, ""},
		{"no_such_module:net_one", KP_NO_SUCH_SYMBOL, ""},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(resolve_done) struct resolve r =
			RESOLVE(16, "net_one", cases[i].definition, "net_two");

		assert_refused(&r, cases[i].code, cases[i].reason, 1);
	}
}

static void test_a_calls_name_may_be_its_symbol(void **state)
{
	_cleanup_(resolve_done) struct resolve named =
		RESOLVE(16, "c:net_one net_two -", "c:other net_two -");
	/* It is a parameter then, and whatever types this machine has, there is none. */
	_cleanup_(resolve_done) struct resolve meant = RESOLVE(16, "c8:net_one depth");
	_cleanup_(resolve_done) struct resolve neither = RESOLVE(16, "c:nothing nowhere");

	assert_int_equal(named.result, 0);
	assert_spec(&named, 0, "c:net_one net_two -", 0);
	assert_spec(&named, 1, "c:other net_two -", 1);
	assert_int_equal(meant.error.code, KP_INVALID_DEFINITION);
	assert_int_equal(meant.error.position, 11);
	assert_int_equal(neither.error.code, KP_NO_SUCH_SYMBOL);
	assert_string_equal(neither.error.subject, "nowhere");
}

static void test_what_waits_for_a_module_is_left_as_it_is(void **state)
{
	struct probe_spec *specs = calloc(2, sizeof(*specs));
	_cleanup_(resolve_done) struct resolve r = {.specs = specs, .n_specs = 2, .max_specs = 16};

	assert_int_equal(probe_spec_parse("p no_such_module:f", &specs[0], NULL), 0);
	assert_int_equal(probe_spec_parse("no_such_module:f#2", &specs[1], NULL), 0);
	specs[0].pending = specs[1].pending = true;
	resolve_run(*state, &r);
	assert_int_equal(r.result, 0);
	assert_spec(&r, 0, "p no_such_module:f", 0);
	assert_false(r.specs[0].waits); /* the kernel itself finds it */
	assert_spec(&r, 1, "p no_such_module:f#2", 1);
	assert_true(r.specs[1].waits);
}

static void test_without_symbols_the_kernel_judges(void **state)
{
	struct knowledge *nothing;
	struct resolve r, many;

	assert_int_equal(knowledge_new(&nothing), 0);
	knowledge_set(nothing, NULL, NULL);
	r = resolve(nothing, 16, (const char *const[]){"net_nothing", "vmlinux:x", NULL});
	assert_int_equal(r.result, 0);
	assert_spec(&r, 0, "p net_nothing", 0);
	assert_spec(&r, 1, "p x", 1);
	many = resolve(nothing, 16, (const char *const[]){"net_*", NULL});
	assert_refused(&many, KP_UNAVAILABLE, "", 0);
	resolve_done(&r);
	resolve_done(&many);
	knowledge_free(nothing);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_pattern_becomes_the_functions_that_can_be_had),
		cmocka_unit_test(test_what_the_spec_says_besides_goes_with_each),
		cmocka_unit_test(test_all_of_a_name_are_two),
		cmocka_unit_test(test_what_is_gone_since_boot_is_not_meant),
		cmocka_unit_test(test_limits_hold_over_the_batch),
		cmocka_unit_test(test_what_cannot_be_probed_is_refused_by_reason),
		cmocka_unit_test(test_a_calls_name_may_be_its_symbol),
		cmocka_unit_test(test_what_waits_for_a_module_is_left_as_it_is),
		cmocka_unit_test(test_without_symbols_the_kernel_judges),
	};

	return cmocka_run_group_tests(tests, make, release);
}
