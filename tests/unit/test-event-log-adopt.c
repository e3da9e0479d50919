/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The log in the hands of the next process: the same entries, cursors and names as before, and a
 * memfd that is not what a log left behind is refused.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "event-log.h"
#include "random.h"

#define LOG_BYTES (1UL << 20)
#define CAPACITY  (LOG_BYTES / 128)

/* Where things are in the memfd: log-layout.h's layout, which a new version may not change. */
#define AT_MAGIC	 0
#define AT_VERSION	 8
#define AT_TEXT_SIZE	 16
#define AT_CAPACITY	 24
#define AT_FIRST_SEQ	 32
#define AT_NEXT_SEQ	 40
#define AT_LAYOUT(f)	 offsetof(struct log_header, f)
#define AT_SOURCES	 4096
#define AT_INDEX	 (AT_SOURCES + LOG_SOURCES_MAX * sizeof(struct log_source))
#define AT_ENTRY(seq)	 (AT_INDEX + ((seq) % CAPACITY) * sizeof(struct log_entry))
#define AT_FIELD(seq, f) (AT_ENTRY(seq) + offsetof(struct log_entry, f))
#define AT_SOURCE(n, f)                                                                            \
	(AT_SOURCES + (n) * sizeof(struct log_source) + offsetof(struct log_source, f))
#define LOG_FILE_BYTES (AT_INDEX + CAPACITY * sizeof(struct log_entry) + LOG_BYTES)

static void append(struct event_log *log, unsigned int slot, uint64_t number, size_t len)
{
	char *text = event_log_reserve(log, len + 32);
	int n = sprintf(text, "{\"n\":%llu", (unsigned long long)number);

	memset(text + n, ' ', len);
	text[n + len] = '}';
	event_log_commit(log, slot, number, 0, 0, number % 10 == 9 ? LOG_GAP : 0, n + len + 1,
			 number % 10 == 9 ? number : 0);
}

/* Three sources, one of them closed, and @n entries. */
static struct event_log *filled_log(unsigned int n, unsigned int slots[3])
{
	static const char *const names[] = {"opens", "closes", "reads"};
	struct random random = {7};
	struct event_log *log;

