/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A connection to kprobed: opened, closed, and the last typed error that came over it.
 */
#include "libkprobed-internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>

#include "cleanup.h"

#define DEFAULT_SOCKET	   "/run/kprobed/io.kprobed"
#define DEFAULT_TIMEOUT_MS 60000

int64_t deadline_after(int timeout_ms)
{
	struct timespec now;

	if (timeout_ms < 0)
		return -1;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 + timeout_ms;
}

int connection_break(struct kprobed *k, int error)
{
	k->broken = error;
	return error;
}

EXPORT int kprobed_open(const char *socket_path, struct kprobed **ret)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct timeval patience = {.tv_sec = DEFAULT_TIMEOUT_MS / 1000};
	struct timeval hours = {.tv_sec = 12 * 3600};
	_cleanup_close_ int fd = -1;
	struct kprobed *k;

	if (!socket_path)
		socket_path = getenv("KPROBED_SOCKET");
	if (!socket_path || !*socket_path)
		socket_path = DEFAULT_SOCKET;
	if (strlen(socket_path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, socket_path);

	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	/*
	 * Connecting waits while the daemon's backlog is full, but not for ever. Everything later
	 * is sent with MSG_DONTWAIT. Receiving may wait; with an end to that, whatever it is, a
	 * signal whose handler was set with SA_RESTART ends it as well.
	 */
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &hours, sizeof(hours));
	while (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		if (errno != EINTR)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;

	k = calloc(1, sizeof(*k));
	if (!k)
		return -ENOMEM;
	k->fd = take_fd(&fd);
	k->wakeup_fd = -1;
	k->timeout_ms = DEFAULT_TIMEOUT_MS;
	*ret = k;
	return 0;
}

EXPORT struct kprobed *kprobed_close(struct kprobed *k)
{
	if (!k)
		return NULL;
	close(k->fd);
	memory_drop_rights(k);
	memory_end(k);
	text_done(&k->out);
	free(k->in);
	error_clear(k);
	free(k->cursor);
	free(k->next_cursor);
	free(k->added_cursor);
	slice_list_done(&k->events);
	free(k->read_request);
	free(k->event.decoded);
	free(k);
	return NULL;
}

EXPORT void kprobed_set_timeout(struct kprobed *k, int timeout_ms)
{
	k->timeout_ms = timeout_ms;
}

EXPORT int kprobed_get_fd(const struct kprobed *k)
{
	return k->memory ? k->wakeup_fd : k->fd;
}

void error_clear(struct kprobed *k)
{
	free(take_ptr(k->error_name));
	free(take_ptr(k->error_parameters));
	free(take_ptr(k->error_message));
}

EXPORT const char *kprobed_error_name(const struct kprobed *k)
{
	return k->error_name;
}

EXPORT const char *kprobed_error_parameters(const struct kprobed *k)
{
	return k->error_parameters;
}

EXPORT const char *kprobed_error_message(const struct kprobed *k)
{
	return k->error_message;
}
