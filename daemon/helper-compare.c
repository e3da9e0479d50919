/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See helper-compare.h.
 *
 * The module compares 64 bits with 64 bits. Here is what makes comparisons of numbers of any sign,
 * narrower ones and those in network byte order out of that; and what makes one that must be false
 * of what could not be read, which the module takes for 0 or "".
 */
#include "helper-compare.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "filter-value.h"
#include "name-distance.h"
#include "shown-number.h"
#include "span.h"

/* What is compared: something to load, or a string to compare with a literal. */
struct operand {
	struct kprobed_insn load; /* of strings: all but op and imm */
	enum helper_part part;
	bool is_string;
	bool is_comm;
	bool is_bool;			/* 0 and anything else */
	bool is_port;			/* 16 bits, turned around */
	uint64_t mask;			/* these bits of it count; 0: all */
	struct filter_number low, high; /* all that it may be */
	int faults; /* the bit that says that it could not be read; -1: it always can */
	const struct probe_arg *arg; /* NULL: a common field */
};

void condition_emit(struct condition_code *code, enum kprobed_cond_op op, uint64_t imm)
{
	if (code->n < KPROBED_COND_MAX)
		code->insns[code->n] = (struct kprobed_insn){.op = (uint8_t)op, .imm = imm};
	code->n++;
}

static void emit_insn(struct condition_code *code, const struct kprobed_insn *insn)
{
	if (code->n < KPROBED_COND_MAX)
		code->insns[code->n] = *insn;
	code->n++;
}

int compare_find_arg(const struct comparer *c, const struct filter_term *t)
{
	for (size_t i = 0; i < c->spec->n_args && i < c->program->n_args; i++)
		if (strcmp(c->spec->args[i].name, t->name) == 0)
			return (int)i;
	return -1;
}

/* Whether fetching argument @number goes through memory that may not be there. */
static bool may_fault(const struct helper_program *p, enum helper_part part, unsigned int number)
{
	const struct kprobed_insn *insns = part == HELPER_ENTRY ? p->entry : p->ret;
	size_t n = part == HELPER_ENTRY ? p->n_entry : p->n_ret;

	for (size_t i = 0; i < n; i++) {
		if (insns[i].arg != number)
			continue;
		switch (insns[i].op) {
		case KPROBED_FETCH_STACK:
		case KPROBED_FETCH_DEREF:
		case KPROBED_FETCH_UDEREF:
		case KPROBED_FETCH_MEM:
		case KPROBED_FETCH_UMEM:
		case KPROBED_FETCH_STR:
		case KPROBED_FETCH_USTR:
			return true;
		default:
			break;
		}
	}
	return false;
}

/* What is loaded has @bits, and a sign or none. */
static void set_width(struct operand *o, unsigned int bits, bool is_signed)
{
	uint64_t top = UINT64_C(1) << (bits - 1);

	o->low = is_signed ? filter_signed((int64_t)-top) : filter_unsigned(0);
	o->high = filter_unsigned(is_signed ? top - 1 : top - 1 + top);
}

static int not_in_kernel(const struct filter_term *t, const char *what, struct kp_error *e)
{
	return filter_error(e, "notInKernel", t->position,
			    "give this part to who reads the events: kprobectl's --where",
			    "%s is nothing that the kernel can compare%s", t->name, what);
}

static int resolve_arg(const struct comparer *c, size_t index, const struct filter_term *t,
		       struct operand *ret, struct kp_error *e)
{
	const struct helper_arg *h = &c->program->args[index];
	const struct probe_arg *arg = &c->spec->args[index];

	*ret = (struct operand){
		.load = {.op = KPROBED_COND_ARG,
			 .n = (uint16_t)h->part,
			 .len = h->offset,
			 .imm = h->size | (h->value == HELPER_SIGNED ? KPROBED_SIGNED : 0)},
		.part = h->part,
		.is_bool = arg->show == ARG_BOOL,
		.is_port = arg->show == ARG_PORT,
		.faults = may_fault(c->program, h->part, h->number) ? (int)h->number : -1,
		.arg = arg,
	};
	if (h->count)
		return not_in_kernel(t, ": it is an array", e);
	if (arg->show == ARG_STRING && strcmp(arg->fetch, "$comm") == 0) {
		ret->is_comm = ret->is_string = true;
		return 0;
	}
	if (h->value == HELPER_STRING) {
		ret->is_string = true;
		return 0;
	}
	if (h->value == HELPER_BYTES || h->size > 8)
		return not_in_kernel(t, ": it is too wide", e);
	set_width(ret, ret->is_bool ? 1 : h->size * 8, h->value == HELPER_SIGNED && !ret->is_bool);
	return 0;
}

