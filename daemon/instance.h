/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A private tracefs instance: one generation of events and a ring per CPU (design 9.2).
 *
 * Created, written to and removed by the control worker; its ring files are read by the main
 * thread. Two facts rule its life: deleting an event that was ever enabled here would empty the
 * rings, and deleting it after the instance has gone empties nothing. So events are parked here
 * until the instance goes.
 */
#ifndef KP_INSTANCE_H
#define KP_INSTANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "cleanup.h"

struct instance {
	char name[48];	     /* "kprobed-3" */
	unsigned int source; /* its losses in the event log; set by the main thread */
	bool has_stacks;     /* every event is followed by its kernel stack */
	bool is_helpers;     /* records the helper module's event, and no others */
	unsigned int n_cpus; /* possible CPUs */
	int *fds;	     /* owned: per_cpu/cpuN/trace_pipe_raw, -1 where there is none */
	int *stats_fds;	     /* owned: per_cpu/cpuN/stats, likewise */
	int dir_fd;	     /* owned: its folder */
	void *tracefs;	     /* owned: struct tracefs_instance */
	/* The main thread's bookkeeping. */
	unsigned int live; /* probes that have owners */
	unsigned int
		parked; /* events that wait for the end, or for their definition to come back */
	uint64_t owner_group; /* session whose bulk it is for; 0: for everybody */
	uint64_t empty_since; /* CLOCK_MONOTONIC ns when live became 0 */
	struct instance *next, *prev;
};

struct instance_options {
	size_t buffer_bytes; /* per CPU */
	bool has_stacks;
	const pid_t *own_tids; /* threads whose hits are not recorded (design 9.1) */
	size_t n_own_tids;
};

/* Makes and prepares the instance @name. 0 or -errno, and nothing is left behind on failure. */
int instance_new(const char *name, const struct instance_options *options, struct instance **ret);

/* Removes it from the kernel and frees it. The rings must have been drained: what they hold is
 * lost. */
struct instance *instance_free(struct instance *i);
DEFINE_CLEANUP(struct instance *, instance_free);

/* Removes every instance that an earlier kprobed left behind. Returns how many. */
unsigned int instance_remove_leftovers(void);

int instance_enable(struct instance *i, const char *event, bool enable);
/* Records an event of the kernel's own: "module", "module_load". */
int instance_enable_system(struct instance *i, const char *system, const char *event);

/* Sets the event's filter; NULL clears it. -EINVAL when the kernel does not take it. */
int instance_set_filter(struct instance *i, const char *event, const char *filter);

/* What is wrong with the filter that was just refused, in the kernel's words. */
void instance_filter_error(struct instance *i, const char *event, char *buf, size_t size);

/*
 * Events overwritten in the ring of @cpu since the instance was made, and those that were not
 * written because a writer had lapped one it had interrupted (the kernel's "commit overrun"). 0 or
 * -errno. Reads a file that is open already: to open one would wait for the kernel's
 * trace_types_lock, which is held while an instance is made, and this is called from the main
 * thread.
 */
int instance_overrun(const struct instance *i, unsigned int cpu, uint64_t *ret);

#endif
