/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The probe set's notice of modules (module-watch.h): made when the first probe in a module is
 * there, ended after the last, both by the control worker. See probe-modules.c.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "module-watch.h"
#include "probe-set-internal.h"

/* What is being loaded or freed is so after a moment. */
#define LOOK_ON_NOTICE_MSEC 20

/* What is to be made or ended of the watch, which is an instance and so takes the worker. */
struct watch_op {
	struct control_op op;
	struct probe_set *set;
	struct instance *instance; /* owned: made, or to be freed */
	int result;
};

static void run_watch(struct control_op *op)
{
	struct watch_op *w = (struct watch_op *)op;

	if (w->instance)
		w->instance = instance_free(w->instance);
	else
		w->result = module_watch_prepare(&w->instance);
}

static void on_notice(void *data)
{
	struct probe_set *set = data;
	struct timeval tv = {.tv_usec = LOOK_ON_NOTICE_MSEC * 1000};

	if (!set->is_shutting_down)
		event_add(set->look_timer, &tv);
}

static void done_unwatch(struct control_op *op)
{
	struct watch_op *w = (struct watch_op *)op;

	/* The daemon ends before its turn has come. */
	if (w->instance)
		instance_free(w->instance);
	free(w);
}

static void free_instance(struct probe_set *set, struct instance *instance)
{
	struct watch_op *w = calloc(1, sizeof(*w));

	if (!w) {
		instance_free(instance);
		return;
	}
	w->op = (struct control_op){.run = run_watch, .done = done_unwatch};
	w->set = set;
	w->instance = instance;
	control_submit(set->o.control, &w->op);
}

void probe_set_end_watch(struct probe_set *set)
{
	struct module_watch *w = set->module_watch;

	set->module_watch = NULL;
	if (w)
		free_instance(set, module_watch_free(w));
}

static void done_watch(struct control_op *op)
{
	struct watch_op *w = (struct watch_op *)op;
	struct probe_set *set = w->set;

	set->is_watch_queued = false;
	if (w->instance &&
	    (set->is_shutting_down ||
	     module_watch_new(set->o.base, w->instance, on_notice, set, &set->module_watch) < 0))
		free_instance(set, w->instance);
	else if (!w->instance)
		log_notice(
			"modules are looked for now and then: the kernel gives no notice of them "
			"(%s)",
			strerror(-w->result));
	free(w);
}

void probe_set_begin_watch(struct probe_set *set)
{
	struct watch_op *w;

	/* Asked for once: where it was refused it would be again. */
	if (set->module_watch || set->has_tried_watch)
		return;
	w = calloc(1, sizeof(*w));
	if (!w)
		return;
	set->has_tried_watch = set->is_watch_queued = true;
	w->op = (struct control_op){.run = run_watch, .done = done_watch};
	w->set = set;
	control_submit(set->o.control, &w->op);
}
