/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where each object of an array lies.
 *
 * Sixty-four bytes at a time become sets of bits: quotes, backslashes, brackets. A prefix sum of
 * the quotes, modulo 2, says which bytes are within strings; what is left are a handful of brackets
 * for each event. Bytes below 0x20, and brackets that are not where a daemon puts them, end this:
 * the slow way then decides from the beginning.
 */
#include "slice-list.h"

#include <errno.h>
#include <stdlib.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define BLOCK	     64U
#define MARKS_FIRST  1024U
#define NOT_THIS_WAY (-EAGAIN)

struct bits {
	uint64_t quotes;
	uint64_t brackets;
	uint64_t backslashes;
	bool has_control; /* a byte below 0x20 */
};

/* How far the scan is. */
struct scan {
	const char *text; /* the array */
	struct slice_list *list;
	uint64_t in_string;  /* all ones: within a string */
	uint64_t escaped;    /* 1: the next byte has a backslash before it */
	uint64_t objects;    /* the lowest bit is the innermost level: whether that is an object */
	unsigned int depth;  /* open brackets, the array's among them */
	size_t start, ended; /* of the element; where the last one ended */
};

void slice_list_done(struct slice_list *list)
{
	free(list->marks);
	*list = (struct slice_list){0};
}

static int list_add(struct slice_list *list, size_t start, size_t end)
{
	if (list->n == list->size) {
		size_t size = list->size ? list->size * 2 : MARKS_FIRST;
		struct slice_mark *marks = reallocarray(list->marks, size, sizeof(*marks));

		if (!marks)
			return -ENOMEM;
		list->marks = marks;
		list->size = size;
	}
	list->marks[list->n++] = (struct slice_mark){(uint32_t)start, (uint32_t)(end - start)};
	return 0;
}

#ifdef __SSE2__
static inline struct bits look(const char *p)
{
	const __m128i quote = _mm_set1_epi8('"'), backslash = _mm_set1_epi8('\\');
	/* '{' and '}' are '[' and ']' with this bit. */
	const __m128i bit = _mm_set1_epi8(0x20), open = _mm_set1_epi8('{'),
		      closed = _mm_set1_epi8('}'), last = _mm_set1_epi8(0x1f);
	__m128i backslashes = _mm_setzero_si128(), controls = backslashes;
	struct bits bits = {0};

	for (unsigned int i = 0; i < BLOCK; i += 16) {
		__m128i v = _mm_loadu_si128((const __m128i *)(const void *)(p + i));
		__m128i upper = _mm_or_si128(v, bit);
		__m128i bracket =
			_mm_or_si128(_mm_cmpeq_epi8(upper, open), _mm_cmpeq_epi8(upper, closed));

		bits.quotes |= (uint64_t)(unsigned int)_mm_movemask_epi8(_mm_cmpeq_epi8(v, quote))
			       << i;
		bits.brackets |= (uint64_t)(unsigned int)_mm_movemask_epi8(bracket) << i;
		backslashes = _mm_or_si128(backslashes, _mm_cmpeq_epi8(v, backslash));
		controls = _mm_or_si128(controls, _mm_cmpeq_epi8(_mm_min_epu8(v, last), v));
	}
	bits.has_control = _mm_movemask_epi8(controls) != 0;
	/* Few blocks have any. */
	if (_mm_movemask_epi8(backslashes) != 0)
		for (unsigned int i = 0; i < BLOCK; i++)
			bits.backslashes |= (uint64_t)(p[i] == '\\') << i;
	return bits;
}
#else
static inline struct bits look(const char *p)
{
	struct bits bits = {0};

	for (unsigned int i = 0; i < BLOCK; i++) {
		unsigned char c = (unsigned char)p[i], upper = c | 0x20;

		bits.quotes |= (uint64_t)(c == '"') << i;
		bits.brackets |= (uint64_t)(upper == '{' || upper == '}') << i;
		bits.backslashes |= (uint64_t)(c == '\\') << i;
		bits.has_control |= c < 0x20;
	}
	return bits;
}
#endif

/* Each bit the sum, modulo 2, of those up to it. */
static inline uint64_t prefix_sums(uint64_t bits)
{
	for (unsigned int i = 1; i < 64; i *= 2)
		bits ^= bits << i;
	return bits;
}

/* The quotes that begin or end a string. */
static inline uint64_t true_quotes(struct scan *s, struct bits bits)
{
	uint64_t escaped = s->escaped, left = bits.backslashes & ~escaped;

	s->escaped = 0;
	while (left) {
		uint64_t behind = (left & -left) << 1;

		if (!behind)
			s->escaped = 1;
		escaped |= behind;
		left &= left - 1;
		left &= ~behind;
	}
	return bits.quotes & ~escaped;
}

