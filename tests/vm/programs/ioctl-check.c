/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Speaks with the helper module by its ioctls, without the daemon, and checks what it answers and
 * records. Each check is one function; the first that does not hold is printed and ends it with
 * status 1.
 *
 * Usage: ioctl-check CHECK...     (ioctl-check alone names them)
 *
 * Events are read as text from a tracefs instance of its own. x86-64: the registers' places in
 * struct pt_regs are that architecture's.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <asm/ptrace.h>

#include "kprobed-ioctl.h"

#define INSTANCE "/sys/kernel/tracing/instances/ioctl-check"
#define REG(r)	 offsetof(struct pt_regs, r)
#define N(array) (sizeof(array) / sizeof((array)[0]))
#define PTR(p)	 ((uint64_t)(uintptr_t)(p))
/* A system call's function gets a struct pt_regs of the caller's: where its arguments are. */
#define LOAD_REGS                                                                                  \
	{                                                                                          \
		.op = KPROBED_FETCH_REG, .imm = REG(rdi)                                           \
	}
#define USER_REG(r)                                                                                \
	{                                                                                          \
		.op = KPROBED_FETCH_DEREF, .imm = REG(r)                                           \
	}

struct event {
	uint64_t cookie, duration, ret, faults;
	unsigned int kind, pid, entry_len, len;
	unsigned char data[2048];
};

static int device = -1;

static void __attribute__((format(printf, 2, 3), noreturn)) fail_at(int line, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fprintf(stderr, "ioctl-check.c:%d: ", line);
	vfprintf(stderr, fmt, ap);
	fprintf(stderr, " (errno %d)\n", errno);
	va_end(ap);
	rmdir(INSTANCE);
	_exit(1);
}

