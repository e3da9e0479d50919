/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a decoder is, for those who make it (decode-compile.c) and who use it (decode.c). Included
 * by them only.
 */
#ifndef KP_DECODE_INTERNAL_H
#define KP_DECODE_INTERNAL_H

#include "decode.h"

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
	uint8_t size;	/* of one element in the record */
	uint16_t count; /* elements; 0: not an array */
	uint16_t offset;
	uint16_t before_len;
	const char *before; /* borrowed from the decoder's text: all that stands before the value */
	union {
		const struct flag_set *flags; /* OP_FLAGS; constant */
		struct value_names *names;    /* OP_ENUM, OP_SIGNED_ENUM; ref */
	};
};

/*
 * An event is its numbers and comm, then fields, each with the constant text before it, then the
 * text after the last one. The caller is a field like the arguments.
 */
struct decoder {
	struct field *fields; /* owned */
	size_t n_fields;
	char *text;	   /* owned: `","probe":"opens","site":"do_sys_openat2+0x0","args":{"dfd":`,
			      `,"name":` */
	const char *after; /* borrowed from text */
	size_t after_len;
	size_t fixed_bound;
	unsigned int comm_offset;
	bool has_comm;
	uint64_t serial;
	struct span name, site;			   /* borrowed from text */
	char (*arg_names)[PROBE_ARG_NAME_MAX + 1]; /* owned */
	bool has_caller;			   /* the first field is it */
};

/* Constant text is copied in pieces of so many bytes, the last of which may reach beyond its end.
 */
#define PIECE 16

static inline bool has_names(const struct field *f)
{
	return f->op == OP_ENUM || f->op == OP_SIGNED_ENUM;
}

#endif
