/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See log-reader.h.
 *
 * The account of a source is how many of its events and losses are settled: given out, or told as
 * lost. Its next entry says how many there were before it; a difference was overtaken. A source
 * that has no further entry is settled by its counters, once, when the reader has come to the end
 * of the log after it was overtaken.
 */
#include "log-reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "log-reader-internal.h"

/* Bytes of a batch, as on the socket. */
#define BATCH_BYTES ((size_t)256 * 1024)
/* Entries looked at before what was copied is checked. */
#define WALK_MAX 65536
/* Where the daemon is faster than this reader can copy, tries before the caller gets a say. */
#define TRIES_MAX 16

static int check_header(const struct log_header *h, uint64_t file_size)
{
	uint64_t sources, index;

	if (h->magic != LOG_MAGIC || h->version != LOG_VERSION ||
	    h->source_size != sizeof(struct log_source) ||
	    h->entry_size != sizeof(struct log_entry))
		return -EBADMSG;
	if (h->text_size < (1UL << 20) || h->text_size > (1UL << 40) ||
	    (h->text_size & (h->text_size - 1)) || h->capacity == 0 || h->capacity > h->text_size ||
	    (h->capacity & (h->capacity - 1)) || h->n_sources == 0 ||
	    h->n_sources > UINT16_MAX + 1U || h->epoch == 0)
		return -EBADMSG;
	sources = h->n_sources * sizeof(struct log_source);
	index = h->capacity * sizeof(struct log_entry);
	if (h->sources_at < sizeof(*h) || h->sources_at % sizeof(uint64_t) ||
	    h->index_at % sizeof(struct log_entry) || h->sources_at > file_size ||
	    h->index_at > file_size || h->text_at > file_size ||
	    h->sources_at + sources > h->index_at || h->index_at + index > h->text_at ||
	    h->text_at + h->text_size != file_size)
		return -EBADMSG;
	return 0;
}

static int map_log(struct log_reader *r, int fd, const struct log_header *h)
{
	char *base, *text;

	r->meta_size = h->text_at;
	base = mmap(NULL, r->meta_size, PROT_READ, MAP_SHARED, fd, 0);
	if (base == MAP_FAILED)
		return -errno;
	r->header = (const struct log_header *)base;
	r->sources = (const struct log_source *)(base + h->sources_at);
	r->index = (const struct log_entry *)(base + h->index_at);
	r->epoch = h->epoch;
	r->capacity = h->capacity;
	r->text_size = h->text_size;
	r->n_sources = h->n_sources;

	text = mmap(NULL, 2 * r->text_size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		    -1, 0);
	if (text == MAP_FAILED)
		return -errno;
	r->text = text;
	for (int i = 0; i < 2; i++)
		if (mmap(text + (size_t)i * r->text_size, r->text_size, PROT_READ,
			 MAP_SHARED | MAP_FIXED, fd, (off_t)h->text_at) == MAP_FAILED)
			return -errno;
	return 0;
}

static int open_log(struct log_reader *r, int fd)
{
	struct log_header h;
	struct stat st;
	int seals;

	if (fstat(fd, &st) < 0)
		return -errno;
	/* A file that is cut short kills who has it mapped. */
	seals = fcntl(fd, F_GET_SEALS);
	if (seals < 0 || (seals & LOG_SEALS) != LOG_SEALS ||
	    pread(fd, &h, sizeof(h), 0) != (ssize_t)sizeof(h) ||
	    check_header(&h, (uint64_t)st.st_size) < 0)
		return -EBADMSG;
	return map_log(r, fd, &h);
}

static int copy_selectors(struct log_reader *r, const char *const *selectors, size_t n)
{
	r->selectors = calloc(n + 1, sizeof(*r->selectors));
	if (!r->selectors)
		return -ENOMEM;
	for (; r->n_selectors < n; r->n_selectors++) {
		r->selectors[r->n_selectors] = strdup(selectors[r->n_selectors]);
		if (!r->selectors[r->n_selectors])
			return -ENOMEM;
	}
	return 0;
}

