/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See subscription.h. */
#include "subscription.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json-text.h"

/* With so many sources following their chains still costs less than walking the index. */
#define CHAINED_SOURCES_MAX 8

/* The cursor's view of its sources while a batch is put together. */
struct walk {
	const struct subscription *s;
	uint64_t position;
	uint64_t next[CHAINED_SOURCES_MAX];
};

void subscription_init(struct subscription *s, const struct event_log *log, uint64_t position)
{
	*s = (struct subscription){.log = log, .position = position};
}

void subscription_done(struct subscription *s)
{
	free(s->sources);
	free(s->map);
	*s = (struct subscription){0};
}

static struct subscription_source *find_source(const struct subscription *s, unsigned int slot)
{
	if (s->map)
		return s->map[slot] ? &s->sources[s->map[slot] - 1] : NULL;
	for (size_t i = 0; i < s->n_sources; i++)
		if (s->sources[i].slot == slot)
			return &s->sources[i];
	return NULL;
}

/* The source an entry belongs to, if it is seen and not an earlier user of the slot. */
static struct subscription_source *source_of(const struct subscription *s,
					     const struct log_entry *e)
{
	struct subscription_source *source = find_source(s, e->source);

	return source && source->id == e->source_id ? source : NULL;
}

/* Where the source stands as seen from the cursor: its first entry there, and what came before. */
static void place_source(struct subscription *s, const struct log_source *from,
			 struct subscription_source *source)
{
	uint64_t seq = from->first_seq;

	/* A cursor from before the oldest entry: what it missed of this source was never counted.
	 */
	if (s->position < event_log_first(s->log) &&
	    (seq ? event_log_entry(s->log, seq)->ordinal : from->events) > 0)
		s->has_uncounted = true;

