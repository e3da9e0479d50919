/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bad users of the helper module.
 *
 * Usage: ioctl-churn hold            adds 50 probes of all kinds on hot functions, prints "ready"
 * and waits to be killed ioctl-churn load            opens and stats files on every CPU until it is
 * killed ioctl-churn fuzz COUNT SEED COUNT malformed requests from each of four threads on one
 * shared file and on files of their own ioctl-churn race COUNT      four threads, COUNT times each:
 * add, use, remove and close, while others close the same file
 *
 * Ends with status 0 unless something that must work does not; the harm is looked for in the
 * kernel's log.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <asm/ptrace.h>

#include "kprobed-ioctl.h"

#define THREADS	 4
#define N(array) (sizeof(array) / sizeof((array)[0]))
#define PTR(p)	 ((uint64_t)(uintptr_t)(p))
#define REG(r)	 offsetof(struct pt_regs, r)

/* What opening and stating files runs through. A kernel may lack some under these names. */
static const char *const hot[] = {
	"do_sys_openat2",
	"vfs_open",
	"do_dentry_open",
	"path_openat",
	"link_path_walk",
	"vfs_statx",
	"vfs_getattr",
	"filp_close",
	"do_filp_open",
	"getname_flags",
	"kmem_cache_alloc",
	"kmem_cache_free",
	"dput",
	"path_put",
	"inode_permission",
	"security_file_open",
	"__x64_sys_openat",
	"__x64_sys_close",
	"complete_walk",
	"terminate_walk",
	"schedule",
	"try_to_wake_up",
	"wake_up_process",
	"mutex_lock",
	"mutex_unlock",
};

static const struct kprobed_insn fetch[] = {
	{.op = KPROBED_FETCH_REG, .imm = REG(rdi)},
	{.op = KPROBED_FETCH_STORE, .n = 8},
	{.op = KPROBED_FETCH_DEREF, .arg = 1, .imm = 8},
	{.op = KPROBED_FETCH_STORE, .arg = 1, .n = 8},
	{.op = KPROBED_FETCH_REG, .arg = 2, .imm = REG(rsi)},
	{.op = KPROBED_FETCH_USTR, .arg = 2, .len = 64},
	{.op = KPROBED_FETCH_STR, .arg = 3, .len = 64},
	{.op = KPROBED_FETCH_STACK, .arg = 4, .imm = 1},
	{.op = KPROBED_FETCH_MEM, .arg = 4, .len = 100},
};
static const struct kprobed_insn cond[] = {
	{.op = KPROBED_COND_DURATION},
	{.op = KPROBED_COND_IMM, .imm = 1000},
	{.op = KPROBED_COND_GT},
};

static int add_one(int fd, unsigned int i)
{
	struct kprobed_add add = {
		.size = sizeof(add),
		.kind = 1 + i % 3,
		.cookie = i,
		.symbol = PTR(hot[i % N(hot)]),
		.entry_fetch = PTR(fetch),
		.n_entry_fetch = N(fetch),
		.hist = {.value = KPROBED_HIST_ARG,
			 .value_imm = 8,
			 .key = KPROBED_KEY_TID,
			 .keys = 64},
	};

	if (add.kind == KPROBED_CALL && i & 1) {
		add.return_cond = PTR(cond);
		add.n_return_cond = N(cond);
	}
	return ioctl(fd, KPROBED_ADD, &add) < 0 ? -1 : (int)add.id;
}

static int open_device(void)
{
	int fd = open(KPROBED_DEVICE, O_RDWR | O_CLOEXEC);

	if (fd < 0) {
		perror(KPROBED_DEVICE);
		exit(1);
	}
	return fd;
}

static int hold(void)
{
	int fd = open_device(), added = 0;

	for (unsigned int i = 0; i < 50; i++)
		added += add_one(fd, i) >= 0;
	if (added < 30) {
		fprintf(stderr, "only %d of 50 probes: errno %d\n", added, errno);
		return 1;
	}
	printf("ready %d\n", added);
	fflush(stdout);
	for (;;)
		pause();
}

