/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Machine code as text: bytes at an address in, instructions out, as this machine's architecture
 * has them.
 *
 * The text is in the syntax of objdump, gdb and crash (AT&T on x86), with the names of functions
 * where a call or jump has an address. Pure: it reads no memory but the bytes it is given. A
 * decoder belongs to one thread at a time.
 */
#ifndef KP_DISASM_H
#define KP_DISASM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cleanup.h"

/* An instruction has 15 bytes at most on x86, 4 on arm64. */
#define DISASM_BYTES_MAX 15
#define DISASM_TEXT_MAX	 384
#define DISASM_NAME_MAX	 160

enum disasm_kind {
	DISASM_PLAIN,
	DISASM_NOP,	/* nothing: alignment, a place for ftrace, a switched-off jump label */
	DISASM_TRAP,	/* a breakpoint: filling between functions, or a probe's */
	DISASM_BUG,	/* what BUG() and WARN() end in */
	DISASM_END,	/* a return, a jump in any case: what follows is reached from elsewhere */
	DISASM_UNKNOWN, /* no instruction that the decoder knows: one byte (arm64: four) */
};

struct disasm_insn {
	uint32_t offset; /* in the code */
	unsigned int size;
	enum disasm_kind kind;
	bool is_call;
	bool has_target; /* a call or jump to a fixed address */
	uint64_t target;
	uint64_t refers; /* the address of what it reads, writes or names; 0: none that is fixed */
	char text[DISASM_TEXT_MAX];
};

/*
 * Writes the name of @address ("pid_vnr", "kernel_clone+0x8c") to @buf, ended by NUL and cut to
 * @size. False: it has none.
 */
typedef bool (*disasm_name_fn)(uint64_t address, char *buf, size_t size, void *data);

struct disasm;

/* A decoder for the architecture this was built for. 0, -ENOMEM, or -EOPNOTSUPP. */
int disasm_new(struct disasm **ret);
struct disasm *disasm_free(struct disasm *d);
DEFINE_CLEANUP(struct disasm *, disasm_free);

/*
 * Calls @each for every instruction of the @n bytes of @code, which lie at @address, until it
 * returns nonzero, and returns that. @name may be NULL; each has data of its own. An instruction
 * that is cut off at the end is DISASM_UNKNOWN.
 */
int disasm_each(struct disasm *d, const uint8_t *code, size_t n, uint64_t address,
		disasm_name_fn name, void *name_data,
		int (*each)(const struct disasm_insn *insn, void *data), void *data);

#endif
