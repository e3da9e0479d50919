/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See fetch-leaf.h. The switch of parse_probe_arg(), and parse_probe_vars(), in
 * kernel/trace/trace_probe.c (6.12).
 */
#include "fetch-leaf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "registers.h"

/* trace_probe.c: PARAM_MAX_STACK, THREAD_SIZE / sizeof(unsigned long) with the usual 16 KiB stacks
 */
enum { STACK_PARAM_MAX = 16384 / 8 };

void fetch_emit(struct fetch *f, const char *fmt, ...)
{
	size_t room = sizeof(f->text) - f->length;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(f->text + f->length, room, fmt, ap);
	va_end(ap);
	if (n > 0)
		f->length += (size_t)n < room ? (size_t)n : room - 1;
}

static int parse_stack(struct span number, int position, struct fetch *f, struct kp_error *reterr)
{
	uint64_t n;

	if (number.n == 0) {
		fetch_set_op(f, OP_STACKP, 1);
		fetch_emit(f, "$stack");
		return 0;
	}
	if (!char_is_digit(number.p[0]) || span_to_u64(number, 10, &n) < 0)
		return kp_error_definition(reterr, "badVar", position,
					   "$stack is the stack's address, $stack0 its top entry",
					   "The stack entry is not a number.");
	if (n > STACK_PARAM_MAX)
		return kp_error_definition(reterr, "badStackNum", position, NULL,
					   "The stack has no entry %llu.", (unsigned long long)n);
	fetch_set_op(f, OP_STACK, 1);
	fetch_emit(f, "$stack%u", (unsigned int)n);
	return 0;
}

/* Alone it is an expression, and does not come here. */
static int parse_all_arguments(int position, struct kp_error *reterr)
{
	return kp_error_definition(reterr, "badVar", position,
				   "write $arg* alone, or one argument: $arg1",
				   "All arguments at once ($arg*) have no name and no type.");
}

static int no_arguments(int position, struct kp_error *reterr)
{
	return kp_error_definition(
		reterr, "nofentryArgs", position,
		"probe the function's start (a symbol without offset), or use a register",
		"Arguments are there only where a function is entered.");
}

static int parse_argument(struct span number, int position, const struct fetch_site *site,
			  struct fetch *f, struct kp_error *reterr)
{
	uint64_t n;

	if (span_is(number, "*"))
		return parse_all_arguments(position, reterr);
	if (span_to_u64(number, 10, &n) < 0)
		return kp_error_definition(reterr, "badVar", position,
					   "$arg1 is the first argument",
					   "The argument's number is missing or no number.");
	if (n == 0 || n > STACK_PARAM_MAX)
		return kp_error_definition(reterr, "badArgNum", position,
					   "$arg1 is the first argument",
					   "There is no argument %llu.", (unsigned long long)n);
	if (!site->has_args)
		return no_arguments(position, reterr);
	fetch_set_op(f, site->is_return ? OP_ENTRY_DATA : OP_ARG, 1);
	fetch_emit(f, "$arg%u", (unsigned int)n);
	return 0;
}

static int parse_variable(struct span text, int position, const struct fetch_site *site,
			  struct fetch *f, struct kp_error *reterr)
{
	struct span name = span_from(text, 1);

	if (span_starts(name, "retval") && !site->is_return && !site->is_call)
		return kp_error_definition(
			reterr, "retvalOnProbe", position,
			"make it a return probe: r in place of p, or SYMBOL%return",
			"$retval is there only in a return probe on a symbol.");
	if (span_is(name, "retval")) {
		fetch_set_op(f, OP_RETVAL, 1);
		fetch_emit(f, "$retval");
		return 0;
	}
	if (span_starts(name, "stack"))
		return parse_stack(span_from(name, 5), position, f, reterr);
	if (span_is(name, "comm") || span_is(name, "COMM")) {
		fetch_set_op(f, OP_COMM, 1);
		fetch_emit(f, "$comm");
		return 0;
	}
	if (span_starts(name, "arg"))
		return parse_argument(span_from(name, 3), position, site, f, reterr);
	return kp_error_definition(
		reterr, "badVar", position,
		"variables: $arg1 and on, $retval, $comm, $stack, $stack0 and on",
		"There is no variable \"%.*s\".", (int)text.n, text.p);
}

static int parse_register(struct span text, int position, struct fetch *f, struct kp_error *reterr)
{
	struct span name = span_from(text, 1);
	const char *reg = register_find(name);
	char hint[96] = "";

	if (reg) {
		fetch_set_op(f, OP_REG, 1);
		fetch_emit(f, "%%%s", reg);
		return 0;
	}
	if (register_foreign(name))
		snprintf(hint, sizeof(hint),
			 "it is a register of %s, and this is %s; $arg1 is portable",
			 register_foreign(name), register_architecture);
	else if (register_nearest(name))
		snprintf(hint, sizeof(hint), "did you mean %%%s?", register_nearest(name));
	return kp_error_definition(reterr, "badRegName", position, hint,
				   "There is no register \"%.*s\".", (int)name.n, name.p);
}

