/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Hits, misses and methods: what the kernel counts, read by the worker. See probe-set.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "probe-ledger.h"
#include "probe-set-internal.h"
#include "tracefs.h"

static void note_profile(const char *event, uint64_t hits, uint64_t missed, void *data)
{
	struct profile *p = data;

	if (p->n == p->size) {
		size_t size = p->size ? 2 * p->size : 64;
		void *q = realloc(p->entries, size * sizeof(*p->entries));

		if (!q) {
			p->is_short = true;
			return;
		}
		p->entries = q;
		p->size = size;
	}
	snprintf(p->entries[p->n].event, sizeof(p->entries->event), "%.*s", PROBE_NAME_MAX, event);
	p->entries[p->n].hits = hits;
	p->entries[p->n++].missed = missed;
}

void profile_read(struct probe_set *set, struct profile *profile)
{
	struct probe *p;

	DL_FOREACH (set->registry.all, p)
		plant_helper_poll(&set->helper, p);
	*profile = (struct profile){0};
	profile->result = tracefs_each_profile(note_profile, profile);
}

void profile_done(struct profile *profile)
{
	free(profile->entries);
}

/* A gap of that kind, for what there is more than has been told. */
static bool tell_more(struct probe_set *set, const struct probe *p, const char *kind,
		      uint64_t count, uint64_t *told, uint64_t now)
{
	uint64_t more = count - *told;

	if (count <= *told)
		return false;
	*told = count;
	set->missed_total += more;
	reader_append_gap(set->o.reader, p->source, kind, more, p->name, -1, p->polled_at, now);
	return true;
}

/* What the helper module counts: misses by their cause. */
static bool apply_counters(struct probe_set *set, struct probe *p, uint64_t now)
{
	struct kprobed_counters c = probe_counters(p);
	uint64_t told = p->told_instance;
	bool is_told = tell_more(set, p, "missed", c.missed_instance, &p->told_instance, now);

	p->missed_lately += p->spec.auto_maxactive ? p->told_instance - told : 0;
	/* A hit inside another's handling is lost either way: before the probe, or in it. */
	is_told |= tell_more(set, p, "recursion", c.missed_recursion + c.dropped,
			     &p->told_recursion, now);
	p->counters = c;
	p->hits = c.hits;
	p->missed = c.missed_instance + c.missed_recursion + c.dropped;
	p->polled_at = now;
	return is_told;
}

/*
 * A probe without instances to run out of is only missed inside another's handling; of a return
 * probe the kernel adds both up.
 */
static const char *missed_kind(const struct probe *p)
{
	return p->spec.kind == PROBE_ENTRY ? "recursion" : "missed";
}

/*
 * Misses are told once per probe and poll. The events of that time are in the log already or will
 * come a little later: the times say which stretch the gap is about.
 */
void profile_apply(struct probe_set *set, const struct profile *profile)
{
	uint64_t now = now_nsec();
	bool is_told = false;
	struct probe *p;

	for (size_t i = 0; i < profile->n; i++) {
		const struct profile_entry *e = &profile->entries[i];
		uint64_t missed;

		p = registry_find_event(&set->registry, e->event);
		if (!p || !p->type)
			continue;
		missed = p->missed_before + e->missed;
		missed = missed > p->missed ? missed - p->missed : 0;
		p->hits = p->hits_before + e->hits;
		p->missed = p->missed_before + e->missed;
		if (missed) {
			p->missed_lately += p->spec.auto_maxactive ? missed : 0;
			set->missed_total += missed;
			reader_append_gap(set->o.reader, p->source, missed_kind(p), missed, p->name,
					  -1, p->polled_at, now);
			is_told = true;
		}
		p->polled_at = now;
	}
	DL_FOREACH (set->registry.all, p) {
		if (p->helper.is_used)
			is_told |= apply_counters(set, p, now);
	}
	if (is_told)
		reader_deliver(set->o.reader);
}

struct site_method {
	char type;
	char site[SYMBOL_TEXT_MAX];
	const char *method;
};

struct poll_op {
	struct control_op op;
	struct probe_set *set;
	struct profile profile;
	struct site_method *methods; /* owned */
	size_t n_methods, size;
	bool wants_methods;
	bool wants_foreign;
	struct foreign_list foreign;
	bool has_run;
	int result;
	refresh_done_fn done; /* NULL: the timer's */
	void *data;
};

static bool plan_poll(struct control_op *op)
{
	const struct poll_op *o = (const struct poll_op *)op;

	return o->set->registry.n_live > 0 || o->wants_foreign;
}