/* 0: it is no number. */
static unsigned int size_bits(const struct probe_arg *result)
{
	unsigned int size = result->count ? 0 : result->size;

	return size == 1 || size == 2 || size == 4 || size == 8 ? 8 * size : 0;
}

/* A pointer has a sign as well: what is an error instead of one, ERR_PTR(), is negative. */
static bool is_signed_result(const struct probe_arg *result)
{
	return result->show == ARG_ERRNO || probe_arg_is_signed(result) ||
	       (result->show == ARG_HEX && result->size == 8);
}

static bool is_less(struct filter_number a, struct filter_number b)
{
	return a.is_negative != b.is_negative ? a.is_negative : a.value < b.value;
}

static int resolve_return(const struct comparer *c, const struct filter_term *t,
			  struct operand *ret, struct kp_error *e)
{
	const struct probe_arg *result = c->spec->result;

	if (c->spec->kind != PROBE_CALL)
		return filter_error(e, "onlyAtReturn", t->position,
				    "make it a call probe: c SYMBOL ARGUMENTS",
				    "%s is known when a call returns, and this probe is none of "
				    "calls",
				    t->name);
	ret->part = HELPER_RETURN;
	ret->load.op = t->common == FILTER_RET ? KPROBED_COND_RET : KPROBED_COND_DURATION;
	set_width(ret, 64, t->common == FILTER_RET);
	if (t->common == FILTER_DURATION)
		return 0;
	if (c->spec->has_no_result)
		return filter_error(e, "unknownField", t->position, NULL, "%s returns nothing",
				    c->spec->symbol ? c->spec->symbol : "it");
	if (!result || size_bits(result) == 0)
		return 0;
	/* The other bits of the register are whatever they were. */
	ret->arg = result;
	ret->is_bool = result->show == ARG_BOOL;
	ret->is_port = result->show == ARG_PORT;
	ret->mask = result->size < 8 ? (UINT64_C(1) << size_bits(result)) - 1 : 0;
	if (ret->is_bool)
		set_width(ret, 1, false);
	else
		set_width(ret, size_bits(result), is_signed_result(result));
	/* An address that is no error may be given as the number that it is. */
	if (result->show == ARG_HEX && result->size == 8 && is_less(ret->high, t->number))
		set_width(ret, 64, false);
	return 0;
}

static int unknown_field(const struct comparer *c, const struct filter_term *t, struct kp_error *e)
{
	struct name_search search = name_search_of((struct span){t->name, t->name_len});
	char hint[128] = "";

	for (size_t i = 0; i < c->spec->n_args; i++)
		name_search_try(&search, c->spec->args[i].name);
	for (enum filter_common f = FILTER_TID; f < FILTER_NO_COMMON && !t->is_arg; f++)
		name_search_try(&search, filter_common_name(f));
	if (search.best)
		snprintf(hint, sizeof(hint), "did you mean %s?", search.best);
	return filter_error(e, "unknownField", t->position, hint, "this probe has no field %s",
			    t->name);
}

static int resolve(const struct comparer *c, const struct filter_term *t, struct operand *ret,
		   struct kp_error *e)
{
	static const uint8_t loads[] = {
		[FILTER_PID] = KPROBED_COND_PID,	 [FILTER_TID] = KPROBED_COND_TID,
		[FILTER_UID] = KPROBED_COND_UID,	 [FILTER_CGROUP] = KPROBED_COND_CGROUP,
		[FILTER_KTHREAD] = KPROBED_COND_KTHREAD,
	};
	int index = compare_find_arg(c, t);

