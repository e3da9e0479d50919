/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Each form of argument as the helper module's program, and where it is recorded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <asm/ptrace.h>
#include <cmocka.h>

#include "cleanup.h"
#include "helper-program.h"
#include "registers.h"

static const char *const ops[] = {
	[KPROBED_FETCH_REG] = "reg",	   [KPROBED_FETCH_STACK] = "stack",
	[KPROBED_FETCH_SP] = "sp",	   [KPROBED_FETCH_IMM] = "imm",
	[KPROBED_FETCH_RET] = "ret",	   [KPROBED_FETCH_TASK] = "task",
	[KPROBED_FETCH_ADD] = "add",	   [KPROBED_FETCH_DEREF] = "deref",
	[KPROBED_FETCH_UDEREF] = "uderef", [KPROBED_FETCH_BITS] = "bits",
	[KPROBED_FETCH_STORE] = "store",   [KPROBED_FETCH_MEM] = "mem",
	[KPROBED_FETCH_UMEM] = "umem",	   [KPROBED_FETCH_STR] = "str",
	[KPROBED_FETCH_USTR] = "ustr",	   [KPROBED_FETCH_COMM] = "comm",
};

/* "reg 112; mem 4/8": what is said is what the instruction has, imm signed and /len, *n. */
static void format(const struct kprobed_insn *insns, size_t n, char *text, size_t size)
{
	size_t at = 0;

	text[0] = '\0';
	for (size_t i = 0; i < n; i++) {
		const struct kprobed_insn *insn = &insns[i];

		at += (size_t)snprintf(text + at, size - at, "%s%s", i ? "; " : "", ops[insn->op]);
		if (insn->imm)
			at += (size_t)snprintf(text + at, size - at, " %lld", (long long)insn->imm);
		if (insn->n)
			at += (size_t)snprintf(text + at, size - at, " *%u", insn->n);
		if (insn->len)
			at += (size_t)snprintf(text + at, size - at, " /%u", insn->len);
	}
}

static int compile(const char *definition, struct probe_spec *spec, struct helper_program *ret,
		   struct kp_error *e)
{
	int r = probe_spec_parse(definition, spec, e);

	if (r < 0)
		fail_msg("\"%s\": %s", definition, e->message);
	return helper_program_compile(spec, ret, e);
}