int log_reader_new(int fd, const char *const *selectors, size_t n, uint64_t position,
		   struct log_reader **ret)
{
	struct log_reader *r = calloc(1, sizeof(*r));
	int e;

	if (!r)
		return -ENOMEM;
	e = open_log(r, fd);
	if (e == 0)
		e = copy_selectors(r, selectors, n);
	if (e == 0) {
		r->accounts = calloc(r->n_sources, sizeof(*r->accounts));
		r->picked = malloc(PICKED_MAX * sizeof(*r->picked));
		e = r->accounts && r->picked ? 0 : -ENOMEM;
	}
	if (e < 0) {
		log_reader_free(r);
		return e;
	}
	r->position = position;
	accounts_begin(r);
	*ret = r;
	return 0;
}

struct log_reader *log_reader_free(struct log_reader *r)
{
	if (!r)
		return NULL;
	if (r->text)
		munmap((void *)(uintptr_t)r->text, 2 * r->text_size);
	if (r->header)
		munmap((void *)(uintptr_t)r->header, r->meta_size);
	for (size_t i = 0; i < r->n_selectors; i++)
		free(r->selectors[i]);
	free(r->selectors);
	free(r->accounts);
	free(r->picked);
	free(r->copy);
	text_done(&r->gaps);
	free(r);
	return NULL;
}

uint64_t log_reader_position(const struct log_reader *r)
{
	return r->position;
}

uint32_t log_reader_epoch(const struct log_reader *r)
{
	return r->epoch;
}

/* Room for @more bytes behind the @n that are copied. */
static int copy_reserve(struct log_reader *r, size_t n, size_t more)
{
	size_t size = r->copy_size ? r->copy_size : BATCH_BYTES + 4096;
	char *copy;

	if (n + more <= r->copy_size)
		return 0;
	while (size < n + more)
		size *= 2;
	copy = realloc(r->copy, size);
	if (!copy)
		return -ENOMEM;
	r->copy = copy;
	r->copy_size = size;
	return 0;
}

/*
 * A piece of text that is to be copied: entries whose texts are neighbours are one. It is shorter
 * than the ring, so it ends before the ring's second mapping does.
 */
struct run {
	uint64_t pos;
	size_t length;
	size_t to; /* offset in the copy */
};

static void run_copy(struct log_reader *r, struct run *run)
{
	memcpy(r->copy + run->to, r->text + (run->pos & (r->text_size - 1)), run->length);
	run->to += run->length;
	run->length = 0;
}

/*
 * Copies what is selected of the entries from the position to @end: gap entries first, then events
 * up to the next gap entry. Returns 0 with where it stopped, 1 when it came upon an entry that is
 * torn, or -ENOMEM. Nothing of it is to be believed yet.
 */
static int walk(struct log_reader *r, uint64_t end, size_t max_events, uint64_t *ret_stop)
{
	/* The first byte is for the bracket of the array. */
	struct run run = {.to = 1};
	uint64_t seq;
	int e = 0;

	r->n_picked = 0;
	if (end - r->position > WALK_MAX)
		end = r->position + WALK_MAX;
	for (seq = r->position; seq < end; seq++) {
		const struct log_entry *at = &r->index[seq & (r->capacity - 1)];
		size_t length = run.to + run.length;
		struct log_entry entry;
		struct log_item *p = &r->picked[r->n_picked];

		enum account_result found;

		entry_copy(at, &entry);
		found = account_find(r, &entry, seq);
		e = found == ACCOUNT_TORN;
		if (found != ACCOUNT_FOUND)
			break;
		if (!r->accounts[entry.source].is_selected)
			continue;
		if (entry.text_len == 0 || entry.text_len > r->text_size / 2) {
			e = 1;
			break;
		}
		if (r->n_picked && (r->n_picked == PICKED_MAX || r->n_picked >= max_events ||
				    length + entry.text_len > BATCH_BYTES ||
				    (entry.flags & LOG_GAP && !(p[-1].flags & LOG_GAP))))
			break;
		if (run.length && run.pos + run.length != entry.text_pos)
			run_copy(r, &run);
		if (copy_reserve(r, length, entry.text_len + 1) < 0)
			return -ENOMEM;
		if (run.length == 0)
			run.pos = entry.text_pos;
		*p = (struct log_item){
			.seq = seq,
			.ts = entry.ts,
			.before = log_entry_counts(&entry),
			.at = length,
			.length = entry.text_len,
			.tid = entry.tid,
			.source = entry.source,
			.cpu = entry.cpu,
			.flags = entry.flags,
		};
		run.length += entry.text_len;
		r->n_picked++;
	}
	if (run.length)
		run_copy(r, &run);
	*ret_stop = seq;
	return e;
}