#define fail(...)   fail_at(__LINE__, __VA_ARGS__)
#define check(what) ((what) ? (void)0 : fail("%s does not hold", #what))
#define check_eq(a, b)                                                                             \
	do {                                                                                       \
		uint64_t a_ = (uint64_t)(a), b_ = (uint64_t)(b);                                   \
		if (a_ != b_)                                                                      \
			fail("%s is %" PRIu64 ", not %" PRIu64, #a, a_, b_);                       \
	} while (0)
#define check_errno(call, error)                                                                   \
	do {                                                                                       \
		errno = 0;                                                                         \
		if ((call) != -1 || errno != (error))                                              \
			fail("%s: not %s", #call, strerror(error));                                \
	} while (0)

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		fail("%s: cannot write", path);
	close(fd);
}

static void listen_begin(void)
{
	if (mkdir(INSTANCE, 0700) < 0 && errno != EEXIST)
		fail("no instance");
	write_file(INSTANCE "/trace_clock", "mono");
	write_file(INSTANCE "/buffer_size_kb", "16384");
	write_file(INSTANCE "/events/kprobed/kprobed_hit/enable", "1");
}

static void listen_end(void)
{
	write_file(INSTANCE "/events/kprobed/kprobed_hit/enable", "0");
	if (rmdir(INSTANCE) < 0)
		fail("the instance cannot be removed");
}

static uint64_t number_after(const char *line, const char *name)
{
	const char *at = strstr(line, name);

	if (!at)
		fail("no %s in: %s", name, line);
	return strtoull(at + strlen(name), NULL, 0);
}

/* When the event was recorded, to the microsecond below: "... 12.345678: kprobed_hit: ..." */
static uint64_t time_of(const char *line)
{
	const char *at = strstr(line, ": kprobed_hit:");
	unsigned int sec, usec;

	while (at && at > line && at[-1] != ' ')
		at--;
	if (!at || sscanf(at, "%u.%6u:", &sec, &usec) != 2)
		fail("no time in: %s", line);
	return sec * 1000000000ULL + usec * 1000ULL;
}

/* All events with this cookie so far */
static size_t read_events(uint64_t cookie, struct event *events, size_t room)
{
	static char line[8192];
	FILE *file = fopen(INSTANCE "/trace", "re");
	size_t n = 0;

	if (!file)
		fail("no trace");
	while (fgets(line, sizeof(line), file)) {
		struct event *e = &events[n];
		char *at;

		if (line[0] == '#' || number_after(line, "cookie=") != cookie)
			continue;
		if (n++ == room)
			fail("more than %zu events", room);
		memset(e, 0, sizeof(*e));
		e->cookie = cookie;
		e->kind = number_after(line, "kind=");
		e->duration = number_after(line, "time=");
		if (number_after(line, "flags=") & KPROBED_HIT_BEGAN)
			e->duration = time_of(line) - e->duration;
		e->ret = number_after(line, "ret=");
		e->faults = number_after(line, "faults=");
		e->pid = number_after(line, " pid=");
		e->entry_len = number_after(line, "entry_len=");
		at = strstr(line, "data=") + 5;
		for (unsigned int byte; *at != '\n' && e->len < sizeof(e->data);
		     at += 2 + (at[2] == ' ')) {
			if (sscanf(at, "%2x", &byte) != 1)
				fail("no data: %s", line);
			e->data[e->len++] = byte;
		}
	}
	fclose(file);
	return n;
}

static const char *string_at(const struct event *e, unsigned int part, unsigned int offset)
{
	uint32_t loc;

	memcpy(&loc, e->data + part + offset, sizeof(loc));
	return loc >> 16 ? (const char *)e->data + part + (loc & 0xffff) : "(unreadable)";
}

static uint32_t add_probe(struct kprobed_add *add)
{
	add->size = sizeof(*add);
	if (ioctl(device, KPROBED_ADD, add) < 0)
		fail("add: bad_insn %#x", add->bad_insn);
	return add->id;
}

static void request(unsigned long what, uint32_t id)
{
	struct kprobed_id arg = {.size = sizeof(arg), .id = id};

	if (ioctl(device, what, &arg) < 0)
		fail("request %#lx", what);
}

static struct kprobed_counters counters_of(uint32_t id)
{
	struct kprobed_counters c = {.size = sizeof(c), .id = id};

	if (ioctl(device, KPROBED_COUNTERS, &c) < 0)
		fail("counters");
	return c;
}

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/* The condition "of this process" */
#define OF_THIS_PROCESS                                                                            \
	{.op = KPROBED_COND_PID}, {.op = KPROBED_COND_IMM, .imm = (uint64_t)getpid()},             \
	{                                                                                          \
		.op = KPROBED_COND_EQ                                                              \
	}

static void check_version(void)
{
	struct {
		struct kprobed_version v;
		uint64_t more;
	} big = {.v.size = sizeof(big)};
	struct kprobed_version v = {.size = sizeof(v)};

	check(ioctl(device, KPROBED_VERSION, &v) == 0);
	check_eq(v.abi, KPROBED_ABI);
	check((v.features & KPROBED_FEATURE_CALL) && (v.features & KPROBED_FEATURE_HIST));
	check_eq(v.part_max, KPROBED_PART_MAX);
	check(v.bytes_max > 0 && v.bytes_used == 0);
	/* A newer caller, that wants nothing new; and one that does. */
	check(ioctl(device, KPROBED_VERSION, &big) == 0);
	big.v.size = sizeof(big);
	big.more = 1;
	check_errno(ioctl(device, KPROBED_VERSION, &big), E2BIG);
	v.size = 4;
	check_errno(ioctl(device, KPROBED_VERSION, &v), EINVAL);
	v.size = 1 << 20;
	check_errno(ioctl(device, KPROBED_VERSION, &v), E2BIG);
	check_errno(ioctl(device, _IO(KPROBED_MAGIC, 99), &v), ENOTTY);
	check_errno(ioctl(device, _IO(0x12, 0), &v), ENOTTY);
	check_errno(ioctl(device, KPROBED_VERSION, NULL), EFAULT);
}

static void check_life(void)
{
	struct kprobed_add add = {.kind = KPROBED_ENTRY, .symbol = PTR("__x64_sys_getpgid")};
	struct kprobed_id id = {.size = sizeof(id), .id = 4711};
	struct kprobed_counters c;
	uint64_t before;

	check_errno(ioctl(device, KPROBED_REMOVE, &id), ENOENT);
	add_probe(&add);
	check_eq(counters_of(add.id).state, KPROBED_IS_ENABLED);
	getpgid(0);
	/* Others may call it too. */
	c = counters_of(add.id);
	check(c.hits >= 1);
	request(KPROBED_DISABLE, add.id);
	check_eq(counters_of(add.id).state, 0);
	before = counters_of(add.id).hits;
	getpgid(0);
	check_eq(counters_of(add.id).hits, before);
	request(KPROBED_ENABLE, add.id);
	getpgid(0);
	c = counters_of(add.id);
	check(c.hits > before);
	check_eq(c.unheard, c.hits);
	request(KPROBED_REMOVE, add.id);
	id.id = add.id;
	check_errno(ioctl(device, KPROBED_ENABLE, &id), ENOENT);

	add.symbol = PTR("no_such_function_anywhere");
	check(ioctl(device, KPROBED_ADD, &add) == -1 && (errno == ENOENT || errno == EINVAL));
	add.symbol = PTR("notifier_call_chain");
	add.offset = 1;
	check(ioctl(device, KPROBED_ADD, &add) == -1);
	add = (struct kprobed_add){.size = sizeof(add), .kind = 9, .symbol = add.symbol};
	check_errno(ioctl(device, KPROBED_ADD, &add), EINVAL);
}

/* Durations as the caller measures them, and the arguments and the result of each. */
static void check_calls(void)
{
	static const unsigned int times_ms[] = {1, 5, 20};
	enum { EACH = 10 };
	static struct event events[EACH * N(times_ms)];
	uint64_t measured[N(events)];
	struct kprobed_insn entry[] = {
		LOAD_REGS, USER_REG(rdi), {.op = KPROBED_FETCH_STORE, .n = 4},
		LOAD_REGS, USER_REG(rdx), {.op = KPROBED_FETCH_UMEM, .arg = 1, .len = 16},
	};
	struct kprobed_insn mine[] = {OF_THIS_PROCESS};
	struct kprobed_add add = {
		.kind = KPROBED_CALL,
		.cookie = 77,
		.symbol = PTR("__x64_sys_clock_nanosleep"),
		.entry_fetch = PTR(entry),
		.n_entry_fetch = N(entry),
		.entry_cond = PTR(mine),
		.n_entry_cond = N(mine),
	};
	size_t n = 0;

	add_probe(&add);
	check_eq(add.entry_bytes, 20);
	listen_begin();
	for (size_t t = 0; t < N(times_ms); t++) {
		for (size_t i = 0; i < EACH; i++) {
			struct timespec ts = {.tv_nsec = times_ms[t] * 1000000L};
			uint64_t start = now();

			syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &ts, NULL);
			measured[n++] = now() - start;
		}
	}
	check_eq(read_events(77, events, N(events)), N(events));
	for (size_t i = 0; i < N(events); i++) {
		const struct event *e = &events[i];
		struct timespec ts;
		uint32_t which;

		memcpy(&which, e->data, sizeof(which));
		memcpy(&ts, e->data + 4, sizeof(ts));
		check_eq(e->kind, KPROBED_CALL);
		check_eq(e->pid, getpid());
		check_eq(e->ret, 0);
		check_eq(e->faults, 0);
		check_eq(e->entry_len, 20);
		check_eq(which, CLOCK_MONOTONIC);
		check_eq(ts.tv_nsec, times_ms[i / EACH] * 1000000);
		check(e->duration >= times_ms[i / EACH] * 1000000ULL);
		check(e->duration <= measured[i]);
	}
	/* The caller's own part of what it measures can be anything under emulation: the median is
	 * not. */
	for (size_t t = 0; t < N(times_ms); t++) {
		size_t close = 0;

		for (size_t i = t * EACH; i < (t + 1) * EACH; i++)
			close += events[i].duration * 10 >= measured[i] * 9;
		printf("%u ms: %zu of %d within 10 %%: measured %" PRIu64 ", recorded %" PRIu64
		       "\n",
		       times_ms[t], close, EACH, measured[t * EACH], events[t * EACH].duration);
		check(close > EACH / 2);
	}
	listen_end();
	request(KPROBED_REMOVE, add.id);
}

