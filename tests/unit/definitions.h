/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The tables of definitions that the unit tests share with the test on a real kernel
 * (tests/vm/tests/20-definitions); their heads say what their columns are.
 */
#ifndef KP_TEST_DEFINITIONS_H
#define KP_TEST_DEFINITIONS_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct definitions {
	FILE *file;
	char line[8192];
	char *column[4]; /* borrowed from line, "" where there is none */
};

static inline bool definitions_open(struct definitions *d, const char *path)
{
	d->file = fopen(path, "re");
	return d->file != NULL;
}

/* The next row, or false at the end, which closes the table. */
static inline bool definitions_next(struct definitions *d)
{
	char *rest = d->line, *end;

	do {
		if (!fgets(d->line, sizeof(d->line), d->file)) {
			fclose(d->file);
			return false;
		}
	} while (d->line[0] == '#');
	end = strchrnul(d->line, '\n');
	*end = '\0';
	for (size_t i = 0; i < 4; i++)
		d->column[i] = rest ? strsep(&rest, "\t") : end;
	return true;
}

#endif
