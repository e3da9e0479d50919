/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Probes and what belongs to them as the wire has them: the types of io.kprobed.Probes. */
#ifndef KP_RPC_PROBE_JSON_H
#define KP_RPC_PROBE_JSON_H

#include <json-c/json_types.h>

#include "foreign.h"
#include "probe-set.h"

/* All are the caller's. A probe itself: rpc_probe_to_json() in rpc.h. */
struct json_object *rpc_owner_to_json(const struct requester *who);
struct json_object *rpc_foreign_to_json(const struct foreign_probe *p);
/* []Skipped */
struct json_object *rpc_skips_to_json(const struct resolve *resolved);

#endif
