/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See btf-walk.h.
 *
 * Offsets come from the kernel's BTF and from indices: all sums are checked, and must fit what the
 * kernel's parser takes, a long.
 */
#include "btf-walk.h"

#include <stdio.h>

#include "btf-name.h"
#include "btf-type.h"

static int too_long(int position, struct kp_error *reterr)
{
	return kp_error_definition(reterr, "tooManyOps", position,
				   "the kernel takes 63 characters and 15 steps for one argument",
				   "The path is too deep for the kernel from here on.");
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
				   "The type of \"%.*s\" is not known.", btf_name_shown(w->v.name),
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
					   btf_name_shown(w->v.name), w->v.name.p,
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
				   btf_name_shown(step->name), step->name.p);
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
			"\"%.*s\" has no members, it is \"%.80s\".", btf_name_shown(w->v.name),
			w->v.name.p, btf_value_type_text(&w->v, text, sizeof(text)));
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
	snprintf(hint, sizeof(hint), "write %.*s%s%.*s", btf_name_shown(w->v.name), w->v.name.p,
		 is_arrow ? "." : "->", btf_name_shown(step->name), step->name.p);
	if (!is_arrow && is_pointer)
		return kp_error_definition(w->reterr, "isAPointer", step->operator_position, hint,
					   "\"%.*s\" is a pointer.", btf_name_shown(w->v.name),
					   w->v.name.p);
	if (is_arrow && t && btf_is_composite(t))
		return kp_error_definition(w->reterr, "notAPointer", step->operator_position, hint,
					   "\"%.*s\" is no pointer.", btf_name_shown(w->v.name),
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
				"\"%.*s\" has %u elements, the last one is [%u].",
				btf_name_shown(w->v.name), w->v.name.p, btf_array(t)->nelems,
				btf_array(t)->nelems - 1);
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
					   btf_name_shown(w->v.name), w->v.name.p);
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

static int step_cast(struct walk *w, const struct btf_step *step)
{
	const struct btf_type *t = btf_type_strip(w->v.btf, w->v.type, NULL);
	struct btf_value v = w->v;
	uint64_t size, old;
	int r;

	if (v.is_address || (v.pointers == 0 && t && (btf_is_composite(t) || btf_is_array(t))))
		return kp_error_definition(w->reterr, "notAPointer", step->position,
					   "only pointers and numbers can be cast",
					   "\"%.*s\" is no pointer and no number.",
					   btf_name_shown(v.name), v.name.p);
	r = btf_name_find_type(w->scope, &step->type, &v.type, w->reterr);
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
					   "\"%.*s\" cannot be cast to this.",
					   btf_name_shown(v.name), v.name.p);
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
	r = btf_name_find_type(w->scope, &step->type, &inner.v.type, w->reterr);
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

	r = btf_name_find_base(scope, e, &w.v, reterr);
	for (size_t i = 0; i < e->n_steps && r == 0; i++)
		r = take_step(&w, &i);
	if (r == 0)
		*ret = w.v;
	return r;
}
