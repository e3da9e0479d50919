/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A table for people.
 */
#include "output-table.h"

#include <stdlib.h>
#include <string.h>

#include "output-text.h"

#define GAP	       2
#define LAST_WIDTH_MIN 10

void table_done(struct table *table)
{
	for (size_t i = 0; i < table->n_rows * table->n_columns; i++)
		free(table->cells[i]);
	free(table->cells);
	table->cells = NULL;
	table->n_rows = 0;
}

void table_add(struct table *table, const char *const *cells)
{
	size_t n = table->n_columns, rows = table->n_rows;
	char **grown = realloc(table->cells, (rows + 1) * n * sizeof(*grown));

	if (!grown) {
		table->failed = true;
		return;
	}
	table->cells = grown;
	for (size_t i = 0; i < n; i++) {
		grown[rows * n + i] = strdup(cells[i]);
		if (!grown[rows * n + i])
			table->failed = true;
	}
	table->n_rows++;
}

static const char *cell(const struct table *table, size_t row, size_t column)
{
	const char *text = table->cells[row * table->n_columns + column];

	return text ? text : "";
}

static size_t column_width(const struct table *table, size_t column)
{
	size_t width = strlen(table->columns[column].title);

	for (size_t row = 0; row < table->n_rows; row++) {
		size_t w = text_safe_width(cell(table, row, column));

		if (w > width)
			width = w;
	}
	return width;
}

static size_t last_column(const struct table *table)
{
	size_t last = 0;

	for (size_t i = 0; i < table->n_columns; i++)
		if (!table->columns[i].is_hidden)
			last = i;
	return last;
}

/* @row: SIZE_MAX for the titles */
static void put_row(const struct table *table, size_t row, const size_t *widths, struct text *t)
{
	size_t last = last_column(table);

	for (size_t i = 0; i <= last; i++) {
		const char *text;
		size_t w;

		if (table->columns[i].is_hidden)
			continue;
		text = row == SIZE_MAX ? table->columns[i].title : cell(table, row, i);
		w = text_safe_width(text);
		if (table->columns[i].is_number)
			text_pad(t, w, widths[i]);
		text_safe_cut(t, text, widths[i]);
		if (i == last)
			break;
		if (!table->columns[i].is_number)
			text_pad(t, w, widths[i]);
		text_repeat(t, ' ', GAP);
	}
}

void table_format(const struct table *table, size_t width, bool color, struct text *t)
{
	size_t last = last_column(table), left = width;
	size_t widths[table->n_columns];

	for (size_t i = 0; i < table->n_columns; i++) {
		widths[i] = table->columns[i].is_hidden ? 0 : column_width(table, i);
		if (i == last || table->columns[i].is_hidden)
			continue;
		left = left > widths[i] + GAP ? left - widths[i] - GAP : 0;
	}
	/* Where nothing is left the terminal may wrap, which is better than hiding what is asked
	 * for. */
	if (width && left < widths[last])
		widths[last] = left < LAST_WIDTH_MIN ? LAST_WIDTH_MIN : left;

	text_color(t, color, COLOR_BOLD);
	put_row(table, SIZE_MAX, widths, t);
	text_plain(t, color);
	text_putc(t, '\n');
	for (size_t row = 0; row < table->n_rows; row++) {
		put_row(table, row, widths, t);
		text_putc(t, '\n');
	}
}
