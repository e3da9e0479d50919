/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Records of the event kprobed_hit, built by hand by the rules of kprobed-ioctl.h: what the
 * kernel's format file says of the event, and a record of a probe whose arguments are put in one by
 * one.
 */
#ifndef KP_TEST_HIT_RECORD_H
#define KP_TEST_HIT_RECORD_H

#include <stdint.h>
#include <string.h>

#include "decode.h"
#include "helper-program.h"

enum {
	HIT_COOKIE = 8,
	HIT_TIME = 16,
	HIT_RET = 24,
	HIT_CALLER = 32,
	HIT_FAULTS = 40,
	HIT_PID = 48,
	HIT_ENTRY_LEN = 52,
	HIT_KIND = 54,
	HIT_FLAGS = 55,
	HIT_DATA = 56, /* a __data_loc */
	HIT_BYTES = 60,
};

/* As the module's event has it on 6.1, 6.12 and 7.0. */
static const char hit_format[] =
	"name: kprobed_hit\nID: 1234\nformat:\n"
	"\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n"
	"\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;\n"
	"\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;\n"
	"\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n"
	"\n"
	"\tfield:u64 cookie;\toffset:8;\tsize:8;\tsigned:0;\n"
	"\tfield:u64 time;\toffset:16;\tsize:8;\tsigned:0;\n"
	"\tfield:u64 ret;\toffset:24;\tsize:8;\tsigned:0;\n"
	"\tfield:u64 caller;\toffset:32;\tsize:8;\tsigned:0;\n"
	"\tfield:u64 faults;\toffset:40;\tsize:8;\tsigned:0;\n"
	"\tfield:u32 pid;\toffset:48;\tsize:4;\tsigned:0;\n"
	"\tfield:u16 entry_len;\toffset:52;\tsize:2;\tsigned:0;\n"
	"\tfield:u8 kind;\toffset:54;\tsize:1;\tsigned:0;\n"
	"\tfield:u8 flags;\toffset:55;\tsize:1;\tsigned:0;\n"
	"\tfield:__data_loc u8[] data;\toffset:56;\tsize:4;\tsigned:0;\n"
	"\nprint fmt: \"cookie=%llu\"\n";

struct hit_record {
	const struct helper_program *program; /* borrowed */
	unsigned char parts[2][KPROBED_PART_MAX];
	size_t lens[2];
	uint64_t faults;
	unsigned char bytes[HIT_BYTES + 2 * KPROBED_PART_MAX];
	size_t len; /* once it is finished */
};

/* What the program records in fixed bytes, as the module counts them. */
static inline size_t hit_fixed(const struct kprobed_insn *insns, size_t n)
{
	size_t bytes = 0;

	for (size_t i = 0; i < n; i++)
		switch (insns[i].op) {
		case KPROBED_FETCH_STORE:
			bytes += insns[i].n;
			break;
		case KPROBED_FETCH_MEM:
		case KPROBED_FETCH_UMEM:
			bytes += insns[i].len;
			break;
		case KPROBED_FETCH_STR:
		case KPROBED_FETCH_USTR:
			bytes += 4;
			break;
		case KPROBED_FETCH_COMM:
			bytes += KPROBED_COMM_LEN;
		}
	return bytes;
}

static inline void hit_begin(struct hit_record *h, const struct helper_program *program,
			     const char *comm)
{
	memset(h, 0, sizeof(*h));
	h->program = program;
	h->lens[HELPER_ENTRY] = hit_fixed(program->entry, program->n_entry);
	h->lens[HELPER_RETURN] = hit_fixed(program->ret, program->n_ret);
	strncpy((char *)h->parts[HELPER_ENTRY] + program->comm_offset, comm, KPROBED_COMM_LEN);
}

/* The fixed bytes of element @i of argument @arg. */
static inline void hit_put(struct hit_record *h, size_t arg, size_t i, const void *bytes)
{
	const struct helper_arg *a = &h->program->args[arg];

	memcpy(h->parts[a->part] + a->offset + i * a->size, bytes, a->size);
}

/* A string of so many bytes with its NUL, 0: one that could not be read. */
static inline void hit_put_string(struct hit_record *h, size_t arg, size_t i, const char *s,
				  size_t n)
{
	const struct helper_arg *a = &h->program->args[arg];
	uint32_t loc = (uint32_t)h->lens[a->part] | (uint32_t)n << 16;

	hit_put(h, arg, i, &loc);
	if (n)
		memcpy(h->parts[a->part] + h->lens[a->part], s, n);
	else
		h->faults |= 1ULL << a->number;
	h->lens[a->part] += n;
}

static inline void hit_set(struct hit_record *h, unsigned int offset, uint64_t v, size_t size)
{
	memcpy(h->bytes + offset, &v, size);
}

/* Puts the record together; what hit_set() has set stays. */
static inline void hit_finish(struct hit_record *h)
{
	size_t n = h->lens[0] + h->lens[1];

	h->len = HIT_BYTES + n;
	hit_set(h, HIT_FAULTS, h->faults, 8);
	hit_set(h, HIT_ENTRY_LEN, h->lens[0], 2);
	hit_set(h, HIT_DATA, n << 16 | HIT_BYTES, 4);
	memcpy(h->bytes + HIT_BYTES, h->parts[0], h->lens[0]);
	memcpy(h->bytes + HIT_BYTES + h->lens[0], h->parts[1], h->lens[1]);
}

#endif
