/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The helper module that comes and goes: see probe-set.h.
 *
 * While the device is open the kernel does not let the module be unloaded, so that it never goes
 * under probes by itself: who wants to unload it has them taken out first (Release). They are
 * gone then, keep their names, owners and instance, and are planted again when the device appears
 * the next time, which inotify tells.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "helper-watch.h"
#include "log.h"
#include "plant.h"
#include "probe-set-internal.h"

/* Who waits until the device is closed. */
struct helper_waiter {
	probe_done_fn done;
	void *data;
	struct helper_waiter *next, *prev;
};

void probe_set_helper_closed(struct probe_set *set)
{
	struct helper_waiter *w, *tmp;

	DL_FOREACH_SAFE (set->waiters, w, tmp) {
		DL_DELETE(set->waiters, w);
		w->done(0, NULL, NULL, 0, w->data);
		free(w);
	}
}

struct release_op {
	struct control_op op;
	struct probe_set *set;
	struct requester who;
	struct probe **probes; /* owned array */
	size_t n;
	struct profile profile;
	struct helper_waiter *waiter; /* owned until the set has it */
};

static bool plan_release(struct control_op *op)
{
	struct release_op *o = (struct release_op *)op;
	struct registry *r = &o->set->registry;
	struct probe *p;

	o->probes = calloc(r->n_live + r->n_parked + 1, sizeof(*o->probes));
	if (!o->probes)
		return false;
	DL_FOREACH (r->all, p) {
		if (p->helper.id)
			o->probes[o->n++] = p;
	}
	return o->n > 0;
}

static void run_release(struct control_op *op)
{
	struct release_op *o = (struct release_op *)op;

	for (size_t i = 0; i < o->n; i++)
		plant_helper_unmake(&o->set->helper, o->probes[i]);
	profile_read(o->set, &o->profile);
}

static void done_release(struct control_op *op)
{
	struct release_op *o = (struct release_op *)op;
	struct probe_set *set = o->set;

	profile_apply(set, &o->profile);
	profile_done(&o->profile);
	for (size_t i = 0; i < o->n; i++) {
		struct probe *p = o->probes[i];

		/* The daemon ended before it could run. */
		if (p->helper.id || !p->owners)
			continue;
		p->is_gone = true;
		probe_set_change(set, CHANGE_GONE, p, &o->who);
	}
	DL_APPEND(set->waiters, o->waiter);
	if (set->helper.device)
		probe_set_schedule_reap(set);
	else
		probe_set_helper_closed(set);
	free(o->probes);
	free(o);
}

void probe_set_release_helper(struct probe_set *set, const struct requester *who,
			      probe_done_fn done, void *data)
{
	struct release_op *o = calloc(1, sizeof(*o));
	struct helper_waiter *w = calloc(1, sizeof(*w));

	if (!o || !w) {
		free(o);
		free(w);
		done(-ENOMEM, NULL, NULL, 0, data);
		return;
	}
	o->op = (struct control_op){.plan = plan_release, .run = run_release, .done = done_release};
	o->set = set;
	o->who = *who;
	o->waiter = w;
	w->done = done;
	w->data = data;
	control_submit(set->o.control, &o->op);
}

/* A probe that is planted again. */
struct return_item {
	struct probe *probe;
	struct plant plant;
	struct probe *create[1], *enable[1];
	int index; /* plant.indexes */
};

struct return_op {
	struct control_op op;
	struct probe_set *set;
	struct return_item *items; /* owned */
	size_t n;
	int result;
	struct kp_error error;
	probe_done_fn done;
	void *data;
};

static void add_item(struct return_op *o, struct probe *p)
{
	struct return_item *item = &o->items[o->n++];
	struct plant *plant = &item->plant;

	item->probe = item->create[0] = item->enable[0] = p;
	plant->create = item->create;
	plant->indexes = &item->index;
	plant->n_create = 1;
	plant->enable = item->enable;
	plant->n_enable = probe_is_wanted(p);
	plant->targets[plant_target_of(p)].instance = p->instance;
	plant->reader = o->set->o.reader;
	plant->helper = &o->set->helper;
	plant->symbols = o->set->symbols;
}

static bool plan_return(struct control_op *op)
{
	struct return_op *o = (struct return_op *)op;
	struct probe_set *set = o->set;
	struct probe *p;

	o->error = KP_ERROR_INIT;
	if (set->is_shutting_down)
		return false;
	o->items = calloc(set->registry.n_live + 1, sizeof(*o->items));
	if (!o->items) {
		o->result = -ENOMEM;
		return false;
	}
	DL_FOREACH (set->registry.all, p) {
		if (p->owners && p->is_gone && p->helper.is_used)
			add_item(o, p);
	}
	return o->n > 0 || o->done;
}

static void run_return(struct control_op *op)
{
	struct return_op *o = (struct return_op *)op;

	o->result = helper_use_open(&o->set->helper, o->set->o.reader, "helper", &o->error);
	for (size_t i = 0; i < o->n && o->result == 0; i++)
		plant_run(&o->items[i].plant);
}

static void done_return(struct control_op *op)
{
	struct return_op *o = (struct return_op *)op;
	struct probe_set *set = o->set;

	if (o->result < 0 && o->n)
		log_notice("probes of the helper module stay gone: %s", o->error.message);
	for (size_t i = 0; i < o->n && o->result == 0; i++) {
		struct probe *p = o->items[i].probe;
		const struct plant *plant = &o->items[i].plant;

		probe_drop_old_decoder(p);
		free(p->trouble);
		p->trouble = NULL;
		if (plant->result == 0) {
			p->is_gone = false;
			probe_set_change(set, CHANGE_ARMED, p, NULL);
			continue;
		}
		p->trouble = strdup(plant->error.message);
		log_warning("probe %s is not planted again: %s", p->name, plant->error.message);
	}
	if (set->helper.device)
		probe_set_schedule_reap(set);
	probe_set_schedule_poll(set);
	if (o->done)
		o->done(o->result, &o->error, NULL, 0, o->data);
	free(o->items);
	free(o);
}

static void look(struct probe_set *set, probe_done_fn done, void *data)
{
	struct return_op *o = calloc(1, sizeof(*o));

	if (!o) {
		if (done)
			done(-ENOMEM, NULL, NULL, 0, data);
		return;
	}
	o->op = (struct control_op){.plan = plan_return, .run = run_return, .done = done_return};
	o->set = set;
	o->done = done;
	o->data = data;
	control_submit(set->o.control, &o->op);
}

void probe_set_use_helper(struct probe_set *set, probe_done_fn done, void *data)
{
	look(set, done, data);
}

static void on_device(void *data)
{
	struct probe_set *set = data;

	if (!set->is_shutting_down)
		look(set, NULL, NULL);
}

int probe_set_watch_helper(struct probe_set *set)
{
	int r = helper_watch_new(set->o.base, NULL, on_device, set, &set->helper_watch);

	if (r == -ENOMEM)
		return r;
	if (r < 0)
		log_notice("the helper module is not noticed when it is loaded again: %s",
			   strerror(-r));
	return 0;
}

void probe_set_end_helper_watch(struct probe_set *set)
{
	if (set->helper_watch)
		set->helper_watch = helper_watch_free(set->helper_watch);
}
