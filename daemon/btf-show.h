/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which type the kernel fetches a value with, and how it is shown.
 */
#ifndef KP_BTF_SHOW_H
#define KP_BTF_SHOW_H

#include "btf-walk.h"
#include "error.h"
#include "probe-spec.h"
#include "value-names.h"

/* What an argument is made of: the text the kernel would take, but that types of ours may be in it
 */
struct btf_fetch {
	char text[2 * BTF_FETCH_SIZE];
	struct value_names *names; /* a reference, of an enumeration; NULL: none */
};

/*
 * Chooses from the type of @v, and from well-known names of members, typedefs and functions. @v is
 * changed. 0 with @ret (the caller releases names), -EINVAL with @reterr at @position, or -ENOMEM.
 */
int btf_show_value(const struct btf_scope *scope, struct btf_value *v, int position,
		   struct btf_fetch *ret, struct kp_error *reterr);

/* The same for a type that was asked for: that of @arg. */
int btf_show_as(struct btf_value *v, const struct probe_arg *arg, int position,
		struct btf_fetch *ret, struct kp_error *reterr);

#endif