static void *__attribute__((noreturn)) load_thread(void *data)
{
	long cpu = (long)data;
	struct stat st;
	cpu_set_t set;
	int fd;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
	for (;;) {
		fd = open("/etc/hostname", O_RDONLY | O_CLOEXEC);
		if (fd >= 0)
			close(fd);
		stat("/usr/bin/nowhere", &st);
		/*
		 * Where one thread of the host does all CPUs in turns, one that waits for this one
		 * to notice an interrupt waits until its turn is over: a pause ends it.
		 */
		__builtin_ia32_pause();
	}
}

static int load(void)
{
	pthread_t thread;

	for (long cpu = 1; cpu < sysconf(_SC_NPROCESSORS_ONLN); cpu++)
		if (pthread_create(&thread, NULL, load_thread, (void *)cpu) != 0)
			return 1;
	load_thread(NULL);
	return 1;
}

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static uint64_t odd_value(uint64_t *state)
{
	static const uint64_t values[] = {
		0,    1,	  2,	      4,	  8,	      63,	  64,	 255,
		4096, 0x7fffffff, 0x80000000, 0xffffffff, 1ULL << 32, 1ULL << 63, ~0ULL, ~0ULL - 7};
	uint64_t r = next_random(state);

	switch (r % 4) {
	case 0:
		return values[r / 4 % N(values)];
	case 1:
		return next_random(state) % 100;
	case 2:
		return PTR(fetch);
	default:
		return next_random(state);
	}
}

struct fuzz {
	pthread_t thread;
	uint64_t seed;
	unsigned int count, accepted;
	int fd;
};

/* A request that is right but for a few fields. */
static void fuzz_add(struct fuzz *f)
{
	struct kprobed_insn program[32];
	struct kprobed_add add = {
		.size = sizeof(add),
		.kind = 1 + next_random(&f->seed) % 3,
		.symbol = PTR("__x64_sys_getpgid"),
		.entry_fetch = PTR(fetch),
		.n_entry_fetch = N(fetch),
	};
	struct kprobed_id id = {.size = sizeof(id)};
	uint64_t r = next_random(&f->seed);

	for (size_t i = 0; i < N(program); i++)
		program[i] = (struct kprobed_insn){
			.op = next_random(&f->seed) % 30,
			.arg = next_random(&f->seed) % 70,
			.n = next_random(&f->seed) % 3 ? next_random(&f->seed) % 10
						       : odd_value(&f->seed),
			.len = next_random(&f->seed) % 3 ? next_random(&f->seed) % 70
							 : odd_value(&f->seed),
			.imm = next_random(&f->seed) % 3 ? 0 : odd_value(&f->seed),
		};
	if (r & 1) {
		add.entry_cond = PTR(program);
		add.n_entry_cond = next_random(&f->seed) % (N(program) + 1);
	}
	if (r & 2) {
		add.entry_fetch = PTR(program);
		/* Short ones have a chance to be accepted. */
		add.n_entry_fetch = 1 + next_random(&f->seed) % 3;
	}
	if (r & 4)
		add.hist = (struct kprobed_hist){.value = next_random(&f->seed) % 4,
						 .value_imm = 8,
						 .key = next_random(&f->seed) % 5,
						 .keys = odd_value(&f->seed)};
	if ((r & 0x38) == 0)
		for (int i = 0; i < 2; i++)
			((uint64_t *)&add)[1 + next_random(&f->seed) % (sizeof(add) / 8 - 1)] =
				odd_value(&f->seed);
	if ((r & 0x3c0) == 0)
		add.size = odd_value(&f->seed);
	if (add.kind == KPROBED_CALL && (r & 0x400))
		add.maxactive = odd_value(&f->seed);
	if (ioctl(f->fd, KPROBED_ADD, &add) < 0)
		return;
	f->accepted++;
	syscall(SYS_getpgid, 0);
	id.id = add.id;
	if (r & 0x800)
		ioctl(f->fd, KPROBED_REMOVE, &id);
}

