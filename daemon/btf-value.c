/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What can be asked of a value, and of what it points to: see btf-walk.h. */
#include <errno.h>
#include <stdio.h>

#include "btf-type.h"
#include "btf-walk.h"

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
bool btf_value_unwrap(struct btf_value *v)
{
	struct btf_place place;

	if (v->pointers || v->bit_size || !btf_member_only(v->btf, v->type, &place) ||
	    place.bit_size || place.bit_offset)
		return false;
	v->type = place.type;
	return true;
}
