/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Histograms on the wire: what a Spec asks for, and what Probes.Histogram answers. */
#ifndef KP_RPC_HIST_H
#define KP_RPC_HIST_H

#include <json-c/json_types.h>

#include "error.h"
#include "probe-spec.h"
#include "session.h"

/*
 * Reads @o, which has been checked against its description, into spec->hist. 0, -ENOMEM, or -EINVAL
 * (KP_INVALID_DEFINITION: badHistogram).
 */
int rpc_hist_read_spec(struct json_object *o, struct probe_spec *spec, struct kp_error *e);

/* As it was given, with what was left out; NULL without one. */
struct json_object *rpc_hist_spec_to_json(const struct hist_spec *h);

/* The handler of Probes.Histogram. */
void rpc_probes_histogram(struct session *s, struct json_object *parameters);

#endif
