/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A function's instructions with probes in them: what a probe has overwritten is found in a
 * kernel's memory of our own, and each instruction says whether a probe may be there.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core-file.h"
#include "listing.h"

#define FUNCTION 0xffffffff81001000ULL
#define TABLE	 0xffffffff82000000ULL
#define KPROBE	 0xffff888000010000ULL
#define JUMPS	 0xffffffff82100000ULL
#define CALLS	 0xffffffff82200000ULL
#define MAX	 32

static const struct kprobe_layout layout = {
	.hlist = 8, .addr = 24, .opcode = 32, .opcode_size = 1, .copied = 48, .copied_size = 4};

struct rows {
	struct listing_row all[MAX];
	uint8_t bytes[MAX][DISASM_BYTES_MAX], live[MAX][DISASM_BYTES_MAX];
	size_t n;
};

static int take(const struct listing_row *row, void *data)
{
	struct rows *rows = data;

	assert_in_range(rows->n, 0, MAX - 1);
	rows->all[rows->n] = *row;
	memcpy(rows->bytes[rows->n], row->bytes, row->insn.size);
	if (row->live)
		memcpy(rows->live[rows->n], row->live, row->n_live);
	rows->n++;
	return 0;
}

static struct rows list(const struct listing *l)
{
	struct rows rows = {.n = 0};
	struct disasm *d;

	assert_int_equal(disasm_new(&d), 0);
	assert_int_equal(listing_each(l, d, take, &rows), 0);
	disasm_free(d);
	return rows;
}

static void test_methods_have_names(void **state)
{
	for (int how = TEXT_PATCH_BREAKPOINT; how <= TEXT_PATCH_FTRACE; how++)
		assert_int_equal(text_patch_of_method(text_patch_method(how)), how);
	assert_int_equal(text_patch_of_method("helper"), TEXT_PATCH_NONE);
	assert_int_equal(text_patch_of_method(NULL), TEXT_PATCH_NONE);
	assert_null(text_patch_method(TEXT_PATCH_NONE));
}

#if defined(__x86_64__)
static bool name_all(uint64_t address, char *buf, size_t size, void *data)
{
	snprintf(buf, size, "%s", (const char *)data);
	return true;
}

/* nopl; push %rbx; mov %rsi,%rbx; xor %eax,%eax; ud2; pop %rbx; ret; filling */
static const uint8_t clean[] = {0x0f, 0x1f, 0x44, 0x00, 0x00, 0x53, 0x48, 0x89, 0xf3, 0x31,
				0xc0, 0x0f, 0x0b, 0x5b, 0xc3, 0xcc, 0xcc, 0x90, 0xcc};

static void test_filling_behind_the_function_is_left_out(void **state)
{
	struct listing l = {.address = FUNCTION, .live = clean, .n = sizeof(clean)};
	struct rows rows = list(&l);

	assert_int_equal(rows.n, 7);
	assert_string_equal(rows.all[0].insn.text, "nopl (%rax, %rax)");
	assert_string_equal(rows.all[6].insn.text, "retq");
	for (size_t i = 0; i < rows.n; i++) {
		assert_null(rows.all[i].live);
		assert_null(rows.all[i].patch);
	}
	assert_null(rows.all[1].reason);
	assert_non_null(strstr(rows.all[4].reason, "BUG()"));
}

static void test_targets_are_named(void **state)
{
	static const uint8_t code[] = {0xe8, 0x01, 0x02, 0x03, 0x04, 0xc3};
	struct listing l = {.address = FUNCTION,
			    .live = code,
			    .n = sizeof(code),
			    .name = name_all,
			    .name_data = (char[]){"there"}};
	struct rows rows = list(&l);

	assert_string_equal(rows.all[0].insn.text, "callq there");
}

static void test_reason_against_the_function_is_that_of_each_instruction(void **state)
{
	struct listing l = {
		.address = FUNCTION, .live = clean, .n = sizeof(clean), .forbidden = "because"};
	struct rows rows = list(&l);

	for (size_t i = 0; i < rows.n; i++)
		assert_string_equal(rows.all[i].reason, "because");
}

/* A slot of kprobe_table: where the first struct kprobe of @address hangs. */
static uint64_t slot_of(uint64_t address)
{
	return (address * 0x61c8864680b583ebULL) >> 58;
}

/* The kernel's memory with two probes in one chain: @other first, then @address. */
static struct kernel_text *open_probes(uint64_t address, uint64_t other, const uint8_t *original)
{
	static uint64_t table[64];
	static uint8_t kprobes[2][64];
	const struct core_piece pieces[] = {{TABLE, table, sizeof(table)},
					    {KPROBE, kprobes, sizeof(kprobes)}};
	uint64_t node;

