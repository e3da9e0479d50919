/* SPDX-License-Identifier: GPL-2.0-or-later */
/* io.kprobed.Symbols.Describe: what is known of one name. See rpc-lookup.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "cleanup.h"
#include "rpc-describe-json.h"
#include "rpc-lookup.h"
#include "symbol-query.h"

#define MODULE_MAX 64

struct describe {
	struct lookup lookup;
	char *symbol, *module; /* owned; module NULL: any */
	uint64_t offset;
	struct json_object *reply; /* owned; with is_missing: the error's parameters */
	bool is_missing;
};

static void describe_free(struct describe *l)
{
	free(l->symbol);
	free(l->module);
	json_object_put(l->reply);
	free(l);
}

static void run_describe(struct control_op *op)
{
	struct describe *l = (struct describe *)op;
	struct knowledge *k = l->lookup.server->knowledge;
	const struct symbols *s = lookup_symbols(&l->lookup);
	const struct describe_request request = {
		.symbol = l->symbol,
		.module = l->module,
		.offset = l->offset,
		.sees_addresses = l->lookup.sees_addresses,
	};

	if (!s)
		return;
	l->reply = describe_to_json(&request, s, knowledge_lists(k), knowledge_types(k),
				    &l->is_missing);
	l->lookup.result = 0;
}

static void done_describe(struct control_op *op)
{
	struct describe *l = (struct describe *)op;
	struct session *s = lookup_session(&l->lookup);

	if (s && l->lookup.result < 0)
		lookup_reply_failure(s, &l->lookup);
	else if (s && l->is_missing)
		session_reply_error(s, "io.kprobed.Symbols.NoSuchSymbol", take_ptr(l->reply));
	else if (s)
		session_reply(s, take_ptr(l->reply), false);
	describe_free(l);
}

static const char *text_of(struct json_object *parameters, const char *key)
{
	return json_object_get_string(json_object_object_get(parameters, key));
}

void rpc_describe(struct session *s, struct json_object *parameters)
{
	const char *symbol = text_of(parameters, "symbol");
	const char *module = text_of(parameters, "module");
	struct kp_error e = KP_ERROR_INIT;
	struct describe *l;
	int64_t offset = 0;

	if (symbol[0] == '\0' || strlen(symbol) > SYMBOL_PATTERN_MAX)
		kp_error_set(&e, KP_INVALID_PARAMETER, EINVAL, "symbol", "no name");
	else if (module && strlen(module) > MODULE_MAX)
		kp_error_set(&e, KP_INVALID_PARAMETER, EINVAL, "module", "no name");
	if (e.code) {
		rpc_reply_error(s, -EINVAL, &e);
		return;
	}
	if (!lookup_read_number(s, parameters, "offset", 0, UINT32_MAX, &offset))
		return;
	l = calloc(1, sizeof(*l));
	if (l) {
		lookup_init(&l->lookup, s, run_describe, done_describe);
		l->symbol = strdup(symbol);
		l->module = module ? strdup(module) : NULL;
		l->offset = (uint64_t)offset;
	}
	if (!l || !l->symbol || (module && !l->module)) {
		if (l)
			describe_free(l);
		rpc_reply_error(s, -ENOMEM, NULL);
		return;
	}
	control_submit(s->server->knowledge_worker, &l->lookup.op);
}
