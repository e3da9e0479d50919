/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files laid out as /proc/kcore is: pieces of memory at their addresses. */
#ifndef CORE_FILE_H
#define CORE_FILE_H

#include <elf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernel-text.h"

struct core_piece {
	uint64_t address;
	const void *bytes;
	size_t n;
};

#define CORE_PIECES_MAX 8

static inline void core_put(FILE *f, const void *bytes, size_t n)
{
	assert_int_equal(fwrite(bytes, 1, n, f), n);
}

/* Opens a core of these pieces; the file itself is gone at once. */
static inline struct kernel_text *core_open(const struct core_piece *pieces, size_t n_pieces)
{
	Elf64_Ehdr head = {.e_type = ET_CORE,
			   .e_phoff = sizeof(head),
			   .e_phentsize = sizeof(Elf64_Phdr),
			   .e_phnum = (Elf64_Half)n_pieces};
	uint64_t offset = sizeof(head) + n_pieces * sizeof(Elf64_Phdr);
	char path[] = "/tmp/test-core-XXXXXX";
	struct kp_error e = KP_ERROR_INIT;
	struct kernel_text *t = NULL;
	FILE *f = fdopen(mkstemp(path), "w");

	assert_non_null(f);
	assert_in_range(n_pieces, 1, CORE_PIECES_MAX);
	memcpy(head.e_ident, ELFMAG, SELFMAG);
	head.e_ident[EI_CLASS] = ELFCLASS64;
	core_put(f, &head, sizeof(head));
	for (size_t i = 0; i < n_pieces; i++) {
		Elf64_Phdr segment = {.p_type = PT_LOAD,
				      .p_vaddr = pieces[i].address,
				      .p_offset = offset,
				      .p_filesz = pieces[i].n};

		core_put(f, &segment, sizeof(segment));
		offset += pieces[i].n;
	}
	for (size_t i = 0; i < n_pieces; i++)
		core_put(f, pieces[i].bytes, pieces[i].n);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(kernel_text_open(path, &t, &e), 0);
	unlink(path);
	return t;
}

#endif
