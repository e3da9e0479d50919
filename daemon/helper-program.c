/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See helper-program.h.
 *
 * An argument's text is "+OFFS(+OFFS(LEAF))": instructions load the leaf and follow the offsets
 * from the inside to the outside; the outermost one is where the value lies in memory, and its type
 * says how it is recorded. That is how the kernel compiles it too (kernel/trace/trace_probe.c,
 * process_fetch_insn_bottom() in trace_probe_tmpl.h), and what is done here follows from there
 * where it looks odd: an array of strings is one of pointers to them, a string of a number is one
 * at that address, and arguments beyond the registers are words of the stack.
 *
 * The room of a part is shared: what fixed bytes leave of it, its strings have in equal parts.
 */
#include "helper-program.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "helper-place.h"

_Static_assert(PROBE_CALL_MAXACTIVE_MAX == KPROBED_MAXACTIVE_MAX, "the same limit twice");

/* What a string gets at least, its NUL included; with less of it nobody can do anything. */
enum { STRING_MIN = 16 };

/* One part under construction. */
struct part {
	struct kprobed_insn *insns; /* owned */
	size_t n;
	unsigned int fixed, n_strings; /* bytes so far, and how many of them are strings' */
};

struct compiler {
	struct part parts[2]; /* by enum helper_part */
	struct helper_program program;
	const struct probe_arg *arg;
	struct kp_error *reterr;
};

static void compiler_done(struct compiler *c)
{
	free(c->parts[0].insns);
	free(c->parts[1].insns);
	helper_program_done(&c->program);
}

static int too_big(const struct compiler *c)
{
	return kp_error_definition(
		c->reterr, "eventTooBig", c->arg->fetch_position,
		"leave some out, or fetch less of an array",
		"The arguments are more than the %d bytes that the helper module "
		"records at a time.",
		KPROBED_PART_MAX);
}

static int emit(struct compiler *c, struct part *part, struct kprobed_insn insn)
{
	if (part->n == KPROBED_FETCH_MAX)
		return kp_error_definition(c->reterr, "tooManyOps", c->arg->fetch_position, NULL,
					   "The arguments take more than the %d steps that the "
					   "helper module has for them.",
					   KPROBED_FETCH_MAX);
	if (!part->insns) {
		part->insns = calloc(KPROBED_FETCH_MAX, sizeof(*part->insns));
		if (!part->insns)
			return -ENOMEM;
	}
	part->insns[part->n++] = insn;
	return 0;
}

/* Loads the leaf and follows all of @place but its last offset. */
static int emit_load(struct compiler *c, struct part *part, const struct helper_place *place,
		     uint8_t number)
{
	struct kprobed_insn load = {.op = place->op, .arg = number, .imm = place->imm};
	int r = 0;

	if (place->symbol.n) {
		struct helper_symbol *symbols = reallocarray(
			c->program.symbols, c->program.n_symbols + 1, sizeof(*symbols));
		struct helper_symbol *s;

		if (!symbols)
			return -ENOMEM;
		c->program.symbols = symbols;
		s = &symbols[c->program.n_symbols];
		*s = (struct helper_symbol){
			.part = part == &c->parts[HELPER_RETURN] ? HELPER_RETURN : HELPER_ENTRY,
			.insn = part->n,
			.name = strndup(place->symbol.p, place->symbol.n),
			.offset = place->symbol_offset,
			.position = c->arg->fetch_position,
		};
		if (!s->name)
			return -ENOMEM;
		c->program.n_symbols++;
	}
	r = emit(c, part, load);
	for (size_t i = 0; i + 1 < place->n_steps && r == 0; i++)
		r = emit(c, part,
			 (struct kprobed_insn){
				 .op = place->steps[i].is_user ? KPROBED_FETCH_UDEREF
							       : KPROBED_FETCH_DEREF,
				 .arg = number,
				 .imm = (uint64_t)place->steps[i].offset,
			 });
	return r;
}

/* Records @size fixed bytes. */
static int emit_fixed(struct compiler *c, struct part *part, struct kprobed_insn insn,
		      unsigned int size)
{
	int r = emit(c, part, insn);

	part->fixed += size;
	return r < 0 || part->fixed + part->n_strings * STRING_MIN <= KPROBED_PART_MAX ? r
										       : too_big(c);
}

/* "\"text\"", in pieces of eight bytes */
static int emit_text(struct compiler *c, struct part *part, struct helper_arg *a,
		     const struct helper_place *place)
{
	int r = 0;

	a->value = HELPER_BYTES;
	a->size = (unsigned int)(place->text.n / 8 + 1) * 8;
	for (size_t at = 0; at < a->size && r == 0; at += 8) {
		struct kprobed_insn insn = {.op = KPROBED_FETCH_IMM, .arg = (uint8_t)a->number};
		size_t n = place->text.n - at < 8 ? place->text.n - at : 8;

		if (at < place->text.n)
			memcpy(&insn.imm, place->text.p + at, n);
		r = emit(c, part, insn);
		insn = (struct kprobed_insn){
			.op = KPROBED_FETCH_STORE, .arg = (uint8_t)a->number, .n = 8};
		if (r == 0)
			r = emit_fixed(c, part, insn, 8);
	}
	return r;
}

