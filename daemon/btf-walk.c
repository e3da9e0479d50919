/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See btf-walk.h.
 *
 * Offsets come from the kernel's BTF and from indices: all sums are checked, and must fit what the
 * kernel's parser takes, a long.
 */
#include "btf-walk.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "btf-type.h"
#include "cleanup.h"
#include "name-distance.h"
#include "registers.h"

/* A name in a message */
enum { SHOWN_MAX = 64 };

static int shown(struct span s)
{
	return (int)(s.n < SHOWN_MAX ? s.n : SHOWN_MAX);
}

char *btf_value_type_text(const struct btf_value *v, char *text, size_t size)
{
	char stars[8] = "";

	for (unsigned int i = 0; i < v->pointers && i + 1 < sizeof(stars); i++)
		stars[i] = '*';
	return btf_type_text(v->btf, v->type, stars, text, size);
}

int btf_value_load(const struct btf_value *v, char text[BTF_FETCH_SIZE])
{
	char number[SPAN_NUMBER_MAX];
	int n;

	if (!v->in_memory) {
		char word[CALL_TEXT_MAX];

		if (v->registers.kind == CALL_NOWHERE)
			n = snprintf(text, BTF_FETCH_SIZE, "%s", v->inner);
		else if (call_place_text(CALL_ARCH_OURS, &v->registers, (unsigned int)(v->bit / 64),
					 word))
			n = snprintf(text, BTF_FETCH_SIZE, "%s", word);
		else
			return -E2BIG;
		return n < BTF_FETCH_SIZE ? 0 : -E2BIG;
	}
	span_number_s64(v->offset, number);
	n = snprintf(text, BTF_FETCH_SIZE, "%c%s%s(%s)", v->offset < 0 ? '-' : '+',
		     v->is_user ? "u" : "", number + (v->offset < 0), v->inner);
	return n < BTF_FETCH_SIZE ? 0 : -E2BIG;
}

bool btf_value_is_pointer(const struct btf_value *v, uint32_t *ret_type, unsigned int *ret_pointers)
{
	const struct btf_type *t;

	if (v->pointers) {
		*ret_type = v->type;
		*ret_pointers = v->pointers - 1;
		return true;
	}
	t = btf_type_strip(v->btf, v->type, NULL);
	if (!t || !btf_is_ptr(t))
		return false;
	*ret_type = t->type;
	*ret_pointers = 0;
	return true;
}

int btf_value_deref(struct btf_value *v)
{
	struct btf_value to = {
		.btf = v->btf,
		.in_memory = true,
		.owner = v->owner,
		.name = v->name,
	};
	int r;

	if (!btf_value_is_pointer(v, &to.type, &to.pointers))
		return -EINVAL;
	r = btf_value_load(v, to.inner);
	if (r < 0)
		return r;
	to.is_user = btf_type_is_user(v->btf, to.type);
	*v = to;
	return 0;
}

static int too_long(int position, struct kp_error *reterr)
{
	return kp_error_definition(reterr, "tooManyOps", position,
				   "the kernel takes 63 characters and 15 steps for one argument",
				   "The path is too deep for the kernel from here on.");
}

bool btf_value_unwrap(struct btf_value *v)
{
	struct btf_place place;

	if (v->pointers || v->bit_size || !btf_member_only(v->btf, v->type, &place) ||
	    place.bit_size || place.bit_offset)
		return false;
	v->type = place.type;
	return true;
}

/* Why nothing is known of the function, where something has to be. */
static int no_prototype(const struct btf_scope *scope, int position, struct kp_error *reterr)
{
	const char *hint = "use a register or $arg1 and a cast: ((struct file *)$arg1)->f_flags";
	const char *of = scope->module ? scope->module : "the kernel";

	if (!scope->function)
		return kp_error_definition(reterr, "noPrototype", position, hint,
					   "At an address no parameters are known.");
	switch (scope->why_none) {
	case -ENOENT:
		return kp_error_definition(
			reterr, "noPrototype", position,
			strchr(scope->function, '.')
				? "the compiler made it from another function and may have changed "
				  "its parameters: use registers, and kprobectl disasm"
				: hint,
			"The types (BTF) of %s have no function %.64s.", of, scope->function);
	case -ENODATA:
		return kp_error_definition(
			reterr, "noBtf", position,
			"without CONFIG_DEBUG_INFO_BTF only registers, $arg1 and memory are to be "
			"had",
			"There are no types (BTF) of %s.", of);
	case -ENOTUNIQ:
		return kp_error_definition(
			reterr, "ambiguousPrototype", position, hint,
			"There are several functions %.64s with different parameters.",
			scope->function);
	case -ENOMEM:
		return -ENOMEM;
	}
	return kp_error_definition(reterr, "badBtf", position, hint,
				   "The types (BTF) of %s cannot be read: %s.", of,
				   strerror(-scope->why_none));
}

