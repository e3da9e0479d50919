/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The event log against a naive model of it: what it holds after any number of appends, wraps and
 * sources. How it survives its process is in test-event-log-adopt.c.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "event-log.h"
#include "random.h"

#define LOG_BYTES (1UL << 20)
#define CAPACITY  (LOG_BYTES / 128)

/* Everything that was ever appended, and every source there ever was. */
struct model_entry {
	uint32_t source_id;
	uint16_t slot;
	uint16_t flags;
	uint32_t len;
	uint64_t lost;
};

struct model_source {
	uint32_t id;
	bool is_open;
	uint64_t tag;
	uint64_t events, lost;
};

struct model {
	struct event_log *log;
	struct random random;
	struct model_entry *entries; /* by seq */
	uint64_t next;
	struct model_source sources[LOG_SOURCES_MAX]; /* by slot */
	unsigned int open[64];
	size_t n_open;
};

static char text_byte(uint64_t seq, size_t i)
{
	return (char)('a' + (seq * 7 + i * 13) % 26);
}

static struct event_log *new_log(void)
{
	struct event_log *log;

	assert_int_equal(event_log_new(LOG_BYTES, -1, &log), 0);
	return log;
}

static struct model *new_model(size_t max_entries, uint64_t seed)
{
	struct model *m = calloc(1, sizeof(*m));

	assert_non_null(m);
	m->log = new_log();
	m->random.state = seed;
	m->next = 1;
	m->entries = calloc(max_entries + 1, sizeof(*m->entries));
	assert_non_null(m->entries);
	return m;
}

static void free_model(struct model *m)
{
	event_log_free(m->log);
	free(m->entries);
	free(m);
}

static unsigned int gap_flags(uint64_t lost)
{
	return lost % 3 ? LOG_GAP : LOG_GAP | LOG_RECURSION;
}

static void append(struct model *m, unsigned int slot, size_t len, uint64_t lost)
{
	struct model_source *s = &m->sources[slot];
	char *text = event_log_reserve(m->log, len + 1);
	unsigned int flags = lost ? gap_flags(lost) : 0;

	assert_non_null(text);
	for (size_t i = 0; i < len; i++)
		text[i] = text_byte(m->next, i);
	m->entries[m->next] = (struct model_entry){
		.source_id = s->id,
		.slot = (uint16_t)slot,
		.flags = (uint16_t)flags,
		.len = (uint32_t)len,
		.lost = lost,
	};
	assert_int_equal(event_log_commit(m->log, slot, m->next * 10, (uint32_t)m->next * 3,
					  (unsigned int)m->next % 7, flags, len, lost),
			 m->next);
	m->next++;
	if (lost)
		s->lost += lost;
	else
		s->events++;
}

static void open_source(struct model *m, uint64_t tag)
{
	char name[80];
	unsigned int slot;

	snprintf(name, sizeof(name), "probe_%llu", (unsigned long long)tag);
	assert_int_equal(event_log_source_open(m->log, LOG_SOURCE_PROBE, name, tag, &slot), 0);
	assert_false(m->sources[slot].is_open);
	assert_int_not_equal(slot, LOG_SOURCE_GLOBAL);
	m->sources[slot] = (struct model_source){
		.id = event_log_source(m->log, slot)->id,
		.is_open = true,
		.tag = tag,
	};
	m->open[m->n_open++] = slot;
}

static void close_source(struct model *m, size_t i)
{
	event_log_source_close(m->log, m->open[i]);
	m->sources[m->open[i]].is_open = false;
	m->open[i] = m->open[--m->n_open];
}

static void check_entry(const struct model *m, uint64_t seq)
{
	const struct log_entry *e = event_log_entry(m->log, seq);
	const struct model_entry *want = &m->entries[seq];
	const char *text = event_log_text(m->log, e);

	assert_int_equal(e->seq, seq);
	assert_int_equal(e->ts, seq * 10);
	assert_int_equal(e->tid, (uint32_t)seq * 3);
	assert_int_equal(e->cpu, seq % 7);
	assert_int_equal(e->source, want->slot);
	assert_int_equal(e->source_id, want->source_id);
	assert_int_equal(e->flags, want->flags);
	assert_int_equal(e->text_len, want->len + 1);
	for (size_t i = 0; i < want->len; i++)
		if (text[i] != text_byte(seq, i))
			fail_msg("entry %llu differs at byte %zu", (unsigned long long)seq, i);
	assert_int_equal(text[want->len], ',');
}

struct chain {
	uint64_t first, last, n;
	struct log_counts had;
};

