/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which function is meant, in a kallsyms of our own: variants, several of a name, modules. */
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
#include "symbol-choice.h"

static const char kallsyms[] = "ffffffff81000000 T _text\n"
			       "ffffffff81000100 t vfs_read\n"
			       "ffffffff81000200 t twice\n"
			       "ffffffff81000300 t helper\n"
			       "ffffffff81000380 t helper\n"
			       "ffffffff81000400 T anchor\n"
			       "ffffffff81000500 t twice\n"
			       "ffffffff81000600 t changed.isra.0\n"
			       "ffffffff81000700 t changed.cold\n"
			       "ffffffff81000800 t split.constprop.0\n"
			       "ffffffff81000900 t split.part.0\n"
			       "ffffffff81000a00 t both\n"
			       "ffffffff81000b00 T alias\n"
			       "ffffffff81000b00 W alias\n"
			       "ffffffff81000c00 t changed_again.isra.0\n"
			       "ffffffff81000d00 t changed_again.isra.0\n"
			       "ffffffff82000000 D some_data\n"
			       "ffffffffc0000000 t first_anchor\t[first]\n"
			       "ffffffffc0000100 t both\t[first]\n"
			       "ffffffffc0000200 t only_first\t[first]\n"
			       "ffffffffc0000300 t inner\t[first]\n"
			       "ffffffffc0000400 t inner\t[first]\n"
			       "ffffffffc0001000 t both\t[second]\n"
			       "ffffffffc0001100 t inner\t[second]\n";

static int load(void **state)
{
	char path[] = "/tmp/test-symbol-choice-XXXXXX";
	struct symbols *s;
	int fd = mkstemp(path), r;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, kallsyms, strlen(kallsyms)), strlen(kallsyms));
	r = symbols_load(path, &s);
	close(fd);
	unlink(path);
	*state = s;
	return r;
}

static int unload(void **state)
{
	symbols_free(*state);
	return 0;
}

struct chosen {
	int result;
	uint64_t address;
	char *definition, *kernel; /* owned */
	struct probe_spec spec;
	struct kp_error e;
};

static struct chosen choose(const struct symbols *s, const char *definition)
{
	struct chosen c = {.e = KP_ERROR_INIT};
	struct symbol symbol;
	uint32_t index;

	if (probe_spec_parse(definition, &c.spec, &c.e) < 0)
		fail_msg("%s: %s", definition, c.e.message);
	c.result = symbol_choose(s, &c.spec, &index, &c.e);
	if (c.result < 0)
		return c;
	symbols_get(s, index, &symbol);
	c.address = symbol.address;
	assert_int_equal(probe_spec_format(&c.spec, &c.definition), 0);
	assert_int_equal(probe_spec_format_kernel(&c.spec, "kprobed", "ev", NULL, &c.kernel), 0);
	return c;
}

static void chosen_done(struct chosen *c)
{
	free(c->definition);
	free(c->kernel);
	probe_spec_done(&c->spec);
}

/* The function, the normal form and the kernel's line of what a definition means */
static void assert_means(const struct symbols *s, const char *definition, uint64_t address,
			 const char *normal, const char *kernel)
{
	_cleanup_(chosen_done) struct chosen c = choose(s, definition), again = {0};

	if (c.result < 0)
		fail_msg("%s: %s", definition, c.e.message);
	assert_int_equal(c.address, address);
	assert_string_equal(c.definition, normal);
	assert_string_equal(c.kernel, kernel);
	/* The normal form means the same, and is its own. */
	again = choose(s, normal);
	assert_int_equal(again.result, 0);
	assert_int_equal(again.address, address);
	assert_string_equal(again.definition, normal);
	assert_true(probe_spec_equal(&c.spec, &again.spec));
}

static void assert_refused(const struct symbols *s, const char *definition, enum kp_error_code code,
			   const char *reason, const char *detail)
{
	_cleanup_(chosen_done) struct chosen c = choose(s, definition);

	assert_true(c.result < 0);
	assert_int_equal(c.e.code, code);
	assert_string_equal(c.e.reason, reason);
	assert_string_equal(c.e.detail, detail);
	assert_true(c.e.message[0]);
}

static void test_a_name_that_is_there_once_stays(void **state)
{
	assert_means(*state, "p vfs_read+4", 0xffffffff81000100, "p vfs_read+0x4",
		     "p:kprobed/ev vfs_read+0x4");
	assert_means(*state, "p vfs_read#1", 0xffffffff81000100, "p vfs_read",
		     "p:kprobed/ev vfs_read");
	assert_means(*state, "vmlinux:vfs_read", 0xffffffff81000100, "p vfs_read",
		     "p:kprobed/ev vfs_read");
	/* The same function twice, of which the kernel would not know which */
	assert_means(*state, "alias", 0xffffffff81000b00, "p alias", "p:kprobed/ev _text+0xb00");
}

