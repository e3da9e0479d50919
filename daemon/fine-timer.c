/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See fine-timer.h. */
#include "fine-timer.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

struct fine_timer {
	int fd;		    /* owned */
	struct event *due;  /* owned: the timerfd is readable */
	struct event *soon; /* owned: no time to wait */
	bool is_armed;	    /* the timerfd */
	event_callback_fn on_due;
	void *data;
};

static void arm(struct fine_timer *t, uint64_t nsec)
{
	struct itimerspec when = {
		.it_value.tv_sec = (time_t)(nsec / 1000000000ULL),
		.it_value.tv_nsec = (long)(nsec % 1000000000ULL),
	};

	timerfd_settime(t->fd, 0, &when, NULL);
	t->is_armed = nsec != 0;
}

static void on_readable(evutil_socket_t fd, short what, void *data)
{
	struct fine_timer *t = data;

	/* Told before it was set anew, of what it was set to before. */
	if (!t->is_armed)
		return;
	t->is_armed = false;
	t->on_due(fd, what, t->data);
}

static void on_soon(evutil_socket_t fd, short what, void *data)
{
	struct fine_timer *t = data;

	t->on_due(fd, what, t->data);
}

int fine_timer_new(struct event_base *base, event_callback_fn on_due, void *data,
		   struct fine_timer **ret)
{
	_cleanup_(fine_timer_freep) struct fine_timer *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->on_due = on_due;
	t->data = data;
	t->fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (t->fd < 0)
		return -errno;
	/* By edges: then nobody has to read it, since setting it takes back that it is readable. */
	t->due = event_new(base, t->fd, EV_READ | EV_PERSIST | EV_ET, on_readable, t);
	t->soon = evtimer_new(base, on_soon, t);
	if (!t->due || !t->soon || event_add(t->due, NULL) < 0)
		return -ENOMEM;

	*ret = take_ptr(t);
	return 0;
}

struct fine_timer *fine_timer_free(struct fine_timer *t)
{
	if (t->due)
		event_free(t->due);
	if (t->soon)
		event_free(t->soon);
	if (t->fd >= 0)
		close(t->fd);
	free(t);
	return NULL;
}

void fine_timer_set(struct fine_timer *t, uint64_t nsec)
{
	static const struct timeval none;

	if (nsec == 0) {
		if (t->is_armed)
			arm(t, 0);
		evtimer_add(t->soon, &none);
		return;
	}
	evtimer_del(t->soon);
	arm(t, nsec);
}
