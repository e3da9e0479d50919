/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One recording, with all that the daemon would have made for its probe, and the stages of the way
 * from the ring to the log that are measured on it.
 */
#ifndef KP_BENCH_SHAPE_H
#define KP_BENCH_SHAPE_H

#include <stdint.h>

#include <event2/event.h>

#include "cleanup.h"
#include "decode.h"
#include "event-log.h"
#include "instance.h"
#include "probe-spec.h"
#include "reader.h"
#include "recording.h"
#include "symbols.h"
#include "views.h"

struct shape {
	char path[4096]; /* of the trace.dat */
	struct probe_spec spec;
	struct recording recording;
	struct symbols *symbols; /* owned */
	struct decoder *decoder; /* owned */
	unsigned int type;
	struct event_log *log; /* borrowed */
	unsigned int source;
	/* The pages again, as files to read from. */
	struct instance instance;
	int fds[RECORDING_CPUS_MAX];
	int stats_fds[RECORDING_CPUS_MAX];
	struct event_base *base;  /* owned */
	struct reader *reader;	  /* owned */
	struct views *views;	  /* owned */
	struct shared_view *view; /* owned: of a condition that no event meets */
	bool is_filtering;
	/* What it consists of. */
	uint64_t n_events;
	uint64_t record_bytes;
	uint64_t json_bytes;
	uint64_t lost;
	uint64_t sum; /* of whatever a stage looked at, so that it has to look */
};

struct stage {
	const char *name;
	const char *what;
	void (*prepare)(struct shape *s); /* NULL: nothing to prepare; not measured */
	void (*run)(struct shape *s);	  /* over all events of the shape */
};

/* In order; the last has no name. */
extern const struct stage stages[];

/* Loads @folder/NAME.dat for the probe @definition (p:NAME ...). Says what is wrong and returns
 * false. */
bool shape_open(const char *folder, const char *definition, struct event_log *log,
		struct shape **ret);
struct shape *shape_close(struct shape *s);
DEFINE_CLEANUP(struct shape *, shape_close);

#endif
