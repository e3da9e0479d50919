/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where hits have gone, over the wire: of a probe, of each subscriber, and what to do about it.
 *
 * Advice is sentences for people, each about a loss that has happened, and with a number where one
 * can be worked out (advice.h).
 */
#ifndef KP_RPC_LEDGER_H
#define KP_RPC_LEDGER_H

#include <json-c/json_types.h>

#include "session.h"

/* Adds to a Probe what its ledger says. */
void rpc_ledger_add_probe(struct json_object *o, const struct server *server,
			  const struct probe *p);
/* Adds to the Totals of Status what subscribers were sent and were not. */
void rpc_ledger_add_totals(struct json_object *o, const struct server *server);
/* The advice for the service as a whole: each sentence once. */
struct json_object *rpc_ledger_advice(const struct server *server);

/* Service.Ledger. */
void rpc_service_ledger(struct session *s, struct json_object *parameters);

#endif
