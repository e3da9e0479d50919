/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Holds one probe of the helper module, made by its ioctls without the daemon, until the end of
 * stdin: for benchmarks of the module by itself.
 *
 * Usage: ioctl-hold MODE SYMBOL
 *
 * SYMBOL is a system call's function, whose first argument is recorded as a number:
 *
 *   call         an event at each return, with the argument, the result and the duration
 *   call-early   the same, but a condition on the thread's id lets nothing pass
 *   call-late    the same, but a condition on the argument lets nothing pass
 *   call-slow    the same, but a condition on the duration lets nothing pass
 *   call-hist    a histogram of the duration and no event
 *   entry        an event at each entry, with the argument
 *   entry-late   the same, but a condition on the argument lets nothing pass
 *
 * Prints "ready" when the probe is there and, at the end, "recorded filtered counted". x86-64: the
 * registers' places in struct pt_regs are that architecture's.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <asm/ptrace.h>

#include "kprobed-ioctl.h"

#define PTR(p) ((uint64_t)(uintptr_t)(p))

/* The wrapper of a system call gets a struct pt_regs of the caller's, with the argument in it. */
static const struct kprobed_insn fetch[] = {
	{.op = KPROBED_FETCH_REG, .imm = offsetof(struct pt_regs, rdi)},
	{.op = KPROBED_FETCH_DEREF, .imm = offsetof(struct pt_regs, rdi)},
	{.op = KPROBED_FETCH_STORE, .n = 4},
};

/* No thread has the id 0 but the idle ones, which make no calls. */
static const struct kprobed_insn early[] = {
	{.op = KPROBED_COND_TID},
	{.op = KPROBED_COND_IMM, .imm = 0},
	{.op = KPROBED_COND_EQ},
};

static const struct kprobed_insn late[] = {
	{.op = KPROBED_COND_ARG, .imm = 4},
	{.op = KPROBED_COND_IMM, .imm = 0xffffffff},
	{.op = KPROBED_COND_EQ},
};

/* An hour */
static const struct kprobed_insn slow[] = {
	{.op = KPROBED_COND_DURATION},
	{.op = KPROBED_COND_IMM, .imm = 3600000000000ULL},
	{.op = KPROBED_COND_GE},
};

static const struct mode {
	const char *name;
	enum kprobed_kind kind;
	uint64_t flags;
	const struct kprobed_insn *entry_cond, *return_cond; /* 3 each */
	enum kprobed_hist_value hist;
} modes[] = {
	{"call", KPROBED_CALL, 0, NULL, NULL, KPROBED_HIST_NONE},
	{"call-early", KPROBED_CALL, 0, early, NULL, KPROBED_HIST_NONE},
	{"call-late", KPROBED_CALL, 0, late, NULL, KPROBED_HIST_NONE},
	{"call-slow", KPROBED_CALL, 0, NULL, slow, KPROBED_HIST_NONE},
	{"call-hist", KPROBED_CALL, KPROBED_NO_EVENT, NULL, NULL, KPROBED_HIST_DURATION},
	{"entry", KPROBED_ENTRY, 0, NULL, NULL, KPROBED_HIST_NONE},
	{"entry-late", KPROBED_ENTRY, 0, late, NULL, KPROBED_HIST_NONE},
};

static const struct mode *find_mode(const char *name)
{
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (strcmp(modes[i].name, name) == 0)
			return &modes[i];
	return NULL;
}

int main(int argc, char **argv)
{
	struct kprobed_counters counters = {.size = sizeof(counters)};
	struct kprobed_add add = {.size = sizeof(add), .cookie = 1};
	const struct mode *mode = argc == 3 ? find_mode(argv[1]) : NULL;
	int device = open(KPROBED_DEVICE, O_RDWR | O_CLOEXEC);
	char byte;

	if (!mode || device < 0) {
		fprintf(stderr, "ioctl-hold: %s\n", mode ? "no " KPROBED_DEVICE : "which mode?");
		return 2;
	}
	add.kind = mode->kind;
	add.flags = mode->flags;
	add.symbol = PTR(argv[2]);
	/* A histogram of the duration needs no argument. */
	if (mode->hist == KPROBED_HIST_NONE) {
		add.entry_fetch = PTR(fetch);
		add.n_entry_fetch = 3;
	}
	add.entry_cond = PTR(mode->entry_cond);
	add.n_entry_cond = mode->entry_cond ? 3 : 0;
	add.return_cond = PTR(mode->return_cond);
	add.n_return_cond = mode->return_cond ? 3 : 0;
	add.hist.value = mode->hist;
	if (ioctl(device, KPROBED_ADD, &add) < 0) {
		perror("ioctl-hold: KPROBED_ADD");
		return 1;
	}
	printf("ready\n");
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	counters.id = add.id;
	if (ioctl(device, KPROBED_COUNTERS, &counters) < 0)
		return 1;
	printf("%llu %llu %llu\n", (unsigned long long)counters.recorded,
	       (unsigned long long)counters.filtered, (unsigned long long)counters.counted);
	return 0;
}
