/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See rpc.h. Here: dispatching, and org.varlink.service. */
#include "rpc.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "cleanup.h"
#include "interfaces.h"
#include "varlink-check.h"

static const struct {
	const char *interface;
	const struct rpc_method *methods;
} interfaces[] = {
	{"org.varlink.service", rpc_varlink_methods}, {"io.kprobed.Events", rpc_events_methods},
	{"io.kprobed.Probes", rpc_probes_methods},    {"io.kprobed.Service", rpc_service_methods},
	{"io.kprobed.Symbols", rpc_symbols_methods},
};

static void reply_standard(struct session *s, const char *error, const char *field,
			   const char *value)
{
	struct json_object *p = json_object_new_object();
	char name[64];

	if (field)
		json_object_object_add(p, field, json_object_new_string(value));
	snprintf(name, sizeof(name), "org.varlink.service.%s", error);
	session_reply_error(s, name, p);
}

static void reply_invalid(struct session *s, const struct kp_error *e)
{
	struct json_object *p = json_object_new_object();

	json_object_object_add(p, "parameter", json_object_new_string(e->subject));
	session_reply_error(s, "org.varlink.service.InvalidParameter", p);
}

void rpc_refuse(struct session *s, int error)
{
	struct kp_error e = KP_ERROR_INIT;

	if (error == -EMSGSIZE) {
		kp_error_set(&e, KP_LIMIT_REACHED, EMSGSIZE, "message-size",
			     "a message may have %llu bytes at most",
			     (unsigned long long)s->server->config->limits.message_size);
		e.value = (long long)s->server->config->limits.message_size;
		rpc_reply_error(s, error, &e);
		return;
	}
	reply_standard(s, "InvalidParameter", "parameter", "");
}

/* The fields of a call itself. 0, or -EINVAL with the name of the one that is wrong. */
static int read_call(struct session *s, struct json_object *message, const char **ret_method,
		     struct json_object **ret_parameters, const char **ret_bad)
{
	const char *method = NULL;

	*ret_parameters = NULL;
	json_object_object_foreach (message, key, value) {
		*ret_bad = key;
		if (strcmp(key, "method") == 0 && json_object_is_type(value, json_type_string))
			method = json_object_get_string(value);
		else if (strcmp(key, "parameters") == 0 &&
			 (!value || json_object_is_type(value, json_type_object)))
			*ret_parameters = value;
		else if (strcmp(key, "more") == 0 && json_object_is_type(value, json_type_boolean))
			s->call.wants_more = json_object_get_boolean(value);
		else if (strcmp(key, "oneway") == 0 &&
			 json_object_is_type(value, json_type_boolean))
			s->call.is_oneway = json_object_get_boolean(value);
		else if (strcmp(key, "upgrade") == 0 &&
			 json_object_is_type(value, json_type_boolean) &&
			 !json_object_get_boolean(value))
			;
		else
			return -EINVAL;
	}
	*ret_bad = "method";
	*ret_method = method;
	return method ? 0 : -EINVAL;
}

static const struct rpc_method *find_method(const char *interface, size_t len, const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(interfaces); i++) {
		if (strlen(interfaces[i].interface) != len ||
		    memcmp(interfaces[i].interface, interface, len) != 0)
			continue;
		for (const struct rpc_method *m = interfaces[i].methods; m->name; m++)
			if (strcmp(m->name, name) == 0)
				return m;
	}
	return NULL;
}

static void reply_unknown(struct session *s, int r, const char *method)
{
	char interface[128];
	const char *dot = strrchr(method, '.');

	snprintf(interface, sizeof(interface), "%.*s", (int)(dot ? dot - method : 0), method);
	if (r == -ENXIO)
		reply_standard(s, "InterfaceNotFound", "interface", interface);
	else
		reply_standard(s, "MethodNotFound", "method", method);
}

void rpc_dispatch(struct session *s, struct json_object *message)
{
	const struct config *config = s->server->config;
	const struct varlink_member *description;
	struct kp_error e = KP_ERROR_INIT;
	struct json_object *parameters;
	const struct rpc_method *m;
	const char *method, *bad;
	int r;

	r = read_call(s, message, &method, &parameters, &bad);
	if (r < 0) {
		reply_standard(s, "InvalidParameter", "parameter", bad);
		return;
	}
	r = interfaces_find_member(s->server->interfaces, VARLINK_METHOD, method, &description);
	if (r < 0) {
		reply_unknown(s, r, method);
		return;
	}
	m = find_method(method, (size_t)(strrchr(method, '.') - method), strrchr(method, '.') + 1);
	if (!m) {
		reply_standard(s, "MethodNotImplemented", "method", method);
		return;
	}
	if (varlink_check_call(description, parameters, &e) < 0) {
		reply_invalid(s, &e);
		return;
	}
	if (m->permission) {
		r = access_check(s->permissions, m->permission, config, &e);
		if (r < 0) {
			rpc_reply_error(s, r, &e);
			return;
		}
	}
	if (m->needs_more && !s->call.wants_more) {
		reply_standard(s, "ExpectedMore", NULL, NULL);
		return;
	}
	if (m->needs_probes && s->server->unavailable.code != KP_OK) {
		rpc_reply_error(s, -s->server->unavailable.err, &s->server->unavailable);
		return;
	}
	if (s->call.is_oneway && (m->is_query || m->needs_more)) {
		session_finish(s);
		return;
	}
	m->handle(s, parameters);
}

static void handle_get_info(struct session *s, struct json_object *parameters)
{
	struct json_object *p = json_object_new_object(), *list = json_object_new_array();

	for (size_t i = 0; i < INTERFACES_COUNT; i++)
		json_object_array_add(list, json_object_new_string(interface_texts[i].name));
	json_object_object_add(p, "vendor", json_object_new_string("kprobed"));
	json_object_object_add(p, "product", json_object_new_string("kprobed"));
	json_object_object_add(p, "version", json_object_new_string(PACKAGE_VERSION));
	json_object_object_add(p, "url", json_object_new_string(""));
	json_object_object_add(p, "interfaces", list);
	session_reply(s, p, false);
}

static void handle_get_description(struct session *s, struct json_object *parameters)
{
	const char *name = json_object_get_string(json_object_object_get(parameters, "interface"));
	const char *text = interfaces_find_text(name);
	struct json_object *p;

	if (!text) {
		reply_standard(s, "InterfaceNotFound", "interface", name);
		return;
	}
	p = json_object_new_object();
	json_object_object_add(p, "description", json_object_new_string(text));
	session_reply(s, p, false);
}

const struct rpc_method rpc_varlink_methods[] = {
	{.name = "GetInfo", .is_query = true, .handle = handle_get_info},
	{.name = "GetInterfaceDescription", .is_query = true, .handle = handle_get_description},
	{0},
};
