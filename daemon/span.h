/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A piece of a text that belongs to someone else, and the numbers in it as the kernel reads them.
 *
 * The parsers of definitions and filters never copy what they look at and never write into it: they
 * pass spans around. A span is not NUL-terminated. Characters are ASCII whatever the locale.
 */
#ifndef KP_SPAN_H
#define KP_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct span {
	const char *p; /* borrowed: outlives the span */
	size_t n;
};

/* A number's text at its longest, "-9223372036854775808", and its NUL */
#define SPAN_NUMBER_MAX 24

static inline struct span span_of(const char *text)
{
	return (struct span){text, strlen(text)};
}

/* What follows the first @n characters; @n is at most the span's length. */
static inline struct span span_from(struct span s, size_t n)
{
	return (struct span){s.p + n, s.n - n};
}

static inline struct span span_first(struct span s, size_t n)
{
	return (struct span){s.p, n};
}

/* The character at @i, NUL at the end and beyond, as a string would have it */
static inline char span_at(struct span s, size_t i)
{
	return i < s.n ? s.p[i] : '\0';
}

static inline bool span_is(struct span s, const char *text)
{
	return strlen(text) == s.n && (s.n == 0 || memcmp(s.p, text, s.n) == 0);
}

static inline bool span_starts(struct span s, const char *text)
{
	size_t n = strlen(text);

	return s.n >= n && (n == 0 || memcmp(s.p, text, n) == 0);
}

/* Where @c is first or last, or the span's length when it is nowhere */
static inline size_t span_find(struct span s, char c)
{
	size_t i = 0;

	while (i < s.n && s.p[i] != c)
		i++;
	return i;
}

static inline size_t span_find_last(struct span s, char c)
{
	for (size_t i = s.n; i > 0; i--)
		if (s.p[i - 1] == c)
			return i - 1;
	return s.n;
}

static inline bool char_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool char_is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static inline bool char_is_name(char c)
{
	return char_is_alpha(c) || char_is_digit(c) || c == '_';
}

/* What separates words, without the newline, which ends a definition */
static inline bool char_is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\v' || c == '\f' || c == '\r';
}

/* Cuts the next word off @rest, as argv_split() does; empty: there is none. */
struct span span_next_word(struct span *rest);

/* A C identifier in ASCII; is_good_name() of kernel/trace/trace.h takes Latin-1 letters as well. */
bool span_is_name(struct span s);

/*
 * The whole of @s as a number: kstrtoull() and kstrtoll() of lib/kstrtox.c. A "+" may stand in
 * front, a "-" only for the signed one; @base 0 knows 0x and a leading 0 for octal. 0, -EINVAL, or
 * -ERANGE; *@ret is untouched on failure.
 */
int span_to_u64(struct span s, unsigned int base, uint64_t *ret);
int span_to_s64(struct span s, unsigned int base, int64_t *ret);

/*
 * The digits @s starts with, as simple_strtoul(…, 0) of lib/vsprintf.c takes them but for an
 * overflow, which there wraps and here is -ERANGE. *@ret_length is how many characters they are, 0
 * if none.
 */
int span_leading_u64(struct span s, uint64_t *ret, size_t *ret_length);

/*
 * The normal form of a number: decimal, or hexadecimal where that is shorter. It is never longer
 * than any other way to write the number, so that normal forms respect the limits their texts did.
 */
void span_number_u64(uint64_t value, char text[SPAN_NUMBER_MAX]);
void span_number_s64(int64_t value, char text[SPAN_NUMBER_MAX]);

#endif