static void list_params(const struct btf_prototype *p, char *text, size_t size)
{
	size_t n = (size_t)snprintf(text, size, "parameters: ");

	for (size_t i = 0; i < p->n_params && n < size; i++)
		n += (size_t)snprintf(text + n, size - n, "%s%s", i ? ", " : "", p->params[i].name);
	if (p->n_params == 0)
		snprintf(text, size, "it has no parameters");
}

static int unknown_param(const struct btf_scope *scope, struct span name, int position,
			 struct kp_error *reterr)
{
	const struct btf_prototype *p = scope->prototype;
	struct name_search search = name_search_of(name);
	const char *reg = register_find(name);
	char list[192], hint[256];

	for (size_t i = 0; i < p->n_params; i++)
		name_search_try(&search, p->params[i].name);
	list_params(p, list, sizeof(list));
	if (search.best)
		snprintf(hint, sizeof(hint), "did you mean %.40s? %s", search.best, list);
	else if (reg)
		snprintf(hint, sizeof(hint), "registers have a %% in front: %%%s; %s", reg, list);
	else
		snprintf(hint, sizeof(hint), "%s", list);
	return kp_error_definition(reterr, "unknownParameter", position, hint,
				   "%.64s has no parameter \"%.*s\".", scope->function, shown(name),
				   name.p);
}

/*
 * At return the registers are long used for other things. A kernel from 6.9 on keeps $argN from the
 * entry; it counts registers, so each in front must take up one.
 */
static int place_at_return(const struct btf_scope *scope, size_t i, int position,
			   struct btf_value *v, struct kp_error *reterr)
{
	const struct btf_prototype *p = scope->prototype;
	bool is_simple = btf_store_keeps_arguments(scope->store);

	for (size_t j = 0; j <= i && is_simple; j++)
		is_simple = p->params[j].place.kind == CALL_REGISTERS &&
			    p->params[j].place.n == 1 && p->params[j].place.first == j &&
			    !p->params[j].place.is_reference;
	if (is_simple) {
		snprintf(v->inner, sizeof(v->inner), "$arg%zu", i + 1);
		return 0;
	}
	kp_error_set(
		reterr, KP_HELPER_REQUIRED, EOPNOTSUPP, "entryArguments",
		btf_store_keeps_arguments(scope->store)
			? "At its return a function's arguments are there only if they lie in "
			  "registers."
			: "At its return a function's arguments are gone, and this kernel does "
			  "not keep them (6.9 and later do).");
	if (reterr && reterr->code == KP_HELPER_REQUIRED && reterr->reason[0] == '\0') {
		reterr->position = position;
		snprintf(reterr->reason, sizeof(reterr->reason), "helperRequired");
		snprintf(reterr->hint, sizeof(reterr->hint),
			 "a probe at the entry (p) has them; a return probe has $retval");
	}
	return -EOPNOTSUPP;
}

int btf_value_of_param(const struct btf_scope *scope, size_t i, int position, struct btf_value *ret,
		       struct kp_error *reterr)
{
	const struct btf_argument *param = &scope->prototype->params[i];
	struct btf_value v = {
		.btf = scope->prototype->btf,
		.type = param->type,
		.name = span_of(param->name),
	};
	const struct call_place *place = &param->place;

	if (scope->is_return) {
		int r = place_at_return(scope, i, position, &v, reterr);

		if (r == 0)
			*ret = v;
		return r;
	}
	if (place->kind == CALL_NOWHERE)
		return kp_error_definition(reterr, "noPlace", position, NULL,
					   "\"%.64s\" takes no room that could be fetched.",
					   param->name);
	if (place->is_reference) {
		call_place_text(CALL_ARCH_OURS, place, 0, v.inner);
		v.in_memory = true;
	} else if (place->kind == CALL_STACK) {
		snprintf(v.inner, sizeof(v.inner), "%%sp");
		v.offset = (int64_t)place->offset;
		v.in_memory = true;
	} else {
		v.registers = *place;
	}
	*ret = v;
	return 0;
}

