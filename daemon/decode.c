/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See decode.h. Here: records to text. */
#include <string.h>

#include "decode-internal.h"
#include "value-text.h"

#define DEFINE_LOAD(type)                                                                          \
	static inline type load_##type(const unsigned char *p)                                     \
	{                                                                                          \
		type v;                                                                            \
		memcpy(&v, p, sizeof(v));                                                          \
		return v;                                                                          \
	}

DEFINE_LOAD(uint16_t)
DEFINE_LOAD(uint32_t)
DEFINE_LOAD(uint64_t)

static const unsigned char zeros[UINT8_MAX];

/*
 * Strings lie one behind the other. Where the way to one could not be followed, 6.5 and later leave
 * its place as it was prepared, with all the room there is, which the next string then fills
 * (kernel/trace/trace_probe_tmpl.h, store_trace_args()): it is told by where the next one begins.
 */
static inline bool is_overlapped(const unsigned char *record, size_t len, uint32_t loc,
				 unsigned int next)
{
	return next && next + 4U <= len &&
	       (load_uint32_t(record + next) & 0xffff) != (loc & 0xffff) + (loc >> 16);
}

/*
 * The bytes a __data_loc points at: where, and how many without the NUL. NULL for a string that the
 * kernel could not read: it leaves no bytes, or the text "(fault)", or another string's.
 */
static const char *locate_string(const unsigned char *record, size_t len, unsigned int offset,
				 unsigned int next, size_t *ret_len)
{
	uint32_t loc;
	size_t at, n;
	const char *s;

	if (offset + 4 > len)
		return NULL;
	loc = load_uint32_t(record + offset);
	at = loc & 0xffff;
	n = loc >> 16;
	if (n == 0 || at > len || n > len - at || is_overlapped(record, len, loc, next))
		return NULL;
	s = (const char *)record + at;
	n = strnlen(s, n);
	if (n == 7 && memcmp(s, "(fault)", 7) == 0)
		return NULL;
	*ret_len = n;
	return s;
}

/* Constant text; there is room behind both for the rest of the last piece. */
static inline char *put_pieces(char *p, const char *s, size_t len)
{
	for (size_t i = 0; i < len; i += PIECE)
		memcpy(p + i, s + i, PIECE);
	return p + len;
}

static char *put_symbol(char *p, struct symbols *symbols, uint64_t address)
{
	*p++ = '"';
	p += symbols_format(symbols, address, p);
	*p++ = '"';
	return p;
}

/* What is left of the room for strings is watched, so that no record can exceed decoder_bound(). */
static char *put_record_string(char *p, const unsigned char *record, size_t len,
			       unsigned int offset, unsigned int next, size_t *room)
{
	size_t n = 0;
	const char *s = locate_string(record, len, offset, next, &n);

	if (!s || n > *room)
		return put_literal(p, "null");
	*room -= n;
	return put_string(p, s, n);
}

static uint64_t load_unsigned(const unsigned char *v, unsigned int size)
{
	switch (size) {
	case 1:
		return *v;
	case 2:
		return load_uint16_t(v);
	case 4:
		return load_uint32_t(v);
	default:
		return load_uint64_t(v);
	}
}

static int64_t load_signed(const unsigned char *v, unsigned int size)
{
	unsigned int unused = 64 - 8 * size;

	return (int64_t)(load_unsigned(v, size) << unused) >> unused;
}

