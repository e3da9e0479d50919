/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Subscribers that read the log themselves, from its memory: all they are sent is a byte in a pipe
 * when there is something new for them.
 *
 * The daemon does not know where such a subscriber stands: what it knows is what came to the log
 * for it, and up to where it has taken its wakeups from the pipe. After a pass it looks which of
 * the watched sources have grown, and writes to those who watch them, at most once per pass and
 * subscriber and not more often than the latency asked for; nothing is done per event.
 *
 * A pipe and no eventfd: of an eventfd both would hold the same open file, and a client that filled
 * its counter and took O_NONBLOCK off would stop the daemon in its next write. A client has the
 * reading end of the pipe and can do nothing to the other. It also sees the daemon's end by it.
 */
#ifndef KP_WAKEUP_H
#define KP_WAKEUP_H

#include <stdbool.h>
#include <stdint.h>

#include <event2/event.h>

#include "cleanup.h"
#include "event-log.h"

struct wakeups;
struct wakeup;

int wakeups_new(struct event_base *base, const struct event_log *log, struct wakeups **ret);
struct wakeups *wakeups_free(struct wakeups *w);
DEFINE_CLEANUP(struct wakeups *, wakeups_free);

/* A pass is over: wakes who has something new. */
void wakeups_pass(struct wakeups *w);

unsigned int wakeups_count(const struct wakeups *w);
/* Events that came to the log for its subscribers, added up over all there have been. */
uint64_t wakeups_published(const struct wakeups *w);
/* As delivery_is_urgent(). */
bool wakeups_is_urgent(const struct wakeups *w);

/*
 * A subscriber, without sources yet.
 *
 * @max_latency_msec: time between two wakeups at least, unless more than @max_batch entries have
 *	been appended
 * @ret_fd: the end of the pipe that is the client's, owned by the caller
 *
 * 0, -ENOMEM, or what pipe2() fails with.
 */
int wakeup_new(struct wakeups *w, unsigned int max_latency_msec, unsigned int max_batch,
	       int *ret_fd, struct wakeup **ret);
/* Closes the daemon's end of the pipe. Returns NULL. */
struct wakeup *wakeup_free(struct wakeup *c);
DEFINE_CLEANUP(struct wakeup *, wakeup_free);

/* What is known of one, since it came. */
struct wakeup_account {
	uint64_t published;		     /* events of its sources that came to the log */
	uint64_t missed, recursion, overrun; /* told in there */
	uint64_t pending; /* of those published: since the last wakeup that it has taken */
	bool is_behind;	  /* and the log has begun to overwrite what came since */
};
struct wakeup_account wakeup_account(const struct wakeup *c);

/* Wakes for new entries of @slot from now on. A source twice is no error. 0 or -ENOMEM. */
int wakeup_add_source(struct wakeup *c, unsigned int slot);

#endif
