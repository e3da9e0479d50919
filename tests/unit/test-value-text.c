/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Values as text, sets of flags, and tables of names; each text in memory of the size it may have.
 */
#include <arpa/inet.h>
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
#include "random.h"
#include "value-text.h"

/* Compares and frees @text, which ends at @end. */
static void assert_text(char *text, char *end, const char *want)
{
	*end = '\0';
	assert_string_equal(text, want);
	free(text);
}

static char *room(size_t size)
{
	/* One more for the NUL of assert_text(). */
	char *p = malloc(size + 1);

	assert_non_null(p);
	return p;
}

static void check_errno(int64_t v, const char *want)
{
	char *p = room(VALUE_SHORT_MAX);

	assert_text(p, put_errno(p, v), want);
}

static void test_errors_have_names(void **state)
{
	check_errno(-1, "\"-EPERM\"");
	check_errno(-2, "\"-ENOENT\"");
	check_errno(-11, "\"-EAGAIN\"");
	check_errno(-133, "\"-EHWPOISON\"");
	check_errno(-512, "\"-ERESTARTSYS\"");
	check_errno(-516, "\"-ERESTART_RESTARTBLOCK\"");
	check_errno(-517, "\"-EPROBE_DEFER\"");
	check_errno(-524, "\"-ENOTSUPP\"");
	check_errno(-530, "\"-ERECALLCONFLICT\"");
	/* What is none is a number. */
	check_errno(0, "0");
	check_errno(2, "2");
	check_errno(-41, "-41");
	check_errno(-520, "-520");
	check_errno(-4095, "-4095");
	check_errno(-4096, "-4096");
	check_errno(-100000, "-100000");
	check_errno(INT64_MIN, "-9223372036854775808");
	check_errno(INT64_MAX, "9223372036854775807");
}

static void test_names_of_errors_are_found_again(void **state)
{
	assert_int_equal(errno_of_name(span_of("ENOENT")), ENOENT);
	assert_int_equal(errno_of_name(span_of("EWOULDBLOCK")), EAGAIN);
	assert_int_equal(errno_of_name(span_of("ENOTSUP")), EOPNOTSUPP);
	assert_int_equal(errno_of_name(span_of("ERESTARTSYS")), 512);
	assert_int_equal(errno_of_name(span_of("ENOGRACE")), 531);
	assert_int_equal(errno_of_name(span_of("ENONSENSE")), 0);
	assert_int_equal(errno_of_name(span_of("")), 0);
	for (int i = 1; i <= VALUE_ERRNO_MAX; i++) {
		char text[VALUE_SHORT_MAX + 1];
		char *end = put_errno(text, -i);

		if (text[0] == '"')
			assert_int_equal(
				errno_of_name((struct span){text + 2, (size_t)(end - text) - 3}),
				i);
	}
}

static void check_octal(uint64_t v, const char *want)
{
	char *p = room(VALUE_SHORT_MAX);

	assert_text(p, put_octal(p, v), want);
}

static void test_modes_are_octal(void **state)
{
	check_octal(0, "\"0\"");
	check_octal(7, "\"07\"");
	check_octal(8, "\"010\"");
	check_octal(0644, "\"0644\"");
	check_octal(0100755, "\"0100755\"");
	check_octal(0177777, "\"0177777\"");
	check_octal(UINT32_MAX, "\"037777777777\"");
	check_octal(UINT64_MAX, "\"01777777777777777777777\"");
}

static void check_device(uint32_t v, const char *want)
{
	char *p = room(VALUE_SHORT_MAX);

	assert_text(p, put_device(p, v), want);
}

static void test_devices_have_major_and_minor(void **state)
{
	check_device(0, "\"0:0\"");
	check_device(8 << 20 | 1, "\"8:1\"");
	check_device(7 << 20, "\"7:0\"");
	check_device(UINT32_MAX, "\"4095:1048575\"");
}

static void check_ip6(const char *address, const char *want)
{
	char *p = room(VALUE_SHORT_MAX);
	unsigned char v[16];

	assert_int_equal(inet_pton(AF_INET6, address, v), 1);
	assert_text(p, put_ip6(p, v), want);
}