	if (index >= 0)
		return resolve_arg(c, (size_t)index, t, ret, e);
	if (t->is_arg)
		return unknown_field(c, t, e);
	*ret = (struct operand){.part = HELPER_ENTRY, .faults = -1};
	switch (t->common) {
	case FILTER_PID:
	case FILTER_TID:
	case FILTER_UID:
	case FILTER_CGROUP:
	case FILTER_KTHREAD:
		ret->load.op = loads[t->common];
		set_width(ret, 64, t->common == FILTER_PID || t->common == FILTER_TID);
		return 0;
	case FILTER_RET:
	case FILTER_DURATION:
		return resolve_return(c, t, ret, e);
	case FILTER_COMM:
		ret->is_comm = ret->is_string = true;
		return 0;
	case FILTER_NO_COMMON:
		return unknown_field(c, t, e);
	default:
		return not_in_kernel(t, "", e);
	}
}

/* As @op, of two values on the stack. */
static enum kprobed_cond_op order_op(enum filter_op op, bool is_signed)
{
	switch (op) {
	case FILTER_EQUAL:
		return KPROBED_COND_EQ;
	case FILTER_UNEQUAL:
		return KPROBED_COND_NE;
	case FILTER_LESS:
		return is_signed ? KPROBED_COND_SLT : KPROBED_COND_LT;
	case FILTER_LESS_EQUAL:
		return is_signed ? KPROBED_COND_SLE : KPROBED_COND_LE;
	case FILTER_GREATER:
		return is_signed ? KPROBED_COND_SGT : KPROBED_COND_GT;
	case FILTER_GREATER_EQUAL:
		return is_signed ? KPROBED_COND_SGE : KPROBED_COND_GE;
	default:
		return KPROBED_COND_BITAND;
	}
}

static void emit_load(struct condition_code *code, const struct operand *o)
{
	emit_insn(code, &o->load);
	if (o->mask) {
		condition_emit(code, KPROBED_COND_IMM, o->mask);
		condition_emit(code, KPROBED_COND_BITAND, 0);
	}
	if (o->is_bool) {
		condition_emit(code, KPROBED_COND_IMM, 0);
		condition_emit(code, KPROBED_COND_NE, 0);
	}
}

/* Some bits of what is loaded against @v. */
static void emit_bits(struct condition_code *code, const struct operand *o, uint64_t mask,
		      enum kprobed_cond_op op, uint64_t v)
{
	emit_insn(code, &o->load);
	condition_emit(code, KPROBED_COND_IMM, mask);
	condition_emit(code, KPROBED_COND_BITAND, 0);
	condition_emit(code, KPROBED_COND_IMM, v);
	condition_emit(code, op, 0);
}

/* "port < @v", byte by byte: the low one of what is loaded is the port's high one. */
static void emit_port_less(struct condition_code *code, const struct operand *o, uint64_t v)
{
	emit_bits(code, o, 0xff, KPROBED_COND_LT, v >> 8);
	emit_bits(code, o, 0xff, KPROBED_COND_EQ, v >> 8);
	emit_bits(code, o, 0xff00, KPROBED_COND_LT, (v & 0xff) << 8);
	condition_emit(code, KPROBED_COND_AND, 0);
	condition_emit(code, KPROBED_COND_OR, 0);
}

/* @v is within what a port may be. */
static void emit_port(struct condition_code *code, const struct operand *o, enum filter_op op,
		      uint64_t v)
{
	uint64_t turned = (v & 0xff) << 8 | (v >> 8 & 0xff);
	bool is_above = op == FILTER_GREATER || op == FILTER_GREATER_EQUAL;
	bool has_equal = op == FILTER_LESS_EQUAL || op == FILTER_GREATER;

	if (op == FILTER_EQUAL || op == FILTER_UNEQUAL || op == FILTER_BITS) {
		emit_load(code, o);
		condition_emit(code, KPROBED_COND_IMM, turned);
		condition_emit(code, order_op(op, false), 0);
		return;
	}
	/* <= is < of the next, and what is beyond the last is less than all. */
	if (has_equal && v == UINT16_MAX)
		condition_emit(code, KPROBED_COND_IMM, 1);
	else
		emit_port_less(code, o, v + has_equal);
	if (is_above)
		condition_emit(code, KPROBED_COND_NOT, 0);
}

