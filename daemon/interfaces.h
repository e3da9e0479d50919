/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The interfaces this service has: the installed .varlink files, as they are part of the binary.
 *
 * What is served as a description is what requests are checked against.
 */
#ifndef KP_INTERFACES_H
#define KP_INTERFACES_H

#include <stddef.h>

#include "varlink-idl.h"

#define INTERFACES_COUNT 5

struct interface_text {
	const char *name;
	const char *text;
};

/* org.varlink.service first, the others by name. */
extern const struct interface_text interface_texts[INTERFACES_COUNT];

/* All of interface_texts, parsed. */
struct interfaces;

/*
 * Parses all descriptions. *@ret is the caller's. 0, -ENOMEM, or -EINVAL with "INTERFACE: line N:
 * ..." in @reterr, which only a mistake in include/ brings about.
 */
int interfaces_load(struct interfaces **ret, char *reterr, size_t reterr_size);

/* Releases @interfaces (may be NULL). Returns NULL. */
struct interfaces *interfaces_free(struct interfaces *interfaces);

/* The interface of that name; NULL: there is none. Lives as long as @interfaces. */
const struct varlink_interface *interfaces_find(const struct interfaces *interfaces,
						const char *name);

/* The text of the interface of that name; NULL: there is none. Static. */
const char *interfaces_find_text(const char *name);

/*
 * The member of a full name as it goes over the wire, "io.kprobed.Probes.Add": a method, or an
 * error.
 * *@ret lives as long as @interfaces. 0; -ENXIO: the service has no such interface (what stands
 * before the last dot); -ENOENT: the interface has no such member; -EINVAL: not such a name.
 */
int interfaces_find_member(const struct interfaces *interfaces, enum varlink_member_kind kind,
			   const char *full_name, const struct varlink_member **ret);

#endif
