/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See listener.h. */
#include "listener.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "log.h"
#include "rpc.h"
#include "session.h"

#define BACKLOG 512

struct listener {
	struct server *server;
	int fd;			  /* owned */
	struct event *acceptable; /* owned */
	struct event *retry;	  /* owned: accepts again after running out of something */
	char *bound;		  /* owned: the path to remove; NULL: not ours */
};

static unsigned int count_uid(const struct server *server, uid_t uid)
{
	const struct session *s;
	unsigned int n = 0;

	for (s = server->sessions; s; s = s->hh.next)
		n += s->who.uid == uid && s->fd >= 0;
	return n;
}

/* NULL: one more is welcome; else the name of the limit, with its value. */
static const char *reached_limit(const struct listener *l, int fd, unsigned int *ret_value)
{
	const struct config *c = l->server->config;
	struct ucred cred;
	socklen_t len = sizeof(cred);

	*ret_value = c->limits.connections;
	if (HASH_COUNT(l->server->sessions) >= c->limits.connections)
		return "connections";
	*ret_value = c->limits.connections_per_uid;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0 &&
	    count_uid(l->server, cred.uid) >= c->limits.connections_per_uid)
		return "connections-per-uid";
	return NULL;
}

static void admit(struct listener *l, int fd)
{
	unsigned int value;
	const char *limit = reached_limit(l, fd, &value);
	struct session *s;
	char text[256];

	if (!limit && session_new(l->server, fd, &s) == 0)
		return;
	if (limit) {
		size_t n = rpc_format_limit(limit, value, text, sizeof(text));

		/* A new socket takes that much; if the peer is gone already, so be it. */
		if (send(fd, text, n, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
			log_debug("cannot tell a client that there are too many: %m");
	}
	close(fd);
}

static void on_acceptable(evutil_socket_t fd, short what, void *data)
{
	const struct timeval pause = {.tv_usec = 100000};
	struct listener *l = data;

	/* A flood of connections must not keep the others waiting. */
	for (int i = 0; i < 64; i++) {
		int client = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (client >= 0) {
			admit(l, client);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
			/* The connection stays in the queue: asking again at once would spin. */
			log_warning("cannot accept a connection: %m");
			event_del(l->acceptable);
			event_add(l->retry, &pause);
		}
		return;
	}
}

static void on_retry(evutil_socket_t fd, short what, void *data)
{
	event_add(((struct listener *)data)->acceptable, NULL);
}

/* Whether somebody listens there: then the path is not a leftover that may be replaced. */
static bool is_answered(const struct sockaddr_un *address)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0;
}

static int set_owner(const struct config *c, struct kp_error *e)
{
	const struct group *group;

	if (c->socket.group[0] != '\0' && geteuid() == 0) {
		group = getgrnam(c->socket.group);
		if (!group)
			log_warning(
				"there is no group \"%s\": only root can connect (systemd-sysusers "
				"makes it)",
				c->socket.group);
		else if (chown(c->socket.path, 0, group->gr_gid) < 0)
			return kp_error_set(e, KP_UNAVAILABLE, errno, "socket",
					    "cannot give %s to the group %s: %s", c->socket.path,
					    c->socket.group, strerror(errno));
	}
	if (chmod(c->socket.path, c->socket.mode) < 0)
		return kp_error_set(e, KP_UNAVAILABLE, errno, "socket",
				    "cannot change the mode of %s: %s", c->socket.path,
				    strerror(errno));
	return 0;
}

/* The folder of the socket, when nobody has made it (tmpfiles and RuntimeDirectory= do). */
static void make_folder(const char *path)
{
	char folder[CONFIG_PATH_MAX];
	char *slash;

	snprintf(folder, sizeof(folder), "%s", path);
	slash = strrchr(folder, '/');
	if (slash && slash != folder) {
		*slash = '\0';
		if (mkdir(folder, 0755) < 0 && errno != EEXIST)
			log_debug("cannot make %s: %m", folder);
	}
}

static int bind_path(struct listener *l, struct kp_error *e)
{
	const struct config *c = l->server->config;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	mode_t mask;
	int r;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", c->socket.path);
	make_folder(c->socket.path);
	if (is_answered(&address))
		return kp_error_set(e, KP_UNAVAILABLE, EADDRINUSE, "socket",
				    "another kprobed answers on %s", c->socket.path);
	l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (l->fd < 0)
		return kp_error_set(e, KP_UNAVAILABLE, errno, "socket", "cannot make a socket: %s",
				    strerror(errno));
	unlink(c->socket.path);
	/* Nobody gets in before its owner and mode are right. */
	mask = umask(0777);
	r = bind(l->fd, (const struct sockaddr *)&address, sizeof(address));
	umask(mask);
	if (r < 0)
		return kp_error_set(e, KP_UNAVAILABLE, errno, "socket", "cannot bind %s: %s",
				    c->socket.path, strerror(errno));
	l->bound = strdup(c->socket.path);
	r = set_owner(c, e);
	if (r < 0)
		return r;
	if (listen(l->fd, BACKLOG) < 0)
		return kp_error_set(e, KP_UNAVAILABLE, errno, "socket", "cannot listen on %s: %s",
				    c->socket.path, strerror(errno));
	return 0;
}

int listener_new(struct server *server, int fd, struct listener **ret, struct kp_error *reterr)
{
	_cleanup_(listener_freep) struct listener *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return -ENOMEM;
	l->server = server;
	l->fd = -1;
	if (fd >= 0) {
		l->fd = fd;
		evutil_make_socket_nonblocking(fd);
	} else {
		r = bind_path(l, reterr);
		if (r < 0)
			return r;
	}
	l->acceptable = event_new(server->base, l->fd, EV_READ | EV_PERSIST, on_acceptable, l);
	l->retry = evtimer_new(server->base, on_retry, l);
	if (!l->acceptable || !l->retry || event_add(l->acceptable, NULL) < 0)
		return -ENOMEM;
	*ret = take_ptr(l);
	return 0;
}

struct listener *listener_free(struct listener *l)
{
	if (l->acceptable)
		event_free(l->acceptable);
	if (l->retry)
		event_free(l->retry);
	kp_closep(&l->fd);
	if (l->bound)
		unlink(l->bound);
	free(l->bound);
	free(l);
	return NULL;
}
