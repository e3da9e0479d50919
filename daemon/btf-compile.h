/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From typed expressions to what every kernel's parser takes: offsets, dereferences, a type.
 */
#ifndef KP_BTF_COMPILE_H
#define KP_BTF_COMPILE_H

#include "btf-store.h"
#include "error.h"
#include "probe-spec.h"

/* Whether there is anything in @spec for btf_compile_spec() to do. */
bool btf_compile_is_needed(const struct probe_spec *spec);

/*
 * Compiles the typed expressions among the arguments of @spec, and puts the function's parameters
 * (at return: $retval) in place of "$arg*", or where nothing was said (wants_all). @function of
 * @module (NULL: the kernel) is the one that will be probed, as it is called in kallsyms; NULL: an
 * address. What was compiled already stays, and a spec without expressions costs nothing and needs
 * no BTF.
 *
 * 0, -EINVAL with @reterr (KP_INVALID_DEFINITION and the position: noBtf, noPrototype,
 * ambiguousPrototype, unknownParameter, unknownMember, unknownType, notAPointer, isAPointer,
 * notAStruct, notAValue, incompleteType, indexOutOfRange, badCast, tooManyOps, eventTooBig and the
 * parser's), -EOPNOTSUPP (KP_HELPER_REQUIRED: arguments at return), or -ENOMEM. On failure @spec is
 * as it was. Of parameters that were not asked for by name a missing prototype is no error.
 */
int btf_compile_spec(struct probe_spec *spec, struct btf_store *store, const char *module,
		     const char *function, struct kp_error *reterr);

#endif
