/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writing JSON text into memory that is known to be large enough: the encoder's inner loop.
 *
 * Each put_* writes at @p and returns the end of what it wrote; the caller has made room for the
 * JSON_*_MAX bytes (or JSON_STRING_MAX(len)) that it can take. Integers are written two digits at a
 * time; strings are copied eight bytes at a time as long as nothing needs an escape.
 */
#ifndef KP_JSON_TEXT_H
#define KP_JSON_TEXT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define JSON_INT_MAX	     20
#define JSON_HEX_MAX	     20			     /* with its quotes */
#define JSON_STRING_MAX(len) (6 * (size_t)(len) + 2) /* \u001f for each byte, and quotes */

extern const char json_digits[200];

static inline char *put_bytes(char *p, const char *s, size_t len)
{
	memcpy(p, s, len);
	return p + len;
}

#define put_literal(p, s) put_bytes((p), (s), sizeof(s) - 1)

static inline char *put_u64(char *p, uint64_t v)
{
	char buf[JSON_INT_MAX], *q = buf + sizeof(buf);

	while (v >= 100) {
		q -= 2;
		memcpy(q, json_digits + 2 * (v % 100), 2);
		v /= 100;
	}
	if (v >= 10) {
		q -= 2;
		memcpy(q, json_digits + 2 * v, 2);
	} else {
		*--q = (char)('0' + v);
	}
	return put_bytes(p, q, (size_t)(buf + sizeof(buf) - q));
}

static inline char *put_s64(char *p, int64_t v)
{
	if (v >= 0)
		return put_u64(p, (uint64_t)v);
	*p++ = '-';
	return put_u64(p, -(uint64_t)v);
}

/* "0x1f", in quotes. */
static inline char *put_hex(char *p, uint64_t v)
{
	static const char digits[] = "0123456789abcdef";
	int shift = v ? (63 - __builtin_clzll(v)) & ~3 : 0;

	p = put_literal(p, "\"0x");
	for (; shift >= 0; shift -= 4)
		*p++ = digits[(v >> shift) & 15];
	*p++ = '"';
	return p;
}

/*
 * @len bytes as the inside of a JSON string. Bytes that are not UTF-8 are shown as the four
 * characters \xHH, so that a backslash in the text (which is always doubled) cannot be taken for
 * one of them.
 */
char *put_escaped(char *p, const char *s, size_t len);

static inline char *put_string(char *p, const char *s, size_t len)
{
	*p++ = '"';
	p = put_escaped(p, s, len);
	*p++ = '"';
	return p;
}

#endif
