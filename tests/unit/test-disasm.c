/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Machine code to text, on bytes whose meaning the processor's manual gives. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cleanup.h"
#include "disasm.h"

#define BASE 0xffffffff81000000ULL
#define MAX  64

struct lines {
	struct disasm_insn all[MAX];
	size_t n;
	int stop_after; /* 0: never */
};

static char name_data[1];

/* "known" is at BASE + 0x100, and nothing else has a name. */
static bool name_of(uint64_t address, char *buf, size_t size, void *data)
{
	assert_ptr_equal(data, name_data);
	if (address < BASE + 0x100 || address >= BASE + 0x200)
		return false;
	if (address == BASE + 0x100)
		snprintf(buf, size, "known");
	else
		snprintf(buf, size, "known+0x%llx", (unsigned long long)(address - BASE - 0x100));
	return true;
}

static int take(const struct disasm_insn *insn, void *data)
{
	struct lines *lines = data;

	assert_in_range(lines->n, 0, MAX - 1);
	lines->all[lines->n++] = *insn;
	return lines->stop_after && (int)lines->n == lines->stop_after ? -ECANCELED : 0;
}

static struct lines decode(const uint8_t *code, size_t n)
{
	struct lines lines = {.n = 0};
	struct disasm *d;

	assert_int_equal(disasm_new(&d), 0);
	assert_int_equal(disasm_each(d, code, n, BASE, name_of, name_data, take, &lines), 0);
	disasm_free(d);
	return lines;
}

#if defined(__x86_64__)
#define DECODE(...)                                                                                \
	({                                                                                         \
		static const uint8_t code_[] = {__VA_ARGS__};                                      \
		decode(code_, sizeof(code_));                                                      \
	})

static void test_every_byte_belongs_to_one_instruction(void **state)
{
	/* endbr64; nopl; push %rbx; mov %rsi,%rbx; ret; int3 */
	struct lines l = DECODE(0xf3, 0x0f, 0x1e, 0xfa, 0x0f, 0x1f, 0x44, 0x00, 0x00, 0x53, 0x48,
				0x89, 0xf3, 0xc3, 0xcc);
	static const struct {
		uint32_t offset;
		enum disasm_kind kind;
		const char *text;
	} expected[] = {
		{0, DISASM_PLAIN, "endbr64"},	 {4, DISASM_NOP, "nopl (%rax, %rax)"},
		{9, DISASM_PLAIN, "pushq %rbx"}, {10, DISASM_PLAIN, "movq %rsi, %rbx"},
		{13, DISASM_END, "retq"},	 {14, DISASM_TRAP, "int3"},
	};

	assert_int_equal(l.n, ARRAY_SIZE(expected));
	for (size_t i = 0; i < l.n; i++) {
		assert_int_equal(l.all[i].offset, expected[i].offset);
		assert_int_equal(l.all[i].kind, expected[i].kind);
		assert_string_equal(l.all[i].text, expected[i].text);
	}
	assert_int_equal(l.all[l.n - 1].offset + l.all[l.n - 1].size, 15);
}

static void test_calls_and_jumps_have_their_target_by_name(void **state)
{
	/* call BASE+0x100; jne BASE+0x110; jmp out of it all; call *%rax */
	struct lines l = DECODE(0xe8, 0xfb, 0x00, 0x00, 0x00, 0x0f, 0x85, 0x05, 0x01, 0x00, 0x00,
				0xe9, 0x00, 0x00, 0x10, 0x00, 0xff, 0xd0);

	assert_int_equal(l.n, 4);
	assert_string_equal(l.all[0].text, "callq known");
	assert_true(l.all[0].is_call && l.all[0].has_target);
	assert_true(l.all[0].target == BASE + 0x100);
	assert_string_equal(l.all[1].text, "jne known+0x10");
	assert_true(l.all[1].has_target && !l.all[1].is_call);
	assert_int_equal(l.all[1].kind, DISASM_PLAIN);
	assert_string_equal(l.all[2].text, "jmp 0xffffffff81100010");
	assert_int_equal(l.all[2].kind, DISASM_END);
	assert_string_equal(l.all[3].text, "callq *%rax");
	assert_true(l.all[3].is_call && !l.all[3].has_target);
}

