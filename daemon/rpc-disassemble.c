/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Symbols.Disassemble, from the request to the worker and back. See rpc.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>
#include <utlist.h>

#include "disassemble.h"
#include "rpc.h"

struct disassemble_op {
	struct control_op op;
	struct server *server; /* borrowed (outlives the worker) */
	uint64_t session;
	struct disassembly d;
	struct kp_error error;
	int result;
};

static void add_text(struct json_object *o, const char *key, const char *text)
{
	json_object_object_add(o, key, text ? json_object_new_string(text) : NULL);
}

static void add_int(struct json_object *o, const char *key, uint64_t value)
{
	json_object_object_add(o, key, json_object_new_int64((int64_t)value));
}

static void add_bytes(struct json_object *o, const char *key, const uint8_t *bytes, size_t n)
{
	char text[2 * DISASM_BYTES_MAX + 1] = "";

	for (size_t i = 0; i < n; i++)
		snprintf(text + 2 * i, 3, "%02x", bytes[i]);
	add_text(o, key, n ? text : NULL);
}

static struct json_object *address_to_json(uint64_t address)
{
	char text[24];

	snprintf(text, sizeof(text), "0x%016llx", (unsigned long long)address);
	return json_object_new_string(text);
}

static struct json_object *probes_to_json(const struct disassembly *d,
					  const struct disassemble_row *row)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < row->n_probes; i++) {
		const struct disassemble_probe *p = &d->probes[row->probes[i]];
		struct json_object *o = json_object_new_object();

		add_text(o, "name", p->name);
		add_text(o, "kind", p->is_return ? "return" : "probe");
		json_object_object_add(o, "foreign", json_object_new_boolean(p->is_foreign));
		json_object_array_add(list, o);
	}
	return list;
}

static struct json_object *row_to_json(const struct disassembly *d,
				       const struct disassemble_row *row)
{
	struct json_object *o = json_object_new_object();

	add_int(o, "offset", row->offset);
	add_bytes(o, "bytes", row->bytes, row->size);
	add_text(o, "text", row->text);
	add_text(o, "target", row->target);
	add_text(o, "refers", row->refers);
	json_object_object_add(o, "probeable", json_object_new_boolean(!row->reason));
	add_text(o, "reason", row->reason);
	add_text(o, "method", text_patch_method(row->how));
	add_bytes(o, "live", row->live, row->n_live);
	json_object_object_add(o, "probes", probes_to_json(d, row));
	return o;
}

static struct json_object *answer_to_json(const struct disassembly *d)
{
	struct json_object *o = json_object_new_object(), *rows = json_object_new_array();
	struct json_object *others = json_object_new_array();

	for (size_t i = 0; i < d->n_rows; i++)
		json_object_array_add(rows, row_to_json(d, &d->rows[i]));
	for (size_t i = 0; i < d->n_others; i++)
		json_object_array_add(others, address_to_json(d->others[i]));
	add_text(o, "symbol", d->found);
	add_text(o, "module", d->found_module);
	json_object_object_add(o, "address", address_to_json(d->address));
	add_int(o, "size", d->size);
	json_object_object_add(o, "others", others);
	json_object_object_add(o, "instructions", rows);
	json_object_object_add(o, "nextOffset", d->is_cut ? json_object_new_int64(d->next) : NULL);
	return o;
}

/* Main thread: the registry as it is when the turn comes. */
static bool plan(struct control_op *op)
{
	struct disassemble_op *o = (struct disassemble_op *)op;
	const struct probe *p;
	int r;

	if (!o->server->probes)
		return true;
	DL_FOREACH (probe_set_registry(o->server->probes)->all, p) {
		if (!p->owners)
			continue;
		r = disassembly_note(&o->d, p);
		if (r < 0) {
			o->result = r;
			return false;
		}
	}
	return true;
}

static void run(struct control_op *op)
{
	struct disassemble_op *o = (struct disassemble_op *)op;
	struct server *server = o->server;

	if (!server->disassembler)
		o->result = disassembler_new(&server->disassembler);
	if (server->disassembler)
		o->result =
			disassembly_run(server->disassembler, server->knowledge, &o->d, &o->error);
}

static void done(struct control_op *op)
{
	struct disassemble_op *o = (struct disassemble_op *)op;
	struct session *s = session_find(o->server, o->session);

	if (s && !s->is_closing) {
		if (o->result < 0)
			rpc_reply_error(s, o->result, &o->error);
		else
			session_reply(s, answer_to_json(&o->d), false);
	}
	disassembly_done(&o->d);
	free(o);
}

/* Optional numbers that must not be negative. */
static int read_number(struct json_object *parameters, const char *name, uint64_t *ret,
		       struct kp_error *reterr)
{
	struct json_object *value = json_object_object_get(parameters, name);
	int64_t number = value ? json_object_get_int64(value) : 0;

	if (number < 0)
		return kp_error_set(reterr, KP_INVALID_PARAMETER, EINVAL, name,
				    "%s must not be negative", name);
	*ret = (uint64_t)number;
	return 0;
}

static int read_parameters(struct json_object *parameters, struct disassembly *d,
			   struct kp_error *reterr)
{
	struct json_object *module = json_object_object_get(parameters, "module");
	int r;

	d->symbol = strdup(json_object_get_string(json_object_object_get(parameters, "symbol")));
	d->module = module ? strdup(json_object_get_string(module)) : NULL;
	if (!d->symbol || (module && !d->module))
		return -ENOMEM;
	r = read_number(parameters, "offset", &d->offset, reterr);
	if (r == 0)
		r = read_number(parameters, "length", &d->length, reterr);
	return r;
}

void rpc_disassemble(struct session *s, struct json_object *parameters)
{
	struct disassemble_op *o;
	int r;

	if (!s->server->text) {
		rpc_reply_error(s, -s->server->no_text.err, &s->server->no_text);
		return;
	}
	o = calloc(1, sizeof(*o));
	if (!o) {
		rpc_reply_error(s, -ENOMEM, NULL);
		return;
	}
	o->op = (struct control_op){.plan = plan, .run = run, .done = done};
	o->server = s->server;
	o->session = s->who.session;
	o->error = KP_ERROR_INIT;
	o->result = -ESHUTDOWN; /* until it has run */
	o->d.text = s->server->text;
	r = read_parameters(parameters, &o->d, &o->error);
	if (r < 0) {
		rpc_reply_error(s, r, &o->error);
		disassembly_done(&o->d);
		free(o);
		return;
	}
	control_submit(s->server->knowledge_worker, &o->op);
}
