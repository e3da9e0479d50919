/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See probe-ledger.h. */
#include "probe-ledger.h"

#include <utlist.h>

#include "advice.h"
#include "probe-set-internal.h"

#define GIB (1ULL << 30)

uint64_t probe_ledger_recorded(const struct event_log *log, const struct probe *p)
{
	const struct log_source *source = event_log_source(log, p->source);

	return source ? source->events - p->events_base : 0;
}

static uint64_t ring_lost(const struct event_log *log, const struct probe *p)
{
	const struct log_source *ring =
		p->instance ? event_log_source(log, p->instance->source) : NULL;

	return ring ? ring->lost : 0;
}

/* Whether hits that were counted may still be left out; the helper counts those apart. */
static bool has_late_filter(const struct probe *p)
{
	return p->spec.filter && !p->helper.is_used;
}

bool probe_ledger_overrun(const struct event_log *log, const struct probe *p, uint64_t *ret)
{
	uint64_t lost = ring_lost(log, p), n = p->ledger.unrecorded;

	if (lost && n && has_late_filter(p))
		return false;
	*ret = n < lost ? n : lost;
	return true;
}

/* The counts as of @set->looked_at, when everything of that time is in the log. */
static void settle(struct probe_set *set, struct probe *p)
{
	struct probe_ledger *l = &p->ledger;
	uint64_t recorded, n, bytes;

	if (!l->is_open || !reader_is_past(set->o.reader, p->instance, set->looked_at))
		return;
	recorded = probe_ledger_recorded(set->o.log, p);
	n = l->expected > recorded ? l->expected - recorded : 0;
	if (n > l->unrecorded && ring_lost(set->o.log, p) && !has_late_filter(p)) {
		bytes = advice_bytes(set->o.config->instance.buffer_size, recorded - l->recorded,
				     n - l->unrecorded, GIB);
		l->ring_bytes = bytes > l->ring_bytes ? bytes : l->ring_bytes;
	}
	if (n > l->unrecorded || l->is_quiet)
		l->unrecorded = n;
	l->recorded = recorded;
	l->is_open = false;
}

static void settle_all(struct probe_set *set)
{
	struct probe *p;

	DL_FOREACH (set->registry.all, p)
		if (p->owners && probe_is_planted(p))
			settle(set, p);
}

/* Hits that the kernel ran to their end. */
static uint64_t count_ran(const struct probe *p)
{
	const struct kprobed_counters *c = &p->counters;

	if (p->helper.is_used)
		return c->recorded + c->unheard + c->counted + c->filtered;
	return p->hits - p->hits_base;
}

/* Those of them that were put into a ring, as far as is known. */
static uint64_t count_expected(const struct probe *p)
{
	if (p->helper.is_used)
		return p->counters.recorded - p->ledger.expected_base;
	return count_ran(p);
}

/* Hits missed for want of an instance; of a return probe in tracefs for whatever reason. */
static uint64_t count_no_instance(const struct probe *p)
{
	if (p->helper.is_used)
		return p->counters.missed_instance;
	return p->spec.kind == PROBE_RETURN ? p->missed - p->missed_base : 0;
}

unsigned int probe_ledger_maxactive(const struct probe *p)
{
	unsigned int n = p->helper.maxactive ? p->helper.maxactive : p->spec.maxactive;

	return n ? n : probe_default_maxactive();
}

static void advise_maxactive(struct probe *p, uint64_t ran, uint64_t no_instance)
{
	struct probe_ledger *l = &p->ledger;
	unsigned int n;

	if (no_instance <= l->no_instance || ran < l->ran)
		return;
	n = advice_maxactive(probe_ledger_maxactive(p), ran - l->ran, no_instance - l->no_instance);
	l->maxactive = n > l->maxactive ? n : l->maxactive;
}

/* Takes the counts over. Whether there is anything to settle. */
static bool note(struct probe *p)
{
	struct probe_ledger *l = &p->ledger;
	uint64_t ran = count_ran(p), expected = count_expected(p);
	uint64_t no_instance = count_no_instance(p);
	bool is_changed = expected != l->expected;

	advise_maxactive(p, ran, no_instance);
	l->is_open |= is_changed || !l->is_quiet;
	l->is_quiet = !is_changed;
	l->ran = ran;
	l->expected = expected;
	l->no_instance = no_instance;
	return l->is_open;
}

void probe_ledger_look(struct probe_set *set)
{
	bool has_open = false;
	struct probe *p;

	/* What could not be settled at the last look, under load, can be now. */
	settle_all(set);
	DL_FOREACH (set->registry.all, p)
		if (p->owners && probe_is_planted(p))
			has_open |= note(p);
	if (!has_open)
		return;
	set->looked_at = now_nsec();
	reader_catch_up(set->o.reader);
	settle_all(set);
}
