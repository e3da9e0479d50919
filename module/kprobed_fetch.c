// SPDX-License-Identifier: GPL-2.0
/*
 * Fetch programs: what is read of registers and memory at a hit. kprobed-ioctl.h says what they
 * are. They have no loops and no jumps: a program takes as many steps as it has instructions, and
 * writes as much as was counted when it was verified.
 *
 * What runs at a hit is not quite what was given: most arguments are a register, or what it points
 * to, recorded as a number. Each such sequence becomes one instruction of our own, which has the
 * same effect, value and faults included, on whatever comes after it. It records with one store of
 * eight bytes: those too many are written over by the next instructions, or are slack, of which
 * there are KPROBED_FETCH_SLACK bytes; where they would be a string's it is left as it was.
 *
 * Memory is only read with copy_from_*_nofault(): a bad address is a fault that is told, never one
 * of the kernel's, and a page that is not there is not waited for.
 */
#include <linux/kernel.h>
#include <linux/kprobes.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/ptrace.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "kprobed_module.h"

#define STACK_WORDS_MAX 512

/*
 * A register is loaded and recorded: len is its offset in struct pt_regs, n how many bytes. With
 * one of the bits it is followed first: what is at imm behind it is loaded and recorded (DEREF), or
 * recorded only (MEM).
 */
#define FETCH_NUMBER	   0x80
#define FETCH_NUMBER_DEREF (FETCH_NUMBER | 1)
#define FETCH_NUMBER_MEM   (FETCH_NUMBER | 2)

/* bytes of the fixed part that an instruction records, and whether it is a string's */
static u32 insn_records(const struct kprobed_insn *insn, bool *ret_string)
{
	*ret_string = false;
	switch (insn->op) {
	case KPROBED_FETCH_STORE:
		return insn->n;
	case KPROBED_FETCH_MEM:
	case KPROBED_FETCH_UMEM:
		return insn->len;
	case KPROBED_FETCH_COMM:
		return KPROBED_COMM_LEN;
	case KPROBED_FETCH_STR:
	case KPROBED_FETCH_USTR:
		*ret_string = true;
		return sizeof(u32);
	default:
		return 0;
	}
}

static bool insn_ok(const struct kprobed_insn *insn, bool is_return)
{
	if (insn->arg >= KPROBED_ARGS_MAX)
		return false;
	/* n is of STORE and BITS, len of BITS, memory and strings, imm not of these: */
	if (insn->n && insn->op != KPROBED_FETCH_STORE && insn->op != KPROBED_FETCH_BITS)
		return false;
	if (insn->len && insn->op != KPROBED_FETCH_BITS &&
	    (insn->op < KPROBED_FETCH_MEM || insn->op > KPROBED_FETCH_USTR))
		return false;
	switch (insn->op) {
	case KPROBED_FETCH_REG:
		return insn->imm % sizeof(u64) == 0 &&
		       insn->imm <= sizeof(struct pt_regs) - sizeof(u64);
	case KPROBED_FETCH_STACK:
		return insn->imm < STACK_WORDS_MAX;
	case KPROBED_FETCH_IMM:
	case KPROBED_FETCH_ADD:
	case KPROBED_FETCH_DEREF:
	case KPROBED_FETCH_UDEREF:
		return true;
	case KPROBED_FETCH_RET:
		return is_return && !insn->imm;
	case KPROBED_FETCH_SP:
	case KPROBED_FETCH_TASK:
	case KPROBED_FETCH_COMM:
		return !insn->imm;
	case KPROBED_FETCH_BITS:
		return insn->len >= 1 && insn->len <= 64 && insn->n + insn->len <= 64 &&
		       insn->imm <= 1;
	case KPROBED_FETCH_STORE:
		return (insn->n == 1 || insn->n == 2 || insn->n == 4 || insn->n == 8) && !insn->imm;
	case KPROBED_FETCH_MEM:
	case KPROBED_FETCH_UMEM:
		return insn->len >= 1 && insn->len <= KPROBED_PART_MAX;
	case KPROBED_FETCH_STR:
	case KPROBED_FETCH_USTR:
		return insn->len >= 2 && insn->len <= KPROBED_STRING_MAX;
	default:
		return false;
	}
}

