/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Symbols from a kallsyms of our own: addresses to names, and names that are nearly right. */
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

#include "cleanup.h"
#include "symbols.h"

static const char kallsyms[] = "ffffffff81000000 T _text\n"
			       "ffffffff81000100 t vfs_read\n"
			       "ffffffff81000200 T vfs_write\n"
			       "ffffffff81000300 T vfs_open\n"
			       "ffffffff81000400 t do_sys_openat2\n"
			       "ffffffff81000480 T __x64_sys_openat2\n"
			       "ffffffff81000500 t helper\n"
			       "ffffffff81000600 t helper\n"
			       "ffffffff81000700 W weak_one\n"
			       "ffffffff81000800 t tcp_sendmsg.isra.0\n"
			       "ffffffff82000000 D some_data\n"
			       "ffffffff82000010 b some_bss\n"
			       "ffffffffc0000000 t mod_init\t[first]\n"
			       "ffffffffc0000100 t helper\t[first]\n"
			       "ffffffffc0001000 t mod_init\t[second]\n"
			       "ffffffffc0002000 t bad\"name\\with\x01junk\t[second]\n"
			       "nonsense\n"
			       "\n"
			       "ffffffffc0003000 t last\n";

static int load(const char *text, struct symbols **ret)
{
	char path[] = "/tmp/test-symbols-XXXXXX";
	int fd = mkstemp(path), r;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	r = symbols_load(path, ret);
	close(fd);
	unlink(path);
	return r;
}

static struct symbols *load_all(void)
{
	struct symbols *s;

	assert_int_equal(load(kallsyms, &s), 0);
	return s;
}

static void test_functions_and_data_are_loaded(void **state)
{
	struct symbols *s = load_all();

	assert_int_equal(symbols_count(s), 17);
	assert_true(symbols_has(s, NULL, "vfs_read"));
	assert_true(symbols_has(s, NULL, "weak_one"));
	assert_true(symbols_has(s, NULL, "last"));
	/* Only code can be probed. */
	assert_false(symbols_has(s, NULL, "some_data"));
	assert_false(symbols_has(s, NULL, "some_bss"));
	assert_false(symbols_has(s, NULL, "vfs_rea"));
	assert_false(symbols_has(s, NULL, ""));
	symbols_free(s);
}

static void assert_symbol(const struct symbols *s, uint32_t index, uint64_t address, uint64_t size,
			  char type, const char *module, const char *name)
{
	struct symbol symbol;

	assert_int_not_equal(index, SYMBOL_NONE);
	symbols_get(s, index, &symbol);
	assert_string_equal(symbol.name, name);
	assert_int_equal(symbol.address, address);
	assert_int_equal(symbol.size, size);
	assert_int_equal(symbol.type, type);
	if (module)
		assert_string_equal(symbol.module, module);
	else
		assert_null(symbol.module);
}

static void test_all_of_a_name_are_found_in_order(void **state)
{
	struct symbols *s = load_all();
	uint32_t cursor = SYMBOL_NONE;

	assert_symbol(s, symbols_next_named(s, "helper", NULL, &cursor), 0xffffffff81000500, 0x100,
		      't', NULL, "helper");
	assert_symbol(s, symbols_next_named(s, "helper", NULL, &cursor), 0xffffffff81000600, 0x100,
		      't', NULL, "helper");
	/* The last of its module: where it ends is not known. */
	assert_symbol(s, symbols_next_named(s, "helper", NULL, &cursor), 0xffffffffc0000100, 0, 't',
		      "first", "helper");
	assert_int_equal(symbols_next_named(s, "helper", NULL, &cursor), SYMBOL_NONE);

	cursor = SYMBOL_NONE;
	assert_symbol(s, symbols_next_named(s, "mod_init", "second", &cursor), 0xffffffffc0001000,
		      0x1000, 't', "second", "mod_init");
	assert_int_equal(symbols_next_named(s, "mod_init", "second", &cursor), SYMBOL_NONE);
	cursor = SYMBOL_NONE;
	assert_int_equal(symbols_next_named(s, "mod_init", "", &cursor), SYMBOL_NONE);
	cursor = SYMBOL_NONE;
	assert_int_equal(symbols_next_named(s, "some_dat", NULL, &cursor), SYMBOL_NONE);
	cursor = SYMBOL_NONE;
	assert_symbol(s, symbols_next_named(s, "some_data", "", &cursor), 0xffffffff82000000, 0x10,
		      'D', NULL, "some_data");
	symbols_free(s);
}

