/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See subscription.h. */
#include "subscription-internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void subscription_init(struct subscription *s, const struct event_log *log, uint64_t position)
{
	*s = (struct subscription){.log = log, .position = position};
}

void subscription_set_filter(struct subscription *s, const struct filter *filter,
			     const struct view *view)
{
	s->filter = filter;
	s->view = view;
	if (is_marked(s, s->position))
		s->counts = view_count(view, s->position);
}

void subscription_done(struct subscription *s)
{
	free(s->sources);
	free(s->map);
	*s = (struct subscription){0};
}

struct subscription_source *subscription_find(const struct subscription *s, unsigned int slot)
{
	if (s->map)
		return s->map[slot] ? &s->sources[s->map[slot] - 1] : NULL;
	for (size_t i = 0; i < s->n_sources; i++)
		if (s->sources[i].slot == slot)
			return &s->sources[i];
	return NULL;
}

/* What the source had before the entry @seq of it, 0: in all. */
static struct log_counts counts_before(const struct subscription *s, const struct log_source *from,
				       uint64_t seq)
{
	return seq ? log_entry_counts(event_log_entry(s->log, seq)) : log_source_counts(from);
}

/* Where the source stands as seen from the cursor: its first entry there, and what came before. */
static void place_source(struct subscription *s, const struct log_source *from,
			 struct subscription_source *source)
{
	uint64_t seq = from->first_seq;

	/* A cursor from before the oldest entry: what it missed of this source was never counted.
	 */
	if (s->position < event_log_first(s->log) && counts_before(s, from, seq).events > 0)
		s->has_uncounted = true;

	source->next = 0;
	source->counts = log_source_counts(from);
	if (s->position >= event_log_next(s->log))
		return;
	while (seq) {
		const struct log_entry *e = event_log_entry(s->log, seq);

		if (seq >= s->position) {
			source->next = seq;
			source->counts = log_entry_counts(e);
			return;
		}
		seq = e->next_delta ? seq + e->next_delta : 0;
	}
}

static int make_map(struct subscription *s)
{
	s->map = calloc(event_log_source_limit(), sizeof(*s->map));
	if (!s->map)
		return -ENOMEM;
	for (size_t i = 0; i < s->n_sources; i++)
		s->map[s->sources[i].slot] = (uint16_t)(i + 1);
	return 0;
}

int subscription_add_source(struct subscription *s, unsigned int slot)
{
	const struct log_source *from = event_log_source(s->log, slot);
	struct subscription_source *source;
	int r;

	if (!from)
		return 0;
	source = subscription_find(s, slot);
	if (source && source->id == from->id)
		return 0;
	/* What is still to be read of the slot's earlier source cannot be followed any more. */
	if (source && source->next)
		s->has_uncounted = true;
	if (!source) {
		if (s->n_sources == s->size) {
			size_t size = s->size ? 2 * s->size : 4;
			void *p = realloc(s->sources, size * sizeof(*s->sources));

			if (!p)
				return -ENOMEM;
			s->sources = p;
			s->size = size;
		}
		if (!s->map && s->n_sources == CHAINED_SOURCES_MAX) {
			r = make_map(s);
			if (r < 0)
				return r;
		}
		source = &s->sources[s->n_sources++];
		if (s->map)
			s->map[slot] = (uint16_t)s->n_sources;
	}
	*source = (struct subscription_source){.slot = (uint16_t)slot, .id = from->id};
	place_source(s, from, source);
	/* Marks say where the source's entries are. */
	if (is_marked(s, s->position))
		source->next = 0;
	return 0;
}

/* Everything of @source before @end is accounted for. */
static void settle_source(const struct subscription *s, struct subscription_source *source,
			  uint64_t end)
{
	const struct log_source *from = event_log_last_source(s->log, source->slot);
	bool is_current = from->id == source->id;
	uint64_t seq = source->next;

	/* What comes behind the texts that are judged is the view's to count. */
	if (s->filter && !seq)
		return;
	if (is_current && from->last_seq < end)
		seq = 0; /* the usual case, and the chain need not be walked */
	else if (is_current && seq < from->first_seq)
		seq = from->first_seq;
	else if (!is_current && seq < event_log_first(s->log))
		seq = 0;
	while (seq && seq < end) {
		const struct log_entry *e = event_log_entry(s->log, seq);

		seq = e->next_delta ? seq + e->next_delta : 0;
	}
	source->next = seq;
	if (seq || is_current)
		source->counts = counts_before(s, from, seq);
}

