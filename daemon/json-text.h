/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writing JSON text into memory that is known to be large enough: the encoder's inner loop.
 *
 * Each put_* writes at @p and returns the end of what it wrote; the caller has made room for the
 * JSON_*_MAX bytes (or JSON_STRING_MAX(len)) that it can take, all of which it may overwrite.
 * Numbers and strings are worked on eight characters at a time, as the bytes of one integer.
 */
#ifndef KP_JSON_TEXT_H
#define KP_JSON_TEXT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define JSON_INT_MAX	     20
#define JSON_HEX_MAX	     20			     /* with its quotes */
#define JSON_STRING_MAX(len) (6 * (size_t)(len) + 2) /* \u001f for each byte, and quotes */

#define JSON_ONES 0x0101010101010101ULL

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "a text's first byte is the lowest");

static inline char *put_bytes(char *p, const char *s, size_t len)
{
	memcpy(p, s, len);
	return p + len;
}

#define put_literal(p, s) put_bytes((p), (s), sizeof(s) - 1)

static inline char *put_eight(char *p, uint64_t v)
{
	memcpy(p, &v, 8);
	return p + 8;
}

/*
 * The eight decimal digits of @v (below 10^8), each a byte: halves it into numbers of four, two,
 * and one digit side by side. 10486 / 2^20 is 1/100 and 103 / 2^10 is 1/10, exact enough for the
 * range.
 */
static inline uint64_t split_decimal(uint32_t v)
{
	uint64_t fours = v / 10000 | (uint64_t)(v % 10000) << 32;
	uint64_t hundreds = (fours * 10486 >> 20) & 0x0000007f0000007fULL;
	uint64_t twos = hundreds | (fours - 100 * hundreds) << 16;
	uint64_t tens = (twos * 103 >> 10) & 0x000f000f000f000fULL;

	return tens | (twos - 10 * tens) << 8;
}

/* @v below 10^8, without leading zeros. */
static inline char *put_u27(char *p, uint32_t v)
{
	uint64_t digits = split_decimal(v);
	int zeros = __builtin_ctzll(digits | 1ULL << 56) / 8;

	put_eight(p, (digits + JSON_ONES * '0') >> 8 * zeros);
	return p + 8 - zeros;
}

static inline char *put_u64(char *p, uint64_t v)
{
	uint64_t high = v / 100000000;

	/* Most numbers are of a CPU, a file, or a result. */
	if (v < 10) {
		*p = (char)('0' + v);
		return p + 1;
	}
	if (high == 0)
		return put_u27(p, (uint32_t)v);
	if (high < 100000000) {
		p = put_u27(p, (uint32_t)high);
	} else {
		p = put_u27(p, (uint32_t)(high / 100000000));
		p = put_eight(p, split_decimal((uint32_t)(high % 100000000)) + JSON_ONES * '0');
	}
	return put_eight(p, split_decimal((uint32_t)(v % 100000000)) + JSON_ONES * '0');
}

static inline char *put_s64(char *p, int64_t v)
{
	if (v >= 0)
		return put_u64(p, (uint64_t)v);
	*p++ = '-';
	return put_u64(p, -(uint64_t)v);
}

/* The eight hexadecimal digits of @v as text. */
static inline uint64_t hex_text(uint32_t v)
{
	uint64_t x = __builtin_bswap32(v);

	x = (x | x << 16) & 0x0000ffff0000ffffULL;
	x = (x | x << 8) & 0x00ff00ff00ff00ffULL;
	x = (x >> 4 | x << 8) & 0x0f0f0f0f0f0f0f0fULL;
	/* Six more carries exactly the letters into the next bit. */
	return x + JSON_ONES * '0' + ((x + JSON_ONES * 6) >> 4 & JSON_ONES) * ('a' - '0' - 10);
}

/* "0x1f", in quotes. */
static inline char *put_hex(char *p, uint64_t v)
{
	int digits = (67 - __builtin_clzll(v | 1)) / 4;

	v <<= 64 - 4 * digits;
	p = put_literal(p, "\"0x");
	put_eight(p, hex_text((uint32_t)(v >> 32)));
	if (digits > 8)
		put_eight(p + 8, hex_text((uint32_t)v));
	p[digits] = '"';
	return p + digits + 1;
}

/*
 * @len bytes as the inside of a JSON string. Bytes that are not UTF-8 are shown as the four
 * characters \xHH, as text that has these very characters is too.
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
