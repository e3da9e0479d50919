/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A table for people: columns as wide as what is in them, the last one cut at the terminal's edge.
 */
#ifndef KP_OUTPUT_TABLE_H
#define KP_OUTPUT_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "text.h"

struct table_column {
	const char *title;
	bool is_number; /* to the right */
	bool is_hidden;
};

struct table {
	struct table_column *columns; /* borrowed (outlives the table) */
	size_t n_columns;
	char **cells; /* owned, as each of them: n_columns a row */
	size_t n_rows;
	bool failed; /* memory was short */
};

void table_done(struct table *table);
#define _cleanup_table_ _cleanup_(table_done)

/* @cells: n_columns strings, borrowed; they need not be safe yet */
void table_add(struct table *table, const char *const *cells);

/* @width: of the terminal, 0: nothing is cut */
void table_format(const struct table *table, size_t width, bool color, struct text *t);

#endif
