/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The lists of ftrace and kprobes as sets of symbols, and what follows from them for a probe. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "probeable.h"

static const char kallsyms[] = "0000000000000000 A fixed_percpu_data\n"
			       "ffffffff81000000 T _stext\n"
			       "ffffffff81000000 T _text\n"
			       "ffffffff81000100 T vfs_read\n"
			       "ffffffff81000200 t __do_sys_pause\n"
			       "ffffffff81000200 T __ia32_sys_pause\n"
			       "ffffffff81000200 T __x64_sys_pause\n"
			       "ffffffff81000300 t helper\n"
			       "ffffffff81000400 t helper\n"
			       "ffffffff81000500 t notrace_one\n"
			       "ffffffff81000600 t helper\n"
			       "ffffffff81000700 t vfs_read.cold\n"
			       "ffffffff81000780 t secret.cold\n"
			       "ffffffff81000800 T secret\n"
			       "ffffffff81000880 t secret_alias\n"
			       "ffffffff81000900 T after\n"
			       "ffffffff81000f00 T _etext\n"
			       "ffffffff81001000 T outside\n"
			       "ffffffff81002000 D some_data\n"
			       "ffffffff81003000 D __init_begin\n"
			       "ffffffff81003000 t boot_only\n"
			       "ffffffff81004000 D __init_end\n"
			       "ffffffffc0000000 t helper\t[first]\n"
			       "ffffffffc0000100 t quiet\t[first]\n"
			       "ffffffffc0001000 t bpf_prog_1\t[bpf]\n"
			       "ffffffffc0002000 t trampoline\t[__builtin__ftrace]\n";

static const char functions[] = "vfs_read\n"
				"__do_sys_pause\n"
				"helper\n"
				"helper\n"
				"secret\n"
				"secret_alias\n"
				"__ftrace_invalid_address___123\n"
				"after\n"
				"helper [first]\n";

/* As 6.5 and later have it: the call is behind an endbr64. The second helper is not among them. */
static const char addresses[] = "ffffffff81000104 vfs_read\n"
				"ffffffff81000204 __do_sys_pause\n"
				"ffffffff81000304 helper\n"
				"ffffffff81000604 helper\n"
				"ffffffff81000804 secret\n"
				"ffffffff81000884 secret_alias\n"
				"ffffffff81000904 after\n"
				"ffffffffc0000004 helper [first]\n";

static const char blacklist[] = "0xffffffff81000800-0xffffffff81000900\tsecret\n";

static struct symbols *load_symbols(void)
{
	char path[] = "/tmp/test-probeable-XXXXXX";
	int fd = mkstemp(path);
	struct symbols *s;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, kallsyms, strlen(kallsyms)), strlen(kallsyms));
	assert_int_equal(symbols_load(path, &s), 0);
	close(fd);
	unlink(path);
	return s;
}

struct fixture {
	struct symbols *s;
	struct function_lists *l;
};

static void set_up(struct fixture *f, const char *with_functions, const char *with_addresses,
		   const char *with_blacklist)
{
	struct function_lists_text text = {with_functions, with_addresses, with_blacklist};

	f->s = load_symbols();
	assert_int_equal(function_lists_new(f->s, &text, &f->l), 0);
}

static void tear_down(struct fixture *f)
{
	function_lists_free(f->l);
	symbols_free(f->s);
}

/* The @nth, from 0, of that name. */
static uint32_t find(const struct symbols *s, const char *name, unsigned int nth)
{
	uint32_t cursor = SYMBOL_NONE;

	do
		assert_int_not_equal(symbols_next_named(s, name, NULL, &cursor), SYMBOL_NONE);
	while (nth-- > 0);
	return cursor;
}

static void assert_traceable(const struct fixture *f, const char *name, unsigned int nth,
			     enum list_answer want)
{
	if (function_lists_traceable(f->l, find(f->s, name, nth)) != want)
		fail_msg("%s #%u is not %d", name, nth, want);
}

static void test_functions_are_found_by_name_in_order(void **state)
{
	struct fixture f;

	set_up(&f, functions, NULL, blacklist);
	assert_traceable(&f, "vfs_read", 0, LIST_YES);
	/* Every name of the place */
	assert_traceable(&f, "__do_sys_pause", 0, LIST_YES);
	assert_traceable(&f, "__x64_sys_pause", 0, LIST_YES);
	assert_traceable(&f, "helper", 0, LIST_YES);
	assert_traceable(&f, "helper", 1, LIST_YES);
	assert_traceable(&f, "helper", 2, LIST_NO);
	assert_traceable(&f, "helper", 3, LIST_YES);
	assert_traceable(&f, "quiet", 0, LIST_NO);
	assert_traceable(&f, "notrace_one", 0, LIST_NO);
	assert_traceable(&f, "some_data", 0, LIST_NO);
	tear_down(&f);
}