static int emit_string(struct compiler *c, struct part *part, struct helper_arg *a,
		       const struct helper_place *place)
{
	const struct helper_step *last = place->n_steps ? &place->steps[place->n_steps - 1] : NULL;
	bool is_user = c->arg->type[0] == 'u' || (!c->arg->count && last && last->is_user);
	unsigned int elements = c->arg->count ? c->arg->count : 1;
	struct kprobed_insn insn = {
		.op = is_user ? KPROBED_FETCH_USTR : KPROBED_FETCH_STR,
		.arg = (uint8_t)a->number,
	};
	int r = 0;

	a->value = HELPER_STRING;
	a->size = sizeof(uint32_t);
	if (!c->arg->count)
		insn.imm = last ? (uint64_t)last->offset : 0;
	for (unsigned int i = 0; i < elements && r == 0; i++) {
		r = emit_load(c, part, place, (uint8_t)a->number);
		if (r == 0 && c->arg->count && last)
			r = emit(c, part,
				 (struct kprobed_insn){
					 .op = last->is_user ? KPROBED_FETCH_UDEREF
							     : KPROBED_FETCH_DEREF,
					 .arg = (uint8_t)a->number,
					 .imm = (uint64_t)last->offset + sizeof(uint64_t) * i,
				 });
		part->n_strings++;
		if (r == 0)
			r = emit_fixed(c, part, insn, sizeof(uint32_t));
	}
	return r;
}

/*
 * A bitfield: its container, of which only those bits are recorded. The instruction that loads from
 * memory takes eight bytes, so they are the aligned ones around the container where that is within
 * such, lest it reach into a page that is not there.
 */
static int emit_bits(struct compiler *c, struct part *part, struct helper_arg *a,
		     const struct helper_place *place, unsigned int bit, unsigned int width)
{
	const struct helper_step *last = place->n_steps ? &place->steps[place->n_steps - 1] : NULL;
	unsigned int elements = c->arg->count ? c->arg->count : 1;
	uint8_t number = (uint8_t)a->number;
	int r = 0;

	for (unsigned int i = 0; i < elements && r == 0; i++) {
		unsigned int lead = 0;

		r = emit_load(c, part, place, number);
		if (r == 0 && last) {
			uint64_t at = (uint64_t)last->offset + (uint64_t)i * a->size;

			if (at % 8 + a->size <= 8)
				lead = at % 8;
			r = emit(c, part,
				 (struct kprobed_insn){
					 .op = last->is_user ? KPROBED_FETCH_UDEREF
							     : KPROBED_FETCH_DEREF,
					 .arg = number,
					 .imm = at - lead,
				 });
		}
		if (r == 0)
			r = emit(c, part,
				 (struct kprobed_insn){
					 .op = KPROBED_FETCH_BITS,
					 .arg = number,
					 .n = (uint16_t)(8 * lead + bit),
					 .len = width,
				 });
		if (r == 0)
			r = emit_fixed(c, part,
				       (struct kprobed_insn){.op = KPROBED_FETCH_STORE,
							     .arg = number,
							     .n = (uint16_t)a->size},
				       a->size);
	}
	return r;
}

static int emit_number(struct compiler *c, struct part *part, struct helper_arg *a,
		       const struct helper_place *place)
{
	const struct helper_step *last = place->n_steps ? &place->steps[place->n_steps - 1] : NULL;
	unsigned int size = a->size * (a->count ? a->count : 1), bit, width, container;
	const char *type = c->arg->kernel_type[0] ? c->arg->kernel_type : c->arg->type;
	struct kprobed_insn insn = {.arg = (uint8_t)a->number};
	int r;

	if (probe_arg_is_signed(c->arg))
		a->value = HELPER_SIGNED;
	else if (a->size != 1 && a->size != 2 && a->size != 4 && a->size != 8)
		a->value = HELPER_BYTES;
	if (sscanf(type, "b%u@%u/%u", &width, &bit, &container) == 3)
		return emit_bits(c, part, a, place, bit, width);
	r = emit_load(c, part, place, insn.arg);
	if (r < 0)
		return r;
	if (last) {
		insn.op = last->is_user ? KPROBED_FETCH_UMEM : KPROBED_FETCH_MEM;
		insn.imm = (uint64_t)last->offset;
		insn.len = size;
	} else {
		insn.op = KPROBED_FETCH_STORE;
		insn.n = (uint16_t)size;
	}
	return emit_fixed(c, part, insn, size);
}

