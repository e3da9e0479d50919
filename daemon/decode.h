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

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cleanup.h"
#include "json-text.h"
#include "probe-spec.h"
#include "span.h"
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
struct helper_program;

/*
 * Compiles a decoder for @spec, recorded as @format says, shown as probe @name at @site. -EBADMSG
 * when the format lacks a field of the spec or has it smaller than the spec says; -ENOMEM.
 */
int decoder_new(const struct probe_spec *spec, const struct event_format *format, const char *name,
		const char *site, struct decoder **ret);
/*
 * The same of a probe of the helper module, whose values lie as @program says (borrowed for the
 * call) in records of the event kprobed_hit, which @format describes.
 */
int decoder_new_hit(const struct probe_spec *spec, const struct helper_program *program,
		    const struct event_format *format, const char *name, const char *site,
		    struct decoder **ret);
/* Where such records have the cookie that says whose they are, eight bytes. 0 or -EBADMSG. */
int decoder_hit_cookie(const struct event_format *format, unsigned int *ret_offset);
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

/* A record on its way into the log, for who else wants a look at it. */
struct raw_record {
	const void *data;
	size_t len;
	const struct decoder *decoder;
	const struct record_context *context;
};

/* The most bytes decoder_write() can take for a record of @len bytes with @stack_depth addresses.
 */
size_t decoder_bound(const struct decoder *d, size_t len, size_t stack_depth);

/* Writes the event at @out, not terminated; returns its length. */
size_t decoder_write(const struct decoder *d, const void *record, size_t len,
		     const struct record_context *context, char *out);

/* How a value lies in the record. */
enum decoder_value {
	DECODER_UNSIGNED, /* shown as a number or, in hexadecimal, as "0x..." */
	DECODER_SIGNED,	  /* shown as a number or, of an errno, as its name */
	DECODER_STRING,	  /* a __data_loc: decoder_string() */
	DECODER_DURATION, /* shown as a number: decoder_duration() */
	DECODER_SHOWN,	  /* what it is only its text says: decoder_write_value() */
};

/* What of a record an offset counts from. */
enum decoder_part {
	DECODER_RECORD,
	DECODER_ENTRY,	/* of the helper's records: what was fetched at the entry */
	DECODER_RETURN, /* and at the return */
};

/*
 * A value of the event, as others than the decoder may read it. What is no argument is called
 * "caller", "durationNs", "ret" and "pid", where the probe has it.
 */
struct decoder_field {
	const char *name; /* borrowed from the decoder */
	unsigned int index;
	bool is_arg;
	bool is_text; /* a number, and yet shown as a string: what is compared decides */
	enum decoder_value value;
	unsigned int size;  /* bytes of one element */
	unsigned int count; /* elements; 0: not an array */
	unsigned int offset;
	unsigned int next; /* of a string: for decoder_string() */
	enum decoder_part part;
	unsigned int number; /* in a part: its bit among the faults */
};

/* Tells this decoder from any other there was. */
uint64_t decoder_serial(const struct decoder *d);
/* The fields, index by index. False: there are no more. */
bool decoder_field(const struct decoder *d, unsigned int index, struct decoder_field *ret);
/* The probe's name and where it is, in quotes, as every event shows them. */
struct span decoder_name(const struct decoder *d);
struct span decoder_site(const struct decoder *d);
/*
 * What of the record @field's offset counts from, and strings' places as well. False: the value
 * could not be read.
 */
bool decoder_part(const struct decoder *d, const void *record, size_t len,
		  const struct decoder_field *field, struct span *ret);
/* The name of the task in the record; "" where there is none. */
struct span decoder_comm(const struct decoder *d, const void *record, size_t len);
/*
 * The string whose place is at @offset, and that of the string behind it at @next (0: there is
 * none, or these are no bytes of tracefs). False: it could not be read.
 */
bool decoder_string(const void *record, size_t len, unsigned int offset, unsigned int next,
		    struct span *ret);
/* The nanoseconds that a call took whose record was made at @ts; 0 of what is no call. */
uint64_t decoder_duration(const struct decoder *d, const void *record, size_t len, uint64_t ts);
/*
 * Writes the value of the field @index as the event shows it; returns its length. @out has room for
 * DECODER_VALUE_MAX bytes.
 */
#define DECODER_VALUE_MAX (JSON_STRING_MAX(4096) + PROBE_ARRAY_MAX * (FLAG_TEXT_MAX + 3) + 64)
size_t decoder_write_value(const struct decoder *d, unsigned int index, const void *record,
			   size_t len, const struct record_context *context, char *out);

/* Every trace record: kernel/trace/trace_entries.h, include/linux/trace_events.h struct trace_entry
 */
#define RECORD_TYPE_OFFSET 0 /* u16 */
#define RECORD_PID_OFFSET  4 /* s32: the thread's id */
#define RECORD_HEADER_SIZE 8

#endif
