/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A worker: a thread for what takes milliseconds to seconds, which the event loop never does. There
 * are two: the control worker is the one thread that writes to the kernel's tracing files; the
 * knowledge worker looks up symbols and types (knowledge.h).
 *
 * Operations wait in a queue and are carried out one at a time, in order: each is planned on the
 * main thread when its turn comes (it sees everything before it settled), run on the worker, and
 * finished on the main thread. What run() touches is the operation's own until done().
 */
#ifndef KP_CONTROL_H
#define KP_CONTROL_H

#include <stdbool.h>
#include <sys/types.h>

#include <event2/event.h>

#include "cleanup.h"

struct control;

struct control_op {
	/* Main thread. Whether there is something to run; NULL: there is. */
	bool (*plan)(struct control_op *op);
	/* Worker. */
	void (*run)(struct control_op *op);
	/* Main thread, always called; frees the operation. */
	void (*done)(struct control_op *op);
	struct control_op *next, *prev;
};

/* Starts the worker. */
int control_new(struct event_base *base, struct control **ret);
/* Ends it after the operation that is running; those that wait are not run, their done() is called.
 */
struct control *control_free(struct control *c);
DEFINE_CLEANUP(struct control *, control_free);

/* Takes @op over. Its plan() may be called, and even its done(), before this returns. */
void control_submit(struct control *c, struct control_op *op);

bool control_is_idle(const struct control *c);

/* The worker's thread id. */
pid_t control_tid(const struct control *c);

#endif
