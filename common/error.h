/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What went wrong, for a program and for a person.
 *
 * A function that can fail for a reason a client should hear takes a `struct kp_error *reterr`. It
 * fills it with kp_error_set() and returns the negative errno; callers pass it on. The first reason
 * set stays: whoever is nearest to the cause knows best. Everything is stored in place, so that an
 * error needs no memory and no release.
 */
#ifndef KP_ERROR_H
#define KP_ERROR_H

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>

/* The typed errors of the wire (include/io.kprobed.*.varlink), without their interface. */
enum kp_error_code {
	KP_OK = 0,
	KP_INVALID_DEFINITION,
	KP_NO_SUCH_SYMBOL,
	KP_NOT_PROBEABLE,
	KP_NAME_IN_USE,
	KP_NO_SUCH_PROBE,
	KP_NO_HISTOGRAM,
	KP_KERNEL_REFUSED,
	KP_INVALID_CURSOR,
	KP_INVALID_FILTER,
	KP_ACCESS_DENIED,
	KP_LIMIT_REACHED,
	KP_UNAVAILABLE,
	KP_HELPER_REQUIRED,
	KP_INVALID_PARAMETER,
};

struct kp_error {
	enum kp_error_code code;
	int err;	   /* positive errno */
	int position;	   /* character in the definition, -1: none */
	int probe;	   /* index in the batch, -1: none */
	long long value;   /* LimitReached: the limit */
	char subject[256]; /* the symbol, name, probe, cursor, limit, rule or parameter it is about
			    */
	char reason[64];   /* a word for programs: "badRegName" */
	char message[256]; /* a sentence for people */
	char hint[256];	   /* what to do instead; empty: none */
	char detail[512];  /* the kernel's own words, or the definition; empty: none */
};

#define KP_ERROR_INIT ((struct kp_error){.position = -1, .probe = -1})

/*
 * Fills @e (may be NULL) unless it is set already: code, errno, what it is about (may be NULL), and
 * the message. Returns -@err, so that `return kp_error_set(...)` reads well.
 */
int kp_error_set(struct kp_error *e, enum kp_error_code code, int err, const char *subject,
		 const char *fmt, ...) __attribute__((__format__(__printf__, 5, 6)));

/*
 * Fills @e, likewise, with what is wrong in a text: @reason for programs, the @position, a @hint
 * (may be NULL) and the message. Returns -EINVAL.
 */
int kp_error_vplace(struct kp_error *e, enum kp_error_code code, const char *reason, int position,
		    const char *hint, const char *fmt, va_list ap)
	__attribute__((__format__(__printf__, 6, 0)));

/* The same as InvalidDefinition. */
int kp_error_definition(struct kp_error *e, const char *reason, int position, const char *hint,
			const char *fmt, ...) __attribute__((__format__(__printf__, 5, 6)));

/*
 * Sets e->detail to @text, or leaves it empty when it does not fit: a definition that is cut short
 * is no help to anybody.
 */
void kp_error_quote(struct kp_error *e, const char *text);

/* The symbol of an errno, "EINVAL"; "E?" for a number without one. Static. */
const char *kp_errno_name(int err);

#endif