static void test_each_form_has_its_program(void **state)
{
	static const struct {
		const char *argument;
		enum helper_part part;
		const char *program; /* without the name of the task in front */
		struct helper_arg arg;
	} rows[] = {
		{"%di", HELPER_ENTRY, "reg 112; store *8", {.value = HELPER_NUMBER, .size = 8}},
		{"%eax:s32", HELPER_ENTRY, "reg 80; store *4", {.value = HELPER_SIGNED, .size = 4}},
		{"%flags:x16",
		 HELPER_ENTRY,
		 "reg 144; store *2",
		 {.value = HELPER_NUMBER, .size = 2}},
		{"%r15:char", HELPER_ENTRY, "reg; store *1", {.value = HELPER_NUMBER, .size = 1}},
		{"$stack", HELPER_ENTRY, "sp; store *8", {.value = HELPER_NUMBER, .size = 8}},
		{"$stack0", HELPER_ENTRY, "stack; store *8", {.value = HELPER_NUMBER, .size = 8}},
		{"$stack511:u8",
		 HELPER_ENTRY,
		 "stack 511; store *1",
		 {.value = HELPER_NUMBER, .size = 1}},
		{"$arg1", HELPER_ENTRY, "reg 112; store *8", {.value = HELPER_NUMBER, .size = 8}},
		{"$arg4", HELPER_ENTRY, "reg 88; store *8", {.value = HELPER_NUMBER, .size = 8}},
		{"$arg6:s64",
		 HELPER_ENTRY,
		 "reg 64; store *8",
		 {.value = HELPER_SIGNED, .size = 8}},
		{"$arg7:u32",
		 HELPER_ENTRY,
		 "stack 1; store *4",
		 {.value = HELPER_NUMBER, .size = 4}},
		{"$arg9", HELPER_ENTRY, "stack 3; store *8", {.value = HELPER_NUMBER, .size = 8}},
		{"$retval:s32",
		 HELPER_RETURN,
		 "ret; store *4",
		 {.value = HELPER_SIGNED, .size = 4}},
		{"$comm", HELPER_ENTRY, "comm", {.value = HELPER_BYTES, .size = 16}},
		{"\\-5:s64", HELPER_ENTRY, "imm -5; store *8", {.value = HELPER_SIGNED, .size = 8}},
		{"\\0xffff:u16",
		 HELPER_ENTRY,
		 "imm 65535; store *2",
		 {.value = HELPER_NUMBER, .size = 2}},
		{"\\\"ABC\"",
		 HELPER_ENTRY,
		 "imm 4407873; store *8",
		 {.value = HELPER_BYTES, .size = 8}},
		{"\\\"12345678\"",
		 HELPER_ENTRY,
		 "imm 4050765991979987505; store *8; imm; store *8",
		 {.value = HELPER_BYTES, .size = 16}},
		{"\\\"\"", HELPER_ENTRY, "imm; store *8", {.value = HELPER_BYTES, .size = 8}},
		{"@0xffffffff81000000:u32",
		 HELPER_ENTRY,
		 "imm -2130706432; mem /4",
		 {.value = HELPER_NUMBER, .size = 4}},
		{"+8(@16):u32",
		 HELPER_ENTRY,
		 "imm 16; deref; mem 8 /4",
		 {.value = HELPER_NUMBER, .size = 4}},
		{"+8(%di):u16",
		 HELPER_ENTRY,
		 "reg 112; mem 8 /2",
		 {.value = HELPER_NUMBER, .size = 2}},
		{"-8(%di)",
		 HELPER_ENTRY,
		 "reg 112; mem -8 /8",
		 {.value = HELPER_NUMBER, .size = 8}},
		{"+1(-2(+3(%di))):s8",
		 HELPER_ENTRY,
		 "reg 112; deref 3; deref -2; mem 1 /1",
		 {.value = HELPER_SIGNED, .size = 1}},
		{"+u8(%si):u32",
		 HELPER_ENTRY,
		 "reg 104; umem 8 /4",
		 {.value = HELPER_NUMBER, .size = 4}},
		{"+4(+u8(+16(%si))):u32",
		 HELPER_ENTRY,
		 "reg 104; deref 16; uderef 8; mem 4 /4",
		 {.value = HELPER_NUMBER, .size = 4}},
		{"+0(%si):string",
		 HELPER_ENTRY,
		 "reg 104; str /1024",
		 {.value = HELPER_STRING, .size = 4}},
		{"+8(+0(%si)):ustring",
		 HELPER_ENTRY,
		 "reg 104; deref; ustr 8 /1024",
		 {.value = HELPER_STRING, .size = 4}},
		{"+u8(%si):string",
		 HELPER_ENTRY,
		 "reg 104; ustr 8 /1024",
		 {.value = HELPER_STRING, .size = 4}},
		{"+0(+8($retval)):string",
		 HELPER_RETURN,
		 "ret; deref 8; str /1024",
		 {.value = HELPER_STRING, .size = 4}},
		{"\\4096:string",
		 HELPER_ENTRY,
		 "imm 4096; str /1024",
		 {.value = HELPER_STRING, .size = 4}},
		{"+8(%si):string[2]",
		 HELPER_ENTRY,
		 "reg 104; deref 8; str /756; reg 104; deref 16; str /756",
		 {.value = HELPER_STRING, .size = 4, .count = 2}},
		{"+0(%si):u8[16]",
		 HELPER_ENTRY,
		 "reg 104; mem /16",
		 {.value = HELPER_NUMBER, .size = 1, .count = 16}},
		{"+4(+0(%si)):s32[3]",
		 HELPER_ENTRY,
		 "reg 104; deref; mem 4 /12",
		 {.value = HELPER_SIGNED, .size = 4, .count = 3}},
		{"%di:b4@3/32",
		 HELPER_ENTRY,
		 "reg 112; bits *3 /4; store *4",
		 {.value = HELPER_NUMBER, .size = 4}},
		{"+8(%di):b4@3/16",
		 HELPER_ENTRY,
		 "reg 112; deref 8; bits *3 /4; store *2",
		 {.value = HELPER_NUMBER, .size = 2}},
		/* The aligned eight bytes it is in, not the eight from there on. */
		{"+14(%di):b4@3/16",
		 HELPER_ENTRY,
		 "reg 112; deref 8; bits *51 /4; store *2",
		 {.value = HELPER_NUMBER, .size = 2}},
		{"-1(%di):b1@0/8",
		 HELPER_ENTRY,
		 "reg 112; deref -8; bits *56 /1; store *1",
		 {.value = HELPER_NUMBER, .size = 1}},
		{"+7(%di):b9@0/16",
		 HELPER_ENTRY,
		 "reg 112; deref 7; bits /9; store *2",
		 {.value = HELPER_NUMBER, .size = 2}},
		{"+2(%di):b2@1/8[2]",
		 HELPER_ENTRY,
		 "reg 112; deref; bits *17 /2; store *1; reg 112; deref; bits *25 /2; store *1",
		 {.value = HELPER_NUMBER, .size = 1, .count = 2}},
		{"%di:symbol",
		 HELPER_ENTRY,
		 "reg 112; store *8",
		 {.value = HELPER_NUMBER, .size = 8}},
		{"+0(%di):symstr",
		 HELPER_ENTRY,
		 "reg 112; mem /8",
		 {.value = HELPER_NUMBER, .size = 8}},
		{"$retval:errno",
		 HELPER_RETURN,
		 "ret; store *4",
		 {.value = HELPER_SIGNED, .size = 4}},
		{"%di:bool",
		 HELPER_ENTRY,
		 "reg 112; store *1",
		 {.value = HELPER_NUMBER, .size = 1}},
		{"%di:mode",
		 HELPER_ENTRY,
		 "reg 112; store *2",
		 {.value = HELPER_NUMBER, .size = 2}},
		{"%di:dev", HELPER_ENTRY, "reg 112; store *4", {.value = HELPER_NUMBER, .size = 4}},
		{"%di:port",
		 HELPER_ENTRY,
		 "reg 112; store *2",
		 {.value = HELPER_NUMBER, .size = 2}},
		{"%di:flags(open)",
		 HELPER_ENTRY,
		 "reg 112; store *4",
		 {.value = HELPER_NUMBER, .size = 4}},
		{"+4(%di):ip4",
		 HELPER_ENTRY,
		 "reg 112; mem 4 /4",
		 {.value = HELPER_NUMBER, .size = 4}},
		{"+8(%di):ip6",
		 HELPER_ENTRY,
		 "reg 112; mem 8 /16",
		 {.value = HELPER_BYTES, .size = 16}},
		{"+8(%di):ip6[2]",
		 HELPER_ENTRY,
		 "reg 112; mem 8 /32",
		 {.value = HELPER_BYTES, .size = 16, .count = 2}},
		{"+8(%di):mac",
		 HELPER_ENTRY,
		 "reg 112; mem 8 /6",
		 {.value = HELPER_BYTES, .size = 6}},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(probe_spec_done) struct probe_spec spec = PROBE_SPEC_INIT;
		_cleanup_(helper_program_done) struct helper_program program = {.entry = NULL};
		struct kp_error e = KP_ERROR_INIT;
		char definition[128], text[512], expected[512];
		bool is_return = rows[i].part == HELPER_RETURN;

		snprintf(definition, sizeof(definition), "c vfs_read %s", rows[i].argument);
		if (compile(definition, &spec, &program, &e) < 0)
			fail_msg("\"%s\": %s", definition, e.message);
		format(program.entry, program.n_entry, text, sizeof(text));
		snprintf(expected, sizeof(expected), "comm%s%s", is_return ? "" : "; ",
			 is_return ? "" : rows[i].program);
		assert_string_equal(text, expected);
		format(program.ret, program.n_ret, text, sizeof(text));
		assert_string_equal(text, is_return ? rows[i].program : "");
		assert_int_equal(program.n_args, 1);
		assert_int_equal(program.args[0].part, rows[i].part);
		assert_int_equal(program.args[0].value, rows[i].arg.value);
		assert_int_equal(program.args[0].size, rows[i].arg.size);
		assert_int_equal(program.args[0].count, rows[i].arg.count);
		assert_int_equal(program.args[0].offset, is_return ? 0 : 16);
		assert_int_equal(program.args[0].number, 0);
		assert_int_equal(program.n_symbols, 0);
	}
}

