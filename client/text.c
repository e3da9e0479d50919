/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A text that grows.
 */
#include "text.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"

/* No text of a client is longer than a message; a little is left for what is around it. */
#define TEXT_MAX ((size_t)64 << 20)

void text_done(struct text *t)
{
	free(t->data);
	*t = (struct text){0};
}

void text_clear(struct text *t)
{
	t->length = 0;
	t->failed = false;
	if (t->data)
		t->data[0] = '\0';
}

/* Makes room for @more bytes and a NUL. */
static bool text_reserve(struct text *t, size_t more)
{
	size_t size = t->size ? t->size : 256;
	char *data;

	if (t->failed)
		return false;
	if (more > TEXT_MAX || t->length + more >= TEXT_MAX) {
		t->failed = true;
		return false;
	}
	if (t->length + more < t->size)
		return true;
	while (size <= t->length + more)
		size *= 2;
	data = realloc(t->data, size);
	if (!data) {
		t->failed = true;
		return false;
	}
	t->data = data;
	t->size = size;
	return true;
}

char *text_room(struct text *t, size_t more)
{
	return text_reserve(t, more) ? t->data + t->length : NULL;
}

void text_fill(struct text *t, const char *end)
{
	t->length = (size_t)(end - t->data);
	t->data[t->length] = '\0';
}

void text_append(struct text *t, const char *data, size_t length)
{
	if (!text_reserve(t, length))
		return;
	memcpy(t->data + t->length, data, length);
	t->length += length;
	t->data[t->length] = '\0';
}

void text_puts(struct text *t, const char *string)
{
	text_append(t, string, strlen(string));
}

void text_putc(struct text *t, char c)
{
	if (!text_reserve(t, 1))
		return;
	t->data[t->length++] = c;
	t->data[t->length] = '\0';
}

void text_uint(struct text *t, uint64_t value, unsigned int width, char pad)
{
	char digits[20], *end = digits + sizeof(digits), *p = end;

	do {
		*--p = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	while (p > digits && (unsigned int)(end - p) < width)
		*--p = pad;
	text_append(t, p, (size_t)(end - p));
}

void text_repeat(struct text *t, char c, size_t n)
{
	if (!text_reserve(t, n))
		return;
	memset(t->data + t->length, c, n);
	t->length += n;
	t->data[t->length] = '\0';
}

void text_printf(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0 || !text_reserve(t, (size_t)n))
		return;
	va_start(ap, fmt);
	vsnprintf(t->data + t->length, (size_t)n + 1, fmt, ap);
	va_end(ap);
	t->length += (size_t)n;
}

void text_json_string(struct text *t, const char *string)
{
	const char *plain = string;

	text_putc(t, '"');
	for (const char *p = string; *p; p++) {
		unsigned char c = (unsigned char)*p;

		if (c >= 0x20 && c != '"' && c != '\\')
			continue;
		text_append(t, plain, (size_t)(p - plain));
		plain = p + 1;
		if (c == '"' || c == '\\') {
			text_putc(t, '\\');
			text_putc(t, (char)c);
		} else {
			text_printf(t, "\\u%04x", c);
		}
	}
	text_puts(t, plain);
	text_putc(t, '"');
}

char *text_take(struct text *t)
{
	char *data;

	if (!t->data)
		text_append(t, "", 0);
	if (t->failed) {
		text_done(t);
		return NULL;
	}
	data = take_ptr(t->data);
	*t = (struct text){0};
	return data;
}
