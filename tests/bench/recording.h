/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A recording: what trace-cmd record wrote (a trace.dat of version 6, not compressed), of one event
 * of kprobed's. See trace-cmd.dat.v6(5).
 */
#ifndef KP_BENCH_RECORDING_H
#define KP_BENCH_RECORDING_H

#include <stddef.h>

#include "cleanup.h"

#define RECORDING_CPUS_MAX  64
#define RECORDING_PAGE_SIZE 4096

struct recording_part {
	const char *data;
	size_t len;
};

struct recording {
	char *map; /* owned */
	size_t size;
	struct recording_part format;	/* the event's format file */
	struct recording_part kallsyms; /* as /proc/kallsyms was */
	/* The pages of each CPU as they came from trace_pipe_raw. */
	struct recording_part cpus[RECORDING_CPUS_MAX];
	unsigned int n_cpus;
};

/* -EBADMSG for a file that is no such recording, or the errno of reading it. */
int recording_open(const char *path, struct recording *ret);
void recording_close(struct recording *r);

#endif
