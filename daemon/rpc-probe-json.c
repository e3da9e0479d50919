/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See rpc-probe-json.h. */
#include "rpc-probe-json.h"

#include <json-c/json.h>
#include <utlist.h>

#include "plant.h"
#include "rpc-ledger.h"
#include "rpc-hist.h"
#include "rpc.h"
#include "tracefs.h"

static struct json_object *new_text(const char *text)
{
	return text ? json_object_new_string(text) : NULL;
}

struct json_object *rpc_owner_to_json(const struct requester *who)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "uid", json_object_new_int64(who->uid));
	json_object_object_add(o, "pid", json_object_new_int64(who->pid));
	json_object_object_add(o, "comm", json_object_new_string(who->comm));
	return o;
}

static void add_owners(struct json_object *o, const struct probe *p)
{
	struct json_object *list = json_object_new_array();
	const struct probe_owner *owner;

	DL_FOREACH (p->owners, owner) {
		json_object_array_add(list, rpc_owner_to_json(&owner->who));
	}
	json_object_object_add(o, "owner", p->owners ? rpc_owner_to_json(&p->owners->who) : NULL);
	json_object_object_add(o, "owners", list);
}

/* As long as its longest-lived owner. */
static const char *lifetime_of(const struct probe *p)
{
	const struct probe_owner *o;

	DL_FOREACH (p->owners, o) {
		if (o->lifetime == LIFETIME_DAEMON)
			return "daemon";
	}
	return "connection";
}

/* What was only checked has no event of its own any more: as it would be, but for a number. */
static struct json_object *kernel_line_to_json(const struct probe *p)
{
	_cleanup_free_ char *line = NULL;

	/* One that waits has none before its module is there. */
	if (p->spec.waits || p->helper.is_used)
		return NULL;
	if (plant_format_line(p, p->is_temporary ? p->name : p->event, &line) < 0)
		return NULL;
	return json_object_new_string(line);
}

/* How many calls it can follow at once; NULL for one that follows none. */
static struct json_object *maxactive_to_json(const struct probe *p)
{
	unsigned int n = p->maxactive	       ? p->maxactive
			 : p->helper.maxactive ? p->helper.maxactive
					       : p->spec.maxactive;

	if (!probe_kind_maxactive(p->spec.kind))
		return NULL;
	return json_object_new_int64(n ? n : probe_default_maxactive());
}

static struct json_object *new_count(const struct probe *p, uint64_t n)
{
	return p->helper.is_used ? json_object_new_int64((int64_t)n) : NULL;
}

/* Of a probe of the helper module. */
static void add_counters(struct json_object *o, const struct probe *p)
{
	const struct kprobed_counters *c = &p->counters;

	json_object_object_add(o, "filtered", new_count(p, c->filtered));
	json_object_object_add(o, "inFlight", new_count(p, c->in_flight));
	/* One of tracefs that has no instances is missed in one way only. */
	if (p->type && p->spec.kind == PROBE_ENTRY) {
		json_object_object_add(o, "missedInstance", json_object_new_int64(0));
		json_object_object_add(
			o, "missedRecursion",
			json_object_new_int64((int64_t)(p->missed - p->missed_base)));
		return;
	}
	json_object_object_add(o, "missedInstance", new_count(p, c->missed_instance));
	json_object_object_add(o, "missedRecursion",
			       new_count(p, c->missed_recursion + c->dropped));
}

static const char *event_of(const struct probe *p)
{
	if (p->is_temporary)
		return "";
	return p->helper.is_used ? PLANT_HIT_EVENT : p->event;
}

struct json_object *rpc_probe_to_json(const struct server *server, const struct probe *p)
{
	const struct log_source *source = event_log_source(server->log, p->source);
	struct json_object *o = json_object_new_object(), *notes;
	bool is_planted = !p->is_temporary;
	uint64_t recorded = source ? source->events - p->events_base : 0;

