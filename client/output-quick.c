/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lines of events, in one pass.
 *
 * The daemon writes the members of an event in one order. Where they are in it, and nothing needs
 * an escape, what the line has is copied from where it lies; whoever finds anything else gives up,
 * and the line is made the long way. Strings are copied eight bytes at a time, so up to seven bytes
 * behind what was written may be overwritten: there is room for them.
 */
#include "output-quick.h"

#include <endian.h>
#include <string.h>

#define NSEC_PER_SEC UINT64_C(1000000000)
/* Beside what is copied and padded: the time and the spaces between the columns. */
#define LINE_ROOM 192
#define WORD	  sizeof(uint64_t)

struct pass {
	const char *p, *end; /* what is read */
	char *to;
};

static inline bool pass_bytes(struct pass *s, const char *bytes, size_t n)
{
	if ((size_t)(s->end - s->p) < n || memcmp(s->p, bytes, n) != 0)
		return false;
	s->p += n;
	return true;
}

#define pass_literal(s, literal) pass_bytes(s, literal, sizeof(literal) - 1)

static inline void put_bytes(struct pass *s, const char *bytes, size_t n)
{
	memcpy(s->to, bytes, n);
	s->to += n;
}

#define put_literal(s, literal) put_bytes(s, literal, sizeof(literal) - 1)

static inline void put_spaces(struct pass *s, size_t n)
{
	memset(s->to, ' ', n);
	s->to += n;
}

/* At least @width digits. */
static inline void put_digits(struct pass *s, uint64_t v, unsigned int width)
{
	char digits[20], *p = digits + sizeof(digits);
	size_t n;

	do {
		*--p = (char)('0' + v % 10);
		v /= 10;
	} while (v || (unsigned int)(digits + sizeof(digits) - p) < width);
	n = (size_t)(digits + sizeof(digits) - p);
	put_bytes(s, p, n);
}

/* A number without sign, as JSON has it, with less than 20 digits. */
static inline bool pass_number(struct pass *s, uint64_t *ret)
{
	const char *start = s->p;
	uint64_t v = 0;

	for (; s->p < s->end && *s->p >= '0' && *s->p <= '9'; s->p++)
		v = v * 10 + (uint64_t)(*s->p - '0');
	*ret = v;
	return s->p > start && s->p - start < 20 && (*start != '0' || s->p - start == 1);
}

/* How many of eight bytes come before one that is not as itself in a line, or ends the string. */
static inline unsigned int plain_bytes(uint64_t word)
{
	word = le64toh(word);
	/* What is no ASCII has its top bit set, and 0x7f gets it. */
	return slice_bytes_before(slice_special_bytes(word) |
				  ((word | (word + SLICE_ONES)) & SLICE_TOPS));
}

/* Copies a string up to its closing quote, and goes behind that. */
static inline bool copy_string(struct pass *s)
{
	unsigned int n = WORD;

	for (; n == WORD && s->end - s->p >= (ptrdiff_t)WORD; s->p += n, s->to += n) {
		uint64_t word;

		memcpy(&word, s->p, WORD);
		memcpy(s->to, &word, WORD);
		n = plain_bytes(word);
	}
	if (n == WORD)
		while (s->p < s->end && *s->p >= 0x20 && *s->p < 0x7f && *s->p != '"' &&
		       *s->p != '\\')
			*s->to++ = *s->p++;
	if (s->p == s->end || *s->p != '"')
		return false;
	s->p++;
	return true;
}

/* A string that says what it is written as. */
static bool skip_string(struct pass *s, struct slice *ret)
{
	const char *quote = memchr(s->p, '"', (size_t)(s->end - s->p));

	if (!quote || memchr(s->p, '\\', (size_t)(quote - s->p)))
		return false;
	*ret = (struct slice){s->p, (size_t)(quote - s->p)};
	s->p = quote + 1;
	return true;
}

/* Whether what was copied from @start on is a hexadecimal number that is shown without quotes. */
static inline bool is_address(const char *start, const char *end)
{
	/* With more digits it depends on them: the long way knows. */
	if (end - start < 3 || start[0] != '0' || start[1] != 'x')
		return false;
	for (const char *p = start + 2; p < end; p++)
		if (slice_hex_digit(*p) < 0)
			return false;
	return true;
}

static inline bool copy_quoted(struct pass *s)
{
	char *start = s->to;
	ptrdiff_t n;

	*s->to++ = '"';
	if (!copy_string(s))
		return false;
	if (!is_address(start + 1, s->to)) {
		*s->to++ = '"';
		return true;
	}
	n = s->to - start - 1;
	if (n > 18)
		return false;
	memmove(start, start + 1, (size_t)n);
	s->to--;
	return true;
}

/* A number without fraction and exponent. */
static inline bool copy_integer(struct pass *s)
{
	const char *start = s->p;
	uint64_t unused;

	if (*s->p == '-')
		s->p++;
	if (!pass_number(s, &unused) || s->p == s->end || (*s->p != ',' && *s->p != '}'))
		return false;
	put_bytes(s, start, (size_t)(s->p - start));
	return true;
}