/* The bracket at @at. Returns 1 behind the array's last one, 0, NOT_THIS_WAY or -ENOMEM. */
static inline int take_bracket(struct scan *s, size_t at)
{
	char c = s->text[at];

	if (c == '{' || c == '[') {
		/* An element begins behind the array's bracket, or behind one comma. */
		if (s->depth == 1) {
			if (c != '{' ||
			    (s->list->n == 0 ? at != 1
					     : at != s->ended + 1 || s->text[s->ended] != ','))
				return NOT_THIS_WAY;
			s->start = at;
		}
		if (s->depth++ == SLICE_DEPTH_MAX)
			return NOT_THIS_WAY;
		s->objects = s->objects << 1 | (c == '{');
		return 0;
	}
	if ((c == '}') != (s->objects & 1))
		return NOT_THIS_WAY;
	s->objects >>= 1;
	if (--s->depth == 1) {
		s->ended = at + 1;
		return list_add(s->list, s->start, at + 1);
	}
	if (s->depth > 0)
		return 0;
	/* Nothing is between the last element and the array's end, or between its brackets. */
	return at == (s->list->n ? s->ended : 1) ? 1 : NOT_THIS_WAY;
}

/* The brackets of one block, which begins at @at. Returns as take_bracket(), with the place. */
static inline int take_block(struct scan *s, struct bits bits, size_t at, size_t *ret_end)
{
	uint64_t strings = prefix_sums(true_quotes(s, bits)) ^ s->in_string;
	int r;

	for (uint64_t left = bits.brackets & ~strings; left; left &= left - 1) {
		size_t place = at + (unsigned int)__builtin_ctzll(left);

		r = take_bracket(s, place);
		if (r > 0)
			*ret_end = place + 1;
		if (r != 0)
			return r;
	}
	s->in_string = 0 - (strings >> 63);
	return 0;
}

/* The quick way. Returns 0 with the array's length, NOT_THIS_WAY, or -ENOMEM. */
static int list_quickly(const char *text, size_t length, struct slice_list *list,
			size_t *ret_length)
{
	struct scan s = {.text = text, .list = list};
	char rest[BLOCK];
	int r = 0;

	for (size_t at = 0; r == 0 && at < length; at += BLOCK) {
		const char *p = text + at;
		struct bits bits;

		if (length - at < BLOCK) {
			memset(rest, ' ', sizeof(rest));
			p = memcpy(rest, p, length - at);
		}
		bits = look(p);
		if (bits.has_control)
			return NOT_THIS_WAY;
		r = take_block(&s, bits, at, ret_length);
	}
	return r > 0 ? 0 : r == 0 ? NOT_THIS_WAY : r;
}

void slice_blank(struct slice value)
{
	char *text = (char *)(uintptr_t)value.text;

	for (size_t i = 0; i < value.length; i++)
		if ((unsigned char)text[i] < 0x20)
			text[i] = ' ';
}

/* Value by value. */
static int list_slowly(struct slice_list *list, struct slice array)
{
	struct slice_iter it;
	struct slice value;
	int r;

	slice_blank(array);
	slice_iter_init(&it, array);
	while ((r = slice_iter_element(&it, &value)) > 0) {
		size_t start = (size_t)(value.text - array.text);

		r = list_add(list, start, start + value.length);
		if (r < 0)
			return r;
	}
	return r;
}

int slice_iter_list(struct slice_iter *it, struct slice_list *list, struct slice *ret)
{
	struct slice array;
	size_t length;
	int r = NOT_THIS_WAY;

	list->n = list->at = 0;
	if (it->at < it->end && *it->at == '[')
		r = list_quickly(it->at, (size_t)(it->end - it->at), list, &length);
	if (r == 0) {
		array = (struct slice){it->at, length};
		r = slice_iter_pass(it, array);
	} else if (r == NOT_THIS_WAY) {
		list->n = 0;
		r = slice_iter_element(it, &array);
		r = r == 0 ? -EBADMSG : r < 0 ? r : 0;
		if (r == 0)
			r = list_slowly(list, array);
	}
	if (r == 0 && array.length > UINT32_MAX)
		r = -EBADMSG;
	if (r < 0) {
		list->n = 0;
		return r;
	}
	list->base = array.text;
	*ret = array;
	return 0;
}
