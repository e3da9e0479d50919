/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See event-log.h. What is written when: an entry and its text are complete before header.next_seq
 * moves past it, so a log found after a crash is sound up to next_seq and needs no repair beyond
 * closing its sources.
 */
#include "event-log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>

#define PAGE 4096UL
/* One index entry for so many bytes of text; an event's JSON is rarely shorter. */
#define BYTES_PER_ENTRY 128

struct event_log {
	int fd; /* owned */
	struct log_header *header;
	struct log_source *sources;
	struct log_entry *index;
	char *text; /* mapped twice */
	size_t meta_size;
	uint64_t text_mask;
	uint64_t index_mask;
	uint64_t text_head; /* derived: end of the newest text */
	uint64_t text_tail; /* derived: start of the oldest text */
};

static size_t round_page(size_t n)
{
	return (n + PAGE - 1) & ~(PAGE - 1);
}

static size_t index_offset(void)
{
	return PAGE + round_page(LOG_SOURCES_MAX * sizeof(struct log_source));
}

static size_t meta_bytes(uint64_t capacity)
{
	return index_offset() + capacity * sizeof(struct log_entry);
}

/* Maps header, sources and index, and the byte ring twice. */
static int map_log(struct event_log *log, uint64_t text_size, uint64_t capacity)
{
	char *base, *text;

	log->meta_size = meta_bytes(capacity);
	base = mmap(NULL, log->meta_size, PROT_READ | PROT_WRITE, MAP_SHARED, log->fd, 0);
	if (base == MAP_FAILED)
		return -errno;
	log->header = (struct log_header *)base;
	log->sources = (struct log_source *)(base + PAGE);
	log->index = (struct log_entry *)(base + index_offset());
	log->text_mask = text_size - 1;
	log->index_mask = capacity - 1;

	text = mmap(NULL, 2 * text_size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
		    0);
	if (text == MAP_FAILED)
		return -errno;
	log->text = text;
	for (int i = 0; i < 2; i++)
		if (mmap(text + i * text_size, text_size, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_FIXED, log->fd, (off_t)log->meta_size) == MAP_FAILED)
			return -errno;
	return 0;
}

/*
 * Other processes will hold descriptors of it and map it. A memfd is made with the mode 0777, with
 * which all of them could open it anew, for writing, through /proc.
 */
static int seal_log(int fd)
{
	if (fchmod(fd, 0600) < 0 || fcntl(fd, F_ADD_SEALS, LOG_SEALS) < 0)
		return -errno;
	return 0;
}

