/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libkprobed's memory transport against the daemon's halves of it: the log, the wakeups, and the
 * reply with its descriptors. The test is the daemon; all of it is in one process.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <kprobed.h>

#include "cleanup.h"
#include "event-log.h"
#include "rights.h"
#include "wakeup.h"

#define LOG_BYTES (1UL << 20)

struct fixture {
	char dir[64], path[96];
	int listener, daemon;
	struct event_base *base;
	struct event_log *log;
	struct wakeups *wakeups;
	struct wakeup *wakeup;
	unsigned int opens, closes;
	struct kprobed *k;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	assert_non_null(f);
	signal(SIGPIPE, SIG_IGN);
	strcpy(f->dir, "/tmp/test-memory-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/socket", f->dir);
	strcpy(address.sun_path, f->path);
	f->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(f->listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(f->listener, 4), 0);
	assert_int_equal(kprobed_open(f->path, &f->k), 0);
	f->daemon = accept(f->listener, NULL, NULL);
	assert_true(f->daemon >= 0);
	f->base = event_base_new();
	assert_int_equal(event_log_new(LOG_BYTES, -1, &f->log), 0);
	assert_int_equal(wakeups_new(f->base, f->log, &f->wakeups), 0);
	assert_int_equal(event_log_source_open(f->log, LOG_SOURCE_PROBE, "opens", 7, &f->opens), 0);
	assert_int_equal(event_log_source_open(f->log, LOG_SOURCE_PROBE, "closes", 8, &f->closes),
			 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	kprobed_close(f->k);
	if (f->wakeup)
		wakeup_free(f->wakeup);
	assert_int_equal(wakeups_count(f->wakeups), 0);
	wakeups_free(f->wakeups);
	event_log_free(f->log);
	event_base_free(f->base);
	close(f->daemon);
	close(f->listener);
	unlink(f->path);
	rmdir(f->dir);
	free(f);
	return 0;
}

/* The daemon's answer, put where the client will find it. */
static void answer(struct fixture *f, const char *memory, unsigned int latency, unsigned int batch,
		   size_t n_fds)
{
	struct evbuffer *out = evbuffer_new();
	struct rights rights = {0};
	int fds[2] = {event_log_open_reader(f->log), -1};

	assert_true(fds[0] >= 0);
	assert_int_equal(wakeup_new(f->wakeups, latency, batch, &fds[1], &f->wakeup), 0);
	assert_int_equal(wakeup_add_source(f->wakeup, f->opens), 0);
	assert_int_equal(wakeup_add_source(f->wakeup, f->opens), 0);
	if (n_fds)
		rights_attach(&rights, out, fds, n_fds);
	for (size_t i = n_fds; i < ARRAY_SIZE(fds); i++)
		close(fds[i]);
	evbuffer_add_printf(
		out,
		"{\"parameters\":{\"events\":[],\"cursor\":\"%08x:%llu\"%s},\"continues\":true}",
		event_log_epoch(f->log), (unsigned long long)event_log_next(f->log), memory);
	evbuffer_add(out, "", 1);
	while (evbuffer_get_length(out))
		assert_true(rights_write(&rights, out, f->daemon) > 0);
	assert_int_equal(rights.n, 0);
	evbuffer_free(out);
}

static int subscribe(struct fixture *f, int max_batch)
{
	static const char *const selectors[] = {"opens"};
	struct kprobed_stream_options options = KPROBED_STREAM_OPTIONS_INIT;

	options.transport = KPROBED_TRANSPORT_MEMORY;
	options.max_batch = max_batch;
	return kprobed_subscribe(f->k, selectors, 1, &options);
}

#define MEMORY ",\"memory\":{\"log\":0,\"wakeup\":1}"

static void append(struct fixture *f, unsigned int slot, const char *name)
{
	uint64_t seq = event_log_next(f->log);
	char *text = event_log_reserve(f->log, 256);
	int n = sprintf(
		text,
		"{\"seq\":%llu,\"ts\":5,\"cpu\":1,\"tid\":4,\"comm\":\"a\\tb\",\"probe\":\"%s\","
		"\"site\":\"f+0x0\",\"args\":{\"x\":3}}",
		(unsigned long long)seq, name);

	event_log_commit(f->log, slot, 5, 4, 1, 0, (size_t)n, 0);
}

static bool is_readable(struct fixture *f)
{
	struct pollfd p = {.fd = kprobed_get_fd(f->k), .events = kprobed_get_events(f->k)};

	return poll(&p, 1, 0) == 1;
}

static void test_events_come_as_over_the_socket(void **state)
{
	struct fixture *f = *state;
	struct kprobed_event *event;
	char request[512] = "", cursor[64];
	int64_t x;
	int old_fd = kprobed_get_fd(f->k);

	append(f, f->opens, "opens"); /* before */
	answer(f, MEMORY, 0, 1024, 2);
	assert_int_equal(subscribe(f, 0), 0);
	assert_true(recv(f->daemon, request, sizeof(request) - 1, 0) > 0);
	assert_non_null(strstr(request, "\"transport\":\"memory\""));
	assert_int_not_equal(kprobed_get_fd(f->k), old_fd);
	assert_false(is_readable(f));
	assert_int_equal(kprobed_next(f->k, 0, &event), 0);
	assert_int_equal(kprobed_call(f->k, "a.B", NULL, NULL), -EBUSY);

	append(f, f->closes, "closes");
	wakeups_pass(f->wakeups);
	assert_false(is_readable(f));
	/* What is not ours is passed over, and the cursor goes along. */
	assert_int_equal(kprobed_next(f->k, 0, &event), 0);
	snprintf(cursor, sizeof(cursor), "%08x:3", event_log_epoch(f->log));
	assert_string_equal(kprobed_cursor(f->k), cursor);
	append(f, f->opens, "opens");
	append(f, f->opens, "opens");
	wakeups_pass(f->wakeups);
	assert_true(is_readable(f));
	assert_int_equal(kprobed_process(f->k), 1);
	assert_true(kprobed_has_next(f->k));
	assert_int_equal(kprobed_next(f->k, 0, &event), 1);
	assert_int_equal(kprobed_event_get_type(event), KPROBED_EVENT);
	assert_int_equal(kprobed_event_get_seq(event), 3);
	assert_string_equal(kprobed_event_get_probe(event), "opens");
	assert_string_equal(kprobed_event_get_comm(event), "a\tb");
	assert_int_equal(kprobed_event_get_int(event, "x", &x), 0);
	assert_int_equal(x, 3);
	assert_string_equal(strrchr(kprobed_event_get_json(event, NULL), '{'), "{\"x\":3}}");
	assert_int_equal(kprobed_next(f->k, 0, &event), 1);
	assert_int_equal(kprobed_event_get_seq(event), 4);
	assert_false(kprobed_has_next(f->k));
	snprintf(cursor, sizeof(cursor), "%08x:5", event_log_epoch(f->log));
	assert_string_equal(kprobed_cursor(f->k), cursor);
	/* With nothing left the pipe is emptied, so that it can be waited for. */
	assert_int_equal(kprobed_next(f->k, 0, &event), 0);
	assert_false(is_readable(f));
}

static void test_end_comes_after_the_last_event(void **state)
{
	struct fixture *f = *state;
	struct kprobed_event *event;

	answer(f, MEMORY, 0, 1024, 2);
	assert_int_equal(subscribe(f, 1), 0);
	append(f, f->opens, "opens");
	append(f, f->opens, "opens");
	/* Without a pass: as when the daemon is killed. */
	f->wakeup = wakeup_free(f->wakeup);
	assert_true(is_readable(f));
	assert_int_equal(kprobed_next(f->k, -1, &event), 1);
	assert_int_equal(kprobed_next(f->k, -1, &event), 1);
	assert_int_equal(kprobed_next(f->k, -1, &event), -ECONNRESET);
	assert_int_equal(kprobed_next(f->k, -1, &event), -ECONNRESET);
	assert_int_equal(kprobed_process(f->k), -ECONNRESET);
}

static void test_wakeups_are_few(void **state)
{
	struct fixture *f = *state;
	char bytes[64];
	int fd;

	answer(f, MEMORY, 10000, 100, 2);
	assert_int_equal(subscribe(f, 0), 0);
	fd = kprobed_get_fd(f->k);
	/* The first at once, the others wait for company, or for more than fits in a batch. */
	for (int i = 0; i < 250; i++) {
		append(f, f->opens, "opens");
		wakeups_pass(f->wakeups);
		wakeups_pass(f->wakeups);
	}
	assert_int_equal(read(fd, bytes, sizeof(bytes)), 3);
}

static void test_full_pipe_does_not_stop_the_daemon(void **state)
{
	struct fixture *f = *state;
	int flags;

	answer(f, MEMORY, 0, 1, 2);
	assert_int_equal(subscribe(f, 0), 0);
	/* What a client can do to its end does not matter to the other. */
	flags = fcntl(kprobed_get_fd(f->k), F_GETFL);
	assert_int_equal(fcntl(kprobed_get_fd(f->k), F_SETFL, flags & ~O_NONBLOCK), 0);
	assert_int_equal(write(kprobed_get_fd(f->k), "", 1), -1);
	for (int i = 0; i < 70000; i++) {
		append(f, f->opens, "opens");
		wakeups_pass(f->wakeups);
	}
}

struct waiter {
	struct kprobed *k;
	int r;
};

static void *wait_for_event(void *data)
{
	struct waiter *w = data;
	struct kprobed_event *event;

	w->r = kprobed_next(w->k, -1, &event);
	return NULL;
}

static void test_waiting_ends_with_the_event(void **state)
{
	struct fixture *f = *state;
	struct kprobed_event *event;
	struct waiter w = {f->k, -1};
	pthread_t thread;

	answer(f, MEMORY, 0, 1024, 2);
	assert_int_equal(subscribe(f, 0), 0);
	assert_int_equal(kprobed_next(f->k, 20, &event), 0);
	assert_int_equal(pthread_create(&thread, NULL, wait_for_event, &w), 0);
	append(f, f->opens, "opens");
	wakeups_pass(f->wakeups);
	pthread_join(thread, NULL);
	assert_int_equal(w.r, 1);
}

static size_t count_fds(void)
{
	size_t n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) != -1;
	return n;
}