/* How many instructions from @insn on are one of our own, *ret; or 0. */
static u32 join(const struct kprobed_insn *insn, u32 n, struct kprobed_insn *ret)
{
#ifdef __LITTLE_ENDIAN
	const struct kprobed_insn *last = insn + 1;

	if (n < 2 || insn->op != KPROBED_FETCH_REG)
		return 0;
	*ret = (struct kprobed_insn){.op = FETCH_NUMBER, .len = insn->imm};
	if (last->op == KPROBED_FETCH_DEREF) {
		ret->op = FETCH_NUMBER_DEREF;
		ret->imm = last->imm;
		if (++last == insn + n)
			return 0;
	}
	if (last->op == KPROBED_FETCH_STORE) {
		ret->n = last->n;
	} else if (last->op == KPROBED_FETCH_MEM && ret->op == FETCH_NUMBER && last->len <= 8 &&
		   is_power_of_2(last->len)) {
		ret->op = FETCH_NUMBER_MEM;
		ret->imm = last->imm;
		ret->n = last->len;
	} else {
		return 0;
	}
	ret->arg = last->arg;
	return last - insn + 1;
#else
	return 0;
#endif
}

/* Of a program that is verified. */
static void shorten(struct kprobed_fetch *fetch)
{
	struct kprobed_insn *to = fetch->insns, joined;
	bool has_strings = fetch->size > fetch->fixed, is_string;
	u32 i, at = 0, taken;

	for (i = 0; i < fetch->n; i += taken, to++) {
		taken = 0;
		if (!has_strings || at + sizeof(u64) <= fetch->fixed)
			taken = join(&fetch->insns[i], fetch->n - i, &joined);
		if (!taken) {
			taken = 1;
			joined = fetch->insns[i];
		}
		at += joined.op & FETCH_NUMBER ? joined.n : insn_records(&joined, &is_string);
		*to = joined;
	}
	fetch->n = to - fetch->insns;
}

int kprobed_fetch_verify(struct kprobed_fetch *fetch, bool is_return, u32 *ret_bad)
{
	u32 i, bytes;
	bool is_string;

	if (!fetch->n)
		return 0;
	fetch->fields = kcalloc(fetch->n, sizeof(*fetch->fields), GFP_KERNEL_ACCOUNT);
	if (!fetch->fields)
		return -ENOMEM;
	for (i = 0; i < fetch->n; i++) {
		const struct kprobed_insn *insn = &fetch->insns[i];

		*ret_bad = i;
		if (!insn_ok(insn, is_return))
			return -EINVAL;
		bytes = insn_records(insn, &is_string);
		if (!bytes)
			continue;
		fetch->fields[fetch->n_fields++] = (struct kprobed_field){
			.offset = fetch->fixed, .size = bytes, .is_string = is_string};
		fetch->fixed += bytes;
		fetch->size += bytes + (is_string ? insn->len : 0);
		if (fetch->size > KPROBED_PART_MAX)
			return -EINVAL;
	}
	shorten(fetch);
	return 0;
}

void kprobed_fetch_done(struct kprobed_fetch *fetch)
{
	kfree(fetch->fields);
	kfree(fetch->insns);
}

const struct kprobed_field *kprobed_fetch_field(const struct kprobed_fetch *fetch, u32 offset)
{
	u32 i;

	for (i = 0; i < fetch->n_fields; i++)
		if (fetch->fields[i].offset == offset)
			return &fetch->fields[i];
	return NULL;
}

/*
 * What can only be a program's address is read as one, as the kernel's own probes do: whoever has a
 * pointer seldom knows whose it is.
 */
static __always_inline bool copy_in(void *to, u64 from, size_t size, bool is_user)
{
	/* Those of a 32-bit task that are not its own are none of the kernel's either. */
	if (is_user ||
	    (IS_ENABLED(CONFIG_ARCH_HAS_NON_OVERLAPPING_ADDRESS_SPACE) && from < TASK_SIZE_MAX))
		return !copy_from_user_nofault(to, (const void __user *)(unsigned long)from, size);
	return !copy_from_kernel_nofault(to, (const void *)(unsigned long)from, size);
}

/*
 * Copies a string of at most `room` bytes with its NUL, cutting it if it is longer. In pieces that
 * do not leave a page, so that nothing behind the string's end can make it fault. Returns its
 * bytes, 0 if it cannot be read.
 */
static u32 copy_string(u8 *to, u64 from, u32 room, bool is_user)
{
	u32 done = 0;

	while (done < room) {
		u32 piece = min_t(u32, room - done, 64);
		const u8 *end;

		piece = min_t(u32, piece, PAGE_SIZE - offset_in_page(from + done));
		if (!copy_in(to + done, from + done, piece, is_user))
			return 0;
		end = memchr(to + done, 0, piece);
		if (end)
			return end - to + 1;
		done += piece;
	}
	to[room - 1] = 0;
	return room;
}
NOKPROBE_SYMBOL(copy_string);

static __always_inline u64 take_bits(u64 value, const struct kprobed_insn *insn)
{
	value <<= 64 - insn->n - insn->len;
	if (insn->imm)
		return (u64)((s64)value >> (64 - insn->len));
	return value >> (64 - insn->len);
}

