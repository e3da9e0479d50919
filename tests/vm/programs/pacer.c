/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Makes calls at a steady rate, or as fast as it can, on CPU 0: getpgid(1 << 24 | N) with N from 0
 * on, and at last getpgid(0x7fffffff). None of them means anything to anybody else.
 *
 * Usage: pacer COUNT [RATE]
 *
 * RATE is calls a second; without it there is no pause. SIGTERM ends it before COUNT, the last call
 * included. Prints the nanoseconds of CPU time (user and system) that the calls took, those by the
 * clock, and how many they were.
 */
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define LAST 0x7fffffff

static volatile sig_atomic_t is_stopped;

static void on_term(int number)
{
	is_stopped = 1;
}

static uint64_t now(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
}

int main(int argc, char **argv)
{
	unsigned long count = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
	unsigned long rate = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
	uint64_t cpu, begin;
	unsigned long i;
	cpu_set_t set;

	if (count == 0 || count >= 1 << 24)
		return 2;
	CPU_ZERO(&set);
	CPU_SET(0, &set);
	if (sched_setaffinity(0, sizeof(set), &set) < 0)
		return 1;
	signal(SIGTERM, on_term);
	begin = now(CLOCK_MONOTONIC);
	cpu = now(CLOCK_PROCESS_CPUTIME_ID);
	for (i = 0; i < count && !is_stopped; i++) {
		if (rate) {
			uint64_t due = begin + i * 1000000000ULL / rate;
			struct timespec ts = {(time_t)(due / 1000000000ULL),
					      (long)(due % 1000000000ULL)};

			clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
		}
		syscall(SYS_getpgid, 1 << 24 | (int)i);
	}
	cpu = now(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	begin = now(CLOCK_MONOTONIC) - begin;
	syscall(SYS_getpgid, LAST);
	printf("%" PRIu64 " %" PRIu64 " %lu\n", cpu, begin, i);
	return 0;
}
