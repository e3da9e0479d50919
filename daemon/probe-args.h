/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The arguments of a definition: from the words behind the place to spec->args.
 *
 * Private to probe-spec.c, but for what probe-spec.h has of it. Pure.
 */
#ifndef KP_PROBE_ARGS_H
#define KP_PROBE_ARGS_H

#include "error.h"
#include "probe-spec.h"
#include "span.h"

/*
 * Appends the arguments in @rest, a piece of @definition, to @spec, whose head must be there. 0,
 * -EINVAL with @reterr, or -ENOMEM; what was added before a mistake is released with @spec.
 */
int probe_args_parse(struct probe_spec *spec, struct span rest, const char *definition,
		     struct kp_error *reterr);

#endif