	json_object_object_add(o, "id", new_text(is_planted ? p->id_text : ""));
	json_object_object_add(o, "name", new_text(p->name));
	json_object_object_add(o, "definition", new_text(p->definition));
	json_object_object_add(o, "kind", new_text(probe_kind_name(p->spec.kind)));
	json_object_object_add(o, "symbol", new_text(p->spec.symbol ? p->spec.symbol : p->site));
	json_object_object_add(o, "site", new_text(p->site));
	json_object_object_add(o, "state", new_text(probe_state(p)));
	json_object_object_add(o, "method", new_text(probe_method(p)));
	json_object_object_add(o, "lifetime", new_text(lifetime_of(p)));
	add_owners(o, p);
	json_object_object_add(o, "hits", json_object_new_int64((int64_t)(p->hits - p->hits_base)));
	json_object_object_add(o, "missed",
			       json_object_new_int64((int64_t)(p->missed - p->missed_base)));
	json_object_object_add(o, "recorded", json_object_new_int64((int64_t)recorded));
	add_counters(o, p);
	rpc_ledger_add_probe(o, server, p);
	json_object_object_add(o, "maxactive", maxactive_to_json(p));
	json_object_object_add(o, "autoMaxactive", json_object_new_boolean(p->spec.auto_maxactive));
	json_object_object_add(o, "event", new_text(event_of(p)));
	json_object_object_add(o, "group", new_text(TRACEFS_GROUP));
	json_object_object_add(o, "filter", new_text(p->spec.filter));
	json_object_object_add(o, "histogram", rpc_hist_spec_to_json(p->spec.hist));
	json_object_object_add(o, "stack", json_object_new_boolean(p->spec.stack));
	json_object_object_add(o, "foreign", json_object_new_boolean(false));
	json_object_object_add(o, "createdUsec", json_object_new_int64((int64_t)p->created_usec));
	json_object_object_add(o, "kernelLine", kernel_line_to_json(p));
	notes = rpc_lines_to_json(p->spec.notes);
	if (p->trouble)
		json_object_array_add(notes, json_object_new_string(p->trouble));
	json_object_object_add(o, "notes", notes);
	return o;
}

struct json_object *rpc_skips_to_json(const struct resolve *resolved)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < resolved->n_skips; i++) {
		const struct resolve_skip *skip = &resolved->skips[i];
		struct json_object *o = json_object_new_object();

		json_object_object_add(o, "symbol", new_text(skip->symbol));
		json_object_object_add(o, "reason", new_text(skip->reason));
		json_object_object_add(o, "probe", json_object_new_int(skip->probe));
		json_object_array_add(list, o);
	}
	return list;
}

struct json_object *rpc_foreign_to_json(const struct foreign_probe *p)
{
	struct json_object *o = json_object_new_object();
	bool is_return = p->kind == 'r';

	json_object_object_add(o, "id", new_text(""));
	json_object_object_add(o, "name", new_text(p->event));
	json_object_object_add(o, "definition", new_text(p->definition));
	json_object_object_add(o, "kind", new_text(is_return ? "return" : "probe"));
	json_object_object_add(o, "symbol",
			       json_object_new_string_len(p->site, (int)strcspn(p->site, "+")));
	json_object_object_add(o, "site", new_text(p->site));
	json_object_object_add(o, "state", new_text(p->is_enabled ? "enabled" : "disabled"));
	json_object_object_add(o, "method", NULL);
	json_object_object_add(o, "lifetime", new_text("daemon"));
	json_object_object_add(o, "owner", NULL);
	json_object_object_add(o, "owners", json_object_new_array());
	json_object_object_add(o, "hits", json_object_new_int64((int64_t)p->hits));
	json_object_object_add(o, "missed", json_object_new_int64((int64_t)p->missed));
	json_object_object_add(o, "recorded", json_object_new_int64(0));
	add_counters(o, &(struct probe){0});
	json_object_object_add(o, "unrecorded", json_object_new_int64(0));
	json_object_object_add(o, "overrun", NULL);
	json_object_object_add(o, "advice", json_object_new_array());
	json_object_object_add(o, "maxactive",
			       is_return ? json_object_new_int64(p->maxactive) : NULL);
	json_object_object_add(o, "autoMaxactive", json_object_new_boolean(false));
	json_object_object_add(o, "event", new_text(p->event));
	json_object_object_add(o, "group", new_text(p->group));
	json_object_object_add(o, "filter", NULL);
	json_object_object_add(o, "histogram", NULL);
	json_object_object_add(o, "stack", json_object_new_boolean(false));
	json_object_object_add(o, "foreign", json_object_new_boolean(true));
	json_object_object_add(o, "createdUsec", NULL);
	json_object_object_add(o, "kernelLine", new_text(p->definition));
	json_object_object_add(o, "notes", json_object_new_array());
	return o;
}