static void note_method(uint64_t address, char type, const char *site, const char *method,
			void *data)
{
	struct poll_op *o = data;

	/* Of several probes at one place, those that are not armed say nothing about the others. */
	if (!method)
		return;
	if (o->n_methods == o->size) {
		size_t size = o->size ? 2 * o->size : 64;
		void *q = realloc(o->methods, size * sizeof(*o->methods));

		if (!q)
			return;
		o->methods = q;
		o->size = size;
	}
	o->methods[o->n_methods].type = type;
	o->methods[o->n_methods].method = method;
	snprintf(o->methods[o->n_methods++].site, SYMBOL_TEXT_MAX, "%.*s", SYMBOL_TEXT_MAX - 1,
		 site);
}

static void run_poll(struct control_op *op)
{
	struct poll_op *o = (struct poll_op *)op;

	o->has_run = true;
	profile_read(o->set, &o->profile);
	if (o->wants_methods)
		tracefs_each_kprobe(note_method, o);
	if (o->wants_foreign)
		o->result = foreign_read(&o->foreign);
}

/*
 * Whether @listed, a place as kprobes/list has it, is @site: of several names of one place the
 * kernel says the first ("__do_sys_pause+0x0" for __x64_sys_pause).
 */
static bool is_site(const struct symbols *symbols, const char *listed, const char *site)
{
	char a[SYMBOL_TEXT_MAX], b[SYMBOL_TEXT_MAX];
	const char *plus = strrchr(site, '+');

	if (strcmp(listed, site) == 0)
		return true;
	if (!symbols || !plus || !strrchr(listed, '+') || strcmp(strrchr(listed, '+'), plus) != 0)
		return false;
	snprintf(a, sizeof(a), "%.*s", (int)(strrchr(listed, '+') - listed), listed);
	snprintf(b, sizeof(b), "%.*s", (int)(plus - site), site);
	return symbols_are_aliases(symbols, a, b);
}

static const char *find_method(const struct poll_op *o, const struct probe *p)
{
	const struct symbols *symbols = o->set->symbols;
	char type = p->spec.kind == PROBE_RETURN ? 'r' : 'k', entry[SYMBOL_TEXT_MAX] = "";

	/* On a function that begins with endbr64 the kernel goes behind it:
	 * arch_adjust_kprobe_addr(). */
	if (p->spec.symbol && p->spec.offset == 0)
		snprintf(entry, sizeof(entry), "%s+0x4", p->spec.symbol);
	for (size_t i = 0; i < o->n_methods; i++)
		if (o->methods[i].type == type && (is_site(symbols, o->methods[i].site, p->site) ||
						   is_site(symbols, o->methods[i].site, entry)))
			return o->methods[i].method;
	return NULL;
}

/* An event that is not in the profile any more was removed by somebody else. */
static void find_gone(struct probe_set *set, const struct profile *profile)
{
	struct probe *p;

	DL_FOREACH (set->registry.all, p) {
		bool is_there = false;

		if (!p->owners || !p->type || p->is_gone)
			continue;
		for (size_t i = 0; i < profile->n && !is_there; i++)
			is_there = strcmp(profile->entries[i].event, p->event) == 0;
		if (!is_there) {
			p->is_gone = true;
			p->is_enabled = false;
			probe_set_change(set, CHANGE_GONE, p, NULL);
		}
	}
}

static void done_poll(struct control_op *op)
{
	struct poll_op *o = (struct poll_op *)op;
	struct probe_set *set = o->set;
	struct probe *p;

	profile_apply(set, &o->profile);
	probe_ledger_look(set);
	if (o->has_run && o->profile.result == 0 && !o->profile.is_short)
		find_gone(set, &o->profile);
	if (o->wants_methods) {
		DL_FOREACH (set->registry.all, p) {
			p->method = find_method(o, p);
		}
	}
	probe_set_raise(set);
	if (o->done) {
		o->done(o->result, o->wants_foreign ? &o->foreign : NULL, o->data);
	} else {
		set->is_poll_queued = false;
		probe_set_schedule_poll(set);
	}
	foreign_done(&o->foreign);
	profile_done(&o->profile);
	free(o->methods);
	free(o);
}

static int submit_poll(struct probe_set *set, bool wants_foreign, refresh_done_fn done, void *data)
{
	struct poll_op *o = calloc(1, sizeof(*o));

	if (!o)
		return -ENOMEM;
	o->op = (struct control_op){.plan = plan_poll, .run = run_poll, .done = done_poll};
	o->set = set;
	o->wants_methods = done != NULL;
	o->wants_foreign = wants_foreign;
	o->done = done;
	o->data = data;
	control_submit(set->o.control, &o->op);
	return 0;
}

void probe_set_poll(struct probe_set *set)
{
	if (set->is_poll_queued || set->is_shutting_down)
		return;
	set->is_poll_queued = true;
	if (submit_poll(set, false, NULL, NULL) < 0) {
		set->is_poll_queued = false;
		probe_set_schedule_poll(set);
	}
}

void probe_set_refresh(struct probe_set *set, bool wants_foreign, refresh_done_fn done, void *data)
{
	int r = submit_poll(set, wants_foreign, done, data);

	if (r < 0)
		done(r, NULL, data);
}
