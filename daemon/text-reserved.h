/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Instructions of the kernel itself that it rewrites as it runs, where it takes no probe: jump
 * labels (static branches) and static calls (kernel/kprobes.c: check_kprobe_address_safe()).
 *
 * They are listed in tables of relative addresses, which are read out of its memory once. Those of
 * modules are not in there.
 */
#ifndef KP_TEXT_RESERVED_H
#define KP_TEXT_RESERVED_H

#include <stddef.h>
#include <stdint.h>

#include "kernel-text.h"

struct text_reserved {
	uint64_t *jump_labels; /* owned, sorted */
	size_t n_jump_labels;
	uint64_t *static_calls; /* owned, sorted */
	size_t n_static_calls;
};

/* Where a table begins and ends: the symbols __start___jump_table and so on; 0: there is none. */
struct text_table {
	uint64_t start, stop;
};

/* 0, -ENOMEM, -EBADMSG when a table makes no sense, or an errno of reading. */
int text_reserved_load(struct kernel_text *text, const struct text_table *jump_labels,
		       const struct text_table *static_calls, struct text_reserved *ret);
void text_reserved_done(struct text_reserved *r);

/* Why there can be no probe at @address, a clause; NULL: nothing is known against it. Static. */
const char *text_reserved_reason(const struct text_reserved *r, uint64_t address);

#endif
