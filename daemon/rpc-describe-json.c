/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What Describe answers: see rpc-describe-json.h. */
#include "rpc-describe-json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "btf-type.h"
#include "cleanup.h"
#include "probeable.h"

/* Symbols of one name that are told: "__key.0" has thousands. */
#define DESCRIBE_MAX 64
#define SIMILAR_MAX  5

static struct json_object *new_text(const char *text)
{
	return text && text[0] ? json_object_new_string(text) : NULL;
}

static struct json_object *symbol_to_json(const struct describe_request *r, const struct symbols *s,
					  const struct function_lists *lists, uint32_t index,
					  uint64_t offset)
{
	struct json_object *o = json_object_new_object();
	char text[PROBEABLE_TEXT_MAX], type[2] = "";
	struct symbol symbol;
	struct probeable p;

	symbols_get(s, index, &symbol);
	probeable_check(s, lists, index, offset, &p);
	type[0] = symbol.type;
	json_object_object_add(o, "name", json_object_new_string(symbol.name));
	json_object_object_add(o, "module", new_text(symbol.module));
	json_object_object_add(o, "type", json_object_new_string(type));
	snprintf(text, sizeof(text), "0x%" PRIx64, symbol.address);
	json_object_object_add(o, "address",
			       r->sees_addresses ? json_object_new_string(text) : NULL);
	json_object_object_add(o, "size",
			       symbol.size ? json_object_new_int64((int64_t)symbol.size) : NULL);
	json_object_object_add(o, "probeable",
			       p.answer == PROBEABLE_UNKNOWN
				       ? NULL
				       : json_object_new_boolean(p.answer == PROBEABLE_YES));
	json_object_object_add(o, "reason", new_text(p.reason));
	json_object_object_add(
		o, "message",
		new_text(probeable_explain(&p, s, index, offset, text, sizeof(text))));
	return o;
}

/* "vmlinux" is how a request names the kernel itself, "" how a snapshot does. */
static const char *snapshot_module(const char *module)
{
	return module && strcmp(module, "vmlinux") == 0 ? "" : module;
}

static struct json_object *variants_to_json(const struct describe_request *r,
					    const struct symbols *s,
					    const struct function_lists *lists)
{
	struct json_object *list = json_object_new_array();
	uint32_t found[DESCRIBE_MAX];
	size_t n = symbols_variants(s, r->symbol, snapshot_module(r->module), found, DESCRIBE_MAX);

	for (size_t i = 0; i < n && i < DESCRIBE_MAX; i++)
		json_object_array_add(list, symbol_to_json(r, s, lists, found[i], 0));
	return list;
}

/* The symbols of that name in one reply; NULL: there is none. */
static struct json_object *named_to_json(const struct describe_request *r, const struct symbols *s,
					 const struct function_lists *lists)
{
	struct json_object *list = NULL;
	uint32_t cursor = SYMBOL_NONE, i;
	size_t n = 0;

	while (n < DESCRIBE_MAX && (i = symbols_next_named(s, r->symbol, snapshot_module(r->module),
							   &cursor)) != SYMBOL_NONE) {
		if (!list)
			list = json_object_new_array();
		json_object_array_add(list, symbol_to_json(r, s, lists, i, r->offset));
		n++;
	}
	return list;
}

static struct json_object *names_to_json(const char *const *names, size_t n)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < n; i++)
		json_object_array_add(list, json_object_new_string(names[i]));
	return list;
}

/* Where else the name is: each module once. */
static size_t other_modules(const struct describe_request *r, const struct symbols *s,
			    const char **ret, size_t max)
{
	uint32_t cursor = SYMBOL_NONE, i;
	size_t n = 0;

	while (n < max && (i = symbols_next_named(s, r->symbol, NULL, &cursor)) != SYMBOL_NONE) {
		const char *module = symbols_module(s, i);
		bool is_known = false;

		module = module ? module : "vmlinux";
		for (size_t k = 0; k < n; k++)
			is_known |= strcmp(ret[k], module) == 0;
		if (!is_known)
			ret[n++] = module;
	}
	return n;
}

