/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See probe-set.h. Here: what all operations share, and the end of sessions and of the service. */
#include "module-watch.h"
#include "probe-set-internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <utlist.h>

#include "tracefs.h"

static void on_reap_timer(evutil_socket_t fd, short what, void *data)
{
	probe_set_reap(data);
}

static void on_poll_timer(evutil_socket_t fd, short what, void *data)
{
	probe_set_poll(data);
}

int probe_set_new(const struct probe_set_options *options, struct probe_set **ret)
{
	_cleanup_(probe_set_freep) struct probe_set *set = calloc(1, sizeof(*set));

	if (!set)
		return -ENOMEM;
	set->o = *options;
	set->symbols_state = -EAGAIN;
	set->own_tids[0] = gettid();
	set->own_tids[1] = control_tid(options->control);
	set->own_tids[2] = control_tid(options->knowledge_worker);
	set->reap_timer = evtimer_new(options->base, on_reap_timer, set);
	set->poll_timer = evtimer_new(options->base, on_poll_timer, set);
	if (!set->reap_timer || !set->poll_timer || probe_set_watch_modules(set) < 0 ||
	    probe_set_watch_helper(set) < 0)
		return -ENOMEM;

	*ret = take_ptr(set);
	return 0;
}

struct probe_set *probe_set_free(struct probe_set *set)
{
	struct probe *p, *ptmp;
	struct instance *i, *itmp;

	DL_FOREACH_SAFE (set->registry.all, p, ptmp) {
		registry_remove(&set->registry, p);
		probe_free(p);
	}
	DL_FOREACH_SAFE (set->instances, i, itmp) {
		DL_DELETE(set->instances, i);
		instance_free(i);
	}
	if (set->reap_timer)
		event_free(set->reap_timer);
	if (set->poll_timer)
		event_free(set->poll_timer);
	if (set->look_timer)
		event_free(set->look_timer);
	if (set->module_watch)
		instance_free(module_watch_free(set->module_watch));
	probe_set_end_helper_watch(set);
	probe_set_helper_closed(set);
	helper_use_close(&set->helper, NULL);
	if (set->symbols)
		symbols_free(set->symbols);
	free(set);
	return NULL;
}

const struct registry *probe_set_registry(const struct probe_set *set)
{
	return &set->registry;
}

unsigned int probe_set_instances(const struct probe_set *set)
{
	return set->n_instances;
}

uint64_t probe_set_missed(const struct probe_set *set)
{
	return set->missed_total;
}

int probe_set_symbols_state(const struct probe_set *set)
{
	return set->symbols_state;
}

void probe_set_change(struct probe_set *set, enum probe_change change, const struct probe *probe,
		      const struct requester *by)
{
	set->o.on_change(change, probe, by, set->o.data);
}

void probe_set_schedule_reap(struct probe_set *set)
{
	struct timeval tv = {.tv_usec = LINGER_NSEC / 1000};

	if (!set->is_shutting_down)
		event_add(set->reap_timer, &tv);
}

/*
 * Misses do not announce themselves, so they are asked for: soon while events flow, seldom while
 * nothing happens, not at all without probes.
 */
void probe_set_schedule_poll(struct probe_set *set)
{
	struct timeval tv = {.tv_sec = 1};

	set->quiet_polls = reader_is_idle(set->o.reader) ? set->quiet_polls + 1 : 0;
	if (set->quiet_polls > 2)
		tv.tv_sec = 5;
	if (set->registry.n_live && !set->is_shutting_down)
		event_add(set->poll_timer, &tv);
}

void probe_set_park(struct probe_set *set, struct probe *probe, const struct requester *by)
{
	struct instance *i = probe->instance;

	registry_park(&set->registry, probe);
	probe_set_change(set, CHANGE_REMOVED, probe, by);
	i->live--;
	i->parked++;
	if (i->live == 0) {
		i->empty_since = now_nsec();
		probe_set_schedule_reap(set);
	}
}

void probe_set_adopt_symbols(struct probe_set *set, struct symbols *symbols, int result)
{
	set->symbols_state = result;
	if (!symbols || symbols == set->symbols)
		return;
	reader_set_symbols(set->o.reader, symbols);
	if (set->symbols)
		symbols_free(set->symbols);
	set->symbols = symbols_ref(symbols);
}
