/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A timer for pauses of about a millisecond. One of libevent's goes by a clock that moves on with
 * the kernel's tick (CLOCK_MONOTONIC_COARSE), every four milliseconds on most machines, and by
 * epoll_wait(), which knows whole milliseconds only: of a pause of one it makes up to five, and
 * wakes up in between for nothing. This is a timerfd; setting it is a system call, so it is for
 * where that is little of what each pause ends with. While it is not set it costs nothing.
 */
#ifndef KP_FINE_TIMER_H
#define KP_FINE_TIMER_H

#include <stdint.h>

#include <event2/event.h>

#include "cleanup.h"

struct fine_timer;

/*
 * Calls @on_due, as libevent does, each time it is due. Returns -ENOMEM, or the errno of
 * timerfd_create().
 */
int fine_timer_new(struct event_base *base, event_callback_fn on_due, void *data,
		   struct fine_timer **ret);
struct fine_timer *fine_timer_free(struct fine_timer *t);
DEFINE_CLEANUP(struct fine_timer *, fine_timer_free);

/* Due once, in @nsec nanoseconds, and no longer when it was before; 0: in the loop's next turn. */
void fine_timer_set(struct fine_timer *t, uint64_t nsec);

#endif
