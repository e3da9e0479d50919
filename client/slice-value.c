/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a slice says: strings decoded, numbers read. The slice has been walked over, so it is what
 * its first character promises.
 */
#include "slice.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool slice_is_escaped(struct slice string, const char *name)
{
	char decoded[128];

	if (string.length > sizeof(decoded) || !memchr(string.text, '\\', string.length))
		return false;
	slice_decode(string, decoded);
	return strcmp(decoded, name) == 0;
}

static size_t put_utf8(char *out, unsigned int c)
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 0x3f));
		out[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 0x3f));
	out[2] = (char)(0x80 | (c >> 6 & 0x3f));
	out[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

/* Decodes \uXXXX, @p at its first digit, with the second half of a pair. Returns the place behind.
 */
static const char *decode_unicode(const char *p, const char *end, unsigned int *ret)
{
	int c = slice_hex4(p, end), low;

	p += 4;
	if (c >= 0xd800 && c < 0xdc00 && end - p >= 6 && p[0] == '\\' && p[1] == 'u') {
		low = slice_hex4(p + 2, end);
		if (low >= 0xdc00 && low < 0xe000) {
			*ret = 0x10000U + ((unsigned int)(c - 0xd800) << 10) +
			       (unsigned int)(low - 0xdc00);
			return p + 6;
		}
	}
	*ret = c <= 0 || (c >= 0xd800 && c < 0xe000) ? 0xfffd : (unsigned int)c;
	return p;
}

size_t slice_decode(struct slice string, char *out)
{
	const char *p = string.text + 1, *end = string.text + string.length - 1;
	char *o = out;

	while (p < end) {
		const char *plain = memchr(p, '\\', (size_t)(end - p));
		size_t n = (size_t)((plain ? plain : end) - p);
		unsigned int c;

		memcpy(o, p, n);
		o += n;
		p += n;
		if (!plain)
			break;
		switch (p[1]) {
		case 'u':
			p = decode_unicode(p + 2, end, &c);
			o += put_utf8(o, c);
			continue;
		case 'b':
			*o++ = '\b';
			break;
		case 'f':
			*o++ = '\f';
			break;
		case 'n':
			*o++ = '\n';
			break;
		case 'r':
			*o++ = '\r';
			break;
		case 't':
			*o++ = '\t';
			break;
		default:
			*o++ = p[1];
		}
		p += 2;
	}
	*o = '\0';
	return (size_t)(o - out);
}

char *slice_dup(struct slice string)
{
	char *copy;

	if (slice_type_of(string) != SLICE_STRING)
		return NULL;
	copy = malloc(string.length);
	if (copy)
		slice_decode(string, copy);
	return copy;
}

/* @digits are decimal or, with @base 16, hexadecimal. */
static int digits_to_uint(const char *p, const char *end, unsigned int base, uint64_t *ret)
{
	uint64_t value = 0;

	if (p == end)
		return -EINVAL;
	for (; p < end; p++) {
		int digit = slice_hex_digit(*p);

		if (digit < 0 || (unsigned int)digit >= base)
			return -EINVAL;
		if (__builtin_mul_overflow(value, base, &value) ||
		    __builtin_add_overflow(value, (uint64_t)digit, &value))
			return -ERANGE;
	}
	*ret = value;
	return 0;
}

int slice_to_uint(struct slice number, uint64_t *ret)
{
	if (slice_type_of(number) != SLICE_NUMBER)
		return -EINVAL;
	if (number.text[0] == '-') {
		int64_t value;
		int r = slice_to_int(number, &value);

		if (r < 0)
			return r;
		if (value < 0)
			return -ERANGE;
		*ret = 0; /* -0 */
		return 0;
	}
	return digits_to_uint(number.text, number.text + number.length, 10, ret);
}

int slice_to_int(struct slice number, int64_t *ret)
{
	bool negative;
	uint64_t value;
	int r;

	if (slice_type_of(number) != SLICE_NUMBER)
		return -EINVAL;
	negative = number.text[0] == '-';
	r = digits_to_uint(number.text + negative, number.text + number.length, 10, &value);
	if (r < 0)
		return r;
	if (value > (uint64_t)INT64_MAX + negative)
		return -ERANGE;
	*ret = negative ? (int64_t)(0 - value) : (int64_t)value;
	return 0;
}

int slice_hex_to_uint(struct slice string, uint64_t *ret)
{
	if (slice_type_of(string) != SLICE_STRING || string.length < 5 ||
	    memcmp(string.text, "\"0x", 3) != 0)
		return -EINVAL;
	return digits_to_uint(string.text + 3, string.text + string.length - 1, 16, ret);
}