/* Out of line: they are longer and rarer than numbers, which put_value() is kept small for. */
static __attribute__((__noinline__)) char *put_shown(char *p, const struct field *f,
						     const unsigned char *v)
{
	switch ((enum op)f->op) {
	case OP_ERRNO:
		return put_errno(p, load_signed(v, f->size));
	case OP_BOOL:
		return load_unsigned(v, f->size) ? put_literal(p, "true") : put_literal(p, "false");
	case OP_MODE:
		return put_octal(p, load_unsigned(v, f->size));
	case OP_DEVICE:
		return put_device(p, load_uint32_t(v));
	case OP_PORT:
		return put_u64(p, (uint64_t)v[0] << 8 | v[1]);
	case OP_IP4:
		return put_ip4(p, v);
	case OP_IP6:
		return put_ip6(p, v);
	case OP_MAC:
		return put_mac(p, v);
	case OP_FLAGS:
		return put_flags(p, f->flags, load_unsigned(v, f->size));
	case OP_ENUM:
		return put_name(p, f->names, (int64_t)load_unsigned(v, f->size), false);
	case OP_SIGNED_ENUM:
		return put_name(p, f->names, load_signed(v, f->size), true);
	default:
		return p;
	}
}

static inline char *put_value(char *p, const struct field *f, const unsigned char *v,
			      struct symbols *symbols)
{
	switch ((enum op)f->op) {
	case OP_U8:
		return put_u64(p, *v);
	case OP_U16:
		return put_u64(p, load_uint16_t(v));
	case OP_U32:
		return put_u64(p, load_uint32_t(v));
	case OP_U64:
		return put_u64(p, load_uint64_t(v));
	case OP_S8:
		return put_s64(p, (int8_t)*v);
	case OP_S16:
		return put_s64(p, (int16_t)load_uint16_t(v));
	case OP_S32:
		return put_s64(p, (int32_t)load_uint32_t(v));
	case OP_S64:
		return put_s64(p, (int64_t)load_uint64_t(v));
	case OP_X8:
		return put_hex(p, *v);
	case OP_X16:
		return put_hex(p, load_uint16_t(v));
	case OP_X32:
		return put_hex(p, load_uint32_t(v));
	case OP_X64:
		return put_hex(p, load_uint64_t(v));
	case OP_CHAR:
		return put_string(p, (const char *)v, *v != 0);
	case OP_SYMBOL:
		return put_symbol(p, symbols, load_uint64_t(v));
	case OP_TEXT:
		return put_string(p, (const char *)v, strnlen((const char *)v, f->size));
	default:
		return put_shown(p, f, v);
	}
}

/*
 * Strings of an array are read all or not at all: when the way to one of them ends, the kernel
 * gives the next argument the room that those before it are in.
 */
static bool is_array_whole(const struct field *f, const unsigned char *record, size_t len)
{
	for (size_t i = 0; i < f->count; i++) {
		size_t at = f->offset + 4 * i;
		unsigned int next = i + 1U < f->count ? (unsigned int)at + 4 : f->next;

		if (at + 4 <= len && is_overlapped(record, len, load_uint32_t(record + at), next))
			return false;
	}
	return true;
}

static inline __attribute__((__always_inline__)) char *put_field(char *p, const struct field *f,
								 const unsigned char *record,
								 size_t len,
								 struct symbols *symbols,
								 size_t *room)
{
	unsigned int n = f->count ? f->count : 1;
	bool is_whole = true;

	if (f->count) {
		*p++ = '[';
		is_whole = f->op != OP_STRING || !f->next || is_array_whole(f, record, len);
	}
	for (unsigned int i = 0; i < n; i++) {
		size_t at = f->offset + (size_t)i * f->size;

		if (i > 0)
			*p++ = ',';
		if (!is_whole)
			p = put_literal(p, "null");
		else if (f->op == OP_STRING)
			p = put_record_string(p, record, len, (unsigned int)at,
					      f->count ? 0 : f->next, room);
		else
			p = put_value(p, f, at + f->size <= len ? record + at : zeros, symbols);
	}
	if (f->count)
		*p++ = ']';
	return p;
}

/* Out of line, as the records of tracefs are those that come by the million. */
static __attribute__((__noinline__)) char *put_hit_field(char *p, const struct field *f,
							 const struct hit *hit,
							 struct symbols *symbols, size_t *room)
{
	const struct span *part = &hit->parts[f->part];

	if (f->op == OP_DURATION)
		return put_u64(p, hit->duration);
	if (hit_is_faulted(hit, f))
		return put_literal(p, "null");
	return put_field(p, f, (const unsigned char *)part->p, part->n, symbols, room);
}

