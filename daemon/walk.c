/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The way of a cursor over the entries that it takes: along the chains of its sources or, with many
 * of them, along the index, and from where its view begins along that's marks. See subscription.h.
 */
#include "subscription-internal.h"

#include "filter-text.h"

/* Entries judged by their text for one batch: a few milliseconds' work. */
#define JUDGED_MAX 4096
static const struct log_entry *walk_marks(struct walk *w)
{
	uint64_t seq = view_next(w->s->view, w->position);

	w->position = seq < w->end ? seq : w->end;
	return seq < w->end ? event_log_entry(w->s->log, seq) : NULL;
}

/* The next entry of the sources before @end, at or after the walk's position. */
static const struct log_entry *walk_sources(struct walk *w, uint64_t end)
{
	const struct subscription *s = w->s;
	uint64_t best = end;

	if (s->map) {
		for (; w->position < end; w->position++) {
			const struct log_entry *e = event_log_entry(s->log, w->position);

			if (source_of(s, e))
				return e;
		}
		return NULL;
	}
	for (size_t i = 0; i < s->n_sources; i++)
		if (w->next[i] && w->next[i] < best)
			best = w->next[i];
	w->position = best;
	return best < end ? event_log_entry(s->log, best) : NULL;
}

static const struct log_entry *walk_entries(struct walk *w)
{
	uint64_t marked = marked_from(w->s);
	const struct log_entry *e;

	if (w->position < marked) {
		e = walk_sources(w, marked < w->end ? marked : w->end);
		if (e || w->position >= w->end)
			return e;
	}
	return walk_marks(w);
}

static void walk_over(struct walk *w, const struct log_entry *e)
{
	w->position = e->seq + 1;
	if (w->s->map)
		return;
	for (size_t i = 0; i < w->s->n_sources; i++)
		if (w->next[i] == e->seq)
			w->next[i] = e->next_delta ? e->seq + e->next_delta : 0;
}

void walk_take(struct walk *w, const struct log_entry *e)
{
	if (!(e->flags & LOG_GAP))
		pace_count(&w->pace, e->ts, PACE_TAKEN);
	walk_over(w, e);
}

/* Whether the condition, the sample and the rate take @e; if not, it is counted. */
static bool walk_takes(struct walk *w, const struct log_entry *e)
{
	const struct subscription *s = w->s;
	enum pace_verdict verdict;

	if (s->filter && !is_marked(s, e->seq)) {
		w->n_judged++;
		if (!filter_match_text(s->filter, event_log_text(s->log, e), e->text_len)) {
			w->filtered++;
			return false;
		}
	}
	verdict = pace_judge(&w->pace, e->ts);
	if (verdict == PACE_TAKEN)
		return true;
	pace_count(&w->pace, e->ts, verdict);
	if (verdict == PACE_OVER_RATE) {
		w->rate_limited++;
	} else {
		w->filtered++;
		w->sampled++;
	}
	return false;
}

const struct log_entry *walk_next(struct walk *w)
{
	const struct log_entry *e;

	while ((e = walk_entries(w))) {
		if ((e->flags & LOG_GAP) || walk_takes(w, e))
			return e;
		walk_over(w, e);
		if (w->n_judged >= JUDGED_MAX) {
			w->is_partial = true;
			return NULL;
		}
	}
	return NULL;
}

void walk_begin(struct walk *w, const struct subscription *s)
{
	uint64_t first = event_log_first(s->log);

	*w = (struct walk){
		.s = s,
		.position = s->position < first ? first : s->position,
		.end = event_log_next(s->log),
		.pace = s->pace,
	};
	if (s->map)
		return;
	for (size_t i = 0; i < s->n_sources; i++) {
		const struct log_source *from = event_log_last_source(s->log, s->sources[i].slot);

		w->next[i] = s->sources[i].next;
		if (w->next[i] && w->next[i] < first)
			w->next[i] = from->id == s->sources[i].id ? from->first_seq : 0;
	}
}

int64_t walk_left_out(const struct walk *w)
{
	const struct subscription *s = w->s;
	uint64_t first = event_log_first(s->log), from = s->position;

	from = from < first ? first : from;
	from = s->view && from < s->view->begin ? s->view->begin : from;
	if (!is_marked(s, w->position))
		return 0;
	return (int64_t)(view_count(s->view, w->position).left_out -
			 view_count(s->view, from).left_out);
}