static void test_arguments_lie_one_behind_the_other(void **state)
{
	_cleanup_(probe_spec_done) struct probe_spec spec = PROBE_SPEC_INIT;
	_cleanup_(helper_program_done) struct helper_program program = {.entry = NULL};
	struct kp_error e = KP_ERROR_INIT;
	static const unsigned int offsets[] = {16, 0, 17, 33, 37, 4, 41};
	char text[512];

	assert_int_equal(compile("c f %di:u8 $retval:u32 $comm +0(%si):string +0(%dx):x8[4] "
				 "+0($retval):string %cx",
				 &spec, &program, &e),
			 0);
	assert_int_equal(program.comm_offset, 0);
	assert_int_equal(program.n_args, ARRAY_SIZE(offsets));
	for (size_t i = 0; i < ARRAY_SIZE(offsets); i++) {
		assert_int_equal(program.args[i].offset, offsets[i]);
		assert_int_equal(program.args[i].number, i);
	}
	format(program.ret, program.n_ret, text, sizeof(text));
	assert_string_equal(text, "ret; store *4; ret; str /1024");
	assert_int_equal(program.ret[2].arg, 5);
	assert_int_equal(program.entry[program.n_entry - 1].arg, 6);
}

static void test_after_probes_have_one_program(void **state)
{
	_cleanup_(probe_spec_done) struct probe_spec spec = PROBE_SPEC_INIT;
	_cleanup_(helper_program_done) struct helper_program program = {.entry = NULL};
	struct kp_error e = KP_ERROR_INIT;
	char text[512];

	assert_int_equal(compile("a f+0x10 %flags %ax:s32", &spec, &program, &e), 0);
	format(program.entry, program.n_entry, text, sizeof(text));
	assert_string_equal(text, "comm; reg 144; store *8; reg 80; store *4");
	assert_int_equal(program.n_ret, 0);
	assert_null(program.ret);
}

