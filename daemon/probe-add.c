/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Add and Check: see probe-set.h.
 *
 * In two steps. The knowledge worker resolves the batch: which function is meant, and what there is
 * to say about it (probe-resolve.h). Then the control worker plants it: each spec becomes one of a
 * new probe, a claim to one that is there, or the return of a parked one. plan() decides and
 * changes nothing that is seen; done() makes it all true or forgets it.
 *
 * A session has one call under way at a time, so its calls keep their order over both steps. The
 * end of a session in between is noted, since what ends its probes would come too early.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "probe-add.h"

static bool plan_add(struct control_op *op)
{
	struct add_op *a = (struct add_op *)op;
	struct kp_error e = KP_ERROR_INIT;
	int r = add_plan(a, &e);

	a->plant.result = r;
	a->plant.error = a->resolve.result < 0 && e.code == KP_OK ? a->resolve.error : e;
	a->plant.symbols = a->resolve.symbols;
	a->plant.reader = a->set->o.reader;
	a->plant.helper = &a->set->helper;
	return r == 0 && (a->plant.n_create || (a->plant.n_enable && !a->plant.is_dry_run));
}

static void run_add(struct control_op *op)
{
	plant_run(&((struct add_op *)op)->plant);
}

/* A probe that was not planted, or only for a dry run. */
static void forget_probe(struct add_op *a, struct probe *p)
{
	hit_table_give_back(reader_hits(a->set->o.reader), p->helper.cookie);
	event_log_source_close(a->set->o.log, p->source);
	probe_free(p);
}

/* A new instance joins the others whatever became of its probes: if unused, it is reaped. */
static void adopt_instance(struct add_op *a, const struct plant_target *target)
{
	struct probe_set *set = a->set;
	struct instance *i = target->instance;
	unsigned int source;

	if (target->new_instance[0] == '\0' || !i)
		return;
	if (event_log_source_open(set->o.log, LOG_SOURCE_RING, i->name, 0, &source) == 0)
		i->source = source;
	i->owner_group = add_choose_group(a);
	i->empty_since = now_nsec();
	DL_APPEND(set->instances, i);
	set->n_instances++;
	/* Without memory its rings are not read: they fill, and their losses are told when it goes.
	 */
	reader_add_instance(set->o.reader, i);
	probe_set_schedule_reap(set);
}

static int claim_item(struct add_op *a, struct add_item *item)
{
	struct probe_set *set = a->set;
	struct probe *p = item->probe;
	struct probe_owner *claim = NULL;
	bool is_first = p->owners == NULL;

	if (!is_first)
		claim = probe_find_claim(p, &a->who);
	if (claim && claim->lifetime == a->lifetime) {
		claim->is_disabled &= item->is_disabled;
		return 0;
	}
	if (probe_add_owner(p, &a->who, a->lifetime, item->is_disabled) < 0)
		return -ENOMEM;
	if (item->fate == FATE_NEW && is_first)
		registry_insert(&set->registry, p);
	else if (is_first)
		registry_unpark(&set->registry, p);
	if (!is_first) {
		probe_set_change(set, CHANGE_JOINED, p, &a->who);
		return 0;
	}
	p->instance->live++;
	if (item->fate == FATE_REVIVE) {
		p->instance->parked--;
		p->created_usec = realtime_usec();
		p->hits_base = p->hits;
		p->missed_base = p->missed;
		p->ledger = (struct probe_ledger){.expected_base = p->counters.recorded};
		p->events_base = event_log_source(set->o.log, p->source)->events;
	}
	probe_set_change(set, CHANGE_ADDED, p, &a->who);
	return 0;
}

static void settle(struct add_op *a)
{
	for (size_t i = 0; i < a->n_items && a->plant.result == 0; i++)
		a->plant.result = claim_item(a, &a->items[i]);
	probe_set_schedule_poll(a->set);
	for (size_t i = 0; i < a->n_items; i++)
		if (a->items[i].probe->spec.module)
			probe_set_schedule_look(a->set);
}