static int base_of_variable(const struct btf_scope *scope, const struct btf_expr *e,
			    struct btf_value *ret, struct kp_error *reterr)
{
	struct btf_value v = {.btf = scope->btf, .name = span_from(e->base, 1)};
	uint64_t n;

	if (span_is(e->base, "$retval")) {
		if (!scope->is_return)
			return kp_error_definition(
				reterr, "retvalOnProbe", e->base_position,
				"make it a return probe: r in place of p, or SYMBOL%return",
				"$retval is there only in a return probe on a symbol.");
		snprintf(v.inner, sizeof(v.inner), "$retval");
		if (scope->prototype) {
			v.btf = scope->prototype->btf;
			v.type = scope->prototype->result;
		}
		*ret = v;
		return 0;
	}
	if (!span_starts(e->base, "$arg") || span_to_u64(span_from(e->base, 4), 10, &n) < 0)
		return kp_error_definition(reterr, "badVar", e->base_position,
					   "variables that have members: $arg1 and on, $retval",
					   "There is no variable \"%.*s\".", shown(e->base),
					   e->base.p);
	if (!scope->is_entry)
		return kp_error_definition(
			reterr, "nofentryArgs", e->base_position,
			"probe the function's start (a symbol without offset), or use a register",
			"Arguments are there only where a function is entered.");
	if (scope->prototype) {
		if (n == 0 || n > scope->prototype->n_params)
			return kp_error_definition(reterr, "badArgNum", e->base_position,
						   "$arg1 is the first argument",
						   "%.64s has no argument %" PRIu64 ".",
						   scope->function, n);
		return btf_value_of_param(scope, n - 1, e->base_position, ret, reterr);
	}
	if (n == 0 || n > call_registers(CALL_ARCH_OURS))
		return no_prototype(scope, e->base_position, reterr);
	snprintf(v.inner, sizeof(v.inner), "$arg%u", (unsigned int)n);
	*ret = v;
	return 0;
}

static int base_of_register(const struct btf_scope *scope, const struct btf_expr *e,
			    struct btf_value *ret, struct kp_error *reterr)
{
	struct btf_value v = {.btf = scope->btf, .name = span_from(e->base, 1)};
	const char *reg = register_find(v.name);
	char hint[96] = "";

	if (!reg) {
		if (register_nearest(v.name))
			snprintf(hint, sizeof(hint), "did you mean %%%s?",
				 register_nearest(v.name));
		return kp_error_definition(reterr, "badRegName", e->base_position, hint,
					   "There is no register \"%.*s\".", shown(v.name),
					   v.name.p);
	}
	snprintf(v.inner, sizeof(v.inner), "%%%s", reg);
	*ret = v;
	return 0;
}

static int find_base(const struct btf_scope *scope, const struct btf_expr *e, struct btf_value *ret,
		     struct kp_error *reterr)
{
	if (e->base.p[0] == '$')
		return base_of_variable(scope, e, ret, reterr);
	if (e->base.p[0] == '%')
		return base_of_register(scope, e, ret, reterr);
	if (!scope->prototype)
		return no_prototype(scope, e->base_position, reterr);
	if (!scope->is_entry)
		return kp_error_definition(
			reterr, "nofentryArgs", e->base_position,
			"probe the function's start, or cast a register: ((struct file "
			"*)%di)->f_flags",
			"Parameters are there only where a function is entered.");
	for (size_t i = 0; i < scope->prototype->n_params; i++)
		if (span_is(e->base, scope->prototype->params[i].name))
			return btf_value_of_param(scope, i, e->base_position, ret, reterr);
	return unknown_param(scope, e->base, e->base_position, reterr);
}

/* A walk along the steps of an expression */
struct walk {
	const struct btf_scope *scope;
	const struct btf_expr *e;
	struct btf_value v;
	struct kp_error *reterr;
};

static int add_bytes(struct walk *w, int64_t bytes, int position)
{
	if (!w->v.in_memory) {
		if (bytes < 0)
			return too_long(position, w->reterr);
		w->v.bit += (uint64_t)bytes * 8;
		return 0;
	}
	if (__builtin_add_overflow(w->v.offset, bytes, &w->v.offset))
		return kp_error_definition(w->reterr, "indexOutOfRange", position, NULL,
					   "The offset is larger than the address space.");
	return 0;
}

static int no_type(struct walk *w, const struct btf_step *step)
{
	return kp_error_definition(w->reterr, "noType", step->operator_position,
				   "cast it: ((struct file *)%di)->f_flags",
				   "The type of \"%.*s\" is not known.", shown(w->v.name),
				   w->v.name.p);
}