static void test_addresses_tell_equal_names_apart(void **state)
{
	struct fixture f;

	set_up(&f, functions, addresses, blacklist);
	assert_traceable(&f, "vfs_read", 0, LIST_YES);
	assert_traceable(&f, "__x64_sys_pause", 0, LIST_YES);
	assert_traceable(&f, "helper", 0, LIST_YES);
	assert_traceable(&f, "helper", 1, LIST_NO);
	assert_traceable(&f, "helper", 2, LIST_YES);
	assert_traceable(&f, "helper", 3, LIST_YES);
	assert_traceable(&f, "notrace_one", 0, LIST_NO);
	tear_down(&f);
}

static void test_blacklist_has_ranges(void **state)
{
	struct fixture f;

	set_up(&f, functions, NULL, blacklist);
	assert_int_equal(function_lists_blacklisted(f.l, find(f.s, "secret", 0)), LIST_YES);
	assert_int_equal(function_lists_blacklisted(f.l, find(f.s, "secret_alias", 0)), LIST_YES);
	assert_int_equal(function_lists_blacklisted(f.l, find(f.s, "after", 0)), LIST_NO);
	assert_int_equal(function_lists_blacklisted(f.l, find(f.s, "secret.cold", 0)), LIST_NO);
	tear_down(&f);
}

static void test_what_cannot_be_read_is_unknown(void **state)
{
	struct fixture f;

	set_up(&f, NULL, NULL, NULL);
	assert_traceable(&f, "vfs_read", 0, LIST_UNKNOWN);
	assert_int_equal(function_lists_blacklisted(f.l, find(f.s, "secret", 0)), LIST_UNKNOWN);
	tear_down(&f);

	/* Hidden together with the addresses of kallsyms */
	set_up(&f, functions, NULL, "0x0000000000000000-0x0000000000000000\tsecret\n");
	assert_int_equal(function_lists_blacklisted(f.l, find(f.s, "secret", 0)), LIST_UNKNOWN);
	tear_down(&f);

	set_up(&f, "", NULL, "");
	assert_traceable(&f, "vfs_read", 0, LIST_NO);
	assert_int_equal(function_lists_blacklisted(f.l, find(f.s, "secret", 0)), LIST_NO);
	tear_down(&f);

	/* Lines that are none */
	set_up(&f, "\n\n [x]\nhelper [\nx", NULL, "0x\n0x1-\n-\n\n");
	assert_int_equal(function_lists_blacklisted(f.l, find(f.s, "secret", 0)), LIST_UNKNOWN);
	assert_traceable(&f, "vfs_read", 0, LIST_NO);
	tear_down(&f);
	set_up(&f, NULL, "zz\n\n10000000000000000 x\nffff\nffffffff81000104 vfs_read\nff", "");
	assert_traceable(&f, "vfs_read", 0, LIST_YES);
	assert_traceable(&f, "helper", 0, LIST_NO);
	tear_down(&f);
}

/* As many symbols that a place is not found by going on from the last one, and back again. */
static void test_addresses_may_be_far_apart_and_in_any_order(void **state)
{
	enum { SYMBOLS = 1000 };
	char *listing = calloc(SYMBOLS, 64), *text = calloc(SYMBOLS, 64),
	     path[] = "/tmp/kprobed-XXXXXX";
	const struct function_lists_text lists = {.addresses = text};
	struct function_lists *l;
	size_t n = 0, n_text = 0;
	struct symbols *s;
	int fd = mkstemp(path);

	assert_true(listing && text && fd >= 0);
	for (unsigned int i = 0; i < SYMBOLS; i++)
		n += (size_t)sprintf(listing + n, "ffffffff81%06x t f%u\n", i / 2 * 32, i);
	/* 7 and 1000 have no common factor: every symbol whose number divides by 7, in leaps. */
	for (unsigned int i = 0; i < SYMBOLS; i++) {
		const unsigned int at = i * 637 % SYMBOLS;

		if (at / 2 % 7 == 0)
			n_text += (size_t)sprintf(text + n_text, "ffffffff81%06x f%u\n",
						  at / 2 * 32 + 4, at);
	}
	assert_int_equal(write(fd, listing, n), n);
	assert_int_equal(symbols_load(path, &s), 0);
	assert_int_equal(function_lists_new(s, &lists, &l), 0);
	for (uint32_t i = 0; i < SYMBOLS; i++)
		assert_int_equal(function_lists_traceable(l, i),
				 i / 2 % 7 == 0 ? LIST_YES : LIST_NO);
	function_lists_free(l);
	symbols_free(s);
	unlink(path);
	close(fd);
	free(listing);
	free(text);
}

