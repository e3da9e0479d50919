/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where a function's arguments lie when it is entered, worked out from their sizes.
 *
 * Pure. The rules are those of the System V ABI for x86-64 (3.2.3, classes INTEGER and MEMORY: a
 * kernel is built without floating point) and of AAPCS64 (6.8.2, stage C). Offsets count from the
 * stack pointer as a probe on the first instruction sees it: on x86-64 the return address is at
 * 0(%sp), and the first argument on the stack at 8(%sp).
 */
#ifndef KP_CALLING_H
#define KP_CALLING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum call_arch {
	CALL_X86_64,
	CALL_ARM64,
};

#if defined(__aarch64__)
#define CALL_ARCH_OURS CALL_ARM64
#else
#define CALL_ARCH_OURS CALL_X86_64
#endif

/* What the rules need to know of a parameter's type. */
struct call_param {
	uint64_t size;	    /* bytes; 0 for a struct without members */
	unsigned int align; /* bytes; 1, 2, 4, 8 or 16 */
	bool is_struct;	    /* or a union: by value */
	bool is_packed;	    /* a struct with a member that is not aligned */
	bool is_float;	    /* in a register that no probe can read */
};

enum call_kind {
	CALL_NOWHERE, /* takes no room, or cannot be fetched */
	CALL_REGISTERS,
	CALL_STACK,
};

struct call_place {
	enum call_kind kind;
	unsigned int first; /* the first register: its number among those for arguments */
	unsigned int n;	    /* registers */
	uint64_t offset;    /* on the stack, from the stack pointer */
	bool is_reference;  /* what lies there is the address of the argument (arm64, structs over
			     * 16 bytes) */
};

/*
 * Fills @places for the @n parameters @params of a function that returns @result (size 0: void).
 */
void call_layout(enum call_arch arch, const struct call_param *result,
		 const struct call_param *params, size_t n, struct call_place *places);

/* What a FETCHARG needs for the 8 bytes number @word of an argument; more than that is on no place.
 */
#define CALL_TEXT_MAX 32

/*
 * The text that fetches the word: "%di", "+8(%sp)". False when there is none: the argument is
 * nowhere, or not that long.
 */
bool call_place_text(enum call_arch arch, const struct call_place *place, unsigned int word,
		     char text[CALL_TEXT_MAX]);

/* How many arguments at most lie in registers. */
unsigned int call_registers(enum call_arch arch);

#endif
