/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What of the helper device can be said without one. The rest: tests/vm/tests/93-helper. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "helper.h"

static void test_open_without_device_says_how_to_get_it(void **state)
{
	struct helper *h = NULL;
	struct kp_error e = KP_ERROR_INIT;

	assert_int_equal(helper_open("/nonexistent/kprobed", &h, &e), -ENOENT);
	assert_null(h);
	assert_int_equal(e.code, KP_HELPER_REQUIRED);
	assert_string_equal(e.reason, "notLoaded");
	assert_non_null(strstr(e.hint, "modprobe kprobed"));
	assert_non_null(strstr(e.hint, "dkms"));
}

static void test_open_of_another_device_is_refused(void **state)
{
	struct helper *h = NULL;
	struct kp_error e = KP_ERROR_INIT;

	assert_int_equal(helper_open("/dev/null", &h, &e), -ENOTTY);
	assert_null(h);
	assert_int_equal(e.code, KP_HELPER_REQUIRED);
	assert_string_equal(e.reason, "otherVersion");
}

static void test_open_not_allowed_is_said(void **state)
{
	char path[] = "/tmp/test-helper-XXXXXX";
	struct helper *h = NULL;
	struct kp_error e = KP_ERROR_INIT;
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(chmod(path, 0), 0);
	if (geteuid() == 0) {
		/* Root may open it, and finds that it is no device. */
		assert_int_equal(helper_open(path, &h, &e), -ENOTTY);
	} else {
		assert_int_equal(helper_open(path, &h, &e), -EACCES);
		assert_string_equal(e.reason, "notAllowed");
	}
	unlink(path);
}

static void test_check_other_version_is_refused(void **state)
{
	struct kprobed_version version = {.abi = KPROBED_ABI};
	struct kp_error e = KP_ERROR_INIT;

	assert_int_equal(helper_check(&version, &e), 0);
	assert_int_equal(e.code, KP_OK);

	version.abi = KPROBED_ABI + 1;
	assert_int_equal(helper_check(&version, &e), -EPROTO);
	assert_int_equal(e.code, KP_HELPER_REQUIRED);
	assert_string_equal(e.reason, "otherVersion");
	assert_non_null(strstr(e.hint, "update"));

	e = KP_ERROR_INIT;
	version.abi = KPROBED_ABI - 1;
	assert_int_equal(helper_check(&version, &e), -EPROTO);
	assert_non_null(strstr(e.hint, "build the module"));
}

static void test_fill_whole_probe_is_whole_request(void **state)
{
	struct kprobed_insn insns[5] = {{0}};
	struct helper_program program = {
		.entry = insns, .n_entry = 2, .ret = insns + 2, .n_ret = 1};
	struct helper_condition condition = {
		.entry = insns + 3,
		.n_entry = 1,
		.ret = insns + 4,
		.n_ret = 1,
		.text = (char *)"cat",
		.text_len = 3,
		.flags = KPROBED_SKIP_KTHREADS,
	};
	struct kprobed_hist hist = {.value = KPROBED_HIST_DURATION};
	struct helper_probe probe = {
		.kind = KPROBED_CALL,
		.flags = KPROBED_DISABLED,
		.cookie = 77,
		.place = {.symbol = "vfs_read"},
		.maxactive = 16,
		.program = &program,
		.condition = &condition,
		.hist = &hist,
	};
	struct kprobed_add add;

	helper_fill(&probe, &add);
	assert_int_equal(add.size, sizeof(add));
	assert_int_equal(add.kind, KPROBED_CALL);
	assert_int_equal(add.flags, KPROBED_DISABLED | KPROBED_SKIP_KTHREADS);
	assert_int_equal(add.cookie, 77);
	assert_string_equal((const char *)(uintptr_t)add.symbol, "vfs_read");
	assert_int_equal(add.address, 0);
	assert_ptr_equal((void *)(uintptr_t)add.entry_fetch, insns);
	assert_int_equal(add.n_entry_fetch, 2);
	assert_ptr_equal((void *)(uintptr_t)add.return_fetch, insns + 2);
	assert_int_equal(add.n_return_fetch, 1);
	assert_ptr_equal((void *)(uintptr_t)add.entry_cond, insns + 3);
	assert_ptr_equal((void *)(uintptr_t)add.return_cond, insns + 4);
	assert_int_equal(add.text_len, 3);
	assert_int_equal(add.maxactive, 16);
	assert_int_equal(add.hist.value, KPROBED_HIST_DURATION);
	assert_int_equal(add.id, 0);
	assert_int_equal(add.reserved, 0);
}

static void test_fill_empty_programs_are_no_pointers(void **state)
{
	struct kprobed_insn insn = {0};
	struct helper_program program = {.entry = &insn, .ret = &insn};
	struct helper_condition condition = {
		.entry = &insn, .ret = &insn, .text = (char *)"", .text_len = 0};
	struct helper_probe probe = {
		.kind = KPROBED_AFTER,
		.place = {.address = 0xffffffff81000010, .offset = 0},
		.program = &program,
		.condition = &condition,
	};
	struct kprobed_add add;

	helper_fill(&probe, &add);
	assert_int_equal(add.symbol, 0);
	assert_true(add.address == 0xffffffff81000010);
	assert_int_equal(add.entry_fetch, 0);
	assert_int_equal(add.return_fetch, 0);
	assert_int_equal(add.entry_cond, 0);
	assert_int_equal(add.return_cond, 0);
	assert_int_equal(add.text, 0);
	assert_int_equal(add.hist.value, KPROBED_HIST_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_open_without_device_says_how_to_get_it),
		cmocka_unit_test(test_open_of_another_device_is_refused),
		cmocka_unit_test(test_open_not_allowed_is_said),
		cmocka_unit_test(test_check_other_version_is_refused),
		cmocka_unit_test(test_fill_whole_probe_is_whole_request),
		cmocka_unit_test(test_fill_empty_programs_are_no_pointers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
