/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See name-distance.h. */
#include "name-distance.h"

/* One row of the edit distance is kept; longer names are like none. */
enum { LENGTH_MAX = 64 };

/* Mistakes that leave a name recognisable: one in three characters. */
struct name_search name_search_of(struct span name)
{
	return (struct name_search){.name = name, .distance = 1 + (name.n + 2) / 3};
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

void name_search_try(struct name_search *s, const char *candidate)
{
	unsigned int row[LENGTH_MAX + 1];
	size_t n = strlen(candidate);
	size_t shorter = n < s->name.n ? n : s->name.n;

	if (s->name.n > LENGTH_MAX || n > LENGTH_MAX || n == 0)
		return;
	if (n + s->name.n - 2 * shorter > s->distance)
		return;
	for (size_t j = 0; j <= n; j++)
		row[j] = (unsigned int)j;
	for (size_t i = 0; i < s->name.n; i++) {
		unsigned int diagonal = row[0];

		row[0] = (unsigned int)i + 1;
		for (size_t j = 0; j < n; j++) {
			unsigned int replaced =
				diagonal + (lower(s->name.p[i]) != lower(candidate[j]));
			unsigned int other = (row[j] < row[j + 1] ? row[j] : row[j + 1]) + 1;

			diagonal = row[j + 1];
			row[j + 1] = replaced < other ? replaced : other;
		}
	}
	/* Of two that are as near, the one that only goes on is what was meant. */
	if (row[n] < s->distance || (row[n] == s->distance && s->best && n > s->name.n &&
				     memcmp(candidate, s->name.p, s->name.n) == 0)) {
		s->distance = row[n];
		s->best = candidate;
	}
}
