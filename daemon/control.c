/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See control.h. */
#include "control.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <utlist.h>

struct control {
	struct control_op *queue;
	struct control_op *current; /* planned and with the worker */
	bool is_dispatching;
	struct event *finished; /* owned */
	int finished_fd;	/* owned: eventfd, the worker's answer */
	sem_t work;		/* the worker's invitation */
	bool is_stopping;
	pthread_t thread;
	bool has_thread;
	pid_t tid;
};

static void *worker(void *data)
{
	struct control *c = data;
	const uint64_t one = 1;

	c->tid = gettid();
	if (write(c->finished_fd, &one, sizeof(one)) < 0)
		abort(); /* an eventfd takes a 1 */
	for (;;) {
		while (sem_wait(&c->work) < 0)
			;
		if (c->is_stopping)
			return NULL;
		c->current->run(c->current);
		if (write(c->finished_fd, &one, sizeof(one)) < 0)
			abort();
	}
}

/* A done() may submit the next operation: it is queued and taken up by this loop. */
static void dispatch(struct control *c)
{
	if (c->is_dispatching)
		return;
	c->is_dispatching = true;
	while (!c->current && c->queue) {
		struct control_op *op = c->queue;

		DL_DELETE(c->queue, op);
		if (op->plan && !op->plan(op)) {
			op->done(op);
			continue;
		}
		c->current = op;
		sem_post(&c->work);
	}
	c->is_dispatching = false;
}

static void on_finished(evutil_socket_t fd, short what, void *data)
{
	struct control *c = data;
	struct control_op *op = c->current;
	uint64_t n;

	if (read(fd, &n, sizeof(n)) < 0)
		return;
	c->current = NULL;
	op->done(op);
	dispatch(c);
}

void control_submit(struct control *c, struct control_op *op)
{
	DL_APPEND(c->queue, op);
	dispatch(c);
}

bool control_is_idle(const struct control *c)
{
	return !c->current && !c->queue;
}

pid_t control_tid(const struct control *c)
{
	return c->tid;
}

static int start_thread(struct control *c)
{
	sigset_t all, old;
	uint64_t n;
	int r;

	/* Signals are the main thread's. */
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &old);
	r = pthread_create(&c->thread, NULL, worker, c);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (r)
		return -r;
	c->has_thread = true;
	/* Its first word is that its tid is there. */
	if (read(c->finished_fd, &n, sizeof(n)) < 0)
		return -errno;
	return evutil_make_socket_nonblocking(c->finished_fd);
}

int control_new(struct event_base *base, struct control **ret)
{
	_cleanup_(control_freep) struct control *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return -ENOMEM;
	sem_init(&c->work, 0, 0);
	c->finished_fd = eventfd(0, EFD_CLOEXEC);
	if (c->finished_fd < 0)
		return -errno;
	r = start_thread(c);
	if (r < 0)
		return r;
	c->finished = event_new(base, c->finished_fd, EV_READ | EV_PERSIST, on_finished, c);
	if (!c->finished || event_add(c->finished, NULL) < 0)
		return -ENOMEM;

	*ret = take_ptr(c);
	return 0;
}

struct control *control_free(struct control *c)
{
	struct control_op *op;

	if (c->has_thread) {
		c->is_stopping = true;
		sem_post(&c->work);
		pthread_join(c->thread, NULL);
	}
	c->is_dispatching = true; /* nothing is begun any more */
	if (c->current)
		c->current->done(c->current);
	/* A done() may still submit. */
	while ((op = c->queue)) {
		DL_DELETE(c->queue, op);
		op->done(op);
	}
	if (c->finished)
		event_free(c->finished);
	if (c->finished_fd >= 0)
		close(c->finished_fd);
	sem_destroy(&c->work);
	free(c);
	return NULL;
}
