/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Planting through the helper module: the device, the instances that record its one event, and its
 * probes. Used by plant.c and the operations, on the control worker.
 *
 * The event is enabled in one instance for probes without stacks and one for those with, which have
 * nothing else in them: what the module records never shares a ring with events that have to be
 * parked (design 9.2), and unloading the module, which empties the rings its event was enabled in,
 * empties no others. With both there, each has a filter on the cookie's lowest bit.
 *
 * The device is open while there are probes in it, and until what they recorded has been read: so
 * long the module cannot be unloaded, and not longer.
 */
#ifndef KP_PLANT_HELPER_H
#define KP_PLANT_HELPER_H

#include <stdbool.h>
#include <stdint.h>

#include "decode.h"
#include "error.h"
#include "helper.h"
#include "instance.h"
#include "probe.h"
#include "reader.h"

/* The worker's; the main thread may look between operations. */
struct helper_use {
	struct helper *device;	       /* owned; NULL: closed */
	struct event_format format;    /* owned: of the module's event, while it is open */
	struct instance *instances[2]; /* borrowed: without and with stacks; NULL: none */
};

/* The module's event, in the group of ours. */
#define PLANT_HIT_EVENT "kprobed_hit"

struct plant;

/*
 * Opens the device unless it is open, and has its event recorded where it was before. 0 or a
 * negative errno with @e.
 */
int helper_use_open(struct helper_use *use, struct reader *reader, const char *feature,
		    struct kp_error *e);
/* Closes it; all of its probes end. @reader may be NULL when it has ended. */
void helper_use_close(struct helper_use *use, struct reader *reader);
/* @instance records the module's event from now on. 0 or -errno. */
int helper_use_join(struct helper_use *use, struct instance *instance);
/* @instance is about to be freed. */
void helper_use_leave(struct helper_use *use, const struct instance *instance);

/*
 * Makes @probe, disabled, with its decoder bound. One that was there already (its module was
 * unloaded, and is back) is made anew. 0 or a negative errno with p->error.
 */
int plant_helper_make(struct plant *p, struct probe *probe);
/* 0 or -errno. */
int plant_helper_enable(const struct helper_use *use, struct probe *probe, bool enable);
/* Takes it out, having read its counters for the last time. */
void plant_helper_unmake(const struct helper_use *use, struct probe *probe);
/* As plant_raise(), of which it is the half for the module's probes. */
int plant_helper_raise(struct plant *p, struct probe *probe, unsigned int maxactive);
/* Reads its counters. */
void plant_helper_poll(const struct helper_use *use, struct probe *probe);

#endif
