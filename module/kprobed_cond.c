// SPDX-License-Identifier: GPL-2.0
/*
 * Conditions: whether a hit counts. kprobed-ioctl.h says what they are. Verified once, so that at a
 * hit nothing is checked: the stack's depth at each instruction, and that each operand is a record
 * of the right kind.
 *
 * What runs at a hit are steps. Most instructions come in threes, an operand that is compared with
 * a number: that is one step, and a whole condition is often one.
 */
#include <linux/cgroup.h>
#include <linux/cred.h>
#include <linux/kernel.h>
#include <linux/kprobes.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "kprobed_module.h"

/* An instruction. With a comparison, its value is that of the comparison of its operand with a
 * number. */
struct kprobed_step {
	u8 op, arg;
	u8 comparison; /* 0: none */
	u16 n;
	u32 len;
	u64 imm;
	u64 with;
};

static const struct kprobed_field *field_of(const struct kprobed_probe *probe, u32 n, u32 len)
{
	return kprobed_fetch_field(n & 1 ? &probe->return_fetch : &probe->entry_fetch, len);
}

static bool size_ok(u64 size)
{
	return size == 1 || size == 2 || size == 4 || size == 8;
}

bool kprobed_ret_ok(u64 imm)
{
	return !imm || size_ok(imm & ~(u64)KPROBED_SIGNED);
}

u64 kprobed_ret_get(const struct kprobed_hit *hit, u64 imm)
{
	u32 unused = 64 - 8 * (imm & ~(u64)KPROBED_SIGNED);

	if (!imm)
		return hit->ret;
	if (imm & KPROBED_SIGNED)
		return (u64)((s64)(hit->ret << unused) >> unused);
	return hit->ret << unused >> unused;
}
NOKPROBE_SYMBOL(kprobed_ret_get);

bool kprobed_number_ok(const struct kprobed_probe *probe, u32 n, u32 len, u64 imm)
{
	const struct kprobed_field *field = field_of(probe, n, len);
	u64 size = imm & ~(u64)KPROBED_SIGNED;

	return n <= 1 && field && !field->is_string && size == field->size && size_ok(size);
}

static bool literal_ok(const struct kprobed_insn *insn, u32 text_len)
{
	u32 offset = insn->imm, len = insn->imm >> 32;

	return offset <= text_len && len <= text_len - offset;
}

/* What an instruction takes from the stack and gives to it; false for one that is refused. */
static bool check(const struct kprobed_insn *insn, const struct kprobed_probe *probe, u32 text_len,
		  bool is_return, u32 *ret_takes, u32 *ret_gives)
{
	const struct kprobed_field *field;
	bool is_plain = !insn->arg && !insn->n && !insn->len;

	*ret_takes = 0;
	*ret_gives = 1;
	switch (insn->op) {
	case KPROBED_COND_IMM:
		return is_plain;
	case KPROBED_COND_ARG:
		return !insn->arg && kprobed_number_ok(probe, insn->n, insn->len, insn->imm) &&
		       (is_return || !insn->n);
	case KPROBED_COND_FAULTED:
		return insn->arg < KPROBED_ARGS_MAX && !insn->n && !insn->len && !insn->imm;
	case KPROBED_COND_RET:
		return is_plain && kprobed_ret_ok(insn->imm) && is_return;
	case KPROBED_COND_DURATION:
		return is_plain && !insn->imm && is_return;
	case KPROBED_COND_PID ... KPROBED_COND_KTHREAD:
		return is_plain && !insn->imm;
	case KPROBED_COND_EQ ... KPROBED_COND_OR:
		*ret_takes = 2;
		return is_plain && !insn->imm;
	case KPROBED_COND_NOT:
		*ret_takes = 1;
		return is_plain && !insn->imm;
	case KPROBED_COND_STREQ:
	case KPROBED_COND_STRPREFIX:
		field = field_of(probe, insn->n, insn->len);
		return !insn->arg && insn->n <= 1 && (is_return || !insn->n) && field &&
		       field->is_string && literal_ok(insn, text_len);
	case KPROBED_COND_COMMEQ:
	case KPROBED_COND_COMMPREFIX:
		return is_plain && literal_ok(insn, text_len);
	default:
		return false;
	}
}

static __always_inline bool is_operator(u8 op)
{
	return op >= KPROBED_COND_EQ && op <= KPROBED_COND_NOT;
}

