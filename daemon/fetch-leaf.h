/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is fetched in the middle of an argument: a variable, a register, memory, a value.
 *
 * Private to fetch-arg.c, of which it is the other half.
 */
#ifndef KP_FETCH_LEAF_H
#define KP_FETCH_LEAF_H

#include "error.h"
#include "fetch-arg.h"
#include "probe-spec.h"
#include "span.h"

enum fetch_op {
	OP_REG,
	OP_STACK,
	OP_STACKP,
	OP_RETVAL,
	OP_COMM,
	OP_ARG,
	OP_ENTRY_DATA, /* $argN in a return probe */
	OP_IMM,
	OP_DATA, /* an immediate string */
	OP_DEREF,
	OP_UDEREF,
};

/*
 * An argument on the way to its normal form. The kernel compiles it to instructions, of which there
 * may be 15; they are counted the way the kernel uses them, because "too deeply nested" depends on
 * what is fetched in the middle, and on the type.
 */
struct fetch {
	enum fetch_op op;   /* the last one */
	unsigned int steps; /* instructions so far */
	size_t length;
	char text[PROBE_ARG_STRING_MAX + 1]; /* normal form */
};

/* The normal form is no longer than what was written, so there is room. */
void fetch_emit(struct fetch *f, const char *fmt, ...)
	__attribute__((__format__(__printf__, 2, 3)));

static inline void fetch_set_op(struct fetch *f, enum fetch_op op, unsigned int steps)
{
	f->op = op;
	f->steps = steps;
}

/* Parses all of @text, which stands at @position, to the end of @f. 0 or -EINVAL with @reterr. */
int fetch_leaf_parse(struct span text, int position, const struct fetch_site *site, struct fetch *f,
		     struct kp_error *reterr);

#endif