/* "@o < @v", of some bits with a sign: what is below 0 is above all others without it. */
static void emit_signed_less(struct condition_code *code, const struct operand *o, uint64_t v)
{
	bool is_positive = (int64_t)v > 0;

	emit_bits(code, o, o->mask, KPROBED_COND_GT, o->high.value);
	if (v == 0)
		return;
	emit_bits(code, o, o->mask, KPROBED_COND_LT, v & o->mask);
	condition_emit(code, is_positive ? KPROBED_COND_OR : KPROBED_COND_AND, 0);
}

/* As emit_number(), of some bits only, with a sign; @v is within what they may be. */
static void emit_signed(struct condition_code *code, const struct operand *o, enum filter_op op,
			uint64_t v)
{
	bool is_above = op == FILTER_GREATER || op == FILTER_GREATER_EQUAL;
	bool has_equal = op == FILTER_LESS_EQUAL || op == FILTER_GREATER;

	switch (op) {
	case FILTER_EQUAL:
	case FILTER_UNEQUAL:
		emit_bits(code, o, o->mask, order_op(op, false), v & o->mask);
		return;
	case FILTER_BITS:
		/* Those above it are as the highest one. */
		v |= v & ~o->mask ? o->high.value + 1 : 0;
		emit_insn(code, &o->load);
		condition_emit(code, KPROBED_COND_IMM, v & o->mask);
		condition_emit(code, KPROBED_COND_BITAND, 0);
		return;
	case FILTER_TRUE:
		emit_load(code, o);
		return;
	default:
		if (has_equal && v == o->high.value)
			condition_emit(code, KPROBED_COND_IMM, 1);
		else
			emit_signed_less(code, o, v + has_equal);
		if (is_above)
			condition_emit(code, KPROBED_COND_NOT, 0);
	}
}

static void emit_number(struct condition_code *code, const struct operand *o,
			const struct filter_term *t)
{
	uint64_t v = t->number.value;

	if (t->op != FILTER_TRUE && t->op != FILTER_BITS &&
	    (is_less(t->number, o->low) || is_less(o->high, t->number))) {
		condition_emit(code, KPROBED_COND_IMM, filter_test_number(t, o->low));
	} else if (o->mask && o->low.is_negative) {
		emit_signed(code, o, t->op, v);
	} else if (o->is_port && t->op != FILTER_TRUE) {
		emit_port(code, o, t->op, v);
	} else {
		emit_load(code, o);
		if (t->op == FILTER_TRUE)
			return;
		condition_emit(code, KPROBED_COND_IMM, v);
		condition_emit(code, order_op(t->op, o->low.is_negative), 0);
	}
}

/* A number against the text that it is shown as. */
static int emit_shown(struct condition_code *code, const struct operand *o,
		      const struct filter_term *t, bool *ret_of_zero, struct kp_error *e)
{
	bool is_equal = t->op == FILTER_EQUAL;
	uint64_t v = 0;
	int r;

	if (!o->arg || !shown_is_text(o->arg))
		return filter_error(e, "wrongType", t->value_position, NULL,
				    "%s is a number, and is compared with a string", t->name);
	if (!is_equal && t->op != FILTER_UNEQUAL)
		return not_in_kernel(t, " like that: only == and !=", e);
	r = shown_to_number(o->arg, (struct span){t->string, t->string_len}, &v);
	if (r == -EOPNOTSUPP)
		return not_in_kernel(t, " by its text", e);
	if (r < 0) {
		/* It is never shown like that. */
		condition_emit(code, KPROBED_COND_IMM, !is_equal);
		*ret_of_zero = !is_equal;
		return 0;
	}
	emit_load(code, o);
	condition_emit(code, KPROBED_COND_IMM, o->mask ? v & o->mask : v);
	condition_emit(code, is_equal ? KPROBED_COND_EQ : KPROBED_COND_NE, 0);
	*ret_of_zero = is_equal == (v == 0);
	return 0;
}

/*
 * What of a pattern has to be there as it is; *@ret_is_prefix: and anything behind it. False: it is
 * another kind of pattern.
 */
