/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See disasm.h. The decoding itself is capstone's. */
#include "disasm.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <capstone/capstone.h>

/* All of the kernel is above this, on x86-64 and arm64: smaller constants are numbers. */
#define KERNEL_START 0xffff000000000000ULL

struct disasm {
	csh handle;
	cs_insn *insn; /* owned */
};

#if defined(__aarch64__)
#define ARCH	  CS_ARCH_ARM64
#define MODE	  CS_MODE_LITTLE_ENDIAN
#define STEP	  4
#define BYTE_TEXT ".inst 0x%02x%02x%02x%02x"
#else
#define ARCH CS_ARCH_X86
#define MODE CS_MODE_64
#define STEP 1
#endif

int disasm_new(struct disasm **ret)
{
	_cleanup_(disasm_freep) struct disasm *d = calloc(1, sizeof(*d));
	cs_err e;

	if (!d)
		return -ENOMEM;
	e = cs_open(ARCH, MODE, &d->handle);
	if (e != CS_ERR_OK) {
		d->handle = 0;
		return e == CS_ERR_MEM ? -ENOMEM : -EOPNOTSUPP;
	}
	/* arm64 has one syntax and refuses the choice. */
	cs_option(d->handle, CS_OPT_SYNTAX, CS_OPT_SYNTAX_ATT);
	cs_option(d->handle, CS_OPT_DETAIL, CS_OPT_ON);
	d->insn = cs_malloc(d->handle);
	if (!d->insn)
		return -ENOMEM;
	*ret = take_ptr(d);
	return 0;
}

struct disasm *disasm_free(struct disasm *d)
{
	if (d->insn)
		cs_free(d->insn, 1);
	if (d->handle)
		cs_close(&d->handle);
	free(d);
	return NULL;
}

#if defined(__aarch64__)
static enum disasm_kind kind_of(const cs_insn *i)
{
	switch (i->id) {
	case ARM64_INS_NOP:
	case ARM64_INS_HINT:
		return DISASM_NOP;
	case ARM64_INS_BRK:
		return DISASM_TRAP;
	case ARM64_INS_RET:
	case ARM64_INS_BR:
		return DISASM_END;
	case ARM64_INS_B:
		return i->detail->arm64.cc == ARM64_CC_INVALID || i->detail->arm64.cc == ARM64_CC_AL
			       ? DISASM_END
			       : DISASM_PLAIN;
	default:
		return DISASM_PLAIN;
	}
}

/* The last operand of a branch is where it goes: "cbz x0, …", "tbz w0, #3, …". */
static bool operand_target(const cs_insn *i, uint64_t *ret)
{
	const cs_arm64 *a = &i->detail->arm64;

	if (a->op_count == 0 || a->operands[a->op_count - 1].type != ARM64_OP_IMM)
		return false;
	*ret = (uint64_t)a->operands[a->op_count - 1].imm;
	return true;
}

static uint64_t operand_refers(const cs_insn *i)
{
	const cs_arm64 *a = &i->detail->arm64;

	if ((i->id == ARM64_INS_ADR || i->id == ARM64_INS_ADRP) && a->op_count == 2)
		return (uint64_t)a->operands[1].imm;
	return 0;
}
#else
static enum disasm_kind kind_of(const cs_insn *i)
{
	switch (i->id) {
	case X86_INS_NOP:
		return DISASM_NOP;
	case X86_INS_INT3:
		return DISASM_TRAP;
	case X86_INS_UD2:
		return DISASM_BUG;
	case X86_INS_RET:
	case X86_INS_JMP:
		return DISASM_END;
	default:
		return DISASM_PLAIN;
	}
}

static bool operand_target(const cs_insn *i, uint64_t *ret)
{
	const cs_x86 *x = &i->detail->x86;

	if (x->op_count != 1 || x->operands[0].type != X86_OP_IMM)
		return false;
	*ret = (uint64_t)x->operands[0].imm;
	return true;
}

static uint64_t operand_refers(const cs_insn *i)
{
	const cs_x86 *x = &i->detail->x86;

	for (unsigned int k = 0; k < x->op_count; k++) {
		const cs_x86_op *op = &x->operands[k];
		uint64_t address = 0;

		/* With a segment it is an offset into the CPU's own data. */
		if (op->type == X86_OP_IMM)
			address = (uint64_t)op->imm;
		else if (op->type == X86_OP_MEM && op->mem.segment == X86_REG_INVALID)
			address = (uint64_t)op->mem.disp +
				  (op->mem.base == X86_REG_RIP ? i->address + i->size : 0);
		if (address >= KERNEL_START)
			return address;
	}
	return 0;
}
#endif

static bool is_branch(const struct disasm *d, const cs_insn *i)
{
	return cs_insn_group(d->handle, i, CS_GRP_JUMP) || cs_insn_group(d->handle, i, CS_GRP_CALL);
}

/* The operands, with the target's name in the place of its address, which is always the last. */
static void format_text(struct disasm_insn *out, const cs_insn *i, disasm_name_fn name, void *data)
{
	char symbol[DISASM_NAME_MAX];
	const char *last = strrchr(i->op_str, ' ');

	if (out->has_target && name && name(out->target, symbol, sizeof(symbol), data))
		snprintf(out->text, sizeof(out->text), "%s %.*s%s", i->mnemonic,
			 last ? (int)(last - i->op_str + 1) : 0, i->op_str, symbol);
	else
		snprintf(out->text, sizeof(out->text), "%s%s%s", i->mnemonic,
			 i->op_str[0] ? " " : "", i->op_str);
}

static void fill(const struct disasm *d, struct disasm_insn *out, disasm_name_fn name, void *data)
{
	const cs_insn *i = d->insn;

	out->size = i->size;
	out->kind = kind_of(i);
	out->is_call = cs_insn_group(d->handle, i, CS_GRP_CALL);
	out->has_target = is_branch(d, i) && operand_target(i, &out->target);
	if (!out->has_target)
		out->refers = operand_refers(i);
	format_text(out, i, name, data);
}

static void fill_unknown(struct disasm_insn *out, const uint8_t *code, size_t left)
{
	out->size = left < STEP ? (unsigned int)left : STEP;
	out->kind = DISASM_UNKNOWN;
#ifdef BYTE_TEXT
	if (left >= 4) {
		snprintf(out->text, sizeof(out->text), BYTE_TEXT, code[3], code[2], code[1],
			 code[0]);
		return;
	}
#endif
	snprintf(out->text, sizeof(out->text), ".byte 0x%02x", code[0]);
}

int disasm_each(struct disasm *d, const uint8_t *code, size_t n, uint64_t address,
		disasm_name_fn name, void *name_data,
		int (*each)(const struct disasm_insn *insn, void *data), void *data)
{
	const uint8_t *p = code;
	size_t left = n;

	while (left > 0) {
		struct disasm_insn out = {.offset = (uint32_t)(p - code)};
		uint64_t at = address + out.offset;
		int r;

		if (cs_disasm_iter(d->handle, &p, &left, &at, d->insn)) {
			fill(d, &out, name, name_data);
		} else {
			fill_unknown(&out, p, left);
			p += out.size;
			left -= out.size;
		}
		r = each(&out, data);
		if (r)
			return r;
	}
	return 0;
}