/* A bitfield, or a value that is no pointer, has nothing behind it. */
static int follow(struct walk *w, int position)
{
	char text[BTF_TEXT_MAX];
	uint32_t type;
	unsigned int pointers;
	int r;

	if (w->v.bit_size || !btf_value_is_pointer(&w->v, &type, &pointers))
		return kp_error_definition(w->reterr, "notAPointer", position, NULL,
					   "\"%.*s\" is no pointer but \"%.80s\".",
					   shown(w->v.name), w->v.name.p,
					   btf_value_type_text(&w->v, text, sizeof(text)));
	r = btf_value_deref(&w->v);
	return r < 0 ? too_long(position, w->reterr) : 0;
}

static int unknown_member(struct walk *w, const struct btf_step *step)
{
	const char *nearest = btf_member_nearest(w->v.btf, w->v.type, step->name);
	char list[160], hint[256], text[BTF_TEXT_MAX];

	btf_member_list(w->v.btf, w->v.type, list, sizeof(list));
	if (nearest)
		snprintf(hint, sizeof(hint), "did you mean %.64s? members: %s", nearest, list);
	else
		snprintf(hint, sizeof(hint), "members: %s", list);
	return kp_error_definition(w->reterr, "unknownMember", step->position, hint,
				   "\"%.80s\" has no member \"%.*s\".",
				   btf_value_type_text(&w->v, text, sizeof(text)),
				   shown(step->name), step->name.p);
}

static int enter_member(struct walk *w, const struct btf_step *step)
{
	const struct btf_type *t = btf_type_strip(w->v.btf, w->v.type, NULL);
	struct btf_place place;
	char text[BTF_TEXT_MAX];
	int r;

	if (!w->v.pointers && t && btf_is_fwd(t))
		return kp_error_definition(
			w->reterr, "incompleteType", step->position,
			"its members are private to the file or module that has them",
			"The members of \"%.80s\" are not known here.",
			btf_value_type_text(&w->v, text, sizeof(text)));
	if (w->v.pointers || !t || !btf_is_composite(t))
		return kp_error_definition(
			w->reterr, "notAStruct", step->operator_position,
			!t && !w->v.pointers ? "cast it: ((struct file *)data)->f_flags" : NULL,
			"\"%.*s\" has no members, it is \"%.80s\".", shown(w->v.name), w->v.name.p,
			btf_value_type_text(&w->v, text, sizeof(text)));
	if (!btf_member_find(w->v.btf, w->v.type, step->name, &place))
		return unknown_member(w, step);
	w->v.owner = span_of(btf_type_name(w->v.btf, t));
	w->v.name = step->name;
	w->v.type = place.type;
	w->v.bit_size = place.bit_size;
	r = add_bytes(w, (int64_t)(place.bit_offset / 8), step->position);
	if (place.bit_size && w->v.in_memory)
		w->v.bit = place.bit_offset % 8;
	else if (!w->v.in_memory)
		w->v.bit += place.bit_offset % 8;
	return r;
}

static int step_member(struct walk *w, const struct btf_step *step)
{
	bool is_arrow = step->kind == BTF_STEP_ARROW, is_pointer;
	const struct btf_type *t;
	char hint[128];
	uint32_t type;
	unsigned int pointers;
	int r;

	if (w->v.type == 0 && w->v.pointers == 0)
		return no_type(w, step);
	is_pointer = w->v.is_address ||
		     (!w->v.bit_size && btf_value_is_pointer(&w->v, &type, &pointers));
	t = is_pointer ? NULL : btf_type_strip(w->v.btf, w->v.type, NULL);
	snprintf(hint, sizeof(hint), "write %.*s%s%.*s", shown(w->v.name), w->v.name.p,
		 is_arrow ? "." : "->", shown(step->name), step->name.p);
	if (!is_arrow && is_pointer)
		return kp_error_definition(w->reterr, "isAPointer", step->operator_position, hint,
					   "\"%.*s\" is a pointer.", shown(w->v.name), w->v.name.p);
	if (is_arrow && t && btf_is_composite(t))
		return kp_error_definition(w->reterr, "notAPointer", step->operator_position, hint,
					   "\"%.*s\" is no pointer.", shown(w->v.name),
					   w->v.name.p);
	if (w->v.is_address)
		w->v.is_address = false;
	else if (is_arrow && t && btf_is_array(t))
		w->v.type = btf_array(t)->type;
	else if (is_arrow) {
		r = follow(w, step->operator_position);
		if (r < 0)
			return r;
	}
	return enter_member(w, step);
}