static void *open_many(void *data)
{
	char name[64];
	cpu_set_t set;
	long cpu = (long)data;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
	for (int i = 0; i < 10000; i++) {
		snprintf(name, sizeof(name), "/%s/%ld-%d", i & 1 ? "nowhere" : "proc/self", cpu, i);
		int fd = syscall(SYS_openat, i & 1 ? -100 : -1, i & 2 ? "/dev/null" : name,
				 O_RDONLY);

		if ((fd >= 0) != !!(i & 2))
			fail("open of %s: %d", i & 2 ? "/dev/null" : name, fd);
		if (fd >= 0)
			close(fd);
	}
	return NULL;
}

/* 20,000 calls on two CPUs: names and results. */
static void check_exact(void)
{
	static struct event events[20001];
	struct kprobed_insn entry[] = {
		{.op = KPROBED_FETCH_REG, .imm = REG(rdi)},
		{.op = KPROBED_FETCH_STORE, .n = 4},
		{.op = KPROBED_FETCH_REG, .imm = REG(rsi)},
		{.op = KPROBED_FETCH_USTR, .arg = 1, .len = 64},
	};
	struct kprobed_insn result[] = {
		{.op = KPROBED_FETCH_RET},
		{.op = KPROBED_FETCH_STORE, .arg = 2, .n = 4},
	};
	struct kprobed_insn mine[] = {OF_THIS_PROCESS};
	struct kprobed_add add = {
		.kind = KPROBED_CALL,
		.cookie = 78,
		.symbol = PTR("do_sys_openat2"),
		.entry_fetch = PTR(entry),
		.n_entry_fetch = N(entry),
		.return_fetch = PTR(result),
		.n_return_fetch = N(result),
		.entry_cond = PTR(mine),
		.n_entry_cond = N(mine),
		.flags = KPROBED_DISABLED,
	};
	unsigned int seen[2][10000] = {0}, nulls = 0;
	struct kprobed_counters c;
	pthread_t threads[2];
	size_t n;

	listen_begin();
	add_probe(&add);
	request(KPROBED_ENABLE, add.id);
	for (long cpu = 0; cpu < 2; cpu++)
		check(pthread_create(&threads[cpu], NULL, open_many, (void *)cpu) == 0);
	for (int cpu = 0; cpu < 2; cpu++)
		pthread_join(threads[cpu], NULL);
	request(KPROBED_DISABLE, add.id);
	c = counters_of(add.id);
	check_eq(c.recorded, 20000);
	check_eq(c.missed_instance, 0);
	n = read_events(78, events, N(events));
	check_eq(n, 20000);
	for (size_t i = 0; i < n; i++) {
		const char *name = string_at(&events[i], 0, 4), *last = strrchr(name, '/');
		int32_t ret, dfd;
		int cpu, number;

		memcpy(&ret, events[i].data + events[i].entry_len, sizeof(ret));
		memcpy(&dfd, events[i].data, sizeof(dfd));
		check_eq(events[i].faults, 0);
		check_eq((uint32_t)events[i].ret, (uint32_t)ret);
		if (strcmp(name, "/dev/null") == 0) {
			nulls++;
			check(ret >= 3);
			continue;
		}
		check(last && sscanf(last, "/%d-%d", &cpu, &number) == 2);
		check(cpu >= 0 && cpu < 2 && number >= 0 && number < 10000);
		seen[cpu][number]++;
		check_eq(dfd, number & 1 ? -100 : -1);
		check_eq(ret, -ENOENT);
	}
	check_eq(nulls, 10000);
	for (int i = 0; i < 10000; i++)
		check(seen[0][i] == !(i & 2) && seen[1][i] == !(i & 2));
	listen_end();
	request(KPROBED_REMOVE, add.id);
}

