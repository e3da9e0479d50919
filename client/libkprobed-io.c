/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Bytes between the library and the socket: requests out, messages ended by NUL in.
 *
 * The input buffer holds whole messages one after the other and the beginning of another; it grows
 * up to one message of the greatest length. Received bytes are moved only when a message has been
 * taken and the next one is asked for.
 */
#include "libkprobed-internal.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define INPUT_SIZE_FIRST ((size_t)256 << 10)
/* A message and the NUL behind it. */
#define INPUT_SIZE_MAX ((size_t)KPROBED_MESSAGE_MAX + 1)

static size_t output_left(const struct kprobed *k)
{
	return k->out.length - k->out_sent;
}

/* Sends what the socket takes. */
static int output_flush(struct kprobed *k)
{
	while (output_left(k) > 0) {
		ssize_t n = send(k->fd, k->out.data + k->out_sent, output_left(k),
				 MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n >= 0) {
			k->out_sent += (size_t)n;
			continue;
		}
		if (errno == EAGAIN)
			return 0;
		if (errno == EINTR)
			continue;
		if (errno != EPIPE && errno != ECONNRESET)
			return connection_break(k, -errno);
		/* The daemon may have said why before it closed: that is still to be read. */
		k->out_sent = k->out.length;
	}
	text_clear(&k->out);
	k->out_sent = 0;
	return 0;
}

int io_send(struct kprobed *k, const char *method, const char *parameters, unsigned int flags)
{
	if (strlen(method) + (parameters ? strlen(parameters) : 0) > KPROBED_MESSAGE_MAX - 128)
		return -EMSGSIZE;
	text_puts(&k->out, "{\"method\":");
	text_json_string(&k->out, method);
	if (parameters) {
		text_puts(&k->out, ",\"parameters\":");
		text_puts(&k->out, parameters);
	}
	if (flags & KPROBED_CALL_MORE)
		text_puts(&k->out, ",\"more\":true");
	if (flags & KPROBED_CALL_ONEWAY)
		text_puts(&k->out, ",\"oneway\":true");
	text_puts(&k->out, "}");
	text_putc(&k->out, '\0');
	if (k->out.failed) {
		/* Part of the request may be in it, and part of an earlier one be sent already. */
		text_done(&k->out);
		return connection_break(k, -ENOMEM);
	}
	return output_flush(k);
}

/* Makes room for receiving. */
static int input_reserve(struct kprobed *k)
{
	size_t size;
	char *in;

	if (k->in_start == k->in_end) {
		k->in_start = k->in_searched = k->in_end = 0;
	} else if (k->in_start > 0 && k->in_end == k->in_size) {
		memmove(k->in, k->in + k->in_start, k->in_end - k->in_start);
		k->in_end -= k->in_start;
		k->in_searched -= k->in_start;
		k->in_start = 0;
	}
	if (k->in_end < k->in_size)
		return 0;
	if (k->in_size == INPUT_SIZE_MAX)
		return connection_break(k, -EMSGSIZE);
	size = k->in_size ? k->in_size * 2 : INPUT_SIZE_FIRST;
	if (size > INPUT_SIZE_MAX)
		size = INPUT_SIZE_MAX;
	in = realloc(k->in, size);
	if (!in)
		return -ENOMEM;
	k->in = in;
	k->in_size = size;
	return 0;
}

bool io_has_message(struct kprobed *k)
{
	char *nul;

	if (k->in_searched == k->in_end)
		return false;
	nul = memchr(k->in + k->in_searched, '\0', k->in_end - k->in_searched);
	k->in_searched = nul ? (size_t)(nul - k->in) : k->in_end;
	return nul != NULL;
}

/* As recv(), taking what descriptors come with it. More than are wanted the kernel drops. */
static ssize_t receive_rights(struct kprobed *k, char *buf, size_t size)
{
	union {
		char bytes[CMSG_SPACE(sizeof(k->rights))];
		struct cmsghdr align;
	} control = {0};
	struct iovec iov = {.iov_base = buf, .iov_len = size};
	struct msghdr message = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	ssize_t n = recvmsg(k->fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct cmsghdr *c;

	if (n < 0)
		return n;
	for (c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		/* There is room for one such message at a time; a second one replaces the first. */
		memory_drop_rights(k);
		k->n_rights = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(k->rights, CMSG_DATA(c), k->n_rights * sizeof(int));
	}
	return n;
}

/*
 * Receives once, with @flags MSG_DONTWAIT or 0. Returns 1 with something, 0 when there is nothing,
 * or an error.
 */
static int input_fill(struct kprobed *k, int flags)
{
	ssize_t n;
	int r;

	r = input_reserve(k);
	if (r < 0)
		return r;
	do
		n = k->wants_rights ? receive_rights(k, k->in + k->in_end, k->in_size - k->in_end)
				    : recv(k->fd, k->in + k->in_end, k->in_size - k->in_end, flags);
	while (n < 0 && errno == EINTR && (flags & MSG_DONTWAIT));
	/* A signal ends the waiting, as it does in poll(). */
	if (n < 0 && errno == EINTR)
		return -EINTR;
	if (n > 0) {
		k->in_end += (size_t)n;
		return 1;
	}
	if (n < 0 && errno == EAGAIN)
		return 0;
	return connection_break(k, n == 0 ? -ECONNRESET : -errno);
}

int io_process(struct kprobed *k)
{
	int r;

	if (k->broken)
		return k->broken;
	r = output_flush(k);
	if (r < 0 || io_has_message(k))
		return r;
	r = input_fill(k, MSG_DONTWAIT);
	return r < 0 ? r : 0;
}

/* Returns 1 when the socket is ready, 0 when the deadline passed, or an error. */
static int io_wait(struct kprobed *k, int64_t deadline)
{
	struct pollfd pollfd = {.fd = k->fd, .events = kprobed_get_events(k)};
	int64_t left = -1;
	int n;

	if (deadline >= 0) {
		left = deadline - deadline_after(0);
		if (left <= 0)
			return 0;
	}
	n = poll(&pollfd, 1, left < 0 ? -1 : (int)left);
	if (n < 0)
		return -errno;
	return n > 0;
}

int io_receive(struct kprobed *k, int64_t deadline, char **ret, size_t *ret_length)
{
	bool may_wait;
	int r;

	if (k->broken)
		return k->broken;
	while (!io_has_message(k)) {
		r = output_flush(k);
		if (r < 0)
			return r;
		/*
		 * Where nothing else is waited for, that is done in recv(): on the way of an event
		 * there is one system call then and not the rest of poll() and another.
		 */
		may_wait = deadline < 0 && output_left(k) == 0;
		r = input_fill(k, may_wait ? 0 : MSG_DONTWAIT);
		if (r < 0)
			return r;
		if (r > 0)
			continue;
		r = io_wait(k, deadline);
		if (r <= 0)
			return r;
	}
	*ret = k->in + k->in_start;
	*ret_length = k->in_searched - k->in_start;
	k->in_start = ++k->in_searched;
	return 1;
}

EXPORT short kprobed_get_events(const struct kprobed *k)
{
	return (short)(POLLIN | (output_left(k) > 0 ? POLLOUT : 0));
}
