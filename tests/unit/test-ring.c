/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pages of the kernel's ring buffer: every kind of record, and pages that are not what they say. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cleanup.h"
#include "random.h"
#include "ring-pages.h"
#include "ring.h"

static void fill(unsigned char *data, size_t len, unsigned int seed)
{
	for (size_t i = 0; i < len; i++)
		data[i] = (unsigned char)(seed + i);
}

static void begin_reading(const struct page *p, struct ring_iter *it)
{
	struct ring_loss loss;

	assert_int_equal(ring_iter_init(it, p->bytes, sizeof(p->bytes), &loss), 0);
	assert_false(loss.is_lost);
}

static void assert_record(struct ring_iter *it, uint64_t ts, const void *data, size_t len)
{
	struct ring_record r;

	assert_int_equal(ring_iter_next(it, &r), 1);
	assert_int_equal(r.ts, ts);
	assert_int_equal(r.len, len);
	assert_memory_equal(r.data, data, len);
}

static void assert_end(struct ring_iter *it)
{
	struct ring_record r;

	assert_int_equal(ring_iter_next(it, &r), 0);
	assert_int_equal(ring_iter_next(it, &r), 0);
}

static void test_records_of_every_length(void **state)
{
	/* Longest last; 4 to 112 bytes have a type of their own, the others say their length. */
	for (size_t len = 4; len <= 4000; len += 4) {
		unsigned char data[4096];
		struct ring_iter it;
		struct page p;

		fill(data, len, (unsigned int)len);
		page_begin(&p, 1000);
		page_record(&p, 5, data, len);
		if (len < 3900)
			page_record(&p, 7, "last", 4);
		page_end(&p, 0);
		begin_reading(&p, &it);
		assert_record(&it, 1005, data, len);
		if (len < 3900)
			assert_record(&it, 1012, "last", 4);
		assert_end(&it);
	}
}

static void test_long_record_is_rounded_up_to_words(void **state)
{
	struct ring_iter it;
	struct page p;

	page_begin(&p, 0);
	page_head(&p, 0, 1);
	page_put32(&p, 4 + 5);
	memcpy(p.bytes + p.len, "abcde\0\0", 8);
	p.len += 8;
	page_record(&p, 1, "next", 4);
	page_end(&p, 0);
	begin_reading(&p, &it);
	assert_record(&it, 1, "abcde\0\0", 8);
	assert_record(&it, 2, "next", 4);
	assert_end(&it);
}

static void test_time_goes_on_in_every_way(void **state)
{
	const uint64_t start = 1ULL << 40, extend = (5ULL << 27) + 3;
	struct ring_iter it;
	struct page p;

	page_begin(&p, start);
	page_record(&p, 0, "aaaa", 4);
	page_record(&p, (1U << 27) - 1, "bbbb", 4);
	page_time_extend(&p, extend);
	page_record(&p, 2, "cccc", 4);
	page_discarded(&p, 10, 8);
	page_record(&p, 3, "dddd", 4);
	page_time_stamp(&p, start + (1ULL << 35) + 9);
	page_record(&p, 0, "eeee", 4);
	page_end(&p, 0);
	begin_reading(&p, &it);
	assert_record(&it, start, "aaaa", 4);
	assert_record(&it, start + (1U << 27) - 1, "bbbb", 4);
	assert_record(&it, start + (1U << 27) - 1 + extend + 2, "cccc", 4);
	assert_record(&it, start + (1U << 27) - 1 + extend + 15, "dddd", 4);
	assert_record(&it, start + (1ULL << 35) + 9, "eeee", 4);
	assert_end(&it);
}

/* An absolute time stamp has 59 bits; the page says what the others are. */
static void test_absolute_time_keeps_its_high_bits(void **state)
{
	const uint64_t high = 3ULL << 59;
	struct ring_iter it;
	struct page p;

	page_begin(&p, high + 1000);
	page_time_stamp(&p, high + 5000);
	page_record(&p, 1, "aaaa", 4);
	page_end(&p, 0);
	begin_reading(&p, &it);
	assert_record(&it, high + 5001, "aaaa", 4);

	/* They went over in between. */
	page_begin(&p, high + (1ULL << 59) - 10);
	page_time_stamp(&p, high + (1ULL << 59) + 20);
	page_record(&p, 1, "bbbb", 4);
	page_end(&p, 0);
	begin_reading(&p, &it);
	assert_record(&it, high + (1ULL << 59) + 21, "bbbb", 4);
	assert_end(&it);
}