/* read() writes over the buffer that it is given. */
static void check_overwritten(void)
{
	struct kprobed_insn entry[] = {
		LOAD_REGS,
		USER_REG(rsi),
		{.op = KPROBED_FETCH_USTR, .len = 32},
		/* The kernel's memory, by name; the address is a program's. */
		{.op = KPROBED_FETCH_STR, .arg = 3, .len = 32}};
	struct kprobed_insn result[] = {
		{.op = KPROBED_FETCH_RET},
		{.op = KPROBED_FETCH_STORE, .arg = 1, .n = 8},
		{.op = KPROBED_FETCH_IMM},
		{.op = KPROBED_FETCH_USTR, .arg = 2, .len = 32},
	};
	struct kprobed_insn mine[] = {OF_THIS_PROCESS};
	struct kprobed_add add = {
		.kind = KPROBED_CALL,
		.cookie = 79,
		.symbol = PTR("__x64_sys_read"),
		.entry_fetch = PTR(entry),
		.n_entry_fetch = N(entry),
		.return_fetch = PTR(result),
		.n_return_fetch = N(result),
		.entry_cond = PTR(mine),
		.n_entry_cond = N(mine),
	};
	char buffer[32] = "as it was at entry";
	struct event event;
	int ends[2];

	check(pipe(ends) == 0);
	check(write(ends[1], "and at return", 14) == 14);
	result[2].imm = PTR(buffer);
	listen_begin();
	add_probe(&add);
	check(read(ends[0], buffer, sizeof(buffer)) == 14);
	request(KPROBED_DISABLE, add.id);
	check_eq(read_events(79, &event, 1), 1);
	check(strcmp(string_at(&event, 0, 0), "as it was at entry") == 0);
	check(strcmp(string_at(&event, 0, 4), "as it was at entry") == 0);
	check_eq(event.faults, 0);
	check(strcmp(string_at(&event, event.entry_len, 8), "and at return") == 0);
	check_eq(event.ret, 14);
	/* An address that nothing is at: told, and the rest goes on. */
	result[2].imm = 8;
	request(KPROBED_REMOVE, add.id);
	add_probe(&add);
	check(write(ends[1], "x", 2) == 2);
	check(read(ends[0], buffer, sizeof(buffer)) == 2);
	request(KPROBED_DISABLE, add.id);
	check_eq(counters_of(add.id).faults, 1);
	listen_end();
	request(KPROBED_REMOVE, add.id);
}

#define NOWHERE (1ULL << 62)
#define STORE(a, bytes)                                                                            \
	{                                                                                          \
		.op = KPROBED_FETCH_STORE, .arg = (a), .n = (bytes)                                \
	}
#define MEM(a, bytes, at)                                                                          \
	{                                                                                          \
		.op = KPROBED_FETCH_MEM, .arg = (a), .len = (bytes), .imm = (at)                   \
	}
#define DEREF(at)                                                                                  \
	{                                                                                          \
		.op = KPROBED_FETCH_DEREF, .imm = (at)                                             \
	}

/*
 * The module joins instructions that often follow each other. What it records with these is what
 * it records with the same where something that does nothing keeps them apart.
 */
static void check_joined_with(bool has_string)
{
	/* On the stack, which is there. */
	char text[] = "behind them";
	static const struct kprobed_insn joined[] = {
		LOAD_REGS,
		DEREF(REG(rsi)),
		STORE(0, 8),
		LOAD_REGS,
		DEREF(REG(rsi)),
		STORE(0, 4),
		LOAD_REGS,
		DEREF(REG(rsi)),
		STORE(0, 2),
		LOAD_REGS,
		DEREF(REG(rsi)),
		STORE(0, 1),
		LOAD_REGS,
		MEM(1, 8, REG(rdx)),
		LOAD_REGS,
		MEM(1, 4, REG(rdx)),
		LOAD_REGS,
		MEM(1, 2, REG(rdx)),
		LOAD_REGS,
		MEM(1, 1, REG(rdx)),
		LOAD_REGS,
		MEM(1, 3, REG(rdx)),
		LOAD_REGS,
		STORE(2, 8),
		LOAD_REGS,
		STORE(2, 4),
		LOAD_REGS,
		STORE(2, 2),
		LOAD_REGS,
		STORE(2, 1),
		/* What cannot be read: of no value afterwards, or still the register's. */
		LOAD_REGS,
		DEREF(NOWHERE),
		STORE(5, 4),
		STORE(6, 2),
		LOAD_REGS,
		MEM(7, 4, NOWHERE),
		STORE(8, 8),
		/* A value that is used again. */
		LOAD_REGS,
		DEREF(REG(rsi)),
		STORE(9, 2),
		{.op = KPROBED_FETCH_BITS, .n = 8, .len = 16},
		STORE(9, 2),
		LOAD_REGS,
		STORE(9, 2),
		DEREF(REG(rdx)),
		STORE(9, 4),
		/* The last ones, and perhaps a string behind them. */
		LOAD_REGS,
		DEREF(REG(rdx)),
		STORE(10, 4),
		LOAD_REGS,
		STORE(10, 1),
	};
	const struct kprobed_insn string[] = {
		{.op = KPROBED_FETCH_IMM, .imm = PTR(text)},
		{.op = KPROBED_FETCH_USTR, .arg = 11, .len = 32},
		LOAD_REGS,
		DEREF(REG(rsi)),
		STORE(12, 2),
	};
	struct kprobed_insn programs[2][2 * (N(joined) + N(string))], mine[] = {OF_THIS_PROCESS};
	struct kprobed_add adds[2];
	struct event events[2];
	uint64_t first;

	listen_begin();
	for (int apart = 0; apart < 2; apart++) {
		struct kprobed_insn *to = programs[apart];

		for (size_t i = 0; i < N(joined) + (has_string ? N(string) : 0); i++) {
			*to = i < N(joined) ? joined[i] : string[i - N(joined)];
			if (to++->op == KPROBED_FETCH_REG && apart)
				*to++ = (struct kprobed_insn){.op = KPROBED_FETCH_ADD};
		}
		adds[apart] = (struct kprobed_add){
			.kind = KPROBED_ENTRY,
			.cookie = 81 + apart,
			.symbol = PTR("__x64_sys_getpgid"),
			.entry_fetch = PTR(programs[apart]),
			.n_entry_fetch = to - programs[apart],
			.entry_cond = PTR(mine),
			.n_entry_cond = N(mine),
		};
		add_probe(&adds[apart]);
	}
	syscall(SYS_getpgid, 1, 0x1122334455667788, 0x99aabbccddeeff00);
	for (int apart = 0; apart < 2; apart++) {
		check_eq(read_events(81 + apart, &events[apart], 1), 1);
		request(KPROBED_REMOVE, adds[apart].id);
	}
	listen_end();
	memcpy(&first, events[0].data, sizeof(first));
	check_eq(first, 0x1122334455667788);
	check_eq(events[0].faults, 1 << 5 | 1 << 6 | 1 << 7);
	check_eq(events[0].faults, events[1].faults);
	check_eq(events[0].len, events[1].len);
	for (unsigned int i = 0; i < events[0].len; i++)
		if (events[0].data[i] != events[1].data[i])
			fail("byte %u is %#x, not %#x", i, events[0].data[i], events[1].data[i]);
	if (has_string)
		check(memcmp(events[0].data + events[0].len - sizeof(text), text, sizeof(text)) ==
		      0);
}

