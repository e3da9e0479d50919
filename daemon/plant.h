/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Planting: from probes to events in the kernel, all of a batch or none. Runs on the control
 * worker.
 *
 * A probe that waits for its module (probe_spec.waits) gets its instance and is not written.
 *
 * Order matters: every event is made and filtered before any is enabled. An event that was never
 * enabled can be deleted without harm; one that was enabled is parked instead (design 9.2), so
 * whatever can fail has to fail before.
 */
#ifndef KP_PLANT_H
#define KP_PLANT_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"
#include "instance.h"
#include "plant-helper.h"
#include "probe.h"
#include "reader.h"
#include "symbols.h"

/* Where new events go: an instance that is there, or the name of one to make. */
struct plant_target {
	struct instance *instance; /* borrowed; made here: the caller's */
	char new_instance[48];	   /* empty: none */
	struct instance_options options;
};

/*
 * An instance records stacks or does not, and has tracefs's events or the helper module's: [0] and
 * [1] are tracefs's without and with stacks, [2] and [3] the helper's.
 */
#define PLANT_TARGETS 4

struct plant {
	struct plant_target targets[PLANT_TARGETS]; /* by plant_target_of() */

	struct probe **create; /* borrowed: to make, in the order of the batch */
	int *indexes;	       /* borrowed: of each in the batch, for errors */
	size_t n_create;
	struct probe **enable; /* borrowed: to enable, new and old */
	size_t n_enable;

	struct reader *reader;	   /* borrowed: learns of each event before it is enabled */
	struct helper_use *helper; /* borrowed */
	struct symbols *symbols;   /* borrowed; NULL: not to be had */
	bool is_dry_run;	   /* make, say what the kernel thinks, and delete */

	int result; /* 0 or a negative errno, with error filled */
	struct kp_error error;
};

void plant_run(struct plant *p);

/* The index of the target that @probe goes to. */
unsigned int plant_target_of(const struct probe *probe);

/* 0 or a negative errno with @e. */
int plant_enable(struct helper_use *use, struct probe *probe, struct kp_error *e);

/*
 * Stops recording; safe to call for one that is not enabled. One that was never enabled is deleted
 * and its type becomes 0; one of the helper's that is leaving is taken out.
 */
void plant_disable(struct helper_use *use, struct probe *probe);

/* Stops recording, and no more. */
void plant_stop(struct helper_use *use, struct probe *probe);

/* Deletes events; their instance must be gone, or they must never have been enabled. */
void plant_delete(struct probe *const *probes, size_t n);

/* Deletes every event of the group that an earlier kprobed left behind. Returns how many stay. */
unsigned int plant_delete_leftovers(void);

/*
 * The line for kprobe_events that makes the probe, as the event @event. Pure. *@ret is the
 * caller's. Returns as probe_spec_format_kernel().
 */
int plant_format_line(const struct probe *probe, const char *event, char **ret);

#endif
