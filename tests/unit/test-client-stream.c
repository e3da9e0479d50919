/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libkprobed against a daemon that says what each test has it say: connections, calls, streams, and
 * what events tell. The other end of the socket is held by the test itself; what it sends fits into
 * the socket, so that no thread is needed.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>
#include <kprobed.h>

#include "cleanup.h"

struct fixture {
	char dir[64];
	char path[96];
	int listener;
	int daemon; /* the accepted connection */
	struct kprobed *k;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	assert_non_null(f);
	strcpy(f->dir, "/tmp/test-client-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/socket", f->dir);
	strcpy(address.sun_path, f->path);
	f->listener = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_true(f->listener >= 0);
	assert_int_equal(bind(f->listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(f->listener, 4), 0);
	assert_int_equal(kprobed_open(f->path, &f->k), 0);
	f->daemon = accept(f->listener, NULL, NULL);
	assert_true(f->daemon >= 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	assert_null(kprobed_close(f->k));
	if (f->daemon >= 0)
		close(f->daemon);
	close(f->listener);
	unlink(f->path);
	rmdir(f->dir);
	free(f);
	return 0;
}

/* Sends a message with its NUL. */
static void say(struct fixture *f, const char *message)
{
	size_t length = strlen(message) + 1;

	assert_int_equal(send(f->daemon, message, length, 0), (ssize_t)length);
}

/* The request that came, without its NUL. */
static const char *asked(struct fixture *f)
{
	static char request[65536];
	ssize_t n = recv(f->daemon, request, sizeof(request), 0);

	assert_true(n > 0);
	assert_int_equal(request[n - 1], '\0');
	return request;
}

static void subscribe(struct fixture *f)
{
	static const char *const selectors[] = {"*"};

	say(f, "{\"parameters\":{\"events\":[],\"cursor\":\"1:5\"},\"continues\":true}");
	assert_int_equal(kprobed_subscribe(f->k, selectors, 1, NULL), 0);
	assert_string_equal(asked(f), "{\"method\":\"io.kprobed.Events.Subscribe\",\"parameters\":"
				      "{\"probes\":[\"*\"]},\"more\":true}");
	assert_string_equal(kprobed_cursor(f->k), "1:5");
}

static void test_open_says_why_not(void **state)
{
	struct fixture *f = *state;
	struct kprobed *k = NULL;
	char name[200];

	assert_int_equal(kprobed_open("/nonexistent/socket", &k), -ENOENT);
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(kprobed_open(name, &k), -ENAMETOOLONG);
	close(f->listener);
	assert_int_equal(kprobed_open(f->path, &k), -ECONNREFUSED);
	assert_null(k);
	f->listener = -1;
}

static void test_call_returns_parameters(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *reply = NULL;

	say(f, "{\"parameters\":{\"version\":\"1\"}}");
	assert_int_equal(kprobed_call(f->k, "io.kprobed.Service.Status", NULL, &reply), 0);
	assert_string_equal(reply, "{\"version\":\"1\"}");
	assert_string_equal(asked(f), "{\"method\":\"io.kprobed.Service.Status\"}");
	assert_null(kprobed_error_name(f->k));
}

static void test_wrong_parameters_are_not_sent(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(kprobed_call(f->k, "a.B", "[]", NULL), -EINVAL);
	assert_int_equal(kprobed_call(f->k, "a.B", "{", NULL), -EINVAL);
	assert_int_equal(kprobed_call(f->k, "", NULL, NULL), -EINVAL);
	assert_int_equal(kprobed_call_start(f->k, "a.B", NULL, 64), -EINVAL);
	assert_int_equal(recv(f->daemon, &(char){0}, 1, MSG_DONTWAIT), -1);
}

static void test_typed_error_is_kept_until_the_next_call(void **state)
{
	struct fixture *f = *state;

	say(f, "{\"error\":\"io.kprobed.Probes.NoSuchProbe\",\"parameters\":"
	       "{\"probe\":\"x\",\"message\":\"no probe \\\"x\\\"\"}}");
	assert_int_equal(kprobed_call(f->k, "a.B", NULL, NULL), -EREMOTEIO);
	assert_string_equal(kprobed_error_name(f->k), "io.kprobed.Probes.NoSuchProbe");
	assert_string_equal(kprobed_error_message(f->k), "no probe \"x\"");
	assert_string_equal(kprobed_error_parameters(f->k),
			    "{\"probe\":\"x\",\"message\":\"no probe \\\"x\\\"\"}");

	say(f, "{\"error\":\"org.varlink.service.MethodNotFound\",\"parameters\":{\"method\":\"a."
	       "C\"}}");
	assert_int_equal(kprobed_call(f->k, "a.C", NULL, NULL), -EREMOTEIO);
	assert_string_equal(kprobed_error_message(f->k), "no such method: a.C");
	say(f, "{\"error\":\"a.b.Odd\"}");
	assert_int_equal(kprobed_call(f->k, "a.C", NULL, NULL), -EREMOTEIO);
	assert_string_equal(kprobed_error_message(f->k), "Odd");
	assert_string_equal(kprobed_error_parameters(f->k), "{}");

	say(f, "{}");
	assert_int_equal(kprobed_call(f->k, "a.B", NULL, NULL), 0);
	assert_null(kprobed_error_name(f->k));
}

static void test_several_replies_come_one_by_one(void **state)
{
	struct fixture *f = *state;
	const char *reply;
	bool continues;

	assert_int_equal(kprobed_call_next(f->k, 0, &reply, &continues), -ENODATA);
	assert_int_equal(kprobed_call_start(f->k, "a.B", "{\"x\":1}", KPROBED_CALL_MORE), 0);
	assert_string_equal(asked(f),
			    "{\"method\":\"a.B\",\"parameters\":{\"x\":1},\"more\":true}");
	assert_int_equal(kprobed_call(f->k, "a.C", NULL, NULL), -EBUSY);
	assert_int_equal(kprobed_call_next(f->k, 0, &reply, &continues), 0);
	say(f, "{\"continues\":true,\"parameters\":{\"n\":1}}");
	say(f, "{\"parameters\":{\"n\":2}}");
	assert_int_equal(kprobed_call_next(f->k, 1000, &reply, &continues), 1);
	assert_string_equal(reply, "{\"n\":1}");
	assert_true(continues);
	assert_int_equal(kprobed_process(f->k), 1);
	assert_int_equal(kprobed_call_next(f->k, 0, &reply, &continues), 1);
	assert_string_equal(reply, "{\"n\":2}");
	assert_false(continues);
	assert_int_equal(kprobed_call_next(f->k, 0, &reply, &continues), -ENODATA);
}

static void test_oneway_leaves_the_connection_free(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(kprobed_call_start(f->k, "a.B", NULL, KPROBED_CALL_ONEWAY), 0);
	assert_string_equal(asked(f), "{\"method\":\"a.B\",\"oneway\":true}");
	say(f, "{}");
	assert_int_equal(kprobed_call(f->k, "a.C", NULL, NULL), 0);
}

static void test_late_answer_breaks_the_connection(void **state)
{
	struct fixture *f = *state;

	kprobed_set_timeout(f->k, 10);
	assert_int_equal(kprobed_call(f->k, "a.B", NULL, NULL), -ETIMEDOUT);
	say(f, "{}");
	assert_int_equal(kprobed_call(f->k, "a.B", NULL, NULL), -ETIMEDOUT);
}

static void test_daemon_that_goes_away_is_noticed(void **state)
{
	struct fixture *f = *state;

	say(f, "{\"error\":\"io.kprobed.Service.LimitReached\"}");
	close(take_fd(&f->daemon));
	/* What it said last is heard although nothing can be sent any more. */
	assert_int_equal(kprobed_call(f->k, "a.B", NULL, NULL), -EREMOTEIO);
	assert_int_equal(kprobed_call(f->k, "a.B", NULL, NULL), -ECONNRESET);
	assert_int_equal(kprobed_process(f->k), -ECONNRESET);
}

static void test_rubbish_is_a_protocol_error(void **state)
{
	struct fixture *f = *state;

	say(f, "HTTP/1.1 400 Bad Request");
	assert_int_equal(kprobed_call(f->k, "a.B", NULL, NULL), -EPROTO);
	assert_int_equal(kprobed_call(f->k, "a.B", NULL, NULL), -EPROTO);
}

static void test_add_writes_specs_and_reads_ids(void **state)
{
	static const char *const definitions[] = {"p:a vfs_read", "r \"\\x"};
	struct fixture *f = *state;
	_cleanup_free_ char **ids = NULL;

	assert_null(kprobed_added_cursor(f->k));
	say(f, "{\"parameters\":{\"probes\":[{\"id\":\"1\"},{\"name\":\"b\",\"id\":\"22\"}],"
	       "\"cursor\":\"1a:7\"}}");
	assert_int_equal(kprobed_add(f->k, definitions, 2, KPROBED_ADD_STACK, &ids), 0);
	assert_string_equal(ids[0], "1");
	assert_string_equal(ids[1], "22");
	assert_null(ids[2]);
	assert_string_equal(kprobed_added_cursor(f->k), "1a:7");
	assert_null(kprobed_cursor(f->k));
	assert_string_equal(asked(f),
			    "{\"method\":\"io.kprobed.Probes.Add\",\"parameters\":{\"probes\":["
			    "{\"definition\":\"p:a vfs_read\",\"stack\":true},"
			    "{\"definition\":\"r \\\"\\\\x\",\"stack\":true}],"
			    "\"lifetime\":\"connection\"}}");
	assert_int_equal(kprobed_add(f->k, definitions, 0, 0, NULL), -EINVAL);
	say(f, "{\"parameters\":{\"probes\":[]}}");
	free(take_ptr(ids));
	assert_int_equal(kprobed_add(f->k, definitions, 2, 0, &ids), -EPROTO);
	assert_null(ids);
}

static void test_events_come_one_by_one_with_gaps_first(void **state)
{
	struct fixture *f = *state;
	struct kprobed_event *event;
	uint64_t count;

	subscribe(f);
	assert_int_equal(kprobed_next(f->k, 0, &event), 0);
	say(f,
	    "{\"parameters\":{\"events\":[{\"seq\":5},{\"seq\":6}],\"gaps\":[{\"kind\":\"overrun\","
	    "\"count\":3,\"cpu\":1},{\"kind\":\"missed\",\"count\":null}],\"cursor\":\"1:7\"},"
	    "\"continues\":true}");
	assert_int_equal(kprobed_next(f->k, 1000, &event), 1);
	assert_int_equal(kprobed_event_get_type(event), KPROBED_GAP);
	assert_string_equal(kprobed_event_get_gap_kind(event), "overrun");
	assert_int_equal(kprobed_event_get_gap_count(event, &count), 0);
	assert_int_equal(count, 3);
	assert_int_equal(kprobed_event_get_cpu(event), 1);
	assert_int_equal(kprobed_next(f->k, 0, &event), 1);
	assert_int_equal(kprobed_event_get_gap_count(event, &count), -ENODATA);
	assert_int_equal(kprobed_event_get_cpu(event), -1);
	assert_int_equal(kprobed_next(f->k, 0, &event), 1);
	assert_int_equal(kprobed_event_get_seq(event), 5);
	assert_null(kprobed_event_get_gap_kind(event));
	assert_int_equal(kprobed_event_get_gap_count(event, &count), -EINVAL);
	assert_string_equal(kprobed_event_get_json(event, NULL), "{\"seq\":5}");
	assert_string_equal(kprobed_cursor(f->k), "1:5");
	assert_true(kprobed_has_next(f->k));
	assert_int_equal(kprobed_process(f->k), 1);
	assert_int_equal(kprobed_next(f->k, 0, &event), 1);
	assert_int_equal(kprobed_event_get_seq(event), 6);
	assert_string_equal(kprobed_cursor(f->k), "1:7");
	assert_false(kprobed_has_next(f->k));
	assert_int_equal(kprobed_next(f->k, 0, &event), 0);
	assert_int_equal(kprobed_call(f->k, "a.B", NULL, NULL), -EBUSY);
}

static void test_event_says_what_it_holds(void **state)
{
	struct fixture *f = *state;
	struct kprobed_event *event;
	const char *text, *name;
	size_t position = 0, length;
	uint64_t u;
	int64_t i;

	subscribe(f);
	say(f, "{\"parameters\":{\"events\":[{\"seq\":7,\"ts\":81234567890,\"cpu\":1,\"tid\":412,"
	       "\"comm\":\"c\\\"t\",\"probe\":\"opens\",\"site\":\"do_sys_openat2+0x0\",\"args\":"
	       "{\"dfd\":-100,\"name\":\"/\\u00e9\",\"p\":\"0xffffffffffffff9c\",\"bad\":null,"
	       "\"list\":[1, 2]},\"caller\":\"x+0x1\",\"stack\":[\"a+0x0\",\"b+0x1\"],\"new\":{}}],"
	       "\"cursor\":\"1:8\"},\"continues\":true}");
	assert_int_equal(kprobed_next(f->k, 1000, &event), 1);
	assert_true(kprobed_event_get_ts_nsec(event) == 81234567890);
	assert_int_equal(kprobed_event_get_tid(event), 412);
	assert_string_equal(kprobed_event_get_comm(event), "c\"t");
	assert_string_equal(kprobed_event_get_probe(event), "opens");
	assert_string_equal(kprobed_event_get_site(event), "do_sys_openat2+0x0");
	assert_string_equal(kprobed_event_get_caller(event), "x+0x1");
	/* Decoding leaves the text alone, and one string the other. */
	assert_string_equal(kprobed_event_get_comm(event), "c\"t");
	assert_int_equal(kprobed_event_get_int(event, "dfd", &i), 0);
	assert_int_equal(i, -100);
	assert_int_equal(kprobed_event_get_uint(event, "dfd", &u), -ERANGE);
	assert_int_equal(kprobed_event_get_int(event, "p", &i), 0);
	assert_int_equal(i, -100);
	assert_int_equal(kprobed_event_get_uint(event, "p", &u), 0);
	assert_true(u == 0xffffffffffffff9c);
	assert_int_equal(kprobed_event_get_int(event, "bad", &i), -ENODATA);
	assert_int_equal(kprobed_event_get_int(event, "name", &i), -EINVAL);
	assert_int_equal(kprobed_event_get_int(event, "seq", &i), -ENOENT);
	assert_int_equal(kprobed_event_get_string(event, "name", &text), 0);
	assert_string_equal(text, "/\xc3\xa9");
	assert_int_equal(kprobed_event_get_string(event, "bad", &text), -ENODATA);
	assert_int_equal(kprobed_event_get_string(event, "dfd", &text), -EINVAL);
	assert_int_equal(kprobed_event_get_arg(event, "list", &text, &length), 0);
	assert_int_equal(length, 6);
	assert_memory_equal(text, "[1, 2]", 6);

	for (int n = 0; kprobed_event_next_arg(event, &position, &name, &text, &length) > 0; n++) {
		static const char *const names[] = {"dfd", "name", "p", "bad", "list"};

		assert_true(n < 5);
		assert_string_equal(name, names[n]);
	}
	assert_int_equal(kprobed_event_next_arg(event, &position, &name, &text, &length), 0);
	position = 0;
	assert_int_equal(kprobed_event_next_frame(event, &position, &text), 1);
	assert_string_equal(text, "a+0x0");
	assert_int_equal(kprobed_event_next_frame(event, &position, &text), 1);
	assert_string_equal(text, "b+0x1");
	assert_int_equal(kprobed_event_next_frame(event, &position, &text), 0);
}

static void test_calls_say_what_they_returned(void **state)
{
	struct fixture *f = *state;
	struct kprobed_event *event;
	const char *text;
	uint64_t nsec;
	size_t length;
	int64_t i;

	subscribe(f);
	say(f, "{\"parameters\":{\"events\":[{\"seq\":1,\"tid\":7,\"pid\":5,\"durationNs\":12345,"
	       "\"ret\":-2,\"args\":{}},{\"seq\":2,\"durationNs\":1,\"ret\":true},{\"seq\":3,"
	       "\"durationNs\":1,\"ret\":\"0xfffffffffffffffe\"},{\"seq\":4,\"durationNs\":1},"
	       "{\"seq\":5}],\"cursor\":\"1:8\"},\"continues\":true}");
	assert_int_equal(kprobed_next(f->k, 1000, &event), 1);
	assert_int_equal(kprobed_event_get_pid(event), 5);
	assert_int_equal(kprobed_event_get_duration_nsec(event, &nsec), 0);
	assert_int_equal(nsec, 12345);
	assert_int_equal(kprobed_event_get_ret(event, &text, &length), 0);
	assert_int_equal(length, 2);
	assert_memory_equal(text, "-2", 2);
	assert_int_equal(kprobed_event_get_ret_int(event, &i), 0);
	assert_int_equal(i, -2);
	assert_int_equal(kprobed_next(f->k, 1000, &event), 1);
	assert_int_equal(kprobed_event_get_pid(event), -1);
	assert_int_equal(kprobed_event_get_ret_int(event, &i), 0);
	assert_int_equal(i, 1);
	assert_int_equal(kprobed_next(f->k, 1000, &event), 1);
	assert_int_equal(kprobed_event_get_ret_int(event, &i), 0);
	assert_int_equal(i, -2);
	assert_int_equal(kprobed_next(f->k, 1000, &event), 1);
	assert_int_equal(kprobed_event_get_ret_int(event, &i), -ENOENT);
	assert_int_equal(kprobed_event_get_ret(event, &text, &length), -ENOENT);
	assert_int_equal(kprobed_event_get_duration_nsec(event, &nsec), 0);
	assert_int_equal(kprobed_next(f->k, 1000, &event), 1);
	assert_int_equal(kprobed_event_get_duration_nsec(event, &nsec), -ENOENT);
}

static void test_messages_cut_anywhere_are_put_together(void **state)
{
	static const char message[] = "{\"parameters\":{\"events\":[{\"seq\":1},{\"seq\":2}],"
				      "\"cursor\":\"c\"},\"continues\":true}";
	struct fixture *f = *state;
	struct kprobed_event *event;

	subscribe(f);
	for (size_t i = 0; i < sizeof(message); i++) {
		assert_int_equal(kprobed_next(f->k, 0, &event), 0);
		assert_int_equal(send(f->daemon, message + i, 1, 0), 1);
	}
	assert_int_equal(kprobed_next(f->k, 0, &event), 1);
	assert_int_equal(kprobed_event_get_seq(event), 1);
	assert_int_equal(kprobed_next(f->k, 0, &event), 1);
	assert_int_equal(kprobed_event_get_seq(event), 2);
	assert_int_equal(kprobed_next(f->k, 0, &event), 0);
}

static void test_stream_ends_when_the_daemon_says_so(void **state)
{
	struct fixture *f = *state;
	struct kprobed_event *event;

	subscribe(f);
	say(f, "{\"parameters\":{\"events\":[{\"seq\":5}],\"cursor\":\"1:6\"}}");
	assert_int_equal(kprobed_next(f->k, 1000, &event), 1);
	assert_int_equal(kprobed_next(f->k, 0, &event), -ENODATA);
	say(f, "{}");
	assert_int_equal(kprobed_call(f->k, "a.B", NULL, NULL), 0);
}

static void test_read_asks_for_pages_until_nothing_is_new(void **state)
{
	static const char *const selectors[] = {"a*"};
	struct kprobed_stream_options options = KPROBED_STREAM_OPTIONS_INIT;
	struct fixture *f = *state;
	struct kprobed_event *event;

	options.max_batch = 2;
	assert_int_equal(kprobed_read(f->k, selectors, 1, &options), 0);
	say(f, "{\"parameters\":{\"events\":[{\"seq\":1},{\"seq\":2}],\"cursor\":\"1:3\"}}");
	say(f, "{\"parameters\":{\"events\":[],\"gaps\":[{\"kind\":\"restart\"}],\"cursor\":\"2:"
	       "0\"}}");
	say(f, "{\"parameters\":{\"events\":[],\"cursor\":\"2:0\"}}");
	for (int n = 0; n < 3; n++)
		assert_int_equal(kprobed_next(f->k, 1000, &event), 1);
	assert_string_equal(kprobed_event_get_gap_kind(event), "restart");
	assert_int_equal(kprobed_next(f->k, 1000, &event), -ENODATA);
	assert_string_equal(kprobed_cursor(f->k), "2:0");
	assert_int_equal(kprobed_next(f->k, 1000, &event), -ENODATA);
}

static void test_options_of_another_size_are_understood_or_refused(void **state)
{
	static const char *const selectors[] = {"*"};
	struct {
		struct kprobed_stream_options known;
		long later;
	} options = {KPROBED_STREAM_OPTIONS_INIT, 1};
	struct fixture *f = *state;

	options.known.size = sizeof(options);
	assert_int_equal(kprobed_subscribe(f->k, selectors, 1, &options.known), -EINVAL);
	options.known.size = 8;
	assert_int_equal(kprobed_subscribe(f->k, selectors, 1, &options.known), -EINVAL);
	options.known.size = sizeof(options);
	options.later = 0;
	options.known.cursor = "1:\"2";
	options.known.max_latency_ms = 0;
	options.known.max_batch = 9;
	options.known.filter = "comm == \"cat\"";
	options.known.fields = (const char *const[]){"ts", "args.fd", NULL};
	options.known.sample = 1;
	options.known.rate_limit = 100;
	say(f, "{\"parameters\":{\"events\":[],\"cursor\":\"1:2\"},\"continues\":true}");
	assert_int_equal(kprobed_subscribe(f->k, selectors, 1, &options.known), 0);
	assert_string_equal(asked(f),
			    "{\"method\":\"io.kprobed.Events.Subscribe\",\"parameters\":"
			    "{\"probes\":[\"*\"],\"cursor\":\"1:\\\"2\",\"maxLatencyMs\":0,"
			    "\"maxBatch\":9,\"filter\":\"comm == \\\"cat\\\"\","
			    "\"fields\":[\"ts\",\"args.fd\"],\"rateLimit\":100},\"more\":true}");
}

/* A program built when there was no filter: nothing behind its structure is looked at. */
static void test_options_of_the_first_library_are_taken(void **state)
{
	const char *selectors[] = {"*"};
	struct kprobed_stream_options options = KPROBED_STREAM_OPTIONS_INIT;
	struct fixture *f = *state;

	options.size = offsetof(struct kprobed_stream_options, filter);
	options.max_batch = 9;
	options.filter = (const char *)1;
	options.sample = 7;
	say(f, "{\"parameters\":{\"events\":[],\"cursor\":\"1:2\"},\"continues\":true}");
	assert_int_equal(kprobed_subscribe(f->k, selectors, 1, &options), 0);
	assert_string_equal(asked(f), "{\"method\":\"io.kprobed.Events.Subscribe\",\"parameters\":"
				      "{\"probes\":[\"*\"],\"maxBatch\":9},\"more\":true}");
}

static void test_batches_of_the_wrong_shape_end_the_connection(void **state)
{
	static const char *const batches[] = {
		"{\"parameters\":{\"events\":{},\"cursor\":\"1:6\"},\"continues\":true}",
		"{\"parameters\":{\"events\":[]},\"continues\":true}",
		"{\"parameters\":{\"events\":[],\"gaps\":1,\"cursor\":\"1:6\"},\"continues\":true}",
		"{\"parameters\":{\"events\":[1],\"cursor\":\"1:6\"},\"continues\":true}",
	};

	for (size_t i = 0; i < ARRAY_SIZE(batches); i++) {
		struct kprobed_event *event;
		struct fixture *f;
		void *own = NULL;

		setup(&own);
		f = own;
		subscribe(f);
		say(f, batches[i]);
		assert_int_equal(kprobed_next(f->k, 1000, &event), -EPROTO);
		assert_int_equal(kprobed_next(f->k, 1000, &event), -EPROTO);
		teardown(&own);
	}
}

static void test_descriptor_is_ready_when_events_are(void **state)
{
	struct fixture *f = *state;
	struct pollfd fd = {.fd = kprobed_get_fd(f->k)};

	subscribe(f);
	fd.events = kprobed_get_events(f->k);
	assert_int_equal(fd.events, POLLIN);
	assert_int_equal(kprobed_process(f->k), 0);
	assert_int_equal(poll(&fd, 1, 0), 0);
	say(f, "{\"parameters\":{\"events\":[{}],\"cursor\":\"1:6\"},\"continues\":true}");
	assert_int_equal(poll(&fd, 1, 1000), 1);
	assert_int_equal(kprobed_process(f->k), 1);
}

static void on_alarm(int number)
{
}

/* Whatever the program has done to the handler and to the descriptor. */
static void test_signal_ends_the_waiting(void **state)
{
	const struct itimerval every = {{.tv_usec = 5000}, {.tv_usec = 5000}}, never = {0};
	struct sigaction action = {.sa_handler = on_alarm}, before;
	struct fixture *f = *state;
	struct kprobed_event *event;

	subscribe(f);
	for (int i = 0; i < 4; i++) {
		action.sa_flags = i & 1 ? SA_RESTART : 0;
		assert_int_equal(sigaction(SIGALRM, &action, &before), 0);
		fcntl(kprobed_get_fd(f->k), F_SETFL, i & 2 ? O_NONBLOCK : 0);
		setitimer(ITIMER_REAL, &every, NULL);
		assert_int_equal(kprobed_next(f->k, -1, &event), -EINTR);
		setitimer(ITIMER_REAL, &never, NULL);
		sigaction(SIGALRM, &before, NULL);
	}
	say(f, "{\"parameters\":{\"events\":[{}],\"cursor\":\"1:6\"},\"continues\":true}");
	assert_int_equal(kprobed_next(f->k, -1, &event), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_open_says_why_not),
		TEST(test_call_returns_parameters),
		TEST(test_wrong_parameters_are_not_sent),
		TEST(test_typed_error_is_kept_until_the_next_call),
		TEST(test_several_replies_come_one_by_one),
		TEST(test_oneway_leaves_the_connection_free),
		TEST(test_late_answer_breaks_the_connection),
		TEST(test_daemon_that_goes_away_is_noticed),
		TEST(test_rubbish_is_a_protocol_error),
		TEST(test_add_writes_specs_and_reads_ids),
		TEST(test_events_come_one_by_one_with_gaps_first),
		TEST(test_event_says_what_it_holds),
		TEST(test_calls_say_what_they_returned),
		TEST(test_messages_cut_anywhere_are_put_together),
		TEST(test_stream_ends_when_the_daemon_says_so),
		TEST(test_read_asks_for_pages_until_nothing_is_new),
		TEST(test_options_of_another_size_are_understood_or_refused),
		TEST(test_options_of_the_first_library_are_taken),
		TEST(test_batches_of_the_wrong_shape_end_the_connection),
		TEST(test_descriptor_is_ready_when_events_are),
		TEST(test_signal_ends_the_waiting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
