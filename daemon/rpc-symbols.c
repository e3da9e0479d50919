/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * io.kprobed.Symbols: Find and Describe. See rpc.h.
 *
 * Both are operations of the knowledge worker: it looks things up and makes the whole answer, so
 * that the main loop has only to send it.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>
#include <json-c/json.h>

#include "cleanup.h"
#include "rpc.h"
#include "strutil.h"
#include "symbol-query.h"

/* Symbols in one reply of Find with more, in all replies when nothing is said, and at most. */
#define FIND_PAGE    256
#define FIND_DEFAULT 1000
#define FIND_MAX     20000

/* Symbols of one name that Describe has: "__key.0" has thousands. */
#define DESCRIBE_MAX 64
#define SIMILAR_MAX  5
#define MODULE_MAX   64

struct lookup {
	struct control_op op;
	struct server *server;
	uint64_t session;
	bool sees_addresses;

	/* Find */
	struct symbol_query *query; /* owned */
	bool has_pages;
	char *text; /* owned: all replies, each with its NUL */
	size_t text_len;

	/* Describe */
	char *symbol, *module; /* owned; module NULL: any */
	uint64_t offset;
	struct json_object *reply; /* owned; with error_name: the error's parameters */
	const char *error_name;	   /* static; NULL: none of this interface */

	int result;
	struct kp_error error;
};

static void lookup_free(struct lookup *l)
{
	if (l->query)
		symbol_query_free(l->query);
	free(l->text);
	free(l->symbol);
	free(l->module);
	json_object_put(l->reply);
	free(l);
}

static struct lookup *lookup_new(struct session *s, void (*run)(struct control_op *op),
				 void (*done)(struct control_op *op))
{
	struct lookup *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->op = (struct control_op){.run = run, .done = done};
	l->server = s->server;
	l->session = s->who.session;
	l->sees_addresses = s->permissions & MAY_ADD;
	l->error = KP_ERROR_INIT;
	l->result = -ESHUTDOWN; /* until it has run */
	return l;
}

/* Worker. The symbols of now; -errno with l->error when there are none. */
static const struct symbols *get_symbols(struct lookup *l)
{
	struct knowledge *k = l->server->knowledge;
	const struct symbols *symbols;
	int r = knowledge_refresh(k);

	symbols = knowledge_symbols(k);
	if (!symbols)
		l->result =
			kp_error_set(&l->error, KP_UNAVAILABLE, r < 0 ? -r : ENOMEM, "symbols",
				     "the kernel's symbols cannot be read from /proc/kallsyms: %s",
				     r == -EPERM ? "it hides their addresses (kernel.kptr_restrict)"
						 : strerror(-r));
	return symbols;
}

/* Main thread. Answers with what went wrong. */
static void reply_failure(struct session *s, struct lookup *l)
{
	const struct kp_error *e = &l->error;
	struct json_object *p;

	if (e->code != KP_INVALID_PARAMETER || e->message[0] == '\0') {
		rpc_reply_error(s, l->result, e);
		return;
	}
	p = json_object_new_object();
	json_object_object_add(p, "pattern", json_object_new_string(e->detail));
	json_object_object_add(p, "position",
			       json_object_new_int(e->position < 0 ? 0 : e->position));
	json_object_object_add(p, "message", json_object_new_string(e->message));
	session_reply_error(s, "io.kprobed.Symbols.InvalidPattern", p);
}

static const char *answer_text(enum probeable_answer answer)
{
	return answer == PROBEABLE_YES ? "true" : answer == PROBEABLE_NO ? "false" : "null";
}

