/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Looking at types: what is behind a typedef, where a member lies, how a type is written in C.
 *
 * Pure, over libbpf's btf. Nothing here trusts the numbers in it: chains of references are followed
 * BTF_DEPTH_MAX times, anonymous members entered as deep.
 */
#ifndef KP_BTF_TYPE_H
#define KP_BTF_TYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <bpf/btf.h>

#include "calling.h"
#include "span.h"

#define BTF_DEPTH_MAX 32

/* As much of a type or declaration as a message or a prototype shows. */
#define BTF_TEXT_MAX 256

/* The type @id without typedefs, const, volatile, restrict and tags; NULL: void, or damaged. */
const struct btf_type *btf_type_strip(const struct btf *btf, uint32_t id, uint32_t *ret_id);

/* Its name; "" when it has none. Borrowed. */
const char *btf_type_name(const struct btf *btf, const struct btf_type *t);

/* Bytes; 0: unknown, incomplete or none. */
uint64_t btf_type_size(const struct btf *btf, uint32_t id);

/* What the calling convention has to know of it. */
struct call_param btf_type_call(const struct btf *btf, uint32_t id);

/* Whether one of the typedefs on the way to the type @id is called @name. */
bool btf_type_is_called(const struct btf *btf, uint32_t id, const char *name);

/* Whether it is a char, signedness aside, and not a number of 8 bits (u8, unsigned char). */
bool btf_type_is_char(const struct btf *btf, uint32_t id);

/* Whether there is a "user" tag on the way to the type @id: kernels whose compiler writes it. */
bool btf_type_is_user(const struct btf *btf, uint32_t id);

struct btf_place {
	uint32_t type;
	uint64_t bit_offset;   /* from the struct's start */
	unsigned int bit_size; /* of a bitfield; 0: it is none */
};

/*
 * The member @name of the struct or union @id, in anonymous ones inside as well. False: it has
 * none.
 */
bool btf_member_find(const struct btf *btf, uint32_t id, struct span name, struct btf_place *ret);

/* The only member of @id, when it has one and no more. */
bool btf_member_only(const struct btf *btf, uint32_t id, struct btf_place *ret);

/* The member whose name is most like @name, borrowed; NULL: none is. */
const char *btf_member_nearest(const struct btf *btf, uint32_t id, struct span name);

/* The first few members' names into @text: "f_mode, f_op, f_inode, ..." */
void btf_member_list(const struct btf *btf, uint32_t id, char *text, size_t size);

/*
 * Declares @name ("" for the type alone) as @id, as it is written in C; cut off to @size. Returns
 * @text.
 */
char *btf_type_text(const struct btf *btf, uint32_t id, const char *name, char *text, size_t size);

#endif
