/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The log read through its memfd, in one process and while another thread writes as fast as it can:
 * every event of a selected source is given out whole or told as lost, and the sum is exact. And
 * what others can do with the descriptor: read.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "cleanup.h"
#include "event-log.h"
#include "log-reader.h"
#include "random.h"

#define LOG_BYTES (1UL << 20)

/* What a reader was given, and told. */
struct tally {
	uint64_t events;
	uint64_t overtaken;
	uint64_t told;	    /* by gap entries */
	uint64_t missed;    /* what overtaken gap entries had told, of probes */
	uint64_t recursion; /* of probes, told by gap entries or when these were overtaken */
	uint64_t overrun;   /* and of rings */
	uint64_t unknown;   /* gaps without a number */
	uint64_t last;	    /* number of the last event */
};

static struct log_reader *reader_of(const struct event_log *log, const char *selector,
				    uint64_t position)
{
	int fd = event_log_open_reader(log);
	struct log_reader *r;

	assert_true(fd >= 0);
	assert_int_equal(log_reader_new(fd, &selector, 1, position, &r), 0);
	close(fd);
	return r;
}

static unsigned int source(struct event_log *log, enum log_source_kind kind, const char *name)
{
	unsigned int slot;

	assert_int_equal(event_log_source_open(log, kind, name, 0, &slot), 0);
	return slot;
}

/* {"n":7,"x":"hhhh"}: the letter and how often it comes follow from the number. */
static int event_text(uint64_t n, char *buf)
{
	size_t fill = n * 7919 % 300;
	int head = sprintf(buf, "{\"n\":%llu,\"x\":\"", (unsigned long long)n);

	memset(buf + head, 'a' + (int)(n % 26), fill);
	memcpy(buf + head + fill, "\"}", 2);
	return head + (int)fill + 2;
}

static void append(struct event_log *log, unsigned int slot, uint64_t n)
{
	char *text = event_log_reserve(log, 512);

	event_log_commit(log, slot, n, 1, 0, 0, (size_t)event_text(n, text), 0);
}

static bool is_ring(const struct event_log *log, unsigned int slot)
{
	return event_log_source(log, slot)->kind == LOG_SOURCE_RING;
}

static void append_gap(struct event_log *log, unsigned int slot, uint64_t lost)
{
	char *text = event_log_reserve(log, 512);
	bool is_recursion = lost && lost % 3 == 0 && !is_ring(log, slot);
	const char *kind = is_recursion ? "recursion" : "told";
	int n = lost ? sprintf(text, "{\"kind\":\"%s\",\"count\":%llu}", kind,
			       (unsigned long long)lost)
		     : sprintf(text, "{\"kind\":\"%s\",\"count\":null}", kind);

	event_log_commit(log, slot, 0, 0, 0, is_recursion ? LOG_GAP | LOG_RECURSION : LOG_GAP,
			 (size_t)n, lost);
}

static void count_gap(struct slice gap, struct tally *t)
{
	struct slice kind, value;
	uint64_t count = 0;

	assert_int_equal(slice_get(gap, "kind", &kind), 0);
	assert_int_equal(slice_get(gap, "count", &value), 0);
	if (slice_type_of(value) == SLICE_NULL)
		t->unknown++;
	else
		assert_int_equal(slice_to_uint(value, &count), 0);
	if (slice_is(kind, "overtaken"))
		t->overtaken += count;
	else if (slice_is(kind, "missed"))
		t->missed += count;
	else if (slice_is(kind, "recursion"))
		t->recursion += count;
	else if (slice_is(kind, "overrun"))
		t->overrun += count;
	else if (slice_is(kind, "told"))
		t->told += count;
	else
		fail_msg("gap: %.*s", (int)gap.length, gap.text);
}

static void check_event(struct slice json, struct tally *t)
{
	char want[512];
	struct slice value;
	uint64_t n;

	assert_int_equal(slice_get(json, "n", &value), 0);
	assert_int_equal(slice_to_uint(value, &n), 0);
	assert_int_equal(json.length, event_text(n, want));
	assert_memory_equal(json.text, want, json.length);
	if (n <= t->last && t->events)
		fail_msg("%llu after %llu", (unsigned long long)n, (unsigned long long)t->last);
	t->last = n;
	t->events++;
}

