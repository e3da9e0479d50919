/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Probes of every kind of field, records of them made of any bytes, and both judges of a condition
 * on the same record: what the unit test and the fuzzer of conditions have in common.
 */
#ifndef KP_TEST_FILTER_WORLD_H
#define KP_TEST_FILTER_WORLD_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "decode.h"
#include "filter-eval.h"
#include "filter-text.h"

#define WORLD_COMMON "ID: 100\n\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n"
#define WORLD_PLACES 3 /* of strings, the comm's the last of them */

static const struct {
	const char *definition, *format;
	unsigned int fixed;		   /* bytes before the strings */
	unsigned int places[WORLD_PLACES]; /* of __data_locs; 0: none */
} world_kinds[] = {
	{"r:back do_sys_openat2 a=$retval:s32 b=$retval:u64 c=$retval:x16 d=$retval:s8",
	 WORLD_COMMON "\tfield:unsigned long __probe_ret_ip;\toffset:16;\tsize:8;\n"
		      "\tfield:s32 a;\toffset:24;\tsize:4;\n\tfield:u64 b;\toffset:28;\tsize:8;\n"
		      "\tfield:u16 c;\toffset:36;\tsize:2;\n\tfield:s8 d;\toffset:38;\tsize:1;\n"
		      "\tfield:__data_loc char[] __comm;\toffset:40;\tsize:4;\n",
	 44,
	 {40}},
	{"p:opens do_sys_openat2 a=+0(%di):string b=+0(%si):ustring comm=%di:char d=%di:x64 "
	 "caller=%si:u32",
	 WORLD_COMMON "\tfield:__data_loc char[] a;\toffset:8;\tsize:4;\n"
		      "\tfield:__data_loc char[] b;\toffset:12;\tsize:4;\n"
		      "\tfield:char comm;\toffset:16;\tsize:1;\n"
		      "\tfield:u64 d;\toffset:20;\tsize:8;\n"
		      "\tfield:u32 caller;\toffset:28;\tsize:4;\n"
		      "\tfield:__data_loc char[] __comm;\toffset:32;\tsize:4;\n",
	 36,
	 {8, 12, 32}},
	{"p:rows do_sys_openat2 a=+0(%di):x8[4] b=+0(%di):string[2] c=%di:symbol d=+0(%di):s16[2]",
	 WORLD_COMMON
	 "\tfield:u8 a[4];\toffset:8;\tsize:4;\n"
	 "\tfield:__data_loc char[][2] b;\toffset:12;\tsize:8;\n"
	 "\tfield:u64 c;\toffset:20;\tsize:8;\n\tfield:s16 d[2];\toffset:28;\tsize:4;\n",
	 32,
	 {12, 16}},
	{"r:shown do_sys_openat2 a=$retval:errno b=$retval:bool c=$retval:port d=$retval:mode",
	 WORLD_COMMON "\tfield:s32 a;\toffset:8;\tsize:4;\n\tfield:u8 b;\toffset:12;\tsize:1;\n"
		      "\tfield:u16 c;\toffset:14;\tsize:2;\n\tfield:u16 d;\toffset:16;\tsize:2;\n"
		      "\tfield:__data_loc char[] __comm;\toffset:20;\tsize:4;\n",
	 24,
	 {20}},
};

#define WORLD_KINDS ARRAY_SIZE(world_kinds)

/* Aborts where it cannot: a test's own mistake. */
static inline struct decoder *world_decoder(size_t kind)
{
	struct kp_error e = KP_ERROR_INIT;
	struct probe_spec spec = PROBE_SPEC_INIT;
	struct event_format format;
	struct decoder *d;

	if (probe_spec_parse(world_kinds[kind].definition, &spec, &e) < 0 ||
	    event_format_parse(world_kinds[kind].format, &format) < 0 ||
	    decoder_new(&spec, &format, spec.name, "do_sys_openat2+0x0", &d) < 0)
		abort();
	event_format_done(&format);
	probe_spec_done(&spec);
	return d;
}

#define WORLD_RECORD_MAX 600

/* A record as the kernel writes it, of @n bytes at @bytes: numbers, then what its strings hold. */
static inline size_t world_record(size_t kind, const uint8_t *bytes, size_t n,
				  unsigned char record[WORLD_RECORD_MAX])
{
	size_t fixed = world_kinds[kind].fixed, len = fixed, i;

	memset(record, 0, fixed);
	memcpy(record, bytes, n < fixed ? n : fixed);
	bytes += n < fixed ? n : fixed;
	n -= n < fixed ? n : fixed;
	for (i = 0; i < WORLD_PLACES && world_kinds[kind].places[i]; i++) {
		size_t size = n ? *bytes % 100 : 0;
		uint32_t loc;

		size = size < n ? size : n;
		loc = (uint32_t)size << 16 | (uint32_t)len;
		memcpy(record + world_kinds[kind].places[i], &loc, sizeof(loc));
		memcpy(record + len, bytes, size);
		len += size;
		bytes += size;
		n -= size;
	}
	return len;
}

/* What both say of the record, which must be the same: 0, 1, or -1 where they differ. */
static inline int world_judge(const struct filter *f, const struct decoder *d, const void *record,
			      size_t len, char **ret_text)
{
	const struct record_context context = {.seq = 77, .ts = 1234567890123, .cpu = 3};
	struct filter_program *program;
	size_t bound = decoder_bound(d, len, 0), n;
	char *text = malloc(bound + 1), *exact;
	bool by_record, by_text;

	if (!text || filter_compile(f, d, &program) < 0)
		abort();
	by_record = filter_eval(program, d, record, len, &context);
	n = decoder_write(d, record, len, &context, text);
	/* In memory of its own size, so that the sanitizer sees a byte too far. */
	exact = malloc(n);
	if (!exact)
		abort();
	memcpy(exact, text, n);
	by_text = filter_match_text(f, exact, n);
	free(exact);
	filter_program_free(program);
	text[n] = '\0';
	if (ret_text)
		*ret_text = text;
	else
		free(text);
	return by_record == by_text ? by_record : -1;
}

#endif
