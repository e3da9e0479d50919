/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See filter-value.h. */
#include "filter-value.h"

#include <string.h>

#include "event-text.h"
#include "span.h"
#include "strutil.h"
#include "value-text.h"

/*
 * The longest string of an event, its escapes taken away: all of a record (a page at most), each
 * byte shown as \xHH.
 */
#define SHOWN_MAX (4 * 4096 + 64)

/*
 * Whether the set behind "[" at @p has @c, and where it ends; NULL: it has no end, and the "[" is
 * itself.
 */
static const char *match_set(const char *p, const char *end, unsigned char c, bool *ret)
{
	bool is_negated = p < end && (*p == '!' || *p == '^'), is_in = false;
	const char *begin;

	p += is_negated;
	for (begin = p; p < end && (*p != ']' || p == begin); p++) {
		unsigned char low, high;

		if (*p == '\\' && p + 1 < end)
			p++;
		low = high = (unsigned char)*p;
		if (end - p > 2 && p[1] == '-' && p[2] != ']') {
			p += 2;
			if (*p == '\\' && p + 1 < end)
				p++;
			high = (unsigned char)*p;
		}
		is_in |= low <= c && c <= high;
	}
	if (p >= end)
		return NULL;
	*ret = is_in != is_negated;
	return p + 1;
}

/* One character of @s against what stands at @p; *@ret is what stands behind it. */
static bool match_one(const char *p, const char *end, const char *s, size_t n, const char **ret)
{
	const char *behind;
	bool is_match;

	if (*p == '?') {
		*ret = p + 1;
		return true;
	}
	if (*p == '[') {
		/* Sets are of ASCII characters: any other is in none. */
		behind = match_set(p + 1, end, n == 1 ? (unsigned char)*s : 0, &is_match);
		if (behind) {
			*ret = behind;
			return is_match;
		}
	}
	if (*p == '\\' && p + 1 < end)
		p++;
	*ret = p + n;
	return (size_t)(end - p) >= n && memcmp(p, s, n) == 0;
}

bool filter_glob_match(const char *p, size_t pattern_len, const char *s, size_t len)
{
	const char *end = p + pattern_len, *s_end = s + len;
	const char *star = NULL, *star_s = NULL;

	/* Only the last star can have to take more: what is before it has matched already. */
	for (;;) {
		unsigned int n = utf8_sequence(s, (size_t)(s_end - s));
		const char *next;

		n = n || s == s_end ? n : 1;
		if (p < end && *p == '*') {
			star = ++p;
			star_s = s;
			continue;
		}
		if (s == s_end)
			return p == end;
		if (p < end && match_one(p, end, s, n, &next)) {
			p = next;
			s += n;
			continue;
		}
		if (!star)
			return false;
		n = utf8_sequence(star_s, (size_t)(s_end - star_s));
		star_s += n ? n : 1;
		p = star;
		s = star_s;
	}
}

bool filter_test_string(const struct filter_term *t, const char *s, size_t len)
{
	bool is_equal;

	if (t->literal != FILTER_STRING)
		return false;
	is_equal = len == t->string_len && memcmp(s, t->string, len) == 0;
	switch (t->op) {
	case FILTER_EQUAL:
		return is_equal;
	case FILTER_UNEQUAL:
		return !is_equal;
	case FILTER_PREFIX:
		return len >= t->string_len && memcmp(s, t->string, t->string_len) == 0;
	case FILTER_GLOB:
		return filter_glob_match(t->string, t->string_len, s, len);
	default:
		return false;
	}
}

/* "0x1f", as addresses are shown, or "0644", as modes are. */
static bool read_quoted(struct span s, uint64_t *ret)
{
	if (span_at(s, 0) != '0' || s.n > 24)
		return false;
	if (span_at(s, 1) == 'x')
		return span_to_u64(span_from(s, 2), 16, ret) == 0;
	return span_to_u64(s, 8, ret) == 0;
}

static bool test_quoted(const struct filter_term *t, struct span inside)
{
	char shown[SHOWN_MAX];
	uint64_t v;
	int err;

	if (t->literal != FILTER_STRING && span_starts(inside, "-E")) {
		err = errno_of_name(span_from(inside, 1));
		return err && filter_test_number(t, filter_signed(-err));
	}
	if (t->literal != FILTER_STRING)
		return read_quoted(inside, &v) && filter_test_number(t, filter_unsigned(v));
	if (!memchr(inside.p, '\\', inside.n))
		return filter_test_string(t, inside.p, inside.n);
	return filter_test_string(t, shown, event_text_unescape(inside, shown, sizeof(shown)));
}

static bool test_scalar(const struct filter_term *t, struct span v)
{
	uint64_t u;
	int64_t s;

	if (v.n >= 2 && *v.p == '"')
		return test_quoted(t, (struct span){v.p + 1, v.n - 2});
	if (span_is(v, "true") || span_is(v, "false"))
		return filter_test_number(t, filter_unsigned(*v.p == 't'));
	if (span_at(v, 0) == '-')
		return span_to_s64(v, 10, &s) == 0 && filter_test_number(t, filter_signed(s));
	return char_is_digit(span_at(v, 0)) && span_to_u64(v, 10, &u) == 0 &&
	       filter_test_number(t, filter_unsigned(u));
}

bool filter_test_json(const struct filter_term *t, const char *json, size_t len)
{
	struct span v = {json, len}, rest;

	if (span_at(v, 0) != '[')
		return test_scalar(t, v);
	for (rest = span_from(v, 1); rest.n > 0 && *rest.p != ']';) {
		size_t n = event_text_value(rest);

		if (n == 0)
			return false;
		if (test_scalar(t, span_first(rest, n)))
			return true;
		rest = span_from(rest, n);
		if (span_at(rest, 0) == ',')
			rest = span_from(rest, 1);
	}
	return false;
}

bool filter_test_result(const struct filter_term *t, const char *json, size_t len)
{
	struct span inside = {json + 1, len - 2};
	uint64_t v;

	if (len > 4 && json[0] == '"' && span_starts(inside, "0x") && t->literal != FILTER_STRING &&
	    filter_has_signed_result(t))
		return read_quoted(inside, &v) && filter_test_number(t, filter_signed((int64_t)v));
	return filter_test_json(t, json, len);
}
