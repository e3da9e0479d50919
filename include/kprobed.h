/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libkprobed: kernel probes and their events, through the kprobed daemon.
 *
 * A connection (struct kprobed) does one thing at a time: a call, whose replies are taken before
 * the next one is made, or a stream of events. Who wants to make calls while events flow opens a
 * second connection. A connection is used by one thread at a time; different connections may be
 * used by different threads at once. The library keeps no state of its own, installs no signal
 * handler and never raises SIGPIPE.
 *
 * Functions return 0 or a positive number when they succeed and a negative errno when they fail;
 * what a `ret_` parameter points to is written only on success. These may come from every function
 * that talks to the daemon, and are not repeated below:
 *
 *   -EREMOTEIO   the daemon answered with a typed error: see kprobed_error_name()
 *   -ECONNRESET  the daemon closed the connection, or went away
 *   -EPROTO      the daemon sent something that is not Varlink
 *   -EMSGSIZE    the daemon sent, or was to be sent, a message above KPROBED_MESSAGE_MAX bytes
 *   -ETIMEDOUT   no answer in time (kprobed_set_timeout()), with the call still under way
 *   -EBUSY       a call or a stream is under way on this connection
 *   -ENOMEM      out of memory
 *
 * After -ECONNRESET, -EPROTO, -EMSGSIZE from the daemon, and -ETIMEDOUT the connection is of no
 * more use: every function but kprobed_close() and the kprobed_error_ ones returns the same error
 * again.
 *
 * "Borrowed" pointers belong to the library: not to be freed, valid as long as is said. "Owned"
 * ones are released with free(). Strings are UTF-8.
 */
#ifndef KPROBED_H
#define KPROBED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A message in either direction is at most this long, in bytes. */
#define KPROBED_MESSAGE_MAX (16U << 20)

/* A connection to the daemon. */
struct kprobed;

/* One event or gap of a stream; belongs to its connection. */
struct kprobed_event;

/*
 * Connects to the daemon.
 *
 * @socket_path: the socket; NULL: $KPROBED_SOCKET, or /run/kprobed/io.kprobed without it
 * @ret: the connection, owned by the caller, released with kprobed_close()
 *
 * Returns 0, -ENOENT or -ECONNREFUSED (the daemon does not run), -EACCES (the caller may not use
 * the socket), -ENAMETOOLONG (the path is longer than a socket's may be), -ETIMEDOUT (the daemon
 * took no connection for a minute), or what socket(2) and connect(2) fail with. Since 0.1.
 */
int kprobed_open(const char *socket_path, struct kprobed **ret);

/*
 * Closes a connection and releases everything that belongs to it, what was borrowed from it
 * included. Probes that were added with it and live as long as the connection are removed by the
 * daemon.
 *
 * @k: the connection, or NULL
 *
 * Returns NULL. Since 0.1.
 */
struct kprobed *kprobed_close(struct kprobed *k);

/*
 * Sets how long the daemon may take for the reply to a call, and for the first reply to
 * kprobed_subscribe(). It is 60000 at first.
 *
 * @timeout_ms: milliseconds, or -1: for ever
 *
 * Since 0.1.
 */
void kprobed_set_timeout(struct kprobed *k, int timeout_ms);

/*
 * For event loops: wait until the descriptor is ready for kprobed_get_events(), then call
 * kprobed_next() or kprobed_call_next() with a timeout of 0 until it returns 0.
 */

/*
 * The connection's file descriptor, borrowed: to be polled, never read, written or closed. With the
 * memory transport kprobed_subscribe() gives the connection another one. Since 0.1.
 */
int kprobed_get_fd(const struct kprobed *k);

/*
 * What to poll the descriptor for: POLLIN, and POLLOUT while a request is not wholly sent. To be
 * asked again after every call of another function. Since 0.1.
 */
short kprobed_get_events(const struct kprobed *k);

/*
 * Sends and receives what can be without waiting.
 *
 * Returns 1 when a whole message or part of a batch of events waits to be taken, 0 when not, or an
 * error from the head of this file. Since 0.1.
 */
int kprobed_process(struct kprobed *k);

/*
 * Makes a call and waits for its reply.
 *
 * @method: the whole name, "io.kprobed.Probes.List"
 * @parameters: a JSON object as text, or NULL: none
 * @ret_parameters: the reply's parameters, a JSON object as text, owned; may be NULL
 *
 * Returns 0, -EINVAL (@parameters is not a JSON object, or @method not a name), or an error from
 * the head of this file. Since 0.1.
 */
int kprobed_call(struct kprobed *k, const char *method, const char *parameters,
		 char **ret_parameters);

