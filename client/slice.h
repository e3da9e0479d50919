/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reads JSON where it lies: values are slices of the text, found and checked but not built.
 *
 * A batch of events is checked once, as a whole, when it comes in, and then split into slices as
 * they are asked for; nothing is allocated. Slices borrow from the text. What is accepted is JSON
 * as RFC 8259 has it, at most SLICE_DEPTH_MAX deep; whether strings are valid UTF-8 is not looked
 * at.
 */
#ifndef KP_SLICE_H
#define KP_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define SLICE_DEPTH_MAX 64

/* A value with its brackets or quotes, without space around it. text is NULL for none. */
struct slice {
	const char *text; /* borrowed */
	size_t length;
};

enum slice_type {
	SLICE_NONE,
	SLICE_NULL,
	SLICE_BOOL,
	SLICE_NUMBER,
	SLICE_STRING,
	SLICE_ARRAY,
	SLICE_OBJECT,
};

/*
 * Goes through an object or an array. It stands behind the separator of the value it gave last, so
 * that the byte after that value may be overwritten.
 */
struct slice_iter {
	const char *at;	  /* borrowed; NULL: at the end */
	const char *end;  /* of the text, which may go on behind the container */
	const char *open; /* the container's opening bracket */
	const char *stop; /* behind the container; set at the end */
	char close;	  /* the container's closing bracket */
};

static inline enum slice_type slice_type_of(struct slice slice)
{
	if (!slice.text || slice.length == 0)
		return SLICE_NONE;
	switch (slice.text[0]) {
	case '{':
		return SLICE_OBJECT;
	case '[':
		return SLICE_ARRAY;
	case '"':
		return SLICE_STRING;
	case 'n':
		return SLICE_NULL;
	case 't':
	case 'f':
		return SLICE_BOOL;
	default:
		return SLICE_NUMBER;
	}
}

/* The value that @text is, with nothing but space around it. Returns 0 or -EBADMSG. */
int slice_scan(const char *text, size_t length, struct slice *ret);

/* @container: an object, an array, or anything else, which is like an empty one. */
void slice_iter_init(struct slice_iter *it, struct slice container);

/*
 * For a text that is one object, which need not have been checked: whoever has come to its end asks
 * slice_iter_was_all() whether nothing but space is behind it. Returns 0 or -EBADMSG.
 */
int slice_iter_text(struct slice_iter *it, const char *text, size_t length);
bool slice_iter_was_all(const struct slice_iter *it);

/*
 * The next member of an object; @ret_key has its quotes. The value is checked on the way. Returns
 * 1, 0 at the end, or -EBADMSG.
 */
int slice_iter_member(struct slice_iter *it, struct slice *ret_key, struct slice *ret_value);

/* The next element of an array. Returns 1, 0 at the end, or -EBADMSG. */
int slice_iter_element(struct slice_iter *it, struct slice *ret);

/*
 * To go into a member's value without walking over it first: slice_iter_key(), then either
 * slice_iter_element() for the value, or slice_iter_enter(), all of @child, and slice_iter_leave().
 *
 * slice_iter_key() returns like slice_iter_member(). The others return 0, or -EBADMSG, where the
 * value is no container or @child is not at its end.
 */
int slice_iter_key(struct slice_iter *it, struct slice *ret_key);
int slice_iter_enter(const struct slice_iter *it, struct slice_iter *child);
int slice_iter_leave(struct slice_iter *it, const struct slice_iter *child);

/* Moves behind @value, which begins where @it stands. Returns 0 or -EBADMSG. */
int slice_iter_pass(struct slice_iter *it, struct slice value);

/* The first member of that name. Returns 0, -ENOENT, or -EBADMSG. */
int slice_get(struct slice object, const char *name, struct slice *ret);

/* slice_is() for a string that is longer than @name: it may be the same with backslashes. */
bool slice_is_escaped(struct slice string, const char *name);

/* Whether a string, with its quotes, says @name; inline, since @name's length is mostly known. */
static inline bool slice_is(struct slice string, const char *name)
{
	size_t length = strlen(name);

	if (string.length < length + 2 || string.text[0] != '"')
		return false;
	if (string.length == length + 2)
		return memcmp(string.text + 1, name, length) == 0;
	return slice_is_escaped(string, name);
}

/*
 * Turns a string with its quotes into bytes ended by NUL. @out has room for string.length bytes,
 * which is always enough. \u0000 and half surrogates become U+FFFD. Returns the length without the
 * NUL.
 */
size_t slice_decode(struct slice string, char *out);

/* Owned copy of a string, decoded; NULL when @string is none, or memory is short. */
char *slice_dup(struct slice string);

/*
 * An integer: a number without fraction and exponent. Returns 0, -EINVAL (something else) or
 * -ERANGE.
 */
int slice_to_int(struct slice number, int64_t *ret);
int slice_to_uint(struct slice number, uint64_t *ret);

/* "0x1f", with its quotes. Returns 0, -EINVAL or -ERANGE. */
int slice_hex_to_uint(struct slice string, uint64_t *ret);

#define SLICE_ONES UINT64_C(0x0101010101010101)
#define SLICE_TOPS UINT64_C(0x8080808080808080)

/*
 * Of eight bytes, the first of which is the lowest of @word, the top bits of those that are a
 * quote, a backslash or a control character. The usual test for a zero byte may see one too many,
 * but only behind one that is there, so the first it sees is true.
 */
static inline uint64_t slice_special_bytes(uint64_t word)
{
	uint64_t quote = word ^ (SLICE_ONES * '"'), backslash = word ^ (SLICE_ONES * '\\');

	quote = (quote - SLICE_ONES) & ~quote;
	backslash = (backslash - SLICE_ONES) & ~backslash;
	return (quote | backslash | ((word - SLICE_ONES * 0x20) & ~word)) & SLICE_TOPS;
}

/* How many bytes come before the first of these. */
static inline unsigned int slice_bytes_before(uint64_t special)
{
	return special ? (unsigned int)__builtin_ctzll(special) / 8 : 8;
}

/* The value of a hexadecimal digit, -1 if it is none; and of the four digits of \uXXXX. */
static inline int slice_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static inline int slice_hex4(const char *p, const char *end)
{
	int value = 0;

	if (end - p < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		int digit = slice_hex_digit(p[i]);

		if (digit < 0)
			return -1;
		value = value << 4 | digit;
	}
	return value;
}

#endif
