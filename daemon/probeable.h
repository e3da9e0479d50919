/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether a probe can be planted at a symbol, or why not, before the kernel is asked.
 *
 * What cannot be known here: the places that jump labels, static calls and alternatives patch, and
 * the boundaries of instructions; the kernel refuses those when the probe is planted.
 */
#ifndef KP_PROBEABLE_H
#define KP_PROBEABLE_H

#include "function-lists.h"
#include "symbols.h"

enum probeable_answer {
	PROBEABLE_NO,
	PROBEABLE_YES,
	PROBEABLE_UNKNOWN, /* a list that decides could not be read */
};

struct probeable {
	enum probeable_answer answer;
	/*
	 * For programs; static; NULL unless the answer is no: "notFunction", "initText",
	 * "generatedCode", "blacklisted", "outOfFunction", "notrace".
	 */
	const char *reason;
};

/* Of texts by probeable_explain(), with names as long as the kernel has them. */
#define PROBEABLE_TEXT_MAX 768

/*
 * Of the instruction at @offset in the symbol with that index. @lists is of the same snapshot;
 * NULL: not known. Any thread.
 */
void probeable_check(const struct symbols *s, const struct function_lists *lists, uint32_t index,
		     uint64_t offset, struct probeable *ret);

/* The answer as a sentence for people, empty for a yes. Returns @buf. */
char *probeable_explain(const struct probeable *p, const struct symbols *s, uint32_t index,
			uint64_t offset, char *buf, size_t size);

#endif
