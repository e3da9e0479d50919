/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See span.h. Numbers are read the way lib/kstrtox.c of the kernel reads them, because a text that
 * one of the two accepts and the other refuses would be an error without a position.
 */
#include "span.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

bool span_is_name(struct span s)
{
	if (s.n == 0 || char_is_digit(s.p[0]))
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!char_is_name(s.p[i]))
			return false;
	return true;
}

/* The value of a digit in any base up to 16, or 255 */
static unsigned int digit_value(char c)
{
	if (char_is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return 255;
}

/* _parse_integer_fixup_radix(): "0x" makes a number hexadecimal only when a digit follows. */
static size_t find_base(struct span s, unsigned int *base)
{
	bool is_prefixed = span_at(s, 0) == '0' && (span_at(s, 1) | 0x20) == 'x';

	if (*base == 0) {
		if (is_prefixed && digit_value(span_at(s, 2)) < 16)
			*base = 16;
		else
			*base = span_at(s, 0) == '0' ? 8 : 10;
	}
	return *base == 16 && is_prefixed ? 2 : 0;
}

static int parse_digits(struct span s, unsigned int base, uint64_t *ret, size_t *ret_length)
{
	size_t start = find_base(s, &base);
	bool is_overflow = false;
	uint64_t value = 0;
	size_t i = start;

	for (; i < s.n; i++) {
		unsigned int digit = digit_value(s.p[i]);

		if (digit >= base)
			break;
		if (value > (UINT64_MAX - digit) / base)
			is_overflow = true;
		value = value * base + digit;
	}
	*ret_length = i > start ? i : 0;
	if (is_overflow)
		return -ERANGE;
	*ret = value;
	return 0;
}

static int parse_unsigned(struct span s, unsigned int base, uint64_t *ret)
{
	uint64_t value = 0;
	size_t length;
	int r;

	r = parse_digits(s, base, &value, &length);
	if (r < 0)
		return r;
	if (length == 0 || length != s.n)
		return -EINVAL;
	*ret = value;
	return 0;
}

int span_to_u64(struct span s, unsigned int base, uint64_t *ret)
{
	return parse_unsigned(span_from(s, span_at(s, 0) == '+'), base, ret);
}

int span_to_s64(struct span s, unsigned int base, int64_t *ret)
{
	uint64_t value;
	int r;

	if (span_at(s, 0) == '-') {
		r = parse_unsigned(span_from(s, 1), base, &value);
		if (r < 0)
			return r;
		if (value > (uint64_t)INT64_MAX + 1)
			return -ERANGE;
		*ret = value == 0 ? 0 : -(int64_t)(value - 1) - 1;
		return 0;
	}
	r = span_to_u64(s, base, &value);
	if (r < 0)
		return r;
	if (value > INT64_MAX)
		return -ERANGE;
	*ret = value;
	return 0;
}

int span_leading_u64(struct span s, uint64_t *ret, size_t *ret_length)
{
	return parse_digits(s, 0, ret, ret_length);
}

static void format_number(uint64_t value, char *text, size_t size)
{
	int length = snprintf(text, size, "%" PRIu64, value);

	if (snprintf(NULL, 0, "0x%" PRIx64, value) < length)
		snprintf(text, size, "0x%" PRIx64, value);
}

void span_number_u64(uint64_t value, char text[SPAN_NUMBER_MAX])
{
	format_number(value, text, SPAN_NUMBER_MAX);
}

void span_number_s64(int64_t value, char text[SPAN_NUMBER_MAX])
{
	if (value >= 0) {
		format_number(value, text, SPAN_NUMBER_MAX);
	} else {
		text[0] = '-';
		format_number(-(uint64_t)value, text + 1, SPAN_NUMBER_MAX - 1);
	}
}

struct span span_next_word(struct span *rest)
{
	struct span word;
	size_t i = 0;

	while (i < rest->n && char_is_space(rest->p[i]))
		i++;
	*rest = span_from(*rest, i);
	for (i = 0; i < rest->n && !char_is_space(rest->p[i]);)
		i++;
	word = span_first(*rest, i);
	*rest = span_from(*rest, i);
	return word;
}
