/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A text that grows: requests are written into one, and lines for people.
 *
 * Appending cannot fail; when memory is short, or the text would pass its limit, it is marked as
 * failed and stays as it is. Whoever takes the text looks at `failed` once.
 */
#ifndef KP_TEXT_H
#define KP_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text {
	char *data; /* owned; ended by NUL, or NULL while nothing was appended */
	size_t length;
	size_t size;
	bool failed;
};

void text_done(struct text *t);

/* Empties it and keeps its memory. */
void text_clear(struct text *t);

void text_append(struct text *t, const char *data, size_t length);
void text_puts(struct text *t, const char *string);
void text_putc(struct text *t, char c);
void text_repeat(struct text *t, char c, size_t n);
/* In decimal, with @pad in front until it has @width digits (20 at most; 0: as many as it has). */
void text_uint(struct text *t, uint64_t value, unsigned int width, char pad);
void text_printf(struct text *t, const char *fmt, ...)
	__attribute__((__format__(__printf__, 2, 3)));

/*
 * For whoever writes into the text by himself: where its end is, with room for @more bytes, and
 * then how far it was filled. NULL: it has failed.
 */
char *text_room(struct text *t, size_t more);
void text_fill(struct text *t, const char *end);

/* @string as a JSON string with its quotes. */
void text_json_string(struct text *t, const char *string);

/* The text, owned by the caller; NULL if it failed. @t is empty afterwards. */
char *text_take(struct text *t);

#define _cleanup_text_ _cleanup_(text_done)

#endif
