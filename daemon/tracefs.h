/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel's tracing files: kprobe_events, its error_log and kprobe_profile, and what they say.
 *
 * Every function here is a system call or several and can take from milliseconds to seconds; all
 * but tracefs_open() belong to the control worker. Nothing is remembered between calls but the
 * folder.
 */
#ifndef KP_TRACEFS_H
#define KP_TRACEFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

/* The group of all our events. */
#define TRACEFS_GROUP "kprobed"

/*
 * Finds tracefs and checks that it can be used: mounted, kprobe_events there and writable, ring
 * pages laid out as ring.h has them. Takes a lock on kprobe_events for as long as the process
 * lives: -EBUSY when another kprobed has it. Returns 0 or a negative errno with @reterr
 * (KP_UNAVAILABLE) saying what is missing and what to do about it.
 */
int tracefs_open(struct kp_error *reterr);

/* The folder tracefs is mounted on; NULL before tracefs_open() has succeeded. Static. */
const char *tracefs_dir(void);

/*
 * Appends @text (lines ended by '\n', 4095 bytes at most) to kprobe_events in one write. Lines are
 * carried out in order; the first bad one stops the kernel and those before it stay. 0 or -errno.
 */
int tracefs_append_probes(const char *text);

/* The kernel's words about the command that begins with @command. */
struct tracefs_error {
	char text[128]; /* "Invalid probed address or symbol" */
	int position;	/* character in the command, -1: unknown */
};

/*
 * The newest error_log entry whose command goes on with @command (":kprobed/opens_17 ") after its
 * kind; the log holds the last eight errors of everybody. 0, -ENOENT, or the errno of reading.
 */
int tracefs_find_error(const char *command, struct tracefs_error *ret);

/* One line of kprobe_events. */
struct tracefs_probe {
	char kind; /* 'p' or 'r' */
	unsigned int maxactive;
	char group[64];
	char event[64];
	const char *text; /* borrowed: the whole line */
	const char *rest; /* borrowed: site and arguments */
};

/* Calls @fn for each line of kprobe_events; stops when it returns nonzero and returns that. */
int tracefs_each_probe(int (*fn)(const struct tracefs_probe *probe, void *data), void *data);

/* Calls @fn for each line of kprobe_profile, which names events without their group. */
int tracefs_each_profile(void (*fn)(const char *event, uint64_t hits, uint64_t missed, void *data),
			 void *data);

/*
 * Calls @fn for each line of debugfs' kprobes/list: the probe's address (0: the kernel hides it),
 * its type ('k' or 'r'), its site ("vfs_read+0x0"), and how it is reached ("ftrace", "jump" or
 * "breakpoint"), NULL while disarmed. -ENOENT when debugfs is not there.
 */
int tracefs_each_kprobe(void (*fn)(uint64_t address, char type, const char *site,
				   const char *method, void *data),
			void *data);

/* The text of debugfs' kprobes/blacklist. *@ret is the caller's. -ENOENT without debugfs, or
 * -errno. */
int tracefs_read_blacklist(char **ret);

/*
 * The text of the event's format file, in the instance whose folder @dir_fd is, or, with -1, at the
 * top: all have the same. *@ret is the caller's. 0 or -errno.
 */
int tracefs_read_format(int dir_fd, const char *event, char **ret);

/* The whole of a small file below the tracing folder. *@ret is the caller's. 0 or -errno. */
int tracefs_read(const char *file, char **ret, size_t *ret_len);

#endif
