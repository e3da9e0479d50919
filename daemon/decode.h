/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From a raw record to its JSON text: one decoder per kernel event, compiled when the event is
 * made.
 *
 * A decoder joins what only the definition knows (how a value is to be shown) with what only the
 * kernel knows (where it lies in the record: the event's format file). Everything constant in the
 * text is put together beforehand; decoding a record allocates nothing and trusts nothing in it.
 */
#ifndef KP_DECODE_H
#define KP_DECODE_H

#include <stddef.h>
#include <stdint.h>

#include "cleanup.h"
#include "probe-spec.h"
#include "symbols.h"

/* The hidden argument that carries the name of the task (design 9.13). */
#define COMM_FIELD "__comm"

/* One field of an event as its format file describes it. */
struct format_field {
	char name[64];
	unsigned int offset;
	unsigned int size;
};

struct event_format {
	unsigned int id;
	struct format_field *fields; /* owned */
	size_t n_fields;
};

/* Reads the text of a format file. -EBADMSG when it is none, -ENOMEM. */
int event_format_parse(const char *text, struct event_format *ret);
void event_format_done(struct event_format *format);

struct decoder;

/*
 * Compiles a decoder for @spec, recorded as @format says, shown as probe @name at @site. -EBADMSG
 * when the format lacks a field of the spec or has it smaller than the spec says; -ENOMEM.
 */
int decoder_new(const struct probe_spec *spec, const struct event_format *format, const char *name,
		const char *site, struct decoder **ret);
struct decoder *decoder_free(struct decoder *d);
DEFINE_CLEANUP(struct decoder *, decoder_free);

/* The addresses of a kernel stack, innermost first. */
struct stack_record {
	const void *addresses; /* u64 each, unaligned; borrowed */
	size_t n;
};

struct record_context {
	uint64_t seq;
	uint64_t ts;
	unsigned int cpu;
	const struct stack_record *stack; /* NULL: none */
	struct symbols *symbols;	  /* NULL: addresses stay numbers */
};

/* The most bytes decoder_write() can take for a record of @len bytes with @stack_depth addresses.
 */
size_t decoder_bound(const struct decoder *d, size_t len, size_t stack_depth);

/* Writes the event at @out, not terminated; returns its length. */
size_t decoder_write(const struct decoder *d, const void *record, size_t len,
		     const struct record_context *context, char *out);

/* Every trace record: kernel/trace/trace_entries.h, include/linux/trace_events.h struct trace_entry
 */
#define RECORD_TYPE_OFFSET 0 /* u16 */
#define RECORD_PID_OFFSET  4 /* s32: the thread's id */
#define RECORD_HEADER_SIZE 8

#endif
