/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See stream.h.
 *
 * Stacks: in an instance with options/stacktrace the kernel writes an event's stack right after it.
 * An interrupt between the two can put a whole pair of its own there, so events and stacks nest
 * like parentheses; an event's stack is found by looking ahead for the one that closes it. A stack
 * that comes to the front by itself belongs to an event that has been passed already.
 */
#include "stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* kernel/trace/trace.h: TRACE_STACK's callers are bounded by what the per-CPU scratch holds */
#define STACK_DEPTH_MAX 256

int stream_new(const struct instance *instance, unsigned int cpu, struct stream **ret)
{
	struct stream *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->pages = malloc(STREAM_PAGES * sizeof(*s->pages));
	if (!s->pages) {
		free(s);
		return -ENOMEM;
	}
	s->instance = instance;
	s->cpu = cpu;
	s->fd = instance->fds[cpu];
	s->is_drained = true;
	*ret = s;
	return 0;
}

struct stream *stream_free(struct stream *s)
{
	if (s->readable)
		event_free(s->readable);
	free(s->pages);
	free(s);
	return NULL;
}

/* struct buffer_data_page: behind the time stamp, how many bytes of records follow; see ring.c */
static bool is_nearly_empty(const struct stream_page *page)
{
	uint32_t commit;

	if (page->size < 16)
		return true;
	memcpy(&commit, page->bytes + 8, sizeof(commit));
	return (commit & 0xfffff) < STREAM_PAGE_SIZE / 2;
}

/* What the ring has still to deliver is not older than the last record of the newest page. */
static void note_newest(struct stream *s)
{
	const struct stream_page *p = &s->pages[(s->first + s->n_pages - 1) % STREAM_PAGES];
	struct ring_record record;
	struct ring_iter it;
	struct ring_loss loss;

	if (ring_iter_init(&it, p->bytes, p->size, &loss) < 0)
		return;
	while (ring_iter_next(&it, &record) == 1)
		;
	s->newest = it.ts;
}

static unsigned int read_pages(struct stream *s, bool is_brief)
{
	unsigned int n = 0;

	s->is_ready = false;
	while (s->n_pages < STREAM_PAGES) {
		struct stream_page *page = &s->pages[(s->first + s->n_pages) % STREAM_PAGES];
		ssize_t size = read(s->fd, page->bytes, sizeof(page->bytes));

		if (size < 0 && errno == EINTR)
			continue;
		if (size <= 0) {
			/* EAGAIN, or a CPU that has no ring (yet): nothing to come either way. */
			s->is_drained = true;
			return n;
		}
		page->size = (uint32_t)size;
		s->n_pages++;
		n++;
		if (is_brief && is_nearly_empty(page)) {
			s->is_drained = true;
			return n;
		}
	}
	s->is_drained = false;
	return n;
}

unsigned int stream_fill(struct stream *s, bool is_brief)
{
	unsigned int n = read_pages(s, is_brief);

	if (n)
		note_newest(s);
	return n;
}

static void drop_page(struct stream *s)
{
	s->first = (s->first + 1) % STREAM_PAGES;
	s->n_pages--;
	/* Where each page is the only one, all of them go to memory that the cache has. */
	if (s->n_pages == 0)
		s->first = 0;
	s->is_begun = false;
}

static unsigned int record_type(const struct ring_record *record)
{
	uint16_t type;

	memcpy(&type, (const char *)record->data + RECORD_TYPE_OFFSET, sizeof(type));
	return type;
}

/* The next record, in this page or a later one. Does not move the stream. */
static bool look_ahead(const struct stream *s, struct ring_iter *it, unsigned int *page,
		       struct ring_record *ret)
{
	for (;;) {
		struct ring_loss loss;
		const struct stream_page *p;

		if (ring_iter_next(it, ret) == 1)
			return true;
		if (++*page >= s->n_pages)
			return false;
		p = &s->pages[(s->first + *page) % STREAM_PAGES];
		/* Past a loss nothing belongs together any more. */
		if (ring_iter_init(it, p->bytes, p->size, &loss) < 0 || loss.is_lost)
			return false;
	}
}

static void read_stack(const struct ring_record *record, const struct stack_layout *layout,
		       struct stack_record *ret)
{
	size_t room = record->len > layout->callers_offset
			      ? (record->len - layout->callers_offset) / 8
			      : 0;
	uint32_t n = 0;

	if (layout->size_offset + 4 <= record->len)
		memcpy(&n, (const char *)record->data + layout->size_offset, sizeof(n));
	ret->n = n < room ? n : room;
	ret->n = ret->n < STACK_DEPTH_MAX ? ret->n : STACK_DEPTH_MAX;
	ret->addresses = (const char *)record->data + layout->callers_offset;
}

/* Finds the stack of the front record. False: it may still come. */
static bool find_stack(struct stream *s, const struct stack_layout *layout)
{
	struct ring_iter it = s->iter;
	struct ring_record record;
	unsigned int page = 0, depth = 0;

	while (look_ahead(s, &it, &page, &record)) {
		if (record.len < RECORD_HEADER_SIZE)
			continue;
		if (record_type(&record) != layout->type) {
			depth++;
			continue;
		}
		if (depth-- > 0)
			continue;
		read_stack(&record, layout, &s->front.stack);
		s->front.has_stack = true;
		return true;
	}
	/*
	 * Another page lies behind the one where the search ended: the stack was lost. And none can
	 * be read while the queue is full.
	 */
	return page < s->n_pages || s->n_pages == STREAM_PAGES;
}

/* Passes over what is left of the first page. */
static void pass_damage(struct stream *s)
{
	drop_page(s);
	s->front = (struct stream_item){.kind = ITEM_DAMAGE, .ts = s->iter.ts};
}

/* Steps into the first page; its loss, if any, is the front. True when there is a front. */
static bool begin_page(struct stream *s)
{
	const struct stream_page *p = &s->pages[s->first];
	struct ring_loss loss;

	if (ring_iter_init(&s->iter, p->bytes, p->size, &loss) < 0) {
		pass_damage(s);
		return true;
	}
	s->is_begun = true;
	if (!loss.is_lost)
		return false;
	s->front = (struct stream_item){.kind = ITEM_LOSS, .ts = s->iter.ts};
	return true;
}

void stream_peek(struct stream *s, const struct stack_layout *layout)
{
	if (s->front.kind == ITEM_WAITS && find_stack(s, layout))
		s->front.kind = ITEM_RECORD;
	while (s->front.kind == ITEM_NONE && s->n_pages > 0) {
		struct ring_record record;
		int r;

		if (!s->is_begun) {
			if (begin_page(s))
				return;
			continue;
		}
		r = ring_iter_next(&s->iter, &record);
		if (r < 0) {
			pass_damage(s);
			return;
		}
		if (r == 0) {
			drop_page(s);
			continue;
		}
		if (record.len < RECORD_HEADER_SIZE)
			continue;
		if (s->instance->has_stacks && record_type(&record) == layout->type)
			continue;
		s->front = (struct stream_item){
			.kind = ITEM_RECORD,
			.ts = record.ts,
			.record = record,
		};
		if (s->instance->has_stacks && !find_stack(s, layout))
			s->front.kind = ITEM_WAITS;
	}
}

void stream_pop(struct stream *s)
{
	s->front.kind = ITEM_NONE;
	s->waiting_since = 0;
}
