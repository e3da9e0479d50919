/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A filter (filter-parse.h) as conditions of the helper module (kprobed-ioctl.h), which are looked
 * at before anything is recorded: what can be said at the entry is said there, the rest at the
 * return.
 *
 * A filter means here what it means of the events: a comparison with what could not be read is
 * false, arguments hide the common fields of their names, and numbers are compared as numbers,
 * whatever their signs. On top of it the arguments that are shown as text (an enumeration, flags, a
 * device) are compared with numbers too, as the kernel's own filters do, and what has no name is
 * unequal to any name; and pid, uid, cgroup and kthread are those of the task that was hit. comm is
 * its name at the moment that is looked at: at entry, unless it stands beside something that only
 * the return knows ("comm == 'x'
 * || ret < 0").
 *
 * What the module cannot do is refused, with its place: patterns but "x*", arrays, symbols by name,
 * ts, cpu, probe, site and caller.
 *
 * Pure.
 */
#ifndef KP_HELPER_CONDITION_H
#define KP_HELPER_CONDITION_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "filter-parse.h"
#include "helper-program.h"
#include "kprobed-ioctl.h"
#include "probe-spec.h"

struct helper_condition {
	struct kprobed_insn *entry, *ret; /* owned; none: every hit counts */
	size_t n_entry, n_ret;
	char *text; /* owned: the literals that strings are compared with */
	size_t text_len;
	uint64_t flags; /* for kprobed_add: KPROBED_SKIP_KTHREADS */
};

/*
 * Compiles @f for what @program records of @spec, whose expressions have been compiled. 0, -ENOMEM,
 * or -EINVAL with @reterr (KP_INVALID_FILTER: unknownField, wrongType, notInKernel, onlyAtReturn,
 * tooLong, and the place in the filter).
 */
int helper_condition_compile(const struct filter *f, const struct probe_spec *spec,
			     const struct helper_program *program, struct helper_condition *ret,
			     struct kp_error *reterr);
/*
 * The same of spec->filter; without one *@ret is empty. An error is in the filter of a definition,
 * quoted: KP_INVALID_DEFINITION, badFilter.
 */
int helper_condition_of(const struct probe_spec *spec, const struct helper_program *program,
			struct helper_condition *ret, struct kp_error *reterr);
/* Releases what @condition owns. */
void helper_condition_done(struct helper_condition *condition);

#endif