	source->next = 0;
	source->ordinal = from->events;
	source->lost = from->lost;
	if (s->position >= event_log_next(s->log))
		return;
	while (seq) {
		const struct log_entry *e = event_log_entry(s->log, seq);

		if (seq >= s->position) {
			source->next = seq;
			source->ordinal = e->ordinal;
			source->lost = e->lost;
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
	source = find_source(s, slot);
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
	return 0;
}

/* The next entry that is seen, at or after the walk's position; NULL at the end of the log. */
static const struct log_entry *walk_next(struct walk *w)
{
	const struct subscription *s = w->s;
	uint64_t end = event_log_next(s->log), best = end;

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

static void walk_over(struct walk *w, const struct log_entry *e)
{
	w->position = e->seq + 1;
	if (w->s->map)
		return;
	for (size_t i = 0; i < w->s->n_sources; i++)
		if (w->next[i] == e->seq)
			w->next[i] = e->next_delta ? e->seq + e->next_delta : 0;
}

static void walk_begin(struct walk *w, const struct subscription *s)
{
	uint64_t first = event_log_first(s->log);

	w->s = s;
	w->position = s->position < first ? first : s->position;
	if (s->map)
		return;
	for (size_t i = 0; i < s->n_sources; i++) {
		const struct log_source *from = event_log_last_source(s->log, s->sources[i].slot);

		w->next[i] = s->sources[i].next;
		if (w->next[i] && w->next[i] < first)
			w->next[i] = from->id == s->sources[i].id ? from->first_seq : 0;
	}
}

struct overtaken {
	uint64_t events;
	uint64_t lost; /* told by gap entries that were overtaken as well */
	bool is_uncounted;
};

/* How far the source has moved on in the log without the cursor. */
static struct overtaken count_overtaken(const struct subscription *s,
					const struct subscription_source *source)
{
	const struct log_source *from = event_log_last_source(s->log, source->slot);
	struct overtaken n = {0};

	if (from->id != source->id) {
		/* The slot was used again, and the counters with it. */
		n.is_uncounted = source->next && source->next < event_log_first(s->log);
	} else if (from->first_seq == 0) {
		n.events = from->events - source->ordinal;
		n.lost = from->lost - source->lost;
	} else if (source->next && source->next < from->first_seq) {
		const struct log_entry *e = event_log_entry(s->log, from->first_seq);

		n.events = e->ordinal > source->ordinal ? e->ordinal - source->ordinal : 0;
		n.lost = e->lost > source->lost ? e->lost - source->lost : 0;
	}
	return n;
}

/* @count 0: unknown. */
static size_t put_gap(char *p, const char *kind, uint64_t count, const char *probe)
{
	char *begin = p;

	p = put_literal(p, "{\"kind\":\"");
	p = put_bytes(p, kind, strlen(kind));
	p = put_literal(p, "\",\"count\":");
	p = count ? put_u64(p, count) : put_literal(p, "null");
	if (probe) {
		p = put_literal(p, ",\"probe\":");
		p = put_string(p, probe, strlen(probe));
	}
	p = put_literal(p, "},");
	return (size_t)(p - begin);
}

#define GAP_TEXT_MAX (96 + JSON_INT_MAX + JSON_STRING_MAX(LOG_SOURCE_NAME_MAX))

static void add_gap(struct batch *b, const char *kind, uint64_t count, const char *probe)
{
	b->gaps_len += put_gap(b->gaps + b->gaps_len, kind, count, probe);
}

/*
 * What was lost by falling behind: one gap for all events, and what the gap entries that went with
 * them would have told, by probe as long as there is room.
 */
static void compose_overtaken(const struct subscription *s, struct batch *b)
{
	uint64_t events = 0, missed = 0, overrun = 0;
	bool is_uncounted = s->has_uncounted;

	for (size_t i = 0; i < s->n_sources && s->position < event_log_first(s->log); i++) {
		const struct log_source *from = event_log_last_source(s->log, s->sources[i].slot);
		struct overtaken n = count_overtaken(s, &s->sources[i]);

		events += n.events;
		is_uncounted |= n.is_uncounted;
		if (n.lost && from->kind != LOG_SOURCE_PROBE)
			overrun += n.lost;
		else if (n.lost && sizeof(b->gaps) - b->gaps_len >= 2 * GAP_TEXT_MAX)
			add_gap(b, "missed", n.lost, from->name);
		else
			missed += n.lost;
	}
	if (missed)
		add_gap(b, "missed", missed, NULL);
	if (overrun)
		add_gap(b, "overrun", overrun, NULL);
	if (events)
		add_gap(b, "overtaken", events, NULL);
	if (is_uncounted)
		add_gap(b, "overtaken", 0, NULL);
}

/* The gap entries that stand before the next event. */
static const struct log_entry *compose_gaps(struct walk *w, struct batch *b)
{
	const struct log_entry *e;

	while ((e = walk_next(w)) && (e->flags & LOG_GAP)) {
		if (e->text_len > sizeof(b->gaps) - b->gaps_len)
			return NULL;
		memcpy(b->gaps + b->gaps_len, event_log_text(w->s->log, e), e->text_len);
		b->gaps_len += e->text_len;
		walk_over(w, e);
	}
	return e;
}

bool batch_compose(const struct subscription *s, size_t max_events, size_t max_bytes,
		   struct batch *b)
{
	const struct log_entry *e;
	struct walk w;

	b->gaps_len = b->n_events = b->n_bytes = b->n_runs = 0;
	walk_begin(&w, s);
	compose_overtaken(s, b);
	e = compose_gaps(&w, b);
	b->first = w.position;

	while (e && !(e->flags & LOG_GAP) && b->n_events < max_events) {
		size_t n = b->n_runs;

		if (b->n_events && b->n_bytes + e->text_len > max_bytes)
			break;
		/* Texts that meet in memory are of neighbouring entries. */
		if (n && (const char *)b->runs[n - 1].iov_base + b->runs[n - 1].iov_len ==
				 event_log_text(s->log, e)) {
			b->runs[n - 1].iov_len += e->text_len;
		} else {
			if (n == BATCH_PIECES)
				break;
			b->runs[n].iov_base = (void *)event_log_text(s->log, e);
			b->runs[n].iov_len = e->text_len;
			b->run_first[n] = e->seq;
			b->n_runs++;
		}
		b->n_events++;
		b->n_bytes += e->text_len;
		walk_over(&w, e);
		e = walk_next(&w);
	}
	b->end = b->n_events ? w.position : b->first;
	if (b->n_bytes) {
		b->n_bytes--;
		b->runs[b->n_runs - 1].iov_len--;
	}
	if (b->gaps_len)
		b->gaps_len--; /* the last comma */
	return b->n_events || b->gaps_len;
}

/* Everything of @source before @end is accounted for. */
static void settle_source(const struct subscription *s, struct subscription_source *source,
			  uint64_t end)
{
	const struct log_source *from = event_log_last_source(s->log, source->slot);
	bool is_current = from->id == source->id;
	uint64_t seq = source->next;

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
	if (seq) {
		source->ordinal = event_log_entry(s->log, seq)->ordinal;
		source->lost = event_log_entry(s->log, seq)->lost;
	} else if (is_current) {
		source->ordinal = from->events;
		source->lost = from->lost;
	}
}

void subscription_note(struct subscription *s, unsigned int slot, uint64_t seq)
{
	struct subscription_source *source = find_source(s, slot);

	if (!source || source->next || source->id != event_log_last_source(s->log, slot)->id)
		return;
	if (seq >= s->position)
		source->next = seq;
	else if (s->position >= event_log_first(s->log))
		settle_source(s, source, s->position); /* a cursor that was put behind it */
	else
		source->next = s->position; /* gone already; to be counted */
}

void subscription_consume(struct subscription *s, const struct batch *batch, uint64_t end)
{
	for (size_t i = 0; i < s->n_sources; i++)
		settle_source(s, &s->sources[i], end);
	s->position = end;
	/* Overtaken since the batch was composed: by how much has gone with the entries. */
	s->has_uncounted = end < event_log_first(s->log);
}

const struct log_entry *batch_find(const struct subscription *s, const struct batch *b,
				   size_t offset, size_t *ret_before)
{
	for (size_t i = 0; i < b->n_runs; i++) {
		uint64_t seq = b->run_first[i];

		if (offset >= b->runs[i].iov_len) {
			offset -= b->runs[i].iov_len;
			continue;
		}
		for (;; seq++) {
			const struct log_entry *e = event_log_entry(s->log, seq);

			if (offset < e->text_len) {
				*ret_before = offset;
				return e;
			}
			offset -= e->text_len;
		}
	}
	return NULL;
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