static void check_joined(void)
{
	check_joined_with(false);
	check_joined_with(true);
}

/* Adds `cond` on getpgid()'s argument, calls it with each number from 0 to 9, and compares. */
static void cond_expect(const struct kprobed_insn *cond, size_t n, bool is_return,
			unsigned int expected)
{
	/* On the stack, which is there: a page that is not is not waited for. */
	char passwd[] = "/etc/passwd";
	struct kprobed_insn entry[] = {
		LOAD_REGS,
		USER_REG(rdi),
		{.op = KPROBED_FETCH_STORE, .n = 4},
		{.op = KPROBED_FETCH_IMM, .imm = PTR(passwd)},
		{.op = KPROBED_FETCH_USTR, .arg = 1, .len = 32},
		{.op = KPROBED_FETCH_IMM, .imm = 8},
		{.op = KPROBED_FETCH_DEREF},
		{.op = KPROBED_FETCH_STORE, .arg = 2, .n = 8},
	};
	char text[] = "/etc/passwd"
		      "cond-comm";
	struct kprobed_insn mine[] = {OF_THIS_PROCESS};
	struct kprobed_add add = {
		.kind = KPROBED_CALL,
		.symbol = PTR("__x64_sys_getpgid"),
		.entry_fetch = PTR(entry),
		.n_entry_fetch = N(entry),
		.entry_cond = PTR(is_return ? mine : cond),
		.n_entry_cond = is_return ? N(mine) : n,
		.return_cond = is_return ? PTR(cond) : 0,
		.n_return_cond = is_return ? n : 0,
		.text = PTR(text),
		.text_len = sizeof(text) - 1,
		.flags = KPROBED_NO_EVENT,
	};
	struct kprobed_counters c;

	add_probe(&add);
	for (int i = 0; i < 10; i++)
		syscall(SYS_getpgid, i == 0 ? 0 : 0x7f000000 + i);
	request(KPROBED_DISABLE, add.id);
	c = counters_of(add.id);
	if (c.counted != expected)
		fail("condition ending in op %u with imm %" PRIu64 ": %u of 10 expected, %" PRIu64,
		     cond[n - 1].op, (uint64_t)cond[n - 1].imm, expected, (uint64_t)c.counted);
	check_eq(c.hits, c.counted + c.filtered + c.missed_instance);
	check_eq(c.faults, c.counted);
	request(KPROBED_REMOVE, add.id);
}

#define EXPECT(is_return, expected, ...)                                                           \
	cond_expect((const struct kprobed_insn[]){__VA_ARGS__},                                    \
		    N(((const struct kprobed_insn[]){__VA_ARGS__})), is_return, expected)
#define C(o)                                                                                       \
	{                                                                                          \
		.op = KPROBED_COND_##o                                                             \
	}
#define C_IMM(v)                                                                                   \
	{                                                                                          \
		.op = KPROBED_COND_IMM, .imm = (uint64_t)(v)                                       \
	}
#define C_ARG                                                                                      \
	{                                                                                          \
		.op = KPROBED_COND_ARG, .imm = 4 | KPROBED_SIGNED                                  \
	}
#define C_RET(i)                                                                                   \
	{                                                                                          \
		.op = KPROBED_COND_RET, .imm = (i)                                                 \
	}
#define TEXT(o, l) ((uint64_t)(l) << 32 | (o))
#define AND_MINE   OF_THIS_PROCESS, C(AND)

