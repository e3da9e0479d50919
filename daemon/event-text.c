/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See event-text.h. */
#include "event-text.h"

/* Whether the quote at @q is the string's: behind an even number of backslashes, all after @begin.
 */
static bool is_end(const char *begin, const char *q)
{
	const char *p = q;

	while (p > begin && p[-1] == '\\')
		p--;
	return (q - p) % 2 == 0;
}

/* With its quotes; 0: it has no end. */
static size_t string_length(struct span s)
{
	const char *p = s.p + 1, *end = s.p + s.n, *q;

	while (p < end && (q = memchr(p, '"', (size_t)(end - p)))) {
		if (is_end(p, q))
			return (size_t)(q + 1 - s.p);
		p = q + 1;
	}
	return 0;
}

/* Arrays and objects: brackets outside strings are counted. */
static size_t nested_length(struct span s)
{
	size_t depth = 0, n;

	for (size_t i = 0; i < s.n; i++) {
		switch (s.p[i]) {
		case '"':
			n = string_length(span_from(s, i));
			if (n == 0)
				return 0;
			i += n - 1;
			break;
		case '[':
		case '{':
			depth++;
			break;
		case ']':
		case '}':
			if (--depth == 0)
				return i + 1;
			break;
		}
	}
	return 0;
}

size_t event_text_value(struct span s)
{
	size_t n = 0;

	switch (span_at(s, 0)) {
	case '"':
		return string_length(s);
	case '[':
	case '{':
		return nested_length(s);
	default:
		while (n < s.n && s.p[n] != ',' && s.p[n] != '}' && s.p[n] != ']')
			n++;
		return n;
	}
}

void event_text_begin(struct event_text *t, const char *text, size_t len)
{
	struct span s = {text, len};

	*t = (struct event_text){.rest = span_at(s, 0) == '{' ? span_from(s, 1)
							      : span_from(s, len)};
}

/* The key at the place, with its colon; false where there is none. */
static bool take_key(struct event_text *t)
{
	size_t n;

	if (span_at(t->rest, 0) != '"')
		return false;
	n = string_length(t->rest);
	if (n == 0 || span_at(t->rest, n) != ':')
		return false;
	t->key = (struct span){t->rest.p + 1, n - 2};
	t->rest = span_from(t->rest, n + 1);
	return true;
}

bool event_text_next(struct event_text *t)
{
	size_t n;

	for (;;) {
		if (span_at(t->rest, 0) == '}') {
			if (!t->in_args)
				return false;
			t->in_args = false;
			t->rest = span_from(t->rest, 1);
		}
		if (span_at(t->rest, 0) == ',')
			t->rest = span_from(t->rest, 1);
		if (!take_key(t))
			return false;
		if (t->in_args || !span_is(t->key, "args") || span_at(t->rest, 0) != '{')
			break;
		t->in_args = true;
		t->rest = span_from(t->rest, 1);
	}
	n = event_text_value(t->rest);
	if (n == 0)
		return false;
	t->is_arg = t->in_args;
	t->value = span_first(t->rest, n);
	t->rest = span_from(t->rest, n);
	return true;
}

static unsigned int hex_digit(char c)
{
	return char_is_digit(c) ? (unsigned int)(c - '0')
				: (unsigned int)((c | 0x20) - 'a' + 10) & 15;
}

size_t event_text_unescape(struct span s, char *buf, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n && n < size; i++) {
		char c = s.p[i];

		if (c == '\\') {
			c = span_at(s, ++i);
			if (c == 'n')
				c = '\n';
			else if (c == 't')
				c = '\t';
			else if (c == 'r')
				c = '\r';
			/* Only controls are written like this: json-text.c. */
			else if (c == 'u') {
				c = (char)(hex_digit(span_at(s, i + 3)) << 4 |
					   hex_digit(span_at(s, i + 4)));
				i += 4;
			}
		}
		buf[n++] = c;
	}
	return n;
}