static void test_null_padding_ends_the_page(void **state)
{
	struct ring_iter it;
	struct page p;

	page_begin(&p, 0);
	page_record(&p, 1, "aaaa", 4);
	page_head(&p, 29, 0);
	page_record(&p, 1, "bbbb", 4);
	page_end(&p, 0);
	begin_reading(&p, &it);
	assert_record(&it, 1, "aaaa", 4);
	assert_end(&it);
}

static void test_empty_page_has_nothing(void **state)
{
	struct ring_iter it;
	struct page p;

	page_begin(&p, 0);
	page_end(&p, 0);
	begin_reading(&p, &it);
	assert_end(&it);
	/* Less than a word is left over. */
	p.len += 3;
	page_end(&p, 0);
	begin_reading(&p, &it);
	assert_end(&it);
}

static void test_losses_are_read_from_the_header(void **state)
{
	const uint64_t count = 123456789012;
	struct ring_loss loss;
	struct ring_iter it;
	struct page p;

	page_begin(&p, 9);
	page_record(&p, 0, "aaaa", 4);
	page_end(&p, PAGE_MISSED);
	assert_int_equal(ring_iter_init(&it, p.bytes, sizeof(p.bytes), &loss), 0);
	assert_true(loss.is_lost);
	assert_false(loss.is_counted);
	assert_record(&it, 9, "aaaa", 4);
	assert_end(&it);

	page_end(&p, PAGE_MISSED | PAGE_STORED);
	memcpy(p.bytes + p.len, &count, sizeof(count));
	assert_int_equal(ring_iter_init(&it, p.bytes, p.len + 8, &loss), 0);
	assert_true(loss.is_lost && loss.is_counted);
	assert_int_equal(loss.count, count);
	assert_record(&it, 9, "aaaa", 4);
	/* The count is not taken for a record. */
	assert_end(&it);
	/* It does not fit: the flag lies. */
	assert_int_equal(ring_iter_init(&it, p.bytes, p.len + 7, &loss), 0);
	assert_true(loss.is_lost);
	assert_false(loss.is_counted);
}

static void test_what_is_no_page_is_refused(void **state)
{
	struct ring_loss loss;
	struct ring_iter it;
	struct page p;

	page_begin(&p, 0);
	page_record(&p, 0, "aaaa", 4);
	page_end(&p, 0);
	assert_int_equal(ring_iter_init(&it, p.bytes, p.len, &loss), 0);
	for (size_t size = 0; size < p.len; size++)
		assert_int_equal(ring_iter_init(&it, p.bytes, size, &loss), -EBADMSG);
	p.len = sizeof(p.bytes) + 1;
	page_end(&p, 0);
	assert_int_equal(ring_iter_init(&it, p.bytes, sizeof(p.bytes), &loss), -EBADMSG);
}

/* In memory of its exact size, so that the sanitizer sees a byte read too far. */
static int read_page(const unsigned char *bytes, size_t size)
{
	_cleanup_free_ unsigned char *copy = malloc(size ? size : 1);
	struct ring_loss loss;
	struct ring_iter it;
	struct ring_record record;
	unsigned int sum = 0;
	int r;

	assert_non_null(copy);
	memcpy(copy, bytes, size);
	r = ring_iter_init(&it, copy, size, &loss);
	if (r < 0)
		return r;
	for (int n = 0; (r = ring_iter_next(&it, &record)) == 1; n++) {
		assert_true(n < PAGE_BYTES / 4);
		for (size_t i = 0; i < record.len; i++)
			sum += ((const unsigned char *)record.data)[i];
	}
	return sum == 1 ? r : r; /* the bytes were looked at */
}

