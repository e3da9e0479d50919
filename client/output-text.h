/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Text for a terminal: nothing in it moves the cursor, changes a colour or turns the line around
 * but what kprobectl means to, and its width in columns is known.
 */
#ifndef KP_OUTPUT_TEXT_H
#define KP_OUTPUT_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "slice.h"
#include "text.h"

enum color {
	COLOR_DIM,
	COLOR_BOLD,
	COLOR_PROBE,
	COLOR_VALUE,
	COLOR_GAP,
	COLOR_ERROR,
};

/* Begins and ends a colour, if @on. */
void text_color(struct text *t, bool on, enum color color);
void text_plain(struct text *t, bool on);

/*
 * The next character of a text in UTF-8 and how many bytes it takes; a byte that belongs to none is
 * given as 0xdc00 plus the byte. @length is at least 1.
 */
uint32_t utf8_char(const char *text, size_t length, size_t *ret_bytes);

/* How many columns a printable character takes: 0 to 2. */
int char_width(uint32_t c);

/*
 * Appends one character so that it is harmless: controls, and characters that are invisible or
 * change the direction of writing, as \n, \x1b or \u202e. Returns its width in columns.
 */
size_t text_safe_char(struct text *t, uint32_t c, const char *bytes, size_t length);

/* The same for a text. Returns its width in columns. */
size_t text_safe(struct text *t, const char *text, size_t length);

/* Appends at most @width columns of @text, the last one "…" if it was cut. Returns the width. */
size_t text_safe_cut(struct text *t, const char *text, size_t width);

/* The width of a text as text_safe() would print it. */
size_t text_safe_width(const char *text);

/* Spaces from column @from up to column @to. */
void text_pad(struct text *t, size_t from, size_t to);

/*
 * Appends JSON that stays the same JSON and is harmless on a terminal: what only a string can hold
 * is written as \uXXXX, and line breaks between values as spaces.
 */
void text_safe_json(struct text *t, const char *json, size_t length);

/* A value of an event as people read it: strings in quotes, addresses bare, arrays as {1,2}. */
void text_value(struct text *t, struct slice value);

/* The width of the terminal that @f is, 0 if it is none. */
size_t terminal_width(FILE *f);

/* Writes @t to @f and empties it. False: nobody reads any more, or memory was short. */
bool text_write(struct text *t, FILE *f);

#endif
