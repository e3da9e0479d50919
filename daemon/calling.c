/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See calling.h. */
#include "calling.h"

#include <inttypes.h>
#include <stdio.h>

#include "cleanup.h"

static const char *const x86_registers[] = {"di", "si", "dx", "cx", "r8", "r9"};
static const char *const arm64_registers[] = {"x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7"};

enum { WORD = 8 };
/* Up to two words of one argument go into registers. */
enum { IN_REGISTERS_MAX = 2 * WORD };
/* What lies on the stack below its arguments: the return address, on arm64 nothing. */
enum { X86_STACK_START = 8 };

/* What has been given away so far. */
struct state {
	unsigned int next; /* register */
	uint64_t stack;	   /* bytes of arguments on the stack */
};

unsigned int call_registers(enum call_arch arch)
{
	return arch == CALL_ARM64 ? ARRAY_SIZE(arm64_registers) : ARRAY_SIZE(x86_registers);
}

static unsigned int words_of(uint64_t size)
{
	return (unsigned int)((size + WORD - 1) / WORD);
}

/* Each argument begins at a multiple of 8, one aligned to 16 at a multiple of that. */
static void put_on_stack(enum call_arch arch, struct state *s, const struct call_param *p,
			 struct call_place *place)
{
	if (p->align >= 2 * WORD)
		s->stack = (s->stack + 2 * WORD - 1) / (2 * WORD) * (2 * WORD);
	*place = (struct call_place){
		.kind = CALL_STACK,
		.offset = s->stack + (arch == CALL_X86_64 ? X86_STACK_START : 0),
	};
	s->stack += (uint64_t)words_of(p->size) * WORD;
}

static void put_in_registers(struct state *s, unsigned int n, struct call_place *place)
{
	*place = (struct call_place){.kind = CALL_REGISTERS, .first = s->next, .n = n};
	s->next += n;
}

/* What does not fit leaves the registers to those behind it. */
static void place_x86_64(struct state *s, const struct call_param *p, struct call_place *place)
{
	unsigned int n = words_of(p->size);
	bool is_memory = p->size > IN_REGISTERS_MAX || p->is_packed;

	if (is_memory || s->next + n > ARRAY_SIZE(x86_registers))
		put_on_stack(CALL_X86_64, s, p, place);
	else
		put_in_registers(s, n, place);
}

/* What does not fit is the end of the registers for all behind it (rules C.10 to C.13). */
static void place_arm64(struct state *s, const struct call_param *given, struct call_place *place)
{
	bool is_reference = given->is_struct && given->size > IN_REGISTERS_MAX;
	struct call_param p =
		is_reference ? (struct call_param){.size = WORD, .align = WORD} : *given;
	unsigned int n = words_of(p.size);

	if (p.align >= 2 * WORD)
		s->next += s->next % 2;
	if (s->next + n > ARRAY_SIZE(arm64_registers)) {
		s->next = ARRAY_SIZE(arm64_registers);
		put_on_stack(CALL_ARM64, s, &p, place);
	} else {
		put_in_registers(s, n, place);
	}
	place->is_reference = is_reference;
}

void call_layout(enum call_arch arch, const struct call_param *result,
		 const struct call_param *params, size_t n, struct call_place *places)
{
	struct state s = {0};

	/* The address for a result in memory is an argument in front of the first; x8 on arm64. */
	if (arch == CALL_X86_64 && result->is_struct &&
	    (result->size > IN_REGISTERS_MAX || result->is_packed))
		s.next++;
	for (size_t i = 0; i < n; i++) {
		places[i] = (struct call_place){.kind = CALL_NOWHERE};
		if (params[i].size == 0 || params[i].is_float)
			continue;
		if (arch == CALL_ARM64)
			place_arm64(&s, &params[i], &places[i]);
		else
			place_x86_64(&s, &params[i], &places[i]);
	}
}

bool call_place_text(enum call_arch arch, const struct call_place *place, unsigned int word,
		     char text[CALL_TEXT_MAX])
{
	switch (place->kind) {
	case CALL_NOWHERE:
		break;
	case CALL_REGISTERS:
		if (word >= place->n)
			return false;
		snprintf(text, CALL_TEXT_MAX, "%%%s",
			 arch == CALL_ARM64 ? arm64_registers[place->first + word]
					    : x86_registers[place->first + word]);
		return true;
	case CALL_STACK:
		snprintf(text, CALL_TEXT_MAX, "+%" PRIu64 "(%%sp)",
			 place->offset + (uint64_t)word * WORD);
		return true;
	}
	return false;
}
