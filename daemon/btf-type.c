/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See btf-type.h. */
#include "btf-type.h"

#include <stdio.h>
#include <string.h>

#include "name-distance.h"

/* Members looked at in one search: the kernel's largest struct has some hundreds, and is not deep.
 */
enum { MEMBERS_MAX = 16384 };

static bool is_reference(const struct btf_type *t)
{
	return btf_is_mod(t) || btf_is_typedef(t);
}

const char *btf_type_name(const struct btf *btf, const struct btf_type *t)
{
	const char *name = t ? btf__name_by_offset(btf, t->name_off) : NULL;

	return name ? name : "";
}

const struct btf_type *btf_type_strip(const struct btf *btf, uint32_t id, uint32_t *ret_id)
{
	for (int depth = 0; depth < BTF_DEPTH_MAX; depth++) {
		const struct btf_type *t = id ? btf__type_by_id(btf, id) : NULL;

		if (!t)
			return NULL;
		if (!is_reference(t)) {
			if (ret_id)
				*ret_id = id;
			return t;
		}
		id = t->type;
	}
	return NULL;
}

bool btf_type_is_called(const struct btf *btf, uint32_t id, const char *name)
{
	for (int depth = 0; depth < BTF_DEPTH_MAX; depth++) {
		const struct btf_type *t = id ? btf__type_by_id(btf, id) : NULL;

		if (!t || !is_reference(t))
			return false;
		if (btf_is_typedef(t) && strcmp(btf_type_name(btf, t), name) == 0)
			return true;
		id = t->type;
	}
	return false;
}

bool btf_type_is_user(const struct btf *btf, uint32_t id)
{
	for (int depth = 0; depth < BTF_DEPTH_MAX; depth++) {
		const struct btf_type *t = id ? btf__type_by_id(btf, id) : NULL;

		if (!t || !is_reference(t))
			return false;
		if (btf_is_type_tag(t) && strcmp(btf_type_name(btf, t), "user") == 0)
			return true;
		id = t->type;
	}
	return false;
}

bool btf_type_is_char(const struct btf *btf, uint32_t id)
{
	const struct btf_type *t = btf_type_strip(btf, id, NULL);

	return t && btf_is_int(t) && t->size == 1 && strcmp(btf_type_name(btf, t), "char") == 0;
}

uint64_t btf_type_size(const struct btf *btf, uint32_t id)
{
	uint64_t n = 1;

	for (int depth = 0; depth < BTF_DEPTH_MAX; depth++) {
		const struct btf_type *t = btf_type_strip(btf, id, NULL);

		if (!t)
			return 0;
		switch (btf_kind(t)) {
		case BTF_KIND_INT:
		case BTF_KIND_FLOAT:
		case BTF_KIND_ENUM:
		case BTF_KIND_ENUM64:
		case BTF_KIND_STRUCT:
		case BTF_KIND_UNION:
			return __builtin_mul_overflow(n, (uint64_t)t->size, &n) ? 0 : n;
		case BTF_KIND_PTR:
			return __builtin_mul_overflow(n, (uint64_t)8, &n) ? 0 : n;
		case BTF_KIND_ARRAY:
			if (__builtin_mul_overflow(n, (uint64_t)btf_array(t)->nelems, &n))
				return 0;
			id = btf_array(t)->type;
			break;
		default:
			return 0;
		}
	}
	return 0;
}

/* The alignment of what is no struct: that of its size. */
static unsigned int scalar_align(uint64_t size)
{
	return size >= 16 ? 16 : size >= 8 ? 8 : size >= 4 ? 4 : size >= 2 ? 2 : 1;
}

/* The element of an array, or the type itself */
static uint32_t element_of(const struct btf *btf, uint32_t id)
{
	for (int depth = 0; depth < BTF_DEPTH_MAX; depth++) {
		const struct btf_type *t = btf_type_strip(btf, id, &id);

		if (!t || !btf_is_array(t))
			break;
		id = btf_array(t)->type;
	}
	return id;
}

/*
 * Alignment and packedness of a struct that is passed by value. BTF has neither: they follow from
 * the members. One level of members inside members is enough for what 16 bytes can hold, but goes
 * on as deep as it must.
 */
