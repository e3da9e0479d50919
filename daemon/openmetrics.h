/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writes the OpenMetrics 1.0 text format: families with a type and a sentence, their samples right
 * behind them, "# EOF" at the end.
 *
 * Names are given without the prefix and without the suffix that a family's type asks of its
 * samples ("_total", "_info"): both are added here, so that they cannot be forgotten.
 */
#ifndef KP_OPENMETRICS_H
#define KP_OPENMETRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <event2/buffer.h>

#define METRICS_PREFIX "kprobed_"

enum metric_type {
	METRIC_COUNTER,
	METRIC_GAUGE,
	METRIC_INFO, /* its samples are 1, their labels are what is said */
};

struct metrics {
	struct evbuffer *out; /* borrowed */
	const char *name;     /* of the family */
	enum metric_type type;
	bool is_short; /* of memory: what was written is not whole */
};

struct metric_label {
	const char *name, *value; /* any value: what would end it is escaped */
};

/* Begins a family; @help is a sentence. */
void metrics_family(struct metrics *m, const char *name, enum metric_type type, const char *help);
/* A sample of the family. Labels must tell it from its others. */
void metrics_sample(struct metrics *m, const struct metric_label *labels, size_t n_labels,
		    uint64_t value);
/* The same with six places behind the point: @usec are microseconds, the sample is in seconds. */
void metrics_sample_seconds(struct metrics *m, uint64_t usec);
/* A family with one sample. */
void metrics_single(struct metrics *m, const char *name, enum metric_type type, const char *help,
		    uint64_t value);
void metrics_end(struct metrics *m);

#endif
