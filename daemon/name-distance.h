/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which of many names is most like one that was mistyped.
 */
#ifndef KP_NAME_DISTANCE_H
#define KP_NAME_DISTANCE_H

#include "span.h"

/* A search under way: name_search_of(), then name_search_try() with each name. */
struct name_search {
	struct span name;
	const char *best; /* borrowed from whoever tried it; NULL: none is like it */
	unsigned int distance;
};

struct name_search name_search_of(struct span name);

/* @candidate becomes the best if it is nearer than all before. */
void name_search_try(struct name_search *s, const char *candidate);

#endif
