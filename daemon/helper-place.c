/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See helper-place.h. */
#include "helper-place.h"

#include <errno.h>
#include <string.h>

#include "calling.h"
#include "kprobed-ioctl.h"
#include "registers.h"

/* kprobed-ioctl.h: imm of KPROBED_FETCH_STACK */
enum { STACK_WORDS_MAX = 512 };

static int set_register(struct span name, const struct probe_arg *arg, struct helper_place *p,
			struct kp_error *reterr)
{
	unsigned int offset;

	if (!register_offset(name, &offset))
		return kp_error_definition(reterr, "badRegName", arg->fetch_position, NULL,
					   "There is no register \"%.*s\".", (int)name.n, name.p);
	p->op = KPROBED_FETCH_REG;
	p->imm = offset;
	return 0;
}

static int set_stack(uint64_t n, const struct probe_arg *arg, struct helper_place *p,
		     struct kp_error *reterr)
{
	if (n >= STACK_WORDS_MAX)
		return kp_error_definition(reterr, "badStackNum", arg->fetch_position, NULL,
					   "The helper module fetches the first %d words of the "
					   "stack.",
					   STACK_WORDS_MAX);
	p->op = KPROBED_FETCH_STACK;
	p->imm = n;
	return 0;
}

/*
 * regs_get_kernel_argument(): as if all of them were numbers, those in registers first. On x86-64
 * the return address is below those on the stack.
 */
static int set_argument(uint64_t n, const struct probe_arg *arg, struct helper_place *p,
			struct kp_error *reterr)
{
	struct call_place place = {.kind = CALL_REGISTERS, .first = (unsigned int)n - 1, .n = 1};
	unsigned int in_registers = call_registers(CALL_ARCH_OURS);
	char text[CALL_TEXT_MAX];

	if (n <= in_registers && call_place_text(CALL_ARCH_OURS, &place, 0, text))
		return set_register(span_of(text + 1), arg, p, reterr);
	if (CALL_ARCH_OURS != CALL_X86_64)
		return kp_error_definition(reterr, "badArgNum", arg->fetch_position, NULL,
					   "Only the first %u arguments are in registers.",
					   in_registers);
	return set_stack(n - in_registers, arg, p, reterr);
}

static int set_variable(struct span name, const struct probe_arg *arg, struct helper_place *p,
			struct kp_error *reterr)
{
	uint64_t n;

	if (span_is(name, "retval")) {
		p->op = KPROBED_FETCH_RET;
		return 0;
	}
	if (span_is(name, "comm")) {
		p->op = KPROBED_FETCH_COMM;
		return 0;
	}
	if (span_is(name, "stack")) {
		p->op = KPROBED_FETCH_SP;
		return 0;
	}
	if (span_starts(name, "stack") && span_to_u64(span_from(name, 5), 10, &n) == 0)
		return set_stack(n, arg, p, reterr);
	if (span_starts(name, "arg") && span_to_u64(span_from(name, 3), 10, &n) == 0 && n > 0)
		return set_argument(n, arg, p, reterr);
	return kp_error_definition(reterr, "badVar", arg->fetch_position, NULL,
				   "There is no variable \"$%.*s\".", (int)name.n, name.p);
}

/* "@0xffffffff81000000", "@jiffies+4": what lies there, so there is a first step. */
static int set_memory(struct span text, const struct probe_arg *arg, struct helper_place *p,
		      struct kp_error *reterr)
{
	size_t i = 0;

	p->op = KPROBED_FETCH_IMM;
	p->steps[p->n_steps++] = (struct helper_step){.offset = 0};
	if (char_is_digit(span_at(text, 0)) && span_to_u64(text, 0, &p->imm) == 0)
		return 0;
	while (i < text.n && text.p[i] != '+' && text.p[i] != '-')
		i++;
	p->symbol = span_first(text, i);
	if (i > 0 && (i == text.n || span_to_s64(span_from(text, i), 0, &p->symbol_offset) == 0))
		return 0;
	return kp_error_definition(reterr, "badMemAddr", arg->fetch_position, NULL,
				   "The memory address is neither a number nor a symbol.");
}

static int set_immediate(struct span text, const struct probe_arg *arg, struct helper_place *p,
			 struct kp_error *reterr)
{
	int64_t value;

	p->op = KPROBED_FETCH_IMM;
	if (text.n >= 2 && text.p[0] == '"') {
		p->text = span_first(span_from(text, 1), text.n - 2);
		return 0;
	}
	if (span_to_u64(text, 0, &p->imm) == 0)
		return 0;
	if (span_to_s64(text, 0, &value) == 0) {
		p->imm = (uint64_t)value;
		return 0;
	}
	return kp_error_definition(reterr, "badImm", arg->fetch_position, NULL,
				   "The immediate value is not a number.");
}

static int set_leaf(struct span text, const struct probe_arg *arg, struct helper_place *p,
		    struct kp_error *reterr)
{
	switch (span_at(text, 0)) {
	case '$':
		return set_variable(span_from(text, 1), arg, p, reterr);
	case '%':
		return set_register(span_from(text, 1), arg, p, reterr);
	case '@':
		return set_memory(span_from(text, 1), arg, p, reterr);
	case '\\':
		return set_immediate(span_from(text, 1), arg, p, reterr);
	}
	return kp_error_definition(reterr, "badFetchArg", arg->fetch_position, NULL,
				   "\"%.*s\" is nothing that can be fetched.", (int)text.n, text.p);
}

/* "+u8(" in front of @text: the sign, whose memory, the number */
static bool cut_step(struct span *text, struct helper_step *ret)
{
	char number[SPAN_NUMBER_MAX];
	size_t open = span_find(*text, '('), skip = 1 + (span_at(*text, 1) == 'u');
	size_t n = 0;

	if (open == text->n || open < skip || open - skip + 2 > sizeof(number) ||
	    text->p[text->n - 1] != ')')
		return false;
	if (text->p[0] == '-')
		number[n++] = '-';
	memcpy(number + n, text->p + skip, open - skip);
	n += open - skip;
	ret->is_user = skip == 2;
	if (span_to_s64((struct span){number, n}, 0, &ret->offset) < 0)
		return false;
	*text = span_first(span_from(*text, open + 1), text->n - open - 2);
	return true;
}

int helper_place_parse(const struct probe_arg *arg, struct helper_place *ret,
		       struct kp_error *reterr)
{
	struct helper_place p = {.op = 0};
	struct helper_step steps[HELPER_STEPS_MAX];
	struct span text = span_of(arg->fetch);
	size_t n = 0;
	int r;

	if (arg->type[0] == '%')
		return kp_error_definition(
			reterr, "badType", arg->type_position,
			"its name, for one: dentry->d_name.name, file->f_path.dentry->d_name.name",
			"The helper module does not know %s.", arg->type);
	for (; span_at(text, 0) == '+' || span_at(text, 0) == '-'; n++)
		/* One is left for the leaf. */
		if (n == HELPER_STEPS_MAX - 1 || !cut_step(&text, &steps[n]))
			return kp_error_definition(reterr, "tooManyOps", arg->fetch_position, NULL,
						   "The argument is nested too deeply.");
	r = set_leaf(text, arg, &p, reterr);
	if (r < 0)
		return r;
	while (n > 0)
		p.steps[p.n_steps++] = steps[--n];
	*ret = p;
	return 0;
}
