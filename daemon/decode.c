/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See decode.h. */
#include "decode.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json-text.h"
#include "value-text.h"

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

/* `{"seq":,"ts":,"cpu":,"tid":,"comm":""`, `,"stack":[]}` and four numbers */
#define FRAME_BOUND (128 + 4 * JSON_INT_MAX + PIECE)

static const struct format_field *find_field(const struct event_format *format, const char *name)
{
	for (size_t i = 0; i < format->n_fields; i++)
		if (strcmp(format->fields[i].name, name) == 0)
			return &format->fields[i];
	return NULL;
}

/* log2 of the element size: 0 to 3; -1 for a size no integer has. */
static int size_step(unsigned int size)
{
	return size == 1 ? 0 : size == 2 ? 1 : size == 4 ? 2 : size == 8 ? 3 : -1;
}

/* A value that the kernel has no type for; its size is for put_shown() to trust. */
static int choose_shown(const struct probe_arg *arg, uint8_t *ret)
{
	static const struct {
		uint8_t op;
		uint8_t size; /* 0: any that an integer has */
	} rows[] = {
		[ARG_ERRNO] = {OP_ERRNO, 0}, [ARG_BOOL] = {OP_BOOL, 0},
		[ARG_MODE] = {OP_MODE, 0},   [ARG_DEVICE] = {OP_DEVICE, 4},
		[ARG_PORT] = {OP_PORT, 2},   [ARG_IP4] = {OP_IP4, 4},
		[ARG_IP6] = {OP_IP6, 16},    [ARG_MAC] = {OP_MAC, 6},
		[ARG_FLAGS] = {OP_FLAGS, 0}, [ARG_ENUM] = {OP_ENUM, 0},
	};

	if (arg->show >= ARRAY_SIZE(rows) || (arg->show == ARG_FLAGS && !arg->flags))
		return -EBADMSG;
	if (rows[arg->show].size ? arg->size != rows[arg->show].size : size_step(arg->size) < 0)
		return -EBADMSG;
	*ret = rows[arg->show].op;
	if (*ret == OP_ENUM && probe_arg_is_signed(arg))
		*ret = OP_SIGNED_ENUM;
	return 0;
}

static int choose_op(const struct probe_arg *arg, uint8_t *ret)
{
	int step = size_step(arg->size);

	if (arg->show == ARG_STRING) {
		*ret = OP_STRING;
		return 0;
	}
	if (arg->show >= ARG_ERRNO)
		return choose_shown(arg, ret);
	if (step < 0)
		return -EBADMSG;
	switch (arg->show) {
	case ARG_UNSIGNED:
		*ret = (uint8_t)(OP_U8 + step);
		return 0;
	case ARG_SIGNED:
		*ret = (uint8_t)(OP_S8 + step);
		return 0;
	case ARG_HEX:
		*ret = (uint8_t)(OP_X8 + step);
		return 0;
	case ARG_CHAR:
		*ret = OP_CHAR;
		return step == 0 ? 0 : -EBADMSG;
	case ARG_SYMBOL:
		*ret = OP_SYMBOL;
		return step == 3 ? 0 : -EBADMSG;
	default:
		return -EBADMSG;
	}
}

static inline bool has_names(const struct field *f)
{
	return f->op == OP_ENUM || f->op == OP_SIGNED_ENUM;
}

static int compile_arg(const struct probe_arg *arg, const struct event_format *format,
		       struct field *ret)
{
	const struct format_field *f = find_field(format, arg->name);
	unsigned int elements = arg->count ? arg->count : 1;
	int r;

	if (!f || f->offset > UINT16_MAX || elements > PROBE_ARRAY_MAX)
		return -EBADMSG;
	r = choose_op(arg, &ret->op);
	if (r < 0)
		return r;
	/* A string's place holds a __data_loc: length and offset of the bytes, 16 bits each. */
	ret->size = ret->op == OP_STRING ? 4 : (uint8_t)arg->size;
	if (f->size < ret->size * elements)
		return -EBADMSG;
	ret->count = (uint16_t)arg->count;
	ret->offset = (uint16_t)f->offset;
	ret->names = NULL;
	if (ret->op == OP_FLAGS)
		ret->flags = arg->flags;
	else if (has_names(ret))
		ret->names = arg->names; /* the reference is taken by add_field() */
	return 0;
}

static size_t text_bound(const struct probe_spec *spec, const char *name, const char *site)
{
	size_t n = 128 + JSON_STRING_MAX(strlen(name)) + JSON_STRING_MAX(strlen(site)) + PIECE;

	for (size_t i = 0; i < spec->n_args; i++)
		n += strlen(spec->args[i].name) + strlen(",\"\":");
	return n;
}

