/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What went wrong, on stderr: a sentence, the definition with a mark under the place, and a hint;
 * or one line of JSON.
 */
#ifndef KP_OUTPUT_ERROR_H
#define KP_OUTPUT_ERROR_H

#include "kprobectl.h"
#include "specs.h"

/*
 * Prints what a call failed with: the typed error for -EREMOTEIO, else what the errno means here.
 *
 * @specs: what was asked for, when the call was about definitions, or NULL
 *
 * Returns EXIT_FAILURE.
 */
int print_failure(const struct ctl *ctl, struct kprobed *k, int error, const struct specs *specs);

/* The daemon's error about a condition, with the place in @filter. Returns EXIT_FAILURE. */
int print_bad_filter(const struct ctl *ctl, struct kprobed *k, const char *filter);

/* Prints a failure that is kprobectl's own. Returns EXIT_FAILURE. */
int print_own_failure(const struct ctl *ctl, int error, const char *fmt, ...)
	__attribute__((__format__(__printf__, 3, 4)));

#endif
