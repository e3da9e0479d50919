/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Descriptors that go to a client with a reply (SCM_RIGHTS).
 *
 * They are attached to one byte of the stream. libevent sends none, so what is before that byte is
 * sent first, the byte by hand with as much as follows, and the rest as ever.
 */
#ifndef KP_RIGHTS_H
#define KP_RIGHTS_H

#include <stdbool.h>
#include <stddef.h>

#include <event2/buffer.h>

#define RIGHTS_MAX 2

struct rights {
	int fds[RIGHTS_MAX]; /* owned */
	size_t n;	     /* 0: nothing to send */
	size_t before;	     /* bytes to be sent before the byte they go with */
};

/*
 * @n descriptors, which are taken over, go with the next byte that is added to @out. There must be
 * none on their way.
 */
void rights_attach(struct rights *r, const struct evbuffer *out, const int *fds, size_t n);

/*
 * Sends some of @out to the socket @fd, and the descriptors when it is their turn. Returns as
 * evbuffer_write(), with errno.
 */
int rights_write(struct rights *r, struct evbuffer *out, int fd);

/* Closes what was not sent. */
void rights_done(struct rights *r);

#endif
