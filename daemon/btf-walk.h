/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From a typed expression to where its value lies: each step of it is one more offset, or one more
 * dereference.
 */
#ifndef KP_BTF_WALK_H
#define KP_BTF_WALK_H

#include <stdbool.h>
#include <stdint.h>

#include <bpf/btf.h>

#include "btf-expr.h"
#include "btf-store.h"
#include "calling.h"
#include "error.h"
#include "probe-spec.h"

/* What an expression is about. */
struct btf_scope {
	struct btf_store *store;
	const struct btf *btf; /* types that casts are looked up in; NULL: there are none */
	const struct btf_prototype *prototype; /* NULL: not known */
	int why_none;			       /* the errno of looking for it */
	const char *function, *module;	       /* NULL: an address; the kernel */
	bool is_entry;			       /* where the function is entered */
	bool is_return;
	bool is_call; /* both: parameters as at the entry, and $retval */
};

/* Room for a fetch argument's body */
#define BTF_FETCH_SIZE (PROBE_ARG_STRING_MAX + 1)

/*
 * A value, or what takes up room but is no value, such as a struct. It lies in memory, @offset
 * bytes from the address that @inner fetches, or in registers.
 */
struct btf_value {
	const struct btf *btf;
	uint32_t type;		    /* 0: void */
	unsigned int pointers;	    /* to @type, from a cast; 0: it is of @type itself */
	char inner[BTF_FETCH_SIZE]; /* "%di", "+8(%di)" */
	bool is_address;	    /* stands for its own address: what container_of() gives */
	bool in_memory;
	bool is_user;	       /* memory of a program */
	int64_t offset;	       /* in memory: bytes */
	uint64_t bit;	       /* where it starts: in registers all of it, of a bitfield the rest */
	unsigned int bit_size; /* of a bitfield; 0: it is none */
	struct call_place
		registers; /* not in memory: of the argument, kind CALL_NOWHERE: only @inner */
	struct span owner; /* of the last member: its struct's name; borrowed */
	struct span name;  /* of the last member, or of the parameter */
};

/* Fills @ret with parameter @i of the scope's prototype. 0, or -errno with @reterr at @position. */
int btf_value_of_param(const struct btf_scope *scope, size_t i, int position, struct btf_value *ret,
		       struct kp_error *reterr);

/* Fills @ret with what the expression means. 0 or -errno with @reterr. */
int btf_value_of_expr(const struct btf_scope *scope, const struct btf_expr *e,
		      struct btf_value *ret, struct kp_error *reterr);

/* "+8(%di)": the value itself, of 8 bytes at most and no bitfield. -E2BIG when it is too long. */
int btf_value_load(const struct btf_value *v, char text[BTF_FETCH_SIZE]);

/* What it points to, which is then in memory. 0 or -E2BIG. */
int btf_value_deref(struct btf_value *v);

/* Whether it is a pointer, and the type it points to (0: void). */
bool btf_value_is_pointer(const struct btf_value *v, uint32_t *ret_type,
			  unsigned int *ret_pointers);

/* A struct's only member in place of the struct; false when it has several, or is no struct. */
bool btf_value_unwrap(struct btf_value *v);

/* The type as it is written in C. */
char *btf_value_type_text(const struct btf_value *v, char *text, size_t size);

#endif