/* Of instructions that are verified. */
static int make_steps(struct kprobed_cond *cond)
{
	const struct kprobed_insn *insn = cond->insns, *end = insn + cond->n;
	struct kprobed_step *step = kcalloc(cond->n, sizeof(*step), GFP_KERNEL_ACCOUNT);
	u32 depth = 0;

	if (!step)
		return -ENOMEM;
	cond->steps = step;
	for (; insn < end; insn++, step++) {
		*step = (struct kprobed_step){.op = insn->op,
					      .arg = insn->arg,
					      .n = insn->n,
					      .len = insn->len,
					      .imm = insn->imm};
		if (!is_operator(insn->op) && end - insn > 2 && insn[1].op == KPROBED_COND_IMM &&
		    is_operator(insn[2].op) && insn[2].op != KPROBED_COND_NOT) {
			step->comparison = insn[2].op;
			step->with = insn[1].imm;
			insn += 2;
		}
		if (!is_operator(step->op))
			cond->depth = max(cond->depth, ++depth);
		else if (step->op != KPROBED_COND_NOT)
			depth--;
	}
	cond->n_steps = step - cond->steps;
	kfree(cond->insns);
	cond->insns = NULL;
	return 0;
}

void kprobed_cond_done(struct kprobed_cond *cond)
{
	kfree(cond->insns);
	kfree(cond->steps);
}

int kprobed_cond_verify(struct kprobed_cond *cond, const struct kprobed_probe *probe, u32 text_len,
			bool is_return, u32 *ret_bad)
{
	u32 i, depth = 0, takes, gives;

	for (i = 0; i < cond->n; i++) {
		const struct kprobed_insn *insn = &cond->insns[i];

		*ret_bad = i;
		if (!check(insn, probe, text_len, is_return, &takes, &gives) || depth < takes)
			return -EINVAL;
		depth += gives - takes;
		if (depth > KPROBED_DEPTH_MAX)
			return -EINVAL;
		if (insn->op == KPROBED_COND_ARG || insn->op == KPROBED_COND_STREQ ||
		    insn->op == KPROBED_COND_STRPREFIX) {
			cond->needs_return |= insn->n & 1;
			cond->needs_entry |= !(insn->n & 1);
		}
		cond->needs_time |= insn->op == KPROBED_COND_DURATION;
		/* It may be an argument of either part. */
		if (insn->op == KPROBED_COND_FAULTED) {
			cond->needs_return |= is_return;
			cond->needs_entry = true;
		}
	}
	if (!cond->n)
		return 0;
	return depth == 1 ? make_steps(cond) : -EINVAL;
}

u64 kprobed_number_get(const struct kprobed_hit *hit, u32 n, u32 len, u64 imm)
{
	const u8 *at = (n & 1 ? hit->result : hit->entry) + len;
	bool is_signed = imm & KPROBED_SIGNED;
	u64 v64;
	u32 v32;
	u16 v16;

	switch (imm & ~(u64)KPROBED_SIGNED) {
	case 1:
		return is_signed ? (u64)(s8)*at : *at;
	case 2:
		memcpy(&v16, at, sizeof(v16));
		return is_signed ? (u64)(s16)v16 : v16;
	case 4:
		memcpy(&v32, at, sizeof(v32));
		return is_signed ? (u64)(s32)v32 : v32;
	default:
		memcpy(&v64, at, sizeof(v64));
		return v64;
	}
}
NOKPROBE_SYMBOL(kprobed_number_get);

static __always_inline bool is_text(const char *s, u32 len, const char *literal, u32 literal_len,
				    bool is_prefix)
{
	if (is_prefix ? len < literal_len : len != literal_len)
		return false;
	return !memcmp(s, literal, literal_len);
}

static bool compare_string(const struct kprobed_step *step, const char *text,
			   const struct kprobed_hit *hit)
{
	const u8 *part = step->n & 1 ? hit->result : hit->entry;
	u32 loc, len;

	memcpy(&loc, part + step->len, sizeof(loc));
	len = loc >> 16;
	return is_text(part + (loc & 0xffff), len ? len - 1 : 0, text + (u32)step->imm,
		       step->imm >> 32, step->op == KPROBED_COND_STRPREFIX);
}
NOKPROBE_SYMBOL(compare_string);

