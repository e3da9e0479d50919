/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The arguments of a definition as fetch programs of the helper module (kprobed-ioctl.h): one that
 * runs at the entry, one that runs at the return.
 *
 * A part is what a program records of a hit: the fixed bytes of its arguments, packed, then the
 * bytes of strings.
 */
#ifndef KP_HELPER_PROGRAM_H
#define KP_HELPER_PROGRAM_H

#include <stddef.h>

#include "kprobed-ioctl.h"

enum helper_part {
	HELPER_ENTRY,
	HELPER_RETURN,
};

enum helper_value {
	HELPER_NUMBER,
	HELPER_SIGNED,
	HELPER_STRING,
	HELPER_BYTES,
};

/* Where an argument lies in its part. */
struct helper_arg {
	enum helper_part part;
	enum helper_value value;
	unsigned int offset; /* of its fixed bytes */
	unsigned int size;   /* of one element; a string: 4 */
	unsigned int count;  /* array elements; 0: not an array */
	unsigned int number; /* its bit in the event's "faults" */
};

struct helper_program {
	struct kprobed_insn *entry, *ret; /* owned */
	size_t n_entry, n_ret;
	struct helper_arg *args; /* owned: as the spec's, one by one */
	size_t n_args;
};

#endif
