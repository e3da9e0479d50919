/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See flag-set.h. The numbers are those of the kernel's own headers for programs (asm/ and linux/),
 * not of libc's, whose O_LARGEFILE is 0.
 *
 * In a table what has several bits comes before the single ones it is made of (O_SYNC before
 * O_DSYNC), and a field of bits has a row for each value, 0 included (O_RDONLY).
 */
#include "flag-set.h"

#include <asm/fcntl.h>
#include <linux/mman.h>
#include <asm/poll.h>
#include <linux/sched.h>
#include <string.h>

#include "cleanup.h"

struct flag {
	uint64_t mask;	/* the bits that belong to it */
	uint64_t value; /* and what is in them */
	const char *name;
	size_t len;
};

struct flag_set {
	const char *name;
	const struct flag *flags;
	size_t n;
};

/* Each stringifies its own argument: a name that went through another macro would be a number. */
#define FIELD(mask, value)                                                                         \
	{                                                                                          \
		mask, value, #value, sizeof(#value) - 1                                            \
	}
#define FLAG(value)                                                                                \
	{                                                                                          \
		value, value, #value, sizeof(#value) - 1                                           \
	}
/* For what a header of programs does not have or calls otherwise. */
#define NAMED(mask, value, name)                                                                   \
	{                                                                                          \
		mask, value, name, sizeof(name) - 1                                                \
	}

static const struct flag open_flags[] = {
	FIELD(O_ACCMODE, O_RDONLY),
	FIELD(O_ACCMODE, O_WRONLY),
	FIELD(O_ACCMODE, O_RDWR),
	FLAG(O_CREAT),
	FLAG(O_EXCL),
	FLAG(O_NOCTTY),
	FLAG(O_TRUNC),
	FLAG(O_APPEND),
	FLAG(O_NONBLOCK),
	FLAG(O_SYNC),
	FLAG(O_DSYNC),
	NAMED(FASYNC, FASYNC, "O_ASYNC"),
	FLAG(O_DIRECT),
	FLAG(O_LARGEFILE),
	FLAG(O_TMPFILE),
	FLAG(O_DIRECTORY),
	FLAG(O_NOFOLLOW),
	FLAG(O_NOATIME),
	FLAG(O_CLOEXEC),
	FLAG(O_PATH),
};

static const struct flag prot_flags[] = {
	NAMED(PROT_READ | PROT_WRITE | PROT_EXEC, PROT_NONE, "PROT_NONE"),
	FLAG(PROT_READ),
	FLAG(PROT_WRITE),
	FLAG(PROT_EXEC),
	FLAG(PROT_SEM),
	FLAG(PROT_GROWSDOWN),
	FLAG(PROT_GROWSUP),
};

static const struct flag mmap_flags[] = {
	FIELD(MAP_TYPE, MAP_SHARED),
	FIELD(MAP_TYPE, MAP_PRIVATE),
	FIELD(MAP_TYPE, MAP_SHARED_VALIDATE),
	FLAG(MAP_FIXED),
	FLAG(MAP_ANONYMOUS),
#ifdef MAP_32BIT
	FLAG(MAP_32BIT),
#endif
	FLAG(MAP_GROWSDOWN),
	FLAG(MAP_DENYWRITE),
	FLAG(MAP_EXECUTABLE),
	FLAG(MAP_LOCKED),
	FLAG(MAP_NORESERVE),
	FLAG(MAP_POPULATE),
	FLAG(MAP_NONBLOCK),
	FLAG(MAP_STACK),
	FLAG(MAP_HUGETLB),
	FLAG(MAP_SYNC),
	FLAG(MAP_FIXED_NOREPLACE),
};