/* Names and modules of a snapshot go into JSON as they are. */
static void write_symbol(const struct lookup *l, const struct symbols *s,
			 const struct function_lists *lists, uint32_t index, FILE *f)
{
	struct probeable p;
	struct symbol symbol;

	symbols_get(s, index, &symbol);
	probeable_check(s, lists, index, 0, &p);
	fprintf(f, "{\"name\":\"%s\",\"module\":", symbol.name);
	if (symbol.module)
		fprintf(f, "\"%s\"", symbol.module);
	else
		fputs("null", f);
	fprintf(f, ",\"type\":\"%c\",\"address\":", symbol.type);
	if (l->sees_addresses)
		fprintf(f, "\"0x%" PRIx64 "\"", symbol.address);
	else
		fputs("null", f);
	if (symbol.size)
		fprintf(f, ",\"size\":%" PRIu64, symbol.size);
	else
		fputs(",\"size\":null", f);
	fprintf(f, ",\"probeable\":%s,\"reason\":", answer_text(p.answer));
	if (p.reason)
		fprintf(f, "\"%s\"}", p.reason);
	else
		fputs("null}", f);
}

static int write_replies(struct lookup *l, const struct symbols *s,
			 const struct function_lists *lists, const struct symbol_matches *m)
{
	const uint32_t page = l->has_pages ? FIND_PAGE : FIND_MAX;
	FILE *f = open_memstream(&l->text, &l->text_len);
	uint32_t i = 0;
	bool is_last;

	if (!f)
		return -ENOMEM;
	do {
		is_last = m->n - i <= page;
		fputs("{\"parameters\":{\"symbols\":[", f);
		for (uint32_t k = 0; k < page && i < m->n; k++, i++) {
			if (k)
				fputc(',', f);
			write_symbol(l, s, lists, m->indexes[i], f);
		}
		if (is_last)
			fprintf(f, "],\"total\":%u}}", m->total);
		else
			fputs("],\"total\":null},\"continues\":true}", f);
		fputc('\0', f);
	} while (!is_last);
	if (ferror(f)) {
		fclose(f);
		return -ENOMEM;
	}
	return fclose(f) == 0 ? 0 : -ENOMEM;
}

static void run_find(struct control_op *op)
{
	struct lookup *l = (struct lookup *)op;
	const struct symbols *s = get_symbols(l);
	struct symbol_matches m = {0};
	const struct function_lists *lists;

	if (!s)
		return;
	lists = knowledge_lists(l->server->knowledge);
	l->result = symbol_query_run(l->query, s, lists, &m, &l->error);
	if (l->result == 0)
		l->result = write_replies(l, s, lists, &m);
	free(m.indexes);
}

static void done_find(struct control_op *op)
{
	struct lookup *l = (struct lookup *)op;
	struct session *s = session_find(l->server, l->session);

	if (s && !s->is_closing) {
		if (l->result < 0) {
			reply_failure(s, l);
		} else if (evbuffer_add(s->out, l->text, l->text_len) == 0) {
			session_finish(s);
		} else {
			rpc_reply_error(s, -ENOMEM, NULL);
		}
	}
	lookup_free(l);
}

static const char *text_of(struct json_object *parameters, const char *key)
{
	return json_object_get_string(json_object_object_get(parameters, key));
}

/* An optional number from @min to @max; false: answered. */
static bool read_number(struct session *s, struct json_object *parameters, const char *key,
			int64_t min, int64_t max, int64_t *ret)
{
	struct json_object *value = json_object_object_get(parameters, key);
	struct kp_error e = KP_ERROR_INIT;

	if (!value)
		return true;
	*ret = json_object_get_int64(value);
	if (*ret >= min && *ret <= max)
		return true;
	rpc_reply_error(s, kp_error_set(&e, KP_INVALID_PARAMETER, EINVAL, key, "out of range"), &e);
	return false;
}

