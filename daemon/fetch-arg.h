/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One fetch argument without its name, "+0(%si):string": checked, and brought into its normal form.
 *
 * Pure. Written after parse_probe_arg() in kernel/trace/trace_probe.c (6.12), but without
 * recursion.
 */
#ifndef KP_FETCH_ARG_H
#define KP_FETCH_ARG_H

#include "error.h"
#include "probe-spec.h"
#include "span.h"

/* What the place of the probe lets an argument fetch; the kernel's TPARG_FL_RETURN and _FENTRY. */
struct fetch_site {
	bool is_return; /* $retval */
	bool is_call;	/* that as well, and arguments as at the entry */
	bool has_args;	/* $argN: at a function's entry or return */
};

/*
 * Parses @text, which stands at @position, and fills all of @ret but name, position and is_named
 * (ret->fetch and ret->type are then the caller's). @ret is written only on success. 0, -EINVAL
 * with
 * @reterr, or -ENOMEM.
 */
int fetch_arg_parse(struct span text, int position, const struct fetch_site *site,
		    struct probe_arg *ret, struct kp_error *reterr);

/*
 * The kernel looks for what is wrong with "$arg..." in all arguments before it looks at any of
 * them: argv_has_var_arg(). 0 or -EINVAL with @reterr.
 */
int fetch_arg_precheck(struct span text, int position, const struct fetch_site *site,
		       struct kp_error *reterr);

#endif
