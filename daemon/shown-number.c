/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See shown-number.h. A number that is guessed from the text counts if the text is what it would be
 * shown as: "0x0A" is no text of 10.
 */
#include "shown-number.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "json-text.h"
#include "value-names.h"
#include "value-text.h"

bool shown_is_text(const struct probe_arg *arg)
{
	switch (arg->show) {
	case ARG_UNSIGNED:
	case ARG_SIGNED:
	case ARG_BOOL:
	case ARG_PORT:
		return false;
	default:
		return true;
	}
}

bool shown_has_number(const struct probe_arg *arg)
{
	return arg->show != ARG_IP4;
}

static int guess(const struct probe_arg *arg, struct span text, uint64_t *ret)
{
	size_t colon = span_find(text, ':');
	uint64_t major, minor;
	char address[16];
	int64_t number;
	int err;

	switch (arg->show) {
	case ARG_HEX:
		return span_starts(text, "0x") ? span_to_u64(span_from(text, 2), 16, ret) : -EINVAL;
	case ARG_MODE:
		return span_to_u64(text, 8, ret);
	case ARG_ERRNO:
		if (!span_starts(text, "-E"))
			return -EINVAL;
		err = errno_of_name(span_from(text, 1));
		*ret = (uint64_t) - (int64_t)err;
		return err ? 0 : -EINVAL;
	case ARG_DEVICE:
		if (colon == text.n || span_to_u64(span_first(text, colon), 10, &major) < 0 ||
		    span_to_u64(span_from(text, colon + 1), 10, &minor) < 0 || major > 0xfff ||
		    minor > 0xfffff)
			return -EINVAL;
		*ret = major << 20 | minor;
		return 0;
	case ARG_IP4: {
		uint32_t v;

		snprintf(address, sizeof(address), "%.*s", (int)(text.n < 16 ? text.n : 15),
			 text.p);
		if (inet_pton(AF_INET, address, &v) != 1)
			return -EINVAL;
		*ret = v;
		return 0;
	}
	case ARG_ENUM:
		if (!value_names_value(arg->names, text, &number))
			return -EINVAL;
		*ret = (uint64_t)number;
		return 0;
	default:
		return -EOPNOTSUPP;
	}
}

/* Writes @v as an event would have it, quotes and all; returns its length. */
static size_t show(const struct probe_arg *arg, uint64_t v, char *buf)
{
	uint32_t v32 = (uint32_t)v;

	switch (arg->show) {
	case ARG_HEX:
		return (size_t)(put_hex(buf, v) - buf);
	case ARG_MODE:
		return (size_t)(put_octal(buf, v) - buf);
	case ARG_ERRNO:
		return (size_t)(put_errno(buf, (int64_t)v) - buf);
	case ARG_DEVICE:
		return (size_t)(put_device(buf, v32) - buf);
	case ARG_IP4:
		return (size_t)(put_ip4(buf, (const unsigned char *)&v32) - buf);
	default:
		return (size_t)(put_name(buf, arg->names, (int64_t)v, probe_arg_is_signed(arg)) -
				buf);
	}
}

static bool fits(const struct probe_arg *arg, uint64_t v)
{
	unsigned int unused = 64 - 8 * (arg->size < 8 ? arg->size : 8);

	if (arg->show == ARG_ERRNO || (arg->show == ARG_ENUM && probe_arg_is_signed(arg)))
		return (int64_t)(v << unused) >> unused == (int64_t)v;
	return v << unused >> unused == v;
}

int shown_to_number(const struct probe_arg *arg, struct span text, uint64_t *ret)
{
	char shown[VALUE_NAME_TEXT_MAX + VALUE_SHORT_MAX];
	uint64_t v = 0;
	size_t n;
	int r;

	/* ASCII; other bytes, as a string of one, are shown as text that is longer. */
	if (arg->show == ARG_CHAR) {
		if (text.n > 1 || (unsigned char)span_at(text, 0) >= 0x80)
			return text.n == 4 ? -EOPNOTSUPP : -EINVAL;
		*ret = (unsigned char)span_at(text, 0);
		return 0;
	}
	r = guess(arg, text, &v);
	if (r < 0)
		return r == -EOPNOTSUPP ? r : -EINVAL;
	if (!fits(arg, v))
		return -EINVAL;
	n = show(arg, v, shown);
	if (n != text.n + 2 || memcmp(shown + 1, text.p, text.n) != 0)
		return -EINVAL;
	*ret = v;
	return 0;
}