static void assert_not_taken(struct fixture *f, const char *memory, size_t n_fds)
{
	size_t before = count_fds();

	answer(f, memory, 0, 1024, n_fds);
	assert_int_equal(subscribe(f, 0), -EPROTO);
	wakeup_free(take_ptr(f->wakeup));
	assert_int_equal(count_fds(), before);
}

static void test_reply_without_the_log_is_refused(void **state)
{
	assert_not_taken(*state, "", 2);
}

static void test_reply_with_wrong_numbers_is_refused(void **state)
{
	assert_not_taken(*state, ",\"memory\":{\"log\":0,\"wakeup\":2}", 2);
}

static void test_reply_with_one_number_is_refused(void **state)
{
	assert_not_taken(*state, ",\"memory\":{\"log\":1,\"wakeup\":1}", 2);
}

static void test_reply_with_swapped_numbers_is_refused(void **state)
{
	assert_not_taken(*state, ",\"memory\":{\"log\":1,\"wakeup\":0}", 2);
}

static void test_reply_without_descriptors_is_refused(void **state)
{
	assert_not_taken(*state, MEMORY, 0);
}

static void test_reply_with_one_descriptor_is_refused(void **state)
{
	assert_not_taken(*state, MEMORY, 1);
}

/* Receives once: how many bytes, and descriptors, which are closed. */
static size_t receive(int fd, char *buf, size_t size, size_t *ret_fds)
{
	union {
		char bytes[CMSG_SPACE(4 * sizeof(int))];
		struct cmsghdr align;
	} control = {0};
	struct iovec iov = {buf, size};
	struct msghdr message = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	ssize_t n = recvmsg(fd, &message, MSG_DONTWAIT);
	struct cmsghdr *c;
	int got[4];

	assert_true(n > 0);
	*ret_fds = 0;
	for (c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
		size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		memcpy(got, CMSG_DATA(c), count * sizeof(int));
		for (size_t i = 0; i < count; i++)
			close(got[i]);
		*ret_fds += count;
	}
	return (size_t)n;
}

