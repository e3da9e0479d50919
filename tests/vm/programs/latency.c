/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How long after a hit its event is in the hands of a program: of kprobed's through libkprobed,
 * from the socket or from the log's memory; of a reader of trace_pipe that blocks in read(); and,
 * as the least that two hops can take, of a process to which another hands on what it reads of a
 * ring.
 *
 * Usage: latency kprobed|memory LATENCY-MS SELECTOR
 *        latency trace_pipe FILE
 *        latency relay FILE		a CPU's trace_pipe_raw, with buffer_percent 0
 *
 * Prints "ready" when it listens. Ends with the event of getpgid(0x7fffffff), the last call of
 * pacer, and prints how many events came before it, how many of them were told as lost, and the
 * median, the 99th percentile and the greatest latency in microseconds, of all but the first tenth:
 * there an emulator still translates the code that it runs for the first time. The clock of both is
 * CLOCK_MONOTONIC; trace_pipe prints its microseconds, so its latencies are up to 1 us too long.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <kprobed.h>

#include "ring.h"

#define LAST	    0x7fffffff
#define PAGE	    4096
#define PAGE_HEADER 16
/* Of the probe's record: behind the common fields and the address. */
#define PID_OFFSET  16
#define SAMPLES_MAX (1U << 24)

static uint64_t *samples;
static size_t n_samples;
static uint64_t n_lost;

static uint64_t now_nsec(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
}

static void note(uint64_t ts, uint64_t now)
{
	if (n_samples < SAMPLES_MAX)
		samples[n_samples++] = now > ts ? now - ts : 0;
}

static void die(const char *what, int r)
{
	fprintf(stderr, "latency: %s: %s\n", what, strerror(-r));
	exit(1);
}

static void ready(void)
{
	puts("ready");
	fflush(stdout);
}

static void read_kprobed(const char *latency, const char *selector, int transport)
{
	struct kprobed_stream_options options = KPROBED_STREAM_OPTIONS_INIT;
	struct kprobed_event *event;
	struct kprobed *k;
	int64_t pid = 0;
	uint64_t lost;
	int r;

	options.max_latency_ms = atoi(latency);
	options.transport = transport;
	r = kprobed_open(NULL, &k);
	if (r == 0)
		r = kprobed_subscribe(k, &selector, 1, &options);
	if (r < 0)
		die("kprobed", r);
	ready();
	while (pid != LAST) {
		r = kprobed_next(k, -1, &event);
		if (r < 0)
			die("kprobed_next", r);
		if (kprobed_event_get_type(event) == KPROBED_GAP) {
			if (kprobed_event_get_gap_count(event, &lost) == 0)
				n_lost += lost;
			continue;
		}
		if (kprobed_event_get_int(event, "pid", &pid) == 0 && pid != LAST)
			note(kprobed_event_get_ts_nsec(event), now_nsec());
	}
	kprobed_close(k);
}

/* " pacer-412 [000] .....  81.234567: hits: (__x64_sys_getpgid+0x0/0x40) pid=16777216" */
static bool take_line(const char *line, uint64_t now)
{
	const char *event = strstr(line, ": hits");
	const char *pid = event ? strstr(event, " pid=") : NULL;
	const char *number = event;
	unsigned long sec, usec;
	uint64_t lost;

	if (sscanf(line, "CPU:%*d [LOST %" SCNu64 " EVENTS]", &lost) == 1)
		n_lost += lost;
	if (!pid)
		return true;
	while (number > line && number[-1] != ' ')
		number--;
	if (atoi(pid + 5) == LAST)
		return false;
	if (sscanf(number, "%lu.%lu", &sec, &usec) == 2)
		note(sec * 1000000000ULL + usec * 1000ULL, now);
	return true;
}

