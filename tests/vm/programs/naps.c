/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sleeps in clock_nanosleep(2) and measures how long each call took, from outside.
 *
 * Usage: naps COUNT MILLISECONDS...
 *
 * Of each time COUNT calls, in turns, from a thread called "naps". Then a line a call: the time
 * asked for in nanoseconds, and the measured one.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define NSEC_PER_MSEC 1000000LL

static int64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 * NSEC_PER_MSEC + ts.tv_nsec;
}

static int64_t nap(int64_t nsec)
{
	struct timespec ts = {.tv_nsec = nsec};
	int64_t start = now();

	if (syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &ts, NULL) != 0)
		exit(1);
	return now() - start;
}

int main(int argc, char **argv)
{
	int n_times = argc - 2, count;
	int64_t *took;

	if (argc < 3)
		return 2;
	count = atoi(argv[1]);
	took = calloc((size_t)count * (size_t)n_times, sizeof(*took));
	if (count < 1 || !took)
		return 2;
	for (int i = 0; i < count; i++)
		for (int t = 0; t < n_times; t++)
			took[i * n_times + t] = nap(atoi(argv[2 + t]) * NSEC_PER_MSEC);
	for (int i = 0; i < count * n_times; i++)
		printf("%lld %lld\n", atoi(argv[2 + i % n_times]) * NSEC_PER_MSEC,
		       (long long)took[i]);
	free(took);
	return 0;
}