static void test_nothing_to_fetch_is_the_tasks_name(void **state)
{
	_cleanup_(probe_spec_done) struct probe_spec spec = PROBE_SPEC_INIT;
	_cleanup_(helper_program_done) struct helper_program program = {.entry = NULL};
	struct kp_error e = KP_ERROR_INIT;

	assert_int_equal(compile("c f -", &spec, &program, &e), 0);
	assert_int_equal(program.n_entry, 1);
	assert_int_equal(program.entry[0].op, KPROBED_FETCH_COMM);
	assert_int_equal(program.n_args, 0);
}

/* What kprobed-ioctl.h says of a part's size, as the module counts it */
static unsigned int part_bytes(const struct kprobed_insn *insns, size_t n)
{
	unsigned int bytes = 0;

	for (size_t i = 0; i < n; i++) {
		assert_true(insns[i].arg < KPROBED_ARGS_MAX);
		switch (insns[i].op) {
		case KPROBED_FETCH_STORE:
			bytes += insns[i].n;
			break;
		case KPROBED_FETCH_MEM:
		case KPROBED_FETCH_UMEM:
			bytes += insns[i].len;
			break;
		case KPROBED_FETCH_STR:
		case KPROBED_FETCH_USTR:
			assert_true(insns[i].len >= 2 && insns[i].len <= KPROBED_STRING_MAX);
			bytes += insns[i].len + 4;
			break;
		case KPROBED_FETCH_COMM:
			bytes += KPROBED_COMM_LEN;
		}
	}
	return bytes;
}

