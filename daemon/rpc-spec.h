/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A Spec of the wire as a probe_spec: its definition, its fields, or both. */
#ifndef KP_RPC_SPEC_H
#define KP_RPC_SPEC_H

#include <json-c/json_types.h>

#include "error.h"
#include "probe-spec.h"

/*
 * Reads @spec, which has been checked against its description. *@ret is overwritten on success; the
 * caller releases it. Returns as probe_spec_parse(); @reterr->detail has the definition when the
 * error has a position in it.
 */
int rpc_spec_read(struct json_object *spec, struct probe_spec *ret, struct kp_error *reterr);

#endif
