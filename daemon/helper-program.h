/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The arguments of a definition as fetch programs of the helper module (kprobed-ioctl.h), and where
 * each of them then lies in what an event records.
 *
 * Compiled from the text of the kernel's grammar that every argument has become by then
 * (probe-spec.h, btf-compile.h), so an argument means the same through the helper as in a line of
 * kprobe_events. Everything is fetched at the entry; of a call probe what uses $retval is fetched
 * at the return. An after-probe and an entry probe have the entry's program only.
 *
 * Pure, but for helper_program_link(): what is at a symbol is known where a probe is planted.
 */
#ifndef KP_HELPER_PROGRAM_H
#define KP_HELPER_PROGRAM_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "kprobed-ioctl.h"
#include "probe-spec.h"
#include "symbols.h"

/* The part of an event's data. Also what n & 1 says in a condition. */
enum helper_part {
	HELPER_ENTRY,
	HELPER_RETURN,
};

enum helper_value {
	HELPER_NUMBER, /* unsigned, of 1, 2, 4 or 8 bytes; an array: one after the other */
	HELPER_SIGNED, /* the same with a sign */
	HELPER_STRING, /* a u32: where from the part's start, and bytes << 16 with the NUL */
	HELPER_BYTES,  /* as they are: an address of the network, or text with zeros behind it */
};

/* Where an argument is, and what conditions and histograms need to name it. */
struct helper_arg {
	enum helper_part part;
	enum helper_value value;
	unsigned int offset; /* of its fixed bytes in the part */
	unsigned int size;   /* of one element: 1 to 64; of a string's fixed bytes: 4 */
	unsigned int count;  /* array elements; 0: not an array */
	unsigned int number; /* its bit in "faults", and kprobed_insn.arg */
};

/* An instruction whose imm is yet to become a symbol's address. */
struct helper_symbol {
	enum helper_part part;
	size_t insn;	/* which in the part's program */
	char *name;	/* owned */
	int64_t offset; /* added to the address */
	int position;	/* of the argument in the definition */
};

struct helper_program {
	struct kprobed_insn *entry, *ret; /* owned; NULL where there are none */
	size_t n_entry, n_ret;
	struct helper_arg *args; /* owned; as spec->args, one for each */
	size_t n_args;
	struct helper_symbol *symbols; /* owned; until they are linked */
	size_t n_symbols;
	/* The task's name, which every program records first: in the entry part, 16 bytes. */
	unsigned int comm_offset;
};

/*
 * Compiles all arguments of @spec, of any kind that the helper has (PROBE_RETURN is not one of
 * them). Typed expressions must be compiled (btf_compile_spec()). *@ret is the caller's, to be
 * released with helper_program_done(); it is written on success only.
 *
 * 0, -ENOMEM, or -EINVAL with @reterr: KP_INVALID_DEFINITION at the argument, with the reason
 * tooManyArgs, tooManyOps, eventTooBig, badStackNum, badArgNum, or badType (%pd and %pD).
 */
int helper_program_compile(const struct probe_spec *spec, struct helper_program *ret,
			   struct kp_error *reterr);

/*
 * Puts the addresses of symbols ("@jiffies") into the program; once done it has none left. 0,
 * -ENOENT with @reterr (KP_NO_SUCH_SYMBOL), or -EINVAL with it (badMemAddr: several have that
 * name). On failure the program is as it was.
 */
int helper_program_link(struct helper_program *program, const struct symbols *symbols,
			struct kp_error *reterr);

/* Releases what @program owns and makes it empty. */
void helper_program_done(struct helper_program *program);

#endif
