/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a decoder is, for those who make it (decode-compile.c) and who use it (decode.c). Included
 * by them only.
 */
#ifndef KP_DECODE_INTERNAL_H
#define KP_DECODE_INTERNAL_H

#include "decode.h"
#include "helper-program.h"

enum op {
	OP_U8,
	OP_U16,
	OP_U32,
	OP_U64,
	OP_S8,
	OP_S16,
	OP_S32,
	OP_S64,
	OP_X8,
	OP_X16,
	OP_X32,
	OP_X64,
	OP_CHAR,
	OP_SYMBOL,
	OP_STRING,
	OP_TEXT,     /* of fixed size, zeros behind it */
	OP_DURATION, /* a hit's; not in the record as it is shown */
	/* The others are the business of put_shown(). */
	OP_ERRNO,
	OP_BOOL,
	OP_MODE,
	OP_DEVICE,
	OP_PORT,
	OP_IP4,
	OP_IP6,
	OP_MAC,
	OP_FLAGS,
	OP_ENUM,
	OP_SIGNED_ENUM,
};

struct field {
	uint8_t op;
	uint8_t size;	    /* of one element in the record */
	uint8_t count;	    /* elements; 0: not an array */
	uint8_t part : 2;   /* enum decoder_part: what offset counts from */
	uint8_t number : 6; /* of an argument in such a part: its bit in "faults" */
	uint16_t offset;
	uint16_t next; /* of a string: where the __data_loc behind its last one lies; 0: none */
	uint16_t before_len;
	const char *before; /* borrowed from the decoder's text: all that stands before the value */
	union {
		const struct flag_set *flags; /* OP_FLAGS; constant */
		struct value_names *names;    /* OP_ENUM, OP_SIGNED_ENUM; ref */
	};
};

/* Where records of the helper's event have what all of them have. */
struct hit_layout {
	uint16_t time, flags, pid, faults, entry_len, data;
};

/* A hit's record, taken apart: by enum decoder_part. */
struct hit {
	struct span parts[3];
	uint64_t faults, duration;
};

/* caller, durationNs, ret */
enum { OWN_MAX = 3 };

/*
 * An event is its numbers and comm, then fields, each with the constant text before it, then the
 * text after the last one. What the kind of probe adds, such as the caller, are fields like the
 * arguments, in front of them.
 */
struct decoder {
	struct field *fields; /* owned */
	size_t n_fields;
	char *text;	   /* owned: `","probe":"opens","site":"do_sys_openat2+0x0","args":{"dfd":`,
			      `,"name":` */
	const char *after; /* borrowed from text */
	size_t after_len;
	size_t fixed_bound;
	unsigned int comm_offset; /* of a hit: in the entry part */
	bool has_comm;
	bool is_hit; /* of the helper module: with pid, and values in parts */
	struct hit_layout hit;
	uint64_t serial;
	struct span name, site;			   /* borrowed from text */
	char (*arg_names)[PROBE_ARG_NAME_MAX + 1]; /* owned */
	const char *own_names[OWN_MAX];		   /* constant; of the fields in front */
	unsigned int n_own;
};

/* Constant text is copied in pieces of so many bytes, the last of which may reach beyond its end.
 */
#define PIECE 16

/*
 * decode-hit.c. Takes a record apart; what it does not have is empty, or no fault. @ts: when it was
 * recorded, which its duration may need.
 */
void hit_open(const struct decoder *d, const unsigned char *record, size_t len, uint64_t ts,
	      struct hit *ret);
/* The name of the task. */
struct span hit_comm(const struct decoder *d, const struct hit *hit);
/* Whether the value could not be read; of strings each one says so itself. */
static inline bool hit_is_faulted(const struct hit *hit, const struct field *f)
{
	return f->part != DECODER_RECORD && f->op != OP_STRING && (hit->faults >> f->number & 1);
}
/* Fills in the decoder's layout. -EBADMSG when the format is not that of the helper's event. */
int hit_layout_read(const struct event_format *format, struct hit_layout *ret);
/* Where the argument is that @arg says lies at @place. -EBADMSG when the two do not fit. */
int hit_compile_arg(const struct probe_arg *arg, const struct helper_arg *place, struct field *ret);

/* decode-compile.c */
const struct format_field *format_find_field(const struct event_format *format, const char *name);
/* What to do with an argument of that size; of the fields of @ret op, flags and names. */
int decode_choose_op(const struct probe_arg *arg, struct field *ret);

static inline bool has_names(const struct field *f)
{
	return f->op == OP_ENUM || f->op == OP_SIGNED_ENUM;
}

#endif
