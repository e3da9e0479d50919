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

static void test_functions_are_loaded_and_data_is_not(void **state)
{
	struct symbols *s = load_all();

	assert_int_equal(symbols_count(s), 15);
	assert_true(symbols_has(s, NULL, "vfs_read"));
	assert_true(symbols_has(s, NULL, "weak_one"));
	assert_true(symbols_has(s, NULL, "last"));
	assert_false(symbols_has(s, NULL, "some_data"));
	assert_false(symbols_has(s, NULL, "some_bss"));
	assert_false(symbols_has(s, NULL, "vfs_rea"));
	assert_false(symbols_has(s, NULL, ""));
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
	assert_int_equal(load("ffffffff82000000 D some_data\n", &s), -EPERM);
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
	/* The last one before a long stretch of nothing */
	assert_text(s, 0xffffffff81000800 + (16 << 20), "tcp_sendmsg.isra.0+0x1000000");
	assert_text(s, 0xffffffff81000801 + (16 << 20), "0xffffffff82000801");
	assert_text(s, 0xffffffff80ffffff, "0xffffffff80ffffff");
	assert_text(s, 0, "0x0");
	assert_text(s, UINT64_MAX, "0xffffffffffffffff");
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
		cmocka_unit_test(test_functions_are_loaded_and_data_is_not),
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