/* The first in the file is the one the kernel prints, whatever sorting does. */
static void test_aliases_keep_their_order(void **state)
{
	struct symbols *s;
	uint32_t i;

	assert_int_equal(load("ffffffff81000200 T behind\n"
			      "ffffffff81000100 T zebra\n"
			      "ffffffff81000100 t apple\n"
			      "ffffffff810000f0 t __pfx_melon\n"
			      "ffffffff81000100 W melon\n",
			      &s),
			 0);
	i = symbols_at(s, 0xffffffff81000100);
	assert_symbol(s, i, 0xffffffff81000100, 0x100, 'T', NULL, "zebra");
	assert_symbol(s, i + 1, 0xffffffff81000100, 0x100, 't', NULL, "apple");
	assert_symbol(s, i + 2, 0xffffffff81000100, 0x100, 'W', NULL, "melon");
	assert_int_equal(symbols_below(s, 0xffffffff810001ff), i);
	assert_int_equal(symbols_below(s, 0xffffffff81000200), i + 3);
	assert_int_equal(symbols_at(s, 0xffffffff81000101), SYMBOL_NONE);
	assert_int_equal(symbols_below(s, 0xffffffff810000ef), SYMBOL_NONE);
	assert_true(symbols_are_aliases(s, "apple", "melon"));
	assert_true(symbols_are_aliases(s, "zebra", "zebra"));
	assert_false(symbols_are_aliases(s, "zebra", "behind"));
	assert_false(symbols_are_aliases(s, "nothing", "zebra"));
	/* One name is the end of the other. */
	assert_symbol(s, 0, 0xffffffff810000f0, 0x10, 't', NULL, "__pfx_melon");
	symbols_free(s);
}

static void test_snapshots_are_counted(void **state)
{
	struct symbols *s = load_all();

	assert_ptr_equal(symbols_ref(s), s);
	assert_null(symbols_free(s));
	assert_int_equal(symbols_count(s), 17);
	symbols_free(s);
}

/* More text than is read at once, so that lines are cut everywhere. */
static void test_files_of_any_size_are_read(void **state)
{
	const unsigned int n = 20000;
	char *text = malloc(n * 40 + 1), *p = text, name[32];
	uint32_t cursor;
	struct symbols *s;

	assert_non_null(text);
	for (unsigned int i = 0; i < n; i++)
		p += sprintf(p, "%016llx t function_%u\n", 0xffffffff81000000ULL + i * 16, i);
	p[-1] = '\0'; /* the last line without its end */
	assert_int_equal(load(text, &s), 0);
	assert_int_equal(symbols_count(s), n);
	for (unsigned int i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "function_%u", i);
		assert_string_equal(symbols_name(s, i), name);
		cursor = SYMBOL_NONE;
		assert_int_equal(symbols_next_named(s, name, NULL, &cursor), i);
	}
	/* What it says of itself: names, 16 bytes and two indexes each, and the cache. */
	assert_true(symbols_memory(s) < n * (15 + 16 + 4 + 8) + 200000);
	symbols_free(s);
	free(text);
}

static void assert_variants(const struct symbols *s, const char *name, const char *module,
			    const char *want)
{
	uint32_t variants[4];
	size_t n = symbols_variants(s, name, module, variants, 4);
	char got[256] = "";

	for (size_t i = 0; i < n && i < 4; i++)
		snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s%s", i ? " " : "",
			 symbols_name(s, variants[i]));
	if (strcmp(got, want) != 0)
		fail_msg("of %s: \"%s\", not \"%s\"", name, got, want);
}

static void test_variants_are_what_compilers_make(void **state)
{
	struct symbols *s;

	assert_int_equal(load("ffffffff81000000 t foo.isra.0\n"
			      "ffffffff81000010 t foo.part.12.isra.0\n"
			      "ffffffff81000020 t foo.cold\n"
			      "ffffffff81000030 t foo.llvm.123456\n"
			      "ffffffff81000040 d foo.isra.1\n"
			      "ffffffff81000050 t foo.5\n"
			      "ffffffff81000060 t foo.isra.0x\n"
			      "ffffffff81000070 t foo.\n"
			      "ffffffff81000080 t foo.partial\n"
			      "ffffffff81000090 t foobar.isra.0\n"
			      "ffffffffc0000000 t bar.constprop.0\t[mod]\n",
			      &s),
			 0);
	assert_variants(s, "foo", NULL, "foo.isra.0 foo.part.12.isra.0 foo.cold foo.llvm.123456");
	assert_variants(s, "bar", "mod", "bar.constprop.0");
	assert_variants(s, "bar", "", "");
	assert_variants(s, "fo", NULL, "");
	assert_variants(s, "foo.part.12", NULL, "foo.part.12.isra.0");
	assert_int_equal(symbols_variants(s, "foo", NULL, NULL, 0), 4);
	symbols_free(s);
}

