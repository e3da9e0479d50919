/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Usage: bench-client [-n EVENTS] [-r REPETITIONS] [-b EVENTS-PER-MESSAGE]
 *
 * What an event costs a client that gets it over the socket: CPU time of its thread, nanoseconds
 * each, for taking the bytes out of the socket and nothing else (what no client can avoid), for
 * libkprobed's kprobed_next(), and for the lines that kprobectl makes of them, written to
 * /dev/null. Numbers are medians of the repetitions, which go through all rows in turns.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "libkprobed-internal.h"
#include "output-event.h"
#include "output-text.h"
#include "timing.h"

#define REPETITIONS_MAX 99

enum deed {
	RECEIVE,
	NEXT,
	ARGUMENT,
	JSON_LINES,
	TEXT_LINES,
};

static const char *const names[] = {"recv()", "kprobed_next()", "and an argument", "lines of JSON",
				    "lines of text"};
#define N_DEEDS (sizeof(names) / sizeof(names[0]))

struct sender {
	int fd;
	size_t messages;
	const char *message;
	size_t length;
};

static void die(const char *what)
{
	fprintf(stderr, "bench-client: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* A reply as the daemon writes it, with its NUL. */
static char *make_message(size_t events, size_t *ret_length)
{
	char *message = malloc(events * 256 + 256), *p = message;

	if (!message)
		die("memory");
	p += sprintf(p, "{\"parameters\":{\"events\":[");
	for (size_t i = 0; i < events; i++)
		p += sprintf(
			p,
			"%s{\"seq\":%zu,\"ts\":%llu,\"cpu\":1,\"tid\":412345,\"comm\":\"cat\","
			"\"probe\":\"opens\",\"site\":\"do_sys_openat2+0x0\",\"args\":{"
			"\"dfd\":-100,\"filename\":\"/etc/passwd-%04zu\",\"flags\":\"0x8000\"}}",
			i ? "," : "", 12345678 + i, 81234567890123 + 1700ULL * i, i % 10000);
	p += sprintf(p, "],\"gaps\":null,\"cursor\":\"5f3a9c0d:12345678\"},\"continues\":true}");
	*ret_length = (size_t)(p - message) + 1;
	return message;
}

static void *send_all(void *data)
{
	const struct sender *s = data;

	for (size_t i = 0; i < s->messages; i++)
		for (size_t done = 0; done < s->length;) {
			ssize_t n = write(s->fd, s->message + done, s->length - done);

			if (n < 0)
				die("write");
			done += (size_t)n;
		}
	shutdown(s->fd, SHUT_WR);
	return NULL;
}

static void receive(int fd)
{
	static char bytes[256 << 10];

	while (recv(fd, bytes, sizeof(bytes), 0) > 0)
		;
}

static size_t next(int fd, enum deed deed, FILE *null)
{
	struct kprobed *k = calloc(1, sizeof(*k));
	struct event_format format = EVENT_FORMAT_INIT;
	struct text text = {0};
	struct kprobed_event *event;
	int64_t dfd;
	size_t n = 0;

	if (!k)
		die("memory");
	k->fd = fd;
	k->wakeup_fd = -1;
	k->state = KPROBED_STREAMING;
	k->waiting = true;
	format.json = deed == JSON_LINES;
	while (kprobed_next(k, -1, &event) == 1) {
		n++;
		if (deed == ARGUMENT &&
		    (kprobed_event_get_int(event, "dfd", &dfd) < 0 || dfd != -100))
			die("another argument than was written");
		if (deed < JSON_LINES)
			continue;
		format_event(&format, event, &text);
		if (!kprobed_has_next(k) && (!text_write(&text, null) || fflush(null) != 0))
			die("/dev/null");
	}
	text_done(&text);
	kprobed_close(k);
	return n;
}

/* Nanoseconds of CPU time per event. */
static double measure(enum deed deed, const struct sender *what, size_t events, FILE *null)
{
	struct sender sender = *what;
	pthread_t thread;
	double nsec;
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		die("socketpair");
	sender.fd = fds[1];
	if (pthread_create(&thread, NULL, send_all, &sender) != 0)
		die("a thread");
	nsec = cpu_nsec();
	if (deed == RECEIVE)
		receive(fds[0]);
	else if (next(fds[0], deed, null) != events)
		die("not all events came");
	nsec = cpu_nsec() - nsec;
	pthread_join(thread, NULL);
	if (deed == RECEIVE)
		close(fds[0]);
	close(fds[1]);
	return nsec / (double)events;
}

int main(int argc, char **argv)
{
	double nsec[N_DEEDS][REPETITIONS_MAX];
	unsigned int repetitions = 7;
	size_t events = 400000, batch = 1024;
	struct sender sender = {0};
	FILE *null = fopen("/dev/null", "w");
	char *message;
	int c;

	while ((c = getopt(argc, argv, "n:r:b:")) != -1) {
		if (c == 'n')
			events = (size_t)atol(optarg);
		else if (c == 'r')
			repetitions = (unsigned int)atoi(optarg);
		else if (c == 'b')
			batch = (size_t)atol(optarg);
		else
			return 2;
	}
	if (!null || batch == 0 || batch > 65536 || events < batch || repetitions == 0 ||
	    repetitions > REPETITIONS_MAX)
		return 2;
	message = make_message(batch, &sender.length);
	sender.message = message;
	sender.messages = events / batch;
	events = sender.messages * batch;
	for (unsigned int r = 0; r < repetitions; r++)
		for (unsigned int i = 0; i < N_DEEDS; i++)
			nsec[i][r] = measure((enum deed)i, &sender, events, null);
	printf("%zu events of %zu bytes, %zu in a message, %u repetitions\n\n%-20s %10s %8s\n",
	       events, sender.length / batch, batch, repetitions, "", "ns/event", "ratio");
	for (unsigned int i = 0; i < N_DEEDS; i++) {
		qsort(nsec[i], repetitions, sizeof(**nsec), compare_double);
		printf("%-20s %10.1f %8.2f\n", names[i], nsec[i][repetitions / 2],
		       nsec[i][repetitions / 2] / nsec[RECEIVE][repetitions / 2]);
	}
	fclose(null);
	free(message);
	return 0;
}
