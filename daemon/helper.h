/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The helper module as the daemon sees it: /dev/kprobed opened, its version checked, and its
 * requests as functions. What they mean is told in kprobed-ioctl.h.
 *
 * Every function that is not called pure is a system call that may take as long as
 * patching the kernel's text does: they belong to the control worker. The open device is what the
 * module's probes live and end with, and what keeps the module from being unloaded.
 */
#ifndef KP_HELPER_H
#define KP_HELPER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cleanup.h"
#include "error.h"
#include "helper-condition.h"
#include "helper-program.h"
#include "kprobed-ioctl.h"

/* All that kprobed knows how to use; an older module may have less. */
#define HELPER_FEATURES                                                                            \
	(KPROBED_FEATURE_CALL | KPROBED_FEATURE_AFTER | KPROBED_FEATURE_ENTRY |                    \
	 KPROBED_FEATURE_COND | KPROBED_FEATURE_HIST)

struct helper;

/*
 * Opens the device at @path (NULL: KPROBED_DEVICE) and checks its version. 0, -ENOMEM, or another
 * negative errno with @reterr (KP_HELPER_REQUIRED; its reason: "notLoaded", "notAllowed",
 * "otherVersion", "failed") saying what is missing and what to do about it. No subject is set:
 * which feature is wanted is the caller's to say.
 */
int helper_open(const char *path, struct helper **ret, struct kp_error *reterr);
/* Closes the device: all of its probes end. */
struct helper *helper_free(struct helper *h);
DEFINE_CLEANUP(struct helper *, helper_free);

/* As it was when the device was opened; borrowed. */
const struct kprobed_version *helper_version(const struct helper *h);
/* Asked anew, for bytes_used. 0 or -errno. */
int helper_read_version(const struct helper *h, struct kprobed_version *ret);
/* Whether what a module answered can be worked with. 0 or -EPROTO with @reterr as above. Pure. */
int helper_check(const struct kprobed_version *version, struct kp_error *reterr);

/* Where a probe is to be: a symbol, or an address. */
struct helper_place {
	const char *symbol; /* "SYM" or "MODULE:SYM"; NULL: by address */
	uint64_t address;
	uint64_t offset; /* from the symbol */
};

/* A probe to be made; all pointers are borrowed. */
struct helper_probe {
	enum kprobed_kind kind;
	uint64_t flags; /* KPROBED_DISABLED, KPROBED_NO_EVENT; the condition's are added */
	uint64_t cookie;
	struct helper_place place;
	unsigned int maxactive;			  /* of a call probe; 0: the kernel's default */
	const struct helper_program *program;	  /* NULL: nothing is fetched */
	const struct helper_condition *condition; /* NULL: none */
	const struct kprobed_hist *hist;	  /* NULL: none */
};

/* The request that makes @probe; it borrows what @probe does. Pure. */
void helper_fill(const struct helper_probe *probe, struct kprobed_add *ret);

/*
 * KPROBED_ADD: makes @probe, all of it or nothing. *@ret is the request as it was answered: id,
 * maxactive_used, hist_rows and so on. 0, or a negative errno with what is known in ret->bad_insn,
 * which is written in any case.
 */
int helper_add(struct helper *h, const struct helper_probe *probe, struct kprobed_add *ret);

/*
 * KPROBED_REMOVE: no hit of it is recorded any more when this returns. -ENOENT: there is no such
 * probe.
 */
int helper_remove(struct helper *h, uint32_t id);
/* KPROBED_ENABLE, KPROBED_DISABLE. -ENOENT; -ENODEV: what it was in has gone. */
int helper_enable(struct helper *h, uint32_t id, bool enable);
/* KPROBED_COUNTERS. 0, -ENOENT. */
int helper_counters(const struct helper *h, uint32_t id, struct kprobed_counters *ret);
/* Adds the counts of @c to those of @to. Pure. */
void helper_sum_counters(struct kprobed_counters *to, const struct kprobed_counters *c);
/*
 * KPROBED_HIST into @rows, which has room for @n_rows of the probe's hist_row_bytes; *@ret_n is how
 * many there are. With @reset all counts are taken out. 0, -ENOENT, -ENOSPC, -ENOMEM.
 */
int helper_read_hist(const struct helper *h, uint32_t id, bool reset, void *rows, uint32_t n_rows,
		     uint32_t *ret_n);

#endif