/* For @flags of kprobed_call_start(). */
enum kprobed_call_flags {
	KPROBED_CALL_MORE = 1 << 0,   /* the daemon may answer with more than one reply */
	KPROBED_CALL_ONEWAY = 1 << 1, /* the daemon answers nothing; there is nothing to take */
};

/*
 * Makes a call whose replies are taken with kprobed_call_next(). Returns as soon as the request is
 * sent, or handed over for sending where the socket is full.
 *
 * @method, @parameters: as for kprobed_call()
 * @flags: of enum kprobed_call_flags
 *
 * Returns 0, -EINVAL as kprobed_call(), or for an unknown flag, or an error from the head of this
 * file. Since 0.1.
 */
int kprobed_call_start(struct kprobed *k, const char *method, const char *parameters,
		       unsigned int flags);

/*
 * Takes the next reply of the call under way. When the last one has been taken, typed errors
 * included, the connection is free for another call.
 *
 * @timeout_ms: how long to wait, in milliseconds; 0: not at all, -1: for ever. Nothing is lost when
 *	the time is up
 * @ret_parameters: the reply's parameters, a JSON object as text, borrowed until the next function
 *	is called with this connection
 * @ret_continues: whether there will be another reply; may be NULL
 *
 * Returns 1 with a reply, 0 when there is none yet, -ENODATA (no call is under way), -EINTR (a
 * signal handler ran; call again), or an error from the head of this file. Since 0.1.
 */
int kprobed_call_next(struct kprobed *k, int timeout_ms, const char **ret_parameters,
		      bool *ret_continues);

/*
 * About the last -EREMOTEIO on this connection. All borrowed until the next function that talks to
 * the daemon; NULL when there was no such error. The name is the wire's,
 * "io.kprobed.Probes.InvalidDefinition"; the parameters are a JSON object as text; the message is a
 * sentence for people. Since 0.1.
 */
const char *kprobed_error_name(const struct kprobed *k);
const char *kprobed_error_parameters(const struct kprobed *k);
const char *kprobed_error_message(const struct kprobed *k);

/* For @flags of kprobed_add(). */
enum kprobed_add_flags {
	KPROBED_ADD_DAEMON = 1 << 0, /* the probes live as long as the daemon, not the connection */
	KPROBED_ADD_DISABLED = 1 << 1, /* planted, recording nothing until enabled */
	KPROBED_ADD_STACK = 1 << 2,    /* with the kernel stack in every event */
	KPROBED_ADD_PENDING = 1 << 3,  /* their module need not be loaded yet */
};

/*
 * Plants probes: all of them, or none. For what the flags cannot say (filters, names apart from the
 * definition) there is kprobed_call() with "io.kprobed.Probes.Add".
 *
 * @definitions: @n definitions, each as a line for the kernel's kprobe_events, or just a symbol
 * @flags: of enum kprobed_add_flags
 * @ret_ids: the probes' ids, in the same order, then NULL; owned, one free() releases array and
 *	strings together; may be NULL
 *
 * Returns 0, -EINVAL (no definition, or an unknown flag), or an error from the head of this file.
 * Since 0.1.
 */
int kprobed_add(struct kprobed *k, const char *const *definitions, size_t n, unsigned int flags,
		char ***ret_ids);

/*
 * Where the log ended when the probes of the last kprobed_add() were asked for: a stream with it as
 * its cursor leaves out nothing that they recorded before it began.
 *
 * Returns the cursor, borrowed until the next kprobed_add(), or NULL: none was added. Since 0.1.
 */
const char *kprobed_added_cursor(const struct kprobed *k);

/*
 * Gives up the caller's claim to probes; each goes with its last owner.
 *
 * @selectors: @n ids, names or globs over names
 *
 * Returns 0, -EINVAL (no selector), or an error from the head of this file. Since 0.1.
 */
int kprobed_remove(struct kprobed *k, const char *const *selectors, size_t n);

/* How events get from the daemon to this process. */
enum kprobed_transport {
	KPROBED_TRANSPORT_SOCKET, /* the daemon sends them */
	/*
	 * This process reads them in the daemon's log, whose memory it shares: no work for the
	 * daemon, however many read. It is for who is allowed to see everything in the log.
	 */
	KPROBED_TRANSPORT_MEMORY,
};

