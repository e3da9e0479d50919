/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See strutil.h. */
#include "strutil.h"

#include <errno.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>

bool str_is_glob(const char *s)
{
	return strpbrk(s, "*?[") != NULL;
}

bool str_glob_match(const char *pattern, const char *s)
{
	return fnmatch(pattern, s, 0) == 0;
}

/* Reads the digits at *@s and moves it behind them. strtoull() would take signs and blanks. */
static int parse_digits(const char **s, uint64_t *ret)
{
	const char *p = *s;
	uint64_t value = 0;
	bool overflow = false;

	if (*p < '0' || *p > '9')
		return -EINVAL;
	for (; *p >= '0' && *p <= '9'; p++)
		overflow = overflow || __builtin_mul_overflow(value, 10, &value) ||
			   __builtin_add_overflow(value, (uint64_t)(*p - '0'), &value);

	*s = p;
	*ret = value;
	return overflow ? -ERANGE : 0;
}

static int parse_scaled(const char *s, const char *units, uint64_t min, uint64_t max, uint64_t *ret)
{
	const char *unit;
	uint64_t value;
	int r;

	r = parse_digits(&s, &value);
	if (r == -EINVAL)
		return r;
	if (*s != '\0') {
		unit = strchr(units, *s);
		if (!unit || s[1] != '\0')
			return -EINVAL;
		if (__builtin_mul_overflow(value, UINT64_C(1) << (10 * (unit - units + 1)), &value))
			r = -ERANGE;
	}
	if (r < 0)
		return r;
	if (value < min || value > max)
		return -ERANGE;

	*ret = value;
	return 0;
}

int str_to_uint(const char *s, uint64_t min, uint64_t max, uint64_t *ret)
{
	return parse_scaled(s, "", min, max, ret);
}

int str_to_size(const char *s, uint64_t min, uint64_t max, uint64_t *ret)
{
	return parse_scaled(s, "KMGT", min, max, ret);
}

const char *str_parse_hex(const char *s, uint64_t *ret)
{
	const char *p = s;
	uint64_t v = 0;

	for (;; p++) {
		unsigned int digit = (unsigned int)*p - '0';

		if (digit > 9) {
			digit = ((unsigned int)*p | 0x20) - 'a';
			if (digit > 5)
				break;
			digit += 10;
		}
		v = v << 4 | digit;
	}
	if (p == s || p - s > 16)
		return NULL;
	*ret = v;
	return p;
}

char *str_from_size(uint64_t value, char *buf, size_t size)
{
	static const char units[] = "\0KMGT";
	unsigned int unit = 0;

	while (value != 0 && value % 1024 == 0 && unit < 4) {
		value /= 1024;
		unit++;
	}
	if (unit)
		snprintf(buf, size, "%" PRIu64 "%c", value, units[unit]);
	else
		snprintf(buf, size, "%" PRIu64, value);
	return buf;
}

unsigned int utf8_sequence(const char *s, size_t len)
{
	const unsigned char *p = (const unsigned char *)s;
	unsigned char low = 0x80, high = 0xbf;
	unsigned int n, i;

	if (len == 0)
		return 0;
	if (p[0] < 0x80)
		return 1;

	/* What is special about a form shows in the range of its second byte. */
	if (p[0] >= 0xc2 && p[0] <= 0xdf) {
		n = 2;
	} else if (p[0] >= 0xe0 && p[0] <= 0xef) {
		n = 3;
		if (p[0] == 0xe0)
			low = 0xa0; /* below: overlong */
		else if (p[0] == 0xed)
			high = 0x9f; /* above: surrogates */
	} else if (p[0] >= 0xf0 && p[0] <= 0xf4) {
		n = 4;
		if (p[0] == 0xf0)
			low = 0x90; /* below: overlong */
		else if (p[0] == 0xf4)
			high = 0x8f; /* above: beyond U+10FFFF */
	} else {
		return 0;
	}
	if (len < n || p[1] < low || p[1] > high)
		return 0;
	for (i = 2; i < n; i++) {
		if (p[i] < 0x80 || p[i] > 0xbf)
			return 0;
	}
	return n;
}

bool utf8_is_valid(const char *s, size_t len)
{
	size_t i = 0;

	while (i < len) {
		unsigned int n = utf8_sequence(s + i, len - i);

		if (n == 0)
			return false;
		i += n;
	}
	return true;
}

void utf8_trim(char *s)
{
	size_t len = strlen(s), start = len;

	while (start > 0 && len - start < 3 && ((unsigned char)s[start - 1] & 0xc0) == 0x80)
		start--;
	if (start == 0 || ((unsigned char)s[start - 1] & 0xc0) != 0xc0)
		return;
	start--;
	if (utf8_sequence(s + start, len - start) == 0)
		s[start] = '\0';
}

/* How @s begins, as str_escape() shows it; *@ret_used says how many bytes of @s that stands for. */
static size_t escape_one(const char *s, size_t len, char out[5], unsigned int *ret_used)
{
	unsigned char c = (unsigned char)s[0];
	unsigned int n = utf8_sequence(s, len);
	bool is_c1 = n == 2 && c == 0xc2 && (unsigned char)s[1] < 0xa0;

	*ret_used = 1;
	if (c == '\n' || c == '\t')
		return (size_t)snprintf(out, 5, "\\%c", c == '\n' ? 'n' : 't');
	if (c < 0x20 || c == 0x7f || n == 0 || is_c1)
		return (size_t)snprintf(out, 5, "\\x%02x", c);
	memcpy(out, s, n);
	*ret_used = n;
	return n;
}

char *str_escape(const char *s, char *buf, size_t size)
{
	size_t len = strlen(s), i = 0, o = 0;

	if (size == 0)
		return buf;
	while (i < len) {
		char out[5];
		unsigned int used;
		size_t n = escape_one(s + i, len - i, out, &used);

		if (o + n >= size)
			break;
		memcpy(buf + o, out, n);
		o += n;
		i += used;
	}
	buf[o] = '\0';
	return buf;
}