	memset(table, 0, sizeof(table));
	memset(kprobes, 0, sizeof(kprobes));
	node = KPROBE + layout.hlist;
	table[slot_of(address)] = node;
	node += 64;
	memcpy(kprobes[0] + layout.hlist, &node, 8);
	memcpy(kprobes[0] + layout.addr, &other, 8);
	memcpy(kprobes[1] + layout.addr, &address, 8);
	kprobes[1][layout.opcode] = original[0];
	memcpy(kprobes[1] + layout.copied, original + 1, 4);
	return core_open(pieces, ARRAY_SIZE(pieces));
}

static void test_original_is_found_where_the_kernel_keeps_it(void **state)
{
	static const uint8_t original[] = {0x53, 0x48, 0x89, 0xf3, 0x31};
	struct kernel_text *t = open_probes(FUNCTION + 5, FUNCTION + 6, original);
	struct text_patch p = {.address = FUNCTION + 5, .how = TEXT_PATCH_JUMP};

	text_patch_find_original(&p, t, TABLE, &layout);
	assert_int_equal(p.n_original, 5);
	assert_memory_equal(p.original, original, 5);
	p.how = TEXT_PATCH_BREAKPOINT;
	text_patch_find_original(&p, t, TABLE, &layout);
	assert_int_equal(p.n_original, 1);
	assert_int_equal(p.original[0], 0x53);
	p.how = TEXT_PATCH_FTRACE;
	text_patch_find_original(&p, t, 0, NULL);
	assert_int_equal(p.n_original, 5);
	assert_memory_equal(p.original, clean, 5);
	/* Not known: no table, no layout, no such probe. */
	p.how = TEXT_PATCH_BREAKPOINT;
	text_patch_find_original(&p, t, 0, &layout);
	assert_int_equal(p.n_original, 0);
	text_patch_find_original(&p, t, TABLE, NULL);
	assert_int_equal(p.n_original, 0);
	p.address++;
	p.address += 64;
	text_patch_find_original(&p, t, TABLE, &layout);
	assert_int_equal(p.n_original, 0);
	kernel_text_free(t);
}

static void test_instructions_are_shown_as_without_the_jump(void **state)
{
	struct text_patch patch = {.address = FUNCTION + 5,
				   .how = TEXT_PATCH_JUMP,
				   .original = {0x53, 0x48, 0x89, 0xf3, 0x31},
				   .n_original = 5};
	uint8_t live[sizeof(clean)];
	struct listing l = {.address = FUNCTION,
			    .live = live,
			    .n = sizeof(live),
			    .patches = &patch,
			    .n_patches = 1};
	struct rows rows;

	memcpy(live, clean, sizeof(live));
	memcpy(live + 5, "\xe9\x11\x22\x33\x44", 5);
	assert_true(text_patch_settle(&patch, live + 5, sizeof(live) - 5));
	assert_false(text_patch_settle(&patch, live, sizeof(live)));
	rows = list(&l);
	assert_int_equal(rows.n, 7);
	assert_string_equal(rows.all[1].insn.text, "pushq %rbx");
	assert_ptr_equal(rows.all[1].patch, &patch);
	assert_int_equal(rows.all[1].n_live, 5);
	assert_memory_equal(rows.live[1], "\xe9\x11\x22\x33\x44", 5);
	/* What the jump covers as well is shown once. */
	assert_string_equal(rows.all[2].insn.text, "movq %rsi, %rbx");
	assert_null(rows.all[2].live);
	assert_string_equal(rows.all[3].insn.text, "xorl %eax, %eax");
	assert_null(rows.all[3].live);
}

static void test_breakpoint_over_a_long_instruction_is_undone(void **state)
{
	struct text_patch patch = {.address = FUNCTION + 6,
				   .how = TEXT_PATCH_BREAKPOINT,
				   .original = {0x48},
				   .n_original = 1};
	uint8_t live[sizeof(clean)];
	struct listing l = {.address = FUNCTION,
			    .live = live,
			    .n = sizeof(live),
			    .patches = &patch,
			    .n_patches = 1};
	struct rows rows;

	memcpy(live, clean, sizeof(live));
	live[6] = 0xcc;
	assert_true(text_patch_settle(&patch, live + 6, 1));
	assert_false(text_patch_settle(&patch, live + 5, 1));
	rows = list(&l);
	assert_int_equal(rows.n, 7);
	assert_string_equal(rows.all[2].insn.text, "movq %rsi, %rbx");
	assert_memory_equal(rows.bytes[2], "\x48\x89\xf3", 3);
	assert_memory_equal(rows.live[2], "\xcc\x89\xf3", 3);
	assert_null(rows.all[2].reason);

	/* Without the original it is said so, and it is never taken for filling. */
	patch.n_original = 0;
	rows = list(&l);
	assert_true(rows.all[2].is_unsure);
	assert_string_equal(rows.all[2].insn.text, "int3");
	assert_non_null(strstr(rows.all[2].reason, "not known"));
}

