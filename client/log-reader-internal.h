/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the two files of the log's reader share: log-reader.c copies entries and checks what it
 * copied; log-account.c knows which sources are selected and what has become of their events.
 */
#ifndef KP_LOG_READER_INTERNAL_H
#define KP_LOG_READER_INTERNAL_H

#include "log-reader.h"

/* Entries in a batch at most, gaps included. */
#define PICKED_MAX 4096

/* A source of the log, in the slot it has there. */
struct account {
	uint32_t id; /* 0: none known */
	uint16_t kind;
	bool is_selected;
	bool has_base;		  /* the next is known */
	struct log_counts counts; /* of what is settled, or was before the reader began */
};

struct log_reader {
	/* Mapped, as the next three. */
	const struct log_header *header;
	const struct log_source *sources;
	const struct log_entry *index;
	const char *text; /* twice back to back */
	size_t meta_size; /* of all but the text */
	/* Of the header, which is not looked at again. */
	uint64_t capacity;
	uint64_t text_size;
	uint32_t epoch;
	uint32_t n_sources;

	char **selectors; /* owned, and what it points to */
	size_t n_selectors;
	uint64_t position;	  /* everything before it is settled, or told to be unknown */
	struct account *accounts; /* owned, n_sources; by slot */
	bool was_overtaken;	  /* ever, or the reader began before the oldest entry */
	bool needs_settling;	  /* since it was last at the end it was overtaken */

	/* The batch. */
	struct log_item *picked; /* owned, PICKED_MAX: selected entries whose texts were copied */
	size_t n_picked;
	char *copy; /* owned: texts with their commas, from the second byte on */
	size_t copy_size;
	struct text gaps;   /* an array, the bracket at its end missing */
	uint64_t overtaken; /* events, to be told in this batch */
	bool is_uncounted;  /* and others whose number is not known */
};

/* Behind an acquire fence: entries before it may not be what was copied. */
static inline uint64_t first_after_copy(const struct log_reader *r)
{
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return __atomic_load_n(&r->header->first_seq, __ATOMIC_RELAXED);
}

static inline void entry_copy(const struct log_entry *from, struct log_entry *to)
{
	uint64_t words[sizeof(*to) / sizeof(uint64_t)];

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		words[i] =
			__atomic_load_n((const uint64_t *)(const void *)from + i, __ATOMIC_RELAXED);
	memcpy(to, words, sizeof(*to));
}

/* The sources that are there, and how many of their events are before the reader's position. */
void accounts_begin(struct log_reader *r);

enum account_result {
	ACCOUNT_FOUND,
	ACCOUNT_TORN, /* the copy of the entry is not whole */
	ACCOUNT_FULL, /* its slot had another source, of which there are picked entries */
};

/* account_find() for a source that is not known yet. */
enum account_result account_open(struct log_reader *r, const struct log_entry *entry, uint64_t seq);

/* Makes sure that the account in the slot of @entry, copied as @seq, is that of its source. */
static inline enum account_result account_find(struct log_reader *r, const struct log_entry *entry,
					       uint64_t seq)
{
	if (entry->seq != seq || entry->source >= r->n_sources)
		return ACCOUNT_TORN;
	if (r->accounts[entry->source].id == entry->source_id)
		return ACCOUNT_FOUND;
	return account_open(r, entry, seq);
}

/* The entry is given out: what should have come before it has been lost. @json: its text. */
void account_take(struct log_reader *r, const struct log_item *p, struct slice json);

/* The reader stands at @end, up to which it has seen all that is still held. */
void accounts_settle(struct log_reader *r, uint64_t end);

void gaps_clear(struct log_reader *r);
/* A gap entry's text. */
void gaps_add(struct log_reader *r, struct slice json);
/* All gaps of the batch; no text if there are none. */
void gaps_finish(struct log_reader *r, struct slice *ret);

#endif
