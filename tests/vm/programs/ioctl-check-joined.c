/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Instructions that the module joins do what they do one by one. */
#include "ioctl-check.h"

#define NOWHERE (1ULL << 62)
#define STORE(a, bytes)                                                                            \
	{                                                                                          \
		.op = KPROBED_FETCH_STORE, .arg = (a), .n = (bytes)                                \
	}
#define MEM(a, bytes, at)                                                                          \
	{                                                                                          \
		.op = KPROBED_FETCH_MEM, .arg = (a), .len = (bytes), .imm = (at)                   \
	}
#define DEREF(at)                                                                                  \
	{                                                                                          \
		.op = KPROBED_FETCH_DEREF, .imm = (at)                                             \
	}

/*
 * The module joins instructions that often follow each other. What it records with these is what
 * it records with the same where something that does nothing keeps them apart.
 */
static void check_joined_with(bool has_string)
{
	/* On the stack, which is there. */
	char text[] = "behind them";
	static const struct kprobed_insn joined[] = {
		LOAD_REGS,
		DEREF(REG(rsi)),
		STORE(0, 8),
		LOAD_REGS,
		DEREF(REG(rsi)),
		STORE(0, 4),
		LOAD_REGS,
		DEREF(REG(rsi)),
		STORE(0, 2),
		LOAD_REGS,
		DEREF(REG(rsi)),
		STORE(0, 1),
		LOAD_REGS,
		MEM(1, 8, REG(rdx)),
		LOAD_REGS,
		MEM(1, 4, REG(rdx)),
		LOAD_REGS,
		MEM(1, 2, REG(rdx)),
		LOAD_REGS,
		MEM(1, 1, REG(rdx)),
		LOAD_REGS,
		MEM(1, 3, REG(rdx)),
		LOAD_REGS,
		STORE(2, 8),
		LOAD_REGS,
		STORE(2, 4),
		LOAD_REGS,
		STORE(2, 2),
		LOAD_REGS,
		STORE(2, 1),
		/* What cannot be read: of no value afterwards, or still the register's. */
		LOAD_REGS,
		DEREF(NOWHERE),
		STORE(5, 4),
		STORE(6, 2),
		LOAD_REGS,
		MEM(7, 4, NOWHERE),
		STORE(8, 8),
		/* A value that is used again. */
		LOAD_REGS,
		DEREF(REG(rsi)),
		STORE(9, 2),
		{.op = KPROBED_FETCH_BITS, .n = 8, .len = 16},
		STORE(9, 2),
		LOAD_REGS,
		STORE(9, 2),
		DEREF(REG(rdx)),
		STORE(9, 4),
		/* The last ones, and perhaps a string behind them. */
		LOAD_REGS,
		DEREF(REG(rdx)),
		STORE(10, 4),
		LOAD_REGS,
		STORE(10, 1),
	};
	const struct kprobed_insn string[] = {
		{.op = KPROBED_FETCH_IMM, .imm = PTR(text)},
		{.op = KPROBED_FETCH_USTR, .arg = 11, .len = 32},
		LOAD_REGS,
		DEREF(REG(rsi)),
		STORE(12, 2),
	};
	struct kprobed_insn programs[2][2 * (N(joined) + N(string))], mine[] = {OF_THIS_PROCESS};
	struct kprobed_add adds[2];
	struct event events[2];
	uint64_t first;

	listen_begin();
	for (int apart = 0; apart < 2; apart++) {
		struct kprobed_insn *to = programs[apart];

		for (size_t i = 0; i < N(joined) + (has_string ? N(string) : 0); i++) {
			*to = i < N(joined) ? joined[i] : string[i - N(joined)];
			if (to++->op == KPROBED_FETCH_REG && apart)
				*to++ = (struct kprobed_insn){.op = KPROBED_FETCH_ADD};
		}
		adds[apart] = (struct kprobed_add){
			.kind = KPROBED_ENTRY,
			.cookie = 81 + apart,
			.symbol = PTR("__x64_sys_getpgid"),
			.entry_fetch = PTR(programs[apart]),
			.n_entry_fetch = to - programs[apart],
			.entry_cond = PTR(mine),
			.n_entry_cond = N(mine),
		};
		add_probe(&adds[apart]);
	}
	syscall(SYS_getpgid, 1, 0x1122334455667788, 0x99aabbccddeeff00);
	for (int apart = 0; apart < 2; apart++) {
		check_eq(read_events(81 + apart, &events[apart], 1), 1);
		request(KPROBED_REMOVE, adds[apart].id);
	}
	listen_end();
	memcpy(&first, events[0].data, sizeof(first));
	check_eq(first, 0x1122334455667788);
	check_eq(events[0].faults, 1 << 5 | 1 << 6 | 1 << 7);
	check_eq(events[0].faults, events[1].faults);
	check_eq(events[0].len, events[1].len);
	for (unsigned int i = 0; i < events[0].len; i++)
		if (events[0].data[i] != events[1].data[i])
			fail("byte %u is %#x, not %#x", i, events[0].data[i], events[1].data[i]);
	if (has_string)
		check(memcmp(events[0].data + events[0].len - sizeof(text), text, sizeof(text)) ==
		      0);
}

void check_joined(void)
{
	check_joined_with(false);
	check_joined_with(true);
}
