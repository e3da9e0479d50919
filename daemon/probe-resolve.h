/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Resolving: from what was asked for to what can be planted. Runs on the knowledge worker, before
 * the control worker plants (plant.h), and writes nothing.
 */
#ifndef KP_PROBE_RESOLVE_H
#define KP_PROBE_RESOLVE_H

#include <stddef.h>

#include "error.h"
#include "knowledge.h"
#include "probe-spec.h"

struct resolve {
	struct probe_spec *specs; /* the caller's, the array as well */
	size_t n_specs;
	struct symbols *symbols; /* out: a reference for the caller; NULL: not to be had */
	int symbols_result;	 /* of loading them */
	int result;		 /* 0, or a negative errno with error filled */
	struct kp_error error;
};

void resolve_run(struct knowledge *k, struct resolve *r);

#endif
