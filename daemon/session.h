/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One connection: bytes to calls, replies to bytes.
 *
 * Calls are answered in order, one at a time; while one is under way the next waits in the buffer,
 * and a client that does not read its replies is not read from either. A call that streams
 * (Subscribe, Watch) is the connection's last. A session is freed from a deferred event, never
 * inside one of its own callbacks.
 */
#ifndef KP_SESSION_H
#define KP_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include <event2/buffer.h>
#include <event2/event.h>
#include <json-c/json_types.h>
#include <uthash.h>

#include "delivery.h"
#include "error.h"
#include "probe.h"
#include "rights.h"
#include "server.h"
#include "wakeup.h"
#include "wire.h"

/* The call that is being answered. */
struct call {
	bool is_active;
	bool wants_more;
	bool is_oneway;
};

struct session {
	struct server *server; /* borrowed (outlives the session) */
	int fd;		       /* owned */
	struct requester who;
	unsigned int permissions;
	struct evbuffer *in, *out;	   /* owned */
	struct rights rights;		   /* descriptors that go with a byte of out */
	struct event *readable, *writable; /* owned */
	struct event *partial;		   /* owned: a message that does not get finished */
	struct event *closing;		   /* owned: frees the session */
	struct event *again;		   /* owned: more messages wait, after the others' turn */
	struct wire_framer framer;
	struct call call;
	bool is_closing;
	bool is_eof; /* the client sends nothing more, but may still read */
	/* What it streams; it then answers no further calls. */
	struct subscriber *subscriber; /* owned */
	struct wakeup *wakeup;	       /* owned: it reads the log itself */
	char **selectors;	       /* owned: of the subscription */
	size_t n_selectors;
	bool is_watching;
	UT_hash_handle hh; /* by who.session */
};

/* A session for the accepted socket @fd, which it takes over on success. */
int session_new(struct server *server, int fd, struct session **ret);
struct session *session_free(struct session *s);

struct session *session_find(const struct server *server, uint64_t id);

/* Ends the connection soon; nothing more is read or sent. */
void session_close(struct session *s);

/* Answers the call; @parameters is consumed, NULL: none. With @continues more replies follow. */
void session_reply(struct session *s, struct json_object *parameters, bool continues);

/* Answers with an error; @parameters is consumed. */
void session_reply_error(struct session *s, const char *error, struct json_object *parameters);

/* The call is answered by what the handler wrote to s->out itself. */
void session_finish(struct session *s);

/* Sends what is in the out buffer, as far as the socket takes it. */
void session_flush(struct session *s);

#endif
