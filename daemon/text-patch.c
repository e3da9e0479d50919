/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See text-patch.h. */
#include "text-patch.h"

#include <string.h>

/* kernel/kprobes.c: KPROBE_HASH_BITS; include/linux/hash.h: GOLDEN_RATIO_64. */
#define HASH_BITS     6
#define HASH_MULTIPLY 0x61c8864680b583ebULL
#define CHAIN_MAX     4096 /* the list may change while we walk */

#if defined(__aarch64__)
/* brk #4 (BRK64_OPCODE_KPROBES); nop */
static const uint8_t breakpoint[] = {0x80, 0x00, 0x20, 0xd4};
static const uint8_t ftrace_nop[] = {0x1f, 0x20, 0x03, 0xd5};
#else
static const uint8_t breakpoint[] = {0xcc};
/* arch/x86/kernel/ftrace.c: what a call to ftrace replaces, x86_nops[5]. */
static const uint8_t ftrace_nop[] = {0x0f, 0x1f, 0x44, 0x00, 0x00};
#endif

static const char *const methods[] = {
	[TEXT_PATCH_NONE] = NULL,
	[TEXT_PATCH_BREAKPOINT] = "breakpoint",
	[TEXT_PATCH_JUMP] = "jump",
	[TEXT_PATCH_FTRACE] = "ftrace",
};

enum text_patch_how text_patch_of_method(const char *method)
{
	for (size_t i = 1; method && i < ARRAY_SIZE(methods); i++)
		if (strcmp(methods[i], method) == 0)
			return (enum text_patch_how)i;
	return TEXT_PATCH_NONE;
}

const char *text_patch_method(enum text_patch_how how)
{
	return methods[how];
}

bool text_patch_settle(struct text_patch *patch, const uint8_t *live, size_t n)
{
	switch (patch->how) {
	case TEXT_PATCH_BREAKPOINT:
	case TEXT_PATCH_JUMP:
		if (n >= sizeof(breakpoint) && memcmp(live, breakpoint, sizeof(breakpoint)) == 0)
			patch->how = TEXT_PATCH_BREAKPOINT;
		else if (n >= TEXT_PATCH_MAX && live[0] == 0xe9)
			patch->how = TEXT_PATCH_JUMP;
		else
			return false;
		return true;
	case TEXT_PATCH_FTRACE:
		return n >= sizeof(ftrace_nop) && memcmp(live, ftrace_nop, sizeof(ftrace_nop)) != 0;
	default:
		return false;
	}
}

static uint64_t read_pointer(struct kernel_text *text, uint64_t address)
{
	uint64_t value;

	return kernel_text_read(text, address, &value, sizeof(value)) == 0 ? value : 0;
}

/* The address of the struct kprobe at @address, of several there their common one; 0: none. */
static uint64_t find_kprobe(uint64_t address, struct kernel_text *text, uint64_t table,
			    const struct kprobe_layout *layout)
{
	uint64_t slot = table + 8 * ((address * HASH_MULTIPLY) >> (64 - HASH_BITS));
	uint64_t node = read_pointer(text, slot);

	for (unsigned int i = 0; node && i < CHAIN_MAX; i++) {
		uint64_t kprobe = node - layout->hlist;

		if (read_pointer(text, kprobe + layout->addr) == address)
			return kprobe;
		node = read_pointer(text, node);
	}
	return 0;
}

void text_patch_find_original(struct text_patch *patch, struct kernel_text *text, uint64_t table,
			      const struct kprobe_layout *layout)
{
	uint8_t original[TEXT_PATCH_MAX];
	uint64_t kprobe;

	patch->n_original = 0;
	if (patch->how == TEXT_PATCH_FTRACE) {
		memcpy(patch->original, ftrace_nop, sizeof(ftrace_nop));
		patch->n_original = sizeof(ftrace_nop);
		return;
	}
	if (!table || !layout || layout->opcode_size > TEXT_PATCH_MAX)
		return;
	kprobe = find_kprobe(patch->address, text, table, layout);
	if (!kprobe ||
	    kernel_text_read(text, kprobe + layout->opcode, original, layout->opcode_size) < 0)
		return;
	if (patch->how == TEXT_PATCH_JUMP) {
		if (!layout->copied || layout->opcode_size + layout->copied_size > TEXT_PATCH_MAX ||
		    kernel_text_read(text, kprobe + layout->copied, original + layout->opcode_size,
				     layout->copied_size) < 0)
			return;
		patch->n_original = layout->opcode_size + layout->copied_size;
	} else {
		patch->n_original = layout->opcode_size;
	}
	memcpy(patch->original, original, patch->n_original);
}
