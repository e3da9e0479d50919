/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an argument fetches, "+8(+0(%di))", taken apart for the helper module: what is loaded, and
 * which offsets are followed from there.
 *
 * Private to helper-program.c, of which it is the first half. Pure. The text is one that the parser
 * of fetch arguments has made (fetch-arg.h), so that nothing but the module's own limits is left to
 * refuse.
 */
#ifndef KP_HELPER_PLACE_H
#define KP_HELPER_PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "probe-spec.h"
#include "span.h"

struct helper_step {
	int64_t offset;
	bool is_user;
};

/* The parser lets no more than 15 of them through (fetch-arg.c). */
enum { HELPER_STEPS_MAX = 16 };

struct helper_place {
	uint8_t op;	    /* enum kprobed_fetch_op: a load, or KPROBED_FETCH_COMM */
	uint64_t imm;	    /* of the load */
	struct span symbol; /* whose address imm is to be, borrowed from the argument; n 0: none */
	int64_t symbol_offset;
	struct span text; /* an immediate string, borrowed; p NULL: none */
	/* In the order they are followed. None: the value is what was loaded. */
	struct helper_step steps[HELPER_STEPS_MAX];
	size_t n_steps;
};

/* Fills @ret. 0 or -EINVAL with @reterr: badStackNum, badArgNum, badType, tooManyOps. */
int helper_place_parse(const struct probe_arg *arg, struct helper_place *ret,
		       struct kp_error *reterr);

#endif
