/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Errors as they go over the wire: the fields that the .varlink files give each of them. See rpc.h.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "rpc.h"

static void add_text(struct json_object *o, const char *key, const char *text)
{
	json_object_object_add(o, key, json_object_new_string(text));
}

static void add_optional(struct json_object *o, const char *key, const char *text)
{
	json_object_object_add(o, key, text[0] ? json_object_new_string(text) : NULL);
}

static void add_int(struct json_object *o, const char *key, int64_t value)
{
	json_object_object_add(o, key, json_object_new_int64(value));
}

/* null: it is about no place, or no probe. */
static void add_place(struct json_object *o, const char *key, int value)
{
	json_object_object_add(o, key, value < 0 ? NULL : json_object_new_int(value));
}

struct json_object *rpc_lines_to_json(const char *lines)
{
	struct json_object *list = json_object_new_array();

	for (const char *p = lines ? lines : ""; *p;) {
		size_t n = strcspn(p, "\n");

		json_object_array_add(list, json_object_new_string_len(p, (int)n));
		p += n + (p[n] == '\n');
	}
	return list;
}

static void add_list(struct json_object *o, const char *key, const char *lines)
{
	json_object_object_add(o, key, rpc_lines_to_json(lines));
}

static const char *fill_probes(const struct kp_error *e, struct json_object *p)
{
	int64_t probe = e->probe < 0 ? 0 : e->probe;

	switch (e->code) {
	case KP_INVALID_DEFINITION:
		add_text(p, "reason", e->reason);
		add_int(p, "position", e->position < 0 ? 0 : e->position);
		add_optional(p, "hint", e->hint);
		add_text(p, "message", e->message);
		add_int(p, "probe", probe);
		add_optional(p, "definition", e->detail);
		return "io.kprobed.Probes.InvalidDefinition";
	case KP_NO_SUCH_SYMBOL:
		add_text(p, "symbol", e->subject);
		add_list(p, "similar", e->detail);
		add_text(p, "message", e->message);
		add_int(p, "probe", probe);
		return "io.kprobed.Probes.NoSuchSymbol";
	case KP_NOT_PROBEABLE:
		add_text(p, "symbol", e->subject);
		add_text(p, "reason", e->reason);
		add_text(p, "message", e->message);
		add_int(p, "probe", probe);
		add_optional(p, "hint", e->hint);
		add_list(p, "alternatives", e->detail);
		return "io.kprobed.Probes.NotProbeable";
	case KP_NAME_IN_USE:
		add_text(p, "name", e->subject);
		add_text(p, "message", e->message);
		add_int(p, "probe", probe);
		return "io.kprobed.Probes.NameInUse";
	case KP_NO_SUCH_PROBE:
		add_text(p, "probe", e->subject);
		add_text(p, "message", e->message);
		return "io.kprobed.Probes.NoSuchProbe";
	case KP_NO_HISTOGRAM:
		add_text(p, "probe", e->subject);
		add_text(p, "message", e->message);
		return "io.kprobed.Probes.NoHistogram";
	case KP_KERNEL_REFUSED:
		add_int(p, "errno", e->err);
		add_text(p, "name", kp_errno_name(e->err));
		add_optional(p, "log", e->detail);
		add_place(p, "position", e->position);
		add_text(p, "message", e->message);
		add_place(p, "probe", e->probe);
		return "io.kprobed.Probes.KernelRefused";
	default:
		return NULL;
	}
}

static const char *fill_others(const struct kp_error *e, struct json_object *p)
{
	switch (e->code) {
	case KP_INVALID_CURSOR:
		add_text(p, "cursor", e->subject);
		add_text(p, "message", e->message);
		return "io.kprobed.Events.InvalidCursor";
	case KP_INVALID_FILTER:
		add_text(p, "reason", e->reason);
		add_int(p, "position", e->position < 0 ? 0 : e->position);
		add_optional(p, "hint", e->hint);
		add_text(p, "message", e->message);
		return "io.kprobed.Events.InvalidFilter";
	case KP_ACCESS_DENIED:
		add_text(p, "rule", e->subject);
		add_text(p, "message", e->message);
		return "io.kprobed.Service.AccessDenied";
	case KP_LIMIT_REACHED:
		add_text(p, "limit", e->subject);
		add_int(p, "value", e->value);
		add_text(p, "message", e->message);
		return "io.kprobed.Service.LimitReached";
	case KP_HELPER_REQUIRED:
		add_text(p, "feature", e->subject);
		add_text(p, "reason", e->reason[0] ? e->reason : "helperRequired");
		add_text(p, "message", e->message);
		add_place(p, "position", e->position);
		add_place(p, "probe", e->probe);
		add_optional(p, "hint", e->hint);
		add_optional(p, "definition", e->detail);
		return "io.kprobed.Service.HelperRequired";
	case KP_INVALID_PARAMETER:
		add_text(p, "parameter", e->subject);
		return "org.varlink.service.InvalidParameter";
	default:
		add_text(p, "feature", e->subject[0] ? e->subject : "memory");
		add_text(p, "reason", kp_errno_name(e->err));
		add_text(p, "message", e->message);
		return "io.kprobed.Service.Unavailable";
	}
}

void rpc_reply_error(struct session *s, int r, const struct kp_error *e)
{
	struct json_object *p = json_object_new_object();
	struct kp_error fallback = KP_ERROR_INIT;
	const char *name;

	if (!e || e->code == KP_OK) {
		kp_error_set(&fallback, KP_UNAVAILABLE, -r, "memory", "%s", strerror(-r));
		e = &fallback;
	}
	name = fill_probes(e, p);
	if (!name)
		name = fill_others(e, p);
	session_reply_error(s, name, p);
}

size_t rpc_format_limit(const char *limit, unsigned int value, char *buf, size_t size)
{
	/* With the NUL that ends a message. */
	return (size_t)snprintf(
		       buf, size,
		       "{\"error\":\"io.kprobed.Service.LimitReached\",\"parameters\":{"
		       "\"limit\":\"%s\",\"value\":%u,\"message\":\"too many connections\"}}",
		       limit, value) +
	       1;
}