static int step_index(struct walk *w, const struct btf_step *step)
{
	const struct btf_type *t = btf_type_strip(w->v.btf, w->v.type, NULL);
	uint64_t size;
	int64_t bytes;
	int r;

	if (w->v.is_address) {
		w->v.is_address = false;
	} else if (w->v.pointers == 0 && t && btf_is_array(t)) {
		/* The last member of a struct has as many as were allocated. */
		if (btf_array(t)->nelems && step->index >= btf_array(t)->nelems)
			return kp_error_definition(
				w->reterr, "indexOutOfRange", step->position, NULL,
				"\"%.*s\" has %u elements, the last one is [%u].", shown(w->v.name),
				w->v.name.p, btf_array(t)->nelems, btf_array(t)->nelems - 1);
		w->v.type = btf_array(t)->type;
	} else {
		if (w->v.type == 0 && w->v.pointers == 0)
			return no_type(w, step);
		r = follow(w, step->operator_position);
		if (r < 0)
			return r;
	}
	size = w->v.pointers ? 8 : btf_type_size(w->v.btf, w->v.type);
	if (size == 0)
		return kp_error_definition(w->reterr, "incompleteType", step->operator_position,
					   "cast it: ((u32 *)data)[3]",
					   "How large an element of \"%.*s\" is, is not known.",
					   shown(w->v.name), w->v.name.p);
	if (__builtin_mul_overflow(size, step->index, &bytes))
		return kp_error_definition(w->reterr, "indexOutOfRange", step->position, NULL,
					   "The index is larger than the address space.");
	return add_bytes(w, bytes, step->position);
}

static int step_deref(struct walk *w, const struct btf_step *step)
{
	const struct btf_type *t = btf_type_strip(w->v.btf, w->v.type, NULL);

	if (w->v.is_address) {
		w->v.is_address = false;
		return 0;
	}
	if (w->v.pointers == 0 && t && btf_is_array(t)) {
		w->v.type = btf_array(t)->type;
		return 0;
	}
	return follow(w, step->position);
}

static uint32_t kinds_of(struct span keyword)
{
	if (span_is(keyword, "struct"))
		return 1U << BTF_KIND_STRUCT;
	if (span_is(keyword, "union"))
		return 1U << BTF_KIND_UNION;
	if (span_is(keyword, "enum"))
		return 1U << BTF_KIND_ENUM | 1U << BTF_KIND_ENUM64;
	return 1U << BTF_KIND_TYPEDEF | 1U << BTF_KIND_INT;
}