static inline bool copy_value(struct pass *s)
{
	if (s->p == s->end)
		return false;
	switch (*s->p) {
	case '"':
		s->p++;
		return copy_quoted(s);
	case 'n':
		put_literal(s, "(fault)");
		return pass_literal(s, "null");
	case 't':
		put_literal(s, "true");
		return pass_literal(s, "true");
	case 'f':
		put_literal(s, "false");
		return pass_literal(s, "false");
	default:
		return copy_integer(s);
	}
}

/* From behind the opening bracket to behind the closing one. */
static inline bool copy_args(struct pass *s)
{
	if (pass_literal(s, "}"))
		return true;
	do {
		*s->to++ = ' ';
		if (!pass_literal(s, "\"") || !copy_string(s) || !pass_literal(s, ":"))
			return false;
		*s->to++ = '=';
		if (!copy_value(s))
			return false;
	} while (pass_literal(s, ","));
	return pass_literal(s, "}");
}

/* The time, if it is of the second that was shown last, or since the first event. */
static inline bool put_time(const struct event_format *f, struct pass *s, uint64_t ts_nsec)
{
	uint64_t nsec = ts_nsec + (uint64_t)f->realtime_offset;

	if (f->relative || nsec / NSEC_PER_SEC != (uint64_t)f->clock_seconds || !f->clock[0])
		return false;
	put_bytes(s, f->clock, strlen(f->clock));
	*s->to++ = '.';
	put_digits(s, nsec % NSEC_PER_SEC / 1000, 6);
	put_spaces(s, 2);
	return true;
}

/* The columns up to the probe's. */
static inline bool put_columns(const struct event_format *f, struct pass *s)
{
	uint64_t seq, ts_nsec, cpu, tid, pid;
	char *start;
	size_t width;

	if (!pass_literal(s, "{\"seq\":") || !pass_number(s, &seq) ||
	    !pass_literal(s, ",\"ts\":") || !pass_number(s, &ts_nsec) ||
	    !pass_literal(s, ",\"cpu\":") || !pass_number(s, &cpu) ||
	    !pass_literal(s, ",\"tid\":") || !pass_number(s, &tid) || cpu > 99 || tid > INT32_MAX ||
	    !put_time(f, s, ts_nsec))
		return false;
	if (pass_literal(s, ",\"pid\":") && !pass_number(s, &pid))
		return false;
	put_spaces(s, cpu < 10 ? 2 : 1);
	put_digits(s, cpu, 1);
	put_spaces(s, 2);

	start = s->to;
	if (!pass_literal(s, ",\"comm\":\"") || !copy_string(s))
		return false;
	*s->to++ = '-';
	put_digits(s, tid, 1);
	width = (size_t)(s->to - start);
	if (width > f->comm_width)
		return false;
	put_spaces(s, f->comm_width + 2 - width);

	start = s->to;
	if (!pass_literal(s, ",\"probe\":\"") || !copy_string(s))
		return false;
	width = (size_t)(s->to - start);
	if (width > f->probe_width)
		return false;
	put_spaces(s, f->probe_width + 1 - width);
	return true;
}

/* What a call and a return have in front of the arguments, and a line behind them. */
static inline bool note_end(struct pass *s, struct hit_end *ret)
{
	struct slice site;
	const char *start;
	uint64_t number;
	int64_t result;

	*ret = (struct hit_end){.ret = {NULL, 0}};
	if (!pass_literal(s, ",\"site\":\"") || !skip_string(s, &site))
		return false;
	if (pass_literal(s, ",\"caller\":\"") && !skip_string(s, &ret->caller))
		return false;
	if (pass_literal(s, ",\"durationNs\":")) {
		if (!pass_number(s, &ret->duration_nsec))
			return false;
		ret->is_call = true;
	}
	if (pass_literal(s, ",\"ret\":")) {
		start = s->p;
		pass_literal(s, "-");
		if (!pass_number(s, &number))
			return false;
		ret->ret = (struct slice){start, (size_t)(s->p - start)};
		if (slice_to_int(ret->ret, &result) == 0)
			ret->error = format_error_name(result);
	}
	return pass_literal(s, ",\"args\":{");
}

bool format_quickly(const struct event_format *f, struct slice json, struct text *t)
{
	struct pass s = {.p = json.text, .end = json.text + json.length};
	struct hit_end end;

	if (f->color || f->no_time || f->no_cpu || f->no_comm || f->no_tid || f->no_probe ||
	    f->has_pid)
		return false;
	/* A value that is missing is longer than "null", and less than twice as long. */
	s.to = text_room(t, 2 * json.length + f->comm_width + f->probe_width + LINE_ROOM);
	if (!s.to)
		return false;
	if (!put_columns(f, &s) || !note_end(&s, &end) || !copy_args(&s) ||
	    !pass_literal(&s, "}") || s.p != s.end) {
		text_fill(t, t->data + t->length);
		return false;
	}
	text_fill(t, s.to);
	format_end(f, &end, t);
	return true;
}
