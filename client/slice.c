/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reads JSON where it lies.
 *
 * skip_value() is the whole grammar: it walks over one value without recursion, with a bit per
 * level that says whether that level is an object. Everything else looks at what it has walked
 * over. Its speed is the speed of the client, so strings go eight bytes at a time.
 */
#include "slice.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

static inline const char *skip_space(const char *p, const char *end)
{
	/* Mostly there is none. */
	while (p < end && (unsigned char)*p <= ' ' &&
	       (*p == ' ' || *p == '\n' || *p == '\t' || *p == '\r'))
		p++;
	return p;
}

/* How many of eight bytes come before a quote, a backslash or a control character. */
static inline unsigned int plain_bytes(const char *p)
{
	uint64_t word;

	memcpy(&word, p, sizeof(word));
	return slice_bytes_before(slice_special_bytes(le64toh(word)));
}

/* @p is behind the opening quote. Returns the place behind the closing one, or NULL. */
static __attribute__((__noinline__)) const char *skip_rest(const char *p, const char *end)
{
	for (;;) {
		unsigned int n = 8;

		for (; end - p >= 8 && n == 8; p += n)
			n = plain_bytes(p);
		while (p < end && *p != '"' && *p != '\\' && (unsigned char)*p >= 0x20)
			p++;
		if (p == end || (unsigned char)*p < 0x20)
			return NULL;
		if (*p == '"')
			return p + 1;
		if (++p == end)
			return NULL;
		if (*p == 'u') {
			if (slice_hex4(p + 1, end) < 0)
				return NULL;
			p += 5;
		} else if (*p && strchr("\"\\/bfnrt", *p)) {
			p++;
		} else {
			return NULL;
		}
	}
}

/* @p is at the opening quote. Most keys end within a word. */
static inline const char *skip_string(const char *p, const char *end)
{
	unsigned int n;

	if (end - ++p < 8)
		return skip_rest(p, end);
	n = plain_bytes(p);
	return n < 8 && p[n] == '"' ? p + n + 1 : skip_rest(p + n, end);
}

static const char *skip_digits(const char *p, const char *end)
{
	const char *start = p;

	while (p < end && *p >= '0' && *p <= '9')
		p++;
	return p == start ? NULL : p;
}

static const char *skip_number(const char *p, const char *end)
{
	if (*p == '-')
		p++;
	if (p < end && *p == '0')
		p++;
	else
		p = skip_digits(p, end);
	if (p && p < end && *p == '.')
		p = skip_digits(p + 1, end);
	if (p && p < end && (*p == 'e' || *p == 'E')) {
		p++;
		if (p < end && (*p == '+' || *p == '-'))
			p++;
		p = skip_digits(p, end);
	}
	return p;
}

static const char *skip_word(const char *p, const char *end, const char *word)
{
	size_t length = strlen(word);

	if ((size_t)(end - p) < length || memcmp(p, word, length) != 0)
		return NULL;
	return p + length;
}

static const char *skip_scalar(const char *p, const char *end)
{
	switch (*p) {
	case '"':
		return skip_string(p, end);
	case 't':
		return skip_word(p, end, "true");
	case 'f':
		return skip_word(p, end, "false");
	case 'n':
		return skip_word(p, end, "null");
	default:
		return skip_number(p, end);
	}
}

/* From before a key to behind its colon, or NULL. */
static const char *skip_key(const char *p, const char *end)
{
	p = skip_space(p, end);
	if (p == end || *p != '"')
		return NULL;
	p = skip_string(p, end);
	if (!p)
		return NULL;
	p = skip_space(p, end);
	if (p == end || *p != ':')
		return NULL;
	return p + 1;
}

/* @p is where a value begins, after space. Returns the place behind it, or NULL. */
static const char *skip_value(const char *p, const char *end)
{
	uint64_t objects = 0; /* the lowest bit is the innermost level */
	unsigned int depth = 0;

	for (;;) {
		bool opened = false;

		p = skip_space(p, end);
		if (p == end)
			return NULL;
		if (*p == '{' || *p == '[') {
			if (depth++ == SLICE_DEPTH_MAX)
				return NULL;
			objects = objects << 1 | (*p == '{');
			p++;
			opened = true;
		} else {
			p = skip_scalar(p, end);
			if (!p)
				return NULL;
		}

		/* Leave every level that ends here. */
		while (depth > 0) {
			p = skip_space(p, end);
			if (p == end)
				return NULL;
			if (*p != ((objects & 1) ? '}' : ']'))
				break;
			p++;
			depth--;
			objects >>= 1;
			opened = false;
		}
		if (depth == 0)
			return p;
		if (!opened && *p++ != ',')
			return NULL;
		if (objects & 1) {
			p = skip_key(p, end);
			if (!p)
				return NULL;
		}
	}
}

