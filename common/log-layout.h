/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The event log's memfd: its layout, and how it is read while the daemon writes it.
 *
 *     header | sources | index ring | byte ring
 *
 * This is an ABI: what is here is read by libkprobed in other processes (Subscribe with transport
 * "memory") and by the next daemon. A change of it is a new LOG_VERSION, and a reader refuses any
 * version and any size of a part that it was not built for. All numbers are in the byte order of
 * the machine.
 *
 * The index ring has one struct log_entry per event, the entry seq in slot seq % capacity; the byte
 * ring has the event's JSON text followed by a comma, at text_pos % text_size, and is to be mapped
 * twice back to back so that no text wraps. Texts of neighbouring entries are neighbours. Sequence
 * numbers start at 1; first_seq to next_seq - 1 are held.
 *
 * One process writes. What it promises, and what a reader has to do in return:
 *
 *  - An entry and its text are complete before next_seq moves behind it (release). A reader loads
 *    next_seq (acquire) and looks at nothing from there on.
 *  - first_seq moves over an entry before a byte of the entry or its text is written over (a
 *    release fence is in between). A reader copies what it wants, then has an acquire fence, then
 *    loads first_seq: what it copied of entries from there on is whole; the rest, which it must not
 *    have believed in the meantime, was overtaken. Of a copy that is torn, first_seq says so.
 *  - next_delta and the fields of a source that are said to be the daemon's change at any time.
 *  - A source's last_seq is stored before its counts (events to untold; release), and first_seq
 *    before a last_seq of 0. So when its counts are loaded (acquire), then last_seq, then, after an
 *    acquire fence, first_seq, and neither last_seq is at or behind a place in the log nor
 *    first_seq behind it, then they are the counts of everything before that place.
 *  - A slot's id is 0 while it is given to another source, and ids never come again: fields that
 *    were read between two loads of the same id are of that source.
 *
 * How many events of a source a reader missed is the difference of the ordinal that it expected and
 * the ordinal of the source's next entry, or of the source's events at the end of the log. What gap
 * entries that it missed would have told is found likewise: by cause, as a probe can be missed for
 * want of an instance and inside another's handling.
 *
 * (Entries and texts are copied and written without atomics: formally a data race where a copy is
 * torn, whose result is thrown away. The fences order the accesses on every machine kprobed runs
 * on, and gcc and clang move no memory access across them.)
 */
#ifndef KP_LOG_LAYOUT_H
#define KP_LOG_LAYOUT_H

#include <stdint.h>

#define LOG_MAGIC   0x31474f4c4450424bULL /* "KBPDLOG1" */
#define LOG_VERSION 3

#define LOG_SOURCE_NAME_MAX 63

/* The seals the memfd has: with them a mapping cannot be made to fault. */
#define LOG_SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

/* The source of what concerns everybody: a restart. It is always there. */
#define LOG_SOURCE_GLOBAL 0

struct log_header {
	uint64_t magic;
	uint32_t version;
	uint32_t epoch;	    /* tells this log from any other: the first part of a cursor */
	uint64_t text_size; /* bytes, a power of two */
	uint64_t capacity;  /* entries, a power of two */
	uint64_t first_seq;
	uint64_t next_seq;
	uint32_t next_source_id; /* the daemon's, as the next */
	uint32_t next_id;
	/* From here on nothing but sources_used changes. */
	uint32_t n_sources;
	uint32_t source_size;  /* of a struct log_source */
	uint32_t entry_size;   /* of a struct log_entry */
	uint32_t sources_used; /* slots from there on never had a source */
	uint64_t sources_at;   /* offsets in the memfd, of whole pages */
	uint64_t index_at;
	uint64_t text_at; /* the memfd ends text_size bytes behind it */
};
_Static_assert(sizeof(struct log_header) == 96, "part of the memfd's layout");

enum log_flags {
	LOG_GAP = 1,	   /* the text is a Gap object, not an event */
	LOG_RECURSION = 2, /* of that kind, with LOG_GAP */
};

struct log_entry {
	uint64_t seq;
	uint64_t ts; /* CLOCK_MONOTONIC, ns */
	uint64_t text_pos;
	/*
	 * The low 32 bits of what its source had before this entry: events, and losses told by gap
	 * entries. With the high 16, log_entry_counts() has them whole: of a million events a
	 * second there is room for nine years.
	 */
	uint32_t ordinal_low, lost_low, recursion_low;
	uint32_t next_delta; /* the daemon's: to the source's next entry; 0: none yet */
	uint32_t text_len;   /* with the comma */
	uint32_t source_id;
	uint32_t tid;
	uint16_t source; /* slot */
	uint16_t cpu;
	uint8_t flags;	/* enum log_flags */
	uint8_t untold; /* struct log_counts */
	uint16_t ordinal_high, lost_high, recursion_high;
};
_Static_assert(sizeof(struct log_entry) == 64, "the index is an array of cache lines");

/* What a source has had up to some place in the log. */
struct log_counts {
	uint64_t events;
	uint64_t lost;	    /* told by gap entries, but for the next */
	uint64_t recursion; /* told by those with LOG_RECURSION */
	uint8_t untold;	    /* gap entries that did not know how many; modulo 256 */
};

/* Before @e. */
static inline struct log_counts log_entry_counts(const struct log_entry *e)
{
	return (struct log_counts){
		.events = (uint64_t)e->ordinal_high << 32 | e->ordinal_low,
		.lost = (uint64_t)e->lost_high << 32 | e->lost_low,
		.recursion = (uint64_t)e->recursion_high << 32 | e->recursion_low,
		.untold = e->untold,
	};
}

enum log_source_kind {
	LOG_SOURCE_PROBE,
	LOG_SOURCE_RING,
	LOG_SOURCE_SERVICE,
};

struct log_source {
	uint32_t id; /* 0: the slot was never used */
	uint16_t is_open;
	uint16_t kind; /* enum log_source_kind */
	char name[LOG_SOURCE_NAME_MAX + 1];
	uint64_t first_seq; /* the daemon's: oldest entry in the log, 0: none */
	uint64_t last_seq;  /* newest, 0: none in the log */
	uint64_t events;    /* ever appended */
	uint64_t lost;	    /* told by gap entries, as the next two: see struct log_counts */
	uint64_t recursion;
	uint64_t untold;
	uint64_t in_log; /* the daemon's: entries in the log */
	uint64_t tag;	 /* the opener's: the id of the probe */
};
_Static_assert(sizeof(struct log_source) == 136, "part of the memfd's layout");

/* The daemon's: up to now. */
static inline struct log_counts log_source_counts(const struct log_source *s)
{
	return (struct log_counts){s->events, s->lost, s->recursion, (uint8_t)s->untold};
}

#endif