static void test_addresses_in_operands_are_found(void **state)
{
	/* mov 0x10(%rip),%rax; mov $BASE+0x100,%rdi; mov %gs:0x1c940,%rax; mov $5,%eax */
	struct lines l = DECODE(0x48, 0x8b, 0x05, 0x10, 0x00, 0x00, 0x00, 0x48, 0xc7, 0xc7, 0x00,
				0x01, 0x00, 0x81, 0x65, 0x48, 0x8b, 0x04, 0x25, 0x40, 0xc9, 0x01,
				0x00, 0xb8, 0x05, 0x00, 0x00, 0x00);

	assert_int_equal(l.n, 4);
	assert_true(l.all[0].refers == BASE + 7 + 0x10);
	assert_true(l.all[1].refers == BASE + 0x100);
	assert_true(l.all[2].refers == 0);
	assert_true(l.all[3].refers == 0);
}

static void test_what_is_no_instruction_is_a_byte(void **state)
{
	/* 0xd6 is none in 64-bit mode; a call is cut off at the end. */
	struct lines l = DECODE(0xd6, 0x0f, 0x0b, 0xe8, 0x00, 0x00);

	assert_string_equal(l.all[0].text, ".byte 0xd6");
	assert_int_equal(l.all[0].kind, DISASM_UNKNOWN);
	assert_int_equal(l.all[1].kind, DISASM_BUG);
	assert_int_equal(l.all[2].offset, 3);
	assert_int_equal(l.all[2].kind, DISASM_UNKNOWN);
	assert_int_equal(l.all[l.n - 1].offset + l.all[l.n - 1].size, 6);
}

static void test_a_result_ends_it(void **state)
{
	static const uint8_t code[] = {0x90, 0x90, 0x90};
	struct lines l = {.stop_after = 2};
	struct disasm *d;

	assert_int_equal(disasm_new(&d), 0);
	assert_int_equal(disasm_each(d, code, sizeof(code), BASE, NULL, NULL, take, &l),
			 -ECANCELED);
	assert_int_equal(l.n, 2);
	assert_int_equal(disasm_each(d, code, 0, BASE, NULL, NULL, take, &l), 0);
	disasm_free(d);
}
#elif defined(__aarch64__)
static void test_calls_and_jumps_have_their_target_by_name(void **state)
{
	/* bl BASE+0x100; cbz x0, BASE+0x108; ret; nop; no instruction */
	static const uint8_t code[] = {0x40, 0x00, 0x00, 0x94, 0x20, 0x08, 0x00, 0xb4, 0xc0, 0x03,
				       0x5f, 0xd6, 0x1f, 0x20, 0x03, 0xd5, 0x00, 0x00, 0x00, 0x00};
	struct lines l = decode(code, sizeof(code));

	assert_int_equal(l.n, 5);
	assert_string_equal(l.all[0].text, "bl known");
	assert_string_equal(l.all[1].text, "cbz x0, known+0x8");
	assert_int_equal(l.all[2].kind, DISASM_END);
	assert_int_equal(l.all[3].kind, DISASM_NOP);
	assert_int_equal(l.all[4].kind, DISASM_UNKNOWN);
	assert_string_equal(l.all[4].text, ".inst 0x00000000");
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
#if defined(__x86_64__)
		cmocka_unit_test(test_every_byte_belongs_to_one_instruction),
		cmocka_unit_test(test_addresses_in_operands_are_found),
		cmocka_unit_test(test_what_is_no_instruction_is_a_byte),
		cmocka_unit_test(test_a_result_ends_it),
#endif
		cmocka_unit_test(test_calls_and_jumps_have_their_target_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