/* Takes one batch. False: there is none. */
static bool take(struct log_reader *r, size_t max, struct tally *t)
{
	struct slice_iter it;
	struct slice value;
	struct log_batch b;
	uint64_t before = t->events;
	int n = log_reader_next(r, max, &b);

	assert_in_range(n, 0, 1);
	if (n == 0)
		return false;
	assert_in_range(b.n_events, 0, max);
	if (b.gaps.text) {
		assert_int_equal(slice_scan(b.gaps.text, b.gaps.length, &value), 0);
		slice_iter_init(&it, b.gaps);
		while (slice_iter_element(&it, &value) > 0)
			count_gap(value, t);
	}
	if (b.events.text) {
		assert_int_equal(slice_scan(b.events.text, b.events.length, &value), 0);
		slice_iter_init(&it, b.events);
		while (slice_iter_element(&it, &value) > 0)
			check_event(value, t);
	}
	assert_int_equal(t->events - before, b.n_events);
	return true;
}

static void take_all(struct log_reader *r, struct tally *t)
{
	while (take(r, 1024, t))
		continue;
}

static void test_selected_events_are_given_out(void **state)
{
	struct event_log *log;
	unsigned int a, b;
	struct log_reader *r, *all;
	struct tally t = {0}, t_all = {0};

	assert_int_equal(event_log_new(LOG_BYTES, -1, &log), 0);
	a = source(log, LOG_SOURCE_PROBE, "opens");
	b = source(log, LOG_SOURCE_PROBE, "closes");
	for (uint64_t n = 0; n < 100; n++)
		append(log, n % 2 ? a : b, n);
	r = reader_of(log, "opens", event_log_next(log));
	all = reader_of(log, "*", 1);
	assert_int_equal(log_reader_epoch(r), event_log_epoch(log));
	assert_false(take(r, 1024, &t));
	for (uint64_t n = 100; n < 1100; n++)
		append(log, n % 2 ? a : b, n);
	take_all(r, &t);
	assert_int_equal(t.events, 500);
	assert_int_equal(t.last, 1099);
	assert_int_equal(log_reader_position(r), event_log_next(log));
	while (take(all, 7, &t_all))
		continue;
	assert_int_equal(t_all.events, 1100);
	assert_int_equal(t.overtaken + t.unknown + t_all.overtaken + t_all.unknown, 0);
	log_reader_free(r);
	log_reader_free(all);
	event_log_free(log);
}

static void test_gap_entries_come_in_their_place(void **state)
{
	struct event_log *log;
	unsigned int a, ring;
	struct log_reader *r;
	struct tally t = {0};

	assert_int_equal(event_log_new(LOG_BYTES, -1, &log), 0);
	a = source(log, LOG_SOURCE_PROBE, "a");
	r = reader_of(log, "a", 1);
	ring = source(log, LOG_SOURCE_RING, "kprobed-1");
	append(log, a, 1);
	append(log, a, 2);
	append_gap(log, a, 5);
	append_gap(log, ring, 0);
	append_gap(log, ring, 30);
	append(log, a, 3);
	assert_true(take(r, 1024, &t));
	assert_int_equal(t.events, 2);
	assert_int_equal(t.told, 0);
	assert_true(take(r, 1024, &t));
	assert_int_equal(t.events, 3);
	assert_int_equal(t.told, 35);
	assert_int_equal(t.unknown, 1);
	assert_false(take(r, 1024, &t));
	log_reader_free(r);
	event_log_free(log);
}

static void test_later_sources_are_seen(void **state)
{
	struct event_log *log;
	struct log_reader *glob, *name;
	struct tally t_glob = {0}, t_name = {0};
	unsigned int x, y;

	assert_int_equal(event_log_new(LOG_BYTES, -1, &log), 0);
	glob = reader_of(log, "tcp_*", 1);
	name = reader_of(log, "tcp_x", 1);
	x = source(log, LOG_SOURCE_PROBE, "tcp_x");
	append(log, x, 1);
	event_log_source_close(log, x);
	y = source(log, LOG_SOURCE_PROBE, "tcp_y");
	append(log, y, 2);
	append(log, source(log, LOG_SOURCE_PROBE, "udp_x"), 3);
	append(log, source(log, LOG_SOURCE_PROBE, "tcp_x"), 4);
	take_all(glob, &t_glob);
	take_all(name, &t_name);
	assert_int_equal(t_glob.events, 3);
	assert_int_equal(t_name.events, 2);
	log_reader_free(glob);
	log_reader_free(name);
	event_log_free(log);
}

/* The names go round through all slots, so that each is given away while events of it are unread.
 */
