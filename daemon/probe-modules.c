/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Probes in modules that come and go: see probe-set.h.
 *
 * The kernel itself takes a probe on "MOD:SYM" down with the module and arms it again when the
 * module is loaded (trace_kprobe_module_callback()), even before its first instruction runs. What
 * is left to do: to notice and tell; to plant what could not be written before, since what it
 * means had to be found in the module; and to see whether what is armed again still is what was
 * meant, since the module may be another build. If it is not, the probe gets another event.
 *
 * Each loading of a module makes a new inode of its folder in sysfs, which so tells one loading
 * from the next. It is asked for when the kernel gives notice (module-watch.h), and now and then
 * for as long as there are probes in modules, should there be no notice to be had.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "log.h"
#include "plant.h"
#include "probe-set-internal.h"

#define LOOK_EVERY_SEC 2

/* A probe whose module has come. */
struct arm_item {
	uint32_t id; /* the probe's: it may go while this is looked up */
	uint64_t module_id;
	struct resolve resolve;
	struct probe *probe; /* from plan() on: borrowed; NULL: nothing to plant */
	struct probe *left;  /* from plan() on: borrowed, see leave_event(); NULL: none */
	struct plant plant;
	int index; /* plant.indexes */
};

struct arm_op {
	struct control_op op;
	struct probe_set *set;
	struct arm_item *items; /* owned */
	size_t n_items;
};

static bool is_in_module(const struct probe *p)
{
	return p->owners && p->spec.module && !p->is_gone;
}

static void set_trouble(struct probe *p, const char *text)
{
	free(p->trouble);
	p->trouble = text ? strdup(text) : NULL;
}

static void run_look_up(struct control_op *op)
{
	struct arm_op *a = (struct arm_op *)op;

	for (size_t i = 0; i < a->n_items; i++)
		resolve_run(a->set->o.knowledge, &a->items[i].resolve);
}

static struct probe *find_live(const struct probe_set *set, uint32_t id)
{
	struct probe *p;

	DL_FOREACH (set->registry.all, p) {
		if (p->id == id && p->owners && !p->is_gone)
			return p;
	}
	return NULL;
}

/* Whether the kernel would be told the same of both. */
static bool is_same_line(const struct probe_spec *a, const struct probe_spec *b)
{
	_cleanup_free_ char *x = NULL, *y = NULL;

	return probe_spec_format_kernel(a, "g", "e", NULL, &x) == 0 &&
	       probe_spec_format_kernel(b, "g", "e", NULL, &y) == 0 && strcmp(x, y) == 0;
}

static void tell_armed(struct probe_set *set, struct probe *p)
{
	p->was_armed = true;
	set_trouble(p, NULL);
	probe_set_change(set, CHANGE_ARMED, p, NULL);
}

/* What is known of the function now becomes the probe's; it waits no more. */
static int take_spec(struct probe *p, struct probe_spec *spec)
{
	char *definition;
	int r = probe_spec_format(spec, &definition);

	if (r < 0)
		return r;
	free(p->definition);
	p->definition = definition;
	probe_spec_done(&p->spec);
	p->spec = *spec;
	*spec = PROBE_SPEC_INIT;
	snprintf(p->site, sizeof(p->site), "%.*s+0x%llx", SYMBOL_TEXT_MAX - 24, p->spec.symbol,
		 (unsigned long long)p->spec.offset);
	return 0;
}

static int plan_planting(struct arm_op *a, struct arm_item *item, struct probe *p)
{
	struct plant *plant = &item->plant;
	int r;

	plant->create = calloc(1, sizeof(*plant->create));
	plant->enable = calloc(1, sizeof(*plant->enable));
	if (!plant->create || !plant->enable)
		return -ENOMEM;
	r = take_spec(p, &item->resolve.specs[0]);
	if (r < 0)
		return r;
	plant->indexes = &item->index;
	plant->create[plant->n_create++] = p;
	if (probe_is_wanted(p))
		plant->enable[plant->n_enable++] = p;
	plant->targets[plant_target_of(p)].instance = p->instance;
	plant->reader = a->set->o.reader;
	plant->helper = &a->set->helper;
	plant->symbols = item->resolve.symbols;
	item->probe = p;
	return 0;
}