/* How a stream is wanted. To be initialised with KPROBED_STREAM_OPTIONS_INIT, then changed. */
struct kprobed_stream_options {
	/* Of this structure, as the caller knows it. */
	size_t size;
	/* Where to go on, from kprobed_cursor(); NULL: now or, to read, the oldest. */
	const char *cursor;
	/* How long an event may wait for company, 0 to 10000; -1: as the daemon likes. */
	int max_latency_ms;
	/* Events in one message, 1 to 65536; 0: as the daemon likes. */
	int max_batch;
	/*
	 * Only events that meet this condition, 'dfd < 0 && comm ~ "cat*"' (kprobed-protocol(7));
	 * NULL: all. What is left out is told by gaps of the kind "filtered".
	 */
	const char *filter;
	/*
	 * Only these members of each event, then NULL: "ts", "comm", an argument's name or
	 * "args.NAME", "args"; NULL: all of them. What is left out reads as if the event had none.
	 */
	const char *const *fields;
	/*
	 * One event in so many; 0 or 1: each. The others are told by gaps of the kind "filtered",
	 * whose JSON has them once more as "sampled".
	 */
	unsigned int sample;
	/*
	 * So many events of each second at most, 0: any number. The rest is told by gaps of the
	 * kind "rateLimited".
	 */
	unsigned int rate_limit;
	/*
	 * Only to subscribe. With memory the four before it are none: the daemon refuses them.
	 */
	enum kprobed_transport transport;
};

#define KPROBED_STREAM_OPTIONS_INIT                                                                \
	{                                                                                          \
		sizeof(struct kprobed_stream_options), NULL, -1, 0, NULL, NULL, 0, 0,              \
			KPROBED_TRANSPORT_SOCKET                                                   \
	}

/*
 * Begins a stream: events of the selected probes as they happen, without end. Returns when the
 * daemon has confirmed, so that every later hit will be in the stream. The connection is good for
 * nothing else from then on.
 *
 * With KPROBED_TRANSPORT_MEMORY everything else is as without: the functions, the events, the gaps
 * and the cursors. Only kprobed_get_fd() gives another descriptor from then on. -EPROTO also means
 * that the log is of a layout that this library does not know.
 *
 * @selectors: @n ids, names or globs over names; a glob also takes probes that are added later
 * @options: or NULL
 *
 * Returns 0, -EINVAL (no selector, or options that this library does not know), or an error from
 * the head of this file. Since 0.1.
 */
int kprobed_subscribe(struct kprobed *k, const char *const *selectors, size_t n,
		      const struct kprobed_stream_options *options);

/*
 * Begins a stream of what the daemon's log still holds; kprobed_next() says -ENODATA at its end,
 * and the connection is free again.
 *
 * @selectors: @n ids, names or globs; none: all probes
 * @options: or NULL; the latency does not matter here
 *
 * Returns as kprobed_subscribe(). Since 0.1.
 */
int kprobed_read(struct kprobed *k, const char *const *selectors, size_t n,
		 const struct kprobed_stream_options *options);

/*
 * Takes the next event or gap of the stream.
 *
 * @timeout_ms: how long to wait, in milliseconds; 0: not at all, -1: for ever
 * @ret: the event, borrowed until the next call of this function or kprobed_close(), together with
 *	everything its accessors return
 *
 * Returns 1 with an event, 0 when there is none yet, -ENODATA (there is no stream, or this was its
 * end), -EINTR (a signal handler ran; call again), or an error from the head of this file. Since
 *0.1.
 */
int kprobed_next(struct kprobed *k, int timeout_ms, struct kprobed_event **ret);

/*
 * Whether kprobed_next() has more of a batch that it can give without receiving anything. A program
 * that buffers its output flushes it when not. Since 0.1.
 */
bool kprobed_has_next(const struct kprobed *k);

/*
 * Where the stream stands: with it, another stream goes on after the events that were taken. It
 * moves with whole batches: who stops in the middle of one gets that batch's events again.
 *
 * Returns the cursor, borrowed until the next call of kprobed_next(), or NULL before a stream.
 * Since 0.1.
 */
const char *kprobed_cursor(const struct kprobed *k);

enum kprobed_event_type {
	KPROBED_EVENT, /* a hit of a probe */
	KPROBED_GAP,   /* an account of events that are not in the stream */
};

/* Since 0.1. */
enum kprobed_event_type kprobed_event_get_type(const struct kprobed_event *event);

/*
 * The event, or gap, as the JSON object it came as, ended by NUL, on one line. Its brackets and
 * quotes are in order; of an event that is as far as the library checks what nobody asks for.
 *
 * @ret_length: its length in bytes without the NUL; may be NULL
 *
 * Since 0.1.
 */
const char *kprobed_event_get_json(const struct kprobed_event *event, size_t *ret_length);

/* Its place in the log, counted from the log's beginning; 0 for a gap. Since 0.1. */
uint64_t kprobed_event_get_seq(struct kprobed_event *event);

