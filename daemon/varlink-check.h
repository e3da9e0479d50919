/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Checks JSON values against Varlink types: the one place where requests are.
 *
 * After it a handler may rely on its parameters: fields that are not nullable are there, everything
 * has its described type, integers fit in int64_t, enums have one of their values, no string holds
 * a NUL, and nothing is there that is not described. An optional field is absent or null.
 *
 * An error names what it is about as a path ("probes[3].maxactive") in kp_error.subject, with code
 * KP_INVALID_PARAMETER and a message that says what is wrong with it.
 */
#ifndef KP_VARLINK_CHECK_H
#define KP_VARLINK_CHECK_H

#include <json-c/json_types.h>

#include "error.h"
#include "varlink-idl.h"

/*
 * @value, which may be NULL for JSON's null, against @type. 0, or -EINVAL with @reterr (may be
 * NULL) filled. Recursion is as deep as @value.
 */
int varlink_check_value(const struct varlink_type *type, struct json_object *value,
			struct kp_error *reterr);

/*
 * The "parameters" of a call to @method, NULL when the call has none, which is the same as {}.
 * Returns as varlink_check_value().
 */
int varlink_check_call(const struct varlink_member *method, struct json_object *parameters,
		       struct kp_error *reterr);

/* The "parameters" of a reply of @method, as varlink_check_call(). */
int varlink_check_reply(const struct varlink_member *method, struct json_object *parameters,
			struct kp_error *reterr);

/* The "parameters" of an error reply, @error being its description, as varlink_check_call(). */
int varlink_check_error(const struct varlink_member *error, struct json_object *parameters,
			struct kp_error *reterr);

#endif
