/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See rights.h. */
#include "rights.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void rights_attach(struct rights *r, const struct evbuffer *out, const int *fds, size_t n)
{
	memcpy(r->fds, fds, n * sizeof(*fds));
	r->n = n;
	r->before = evbuffer_get_length(out);
}

void rights_done(struct rights *r)
{
	for (size_t i = 0; i < r->n; i++)
		close(r->fds[i]);
	r->n = 0;
}

static int send_rights(struct rights *r, struct evbuffer *out, int fd)
{
	union {
		char bytes[CMSG_SPACE(sizeof(r->fds))];
		struct cmsghdr align;
	} control = {0};
	struct evbuffer_iovec piece;
	struct iovec iov;
	struct msghdr message = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = CMSG_SPACE(r->n * sizeof(int)),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&message);
	ssize_t n;

	if (evbuffer_peek(out, -1, NULL, &piece, 1) < 1)
		return 0;
	iov = (struct iovec){.iov_base = piece.iov_base, .iov_len = piece.iov_len};
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(r->n * sizeof(int));
	memcpy(CMSG_DATA(c), r->fds, r->n * sizeof(int));

	n = sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n <= 0)
		return (int)n;
	evbuffer_drain(out, (size_t)n);
	rights_done(r);
	return (int)n;
}

int rights_write(struct rights *r, struct evbuffer *out, int fd)
{
	int n;

	if (r->n == 0)
		return evbuffer_write(out, fd);
	if (r->before == 0)
		return send_rights(r, out, fd);
	n = evbuffer_write_atmost(out, fd, (ev_ssize_t)r->before);
	if (n > 0)
		r->before -= (size_t)n;
	return n;
}
