/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Why the kernel refused a definition that the parser had accepted: its errno is different from one
 * kernel to the next and nearly always EINVAL, so the reason is looked for where it is written
 * (error_log, kallsyms, the blacklist). Runs on the control worker.
 */
#ifndef KP_REFUSAL_H
#define KP_REFUSAL_H

#include "error.h"
#include "probe-spec.h"
#include "symbols.h"

/*
 * Fills @reterr for the refusal of @spec, written as @event, with the positive errno @err. @symbols
 * may be NULL. Returns -err.
 */
int refusal_explain(const struct probe_spec *spec, const char *event, int err,
		    const struct symbols *symbols, struct kp_error *reterr);

#endif