static u64 current_cgroup(void)
{
#ifdef CONFIG_CGROUPS
	u64 id;

	rcu_read_lock();
	id = cgroup_id(task_dfl_cgroup(current));
	rcu_read_unlock();
	return id;
#else
	return 0;
#endif
}
NOKPROBE_SYMBOL(current_cgroup);

/* The value of an instruction that takes none. */
static u64 operand(const struct kprobed_step *step, const char *text, const struct kprobed_hit *hit)
{
	switch (step->op) {
	case KPROBED_COND_IMM:
		return step->imm;
	case KPROBED_COND_ARG:
		return kprobed_number_get(hit, step->n, step->len, step->imm);
	case KPROBED_COND_FAULTED:
		return hit->faults >> step->arg & 1;
	case KPROBED_COND_RET:
		return kprobed_ret_get(hit, step->imm);
	case KPROBED_COND_DURATION:
		return hit->time;
	case KPROBED_COND_PID:
		return current->tgid;
	case KPROBED_COND_TID:
		return current->pid;
	case KPROBED_COND_UID:
		return __kuid_val(current_uid());
	case KPROBED_COND_CGROUP:
		return current_cgroup();
	case KPROBED_COND_KTHREAD:
		return !!(current->flags & PF_KTHREAD);
	case KPROBED_COND_COMMEQ:
	case KPROBED_COND_COMMPREFIX:
		return is_text(current->comm, strnlen(current->comm, KPROBED_COMM_LEN),
			       text + (u32)step->imm, step->imm >> 32,
			       step->op == KPROBED_COND_COMMPREFIX);
	default:
		return compare_string(step, text, hit);
	}
}
NOKPROBE_SYMBOL(operand);

static __always_inline u64 combine(u8 op, u64 a, u64 b)
{
	switch (op) {
	case KPROBED_COND_EQ:
		return a == b;
	case KPROBED_COND_NE:
		return a != b;
	case KPROBED_COND_LT:
		return a < b;
	case KPROBED_COND_LE:
		return a <= b;
	case KPROBED_COND_GT:
		return a > b;
	case KPROBED_COND_GE:
		return a >= b;
	case KPROBED_COND_SLT:
		return (s64)a < (s64)b;
	case KPROBED_COND_SLE:
		return (s64)a <= (s64)b;
	case KPROBED_COND_SGT:
		return (s64)a > (s64)b;
	case KPROBED_COND_SGE:
		return (s64)a >= (s64)b;
	case KPROBED_COND_BITAND:
		return a & b;
	case KPROBED_COND_AND:
		return a && b;
	default:
		return a || b;
	}
}

static __always_inline u64 evaluate(const struct kprobed_step *step, const char *text,
				    const struct kprobed_hit *hit)
{
	u64 value = operand(step, text, hit);

	return step->comparison ? combine(step->comparison, value, step->with) : value;
}

/* On its own, so that only those that need it clear so much of the stack. */
static noinline bool run_deep(const struct kprobed_cond *cond, const char *text,
			      const struct kprobed_hit *hit)
{
	const struct kprobed_step *step = cond->steps, *end = step + cond->n_steps;
	u64 stack[KPROBED_DEPTH_MAX];
	u32 depth = 0;

	for (; step < end; step++) {
		if (step->op == KPROBED_COND_NOT) {
			stack[depth - 1] = !stack[depth - 1];
		} else if (is_operator(step->op)) {
			depth--;
			stack[depth - 1] = combine(step->op, stack[depth - 1], stack[depth]);
		} else {
			stack[depth++] = evaluate(step, text, hit);
		}
	}
	return stack[0];
}
NOKPROBE_SYMBOL(run_deep);

bool kprobed_cond_run(const struct kprobed_cond *cond, const char *text,
		      const struct kprobed_hit *hit)
{
	const struct kprobed_step *step = cond->steps, *end = step + cond->n_steps;
	u64 below = 0, top;

	if (unlikely(cond->depth > 2))
		return run_deep(cond, text, hit);
	/* The first one is an operand. */
	top = evaluate(step, text, hit);
	while (++step < end) {
		if (step->op == KPROBED_COND_NOT) {
			top = !top;
		} else if (is_operator(step->op)) {
			top = combine(step->op, below, top);
		} else {
			below = top;
			top = evaluate(step, text, hit);
		}
	}
	return top;
}
NOKPROBE_SYMBOL(kprobed_cond_run);