static void test_modules_are_told_apart(void **state)
{
	struct symbols *s = load_all();

	assert_true(symbols_has(s, "first", "mod_init"));
	assert_true(symbols_has(s, "second", "mod_init"));
	assert_true(symbols_has(s, "first", "helper"));
	assert_false(symbols_has(s, "second", "helper"));
	assert_false(symbols_has(s, "third", "mod_init"));
	assert_false(symbols_has(s, "first", "vfs_read"));
	assert_int_equal(symbols_occurrences(s, "helper"), 3);
	assert_int_equal(symbols_occurrences(s, "vfs_read"), 1);
	assert_int_equal(symbols_occurrences(s, "nothing"), 0);
	symbols_free(s);
}

static void test_hidden_addresses_are_refused(void **state)
{
	struct symbols *s = NULL;

	assert_int_equal(load("0000000000000000 T _text\n0000000000000000 t vfs_read\n", &s),
			 -EPERM);
	assert_int_equal(load("", &s), -EPERM);
	assert_int_equal(load("nonsense\n", &s), -EPERM);
	assert_int_equal(symbols_load("/nonexistent", &s), -ENOENT);
	assert_null(s);
}

/* The text by all three ways to it; it must be the same. */
static void assert_text(struct symbols *s, uint64_t address, const char *want)
{
	char *buf = malloc(SYMBOL_TEXT_MAX);

	assert_non_null(buf);
	for (int i = 0; i < 2; i++) {
		size_t n = symbols_format(s, address, buf);

		assert_int_equal(n, strlen(want));
		assert_memory_equal(buf, want, n);
	}
	assert_int_equal(symbols_locate(s, address, buf), strlen(want));
	assert_string_equal(buf, want);
	free(buf);
}

static void test_addresses_are_named(void **state)
{
	struct symbols *s = load_all();

	assert_text(s, 0xffffffff81000100, "vfs_read+0x0");
	assert_text(s, 0xffffffff810001ff, "vfs_read+0xff");
	assert_text(s, 0xffffffff81000200, "vfs_write+0x0");
	assert_text(s, 0xffffffffc0001010, "mod_init+0x10");
	/* The last one before data */
	assert_text(s, 0xffffffff81000fff, "tcp_sendmsg.isra.0+0x7ff");
	assert_text(s, 0xffffffff82000004, "some_data+0x4");
	assert_true(symbols_is_code(s, 0xffffffff81000fff));
	assert_false(symbols_is_code(s, 0xffffffff82000004));
	assert_false(symbols_is_code(s, 0));
	/* Behind the last of a module, whose end is not known */
	assert_text(s, 0xffffffffc0000100 + 0xeff, "helper+0xeff");
	assert_text(s, 0xffffffffc0003000 + 0xffff, "last+0xffff");
	assert_text(s, 0xffffffffc0003000 + 0x10000, "0xffffffffc0013000");
	assert_text(s, 0xffffffff80ffffff, "0xffffffff80ffffff");
	assert_text(s, 0, "0x0");
	assert_text(s, UINT64_MAX, "0xffffffffffffffff");
	symbols_free(s);

	/* The offsets of per-CPU variables are no addresses of the kernel's. */
	assert_int_equal(load("0000000000000000 A fixed_percpu_data\n"
			      "0000000000001000 A cpu_hw_events\n"
			      "ffffffff81000000 T _text\n"
			      "ffffffff83000000 T far_away\n",
			      &s),
			 0);
	assert_text(s, 0x1001, "0x1001");
	assert_text(s, 0xffffffff82000000, "_text+0x1000000");
	assert_text(s, 0xffffffff82000001, "0xffffffff82000001");
	symbols_free(s);
}

static void test_without_symbols_addresses_are_numbers(void **state)
{
	char buf[SYMBOL_TEXT_MAX];

	assert_int_equal(symbols_format(NULL, 0xffffffff81000100, buf), 18);
	assert_memory_equal(buf, "0xffffffff81000100", 18);
	assert_int_equal(symbols_format(NULL, 0, buf), 3);
}

static void test_names_can_go_into_json_as_they_are(void **state)
{
	struct symbols *s = load_all();

	assert_text(s, 0xffffffffc0002000, "bad?name?with?junk+0x0");
	symbols_free(s);
}

