/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The event log: one ring in a memfd, written once per event, read through any number of cursors.
 *
 * Its layout, which outlives the process that wrote it and is read by other processes, is
 * common/log-layout.h, and so are the rules for what is written before what. The byte ring is
 * mapped twice back to back, so that no text wraps; a run of entries is a piece of a JSON array as
 * it stands.
 *
 * A *source* is whatever entries are attributed to: a probe, or a kernel ring for its own losses.
 * Entries of one source are chained (log_entry.next_delta), so that a reader of few sources walks
 * its own entries only. A source outlives its probe for as long as the log holds entries of it, and
 * its counters do until the slot is used again.
 *
 * Sequence numbers start at 1 and never repeat within an epoch. Appending evicts the oldest
 * entries; nobody is asked. Readers compare with event_log_first().
 *
 * Single-threaded: only the main thread touches it. Other processes map it read-only.
 */
#ifndef KP_EVENT_LOG_H
#define KP_EVENT_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cleanup.h"
#include "log-layout.h"

#define LOG_SOURCES_MAX 8192

struct event_log;

/*
 * A new log with room for @text_bytes (a power of two, at least 1 MiB) of text, or, with @fd >= 0,
 * the one in that memfd, whose size then counts. @fd is the log's on success. Returns -EBADMSG for
 * a memfd that holds no sound log, -EINVAL, -ENOMEM, or the errno of memfd_create() or mmap().
 */
int event_log_new(size_t text_bytes, int fd, struct event_log **ret);
struct event_log *event_log_free(struct event_log *log);
DEFINE_CLEANUP(struct event_log *, event_log_free);

/* The memfd, borrowed. */
int event_log_fd(const struct event_log *log);
/*
 * The memfd once more, for other processes to read: opened for reading only, and closed by the
 * caller. Nobody but the memfd's owner can make it writable again. -EPERM when the memfd is not
 * sealed, or the errno of open().
 *
 * Not sealed with F_SEAL_FUTURE_WRITE: the next daemon, which gets this same memfd from systemd,
 * could not map it for writing and would have to copy it, twice its size for a while, and lose it
 * when it crashes in between. It would keep out nobody whom the mode does not: who may open the
 * memfd for writing all the same is root.
 */
int event_log_open_reader(const struct event_log *log);
/* Tells this log from any other: part of every cursor. */
uint32_t event_log_epoch(const struct event_log *log);
/* The oldest sequence number held, and the one the next entry will have; equal: empty. */
uint64_t event_log_first(const struct event_log *log);
uint64_t event_log_next(const struct event_log *log);
size_t event_log_size(const struct event_log *log);
size_t event_log_used(const struct event_log *log);
/* How many entries it can hold; a power of two. */
uint64_t event_log_capacity(const struct event_log *log);

/*
 * A source under a new id. When all slots are taken, the closed source with the oldest last entry
 * gives up its slot (and can no longer be selected by name). -ENOSPC when all are open.
 */
int event_log_source_open(struct event_log *log, enum log_source_kind kind, const char *name,
			  uint64_t tag, unsigned int *ret_slot);
/* Nothing more will come from it. */
void event_log_source_close(struct event_log *log, unsigned int slot);
/*
 * Borrowed; NULL for a slot without a source that is open or has entries. Slots are 0 to
 * event_log_source_limit() - 1.
 */
const struct log_source *event_log_source(const struct event_log *log, unsigned int slot);
/*
 * As event_log_source(), but a closed source whose entries are all gone is there as well, until its
 * slot is used again: who lags behind can still learn how many it missed.
 */
const struct log_source *event_log_last_source(const struct event_log *log, unsigned int slot);
unsigned int event_log_source_limit(void);

/*
 * Room for @max bytes of text, comma included, evicting what is in the way. Valid until the next
 * call. NULL when @max is more than a quarter of the ring.
 */
char *event_log_reserve(struct event_log *log, size_t max);

/*
 * Appends what was written to the reserved room: @len bytes, the comma excluded, which is added
 * here. Returns the entry's sequence number, event_log_next() as it was before. @flags: enum
 * log_flags. @lost: for gap entries, how many losses it tells, 0: it does not say.
 */
uint64_t event_log_commit(struct event_log *log, unsigned int slot, uint64_t ts, uint32_t tid,
			  unsigned int cpu, unsigned int flags, size_t len, uint64_t lost);

/*
 * Has the memory there that the next entries go to. A page that was never written is made when it
 * first is, which takes longer than all the rest of an event: for when nobody waits for one.
 */
void event_log_prepare(const struct event_log *log);

/* The entry @seq, which must be held; borrowed until the next reserve. */
const struct log_entry *event_log_entry(const struct event_log *log, uint64_t seq);
/* Its text; texts of following entries follow in memory. */
const char *event_log_text(const struct event_log *log, const struct log_entry *entry);

/* A number that outlives the daemon: ids of probes and instances are counted on from here. */
uint32_t event_log_take_id(struct event_log *log);

#endif