/*
 * Parts the probe from its event, which the kernel has armed at another place than is meant. An
 * event that was enabled cannot be deleted while its ring is read (plant.h): it goes to a probe of
 * its own, without owners, which is parked until the instance goes and which nobody finds. What was
 * recorded at that place is thrown away.
 */
static int leave_event(struct probe_set *set, struct probe *p, struct probe **ret)
{
	struct probe_spec spec = PROBE_SPEC_INIT;
	char event[PROBE_NAME_MAX + 1];
	struct probe *left;
	int r;

	r = probe_spec_copy(&p->spec, p->definition, &spec);
	if (r < 0)
		return r;
	r = probe_new(&spec, &left);
	if (r < 0) {
		probe_spec_done(&spec);
		return r;
	}
	left->id = event_log_take_id(set->o.log);
	r = event_log_source_open(set->o.log, LOG_SOURCE_PROBE, p->name, left->id, &left->source);
	if (r < 0) {
		probe_free(left);
		return r;
	}
	reader_unbind(set->o.reader, p->type);
	snprintf(left->id_text, sizeof(left->id_text), "%u", left->id);
	snprintf(left->name, sizeof(left->name), "%s", p->name);
	snprintf(left->event, sizeof(left->event), "%s", p->event);
	left->instance = p->instance;
	left->decoder = take_ptr(p->decoder);
	left->type = p->type;
	left->is_enabled = p->is_enabled;
	left->was_enabled = p->was_enabled;
	left->is_gone = true;

	snprintf(event, sizeof(event), "%.50s_%u", p->name, left->id);
	registry_change_event(&set->registry, p, event);
	registry_insert(&set->registry, left);
	left->instance->parked++;
	p->type = 0;
	p->is_enabled = p->was_enabled = false;
	/* The kernel counts the new event from 0; what is shown goes on. */
	p->hits_base -= p->hits;
	p->missed_base -= p->missed;
	p->hits = p->missed = 0;
	*ret = left;
	return 0;
}

/* One that never recorded has left the kernel at once. */
static void forget_left(struct probe_set *set, struct probe *left)
{
	if (left->type)
		return;
	registry_remove(&set->registry, left);
	left->instance->parked--;
	event_log_source_close(set->o.log, left->source);
	probe_free(left);
}

static void plan_item(struct arm_op *a, struct arm_item *item)
{
	struct resolve *r = &item->resolve;
	struct probe *p = find_live(a->set, item->id);
	int result = r->result;

	if (!p || probe_module_id(p->spec.module) != item->module_id)
		return; /* gone, or the module is: the next look will tell */
	if (result == 0 && r->n_specs != 1)
		result = -EINVAL;
	if (p->type && (result < 0 || !is_same_line(&p->spec, &r->specs[0]))) {
		int left = leave_event(a->set, p, &item->left);

		/* It waits on, for a build that has it. */
		p->spec.waits |= left == 0;
		result = result < 0 ? result : left;
	}
	if (result == 0 && p->type == 0)
		result = plan_planting(a, item, p);
	if (result < 0)
		set_trouble(p, r->error.message[0] ? r->error.message : strerror(-result));
	else if (p->type)
		tell_armed(a->set, p);
	if (p->trouble)
		log_warning("probe %s is not armed: %s", p->name, p->trouble);
}

static bool plan_arm(struct control_op *op)
{
	struct arm_op *a = (struct arm_op *)op;
	bool has_work = false;

	if (a->set->is_shutting_down)
		return false;
	for (size_t i = 0; i < a->n_items; i++) {
		plan_item(a, &a->items[i]);
		has_work |= a->items[i].probe || a->items[i].left;
	}
	return has_work;
}

static void run_arm(struct control_op *op)
{
	struct arm_op *a = (struct arm_op *)op;

	for (size_t i = 0; i < a->n_items; i++) {
		if (a->items[i].left)
			plant_disable(&a->set->helper, a->items[i].left);
		if (a->items[i].probe)
			plant_run(&a->items[i].plant);
	}
}

static void done_arm(struct control_op *op)
{
	struct arm_op *a = (struct arm_op *)op;

	for (size_t i = 0; i < a->n_items; i++) {
		struct arm_item *item = &a->items[i];
		struct probe *p = item->probe;

		if (p)
			probe_drop_old_decoder(p);
		if (p && item->plant.result == 0) {
			tell_armed(a->set, p);
		} else if (p) {
			/* It waits on, for another build of the module. */
			p->spec.waits = p->type == 0;
			set_trouble(p, item->plant.error.message);
			log_warning("probe %s is not armed: %s", p->name, p->trouble);
		}
		if (item->left)
			forget_left(a->set, item->left);
		free(item->plant.create);
		free(item->plant.enable);
		resolve_done(&item->resolve);
	}
	a->set->is_arming = false;
	probe_set_schedule_poll(a->set);
	free(a->items);
	free(a);
}

