/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Conditions, each operation of them, and the programs that the module refuses. */
#include "ioctl-check.h"

/* Adds `cond` on getpgid()'s argument, calls it with each number from 0 to 9, and compares. */
static void cond_expect(const struct kprobed_insn *cond, size_t n, bool is_return,
			unsigned int expected)
{
	/* On the stack, which is there: a page that is not is not waited for. */
	char passwd[] = "/etc/passwd";
	struct kprobed_insn entry[] = {
		LOAD_REGS,
		USER_REG(rdi),
		{.op = KPROBED_FETCH_STORE, .n = 4},
		{.op = KPROBED_FETCH_IMM, .imm = PTR(passwd)},
		{.op = KPROBED_FETCH_USTR, .arg = 1, .len = 32},
		{.op = KPROBED_FETCH_IMM, .imm = 8},
		{.op = KPROBED_FETCH_DEREF},
		{.op = KPROBED_FETCH_STORE, .arg = 2, .n = 8},
	};
	char text[] = "/etc/passwd"
		      "cond-comm";
	struct kprobed_insn mine[] = {OF_THIS_PROCESS};
	struct kprobed_add add = {
		.kind = KPROBED_CALL,
		.symbol = PTR("__x64_sys_getpgid"),
		.entry_fetch = PTR(entry),
		.n_entry_fetch = N(entry),
		.entry_cond = PTR(is_return ? mine : cond),
		.n_entry_cond = is_return ? N(mine) : n,
		.return_cond = is_return ? PTR(cond) : 0,
		.n_return_cond = is_return ? n : 0,
		.text = PTR(text),
		.text_len = sizeof(text) - 1,
		.flags = KPROBED_NO_EVENT,
	};
	struct kprobed_counters c;

	add_probe(&add);
	for (int i = 0; i < 10; i++)
		syscall(SYS_getpgid, i == 0 ? 0 : 0x7f000000 + i);
	request(KPROBED_DISABLE, add.id);
	c = counters_of(add.id);
	if (c.counted != expected)
		fail("condition ending in op %u with imm %" PRIu64 ": %u of 10 expected, %" PRIu64,
		     cond[n - 1].op, (uint64_t)cond[n - 1].imm, expected, (uint64_t)c.counted);
	check_eq(c.hits, c.counted + c.filtered + c.missed_instance);
	check_eq(c.faults, c.counted);
	request(KPROBED_REMOVE, add.id);
}

#define EXPECT(is_return, expected, ...)                                                           \
	cond_expect((const struct kprobed_insn[]){__VA_ARGS__},                                    \
		    N(((const struct kprobed_insn[]){__VA_ARGS__})), is_return, expected)
#define C(o)                                                                                       \
	{                                                                                          \
		.op = KPROBED_COND_##o                                                             \
	}
#define C_IMM(v)                                                                                   \
	{                                                                                          \
		.op = KPROBED_COND_IMM, .imm = (uint64_t)(v)                                       \
	}
#define C_ARG                                                                                      \
	{                                                                                          \
		.op = KPROBED_COND_ARG, .imm = 4 | KPROBED_SIGNED                                  \
	}
#define C_RET(i)                                                                                   \
	{                                                                                          \
		.op = KPROBED_COND_RET, .imm = (i)                                                 \
	}
#define TEXT(o, l) ((uint64_t)(l) << 32 | (o))
#define AND_MINE   OF_THIS_PROCESS, C(AND)

void check_conditions(void)
{
	prctl(PR_SET_NAME, "cond-comm");
	EXPECT(false, 5, C_ARG, C_IMM(0x7f000005), C(SGE), AND_MINE);
	EXPECT(false, 4, C_ARG, C_IMM(0x7f000005), C(GT), AND_MINE);
	EXPECT(false, 1, C_ARG, C(NOT), AND_MINE);
	EXPECT(false, 9, C_ARG, C_IMM(-1), C(SGT), C_ARG, C_IMM(0x7f000009), C(NE), C(AND),
	       AND_MINE);
	EXPECT(false, 0, C_ARG, C_IMM(-1), C(GT), AND_MINE);
	EXPECT(false, 2, C_ARG, C_IMM(0x7f000003), C(EQ), C_ARG, C_IMM(0x7f000007), C(EQ), C(OR),
	       AND_MINE);
	EXPECT(false, 5, C_ARG, C_IMM(1), C(BITAND), AND_MINE);
	EXPECT(false, 10, {.op = KPROBED_COND_STREQ, .len = 4, .imm = TEXT(0, 11)}, AND_MINE);
	EXPECT(false, 0, {.op = KPROBED_COND_STREQ, .len = 4, .imm = TEXT(0, 5)}, AND_MINE);
	EXPECT(false, 10, {.op = KPROBED_COND_STRPREFIX, .len = 4, .imm = TEXT(0, 5)}, AND_MINE);
	EXPECT(false, 10, {.op = KPROBED_COND_COMMEQ, .imm = TEXT(11, 9)}, AND_MINE);
	EXPECT(false, 0, {.op = KPROBED_COND_COMMEQ, .imm = TEXT(11, 4)}, AND_MINE);
	EXPECT(false, 10, {.op = KPROBED_COND_COMMPREFIX, .imm = TEXT(11, 4)}, AND_MINE);
	EXPECT(false, 10, {.op = KPROBED_COND_FAULTED, .arg = 2}, AND_MINE);
	EXPECT(false, 0, {.op = KPROBED_COND_FAULTED, .arg = 1}, AND_MINE);
	EXPECT(false, 10, C(UID), C(NOT), C(KTHREAD), C(NOT), C(AND), AND_MINE);
	EXPECT(false, 10, C(TID), C_IMM(getpid()), C(EQ));
	EXPECT(false, 10, C(CGROUP), C_IMM(0), C(NE), AND_MINE);
	EXPECT(true, 9, C(RET), C_IMM(0), C(SLT));
	EXPECT(true, 9, C(RET), C_IMM(-ESRCH), C(EQ));
	EXPECT(true, 9, C_RET(1 | KPROBED_SIGNED), C_IMM(-ESRCH), C(EQ));
	EXPECT(true, 9, C_RET(4 | KPROBED_SIGNED), C_IMM(-ESRCH), C(EQ));
	EXPECT(true, 9, C_RET(2), C_IMM((uint16_t)-ESRCH), C(EQ));
	EXPECT(true, 9, C_RET(4), C_IMM((uint32_t)-ESRCH), C(EQ));
	EXPECT(true, 9, C_RET(8), C_IMM(-ESRCH), C(EQ));
	EXPECT(true, 10, C(DURATION), C_IMM(0), C(GT));
	EXPECT(true, 0, C(DURATION), C_IMM(60000000000), C(GE));
	EXPECT(true, 3, C_ARG, C_IMM(0x7f000003), C(SLE), C(RET), C_IMM(0), C(SLT), C(AND));
}