static void handle_find(struct session *s, struct json_object *parameters)
{
	struct json_object *probeable = json_object_object_get(parameters, "probeable");
	struct symbol_query_options o = {
		.pattern = text_of(parameters, "pattern"),
		.types = text_of(parameters, "type"),
		.module = text_of(parameters, "module"),
	};
	int64_t limit = FIND_DEFAULT, skip = 0;
	struct lookup *l;

	if (!read_number(s, parameters, "limit", 1, FIND_MAX, &limit) ||
	    !read_number(s, parameters, "skip", 0, UINT32_MAX, &skip))
		return;
	o.limit = (uint32_t)limit;
	o.skip = (uint32_t)skip;
	if (probeable)
		o.answers =
			1u << (json_object_get_boolean(probeable) ? PROBEABLE_YES : PROBEABLE_NO);
	l = lookup_new(s, run_find, done_find);
	if (!l) {
		rpc_reply_error(s, -ENOMEM, NULL);
		return;
	}
	l->has_pages = s->call.wants_more;
	l->result = symbol_query_new(&o, &l->query, &l->error);
	if (l->result < 0) {
		kp_error_quote(&l->error, o.pattern);
		reply_failure(s, l);
		lookup_free(l);
		return;
	}
	control_submit(s->server->knowledge_worker, &l->op);
}

static struct json_object *new_text(const char *text)
{
	return text && text[0] ? json_object_new_string(text) : NULL;
}

static struct json_object *symbol_to_json(const struct lookup *l, const struct symbols *s,
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
			       l->sees_addresses ? json_object_new_string(text) : NULL);
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

static struct json_object *variants_to_json(const struct lookup *l, const struct symbols *s,
					    const struct function_lists *lists)
{
	struct json_object *list = json_object_new_array();
	uint32_t found[DESCRIBE_MAX];
	size_t n = symbols_variants(s, l->symbol, snapshot_module(l->module), found, DESCRIBE_MAX);

	for (size_t i = 0; i < n && i < DESCRIBE_MAX; i++)
		json_object_array_add(list, symbol_to_json(l, s, lists, found[i], 0));
	return list;
}

