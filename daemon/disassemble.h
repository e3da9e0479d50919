/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Symbols.Disassemble: a function's instructions out of the running kernel, with the probes that
 * sit there and whether another may.
 *
 * Carried out on the knowledge worker; what the registry knows of kprobed's own probes is copied
 * into the request before.
 */
#ifndef KP_DISASSEMBLE_H
#define KP_DISASSEMBLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "disasm.h"
#include "error.h"
#include "knowledge.h"
#include "probe.h"
#include "probeable.h"
#include "text-patch.h"
#include "text-reserved.h"

/* A reply is a message: 4096 instructions are 1 MiB of JSON at most. The next call goes on. */
#define DISASSEMBLE_ROWS_MAX 4096
/* The largest function of a kernel has 100 KiB. */
#define DISASSEMBLE_BYTES_MAX (1u << 20)

/* A probe as an event has it, of kprobed's or of others. */
struct disassemble_probe {
	char name[PROBE_NAME_MAX + 1]; /* "opens", or "GROUP/EVENT" cut short */
	bool is_return;
	bool is_foreign;
	uint64_t address; /* 0: symbol and offset */
	uint64_t offset;
	char symbol[SYMBOL_TEXT_MAX];
};

struct disassemble_row {
	uint32_t offset;
	uint8_t size, n_live;
	uint8_t bytes[DISASM_BYTES_MAX], live[DISASM_BYTES_MAX];
	enum text_patch_how how;
	bool is_unsure;
	char *text;	    /* owned */
	char *target;	    /* owned: "pid_vnr+0x0"; NULL: none that is known */
	char *refers;	    /* owned; NULL: none that is known */
	const char *reason; /* borrowed, as long as the answer: why there can be no probe; NULL: it
			       may */
	size_t *probes;	    /* owned: indexes of the request's probes */
	size_t n_probes;
};

struct disassembly {
	/* What is asked for: a function's name, or an address in one as "0x…". */
	char *symbol, *module;		  /* owned; module NULL: anywhere */
	uint64_t offset, length;	  /* length 0: to the end */
	struct kernel_text *text;	  /* borrowed */
	struct disassemble_probe *probes; /* owned */
	size_t n_probes, probes_size;

	/* The answer. */
	char *found, *found_module; /* owned; found_module NULL: the kernel's own */
	uint64_t address, size;
	char forbidden[PROBEABLE_TEXT_MAX]; /* why no probe can be in the function at all; empty: it
					       can */
	uint64_t *others;		    /* owned: addresses of further functions of that name */
	size_t n_others;
	struct disassemble_row *rows; /* owned */
	size_t n_rows, rows_size;
	bool is_cut; /* there is more than one answer has */
	uint32_t next;
};

/* What is read of the kernel once, and kept. */
struct disassembler;

int disassembler_new(struct disassembler **ret);
struct disassembler *disassembler_free(struct disassembler *d);
DEFINE_CLEANUP(struct disassembler *, disassembler_free);

void disassembly_done(struct disassembly *d);
/* A copy of what matters here of a probe of ours. 0 or -ENOMEM. */
int disassembly_note(struct disassembly *d, const struct probe *probe);

/*
 * Knowledge worker. 0, or a negative errno with @reterr: KP_NO_SUCH_SYMBOL, KP_INVALID_PARAMETER,
 * KP_UNAVAILABLE.
 */
int disassembly_run(struct disassembler *dis, struct knowledge *k, struct disassembly *d,
		    struct kp_error *reterr);

#endif
