/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A filter as conditions of the helper module (kprobed-ioctl.h), which are looked at before
 * anything is recorded: what can be said at the entry there, the rest at the return.
 */
#ifndef KP_HELPER_CONDITION_H
#define KP_HELPER_CONDITION_H

#include <stddef.h>
#include <stdint.h>

#include "kprobed-ioctl.h"

struct helper_condition {
	struct kprobed_insn *entry, *ret; /* owned; none: every hit counts */
	size_t n_entry, n_ret;
	char *text; /* owned: the literals that strings are compared with */
	size_t text_len;
	uint64_t flags; /* for kprobed_add: KPROBED_SKIP_KTHREADS */
};

#endif