static void test_long_names_are_cut(void **state)
{
	char text[1024], name[601];
	char *buf = malloc(SYMBOL_TEXT_MAX);
	struct symbols *s;

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	snprintf(text, sizeof(text), "ffffffff81000000 T %s\n", name);
	assert_int_equal(load(text, &s), 0);
	assert_true(symbols_has(s, NULL, name));
	assert_int_equal(symbols_format(s, 0xffffffff81000000, buf), SYMBOL_TEXT_MAX - 1);
	assert_int_equal(symbols_locate(s, 0xffffffff81000000, buf), SYMBOL_TEXT_MAX - 1);
	symbols_free(s);
	free(buf);
}

/* More addresses than the cache has places for, in an order that makes them collide. */
static void test_cache_never_answers_for_another(void **state)
{
	struct symbols *s = load_all();

	for (int round = 0; round < 3; round++)
		for (uint64_t i = 0; i < 5000; i++) {
			uint64_t address = 0xffffffff81000800 + i * 7;
			char buf[SYMBOL_TEXT_MAX], want[64];
			size_t n = symbols_format(s, address, buf);

			snprintf(want, sizeof(want), "tcp_sendmsg.isra.0+0x%llx",
				 (unsigned long long)i * 7);
			assert_int_equal(n, strlen(want));
			assert_memory_equal(buf, want, n);
		}
	symbols_free(s);
}

static void assert_similar(const struct symbols *s, const char *name, const char *want)
{
	const char *similar[5];
	size_t n = symbols_similar(s, name, similar, 5);
	char got[256] = "";

	for (size_t i = 0; i < n; i++)
		snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s%s", i ? " " : "",
			 similar[i]);
	if (strcmp(got, want) != 0)
		fail_msg("for %s: \"%s\", not \"%s\"", name, got, want);
}

static void test_similar_names_are_found(void **state)
{
	struct symbols *s = load_all();

	assert_similar(s, "vfs_reed", "vfs_read");
	assert_similar(s, "vfs_rite", "vfs_write");
	assert_similar(s, "do_sys_openat", "do_sys_openat2");
	assert_similar(s, "tcp_sendmsg", "tcp_sendmsg.isra.0");
	assert_similar(s, "sys_openat2", "do_sys_openat2 __x64_sys_openat2");
	/* Once, however many there are */
	assert_similar(s, "helpr", "helper");
	symbols_free(s);
}

static void test_what_is_not_alike_is_not_offered(void **state)
{
	struct symbols *s = load_all();

	assert_similar(s, "nf_conntrack_in", "");
	assert_similar(s, "kmalloc", "");
	assert_similar(s, "foo", "");
	assert_similar(s, "x", "");
	symbols_free(s);
}

static void test_no_more_are_offered_than_asked_for(void **state)
{
	struct symbols *s;
	const char *similar[32];

	assert_int_equal(load("ffffffff81000000 t probe_a3\nffffffff81000001 t probe_b4\n"
			      "ffffffff81000002 t probe_aa\nffffffff81000003 t probe_ab\n"
			      "ffffffff81000004 t probe_ac\nffffffff81000005 t probe_ba\n",
			      &s),
			 0);
	assert_int_equal(symbols_similar(s, "probe_ab", similar, 2), 2);
	assert_string_equal(similar[0], "probe_ab");
	assert_int_equal(symbols_similar(s, "probe_ab", similar, 0), 0);
	assert_int_equal(symbols_similar(s, "probe_ab", similar, 32), 6);
	symbols_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_functions_and_data_are_loaded),
		cmocka_unit_test(test_all_of_a_name_are_found_in_order),
		cmocka_unit_test(test_aliases_keep_their_order),
		cmocka_unit_test(test_snapshots_are_counted),
		cmocka_unit_test(test_files_of_any_size_are_read),
		cmocka_unit_test(test_variants_are_what_compilers_make),
		cmocka_unit_test(test_modules_are_told_apart),
		cmocka_unit_test(test_hidden_addresses_are_refused),
		cmocka_unit_test(test_addresses_are_named),
		cmocka_unit_test(test_without_symbols_addresses_are_numbers),
		cmocka_unit_test(test_names_can_go_into_json_as_they_are),
		cmocka_unit_test(test_long_names_are_cut),
		cmocka_unit_test(test_cache_never_answers_for_another),
		cmocka_unit_test(test_similar_names_are_found),
		cmocka_unit_test(test_what_is_not_alike_is_not_offered),
		cmocka_unit_test(test_no_more_are_offered_than_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