/* The most that one element's text takes, with what the writers of numbers may overwrite. */
static size_t element_bound(const struct field *f)
{
	switch ((enum op)f->op) {
	case OP_SYMBOL:
		return SYMBOL_TEXT_MAX + 3;
	case OP_FLAGS:
		return FLAG_TEXT_MAX + 3;
	case OP_ENUM:
	case OP_SIGNED_ENUM:
		return VALUE_NAME_TEXT_MAX + 3;
	case OP_ERRNO:
	case OP_MODE:
	case OP_DEVICE:
	case OP_PORT:
	case OP_IP4:
	case OP_IP6:
	case OP_MAC:
		return VALUE_SHORT_MAX + 1;
	default:
		return JSON_HEX_MAX + 3;
	}
}

/* Adds a field whose text before it begins at @before and ends at @end. Returns @end. */
static char *add_field(struct decoder *d, const struct field *field, const char *before, char *end)
{
	struct field *f = &d->fields[d->n_fields++];

	*f = *field;
	if (has_names(f))
		value_names_ref(f->names);
	f->before = before;
	f->before_len = (uint16_t)(end - before);
	d->fixed_bound += f->before_len + 2 + (f->count ? f->count : 1) * element_bound(f);
	return end;
}

static int compile_fields(struct decoder *d, const struct probe_spec *spec,
			  const struct event_format *format, const char *name, const char *site)
{
	/* kernel/trace/trace_probe.h: FIELD_STRING_RETIP */
	const struct format_field *caller = find_field(format, "__probe_ret_ip");
	char *p = d->text, *before = p;
	struct field field;

	p = put_literal(p, "\",\"probe\":");
	d->name.p = p;
	p = put_string(p, name, strlen(name));
	d->name.n = (size_t)(p - d->name.p);
	p = put_literal(p, ",\"site\":");
	d->site.p = p;
	p = put_string(p, site, strlen(site));
	d->site.n = (size_t)(p - d->site.p);
	if (caller && caller->size == 8 && caller->offset <= UINT16_MAX) {
		p = put_literal(p, ",\"caller\":");
		field = (struct field){OP_SYMBOL, .size = 8, .offset = (uint16_t)caller->offset};
		before = add_field(d, &field, before, p);
		d->has_caller = true;
	}
	p = put_literal(p, ",\"args\":{");
	for (size_t i = 0; i < spec->n_args; i++) {
		const char *key = spec->args[i].name;
		int r = compile_arg(&spec->args[i], format, &field);

		if (r < 0)
			return r;
		/* An argument's name is an identifier (probe-spec.h): nothing to escape. */
		p += sprintf(p, "%s\"%s\":", i ? "," : "", key);
		before = add_field(d, &field, before, p);
		snprintf(d->arg_names[i], sizeof(d->arg_names[i]), "%s", key);
	}
	*p++ = '}';
	d->after = before;
	d->after_len = (size_t)(p - before);
	d->fixed_bound += d->after_len;
	return 0;
}

static uint64_t last_serial;

int decoder_new(const struct probe_spec *spec, const struct event_format *format, const char *name,
		const char *site, struct decoder **ret)
{
	_cleanup_(decoder_freep) struct decoder *d = NULL;
	const struct format_field *comm;
	int r;

	d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	d->fields = calloc(spec->n_args + 1, sizeof(*d->fields));
	d->text = calloc(1, text_bound(spec, name, site));
	d->arg_names = calloc(spec->n_args + 1, sizeof(*d->arg_names));
	if (!d->fields || !d->text || !d->arg_names)
		return -ENOMEM;
	d->fixed_bound = FRAME_BOUND;
	/* Decoders are made by the worker, and by tests on the main thread. */
	d->serial = __atomic_add_fetch(&last_serial, 1, __ATOMIC_RELAXED);
	r = compile_fields(d, spec, format, name, site);
	if (r < 0)
		return r;
	comm = find_field(format, COMM_FIELD);
	d->has_comm = comm && comm->size >= 4;
	d->comm_offset = comm ? comm->offset : 0;

	*ret = take_ptr(d);
	return 0;
}

struct decoder *decoder_free(struct decoder *d)
{
	for (size_t i = 0; d->fields && i < d->n_fields; i++)
		if (has_names(&d->fields[i]))
			value_names_unref(d->fields[i].names);
	free(d->fields);
	free(d->text);
	free(d->arg_names);
	free(d);
	return NULL;
}

size_t decoder_bound(const struct decoder *d, size_t len, size_t stack_depth)
{
	/*
	 * The kernel stores each string once, so all of them together are no longer than the
	 * record. One that is not from the kernel could point at the same bytes again and again;
	 * decoder_write() stops at this.
	 */
	return d->fixed_bound + JSON_STRING_MAX(len) + stack_depth * (SYMBOL_TEXT_MAX + 3);
}

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

static const unsigned char zeros[16];

