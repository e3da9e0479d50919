/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A function's instructions: as they are without probes, with what probes have made of them, and
 * whether a probe may be planted at each. Pure.
 */
#ifndef KP_LISTING_H
#define KP_LISTING_H

#include <stddef.h>
#include <stdint.h>

#include "disasm.h"
#include "text-patch.h"
#include "text-reserved.h"

struct listing {
	uint64_t address;    /* of the function */
	const uint8_t *live; /* borrowed: its bytes, from the start */
	size_t n;
	const struct text_patch *patches; /* borrowed: those in it, by address */
	size_t n_patches;
	const struct text_reserved *reserved; /* borrowed; NULL: not known */
	const char *forbidden; /* borrowed: why no probe may be in the function at all; NULL */
	disasm_name_fn name;   /* of targets; NULL: none */
	void *name_data;
};

struct listing_row {
	struct disasm_insn insn; /* as without probes, where that is known */
	const uint8_t *bytes;	 /* borrowed: insn.size of them */
	const uint8_t *live;	 /* borrowed: what is there now; NULL: the same */
	unsigned int n_live;
	const struct text_patch *patch; /* borrowed; NULL: none begins here */
	const char *reason;		/* borrowed: why no probe may be here; NULL: it may */
	/* The bytes are a probe's, and what they were is not known: neither is what follows. */
	bool is_unsure;
};

/*
 * Calls @each for the instructions in order until it returns nonzero, and returns that. What only
 * fills the room behind the function is left out. 0, -ENOMEM.
 */
int listing_each(const struct listing *l, struct disasm *d,
		 int (*each)(const struct listing_row *row, void *data), void *data);

#endif
