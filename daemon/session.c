/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See session.h. */
#include "session.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <json-c/json_object.h>

#include "access.h"
#include "cleanup.h"
#include "log.h"
#include "rpc.h"

/* Replies that a client has not read; past it, it is not read from either. */
#define OUT_SOFT_MAX (256 * 1024)
/* A watcher that lets so much pile up is cut off: it could not be told what it missed. */
#define OUT_HARD_MAX (4 * 1024 * 1024)
#define READ_BYTES   (64 * 1024)
/* Calls answered before other connections get a turn. */
#define CALLS_PER_TURN 32

static void process(struct session *s);

static void on_closing(evutil_socket_t fd, short what, void *data)
{
	session_free(data);
}

void session_close(struct session *s)
{
	if (s->is_closing)
		return;
	s->is_closing = true;
	event_active(s->closing, EV_TIMEOUT, 0);
}

static bool is_streaming(const struct session *s)
{
	return s->subscriber || s->wakeup || s->is_watching;
}

static bool peer_is_gone(const struct session *s)
{
	struct pollfd p = {.fd = s->fd};

	return poll(&p, 1, 0) == 1 && (p.revents & (POLLHUP | POLLERR));
}

void session_flush(struct session *s)
{
	if (s->is_closing)
		return;
	while (evbuffer_get_length(s->out) > 0) {
		int n = rights_write(&s->rights, s->out, s->fd);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN) {
			session_close(s);
			return;
		}
		if (n <= 0)
			break;
	}
	if (evbuffer_get_length(s->out) > OUT_HARD_MAX)
		session_close(s);
	else if (evbuffer_get_length(s->out) > 0)
		event_add(s->writable, NULL);
	else if (s->is_eof && !s->call.is_active && !is_streaming(s) &&
		 evbuffer_get_length(s->in) == 0)
		session_close(s);
}

static void on_writable(evutil_socket_t fd, short what, void *data)
{
	struct session *s = data;

	session_flush(s);
	if (s->is_closing || evbuffer_get_length(s->out) > 0)
		return;
	if (s->subscriber)
		subscriber_resume(s->subscriber);
	else
		process(s);
}

static void finish_call(struct session *s)
{
	s->call = (struct call){0};
	event_active(s->again, EV_TIMEOUT, 0);
}

static void send_message(struct session *s, struct json_object *message)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	int r;

	r = wire_encode(message, &text, &len);
	json_object_put(message);
	if (r < 0 || evbuffer_add(s->out, text, len) < 0) {
		log_error("cannot encode a reply: %s", strerror(r < 0 ? -r : ENOMEM));
		session_close(s);
		return;
	}
	session_flush(s);
}

void session_reply(struct session *s, struct json_object *parameters, bool continues)
{
	struct json_object *message;

	if (s->call.is_oneway) {
		json_object_put(parameters);
	} else {
		message = json_object_new_object();
		json_object_object_add(message, "parameters",
				       parameters ? parameters : json_object_new_object());
		if (continues)
			json_object_object_add(message, "continues", json_object_new_boolean(true));
		send_message(s, message);
	}
	if (!continues)
		finish_call(s);
}

void session_reply_error(struct session *s, const char *error, struct json_object *parameters)
{
	struct json_object *message;

	if (s->call.is_oneway) {
		json_object_put(parameters);
	} else {
		message = json_object_new_object();
		json_object_object_add(message, "error", json_object_new_string(error));
		json_object_object_add(message, "parameters",
				       parameters ? parameters : json_object_new_object());
		send_message(s, message);
	}
	finish_call(s);
}

void session_finish(struct session *s)
{
	session_flush(s);
	finish_call(s);
}

/* Answers one message. False when there is no whole one. */
static bool process_one(struct session *s)
{
	size_t have = evbuffer_get_length(s->in), len;
	struct json_object *message;
	const char *bytes;
	int r;

	if (have == 0)
		return false;
	bytes = (const char *)evbuffer_pullup(s->in, -1);
	if (!bytes) {
		session_close(s);
		return false;
	}
	r = wire_framer_next(&s->framer, bytes, have, &len);
	if (r == 0)
		return false;
	if (r < 0) {
		/* Where the next message begins cannot be known. */
		s->is_eof = true;
		evbuffer_drain(s->in, have);
		rpc_refuse(s, r);
		session_close(s);
		return false;
	}
	r = wire_parse(bytes, len, &message);
	evbuffer_drain(s->in, len + 1);
	if (r < 0) {
		rpc_refuse(s, r);
		session_close(s);
		return false;
	}
	s->call.is_active = true;
	rpc_dispatch(s, message);
	json_object_put(message);
	return true;
}

/* The rest of a message has to come in time; a whole one, or none, may take as long as it likes. */
static void watch_partial(struct session *s)
{
	struct timeval tv = {.tv_sec = s->server->config->limits.partial_message_timeout_sec};

	if (evbuffer_get_length(s->in) == 0 || s->call.is_active || is_streaming(s))
		event_del(s->partial);
	else if (!event_pending(s->partial, EV_TIMEOUT, NULL))
		event_add(s->partial, &tv);
}

