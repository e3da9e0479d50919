/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A definition with a mark under a place in it. Places are counted in characters, terminals in
 * columns: a character takes 0 to 2 of them, an escaped one more, a tab up to the next stop.
 */
#include "output-caret.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "output-text.h"

#define INDENT	    2
#define TAB_WIDTH   8
#define COLUMNS_MIN 20

/* Where a character begins in the text that is shown. */
struct place {
	size_t byte;
	size_t column;
};

/* Writes @definition as it is shown, and notes each character's place and, last, the end's. */
static size_t lay_out(const char *definition, struct text *shown, struct place *places)
{
	size_t length = strlen(definition), column = INDENT, n = 0, bytes;

	for (size_t i = 0; i < length; i += bytes) {
		uint32_t c = utf8_char(definition + i, length - i, &bytes);

		places[n++] = (struct place){shown->length, column};
		if (c == '\t') {
			size_t stop = (column / TAB_WIDTH + 1) * TAB_WIDTH;

			text_pad(shown, column, stop);
			column = stop;
		} else {
			column += text_safe_char(shown, c, definition + i, bytes);
		}
	}
	places[n] = (struct place){shown->length, column};
	return n;
}

void text_caret(struct text *t, const char *definition, long long position, size_t columns,
		bool color)
{
	_cleanup_free_ struct place *places = calloc(strlen(definition) + 1, sizeof(*places));
	_cleanup_text_ struct text shown = {0};
	size_t n, at, first = 0, last;

	if (!places) {
		t->failed = true;
		return;
	}
	n = lay_out(definition, &shown, places);
	at = position < 0 ? 0 : (unsigned long long)position > n ? n : (size_t)position;
	last = n;
	if (columns >= COLUMNS_MIN && places[n].column >= columns) {
		/* The caret in the first two thirds, and room for a "…" on both sides. */
		while (places[at].column - places[first].column > columns * 2 / 3)
			first++;
		while (places[last].column - places[first].column + INDENT + 2 >= columns)
			last--;
	}

	text_repeat(t, ' ', INDENT);
	text_puts(t, first > 0 ? "…" : "");
	if (shown.data)
		text_append(t, shown.data + places[first].byte,
			    places[last].byte - places[first].byte);
	text_puts(t, last < n ? "…\n" : "\n");

	text_repeat(t, ' ', INDENT + (first > 0) + places[at].column - places[first].column);
	text_color(t, color, COLOR_ERROR);
	text_putc(t, '^');
	text_plain(t, color);
	text_putc(t, '\n');
	t->failed |= shown.failed;
}
