/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the methods of io.kprobed.Symbols have in common: each is an operation of the knowledge
 * worker. */
#ifndef KP_RPC_LOOKUP_H
#define KP_RPC_LOOKUP_H

#include "control.h"
#include "rpc.h"
#include "symbols.h"

/* The first member of a method's own struct. */
struct lookup {
	struct control_op op;
	struct server *server; /* borrowed */
	uint64_t session;
	bool sees_addresses;
	int result; /* -ESHUTDOWN until it has run */
	struct kp_error error;
};

void lookup_init(struct lookup *l, struct session *s, void (*run)(struct control_op *op),
		 void (*done)(struct control_op *op));

/* Worker. The symbols of now, borrowed; NULL, with result and error, when there are none. */
const struct symbols *lookup_symbols(struct lookup *l);

/* Main thread. The session, if it is still there to be answered. */
struct session *lookup_session(const struct lookup *l);

/* Main thread. Answers with what went wrong. */
void lookup_reply_failure(struct session *s, const struct lookup *l);

/* An optional parameter from @min to @max into *@ret, which stays without it; false: answered. */
bool lookup_read_number(struct session *s, struct json_object *parameters, const char *key,
			int64_t min, int64_t max, int64_t *ret);

/* rpc-describe.c */
void rpc_describe(struct session *s, struct json_object *parameters);

#endif