static char *put_stack(char *p, const struct stack_record *stack, struct symbols *symbols)
{
	const unsigned char *a = stack->addresses;

	p = put_literal(p, ",\"stack\":[");
	for (size_t i = 0; i < stack->n; i++) {
		if (i > 0)
			*p++ = ',';
		p = put_symbol(p, symbols, load_uint64_t(a + 8 * i));
	}
	*p++ = ']';
	return p;
}

size_t decoder_write(const struct decoder *d, const void *data, size_t len,
		     const struct record_context *context, char *out)
{
	const unsigned char *record = data;
	size_t room = len, comm_len;
	const char *comm = NULL;
	struct hit hit;
	char *p = out;

	p = put_literal(p, "{\"seq\":");
	p = put_u64(p, context->seq);
	p = put_literal(p, ",\"ts\":");
	p = put_u64(p, context->ts);
	p = put_literal(p, ",\"cpu\":");
	p = put_u64(p, context->cpu);
	p = put_literal(p, ",\"tid\":");
	p = put_s64(p, (int32_t)load_uint32_t(record + RECORD_PID_OFFSET));
	if (d->is_hit) {
		struct span name;

		hit_open(d, record, len, context->ts, &hit);
		name = hit_comm(d, &hit);
		comm = name.p;
		comm_len = name.n;
		p = put_literal(p, ",\"pid\":");
		p = put_u64(p, d->hit.pid + 4U <= len ? load_uint32_t(record + d->hit.pid) : 0);
	}
	p = put_literal(p, ",\"comm\":\"");
	if (d->has_comm && !d->is_hit)
		comm = locate_string(record, len, d->comm_offset, 0, &comm_len);
	if (comm && comm_len <= room) {
		p = put_escaped(p, comm, comm_len);
		room -= comm_len;
	}
	for (const struct field *f = d->fields; f < d->fields + d->n_fields; f++) {
		p = put_pieces(p, f->before, f->before_len);
		if (d->is_hit)
			p = put_hit_field(p, f, &hit, context->symbols, &room);
		else
			p = put_field(p, f, record, len, context->symbols, &room);
	}
	p = put_pieces(p, d->after, d->after_len);
	if (context->stack)
		p = put_stack(p, context->stack, context->symbols);
	*p++ = '}';
	return (size_t)(p - out);
}
struct span decoder_comm(const struct decoder *d, const void *record, size_t len)
{
	struct span comm = {"", 0};
	struct hit hit;

	if (d->is_hit) {
		hit_open(d, record, len, 0, &hit);
		comm = hit_comm(d, &hit);
	} else if (d->has_comm)
		decoder_string(record, len, d->comm_offset, 0, &comm);
	return comm;
}

bool decoder_string(const void *record, size_t len, unsigned int offset, unsigned int next,
		    struct span *ret)
{
	size_t n;
	const char *s = locate_string(record, len, offset, next, &n);

	if (s)
		*ret = (struct span){s, n};
	return s != NULL;
}

uint64_t decoder_duration(const struct decoder *d, const void *record, size_t len, uint64_t ts)
{
	struct hit hit;

	hit_open(d, record, len, ts, &hit);
	return hit.duration;
}

size_t decoder_write_value(const struct decoder *d, unsigned int index, const void *record,
			   size_t len, const struct record_context *context, char *out)
{
	const struct field *f = &d->fields[index];
	size_t room = len;
	struct hit hit;

	if (d->is_hit && index == d->n_fields)
		return (size_t)(put_u64(out, d->hit.pid + 4U <= len
						     ? load_uint32_t((const unsigned char *)record +
								     d->hit.pid)
						     : 0) -
				out);
	if (d->is_hit) {
		hit_open(d, record, len, context->ts, &hit);
		return (size_t)(put_hit_field(out, f, &hit, context->symbols, &room) - out);
	}
	return (size_t)(put_field(out, f, record, len, context->symbols, &room) - out);
}
