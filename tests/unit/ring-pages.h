/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writes ring buffer pages the way the kernel does (kernel/trace/ring_buffer.c), for the tests of
 * everything that reads them.
 */
#ifndef KP_TEST_RING_PAGES_H
#define KP_TEST_RING_PAGES_H

#include <stdint.h>
#include <string.h>

#define PAGE_BYTES  4096
#define PAGE_HEADER 16

/* RB_MISSED_EVENTS and RB_MISSED_STORED, in the word that says how much the page holds */
#define PAGE_MISSED (1U << 31)
#define PAGE_STORED (1U << 30)

struct page {
	unsigned char bytes[PAGE_BYTES];
	size_t len; /* with the header */
};

static inline void page_put32(struct page *p, uint32_t v)
{
	memcpy(p->bytes + p->len, &v, sizeof(v));
	p->len += sizeof(v);
}

static inline void page_begin(struct page *p, uint64_t ts)
{
	memset(p->bytes, 0x55, sizeof(p->bytes));
	memcpy(p->bytes, &ts, sizeof(ts));
	p->len = PAGE_HEADER;
}

/* Says how much it holds; the page may then be read. */
static inline void page_end(struct page *p, uint32_t flags)
{
	uint64_t commit = (uint32_t)(p->len - PAGE_HEADER) | flags;

	memcpy(p->bytes + 8, &commit, sizeof(commit));
}

/* Any first word: a type of 0 to 31, and 27 bits of time. */
static inline void page_head(struct page *p, unsigned int type, uint32_t delta)
{
	page_put32(p, delta << 5 | type);
}

/* @len bytes, rounded up to whole words; the short form where there is one. */
static inline void page_record(struct page *p, uint32_t delta, const void *data, size_t len)
{
	size_t words = (len + 3) / 4;

	if (words >= 1 && words <= 28) {
		page_head(p, (unsigned int)words, delta);
	} else {
		page_head(p, 0, delta);
		page_put32(p, (uint32_t)(4 * words + 4));
	}
	memset(p->bytes + p->len, 0, 4 * words);
	memcpy(p->bytes + p->len, data, len);
	p->len += 4 * words;
}

static inline void page_discarded(struct page *p, uint32_t delta, size_t len)
{
	page_head(p, 29, delta);
	page_put32(p, (uint32_t)len + 4);
	p->len += len;
}

static inline void page_time_extend(struct page *p, uint64_t delta)
{
	page_head(p, 30, delta & ((1U << 27) - 1));
	page_put32(p, (uint32_t)(delta >> 27));
}

static inline void page_time_stamp(struct page *p, uint64_t ts)
{
	page_head(p, 31, ts & ((1U << 27) - 1));
	page_put32(p, (uint32_t)((ts & ~(0xf8ULL << 56)) >> 27));
}

/* A trace record of event @type by thread @tid: the common fields, and @len bytes of its own. */
static inline void page_event(struct page *p, uint32_t delta, unsigned int type, int32_t tid,
			      const void *data, size_t len)
{
	unsigned char record[PAGE_BYTES] = {0};
	uint16_t id = (uint16_t)type;

	memcpy(record, &id, sizeof(id));
	memcpy(record + 4, &tid, sizeof(tid));
	memcpy(record + 8, data, len);
	page_record(p, delta, record, 8 + len);
}

/* A kernel_stack record as 6.1 and 6.12 have it: type 4, its size at 8, the addresses from 16 on.
 */
static inline void page_stack(struct page *p, uint32_t delta, const uint64_t *addresses, uint32_t n)
{
	unsigned char data[8 + 8 * 256] = {0};

	memcpy(data, &n, sizeof(n));
	memcpy(data + 8, addresses, 8 * n);
	page_event(p, delta, 4, 0, data, 8 + 8 * n);
}

#endif
