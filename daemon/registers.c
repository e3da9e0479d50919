/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See registers.h. What the kernel takes: regoffset_table of arch/x86/kernel/ptrace.c (64 bits; the
 * data segments are there on 32 bits only) and of arch/arm64/kernel/ptrace.c.
 */
#include "registers.h"

#include "cleanup.h"

struct reg {
	const char *name;	/* the kernel's */
	const char *aliases[3]; /* as people write it */
};

static const struct reg x86_registers[] = {
	{"ax", {"rax", "eax"}},
	{"bx", {"rbx", "ebx"}},
	{"cx", {"rcx", "ecx"}},
	{"dx", {"rdx", "edx"}},
	{"si", {"rsi", "esi"}},
	{"di", {"rdi", "edi"}},
	{"bp", {"rbp", "ebp"}},
	{"sp", {"rsp", "esp"}},
	{"r8", {"r8d"}},
	{"r9", {"r9d"}},
	{"r10", {"r10d"}},
	{"r11", {"r11d"}},
	{"r12", {"r12d"}},
	{"r13", {"r13d"}},
	{"r14", {"r14d"}},
	{"r15", {"r15d"}},
	{"ip", {"rip", "eip"}},
	{"flags", {"rflags", "eflags"}},
	{"orig_ax", {"orig_rax", "orig_eax"}},
	{"cs", {NULL}},
	{"ss", {NULL}},
};

static const struct reg arm64_registers[] = {
	{"x0", {"w0"}},	  {"x1", {"w1"}},   {"x2", {"w2"}},   {"x3", {"w3"}},	{"x4", {"w4"}},
	{"x5", {"w5"}},	  {"x6", {"w6"}},   {"x7", {"w7"}},   {"x8", {"w8"}},	{"x9", {"w9"}},
	{"x10", {"w10"}}, {"x11", {"w11"}}, {"x12", {"w12"}}, {"x13", {"w13"}}, {"x14", {"w14"}},
	{"x15", {"w15"}}, {"x16", {"w16"}}, {"x17", {"w17"}}, {"x18", {"w18"}}, {"x19", {"w19"}},
	{"x20", {"w20"}}, {"x21", {"w21"}}, {"x22", {"w22"}}, {"x23", {"w23"}}, {"x24", {"w24"}},
	{"x25", {"w25"}}, {"x26", {"w26"}}, {"x27", {"w27"}}, {"x28", {"w28"}}, {"x29", {"w29"}},
	{"x30", {"w30"}}, {"lr", {NULL}},   {"sp", {"wsp"}},  {"pc", {NULL}},	{"pstate", {NULL}},
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

static const char *find_in(const struct architecture *arch, struct span name)
{
	for (size_t i = 0; i < arch->n; i++) {
		const struct reg *reg = &arch->registers[i];

		if (span_is(name, reg->name))
			return reg->name;
		for (size_t j = 0; j < ARRAY_SIZE(reg->aliases) && reg->aliases[j]; j++)
			if (span_is(name, reg->aliases[j]))
				return reg->name;
	}
	return NULL;
}

const char *register_find(struct span name)
{
	return find_in(&architectures[OURS], name);
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