static void test_addresses(void **state)
{
	char *p = room(VALUE_SHORT_MAX);

	assert_text(p, put_ip4(p, (const unsigned char *)"\x7f\0\0\x01"), "\"127.0.0.1\"");
	p = room(VALUE_SHORT_MAX);
	assert_text(p, put_ip4(p, (const unsigned char *)"\xff\xff\xff\xff"),
		    "\"255.255.255.255\"");
	p = room(VALUE_SHORT_MAX);
	assert_text(p, put_mac(p, (const unsigned char *)"\x52\x54\0\x12\xff\x0a"),
		    "\"52:54:00:12:ff:0a\"");

	/* RFC 5952, section 4 */
	check_ip6("::", "\"::\"");
	check_ip6("::1", "\"::1\"");
	check_ip6("1::", "\"1::\"");
	check_ip6("fe80::1", "\"fe80::1\"");
	check_ip6("2001:0db8::0001", "\"2001:db8::1\"");
	check_ip6("2001:db8:0:1:1:1:1:1", "\"2001:db8:0:1:1:1:1:1\"");
	check_ip6("2001:0:0:1:0:0:0:1", "\"2001:0:0:1::1\"");
	check_ip6("2001:db8:0:0:1:0:0:1", "\"2001:db8::1:0:0:1\"");
	check_ip6("0:1:2:3:4:5:6:7", "\"0:1:2:3:4:5:6:7\"");
	check_ip6("1:2:3:4:5:6:0:0", "\"1:2:3:4:5:6::\"");
	check_ip6("2001:DB8:ABCD:EF01:2345:6789:ABCD:EF01",
		  "\"2001:db8:abcd:ef01:2345:6789:abcd:ef01\"");
	check_ip6("::ffff:192.0.2.1", "\"::ffff:192.0.2.1\"");
	check_ip6("::ffff:255.255.255.255", "\"::ffff:255.255.255.255\"");
}

/* libc's text is another one only for the addresses that RFC 4291 calls IPv4-compatible. */
static void test_ip6_is_as_libc_has_it(void **state)
{
	struct random seed = {20};

	for (int i = 0; i < 20000; i++) {
		uint64_t mask = random_next(&seed);
		char want[INET6_ADDRSTRLEN + 2] = "\"";
		char *p = room(VALUE_SHORT_MAX);
		unsigned char v[16];

		for (int j = 0; j < 8; j++) {
			uint64_t r = random_next(&seed) >> (mask >> (20 + 4 * j) & 15);

			v[2 * j] = mask >> j & 1 ? (unsigned char)(r >> 8) : 0;
			v[2 * j + 1] = mask >> j & 1 ? (unsigned char)r : 0;
		}
		v[0] |= 1;
		assert_non_null(inet_ntop(AF_INET6, v, want + 1, INET6_ADDRSTRLEN));
		assert_text(p, put_ip6(p, v), strcat(want, "\""));
	}
}

static void check_flags(const char *set, uint64_t v, const char *want)
{
	char *p = room(FLAG_TEXT_MAX);

	assert_non_null(flag_set_find(span_of(set)));
	assert_text(p, flag_set_put(p, flag_set_find(span_of(set)), v), want);
}

static void test_flags_have_names(void **state)
{
	check_flags("open", 0, "O_RDONLY");
	check_flags("open", 01, "O_WRONLY");
	check_flags("open", 02, "O_RDWR");
	check_flags("open", 03, "0x3");
	check_flags("open", 0100 | 01000 | 01, "O_WRONLY|O_CREAT|O_TRUNC");
#if defined(__x86_64__)
	check_flags("open", 0100000 | 02000000, "O_RDONLY|O_LARGEFILE|O_CLOEXEC");
	/* What is made of others is not named twice. */
	check_flags("open", 04010000, "O_RDONLY|O_SYNC");
	check_flags("open", 010000, "O_RDONLY|O_DSYNC");
	check_flags("open", 020200000 | 2, "O_RDWR|O_TMPFILE");
	check_flags("open", 0200000, "O_RDONLY|O_DIRECTORY");
#endif
	check_flags("open", 1ULL << 40 | 0100, "O_RDONLY|O_CREAT|0x10000000000");
	check_flags("prot", 0, "PROT_NONE");
	check_flags("prot", 5, "PROT_READ|PROT_EXEC");
	check_flags("prot", 0x1000007, "PROT_READ|PROT_WRITE|PROT_EXEC|PROT_GROWSDOWN");
	check_flags("mmap", 0x22, "MAP_PRIVATE|MAP_ANONYMOUS");
	check_flags("mmap", 0x11, "MAP_SHARED|MAP_FIXED");
	check_flags("mmap", 0, "0");
	check_flags("clone", 0x11, "0x11");
	check_flags("clone", 0x4111, "CLONE_VM|CLONE_VFORK|0x11");
	check_flags("clone", 0, "0");
	check_flags("clone", 0x300000000, "CLONE_CLEAR_SIGHAND|CLONE_INTO_CGROUP");
	check_flags("poll", 0x1, "POLLIN");
	check_flags("poll", 0x80000019, "POLLIN|POLLERR|POLLHUP|EPOLLET");
}

