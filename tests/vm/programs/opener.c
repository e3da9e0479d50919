/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Opens numbered files as fast as it can, from one thread on each CPU, and says what it did.
 *
 * Usage: opener COUNT DIRECTORY
 *
 * Each thread, called "opener-CPU", makes COUNT calls of openat(2): of "DIRECTORY/opn-CPU-N" at
 * AT_FDCWD when N is even, of "opn-CPU-N" at the directory when it is odd. Of eight files the
 * first two are there. In the end a thread called "opener-end" opens "opn-end", which is not there:
 * what comes before its event comes before the end. Then one line a call: tid, CPU, comm, dfd,
 * name, and what the call returned, a negative errno where it failed.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NAME_MAX_LEN 96

struct call {
	char name[NAME_MAX_LEN];
	int dfd;
	int result;
};

struct opener {
	pthread_t thread;
	int cpu;
	pid_t tid;
	char comm[16];
	struct call *calls;
	size_t n;
};

static pthread_barrier_t start;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void call(struct call *c)
{
	long fd = syscall(SYS_openat, c->dfd, c->name, O_RDONLY | O_CLOEXEC);

	c->result = fd < 0 ? -errno : (int)fd;
	if (fd >= 0)
		close((int)fd);
}

static void *run(void *data)
{
	struct opener *o = data;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(o->cpu, &set);
	if (pthread_setaffinity_np(pthread_self(), sizeof(set), &set) != 0)
		die("pthread_setaffinity_np");
	pthread_setname_np(pthread_self(), o->comm);
	o->tid = gettid();
	pthread_barrier_wait(&start);
	for (size_t i = 0; i < o->n; i++)
		call(&o->calls[i]);
	return NULL;
}

/* Makes the names, so that all of them are in memory when the kernel looks, and the files.
 */
static void prepare(struct opener *o, const char *directory, int dfd)
{
	o->calls = calloc(o->n, sizeof(*o->calls));
	if (!o->calls)
		die("calloc");
	for (size_t i = 0; i < o->n; i++) {
		struct call *c = &o->calls[i];

		c->dfd = i % 2 ? dfd : AT_FDCWD;
		snprintf(c->name, sizeof(c->name), "%s%sopn-%d-%zu", i % 2 ? "" : directory,
			 i % 2 ? "" : "/", o->cpu, i);
		if (i % 8 < 2 && mknodat(c->dfd, c->name, S_IFREG | 0600, 0) < 0)
			die(c->name);
	}
}

static void start_thread(struct opener *o)
{
	if (pthread_create(&o->thread, NULL, run, o) != 0)
		die("pthread_create");
}

static void print(const struct opener *o)
{
	for (size_t i = 0; i < o->n; i++)
		printf("%d %d %s %d %s %d\n", o->tid, o->cpu, o->comm, o->calls[i].dfd,
		       o->calls[i].name, o->calls[i].result);
}

int main(int argc, char **argv)
{
	struct opener openers[64] = {0};
	struct call end = {.name = "opn-end", .dfd = AT_FDCWD};
	struct opener last = {.calls = &end, .n = 1, .comm = "opener-end"};
	int dfd, n = 0;
	cpu_set_t cpus;

	if (argc != 3 || atoi(argv[1]) < 1 || sched_getaffinity(0, sizeof(cpus), &cpus) < 0)
		return 2;
	dfd = open(argv[2], O_RDONLY | O_DIRECTORY);
	if (dfd < 0)
		die(argv[2]);
	for (int cpu = 0; cpu < CPU_SETSIZE && n < 64; cpu++) {
		if (!CPU_ISSET(cpu, &cpus))
			continue;
		openers[n].cpu = last.cpu = cpu;
		openers[n].n = (size_t)atoi(argv[1]);
		snprintf(openers[n].comm, sizeof(openers[n].comm), "opener-%u",
			 (unsigned int)cpu & 0xffff);
		prepare(&openers[n++], argv[2], dfd);
	}

	pthread_barrier_init(&start, NULL, (unsigned int)n);
	for (int i = 0; i < n; i++)
		start_thread(&openers[i]);
	for (int i = 0; i < n; i++)
		pthread_join(openers[i].thread, NULL);
	pthread_barrier_init(&start, NULL, 1);
	start_thread(&last);
	pthread_join(last.thread, NULL);

	for (int i = 0; i < n; i++) {
		print(&openers[i]);
		free(openers[i].calls);
	}
	print(&last);
	return 0;
}
