/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The next batch of a subscription: what was lost, as gaps, and the events. See subscription.h. */
#include "subscription-internal.h"

#include <string.h>

#include "json-text.h"
#include "span.h"

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
		else if (n.lost && sizeof(b->gaps) - b->gaps_len >= 2 * GAP_TEXT_MAX) {
			add_gap(b, "missed", n.lost, from->name);
			b->missed += n.lost;
		} else
			missed += n.lost;
	}
	/* Where there are marks they know what of it would have been left out. */
	if (s->position < first && is_marked(s, s->position)) {
		struct view_counts now = view_count(s->view, first);

		events = now.events - s->counts.events;
		b->filtered = (int64_t)(now.left_out - s->counts.left_out);
	}
	b->missed += missed;
	b->overrun += overrun;
	b->is_uncounted = is_uncounted;
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

/* The text of a gap entry begins with its kind and count, as reader_append_gap() writes it. */
static void count_gap(const struct subscription *s, const struct log_entry *e, struct batch *b)
{
	static const char recursion[] = "{\"kind\":\"recursion\"", count[] = "\"count\":";
	const struct log_source *from = event_log_last_source(s->log, e->source);
	const char *text = event_log_text(s->log, e);
	const char *number = memmem(text, e->text_len, count, sizeof(count) - 1);
	uint64_t n = 0;
	size_t digits;

	if (number) {
		number += sizeof(count) - 1;
		span_leading_u64((struct span){number, (size_t)(text + e->text_len - number)}, &n,
				 &digits);
	}
	if (n == 0)
		b->is_uncounted = true;
	else if (from->kind == LOG_SOURCE_RING)
		b->overrun += n;
	else if (memcmp(text, recursion, sizeof(recursion) - 1) == 0)
		b->recursion += n;
	else
		b->missed += n;
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
		count_gap(w->s, e, b);
		walk_take(w, e);
	}
	return e;
}

/* What was left out up to the batch's end, if it is told now. */
static void compose_left_out(const struct walk *w, struct batch *b)
{
	const struct subscription *s = w->s;
	int64_t filtered, rate_limited;

	b->pace = w->pace;
	b->filtered += w->filtered + walk_left_out(w);
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
	b->missed = b->recursion = b->overrun = 0;
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