static void process(struct session *s)
{
	int n = 0;

	while (!s->is_closing && !s->call.is_active && !is_streaming(s) &&
	       evbuffer_get_length(s->out) < OUT_SOFT_MAX) {
		if (n++ == CALLS_PER_TURN) {
			event_active(s->again, EV_TIMEOUT, 0);
			break;
		}
		if (!process_one(s)) {
			/* What is left without an end will not get one. */
			if (s->is_eof && !s->is_closing) {
				evbuffer_drain(s->in, evbuffer_get_length(s->in));
				session_flush(s);
			}
			break;
		}
	}
	if (s->is_closing)
		return;
	watch_partial(s);
	if (!s->is_eof && evbuffer_get_length(s->in) <= s->framer.max)
		event_add(s->readable, NULL);
}

static void on_again(evutil_socket_t fd, short what, void *data)
{
	process(data);
}

static void on_eof(struct session *s)
{
	struct timeval tv = {.tv_sec = 1};

	s->is_eof = true;
	if (peer_is_gone(s)) {
		session_close(s);
		return;
	}
	/* Half closed: it still reads. That it goes for good is seen when writing, or by looking.
	 */
	if (is_streaming(s))
		event_add(s->partial, &tv);
	process(s);
	if (evbuffer_get_length(s->out) == 0)
		session_flush(s);
}

static void on_readable(evutil_socket_t fd, short what, void *data)
{
	struct session *s = data;
	int n = evbuffer_read(s->in, s->fd, READ_BYTES);

	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		event_add(s->readable, NULL);
		return;
	}
	if (n < 0) {
		session_close(s);
		return;
	}
	if (n == 0) {
		on_eof(s);
		return;
	}
	if (is_streaming(s)) {
		/* Nothing more is answered here, so nothing more is kept. */
		evbuffer_drain(s->in, evbuffer_get_length(s->in));
		event_add(s->readable, NULL);
		return;
	}
	process(s);
}

static void on_partial(evutil_socket_t fd, short what, void *data)
{
	struct session *s = data;
	struct timeval tv = {.tv_sec = 1};

	if (is_streaming(s) && s->is_eof && !peer_is_gone(s)) {
		event_add(s->partial, &tv);
		return;
	}
	session_close(s);
}

static int make_events(struct session *s)
{
	struct event_base *base = s->server->base;

	s->in = evbuffer_new();
	s->out = evbuffer_new();
	s->readable = event_new(base, s->fd, EV_READ, on_readable, s);
	s->writable = event_new(base, s->fd, EV_WRITE, on_writable, s);
	s->partial = evtimer_new(base, on_partial, s);
	s->closing = evtimer_new(base, on_closing, s);
	s->again = evtimer_new(base, on_again, s);
	if (!s->in || !s->out || !s->readable || !s->writable || !s->partial || !s->closing ||
	    !s->again)
		return -ENOMEM;
	return event_add(s->readable, NULL) < 0 ? -ENOMEM : 0;
}

int session_new(struct server *server, int fd, struct session **ret)
{
	struct session *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->server = server;
	s->fd = -1;
	s->who.session = server->next_session++;
	HASH_ADD(hh, server->sessions, who.session, sizeof(s->who.session), s);
	r = access_identify(fd, server->config, &s->who, &s->permissions);
	if (r == 0) {
		s->fd = fd;
		s->framer = WIRE_FRAMER_INIT(server->config->limits.message_size);
		r = make_events(s);
	}
	if (r < 0) {
		s->fd = -1; /* stays the caller's */
		session_free(s);
		return r;
	}
	*ret = s;
	return 0;
}

struct session *session_free(struct session *s)
{
	HASH_DELETE(hh, s->server->sessions, s);
	if (s->subscriber)
		subscriber_free(s->subscriber);
	if (s->wakeup)
		wakeup_free(s->wakeup);
	rights_done(&s->rights);
	for (size_t i = 0; i < s->n_selectors; i++)
		free(s->selectors[i]);
	free(s->selectors);
	if (s->fd >= 0 && s->server->probes)
		probe_set_end_session(s->server->probes, s->who.session);
	for (size_t i = 0; i < 5; i++) {
		struct event *e = (struct event *[]){s->readable, s->writable, s->partial,
						     s->closing, s->again}[i];
		if (e)
			event_free(e);
	}
	if (s->in)
		evbuffer_free(s->in);
	if (s->out)
		evbuffer_free(s->out);
	kp_closep(&s->fd);
	free(s);
	return NULL;
}

struct session *session_find(const struct server *server, uint64_t id)
{
	struct session *s;

	HASH_FIND(hh, server->sessions, &id, sizeof(id), s);
	return s;
}
