/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The Varlink interface language: a text to an immutable tree.
 *
 * The language is that of https://varlink.org/Interface-Definition, read strictly: an error stops
 * it and names its line. Named types are put in place while loading, so that a tree has none: what
 * was written as `kind: ?Kind` is a nullable enum whose values are those of Kind. A type may hold
 * itself, so a tree can have cycles; whoever walks one is led by a value that has an end.
 *
 * Everything in a tree belongs to its interface and is released with it.
 */
#ifndef KP_VARLINK_IDL_H
#define KP_VARLINK_IDL_H

#include <stdbool.h>
#include <stddef.h>

enum varlink_kind {
	VARLINK_BOOL,
	VARLINK_INT,
	VARLINK_FLOAT,
	VARLINK_STRING,
	VARLINK_OBJECT, /* any JSON object */
	VARLINK_ENUM,	/* a string out of fields */
	VARLINK_STRUCT, /* an object with fields */
	VARLINK_ARRAY,	/* of element */
	VARLINK_DICT,	/* strings to element */
};

struct varlink_field;

struct varlink_type {
	enum varlink_kind kind;
	bool nullable;
	const struct varlink_type *element; /* array, dict */
	const struct varlink_field *fields; /* struct, enum: the first; NULL: has none */
};

struct varlink_field {
	const char *name;
	const struct varlink_type *type; /* NULL: a value of an enum */
	const struct varlink_field *next;
};

enum varlink_member_kind {
	VARLINK_TYPE,
	VARLINK_METHOD,
	VARLINK_ERROR,
};

struct varlink_member {
	enum varlink_member_kind kind;
	const char *name;
	const struct varlink_type *type; /* type: itself; error: its parameters; method: NULL */
	const struct varlink_type *in;	 /* method: struct of what it is called with */
	const struct varlink_type *out;	 /* method: struct of what it answers */
	struct varlink_member *next;
};

struct varlink_allocation;

struct varlink_interface {
	const char *name;
	struct varlink_member *members; /* in the order of the text */
	struct varlink_allocation *allocations;
};

#define VARLINK_IDL_ERROR_MAX 160

/*
 * Parses @text. *@ret is the caller's, to be released with varlink_interface_free(). 0, -ENOMEM, or
 * -EINVAL with "line 12: ..." in @reterr (VARLINK_IDL_ERROR_MAX bytes are enough).
 */
int varlink_interface_parse(const char *text, struct varlink_interface **ret, char *reterr,
			    size_t reterr_size);

/* Releases @iface (may be NULL) and everything in it. Returns NULL. */
struct varlink_interface *varlink_interface_free(struct varlink_interface *iface);

/* The member of that kind and name; NULL: there is none. */
const struct varlink_member *varlink_interface_find(const struct varlink_interface *iface,
						    enum varlink_member_kind kind,
						    const char *name);

/* The field (or enum value) of that name in a struct (or enum); NULL: there is none. */
const struct varlink_field *varlink_type_find(const struct varlink_type *type, const char *name);

#endif
