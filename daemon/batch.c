/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The next batch of a subscription: what was lost, as gaps, and the events. See subscription.h. */
#include "subscription-internal.h"

#include <string.h>

#include "json-text.h"
#include "span.h"

struct overtaken {
	uint64_t events;
	/* Told by gap entries that were overtaken as well. */
	uint64_t lost, recursion;
	bool has_untold;   /* and such that did not say how many */
	bool is_uncounted; /* nothing of it is known */
};

/* How far the source has moved on in the log without the cursor. */
static struct overtaken count_overtaken(const struct subscription *s,
					const struct subscription_source *source)
{
	const struct log_source *from = event_log_last_source(s->log, source->slot);
	const struct log_counts *settled = &source->counts;
	struct overtaken n = {0};
	struct log_counts c;

	if (from->id != source->id) {
		/* The slot was used again, and the counters with it. */
		n.is_uncounted = source->next && source->next < event_log_first(s->log);
		return n;
	}
	if (from->first_seq == 0)
		c = log_source_counts(from);
	else if (s->filter || (source->next && source->next < from->first_seq))
		c = log_entry_counts(event_log_entry(s->log, from->first_seq));
	else
		return n;
	/* What is behind the oldest entry may have been settled already. */
	if (c.events < settled->events || c.lost < settled->lost ||
	    c.recursion < settled->recursion)
		return n;
	return (struct overtaken){
		.events = c.events - settled->events,
		.lost = c.lost - settled->lost,
		.recursion = c.recursion - settled->recursion,
		.has_untold = c.untold != settled->untold,
	};
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
/* Room for all gaps that are of no probe, what was left out included. */
#define FOLDED_TEXT_MAX (10 * (64 + JSON_INT_MAX))

static void add_gap(struct batch *b, const char *kind, uint64_t count, const char *probe)
{
	b->gaps_len += put_gap(b->gaps + b->gaps_len, kind, count, probe);
}

/* What gap entries would have told, of all sources that are not told one by one. */
struct folded {
	uint64_t missed, recursion, overrun;
	bool missed_untold, overrun_untold, restart_untold;
};

/* By probe as long as there is room. */
static void fold(struct folded *f, const struct overtaken *n, const struct log_source *from,
		 struct batch *b)
{
	bool is_probe = from->kind == LOG_SOURCE_PROBE;

	b->is_uncounted |= n->has_untold;
	if (!is_probe) {
		f->overrun += n->lost;
		if (n->has_untold && from->kind == LOG_SOURCE_RING)
			f->overrun_untold = true;
		else if (n->has_untold)
			f->restart_untold = true;
		return;
	}
	b->missed += n->lost;
	b->recursion += n->recursion;
	if (sizeof(b->gaps) - b->gaps_len < 3 * GAP_TEXT_MAX + FOLDED_TEXT_MAX) {
		f->missed += n->lost;
		f->recursion += n->recursion;
		f->missed_untold |= n->has_untold;
		return;
	}
	if (n->lost)
		add_gap(b, "missed", n->lost, from->name);
	if (n->recursion)
		add_gap(b, "recursion", n->recursion, from->name);
	if (n->has_untold)
		add_gap(b, "missed", 0, from->name);
}

static void add_folded(const struct folded *f, struct batch *b)
{
	if (f->missed)
		add_gap(b, "missed", f->missed, NULL);
	if (f->recursion)
		add_gap(b, "recursion", f->recursion, NULL);
	if (f->overrun)
		add_gap(b, "overrun", f->overrun, NULL);
	if (f->missed_untold)
		add_gap(b, "missed", 0, NULL);
	if (f->overrun_untold)
		add_gap(b, "overrun", 0, NULL);
	if (f->restart_untold)
		add_gap(b, "restart", 0, NULL);
	b->overrun += f->overrun;
}

/*
 * What was lost by falling behind: one gap for all events, and what the gap entries that went with
 * them would have told.
 */
static void compose_overtaken(const struct subscription *s, struct batch *b)
{
	uint64_t first = event_log_first(s->log), events = 0;
	bool is_uncounted = s->has_uncounted;
	struct folded f = {0};

	b->is_uncounted = false;
	for (size_t i = 0; i < s->n_sources && s->position < first; i++) {
		struct overtaken n = count_overtaken(s, &s->sources[i]);

		events += n.events;
		is_uncounted |= n.is_uncounted;
		fold(&f, &n, event_log_last_source(s->log, s->sources[i].slot), b);
	}
	/* Where there are marks they know what of it would have been left out. */
	if (s->position < first && is_marked(s, s->position)) {
		struct view_counts now = view_count(s->view, first);

		events = now.events - s->counts.events;
		b->filtered = (int64_t)(now.left_out - s->counts.left_out);
	}
	add_folded(&f, b);
	b->is_uncounted |= is_uncounted;
	b->overtaken = events;
	if (events)
		add_gap(b, "overtaken", events, NULL);
	if (is_uncounted)
		add_gap(b, "overtaken", 0, NULL);
}

/* The text of a gap entry has its count, as reader_append_gap() writes it. */
static void count_gap(const struct subscription *s, const struct log_entry *e, struct batch *b)
{
	static const char count[] = "\"count\":";
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
	else if (e->flags & LOG_RECURSION)
		b->recursion += n;
	else
		b->missed += n;
}

/* Two gaps without a probe, and a member: what was left out is told last. */
#define LEFT_OUT_TEXT_MAX 192

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

static void add_filtered(struct batch *b)
{
	char *p;

	add_gap(b, "filtered", (uint64_t)b->filtered_told, NULL);
	if (!b->sampled_told)
		return;
	/* Over the end of the object, and its comma. */
	b->gaps_len -= 2;
	p = put_literal(b->gaps + b->gaps_len, ",\"sampled\":");
	p = put_u64(p, (uint64_t)b->sampled_told);
	p = put_literal(p, "},");
	b->gaps_len = (size_t)(p - b->gaps);
}

/* What was left out up to the batch's end, if it is told now. */
static void compose_left_out(const struct walk *w, struct batch *b)
{
	const struct subscription *s = w->s;
	int64_t filtered, rate_limited;

	b->pace = w->pace;
	b->filtered += w->filtered + walk_left_out(w);
	b->sampled = w->sampled;
	b->rate_limited = w->rate_limited;
	filtered = s->filtered + b->filtered;
	rate_limited = s->rate_limited + b->rate_limited;
	if (!b->n_events && !b->gaps_len && !s->tell)
		return;
	if (filtered > 0) {
		b->filtered_told = filtered;
		/* What was told ahead and then overtaken can leave more than there is to tell. */
		b->sampled_told = s->sampled + b->sampled;
		b->sampled_told = b->sampled_told < filtered ? b->sampled_told : filtered;
		b->sampled_told = b->sampled_told > 0 ? b->sampled_told : 0;
		add_filtered(b);
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
	b->sampled = b->sampled_told = 0;
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