static __always_inline u64 load_register(const struct pt_regs *regs, u64 offset)
{
	return *(const unsigned long *)((const u8 *)regs + offset);
}

/* The value a load instruction gives; false if it cannot be read. */
static __always_inline bool load(const struct kprobed_insn *insn, struct pt_regs *regs, u64 *value)
{
	switch (insn->op) {
	case KPROBED_FETCH_REG:
		*value = load_register(regs, insn->imm);
		return true;
	case KPROBED_FETCH_STACK:
		return copy_in(value, kernel_stack_pointer(regs) + insn->imm * sizeof(u64),
			       sizeof(*value), false);
	case KPROBED_FETCH_SP:
		*value = kernel_stack_pointer(regs);
		return true;
	case KPROBED_FETCH_IMM:
		*value = insn->imm;
		return true;
	case KPROBED_FETCH_RET:
		*value = regs_return_value(regs);
		return true;
	default:
		*value = (unsigned long)current;
		return true;
	}
}

/* An instruction of our own. Returns its value; false in *ret_good if it has none. */
static __always_inline u64 run_number(const struct kprobed_insn *insn, const struct pt_regs *regs,
				      u8 *data, u64 *faults, bool *ret_good)
{
	u64 value = load_register(regs, insn->len), number = 0;

	*ret_good = true;
	if (insn->op == FETCH_NUMBER) {
		number = value;
	} else {
		bool is_deref = insn->op == FETCH_NUMBER_DEREF;

		if (unlikely(!copy_in(&number, value + insn->imm,
				      is_deref ? sizeof(number) : insn->n, false))) {
			number = 0;
			*faults |= 1ULL << insn->arg;
			*ret_good = !is_deref;
		}
		if (is_deref)
			value = number;
	}
	memcpy(data, &number, sizeof(number));
	return value;
}

u32 kprobed_fetch_run(const struct kprobed_fetch *fetch, struct pt_regs *regs, u8 *data,
		      u64 *faults)
{
	const struct kprobed_insn *insn = fetch->insns, *last = insn + fetch->n;
	u32 at = 0, end = fetch->fixed;
	u64 value = 0;
	bool is_good = true;

	for (; insn < last; insn++) {
		bool is_user = false;
		u32 got;

		if (insn->op & FETCH_NUMBER) {
			value = run_number(insn, regs, data + at, faults, &is_good);
			at += insn->n;
			continue;
		}
		switch (insn->op) {
		case KPROBED_FETCH_ADD:
			value += insn->imm;
			break;
		case KPROBED_FETCH_UDEREF:
			is_user = true;
			fallthrough;
		case KPROBED_FETCH_DEREF:
			if (is_good)
				is_good =
					copy_in(&value, value + insn->imm, sizeof(value), is_user);
			break;
		case KPROBED_FETCH_BITS:
			value = take_bits(value, insn);
			break;
		case KPROBED_FETCH_STORE:
			/* The low bytes, on a machine of either order. */
			switch (insn->n) {
			case 1:
				data[at] = is_good ? value : 0;
				break;
			case 2: {
				u16 v = is_good ? value : 0;

				memcpy(data + at, &v, sizeof(v));
				break;
			}
			case 4: {
				u32 v = is_good ? value : 0;

				memcpy(data + at, &v, sizeof(v));
				break;
			}
			default: {
				u64 v = is_good ? value : 0;

				memcpy(data + at, &v, sizeof(v));
			}
			}
			at += insn->n;
			break;
		case KPROBED_FETCH_UMEM:
			is_user = true;
			fallthrough;
		case KPROBED_FETCH_MEM:
			if (!is_good ||
			    !copy_in(data + at, value + insn->imm, insn->len, is_user)) {
				memset(data + at, 0, insn->len);
				*faults |= 1ULL << insn->arg;
			}
			at += insn->len;
			break;
		case KPROBED_FETCH_USTR:
			is_user = true;
			fallthrough;
		case KPROBED_FETCH_STR:
			got = is_good ? copy_string(data + end, value + insn->imm, insn->len,
						    is_user)
				      : 0;
			if (!got)
				*faults |= 1ULL << insn->arg;
			got = end | got << 16;
			memcpy(data + at, &got, sizeof(got));
			end += got >> 16;
			at += sizeof(got);
			break;
		case KPROBED_FETCH_COMM:
			memcpy(data + at, current->comm, KPROBED_COMM_LEN);
			at += KPROBED_COMM_LEN;
			break;
		default:
			is_good = load(insn, regs, &value);
			break;
		}
		if (insn->op == KPROBED_FETCH_STORE && !is_good)
			*faults |= 1ULL << insn->arg;
	}
	return end;
}
NOKPROBE_SYMBOL(kprobed_fetch_run);
