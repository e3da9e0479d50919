/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See helper-watch.h. */
#include "helper-watch.h"

#include <errno.h>
#include <limits.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "kprobed-ioctl.h"

struct helper_watch {
	int fd;			/* owned: inotify */
	struct event *readable; /* owned */
	void (*notice)(void *data);
	void *data;
};

static const char *device_name(void)
{
	return strrchr(KPROBED_DEVICE, '/') + 1;
}

static bool is_about_device(const char *buf, size_t size)
{
	const struct inotify_event *e;

	for (size_t at = 0; at + sizeof(*e) <= size; at += sizeof(*e) + e->len) {
		e = (const struct inotify_event *)(const void *)(buf + at);
		/* Too much has happened to be told: it may have been among it. */
		if (e->mask & IN_Q_OVERFLOW)
			return true;
		if (e->len && strcmp(e->name, device_name()) == 0)
			return true;
	}
	return false;
}

static void on_readable(evutil_socket_t fd, short what, void *data)
{
	alignas(struct inotify_event) char buf[16 * (sizeof(struct inotify_event) + NAME_MAX + 1)];
	const struct helper_watch *w = data;
	bool is_there = false;
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) > 0)
		is_there |= is_about_device(buf, (size_t)n);
	if (is_there)
		w->notice(w->data);
}

int helper_watch_new(struct event_base *base, const char *folder, void (*notice)(void *data),
		     void *data, struct helper_watch **ret)
{
	_cleanup_(helper_watch_freep) struct helper_watch *w = calloc(1, sizeof(*w));
	char path[PATH_MAX];

	if (!w)
		return -ENOMEM;
	w->notice = notice;
	w->data = data;
	w->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (w->fd < 0)
		return -errno;
	snprintf(path, sizeof(path), "%.*s", (int)(device_name() - KPROBED_DEVICE - 1),
		 KPROBED_DEVICE);
	/* IN_ATTRIB: it may be given other rights after it has been made. */
	if (inotify_add_watch(w->fd, folder ? folder : path, IN_CREATE | IN_MOVED_TO | IN_ATTRIB) <
	    0)
		return -errno;
	w->readable = event_new(base, w->fd, EV_READ | EV_PERSIST, on_readable, w);
	if (!w->readable || event_add(w->readable, NULL) < 0)
		return -ENOMEM;

	*ret = take_ptr(w);
	return 0;
}

struct helper_watch *helper_watch_free(struct helper_watch *w)
{
	if (w->readable)
		event_free(w->readable);
	kp_closep(&w->fd);
	free(w);
	return NULL;
}
