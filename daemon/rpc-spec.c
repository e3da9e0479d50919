/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See rpc-spec.h. The fields that make up a definition's head are put together to one and parsed,
 * so that there is one grammar; they may not have anything in them that would end a field early.
 */
#include "rpc-spec.h"

#include <errno.h>
#include <limits.h>

#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "cleanup.h"
#include "decode.h"
#include "filter-place.h"
#include "rpc-hist.h"
#include "probe-head.h"

static const char *get_string(struct json_object *o, const char *key)
{
	struct json_object *v = json_object_object_get(o, key);

	return v ? json_object_get_string(v) : NULL;
}

static int contradiction(const char *field, struct kp_error *e)
{
	return kp_error_definition(e, "contradiction", 0, NULL,
				   "the field \"%s\" says something else than the definition",
				   field);
}

static int check_word(const char *field, const char *value, struct kp_error *e)
{
	if (value && (value[0] == '\0' || strpbrk(value, " \t\r\n\v\f:/+%#;=")))
		return kp_error_definition(e, "badField", 0, NULL, "\"%s\" is no %s", value, field);
	return 0;
}

/* Cuts the ordinal off a symbol. */
static int check_ordinal(const char *symbol, char *word, size_t size, struct kp_error *e)
{
	size_t hash = strcspn(symbol, "#");
	const char *nth = symbol + hash + 1;

	if ((size_t)snprintf(word, size, "%.*s", (int)hash, symbol) >= size)
		return kp_error_definition(e, "lineTooLong", 0, NULL, "the symbol is too long");
	if (symbol[hash] == '\0' || strcmp(nth, "*") == 0 ||
	    (*nth && nth[strspn(nth, "0123456789")] == '\0'))
		return 0;
	return kp_error_definition(e, "badOrdinal", 0, "SYMBOL#1, or SYMBOL#*",
				   "\"%s\" says no number of a function", symbol);
}

/* The head of a definition from its fields. */
static int format_head(struct json_object *o, char *buf, size_t size, struct kp_error *e)
{
	const char *kind = get_string(o, "kind"), *name = get_string(o, "name");
	const char *symbol = get_string(o, "symbol"), *module = get_string(o, "module");
	struct json_object *offset = json_object_object_get(o, "offset");
	struct json_object *maxactive = json_object_object_get(o, "maxactive");
	enum probe_kind which = PROBE_ENTRY;
	char number[24] = "", plus[24] = "";
	char word[256];
	int r;

	if (!symbol)
		return kp_error_definition(e, "noProbePoint", 0, NULL,
					   "neither a definition nor a symbol was given");
	/* "foo#2": what stands behind the # must not pass for a comment. */
	r = check_ordinal(symbol, word, sizeof(word), e);
	if (r == 0)
		r = check_word("symbol", word, e);
	if (r == 0)
		r = check_word("module", module, e);
	if (r == 0)
		r = check_word("name", name, e);
	if (r < 0)
		return r;
	if (offset && json_object_get_int64(offset) < 0)
		return kp_error_definition(e, "badProbeAddr", 0, NULL,
					   "an offset counts from the symbol's start and cannot be "
					   "negative");
	if (offset && json_object_get_int64(offset) > 0)
		snprintf(plus, sizeof(plus), "+%lld", (long long)json_object_get_int64(offset));
	if (maxactive)
		snprintf(number, sizeof(number), "%lld",
			 (long long)json_object_get_int64(maxactive));
	/* Other names there are none: the request was checked against the interface. */
	if (kind)
		probe_kind_of_name(kind, &which);
	if ((size_t)snprintf(buf, size, "%c%s%s%s %s%s%s%s", probe_head_letter(which), number,
			     name ? ":" : "", name ? name : "", module ? module : "",
			     module ? ":" : "", symbol, plus) >= size)
		return kp_error_definition(e, "lineTooLong", 0, NULL, "the fields are too long");
	return 0;
}

