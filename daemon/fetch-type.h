/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The types of fetch arguments: what stands behind the colon in "+0(%si):u8[16]".
 *
 * Pure. The types are those of probe_fetch_types in kernel/trace/trace_probe.c, as of 6.12 (which
 * of them a kernel has not, format_kernel in probe-spec-format.c knows to write otherwise), and
 * those of show-type.h, which are ours.
 */
#ifndef KP_FETCH_TYPE_H
#define KP_FETCH_TYPE_H

#include "error.h"
#include "probe-spec.h"
#include "span.h"

enum fetch_class {
	FETCH_NUMBER,	/* integers, char, symbol */
	FETCH_BITFIELD, /* checked after the expression, as the kernel does: fetch_type_check_bits()
			 */
	FETCH_STRING,	/* string, ustring */
	FETCH_SYMSTR,	/* an address the kernel would print; we record the address */
	FETCH_PATH,	/* %pd, %pD: since 6.9 */
};

struct fetch_type {
	char name[PROBE_TYPE_MAX]; /* normal form, without the array */
	enum fetch_class class;
	enum arg_show show;
	unsigned int size;  /* bytes of one element, 0 for strings */
	unsigned int count; /* array elements, 0: no array */
	bool is_given;
	char kernel[PROBE_TYPE_MAX];  /* as probe_arg.kernel_type */
	unsigned int parts;	      /* as probe_arg.parts; 0 is 1 */
	const struct flag_set *flags; /* of ARG_FLAGS */
};

/* The type of an argument that names none. */
extern const struct fetch_type fetch_type_default;
extern const struct fetch_type fetch_type_string;

/*
 * Parses what stands behind the colon at @position - 1, array included, into @ret. @is_text: what
 * is fetched is itself a string. A bitfield's width and offset are not looked at. 0 or -EINVAL with
 * @reterr.
 */
int fetch_type_parse(struct span text, int position, bool is_text, struct fetch_type *ret,
		     struct kp_error *reterr);

/* Width and offset of a bitfield type (of others: nothing), and its normal name. */
int fetch_type_check_bits(struct span text, int position, struct fetch_type *type,
			  struct kp_error *reterr);

/* How many bytes the kernel keeps in an event for @type: trace_probe.c counts 4 for a string. */
unsigned int fetch_type_stored(unsigned int size, unsigned int count);

#endif
