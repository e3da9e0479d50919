/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A client on libkprobed: subscribes, and writes what the library's functions say of each event.
 *
 * Usage: subscriber [--cursor CURSOR] [--latency MILLISECONDS] [--memory] SELECTOR...
 *
 * Prints "subscribed" as soon as it is. Then, separated by tabs,
 *     event SEQ TS CPU TID COMM PROBE SITE CALLER NAME=VALUE...
 *     gap KIND COUNT SINCE
 * where "-" stands for what an event has not, "null" for an argument that could not be read and "?"
 * for a count that nobody knows. SIGTERM ends it once it has written what it has; then it prints
 * "cursor CURSOR". So it does, and ends with status 3, when the daemon goes. What is not as the
 * header promises ends it with an error.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <kprobed.h>

static volatile sig_atomic_t is_ending;

static void on_signal(int number)
{
	is_ending = 1;
}

static void die(struct kprobed *k, const char *what, int r)
{
	const char *name = k && r == -EREMOTEIO ? kprobed_error_name(k) : NULL;

	fprintf(stderr, "subscriber: %s: %s %s\n", what, strerror(-r), name ? name : "");
	exit(1);
}

static void print_arg(struct kprobed_event *event, const char *name, const char *json, size_t len)
{
	const char *text;
	int64_t number;
	int r;

	r = kprobed_event_get_int(event, name, &number);
	if (r == 0) {
		printf("\t%s=%" PRId64, name, number);
		return;
	}
	if (r == -ENODATA) {
		printf("\t%s=null", name);
		return;
	}
	if (r != -EINVAL)
		die(NULL, "kprobed_event_get_int", r);
	r = kprobed_event_get_string(event, name, &text);
	if (r == 0)
		printf("\t%s=%s", name, text);
	else if (r == -EINVAL)
		printf("\t%s=%.*s", name, (int)len, json);
	else
		die(NULL, "kprobed_event_get_string", r);
}

static const char *or_dash(const char *text)
{
	return text ? text : "-";
}

static void print_event(struct kprobed_event *event)
{
	const char *name, *json;
	size_t position = 0, len;

	printf("event\t%" PRIu64 "\t%" PRIu64 "\t%d\t%d\t%s\t%s\t%s\t%s",
	       kprobed_event_get_seq(event), kprobed_event_get_ts_nsec(event),
	       kprobed_event_get_cpu(event), (int)kprobed_event_get_tid(event),
	       or_dash(kprobed_event_get_comm(event)), or_dash(kprobed_event_get_probe(event)),
	       or_dash(kprobed_event_get_site(event)), or_dash(kprobed_event_get_caller(event)));
	while (kprobed_event_next_arg(event, &position, &name, &json, &len))
		print_arg(event, name, json, len);
	putchar('\n');
}

static void print_gap(struct kprobed_event *event)
{
	uint64_t count;
	int r = kprobed_event_get_gap_count(event, &count);

	if (r == -ENODATA)
		printf("gap\t%s\t?\n", or_dash(kprobed_event_get_gap_kind(event)));
	else if (r == 0)
		printf("gap\t%s\t%" PRIu64 "\n", or_dash(kprobed_event_get_gap_kind(event)), count);
	else
		die(NULL, "kprobed_event_get_gap_count", r);
}

/* Takes what there is. */
static void take_all(struct kprobed *k)
{
	struct kprobed_event *event;
	int r;

	while ((r = kprobed_next(k, 0, &event)) == 1) {
		if (kprobed_event_get_type(event) == KPROBED_GAP)
			print_gap(event);
		else
			print_event(event);
	}
	if (r == -ECONNRESET) {
		printf("cursor\t%s\n", or_dash(kprobed_cursor(k)));
		kprobed_close(k);
		exit(3);
	}
	if (r < 0 && r != -EINTR)
		die(k, "kprobed_next", r);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	static const struct option longs[] = {
		{"cursor", required_argument, NULL, 'c'},
		{"latency", required_argument, NULL, 'l'},
		{"memory", no_argument, NULL, 'm'},
		{0},
	};
	struct kprobed_stream_options options = KPROBED_STREAM_OPTIONS_INIT;
	struct sigaction action = {.sa_handler = on_signal};
	sigset_t term, old;
	struct kprobed *k;
	int c, r;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (c == 'c')
			options.cursor = optarg;
		else if (c == 'l')
			options.max_latency_ms = atoi(optarg);
		else if (c == 'm')
			options.transport = KPROBED_TRANSPORT_MEMORY;
		else
			return 2;
	}
	/* It comes in ppoll() and nowhere else. */
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, &old);
	sigaction(SIGTERM, &action, NULL);

	r = kprobed_open(NULL, &k);
	if (r < 0)
		die(NULL, "kprobed_open", r);
	r = kprobed_subscribe(k, (const char *const *)argv + optind, (size_t)(argc - optind),
			      &options);
	if (r < 0)
		die(k, "kprobed_subscribe", r);
	puts("subscribed");
	fflush(stdout);
	while (!is_ending) {
		struct pollfd p = {.fd = kprobed_get_fd(k), .events = kprobed_get_events(k)};

		if (ppoll(&p, 1, NULL, &old) < 0 && errno != EINTR)
			die(NULL, "ppoll", -errno);
		take_all(k);
	}
	printf("cursor\t%s\n", or_dash(kprobed_cursor(k)));
	kprobed_close(k);
	return 0;
}
