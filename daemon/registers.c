/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See registers.h. What the kernel takes: regoffset_table of arch/x86/kernel/ptrace.c (64 bits; the
 * data segments are there on 32 bits only) and of arch/arm64/kernel/ptrace.c. The offsets are those
 * of struct pt_regs, of which programs know the same beginning (<asm/ptrace.h>).
 */
#include "registers.h"

#include "cleanup.h"

struct reg {
	const char *name;	/* the kernel's */
	unsigned int offset;	/* in struct pt_regs */
	const char *aliases[3]; /* as people write it */
};

static const struct reg x86_registers[] = {
	{"ax", 80, {"rax", "eax"}},
	{"bx", 40, {"rbx", "ebx"}},
	{"cx", 88, {"rcx", "ecx"}},
	{"dx", 96, {"rdx", "edx"}},
	{"si", 104, {"rsi", "esi"}},
	{"di", 112, {"rdi", "edi"}},
	{"bp", 32, {"rbp", "ebp"}},
	{"sp", 152, {"rsp", "esp"}},
	{"r8", 72, {"r8d"}},
	{"r9", 64, {"r9d"}},
	{"r10", 56, {"r10d"}},
	{"r11", 48, {"r11d"}},
	{"r12", 24, {"r12d"}},
	{"r13", 16, {"r13d"}},
	{"r14", 8, {"r14d"}},
	{"r15", 0, {"r15d"}},
	{"ip", 128, {"rip", "eip"}},
	{"flags", 144, {"rflags", "eflags"}},
	{"orig_ax", 120, {"orig_rax", "orig_eax"}},
	{"cs", 136, {NULL}},
	{"ss", 160, {NULL}},
};

static const struct reg arm64_registers[] = {
	{"x0", 0, {"w0"}},     {"x1", 8, {"w1"}},	{"x2", 16, {"w2"}},
	{"x3", 24, {"w3"}},    {"x4", 32, {"w4"}},	{"x5", 40, {"w5"}},
	{"x6", 48, {"w6"}},    {"x7", 56, {"w7"}},	{"x8", 64, {"w8"}},
	{"x9", 72, {"w9"}},    {"x10", 80, {"w10"}},	{"x11", 88, {"w11"}},
	{"x12", 96, {"w12"}},  {"x13", 104, {"w13"}},	{"x14", 112, {"w14"}},
	{"x15", 120, {"w15"}}, {"x16", 128, {"w16"}},	{"x17", 136, {"w17"}},
	{"x18", 144, {"w18"}}, {"x19", 152, {"w19"}},	{"x20", 160, {"w20"}},
	{"x21", 168, {"w21"}}, {"x22", 176, {"w22"}},	{"x23", 184, {"w23"}},
	{"x24", 192, {"w24"}}, {"x25", 200, {"w25"}},	{"x26", 208, {"w26"}},
	{"x27", 216, {"w27"}}, {"x28", 224, {"w28"}},	{"x29", 232, {"w29"}},
	{"x30", 240, {"w30"}}, {"lr", 240, {NULL}},	{"sp", 248, {"wsp"}},
	{"pc", 256, {NULL}},   {"pstate", 264, {NULL}},
};

static const struct architecture {
	const char *name;
	const struct reg *registers;
	size_t n;
} architectures[] = {
	{"x86-64", x86_registers, ARRAY_SIZE(x86_registers)},
	{"arm64", arm64_registers, ARRAY_SIZE(arm64_registers)},
};

#if defined(__x86_64__)
enum { OURS = 0 };
const char *const register_architecture = "x86-64";
#elif defined(__aarch64__)
enum { OURS = 1 };
const char *const register_architecture = "arm64";
#else
#error "registers.c needs the names of this architecture's registers"
#endif

/* One row of the edit distance is kept; longer names are like none. */
enum { NAME_MAX_LENGTH = 12 };

static const struct reg *find_in(const struct architecture *arch, struct span name)
{
	for (size_t i = 0; i < arch->n; i++) {
		const struct reg *reg = &arch->registers[i];

		if (span_is(name, reg->name))
			return reg;
		for (size_t j = 0; j < ARRAY_SIZE(reg->aliases) && reg->aliases[j]; j++)
			if (span_is(name, reg->aliases[j]))
				return reg;
	}
	return NULL;
}

const char *register_find(struct span name)
{
	const struct reg *reg = find_in(&architectures[OURS], name);

	return reg ? reg->name : NULL;
}

bool register_offset(struct span name, unsigned int *ret)
{
	const struct reg *reg = find_in(&architectures[OURS], name);

	if (reg)
		*ret = reg->offset;
	return reg != NULL;
}

const char *register_foreign(struct span name)
{
	for (size_t i = 0; i < ARRAY_SIZE(architectures); i++)
		if (i != OURS && find_in(&architectures[i], name))
			return architectures[i].name;
	return NULL;
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
}

/* How many insertions, removals and replacements lie between the two, case aside */
static unsigned int distance(struct span a, const char *b)
{
	unsigned int row[NAME_MAX_LENGTH + 1];
	size_t n = strlen(b);

	if (a.n > NAME_MAX_LENGTH || n > NAME_MAX_LENGTH)
		return NAME_MAX_LENGTH;
	for (size_t j = 0; j <= n; j++)
		row[j] = j;
	for (size_t i = 0; i < a.n; i++) {
		unsigned int diagonal = row[0];

		row[0] = i + 1;
		for (size_t j = 0; j < n; j++) {
			unsigned int replaced = diagonal + (lower(a.p[i]) != b[j]);
			unsigned int other = (row[j] < row[j + 1] ? row[j] : row[j + 1]) + 1;

			diagonal = row[j + 1];
			row[j + 1] = replaced < other ? replaced : other;
		}
	}
	return row[n];
}

const char *register_nearest(struct span name)
{
	const struct architecture *arch = &architectures[OURS];
	unsigned int best = 2; /* further away, it is a guess */
	const char *nearest = NULL;

	for (size_t i = 0; i < arch->n; i++) {
		const struct reg *reg = &arch->registers[i];
		unsigned int d = distance(name, reg->name);

		for (size_t j = 0; j < ARRAY_SIZE(reg->aliases) && reg->aliases[j]; j++) {
			unsigned int other = distance(name, reg->aliases[j]);

			d = other < d ? other : d;
		}
		if (d < best) {
			best = d;
			nearest = reg->name;
		}
	}
	return nearest;
}
