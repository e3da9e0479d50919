/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What probes do to the kernel's text, and how it was before.
 *
 * An armed kprobe has a breakpoint over the first byte of its instruction, a jump over five bytes
 * once it is optimized, or, at a place that ftrace keeps for itself, ftrace's call. The kernel
 * remembers what it has overwritten, in struct kprobe and struct optimized_kprobe: they are looked
 * up in its own hash table (kernel/kprobes.c: kprobe_table) and read through kernel_text_read().
 */
#ifndef KP_TEXT_PATCH_H
#define KP_TEXT_PATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel-text.h"

/* arch/x86: a jump and a call are five bytes; arm64: every instruction is four. */
#define TEXT_PATCH_MAX 5

enum text_patch_how {
	TEXT_PATCH_NONE,
	TEXT_PATCH_BREAKPOINT,
	TEXT_PATCH_JUMP,
	TEXT_PATCH_FTRACE,
};

struct text_patch {
	uint64_t address;
	enum text_patch_how how;
	/* What was there before; 0 bytes: not known. */
	uint8_t original[TEXT_PATCH_MAX];
	unsigned int n_original;
};

/* Where things lie in the kernel's structures, in bytes, as its BTF has it. */
struct kprobe_layout {
	uint32_t hlist;	      /* struct kprobe's hlist */
	uint32_t addr;	      /* … addr */
	uint32_t opcode;      /* … opcode */
	uint32_t opcode_size; /* 1 on x86, 4 on arm64 */
	uint32_t copied;      /* struct optimized_kprobe's optinsn.copied_insn; 0: there is none */
	uint32_t copied_size; /* 4 */
};

struct btf;

/* 0, or -ENOENT when the kernel's types say nothing of it (kprobe-layout.c). */
int kprobe_layout_from_btf(const struct btf *btf, struct kprobe_layout *ret);
/* From the running kernel: reads all of its BTF, and keeps nothing. 0 or a negative errno. */
int kprobe_layout_load(struct kprobe_layout *ret);

/* "breakpoint", "jump" or "ftrace" as tracefs_each_kprobe() says it; NULL: none. */
enum text_patch_how text_patch_of_method(const char *method);
/* The other way; static. NULL for none. */
const char *text_patch_method(enum text_patch_how how);

/*
 * Compares @patch with the @n bytes that are at its address: a probe that is armed while we look,
 * or has just gone, is not there yet or any more, and one that the kernel calls optimized may still
 * be a breakpoint (the flag is set when the change is put in the queue: optimize_kprobe()). Then
 * @patch becomes what it is. False: the bytes are no probe's.
 */
bool text_patch_settle(struct text_patch *patch, const uint8_t *live, size_t n);

/*
 * Finds out what @patch has overwritten. @table is the address of kprobe_table, 0 when it is not
 * known; @layout NULL likewise. Leaves n_original 0 when nothing is found.
 */
void text_patch_find_original(struct text_patch *patch, struct kernel_text *text, uint64_t table,
			      const struct kprobe_layout *layout);

#endif