static void look_at_members(const struct btf *btf, uint32_t id, uint64_t base, int depth,
			    unsigned int *budget, struct call_param *p)
{
	const struct btf_type *t = btf_type_strip(btf, id, NULL);
	const struct btf_member *m;

	if (!t || !btf_is_composite(t) || depth == BTF_DEPTH_MAX)
		return;
	m = btf_members(t);
	for (unsigned int i = 0; i < btf_vlen(t); i++) {
		uint64_t offset = base + btf_member_bit_offset(t, i);
		uint32_t element = element_of(btf, m[i].type);
		const struct btf_type *e = btf_type_strip(btf, element, NULL);
		unsigned int align;

		/* Damaged types have structs that hold themselves, in two members each. */
		if (*budget == 0)
			return;
		--*budget;
		if (btf_member_bitfield_size(t, i))
			continue;
		if (e && btf_is_composite(e)) {
			/* What is larger than this lies in memory, whatever it has. */
			if (p->size <= 16)
				look_at_members(btf, element, offset, depth + 1, budget, p);
			continue;
		}
		align = scalar_align(btf_type_size(btf, element));
		if (align > p->align)
			p->align = align;
		if (offset % (8 * align))
			p->is_packed = true;
	}
}

struct call_param btf_type_call(const struct btf *btf, uint32_t id)
{
	const struct btf_type *t = btf_type_strip(btf, id, NULL);
	struct call_param p = {.size = btf_type_size(btf, id), .align = 1};
	unsigned int budget = MEMBERS_MAX;

	if (!t)
		return (struct call_param){.size = 0};
	p.is_float = btf_is_float(t);
	p.is_struct = btf_is_composite(t);
	if (p.is_struct)
		look_at_members(btf, id, 0, 0, &budget, &p);
	else
		p.align = scalar_align(p.size);
	if (p.size > 16 && p.align < 8)
		p.align = 8;
	return p;
}

/* Looks through a struct, and what is anonymous in it; @found decides what with each named one. */
struct member_walk {
	const struct btf *btf;
	bool (*found)(struct member_walk *w, const char *name, const struct btf_place *place);
	struct span name;
	struct btf_place *place;
	struct name_search search;
	char *text;
	size_t size, length, n;
	unsigned int visited;
	bool is_found;
};

/* True: stop. */
static bool walk_members(struct member_walk *w, uint32_t id, uint64_t base, int depth)
{
	const struct btf_type *t = btf_type_strip(w->btf, id, NULL);
	const struct btf_member *m;

	if (!t || !btf_is_composite(t) || depth == BTF_DEPTH_MAX)
		return false;
	m = btf_members(t);
	for (unsigned int i = 0; i < btf_vlen(t); i++) {
		const char *name = btf__name_by_offset(w->btf, m[i].name_off);
		struct btf_place place = {
			.type = m[i].type,
			.bit_offset = base + btf_member_bit_offset(t, i),
			.bit_size = btf_member_bitfield_size(t, i),
		};

		if (w->visited++ == MEMBERS_MAX)
			return true;
		if (name && name[0] != '\0') {
			if (w->found(w, name, &place))
				return true;
		} else if (walk_members(w, m[i].type, place.bit_offset, depth + 1)) {
			return true;
		}
	}
	return false;
}

static bool match_member(struct member_walk *w, const char *name, const struct btf_place *place)
{
	if (!span_is(w->name, name))
		return false;
	*w->place = *place;
	w->is_found = true;
	return true;
}

bool btf_member_find(const struct btf *btf, uint32_t id, struct span name, struct btf_place *ret)
{
	struct member_walk w = {btf, match_member, .name = name, .place = ret};

	walk_members(&w, id, 0, 0);
	return w.is_found;
}

bool btf_member_only(const struct btf *btf, uint32_t id, struct btf_place *ret)
{
	const struct btf_type *t = btf_type_strip(btf, id, NULL);

	if (!t || !btf_is_composite(t) || btf_vlen(t) != 1)
		return false;
	*ret = (struct btf_place){
		.type = btf_members(t)[0].type,
		.bit_offset = btf_member_bit_offset(t, 0),
		.bit_size = btf_member_bitfield_size(t, 0),
	};
	return true;
}

static bool compare_member(struct member_walk *w, const char *name, const struct btf_place *place)
{
	name_search_try(&w->search, name);
	return false;
}

const char *btf_member_nearest(const struct btf *btf, uint32_t id, struct span name)
{
	struct member_walk w = {btf, compare_member, .search = name_search_of(name)};

	walk_members(&w, id, 0, 0);
	return w.search.best;
}

enum { LISTED_MAX = 12 };

static bool list_member(struct member_walk *w, const char *name, const struct btf_place *place)
{
	size_t room = w->size - w->length, need = strlen(name) + 2;

	if (w->n == LISTED_MAX || need + 5 > room) {
		snprintf(w->text + w->length, room, ", ...");
		return true;
	}
	w->length += (size_t)snprintf(w->text + w->length, room, "%s%s", w->n ? ", " : "", name);
	w->n++;
	return false;
}

void btf_member_list(const struct btf *btf, uint32_t id, char *text, size_t size)
{
	struct member_walk w = {btf, list_member, .text = text, .size = size};

	text[0] = '\0';
	walk_members(&w, id, 0, 0);
}
