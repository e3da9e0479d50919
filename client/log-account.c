/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which sources a reader of the log has selected, and what became of each of their events.
 *
 * A source is looked up by its slot when the first entry of it is met; one that was not there when
 * the reader began has all of its events behind the reader's beginning. A source whose slot was
 * given to another before it was looked up cannot be selected any more: the log has its entries,
 * but not its name.
 */
#include "log-reader-internal.h"

#include <inttypes.h>
#include <stdio.h>

#include "strutil.h"

/* Entries looked at for the sources' first ones. */
#define BEGIN_MAX 65536

/* A source as it was at one moment. */
struct row {
	uint32_t id;
	uint16_t kind;
	char name[LOG_SOURCE_NAME_MAX + 1];
	uint64_t tag;
	struct log_counts counts;
	uint64_t last_seq;
	uint64_t first; /* the log's first_seq, later */
};

/* False when the slot has none, or another one at the end than at the beginning. */
static bool row_read(const struct log_reader *r, unsigned int slot, struct row *ret)
{
	const struct log_source *s = &r->sources[slot];

	ret->id = __atomic_load_n(&s->id, __ATOMIC_ACQUIRE);
	ret->kind = s->kind;
	memcpy(ret->name, s->name, sizeof(ret->name));
	ret->name[LOG_SOURCE_NAME_MAX] = '\0';
	ret->tag = s->tag;
	ret->counts = (struct log_counts){
		.events = __atomic_load_n(&s->events, __ATOMIC_ACQUIRE),
		.lost = __atomic_load_n(&s->lost, __ATOMIC_ACQUIRE),
		.recursion = __atomic_load_n(&s->recursion, __ATOMIC_ACQUIRE),
		.untold = (uint8_t)__atomic_load_n(&s->untold, __ATOMIC_ACQUIRE),
	};
	ret->last_seq = __atomic_load_n(&s->last_seq, __ATOMIC_RELAXED);
	ret->first = first_after_copy(r);
	return ret->id && __atomic_load_n(&s->id, __ATOMIC_RELAXED) == ret->id;
}

/* Whether its counts are those of everything before @end, and of nothing else. */
static bool row_is_of(const struct row *row, uint64_t end)
{
	return row->last_seq < end && row->first <= end;
}

/* As the daemon takes selectors; the losses of rings and of the service concern everybody. */
static bool is_selected(const struct log_reader *r, const struct row *row)
{
	char id[24];

	if (row->kind != LOG_SOURCE_PROBE)
		return true;
	snprintf(id, sizeof(id), "%" PRIu64, row->tag);
	for (size_t i = 0; i < r->n_selectors; i++) {
		const char *selector = r->selectors[i];

		if (strcmp(row->name, selector) == 0 || strcmp(id, selector) == 0 ||
		    (str_is_glob(selector) && str_glob_match(selector, row->name)))
			return true;
	}
	return false;
}

static struct account account_of(const struct log_reader *r, const struct row *row)
{
	return (struct account){
		.id = row->id,
		.kind = row->kind,
		.is_selected = is_selected(r, row),
	};
}

/*
 * A source that has recorded already before anything was read: its first entry from the position
 * on says how many events it had before.
 */
static void find_bases(struct log_reader *r)
{
	uint64_t end = __atomic_load_n(&r->header->next_seq, __ATOMIC_ACQUIRE);

	if (end > r->position + BEGIN_MAX)
		end = r->position + BEGIN_MAX;
	for (uint64_t seq = r->position; seq < end; seq++) {
		struct log_entry entry;
		struct account *a;

		entry_copy(&r->index[seq & (r->capacity - 1)], &entry);
		if (first_after_copy(r) > seq)
			return;
		if (entry.seq != seq || entry.source >= r->n_sources)
			return;
		a = &r->accounts[entry.source];
		if (a->id != entry.source_id || a->has_base)
			continue;
		a->counts = log_entry_counts(&entry);
		a->has_base = true;
	}
}

void accounts_begin(struct log_reader *r)
{
	uint32_t used = __atomic_load_n(&r->header->sources_used, __ATOMIC_ACQUIRE);
	struct row row;

	for (uint32_t slot = 0; slot < used && slot < r->n_sources; slot++) {
		struct account *a = &r->accounts[slot];

		if (!row_read(r, slot, &row))
			continue;
		*a = account_of(r, &row);
		if (!row_is_of(&row, r->position))
			continue;
		a->counts = row.counts;
		a->has_base = true;
	}
	find_bases(r);
}

/* The slot's earlier source, of which nothing more will be seen. */
static void account_close(struct log_reader *r, const struct account *a)
{
	if (a->id && a->is_selected && r->needs_settling)
		r->is_uncounted = true;
}

enum account_result account_open(struct log_reader *r, const struct log_entry *entry, uint64_t seq)
{
	struct account *a = &r->accounts[entry->source];
	struct row row;

