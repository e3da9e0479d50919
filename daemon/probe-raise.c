/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * maxactive that adjusts itself: see probe-set.h. What a probe has missed for want of an instance
 * is looked at each time the counters are read; one that missed some gets room for so many more
 * calls, at least twice as many as before, up to the limit "auto-maxactive".
 *
 * The kernel has no way to change a probe's, so it is made anew (plant-raise.h). tracefs's old
 * event was enabled in its instance and so can only be parked there (design 9.2), by a probe
 * without owners that is made for that. What was missed meanwhile nobody has counted: a gap without
 * a count.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "log.h"
#include "plant-raise.h"
#include "probe-set-internal.h"

struct raise_item {
	struct probe *probe; /* borrowed */
	unsigned int maxactive;
	struct probe *shadow; /* owned until it is in the registry: parks the old event; or NULL */
	struct raised raised;
	struct plant plant;
	uint64_t since, until;
	int result;
};

struct raise_op {
	struct control_op op;
	struct probe_set *set;
	struct raise_item *items; /* owned */
	size_t n;
	struct profile profile;
};

static unsigned int current_maxactive(const struct probe *p)
{
	return p->maxactive	     ? p->maxactive
	       : p->helper.maxactive ? p->helper.maxactive
	       : p->spec.maxactive   ? p->spec.maxactive
				     : probe_default_maxactive();
}

/* What it is to have, or what it has. */
static unsigned int choose_maxactive(const struct probe_set *set, const struct probe *p)
{
	unsigned int now = current_maxactive(p), limit = set->o.config->limits.auto_maxactive;
	unsigned int of_kind = probe_kind_maxactive(p->spec.kind);
	uint64_t wanted = now;

	limit = limit < of_kind ? limit : of_kind;
	if (now >= limit)
		return now;
	while (wanted < now + p->missed_lately || wanted < 2 * (uint64_t)now)
		wanted *= 2;
	return wanted < limit ? (unsigned int)wanted : limit;
}

/* Told to who looks, and to the journal. */
static void say(struct probe *p, const char *text)
{
	log_notice("probe %s: %s", p->name, text);
	probe_spec_note(&p->spec, text); /* without memory the journal has to do */
}

static bool is_raisable(struct probe_set *set, struct probe *p)
{
	if (!p->missed_lately)
		return false;
	if (!p->owners || p->is_gone || !p->is_enabled || p->is_maxactive_final) {
		p->missed_lately = 0;
		return false;
	}
	if (choose_maxactive(set, p) > current_maxactive(p))
		return true;
	p->is_maxactive_final = true;
	p->missed_lately = 0;
	say(p, "calls are missed, and maxactive is as high as it may be (auto-maxactive)");
	return false;
}

/* Only what parking takes: it matches no name, and belongs to nobody. */
static int make_shadow(struct probe_set *set, const struct probe *p, struct probe **ret)
{
	struct probe_spec spec;
	int r = probe_spec_copy(&p->spec, p->definition, &spec);

	if (r < 0)
		return r;
	r = probe_new(&spec, ret);
	if (r < 0) {
		probe_spec_done(&spec);
		return r;
	}
	(*ret)->id = event_log_take_id(set->o.log);
	snprintf((*ret)->id_text, sizeof((*ret)->id_text), "%u", (*ret)->id);
	return 0;
}

static int add_item(struct raise_op *o, struct probe *p)
{
	struct probe_set *set = o->set;
	struct raise_item *item = &o->items[o->n];
	struct plant *plant = &item->plant;

	if (!p->helper.is_used) {
		int r = make_shadow(set, p, &item->shadow);

		if (r < 0)
			return r;
		snprintf(item->raised.event, sizeof(item->raised.event), "%.50s_%u", p->name,
			 item->shadow->id);
	}
	item->probe = p;
	item->maxactive = choose_maxactive(set, p);
	plant->reader = set->o.reader;
	plant->helper = &set->helper;
	plant->symbols = set->symbols;
	p->missed_lately = 0;
	o->n++;
	return 0;
}

