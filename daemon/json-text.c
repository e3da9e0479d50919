/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See json-text.h. */
#include "json-text.h"

#include "strutil.h"

#define HIGHS 0x8080808080808080ULL

/* Nonzero if any of the eight bytes is a control, '"', '\\' or not ASCII. */
static inline uint64_t needs_care(uint64_t v)
{
	uint64_t quote = v ^ (JSON_ONES * '"');
	uint64_t slash = v ^ (JSON_ONES * '\\');

	return ((v - JSON_ONES * 0x20) | (quote - JSON_ONES) | (slash - JSON_ONES) | v) & HIGHS;
}

static char *put_control(char *p, unsigned char c)
{
	static const char digits[] = "0123456789abcdef";

	switch (c) {
	case '\n':
		return put_literal(p, "\\n");
	case '\t':
		return put_literal(p, "\\t");
	case '\r':
		return put_literal(p, "\\r");
	default:
		p = put_literal(p, "\\u00");
		*p++ = digits[c >> 4];
		*p++ = digits[c & 15];
		return p;
	}
}

static char *put_bad_byte(char *p, unsigned char c)
{
	static const char digits[] = "0123456789abcdef";

	p = put_literal(p, "\\\\x");
	*p++ = digits[c >> 4];
	*p++ = digits[c & 15];
	return p;
}

/* One to seven bytes as the low ones of an integer, spaces above; reads no byte but them. */
static inline uint64_t load_few(const char *s, size_t n)
{
	uint64_t v = JSON_ONES * ' ' << 8 * n;

	if (n >= 4) {
		uint32_t first, last;

		memcpy(&first, s, 4);
		memcpy(&last, s + n - 4, 4);
		return v | first | (uint64_t)last << 8 * (n - 4);
	}
	v |= (uint64_t)(unsigned char)s[n - 1] << 8 * (n - 1);
	v |= (uint64_t)(unsigned char)s[n / 2] << 8 * (n / 2);
	return v | (unsigned char)s[0];
}

/* The bytes from @s on that can stay as they are; returns how many. */
static inline size_t copy_plain(char *p, const char *s, size_t len)
{
	size_t i = 0;
	uint64_t v;

	for (; len - i >= 8; i += 8) {
		memcpy(&v, s + i, 8);
		if (needs_care(v))
			return i;
		memcpy(p + i, &v, 8);
	}
	if (i == len)
		return i;
	v = load_few(s + i, len - i);
	if (needs_care(v))
		return i;
	/* Room for one byte is no room for eight, but for six. */
	memcpy(p + i, &v, 4);
	if (len - i > 4)
		memcpy(p + i + 4, (char *)&v + 4, 4);
	return len;
}

char *put_escaped(char *p, const char *s, size_t len)
{
	size_t i = 0;

	for (;;) {
		size_t n = copy_plain(p, s + i, len - i);
		unsigned char c;

		p += n;
		i += n;
		if (i == len)
			return p;

		c = (unsigned char)s[i];
		if (c >= 0x80) {
			n = utf8_sequence(s + i, len - i);
			p = n ? put_bytes(p, s + i, n) : put_bad_byte(p, c);
			i += n ? n : 1;
			continue;
		}
		if (c == '"' || c == '\\')
			*p++ = '\\';
		if (c < 0x20)
			p = put_control(p, c);
		else
			*p++ = (char)c;
		i++;
	}
}
