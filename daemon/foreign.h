/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Probes that others have made (perf, trace-cmd, a shell): read from kprobe_events, shown, never
 * touched. Runs on the control worker.
 */
#ifndef KP_FOREIGN_H
#define KP_FOREIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct foreign_probe {
	char kind; /* 'p' or 'r' */
	unsigned int maxactive;
	char group[64];
	char event[64];
	char site[256];
	char *definition; /* owned: the line as kprobe_events has it */
	bool is_enabled;  /* in the top-level instance; what perf attaches is not seen there */
	uint64_t hits, missed;
};

struct foreign_list {
	struct foreign_probe *probes; /* owned */
	size_t n, size;
};

/* Reads all of them. 0 or -errno; the caller releases @ret in any case. */
int foreign_read(struct foreign_list *ret);
void foreign_done(struct foreign_list *list);

#endif
