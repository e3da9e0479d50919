/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See decode.h. Here: making a decoder, and what is asked of one. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decode-internal.h"
#include "value-text.h"

/* `{"seq":,"ts":,"cpu":,"tid":,"pid":,"comm":""`, `,"stack":[]}` and five numbers */
#define FRAME_BOUND (128 + 5 * JSON_INT_MAX + PIECE)

const struct format_field *format_find_field(const struct event_format *format, const char *name)
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

int decode_choose_op(const struct probe_arg *arg, struct field *ret)
{
	int r = choose_op(arg, &ret->op);

	if (r < 0)
		return r;
	ret->names = NULL;
	if (ret->op == OP_FLAGS)
		ret->flags = arg->flags;
	else if (has_names(ret))
		ret->names = arg->names; /* the reference is taken by add_field() */
	return 0;
}

static int compile_arg(const struct probe_arg *arg, const struct event_format *format,
		       struct field *ret)
{
	const struct format_field *f = format_find_field(format, arg->name);
	unsigned int elements = arg->count ? arg->count : 1;
	int r;

	if (!f || f->offset > UINT16_MAX || elements > PROBE_ARRAY_MAX)
		return -EBADMSG;
	*ret = (struct field){.part = DECODER_RECORD};
	r = decode_choose_op(arg, ret);
	if (r < 0)
		return r;
	/* A string's place holds a __data_loc: length and offset of the bytes, 16 bits each. */
	ret->size = ret->op == OP_STRING ? 4 : (uint8_t)arg->size;
	if (f->size < ret->size * elements)
		return -EBADMSG;
	ret->count = (uint8_t)arg->count;
	ret->offset = (uint16_t)f->offset;
	return 0;
}

