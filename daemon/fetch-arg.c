/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See fetch-arg.h. The order of checks is the kernel's: type, expression from the outside to the
 * inside and back, then whether the two go together.
 *
 * Positions are those of the first wrong character. They are the kernel's with two exceptions,
 * where its caret misses: inside "+u8(...)" it is one too far left, and 6.12 puts mistakes in the
 * type of a dereference ("+0(%di):b9@0/8") behind where they are by the length of "+0(".
 */
#include "fetch-arg.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "fetch-leaf.h"
#include "fetch-type.h"

/* trace_probe.h: FETCH_INSN_MAX is 16, of which the last one ends the program */
enum { STEPS_MAX = 15 };
/* In 63 characters no more than 16 "+0(" and ")" have room; that many are never exceeded. */
enum { LEVELS_MAX = 24 };

/* One "+OFFS(" of a nested argument */
struct level {
	int position;
	bool is_user;
	int64_t offset;
};

/* "+OFFS(" in front of @text, which becomes what is inside the parentheses */
static int parse_level(struct span *text, int *position, struct level *ret, int *junk,
		       struct kp_error *reterr)
{
	bool is_user = span_at(*text, 1) == 'u';
	/* The sign is part of the number, "+" and an inner "-" included: "+-8(", "+u8(". */
	char number[PROBE_ARG_STRING_MAX + 1];
	size_t open = span_find(*text, '(');
	size_t skip = 1 + is_user, n = 0;
	struct span inner;
	size_t close;

	if (open == text->n)
		return kp_error_definition(reterr, "derefNeedBrace", *position,
					   "what is dereferenced stands in parentheses: +8(%di)",
					   "The offset has no parentheses behind it.");
	if (text->p[0] == '-')
		number[n++] = '-';
	for (size_t i = skip; i < open; i++)
		number[n++] = text->p[i];
	if (span_to_s64((struct span){number, n}, 0, &ret->offset) < 0)
		return kp_error_definition(reterr, "badDerefOffs", *position,
					   "a number with its sign: +8(%di) -0x10(%di) +u0(%si)",
					   "The offset is not a number.");
	inner = span_from(*text, open + 1);
	close = span_find_last(inner, ')');
	if (close == inner.n)
		return kp_error_definition(reterr, "derefOpenBrace", *position + text->n, NULL,
					   "The parenthesis is not closed.");
	if (*junk < 0 && close + 1 < inner.n)
		*junk = *position + open + 1 + close + 1;
	ret->position = *position;
	ret->is_user = is_user;
	*text = span_first(inner, close);
	*position += open + 1;
	return 0;
}

static int too_many_ops(int position, struct kp_error *reterr)
{
	return kp_error_definition(reterr, "tooManyOps", position, NULL,
				   "The argument is nested too deeply for the kernel.");
}

static int parse_expression(struct span text, int position, const struct fetch_site *site,
			    struct fetch *f, struct kp_error *reterr)
{
	struct level levels[LEVELS_MAX];
	char number[SPAN_NUMBER_MAX];
	size_t n = 0;
	int junk = -1;
	int r;

	for (; span_at(text, 0) == '+' || span_at(text, 0) == '-'; n++) {
		if (n == LEVELS_MAX)
			return too_many_ops(position, reterr);
		r = parse_level(&text, &position, &levels[n], &junk, reterr);
		if (r < 0)
			return r;
		span_number_s64(levels[n].offset, number);
		fetch_emit(f, "%c%s%s(", levels[n].offset < 0 ? '-' : '+',
			   levels[n].is_user ? "u" : "", number + (levels[n].offset < 0));
	}
	r = fetch_leaf_parse(text, position, site, f, reterr);
	if (r < 0)
		return r;
	if (n > 0 && (f->op == OP_COMM || f->op == OP_DATA))
		return kp_error_definition(reterr, "commCantDeref", position, NULL,
					   "A string is no address that could be dereferenced.");
	/* Back to the outside: one instruction for each level. */
	for (size_t i = n; i > 0; i--) {
		if (f->steps == STEPS_MAX)
			return too_many_ops(i == n ? position : levels[i].position, reterr);
		fetch_set_op(f, levels[i - 1].is_user ? OP_UDEREF : OP_DEREF, f->steps + 1);
		fetch_emit(f, ")");
	}
	if (junk >= 0)
		return kp_error_definition(reterr, "badFetchArg", junk,
					   "a type is written behind a colon: +0(%di):u32",
					   "Nothing may follow the closing parenthesis.");
	return 0;
}

/* Whether a string type can be stored from what is fetched last; finalize_fetch_insn() */
static int check_string(const struct fetch *f, const struct fetch_type *type, int position,
			struct kp_error *reterr)
{
	bool is_memory = f->op == OP_DEREF || f->op == OP_UDEREF;
	char hint[160];

	if (type->class == FETCH_SYMSTR) {
		if (f->op == OP_REG || f->op == OP_STACK || f->op == OP_RETVAL || f->op == OP_ARG ||
		    f->op == OP_DEREF)
			return 0;
		return kp_error_definition(reterr, "badSymstring", position, "use symbol",
					   "symstr cannot be had from this.");
	}
	if (type->class != FETCH_STRING || is_memory || f->op == OP_IMM || f->op == OP_COMM ||
	    f->op == OP_DATA)
		return 0;
	snprintf(hint, sizeof(hint), "for what it points to: %s0(%s):%s",
		 type->name[0] == 'u' ? "+u" : "+", f->text, type->name);
	return kp_error_definition(reterr, "badString", position, hint,
				   "A string is fetched from memory, and this is the address.");
}

