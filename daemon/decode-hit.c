/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Records of the helper module's event: kprobed_hit, at the end of kprobed-ioctl.h.
 *
 * The event's format file says where its fields are; what is in its last one, "data", the programs
 * of the probe say (helper-program.h): two parts, each of which begins with fixed bytes in the
 * order of the arguments, and has the bytes of strings behind them. A string is where in its part
 * it is and how long, as strings of other records are; so is what becomes of either.
 */
#include <errno.h>
#include <string.h>

#include "decode-internal.h"

static bool find(const struct event_format *format, const char *name, unsigned int size,
		 uint16_t *ret)
{
	const struct format_field *f = format_find_field(format, name);

	if (!f || f->size != size || f->offset > UINT16_MAX - size)
		return false;
	*ret = (uint16_t)f->offset;
	return true;
}

int hit_layout_read(const struct event_format *format, struct hit_layout *ret)
{
	bool is_whole =
		find(format, "time", 8, &ret->time) && find(format, "flags", 1, &ret->flags) &&
		find(format, "pid", 4, &ret->pid) && find(format, "faults", 8, &ret->faults) &&
		find(format, "entry_len", 2, &ret->entry_len) &&
		find(format, "data", 4, &ret->data);

	return is_whole ? 0 : -EBADMSG;
}

int decoder_hit_cookie(const struct event_format *format, unsigned int *ret_offset)
{
	uint16_t offset;

	if (!find(format, "cookie", 8, &offset))
		return -EBADMSG;
	*ret_offset = offset;
	return 0;
}

int hit_compile_arg(const struct probe_arg *arg, const struct helper_arg *place, struct field *ret)
{
	int r;

	if (place->size == 0 || place->size > UINT8_MAX || place->count > PROBE_ARRAY_MAX ||
	    place->offset > UINT16_MAX || place->number >= KPROBED_ARGS_MAX)
		return -EBADMSG;
	*ret = (struct field){
		.size = (uint8_t)place->size,
		.count = (uint8_t)place->count,
		.offset = (uint16_t)place->offset,
		.part = place->part == HELPER_RETURN ? DECODER_RETURN : DECODER_ENTRY,
		.number = place->number & (KPROBED_ARGS_MAX - 1),
	};
	if (arg->show == ARG_STRING && place->value == HELPER_BYTES) {
		ret->op = OP_TEXT;
		return 0;
	}
	r = decode_choose_op(arg, ret);
	if (r == 0 && (ret->op == OP_STRING ? place->value != HELPER_STRING || place->size != 4
					    : place->size != arg->size))
		return -EBADMSG;
	return r;
}

/* A call that began at a time ended when its event was recorded. */
static uint64_t duration_of(const struct decoder *d, const unsigned char *record, size_t len,
			    uint64_t ts)
{
	uint64_t time = 0;

	if (d->hit.time + sizeof(time) > len || d->hit.flags >= len)
		return 0;
	memcpy(&time, record + d->hit.time, sizeof(time));
	if (!(record[d->hit.flags] & KPROBED_HIT_BEGAN))
		return time;
	return ts > time ? ts - time : 0;
}

void hit_open(const struct decoder *d, const unsigned char *record, size_t len, uint64_t ts,
	      struct hit *ret)
{
	size_t at = 0, n = 0, entry = 0;
	uint16_t entry_len;
	uint32_t loc;

	*ret = (struct hit){.parts[DECODER_RECORD] = {(const char *)record, len},
			    .duration = duration_of(d, record, len, ts)};
	if (d->hit.faults + sizeof(ret->faults) <= len)
		memcpy(&ret->faults, record + d->hit.faults, sizeof(ret->faults));
	if (d->hit.data + sizeof(loc) <= len) {
		memcpy(&loc, record + d->hit.data, sizeof(loc));
		at = loc & 0xffff;
		n = loc >> 16;
	}
	if (at > len || n > len - at)
		at = n = 0;
	if (d->hit.entry_len + sizeof(entry_len) <= len) {
		memcpy(&entry_len, record + d->hit.entry_len, sizeof(entry_len));
		entry = entry_len < n ? entry_len : n;
	}
	ret->parts[DECODER_ENTRY] = (struct span){(const char *)record + at, entry};
	ret->parts[DECODER_RETURN] = (struct span){(const char *)record + at + entry, n - entry};
}

struct span hit_comm(const struct decoder *d, const struct hit *hit)
{
	struct span part = hit->parts[DECODER_ENTRY];

	if (d->comm_offset + KPROBED_COMM_LEN > part.n)
		return (struct span){"", 0};
	part = span_first(span_from(part, d->comm_offset), KPROBED_COMM_LEN);
	return span_first(part, span_find(part, '\0'));
}

bool decoder_part(const struct decoder *d, const void *record, size_t len,
		  const struct decoder_field *field, struct span *ret)
{
	struct hit hit;

	if (field->part == DECODER_RECORD) {
		*ret = (struct span){record, len};
		return true;
	}
	hit_open(d, record, len, 0, &hit);
	*ret = hit.parts[field->part];
	return field->value == DECODER_STRING || !(hit.faults >> field->number & 1);
}