static size_t text_bound(const struct probe_spec *spec, const char *name, const char *site)
{
	size_t n = 192 + JSON_STRING_MAX(strlen(name)) + JSON_STRING_MAX(strlen(site)) + PIECE;

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
	case OP_TEXT:
		return JSON_STRING_MAX(f->size) + 1;
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

/* A field in front of the arguments, if the format has it. Returns the end of the text. */
static char *add_own(struct decoder *d, const struct event_format *format, const char *kernels,
		     const char *name, const struct field *field, char **before, char *p)
{
	const struct format_field *f = format_find_field(format, kernels);
	struct field own = *field;

	if (!f || f->size < field->size || f->offset > UINT16_MAX)
		return p;
	own.offset = (uint16_t)f->offset;
	p += sprintf(p, ",\"%s\":", name);
	*before = add_field(d, &own, *before, p);
	d->own_names[d->n_own++] = name;
	return p;
}

/* What calls have. Of a result whose type is not known all is taken, and it may be an error. */
static int add_call(struct decoder *d, const struct probe_spec *spec,
		    const struct event_format *format, char **before, char **p)
{
	const struct field caller = {OP_SYMBOL, .size = 8}, duration = {OP_DURATION, .size = 8};
	struct field ret = {OP_S64, .size = 8};
	int r;

	*p = add_own(d, format, "caller", "caller", &caller, before, *p);
	*p = add_own(d, format, "time", "durationNs", &duration, before, *p);
	if (spec->has_no_result)
		return 0;
	if (spec->result) {
		r = decode_choose_op(spec->result, &ret);
		if (r < 0 || spec->result->size > 8)
			return -EBADMSG;
		ret.size = (uint8_t)spec->result->size;
	}
	*p = add_own(d, format, "ret", "ret", &ret, before, *p);
	return 0;
}

static int compile_fields(struct decoder *d, const struct probe_spec *spec,
			  const struct helper_program *program, const struct event_format *format,
			  const char *name, const char *site)
{
	const struct field caller = {OP_SYMBOL, .size = 8};
	char *p = d->text, *before = p;
	struct field field;
	int r;

	p = put_literal(p, "\",\"probe\":");
	d->name.p = p;
	p = put_string(p, name, strlen(name));
	d->name.n = (size_t)(p - d->name.p);
	p = put_literal(p, ",\"site\":");
	d->site.p = p;
	p = put_string(p, site, strlen(site));
	d->site.n = (size_t)(p - d->site.p);
	/* kernel/trace/trace_probe.h: FIELD_STRING_RETIP */
	if (!program)
		p = add_own(d, format, "__probe_ret_ip", "caller", &caller, &before, p);
	else if (spec->kind == PROBE_CALL) {
		r = add_call(d, spec, format, &before, &p);
		if (r < 0)
			return r;
	}
	p = put_literal(p, ",\"args\":{");
	for (size_t i = 0; i < spec->n_args; i++) {
		const char *key = spec->args[i].name;

		r = program ? hit_compile_arg(&spec->args[i], &program->args[i], &field)
			    : compile_arg(&spec->args[i], format, &field);
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

/* Each string is told where the one behind it begins, of which the last is the task's name. */
static void link_strings(struct decoder *d, const struct format_field *comm)
{
	unsigned int next = comm && comm->offset <= UINT16_MAX ? comm->offset : 0;

	for (size_t i = d->n_fields; i-- > 0;) {
		struct field *f = &d->fields[i];

		if (f->op != OP_STRING)
			continue;
		f->next = (uint16_t)next;
		next = f->offset;
	}
}

static uint64_t last_serial;

static int make_decoder(const struct probe_spec *spec, const struct helper_program *program,
			const struct event_format *format, const char *name, const char *site,
			struct decoder **ret)
{
	_cleanup_(decoder_freep) struct decoder *d = NULL;
	const struct format_field *comm;
	int r = 0;

	d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	d->fields = calloc(spec->n_args + OWN_MAX, sizeof(*d->fields));
	d->text = calloc(1, text_bound(spec, name, site));
	d->arg_names = calloc(spec->n_args + 1, sizeof(*d->arg_names));
	if (!d->fields || !d->text || !d->arg_names)
		return -ENOMEM;
	d->fixed_bound = FRAME_BOUND;
	/* Decoders are made by the worker, and by tests on the main thread. */
	d->serial = __atomic_add_fetch(&last_serial, 1, __ATOMIC_RELAXED);
	d->is_hit = program != NULL;
	if (program)
		r = hit_layout_read(format, &d->hit);
	if (r == 0)
		r = compile_fields(d, spec, program, format, name, site);
	if (r < 0)
		return r;
	comm = format_find_field(format, COMM_FIELD);
	d->has_comm = program || (comm && comm->size >= 4);
	if (!program)
		link_strings(d, comm);
	d->comm_offset = program ? program->comm_offset : comm ? comm->offset : 0;

	*ret = take_ptr(d);
	return 0;
}

int decoder_new(const struct probe_spec *spec, const struct event_format *format, const char *name,
		const char *site, struct decoder **ret)
{
	return make_decoder(spec, NULL, format, name, site, ret);
}

int decoder_new_hit(const struct probe_spec *spec, const struct helper_program *program,
		    const struct event_format *format, const char *name, const char *site,
		    struct decoder **ret)
{
	if (program->n_args != spec->n_args)
		return -EBADMSG;
	return make_decoder(spec, program, format, name, site, ret);
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
	case OP_DURATION:
		return DECODER_DURATION;
	/* A text of fixed size lies otherwise than a string, and is compared as it is shown. */
	default:
		return DECODER_SHOWN;
	}
}

bool decoder_field(const struct decoder *d, unsigned int index, struct decoder_field *ret)
{
	const struct field *f = &d->fields[index];
	bool is_arg = index >= d->n_own;

	/* The process is shown where it is for all of them, in front. */
	if (index == d->n_fields && d->is_hit) {
		*ret = (struct decoder_field){.name = "pid",
					      .index = index,
					      .value = DECODER_UNSIGNED,
					      .size = 4,
					      .offset = d->hit.pid};
		return true;
	}
	if (index >= d->n_fields)
		return false;
	*ret = (struct decoder_field){
		.name = is_arg ? d->arg_names[index - d->n_own] : d->own_names[index],
		.index = index,
		.is_arg = is_arg,
		.is_text = (f->op >= OP_X8 && f->op <= OP_X64) || f->op == OP_ERRNO,
		.value = value_of(f->op),
		.size = f->size,
		.count = f->count,
		.offset = f->offset,
		.next = f->next,
		.part = (enum decoder_part)f->part,
		.number = f->number,
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
