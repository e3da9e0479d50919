/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See view.h. */
#include "view.h"

#include <errno.h>
#include <string.h>

int view_new(const struct event_log *log, struct filter *filter, struct view **ret)
{
	_cleanup_(view_freep) struct view *v = calloc(1, sizeof(*v));

	if (!v)
		return -ENOMEM;
	v->log = log;
	v->begin = event_log_next(log);
	v->last = v->begin / 64;
	/* One more: the oldest and the newest entry may share a word's place. */
	v->n_words = event_log_capacity(log) / 64 + 1;
	v->words = calloc(v->n_words, sizeof(*v->words));
	if (!v->words)
		return -ENOMEM;
	v->filter = filter;
	*ret = take_ptr(v);
	return 0;
}

struct view *view_free(struct view *v)
{
	if (v->filter)
		filter_free(v->filter);
	free(v->words);
	free(v);
	return NULL;
}

static struct view_word *word_at(const struct view *v, uint64_t word)
{
	return &v->words[word % v->n_words];
}

/* The words up to @word have no bits yet. */
static void go_to(struct view *v, uint64_t word)
{
	const struct view_word none = {
		.events_before = v->n_events,
		.left_out_before = v->n_left_out,
	};

	if (word - v->last > v->n_words)
		v->last = word - v->n_words;
	while (v->last < word)
		*word_at(v, ++v->last) = none;
}

void view_mark(struct view *v, uint64_t seq, enum view_mark mark)
{
	uint64_t bit = 1ULL << seq % 64;
	struct view_word *w;

	if (seq / 64 != v->last)
		go_to(v, seq / 64);
	w = word_at(v, seq / 64);
	switch (mark) {
	case VIEW_EVENT:
		w->events |= bit;
		v->n_events++;
		break;
	case VIEW_LEFT_OUT:
		w->left_out |= bit;
		v->n_left_out++;
		break;
	case VIEW_GAP:
		w->gaps |= bit;
		break;
	}
}

struct view_counts view_count(const struct view *v, uint64_t seq)
{
	uint64_t below = (1ULL << seq % 64) - 1;
	const struct view_word *w;

	if (seq / 64 > v->last)
		return (struct view_counts){v->n_events, v->n_left_out};
	w = word_at(v, seq / 64);
	return (struct view_counts){
		w->events_before + (uint64_t)__builtin_popcountll(w->events & below),
		w->left_out_before + (uint64_t)__builtin_popcountll(w->left_out & below),
	};
}

static uint64_t find_next(const struct view *v, uint64_t from, bool with_events)
{
	uint64_t mask = UINT64_MAX << from % 64;

	for (uint64_t word = from / 64; word <= v->last; word++) {
		const struct view_word *w = word_at(v, word);
		uint64_t bits = (with_events ? w->events | w->gaps : w->gaps) & mask;

		if (bits)
			return word * 64 + (uint64_t)__builtin_ctzll(bits);
		mask = UINT64_MAX;
	}
	return UINT64_MAX;
}

uint64_t view_next(const struct view *v, uint64_t from)
{
	return find_next(v, from, true);
}

uint64_t view_next_gap(const struct view *v, uint64_t from)
{
	return find_next(v, from, false);
}
