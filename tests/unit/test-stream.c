/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One ring as a sequence of items: pages one after the other, losses, and whose a stack is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "cleanup.h"
#include "ring-pages.h"
#include "stream.h"

#define TYPE_A 100
#define TYPE_B 101

static const struct stack_layout layout = {.type = 4, .size_offset = 8, .callers_offset = 16};

/* A ring whose pages come through a socket that keeps them apart. */
struct fixture {
	struct instance instance;
	int fds[1], ring[2];
	struct stream *stream;
};

static struct fixture *fixture_new(bool has_stacks)
{
	struct fixture *f = calloc(1, sizeof(*f));
	int size = 1 << 20;

	assert_non_null(f);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, f->ring), 0);
	setsockopt(f->ring[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	f->fds[0] = f->ring[0];
	f->instance = (struct instance){.has_stacks = has_stacks, .n_cpus = 1, .fds = f->fds};
	assert_int_equal(stream_new(&f->instance, 0, &f->stream), 0);
	return f;
}

static void fixture_free(struct fixture *f)
{
	stream_free(f->stream);
	close(f->ring[0]);
	close(f->ring[1]);
	free(f);
}

static void send_page(struct fixture *f, struct page *p, uint32_t flags)
{
	page_end(p, flags);
	assert_int_equal(write(f->ring[1], p->bytes, sizeof(p->bytes)), sizeof(p->bytes));
}

/* The stack of event @number: @n addresses made of it. */
static void add_stack(struct page *p, uint64_t number, uint32_t n)
{
	uint64_t addresses[256];

	for (uint32_t i = 0; i < n; i++)
		addresses[i] = number << 16 | i;
	page_stack(p, 1, addresses, n);
}

static void add_event(struct page *p, unsigned int type, uint32_t number)
{
	page_event(p, 1, type, 1, &number, sizeof(number));
}

static uint32_t front_number(const struct stream *s)
{
	uint32_t number;

	memcpy(&number, (const char *)s->front.record.data + 8, sizeof(number));
	return number;
}

static void assert_event(struct stream *s, uint32_t number)
{
	stream_peek(s, &layout);
	assert_int_equal(s->front.kind, ITEM_RECORD);
	assert_int_equal(front_number(s), number);
	assert_int_equal(s->front.ts, s->front.record.ts);
	/* To look twice is to see the same. */
	stream_peek(s, &layout);
	assert_int_equal(s->front.kind, ITEM_RECORD);
	assert_int_equal(front_number(s), number);
}

static void take_event(struct stream *s, uint32_t number)
{
	assert_event(s, number);
	assert_false(s->front.has_stack);
	stream_pop(s);
}

static void take_event_with_stack(struct stream *s, uint32_t number, uint32_t n)
{
	assert_event(s, number);
	assert_true(s->front.has_stack);
	assert_int_equal(s->front.stack.n, n);
	for (uint32_t i = 0; i < n; i++) {
		uint64_t address;

		memcpy(&address, (const char *)s->front.stack.addresses + 8 * i, 8);
		assert_int_equal(address, (uint64_t)number << 16 | i);
	}
	stream_pop(s);
}

static void assert_kind(struct stream *s, enum item_kind kind)
{
	stream_peek(s, &layout);
	assert_int_equal(s->front.kind, kind);
}

static void test_events_come_in_order_over_pages(void **state)
{
	struct fixture *f = fixture_new(false);
	struct page p;

	assert_int_equal(stream_fill(f->stream, false), 0);
	assert_true(f->stream->is_drained);
	assert_kind(f->stream, ITEM_NONE);
	for (uint32_t i = 0; i < 5; i++) {
		page_begin(&p, 1000 + 100 * i);
		for (uint32_t k = 0; k < 3; k++)
			add_event(&p, TYPE_A, 3 * i + k);
		send_page(f, &p, 0);
	}
	assert_int_equal(stream_fill(f->stream, false), 5);
	assert_int_equal(f->stream->newest, 1400 + 3);
	for (uint32_t i = 0; i < 15; i++)
		take_event(f->stream, i);
	assert_kind(f->stream, ITEM_NONE);
	assert_int_equal(f->stream->n_pages, 0);
	fixture_free(f);
}

static void test_brief_fill_stops_at_a_page_with_little_in_it(void **state)
{
	struct fixture *f = fixture_new(false);
	struct page p;

	page_begin(&p, 1000);
	for (uint32_t i = 0; i < 150; i++)
		add_event(&p, TYPE_A, i);
	assert_true(p.len > STREAM_PAGE_SIZE / 2);
	send_page(f, &p, 0);
	for (uint32_t i = 0; i < 2; i++) {
		page_begin(&p, 2000 + 1000 * i);
		add_event(&p, TYPE_A, 150 + i);
		send_page(f, &p, 0);
	}
	f->stream->is_ready = true;
	/* The full one, and one behind it; the other is for when the ring is ready again. */
	assert_int_equal(stream_fill(f->stream, true), 2);
	assert_true(f->stream->is_drained);
	assert_false(f->stream->is_ready);
	for (uint32_t i = 0; i <= 150; i++)
		take_event(f->stream, i);
	assert_kind(f->stream, ITEM_NONE);
	assert_int_equal(stream_fill(f->stream, true), 1);
	take_event(f->stream, 151);
	assert_int_equal(stream_fill(f->stream, true), 0);
	fixture_free(f);
}

static void test_queue_holds_what_it_can(void **state)
{
	struct fixture *f = fixture_new(false);
	struct page p;

	for (uint32_t i = 0; i < STREAM_PAGES + 8; i++) {
		page_begin(&p, 1000 * i);
		add_event(&p, TYPE_A, i);
		send_page(f, &p, 0);
	}
	assert_int_equal(stream_fill(f->stream, false), STREAM_PAGES);
	assert_false(f->stream->is_drained);
	assert_int_equal(f->stream->newest, 1000 * (STREAM_PAGES - 1) + 1);
	for (uint32_t i = 0; i < 3; i++)
		take_event(f->stream, i);
	/* The page of the last one that was taken is still there. */
	assert_int_equal(stream_fill(f->stream, false), 2);
	for (uint32_t i = 3; i < 20; i++)
		take_event(f->stream, i);
	assert_int_equal(stream_fill(f->stream, false), 6);
	assert_true(f->stream->is_drained);
	for (uint32_t i = 20; i < STREAM_PAGES + 8; i++)
		take_event(f->stream, i);
	assert_kind(f->stream, ITEM_NONE);
	fixture_free(f);
}

static void test_loss_stands_before_its_page(void **state)
{
	struct fixture *f = fixture_new(false);
	struct page p;

	page_begin(&p, 1000);
	add_event(&p, TYPE_A, 1);
	send_page(f, &p, 0);
	page_begin(&p, 2000);
	add_event(&p, TYPE_A, 2);
	send_page(f, &p, PAGE_MISSED);
	stream_fill(f->stream, false);
	take_event(f->stream, 1);
	assert_kind(f->stream, ITEM_LOSS);
	assert_int_equal(f->stream->front.ts, 2000);
	stream_pop(f->stream);
	take_event(f->stream, 2);
	assert_kind(f->stream, ITEM_NONE);
	fixture_free(f);
}

static void test_broken_pages_and_records_are_passed_over_and_told(void **state)
{
	struct fixture *f = fixture_new(false);
	struct page p;

	assert_int_equal(write(f->ring[1], "short", 5), 5);
	page_begin(&p, 1000);
	p.len = PAGE_BYTES + 1; /* says more than it has */
	send_page(f, &p, 0);
	page_begin(&p, 2000);
	page_record(&p, 1, "tiny", 4); /* no trace record */
	add_event(&p, TYPE_A, 1);
	page_head(&p, 28, 1); /* runs out */
	send_page(f, &p, 0);
	page_begin(&p, 3000);
	add_event(&p, TYPE_A, 2);
	send_page(f, &p, 0);
	assert_int_equal(stream_fill(f->stream, false), 4);
	for (unsigned int i = 0; i < 2; i++) {
		assert_kind(f->stream, ITEM_DAMAGE);
		stream_pop(f->stream);
	}
	take_event(f->stream, 1);
	assert_kind(f->stream, ITEM_DAMAGE);
	stream_pop(f->stream);
	take_event(f->stream, 2);
	assert_kind(f->stream, ITEM_NONE);
	fixture_free(f);
}

static void test_stacks_nest_like_parentheses(void **state)
{
	struct fixture *f = fixture_new(true);
	struct page p;

	page_begin(&p, 0);
	add_event(&p, TYPE_A, 1);
	add_stack(&p, 1, 5);
	add_event(&p, TYPE_A, 2); /* interrupted twice before its stack */
	add_event(&p, TYPE_B, 3);
	add_stack(&p, 3, 7);
	add_event(&p, TYPE_B, 4);
	add_event(&p, TYPE_A, 5); /* and that once more */
	add_stack(&p, 5, 1);
	add_stack(&p, 4, 200);
	add_stack(&p, 2, 3);
	add_event(&p, TYPE_A, 6);
	add_stack(&p, 6, 0);
	send_page(f, &p, 0);
	stream_fill(f->stream, false);
	take_event_with_stack(f->stream, 1, 5);
	take_event_with_stack(f->stream, 2, 3);
	take_event_with_stack(f->stream, 3, 7);
	take_event_with_stack(f->stream, 4, 200);
	take_event_with_stack(f->stream, 5, 1);
	take_event_with_stack(f->stream, 6, 0);
	assert_kind(f->stream, ITEM_NONE);
	fixture_free(f);
}

static void test_stack_may_be_pages_away(void **state)
{
	struct fixture *f = fixture_new(true);
	struct page p;

	page_begin(&p, 0);
	add_event(&p, TYPE_A, 1);
	send_page(f, &p, 0);
	for (uint32_t i = 2; i < 6; i++) {
		page_begin(&p, 100 * i);
		add_event(&p, TYPE_B, i);
		add_stack(&p, i, 2);
		send_page(f, &p, 0);
	}
	page_begin(&p, 1000);
	add_stack(&p, 1, 9);
	send_page(f, &p, 0);
	stream_fill(f->stream, false);
	take_event_with_stack(f->stream, 1, 9);
	for (uint32_t i = 2; i < 6; i++)
		take_event_with_stack(f->stream, i, 2);
	/* The stack that has been used comes to the front and is passed over. */
	assert_kind(f->stream, ITEM_NONE);
	fixture_free(f);
}

static void test_stack_that_may_still_come_is_waited_for(void **state)
{
	struct fixture *f = fixture_new(true);
	struct page p;

	page_begin(&p, 0);
	add_event(&p, TYPE_A, 1);
	send_page(f, &p, 0);
	stream_fill(f->stream, false);
	assert_kind(f->stream, ITEM_WAITS);
	assert_int_equal(front_number(f->stream), 1);
	stream_fill(f->stream, false);
	assert_kind(f->stream, ITEM_WAITS);
	page_begin(&p, 100);
	add_stack(&p, 1, 4);
	add_event(&p, TYPE_A, 2);
	send_page(f, &p, 0);
	stream_fill(f->stream, false);
	take_event_with_stack(f->stream, 1, 4);
	assert_kind(f->stream, ITEM_WAITS);
	/* Whoever has waited enough takes it as it is; its stack then belongs to nobody. */
	stream_pop(f->stream);
	page_begin(&p, 200);
	add_stack(&p, 2, 4);
	add_event(&p, TYPE_A, 3);
	add_stack(&p, 3, 6);
	send_page(f, &p, 0);
	stream_fill(f->stream, false);
	take_event_with_stack(f->stream, 3, 6);
	assert_kind(f->stream, ITEM_NONE);
	fixture_free(f);
}

static void test_stack_behind_a_loss_is_not_waited_for(void **state)
{
	struct fixture *f = fixture_new(true);
	struct page p;

	page_begin(&p, 0);
	add_event(&p, TYPE_A, 1);
	send_page(f, &p, 0);
	page_begin(&p, 100);
	add_stack(&p, 9, 4);
	add_event(&p, TYPE_A, 2);
	add_stack(&p, 2, 4);
	send_page(f, &p, PAGE_MISSED);
	stream_fill(f->stream, false);
	take_event(f->stream, 1);
	assert_kind(f->stream, ITEM_LOSS);
	stream_pop(f->stream);
	take_event_with_stack(f->stream, 2, 4);
	assert_kind(f->stream, ITEM_NONE);
	fixture_free(f);
}

/* No further page can be read before this record has gone. */
static void test_stack_is_not_waited_for_when_the_queue_is_full(void **state)
{
	struct fixture *f = fixture_new(true);
	struct page p;

	for (uint32_t i = 0; i < STREAM_PAGES + 1; i++) {
		page_begin(&p, 100 * i);
		add_event(&p, TYPE_A, i);
		send_page(f, &p, 0);
	}
	stream_fill(f->stream, false);
	take_event(f->stream, 0);
	fixture_free(f);
}

/* Lengths that the kernel would not write */
static void test_stack_is_no_longer_than_its_record(void **state)
{
	static const uint32_t lies[] = {3, 1000, UINT32_MAX, 0x80000000};
	struct fixture *f = fixture_new(true);
	struct page p;

	for (size_t i = 0; i < ARRAY_SIZE(lies); i++) {
		uint64_t data[3] = {lies[i], 1ULL << 16, 1ULL << 16 | 1};

		page_begin(&p, 0);
		add_event(&p, TYPE_A, 1);
		page_event(&p, 1, 4, 0, data, sizeof(data));
		add_event(&p, TYPE_A, 2);
		page_event(&p, 1, 4, 0, data, 0); /* not even a size */
		send_page(f, &p, 0);
		stream_fill(f->stream, false);
		take_event_with_stack(f->stream, 1, 2);
		take_event_with_stack(f->stream, 2, 0);
	}
	/* What a page can hold and the reader does not expect */
	page_begin(&p, 0);
	add_event(&p, TYPE_A, 7);
	{
		uint64_t data[401] = {400};

		for (uint64_t i = 0; i < 400; i++)
			data[i + 1] = 7ULL << 16 | i;
		page_event(&p, 1, 4, 0, data, sizeof(data));
	}
	send_page(f, &p, 0);
	stream_fill(f->stream, false);
	take_event_with_stack(f->stream, 7, 256);
	fixture_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_events_come_in_order_over_pages),
		cmocka_unit_test(test_brief_fill_stops_at_a_page_with_little_in_it),
		cmocka_unit_test(test_queue_holds_what_it_can),
		cmocka_unit_test(test_loss_stands_before_its_page),
		cmocka_unit_test(test_broken_pages_and_records_are_passed_over_and_told),
		cmocka_unit_test(test_stacks_nest_like_parentheses),
		cmocka_unit_test(test_stack_may_be_pages_away),
		cmocka_unit_test(test_stack_that_may_still_come_is_waited_for),
		cmocka_unit_test(test_stack_behind_a_loss_is_not_waited_for),
		cmocka_unit_test(test_stack_is_not_waited_for_when_the_queue_is_full),
		cmocka_unit_test(test_stack_is_no_longer_than_its_record),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