/*
 * Not planted, or not all of it. An event that was enabled for a moment cannot be deleted while its
 * instance is there: it is parked without ever having had an owner.
 */
static void discard(struct add_op *a)
{
	for (size_t i = 0; i < a->n_items; i++) {
		struct probe *p = a->items[i].probe;

		if (a->items[i].fate != FATE_NEW || !p)
			continue;
		if (p->type && p->was_enabled) {
			registry_insert(&a->set->registry, p);
			p->instance->parked++;
			probe_set_schedule_reap(a->set);
		} else {
			forget_probe(a, p);
		}
	}
}

static void done_add(struct control_op *op)
{
	struct add_op *a = (struct add_op *)op;
	_cleanup_free_ struct probe **probes = calloc(a->resolve.n_specs + 1, sizeof(*probes));

	for (size_t i = 0; i < PLANT_TARGETS; i++)
		adopt_instance(a, &a->plant.targets[i]);
	if (a->plant.result == 0 && !a->plant.is_dry_run)
		settle(a);
	for (size_t i = 0; probes && i < a->n_items; i++)
		probes[i] = a->items[i].probe;
	a->done(probes ? a->plant.result : -ENOMEM, &a->plant.error, probes,
		a->plant.result == 0 ? a->n_items : 0, &a->resolve, a->data);
	if (a->plant.result < 0 || a->plant.is_dry_run)
		discard(a);
	/* What was opened for nothing is closed. */
	if (a->set->helper.device)
		probe_set_schedule_reap(a->set);

	resolve_done(&a->resolve);
	free(a->items);
	free(a->plant.create);
	free(a->plant.indexes);
	free(a->plant.enable);
	free(a);
}

static void run_resolve(struct control_op *op)
{
	struct add_op *a = (struct add_op *)op;

	resolve_run(a->set->o.knowledge, &a->resolve);
}

/* On to the second step, whatever came of the first: it ends the operation. */
static void done_resolve(struct control_op *op)
{
	struct add_op *a = (struct add_op *)op;
	struct probe_set *set = a->set;

	DL_DELETE(set->resolving, a);
	probe_set_adopt_symbols(set, a->resolve.symbols, a->resolve.symbols_result);
	a->items = calloc(a->resolve.n_specs + 1, sizeof(*a->items));
	if (!a->items)
		a->resolve.result = -ENOMEM;
	a->op = (struct control_op){.plan = plan_add, .run = run_add, .done = done_add};
	control_submit(set->o.control, &a->op);
}

void probe_set_orphan_adds(struct probe_set *set, uint64_t session)
{
	struct add_op *a;

	DL_FOREACH (set->resolving, a) {
		a->is_orphan |= a->who.session == session && a->lifetime == LIFETIME_CONNECTION;
	}
}

void probe_set_add(struct probe_set *set, const struct requester *who, struct probe_spec *specs,
		   size_t n_specs, enum probe_lifetime lifetime, bool is_dry_run, add_done_fn done,
		   void *data)
{
	struct add_op *a = calloc(1, sizeof(*a));

	if (!a) {
		for (size_t i = 0; i < n_specs; i++)
			probe_spec_done(&specs[i]);
		free(specs);
		done(-ENOMEM, NULL, NULL, 0, &(struct resolve){0}, data);
		return;
	}
	a->op = (struct control_op){.run = run_resolve, .done = done_resolve};
	a->set = set;
	a->who = *who;
	a->resolve = (struct resolve){
		.specs = specs,
		.n_specs = n_specs,
		.max_specs = set->o.config->limits.probes_per_request,
	};
	/* The worker has not run when the daemon ends first. */
	a->resolve.result = -ECANCELED;
	a->resolve.symbols_result = set->symbols_state;
	a->lifetime = lifetime;
	a->plant.is_dry_run = is_dry_run;
	a->done = done;
	a->data = data;
	DL_APPEND(set->resolving, a);
	control_submit(set->o.knowledge_worker, &a->op);
}