static void refuse(struct kprobed_add add, const struct kprobed_insn *fetch, size_t n_fetch,
		   const struct kprobed_insn *cond, size_t n_cond, uint32_t bad)
{
	add.size = sizeof(add);
	add.symbol = PTR("__x64_sys_getpgid");
	add.entry_fetch = n_fetch ? PTR(fetch) : 0;
	add.n_entry_fetch = n_fetch;
	add.entry_cond = n_cond ? PTR(cond) : 0;
	add.n_entry_cond = n_cond;
	check_errno(ioctl(device, KPROBED_ADD, &add), EINVAL);
	check_eq(add.bad_insn, bad);
}

#define REFUSE_FETCH(at, ...)                                                                      \
	refuse((struct kprobed_add){.kind = KPROBED_ENTRY},                                        \
	       (const struct kprobed_insn[]){__VA_ARGS__},                                         \
	       N(((const struct kprobed_insn[]){__VA_ARGS__})), NULL, 0,                           \
	       KPROBED_PROGRAM_ENTRY_FETCH << 16 | (at))
#define REFUSE_COND(at, ...)                                                                       \
	refuse((struct kprobed_add){.kind = KPROBED_CALL}, NULL, 0,                                \
	       (const struct kprobed_insn[]){__VA_ARGS__},                                         \
	       N(((const struct kprobed_insn[]){__VA_ARGS__})),                                    \
	       KPROBED_PROGRAM_ENTRY_COND << 16 | (at))

void check_refused(void)
{
	struct kprobed_insn bad_ret = C_RET(3);

	REFUSE_FETCH(0, {.op = 0});
	REFUSE_FETCH(0, {.op = 99});
	REFUSE_FETCH(0, {.op = KPROBED_FETCH_REG, .imm = sizeof(struct pt_regs)});
	REFUSE_FETCH(0, {.op = KPROBED_FETCH_REG, .imm = 3});
	REFUSE_FETCH(0, {.op = KPROBED_FETCH_RET});
	REFUSE_FETCH(0, {.op = KPROBED_FETCH_STACK, .imm = ~0ULL});
	REFUSE_FETCH(1, {.op = KPROBED_FETCH_IMM}, {.op = KPROBED_FETCH_STORE, .n = 3});
	REFUSE_FETCH(0, {.op = KPROBED_FETCH_STORE, .n = 8, .arg = 64});
	REFUSE_FETCH(0, {.op = KPROBED_FETCH_STR, .len = 1 << 30});
	REFUSE_FETCH(1, {.op = KPROBED_FETCH_STR, .len = 1024},
		     {.op = KPROBED_FETCH_STR, .len = 1024});
	REFUSE_FETCH(0, {.op = KPROBED_FETCH_MEM, .len = KPROBED_PART_MAX + 1});
	REFUSE_FETCH(0, {.op = KPROBED_FETCH_BITS, .n = 60, .len = 5});
	REFUSE_COND(0, C(NOT));
	REFUSE_COND(0, C(RET));
	REFUSE_COND(1, C(PID), C(AND));
	refuse((struct kprobed_add){.kind = KPROBED_CALL,
				    .return_cond = PTR(&bad_ret),
				    .n_return_cond = 1},
	       NULL, 0, NULL, 0, KPROBED_PROGRAM_RETURN_COND << 16);
	REFUSE_COND(1, C(PID), C(PID));
	REFUSE_COND(0, {.op = KPROBED_COND_ARG, .imm = 4});
	REFUSE_COND(0, {.op = KPROBED_COND_COMMEQ, .imm = TEXT(1, 0)});
	REFUSE_COND(16, C(PID), C(PID), C(PID), C(PID), C(PID), C(PID), C(PID), C(PID), C(PID),
		    C(PID), C(PID), C(PID), C(PID), C(PID), C(PID), C(PID), C(PID));
}