static void test_functions_of_modules_get_their_module(void **state)
{
	assert_means(*state, "only_first", 0xffffffffc0000200, "p first:only_first",
		     "p:kprobed/ev first:only_first");
	assert_means(*state, "r second:both", 0xffffffffc0001000, "r second:both",
		     "r:kprobed/ev second:both");
	assert_means(*state, "both#3", 0xffffffffc0001000, "p second:both",
		     "p:kprobed/ev second:both");
}

static void test_several_are_planted_by_an_offset(void **state)
{
	assert_means(*state, "twice#1", 0xffffffff81000200, "p twice#1",
		     "p:kprobed/ev _text+0x200");
	assert_means(*state, "twice#2+0x10", 0xffffffff81000500, "p twice#2+0x10",
		     "p:kprobed/ev _text+0x510");
	assert_means(*state, "r8:x twice#2 $retval", 0xffffffff81000500, "r8:x twice#2 $retval",
		     "r8:kprobed/ev _text+0x500 arg1=$retval:x64");
	assert_means(*state, "helper#2", 0xffffffff81000380, "p helper#2",
		     "p:kprobed/ev _text+0x380");
	/* Among the kernel's own by number, since others have the name too */
	assert_means(*state, "vmlinux:both", 0xffffffff81000a00, "p both#1",
		     "p:kprobed/ev _text+0xa00");
	/* Twice in one module, once in another */
	assert_means(*state, "first:inner#2", 0xffffffffc0000400, "p first:inner#2",
		     "p:kprobed/ev first:only_first+0x200");
	assert_means(*state, "inner#2", 0xffffffffc0000400, "p first:inner#2",
		     "p:kprobed/ev first:only_first+0x200");
	assert_means(*state, "inner#3", 0xffffffffc0001100, "p second:inner",
		     "p:kprobed/ev second:inner");
}

static void test_a_bare_name_of_several_is_ambiguous(void **state)
{
	assert_refused(*state, "twice", KP_NOT_PROBEABLE, "ambiguous", "twice#1\ntwice#2");
	assert_refused(*state, "r both", KP_NOT_PROBEABLE, "ambiguous",
		       "both#1\nfirst:both\nsecond:both");
	assert_refused(*state, "inner", KP_NOT_PROBEABLE, "ambiguous",
		       "first:inner#1\nfirst:inner#2\nsecond:inner");
	assert_refused(*state, "first:inner", KP_NOT_PROBEABLE, "ambiguous",
		       "first:inner#1\nfirst:inner#2");
}

static void test_the_only_variant_is_taken_and_noted(void **state)
{
	_cleanup_(chosen_done) struct chosen c = choose(*state, "changed");

	assert_int_equal(c.result, 0);
	assert_string_equal(c.definition, "p changed.isra.0");
	assert_non_null(c.spec.notes);
	assert_non_null(strstr(c.spec.notes, "changed.isra.0"));
	assert_null(strchr(c.spec.notes, '\n'));
	assert_means(*state, "changed", 0xffffffff81000600, "p changed.isra.0",
		     "p:kprobed/ev changed.isra.0");
	assert_means(*state, "changed_again#2", 0xffffffff81000d00, "p changed_again.isra.0#2",
		     "p:kprobed/ev _text+0xd00");
	assert_refused(*state, "changed_again", KP_NOT_PROBEABLE, "ambiguous",
		       "changed_again.isra.0#1\nchanged_again.isra.0#2");
	assert_refused(*state, "split", KP_NO_SUCH_SYMBOL, "", "split.constprop.0\nsplit.part.0");
}

static void test_what_is_missing_is_said(void **state)
{
	assert_refused(*state, "vfs_raed", KP_NO_SUCH_SYMBOL, "", "vfs_read");
	assert_refused(*state, "first:vfs_read", KP_NO_SUCH_SYMBOL, "", "vfs_read");
	assert_refused(*state, "vmlinux:only_first", KP_NO_SUCH_SYMBOL, "", "only_first");
	assert_refused(*state, "twice#3", KP_NO_SUCH_SYMBOL, "", "");
}

static void test_data_is_found_as_such(void **state)
{
	assert_means(*state, "some_data", 0xffffffff82000000, "p some_data",
		     "p:kprobed/ev some_data");
	assert_refused(*state, "first:some_data", KP_NO_SUCH_SYMBOL, "", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_name_that_is_there_once_stays),
		cmocka_unit_test(test_functions_of_modules_get_their_module),
		cmocka_unit_test(test_several_are_planted_by_an_offset),
		cmocka_unit_test(test_a_bare_name_of_several_is_ambiguous),
		cmocka_unit_test(test_the_only_variant_is_taken_and_noted),
		cmocka_unit_test(test_what_is_missing_is_said),
		cmocka_unit_test(test_data_is_found_as_such),
	};

	return cmocka_run_group_tests(tests, load, unload);
}
