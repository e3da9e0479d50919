/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The decisions of Add and Check: within which limits, which specs are new probes and which are
 * there already, under which names, and in whose instance. See probe-add.c.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <utlist.h>

#include "probe-add.h"

uint64_t realtime_usec(void)
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
	if (r == 0 && p->helper.is_used && !a->plant.is_dry_run) {
		r = hit_table_take(reader_hits(a->set->o.reader), p->id, p->spec.stack,
				   &p->helper.cookie);
		if (r < 0)
			event_log_source_close(log, p->source);
	}
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

uint64_t add_choose_group(const struct add_op *a)
{
	unsigned int n = registry_count_session(&a->set->registry, a->who.session);

	return n + a->plant.n_create > a->set->o.config->instance.bulk_threshold ? a->who.session
										 : 0;
}

/*
 * An instance for the new probes of target @index, or the name of one to make; *@n_made are to be
 * made already. The helper's are everybody's: nothing is ever parked in them.
 */
static int choose_instance(struct add_op *a, unsigned int index, unsigned int *n_made,
			   struct kp_error *e)
{
	struct probe_set *set = a->set;
	const struct config *c = set->o.config;
	struct plant_target *target = &a->plant.targets[index];
	bool has_stacks = index & 1, is_helpers = index & 2;
	struct instance *i, *best = NULL;
	uint64_t group = add_choose_group(a);

	DL_FOREACH (set->instances, i) {
		if (i->has_stacks != has_stacks || i->is_helpers != is_helpers)
			continue;
		if (is_helpers || (i->owner_group == group && i->parked < c->instance.parked_max)) {
			target->instance = i;
			return 0;
		}
		if (!best || i->parked < best->parked)
			best = i;
	}
	if (set->n_instances + *n_made < c->instance.max_instances) {
		++*n_made;
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
	size_t n_new = 0, n_of[PLANT_TARGETS] = {0};
	unsigned int n_made = 0;
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
			n_of[plant_target_of(item->probe)]++;
		}
		if (!item->is_disabled && !item->probe->is_enabled && !item->probe->spec.waits)
			a->plant.enable[a->plant.n_enable++] = item->probe;
	}
	a->plant.n_create = n_new;
	if (a->plant.is_dry_run)
		return 0;
	for (unsigned int i = 0; i < PLANT_TARGETS && r == 0; i++)
		if (n_of[i])
			r = choose_instance(a, i, &n_made, e);
	return r;
}

int add_plan(struct add_op *a, struct kp_error *e)
{
	int r;

	if (a->set->is_shutting_down)
		r = kp_error_set(e, KP_UNAVAILABLE, ESHUTDOWN, "kprobed", "kprobed is stopping");
	else if (a->is_orphan)
		r = -ECANCELED;
	else if (a->resolve.result < 0)
		r = a->resolve.result;
	else
		r = check_limits(a, e);
	for (; r == 0 && a->n_items < a->resolve.n_specs; a->n_items++) {
		e->probe = a->resolve.origins[a->n_items];
		r = plan_item(a, a->n_items, e);
		if (r < 0)
			return r;
	}
	if (r < 0)
		return r;
	e->probe = -1;
	return collect_work(a, e);
}
