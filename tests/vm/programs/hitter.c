/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Makes calls that can be counted, as fast as it is allowed to: from one thread on each CPU, called
 * "hitter-CPU", getpgid((CPU + 1) << 24 | N) with N from 0 on, which nothing else in a system asks
 * for.
 *
 * Usage: hitter [BATCH] <TOKENS
 *
 * Each byte of stdin allows the next thread in turn BATCH calls (1000). At the end of stdin the
 * main thread calls getpgid(0x7fffffff), the last of all, and prints a line for each thread: its
 * CPU, its tid and how many calls it made. A test gives as many bytes as its readers can take and
 * so keeps them busy without ever flooding them.
 */
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LAST 0x7fffffff

struct hitter {
	pthread_t thread;
	int cpu;
	pid_t tid;
	unsigned int done;
	unsigned int allowed; /* batches */
	sem_t tokens;	      /* one more than batches: the end */
};

static unsigned int batch = 1000;

static void *run(void *data)
{
	struct hitter *h = data;
	char name[16];
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(h->cpu, &set);
	if (pthread_setaffinity_np(pthread_self(), sizeof(set), &set) != 0)
		exit(1);
	snprintf(name, sizeof(name), "hitter-%d", h->cpu);
	pthread_setname_np(pthread_self(), name);
	h->tid = gettid();
	for (;;) {
		while (sem_wait(&h->tokens) < 0)
			;
		if (h->done == batch * __atomic_load_n(&h->allowed, __ATOMIC_ACQUIRE))
			return NULL;
		for (unsigned int i = 0; i < batch; i++)
			syscall(SYS_getpgid, (h->cpu + 1) << 24 | (int)h->done++);
	}
}

int main(int argc, char **argv)
{
	struct hitter hitters[64] = {0};
	cpu_set_t cpus;
	int n = 0;
	char byte;

	if (argc > 1)
		batch = (unsigned int)atoi(argv[1]);
	if (batch == 0 || sched_getaffinity(0, sizeof(cpus), &cpus) < 0)
		return 2;
	for (int cpu = 0; cpu < CPU_SETSIZE && n < 64; cpu++) {
		if (!CPU_ISSET(cpu, &cpus))
			continue;
		hitters[n].cpu = cpu;
		sem_init(&hitters[n].tokens, 0, 0);
		if (pthread_create(&hitters[n].thread, NULL, run, &hitters[n]) != 0)
			return 1;
		n++;
	}
	for (unsigned int i = 0; read(STDIN_FILENO, &byte, 1) == 1; i++) {
		struct hitter *h = &hitters[i % (unsigned int)n];

		__atomic_add_fetch(&h->allowed, 1, __ATOMIC_RELEASE);
		sem_post(&h->tokens);
	}
	for (int i = 0; i < n; i++) {
		sem_post(&hitters[i].tokens);
		pthread_join(hitters[i].thread, NULL);
	}
	syscall(SYS_getpgid, LAST);
	for (int i = 0; i < n; i++)
		printf("%d %d %u\n", hitters[i].cpu, hitters[i].tid, hitters[i].done);
	return 0;
}