/* Every subset of bits would be too many: all, none, each, each pair, and chance. */
static void test_flags_keep_to_their_room(void **state)
{
	_cleanup_free_ char *list = strdup(flag_set_list());
	struct random seed = {3};
	size_t n = 0;

	assert_non_null(list);
	for (char *rest = list, *name; (name = strsep(&rest, " ")); n++) {
		const struct flag_set *set = flag_set_find(span_of(name));
		char *p = room(FLAG_TEXT_MAX);

		assert_non_null(set);
		assert_string_equal(flag_set_name(set), name);
		assert_in_range(flag_set_put(p, set, UINT64_MAX) - p, 1, FLAG_TEXT_MAX);
		for (int i = 0; i < 64; i++)
			for (int j = 0; j < 64; j++)
				assert_in_range(flag_set_put(p, set, 1ULL << i | 1ULL << j) - p, 1,
						FLAG_TEXT_MAX);
		for (int i = 0; i < 10000; i++)
			assert_in_range(flag_set_put(p, set, random_next(&seed)) - p, 1,
					FLAG_TEXT_MAX);
		free(p);
	}
	assert_int_equal(n, 5);
	assert_null(flag_set_find(span_of("nosuch")));
	assert_null(flag_set_find(span_of("")));
}

static void check_name(const struct value_names *names, int64_t v, bool is_signed, const char *want)
{
	char *p = room(VALUE_NAME_TEXT_MAX + 2);

	assert_text(p, put_name(p, names, v, is_signed), want);
}

static void test_names_are_found_by_value(void **state)
{
	static const struct value_name dense[] = {
		{2, "TWO"}, {0, "ZERO"}, {1, "ONE"}, {2, "ALSO_TWO"}, {3, "THREE"},
	};
	static const struct value_name sparse[] = {
		{-1, "MINUS"}, {INT64_MAX, "MOST"}, {INT64_MIN, "LEAST"}, {7, "SEVEN"}, {100, "C"},
	};
	_cleanup_(value_names_unrefp) struct value_names *names = NULL, *others = NULL,
							 *none = NULL;

	assert_int_equal(value_names_new(dense, ARRAY_SIZE(dense), &names), 0);
	check_name(names, 0, true, "\"ZERO\"");
	check_name(names, 2, true, "\"TWO\"");
	check_name(names, 3, true, "\"THREE\"");
	check_name(names, 4, true, "4");
	check_name(names, -1, true, "-1");
	check_name(names, -1, false, "18446744073709551615");
	assert_int_equal(value_names_new(sparse, ARRAY_SIZE(sparse), &others), 0);
	for (size_t i = 0; i < ARRAY_SIZE(sparse); i++) {
		size_t len = 0;
		const char *name = value_names_find(others, sparse[i].value, &len);

		assert_int_equal(len, strlen(sparse[i].name));
		assert_memory_equal(name, sparse[i].name, len);
	}
	check_name(others, 8, true, "8");
	assert_int_equal(value_names_new(NULL, 0, &none), 0);
	check_name(none, 5, true, "5");
	check_name(NULL, 5, true, "5");
}

static void test_tables_of_names_are_counted_and_limited(void **state)
{
	char long_name[VALUE_NAME_TEXT_MAX + 2];
	struct value_name row = {1, long_name};
	struct value_name *many = calloc(VALUE_NAMES_MAX + 1, sizeof(*many));
	struct value_names *names = NULL;

	memset(long_name, 'x', sizeof(long_name));
	long_name[VALUE_NAME_TEXT_MAX + 1] = '\0';
	assert_int_equal(value_names_new(&row, 1, &names), -E2BIG);
	long_name[VALUE_NAME_TEXT_MAX] = '\0';
	assert_int_equal(value_names_new(&row, 1, &names), 0);
	assert_ptr_equal(value_names_ref(names), names);
	assert_null(value_names_unref(names));
	check_name(names, 2, true, "2");
	assert_null(value_names_unref(names));
	assert_null(value_names_unref(NULL));
	assert_null(value_names_ref(NULL));

	row.name = "no name";
	assert_int_equal(value_names_new(&row, 1, &names), -EINVAL);
	row.name = "";
	assert_int_equal(value_names_new(&row, 1, &names), -EINVAL);
	assert_non_null(many);
	for (size_t i = 0; i <= VALUE_NAMES_MAX; i++)
		many[i] = (struct value_name){(int64_t)i * 3, "x"};
	assert_int_equal(value_names_new(many, VALUE_NAMES_MAX + 1, &names), -E2BIG);
	assert_int_equal(value_names_new(many, VALUE_NAMES_MAX, &names), 0);
	for (size_t i = 0; i < VALUE_NAMES_MAX; i++)
		check_name(names, (int64_t)i * 3, true, "\"x\"");
	check_name(names, 4, true, "4");
	value_names_unref(names);
	free(many);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_errors_have_names),
		cmocka_unit_test(test_names_of_errors_are_found_again),
		cmocka_unit_test(test_modes_are_octal),
		cmocka_unit_test(test_devices_have_major_and_minor),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_ip6_is_as_libc_has_it),
		cmocka_unit_test(test_flags_have_names),
		cmocka_unit_test(test_flags_keep_to_their_room),
		cmocka_unit_test(test_names_are_found_by_value),
		cmocka_unit_test(test_tables_of_names_are_counted_and_limited),
	};

	return cmocka_run_group_tests_name("value-text", tests, NULL, NULL);
}