/* When it happened, CLOCK_MONOTONIC in nanoseconds; the end of a gap, 0 if unknown. Since 0.1. */
uint64_t kprobed_event_get_ts_nsec(struct kprobed_event *event);

/* The CPU, -1 for a gap that is not about one. Since 0.1. */
int kprobed_event_get_cpu(struct kprobed_event *event);

/* The thread, as the kernel counts them in the first pid namespace; -1 for a gap. Since 0.1. */
pid_t kprobed_event_get_tid(struct kprobed_event *event);

/*
 * The process, counted like the thread; -1 where the event does not have it: only those of the
 * helper module do. Since 0.1.
 */
pid_t kprobed_event_get_pid(struct kprobed_event *event);

/*
 * How long a call took, in nanoseconds.
 *
 * Returns 0 or -ENOENT: it is no call probe's event. Since 0.1.
 */
int kprobed_event_get_duration_nsec(struct kprobed_event *event, uint64_t *ret);

/*
 * What a call returned: as JSON text as from kprobed_event_get_arg(), or as a number as from
 * kprobed_event_get_int(), true and false being 1 and 0.
 *
 * Returns 0, -ENOENT (it is no call probe's event, or the function returns nothing), or as
 * kprobed_event_get_int() -EINVAL or -ERANGE. Since 0.1.
 */
int kprobed_event_get_ret(struct kprobed_event *event, const char **ret, size_t *ret_length);
int kprobed_event_get_ret_int(struct kprobed_event *event, int64_t *ret);

/*
 * The thread's name; the probe's name; the place that was hit, "do_sys_openat2+0x0"; for return
 * and call probes the place returned to. NULL where the event has none. Since 0.1.
 */
const char *kprobed_event_get_comm(struct kprobed_event *event);
const char *kprobed_event_get_probe(struct kprobed_event *event);
const char *kprobed_event_get_site(struct kprobed_event *event);
const char *kprobed_event_get_caller(struct kprobed_event *event);

/*
 * An argument that is a number, or a number as a "0x.." string, which addresses and x types are.
 * For kprobed_event_get_int() such a string is taken as 64 bits in two's complement.
 *
 * @name: of the argument
 *
 * Returns 0, -ENOENT (no such argument), -ENODATA (it could not be read and is null), -EINVAL (it
 * is no integer), or -ERANGE (it does not fit). Since 0.1.
 */
int kprobed_event_get_int(struct kprobed_event *event, const char *name, int64_t *ret);
int kprobed_event_get_uint(struct kprobed_event *event, const char *name, uint64_t *ret);

/*
 * An argument that is a string. A NUL in it becomes U+FFFD.
 *
 * @ret: ended by NUL, borrowed like the event
 *
 * Returns 0, -ENOENT, -ENODATA or -EINVAL as kprobed_event_get_int(). Since 0.1.
 */
int kprobed_event_get_string(struct kprobed_event *event, const char *name, const char **ret);

/*
 * An argument of any type, as JSON text that is *not* ended by NUL.
 *
 * @ret, @ret_length: the text, borrowed like the event, and its length in bytes
 *
 * Returns 0 or -ENOENT. Since 0.1.
 */
int kprobed_event_get_arg(struct kprobed_event *event, const char *name, const char **ret,
			  size_t *ret_length);

/*
 * Goes through the arguments in their order.
 *
 * @position: of the caller, 0 at first; unchanged in between
 * @ret_name: the argument's name, ended by NUL, borrowed like the event
 * @ret, @ret_length: its value as for kprobed_event_get_arg()
 *
 * Returns 1 with an argument, or 0 after the last. Since 0.1.
 */
int kprobed_event_next_arg(struct kprobed_event *event, size_t *position, const char **ret_name,
			   const char **ret, size_t *ret_length);

/*
 * Goes through the stack, from the innermost frame on.
 *
 * @position: as for kprobed_event_next_arg()
 * @ret: "vfs_read+0x0", ended by NUL, borrowed like the event
 *
 * Returns 1 with a frame, or 0 after the last. Since 0.1.
 */
int kprobed_event_next_frame(struct kprobed_event *event, size_t *position, const char **ret);

/*
 * Why events are missing: "missed", "recursion", "overrun", "overtaken", "filtered", "rateLimited",
 * "restart", or what later daemons add. NULL for an event. Since 0.1.
 */
const char *kprobed_event_get_gap_kind(struct kprobed_event *event);

/*
 * How many events are missing.
 *
 * Returns 0, -ENODATA (the kernel does not say), or -EINVAL (this is no gap). Since 0.1.
 */
int kprobed_event_get_gap_count(struct kprobed_event *event, uint64_t *ret);

#ifdef __cplusplus
}
#endif

#endif
