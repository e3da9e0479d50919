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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <utlist.h>

#include "probe-set-internal.h"

enum item_fate {
	FATE_NEW,
	FATE_JOIN,   /* a live probe, or an earlier item of the batch */
	FATE_REVIVE, /* a parked one */
};

struct add_item {
	enum item_fate fate;
	struct probe *probe; /* FATE_NEW: owned until it is in the registry */
	bool is_disabled;    /* as this request wants it */
};

struct add_op {
	struct control_op op;
	struct probe_set *set;
	struct requester who;
	struct resolve resolve;
	bool is_orphan; /* its session has ended, and its probes with it */
	enum probe_lifetime lifetime;
	struct add_item *items; /* owned */
	size_t n_items;
	struct plant plant;
	add_done_fn done;
	void *data;
	struct add_op *next, *prev; /* those being resolved */
};

static uint64_t realtime_usec(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000ULL + (uint64_t)ts.tv_nsec / 1000;
}

static int check_limits(struct add_op *a, struct kp_error *e)
{
	const struct config *c = a->set->o.config;
	const struct registry *r = &a->set->registry;

	if (a->resolve.n_specs > c->limits.probes_per_request)
		kp_error_set(e, KP_LIMIT_REACHED, EDQUOT, "probes-per-request",
			     "one request may add %u probes at most", c->limits.probes_per_request);
	else if (r->n_live + a->resolve.n_specs > c->limits.probes)
		kp_error_set(e, KP_LIMIT_REACHED, EDQUOT, "probes",
			     "there may be %u probes at most, %u are there", c->limits.probes,
			     r->n_live);
	else if (registry_count_uid(r, a->who.uid) + a->resolve.n_specs > c->limits.probes_per_uid)
		kp_error_set(e, KP_LIMIT_REACHED, EDQUOT, "probes-per-uid",
			     "a user may have %u probes at most", c->limits.probes_per_uid);
	else
		return 0;
	e->value = strcmp(e->subject, "probes") == 0	       ? c->limits.probes
		   : strcmp(e->subject, "probes-per-uid") == 0 ? c->limits.probes_per_uid
							       : c->limits.probes_per_request;
	return -EDQUOT;
}

/* An earlier item of the batch that makes the same probe, or takes the name. */
static struct probe *find_in_batch(const struct add_op *a, const struct probe_spec *spec,
				   const char *name, bool *ret_name_taken)
{
	*ret_name_taken = false;
	for (size_t i = 0; i < a->n_items; i++) {
		struct probe *p = a->items[i].probe;

		if (name && strcmp(p->name, name) != 0)
			continue;
		if (probe_spec_equal(&p->spec, spec))
			return p;
		if (name)
			*ret_name_taken = true;
	}
	return NULL;
}

/* A name for an unnamed spec, free in the registry and in the batch. */
static void choose_name(const struct add_op *a, const struct probe_spec *spec, char *buf,
			size_t size)
{
	bool is_taken = true;
	size_t n;

	registry_make_name(&a->set->registry, spec, buf, size);
	n = strlen(buf);
	for (unsigned int i = 2; is_taken; i++) {
		is_taken = registry_find_name(&a->set->registry, buf);
		for (size_t k = 0; k < a->n_items; k++)
			is_taken |= strcmp(a->items[k].probe->name, buf) == 0;
		if (is_taken)
			snprintf(buf + n, size - n, "_%u", i);
	}
}

static int make_probe(struct add_op *a, struct probe_spec *spec, const char *name,
		      struct probe **ret)
{
	struct event_log *log = a->set->o.log;
	struct probe *p;
	int r;

	r = probe_new(spec, &p);
	if (r < 0)
		return r;
	p->id = event_log_take_id(log);
	snprintf(p->id_text, sizeof(p->id_text), "%u", p->id);
	snprintf(p->name, sizeof(p->name), "%s", name);
	/* Unique on the host: kprobe_profile names events without their group. */
	snprintf(p->event, sizeof(p->event), "%.50s_%u", name, p->id);
	p->is_temporary = a->plant.is_dry_run;
	p->created_usec = realtime_usec();
	p->polled_at = now_nsec();
	r = event_log_source_open(log, LOG_SOURCE_PROBE, name, p->id, &p->source);
	if (r < 0) {
		probe_free(p);
		return r;
	}
	*ret = p;
	return 0;
}

static int plan_item(struct add_op *a, size_t index, struct kp_error *e)
{
	struct probe_spec *spec = &a->resolve.specs[index];
	struct registry *r = &a->set->registry;
	struct add_item *item = &a->items[index];
	char name[PROBE_NAME_MAX + 1];
	bool is_taken;

	item->is_disabled = !spec->enabled;
	item->fate = FATE_JOIN;
	item->probe = find_in_batch(a, spec, spec->name, &is_taken);
	if (!item->probe && !is_taken)
		item->probe = registry_find_equal(r, spec, spec->name);
	if (item->probe)
		return 0;
	if (is_taken || (spec->name && registry_find_name(r, spec->name)))
		return kp_error_set(e, KP_NAME_IN_USE, EEXIST, spec->name,
				    "there is a probe called %s with another definition",
				    spec->name);

	if (spec->name)
		snprintf(name, sizeof(name), "%s", spec->name);
	else
		choose_name(a, spec, name, sizeof(name));
	item->fate = FATE_REVIVE;
	item->probe = registry_find_parked(r, spec, name);
	if (item->probe && !a->plant.is_dry_run) {
		item->probe->polled_at = now_nsec();
		return 0;
	}
	item->fate = FATE_NEW;
	item->probe = NULL;
	return make_probe(a, spec, name, &item->probe);
}

