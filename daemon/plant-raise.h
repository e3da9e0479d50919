/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A probe with a larger maxactive, in the place of the one that is there: made disabled, and then
 * the one disabled and the other enabled. So no call is recorded twice; those between the two are
 * not at all. Runs on the control worker.
 */
#ifndef KP_PLANT_RAISE_H
#define KP_PLANT_RAISE_H

#include "plant.h"

/* What a return probe of tracefs has then; the main thread makes it the probe's. */
struct raised {
	char event[PROBE_NAME_MAX + 1]; /* its name, chosen by the main thread */
	unsigned int type;
	struct decoder *decoder; /* owned until it is the probe's */
};

/*
 * Replaces @probe's event, which stays in the kernel, disabled. 0 or a negative errno with
 * p->error; the probe is as it was then.
 */
int plant_raise(struct plant *p, struct probe *probe, unsigned int maxactive,
		struct raised *raised);

#endif