static void check_counts(struct log_counts is, const struct log_counts *wanted)
{
	assert_int_equal(is.events, wanted->events);
	assert_int_equal(is.lost, wanted->lost);
	assert_int_equal(is.recursion, wanted->recursion);
	assert_int_equal(is.untold, wanted->untold);
}

/* Ordinals are counted from the beginning of time, chains from the oldest entry held. */
static void check_chains(const struct model *m)
{
	struct chain *chains = calloc(m->next + LOG_SOURCES_MAX + 1, sizeof(*chains)); /* by id */
	uint64_t first = event_log_first(m->log);

	assert_non_null(chains);
	for (uint64_t seq = 1; seq < m->next; seq++) {
		const struct model_entry *want = &m->entries[seq];
		struct chain *c = &chains[want->source_id];

		if (seq >= first) {
			const struct log_entry *e = event_log_entry(m->log, seq);

			check_counts(log_entry_counts(e), &c->had);
			if (c->last)
				assert_int_equal(event_log_entry(m->log, c->last)->next_delta,
						 seq - c->last);
			else
				c->first = seq;
			c->last = seq;
			c->n++;
		}
		c->had.events += !want->lost;
		if (want->flags & LOG_RECURSION)
			c->had.recursion += want->lost;
		else
			c->had.lost += want->lost;
	}
	for (unsigned int slot = 1; slot < LOG_SOURCES_MAX; slot++) {
		const struct log_source *s = event_log_source(m->log, slot);
		const struct model_source *want = &m->sources[slot];
		const struct chain *c = &chains[want->id];

		if (!want->id || (!want->is_open && c->n == 0)) {
			assert_null(s);
			continue;
		}
		assert_non_null(s);
		assert_int_equal(s->id, want->id);
		assert_int_equal(s->is_open, want->is_open);
		assert_int_equal(s->tag, want->tag);
		assert_int_equal(s->first_seq, c->first);
		assert_int_equal(s->last_seq, c->last);
		assert_int_equal(s->in_log, c->n);
		check_counts(log_source_counts(s), &c->had);
		if (c->last)
			assert_int_equal(event_log_entry(m->log, c->last)->next_delta, 0);
	}
	free(chains);
}

/* As many as can be: one more would not have fitted the room that was asked for. */
static void check_extent(const struct model *m)
{
	uint64_t first = event_log_first(m->log), used = 0;

	assert_int_equal(event_log_next(m->log), m->next);
	assert_in_range(m->next - first, 0, CAPACITY);
	for (uint64_t seq = first; seq < m->next; seq++)
		used += m->entries[seq].len + 1;
	assert_int_equal(event_log_used(m->log), used);
	assert_in_range(used, 0, LOG_BYTES);
	if (first > 1 && m->next - first < CAPACITY)
		assert_true(used + m->entries[first - 1].len + 1 > LOG_BYTES);
}

static void check_model(const struct model *m)
{
	check_extent(m);
	for (uint64_t seq = event_log_first(m->log); seq < m->next; seq++)
		check_entry(m, seq);
	check_chains(m);
}

static void test_new_log_is_empty(void **state)
{
	struct event_log *log = new_log(), *other = new_log();

	assert_int_equal(event_log_first(log), 1);
	assert_int_equal(event_log_next(log), 1);
	assert_int_equal(event_log_size(log), LOG_BYTES);
	assert_int_equal(event_log_used(log), 0);
	assert_int_not_equal(event_log_epoch(log), 0);
	assert_int_not_equal(event_log_epoch(log), event_log_epoch(other));
	assert_non_null(event_log_source(log, LOG_SOURCE_GLOBAL));
	assert_null(event_log_source(log, 1));
	assert_null(event_log_source(log, LOG_SOURCES_MAX));
	assert_null(event_log_last_source(log, 1));
	assert_null(event_log_last_source(log, LOG_SOURCES_MAX));
	assert_int_equal(event_log_take_id(log), 1);
	assert_int_equal(event_log_take_id(log), 2);
	event_log_free(log);
	event_log_free(other);
}

static void test_size_must_be_a_power_of_two_from_a_mebibyte(void **state)
{
	static const size_t bad[] = {0, 4096, LOG_BYTES - 1, LOG_BYTES + 4096, 3 * LOG_BYTES};
	struct event_log *log;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(event_log_new(bad[i], -1, &log), -EINVAL);
}

/* How much memory the log has taken so far. */
static blkcnt_t used_blocks(const struct event_log *log)
{
	struct stat st;

	assert_int_equal(fstat(event_log_fd(log), &st), 0);
	return st.st_blocks;
}

