/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See json-text.h. */
#include "json-text.h"

#include "strutil.h"

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
	return p;
}
