/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Kernel memory out of a core file of our own, laid out as /proc/kcore is. */
#include <elf.h>
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
#include "kernel-text.h"

#define TEXT   0xffffffff81000000ULL
#define MODULE 0xffffffffc0000000ULL
#define DATA   0x1000

struct core {
	Elf64_Ehdr head;
	Elf64_Phdr segments[3];
	char rest[DATA - sizeof(Elf64_Ehdr) - 3 * sizeof(Elf64_Phdr)];
	uint8_t text[256], module[64];
};

static char path[64];

static struct core core_make(void)
{
	struct core c = {
		.head = {.e_type = ET_CORE,
			 .e_phoff = offsetof(struct core, segments),
			 .e_phentsize = sizeof(Elf64_Phdr),
			 .e_phnum = 3},
		.segments = {{.p_type = PT_NOTE, .p_vaddr = TEXT, .p_filesz = 4096},
			     {.p_type = PT_LOAD,
			      .p_vaddr = TEXT,
			      .p_offset = offsetof(struct core, text),
			      .p_filesz = 256},
			     {.p_type = PT_LOAD,
			      .p_vaddr = MODULE,
			      .p_offset = offsetof(struct core, module),
			      .p_filesz = 64}},
	};

	memcpy(c.head.e_ident, ELFMAG, SELFMAG);
	c.head.e_ident[EI_CLASS] = ELFCLASS64;
	for (unsigned int i = 0; i < sizeof(c.text); i++)
		c.text[i] = (uint8_t)i;
	memset(c.module, 0xaa, sizeof(c.module));
	return c;
}

static void core_write(const struct core *c, size_t n)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	assert_int_equal(fwrite(c, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
}

static struct kernel_text *open_core(void)
{
	struct kp_error e = KP_ERROR_INIT;
	struct kernel_text *t = NULL;

	assert_int_equal(kernel_text_open(path, &t, &e), 0);
	return t;
}

static void test_bytes_are_found_by_address(void **state)
{
	struct core c = core_make();
	struct kernel_text *t;
	uint8_t buf[256];

	core_write(&c, sizeof(c));
	t = open_core();
	assert_int_equal(kernel_text_read(t, TEXT + 16, buf, 8), 0);
	assert_memory_equal(buf, c.text + 16, 8);
	assert_int_equal(kernel_text_read(t, TEXT, buf, 256), 0);
	assert_memory_equal(buf, c.text, 256);
	assert_int_equal(kernel_text_read(t, MODULE + 63, buf, 1), 0);
	assert_int_equal(buf[0], 0xaa);
	kernel_text_free(t);
}

static void test_what_is_outside_is_a_fault(void **state)
{
	struct core c = core_make();
	struct kernel_text *t;
	uint8_t buf[512];

	core_write(&c, sizeof(c));
	t = open_core();
	assert_int_equal(kernel_text_read(t, TEXT + 250, buf, 7), -EFAULT);
	assert_int_equal(kernel_text_read(t, TEXT - 1, buf, 4), -EFAULT);
	assert_int_equal(kernel_text_read(t, TEXT + 256, buf, 1), -EFAULT);
	assert_int_equal(kernel_text_read(t, UINT64_MAX, buf, 4), -EFAULT);
	assert_int_equal(kernel_text_read(t, 0, buf, 1), -EFAULT);
	kernel_text_free(t);
}

static void test_memory_that_comes_later_is_found(void **state)
{
	struct core c = core_make();
	struct kernel_text *t;
	uint8_t byte;

	c.head.e_phnum = 2;
	core_write(&c, sizeof(c));
	t = open_core();
	assert_int_equal(kernel_text_read(t, MODULE, &byte, 1), -EFAULT);
	c.head.e_phnum = 3;
	core_write(&c, sizeof(c));
	assert_int_equal(kernel_text_read(t, MODULE, &byte, 1), 0);
	assert_int_equal(byte, 0xaa);
	kernel_text_free(t);
}

static void test_other_files_are_refused(void **state)
{
	struct kp_error e = KP_ERROR_INIT;
	struct core c = core_make();
	struct kernel_text *t = NULL;

	core_write(&c, 20);
	assert_int_equal(kernel_text_open(path, &t, &e), -EBADMSG);
	c.head.e_type = ET_EXEC;
	core_write(&c, sizeof(c));
	assert_int_equal(kernel_text_open(path, &t, &e), -EBADMSG);
	c = core_make();
	c.head.e_phnum = 5000;
	core_write(&c, sizeof(c));
	assert_int_equal(kernel_text_open(path, &t, &e), -EBADMSG);
	assert_null(t);
}

static void test_missing_file_says_what_is_missing(void **state)
{
	struct kp_error e = KP_ERROR_INIT;
	struct kernel_text *t = NULL;

	assert_int_equal(kernel_text_open("/nonexistent/kcore", &t, &e), -ENOENT);
	assert_int_equal(e.code, KP_UNAVAILABLE);
	assert_string_equal(e.subject, "disassembly");
	assert_non_null(strstr(e.message, "CONFIG_PROC_KCORE"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes_are_found_by_address),
		cmocka_unit_test(test_what_is_outside_is_a_fault),
		cmocka_unit_test(test_memory_that_comes_later_is_found),
		cmocka_unit_test(test_other_files_are_refused),
		cmocka_unit_test(test_missing_file_says_what_is_missing),
	};
	int fd, r;

	snprintf(path, sizeof(path), "/tmp/test-kernel-text-XXXXXX");
	fd = mkstemp(path);
	if (fd < 0)
		return 1;
	close(fd);
	r = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	return r;
}
