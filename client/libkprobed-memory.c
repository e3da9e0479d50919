/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Streams out of the daemon's memory.
 *
 * The reply to Subscribe brings two descriptors: the log, which is mapped and read by log-reader.c,
 * and the reading end of a pipe, in which there is a byte when the log may have something new. The
 * connection is kept open, and not looked at: when the daemon lets go of it, or ends, it closes the
 * pipe, and what has been written by then can still be read.
 */
#include "libkprobed-internal.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"

#define BATCH_DEFAULT 1024

void memory_drop_rights(struct kprobed *k)
{
	for (size_t i = 0; i < k->n_rights; i++)
		if (k->rights[i] >= 0)
			close(k->rights[i]);
	k->n_rights = 0;
}

void memory_end(struct kprobed *k)
{
	k->memory = log_reader_free(k->memory);
	if (k->wakeup_fd >= 0)
		close(k->wakeup_fd);
	k->wakeup_fd = -1;
}

/* The descriptor that the member @name of "memory" in the reply is the number of, -1: none. */
static int right_of(const struct kprobed *k, const struct reply *reply, const char *name)
{
	struct slice memory, value;
	uint64_t i;

	if (slice_get(reply->parameters, "memory", &memory) < 0 ||
	    slice_get(memory, name, &value) < 0 || slice_type_of(value) != SLICE_NUMBER ||
	    slice_to_uint(value, &i) < 0 || i >= k->n_rights)
		return -1;
	return k->rights[i];
}

/* "5f3a9c0d:1234" */
static bool parse_cursor(const char *cursor, uint32_t *ret_epoch, uint64_t *ret_position)
{
	char *end;

	*ret_epoch = (uint32_t)strtoul(cursor, &end, 16);
	if (end == cursor || *end != ':')
		return false;
	cursor = end + 1;
	*ret_position = strtoull(cursor, &end, 10);
	return end != cursor && *end == '\0';
}

int memory_begin(struct kprobed *k, const char *const *selectors, size_t n, int max_batch,
		 const struct reply *reply)
{
	int log_fd = right_of(k, reply, "log"), wakeup_fd = right_of(k, reply, "wakeup");
	uint64_t position;
	uint32_t epoch;
	int r;

	/* The batch with the reply was empty, so the stream stands at its cursor. */
	if (log_fd < 0 || wakeup_fd < 0 || log_fd == wakeup_fd || !k->cursor ||
	    !parse_cursor(k->cursor, &epoch, &position))
		return connection_break(k, -EPROTO);
	r = log_reader_new(log_fd, selectors, n, position, &k->memory);
	if (r == 0 && log_reader_epoch(k->memory) != epoch)
		r = -EBADMSG;
	if (r < 0)
		return connection_break(k, r == -EBADMSG ? -EPROTO : r);
	k->memory_batch = max_batch > 0 ? (size_t)max_batch : BATCH_DEFAULT;
	k->memory_ended = false;
	k->memory_position = position;
	for (size_t i = 0; i < k->n_rights; i++)
		if (k->rights[i] == wakeup_fd)
			k->rights[i] = -1;
	k->wakeup_fd = wakeup_fd;
	return 0;
}

static char *format_cursor(const struct kprobed *k)
{
	char *cursor;

	if (asprintf(&cursor, "%08" PRIx32 ":%" PRIu64, log_reader_epoch(k->memory),
		     log_reader_position(k->memory)) < 0)
		return NULL;
	return cursor;
}

/*
 * There was nothing, but what is not ours has been passed over. The cursor goes along, or the log
 * would leave it behind, and who came back with it would be told of a loss there never was.
 */
static int move_cursor(struct kprobed *k)
{
	char *cursor;

	if (k->memory_position == log_reader_position(k->memory))
		return 0;
	cursor = format_cursor(k);
	if (!cursor)
		return 0; /* it can go along the next time */
	free(k->cursor);
	k->cursor = cursor;
	k->memory_position = log_reader_position(k->memory);
	return 0;
}

/* Takes a batch of what the log has. Returns 1, 0 when there is none, or an error. */
static int fill(struct kprobed *k)
{
	struct log_batch batch;
	char *cursor;
	int r;

	r = log_reader_next(k->memory, k->memory_batch, &batch);
	if (r == 0)
		return move_cursor(k);
	/* What was taken without memory to tell of it would be lost in silence. */
	if (r < 0)
		return connection_break(k, r == -EBADMSG ? -EPROTO : r);
	cursor = format_cursor(k);
	if (!cursor)
		return connection_break(k, -ENOMEM);
	k->memory_position = log_reader_position(k->memory);
	slice_iter_init(&k->gaps, batch.gaps);
	k->items = batch.items;
	k->n_items = batch.n_events;
	k->items_copy = batch.copy;
	free(k->next_cursor);
	k->next_cursor = cursor;
	return 1;
}

/*
 * Empties the pipe. Returns 1 when there was something in it, or it has ended: then the log may
 * have more than when it was last looked at. 0: it was empty.
 */
static int drain(struct kprobed *k)
{
	char bytes[4096];
	ssize_t n;

	if (k->memory_ended)
		return connection_break(k, -ECONNRESET);
	do
		n = read(k->wakeup_fd, bytes, sizeof(bytes));
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return 0;
	k->memory_ended = n <= 0;
	return 1;
}

int memory_receive(struct kprobed *k, int64_t deadline)
{
	for (;;) {
		struct pollfd pollfd = {.fd = k->wakeup_fd, .events = POLLIN};
		int64_t left = -1;
		int r;

		r = fill(k);
		if (r != 0)
			return r;
		r = drain(k);
		if (r < 0)
			return r;
		if (r > 0)
			continue;
		if (deadline >= 0) {
			left = deadline - deadline_after(0);
			if (left <= 0)
				return 0;
		}
		r = poll(&pollfd, 1, left < 0 ? -1 : (int)left);
		if (r < 0)
			return -errno;
	}
}