static struct json_object *missing_to_json(const struct describe_request *r,
					   const struct symbols *s)
{
	const char *similar[2 * SIMILAR_MAX], *modules[SIMILAR_MAX], *variants[SIMILAR_MAX];
	const char *reason, *in = r->module ? " in " : "", *module = r->module ? r->module : "";
	size_t n_similar, n_modules, n_variants;
	struct json_object *p = json_object_new_object();
	uint32_t found[SIMILAR_MAX];
	char message[1024];

	n_modules = other_modules(r, s, modules, SIMILAR_MAX);
	n_variants = symbols_variants(s, r->symbol, snapshot_module(r->module), found, SIMILAR_MAX);
	n_variants = n_variants < SIMILAR_MAX ? n_variants : SIMILAR_MAX;
	for (size_t i = 0; i < n_variants; i++)
		variants[i] = symbols_name(s, found[i]);
	n_similar = symbols_similar(s, r->symbol, similar, SIMILAR_MAX);
	n_similar = symbols_prefixed(s, r->symbol, similar, n_similar, n_similar + SIMILAR_MAX);

	if (n_variants) {
		reason = "renamed";
		snprintf(message, sizeof(message),
			 "the compiler has made something else of %s%s%s: %s", r->symbol, in,
			 module, variants[0]);
	} else if (r->module && snapshot_module(r->module)[0] && !symbols_has_module(s, module)) {
		reason = "moduleNotLoaded";
		snprintf(message, sizeof(message), "the module %s is not loaded", module);
	} else if (n_modules) {
		reason = "otherModule";
		snprintf(message, sizeof(message), "%s is not in %s, but in %s", r->symbol, module,
			 modules[0]);
	} else {
		reason = "notFound";
		snprintf(
			message, sizeof(message),
			"the kernel has no symbol called %s%s%s: it is not built in, its module is "
			"not loaded, or it is inlined wherever it is called (the kernel says "
			"nowhere into which functions: look for its callers in the source, and "
			"probe those)",
			r->symbol, in, module);
	}
	json_object_object_add(p, "symbol", json_object_new_string(r->symbol));
	json_object_object_add(p, "reason", json_object_new_string(reason));
	json_object_object_add(p, "similar", names_to_json(similar, n_similar));
	json_object_object_add(p, "variants", names_to_json(variants, n_variants));
	json_object_object_add(p, "modules", names_to_json(modules, n_modules));
	json_object_object_add(p, "message", json_object_new_string(message));
	return p;
}

/* The word of a definition that a parameter is; NULL: it lies nowhere, or in more than one. */
static struct json_object *place_to_json(const struct btf_argument *a)
{
	char text[CALL_TEXT_MAX];

	if (a->size > sizeof(uint64_t) || a->place.is_reference ||
	    !call_place_text(CALL_ARCH_OURS, &a->place, 0, text))
		return NULL;
	return json_object_new_string(text);
}

static struct json_object *arguments_to_json(const struct btf_prototype *p)
{
	struct json_object *list = json_object_new_array();
	char type[BTF_TEXT_MAX];

	for (size_t i = 0; i < p->n_params; i++) {
		struct json_object *o = json_object_new_object();

		btf_type_text(p->btf, p->params[i].type, "", type, sizeof(type));
		json_object_object_add(o, "name", json_object_new_string(p->params[i].name));
		json_object_object_add(o, "type", json_object_new_string(type));
		json_object_object_add(o, "place", place_to_json(&p->params[i]));
		json_object_array_add(list, o);
	}
	return list;
}

/* The module of the first function of that name: where its types are. */
static bool find_function(const struct describe_request *r, const struct symbols *s,
			  const char **ret_module)
{
	uint32_t cursor = SYMBOL_NONE, i;

	while ((i = symbols_next_named(s, r->symbol, snapshot_module(r->module), &cursor)) !=
	       SYMBOL_NONE) {
		if (!symbol_is_text(symbols_type(s, i)))
			continue;
		*ret_module = symbols_module(s, i);
		return true;
	}
	return false;
}

/* What BTF has of it; nulls for data, and where there is none, or several that differ. */
static void add_prototype(const struct describe_request *r, const struct symbols *s,
			  struct btf_store *types, struct json_object *reply)
{
	_cleanup_free_ char *text = NULL;
	struct json_object *arguments = NULL, *returns = NULL;
	char result[BTF_TEXT_MAX];
	struct btf_prototype p;
	const char *module;

	if (types && find_function(r, s, &module) &&
	    btf_find_func(types, module, r->symbol, &p) == 0 &&
	    btf_prototype_text(&p, &text) == 0) {
		arguments = arguments_to_json(&p);
		returns = json_object_new_string(
			btf_type_text(p.btf, p.result, "", result, sizeof(result)));
	}
	json_object_object_add(reply, "prototype", new_text(text));
	json_object_object_add(reply, "arguments", arguments);
	json_object_object_add(reply, "returns", returns);
}

struct json_object *describe_to_json(const struct describe_request *r, const struct symbols *s,
				     const struct function_lists *lists, struct btf_store *types,
				     bool *ret_is_missing)
{
	struct json_object *symbols = named_to_json(r, s, lists), *reply;

	*ret_is_missing = !symbols;
	if (!symbols)
		return missing_to_json(r, s);
	reply = json_object_new_object();
	json_object_object_add(reply, "name", json_object_new_string(r->symbol));
	json_object_object_add(reply, "symbols", symbols);
	json_object_object_add(reply, "variants", variants_to_json(r, s, lists));
	add_prototype(r, s, types, reply);
	/* BTF has no lines, and nothing else that the kernel shows has. */
	json_object_object_add(reply, "file", NULL);
	return reply;
}
