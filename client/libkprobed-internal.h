/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the files of libkprobed share: the connection and the event it lends out.
 *
 *   libkprobed.c         opening, closing, errors
 *   libkprobed-io.c      bytes: requests out, messages in
 *   libkprobed-call.c    calls and their replies
 *   libkprobed-probes.c  adding and removing
 *   libkprobed-stream.c  subscriptions and reading the log
 *   libkprobed-memory.c  subscriptions that read the daemon's memory
 *   libkprobed-event.c   what an event says
 *
 * A message is taken apart where it lies in the input buffer. It stays there until the next one is
 * asked for, which is how long slices of it are good. A batch that comes from the log's memory lies
 * in the reader's buffers in the same way.
 */
#ifndef LIBKPROBED_INTERNAL_H
#define LIBKPROBED_INTERNAL_H

#include <kprobed.h>

#include "log-reader.h"
#include "slice-list.h"
#include "slice.h"
#include "reply.h"
#include "text.h"

#define EXPORT __attribute__((__visibility__("default")))

struct kprobed_event {
	enum kprobed_event_type type;
	struct slice json; /* borrowed from the input buffer, as all of the slices */
	struct slice probe;
	struct slice comm;
	struct slice site;
	struct slice caller;
	struct slice pid;
	struct slice duration;
	struct slice ret;
	struct slice args;
	struct slice stack;
	struct slice kind;
	uint64_t seq;
	uint64_t ts_nsec;
	uint64_t count; /* of a gap */
	bool has_count;
	int cpu;
	pid_t tid;
	/*
	 * The slices but json are not known yet, nor whether there is a count. What the log's index
	 * has of an event need not be looked for in its text, and often nobody asks for more.
	 */
	bool is_closed;
	bool is_unread;	    /* nor the numbers */
	size_t numbers_end; /* where those end that stand in front; 0: they do not */
	/*
	 * Decoded strings, owned. Each lies where its source lies in the event's text, so there is
	 * always room, and asking twice gives the same pointer.
	 */
	char *decoded;
	size_t decoded_size;
};

/*
 * Makes @json the event, with room for its strings: one that slice_iter_list() has found, or a gap,
 * the next one of @it. Returns 0 (of a gap: 1, and 0 at the end), -EBADMSG, or -ENOMEM.
 */
int event_take(struct kprobed_event *event, struct slice json);
int gap_take(struct kprobed_event *event, struct slice_iter *it);

/* An event of the log, whose text is @json. Returns 0 or -ENOMEM. */
int event_take_item(struct kprobed_event *event, const struct log_item *item, struct slice json);

/* Descriptors that come with a reply: the log and its pipe. */
#define RIGHTS_MAX 2

enum kprobed_state {
	KPROBED_IDLE,
	KPROBED_CALLING, /* replies of kprobed_call_start() */
	KPROBED_STREAMING,
	KPROBED_READING, /* the log, page by page */
};

struct kprobed {
	int fd; /* owned */
	int timeout_ms;
	enum kprobed_state state;
	int broken; /* negative errno once the connection is of no more use */

	struct text out; /* what is not sent yet */
	size_t out_sent;

	char *in; /* owned; [in_start, in_end) is received and not taken */
	size_t in_size;
	size_t in_start;
	size_t in_searched; /* no NUL before here */
	size_t in_end;
	bool is_subscribing;	/* the next reply is a stream's first */
	bool wants_rights;	/* the next reply comes with descriptors */
	int rights[RIGHTS_MAX]; /* owned */
	size_t n_rights;

	char *added_cursor; /* owned: of the last kprobed_add() */

	char *error_name; /* owned, as the next two */
	char *error_parameters;
	char *error_message;

	/* A batch that is being given out. */
	struct slice_iter gaps;
	struct slice_list events;
	char *cursor;	    /* owned: where the events that were taken end */
	char *next_cursor;  /* owned: where the batch ends */
	bool waiting;	    /* a reply is to come */
	bool page_done;	    /* reading: the log had no more */
	char *read_request; /* owned: the parameters of a page, without cursor and closing brace */

	/* The stream is read from memory. */
	struct log_reader *memory;    /* owned; NULL: it comes over the socket */
	int wakeup_fd;		      /* owned; -1: none */
	bool memory_ended;	      /* the daemon has let go of it: nothing more is written */
	size_t memory_batch;	      /* events in a batch at most */
	uint64_t memory_position;     /* the reader\'s when cursor, or next_cursor, was made */
	const struct log_item *items; /* borrowed from the reader: of the batch, not given out */
	size_t n_items;
	char *items_copy; /* borrowed from the reader */

	struct kprobed_event event;
};

/* A moment in CLOCK_MONOTONIC milliseconds from now on, -1 (never) for a negative timeout. */
int64_t deadline_after(int timeout_ms);

/* Makes @error (negative errno) the answer to everything, and returns it. */
int connection_break(struct kprobed *k, int error);

/* Appends a request to what is to be sent, and sends what the socket takes. */
int io_send(struct kprobed *k, const char *method, const char *parameters, unsigned int flags);

/* Sends and receives without waiting. Returns 0 or an error. */
int io_process(struct kprobed *k);

/*
 * The next message, without its NUL, borrowed until the next call of an io_ function.
 * Returns 1, 0 when the deadline passed, -EINTR, or an error.
 */
int io_receive(struct kprobed *k, int64_t deadline, char **ret, size_t *ret_length);

/* Whether a whole message lies in the buffer. */
bool io_has_message(struct kprobed *k);

/* Forgets the last typed error. */
void error_clear(struct kprobed *k);

/*
 * Receives and takes apart the next reply; a typed error is kept for kprobed_error_name() and
 * friends and becomes -EREMOTEIO. Returns as io_receive().
 */
int reply_receive(struct kprobed *k, int64_t deadline, struct reply *ret);

/* As above, going on after signals and with -ETIMEDOUT, which breaks the connection, for time's up.
 */
int reply_wait(struct kprobed *k, int64_t deadline, struct reply *ret);

/* For kprobed_subscribe(): the stream is read from the memory that came with @reply. */
int memory_begin(struct kprobed *k, const char *const *selectors, size_t n, int max_batch,
		 const struct reply *reply);
/* Releases what came with a reply and was not used. */
void memory_drop_rights(struct kprobed *k);
void memory_end(struct kprobed *k);

/*
 * Waits for the next batch and takes it. Returns 1, 0 when the deadline passed, -EINTR, or an
 * error.
 */
int memory_receive(struct kprobed *k, int64_t deadline);

/* Whether a request can be made now: 0 or the error to return. Forgets the last typed error. */
int call_begin(struct kprobed *k);

#endif
