/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a probe counts in its histogram, as it was asked for. Plain values: two that ask for the
 * same compare equal.
 */
#ifndef KP_HIST_SPEC_H
#define KP_HIST_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HIST_NAME_MAX 33 /* of an argument, with its NUL */
/* kprobed-ioctl.h: a bucket for 0 and one for each highest bit; KPROBED_BUCKETS_MAX and KEYS_MAX */
#define HIST_LOG2_BUCKETS 65
#define HIST_BUCKETS_MAX  1024
#define HIST_KEYS_MAX	  4096
#define HIST_KEYS_DEFAULT 256

enum hist_value {
	HIST_DURATION,
	HIST_RET,
	HIST_ARG,
};

enum hist_key {
	HIST_KEY_NONE,
	HIST_KEY_COMM,
	HIST_KEY_TID,
	HIST_KEY_PID,
	HIST_KEY_ARG,
};

struct hist_spec {
	enum hist_value value;
	enum hist_key key;
	char value_name[HIST_NAME_MAX]; /* of HIST_ARG */
	char key_name[HIST_NAME_MAX];	/* of HIST_KEY_ARG */
	bool is_linear;
	bool is_eventless;    /* the histogram is all there is: no events */
	unsigned int buckets; /* of a linear one, as min and width */
	unsigned int keys;    /* room for them on each CPU; no key: 0 */
	int64_t min;
	uint64_t width;
};

/* A copy on the heap, the caller's; NULL: no memory. */
struct hist_spec *hist_spec_copy(const struct hist_spec *h);
/* Whether both (or neither, NULL) are there and ask for the same. */
bool hist_spec_equal(const struct hist_spec *a, const struct hist_spec *b);

/*
 * What @name ("duration", "durationNs", "ret", else an argument, with "args." in front or without)
 * means as a value, into @h. False: it is too long to be an argument's.
 */
bool hist_spec_set_value(struct hist_spec *h, const char *name);
/* The same as a key: "comm", "tid", "pid", else an argument. */
bool hist_spec_set_key(struct hist_spec *h, const char *name);
/* As it is given: the other way round. An argument that is called as something else is "args.ret".
 */
void hist_spec_value_name(const struct hist_spec *h, char *buf, size_t size);
void hist_spec_key_name(const struct hist_spec *h, char *buf, size_t size);

unsigned int hist_spec_buckets(const struct hist_spec *h);
/* Counts that the rows of one CPU have. */
uint64_t hist_spec_counts(const struct hist_spec *h);

/*
 * The bounds of bucket @i: from *@from on, below *@to; of log2 ones these are unsigned. False: it
 * has no upper bound.
 */
bool hist_spec_bounds(const struct hist_spec *h, unsigned int i, int64_t *from, int64_t *to);

#endif