/*
 * Replies to earlier calls wait in the buffer, and the socket is full: the descriptors come with
 * the byte they were attached to, and not with one before it.
 */
static void test_descriptors_keep_their_place(void **state)
{
	const size_t before = 3 << 20, after = 1 << 20;
	struct evbuffer *out = evbuffer_new();
	struct rights rights = {0};
	size_t sent = 0, got = 0, fds_at = 0, n_fds, before_fds = count_fds();
	char *bytes = calloc(1, before), buf[65536];
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	memset(bytes, 'a', before);
	evbuffer_add(out, bytes, before);
	rights_attach(&rights, out, (int[]){dup(0), dup(0)}, 2);
	memset(bytes, 'b', before);
	evbuffer_add(out, bytes, after);
	while (got < before + after) {
		int n = rights_write(&rights, out, pair[0]);

		if (n < 0)
			assert_int_equal(errno, EAGAIN);
		else
			sent += (size_t)n;
		if (n >= 0 && evbuffer_get_length(out))
			continue;
		n = (int)receive(pair[1], buf, sizeof(buf), &n_fds);
		if (n_fds) {
			assert_int_equal(n_fds, 2);
			assert_int_equal(fds_at, 0);
			fds_at = got;
			/* The kernel ends a piece before bytes that have descriptors with them. */
			assert_int_equal(buf[0], 'b');
		}
		got += (size_t)n;
	}
	assert_int_equal(sent, before + after);
	assert_int_equal(fds_at, before);
	/* What is not sent is closed. */
	rights_attach(&rights, out, (int[]){dup(0), dup(0)}, 2);
	rights_done(&rights);
	rights_done(&rights);
	close(pair[0]);
	close(pair[1]);
	assert_int_equal(count_fds(), before_fds);
	evbuffer_free(out);
	free(bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_events_come_as_over_the_socket, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_end_comes_after_the_last_event, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_wakeups_are_few, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full_pipe_does_not_stop_the_daemon, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_waiting_ends_with_the_event, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reply_without_the_log_is_refused, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_reply_with_wrong_numbers_is_refused, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_reply_with_one_number_is_refused, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_reply_with_swapped_numbers_is_refused, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_reply_without_descriptors_is_refused, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_reply_with_one_descriptor_is_refused, setup,
						teardown),
		cmocka_unit_test(test_descriptors_keep_their_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