static bool plain_pattern(const struct filter_term *t, char *out, size_t *ret_len,
			  bool *ret_is_prefix)
{
	size_t n = 0, i = 0;

	for (; i < t->string_len && t->string[i] != '*'; i++) {
		if (t->string[i] == '?' || t->string[i] == '[')
			return false;
		if (t->string[i] == '\\' && i + 1 < t->string_len)
			i++;
		out[n++] = t->string[i];
	}
	*ret_len = n;
	*ret_is_prefix = i < t->string_len;
	while (i < t->string_len && t->string[i] == '*')
		i++;
	return i == t->string_len;
}

/*
 * Whether @s may be how a byte that is no UTF-8 is shown (\xff), or the beginning of it: then its
 * bytes are not those that the module sees.
 */
static bool has_shown_byte(const char *s, size_t n, bool is_prefix)
{
	static const char *const pieces[] = {"\\", "x", "89abcdef", "0123456789abcdef"};

	for (size_t i = 0; i < n; i++) {
		size_t k = 0;

		while (k < ARRAY_SIZE(pieces) && i + k < n && strchr(pieces[k], s[i + k]))
			k++;
		if (k == ARRAY_SIZE(pieces) || (k > 0 && i + k == n && is_prefix))
			return true;
	}
	return false;
}

static int emit_string(struct comparer *c, struct condition_code *code, const struct operand *o,
		       const struct filter_term *t, struct kp_error *e)
{
	char *literal = c->text + c->text_len;
	struct kprobed_insn insn = o->load;
	bool is_prefix = t->op == FILTER_PREFIX;
	size_t n = t->string_len;

	if (t->literal != FILTER_STRING)
		return filter_error(e, "wrongType",
				    t->literal == FILTER_NUMBER ? t->value_position : t->position,
				    "strings are put in quotes",
				    "%s is a string, and is compared with a number", t->name);
	memcpy(literal, t->string, n);
	if (t->op == FILTER_GLOB && !plain_pattern(t, literal, &n, &is_prefix))
		return not_in_kernel(t, " with such a pattern: only \"x*\"", e);
	if (has_shown_byte(literal, n, is_prefix))
		return not_in_kernel(t, " with bytes that are no UTF-8", e);
	if (o->is_comm)
		insn = (struct kprobed_insn){.op = is_prefix ? KPROBED_COND_COMMPREFIX
							     : KPROBED_COND_COMMEQ};
	else
		insn.op = is_prefix ? KPROBED_COND_STRPREFIX : KPROBED_COND_STREQ;
	insn.imm = (uint64_t)n << 32 | c->text_len;
	c->text_len += n;
	emit_insn(code, &insn);
	if (t->op == FILTER_UNEQUAL)
		condition_emit(code, KPROBED_COND_NOT, 0);
	return 0;
}

int compare_emit(struct comparer *c, const struct filter_term *t, struct condition_code *code,
		 enum helper_part *ret, struct kp_error *e)
{
	bool of_zero = false;
	struct operand o;
	int r;

	r = resolve(c, t, &o, e);
	if (r < 0)
		return r;
	if (o.is_string) {
		r = emit_string(c, code, &o, t, e);
		of_zero = filter_test_string(t, "", 0);
	} else if (t->literal == FILTER_STRING) {
		r = emit_shown(code, &o, t, &of_zero, e);
	} else if (o.arg && !shown_has_number(o.arg)) {
		r = filter_error(e, "wrongType", t->value_position, "put it in quotes",
				 "%s is shown as text, and is compared with a number", t->name);
	} else {
		emit_number(code, &o, t);
		of_zero = filter_test_number(t, filter_unsigned(0));
	}
	if (r < 0)
		return r;
	/* False of what could not be read: it is 0 there, of which most are false anyway. */
	if (o.faults >= 0 && !o.is_comm && of_zero) {
		struct kprobed_insn faulted = {.op = KPROBED_COND_FAULTED,
					       .arg = (uint8_t)o.faults};

		emit_insn(code, &faulted);
		condition_emit(code, KPROBED_COND_NOT, 0);
		condition_emit(code, KPROBED_COND_AND, 0);
	}
	*ret = o.part;
	return 0;
}
