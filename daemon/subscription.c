/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See subscription.h. */
#include "subscription.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "filter-text.h"
#include "json-text.h"

/* Entries judged by their text for one batch: a few milliseconds' work. */
#define JUDGED_MAX 4096
/* With so many sources following their chains still costs less than walking the index. */
#define CHAINED_SOURCES_MAX 8

/* The cursor's view of its sources while a batch is put together. */
struct walk {
	const struct subscription *s;
	uint64_t position;
	uint64_t end; /* entries from here on are not looked at */
	uint64_t next[CHAINED_SOURCES_MAX];
	struct pace pace;
	int64_t filtered, rate_limited; /* passed over, the view's apart */
	unsigned int n_judged;
	bool is_partial;
};

void subscription_init(struct subscription *s, const struct event_log *log, uint64_t position)
{
	*s = (struct subscription){.log = log, .position = position};
}

/* From where on the view has marks. */
static uint64_t marked_from(const struct subscription *s)
{
	return s->view ? s->view->begin : UINT64_MAX;
}

static bool is_marked(const struct subscription *s, uint64_t position)
{
	return position >= marked_from(s);
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
	/* Marks say where the source's entries are. */
	if (is_marked(s, s->position))
		source->next = 0;
	return 0;
}

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

/* The entry is handed out. */
static void walk_take(struct walk *w, const struct log_entry *e)
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
	if (verdict == PACE_OVER_RATE)
		w->rate_limited++;
	else
		w->filtered++;
	return false;
}

/* The next event that is taken, or gap, at or after the walk's position; NULL: no more for now. */
static const struct log_entry *walk_next(struct walk *w)
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

static void walk_begin(struct walk *w, const struct subscription *s)
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

/* What the view left out from where @w began to where it stands. */
static int64_t count_left_out(const struct walk *w)
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
	} else if (s->filter || (source->next && source->next < from->first_seq)) {
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
	uint64_t first = event_log_first(s->log), events = 0, missed = 0, overrun = 0;
	bool is_uncounted = s->has_uncounted;

	for (size_t i = 0; i < s->n_sources && s->position < first; i++) {
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
	/* Where there are marks they know what of it would have been left out. */
	if (s->position < first && is_marked(s, s->position)) {
		struct view_counts now = view_count(s->view, first);

		events = now.events - s->counts.events;
		b->filtered = (int64_t)(now.left_out - s->counts.left_out);
	}
	if (missed)
		add_gap(b, "missed", missed, NULL);
	if (overrun)
		add_gap(b, "overrun", overrun, NULL);
	b->overtaken = events;
	if (events)
		add_gap(b, "overtaken", events, NULL);
	if (is_uncounted)
		add_gap(b, "overtaken", 0, NULL);
}

/* Two gaps without a probe: what was left out is told last. */
#define LEFT_OUT_TEXT_MAX 128

/* The gap entries that stand before the next event. */
static const struct log_entry *compose_gaps(struct walk *w, struct batch *b)
{
	const struct log_entry *e;

	while ((e = walk_next(w)) && (e->flags & LOG_GAP)) {
		if (b->gaps_len + e->text_len + LEFT_OUT_TEXT_MAX > sizeof(b->gaps))
			return NULL;
		memcpy(b->gaps + b->gaps_len, event_log_text(w->s->log, e), e->text_len);
		b->gaps_len += e->text_len;
		walk_take(w, e);
	}
	return e;
}

static bool leaves_out(const struct subscription *s)
{
	return s->filter || pace_is_set(&s->pace);
}

/* What was left out up to the batch's end, if it is told now. */
static void compose_left_out(const struct walk *w, struct batch *b)
{
	const struct subscription *s = w->s;
	int64_t filtered, rate_limited;

	b->pace = w->pace;
	b->filtered += w->filtered + count_left_out(w);
	b->rate_limited = w->rate_limited;
	filtered = s->filtered + b->filtered;
	rate_limited = s->rate_limited + b->rate_limited;
	if (!b->n_events && !b->gaps_len && !s->tell)
		return;
	if (filtered > 0) {
		add_gap(b, "filtered", (uint64_t)filtered, NULL);
		b->filtered_told = filtered;
	}
	if (rate_limited > 0) {
		add_gap(b, "rateLimited", (uint64_t)rate_limited, NULL);
		b->rate_limited_told = rate_limited;
	}
}

bool batch_compose(const struct subscription *s, size_t max_events, size_t max_bytes,
		   struct batch *b)
{
	const struct log_entry *e;
	struct walk w;

	b->gaps_len = b->n_events = b->n_bytes = b->n_runs = 0;
	b->filtered = b->rate_limited = b->filtered_told = b->rate_limited_told = 0;
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
		walk_take(&w, e);
		e = walk_next(&w);
	}
	b->end = w.position;
	b->is_partial = w.is_partial;
	if (leaves_out(s))
		compose_left_out(&w, b);
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

/* What @source has told in gap entries before the entry @seq of it, 0: in all. */
static uint64_t lost_before(const struct subscription *s, const struct log_source *from,
			    uint64_t seq)
{
	return seq ? event_log_entry(s->log, seq)->lost : from->lost;
}

/* Gap entries between the position and @end are told: the sources' accounts, kept by marks. */
static void settle_marked(struct subscription *s, uint64_t end)
{
	uint64_t first = event_log_first(s->log), seq = s->position;

	for (size_t i = 0; i < s->n_sources && s->position < first && is_marked(s, first); i++) {
		const struct log_source *from = event_log_last_source(s->log, s->sources[i].slot);

		if (from->id == s->sources[i].id)
			s->sources[i].lost = lost_before(s, from, from->first_seq);
	}
	seq = seq < first ? first : seq;
	seq = seq < s->view->begin ? s->view->begin : seq;
	while ((seq = view_next_gap(s->view, seq)) < end) {
		const struct log_entry *e = event_log_entry(s->log, seq++);
		struct subscription_source *source = source_of(s, e);

		if (source)
			source->lost = lost_before(s, event_log_last_source(s->log, e->source),
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
	s->rate_limited -= b->rate_limited_told;
	if (end == b->end) {
		s->filtered += b->filtered;
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
	s->filtered += w.filtered + count_left_out(&w);
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