/* Whether the expression can be stored as @type, and whether the instructions for that are there */
static int check_store(const struct fetch *f, struct fetch_type *type, struct span type_text,
		       int position, int type_position, struct kp_error *reterr)
{
	bool is_memory = f->op == OP_DEREF || f->op == OP_UDEREF;
	bool is_string = type->class == FETCH_STRING || type->class == FETCH_SYMSTR;
	unsigned int steps = f->steps;
	int r;

	r = check_string(f, type, type_position, reterr);
	if (r < 0)
		return r;
	if (type->class == FETCH_PATH) /* +0x0(+0x28(...)):string, and for a file one more */
		steps += type->name[2] == 'D' ? 3 : 2;
	else if (is_string ? !is_memory || type->class == FETCH_SYMSTR || type->count : !is_memory)
		steps++;
	if (steps > STEPS_MAX)
		return too_many_ops(position, reterr);

	r = fetch_type_check_bits(type_text, type_position, type, reterr);
	if (r < 0)
		return r;
	if (type->class == FETCH_BITFIELD && ++steps > STEPS_MAX)
		return kp_error_definition(reterr, "badBitfield", type_position, NULL,
					   "The argument is nested too deeply for a bitfield.");
	if (type->parts > 1 && f->op != OP_DEREF)
		return kp_error_definition(reterr, "badString", type_position,
					   type->size == 6 ? "for what it points to: +0(%di):mac"
							   : "for what it points to: +0(%di):ip6",
					   "A %s is fetched from kernel memory, and this is %s.",
					   type->name,
					   f->op == OP_UDEREF ? "the user's" : "a number");
	if (type->count == 0 && type->parts <= 1)
		return 0;
	if (type->class == FETCH_SYMSTR || (!is_string && f->op != OP_DEREF))
		return kp_error_definition(reterr, "badString", type_position,
					   "an array is fetched from kernel memory: +0(%di):u8[16]",
					   "There is no array in what is fetched.");
	return steps + 1 > STEPS_MAX ? too_many_ops(position, reterr) : 0;
}

static int fill(const struct fetch *f, const struct fetch_type *type, struct probe_arg *ret)
{
	_cleanup_free_ char *fetch = strdup(f->text);
	_cleanup_free_ char *name = strdup(type->name);

	if (!fetch || !name)
		return -ENOMEM;
	ret->fetch = take_ptr(fetch);
	ret->type = take_ptr(name);
	memcpy(ret->kernel_type, type->kernel, sizeof(ret->kernel_type));
	ret->parts = type->parts ? type->parts : 1;
	ret->flags = type->flags;
	ret->show = type->show;
	ret->size = type->size;
	ret->count = type->count;
	ret->is_typed = type->is_given;
	return 0;
}

/*
 * Whether the argument is short enough with the kernel's type in place of ours, which may be the
 * shorter one: ip6 is u8[16].
 */
static bool fits_kernel(const struct fetch *f, const struct fetch_type *type)
{
	unsigned int elements = (type->count ? type->count : 1) * (type->parts ? type->parts : 1);
	size_t array = elements > 9 ? strlen("[16]") : strlen("[6]");

	if (!type->kernel[0])
		return true;
	if (type->count == 0 && type->parts <= 1)
		array = 0;
	return f->length + 1 + strlen(type->kernel) + array <= PROBE_ARG_STRING_MAX;
}

/* $comm and immediate strings, which are strings without being asked */
static bool is_text(struct span expression)
{
	return span_is(expression, "$comm") || span_is(expression, "$COMM") ||
	       span_starts(expression, "\\\"");
}

int fetch_arg_parse(struct span text, int position, const struct fetch_site *site,
		    struct probe_arg *ret, struct kp_error *reterr)
{
	size_t colon = span_find(text, ':');
	struct span expression = span_first(text, colon);
	struct span type_text = span_from(text, colon < text.n ? colon + 1 : text.n);
	struct fetch_type type = is_text(expression) ? fetch_type_string : fetch_type_default;
	int type_position = position + (colon < text.n ? colon + 1 : 0);
	struct fetch f = {.text = ""};
	int r;

	if (text.n > PROBE_ARG_STRING_MAX)
		return kp_error_definition(reterr, "argTooLong", position, NULL,
					   "An argument has %d characters at most.",
					   PROBE_ARG_STRING_MAX);
	if (text.n == 0)
		return kp_error_definition(reterr, "noArgBody", position, NULL,
					   "Behind the = is nothing to fetch.");
	if (colon < text.n) {
		r = fetch_type_parse(type_text, type_position, is_text(expression), &type, reterr);
		if (r < 0)
			return r;
	}
	r = parse_expression(expression, position, site, &f, reterr);
	if (r < 0)
		return r;
	type_text = span_first(type_text, span_find(type_text, '['));
	r = check_store(&f, &type, type_text, position, type_position, reterr);
	if (r < 0)
		return r;
	if (!fits_kernel(&f, &type))
		return kp_error_definition(reterr, "argTooLong", position, NULL,
					   "The kernel's form of the argument, with %s in place of "
					   "%s, has more than %d characters.",
					   type.kernel, type.name, PROBE_ARG_STRING_MAX);
	r = fill(&f, &type, ret);
	if (r < 0)
		return r;
	ret->fetch_position = position;
	ret->fetch_length = expression.n;
	ret->type_position = colon < text.n ? type_position : -1;
	return 0;
}