void subscription_note(struct subscription *s, unsigned int slot, uint64_t seq)
{
	struct subscription_source *source = subscription_find(s, slot);

	if (s->view)
		return;
	if (!source || source->next || source->id != event_log_last_source(s->log, slot)->id)
		return;
	if (seq >= s->position)
		source->next = seq;
	else if (s->position >= event_log_first(s->log))
		settle_source(s, source, s->position); /* a cursor that was put behind it */
	else
		source->next = s->position; /* gone already; to be counted */
}

uint64_t subscription_waiting(const struct subscription *s)
{
	uint64_t n = 0;

	if (is_marked(s, s->position))
		return s->view->n_events - s->counts.events + s->view->n_left_out -
		       s->counts.left_out;
	for (size_t i = 0; i < s->n_sources; i++) {
		const struct subscription_source *source = &s->sources[i];
		const struct log_source *from = event_log_last_source(s->log, source->slot);

		if (source->next && from->id == source->id)
			n += from->events - source->counts.events;
	}
	return n;
}

/* Gap entries between the position and @end are told: the sources' accounts, kept by marks. */
static void settle_marked(struct subscription *s, uint64_t end)
{
	uint64_t first = event_log_first(s->log), seq = s->position;

	for (size_t i = 0; i < s->n_sources && s->position < first && is_marked(s, first); i++) {
		const struct log_source *from = event_log_last_source(s->log, s->sources[i].slot);

		if (from->id == s->sources[i].id)
			s->sources[i].counts = counts_before(s, from, from->first_seq);
	}
	seq = seq < first ? first : seq;
	seq = seq < s->view->begin ? s->view->begin : seq;
	while ((seq = view_next_gap(s->view, seq)) < end) {
		const struct log_entry *e = event_log_entry(s->log, seq++);
		struct subscription_source *source = source_of(s, e);

		if (source)
			source->counts = counts_before(s, event_log_last_source(s->log, e->source),
						       e->next_delta ? e->seq + e->next_delta : 0);
	}
	s->counts = view_count(s->view, end);
}

/* What was left out before @end: as the batch has it or, in the middle of it, found once more. */
static void settle_left_out(struct subscription *s, const struct batch *b, uint64_t end)
{
	const struct log_entry *e;
	struct walk w;

	s->filtered -= b->filtered_told;
	s->sampled -= b->sampled_told;
	s->rate_limited -= b->rate_limited_told;
	if (end == b->end) {
		s->filtered += b->filtered;
		s->sampled += b->sampled;
		s->rate_limited += b->rate_limited;
		s->pace = b->pace;
		return;
	}
	walk_begin(&w, s);
	w.end = end;
	for (;;) {
		e = walk_next(&w);
		if (e)
			walk_take(&w, e);
		else if (w.position >= end)
			break;
		w.n_judged = 0;
	}
	s->filtered += w.filtered + walk_left_out(&w);
	s->sampled += w.sampled;
	if (is_marked(s, s->position) && s->position < event_log_first(s->log))
		s->filtered += (int64_t)(view_count(s->view, event_log_first(s->log)).left_out -
					 s->counts.left_out);
	s->rate_limited += w.rate_limited;
	s->pace = w.pace;
}

void subscription_consume(struct subscription *s, const struct batch *batch, uint64_t end)
{
	uint64_t marked = marked_from(s);

	if (leaves_out(s))
		settle_left_out(s, batch, end);
	for (size_t i = 0; i < s->n_sources && s->position < marked; i++) {
		settle_source(s, &s->sources[i], end < marked ? end : marked);
		if (end >= marked)
			s->sources[i].next = 0;
	}
	if (end >= marked)
		settle_marked(s, end);
	s->position = end;
	/* Overtaken since the batch was composed: by how much has gone with the entries. */
	s->has_uncounted = end < event_log_first(s->log);
}

int cursor_format(const struct event_log *log, uint64_t position, char *buf)
{
	return snprintf(buf, CURSOR_TEXT_MAX, "%08" PRIx32 ":%" PRIu64, event_log_epoch(log),
			position);
}

int cursor_parse(const struct event_log *log, const char *text, uint64_t *ret)
{
	unsigned int epoch;
	uint64_t position;
	int end = 0;

	if (strspn(text, "0123456789abcdef") != 8 || text[8] != ':' || text[9] < '1' ||
	    text[9] > '9' || strlen(text) > 8 + 1 + 20 ||
	    sscanf(text, "%8x:%" SCNu64 "%n", &epoch, &position, &end) != 2 || text[end] != '\0')
		return -EINVAL;
	if (epoch != event_log_epoch(log) || position > event_log_next(log))
		return -ESTALE;
	*ret = position;
	return 0;
}