static void check_conditions(void)
{
	prctl(PR_SET_NAME, "cond-comm");
	EXPECT(false, 5, C_ARG, C_IMM(0x7f000005), C(SGE), AND_MINE);
	EXPECT(false, 4, C_ARG, C_IMM(0x7f000005), C(GT), AND_MINE);
	EXPECT(false, 1, C_ARG, C(NOT), AND_MINE);
	EXPECT(false, 9, C_ARG, C_IMM(-1), C(SGT), C_ARG, C_IMM(0x7f000009), C(NE), C(AND),
	       AND_MINE);
	EXPECT(false, 0, C_ARG, C_IMM(-1), C(GT), AND_MINE);
	EXPECT(false, 2, C_ARG, C_IMM(0x7f000003), C(EQ), C_ARG, C_IMM(0x7f000007), C(EQ), C(OR),
	       AND_MINE);
	EXPECT(false, 5, C_ARG, C_IMM(1), C(BITAND), AND_MINE);
	EXPECT(false, 10, {.op = KPROBED_COND_STREQ, .len = 4, .imm = TEXT(0, 11)}, AND_MINE);
	EXPECT(false, 0, {.op = KPROBED_COND_STREQ, .len = 4, .imm = TEXT(0, 5)}, AND_MINE);
	EXPECT(false, 10, {.op = KPROBED_COND_STRPREFIX, .len = 4, .imm = TEXT(0, 5)}, AND_MINE);
	EXPECT(false, 10, {.op = KPROBED_COND_COMMEQ, .imm = TEXT(11, 9)}, AND_MINE);
	EXPECT(false, 0, {.op = KPROBED_COND_COMMEQ, .imm = TEXT(11, 4)}, AND_MINE);
	EXPECT(false, 10, {.op = KPROBED_COND_COMMPREFIX, .imm = TEXT(11, 4)}, AND_MINE);
	EXPECT(false, 10, {.op = KPROBED_COND_FAULTED, .arg = 2}, AND_MINE);
	EXPECT(false, 0, {.op = KPROBED_COND_FAULTED, .arg = 1}, AND_MINE);
	EXPECT(false, 10, C(UID), C(NOT), C(KTHREAD), C(NOT), C(AND), AND_MINE);
	EXPECT(false, 10, C(TID), C_IMM(getpid()), C(EQ));
	EXPECT(false, 10, C(CGROUP), C_IMM(0), C(NE), AND_MINE);
	EXPECT(true, 9, C(RET), C_IMM(0), C(SLT));
	EXPECT(true, 9, C(RET), C_IMM(-ESRCH), C(EQ));
	EXPECT(true, 9, C_RET(1 | KPROBED_SIGNED), C_IMM(-ESRCH), C(EQ));
	EXPECT(true, 9, C_RET(4 | KPROBED_SIGNED), C_IMM(-ESRCH), C(EQ));
	EXPECT(true, 9, C_RET(2), C_IMM((uint16_t)-ESRCH), C(EQ));
	EXPECT(true, 9, C_RET(4), C_IMM((uint32_t)-ESRCH), C(EQ));
	EXPECT(true, 9, C_RET(8), C_IMM(-ESRCH), C(EQ));
	EXPECT(true, 10, C(DURATION), C_IMM(0), C(GT));
	EXPECT(true, 0, C(DURATION), C_IMM(60000000000), C(GE));
	EXPECT(true, 3, C_ARG, C_IMM(0x7f000003), C(SLE), C(RET), C_IMM(0), C(SLT), C(AND));
}

static void refuse(struct kprobed_add add, const struct kprobed_insn *fetch, size_t n_fetch,
		   const struct kprobed_insn *cond, size_t n_cond, uint32_t bad)
{
	add.size = sizeof(add);
	add.symbol = PTR("__x64_sys_getpgid");
	add.entry_fetch = n_fetch ? PTR(fetch) : 0;
	add.n_entry_fetch = n_fetch;
	add.entry_cond = n_cond ? PTR(cond) : 0;
	add.n_entry_cond = n_cond;
	check_errno(ioctl(device, KPROBED_ADD, &add), EINVAL);
	check_eq(add.bad_insn, bad);
}

#define REFUSE_FETCH(at, ...)                                                                      \
	refuse((struct kprobed_add){.kind = KPROBED_ENTRY},                                        \
	       (const struct kprobed_insn[]){__VA_ARGS__},                                         \
	       N(((const struct kprobed_insn[]){__VA_ARGS__})), NULL, 0,                           \
	       KPROBED_PROGRAM_ENTRY_FETCH << 16 | (at))
#define REFUSE_COND(at, ...)                                                                       \
	refuse((struct kprobed_add){.kind = KPROBED_CALL}, NULL, 0,                                \
	       (const struct kprobed_insn[]){__VA_ARGS__},                                         \
	       N(((const struct kprobed_insn[]){__VA_ARGS__})),                                    \
	       KPROBED_PROGRAM_ENTRY_COND << 16 | (at))

static void check_refused(void)
{
	struct kprobed_insn bad_ret = C_RET(3);

	REFUSE_FETCH(0, {.op = 0});
	REFUSE_FETCH(0, {.op = 99});
	REFUSE_FETCH(0, {.op = KPROBED_FETCH_REG, .imm = sizeof(struct pt_regs)});
	REFUSE_FETCH(0, {.op = KPROBED_FETCH_REG, .imm = 3});
	REFUSE_FETCH(0, {.op = KPROBED_FETCH_RET});
	REFUSE_FETCH(0, {.op = KPROBED_FETCH_STACK, .imm = ~0ULL});
	REFUSE_FETCH(1, {.op = KPROBED_FETCH_IMM}, {.op = KPROBED_FETCH_STORE, .n = 3});
	REFUSE_FETCH(0, {.op = KPROBED_FETCH_STORE, .n = 8, .arg = 64});
	REFUSE_FETCH(0, {.op = KPROBED_FETCH_STR, .len = 1 << 30});
	REFUSE_FETCH(1, {.op = KPROBED_FETCH_STR, .len = 1024},
		     {.op = KPROBED_FETCH_STR, .len = 1024});
	REFUSE_FETCH(0, {.op = KPROBED_FETCH_MEM, .len = KPROBED_PART_MAX + 1});
	REFUSE_FETCH(0, {.op = KPROBED_FETCH_BITS, .n = 60, .len = 5});
	REFUSE_COND(0, C(NOT));
	REFUSE_COND(0, C(RET));
	REFUSE_COND(1, C(PID), C(AND));
	refuse((struct kprobed_add){.kind = KPROBED_CALL,
				    .return_cond = PTR(&bad_ret),
				    .n_return_cond = 1},
	       NULL, 0, NULL, 0, KPROBED_PROGRAM_RETURN_COND << 16);
	REFUSE_COND(1, C(PID), C(PID));
	REFUSE_COND(0, {.op = KPROBED_COND_ARG, .imm = 4});
	REFUSE_COND(0, {.op = KPROBED_COND_COMMEQ, .imm = TEXT(1, 0)});
	REFUSE_COND(16, C(PID), C(PID), C(PID), C(PID), C(PID), C(PID), C(PID), C(PID), C(PID),
		    C(PID), C(PID), C(PID), C(PID), C(PID), C(PID), C(PID), C(PID));
}

