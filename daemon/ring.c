/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See ring.h. */
#include "ring.h"

#include <errno.h>
#include <string.h>

/* struct buffer_data_page: u64 time_stamp; local_t commit; data[] */
#define PAGE_HEADER 16
/* kernel/trace/ring_buffer.c: RB_MISSED_EVENTS, RB_MISSED_STORED, in the commit word */
#define COMMIT_MISSED (1U << 31)
#define COMMIT_STORED (1U << 30)
/* include/linux/ring_buffer.h: enum ring_buffer_type; struct ring_buffer_event */
#define TYPE_PADDING	 29
#define TYPE_TIME_EXTEND 30
#define TYPE_TIME_STAMP	 31
#define TYPE_BITS	 5
#define TS_SHIFT	 27
/* ring_buffer.c: an absolute time stamp lacks the five highest bits (TS_MSB) */
#define ABS_TS_MSB (0xf8ULL << 56)

static uint32_t load32(const unsigned char *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

int ring_iter_init(struct ring_iter *it, const void *page, size_t size, struct ring_loss *ret_loss)
{
	const unsigned char *p = page;
	uint64_t ts;
	uint32_t commit;
	size_t len;

	if (size < PAGE_HEADER)
		return -EBADMSG;
	memcpy(&ts, p, sizeof(ts));
	commit = load32(p + 8);
	len = commit & ~(COMMIT_MISSED | COMMIT_STORED);
	if (len > size - PAGE_HEADER)
		return -EBADMSG;

	*ret_loss = (struct ring_loss){.is_lost = commit & COMMIT_MISSED};
	if ((commit & COMMIT_MISSED) && (commit & COMMIT_STORED) && size - PAGE_HEADER - len >= 8) {
		memcpy(&ret_loss->count, p + PAGE_HEADER + len, sizeof(ret_loss->count));
		ret_loss->is_counted = true;
	}
	*it = (struct ring_iter){.data = p + PAGE_HEADER, .end = len, .ts = ts};
	return 0;
}

int ring_iter_next(struct ring_iter *it, struct ring_record *ret)
{
	while (it->end - it->pos >= 4) {
		const unsigned char *p = it->data + it->pos;
		size_t left = it->end - it->pos;
		uint32_t head = load32(p);
		uint32_t type = head & ((1U << TYPE_BITS) - 1);
		uint64_t delta = head >> TYPE_BITS;
		size_t total;

		if (type >= 1 && type <= 28) {
			total = 4 + (size_t)type * 4;
			if (total > left)
				return -EBADMSG;
			it->ts += delta;
			it->pos += total;
			*ret = (struct ring_record){it->ts, p + 4, total - 4};
			return 1;
		}

		/* A null padding ends the page; everything else has a second word. */
		if (type == TYPE_PADDING && delta == 0)
			break;
		if (left < 8)
			return -EBADMSG;

		switch (type) {
		case 0:
			/* The length counts its own word and is rounded up to whole words. */
			total = 4 + (((size_t)load32(p + 4) + 3) & ~(size_t)3);
			if (total < 8 || total > left)
				return -EBADMSG;
			it->ts += delta;
			it->pos += total;
			*ret = (struct ring_record){it->ts, p + 8, total - 8};
			return 1;
		case TYPE_PADDING: /* a discarded record: its time still counts */
			total = 4 + (size_t)load32(p + 4);
			if (total < 8 || total > left)
				return -EBADMSG;
			it->ts += delta;
			it->pos += total;
			break;
		case TYPE_TIME_EXTEND:
			it->ts += delta + ((uint64_t)load32(p + 4) << TS_SHIFT);
			it->pos += 8;
			break;
		case TYPE_TIME_STAMP: {
			uint64_t abs = delta + ((uint64_t)load32(p + 4) << TS_SHIFT);

			if (it->ts & ABS_TS_MSB) {
				abs |= it->ts & ABS_TS_MSB;
				if (abs < it->ts)
					abs += 1ULL << 59;
			}
			it->ts = abs;
			it->pos += 8;
			break;
		}
		}
	}
	it->pos = it->end;
	return 0;
}