/* Whose instance the new probes go to: everybody's, or the session's own when it has many. */
static uint64_t choose_group(const struct add_op *a)
{
	unsigned int n = registry_count_session(&a->set->registry, a->who.session);

	return n + a->plant.n_create > a->set->o.config->instance.bulk_threshold ? a->who.session
										 : 0;
}

/* An instance for the new probes, or the name of one to make; @n_made are to be made already. */
static int choose_instance(struct add_op *a, bool has_stacks, unsigned int n_made,
			   struct kp_error *e)
{
	struct probe_set *set = a->set;
	const struct config *c = set->o.config;
	struct plant_target *target = &a->plant.targets[has_stacks];
	struct instance *i, *best = NULL;
	uint64_t group = choose_group(a);

	DL_FOREACH (set->instances, i) {
		if (i->has_stacks != has_stacks)
			continue;
		if (i->owner_group == group && i->parked < c->instance.parked_max) {
			target->instance = i;
			return 0;
		}
		if (!best || i->parked < best->parked)
			best = i;
	}
	if (set->n_instances + n_made < c->instance.max_instances) {
		snprintf(target->new_instance, sizeof(target->new_instance), "kprobed-%u",
			 event_log_take_id(set->o.log));
		target->options = (struct instance_options){
			.buffer_bytes = c->instance.buffer_size,
			.has_stacks = has_stacks,
			.own_tids = set->own_tids,
			.n_own_tids = ARRAY_SIZE(set->own_tids),
		};
		return 0;
	}
	if (!best) {
		kp_error_set(e, KP_LIMIT_REACHED, EDQUOT, "max-instances",
			     "there are %u tracing instances already", set->n_instances);
		e->value = c->instance.max_instances;
		return -EDQUOT;
	}
	target->instance = best;
	return 0;
}

static int collect_work(struct add_op *a, struct kp_error *e)
{
	size_t n_new = 0, n_stacks = 0;
	int r = 0;

	a->plant.create = calloc(a->n_items, sizeof(*a->plant.create));
	a->plant.indexes = calloc(a->n_items, sizeof(*a->plant.indexes));
	a->plant.enable = calloc(a->n_items, sizeof(*a->plant.enable));
	if (!a->plant.create || !a->plant.indexes || !a->plant.enable)
		return -ENOMEM;
	for (size_t i = 0; i < a->n_items; i++) {
		struct add_item *item = &a->items[i];

		if (item->fate == FATE_NEW) {
			a->plant.indexes[n_new] = a->resolve.origins[i];
			a->plant.create[n_new++] = item->probe;
			n_stacks += item->probe->spec.stack;
		}
		if (!item->is_disabled && !item->probe->is_enabled && !item->probe->spec.waits)
			a->plant.enable[a->plant.n_enable++] = item->probe;
	}
	a->plant.n_create = n_new;
	if (a->plant.is_dry_run)
		return 0;
	if (n_stacks < n_new)
		r = choose_instance(a, false, 0, e);
	if (r == 0 && n_stacks)
		r = choose_instance(a, true, a->plant.targets[0].new_instance[0] != '\0', e);
	return r;
}

static bool plan_add(struct control_op *op)
{
	struct add_op *a = (struct add_op *)op;
	struct kp_error e = KP_ERROR_INIT;
	int r;

	if (a->set->is_shutting_down)
		r = kp_error_set(&e, KP_UNAVAILABLE, ESHUTDOWN, "kprobed", "kprobed is stopping");
	else if (a->is_orphan)
		r = -ECANCELED;
	else if (a->resolve.result < 0)
		r = a->resolve.result;
	else
		r = check_limits(a, &e);
	for (; r == 0 && a->n_items < a->resolve.n_specs; a->n_items++) {
		e.probe = a->resolve.origins[a->n_items];
		r = plan_item(a, a->n_items, &e);
		if (r < 0)
			break;
	}
	if (r == 0) {
		e.probe = -1;
		r = collect_work(a, &e);
	}
	a->plant.result = r;
	a->plant.error = a->resolve.result < 0 && e.code == KP_OK ? a->resolve.error : e;
	a->plant.symbols = a->resolve.symbols;
	a->plant.reader = a->set->o.reader;
	return r == 0 && (a->plant.n_create || (a->plant.n_enable && !a->plant.is_dry_run));
}

static void run_add(struct control_op *op)
{
	plant_run(&((struct add_op *)op)->plant);
}

/* A probe that was not planted, or only for a dry run. */
static void forget_probe(struct add_op *a, struct probe *p)
{
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
	i->owner_group = choose_group(a);
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

	adopt_instance(a, &a->plant.targets[0]);
	adopt_instance(a, &a->plant.targets[1]);
	if (a->plant.result == 0 && !a->plant.is_dry_run)
		settle(a);
	for (size_t i = 0; probes && i < a->n_items; i++)
		probes[i] = a->items[i].probe;
	a->done(probes ? a->plant.result : -ENOMEM, &a->plant.error, probes,
		a->plant.result == 0 ? a->n_items : 0, &a->resolve, a->data);
	if (a->plant.result < 0 || a->plant.is_dry_run)
		discard(a);

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