static void test_record_that_runs_out_of_the_page_is_refused(void **state)
{
	static const struct {
		unsigned int type;
		uint32_t second;
	} heads[] = {
		{3, 0},	 {28, 0}, {0, 0},  {0, 9},	     {0, UINT32_MAX}, {0, UINT32_MAX - 4},
		{29, 0}, {29, 3}, {29, 9}, {29, UINT32_MAX},
	};

	for (size_t i = 0; i < ARRAY_SIZE(heads); i++) {
		struct page p;

		page_begin(&p, 0);
		page_record(&p, 1, "aaaa", 4);
		page_head(&p, heads[i].type, 1);
		page_put32(&p, heads[i].second);
		page_put32(&p, 0);
		page_end(&p, 0);
		if (read_page(p.bytes, p.len) != -EBADMSG)
			fail_msg("type %u with %u was taken", heads[i].type, heads[i].second);
	}
	/* A second word that is not there */
	for (unsigned int type = 0; type < 32; type++) {
		struct page p;

		page_begin(&p, 0);
		page_head(&p, type, 1);
		page_end(&p, 0);
		assert_int_equal(read_page(p.bytes, p.len), -EBADMSG);
	}
}

static void test_cut_pages_are_read_in_bounds(void **state)
{
	struct page p;

	page_begin(&p, 1);
	for (unsigned int i = 1; p.len < 3500; i++) {
		unsigned char data[256];

		fill(data, sizeof(data), i);
		page_record(&p, i, data, (i * 4) % 200 + 4);
		page_time_extend(&p, i);
		page_discarded(&p, i, 4);
		page_time_stamp(&p, i * 1000);
	}
	for (uint32_t end = 0; end <= p.len - PAGE_HEADER; end++) {
		memcpy(p.bytes + 8, &end, sizeof(end));
		read_page(p.bytes, PAGE_HEADER + end);
	}
}

static void test_random_pages_are_read_in_bounds(void **state)
{
	struct random random = {42};

	for (int i = 0; i < 50000; i++) {
		size_t size = random_below(&random, 200);
		unsigned char bytes[200];

		for (size_t k = 0; k < size; k++)
			bytes[k] = (unsigned char)random_next(&random);
		/* Mostly a length that can be */
		if (size > PAGE_HEADER && i % 8) {
			uint32_t len = (uint32_t)(size - PAGE_HEADER);

			memcpy(bytes + 8, &len, sizeof(len));
		}
		read_page(bytes, size);
	}
}

static void read_recorded(const char *name, unsigned int want)
{
	char path[512];
	unsigned char bytes[PAGE_BYTES];
	struct ring_record record;
	struct ring_loss loss;
	struct ring_iter it;
	unsigned int n = 0;
	uint64_t last;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", TEST_DATA, name);
	f = fopen(path, "re");
	assert_non_null(f);
	assert_int_equal(fread(bytes, 1, sizeof(bytes), f), sizeof(bytes));
	fclose(f);
	assert_int_equal(ring_iter_init(&it, bytes, sizeof(bytes), &loss), 0);
	assert_false(loss.is_lost);
	last = it.ts;
	while (ring_iter_next(&it, &record) == 1) {
		assert_true(record.ts >= last && record.ts - last < 10000000000);
		last = record.ts;
		n++;
	}
	assert_int_equal(it.pos, it.end);
	assert_int_equal(n, want);
}

/* From guests with those kernels: openat2 probed, with stacks. The counts were made by other means.
 */
static void test_recorded_pages_are_read_to_their_end(void **state)
{
	read_recorded("page-6.1", 72);
	read_recorded("page-6.12", 68);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_records_of_every_length),
		cmocka_unit_test(test_long_record_is_rounded_up_to_words),
		cmocka_unit_test(test_time_goes_on_in_every_way),
		cmocka_unit_test(test_absolute_time_keeps_its_high_bits),
		cmocka_unit_test(test_null_padding_ends_the_page),
		cmocka_unit_test(test_empty_page_has_nothing),
		cmocka_unit_test(test_losses_are_read_from_the_header),
		cmocka_unit_test(test_what_is_no_page_is_refused),
		cmocka_unit_test(test_record_that_runs_out_of_the_page_is_refused),
		cmocka_unit_test(test_cut_pages_are_read_in_bounds),
		cmocka_unit_test(test_random_pages_are_read_in_bounds),
		cmocka_unit_test(test_recorded_pages_are_read_to_their_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
