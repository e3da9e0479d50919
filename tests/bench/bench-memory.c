/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Usage: bench-memory [-n EVENTS] [-r REPETITIONS] [-t TEXT-BYTES]
 *
 * What subscribers cost that read the log's memory: the same events appended to a log of the
 * daemon's default size with 0, 1, 4, 16 and 64 other processes that read every one of them, woken
 * by the daemon's own code once in a pass, and once as seldom as the default latency has it. Each
 * reader counts what it got; the program fails if one lost anything, so the next events are
 * appended when nobody is far behind.
 *
 * Times are CPU times of the thread that appends and wakes, without its waiting; "each" is what one
 * subscriber more costs per event. Numbers are medians of the repetitions, which go through all
 * rows in turns.
 *
 * And what a client can take: events per second of CPU time out of a full log, copied and checked
 * only (reader), through libkprobed's kprobed_next(), and with an argument of each looked at.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "event-log.h"
#include "libkprobed-internal.h"
#include "log-reader.h"
#include "wakeup.h"
#include "timing.h"

#define LOG_BYTES	(64UL << 20) /* the daemon's default */
#define SOURCES		10
#define PASS		1024 /* events between two looks at the subscribers */
#define AHEAD		65536
#define REPETITIONS_MAX 99
#define READERS_MAX	64

static const unsigned int counts[] = {0, 1, 4, 16, 64};
#define N_COUNTS (sizeof(counts) / sizeof(counts[0]))

/* What a reader says while it reads; in memory that both map. */
struct progress {
	uint64_t position;
	char fill[56]; /* a cache line each */
};

struct world {
	struct event_base *base;
	struct event_log *log;
	struct wakeups *wakeups;
	unsigned int slots[SOURCES];
	struct progress *progress;
	char text[512];
	size_t text_len;
	uint64_t ts;
};

struct times {
	double nsec[REPETITIONS_MAX];
	unsigned int n;
};

