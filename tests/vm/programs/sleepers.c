/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Many threads asleep in one system call at once: pause(2), which nothing else in a system uses.
 *
 * Usage: sleepers THREADS ROUNDS
 *
 * In each round all threads enter pause(); when the kernel says that every one of them is in it,
 * they are woken by signals. Ends when the last round is over.
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static pthread_barrier_t barrier;
static unsigned int rounds;

struct sleeper {
	pthread_t thread;
	pid_t tid;
};

static void on_signal(int number)
{
}

static void *run(void *data)
{
	struct sleeper *s = data;

	s->tid = gettid();
	for (unsigned int i = 0; i < rounds; i++) {
		pthread_barrier_wait(&barrier);
		syscall(SYS_pause);
		pthread_barrier_wait(&barrier);
	}
	return NULL;
}

/* Whether the thread waits in pause(): the number of the call it is in comes first. */
static bool is_asleep(const struct sleeper *s)
{
	char path[64], text[32] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/syscall", s->tid);
	f = fopen(path, "re");
	if (!f)
		return false;
	if (!fgets(text, sizeof(text), f))
		text[0] = '\0';
	fclose(f);
	return text[0] >= '0' && text[0] <= '9' && strtol(text, NULL, 10) == SYS_pause;
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = on_signal};
	struct sleeper *sleepers;
	unsigned int n;

	if (argc != 3)
		return 2;
	n = (unsigned int)atoi(argv[1]);
	rounds = (unsigned int)atoi(argv[2]);
	sleepers = calloc(n, sizeof(*sleepers));
	if (n == 0 || !sleepers || sigaction(SIGUSR1, &action, NULL) < 0)
		return 2;
	pthread_barrier_init(&barrier, NULL, n + 1);
	for (unsigned int i = 0; i < n; i++)
		if (pthread_create(&sleepers[i].thread, NULL, run, &sleepers[i]) != 0)
			return 1;
	for (unsigned int round = 0; round < rounds; round++) {
		pthread_barrier_wait(&barrier);
		for (unsigned int i = 0; i < n; i++)
			while (!is_asleep(&sleepers[i]))
				sched_yield();
		for (unsigned int i = 0; i < n; i++)
			pthread_kill(sleepers[i].thread, SIGUSR1);
		pthread_barrier_wait(&barrier);
	}
	for (unsigned int i = 0; i < n; i++)
		pthread_join(sleepers[i].thread, NULL);
	free(sleepers);
	return 0;
}
