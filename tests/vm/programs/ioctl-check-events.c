/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the events of entry, after-instruction and call probes say, held against what was called. */
#include "ioctl-check.h"

/* Durations as the caller measures them, and the arguments and the result of each. */
void check_calls(void)
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
void check_exact(void)
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
void check_overwritten(void)
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

/* One after-instruction and one entry probe on the same function. */
void check_kinds(void)
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
void check_maxactive(void)
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