static void test_slots_are_used_again(void **state)
{
	struct event_log *log;
	struct log_reader *all;
	struct tally t = {0};
	uint64_t n = 0;

	assert_int_equal(event_log_new(LOG_BYTES, -1, &log), 0);
	all = reader_of(log, "*", 1);
	for (int round = 0; round < 40; round++) {
		for (int i = 0; i < 1000; i++) {
			unsigned int slot = source(log, LOG_SOURCE_PROBE, "p");

			append(log, slot, n++);
			event_log_source_close(log, slot);
		}
		take_all(all, &t);
		assert_int_equal(t.events, n);
	}
	assert_int_equal(t.overtaken + t.unknown, 0);
	log_reader_free(all);
	event_log_free(log);
}

/* Overtaken in every way there is: by its own events, by others', and with gaps among them. */
static void test_overtaken_is_counted(void **state)
{
	struct random random = {5};
	struct event_log *log;
	struct log_reader *r;
	struct tally t = {0};
	unsigned int slots[4];
	uint64_t n = 0, mine = 0, lost = 0, recursion = 0, ring_lost = 0;

	assert_int_equal(event_log_new(LOG_BYTES, -1, &log), 0);
	slots[0] = source(log, LOG_SOURCE_PROBE, "a0");
	slots[1] = source(log, LOG_SOURCE_PROBE, "b");
	slots[2] = source(log, LOG_SOURCE_RING, "ring");
	append(log, slots[0], n++);
	append_gap(log, slots[0], 1000);
	r = reader_of(log, "a*", event_log_next(log));
	slots[3] = source(log, LOG_SOURCE_PROBE, "a3");
	for (int round = 0; round < 400; round++) {
		uint64_t more = random_below(&random, 20000), only = random_below(&random, 6);

		for (uint64_t i = 0; i < more; i++) {
			uint64_t which = only < 4 ? only : random_below(&random, 4);

			if (random_below(&random, 50) == 0 || which == 2) {
				uint64_t count = 1 + random_below(&random, 9);

				append_gap(log, slots[which], count);
				if (which == 0 || which == 3)
					*(count % 3 ? &lost : &recursion) += count;
				ring_lost += which == 2 ? count : 0;
			} else {
				append(log, slots[which], n++);
				mine += which == 0 || which == 3;
			}
		}
		if (random_below(&random, 3) == 0) {
			take(r, 1 + random_below(&random, 100), &t);
			continue;
		}
		take_all(r, &t);
		assert_int_equal(t.unknown, 0);
		assert_int_equal(t.events + t.overtaken, mine);
		assert_int_equal(t.told + t.missed + t.overrun, lost + ring_lost);
		assert_int_equal(t.recursion, recursion);
	}
	assert_true(t.overtaken > 100000);
	assert_true(t.events > 100000);
	assert_true(t.missed > 0 && t.overrun > 0);
	log_reader_free(r);
	event_log_free(log);
}

static void test_old_cursor_is_told_without_a_number(void **state)
{
	struct event_log *log;
	struct log_reader *r;
	struct tally t = {0};
	unsigned int a;

	assert_int_equal(event_log_new(LOG_BYTES, -1, &log), 0);
	a = source(log, LOG_SOURCE_PROBE, "a");
	for (uint64_t n = 0; n < 30000; n++)
		append(log, a, n);
	r = reader_of(log, "a", 10);
	take_all(r, &t);
	assert_int_equal(t.unknown, 1);
	assert_int_equal(t.overtaken, 0);
	assert_int_equal(t.events, event_log_next(log) - event_log_first(log));
	log_reader_free(r);
	event_log_free(log);
}

#define STRESS_EVENTS  3000000
#define STRESS_READERS 3
#define STRESS_SOURCES 5

struct stress {
	struct event_log *log;
	unsigned int slots[STRESS_SOURCES];
	uint64_t counts[STRESS_SOURCES];
	bool is_over; /* atomic */
};

struct stress_reader {
	struct stress *stress;
	struct log_reader *r;
	unsigned int nap_usec;
	size_t max;
	struct tally t;
	pthread_t thread;
};

static void *stress_write(void *data)
{
	struct stress *s = data;
	struct random random = {11};

	for (uint64_t n = 0; n < STRESS_EVENTS; n++) {
		uint64_t which = random_below(&random, STRESS_SOURCES);

		append(s->log, s->slots[which], n);
		s->counts[which]++;
	}
	__atomic_store_n(&s->is_over, true, __ATOMIC_RELEASE);
	return NULL;
}