int event_log_open_reader(const struct event_log *log)
{
	int seals = fcntl(log->fd, F_GET_SEALS), fd;
	char path[32];

	if (seals < 0 || (seals & LOG_SEALS) != LOG_SEALS)
		return -EPERM;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", log->fd);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int create_log(struct event_log *log, size_t text_bytes)
{
	uint64_t capacity = text_bytes / BYTES_PER_ENTRY;
	uint32_t epoch = 0;
	int r;

	if (text_bytes < (1UL << 20) || (text_bytes & (text_bytes - 1)))
		return -EINVAL;

	log->fd = memfd_create("kprobed-log", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (log->fd < 0)
		return -errno;
	if (ftruncate(log->fd, (off_t)(meta_bytes(capacity) + text_bytes)) < 0)
		return -errno;
	r = seal_log(log->fd);
	if (r == 0)
		r = map_log(log, text_bytes, capacity);
	if (r < 0)
		return r;

	while (epoch == 0)
		if (getrandom(&epoch, sizeof(epoch), 0) != sizeof(epoch))
			return -EIO;
	*log->header = (struct log_header){
		.magic = LOG_MAGIC,
		.version = LOG_VERSION,
		.epoch = epoch,
		.text_size = text_bytes,
		.capacity = capacity,
		.first_seq = 1,
		.next_seq = 1,
		.next_source_id = 1,
		.next_id = 1,
		.n_sources = LOG_SOURCES_MAX,
		.source_size = sizeof(struct log_source),
		.entry_size = sizeof(struct log_entry),
		.sources_used = 1,
		.sources_at = PAGE,
		.index_at = index_offset(),
		.text_at = meta_bytes(capacity),
	};
	log->sources[LOG_SOURCE_GLOBAL] = (struct log_source){
		.id = log->header->next_source_id++,
		.is_open = true,
		.kind = LOG_SOURCE_SERVICE,
	};
	return 0;
}

/* A memfd from an earlier process is checked as any input is: entry by entry. */
static int check_entries(struct event_log *log)
{
	const struct log_header *h = log->header;
	uint64_t pos = 0;

	if (h->first_seq == 0 || h->next_seq < h->first_seq ||
	    h->next_seq - h->first_seq > h->capacity)
		return -EBADMSG;
	for (uint64_t seq = h->first_seq; seq < h->next_seq; seq++) {
		const struct log_entry *e = &log->index[seq & log->index_mask];

		if (e->seq != seq || e->source >= LOG_SOURCES_MAX || e->text_len == 0)
			return -EBADMSG;
		if (seq == h->first_seq)
			log->text_tail = e->text_pos;
		else if (e->text_pos != pos)
			return -EBADMSG;
		pos = e->text_pos + e->text_len;
		if (pos - log->text_tail > h->text_size)
			return -EBADMSG;
	}
	log->text_head = pos;
	if (log->sources[LOG_SOURCE_GLOBAL].id == 0)
		return -EBADMSG;
	if (h->first_seq == h->next_seq)
		log->text_head = log->text_tail = 0;
	return 0;
}

/*
 * The chains are made anew rather than believed: a crash can have come between an entry and the
 * counters of its source.
 */
static void rebuild_sources(struct event_log *log)
{
	const struct log_header *h = log->header;

	for (unsigned int i = 0; i < LOG_SOURCES_MAX; i++) {
		struct log_source *s = &log->sources[i];

		s->name[LOG_SOURCE_NAME_MAX] = '\0';
		s->is_open = i == LOG_SOURCE_GLOBAL;
		s->first_seq = s->last_seq = s->in_log = 0;
	}
	for (uint64_t seq = h->first_seq; seq < h->next_seq; seq++) {
		struct log_entry *e = &log->index[seq & log->index_mask];
		struct log_source *s = &log->sources[e->source];

		e->next_delta = 0;
		if (s->id != e->source_id)
			continue;
		if (s->last_seq)
			log->index[s->last_seq & log->index_mask].next_delta =
				(uint32_t)(seq - s->last_seq);
		else
			s->first_seq = seq;
		s->last_seq = seq;
		s->in_log++;
		if (!(e->flags & LOG_GAP))
			s->events = log_entry_counts(e).events + 1;
	}
	log->header->sources_used = 1;
	for (unsigned int i = 1; i < LOG_SOURCES_MAX; i++)
		if (log->sources[i].in_log == 0)
			log->sources[i].id = 0;
		else
			log->header->sources_used = i + 1;
}

static int adopt_log(struct event_log *log, int fd)
{
	struct log_header h;
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (pread(fd, &h, sizeof(h), 0) != sizeof(h))
		return -EBADMSG;
	if (h.magic != LOG_MAGIC || h.version != LOG_VERSION || h.text_size < (1UL << 20) ||
	    h.text_size > (1UL << 40) || (h.text_size & (h.text_size - 1)) ||
	    h.capacity != h.text_size / BYTES_PER_ENTRY || h.n_sources != LOG_SOURCES_MAX ||
	    h.source_size != sizeof(struct log_source) ||
	    h.entry_size != sizeof(struct log_entry) || h.sources_used == 0 ||
	    h.sources_used > LOG_SOURCES_MAX || h.sources_at != PAGE ||
	    h.index_at != index_offset() || h.text_at != meta_bytes(h.capacity) ||
	    (uint64_t)st.st_size != meta_bytes(h.capacity) + h.text_size)
		return -EBADMSG;

	log->fd = fd;
	r = map_log(log, h.text_size, h.capacity);
	if (r == 0)
		r = check_entries(log);
	if (r < 0) {
		log->fd = -1; /* stays the caller's */
		return r;
	}
	rebuild_sources(log);
	return 0;
}

int event_log_new(size_t text_bytes, int fd, struct event_log **ret)
{
	_cleanup_(event_log_freep) struct event_log *log = NULL;
	int r;

	log = calloc(1, sizeof(*log));
	if (!log)
		return -ENOMEM;
	log->fd = -1;
	r = fd >= 0 ? adopt_log(log, fd) : create_log(log, text_bytes);
	if (r < 0)
		return r;

	*ret = take_ptr(log);
	return 0;
}

struct event_log *event_log_free(struct event_log *log)
{
	if (log->text)
		munmap(log->text, 2 * (log->text_mask + 1));
	if (log->header)
		munmap(log->header, log->meta_size);
	if (log->fd >= 0)
		close(log->fd);
	free(log);
	return NULL;
}

int event_log_fd(const struct event_log *log)
{
	return log->fd;
}

uint32_t event_log_epoch(const struct event_log *log)
{
	return log->header->epoch;
}

uint64_t event_log_first(const struct event_log *log)
{
	return log->header->first_seq;
}

uint64_t event_log_next(const struct event_log *log)
{
	return log->header->next_seq;
}

size_t event_log_size(const struct event_log *log)
{
	return log->text_mask + 1;
}

size_t event_log_used(const struct event_log *log)
{
	return log->text_head - log->text_tail;
}

uint64_t event_log_capacity(const struct event_log *log)
{
	return log->index_mask + 1;
}

uint32_t event_log_take_id(struct event_log *log)
{
	return log->header->next_id++;
}

/*
 * Of two closed sources, whether @a is less of a loss: the one whose entries went, or will go,
 * first; of those without entries, one that never had any.
 */
static bool is_staler(const struct log_source *a, const struct log_source *b)
{
	bool has_counts = a->events || a->lost || a->recursion;

	if (a->last_seq != b->last_seq)
		return a->last_seq < b->last_seq;
	if (has_counts != (b->events || b->lost || b->recursion))
		return !has_counts;
	return a->id < b->id;
}

int event_log_source_open(struct event_log *log, enum log_source_kind kind, const char *name,
			  uint64_t tag, unsigned int *ret_slot)
{
	unsigned int slot = 0;
	struct log_source *s;

	for (unsigned int i = 1; i < LOG_SOURCES_MAX; i++) {
		s = &log->sources[i];
		if (s->id == 0) {
			slot = i;
			break;
		}
		if (!s->is_open && (slot == 0 || is_staler(s, &log->sources[slot])))
			slot = i;
	}
	if (slot == 0)
		return -ENOSPC;

	s = &log->sources[slot];
	__atomic_store_n(&s->id, 0, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	*s = (struct log_source){
		.is_open = true,
		.kind = kind,
		.tag = tag,
	};
	snprintf(s->name, sizeof(s->name), "%s", name);
	__atomic_store_n(&s->id, log->header->next_source_id++, __ATOMIC_RELEASE);
	if (slot >= log->header->sources_used)
		__atomic_store_n(&log->header->sources_used, slot + 1, __ATOMIC_RELEASE);
	*ret_slot = slot;
	return 0;
}

void event_log_source_close(struct event_log *log, unsigned int slot)
{
	log->sources[slot].is_open = false;
}

const struct log_source *event_log_last_source(const struct event_log *log, unsigned int slot)
{
	return slot < LOG_SOURCES_MAX && log->sources[slot].id ? &log->sources[slot] : NULL;
}

const struct log_source *event_log_source(const struct event_log *log, unsigned int slot)
{
	const struct log_source *s = event_log_last_source(log, slot);

	return s && (s->is_open || s->in_log) ? s : NULL;
}

unsigned int event_log_source_limit(void)
{
	return LOG_SOURCES_MAX;
}

static void evict_oldest(struct event_log *log)
{
	const struct log_entry *e = &log->index[log->header->first_seq & log->index_mask];
	struct log_source *s = &log->sources[e->source];

	__atomic_store_n(&log->header->first_seq, log->header->first_seq + 1, __ATOMIC_RELAXED);
	if (s->id == e->source_id) {
		s->first_seq = e->next_delta ? e->seq + e->next_delta : 0;
		if (--s->in_log == 0)
			__atomic_store_n(&s->last_seq, 0, __ATOMIC_RELEASE);
	}
	log->text_tail = e->text_pos + e->text_len;
}

char *event_log_reserve(struct event_log *log, size_t max)
{
	struct log_header *h = log->header;
	char *text = log->text + (log->text_head & log->text_mask);
	uint64_t size = log->text_mask + 1;

	if (max > size / 4)
		return NULL;
	while (h->next_seq - h->first_seq == h->capacity ||
	       log->text_head + max - log->text_tail > size)
		evict_oldest(log);
	/* What was given up is told before it is written over. (Nothing to execute on x86.) */
	__atomic_thread_fence(__ATOMIC_RELEASE);
	/*
	 * The log is larger than any cache near the CPU: what the events soon to come are written
	 * to, if of an ordinary size, is fetched while this one is encoded. (Not in a function of
	 * its own: gcc takes such a one for having no effect.)
	 */
	for (int i = 8; i < 12; i++)
		__builtin_prefetch(text + 64 * i, 1);
	__builtin_prefetch(&log->index[(h->next_seq + 4) & log->index_mask], 1);
	return text;
}

static void count_gap(struct log_source *s, unsigned int flags, uint64_t lost)
{
	uint64_t *to = flags & LOG_RECURSION ? &s->recursion : &s->lost;

	if (lost)
		__atomic_store_n(to, *to + lost, __ATOMIC_RELEASE);
	else
		__atomic_store_n(&s->untold, s->untold + 1, __ATOMIC_RELEASE);
}

uint64_t event_log_commit(struct event_log *log, unsigned int slot, uint64_t ts, uint32_t tid,
			  unsigned int cpu, unsigned int flags, size_t len, uint64_t lost)
{
	struct log_source *s = &log->sources[slot];
	uint64_t seq = log->header->next_seq;

	log->text[(log->text_head & log->text_mask) + len] = ',';
	log->index[seq & log->index_mask] = (struct log_entry){
		.seq = seq,
		.ts = ts,
		.text_pos = log->text_head,
		.ordinal_low = (uint32_t)s->events,
		.lost_low = (uint32_t)s->lost,
		.recursion_low = (uint32_t)s->recursion,
		.text_len = (uint32_t)len + 1,
		.source_id = s->id,
		.tid = tid,
		.source = (uint16_t)slot,
		.cpu = (uint16_t)cpu,
		.flags = (uint8_t)flags,
		.untold = (uint8_t)s->untold,
		.ordinal_high = (uint16_t)(s->events >> 32),
		.lost_high = (uint16_t)(s->lost >> 32),
		.recursion_high = (uint16_t)(s->recursion >> 32),
	};
	if (s->last_seq)
		log->index[s->last_seq & log->index_mask].next_delta =
			(uint32_t)(seq - s->last_seq);
	else
		s->first_seq = seq;
	__atomic_store_n(&s->last_seq, seq, __ATOMIC_RELAXED);
	s->in_log++;
	if (flags & LOG_GAP)
		count_gap(s, flags, lost);
	else
		__atomic_store_n(&s->events, s->events + 1, __ATOMIC_RELEASE);
	log->text_head += len + 1;
	__atomic_store_n(&log->header->next_seq, seq + 1, __ATOMIC_RELEASE);
	return seq;
}

/* A read will do: of shared memory that may be written the page is mapped for that at once. */
void event_log_prepare(const struct event_log *log)
{
	uint64_t ahead = log->header->next_seq + PAGE / sizeof(struct log_entry);

	(void)*(const volatile char *)&log->text[(log->text_head + PAGE) & log->text_mask];
	(void)*(const volatile uint64_t *)&log->index[ahead & log->index_mask].seq;
}

const struct log_entry *event_log_entry(const struct event_log *log, uint64_t seq)
{
	return &log->index[seq & log->index_mask];
}

const char *event_log_text(const struct event_log *log, const struct log_entry *entry)
{
	return log->text + (entry->text_pos & log->text_mask);
}