	assert_int_equal(event_log_new(LOG_BYTES, -1, &log), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(event_log_source_open(log, LOG_SOURCE_PROBE, names[i],
						       100 + (uint64_t)i, &slots[i]),
				 0);
	for (unsigned int i = 0; i < n; i++)
		append(log, slots[random_below(&random, 3)], i, random_below(&random, 300));
	event_log_source_close(log, slots[1]);
	return log;
}

static int duplicate(const struct event_log *log)
{
	int fd = dup(event_log_fd(log));

	assert_true(fd >= 0);
	return fd;
}

/* All of an entry but the chain, which is checked by itself. */
static void assert_same_entries(const struct event_log *a, const struct event_log *b)
{
	assert_int_equal(event_log_epoch(a), event_log_epoch(b));
	assert_int_equal(event_log_first(a), event_log_first(b));
	assert_int_equal(event_log_next(a), event_log_next(b));
	assert_int_equal(event_log_used(a), event_log_used(b));
	assert_int_equal(event_log_size(a), event_log_size(b));
	for (uint64_t seq = event_log_first(a); seq < event_log_next(a); seq++) {
		const struct log_entry *x = event_log_entry(a, seq), *y = event_log_entry(b, seq);

		assert_memory_equal(x, y, sizeof(*x));
		assert_memory_equal(event_log_text(a, x), event_log_text(b, y), x->text_len);
	}
}

static void adopt_after(unsigned int n)
{
	unsigned int slots[3];
	struct event_log *log = filled_log(n, slots), *next;
	struct log_source before[3];

	for (int i = 0; i < 3; i++)
		if (event_log_source(log, slots[i]))
			before[i] = *event_log_source(log, slots[i]);
		else
			before[i].in_log = 0;
	assert_int_equal(event_log_new(0, duplicate(log), &next), 0);
	assert_same_entries(log, next);
	for (int i = 0; i < 3; i++) {
		const struct log_source *s = event_log_source(next, slots[i]);

		if (before[i].in_log == 0) {
			assert_null(s);
			continue;
		}
		before[i].is_open = false;
		assert_memory_equal(s, &before[i], sizeof(*s));
	}
	assert_true(event_log_source(next, LOG_SOURCE_GLOBAL)->is_open);
	event_log_free(log);
	event_log_free(next);
}

static void test_adopted_log_is_the_same(void **state)
{
	adopt_after(0);
	adopt_after(1);
	adopt_after(1000);
}

static void test_adopted_log_is_the_same_after_wraps(void **state)
{
	for (unsigned int n = 9000; n < 60000; n += 7001)
		adopt_after(n);
}

static void test_adopted_log_goes_on(void **state)
{
	unsigned int slots[3], slot;
	struct event_log *log = filled_log(20000, slots), *next;
	uint32_t id = event_log_take_id(log), source_id = event_log_source(log, slots[2])->id;
	uint64_t seq = event_log_next(log);

	assert_int_equal(event_log_new(0, duplicate(log), &next), 0);
	event_log_free(log);
	assert_int_equal(event_log_take_id(next), id + 1);
	assert_int_equal(event_log_source_open(next, LOG_SOURCE_PROBE, "opens", 9, &slot), 0);
	/* Names are not identities: the earlier source of that name is another one. */
	assert_true(slot != slots[0] && slot != slots[1] && slot != slots[2]);
	assert_true(event_log_source(next, slot)->id > source_id);
	for (uint64_t i = 0; i < 20000; i++) {
		append(next, slot, i, 50);
		assert_int_equal(event_log_next(next), ++seq);
	}
	assert_null(event_log_source(next, slots[0]));
	event_log_free(next);
}

/* A crash can come between an entry and the counters of its source. */
static void test_counters_are_made_anew(void **state)
{
	unsigned int slots[3];
	struct event_log *log = filled_log(3000, slots), *next;
	struct log_source want = *event_log_source(log, slots[0]);
	const uint64_t junk = 0x123456789abcdef0;

	for (size_t f = offsetof(struct log_source, first_seq);
	     f <= offsetof(struct log_source, events); f += 8)
		assert_int_equal(
			pwrite(event_log_fd(log), &junk, 8, (off_t)(AT_SOURCE(slots[0], id) + f)),
			8);
	assert_int_equal(pwrite(event_log_fd(log), &junk, 8, (off_t)AT_SOURCE(slots[0], in_log)),
			 8);
	for (uint64_t seq = 1; seq < 3000; seq += 5)
		assert_int_equal(
			pwrite(event_log_fd(log), &junk, 4, (off_t)AT_FIELD(seq, next_delta)), 4);
	assert_int_equal(event_log_new(0, duplicate(log), &next), 0);
	want.is_open = false;
	assert_memory_equal(event_log_source(next, slots[0]), &want, sizeof(want));
	event_log_free(log);
	event_log_free(next);
}

/* A memfd of its own with what @log's holds. */
static int copy_memfd(const struct event_log *log)
{
	int fd = memfd_create("copy", MFD_CLOEXEC);
	char *bytes = malloc(LOG_FILE_BYTES);

	assert_non_null(bytes);
	assert_int_equal(pread(event_log_fd(log), bytes, LOG_FILE_BYTES, 0), LOG_FILE_BYTES);
	assert_int_equal(pwrite(fd, bytes, LOG_FILE_BYTES, 0), LOG_FILE_BYTES);
	free(bytes);
	return fd;
}

struct damage {
	size_t offset;
	size_t size;
	uint64_t value;
};

static void assert_refused(const struct event_log *log, const struct damage *d)
{
	int fd = copy_memfd(log);
	struct event_log *next = NULL;

	assert_int_equal(pwrite(fd, &d->value, d->size, (off_t)d->offset), d->size);
	if (event_log_new(0, fd, &next) != -EBADMSG)
		fail_msg("%zu bytes at %zu set to %#llx were taken", d->size, d->offset,
			 (unsigned long long)d->value);
	assert_null(next);
	/* It stays the caller's. */
	assert_int_equal(close(fd), 0);
}

static void test_damaged_header_is_refused(void **state)
{
	unsigned int slots[3];
	struct event_log *log = filled_log(20000, slots);
	uint64_t first = event_log_first(log), next = event_log_next(log);
	const struct damage damages[] = {
		{AT_MAGIC, 1, 0},
		{AT_VERSION, 4, LOG_VERSION - 1},
		{AT_VERSION, 4, LOG_VERSION + 1},
		{AT_TEXT_SIZE, 8, 0},
		{AT_TEXT_SIZE, 8, LOG_BYTES / 2},
		{AT_TEXT_SIZE, 8, LOG_BYTES * 2},
		{AT_TEXT_SIZE, 8, LOG_BYTES + 1},
		{AT_TEXT_SIZE, 8, 1ULL << 63},
		{AT_CAPACITY, 8, 0},
		{AT_CAPACITY, 8, CAPACITY - 1},
		{AT_CAPACITY, 8, CAPACITY * 2},
		{AT_FIRST_SEQ, 8, 0},
		{AT_FIRST_SEQ, 8, first - 1},
		{AT_FIRST_SEQ, 8, next + 1},
		{AT_FIRST_SEQ, 8, next - CAPACITY - 1},
		{AT_NEXT_SEQ, 8, next + 1},
		{AT_NEXT_SEQ, 8, first - 1},
		{AT_NEXT_SEQ, 8, UINT64_MAX},
		{AT_LAYOUT(n_sources), 4, LOG_SOURCES_MAX / 2},
		{AT_LAYOUT(source_size), 4, sizeof(struct log_source) + 8},
		{AT_LAYOUT(entry_size), 4, 32},
		{AT_LAYOUT(sources_used), 4, 0},
		{AT_LAYOUT(sources_used), 4, LOG_SOURCES_MAX + 1},
		{AT_LAYOUT(sources_at), 8, 0},
		{AT_LAYOUT(index_at), 8, AT_INDEX + 4096},
		{AT_LAYOUT(text_at), 8, 0},
		{AT_SOURCE(LOG_SOURCE_GLOBAL, id), 4, 0},
	};

	for (size_t i = 0; i < sizeof(damages) / sizeof(*damages); i++)
		assert_refused(log, &damages[i]);
	event_log_free(log);
}

static void test_damaged_entries_are_refused(void **state)
{
	unsigned int slots[3];
	struct event_log *log = filled_log(20000, slots);
	uint64_t first = event_log_first(log), last = event_log_next(log) - 1;
	const uint64_t seqs[] = {first, first + 1, (first + last) / 2, last - 1, last};

	for (size_t i = 0; i < sizeof(seqs) / sizeof(*seqs); i++) {
		const struct log_entry *e = event_log_entry(log, seqs[i]);
		const struct damage damages[] = {
			{AT_FIELD(seqs[i], seq), 8, seqs[i] + 1},
			{AT_FIELD(seqs[i], seq), 8, seqs[i] - CAPACITY},
			{AT_FIELD(seqs[i], text_pos), 8, e->text_pos + 1},
			{AT_FIELD(seqs[i], text_pos), 8, e->text_pos - 1},
			{AT_FIELD(seqs[i], text_pos), 8, UINT64_MAX},
			{AT_FIELD(seqs[i], text_len), 4, 0},
			{AT_FIELD(seqs[i], text_len), 4, UINT32_MAX},
			{AT_FIELD(seqs[i], text_len), 4, e->text_len + LOG_BYTES},
			{AT_FIELD(seqs[i], source), 2, LOG_SOURCES_MAX},
		};

		for (size_t k = 0; k < sizeof(damages) / sizeof(*damages); k++)
			assert_refused(log, &damages[k]);
	}
	event_log_free(log);
}

static void test_files_that_are_no_log_are_refused(void **state)
{
	char zeros[4096] = {0};
	unsigned int slots[3];
	struct event_log *log = filled_log(10, slots), *next;
	int fd = memfd_create("none", MFD_CLOEXEC), fds[2];

	assert_int_equal(event_log_new(0, fd, &next), -EBADMSG);
	assert_int_equal(write(fd, zeros, sizeof(zeros)), sizeof(zeros));
	assert_int_equal(event_log_new(0, fd, &next), -EBADMSG);
	close(fd);
	fd = copy_memfd(log);
	assert_int_equal(ftruncate(fd, LOG_FILE_BYTES - 1), 0);
	assert_int_equal(event_log_new(0, fd, &next), -EBADMSG);
	assert_int_equal(ftruncate(fd, LOG_FILE_BYTES + 4096), 0);
	assert_int_equal(event_log_new(0, fd, &next), -EBADMSG);
	close(fd);
	assert_int_equal(event_log_new(0, fd, &next), -EBADF);
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(event_log_new(0, fds[0], &next), -EBADMSG);
	close(fds[0]);
	close(fds[1]);
	event_log_free(log);
}

/* What is taken in spite of it must do no harm. */
static void use(struct event_log *log)
{
	unsigned int slot;
	uint64_t sum = 0;

	for (uint64_t seq = event_log_first(log); seq < event_log_next(log); seq++) {
		const struct log_entry *e = event_log_entry(log, seq);
		const char *text = event_log_text(log, e);

		sum += (unsigned char)text[0] + (unsigned char)text[e->text_len - 1];
	}
	for (unsigned int i = 0; i < event_log_source_limit(); i++)
		if (event_log_source(log, i))
			sum += strlen(event_log_source(log, i)->name);
	assert_int_not_equal(sum, 1);
	assert_int_equal(event_log_source_open(log, LOG_SOURCE_PROBE, "use", 0, &slot), 0);
	for (uint64_t i = 0; i < 10000; i++)
		append(log, slot, i, 100);
	event_log_source_close(log, slot);
}

static void test_random_damage_does_no_harm(void **state)
{
	struct random random = {99};
	unsigned int slots[3], n_taken = 0;
	struct event_log *log = filled_log(20000, slots);

	for (int i = 0; i < 300; i++) {
		int fd = copy_memfd(log);
		struct event_log *next;

		for (uint64_t k = 1 + random_below(&random, 4); k > 0; k--) {
			/* The header, the sources that are used, or the index. */
			static const size_t from[] = {0, AT_SOURCES, AT_INDEX};
			static const size_t size[] = {sizeof(struct log_header),
						      6 * sizeof(struct log_source),
						      CAPACITY * sizeof(struct log_entry)};
			uint64_t part = random_below(&random, 3), junk = random_next(&random);

			assert_true(pwrite(fd, &junk, 1 + random_below(&random, 8),
					   (off_t)(from[part] +
						   random_below(&random, size[part]))) > 0);
		}
		if (event_log_new(0, fd, &next) < 0) {
			close(fd);
			continue;
		}
		n_taken++;
		use(next);
		event_log_free(next);
	}
	assert_in_range(n_taken, 1, 299);
	event_log_free(log);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_adopted_log_is_the_same),
		cmocka_unit_test(test_adopted_log_is_the_same_after_wraps),
		cmocka_unit_test(test_adopted_log_goes_on),
		cmocka_unit_test(test_counters_are_made_anew),
		cmocka_unit_test(test_damaged_header_is_refused),
		cmocka_unit_test(test_damaged_entries_are_refused),
		cmocka_unit_test(test_files_that_are_no_log_are_refused),
		cmocka_unit_test(test_random_damage_does_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