static void *stress_read(void *data)
{
	struct stress_reader *sr = data;
	bool is_over;

	do {
		is_over = __atomic_load_n(&sr->stress->is_over, __ATOMIC_ACQUIRE);
		while (take(sr->r, sr->max, &sr->t))
			if (sr->nap_usec)
				usleep(sr->nap_usec);
	} while (!is_over);
	return NULL;
}

/*
 * One thread writes without a pause, three read; the log is 1 MiB, so that readers are overtaken
 * while they copy.
 */
static void test_readers_against_a_writer(void **state)
{
	struct stress s = {0};
	struct stress_reader readers[STRESS_READERS] = {
		{.stress = &s, .max = 1024},
		{.stress = &s, .max = 4000, .nap_usec = 3000},
		{.stress = &s, .max = 64, .nap_usec = 50},
	};
	uint64_t want, sum_events = 0, sum_overtaken = 0;
	char name[8];
	pthread_t writer;

	assert_int_equal(event_log_new(LOG_BYTES, -1, &s.log), 0);
	for (int i = 0; i < STRESS_SOURCES; i++) {
		snprintf(name, sizeof(name), i < 3 ? "x%d" : "y%d", i);
		s.slots[i] = source(s.log, LOG_SOURCE_PROBE, name);
	}
	for (int i = 0; i < STRESS_READERS; i++) {
		readers[i].r = reader_of(s.log, "x*", 1);
		assert_int_equal(pthread_create(&readers[i].thread, NULL, stress_read, &readers[i]),
				 0);
	}
	assert_int_equal(pthread_create(&writer, NULL, stress_write, &s), 0);
	pthread_join(writer, NULL);
	want = s.counts[0] + s.counts[1] + s.counts[2];
	for (int i = 0; i < STRESS_READERS; i++) {
		const struct tally *t = &readers[i].t;

		pthread_join(readers[i].thread, NULL);
		print_message("reader %d: %llu events, %llu overtaken\n", i,
			      (unsigned long long)t->events, (unsigned long long)t->overtaken);
		assert_int_equal(t->unknown, 0);
		assert_int_equal(t->events + t->overtaken, want);
		sum_events += t->events;
		sum_overtaken += t->overtaken;
		log_reader_free(readers[i].r);
	}
	/* Neither would have shown anything without the other. */
	assert_true(sum_events > 10000);
	assert_true(sum_overtaken > 10000);
	event_log_free(s.log);
}

static void assert_refused(const struct event_log *log, size_t offset, size_t size, uint64_t value)
{
	const char *selector = "*";
	int fd = memfd_create("copy", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct log_reader *r = NULL;
	struct stat st;
	char *bytes;

	assert_int_equal(fstat(event_log_fd(log), &st), 0);
	bytes = malloc((size_t)st.st_size);
	assert_non_null(bytes);
	assert_int_equal(pread(event_log_fd(log), bytes, (size_t)st.st_size, 0), st.st_size);
	memcpy(bytes + offset, &value, size);
	assert_int_equal(pwrite(fd, bytes, (size_t)st.st_size, 0), st.st_size);
	free(bytes);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, LOG_SEALS), 0);
	if (size == 0)
		assert_int_equal(log_reader_new(fd, &selector, 1, 1, &r), 0);
	else if (log_reader_new(fd, &selector, 1, 1, &r) != -EBADMSG)
		fail_msg("%zu bytes at %zu set to %#llx were taken", size, offset,
			 (unsigned long long)value);
	log_reader_free(r);
	close(fd);
}

#define AT(field) offsetof(struct log_header, field)

static void test_other_layouts_are_refused(void **state)
{
	static const struct {
		size_t offset, size;
		uint64_t value;
	} damages[] = {
		{0, 0, 0},
		{AT(magic), 1, 0},
		{AT(version), 4, LOG_VERSION - 1},
		{AT(version), 4, LOG_VERSION + 1},
		{AT(source_size), 4, sizeof(struct log_source) + 8},
		{AT(entry_size), 4, sizeof(struct log_entry) - 8},
		{AT(n_sources), 4, 0},
		{AT(n_sources), 4, UINT32_MAX},
		{AT(n_sources), 4, 65536},
		{AT(capacity), 8, 0},
		{AT(capacity), 8, LOG_BYTES / 128 - 1},
		{AT(capacity), 8, LOG_BYTES / 64},
		{AT(capacity), 8, 1ULL << 63},
		{AT(text_size), 8, 4096},
		{AT(text_size), 8, LOG_BYTES * 2},
		{AT(text_size), 8, LOG_BYTES + 1},
		{AT(text_size), 8, 1ULL << 63},
		{AT(sources_at), 8, 0},
		{AT(sources_at), 8, UINT64_MAX - 7},
		{AT(index_at), 8, 4096},
		{AT(index_at), 8, UINT64_MAX - 63},
		{AT(text_at), 8, 0},
		{AT(text_at), 8, UINT64_MAX},
	};
	struct event_log *log;

	assert_int_equal(event_log_new(LOG_BYTES, -1, &log), 0);
	for (size_t i = 0; i < ARRAY_SIZE(damages); i++)
		assert_refused(log, damages[i].offset, damages[i].size, damages[i].value);
	event_log_free(log);
}

