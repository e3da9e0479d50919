/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What kprobectl doctor finds out: of the kernel, from files that anybody may read, and of kprobed,
 * which can look where the caller may not.
 *
 * Texts end without a full stop; a remedy is a command or a clause on what to do.
 */
#ifndef KP_DOCTOR_H
#define KP_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>

#include "kprobectl.h"

enum finding_state {
	FINDING_OK,
	FINDING_LIMITED, /* kprobed works, but something it could do is not there */
	FINDING_MISSING, /* without it there are no probes, or not for this caller */
	FINDING_UNKNOWN, /* this caller may not look */
};

struct finding {
	const char *check; /* static */
	enum finding_state state;
	char text[320];
	char remedy[320]; /* empty: there is nothing to do */
};

#define FINDINGS_MAX 40

struct doctor {
	const struct ctl *ctl;
	const char *root; /* in front of /proc, /sys, /boot and /dev; "": this machine's own */
	struct finding findings[FINDINGS_MAX];
	size_t n;
};

/* @remedy may be NULL. What is found twice under one name stays as it was found first. */
void doctor_find(struct doctor *d, const char *check, enum finding_state state, const char *remedy,
		 const char *fmt, ...) __attribute__((__format__(__printf__, 5, 6)));

/* The finding of that name, borrowed; NULL: there is none. */
struct finding *doctor_get(struct doctor *d, const char *check);

/*
 * The beginning of a file below the root, without the newline at its end, as text. 0 or a negative
 * errno.
 */
int doctor_read(const struct doctor *d, const char *path, char *buf, size_t size);

/* Kernel: release, configuration, file systems, settings (doctor-kernel.c). */
void doctor_look_at_kernel(struct doctor *d);
/* kprobed: whether it runs, what it says, what the caller may do (doctor-service.c). */
void doctor_look_at_service(struct doctor *d);

#endif
