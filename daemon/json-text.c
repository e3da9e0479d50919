/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See json-text.h. */
#include "json-text.h"

const char json_digits[200] = "00010203040506070809101112131415161718192021222324252627282930313233"
			      "34353637383940414243444546474849505152535455565758596061626364656667"
			      "6869707172737475767778798081828384858687888990919293949596979899";

#define ONES  0x0101010101010101ULL
#define HIGHS 0x8080808080808080ULL

/* Nonzero if any of the eight bytes is a control, '"', '\\' or not ASCII. */
static inline uint64_t needs_care(uint64_t v)
{
	uint64_t quote = v ^ (ONES * '"');
	uint64_t slash = v ^ (ONES * '\\');

	return ((v - ONES * 0x20) | (quote - ONES) | (slash - ONES) | v) & HIGHS;
}

/* The length of the UTF-8 sequence at @s (Unicode 15, table 3-7), 0 when it is not one. */
static size_t utf8_length(const unsigned char *s, size_t left)
{
	unsigned int low = 0x80, high = 0xbf;
	size_t n;

	if (s[0] >= 0xc2 && s[0] <= 0xdf)
		n = 2;
	else if (s[0] >= 0xe0 && s[0] <= 0xef)
		n = 3;
	else if (s[0] >= 0xf0 && s[0] <= 0xf4)
		n = 4;
	else
		return 0;
	if (n > left)
		return 0;

	if (s[0] == 0xe0)
		low = 0xa0;
	else if (s[0] == 0xed)
		high = 0x9f;
	else if (s[0] == 0xf0)
		low = 0x90;
	else if (s[0] == 0xf4)
		high = 0x8f;
	if (s[1] < low || s[1] > high)
		return 0;
	for (size_t i = 2; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	return n;
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

char *put_escaped(char *p, const char *s, size_t len)
{
	size_t i = 0;

	while (i < len) {
		unsigned char c;
		size_t n;

		while (len - i >= 8) {
			uint64_t v;

			memcpy(&v, s + i, 8);
			if (needs_care(v))
				break;
			memcpy(p, &v, 8);
			p += 8;
			i += 8;
		}
		if (i == len)
			break;

		c = (unsigned char)s[i];
		if (c >= 0x80) {
			n = utf8_length((const unsigned char *)s + i, len - i);
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
	return p;
}