/* The symbols of that name in one reply; NULL: there is none. */
static struct json_object *named_to_json(const struct lookup *l, const struct symbols *s,
					 const struct function_lists *lists)
{
	struct json_object *list = NULL;
	uint32_t cursor = SYMBOL_NONE, i;
	size_t n = 0;

	while (n < DESCRIBE_MAX && (i = symbols_next_named(s, l->symbol, snapshot_module(l->module),
							   &cursor)) != SYMBOL_NONE) {
		if (!list)
			list = json_object_new_array();
		json_object_array_add(list, symbol_to_json(l, s, lists, i, l->offset));
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
static size_t other_modules(const struct lookup *l, const struct symbols *s, const char **ret,
			    size_t max)
{
	uint32_t cursor = SYMBOL_NONE, i;
	size_t n = 0;

	while (n < max && (i = symbols_next_named(s, l->symbol, NULL, &cursor)) != SYMBOL_NONE) {
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

static void describe_missing(struct lookup *l, const struct symbols *s)
{
	const char *similar[2 * SIMILAR_MAX], *modules[SIMILAR_MAX], *variants[SIMILAR_MAX];
	const char *reason, *in = l->module ? " in " : "", *module = l->module ? l->module : "";
	size_t n_similar, n_modules, n_variants;
	struct json_object *p = json_object_new_object();
	uint32_t found[SIMILAR_MAX];
	char message[1024];

	n_modules = other_modules(l, s, modules, SIMILAR_MAX);
	n_variants = symbols_variants(s, l->symbol, snapshot_module(l->module), found, SIMILAR_MAX);
	n_variants = n_variants < SIMILAR_MAX ? n_variants : SIMILAR_MAX;
	for (size_t i = 0; i < n_variants; i++)
		variants[i] = symbols_name(s, found[i]);
	n_similar = symbols_similar(s, l->symbol, similar, SIMILAR_MAX);
	n_similar = symbols_prefixed(s, l->symbol, similar, n_similar, n_similar + SIMILAR_MAX);

	if (n_variants) {
		reason = "renamed";
		snprintf(message, sizeof(message),
			 "the compiler has made something else of %s%s%s: %s", l->symbol, in,
			 module, variants[0]);
	} else if (l->module && snapshot_module(l->module)[0] && !symbols_has_module(s, module)) {
		reason = "moduleNotLoaded";
		snprintf(message, sizeof(message), "the module %s is not loaded", module);
	} else if (n_modules) {
		reason = "otherModule";
		snprintf(message, sizeof(message), "%s is not in %s, but in %s", l->symbol, module,
			 modules[0]);
	} else {
		reason = "notFound";
		snprintf(
			message, sizeof(message),
			"the kernel has no symbol called %s%s%s: it is not built in, its module is "
			"not loaded, or it is inlined wherever it is called",
			l->symbol, in, module);
	}
	json_object_object_add(p, "symbol", json_object_new_string(l->symbol));
	json_object_object_add(p, "reason", json_object_new_string(reason));
	json_object_object_add(p, "similar", names_to_json(similar, n_similar));
	json_object_object_add(p, "variants", names_to_json(variants, n_variants));
	json_object_object_add(p, "modules", names_to_json(modules, n_modules));
	json_object_object_add(p, "message", json_object_new_string(message));
	l->reply = p;
	l->error_name = "io.kprobed.Symbols.NoSuchSymbol";
}

static void run_describe(struct control_op *op)
{
	struct lookup *l = (struct lookup *)op;
	const struct symbols *s = get_symbols(l);
	const struct function_lists *lists;
	struct json_object *symbols;

	if (!s)
		return;
	lists = knowledge_lists(l->server->knowledge);
	l->result = 0;
	symbols = named_to_json(l, s, lists);
	if (!symbols) {
		describe_missing(l, s);
		return;
	}
	l->reply = json_object_new_object();
	json_object_object_add(l->reply, "name", json_object_new_string(l->symbol));
	json_object_object_add(l->reply, "symbols", symbols);
	json_object_object_add(l->reply, "variants", variants_to_json(l, s, lists));
	json_object_object_add(l->reply, "prototype", NULL);
	json_object_object_add(l->reply, "arguments", NULL);
	json_object_object_add(l->reply, "returns", NULL);
	/* BTF has no lines, and nothing else that the kernel shows has. */
	json_object_object_add(l->reply, "file", NULL);
}

static void done_describe(struct control_op *op)
{
	struct lookup *l = (struct lookup *)op;
	struct session *s = session_find(l->server, l->session);

	if (s && !s->is_closing) {
		if (l->result < 0)
			reply_failure(s, l);
		else if (l->error_name)
			session_reply_error(s, l->error_name, take_ptr(l->reply));
		else
			session_reply(s, take_ptr(l->reply), false);
	}
	lookup_free(l);
}

static void handle_describe(struct session *s, struct json_object *parameters)
{
	const char *symbol = text_of(parameters, "symbol");
	const char *module = text_of(parameters, "module");
	struct kp_error e = KP_ERROR_INIT;
	int64_t offset = 0;
	struct lookup *l;

	if (symbol[0] == '\0' || strlen(symbol) > SYMBOL_PATTERN_MAX)
		kp_error_set(&e, KP_INVALID_PARAMETER, EINVAL, "symbol", "no name");
	else if (module && strlen(module) > MODULE_MAX)
		kp_error_set(&e, KP_INVALID_PARAMETER, EINVAL, "module", "no name");
	if (e.code) {
		rpc_reply_error(s, -EINVAL, &e);
		return;
	}
	if (!read_number(s, parameters, "offset", 0, UINT32_MAX, &offset))
		return;
	l = lookup_new(s, run_describe, done_describe);
	if (l) {
		l->symbol = strdup(symbol);
		l->module = module ? strdup(module) : NULL;
		l->offset = (uint64_t)offset;
	}
	if (!l || !l->symbol || (module && !l->module)) {
		if (l)
			lookup_free(l);
		rpc_reply_error(s, -ENOMEM, NULL);
		return;
	}
	control_submit(s->server->knowledge_worker, &l->op);
}

const struct rpc_method rpc_symbols_methods[] = {
	{.name = "Disassemble", .permission = MAY_ADD, .is_query = true, .handle = rpc_disassemble},
	{.name = "Find", .permission = MAY_OBSERVE, .is_query = true, .handle = handle_find},
	{.name = "Describe",
	 .permission = MAY_OBSERVE,
	 .is_query = true,
	 .handle = handle_describe},
	{0},
};
