/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Usage: bench-fanout [-n EVENTS] [-r REPETITIONS] [-t TEXT-BYTES]
 *
 * What a subscriber costs: the same events appended to a log of the daemon's default size, handed
 * out by the daemon's own delivery to 1, 4, 16, 64 and 256 subscribers on real Unix sockets, once
 * to subscribers who see every event and once to such as see one in ten. A process of its own reads
 * all sockets and throws away what it gets. Nobody loses anything: the next events are appended
 * when everyone has had the last ones, and the program fails if the bytes do not add up.
 *
 * Times are CPU times of the thread that delivers, appending included; "each" is what one
 * subscriber more costs per event that it gets: the difference to the row of one subscriber over
 * the number of the others. Beside them, in turns, a bare write() of as many bytes to a Unix socket
 * in pieces of 64 KiB. Numbers are medians of the repetitions.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "delivery.h"
#include "timing.h"

#define LOG_BYTES	(64UL << 20) /* the daemon's default */
#define SOURCES		10
#define PASS		1024 /* events between two looks at the subscribers, and in a batch */
#define PIECE		(64 * 1024)
#define READ_BYTES	(256 * 1024)
#define REPETITIONS_MAX 99
#define CLIENTS_MAX	256

static const unsigned int counts[] = {1, 4, 16, 64, 256};
#define N_COUNTS (sizeof(counts) / sizeof(counts[0]))

/* The process that reads: its counts come back when the last socket is closed. */
struct sink {
	pid_t pid;
	int report; /* owned: where it says how many bytes it got */
};

struct client {
	struct subscriber *subscriber; /* owned */
	struct evbuffer *out;	       /* owned */
	struct event *writable;	       /* owned */
	int fd;			       /* owned */
};

struct world {
	struct event_base *base;
	struct event_log *log;
	struct delivery *delivery;
	unsigned int slots[SOURCES];
	struct client clients[CLIENTS_MAX];
	unsigned int n_clients;
	const char *text;
	size_t text_len;
	uint64_t ts;
};

struct times {
	double nsec[REPETITIONS_MAX];
	unsigned int n;
};

