/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a caller of Subscribe or Read wants of the events of its probes: parameters to parsed ones.
 */
#ifndef KP_RPC_CHOICE_H
#define KP_RPC_CHOICE_H

#include <json-c/json_types.h>

#include "cleanup.h"
#include "fields.h"
#include "filter-parse.h"
#include "server.h"

struct rpc_choice {
	char *key; /* owned: of the view, equal for equal choices of equal probes */
	size_t key_len;
	struct filter *filter; /* owned; NULL: every event */
	struct fields *fields; /* owned; NULL: events as they are */
	unsigned int sample;   /* 0: each */
	unsigned int rate;     /* 0: any */
};

/*
 * Reads filter, fields, sample and rateLimit of @parameters, for the probes that the @n @selectors
 * mean. Where all of them are names or ids of probes that are there, a field that none of these has
 * is refused; a glob may yet mean one that has it. 0, -ENOMEM, or what @reterr says.
 */
int rpc_choice_read(const struct server *server, struct json_object *parameters,
		    char *const *selectors, size_t n, struct rpc_choice *ret,
		    struct kp_error *reterr);
void rpc_choice_done(struct rpc_choice *choice);

/* The view of @choice's filter, whose it then is. 0, -ENOMEM, or -EDQUOT with @reterr. */
int rpc_choice_view(const struct server *server, struct rpc_choice *choice,
		    struct shared_view **ret, struct kp_error *reterr);

#endif
