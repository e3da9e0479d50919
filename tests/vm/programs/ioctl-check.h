/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the parts of ioctl-check share: how they fail, how they speak with the module, and how they
 * read its events. ioctl-check-kit.c has the functions.
 *
 * Events are read as text from a tracefs instance of the program's own. x86-64: the registers'
 * places in struct pt_regs are that architecture's.
 */
#ifndef KP_IOCTL_CHECK_H
#define KP_IOCTL_CHECK_H

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

/* The module's device: main() opens it for each check anew. */
extern int device;

/* Prints it, with errno, and ends the program with status 1. */
void __attribute__((format(printf, 3, 4), noreturn))
fail_at(const char *file, int line, const char *fmt, ...);

#define fail(...)   fail_at(__FILE__, __LINE__, __VA_ARGS__)
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

/* The module's event is recorded between these two. */
void listen_begin(void);
void listen_end(void);
/* All events with this cookie so far; fails when there are more than @room. */
size_t read_events(uint64_t cookie, struct event *events, size_t room);
/* The string at @offset of what was fetched into the part that begins at @part. */
const char *string_at(const struct event *e, unsigned int part, unsigned int offset);

/* Returns the id, which is in @add as well. */
uint32_t add_probe(struct kprobed_add *add);
/* KPROBED_ENABLE, KPROBED_DISABLE or KPROBED_REMOVE */
void request(unsigned long what, uint32_t id);
struct kprobed_counters counters_of(uint32_t id);

/* CLOCK_MONOTONIC in nanoseconds */
uint64_t now(void);

/* The condition "of this process" */
#define OF_THIS_PROCESS                                                                            \
	{.op = KPROBED_COND_PID}, {.op = KPROBED_COND_IMM, .imm = (uint64_t)getpid()},             \
	{                                                                                          \
		.op = KPROBED_COND_EQ                                                              \
	}

void check_calls(void);
void check_exact(void);
void check_overwritten(void);
void check_kinds(void);
void check_maxactive(void);
void check_joined(void);
void check_conditions(void);
void check_refused(void);
void check_histograms(void);

#endif
