/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where each object of an array lies: the events of a batch.
 *
 * A batch is as long as all the rest of what a client does with it is quick, so it is gone over
 * once, by its quotes and brackets only, when it is what a daemon writes: objects without space
 * between them. Anything else is walked over value by value, as slice.h has it.
 */
#ifndef KP_SLICE_LIST_H
#define KP_SLICE_LIST_H

#include "slice.h"

struct slice_mark {
	uint32_t start; /* from the list's base on */
	uint32_t length;
};

struct slice_list {
	const char *base;	  /* borrowed: the array's text */
	struct slice_mark *marks; /* owned; kept from one use to the next */
	size_t n, at;		  /* how many, and which is the next to be taken */
	size_t size;
};

void slice_list_done(struct slice_list *list);

/*
 * Notes the elements of the value @it stands before, none if it is no array, and moves behind it.
 * Each has its brackets and quotes in order, with no byte below 0x20 in it: space of other kinds
 * between tokens is made blanks, so the text has to lie where that can be done. Whether it is JSON
 * within shows when it is walked over. Returns 0, -EBADMSG, or -ENOMEM.
 */
int slice_iter_list(struct slice_iter *it, struct slice_list *list, struct slice *ret);

/*
 * Makes line breaks and tabs between the tokens of @value blanks. It has been checked, so there are
 * none within strings, and it lies where that can be done.
 */
void slice_blank(struct slice value);

/* The next element. False: there is none left. */
static inline bool slice_list_next(struct slice_list *list, struct slice *ret)
{
	const struct slice_mark *mark;

	if (list->at == list->n)
		return false;
	mark = &list->marks[list->at++];
	*ret = (struct slice){list->base + mark->start, mark->length};
	return true;
}

#endif