static void *fuzz_thread(void *data)
{
	struct fuzz *f = data;
	uint64_t bytes[64];
	const unsigned long requests[] = {KPROBED_VERSION, KPROBED_REMOVE,   KPROBED_ENABLE,
					  KPROBED_DISABLE, KPROBED_COUNTERS, KPROBED_HIST};

	for (unsigned int i = 0; i < f->count; i++) {
		if (i % 3) {
			fuzz_add(f);
			continue;
		}
		for (size_t b = 0; b < N(bytes); b++)
			bytes[b] = next_random(&f->seed) % 4 ? 0 : odd_value(&f->seed);
		((uint32_t *)bytes)[0] = next_random(&f->seed) % 4 ? 32 : odd_value(&f->seed);
		((uint32_t *)bytes)[1] = next_random(&f->seed) % 64;
		ioctl(f->fd, requests[next_random(&f->seed) % N(requests)],
		      next_random(&f->seed) % 8 ? (void *)bytes
						: (void *)(uintptr_t)odd_value(&f->seed));
		ioctl(f->fd, next_random(&f->seed), bytes);
	}
	return NULL;
}

static int fuzz(unsigned int count, uint64_t seed)
{
	int shared = open_device();
	struct fuzz threads[THREADS];
	unsigned int accepted = 0;

	for (unsigned int i = 0; i < THREADS; i++) {
		threads[i] = (struct fuzz){.seed = (seed + 1) * 2654435761u + i * 97 + 1,
					   .count = count,
					   .fd = i < 2 ? shared : open_device()};
		if (pthread_create(&threads[i].thread, NULL, fuzz_thread, &threads[i]) != 0)
			return 1;
	}
	for (unsigned int i = 0; i < THREADS; i++) {
		pthread_join(threads[i].thread, NULL);
		accepted += threads[i].accepted;
	}
	printf("%u requests, %u probes accepted\n", count * THREADS, accepted);
	return accepted ? 0 : 1;
}

static int race_fd = -1;

static void *race_thread(void *data)
{
	unsigned int count = *(unsigned int *)data;

	for (unsigned int i = 0; i < count; i++) {
		struct kprobed_id id = {.size = sizeof(id)};
		int fd = __atomic_load_n(&race_fd, __ATOMIC_ACQUIRE), added;

		/* The number may be closed already, or be another thread's newer file: all of it is
		 * allowed. */
		added = add_one(fd, i);
		id.id = added > 0 ? (unsigned int)added : i % 8;
		if (i % 3 == 0)
			ioctl(fd, KPROBED_REMOVE, &id);
		else if (i % 3 == 1)
			ioctl(fd, KPROBED_DISABLE, &id);
		if (i % 4 == 0)
			close(__atomic_exchange_n(&race_fd, open_device(), __ATOMIC_ACQ_REL));
	}
	return NULL;
}

static int race(unsigned int count)
{
	pthread_t threads[THREADS];

	race_fd = open_device();
	for (unsigned int i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, race_thread, &count) != 0)
			return 1;
	for (unsigned int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "hold") == 0)
		return hold();
	if (argc == 2 && strcmp(argv[1], "load") == 0)
		return load();
	if (argc == 4 && strcmp(argv[1], "fuzz") == 0)
		return fuzz(strtoul(argv[2], NULL, 10), strtoull(argv[3], NULL, 10));
	if (argc == 3 && strcmp(argv[1], "race") == 0)
		return race(strtoul(argv[2], NULL, 10));
	fprintf(stderr, "usage: ioctl-churn hold | load | fuzz COUNT SEED | race COUNT\n");
	return 2;
}
