/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What decides whether a function can be probed, besides its being one: whether ftrace can reach it
 * (available_filter_functions; a function it cannot reach is "notrace", and kprobe events refuse it
 * unless the kernel has CONFIG_KPROBE_EVENTS_ON_NOTRACE), and whether it is on the list of those
 * that kprobes must not touch (kprobes/blacklist in debugfs).
 *
 * Both are kept as sets of the symbols of one snapshot, and are good for that snapshot only.
 */
#ifndef KP_FUNCTION_LISTS_H
#define KP_FUNCTION_LISTS_H

#include "symbols.h"

struct function_lists;

enum list_answer {
	LIST_NO,
	LIST_YES,
	LIST_UNKNOWN, /* the list could not be read */
};

/* The files' texts; NULL: not to be had. */
struct function_lists_text {
	/* "vfs_read" or "foo [mod]" a line, in the order of addresses, once for each function */
	const char *functions;
	/* The same with an address before it, in hexadecimal (6.5 on); used instead. */
	const char *addresses;
	/* "0xffffffff81a00000-0xffffffff81a00010\tname" a line */
	const char *blacklist;
};

/* Where code of the kernel's own is, by its own symbols; 0, 0: it does not say. */
struct text_bounds {
	uint64_t text[2];      /* _stext, _etext */
	uint64_t init[2];      /* __init_begin, __init_end: freed after the boot */
	uint64_t init_text[2]; /* _sinittext, _einittext */
};

/* 0 or -ENOMEM. *@ret is the caller's. */
int function_lists_new(const struct symbols *s, const struct function_lists_text *text,
		       struct function_lists **ret);
/* From the running kernel's files; a file that cannot be read makes its answers unknown. */
int function_lists_load(const struct symbols *s, struct function_lists **ret);
struct function_lists *function_lists_free(struct function_lists *l);
DEFINE_CLEANUP(struct function_lists *, function_lists_free);

/* Of the symbol with that index, or one at the same address. */
enum list_answer function_lists_traceable(const struct function_lists *l, uint32_t index);
enum list_answer function_lists_blacklisted(const struct function_lists *l, uint32_t index);

/* Whether a line of the blacklist's @text has that name; without addresses, as who may not see
 * them. */
bool function_lists_names_blacklisted(const char *text, const char *name);

const struct text_bounds *function_lists_bounds(const struct function_lists *l);

#endif
