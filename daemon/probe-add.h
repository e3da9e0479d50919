/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the two halves of Add share: probe-add-plan.c decides, probe-add.c carries it out. */
#ifndef KP_PROBE_ADD_H
#define KP_PROBE_ADD_H

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

/*
 * What becomes of each spec, and what the control worker has to do for it. Changes nothing that is
 * seen. 0 or a negative errno with @e.
 */
int add_plan(struct add_op *a, struct kp_error *e);

/* Whose instance the new probes go to: everybody's (0), or the session's own when it has many. */
uint64_t add_choose_group(const struct add_op *a);

uint64_t realtime_usec(void);

#endif