static size_t read_hist(const struct kprobed_add *add, uint32_t flags, void *rows)
{
	struct kprobed_hist_read read = {.size = sizeof(read),
					 .id = add->id,
					 .rows = PTR(rows),
					 .n_rows = add->hist_rows,
					 .flags = flags};

	if (ioctl(device, KPROBED_HIST, &read) < 0)
		fail("histogram");
	return read.n_rows;
}

static void check_histograms(void)
{
	struct kprobed_insn entry[] = {
		LOAD_REGS, USER_REG(rdi), {.op = KPROBED_FETCH_STORE, .n = 4}};
	struct kprobed_insn mine[] = {OF_THIS_PROCESS};
	struct kprobed_add add = {
		.kind = KPROBED_CALL,
		.symbol = PTR("__x64_sys_getpgid"),
		.entry_fetch = PTR(entry),
		.n_entry_fetch = N(entry),
		.entry_cond = PTR(mine),
		.n_entry_cond = N(mine),
		.flags = KPROBED_NO_EVENT,
		.hist = {.value = KPROBED_HIST_ARG, .value_imm = 4},
	};
	struct kprobed_hist_read small = {.size = sizeof(small)};
	uint64_t log2[65] = {0}, sum = 0, under = 0, over = 0, total = 0, linear[4] = {0};
	struct kprobed_hist_row *row;
	char *rows;
	size_t n;

	add_probe(&add);
	check_eq(add.hist_row_bytes, sizeof(*row) + 65 * 8);
	rows = calloc(add.hist_rows, add.hist_row_bytes);
	small.id = add.id;
	check_errno(ioctl(device, KPROBED_HIST, &small), ENOSPC);
	for (int i = 0; i < 1000; i++)
		syscall(SYS_getpgid, i);
	n = read_hist(&add, KPROBED_HIST_RESET, rows);
	for (size_t i = 0; i < n; i++) {
		row = (void *)(rows + i * add.hist_row_bytes);
		sum += row->sum;
		for (int b = 0; b < 65; b++)
			log2[b] += row->buckets[b];
	}
	check_eq(sum, 999 * 1000 / 2);
	check_eq(log2[0], 1);
	for (int b = 1; b < 10; b++)
		check_eq(log2[b], 1 << (b - 1));
	check_eq(log2[10], 1000 - 512);
	check_eq(read_hist(&add, 0, rows), 0);
	request(KPROBED_REMOVE, add.id);
	free(rows);

	/* Linear, of the result, by an argument: seven keys where there is room for four on each
	 * CPU. */
	add.hist = (struct kprobed_hist){.value = KPROBED_HIST_RET,
					 .scale = KPROBED_LINEAR,
					 .min = -4,
					 .width = 2,
					 .buckets = 4,
					 .key = KPROBED_KEY_ARG,
					 .key_imm = 4,
					 .keys = 4};
	add_probe(&add);
	rows = calloc(add.hist_rows, add.hist_row_bytes);
	for (int i = 1; i <= 7; i++)
		for (int j = 0; j < 3; j++)
			syscall(SYS_getpgid, 0x7f000000 + i);
	n = read_hist(&add, 0, rows);
	check(n >= 4 && n <= 8);
	for (size_t i = 0; i < n; i++) {
		row = (void *)(rows + i * add.hist_row_bytes);
		check(row->key[0] > 0x7f000000 && row->key[0] <= 0x7f000007 && row->key[1] == 0);
		under += row->under;
		over += row->over;
		for (int b = 0; b < 4; b++) {
			linear[b] += row->buckets[b];
			total += row->buckets[b];
		}
	}
	/* -ESRCH is -3. */
	check_eq(linear[0], total);
	check_eq(under + over, 0);
	check_eq(total + counters_of(add.id).hist_overflow, 21);
	check(total >= 12);
	request(KPROBED_REMOVE, add.id);
	free(rows);

	/* Durations by name. */
	prctl(PR_SET_NAME, "hist-comm");
	add.symbol = PTR("__x64_sys_clock_nanosleep");
	add.hist = (struct kprobed_hist){
		.value = KPROBED_HIST_DURATION, .key = KPROBED_KEY_COMM, .keys = 16};
	add_probe(&add);
	rows = calloc(add.hist_rows, add.hist_row_bytes);
	for (int i = 0; i < 5; i++)
		usleep(2000);
	n = read_hist(&add, KPROBED_HIST_RESET, rows);
	check(n >= 1 && n <= 2);
	total = 0;
	for (size_t i = 0; i < n; i++) {
		row = (void *)(rows + i * add.hist_row_bytes);
		check(strcmp((char *)row->key, "hist-comm") == 0);
		for (int b = 0; b < 65; b++)
			if (row->buckets[b] && b >= 21) /* 2^20 is below 2 ms */
				total += row->buckets[b];
	}
	check_eq(total, 5);
	request(KPROBED_REMOVE, add.id);
	free(rows);
}

