/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The end of instances, and of everything: see probe-set.h.
 *
 * The order is the point (design 9.2): all events disabled, their rings drained, the instance
 * removed, and only then the events deleted, when no ring is left that the deletion could empty.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "plant.h"
#include "probe-set-internal.h"

struct reap_op {
	struct control_op op;
	struct probe_set *set;
	struct instance **instances; /* owned array */
	size_t n_instances;
	struct probe **probes;	/* owned array */
	struct probe **written; /* owned array: those of them that are in the kernel */
	size_t n_probes;
	bool is_final;
	bool closes_helper; /* nothing uses the module any more */
	probe_done_fn done;
	void *data;
};

static bool is_ripe(const struct probe_set *set, const struct instance *i, uint64_t now)
{
	return i->live == 0 && now - i->empty_since >= LINGER_NSEC &&
	       reader_is_drained(set->o.reader, i);
}

/* From here on nothing reads its rings, and no new probe can come to it. */
static void take_instance(struct reap_op *o, struct instance *i)
{
	struct probe_set *set = o->set;
	struct probe *p;

	reader_remove_instance(set->o.reader, i);
	/* Its losses stay in the log; the slot must not stay taken for ever. */
	if (i->source != LOG_SOURCE_GLOBAL)
		event_log_source_close(set->o.log, i->source);
	DL_DELETE(set->instances, i);
	set->n_instances--;
	o->instances[o->n_instances++] = i;
	DL_FOREACH (set->registry.all, p) {
		if (p->instance == i)
			o->probes[o->n_probes++] = p;
	}
}

/* Whether everything that a probe of the helper's recorded before it was taken out is in the log.
 */
static bool is_read(const struct probe_set *set, const struct probe *p, uint64_t now)
{
	return !p->helper.left_at || !p->instance ||
	       (now - p->helper.left_at >= LINGER_NSEC &&
		reader_is_past(set->o.reader, p->instance, p->helper.left_at));
}

/*
 * Probes of the helper's that have been taken out are forgotten once they have been read, without
 * any of the instance's other probes being concerned. While there are any in the module, or what
 * they recorded is unread, the device stays open.
 */
static void take_helper_probes(struct reap_op *o, uint64_t now)
{
	struct probe_set *set = o->set;
	bool is_unread = false;
	struct probe *p;

	o->closes_helper = set->helper.device != NULL;
	DL_FOREACH (set->registry.all, p) {
		if (!p->helper.is_used)
			continue;
		if (p->helper.id || !is_read(set, p, now)) {
			o->closes_helper = o->is_final;
			is_unread |= !p->helper.id;
			continue;
		}
		p->helper.left_at = 0;
		if (p->owners)
			continue;
		if (p->instance)
			p->instance->parked--;
		p->instance = NULL;
		o->probes[o->n_probes++] = p;
	}
	if (is_unread)
		probe_set_schedule_reap(set);
}

static bool plan_reap(struct control_op *op)
{
	struct reap_op *o = (struct reap_op *)op;
	struct probe_set *set = o->set;
	unsigned int n = set->registry.n_live + set->registry.n_parked;
	struct instance *i, *tmp;
	uint64_t now = now_nsec();

	o->instances = calloc(set->n_instances + 1, sizeof(*o->instances));
	o->probes = calloc(n + 1, sizeof(*o->probes));
	o->written = calloc(n + 1, sizeof(*o->written));
	if (!o->instances || !o->probes || !o->written)
		return false;
	take_helper_probes(o, now);
	DL_FOREACH_SAFE (set->instances, i, tmp) {
		if (o->is_final || is_ripe(set, i, now))
			take_instance(o, i);
		else if (i->live == 0)
			probe_set_schedule_reap(set);
	}
	return o->n_instances > 0 || o->closes_helper;
}

static void run_reap(struct control_op *op)
{
	struct reap_op *o = (struct reap_op *)op;
	struct probe **written = o->written;
	size_t n = 0;

	if (o->closes_helper)
		helper_use_close(&o->set->helper, o->set->o.reader);
	for (size_t k = 0; k < o->n_instances; k++) {
		helper_use_leave(&o->set->helper, o->instances[k]);
		instance_free(o->instances[k]);
	}
	for (size_t k = 0; k < o->n_probes; k++)
		if (!o->probes[k]->spec.waits && !o->probes[k]->helper.is_used)
			written[n++] = o->probes[k];
	plant_delete(written, n);
}

static void done_reap(struct control_op *op)
{
	struct reap_op *o = (struct reap_op *)op;
	struct probe_set *set = o->set;

	for (size_t k = 0; k < o->n_probes; k++) {
		struct probe *p = o->probes[k];

		if (p->type)
			reader_unbind(set->o.reader, p->type);
		hit_table_give_back(reader_hits(set->o.reader), p->helper.cookie);
		/* What only parks an event that was replaced has none. */
		if (p->source != LOG_SOURCE_GLOBAL)
			event_log_source_close(set->o.log, p->source);
		registry_remove(&set->registry, p);
		probe_free(p);
	}
	set->is_reap_queued = false;
	if (!set->helper.device)
		probe_set_helper_closed(set);
	if (o->done)
		o->done(0, NULL, NULL, 0, o->data);
	free(o->instances);
	free(o->probes);
	free(o->written);
	free(o);
}

static struct reap_op *reap_new(struct probe_set *set)
{
	struct reap_op *o = calloc(1, sizeof(*o));

	if (!o)
		return NULL;
	o->op = (struct control_op){.plan = plan_reap, .run = run_reap, .done = done_reap};
	o->set = set;
	return o;
}

void probe_set_reap(struct probe_set *set)
{
	struct reap_op *o;

	if (set->is_reap_queued || set->is_shutting_down)
		return;
	o = reap_new(set);
	if (!o) {
		probe_set_schedule_reap(set);
		return;
	}
	set->is_reap_queued = true;
	control_submit(set->o.control, &o->op);
}

/* The first half of the end: nothing records any more. */
struct stop_op {
	struct control_op op;
	struct probe_set *set;
	struct reap_op *reap; /* owned: the second half */
};

static void run_stop(struct control_op *op)
{
	struct stop_op *s = (struct stop_op *)op;
	struct probe *p;

	DL_FOREACH (s->set->registry.all, p) {
		if (p->is_enabled)
			plant_stop(&s->set->helper, p);
	}
}

static void done_stop(struct control_op *op)
{
	struct stop_op *s = (struct stop_op *)op;

	reader_drain(s->set->o.reader);
	control_submit(s->set->o.control, &s->reap->op);
	free(s);
}

void probe_set_shut_down(struct probe_set *set, probe_done_fn done, void *data)
{
	struct stop_op *s = calloc(1, sizeof(*s));
	struct reap_op *o = reap_new(set);

	if (!s || !o) {
		free(s);
		free(o);
		done(-ENOMEM, NULL, NULL, 0, data);
		return;
	}
	set->is_shutting_down = true;
	event_del(set->reap_timer);
	event_del(set->poll_timer);
	event_del(set->look_timer);
	probe_set_end_watch(set);
	o->is_final = true;
	o->done = done;
	o->data = data;
	s->op = (struct control_op){.run = run_stop, .done = done_stop};
	s->set = set;
	s->reap = o;
	control_submit(set->o.control, &s->op);
}
