/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The names in an expression, looked up: parameters, variables, registers, types. */
#ifndef KP_BTF_NAME_H
#define KP_BTF_NAME_H

#include "btf-walk.h"

/* As much of a name as a message shows: for "%.*s". */
int btf_name_shown(struct span s);

/* Fills @ret with what the expression begins with. 0 or -errno with @reterr. */
int btf_name_find_base(const struct btf_scope *scope, const struct btf_expr *e,
		       struct btf_value *ret, struct kp_error *reterr);

/* The number of the type in the scope's types, 0 for void. 0 or -errno with @reterr. */
int btf_name_find_type(const struct btf_scope *scope, const struct btf_type_name *written,
		       uint32_t *ret, struct kp_error *reterr);

#endif