static void die(const char *what)
{
	fprintf(stderr, "bench-fanout: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double median(struct times *t)
{
	qsort(t->nsec, t->n, sizeof(t->nsec[0]), compare_double);
	return t->nsec[t->n / 2];
}

static void sink_run(const int *fds, unsigned int n, int report)
{
	struct epoll_event ready[64], e = {.events = EPOLLIN};
	static char buf[READ_BYTES];
	uint64_t total = 0;
	int set = epoll_create1(0);

	for (unsigned int i = 0; i < n; i++) {
		e.data.fd = fds[i];
		if (epoll_ctl(set, EPOLL_CTL_ADD, fds[i], &e) < 0)
			_exit(1);
	}
	while (n > 0) {
		int k = epoll_wait(set, ready, 64, -1);

		for (int i = 0; i < k; i++) {
			ssize_t got = read(ready[i].data.fd, buf, sizeof(buf));

			if (got > 0) {
				total += (uint64_t)got;
				continue;
			}
			close(ready[i].data.fd);
			n--;
		}
	}
	_exit(write(report, &total, sizeof(total)) == sizeof(total) ? 0 : 1);
}

/* Starts the reader of @n sockets, whose other ends go to @ret_fds. */
static struct sink sink_start(unsigned int n, int *ret_fds)
{
	int ours[CLIENTS_MAX], report[2];
	struct sink sink;

	if (pipe(report) < 0)
		die("pipe");
	for (unsigned int i = 0; i < n; i++) {
		int pair[2];

		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
			die("socketpair");
		ret_fds[i] = pair[0];
		ours[i] = pair[1];
	}
	sink.pid = fork();
	if (sink.pid < 0)
		die("fork");
	if (sink.pid == 0) {
		for (unsigned int i = 0; i < n; i++)
			close(ret_fds[i]);
		sink_run(ours, n, report[1]);
	}
	for (unsigned int i = 0; i < n; i++)
		close(ours[i]);
	close(report[1]);
	sink.report = report[0];
	return sink;
}

static uint64_t sink_finish(struct sink *sink)
{
	uint64_t total;
	int status;

	if (read(sink->report, &total, sizeof(total)) != sizeof(total) ||
	    waitpid(sink->pid, &status, 0) != sink->pid || status != 0)
		die("the reader");
	close(sink->report);
	return total;
}

static void on_subscriber(enum subscriber_event event, void *data)
{
	struct client *c = data;

	if (event == SUBSCRIBER_FAILED)
		die("a subscriber's socket");
	event_add(c->writable, NULL);
}

/* As a session does it: first what is left of the last batch, then the next one. */
static void on_writable(evutil_socket_t fd, short what, void *data)
{
	struct client *c = data;

	if (evbuffer_get_length(c->out) > 0 && evbuffer_write(c->out, fd) < 0 && errno != EAGAIN)
		die("write");
	if (evbuffer_get_length(c->out) > 0)
		event_add(c->writable, NULL);
	else
		subscriber_resume(c->subscriber);
}

static void client_init(struct world *w, struct client *c, int fd, bool sees_all)
{
	struct subscriber_options options = {
		.fd = fd,
		.position = event_log_next(w->log),
		.max_latency_msec = 100,
		.max_batch = PASS,
		.on_event = on_subscriber,
		.data = c,
	};

	c->fd = fd;
	c->out = options.out = evbuffer_new();
	c->writable = event_new(w->base, fd, EV_WRITE, on_writable, c);
	if (!c->out || !c->writable || fcntl(fd, F_SETFL, O_NONBLOCK) < 0 ||
	    subscriber_new(w->delivery, &options, &c->subscriber) < 0)
		die("a subscriber");
	for (unsigned int i = 0; i < (sees_all ? SOURCES : 1); i++)
		if (subscriber_add_source(c->subscriber, w->slots[i]) < 0)
			die("a source");
	subscriber_start(c->subscriber);
}

static void client_done(struct client *c)
{
	subscriber_free(c->subscriber);
	event_free(c->writable);
	evbuffer_free(c->out);
	close(c->fd);
}

static void append(struct world *w, unsigned int source)
{
	char *room = event_log_reserve(w->log, w->text_len + 1);
	uint64_t seq;

	memcpy(room, w->text, w->text_len);
	seq = event_log_commit(w->log, w->slots[source], w->ts++, 1, 0, 0, w->text_len, 0);
	if (w->delivery)
		delivery_append(w->delivery, w->slots[source], seq, NULL);
}

static bool is_delivered(const struct world *w)
{
	for (unsigned int i = 0; i < w->n_clients; i++)
		if (subscriber_position(w->clients[i].subscriber) < event_log_next(w->log) ||
		    evbuffer_get_length(w->clients[i].out) > 0)
			return false;
	return true;
}

/* CPU time per appended event with @n subscribers, of whom each sees all or one in SOURCES. */
static double fan_out(struct world *w, unsigned int n, bool sees_all, uint64_t n_events)
{
	int fds[CLIENTS_MAX];
	struct sink sink = {0};
	uint64_t got, events;
	double begin, nsec;

	if (n > 0)
		sink = sink_start(n, fds);
	w->n_clients = n;
	for (unsigned int i = 0; i < n; i++)
		client_init(w, &w->clients[i], fds[i], sees_all);

	begin = cpu_nsec();
	for (uint64_t done = 0; done < n_events; done += PASS) {
		for (unsigned int i = 0; i < PASS; i++)
			append(w, i % SOURCES);
		delivery_pass(w->delivery);
		if (!is_delivered(w))
			delivery_flush(w->delivery);
		while (!is_delivered(w))
			event_base_loop(w->base, EVLOOP_ONCE);
	}
	nsec = cpu_nsec() - begin;

	for (unsigned int i = 0; i < n; i++)
		client_done(&w->clients[i]);
	w->n_clients = 0;
	if (n == 0)
		return nsec / (double)n_events;
	got = sink_finish(&sink);
	/* PASS is no multiple of SOURCES: source 0 has the one more. */
	events = sees_all ? n_events : n_events / PASS * ((PASS + SOURCES - 1) / SOURCES);
	if (got < events * w->text_len * n) {
		fprintf(stderr, "bench-fanout: %" PRIu64 " bytes have arrived, not %" PRIu64 "\n",
			got, events * w->text_len * n);
		exit(1);
	}
	return nsec / (double)n_events;
}

/* CPU time per event of a bare write() of the same bytes. */
static double bare_write(const struct world *w, uint64_t n_events)
{
	uint64_t left = n_events * w->text_len, total = left;
	_cleanup_free_ char *piece = malloc(PIECE);
	struct sink sink;
	double begin, nsec;
	int fd;

	if (!piece)
		die("memory");
	memset(piece, 'x', PIECE);
	sink = sink_start(1, &fd);
	begin = cpu_nsec();
	while (left > 0) {
		ssize_t sent = write(fd, piece, left < PIECE ? left : PIECE);

		if (sent < 0)
			die("write");
		left -= (uint64_t)sent;
	}
	nsec = cpu_nsec() - begin;
	close(fd);
	if (sink_finish(&sink) != total)
		die("the bytes of write()");
	return nsec / (double)n_events;
}

static void measure(struct world *w, bool sees_all, uint64_t n_events, unsigned int repetitions)
{
	/* What one subscriber gets of n_events. */
	double share = sees_all ? 1 : (double)((PASS + SOURCES - 1) / SOURCES) / PASS;
	struct times rows[N_COUNTS] = {0}, none = {0}, bare = {0};
	double one, beside;

	for (unsigned int r = 0; r < repetitions; r++) {
		none.nsec[none.n++] = fan_out(w, 0, sees_all, n_events);
		bare.nsec[bare.n++] = bare_write(w, n_events);
		for (unsigned int i = 0; i < N_COUNTS; i++)
			rows[i].nsec[rows[i].n++] = fan_out(
				w, counts[i], sees_all, counts[i] > 16 ? n_events / 8 : n_events);
	}
	beside = median(&bare);
	one = median(&rows[0]);
	printf("%s, %zu bytes each; ns of CPU per event\n",
	       sees_all ? "every event" : "one event in ten", w->text_len);
	printf("  %-24s %9s %9s %12s\n", "subscribers", "ns/event", "each", "x bare write");
	printf("  %-24s %9.1f\n", "none: appending", median(&none));
	printf("  %-24s %9.1f\n", "a bare write()", beside);
	for (unsigned int i = 0; i < N_COUNTS; i++) {
		double all = median(&rows[i]);
		double each = i == 0 ? (all - median(&none)) / share
				     : (all - one) / (counts[i] - 1) / share;

		printf("  %-24u %9.1f %9.1f %12.2f\n", counts[i], all, each, each / beside);
	}
	printf("\n");
	fflush(stdout);
}

int main(int argc, char **argv)
{
	unsigned int repetitions = 5;
	uint64_t n_events = 400 * PASS;
	static char text[4096];
	struct world w = {.text = text, .text_len = 197};
	int c;

	while ((c = getopt(argc, argv, "n:r:t:")) != -1) {
		if (c == 'n')
			n_events = strtoull(optarg, NULL, 10) / PASS * PASS;
		else if (c == 'r')
			repetitions = (unsigned int)atoi(optarg);
		else if (c == 't')
			w.text_len = (size_t)atoi(optarg);
		else
			return 2;
	}
	if (optind < argc || n_events < 8 * PASS || repetitions < 1 ||
	    repetitions > REPETITIONS_MAX || w.text_len < 2 || w.text_len > sizeof(text)) {
		fprintf(stderr, "Usage: bench-fanout [-n EVENTS] [-r REPETITIONS] [-t BYTES]\n");
		return 2;
	}
	n_events = n_events / (8 * PASS) * (8 * PASS);
	memset(text, 'x', sizeof(text));
	text[0] = '{';
	text[w.text_len - 1] = '}';
	signal(SIGPIPE, SIG_IGN);

	w.base = event_base_new();
	if (!w.base || event_log_new(LOG_BYTES, -1, &w.log) < 0 ||
	    delivery_new(w.base, w.log, &w.delivery) < 0)
		die("starting");
	for (unsigned int i = 0; i < SOURCES; i++) {
		char name[16];

		snprintf(name, sizeof(name), "probe%u", i);
		if (event_log_source_open(w.log, LOG_SOURCE_PROBE, name, i, &w.slots[i]) < 0)
			die("a source");
	}
	measure(&w, true, n_events, repetitions);
	measure(&w, false, n_events, repetitions);
	delivery_free(w.delivery);
	event_log_free(w.log);
	event_base_free(w.base);
	return 0;
}