static void test_prepared_log_takes_no_more_memory_for_the_next_page(void **state)
{
	struct event_log *log = new_log();
	blkcnt_t before;

	for (unsigned int round = 0; round < 3; round++) {
		event_log_commit(log, LOG_SOURCE_GLOBAL, 1, 1, 0, 0, 200, 0);
		event_log_prepare(log);
		before = used_blocks(log);
		for (unsigned int i = 0; i < 20; i++) {
			assert_non_null(memset(event_log_reserve(log, 201), 'x', 201));
			event_log_commit(log, LOG_SOURCE_GLOBAL, 1, 1, 0, 0, 200, 0);
		}
		assert_int_equal(used_blocks(log), before);
		/* Over the page's end, and what was not prepared is taken now. */
		for (unsigned int i = 0; i < 40; i++) {
			assert_non_null(memset(event_log_reserve(log, 201), 'x', 201));
			event_log_commit(log, LOG_SOURCE_GLOBAL, 1, 1, 0, 0, 200, 0);
		}
		assert_true(used_blocks(log) > before);
	}
	event_log_free(log);
}

static void test_more_than_a_quarter_cannot_be_reserved(void **state)
{
	struct model *m = new_model(16, 1);

	open_source(m, 1);
	append(m, m->open[0], 10, 0);
	assert_null(event_log_reserve(m->log, LOG_BYTES / 4 + 1));
	assert_int_equal(event_log_first(m->log), 1);
	for (int i = 0; i < 9; i++)
		append(m, m->open[0], LOG_BYTES / 4 - 1, 0);
	/* Four quarters fill the ring to the last byte. */
	assert_int_equal(m->next - event_log_first(m->log), 4);
	assert_int_equal(event_log_used(m->log), LOG_BYTES);
	check_model(m);
	free_model(m);
}

static void test_text_ring_wraps_where_it_may(void **state)
{
	struct model *m = new_model(40000, 1);

	open_source(m, 1);
	/* 1009 is prime to the size: in time a text begins everywhere. */
	for (int i = 0; i < 20000; i++) {
		append(m, m->open[0], 1008, 0);
		check_entry(m, event_log_first(m->log));
		check_entry(m, m->next - 1);
	}
	check_model(m);
	free_model(m);
}

static void test_index_ring_wraps_with_short_texts(void **state)
{
	struct model *m = new_model(10 * CAPACITY, 1);

	open_source(m, 1);
	for (size_t i = 0; i < 3 * CAPACITY + 5; i++)
		append(m, m->open[0], i % 3, 0);
	assert_int_equal(m->next - event_log_first(m->log), CAPACITY);
	check_model(m);
	free_model(m);
}

static void test_neighbours_are_contiguous_but_for_the_wrap(void **state)
{
	struct model *m = new_model(4000, 1);
	unsigned int breaks = 0;

	open_source(m, 1);
	for (int i = 0; i < 3000; i++)
		append(m, m->open[0], 700, 0);
	for (uint64_t seq = event_log_first(m->log) + 1; seq < m->next; seq++) {
		const struct log_entry *e = event_log_entry(m->log, seq - 1);

		breaks += event_log_text(m->log, e) + e->text_len !=
			  event_log_text(m->log, event_log_entry(m->log, seq));
	}
	assert_int_equal(breaks, 1);
	free_model(m);
}

static void random_step(struct model *m, uint64_t *tags)
{
	struct random *r = &m->random;
	uint64_t what = random_below(r, 1000);

	if (what < 4 && m->n_open < 40) {
		open_source(m, ++*tags);
	} else if (what < 7 && m->n_open) {
		close_source(m, random_below(r, m->n_open));
	} else if (m->n_open) {
		/* Some sources are much busier than others. */
		size_t i = random_below(r, 1 + random_below(r, m->n_open));
		size_t len =
			random_below(r, 50) == 0 ? random_below(r, 20000) : random_below(r, 200);

		append(m, m->open[i], len, random_below(r, 20) == 0 ? 1 + random_below(r, 99) : 0);
	}
}

static void test_random_appends_match_the_model(void **state)
{
	struct model *m = new_model(400000, 0x5eed);
	uint64_t tags = 0;

	for (int i = 0; i < 300000; i++) {
		random_step(m, &tags);
		if (i % 20011 == 0)
			check_model(m);
	}
	check_model(m);
	assert_true(event_log_first(m->log) > 10 * CAPACITY);
	free_model(m);
}

static void test_names_are_cut_to_their_room(void **state)
{
	struct event_log *log = new_log();
	char name[100];
	unsigned int slot;

	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(event_log_source_open(log, LOG_SOURCE_RING, name, 5, &slot), 0);
	assert_int_equal(strlen(event_log_source(log, slot)->name), LOG_SOURCE_NAME_MAX);
	assert_int_equal(event_log_source(log, slot)->kind, LOG_SOURCE_RING);
	event_log_free(log);
}

