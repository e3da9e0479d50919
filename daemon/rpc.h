/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Calls: from a message to its handler, and from an error to a reply.
 *
 * Each interface has a table of methods (rpc-*.c). Before a handler is called the message has been
 * checked: the method exists, the parameters are as the .varlink file describes them, and the
 * caller may use it. Handlers rely on that and answer with session_reply() or rpc_reply_error(), at
 * once or later.
 */
#ifndef KP_RPC_H
#define KP_RPC_H

#include <stdbool.h>

#include <json-c/json_types.h>

#include "access.h"
#include "error.h"
#include "session.h"

struct rpc_method {
	const char *name;	 /* "Add" */
	unsigned int permission; /* enum permission; 0: anybody */
	bool needs_more;	 /* answers in several replies only */
	bool is_query;		 /* only answers: called with "oneway" there is nothing to do */
	bool needs_probes;	 /* this kernel must have them */
	void (*handle)(struct session *s, struct json_object *parameters);
};

extern const struct rpc_method rpc_probes_methods[];  /* io.kprobed.Probes */
extern const struct rpc_method rpc_events_methods[];  /* io.kprobed.Events */
extern const struct rpc_method rpc_service_methods[]; /* io.kprobed.Service */
extern const struct rpc_method rpc_symbols_methods[]; /* io.kprobed.Symbols */
extern const struct rpc_method rpc_varlink_methods[]; /* org.varlink.service */

/* Handles one message, borrowed. */
void rpc_dispatch(struct session *s, struct json_object *message);

/* Answers bytes that are no message (a result of wire.h), as far as that can be answered. */
void rpc_refuse(struct session *s, int error);

/* A text of lines ("foo\nbar", may be NULL) as an array of strings. */
struct json_object *rpc_lines_to_json(const char *lines);

/* Answers with the typed error for @e; with @r alone when nothing is in it. */
void rpc_reply_error(struct session *s, int r, const struct kp_error *e);

/* A connection was refused before it had a session: what to write to it before closing. */
size_t rpc_format_limit(const char *limit, unsigned int value, char *buf, size_t size);

/* Tells sessions that watch, and those whose subscriptions the probe matches. */
void rpc_probe_changed(struct server *server, enum probe_change change, const struct probe *probe,
		       const struct requester *by);

/* rpc-probes.c: a Probe as it goes over the wire. */
struct json_object *rpc_probe_to_json(const struct server *server, const struct probe *p);

/* rpc-disassemble.c: Symbols.Disassemble. */
void rpc_disassemble(struct session *s, struct json_object *parameters);

/* rpc-helper.c: Service.ReleaseHelper and UseHelper, and whether the module can be used. */
void rpc_release_helper(struct session *s, struct json_object *parameters);
void rpc_use_helper(struct session *s, struct json_object *parameters);
bool rpc_helper_is_available(struct kp_error *reterr);

/* rpc-metrics.c: the handler of Service.Metrics. */
void rpc_service_metrics(struct session *s, struct json_object *parameters);

/* rpc-events.c: the session's subscription sees the probe from now on, if it is selected. */
void rpc_subscription_add(struct session *s, const struct probe *p);

/*
 * rpc-events.c: calls @add for each source that @selectors mean (@n 0: all of them), and those
 * whose losses concern them. 0, the first error of @add, or -ENOENT with @e (KP_NO_SUCH_PROBE) if
 * @needs_match and a name means nothing.
 */
int rpc_select_sources(const struct event_log *log, char *const *selectors, size_t n,
		       int (*add)(void *to, unsigned int slot), void *to, bool needs_match,
		       struct kp_error *e);

/* rpc-memory.c: Events.Subscribe with transport "memory". */
struct memory_options {
	uint64_t position;
	unsigned int max_latency_msec;
	unsigned int max_batch;
};
bool rpc_memory_is_wanted(struct json_object *parameters);
/* Subscribes and writes the reply to s->out. On failure nothing of it is left. */
int rpc_memory_subscribe(struct session *s, struct json_object *parameters,
			 const struct memory_options *options, struct kp_error *e);
/* The daemon wakes the session for the probe from now on. 0 or -ENOMEM. */
int rpc_memory_add(struct session *s, const struct probe *p);

#endif