static void test_strings_share_the_room(void **state)
{
	for (unsigned int n = 1; n <= 64; n++) {
		_cleanup_(probe_spec_done) struct probe_spec spec = PROBE_SPEC_INIT;
		_cleanup_(helper_program_done) struct helper_program program = {.entry = NULL};
		struct kp_error e = KP_ERROR_INIT;
		char text[PROBE_LINE_MAX] = "c f";
		unsigned int bytes;

		for (unsigned int i = 0; i < n; i++)
			strcat(text, " +0(%di):string");
		assert_int_equal(compile(text, &spec, &program, &e), 0);
		bytes = part_bytes(program.entry, program.n_entry);
		assert_true(bytes <= KPROBED_PART_MAX);
		assert_true(n == 1 || bytes > KPROBED_PART_MAX - n);
	}
}

static void test_limits_are_told_with_their_place(void **state)
{
	static const struct {
		const char *head, *again;
		unsigned int times; /* that many of them are too many */
		const char *reason;
	} rows[] = {
		{"c f", " %di", 65, "tooManyArgs"},
		{"c f", " +0(%di):u64[64]", 3, "eventTooBig"},
		{"c f", " +0($retval):u64[64]", 4, "eventTooBig"},
		{"c f", " +0(%di):string[64]", 2, "eventTooBig"},
		{"c f", " +0(+0(+0(%di))):u8", 52, NULL},
		{"c f", " +0(+0(+0(+0(%di)))):u8", 52, "tooManyOps"},
		{"a f", " $stack512", 1, "badStackNum"},
		{"c f", " $arg518", 1, "badStackNum"},
		{"c f", " %di:%pd", 1, "badType"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(probe_spec_done) struct probe_spec spec = PROBE_SPEC_INIT;
		_cleanup_(probe_spec_done) struct probe_spec fewer = PROBE_SPEC_INIT;
		_cleanup_(helper_program_done) struct helper_program program = {.entry = NULL};
		struct kp_error e = KP_ERROR_INIT;
		char text[PROBE_LINE_MAX] = "";
		size_t position;
		int r;

		strcat(text, rows[i].head);
		for (unsigned int k = 1; k < rows[i].times; k++)
			strcat(text, rows[i].again);
		if (rows[i].times > 1)
			assert_int_equal(compile(text, &fewer, &program, &e), 0);
		helper_program_done(&program);
		position = strlen(text) + 1;
		strcat(text, rows[i].again);
		r = compile(text, &spec, &program, &e);
		if (!rows[i].reason) {
			assert_int_equal(r, 0);
			continue;
		}
		if (r != -EINVAL || strcmp(e.reason, rows[i].reason) != 0)
			fail_msg("%s x %u: %d %s", rows[i].again, rows[i].times, r, e.reason);
		assert_int_equal(e.code, KP_INVALID_DEFINITION);
		if (strcmp(rows[i].reason, "badType") == 0)
			position += strlen("%di:");
		assert_int_equal(e.position, position);
		assert_null(program.entry);
	}
}

static struct symbols *load_symbols(void)
{
	static const char text[] = "ffffffff81000000 T one\n"
				   "ffffffff81000100 D data.here\n"
				   "ffffffff81000200 t twice\n"
				   "ffffffff81000300 t twice\n"
				   "ffffffff81000400 d alias\n"
				   "ffffffff81000400 d alias\n";
	char path[] = "/tmp/test-helper-program-XXXXXX";
	struct symbols *symbols = NULL;
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	assert_int_equal(symbols_load(path, &symbols), 0);
	unlink(path);
	return symbols;
}

static void test_symbols_are_linked(void **state)
{
	_cleanup_(symbols_freep) struct symbols *symbols = load_symbols();
	_cleanup_(probe_spec_done) struct probe_spec spec = PROBE_SPEC_INIT;
	_cleanup_(helper_program_done) struct helper_program program = {.entry = NULL};
	struct kp_error e = KP_ERROR_INIT;

	assert_int_equal(compile("c f @data.here+4:u32 %di +8(@one-8) @alias", &spec, &program, &e),
			 0);
	assert_int_equal(program.n_symbols, 3);
	assert_int_equal(program.entry[1].op, KPROBED_FETCH_IMM);
	assert_int_equal(program.entry[1].imm, 0);
	assert_int_equal(helper_program_link(&program, symbols, &e), 0);
	assert_int_equal(program.n_symbols, 0);
	assert_true(program.entry[1].imm == 0xffffffff81000104);
	assert_true(program.entry[5].imm == 0xffffffff80fffff8);
	assert_true(program.entry[8].imm == 0xffffffff81000400);
	/* Once more is nothing more. */
	assert_int_equal(helper_program_link(&program, symbols, &e), 0);
}

static void test_symbols_that_are_not_one_are_refused(void **state)
{
	_cleanup_(symbols_freep) struct symbols *symbols = load_symbols();
	static const struct {
		const char *definition;
		enum kp_error_code code;
		int r;
	} rows[] = {
		{"c f @one @nowhere", KP_NO_SUCH_SYMBOL, -ENOENT},
		{"c f @one @twice", KP_INVALID_DEFINITION, -EINVAL},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(probe_spec_done) struct probe_spec spec = PROBE_SPEC_INIT;
		_cleanup_(helper_program_done) struct helper_program program = {.entry = NULL};
		struct kp_error e = KP_ERROR_INIT;

		assert_int_equal(compile(rows[i].definition, &spec, &program, &e), 0);
		assert_int_equal(helper_program_link(&program, symbols, &e), rows[i].r);
		assert_int_equal(e.code, rows[i].code);
		assert_int_equal(program.n_symbols, 2);
		assert_int_equal(program.entry[1].imm, 0);
		if (rows[i].code == KP_INVALID_DEFINITION) {
			assert_string_equal(e.reason, "badMemAddr");
			assert_int_equal(e.position, 9);
		}
	}
}

#ifdef __x86_64__
static void test_registers_are_where_the_kernel_has_them(void **state)
{
	static const struct {
		const char *name;
		unsigned int offset;
	} rows[] = {
#define ROW(name, member) {name, offsetof(struct pt_regs, member)}
		ROW("ax", rax),	 ROW("bx", rbx),	ROW("cx", rcx),
		ROW("dx", rdx),	 ROW("si", rsi),	ROW("di", rdi),
		ROW("bp", rbp),	 ROW("sp", rsp),	ROW("r8", r8),
		ROW("r9", r9),	 ROW("r10", r10),	ROW("r11", r11),
		ROW("r12", r12), ROW("r13", r13),	ROW("r14", r14),
		ROW("r15", r15), ROW("ip", rip),	ROW("cs", cs),
		ROW("ss", ss),	 ROW("flags", eflags),	ROW("orig_ax", orig_rax),
		ROW("edi", rdi), ROW("rflags", eflags),
#undef ROW
	};
	unsigned int offset = 0;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_true(register_offset(span_of(rows[i].name), &offset));
		assert_int_equal(offset, rows[i].offset);
	}
	assert_false(register_offset(span_of("x0"), &offset));
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_form_has_its_program),
		cmocka_unit_test(test_arguments_lie_one_behind_the_other),
		cmocka_unit_test(test_after_probes_have_one_program),
		cmocka_unit_test(test_nothing_to_fetch_is_the_tasks_name),
		cmocka_unit_test(test_strings_share_the_room),
		cmocka_unit_test(test_limits_are_told_with_their_place),
		cmocka_unit_test(test_symbols_are_linked),
		cmocka_unit_test(test_symbols_that_are_not_one_are_refused),
#ifdef __x86_64__
		cmocka_unit_test(test_registers_are_where_the_kernel_has_them),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