static void done_look_up(struct control_op *op)
{
	struct arm_op *a = (struct arm_op *)op;
	const struct resolve *last = &a->items[a->n_items - 1].resolve;

	probe_set_adopt_symbols(a->set, last->symbols, last->symbols_result);
	a->op = (struct control_op){.plan = plan_arm, .run = run_arm, .done = done_arm};
	control_submit(a->set->o.control, &a->op);
}

static int add_item(struct arm_op *a, const struct probe *p)
{
	struct arm_item *item = &a->items[a->n_items];
	struct probe_spec *spec = calloc(1, sizeof(*spec));
	int r;

	if (!spec)
		return -ENOMEM;
	r = probe_spec_copy(&p->spec, p->definition, spec);
	if (r < 0) {
		free(spec);
		return r;
	}
	*item = (struct arm_item){
		.id = p->id,
		.module_id = p->module_id,
		.resolve = {.specs = spec,
			    .n_specs = 1,
			    .max_specs = 1,
			    .is_hasty = true,
			    .result = -ECANCELED},
	};
	a->n_items++;
	return 0;
}

/* Looks up what the probes mean whose modules have come. */
static void arm(struct probe_set *set, struct probe *const *probes, size_t n)
{
	struct arm_op *a = calloc(1, sizeof(*a));

	if (a)
		a->items = calloc(n, sizeof(*a->items));
	for (size_t i = 0; a && a->items && i < n; i++)
		if (add_item(a, probes[i]) < 0)
			probes[i]->module_id = 0; /* the next look tries again */
	if (!a || !a->items || a->n_items == 0) {
		for (size_t i = 0; i < n; i++)
			probes[i]->module_id = 0;
		if (a)
			free(a->items);
		free(a);
		return;
	}
	a->set = set;
	a->op = (struct control_op){.run = run_look_up, .done = done_look_up};
	set->is_arming = true;
	control_submit(set->o.knowledge_worker, &a->op);
}

static void on_look(evutil_socket_t fd, short what, void *data)
{
	probe_set_look_at_modules(data);
}

void probe_set_look_at_modules(struct probe_set *set)
{
	_cleanup_free_ struct probe **came = NULL;
	const char *module = "";
	uint64_t id = 0;
	size_t n = 0;
	bool is_any = false;
	struct probe *p;

	/* One at a time; what changes meanwhile the next look sees. */
	if (set->is_shutting_down || set->is_arming) {
		probe_set_schedule_look(set);
		return;
	}
	came = calloc(set->registry.n_live + 1, sizeof(struct probe *));
	DL_FOREACH (set->registry.all, p) {
		if (!is_in_module(p))
			continue;
		is_any = true;
		/* Neighbours mostly are of one module. */
		if (strcmp(p->spec.module, module) != 0) {
			module = p->spec.module;
			id = probe_module_id(module);
		}
		if (id == p->module_id || !came)
			continue;
		if (p->module_id) {
			p->module_id = 0;
			set_trouble(p, NULL);
			if (p->was_armed)
				probe_set_change(set, CHANGE_GONE, p, NULL);
		}
		if (id) {
			p->module_id = id;
			came[n++] = p;
		}
	}
	if (n)
		arm(set, came, n);
	if (is_any) {
		probe_set_schedule_look(set);
	} else if (!set->is_watch_queued) {
		probe_set_end_watch(set);
		set->has_tried_watch = false;
	}
}

void probe_set_schedule_look(struct probe_set *set)
{
	struct timeval tv = {.tv_sec = LOOK_EVERY_SEC};

	if (!set->is_shutting_down)
		probe_set_begin_watch(set);
	if (!set->is_shutting_down && !event_pending(set->look_timer, EV_TIMEOUT, NULL))
		event_add(set->look_timer, &tv);
}

int probe_set_watch_modules(struct probe_set *set)
{
	set->look_timer = evtimer_new(set->o.base, on_look, set);
	return set->look_timer ? 0 : -ENOMEM;
}