/*
 * The bytes a __data_loc points at: where, and how many without the NUL. NULL for a string that the
 * kernel could not read: it leaves either no bytes (until 6.5) or the text "(fault)".
 */
static const char *locate_string(const unsigned char *record, size_t len, unsigned int offset,
				 size_t *ret_len)
{
	uint32_t loc;
	size_t at, n;
	const char *s;

	if (offset + 4 > len)
		return NULL;
	loc = load_uint32_t(record + offset);
	at = loc & 0xffff;
	n = loc >> 16;
	if (n == 0 || at > len || n > len - at)
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
			       unsigned int offset, size_t *room)
{
	size_t n = 0;
	const char *s = locate_string(record, len, offset, &n);

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
	default:
		return put_shown(p, f, v);
	}
}

static inline char *put_field(char *p, const struct field *f, const unsigned char *record,
			      size_t len, struct symbols *symbols, size_t *room)
{
	unsigned int n = f->count ? f->count : 1;

	if (f->count)
		*p++ = '[';
	for (unsigned int i = 0; i < n; i++) {
		size_t at = f->offset + (size_t)i * f->size;

		if (i > 0)
			*p++ = ',';
		if (f->op == OP_STRING)
			p = put_record_string(p, record, len, (unsigned int)at, room);
		else
			p = put_value(p, f, at + f->size <= len ? record + at : zeros, symbols);
	}
	if (f->count)
		*p++ = ']';
	return p;
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
	char *p = out;

	p = put_literal(p, "{\"seq\":");
	p = put_u64(p, context->seq);
	p = put_literal(p, ",\"ts\":");
	p = put_u64(p, context->ts);
	p = put_literal(p, ",\"cpu\":");
	p = put_u64(p, context->cpu);
	p = put_literal(p, ",\"tid\":");
	p = put_s64(p, (int32_t)load_uint32_t(record + RECORD_PID_OFFSET));
	p = put_literal(p, ",\"comm\":\"");
	if (d->has_comm)
		comm = locate_string(record, len, d->comm_offset, &comm_len);
	if (comm && comm_len <= room) {
		p = put_escaped(p, comm, comm_len);
		room -= comm_len;
	}
	for (const struct field *f = d->fields; f < d->fields + d->n_fields; f++) {
		p = put_pieces(p, f->before, f->before_len);
		p = put_field(p, f, record, len, context->symbols, &room);
	}
	p = put_pieces(p, d->after, d->after_len);
	if (context->stack)
		p = put_stack(p, context->stack, context->symbols);
	*p++ = '}';
	return (size_t)(p - out);
}

uint64_t decoder_serial(const struct decoder *d)
{
	return d->serial;
}

static enum decoder_value value_of(enum op op)
{
	switch (op) {
	case OP_U8:
	case OP_U16:
	case OP_U32:
	case OP_U64:
	case OP_X8:
	case OP_X16:
	case OP_X32:
	case OP_X64:
		return DECODER_UNSIGNED;
	case OP_S8:
	case OP_S16:
	case OP_S32:
	case OP_S64:
	case OP_ERRNO:
		return DECODER_SIGNED;
	case OP_STRING:
		return DECODER_STRING;
	default:
		return DECODER_SHOWN;
	}
}

bool decoder_field(const struct decoder *d, unsigned int index, struct decoder_field *ret)
{
	const struct field *f = &d->fields[index];
	bool is_arg = index > 0 || !d->has_caller;

	if (index >= d->n_fields)
		return false;
	*ret = (struct decoder_field){
		.name = is_arg ? d->arg_names[index - d->has_caller] : "caller",
		.index = index,
		.is_arg = is_arg,
		.is_text = (f->op >= OP_X8 && f->op <= OP_X64) || f->op == OP_ERRNO,
		.value = value_of(f->op),
		.size = f->size,
		.count = f->count,
		.offset = f->offset,
	};
	return true;
}

struct span decoder_name(const struct decoder *d)
{
	return d->name;
}

struct span decoder_site(const struct decoder *d)
{
	return d->site;
}

struct span decoder_comm(const struct decoder *d, const void *record, size_t len)
{
	struct span comm = {"", 0};

	if (d->has_comm)
		decoder_string(record, len, d->comm_offset, &comm);
	return comm;
}

bool decoder_string(const void *record, size_t len, unsigned int offset, struct span *ret)
{
	size_t n;
	const char *s = locate_string(record, len, offset, &n);

	if (s)
		*ret = (struct span){s, n};
	return s != NULL;
}

size_t decoder_write_value(const struct decoder *d, unsigned int index, const void *record,
			   size_t len, struct symbols *symbols, char *out)
{
	size_t room = len;

	return (size_t)(put_field(out, &d->fields[index], record, len, symbols, &room) - out);
}