/* An entry of every slot but the global one; all open. */
static struct model *full_of_sources(void)
{
	struct model *m = new_model(3 * LOG_SOURCES_MAX, 1);

	for (unsigned int i = 1; i < LOG_SOURCES_MAX; i++) {
		open_source(m, i);
		m->n_open = 0;
		append(m, m->open[0], 20, 0);
	}
	return m;
}

static void test_slots_run_out_when_all_are_open(void **state)
{
	struct model *m = full_of_sources();
	unsigned int slot = 77;

	assert_int_equal(event_log_source_open(m->log, LOG_SOURCE_PROBE, "more", 0, &slot),
			 -ENOSPC);
	assert_int_equal(slot, 77);
	check_model(m);
	free_model(m);
}

static void test_oldest_closed_source_gives_up_its_slot(void **state)
{
	struct model *m = full_of_sources();

	for (unsigned int slot = 1000; slot < 1010; slot++) {
		event_log_source_close(m->log, slot);
		m->sources[slot].is_open = false;
	}
	/* The first of them has news, and so is not the oldest any more. */
	append(m, 1000, 20, 0);
	open_source(m, 9999);
	assert_int_equal(m->open[0], 1001);
	/* What is in the log stays, of a source that cannot be found by name. */
	check_entry(m, 1001);
	assert_int_equal(event_log_source(m->log, 1001)->first_seq, 0);
	append(m, 1001, 30, 0);
	assert_int_equal(event_log_source(m->log, 1001)->first_seq, m->next - 1);
	assert_int_equal(event_log_entry(m->log, 1001)->next_delta, 0);
	/* Evicting the entry of the earlier source leaves the later one alone. */
	for (int i = 0; i < 9000; i++)
		append(m, 5, 20, 0);
	assert_int_equal(event_log_source(m->log, 1001)->in_log, 0);
	assert_int_equal(event_log_source(m->log, 1001)->events, 1);
	check_model(m);
	free_model(m);
}

static void test_counters_of_closed_sources_stay_as_long_as_can_be(void **state)
{
	struct model *m = full_of_sources();

	event_log_source_close(m->log, 20);
	event_log_source_close(m->log, 30);
	m->sources[20].is_open = m->sources[30].is_open = false;
	for (int i = 0; i < 9000; i++)
		append(m, 5, 20, 0);
	open_source(m, 9998);
	assert_int_equal(m->open[0], 20);
	/* It never has an entry: again it is the one. */
	close_source(m, 0);
	open_source(m, 9999);
	assert_int_equal(m->open[0], 20);
	assert_int_equal(event_log_last_source(m->log, 30)->events, 1);
	check_model(m);
	free_model(m);
}

static void test_closed_source_goes_with_its_last_entry(void **state)
{
	struct model *m = new_model(20000, 1);

	open_source(m, 1);
	open_source(m, 2);
	append(m, m->open[0], 20, 0);
	event_log_source_close(m->log, m->open[0]);
	m->sources[m->open[0]].is_open = false;
	assert_non_null(event_log_source(m->log, m->open[0]));
	for (size_t i = 0; i < CAPACITY; i++)
		append(m, m->open[1], 20, 0);
	assert_null(event_log_source(m->log, m->open[0]));
	/* What it had is known for as long as nobody needs the slot. */
	assert_int_equal(event_log_last_source(m->log, m->open[0])->events, 1);
	assert_int_equal(event_log_last_source(m->log, m->open[0])->in_log, 0);
	/* One that never had an entry goes at once. */
	open_source(m, 3);
	event_log_source_close(m->log, m->open[2]);
	assert_null(event_log_source(m->log, m->open[2]));
	free_model(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_new_log_is_empty),
		cmocka_unit_test(test_size_must_be_a_power_of_two_from_a_mebibyte),
		cmocka_unit_test(test_prepared_log_takes_no_more_memory_for_the_next_page),
		cmocka_unit_test(test_more_than_a_quarter_cannot_be_reserved),
		cmocka_unit_test(test_text_ring_wraps_where_it_may),
		cmocka_unit_test(test_index_ring_wraps_with_short_texts),
		cmocka_unit_test(test_neighbours_are_contiguous_but_for_the_wrap),
		cmocka_unit_test(test_random_appends_match_the_model),
		cmocka_unit_test(test_names_are_cut_to_their_room),
		cmocka_unit_test(test_slots_run_out_when_all_are_open),
		cmocka_unit_test(test_oldest_closed_source_gives_up_its_slot),
		cmocka_unit_test(test_counters_of_closed_sources_stay_as_long_as_can_be),
		cmocka_unit_test(test_closed_source_goes_with_its_last_entry),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
