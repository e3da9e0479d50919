/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel's ring buffer pages: bytes of trace_pipe_raw to records.
 *
 * Pure: works on memory, allocates nothing. The layout is that of kernel/trace/ring_buffer.c
 * (struct buffer_data_page, struct ring_buffer_event), 64-bit kernels, unchanged from 3.x to 7.x;
 * what the running kernel says in events/header_page is compared at start
 * (tracefs_check_page_layout()). Whatever stands in a page, the iterator stays inside it.
 */
#ifndef KP_RING_H
#define KP_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ring_record {
	uint64_t ts;
	const void *data; /* borrowed from the page */
	size_t len;
};

/* A place in a page. */
struct ring_iter {
	const unsigned char *data;
	size_t pos;
	size_t end;
	uint64_t ts;
};

/* What was lost before a page: count is exact when is_counted. */
struct ring_loss {
	bool is_lost;
	bool is_counted;
	uint64_t count;
};

/*
 * Begins at the first record of the @size bytes of @page as read() returned them. 0, or -EBADMSG
 * when it is no page (too short, or says it holds more than was read).
 */
int ring_iter_init(struct ring_iter *it, const void *page, size_t size, struct ring_loss *ret_loss);

/* The next record: 1, or 0 at the page's end, or -EBADMSG for a record that runs out of the page.
 */
int ring_iter_next(struct ring_iter *it, struct ring_record *ret);

#endif
