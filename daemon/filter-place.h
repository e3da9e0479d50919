/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which of two languages a probe's filter is in, and so who keeps it: the kernel's event filter,
 * which tracefs evaluates, or the condition language (filter-parse.h), which the helper module
 * does.
 *
 * A call probe's, an after-probe's and one's with a histogram is a condition, since there is no
 * other. A probe's at an instruction is the kernel's if that takes it, and else a condition if it
 * says something that the kernel's language cannot: pid, uid, cgroup, kthread, units, "^=", values
 * that are only shown as what they are (ports, enum names). What is merely put badly is an error in
 * the kernel's language. Patterns such as "*x*" are nobody else's. A return probe's is the
 * kernel's.
 *
 * Pure.
 */
#ifndef KP_FILTER_PLACE_H
#define KP_FILTER_PLACE_H

#include "error.h"
#include "probe-spec.h"

/*
 * Decides on spec->filter (NULL: nothing to decide) and sets spec->is_helper_filter. What
 * expressions stand for is known once they are compiled, and decided again then. 0, -ENOMEM, or
 * -EINVAL with @reterr (KP_INVALID_DEFINITION: badFilter, at its place in the filter), which is not
 * quoted.
 */
int filter_place(struct probe_spec *spec, struct kp_error *reterr);

/* Makes of an error in a condition (KP_INVALID_FILTER) one in the filter of a definition. */
void filter_place_error(struct kp_error *e);

#endif