/* @SYM[+|-OFFS]; the kernel looks at it when it registers the probe, and its caret is elsewhere */
static int parse_data_symbol(struct span text, int position, struct fetch *f,
			     struct kp_error *reterr)
{
	struct span name = span_from(text, 1);
	char number[SPAN_NUMBER_MAX];
	int64_t offset = 0;
	size_t i = 0;

	while (i < name.n && (char_is_name(name.p[i]) || name.p[i] == '.' || name.p[i] == '$'))
		i++;
	if (i == 0 || (i < name.n && span_to_s64(span_from(name, i), 0, &offset) < 0))
		return kp_error_definition(reterr, "badMemAddr", position,
					   "an address or a symbol: @0xffffffff81000000 @jiffies+4",
					   "The memory address is neither a number nor a symbol.");
	fetch_set_op(f, OP_DEREF, 3);
	span_number_s64(offset, number);
	fetch_emit(f, "@%.*s", (int)i, name.p);
	if (offset)
		fetch_emit(f, "%s%s", offset > 0 ? "+" : "", number);
	return 0;
}

static int parse_memory(struct span text, int position, struct fetch *f, struct kp_error *reterr)
{
	char number[SPAN_NUMBER_MAX];
	uint64_t address;

	if (span_at(text, 1) == '+')
		return kp_error_definition(reterr, "fileOnKprobe", position,
					   "an address or a symbol: @0xffffffff81000000 @jiffies",
					   "A file offset is for user-space probes.");
	if (!char_is_digit(span_at(text, 1)))
		return parse_data_symbol(text, position, f, reterr);
	if (span_to_u64(span_from(text, 1), 0, &address) < 0)
		return kp_error_definition(reterr, "badMemAddr", position,
					   "hexadecimal numbers start with 0x",
					   "The memory address is not a number.");
	fetch_set_op(f, OP_DEREF, 2);
	span_number_u64(address, number);
	fetch_emit(f, "@%s", number);
	return 0;
}

static int parse_immediate(struct span text, int position, struct fetch *f, struct kp_error *reterr)
{
	struct span body = span_from(text, 1);
	char number[SPAN_NUMBER_MAX];
	char first = span_at(body, 0);
	uint64_t value;
	int64_t signed_value;
	int r = -EINVAL;

	if (first == '"') {
		if (body.n < 2 || body.p[body.n - 1] != '"')
			return kp_error_definition(reterr, "immstrNoClose", position + text.n,
						   "it ends with \" and holds neither space nor =",
						   "The string is not closed.");
		fetch_set_op(f, OP_DATA, 1);
		fetch_emit(f, "%.*s", (int)text.n, text.p);
		return 0;
	}
	if (char_is_digit(first)) {
		r = span_to_u64(body, 0, &value);
		if (r == 0)
			span_number_u64(value, number);
	} else if (first == '-' || first == '+') {
		r = span_to_s64(span_from(body, first == '+'), 0, &signed_value);
		if (r == 0)
			span_number_s64(signed_value, number);
	}
	if (r < 0)
		return kp_error_definition(reterr, "badImm", position + 1,
					   "a number, or a string in double quotes: \\\"text\"",
					   "The immediate value is not a number.");
	fetch_set_op(f, OP_IMM, 1);
	fetch_emit(f, "\\%s", number);
	return 0;
}

static int parse_unknown(struct span text, int position, struct kp_error *reterr)
{
	const char *hint =
		"%REG, $arg1, $retval, $comm, $stack0, @ADDRESS, @SYMBOL, +8(...), \\VALUE";

	/* "8(%sp)", as an assembler has it */
	if (char_is_digit(span_at(text, 0)) && span_find(text, '(') < text.n)
		hint = "an offset has its sign in front: +8(%sp)";
	else if (register_find(text))
		hint = "registers have a % in front";
	if (text.n == 0)
		return kp_error_definition(reterr, "badFetchArg", position, hint,
					   "Here is nothing to fetch.");
	return kp_error_definition(reterr, "badFetchArg", position, hint,
				   "\"%.*s\" is nothing that can be fetched.", (int)text.n, text.p);
}

int fetch_leaf_parse(struct span text, int position, const struct fetch_site *site, struct fetch *f,
		     struct kp_error *reterr)
{
	char first = span_at(text, 0);

	switch (first) {
	case '$':
		return parse_variable(text, position, site, f, reterr);
	case '%':
		return parse_register(text, position, f, reterr);
	case '@':
		return parse_memory(text, position, f, reterr);
	case '\\':
		return parse_immediate(text, position, f, reterr);
	}
	return parse_unknown(text, position, reterr);
}

int fetch_arg_precheck(struct span text, int position, const struct fetch_site *site,
		       struct kp_error *reterr)
{
	if (!span_starts(text, "$arg"))
		return 0;
	if (!site->has_args)
		return no_arguments(position, reterr);
	if (char_is_digit(span_at(text, 4)) || span_starts(text, "$arg*"))
		return 0;
	return parse_argument(span_from(text, 4), position, site, &(struct fetch){.text = ""},
			      reterr);
}
