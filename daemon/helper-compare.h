/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One comparison of a filter as instructions of a condition that leave its truth on the stack: the
 * lower half of helper-condition.h, whose upper one puts them together.
 *
 * Pure.
 */
#ifndef KP_HELPER_COMPARE_H
#define KP_HELPER_COMPARE_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"
#include "filter-parse.h"
#include "helper-program.h"
#include "kprobed-ioctl.h"
#include "probe-spec.h"

/* A condition that grows. What finds no room is only counted. */
struct condition_code {
	struct kprobed_insn insns[KPROBED_COND_MAX];
	size_t n;
};

struct comparer {
	const struct probe_spec *spec;	      /* borrowed, as the next */
	const struct helper_program *program; /* of spec's arguments */
	char *text;			      /* borrowed: room for all strings of the filter */
	size_t text_len;
};

void condition_emit(struct condition_code *code, enum kprobed_cond_op op, uint64_t imm);

/* The argument that @t compares; -1: none, a common field or nothing. */
int compare_find_arg(const struct comparer *c, const struct filter_term *t);

/*
 * Appends @t to @code. *@ret is where what it compares is known. 0, or -EINVAL with @reterr as
 * helper_condition_compile() has it.
 */
int compare_emit(struct comparer *c, const struct filter_term *t, struct condition_code *code,
		 enum helper_part *ret, struct kp_error *reterr);

#endif
