/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Text for a terminal.
 *
 * Names of threads and files come from whoever runs programs on the host, so everything that was
 * not written here passes text_safe() or text_safe_json() on its way out. Widths do not depend on
 * the locale: what kprobed sends is UTF-8, and so is what terminals show.
 */
#include "output-text.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cleanup.h"

#define BAD_BYTE 0xdc00U

struct range {
	uint32_t first, last;
};

/* Combining marks and others without a width of their own. */
static const struct range zero_width[] = {
	{0x300, 0x36f},	  {0x483, 0x489},   {0x591, 0x5bd},   {0x610, 0x61a},	{0x64b, 0x65f},
	{0x6d6, 0x6dc},	  {0x900, 0x902},   {0xe31, 0xe31},   {0xe34, 0xe3a},	{0xe47, 0xe4e},
	{0x1ab0, 0x1aff}, {0x1dc0, 0x1dff}, {0x20d0, 0x20ff}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f},
};

static const struct range double_width[] = {
	{0x1100, 0x115f},   {0x2e80, 0x303e},	{0x3041, 0x33ff},   {0x3400, 0x4dbf},
	{0x4e00, 0x9fff},   {0xa000, 0xa4cf},	{0xac00, 0xd7a3},   {0xf900, 0xfaff},
	{0xfe30, 0xfe6f},   {0xff00, 0xff60},	{0xffe0, 0xffe6},   {0x1f300, 0x1f64f},
	{0x1f680, 0x1f6ff}, {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd},
};

/* Controls, what cannot be seen, and what turns the direction of writing around. */
static const struct range unsafe[] = {
	{0, 0x1f},	  {0x7f, 0x9f},	    {0xad, 0xad},	{0x61c, 0x61c},	  {0x180e, 0x180e},
	{0x200b, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x206f},	{0xd800, 0xdfff}, {0xfeff, 0xfeff},
	{0xfff9, 0xfffb}, {0xfffe, 0xffff}, {0xe0000, 0xe007f},
};

static bool in_ranges(uint32_t c, const struct range *ranges, size_t n)
{
	for (size_t i = 0; i < n && c >= ranges[i].first; i++)
		if (c <= ranges[i].last)
			return true;
	return false;
}

void text_color(struct text *t, bool on, enum color color)
{
	static const char *const codes[] = {
		[COLOR_DIM] = "\033[2m",    [COLOR_BOLD] = "\033[1m", [COLOR_PROBE] = "\033[36m",
		[COLOR_VALUE] = "\033[32m", [COLOR_GAP] = "\033[33m", [COLOR_ERROR] = "\033[1;31m",
	};

	if (on)
		text_puts(t, codes[color]);
}

void text_plain(struct text *t, bool on)
{
	if (on)
		text_puts(t, "\033[0m");
}

uint32_t utf8_char(const char *text, size_t length, size_t *ret_bytes)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	const unsigned char *u = (const unsigned char *)text;
	size_t n = u[0] < 0x80 ? 1 : u[0] < 0xc2 ? 0 : u[0] < 0xe0 ? 2 : u[0] < 0xf0 ? 3 : 4;
	uint32_t c;

	*ret_bytes = 1;
	if (n == 1)
		return u[0];
	if (n == 0 || n > length || u[0] > 0xf4)
		return BAD_BYTE + u[0];
	c = u[0] & (0x7fU >> n);
	for (size_t i = 1; i < n; i++) {
		if ((u[i] & 0xc0) != 0x80)
			return BAD_BYTE + u[0];
		c = c << 6 | (u[i] & 0x3f);
	}
	if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return BAD_BYTE + u[0];
	*ret_bytes = n;
	return c;
}

int char_width(uint32_t c)
{
	if (c < 0x300)
		return 1;
	if (in_ranges(c, zero_width, ARRAY_SIZE(zero_width)))
		return 0;
	return in_ranges(c, double_width, ARRAY_SIZE(double_width)) ? 2 : 1;
}

size_t text_safe_char(struct text *t, uint32_t c, const char *bytes, size_t length)
{
	static const char letters[] = "abtnvfr"; /* 7 to 13 */
	size_t before = t->length;

	if (c >= 0x20 && c < 0x7f) {
		text_putc(t, (char)c);
		return 1;
	}
	if (!in_ranges(c, unsafe, ARRAY_SIZE(unsafe))) {
		text_append(t, bytes, length);
		return (size_t)char_width(c);
	}
	if (c >= 7 && c <= 13)
		text_printf(t, "\\%c", letters[c - 7]);
	else if (c >= BAD_BYTE && c < BAD_BYTE + 0x100)
		text_printf(t, "\\x%02x", c - BAD_BYTE);
	else if (c < 0x80)
		text_printf(t, "\\x%02x", c);
	else
		text_printf(t, "\\u%04x", c);
	return t->length - before;
}

/* How many bytes in front need neither escapes nor a look at their width. */
static size_t plain_bytes(const char *text, size_t length)
{
	size_t n = 0;

	while (n < length && text[n] >= 0x20 && text[n] < 0x7f)
		n++;
	return n;
}

