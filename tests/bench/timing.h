/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What benchmarks measure with: CPU time of the calling thread, and the order of numbers that
 * medians need.
 */
#ifndef KP_BENCH_TIMING_H
#define KP_BENCH_TIMING_H

#include <time.h>

/* CPU time of the calling thread, in nanoseconds. */
static inline double cpu_nsec(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* For qsort() of doubles. */
static inline int compare_double(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

#endif