static bool plan_raise(struct control_op *op)
{
	struct raise_op *o = (struct raise_op *)op;
	struct probe_set *set = o->set;
	struct probe *p;

	o->items = calloc(set->registry.n_live + 1, sizeof(*o->items));
	if (!o->items || set->is_shutting_down)
		return false;
	DL_FOREACH (set->registry.all, p) {
		if (is_raisable(set, p) && add_item(o, p) < 0)
			break;
	}
	return o->n > 0;
}

static void run_raise(struct control_op *op)
{
	struct raise_op *o = (struct raise_op *)op;

	for (size_t i = 0; i < o->n; i++) {
		struct raise_item *item = &o->items[i];

		item->since = now_nsec();
		item->result =
			plant_raise(&item->plant, item->probe, item->maxactive, &item->raised);
		item->until = now_nsec();
	}
	/* The last word on the old events, which still are the probes'. */
	profile_read(o->set, &o->profile);
}

/* The old event goes to the shadow, the new one is the probe's. */
static void take_event(struct raise_op *o, struct raise_item *item)
{
	struct probe_set *set = o->set;
	struct probe *p = item->probe, *shadow = take_ptr(item->shadow);
	char old[PROBE_NAME_MAX + 1];

	memcpy(old, p->event, sizeof(old));
	registry_change_event(&set->registry, p, item->raised.event);
	memcpy(shadow->event, old, sizeof(old));
	shadow->instance = p->instance;
	shadow->type = p->type;
	shadow->decoder = p->decoder;
	shadow->was_enabled = true;
	shadow->hits = p->hits - p->hits_before;
	shadow->missed = p->missed - p->missed_before;
	registry_insert(&set->registry, shadow);
	p->instance->parked++;
	p->type = item->raised.type;
	p->decoder = take_ptr(item->raised.decoder);
	p->hits_before = p->hits;
	p->missed_before = p->missed;
}

static void finish(struct raise_op *o, struct raise_item *item)
{
	struct probe *p = item->probe;

	if (item->result < 0) {
		p->is_maxactive_final = true;
		say(p, item->plant.error.message);
		return;
	}
	log_info("probe %s: maxactive is %u now, it was %u", p->name, item->maxactive,
		 current_maxactive(p));
	p->maxactive = item->maxactive;
	if (!p->helper.is_used)
		take_event(o, item);
	reader_append_gap(o->set->o.reader, p->source, "missed", 0, p->name, -1, item->since,
			  item->until);
}

static void done_raise(struct control_op *op)
{
	struct raise_op *o = (struct raise_op *)op;
	struct probe_set *set = o->set;
	/* It has not run when the daemon ends first. */
	bool has_run = o->n > 0 && o->items[0].until;

	if (has_run)
		profile_apply(set, &o->profile);
	for (size_t i = 0; i < o->n; i++) {
		struct raise_item *item = &o->items[i];

		if (has_run)
			finish(o, item);
		if (item->shadow)
			probe_free(item->shadow);
		if (item->raised.decoder)
			decoder_free(item->raised.decoder);
	}
	if (has_run)
		reader_deliver(set->o.reader);
	set->is_raise_queued = false;
	profile_done(&o->profile);
	free(o->items);
	free(o);
}

void probe_set_raise(struct probe_set *set)
{
	struct raise_op *o;
	struct probe *p;
	bool is_any = false;

	DL_FOREACH (set->registry.all, p)
		is_any |= p->missed_lately > 0;
	if (!is_any || set->is_raise_queued || set->is_shutting_down)
		return;
	o = calloc(1, sizeof(*o));
	if (!o)
		return; /* the next misses try again */
	o->op = (struct control_op){.plan = plan_raise, .run = run_raise, .done = done_raise};
	o->set = set;
	set->is_raise_queued = true;
	control_submit(set->o.control, &o->op);
}