static void test_what_could_shrink_is_refused(void **state)
{
	const char *selector = "*";
	struct event_log *log;
	struct log_reader *r;
	struct stat st;
	int fd = memfd_create("copy", MFD_CLOEXEC | MFD_ALLOW_SEALING), fds[2];
	char *bytes;

	assert_int_equal(event_log_new(LOG_BYTES, -1, &log), 0);
	assert_int_equal(fstat(event_log_fd(log), &st), 0);
	bytes = malloc((size_t)st.st_size);
	assert_non_null(bytes);
	assert_int_equal(pread(event_log_fd(log), bytes, (size_t)st.st_size, 0), st.st_size);
	assert_int_equal(pwrite(fd, bytes, (size_t)st.st_size, 0), st.st_size);
	free(bytes);
	assert_int_equal(log_reader_new(fd, &selector, 1, 1, &r), -EBADMSG);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW), 0);
	assert_int_equal(log_reader_new(fd, &selector, 1, 1, &r), -EBADMSG);
	close(fd);
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(log_reader_new(fds[0], &selector, 1, 1, &r), -EBADMSG);
	close(fds[0]);
	close(fds[1]);
	event_log_free(log);
}

/* What a client tries. 0: none of it works; else the line where something did. */
static int try_to_write(int fd, size_t size)
{
	char path[32], zeros[64] = {0};
	void *p;

	if (write(fd, zeros, sizeof(zeros)) != -1 || pwrite(fd, zeros, sizeof(zeros), 0) != -1)
		return __LINE__;
	if (ftruncate(fd, 0) != -1 || ftruncate(fd, (off_t)size * 2) != -1)
		return __LINE__;
	if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, (off_t)size) != -1)
		return __LINE__;
	if (fchmod(fd, 0666) != -1 || fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE) != -1)
		return __LINE__;
	if (mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) != MAP_FAILED)
		return __LINE__;
	p = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED || mprotect(p, size, PROT_READ | PROT_WRITE) != -1 ||
	    madvise(p, size, MADV_REMOVE) != -1)
		return __LINE__;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (open(path, O_RDWR) != -1 || open(path, O_WRONLY) != -1 || truncate(path, 0) != -1 ||
	    chmod(path, 0666) != -1)
		return __LINE__;
	return 0;
}

static void test_others_cannot_write(void **state)
{
	struct event_log *log;
	struct stat st;
	int fd, status;
	pid_t child;

	if (getuid() != 0) {
		print_message("not root: the log is this user's, who may do as he likes with it\n");
		skip();
	}
	assert_int_equal(event_log_new(LOG_BYTES, -1, &log), 0);
	fd = event_log_open_reader(log);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		/* All but the one descriptor stays behind, as when it comes over a socket. */
		close(event_log_fd(log));
		if (setgid(65534) < 0 || setuid(65534) < 0)
			_exit(255);
		status = try_to_write(fd, (size_t)st.st_size);
		if (status)
			fprintf(stderr, "a stranger could write: line %d\n", status);
		_exit(status != 0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	/* Shrinking and growing is for nobody, and the log is as it was. */
	assert_int_equal(ftruncate(event_log_fd(log), 0), -1);
	assert_int_equal(ftruncate(event_log_fd(log), st.st_size + 4096), -1);
	append(log, LOG_SOURCE_GLOBAL, 1);
	close(fd);
	event_log_free(log);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_selected_events_are_given_out),
		cmocka_unit_test(test_gap_entries_come_in_their_place),
		cmocka_unit_test(test_later_sources_are_seen),
		cmocka_unit_test(test_slots_are_used_again),
		cmocka_unit_test(test_overtaken_is_counted),
		cmocka_unit_test(test_old_cursor_is_told_without_a_number),
		cmocka_unit_test(test_readers_against_a_writer),
		cmocka_unit_test(test_other_layouts_are_refused),
		cmocka_unit_test(test_what_could_shrink_is_refused),
		cmocka_unit_test(test_others_cannot_write),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
