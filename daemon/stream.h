/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One ring (an instance on a CPU) as a sequence of items in time order, read page by page.
 *
 * Pages wait in a small fixed queue until their records have been appended; what the front item
 * points at stays valid until stream_pop(). Used by reader.c only.
 */
#ifndef KP_STREAM_H
#define KP_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include <event2/event.h>

#include "decode.h"
#include "instance.h"
#include "ring.h"

#define STREAM_PAGE_SIZE 4096
#define STREAM_PAGES	 32

enum item_kind {
	ITEM_NONE, /* nothing left in the pages read */
	ITEM_RECORD,
	ITEM_LOSS,
	ITEM_DAMAGE, /* a page, or the rest of one, that cannot be read: nobody knows what was in it
		      */
	ITEM_WAITS,  /* a record whose stack has not been read yet */
};

struct stream_item {
	enum item_kind kind;
	uint64_t ts;
	struct ring_record record;
	bool has_stack;
	struct stack_record stack;
};

struct stream_page {
	uint32_t size;
	unsigned char bytes[STREAM_PAGE_SIZE] __attribute__((__aligned__(8)));
};

struct stream {
	const struct instance *instance; /* borrowed */
	unsigned int cpu;
	int fd;			   /* borrowed from the instance */
	struct event *readable;	   /* owned: waits in idle mode */
	struct reader *reader;	   /* borrowed: whose it is */
	bool is_ready;		   /* the loop said so, and it has not been read since */
	struct stream_page *pages; /* owned, STREAM_PAGES */
	unsigned int first, n_pages;
	bool is_begun; /* iter stands in the first page */
	struct ring_iter iter;
	struct stream_item front;
	uint64_t newest;	/* time stamp of the newest record read: later ones are no older */
	uint64_t read_at;	/* CLOCK_MONOTONIC, ns, of the last pass that read something */
	bool is_drained;	/* the last read found the ring empty */
	uint64_t overrun_told;	/* events */
	uint64_t waiting_since; /* ITEM_WAITS since then, 0: not */
	struct stream *next, *prev;
};

/* Where the kernel_stack event has its fields: events/ftrace/kernel_stack/format. */
struct stack_layout {
	unsigned int type;
	unsigned int size_offset;
	unsigned int callers_offset;
};

int stream_new(const struct instance *instance, unsigned int cpu, struct stream **ret);
struct stream *stream_free(struct stream *s);

/*
 * Reads pages until the ring is empty or the queue full. Returns how many. With @is_brief a page
 * with little in it is taken for the last one, as it nearly always is where events are few: it
 * saves the read that finds nothing. Where it is not, the ring stays ready.
 */
unsigned int stream_fill(struct stream *s, bool is_brief);

/* Looks at the front item; s->front says what it is. */
void stream_peek(struct stream *s, const struct stack_layout *layout);

/* Passes over the front item. */
void stream_pop(struct stream *s);

#endif