static void read_trace_pipe(const char *path)
{
	static char buf[1 << 16];
	size_t len = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		die(path, -errno);
	ready();
	for (;;) {
		ssize_t n = read(fd, buf + len, sizeof(buf) - 1 - len);
		uint64_t now = now_nsec();
		char *line = buf, *end;

		if (n < 0 && errno != EINTR)
			die(path, -errno);
		len += n > 0 ? (size_t)n : 0;
		buf[len] = '\0';
		for (; (end = strchr(line, '\n')); line = end + 1) {
			*end = '\0';
			if (!take_line(line, now))
				return;
		}
		len -= (size_t)(line - buf);
		memmove(buf, line, len);
	}
}

/* Hands the pages of the ring on as they come, without what is empty of them. */
static void relay(int ring, int to)
{
	unsigned char page[PAGE];
	struct ring_iter it;
	struct ring_loss loss;

	for (;;) {
		ssize_t n = read(ring, page, sizeof(page));

		/* Nothing: it was empty, and when the kernel looked again it was not. */
		if (n == 0 || (n < 0 && errno == EINTR))
			continue;
		if (n < 0 || ring_iter_init(&it, page, (size_t)n, &loss) < 0)
			die("the ring", n < 0 ? -errno : -EBADMSG);
		if (write(to, page, PAGE_HEADER + it.end) < 0)
			_exit(0);
	}
}

/* False: the last event was in it. */
static bool take_page(struct ring_iter *it, uint64_t now)
{
	struct ring_record record;

	while (ring_iter_next(it, &record) == 1) {
		int32_t pid;

		if (record.len < PID_OFFSET + sizeof(pid))
			continue;
		memcpy(&pid, (const char *)record.data + PID_OFFSET, sizeof(pid));
		if (pid == LAST)
			return false;
		note(record.ts, now);
	}
	return true;
}

static void read_relay(const char *path)
{
	static unsigned char buf[64 * PAGE];
	int ring = open(path, O_RDONLY | O_CLOEXEC), pair[2];
	size_t len = 0;

	if (ring < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		die(path, -errno);
	if (fork() == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(pair[0]);
		relay(ring, pair[1]);
	}
	close(pair[1]);
	ready();
	for (;;) {
		ssize_t n = read(pair[0], buf + len, sizeof(buf) - len);
		uint64_t now = now_nsec();
		struct ring_iter it;
		struct ring_loss loss;
		size_t at = 0;

		if (n <= 0)
			die("the relay", n < 0 ? -errno : -EPIPE);
		len += (size_t)n;
		for (; ring_iter_init(&it, buf + at, len - at, &loss) == 0;
		     at += PAGE_HEADER + it.end) {
			n_lost += loss.is_lost; /* how many, only the ring's statistics know */
			if (!take_page(&it, now))
				return;
		}
		len -= at;
		memmove(buf, buf + at, len);
	}
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void print_result(void)
{
	size_t first = n_samples / 10, n = n_samples - first;
	uint64_t *warm = samples + first;

	if (n == 0)
		die("no events", -ENODATA);
	qsort(warm, n, sizeof(*warm), compare);
	printf("%zu %" PRIu64 " %.0f %.0f %.0f\n", n_samples, n_lost, (double)warm[n / 2] / 1e3,
	       (double)warm[n * 99 / 100] / 1e3, (double)warm[n - 1] / 1e3);
}

int main(int argc, char **argv)
{
	samples = malloc(SAMPLES_MAX * sizeof(*samples));
	if (!samples)
		die("memory", -ENOMEM);
	if (argc == 4 && strcmp(argv[1], "kprobed") == 0)
		read_kprobed(argv[2], argv[3], KPROBED_TRANSPORT_SOCKET);
	else if (argc == 4 && strcmp(argv[1], "memory") == 0)
		read_kprobed(argv[2], argv[3], KPROBED_TRANSPORT_MEMORY);
	else if (argc == 3 && strcmp(argv[1], "trace_pipe") == 0)
		read_trace_pipe(argv[2]);
	else if (argc == 3 && strcmp(argv[1], "relay") == 0)
		read_relay(argv[2]);
	else
		return 2;
	print_result();
	free(samples);
	return 0;
}