/* One after-instruction and one entry probe on the same function. */
static void check_kinds(void)
{
	struct kprobed_insn entry[] = {
		{.op = KPROBED_FETCH_REG, .imm = REG(rip)},
		{.op = KPROBED_FETCH_STORE, .n = 8},
		{.op = KPROBED_FETCH_REG, .arg = 1, .imm = REG(eflags)},
		{.op = KPROBED_FETCH_STORE, .arg = 1, .n = 8},
		LOAD_REGS,
		USER_REG(rdi),
		{.op = KPROBED_FETCH_STORE, .arg = 2, .n = 4},
		{.op = KPROBED_FETCH_IMM, .imm = 0xfffffffff0a5ULL},
		{.op = KPROBED_FETCH_BITS, .n = 4, .len = 4, .imm = 1},
		{.op = KPROBED_FETCH_STORE, .arg = 3, .n = 1},
		{.op = KPROBED_FETCH_COMM, .arg = 4},
	};
	struct kprobed_insn mine[] = {OF_THIS_PROCESS};
	struct kprobed_add add = {
		.kind = KPROBED_AFTER,
		.cookie = 81,
		.symbol = PTR("__x64_sys_getpgid"),
		.entry_fetch = PTR(entry),
		.n_entry_fetch = N(entry),
		.entry_cond = PTR(mine),
		.n_entry_cond = N(mine),
	};
	uint64_t ip[2], flags;
	struct event event;

	static const unsigned int offsets[] = {9, 5, 4};

	prctl(PR_SET_NAME, "kinds-comm");
	listen_begin();
	/* Behind the function's first nop, and the endbr64 that may be before it. */
	add.size = sizeof(add);
	for (size_t i = 0; i < N(offsets); i++) {
		add.offset = offsets[i];
		if (ioctl(device, KPROBED_ADD, &add) == 0)
			break;
	}
	request(KPROBED_REMOVE, add.id);
	printf("after the instruction at +%" PRIu64 "\n", (uint64_t)add.offset);
	for (int i = 0; i < 2; i++) {
		add.kind = i ? KPROBED_ENTRY : KPROBED_AFTER;
		add.cookie = 81 + i;
		add_probe(&add);
		syscall(SYS_getpgid, 0x7f001234);
		request(KPROBED_REMOVE, add.id);
		check_eq(read_events(81 + i, &event, 1), 1);
		check_eq(event.kind, add.kind);
		check_eq(event.len, 8 + 8 + 4 + 1 + KPROBED_COMM_LEN);
		memcpy(&ip[i], event.data, 8);
		memcpy(&flags, event.data + 8, 8);
		/* Bit 1 of the flags is always set. */
		check(ip[i] >> 63 && (flags & 2));
		/* The instruction may have loaded something else into rdi. */
		check(i == 0 || memcmp(event.data + 16, "\x34\x12\x00\x7f", 4) == 0);
		check_eq(event.data[20], 0xfa);
		check(strcmp((char *)event.data + 21, "kinds-comm") == 0);
	}
	check(ip[0] > ip[1]);
	listen_end();
}

static void *sleep_once(void *data)
{
	pthread_barrier_t *barrier = data;
	struct timespec ts = {.tv_sec = 2};

	pthread_barrier_wait(barrier);
	syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &ts, NULL);
	return NULL;
}

/* 100 threads in one function that sleeps, with room for 16. */
static void check_maxactive(void)
{
	enum { THREADS = 100, ROOM = 16 };
	struct kprobed_insn mine[] = {OF_THIS_PROCESS};
	struct kprobed_add add = {
		.kind = KPROBED_CALL,
		.cookie = 82,
		.symbol = PTR("__x64_sys_clock_nanosleep"),
		.entry_cond = PTR(mine),
		.n_entry_cond = N(mine),
		.maxactive = ROOM,
	};
	static struct event events[THREADS];
	pthread_t threads[THREADS];
	pthread_barrier_t barrier;
	struct kprobed_counters c;

	listen_begin();
	for (int round = 0; round < 2; round++) {
		add.maxactive = round ? THREADS : ROOM;
		add.cookie = 82 + round;
		add_probe(&add);
		check_eq(add.maxactive_used, add.maxactive);
		pthread_barrier_init(&barrier, NULL, THREADS);
		for (int i = 0; i < THREADS; i++)
			check(pthread_create(&threads[i], NULL, sleep_once, &barrier) == 0);
		for (int i = 0; i < THREADS; i++)
			pthread_join(threads[i], NULL);
		c = counters_of(add.id);
		printf("maxactive %u: %" PRIu64 " hits, %" PRIu64 " recorded, %" PRIu64
		       " filtered, %" PRIu64 " missed\n",
		       add.maxactive, (uint64_t)c.hits, (uint64_t)c.recorded, (uint64_t)c.filtered,
		       (uint64_t)c.missed_instance);
		check_eq(c.hits - c.filtered, THREADS);
		check_eq(c.hits, c.recorded + c.filtered + c.missed_instance + c.in_flight);
		check_eq(c.in_flight, 0);
		check_eq(read_events(add.cookie, events, THREADS), c.recorded);
		if (round == 0)
			check(c.recorded >= ROOM && c.missed_instance > 0);
		else
			check_eq(c.missed_instance, 0);
		request(KPROBED_REMOVE, add.id);
	}
	listen_end();
}

static const struct {
	const char *name;
	void (*run)(void);
} checks[] = {
	{"version", check_version},
	{"life", check_life},
	{"calls", check_calls},
	{"exact", check_exact},
	{"overwritten", check_overwritten},
	{"joined", check_joined},
	{"conditions", check_conditions},
	{"refused", check_refused},
	{"histograms", check_histograms},
	{"kinds", check_kinds},
	{"maxactive", check_maxactive},
};

int main(int argc, char **argv)
{
	if (argc < 2)
		for (size_t i = 0; i < N(checks); i++)
			puts(checks[i].name);
	for (int a = 1; a < argc; a++) {
		bool is_known = false;

		for (size_t i = 0; i < N(checks); i++) {
			if (strcmp(checks[i].name, argv[a]) != 0)
				continue;
			is_known = true;
			device = open(KPROBED_DEVICE, O_RDWR | O_CLOEXEC);
			if (device < 0)
				fail("%s cannot be opened", KPROBED_DEVICE);
			checks[i].run();
			close(device);
		}
		if (!is_known)
			fail("there is no check %s", argv[a]);
	}
	return 0;
}