/* C has many names for a number, BTF has one of them (as the compiler writes it). */
static const char *canonical(const char *name)
{
	static const struct {
		const char *written, *known;
	} names[] = {
		{"unsigned", "unsigned int"},
		{"long", "long int"},
		{"unsigned long", "long unsigned int"},
		{"unsigned long int", "long unsigned int"},
		{"long unsigned", "long unsigned int"},
		{"long long", "long long int"},
		{"unsigned long long", "long long unsigned int"},
		{"short", "short int"},
		{"unsigned short", "short unsigned int"},
		{"bool", "_Bool"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(names[i].written, name) == 0)
			return names[i].known;
	return name;
}

static int find_type(struct walk *w, const struct btf_type_name *written, uint32_t *ret)
{
	uint32_t kinds = kinds_of(written->keyword), id = 0;
	char name[128] = "", hint[192] = "";
	const char *similar = NULL;
	const struct btf *btf = w->scope->btf;

	if (!btf)
		return no_prototype(w->scope, written->position, w->reterr);
	if (span_is(written->name, "void") && written->keyword.n == 0) {
		*ret = 0;
		return 0;
	}
	if (written->name.n < sizeof(name)) {
		memcpy(name, written->name.p, written->name.n);
		id = btf_store_find(w->scope->store, btf, canonical(name), kinds);
		/* "bool" is a typedef in the kernel, _Bool in itself. */
		if (id == 0)
			id = btf_store_find(w->scope->store, btf, name, kinds);
	}
	if (id) {
		*ret = id;
		return 0;
	}
	if (written->keyword.n == 0 && name[0] &&
	    btf_store_find(w->scope->store, btf, name, 1U << BTF_KIND_STRUCT))
		snprintf(hint, sizeof(hint), "write struct %s", name);
	else if (name[0])
		similar = btf_store_similar(w->scope->store, btf, name, kinds);
	if (similar)
		snprintf(hint, sizeof(hint), "did you mean %.64s?", similar);
	return kp_error_definition(w->reterr, "unknownType", written->position, hint,
				   "There is no type \"%.*s%s%.*s\" in the kernel's types (BTF).",
				   shown(written->keyword), written->keyword.p,
				   written->keyword.n ? " " : "", shown(written->name),
				   written->name.p);
}

static int step_cast(struct walk *w, const struct btf_step *step)
{
	const struct btf_type *t = btf_type_strip(w->v.btf, w->v.type, NULL);
	struct btf_value v = w->v;
	uint64_t size, old;
	int r;

	if (v.is_address || (v.pointers == 0 && t && (btf_is_composite(t) || btf_is_array(t))))
		return kp_error_definition(w->reterr, "notAPointer", step->position,
					   "only pointers and numbers can be cast",
					   "\"%.*s\" is no pointer and no number.", shown(v.name),
					   v.name.p);
	r = find_type(w, &step->type, &v.type);
	if (r < 0)
		return r;
	v.btf = w->scope->btf;
	v.pointers = step->type.pointers;
	old = w->v.pointers || w->v.type == 0 ? 8 : btf_type_size(w->v.btf, w->v.type);
	size = v.pointers ? 8 : btf_type_size(v.btf, v.type);
	t = v.pointers ? NULL : btf_type_strip(v.btf, v.type, NULL);
	if (v.bit_size || size == 0 || size > old || (t && btf_is_composite(t)))
		return kp_error_definition(w->reterr, "badCast", step->position,
					   "a cast makes a pointer of a pointer or of a long",
					   "\"%.*s\" cannot be cast to this.", shown(v.name),
					   v.name.p);
	w->v = v;
	return 0;
}

/* The steps between CONTAINER and its END lead from the struct's start to what is pointed to. */
static int step_container(struct walk *w, size_t *i)
{
	const struct btf_step *step = &w->e->steps[*i];
	struct walk inner = *w;
	int r;

	r = w->v.is_address ? 0 : follow(w, step->position);
	if (r < 0)
		return r;
	inner.v = (struct btf_value){.btf = w->scope->btf, .in_memory = true};
	r = find_type(w, &step->type, &inner.v.type);
	if (r == 0 && step->type.pointers)
		return kp_error_definition(w->reterr, "notAStruct", step->type.position,
					   "container_of(pointer, struct type, member)",
					   "container_of's type is a struct, not a pointer.");
	w->v.btf = w->scope->btf;
	w->v.type = inner.v.type;
	w->v.pointers = 0;
	for (++*i; r == 0 && w->e->steps[*i].kind != BTF_STEP_CONTAINER_END; ++*i) {
		const struct btf_step *s = &w->e->steps[*i];

		if (inner.v.name.p == NULL)
			inner.v.name = step->type.name;
		r = s->kind == BTF_STEP_INDEX ? step_index(&inner, s) : step_member(&inner, s);
	}
	if (r < 0)
		return r;
	if (inner.v.inner[0] || inner.v.bit_size)
		return kp_error_definition(w->reterr, "notAStruct", step->position, NULL,
					   "container_of's member is not inside the struct.");
	w->v.name = step->type.name;
	w->v.is_address = true;
	return add_bytes(w, -inner.v.offset, step->position);
}

static int take_step(struct walk *w, size_t *i)
{
	const struct btf_step *step = &w->e->steps[*i];

	switch (step->kind) {
	case BTF_STEP_ARROW:
	case BTF_STEP_DOT:
		return step_member(w, step);
	case BTF_STEP_INDEX:
		return step_index(w, step);
	case BTF_STEP_DEREF:
		return step_deref(w, step);
	case BTF_STEP_CAST:
		return step_cast(w, step);
	case BTF_STEP_CONTAINER:
		return step_container(w, i);
	case BTF_STEP_CONTAINER_END:
		break;
	}
	return 0;
}

int btf_value_of_expr(const struct btf_scope *scope, const struct btf_expr *e,
		      struct btf_value *ret, struct kp_error *reterr)
{
	struct walk w = {.scope = scope, .e = e, .reterr = reterr};
	int r;

	r = find_base(scope, e, &w.v, reterr);
	for (size_t i = 0; i < e->n_steps && r == 0; i++)
		r = take_step(&w, &i);
	if (r == 0)
		*ret = w.v;
	return r;
}