/* The lowest byte is the signal to the parent: a number, most often 0x11, SIGCHLD. */
static const struct flag clone_flags[] = {
	FLAG(CLONE_VM),
	FLAG(CLONE_FS),
	FLAG(CLONE_FILES),
	FLAG(CLONE_SIGHAND),
	FLAG(CLONE_PIDFD),
	FLAG(CLONE_PTRACE),
	FLAG(CLONE_VFORK),
	FLAG(CLONE_PARENT),
	FLAG(CLONE_THREAD),
	FLAG(CLONE_NEWNS),
	FLAG(CLONE_SYSVSEM),
	FLAG(CLONE_SETTLS),
	FLAG(CLONE_PARENT_SETTID),
	FLAG(CLONE_CHILD_CLEARTID),
	FLAG(CLONE_DETACHED),
	FLAG(CLONE_UNTRACED),
	FLAG(CLONE_CHILD_SETTID),
	FLAG(CLONE_NEWCGROUP),
	FLAG(CLONE_NEWUTS),
	FLAG(CLONE_NEWIPC),
	FLAG(CLONE_NEWUSER),
	FLAG(CLONE_NEWPID),
	FLAG(CLONE_NEWNET),
	FLAG(CLONE_IO),
	NAMED(0x100000000, 0x100000000, "CLONE_CLEAR_SIGHAND"),
	NAMED(0x200000000, 0x200000000, "CLONE_INTO_CGROUP"),
};

/* EPOLLIN and so on have the same numbers; the last four only epoll_ctl() takes. */
static const struct flag poll_flags[] = {
	FLAG(POLLIN),
	FLAG(POLLPRI),
	FLAG(POLLOUT),
	FLAG(POLLERR),
	FLAG(POLLHUP),
	FLAG(POLLNVAL),
	FLAG(POLLRDNORM),
	FLAG(POLLRDBAND),
	FLAG(POLLWRNORM),
	FLAG(POLLWRBAND),
	FLAG(POLLMSG),
	FLAG(POLLRDHUP),
	NAMED(1ULL << 28, 1ULL << 28, "EPOLLEXCLUSIVE"),
	NAMED(1ULL << 29, 1ULL << 29, "EPOLLWAKEUP"),
	NAMED(1ULL << 30, 1ULL << 30, "EPOLLONESHOT"),
	NAMED(1ULL << 31, 1ULL << 31, "EPOLLET"),
};

#define SET(name, flags)                                                                           \
	{                                                                                          \
		name, flags, ARRAY_SIZE(flags)                                                     \
	}

static const struct flag_set sets[] = {
	SET("open", open_flags),   SET("prot", prot_flags), SET("mmap", mmap_flags),
	SET("clone", clone_flags), SET("poll", poll_flags),
};

const char *flag_set_list(void)
{
	return "open prot mmap clone poll";
}

const struct flag_set *flag_set_find(struct span name)
{
	for (size_t i = 0; i < ARRAY_SIZE(sets); i++)
		if (span_is(name, sets[i].name))
			return &sets[i];
	return NULL;
}

const char *flag_set_name(const struct flag_set *set)
{
	return set->name;
}

static char *put_rest(char *p, uint64_t rest)
{
	static const char digits[] = "0123456789abcdef";
	int shift = 60 - (__builtin_clzll(rest) & ~3);

	*p++ = '0';
	*p++ = 'x';
	for (; shift >= 0; shift -= 4)
		*p++ = digits[rest >> shift & 15];
	return p;
}

char *flag_set_put(char *p, const struct flag_set *set, uint64_t value)
{
	uint64_t rest = value;
	char *start = p;

	for (const struct flag *f = set->flags; f < set->flags + set->n; f++) {
		/* The bits may all have been named already: O_DSYNC within O_SYNC. */
		if ((value & f->mask) != f->value || (f->value && !(rest & f->value)))
			continue;
		if (p > start)
			*p++ = '|';
		memcpy(p, f->name, f->len);
		p += f->len;
		rest &= ~f->mask;
	}
	if (rest) {
		if (p > start)
			*p++ = '|';
		return put_rest(p, rest);
	}
	if (p == start)
		*p++ = '0';
	return p;
}
