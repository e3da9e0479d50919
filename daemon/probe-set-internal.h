/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the probe set (probe-set.c, probe-add.c, probe-act.c, probe-poll.c) share. */
#ifndef KP_PROBE_SET_INTERNAL_H
#define KP_PROBE_SET_INTERNAL_H

#include "plant.h"
#include "probe-set.h"

/* An instance without live probes is removed after this; the same definition may come back before.
 */
#define LINGER_NSEC 300000000ULL

struct profile_entry {
	char event[PROBE_NAME_MAX + 1];
	uint64_t hits, missed;
};

/* kprobe_profile, read by the worker. */
struct profile {
	struct profile_entry *entries; /* owned */
	size_t n, size;
	bool is_short; /* without memory for all of it */
	int result;    /* of reading it */
};

struct probe_set {
	struct probe_set_options o;
	struct registry registry;
	struct instance *instances; /* owned */
	unsigned int n_instances;
	struct helper_use helper;
	struct helper_watch *helper_watch; /* owned; NULL: not to be had */
	struct helper_waiter *waiters;	   /* owned: who waits until the device is closed */
	struct symbols *symbols;	   /* a reference; NULL: not loaded */
	int symbols_state;
	pid_t own_tids[3];
	struct add_op *resolving; /* those that are with the knowledge worker */
	struct event *reap_timer; /* owned */
	struct event *poll_timer; /* owned */
	struct event *look_timer; /* owned */
	bool is_arming;
	struct module_watch *module_watch; /* owned; NULL: nobody waits for modules */
	bool has_tried_watch;
	bool is_watch_queued;
	bool is_poll_queued;
	bool is_raise_queued;
	bool is_reap_queued;
	bool is_shutting_down;
	unsigned int quiet_polls;
	uint64_t missed_total;
	uint64_t looked_at; /* CLOCK_MONOTONIC ns: when the probes' ledgers took counts over */
};

/* probe-set.c */
void probe_set_change(struct probe_set *set, enum probe_change change, const struct probe *probe,
		      const struct requester *by);
/* The probe has lost its last owner: its name is free, its event waits in the instance. */
void probe_set_park(struct probe_set *set, struct probe *probe, const struct requester *by);
void probe_set_schedule_reap(struct probe_set *set);
void probe_set_schedule_poll(struct probe_set *set);
/* Takes @symbols into use, if they are others; NULL: keeps what there is. @result: of loading them.
 */
void probe_set_adopt_symbols(struct probe_set *set, struct symbols *symbols, int result);

/* probe-add.c: what @session has asked for and is not planted yet does not come to be. */
void probe_set_orphan_adds(struct probe_set *set, uint64_t session);

/* probe-poll.c */
/* Reads it, and the counters of the helper's probes. */
void profile_read(struct probe_set *set, struct profile *profile);
void profile_done(struct profile *profile);
/* Takes the counts over and tells what was missed since the last time. */
void profile_apply(struct probe_set *set, const struct profile *profile);
void probe_set_poll(struct probe_set *set);

/* probe-raise.c: gives those that want it, and have missed calls, room for more. */
void probe_set_raise(struct probe_set *set);

/* probe-modules.c */
int probe_set_watch_modules(struct probe_set *set);
/* Notices which modules have come and gone, and does what that takes. */
void probe_set_look_at_modules(struct probe_set *set);
/* While there are probes in modules that is done again and again, and the kernel gives notice. */
void probe_set_schedule_look(struct probe_set *set);

/* probe-notice.c: the kernel says when modules come and go, as far as it does; or no more. */
void probe_set_begin_watch(struct probe_set *set);
void probe_set_end_watch(struct probe_set *set);

/* probe-helper.c */
/* Watches for the module. */
int probe_set_watch_helper(struct probe_set *set);
void probe_set_end_helper_watch(struct probe_set *set);
/* The device is closed, or will be with the service: tells those who wait for that. */
void probe_set_helper_closed(struct probe_set *set);

/* probe-reap.c */
void probe_set_reap(struct probe_set *set);

#endif
