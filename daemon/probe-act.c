/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Remove, Enable and Disable, and the end of a session: see probe-set.h.
 *
 * plan() changes the claims, which is what clients see; run() makes the kernel follow. A probe
 * whose last claim has gone is free for others by name at once, while its event is being disabled.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "plant.h"
#include "probe-set-internal.h"
#include "strutil.h"

struct act_op {
	struct control_op op;
	struct probe_set *set;
	struct requester who;
	enum probe_action action;
	bool is_session_end;
	char **selectors; /* owned */
	size_t n_selectors;
	struct probe **disable; /* owned */
	size_t n_disable;
	struct probe **enable; /* owned */
	size_t n_enable;
	struct profile profile;
	int result;
	struct kp_error error;
	probe_done_fn done; /* NULL: nobody waits */
	void *data;
};

static bool is_selected(const struct act_op *a, const struct probe *p)
{
	for (size_t i = 0; i < a->n_selectors; i++)
		if (probe_matches(p, a->selectors[i]))
			return true;
	return false;
}

/* Every selector that is no glob must mean something, and everything it means must be ours to
 * change. */
static int check_selection(struct act_op *a, struct kp_error *e)
{
	struct probe *p;

	for (size_t i = 0; i < a->n_selectors; i++) {
		bool is_found = str_is_glob(a->selectors[i]);

		DL_FOREACH (a->set->registry.all, p) {
			if (!p->owners || !probe_matches(p, a->selectors[i]))
				continue;
			is_found = true;
			if (!a->who.is_manager && !probe_find_claim(p, &a->who))
				return kp_error_set(e, KP_ACCESS_DENIED, EACCES, "manage",
						    "the probe %s belongs to others", p->name);
		}
		if (!is_found)
			return kp_error_set(e, KP_NO_SUCH_PROBE, ENOENT, a->selectors[i],
					    "there is no probe called %s", a->selectors[i]);
	}
	return 0;
}

static void act_on_owner(struct act_op *a, struct probe *p, struct probe_owner *owner)
{
	switch (a->action) {
	case ACTION_REMOVE:
		probe_drop_owner(p, owner);
		break;
	case ACTION_ENABLE:
		owner->is_disabled = false;
		break;
	case ACTION_DISABLE:
		owner->is_disabled = true;
		break;
	}
}

/* The caller's claim, or, for a manager without one, all of them. */
static void act_on_claims(struct act_op *a, struct probe *p)
{
	struct probe_owner *claim = NULL, *o, *tmp;

	if (a->is_session_end) {
		DL_FOREACH_SAFE (p->owners, o, tmp) {
			if (o->who.session == a->who.session && o->lifetime == LIFETIME_CONNECTION)
				probe_drop_owner(p, o);
		}
		return;
	}
	claim = probe_find_claim(p, &a->who);
	if (claim) {
		act_on_owner(a, p, claim);
		return;
	}
	DL_FOREACH_SAFE (p->owners, o, tmp) {
		act_on_owner(a, p, o);
	}
}

static bool has_claim_of_session(const struct probe *p, uint64_t session)
{
	const struct probe_owner *o;

	DL_FOREACH (p->owners, o) {
		if (o->who.session == session && o->lifetime == LIFETIME_CONNECTION)
			return true;
	}
	return false;
}

static void act_on_probe(struct act_op *a, struct probe *p)
{
	struct requester by = a->who;
	bool is_wanted;

	/* At its end a session is known by its id only; who it was is in its claim. */
	if (a->is_session_end)
		by = probe_find_claim(p, &a->who)->who;
	act_on_claims(a, p);
	is_wanted = probe_is_wanted(p);
	p->helper.is_leaving = p->helper.is_used && !p->owners;
	if (!p->owners)
		probe_set_park(a->set, p, &by);
	else if (a->action == ACTION_REMOVE)
		probe_set_change(a->set, CHANGE_LEFT, p, &by);

	if (p->is_gone)
		return;
	if (!is_wanted && (p->is_enabled || !p->owners))
		a->disable[a->n_disable++] = p;
	else if (is_wanted && !p->is_enabled && !p->spec.waits)
		a->enable[a->n_enable++] = p;
}

