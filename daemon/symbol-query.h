/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which symbols are looked for: a pattern over names, types, a module, and whether they can be
 * probed. Any thread, one at a time.
 */
#ifndef KP_SYMBOL_QUERY_H
#define KP_SYMBOL_QUERY_H

#include "error.h"
#include "probeable.h"

/* Characters; longer patterns mean nothing sensible, and take long. */
#define SYMBOL_PATTERN_MAX 512

struct symbol_query_options {
	/* A name, a glob, or between slashes a regular expression. */
	const char *pattern;
	const char *types;  /* letters; NULL: all */
	const char *module; /* a name or glob; "vmlinux": the kernel itself; NULL: all */
	/* Only those with one of these answers: a set of 1 << enum probeable_answer; 0: all. */
	unsigned int answers;
	uint32_t skip, limit;
};

struct symbol_query;

/* What was found; the array is the caller's, to be freed. */
struct symbol_matches {
	uint32_t *indexes; /* in the order of addresses */
	uint32_t n;
	uint32_t total; /* that match, with those that were skipped and those past the limit */
};

/*
 * Everything is copied. 0, -ENOMEM, or -EINVAL with @reterr: KP_INVALID_PARAMETER and the subject
 * "pattern", with the position and what is wrong with a regular expression, if that is it.
 */
int symbol_query_new(const struct symbol_query_options *options, struct symbol_query **ret,
		     struct kp_error *reterr);
struct symbol_query *symbol_query_free(struct symbol_query *q);
DEFINE_CLEANUP(struct symbol_query *, symbol_query_free);

/*
 * Goes through all symbols. @lists is of the same snapshot; NULL: not known. 0, -ENOMEM, or -EDQUOT
 * with @reterr (KP_LIMIT_REACHED, "pattern-time") for a pattern that takes too long.
 */
int symbol_query_run(struct symbol_query *q, const struct symbols *s,
		     const struct function_lists *lists, struct symbol_matches *ret,
		     struct kp_error *reterr);

#endif
