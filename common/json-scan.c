/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See json-scan.h. Each scan_*() moves the position behind what it has recognised. */
#include "json-scan.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "strutil.h"

struct scan {
	const char *p;
	const char *end;
	const struct json_scan_limits *limits; /* borrowed from the caller */
	unsigned int depth;
	size_t containers;
	size_t members;
};

static int scan_value(struct scan *s);

/* The next character, -1 at the end. */
static int peek(const struct scan *s)
{
	return s->p < s->end ? (unsigned char)*s->p : -1;
}

static bool accept(struct scan *s, char c)
{
	if (peek(s) != c)
		return false;
	s->p++;
	return true;
}

static void skip_blanks(struct scan *s)
{
	while (s->p < s->end && (*s->p == ' ' || *s->p == '\t' || *s->p == '\n' || *s->p == '\r'))
		s->p++;
}

static int scan_word(struct scan *s, const char *word)
{
	size_t len = strlen(word);

	if ((size_t)(s->end - s->p) < len || memcmp(s->p, word, len) != 0)
		return -EBADMSG;
	s->p += len;
	return 0;
}

static int scan_hex4(struct scan *s, unsigned int *ret)
{
	unsigned int value = 0, i;

	for (i = 0; i < 4; i++) {
		int c = peek(s);

		if (c >= '0' && c <= '9')
			c -= '0';
		else if (c >= 'a' && c <= 'f')
			c -= 'a' - 10;
		else if (c >= 'A' && c <= 'F')
			c -= 'A' - 10;
		else
			return -EBADMSG;
		value = value << 4 | (unsigned int)c;
		s->p++;
	}
	*ret = value;
	return 0;
}

/* Behind "\u". */
static int scan_unicode_escape(struct scan *s, bool allow_nul)
{
	unsigned int unit;
	int r;

	r = scan_hex4(s, &unit);
	if (r < 0)
		return r;
	if (unit == 0 && !allow_nul)
		return -EBADMSG;
	if (unit < 0xd800 || unit > 0xdfff)
		return 0;
	if (unit > 0xdbff)
		return -EBADMSG;
	r = scan_word(s, "\\u");
	if (r == 0)
		r = scan_hex4(s, &unit);
	if (r < 0)
		return r;
	return unit >= 0xdc00 && unit <= 0xdfff ? 0 : -EBADMSG;
}

static int scan_string(struct scan *s, bool allow_nul)
{
	if (!accept(s, '"'))
		return -EBADMSG;
	for (;;) {
		int c = peek(s), r;
		unsigned int n;

		if (c < 0x20)
			return -EBADMSG;
		if (c >= 0x80) {
			n = utf8_sequence(s->p, (size_t)(s->end - s->p));
			if (n == 0)
				return -EBADMSG;
			s->p += n;
			continue;
		}
		s->p++;
		if (c == '"')
			return 0;
		if (c != '\\')
			continue;
		c = peek(s);
		if (c <= 0 || !strchr("\"\\/bfnrtu", c))
			return -EBADMSG;
		s->p++;
		if (c == 'u') {
			r = scan_unicode_escape(s, allow_nul);
			if (r < 0)
				return r;
		}
	}
}

/* One digit at least. */
static int scan_digits(struct scan *s)
{
	const char *start = s->p;

	while (s->p < s->end && *s->p >= '0' && *s->p <= '9')
		s->p++;
	return s->p > start ? 0 : -EBADMSG;
}

static bool integer_fits(const char *digits, const char *end, bool negative)
{
	uint64_t value = 0;

	for (; digits < end; digits++) {
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*digits - '0'), &value))
			return false;
	}
	return !negative || value <= UINT64_C(1) << 63;
}

static int scan_number(struct scan *s)
{
	bool negative = accept(s, '-'), integer = true;
	const char *digits = s->p;

	if (scan_digits(s) < 0 || (*digits == '0' && s->p > digits + 1))
		return -EBADMSG;
	if (accept(s, '.')) {
		integer = false;
		if (scan_digits(s) < 0)
			return -EBADMSG;
	}
	if (accept(s, 'e') || accept(s, 'E')) {
		integer = false;
		if (!accept(s, '+'))
			accept(s, '-');
		if (scan_digits(s) < 0)
			return -EBADMSG;
	}
	return !integer || integer_fits(digits, s->p, negative) ? 0 : -EBADMSG;
}

static int scan_member(struct scan *s)
{
	int r;

	r = scan_string(s, false);
	if (r < 0)
		return r;
	skip_blanks(s);
	if (!accept(s, ':'))
		return -EBADMSG;
	skip_blanks(s);
	s->members++;
	return scan_value(s);
}

/* The members or elements behind an opening bracket, through @close. */
static int scan_items(struct scan *s, char close, int (*item)(struct scan *s))
{
	int r;

	if (s->depth == s->limits->depth || s->containers == s->limits->containers)
		return -E2BIG;
	s->depth++;
	s->containers++;

	skip_blanks(s);
	if (!accept(s, close)) {
		do {
			skip_blanks(s);
			r = item(s);
			if (r < 0)
				return r;
			skip_blanks(s);
		} while (accept(s, ','));
		if (!accept(s, close))
			return -EBADMSG;
	}

	s->depth--;
	return 0;
}

static int scan_value(struct scan *s)
{
	switch (peek(s)) {
	case '{':
		s->p++;
		return scan_items(s, '}', scan_member);
	case '[':
		s->p++;
		return scan_items(s, ']', scan_value);
	case '"':
		return scan_string(s, s->limits->allow_nul);
	case 't':
		return scan_word(s, "true");
	case 'f':
		return scan_word(s, "false");
	case 'n':
		return scan_word(s, "null");
	default:
		return scan_number(s);
	}
}

int json_scan(const char *text, size_t len, const struct json_scan_limits *limits,
	      size_t *ret_members)
{
	struct scan s = {.p = text, .end = text + len, .limits = limits};
	int r;

	if (peek(&s) != '{')
		return -EBADMSG;
	r = scan_value(&s);
	if (r < 0)
		return r;
	if (s.p != s.end)
		return -EBADMSG;

	*ret_members = s.members;
	return 0;
}
