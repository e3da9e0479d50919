/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * io.kprobed.Symbols: what its methods share, and Find. See rpc.h.
 *
 * They are operations of the knowledge worker: it looks things up and makes the whole answer, so
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
#include "rpc-lookup.h"
#include "symbol-query.h"

/* Symbols in one reply of Find with more, in all replies when nothing is said, and at most. */
#define FIND_PAGE    256
#define FIND_DEFAULT 1000
#define FIND_MAX     20000

struct find {
	struct lookup lookup;
	struct symbol_query *query; /* owned */
	bool has_pages;
	char *text; /* owned: all replies, each with its NUL */
	size_t text_len;
};

void lookup_init(struct lookup *l, struct session *s, void (*run)(struct control_op *op),
		 void (*done)(struct control_op *op))
{
	l->op = (struct control_op){.run = run, .done = done};
	l->server = s->server;
	l->session = s->who.session;
	l->sees_addresses = s->permissions & MAY_ADD;
	l->error = KP_ERROR_INIT;
	l->result = -ESHUTDOWN;
}

const struct symbols *lookup_symbols(struct lookup *l)
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

struct session *lookup_session(const struct lookup *l)
{
	struct session *s = session_find(l->server, l->session);

	return s && !s->is_closing ? s : NULL;
}

void lookup_reply_failure(struct session *s, const struct lookup *l)
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

static int write_replies(struct find *l, const struct symbols *s,
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
			write_symbol(&l->lookup, s, lists, m->indexes[i], f);
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

static void find_free(struct find *l)
{
	if (l->query)
		symbol_query_free(l->query);
	free(l->text);
	free(l);
}

static void run_find(struct control_op *op)
{
	struct find *l = (struct find *)op;
	const struct symbols *s = lookup_symbols(&l->lookup);
	struct symbol_matches m = {0};
	const struct function_lists *lists;
	int r;

	if (!s)
		return;
	lists = knowledge_lists(l->lookup.server->knowledge);
	r = symbol_query_run(l->query, s, lists, &m, &l->lookup.error);
	if (r == 0)
		r = write_replies(l, s, lists, &m);
	free(m.indexes);
	l->lookup.result = r;
}

static void done_find(struct control_op *op)
{
	struct find *l = (struct find *)op;
	struct session *s = lookup_session(&l->lookup);

	if (s && l->lookup.result < 0)
		lookup_reply_failure(s, &l->lookup);
	else if (s && evbuffer_add(s->out, l->text, l->text_len) < 0)
		rpc_reply_error(s, -ENOMEM, NULL);
	else if (s)
		session_finish(s);
	find_free(l);
}

static const char *text_of(struct json_object *parameters, const char *key)
{
	return json_object_get_string(json_object_object_get(parameters, key));
}

bool lookup_read_number(struct session *s, struct json_object *parameters, const char *key,
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
	struct find *l;

	if (!lookup_read_number(s, parameters, "limit", 1, FIND_MAX, &limit) ||
	    !lookup_read_number(s, parameters, "skip", 0, UINT32_MAX, &skip))
		return;
	o.limit = (uint32_t)limit;
	o.skip = (uint32_t)skip;
	if (probeable)
		o.answers =
			1u << (json_object_get_boolean(probeable) ? PROBEABLE_YES : PROBEABLE_NO);
	l = calloc(1, sizeof(*l));
	if (!l) {
		rpc_reply_error(s, -ENOMEM, NULL);
		return;
	}
	lookup_init(&l->lookup, s, run_find, done_find);
	l->has_pages = s->call.wants_more;
	l->lookup.result = symbol_query_new(&o, &l->query, &l->lookup.error);
	if (l->lookup.result < 0) {
		kp_error_quote(&l->lookup.error, o.pattern);
		lookup_reply_failure(s, &l->lookup);
		find_free(l);
		return;
	}
	control_submit(s->server->knowledge_worker, &l->lookup.op);
}

const struct rpc_method rpc_symbols_methods[] = {
	{.name = "Disassemble", .permission = MAY_ADD, .is_query = true, .handle = rpc_disassemble},
	{.name = "Find", .permission = MAY_OBSERVE, .is_query = true, .handle = handle_find},
	{.name = "Describe", .permission = MAY_OBSERVE, .is_query = true, .handle = rpc_describe},
	{0},
};
