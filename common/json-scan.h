/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Is this text one JSON object, to the letter of RFC 8259?
 *
 * json-c, strict flag and all, takes NaN, Infinity, "1.", -01 and single-quoted names, clamps
 * integers that are too large, lets overlong UTF-8, encoded surrogates and bare control characters
 * through, turns lone surrogate escapes into U+FFFD, and spends 800 bytes on each "{}". So a text
 * is looked at here before it is built there. One pass, no memory, recursion no deeper than the
 * limit.
 */
#ifndef KP_JSON_SCAN_H
#define KP_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>

struct json_scan_limits {
	unsigned int depth; /* objects and arrays inside each other */
	size_t containers;  /* objects and arrays altogether */
	bool allow_nul;	    /* \u0000 in string values; names never have it */
};

/*
 * Whether @text is an object and nothing around it. Integers must fit in int64 or uint64 (json-c
 * keeps both exactly), surrogate escapes must come in pairs. Names that stand twice in one object
 * are not seen here: *@ret_members, the number of members in all objects together, tells when
 * compared with the tree made of the text.
 *
 * 0, -EBADMSG, or -E2BIG when a limit is exceeded.
 */
int json_scan(const char *text, size_t len, const struct json_scan_limits *limits,
	      size_t *ret_members);

#endif