/* Where a definition was given, fields may repeat it or fill in what it left out. */
static int check_agreement(struct json_object *o, struct probe_spec *spec, struct kp_error *e)
{
	const char *kind = get_string(o, "kind"), *name = get_string(o, "name");
	const char *symbol = get_string(o, "symbol"), *module = get_string(o, "module");
	struct json_object *offset = json_object_object_get(o, "offset");
	struct json_object *maxactive = json_object_object_get(o, "maxactive");

	if (kind && strcmp(kind, probe_kind_name(spec->kind)) != 0)
		return contradiction("kind", e);
	if (symbol && (!spec->symbol || strlen(spec->symbol) != strcspn(symbol, "#") ||
		       strncmp(symbol, spec->symbol, strlen(spec->symbol)) != 0))
		return contradiction("symbol", e);
	if (module && (!spec->module || strcmp(module, spec->module) != 0))
		return contradiction("module", e);
	if (offset && (uint64_t)json_object_get_int64(offset) != spec->offset)
		return contradiction("offset", e);
	if (name && spec->name && strcmp(name, spec->name) != 0)
		return contradiction("name", e);
	if (maxactive) {
		int64_t n = json_object_get_int64(maxactive);

		if (n < 1 || n > probe_kind_maxactive(spec->kind))
			return kp_error_definition(
				e, "badMaxact", 0, NULL,
				"maxactive is for return probes, 1 to %d, and call probes, 1 to %d",
				PROBE_MAXACTIVE_MAX, PROBE_CALL_MAXACTIVE_MAX);
		if (spec->maxactive && spec->maxactive != (unsigned int)n)
			return contradiction("maxactive", e);
		spec->maxactive = (unsigned int)n;
	}
	if (name && !spec->name) {
		if (!probe_name_is_valid(name))
			return kp_error_definition(e, "badEventName", 0, NULL,
						   "\"%s\" is no name for a probe", name);
		spec->name = strdup(name);
		if (!spec->name)
			return -ENOMEM;
	}
	return 0;
}

static int add_rest(struct json_object *o, struct probe_spec *spec, struct kp_error *e)
{
	struct json_object *args = json_object_object_get(o, "args"), *v;
	const char *filter = get_string(o, "filter");
	int r;

	for (size_t i = 0; args && i < json_object_array_length(args); i++) {
		const char *text = json_object_get_string(json_object_array_get_idx(args, i));

		r = probe_spec_add_arg(spec, text, e);
		if (r < 0) {
			kp_error_quote(e, text);
			return r;
		}
	}
	v = json_object_object_get(o, "histogram");
	if (v) {
		r = rpc_hist_read_spec(v, spec, e);
		if (r < 0)
			return r;
	}
	if (filter) {
		spec->filter = strdup(filter);
		if (!spec->filter)
			return -ENOMEM;
		r = filter_place(spec, e);
		if (r < 0) {
			kp_error_quote(e, filter);
			return r;
		}
	}
	v = json_object_object_get(o, "stack");
	spec->stack = v && json_object_get_boolean(v);
	v = json_object_object_get(o, "enabled");
	spec->enabled = !v || json_object_get_boolean(v);
	v = json_object_object_get(o, "pending");
	spec->pending = v && json_object_get_boolean(v);
	v = json_object_object_get(o, "autoMaxactive");
	spec->auto_maxactive = v && json_object_get_boolean(v);
	if (spec->auto_maxactive && (!probe_kind_maxactive(spec->kind) || spec->hist))
		return kp_error_definition(e, "badMaxact", 0, NULL,
					   "autoMaxactive is for return and call probes without a "
					   "histogram");
	v = json_object_object_get(o, "maxMatches");
	if (v && (json_object_get_int64(v) < 1 || json_object_get_int64(v) > INT_MAX))
		return kp_error_definition(e, "badField", 0, NULL, "maxMatches is 1 or more");
	spec->max_matches = v ? (unsigned int)json_object_get_int64(v) : 0;
	return 0;
}

/* The name that the hidden argument has in the kernel's event. */
static int check_reserved(const struct probe_spec *spec, struct kp_error *e)
{
	for (size_t i = 0; i < spec->n_args; i++)
		if (strcmp(spec->args[i].name, COMM_FIELD) == 0)
			return kp_error_definition(e, "usedArgName", spec->args[i].position, NULL,
						   "the name " COMM_FIELD " is kprobed's own");
	return 0;
}

int rpc_spec_read(struct json_object *o, struct probe_spec *ret, struct kp_error *e)
{
	struct probe_spec spec = PROBE_SPEC_INIT;
	const char *definition = get_string(o, "definition");
	char head[512];
	int r;

	if (!definition) {
		r = format_head(o, head, sizeof(head), e);
		if (r < 0)
			return r;
	}
	r = probe_spec_parse(definition ? definition : head, &spec, e);
	if (r < 0) {
		if (e->detail[0] == '\0')
			kp_error_quote(e, definition ? definition : head);
		return r;
	}
	if (json_object_object_get(o, "args"))
		spec.wants_all = false;
	else if (!definition)
		spec.wants_all = probe_spec_has_parameters(&spec);
	r = definition ? check_agreement(o, &spec, e) : 0;
	if (r == 0)
		r = add_rest(o, &spec, e);
	if (r == 0)
		r = check_reserved(&spec, e);
	if (r < 0) {
		if (e->detail[0] == '\0' && definition)
			kp_error_quote(e, definition);
		probe_spec_done(&spec);
		return r;
	}
	*ret = spec;
	return 0;
}