	if (a->is_selected && r->n_picked)
		return ACCOUNT_FULL;
	if (first_after_copy(r) > seq)
		return ACCOUNT_TORN;
	account_close(r, a);
	if (row_read(r, entry->source, &row) && row.id == entry->source_id) {
		*a = account_of(r, &row);
		a->has_base = true;
	} else {
		*a = (struct account){.id = entry->source_id};
	}
	return ACCOUNT_FOUND;
}

static void put_gap(struct log_reader *r, const char *kind, uint64_t count, const char *probe)
{
	text_printf(&r->gaps, "%c{\"kind\":\"%s\",\"count\":", r->gaps.length ? ',' : '[', kind);
	if (count)
		text_printf(&r->gaps, "%" PRIu64, count);
	else
		text_puts(&r->gaps, "null");
	if (probe) {
		text_puts(&r->gaps, ",\"probe\":");
		text_json_string(&r->gaps, probe);
	}
	text_putc(&r->gaps, '}');
}

/* What gap entries of the source have told between @before and @now, and were overtaken. */
static void put_overtaken(struct log_reader *r, unsigned int slot, const struct log_counts *before,
			  const struct log_counts *now)
{
	const struct account *a = &r->accounts[slot];
	bool is_untold = now->untold != before->untold;
	const char *kind = "missed", *name = NULL;
	struct row row;

	if (now->lost <= before->lost && now->recursion <= before->recursion && !is_untold)
		return;
	if (a->kind == LOG_SOURCE_RING)
		kind = "overrun";
	else if (a->kind == LOG_SOURCE_SERVICE)
		kind = "restart";
	else if (row_read(r, slot, &row) && row.id == a->id)
		name = row.name;
	if (now->lost > before->lost)
		put_gap(r, kind, now->lost - before->lost, name);
	if (now->recursion > before->recursion)
		put_gap(r, "recursion", now->recursion - before->recursion, name);
	if (is_untold)
		put_gap(r, kind, 0, name);
}

/* The source has come to @now; what lies between was overtaken. */
static void account_advance(struct log_reader *r, unsigned int slot, const struct log_counts *now)
{
	struct account *a = &r->accounts[slot];

	if (!a->has_base) {
		r->is_uncounted |= r->was_overtaken && now->events > 0;
	} else {
		if (now->events > a->counts.events)
			r->overtaken += now->events - a->counts.events;
		put_overtaken(r, slot, &a->counts, now);
	}
	a->counts = *now;
	a->has_base = true;
}

/* How many losses a gap tells; 0: the kernel did not say. */
static uint64_t gap_count(struct slice json)
{
	struct slice value;
	uint64_t count;

	if (slice_get(json, "count", &value) < 0 || slice_type_of(value) != SLICE_NUMBER ||
	    slice_to_uint(value, &count) < 0)
		return 0;
	return count;
}

static void count_gap(struct account *a, unsigned int flags, uint64_t count)
{
	if (count == 0)
		a->counts.untold++;
	else if (flags & LOG_RECURSION)
		a->counts.recursion += count;
	else
		a->counts.lost += count;
}

static bool is_same(const struct log_counts *a, const struct log_counts *b)
{
	return a->events == b->events && a->lost == b->lost && a->recursion == b->recursion &&
	       a->untold == b->untold;
}

void account_take(struct log_reader *r, const struct log_item *p, struct slice json)
{
	struct account *a = &r->accounts[p->source];

	if (!a->has_base || !is_same(&p->before, &a->counts))
		account_advance(r, p->source, &p->before);
	if (p->flags & LOG_GAP)
		count_gap(a, p->flags, gap_count(json));
	else
		a->counts.events++;
}

void accounts_settle(struct log_reader *r, uint64_t end)
{
	uint32_t used = __atomic_load_n(&r->header->sources_used, __ATOMIC_ACQUIRE);
	struct row row;

	for (uint32_t slot = 0; slot < used && slot < r->n_sources; slot++) {
		struct account *a = &r->accounts[slot];

		if (!row_read(r, slot, &row))
			continue;
		if (row.id != a->id) {
			/* Its own entries, if it has any, are behind the end. */
			account_close(r, a);
			*a = account_of(r, &row);
			a->has_base = true;
		}
		/* Of a source with entries behind the end, the next one tells. */
		if (a->is_selected && row_is_of(&row, end))
			account_advance(r, slot, &row.counts);
	}
	r->needs_settling = false;
}

void gaps_clear(struct log_reader *r)
{
	text_clear(&r->gaps);
	r->overtaken = 0;
	r->is_uncounted = false;
}

void gaps_add(struct log_reader *r, struct slice json)
{
	text_putc(&r->gaps, r->gaps.length ? ',' : '[');
	text_append(&r->gaps, json.text, json.length);
}

void gaps_finish(struct log_reader *r, struct slice *ret)
{
	if (r->overtaken)
		put_gap(r, "overtaken", r->overtaken, NULL);
	if (r->is_uncounted)
		put_gap(r, "overtaken", 0, NULL);
	if (r->gaps.length == 0)
		return;
	text_putc(&r->gaps, ']');
	*ret = (struct slice){r->gaps.data, r->gaps.length};
}