static int compile_arg(struct compiler *c, struct helper_arg *a)
{
	struct part *part;
	struct helper_place place;
	int r;

	r = helper_place_parse(c->arg, &place, c->reterr);
	if (r < 0)
		return r;
	a->part = place.op == KPROBED_FETCH_RET ? HELPER_RETURN : HELPER_ENTRY;
	part = &c->parts[a->part];
	a->value = HELPER_NUMBER;
	a->offset = part->fixed;
	a->size = c->arg->size;
	a->count = c->arg->count;
	if (place.text.p)
		return emit_text(c, part, a, &place);
	if (place.op == KPROBED_FETCH_COMM) {
		a->value = HELPER_BYTES;
		a->size = KPROBED_COMM_LEN;
		return emit_fixed(
			c, part,
			(struct kprobed_insn){.op = KPROBED_FETCH_COMM, .arg = (uint8_t)a->number},
			KPROBED_COMM_LEN);
	}
	if (c->arg->show == ARG_STRING)
		return emit_string(c, part, a, &place);
	return emit_number(c, part, a, &place);
}

/* Once all is counted, what is left is for the strings, and the program is as long as it is. */
static void finish(struct part *part, struct kprobed_insn **ret, size_t *ret_n)
{
	struct kprobed_insn *insns;
	unsigned int room;

	insns = part->n ? reallocarray(part->insns, part->n, sizeof(*insns)) : NULL;
	if (insns)
		part->insns = insns;
	*ret = take_ptr(part->insns);
	*ret_n = part->n;
	if (part->n_strings == 0)
		return;
	room = (KPROBED_PART_MAX - part->fixed) / part->n_strings;
	if (room > KPROBED_STRING_MAX)
		room = KPROBED_STRING_MAX;
	for (size_t i = 0; i < part->n; i++)
		if ((*ret)[i].op == KPROBED_FETCH_STR || (*ret)[i].op == KPROBED_FETCH_USTR)
			(*ret)[i].len = room;
}

static int compile_args(struct compiler *c, const struct probe_spec *spec)
{
	struct helper_program *program = &c->program;
	int r;

	if (spec->n_args > KPROBED_ARGS_MAX)
		return kp_error_definition(
			c->reterr, "tooManyArgs", spec->args[KPROBED_ARGS_MAX].position, NULL,
			"A probe of the helper module has %d arguments at most.", KPROBED_ARGS_MAX);
	program->args = calloc(spec->n_args + 1, sizeof(*program->args));
	if (!program->args)
		return -ENOMEM;
	program->comm_offset = 0;
	r = emit_fixed(c, &c->parts[HELPER_ENTRY], (struct kprobed_insn){.op = KPROBED_FETCH_COMM},
		       KPROBED_COMM_LEN);
	for (size_t i = 0; i < spec->n_args && r == 0; i++) {
		c->arg = &spec->args[i];
		program->args[i].number = (unsigned int)i;
		program->n_args++;
		r = compile_arg(c, &program->args[i]);
	}
	return r;
}

int helper_program_compile(const struct probe_spec *spec, struct helper_program *ret,
			   struct kp_error *reterr)
{
	_cleanup_(compiler_done) struct compiler c = {.reterr = reterr};
	int r = compile_args(&c, spec);

	if (r < 0)
		return r;
	finish(&c.parts[HELPER_ENTRY], &c.program.entry, &c.program.n_entry);
	finish(&c.parts[HELPER_RETURN], &c.program.ret, &c.program.n_ret);
	*ret = c.program;
	c.program = (struct helper_program){.entry = NULL};
	return 0;
}

/* The one address that the name has. */
static int find_symbol(const struct helper_symbol *s, const struct symbols *symbols, uint64_t *ret,
		       struct kp_error *reterr)
{
	uint32_t cursor = SYMBOL_NONE, first = symbols_next_named(symbols, s->name, NULL, &cursor),
		 i;

	if (first == SYMBOL_NONE)
		return kp_error_set(reterr, KP_NO_SUCH_SYMBOL, ENOENT, s->name,
				    "there is no symbol called %s", s->name);
	while ((i = symbols_next_named(symbols, s->name, NULL, &cursor)) != SYMBOL_NONE)
		if (symbols_address(symbols, i) != symbols_address(symbols, first))
			return kp_error_definition(reterr, "badMemAddr", s->position,
						   "give the address: @0xffffffff81000000",
						   "Several symbols are called \"%.120s\".",
						   s->name);
	*ret = symbols_address(symbols, first) + (uint64_t)s->offset;
	return 0;
}

static void symbols_done(struct helper_program *program)
{
	for (size_t i = 0; i < program->n_symbols; i++)
		free(program->symbols[i].name);
	free(program->symbols);
	program->symbols = NULL;
	program->n_symbols = 0;
}

int helper_program_link(struct helper_program *program, const struct symbols *symbols,
			struct kp_error *reterr)
{
	uint64_t address = 0;
	int r;

	for (size_t i = 0; i < program->n_symbols; i++) {
		r = find_symbol(&program->symbols[i], symbols, &address, reterr);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < program->n_symbols; i++) {
		const struct helper_symbol *s = &program->symbols[i];

		find_symbol(s, symbols, &address, NULL);
		(s->part == HELPER_RETURN ? program->ret : program->entry)[s->insn].imm = address;
	}
	symbols_done(program);
	return 0;
}

void helper_program_done(struct helper_program *program)
{
	free(program->entry);
	free(program->ret);
	free(program->args);
	symbols_done(program);
	*program = (struct helper_program){.entry = NULL};
}