static void die(const char *what)
{
	fprintf(stderr, "bench-memory: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double median(struct times *t)
{
	qsort(t->nsec, t->n, sizeof(*t->nsec), compare_double);
	return t->nsec[t->n / 2];
}

/* An event of the usual form and the length that is asked for. */
static void make_text(struct world *w, size_t len)
{
	int n = snprintf(
		w->text, sizeof(w->text),
		"{\"seq\":12345678,\"ts\":81234567890123,\"cpu\":1,\"tid\":412345,\"comm\":\"cat\","
		"\"probe\":\"opens\",\"site\":\"do_sys_openat2+0x0\",\"args\":{\"dfd\":-100,"
		"\"name\":\"");

	if (n < 0 || len < (size_t)n + 3 || len > sizeof(w->text)) {
		fprintf(stderr, "bench-memory: -t must be %d to %zu\n", n + 3, sizeof(w->text));
		exit(2);
	}
	memset(w->text + n, 'x', len - (size_t)n - 3);
	memcpy(w->text + len - 3, "\"}}", 3);
	w->text_len = len;
}

static void append(struct world *w, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char *p = event_log_reserve(w->log, w->text_len + 64);

		memcpy(p, w->text, w->text_len);
		event_log_commit(w->log, w->slots[i % SOURCES], w->ts++, 1, 0, 0, w->text_len, 0);
	}
}

/* A process of its own: reads all until the pipe's end, and fails if it lost anything. */
static void read_all(int log_fd, int wakeup_fd, struct progress *progress)
{
	const char *selector = "*";
	uint64_t position = progress->position, n = 0, begin = position;
	struct log_reader *r;
	struct log_batch b;
	char bytes[4096];
	int e;

	if (log_reader_new(log_fd, &selector, 1, position, &r) < 0)
		_exit(1);
	for (;;) {
		struct pollfd p = {.fd = wakeup_fd, .events = POLLIN};
		bool is_over;

		poll(&p, 1, -1);
		is_over = read(wakeup_fd, bytes, sizeof(bytes)) == 0;
		while ((e = log_reader_next(r, PASS, &b)) > 0) {
			n += b.n_events;
			if (b.gaps.text)
				_exit(2);
			__atomic_store_n(&progress->position, log_reader_position(r),
					 __ATOMIC_RELEASE);
		}
		if (e < 0)
			_exit(3);
		if (is_over)
			_exit(n == log_reader_position(r) - begin ? 0 : 4);
	}
}

static uint64_t slowest(const struct world *w, unsigned int n)
{
	uint64_t least = event_log_next(w->log);

	for (unsigned int i = 0; i < n; i++) {
		uint64_t p = __atomic_load_n(&w->progress[i].position, __ATOMIC_ACQUIRE);

		least = p < least ? p : least;
	}
	return least;
}

/* Nanoseconds of CPU time per event. */
static double measure(struct world *w, unsigned int n, unsigned int latency, size_t events)
{
	struct wakeup *wakeups[READERS_MAX];
	pid_t pids[READERS_MAX];
	double nsec = 0;

	for (unsigned int i = 0; i < n; i++) {
		int log_fd = event_log_open_reader(w->log), wakeup_fd;

		/* By number of entries it would be woken once in a pass, whatever the latency. */
		if (log_fd < 0 || wakeup_new(w->wakeups, latency, latency ? UINT32_MAX : 1,
					     &wakeup_fd, &wakeups[i]) < 0)
			die("a subscriber");
		for (size_t k = 0; k < SOURCES; k++)
			if (wakeup_add_source(wakeups[i], w->slots[k]) < 0)
				die("a source");
		w->progress[i].position = event_log_next(w->log);
		pids[i] = fork();
		if (pids[i] < 0)
			die("fork");
		if (pids[i] == 0) {
			/* The other readers' ends are written by nobody but the parent. */
			for (unsigned int k = 0; k <= i; k++)
				wakeup_free(wakeups[k]);
			read_all(log_fd, wakeup_fd, &w->progress[i]);
		}
		close(log_fd);
		close(wakeup_fd);
	}
	for (size_t done = 0; done < events; done += PASS) {
		double start = cpu_nsec();

		append(w, PASS);
		wakeups_pass(w->wakeups);
		nsec += cpu_nsec() - start;
		/* With a latency nobody may wake the last ones up: there the timer does. */
		while (event_log_next(w->log) - slowest(w, n) > AHEAD) {
			if (waitpid(-1, NULL, WNOHANG) > 0) {
				fprintf(stderr, "bench-memory: a reader has ended\n");
				exit(1);
			}
			event_base_loop(w->base, EVLOOP_NONBLOCK);
			usleep(200);
		}
	}
	for (unsigned int i = 0; i < n; i++)
		wakeup_free(wakeups[i]);
	for (unsigned int i = 0; i < n; i++) {
		int status;

		if (waitpid(pids[i], &status, 0) != pids[i] || status != 0) {
			fprintf(stderr, "bench-memory: a reader ended with status %#x\n", status);
			exit(1);
		}
	}
	return nsec / (double)events;
}

/* Events per second of CPU time. */
static double measure_reader(const struct world *w)
{
	int fd = event_log_open_reader(w->log);
	const char *selector = "*";
	struct log_reader *r;
	struct log_batch b;
	double start = cpu_nsec();
	uint64_t n = 0;

	if (fd < 0 || log_reader_new(fd, &selector, 1, event_log_first(w->log), &r) < 0)
		die("a reader");
	while (log_reader_next(r, PASS, &b) > 0)
		n += b.n_events;
	log_reader_free(r);
	close(fd);
	return (double)n / (cpu_nsec() - start) * 1e9;
}

/*
 * The same through the library, as if kprobed_subscribe() had been called; with @with_args an
 * argument of each event is asked for.
 */
static double measure_library(const struct world *w, bool with_args)
{
	struct kprobed *k = calloc(1, sizeof(*k));
	int fd = event_log_open_reader(w->log), fds[2];
	const char *selector = "*";
	struct kprobed_event *event;
	double start;
	uint64_t n = 0, first = event_log_first(w->log), end = event_log_next(w->log);
	int64_t dfd;

	if (!k || fd < 0 || pipe2(fds, O_NONBLOCK) < 0 ||
	    log_reader_new(fd, &selector, 1, event_log_first(w->log), &k->memory) < 0)
		die("a client");
	k->fd = fd;
	k->wakeup_fd = fds[0];
	k->memory_batch = PASS;
	k->state = KPROBED_STREAMING;
	k->waiting = true;
	start = cpu_nsec();
	while (kprobed_next(k, 0, &event) == 1) {
		if (kprobed_event_get_seq(event) != first + n++)
			die("other events than were written");
		if (with_args && (kprobed_event_get_int(event, "dfd", &dfd) < 0 || dfd != -100))
			die("another argument than was written");
	}
	start = cpu_nsec() - start;
	if (first + n != end)
		die("fewer events than were written");
	kprobed_close(k);
	close(fds[1]);
	return (double)n / start * 1e9;
}

static void print_rows(struct times times[2][N_COUNTS])
{
	double none[2] = {median(&times[0][0]), median(&times[1][0])};

	printf("%12s %22s %22s\n", "", "woken once in a pass", "woken every 100 ms");
	printf("%12s %10s %11s %10s %11s\n", "subscribers", "ns/event", "each", "ns/event", "each");
	for (size_t i = 0; i < N_COUNTS; i++) {
		printf("%12u", counts[i]);
		for (size_t k = 0; k < 2; k++) {
			double all = median(&times[k][i]);

			printf(" %10.1f", all);
			if (counts[i])
				printf(" %11.2f", (all - none[k]) / counts[i]);
			else
				printf(" %11s", "");
		}
		putchar('\n');
	}
}

int main(int argc, char **argv)
{
	static struct times times[2][N_COUNTS];
	struct times reader = {0}, library = {0}, args = {0};
	unsigned int repetitions = 5;
	size_t events = 512 * PASS, len = 160;
	struct world w = {0};
	int c;

	while ((c = getopt(argc, argv, "n:r:t:")) != -1) {
		if (c == 'n')
			events = (size_t)atol(optarg) / PASS * PASS;
		else if (c == 'r')
			repetitions = (unsigned int)atoi(optarg);
		else if (c == 't')
			len = (size_t)atol(optarg);
		else
			return 2;
	}
	if (events == 0 || repetitions == 0 || repetitions > REPETITIONS_MAX)
		return 2;
	signal(SIGPIPE, SIG_IGN);
	make_text(&w, len);
	w.base = event_base_new();
	w.progress = mmap(NULL, READERS_MAX * sizeof(*w.progress), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (!w.base || w.progress == MAP_FAILED || event_log_new(LOG_BYTES, -1, &w.log) < 0 ||
	    wakeups_new(w.base, w.log, &w.wakeups) < 0)
		die("the log");
	for (size_t i = 0; i < SOURCES; i++)
		if (event_log_source_open(w.log, LOG_SOURCE_PROBE, "opens", i, &w.slots[i]) < 0)
			die("a source");
	append(&w, 2 * LOG_BYTES / len); /* it has been full for long */
	for (unsigned int r = 0; r < repetitions; r++) {
		for (size_t i = 0; i < N_COUNTS; i++)
			for (size_t k = 0; k < 2; k++) {
				struct times *t = &times[k][i];

				t->nsec[t->n++] = measure(&w, counts[i], k ? 100 : 0, events);
			}
		reader.nsec[reader.n++] = measure_reader(&w);
		library.nsec[library.n++] = measure_library(&w, false);
		args.nsec[args.n++] = measure_library(&w, true);
	}
	printf("%zu events of %zu bytes, %u repetitions\n\n", events, len, repetitions);
	print_rows(times);
	printf("\na client, million events per second of CPU time:\n"
	       "  reader %.2f, kprobed_next() %.2f, kprobed_next() and an argument %.2f\n",
	       median(&reader) / 1e6, median(&library) / 1e6, median(&args) / 1e6);
	wakeups_free(w.wakeups);
	event_log_free(w.log);
	event_base_free(w.base);
	return 0;
}