static void test_memory_decides_whether_it_is_a_jump_yet(void **state)
{
	struct text_patch patch = {.how = TEXT_PATCH_JUMP};

	assert_true(text_patch_settle(&patch, (const uint8_t *)"\xcc\x48\x89\xf3\x31", 5));
	assert_int_equal(patch.how, TEXT_PATCH_BREAKPOINT);
	assert_true(text_patch_settle(&patch, (const uint8_t *)"\xe9\x01\x02\x03\x04", 5));
	assert_int_equal(patch.how, TEXT_PATCH_JUMP);
	assert_false(text_patch_settle(&patch, clean, sizeof(clean)));
}

static void test_ftrace_call_is_a_nop_without_it(void **state)
{
	struct text_patch patch = {.address = FUNCTION, .how = TEXT_PATCH_FTRACE};
	uint8_t live[sizeof(clean)];
	struct listing l = {.address = FUNCTION,
			    .live = live,
			    .n = sizeof(live),
			    .patches = &patch,
			    .n_patches = 1};
	struct rows rows;

	memcpy(live, clean, sizeof(live));
	assert_false(text_patch_settle(&patch, live, sizeof(live)));
	memcpy(live, "\xe8\x01\x02\x03\x04", 5);
	assert_true(text_patch_settle(&patch, live, sizeof(live)));
	text_patch_find_original(&patch, NULL, 0, NULL);
	rows = list(&l);
	assert_string_equal(rows.all[0].insn.text, "nopl (%rax, %rax)");
	assert_memory_equal(rows.live[0], "\xe8\x01\x02\x03\x04", 5);
	assert_null(rows.all[0].reason);
}
#endif

static void test_jump_labels_and_static_calls_are_reserved(void **state)
{
	/* In the kernel's order, which is not that of the addresses. */
	const struct {
		int32_t code, target;
		int64_t key;
	} jumps[] = {{(int32_t)(FUNCTION + 64 - JUMPS), 0, 0},
		     {(int32_t)(FUNCTION + 32 - (JUMPS + 16)), 0, 0}};
	const struct {
		int32_t address, key;
	} calls[] = {{(int32_t)(FUNCTION + 48 - CALLS), 0}};
	const struct core_piece pieces[] = {{JUMPS, jumps, sizeof(jumps)},
					    {CALLS, calls, sizeof(calls)}};
	const struct text_table jump_table = {JUMPS, JUMPS + sizeof(jumps)};
	const struct text_table call_table = {CALLS, CALLS + sizeof(calls)};
	const struct text_table wrong = {JUMPS, JUMPS - 8}, outside = {FUNCTION, FUNCTION + 16};
	const struct text_table none = {0, 0};
	struct kernel_text *t = core_open(pieces, ARRAY_SIZE(pieces));
	struct text_reserved r = {0};

	assert_int_equal(text_reserved_load(t, &jump_table, &call_table, &r), 0);
	assert_non_null(strstr(text_reserved_reason(&r, FUNCTION + 32), "static branch"));
	assert_non_null(strstr(text_reserved_reason(&r, FUNCTION + 64), "static branch"));
	assert_non_null(strstr(text_reserved_reason(&r, FUNCTION + 48), "static call"));
	assert_null(text_reserved_reason(&r, FUNCTION));
	assert_null(text_reserved_reason(&r, FUNCTION + 33));
	text_reserved_done(&r);
	assert_int_equal(text_reserved_load(t, &none, &none, &r), 0);
	assert_null(text_reserved_reason(&r, FUNCTION + 32));
	text_reserved_done(&r);
	assert_int_equal(text_reserved_load(t, &wrong, &none, &r), -EBADMSG);
	assert_int_equal(text_reserved_load(t, &jump_table, &outside, &r), -EFAULT);
	kernel_text_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_methods_have_names),
#if defined(__x86_64__)
		cmocka_unit_test(test_filling_behind_the_function_is_left_out),
		cmocka_unit_test(test_targets_are_named),
		cmocka_unit_test(test_reason_against_the_function_is_that_of_each_instruction),
		cmocka_unit_test(test_original_is_found_where_the_kernel_keeps_it),
		cmocka_unit_test(test_instructions_are_shown_as_without_the_jump),
		cmocka_unit_test(test_breakpoint_over_a_long_instruction_is_undone),
		cmocka_unit_test(test_memory_decides_whether_it_is_a_jump_yet),
		cmocka_unit_test(test_ftrace_call_is_a_nop_without_it),
#endif
		cmocka_unit_test(test_jump_labels_and_static_calls_are_reserved),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