static bool plan_act(struct control_op *op)
{
	struct act_op *a = (struct act_op *)op;
	struct registry *r = &a->set->registry;
	struct probe *p, *tmp;

	a->error = KP_ERROR_INIT;
	a->result = a->is_session_end ? 0 : check_selection(a, &a->error);
	if (a->result < 0)
		return false;
	a->disable = calloc(r->n_live + 1, sizeof(*a->disable));
	a->enable = calloc(r->n_live + 1, sizeof(*a->enable));
	if (!a->disable || !a->enable) {
		a->result = -ENOMEM;
		return false;
	}
	DL_FOREACH_SAFE (r->all, p, tmp) {
		if (p->owners && (a->is_session_end ? has_claim_of_session(p, a->who.session)
						    : is_selected(a, p)))
			act_on_probe(a, p);
	}
	return a->n_disable || a->n_enable;
}

static void run_act(struct control_op *op)
{
	struct act_op *a = (struct act_op *)op;
	size_t i;

	for (i = 0; i < a->n_disable; i++)
		plant_disable(&a->set->helper, a->disable[i]);
	for (i = 0; i < a->n_enable && a->result == 0; i++)
		a->result = plant_enable(&a->set->helper, a->enable[i], &a->error);
	/* The last word on hits and misses of what has just ended. */
	profile_read(a->set, &a->profile);
}

/* One that never recorded left the kernel at once; the helper's may be in a ring still. */
static void forget_deleted(struct act_op *a, struct probe *p)
{
	struct probe_set *set = a->set;

	if (p->owners || p->type || p->helper.left_at)
		return;
	hit_table_give_back(reader_hits(set->o.reader), p->helper.cookie);
	registry_remove(&set->registry, p);
	p->instance->parked--;
	probe_set_schedule_reap(set);
	event_log_source_close(set->o.log, p->source);
	probe_free(p);
}

static void done_act(struct control_op *op)
{
	struct act_op *a = (struct act_op *)op;

	profile_apply(a->set, &a->profile);
	profile_done(&a->profile);
	for (size_t i = 0; i < a->n_enable; i++)
		if (a->enable[i]->is_enabled)
			probe_set_change(a->set, CHANGE_ENABLED, a->enable[i], &a->who);
	for (size_t i = 0; i < a->n_disable; i++)
		if (a->disable[i]->owners)
			probe_set_change(a->set, CHANGE_DISABLED, a->disable[i], &a->who);
	if (a->done)
		a->done(a->result, &a->error, NULL, 0, a->data);
	for (size_t i = 0; i < a->n_disable; i++)
		forget_deleted(a, a->disable[i]);
	probe_set_schedule_poll(a->set);
	if (a->set->helper.device)
		probe_set_schedule_reap(a->set);

	for (size_t i = 0; i < a->n_selectors; i++)
		free(a->selectors[i]);
	free(a->selectors);
	free(a->disable);
	free(a->enable);
	free(a);
}

static struct act_op *act_new(struct probe_set *set, enum probe_action action)
{
	struct act_op *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->op = (struct control_op){.plan = plan_act, .run = run_act, .done = done_act};
	a->set = set;
	a->action = action;
	return a;
}

void probe_set_act(struct probe_set *set, const struct requester *who, enum probe_action action,
		   char *const *selectors, size_t n_selectors, probe_done_fn done, void *data)
{
	struct act_op *a = act_new(set, action);

	if (a)
		a->selectors = calloc(n_selectors ? n_selectors : 1, sizeof(*a->selectors));
	for (; a && a->selectors && a->n_selectors < n_selectors; a->n_selectors++) {
		a->selectors[a->n_selectors] = strdup(selectors[a->n_selectors]);
		if (!a->selectors[a->n_selectors])
			break;
	}
	if (!a || a->n_selectors < n_selectors) {
		for (size_t i = 0; a && i < a->n_selectors; i++)
			free(a->selectors[i]);
		if (a)
			free(a->selectors);
		free(a);
		done(-ENOMEM, NULL, NULL, 0, data);
		return;
	}
	a->who = *who;
	a->done = done;
	a->data = data;
	control_submit(set->o.control, &a->op);
}

void probe_set_end_session(struct probe_set *set, uint64_t session)
{
	struct act_op *a;

	probe_set_orphan_adds(set, session);
	/* A request of it may still wait in the queue, so even a session without probes is ended.
	 */
	a = act_new(set, ACTION_REMOVE);
	if (!a)
		return; /* its probes stay until the daemon ends: Watch and List show them */
	a->who.session = session;
	a->is_session_end = true;
	control_submit(set->o.control, &a->op);
}
