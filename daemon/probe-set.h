/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * All probes and what can be done with them: the operations that requests, ends of sessions and
 * timers bring about, each carried out by the control worker in its turn.
 *
 * Instances are generations (design 9.2): a new probe goes into an instance that takes it; parked
 * events pile up there until a new instance is opened; an instance whose last live probe has gone
 * is drained and removed a moment later, and its events after it. A session with many probes gets
 * an instance of its own, so that its end leaves nothing parked with others.
 */
#ifndef KP_PROBE_SET_H
#define KP_PROBE_SET_H

#include <stdbool.h>
#include <stddef.h>

#include <event2/event.h>

#include "config.h"
#include "control.h"
#include "error.h"
#include "event-log.h"
#include "foreign.h"
#include "helper-hist.h"
#include "knowledge.h"
#include "probe.h"
#include "probe-resolve.h"
#include "reader.h"

enum probe_change {
	CHANGE_ADDED,
	CHANGE_REMOVED,
	CHANGE_ENABLED,
	CHANGE_DISABLED,
	CHANGE_JOINED,
	CHANGE_LEFT,
	CHANGE_GONE,
	CHANGE_ARMED,
};

struct probe_set_options {
	struct event_base *base;	  /* borrowed */
	struct event_log *log;		  /* borrowed */
	struct reader *reader;		  /* borrowed */
	struct control *control;	  /* borrowed: plants */
	struct control *knowledge_worker; /* borrowed: resolves */
	struct knowledge *knowledge;	  /* borrowed: that worker's */
	const struct config *config;	  /* borrowed */
	/* Told of every change; @by is NULL when nobody asked for it. */
	void (*on_change)(enum probe_change change, const struct probe *probe,
			  const struct requester *by, void *data);
	void *data;
};

struct probe_set;

int probe_set_new(const struct probe_set_options *options, struct probe_set **ret);
/* The workers must have been freed before. */
struct probe_set *probe_set_free(struct probe_set *set);
DEFINE_CLEANUP(struct probe_set *, probe_set_free);

/* How an operation ended: 0, or a negative errno and @error. @probes are borrowed, in order. */
typedef void (*probe_done_fn)(int result, const struct kp_error *error, struct probe *const *probes,
			      size_t n_probes, void *data);

/* As probe_done_fn; @resolved (borrowed) says what patterns have left out. */
typedef void (*add_done_fn)(int result, const struct kp_error *error, struct probe *const *probes,
			    size_t n_probes, const struct resolve *resolved, void *data);

/*
 * Plants all of @specs (taken over, released in any case) or none, for @who. With @is_dry_run
 * nothing stays: the probes passed to @done are temporary.
 */
void probe_set_add(struct probe_set *set, const struct requester *who, struct probe_spec *specs,
		   size_t n_specs, enum probe_lifetime lifetime, bool is_dry_run, add_done_fn done,
		   void *data);

enum probe_action {
	ACTION_REMOVE,
	ACTION_ENABLE,
	ACTION_DISABLE,
};

/*
 * Carries out @action on the claim of @who to the probes that @selectors (copied) mean; a manager
 * without a claim acts on all claims. KP_NO_SUCH_PROBE, KP_ACCESS_DENIED.
 */
void probe_set_act(struct probe_set *set, const struct requester *who, enum probe_action action,
		   char *const *selectors, size_t n_selectors, probe_done_fn done, void *data);

/* As probe_done_fn; @foreign is borrowed, NULL when it was not asked for. */
typedef void (*refresh_done_fn)(int result, const struct foreign_list *foreign, void *data);

/* Brings hits, misses and methods up to date, and reads the probes of others when asked to. */
void probe_set_refresh(struct probe_set *set, bool wants_foreign, refresh_done_fn done, void *data);

/* What a probe has counted. @histogram may be changed; all of it is borrowed. */
struct probe_histogram {
	const struct probe *probe;
	struct histogram histogram;
	struct kprobed_counters counters;
};

/* As probe_done_fn; @answer is NULL or empty on failure. */
typedef void (*hist_done_fn)(int result, const struct kp_error *error,
			     struct probe_histogram *answer, void *data);

/*
 * Reads the histogram of the probe @selector, an id or a name (copied). With @wants_reset, for
 * which
 * @who must have a claim, the counts are taken out: each value is in one such answer.
 * KP_NO_SUCH_PROBE, KP_NO_HISTOGRAM, KP_ACCESS_DENIED, KP_UNAVAILABLE (it is not planted).
 */
void probe_set_read_hist(struct probe_set *set, const struct requester *who, const char *selector,
			 bool wants_reset, hist_done_fn done, void *data);

/* Gives up every claim of the session that lives with its connection. */
void probe_set_end_session(struct probe_set *set, uint64_t session);

/*
 * Takes all probes out of the helper module, as gone, and calls @done when all they recorded has
 * been read and the device is closed: the module can be unloaded then. They are planted again when
 * it is loaded the next time, or by probe_set_use_helper().
 */
void probe_set_release_helper(struct probe_set *set, const struct requester *who,
			      probe_done_fn done, void *data);
/* Plants again what is gone with the module. KP_HELPER_REQUIRED if it cannot be used. */
void probe_set_use_helper(struct probe_set *set, probe_done_fn done, void *data);

/*
 * Stops recording, drains the rings, takes every event and instance of ours out of the kernel, and
 * calls @done.
 */
void probe_set_shut_down(struct probe_set *set, probe_done_fn done, void *data);

/* The registry, to be read only. */
const struct registry *probe_set_registry(const struct probe_set *set);
unsigned int probe_set_instances(const struct probe_set *set);
/* Misses counted since the start, of probes that are gone too. */
uint64_t probe_set_missed(const struct probe_set *set);
/* Whether the kernel's symbols are known: -EAGAIN while nobody has needed them, or the errno. */
int probe_set_symbols_state(const struct probe_set *set);

#endif
