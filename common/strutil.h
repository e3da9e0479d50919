/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Strings from outside: strict numbers, UTF-8, and text made safe to show.
 *
 * Nothing here allocates or depends on the locale.
 */
#ifndef KP_STRUTIL_H
#define KP_STRUTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline bool str_starts_with(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

static inline bool str_ends_with(const char *s, const char *suffix)
{
	size_t len = strlen(s), suffix_len = strlen(suffix);

	return len >= suffix_len && strcmp(s + len - suffix_len, suffix) == 0;
}

/* Whether @s is meant as a pattern: has one of * ? [ */
bool str_is_glob(const char *s);

/* Whether all of @s matches @pattern (fnmatch's * ? [...] and backslash). */
bool str_glob_match(const char *pattern, const char *s);

/*
 * All of @s as a decimal number between @min and @max: digits only, no sign, no blank.
 * 0, -EINVAL (not a number), or -ERANGE.
 */
int str_to_uint(const char *s, uint64_t min, uint64_t max, uint64_t *ret);

/*
 * As str_to_uint(), with an optional K, M, G or T after the digits: times 1024, 1024^2 and so on.
 * "64M" is 67108864.
 */
int str_to_size(const char *s, uint64_t min, uint64_t max, uint64_t *ret);

/*
 * The number of up to 16 hexadecimal digits that @s begins with; the place behind them, or NULL:
 * there are none, or more. @s is read no further than that.
 */
const char *str_parse_hex(const char *s, uint64_t *ret);

/*
 * Writes @value into @buf the way str_to_size() reads it, with the largest unit that divides it.
 * Returns @buf. STR_SIZE_MAX bytes are always enough.
 */
#define STR_SIZE_MAX 24
char *str_from_size(uint64_t value, char *buf, size_t size);

/*
 * The length (1 to 4) of the valid UTF-8 sequence that @s begins with, 0 when there is none in its
 * @len bytes: no overlong forms, no surrogates, nothing above U+10FFFF.
 */
unsigned int utf8_sequence(const char *s, size_t len);

/* Whether all @len bytes of @s are UTF-8. */
bool utf8_is_valid(const char *s, size_t len);

/* Cuts off an incomplete sequence at the end of @s, as snprintf() into a full buffer leaves it. */
void utf8_trim(char *s);

/*
 * Copies @s into @buf so that a terminal shows it as text: control characters, U+0080 to U+009F and
 * bytes that are no UTF-8 become \n, \t or \xNN; the rest, backslashes included, stays. What does
 * not fit is cut off, never inside a character or an escape. Returns @buf.
 */
char *str_escape(const char *s, char *buf, size_t size);

#endif