size_t text_safe(struct text *t, const char *text, size_t length)
{
	size_t plain = plain_bytes(text, length), width = plain, bytes;

	text_append(t, text, plain);
	for (size_t i = plain; i < length; i += bytes) {
		uint32_t c = utf8_char(text + i, length - i, &bytes);

		width += text_safe_char(t, c, text + i, bytes);
	}
	return width;
}

size_t text_safe_width(const char *text)
{
	struct text t = {0};
	size_t width = text_safe(&t, text, strlen(text));

	text_done(&t);
	return width;
}

size_t text_safe_cut(struct text *t, const char *text, size_t width)
{
	size_t length = strlen(text), used = 0, bytes;

	if (text_safe_width(text) <= width)
		return text_safe(t, text, length);
	for (size_t i = 0; i < length; i += bytes) {
		uint32_t c = utf8_char(text + i, length - i, &bytes);
		size_t before = t->length, w;

		w = text_safe_char(t, c, text + i, bytes);
		if (used + w + 1 > width) {
			t->length = before;
			break;
		}
		used += w;
	}
	text_puts(t, "…");
	return used + 1;
}

void text_pad(struct text *t, size_t from, size_t to)
{
	if (from < to)
		text_repeat(t, ' ', to - from);
}

void text_safe_json(struct text *t, const char *json, size_t length)
{
	size_t plain = 0, bytes;

	for (size_t i = 0; i < length; i += bytes) {
		uint32_t c;

		bytes = 1;
		if (json[i] >= 0x20 && json[i] < 0x7f)
			continue;
		c = utf8_char(json + i, length - i, &bytes);
		if (!in_ranges(c, unsafe, ARRAY_SIZE(unsafe)))
			continue;
		text_append(t, json + plain, i - plain);
		plain = i + bytes;
		if (c < 0x20)
			text_putc(t, ' ');
		else if (c >= 0x10000)
			text_printf(t, "\\u%04x\\u%04x", 0xd7c0 + (c >> 10), 0xdc00 + (c & 0x3ff));
		else
			text_printf(t, "\\u%04x",
				    c >= BAD_BYTE && c < BAD_BYTE + 0x100 ? 0xfffd : c);
	}
	text_append(t, json + plain, length - plain);
}

/* Whether a string, with its quotes, is an address as the daemon writes it. */
static bool is_address(struct slice string)
{
	uint64_t number;

	return slice_hex_to_uint(string, &number) == 0;
}

/* A string, with what it means shown and not how it was written. */
static void text_decoded(struct text *t, struct slice string)
{
	_cleanup_free_ char *decoded = slice_dup(string);
	size_t length, bytes;

	if (!decoded) {
		t->failed = true;
		return;
	}
	length = strlen(decoded);
	text_putc(t, '"');
	for (size_t i = 0; i < length; i += bytes) {
		uint32_t c = utf8_char(decoded + i, length - i, &bytes);

		if (c == '"' || c == '\\')
			text_putc(t, '\\');
		text_safe_char(t, c, decoded + i, bytes);
	}
	text_putc(t, '"');
}

static void text_string(struct text *t, struct slice string)
{
	if (plain_bytes(string.text, string.length) == string.length &&
	    !memchr(string.text, '\\', string.length))
		text_append(t, string.text, string.length);
	else
		text_decoded(t, string);
}

void text_value(struct text *t, struct slice value)
{
	struct slice key, inner;
	struct slice_iter it;
	bool first = true;

	slice_iter_init(&it, value);
	switch (slice_type_of(value)) {
	case SLICE_NULL:
		/* As the kernel itself prints a string that could not be read. */
		text_puts(t, "(fault)");
		break;
	case SLICE_STRING:
		if (is_address(value))
			text_append(t, value.text + 1, value.length - 2);
		else
			text_string(t, value);
		break;
	case SLICE_ARRAY:
		text_putc(t, '{');
		for (; slice_iter_element(&it, &inner) > 0; first = false) {
			if (!first)
				text_putc(t, ',');
			text_value(t, inner);
		}
		text_putc(t, '}');
		break;
	case SLICE_OBJECT:
		text_putc(t, '{');
		for (; slice_iter_member(&it, &key, &inner) > 0; first = false) {
			if (!first)
				text_putc(t, ',');
			text_safe(t, key.text + 1, key.length - 2);
			text_putc(t, '=');
			text_value(t, inner);
		}
		text_putc(t, '}');
		break;
	default:
		text_append(t, value.text, value.length);
	}
}

size_t terminal_width(FILE *f)
{
	struct winsize size;

	if (!isatty(fileno(f)))
		return 0;
	if (ioctl(fileno(f), TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
		return 80;
	return size.ws_col;
}

bool text_write(struct text *t, FILE *f)
{
	bool ok = !t->failed && (t->length == 0 || fwrite(t->data, t->length, 1, f) == 1);

	text_clear(t);
	return ok;
}