static void test_blacklist_is_asked_for_a_name(void **state)
{
	static const char text[] = "0x0000000000000000-0x0000000000000000\tsecret\n"
				   "0xffffffffc0000000-0xffffffffc0000010\thidden [first]\n"
				   "0xffffffffc0000000-0xffffffffc0000010\tlast";

	assert_true(function_lists_names_blacklisted(text, "secret"));
	assert_true(function_lists_names_blacklisted(text, "hidden"));
	assert_true(function_lists_names_blacklisted(text, "last"));
	assert_false(function_lists_names_blacklisted(text, "secre"));
	assert_false(function_lists_names_blacklisted(text, "secrets"));
	assert_false(function_lists_names_blacklisted(text, "first"));
	assert_false(function_lists_names_blacklisted("", "secret"));
}

static void assert_answer(const struct fixture *f, const char *name, uint64_t offset,
			  enum probeable_answer want, const char *reason)
{
	const uint32_t index = find(f->s, name, 0);
	char text[PROBEABLE_TEXT_MAX];
	struct probeable p;

	probeable_check(f->s, f->l, index, offset, &p);
	probeable_explain(&p, f->s, index, offset, text, sizeof(text));
	if (p.answer != want || (reason ? !p.reason || strcmp(p.reason, reason) != 0 : !!p.reason))
		fail_msg("%s: %d %s: %s", name, p.answer, p.reason ? p.reason : "", text);
	assert_int_equal(text[0] == '\0', want == PROBEABLE_YES);
}

static void test_reasons_are_told_apart(void **state)
{
	struct fixture f;

	set_up(&f, functions, NULL, blacklist);
	assert_answer(&f, "vfs_read", 0, PROBEABLE_YES, NULL);
	assert_answer(&f, "vfs_read", 0xff, PROBEABLE_YES, NULL);
	assert_answer(&f, "vfs_read", 0x100, PROBEABLE_NO, "outOfFunction");
	assert_answer(&f, "__x64_sys_pause", 0, PROBEABLE_YES, NULL);
	assert_answer(&f, "notrace_one", 0, PROBEABLE_NO, "notrace");
	assert_answer(&f, "quiet", 0, PROBEABLE_NO, "notrace");
	/* As the function they were cut out of */
	assert_answer(&f, "vfs_read.cold", 0, PROBEABLE_YES, NULL);
	assert_answer(&f, "secret.cold", 0, PROBEABLE_NO, "blacklisted");
	assert_answer(&f, "secret", 0, PROBEABLE_NO, "blacklisted");
	assert_answer(&f, "some_data", 0, PROBEABLE_NO, "notFunction");
	assert_answer(&f, "fixed_percpu_data", 0, PROBEABLE_NO, "notFunction");
	assert_answer(&f, "outside", 0, PROBEABLE_NO, "notFunction");
	assert_answer(&f, "boot_only", 0, PROBEABLE_NO, "initText");
	assert_answer(&f, "bpf_prog_1", 0, PROBEABLE_NO, "generatedCode");
	assert_answer(&f, "trampoline", 0, PROBEABLE_NO, "generatedCode");
	tear_down(&f);
}

static void test_without_lists_only_what_is_certain_is_said(void **state)
{
	struct fixture f;

	set_up(&f, functions, NULL, NULL);
	assert_answer(&f, "vfs_read", 0, PROBEABLE_UNKNOWN, NULL);
	assert_answer(&f, "notrace_one", 0, PROBEABLE_NO, "notrace");
	tear_down(&f);

	set_up(&f, NULL, NULL, blacklist);
	assert_answer(&f, "vfs_read", 0, PROBEABLE_UNKNOWN, NULL);
	assert_answer(&f, "secret", 0, PROBEABLE_NO, "blacklisted");
	assert_answer(&f, "some_data", 0, PROBEABLE_NO, "notFunction");
	function_lists_free(f.l);
	f.l = NULL;
	assert_answer(&f, "vfs_read", 0, PROBEABLE_UNKNOWN, NULL);
	assert_answer(&f, "vfs_read", 0x100, PROBEABLE_NO, "outOfFunction");
	symbols_free(f.s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_functions_are_found_by_name_in_order),
		cmocka_unit_test(test_addresses_tell_equal_names_apart),
		cmocka_unit_test(test_blacklist_has_ranges),
		cmocka_unit_test(test_what_cannot_be_read_is_unknown),
		cmocka_unit_test(test_addresses_may_be_far_apart_and_in_any_order),
		cmocka_unit_test(test_blacklist_is_asked_for_a_name),
		cmocka_unit_test(test_reasons_are_told_apart),
		cmocka_unit_test(test_without_lists_only_what_is_certain_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
