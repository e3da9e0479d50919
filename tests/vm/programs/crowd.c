/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Many subscribers of kprobed in one process, which reads for all of them as fast as it can, and
 * measures how late their events come.
 *
 * Usage: crowd SOCKET COUNT CALL
 *
 * COUNT connections are made, and CALL (a request as it goes over the wire, without its NUL) is
 * sent over each. Prints "subscribed" when all have had their first reply. Then for each line on
 * stdin, which is a number: waits until every subscriber has had so many events since the
 * beginning, and prints, of what came since the line before, in nanoseconds:
 *
 *     TOOK HALF MOST LATEST
 *
 * from the first event to when the last subscriber had its last one; and how old the oldest event
 * of a reply was when it came: of half of the replies, of 99 in 100, and of all at most. An error,
 * or a subscriber with more events than asked for, ends it with status 1.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define READ_BYTES 65536
#define READY_MAX  64

struct subscriber {
	int fd;
	char *text; /* of a reply that is not whole yet */
	size_t len, size;
	uint64_t events;
	bool is_greeted;
};

static struct subscriber *all;
static size_t n_all, n_greeted, n_done;
static uint64_t wanted;
static uint64_t first_ts, last_nsec;
static uint64_t *ages;
static size_t n_ages, ages_size;

static void fail(const char *what)
{
	fprintf(stderr, "crowd: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
}

static int connect_to(const char *path, const char *call)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t len = strlen(call) + 1;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		fail(path);
	if (send(fd, call, len, MSG_NOSIGNAL) != (ssize_t)len)
		fail("send");
	return fd;
}

static void add_age(uint64_t age)
{
	if (n_ages == ages_size) {
		ages_size = ages_size ? 2 * ages_size : 65536;
		ages = realloc(ages, ages_size * sizeof(*ages));
		if (!ages)
			fail("memory");
	}
	ages[n_ages++] = age;
}

/* A reply, ended by NUL. */
static void take_reply(struct subscriber *s, const char *text, size_t len, uint64_t nsec)
{
	static const char event[] = "{\"seq\":", stamp[] = "\"ts\":";
	const char *end = text + len, *p = text, *ts = NULL;
	uint64_t before = s->events;

	if (strncmp(text, "{\"parameters\":", 14) != 0) {
		fprintf(stderr, "crowd: %.300s\n", text);
		exit(1);
	}
	n_greeted += !s->is_greeted;
	s->is_greeted = true;
	while ((p = memmem(p, (size_t)(end - p), event, sizeof(event) - 1))) {
		s->events++;
		if (!ts)
			ts = memmem(p, (size_t)(end - p), stamp, sizeof(stamp) - 1);
		p += sizeof(event) - 1;
	}
	if (ts) {
		uint64_t at = strtoull(ts + sizeof(stamp) - 1, NULL, 10);

		add_age(nsec - at);
		first_ts = at < first_ts ? at : first_ts;
		last_nsec = nsec;
	}
	n_done += before < wanted && s->events >= wanted;
}

static void take(struct subscriber *s)
{
	size_t begin = 0, from = s->len;
	const char *end;
	uint64_t nsec;
	ssize_t n;

	if (s->size - s->len < READ_BYTES) {
		s->size = s->len + 2 * READ_BYTES;
		s->text = realloc(s->text, s->size);
		if (!s->text)
			fail("memory");
	}
	n = recv(s->fd, s->text + s->len, READ_BYTES, 0);
	if (n <= 0)
		fail("a connection has ended");
	nsec = now();
	s->len += (size_t)n;
	while ((end = memchr(s->text + from, '\0', s->len - from))) {
		take_reply(s, s->text + begin, (size_t)(end - s->text) - begin, nsec);
		begin = from = (size_t)(end - s->text) + 1;
	}
	memmove(s->text, s->text + begin, s->len - begin);
	s->len -= begin;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void report(void)
{
	for (size_t i = 0; i < n_all; i++)
		if (all[i].events != wanted) {
			fprintf(stderr, "crowd: %" PRIu64 " events of %" PRIu64 "\n", all[i].events,
				wanted);
			exit(1);
		}
	qsort(ages, n_ages, sizeof(*ages), compare);
	printf("%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", last_nsec - first_ts,
	       ages[n_ages / 2], ages[n_ages - 1 - n_ages / 100], ages[n_ages - 1]);
	fflush(stdout);
	n_ages = 0;
	first_ts = UINT64_MAX;
}

/* What is asked for next. False at the end. */
static bool next_line(void)
{
	char line[32];

	if (!fgets(line, sizeof(line), stdin))
		return false;
	wanted = strtoull(line, NULL, 10);
	n_done = 0;
	for (size_t i = 0; i < n_all; i++)
		n_done += all[i].events >= wanted;
	return true;
}

static void add_to_poll(int poll, int fd, struct subscriber *s)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = s};

	if (epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event) < 0)
		fail("epoll_ctl");
}

int main(int argc, char **argv)
{
	int poll = epoll_create1(EPOLL_CLOEXEC);
	bool has_said = false;

	n_all = argc == 4 ? strtoull(argv[2], NULL, 10) : 0;
	all = calloc(n_all + 1, sizeof(*all));
	if (n_all == 0 || !all || poll < 0)
		return 2;
	setvbuf(stdin, NULL, _IONBF, 0);
	add_to_poll(poll, STDIN_FILENO, NULL);
	for (size_t i = 0; i < n_all; i++) {
		all[i].fd = connect_to(argv[1], argv[3]);
		add_to_poll(poll, all[i].fd, &all[i]);
	}
	first_ts = UINT64_MAX;
	for (;;) {
		struct epoll_event ready[READY_MAX];
		int n = epoll_wait(poll, ready, READY_MAX, -1);

		if (n < 0 && errno != EINTR)
			fail("epoll_wait");
		for (int i = 0; i < n; i++) {
			if (ready[i].data.ptr)
				take(ready[i].data.ptr);
			else if (!next_line())
				return 0;
		}
		if (!has_said && n_greeted == n_all) {
			puts("subscribed");
			fflush(stdout);
			has_said = true;
		}
		if (wanted && n_done == n_all) {
			report();
			wanted = 0;
		}
	}
}