static void overtake(struct log_reader *r, uint64_t first)
{
	r->position = first;
	r->needs_settling = r->was_overtaken = true;
}

/* What is whole of the walk that stopped at @stop becomes the batch. */
static void take_walk(struct log_reader *r, uint64_t first, uint64_t stop, struct log_batch *b)
{
	size_t i = 0, events_at = 0, events_end = 0;

	while (i < r->n_picked && r->picked[i].seq < first)
		i++;
	for (; i < r->n_picked; i++) {
		const struct log_item *p = &r->picked[i];
		struct slice json = {r->copy + p->at, p->length - 1};

		account_take(r, p, json);
		if (p->flags & LOG_GAP) {
			gaps_add(r, json);
			continue;
		}
		if (b->n_events++ == 0) {
			events_at = p->at;
			b->items = p;
		}
		events_end = p->at + p->length;
	}
	r->position = stop;
	b->copy = r->copy;
	if (b->n_events) {
		/* Over what is before it, and over its last comma. */
		r->copy[events_at - 1] = '[';
		r->copy[events_end - 1] = ']';
		b->events = (struct slice){r->copy + events_at - 1, events_end - events_at + 1};
	}
}

/*
 * Where to go on after the daemon wrote over what was being copied: not with the oldest entry,
 * which will be next.
 */
static uint64_t beyond(const struct log_reader *r, uint64_t first)
{
	uint64_t next = __atomic_load_n(&r->header->next_seq, __ATOMIC_ACQUIRE);

	return first < next ? first + (next - first) / 16 : first;
}

int log_reader_next(struct log_reader *r, size_t max_events, struct log_batch *ret)
{
	struct log_batch b = {0};

	gaps_clear(r);
	for (int tries = 0; tries < TRIES_MAX;) {
		uint64_t next, first, stop;
		int e;

		next = __atomic_load_n(&r->header->next_seq, __ATOMIC_ACQUIRE);
		first = __atomic_load_n(&r->header->first_seq, __ATOMIC_ACQUIRE);
		if (r->position < first)
			overtake(r, first);
		if (r->position > next) {
			/* first_seq may have been loaded after it had moved beyond that next_seq.
			 */
			tries++;
			if (first > next)
				continue;
			return -EBADMSG;
		}
		e = walk(r, next, max_events, &stop);
		if (e < 0)
			return e;
		first = first_after_copy(r);
		if (e > 0 && first <= stop)
			return -EBADMSG;
		if (first > r->position) {
			overtake(r, r->position);
			if (first >= stop) {
				r->position = beyond(r, first);
				tries++;
				continue;
			}
		}
		take_walk(r, first, stop, &b);
		if (stop == next && r->needs_settling)
			accounts_settle(r, next);
		gaps_finish(r, &b.gaps);
		if (r->gaps.failed)
			return -ENOMEM;
		if (b.n_events || b.gaps.text) {
			*ret = b;
			return 1;
		}
		if (stop == next)
			return 0;
	}
	gaps_finish(r, &b.gaps);
	*ret = b;
	return b.gaps.text != NULL;
}