int slice_scan(const char *text, size_t length, struct slice *ret)
{
	const char *end = text + length, *start, *stop;

	start = skip_space(text, end);
	stop = skip_value(start, end);
	if (!stop || skip_space(stop, end) != end)
		return -EBADMSG;
	*ret = (struct slice){start, (size_t)(stop - start)};
	return 0;
}

/* Stands before the first value of the container that begins at @p with a bracket. */
static int iter_begin(struct slice_iter *it, const char *p, const char *end)
{
	*it = (struct slice_iter){.open = p, .end = end, .close = *p == '{' ? '}' : ']'};
	p = skip_space(p + 1, end);
	if (p == end)
		return -EBADMSG;
	if (*p == it->close)
		it->stop = p + 1;
	else
		it->at = p;
	return 0;
}

/* Moves behind a value that ends at @p, and its comma. */
static int iter_step(struct slice_iter *it, const char *p)
{
	p = skip_space(p, it->end);
	if (p == it->end)
		return -EBADMSG;
	if (*p == it->close) {
		it->at = NULL;
		it->stop = p + 1;
		return 0;
	}
	if (*p != ',')
		return -EBADMSG;
	it->at = p + 1;
	return 0;
}

void slice_iter_init(struct slice_iter *it, struct slice container)
{
	enum slice_type type = slice_type_of(container);

	*it = (struct slice_iter){0};
	if (type == SLICE_OBJECT || type == SLICE_ARRAY)
		(void)iter_begin(it, container.text, container.text + container.length);
}

int slice_iter_text(struct slice_iter *it, const char *text, size_t length)
{
	const char *end = text + length, *p = skip_space(text, end);

	if (p == end || *p != '{')
		return -EBADMSG;
	return iter_begin(it, p, end);
}

bool slice_iter_was_all(const struct slice_iter *it)
{
	return it->stop && skip_space(it->stop, it->end) == it->end;
}

int slice_iter_element(struct slice_iter *it, struct slice *ret)
{
	const char *start, *stop;

	if (!it->at)
		return 0;
	start = skip_space(it->at, it->end);
	if (start == it->end)
		return -EBADMSG;
	stop = *start == '{' || *start == '[' ? skip_value(start, it->end)
					      : skip_scalar(start, it->end);
	if (!stop || iter_step(it, stop) < 0)
		return -EBADMSG;
	*ret = (struct slice){start, (size_t)(stop - start)};
	return 1;
}

int slice_iter_key(struct slice_iter *it, struct slice *ret_key)
{
	const char *key, *key_end, *p;

	if (!it->at)
		return 0;
	key = skip_space(it->at, it->end);
	if (key == it->end || *key != '"')
		return -EBADMSG;
	key_end = skip_string(key, it->end);
	if (!key_end)
		return -EBADMSG;
	p = skip_space(key_end, it->end);
	if (p == it->end || *p != ':')
		return -EBADMSG;
	it->at = p + 1;
	*ret_key = (struct slice){key, (size_t)(key_end - key)};
	return 1;
}

int slice_iter_member(struct slice_iter *it, struct slice *ret_key, struct slice *ret_value)
{
	int r = slice_iter_key(it, ret_key);

	return r > 0 ? slice_iter_element(it, ret_value) : r;
}

int slice_iter_enter(const struct slice_iter *it, struct slice_iter *child)
{
	const char *p = skip_space(it->at, it->end);

	if (p == it->end || (*p != '{' && *p != '['))
		return -EBADMSG;
	return iter_begin(child, p, it->end);
}

int slice_iter_leave(struct slice_iter *it, const struct slice_iter *child)
{
	return child->stop ? iter_step(it, child->stop) : -EBADMSG;
}

int slice_iter_pass(struct slice_iter *it, struct slice value)
{
	return iter_step(it, value.text + value.length);
}

int slice_get(struct slice object, const char *name, struct slice *ret)
{
	struct slice key, value;
	struct slice_iter it;
	int r;

	if (slice_type_of(object) != SLICE_OBJECT)
		return -ENOENT;
	slice_iter_init(&it, object);
	while ((r = slice_iter_member(&it, &key, &value)) > 0) {
		if (!slice_is(key, name))
			continue;
		*ret = value;
		return 0;
	}
	return r < 0 ? r : -ENOENT;
}
