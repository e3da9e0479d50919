/* SPDX-License-Identifier: GPL-2.0-or-later */
/* io.kprobed.Probes. See rpc.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <json-c/json.h>
#include <utlist.h>

#include "cleanup.h"
#include "log.h"
#include "plant.h"
#include "rpc-spec.h"
#include "rpc.h"
#include "strutil.h"
#include "tracefs.h"

/* Probes in one reply of List. */
#define LIST_PAGE 64

/* A request whose answer comes later, when its session may be gone. */
struct pending {
	struct server *server;
	uint64_t session;
	struct json_object *selection; /* List: owned, NULL: everything */
};

static struct pending *pending_new(struct session *s)
{
	struct pending *p = calloc(1, sizeof(*p));

	if (!p) {
		rpc_reply_error(s, -ENOMEM, NULL);
		return NULL;
	}
	p->server = s->server;
	p->session = s->who.session;
	return p;
}

/* The session, if it is still there; @p is freed. */
static struct session *pending_end(struct pending *p)
{
	struct session *s = session_find(p->server, p->session);

	json_object_put(p->selection);
	free(p);
	return s && !s->is_closing ? s : NULL;
}

static struct json_object *new_text(const char *text)
{
	return text ? json_object_new_string(text) : NULL;
}

static struct json_object *owner_to_json(const struct requester *who)
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
		json_object_array_add(list, owner_to_json(&owner->who));
	}
	json_object_object_add(o, "owner", p->owners ? owner_to_json(&p->owners->who) : NULL);
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

	if (plant_format_line(p, p->is_temporary ? p->name : p->event, &line) < 0)
		return NULL;
	return json_object_new_string(line);
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
	json_object_object_add(o, "kind",
			       new_text(p->spec.kind == PROBE_RETURN ? "return" : "probe"));
	json_object_object_add(o, "symbol", new_text(p->spec.symbol ? p->spec.symbol : p->site));
	json_object_object_add(o, "site", new_text(p->site));
	json_object_object_add(o, "state", new_text(probe_state(p)));
	json_object_object_add(o, "method", new_text(p->method));
	json_object_object_add(o, "lifetime", new_text(lifetime_of(p)));
	add_owners(o, p);
	json_object_object_add(o, "hits", json_object_new_int64((int64_t)(p->hits - p->hits_base)));
	json_object_object_add(o, "missed",
			       json_object_new_int64((int64_t)(p->missed - p->missed_base)));
	json_object_object_add(o, "recorded", json_object_new_int64((int64_t)recorded));
	json_object_object_add(o, "maxactive",
			       p->spec.kind == PROBE_RETURN
				       ? json_object_new_int64(p->spec.maxactive
								       ? p->spec.maxactive
								       : probe_default_maxactive())
				       : NULL);
	json_object_object_add(o, "event", new_text(is_planted ? p->event : ""));
	json_object_object_add(o, "group", new_text(TRACEFS_GROUP));
	json_object_object_add(o, "filter", new_text(p->spec.filter));
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

static struct json_object *skips_to_json(const struct resolve *resolved)
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

static void on_added(int r, const struct kp_error *error, struct probe *const *probes, size_t n,
		     const struct resolve *resolved, void *data)
{
	struct pending *pending = data;
	struct server *server = pending->server;
	struct session *s = pending_end(pending);
	struct json_object *reply, *list;

	if (!s)
		return;
	if (r < 0) {
		struct kp_error e = error ? *error : KP_ERROR_INIT;

		rpc_reply_error(s, r, &e);
		return;
	}
	list = json_object_new_array();
	for (size_t i = 0; i < n; i++)
		json_object_array_add(list, rpc_probe_to_json(server, probes[i]));
	reply = json_object_new_object();
	json_object_object_add(reply, "probes", list);
	json_object_object_add(reply, "skipped", skips_to_json(resolved));
	json_object_object_add(reply, "skippedCount",
			       json_object_new_int64((int64_t)resolved->n_skipped));
	session_reply(s, reply, false);
}

static void add(struct session *s, struct json_object *parameters, bool is_dry_run)
{
	struct json_object *list = json_object_object_get(parameters, "probes");
	struct json_object *lifetime = json_object_object_get(parameters, "lifetime");
	size_t n = json_object_array_length(list);
	bool is_daemon = lifetime && strcmp(json_object_get_string(lifetime), "daemon") == 0;
	struct kp_error e = KP_ERROR_INIT;
	struct probe_spec *specs;
	struct pending *pending;
	int r = 0;

	if (n > s->server->config->limits.probes_per_request) {
		kp_error_set(&e, KP_LIMIT_REACHED, EDQUOT, "probes-per-request",
			     "one request may have %u probes at most",
			     s->server->config->limits.probes_per_request);
		e.value = s->server->config->limits.probes_per_request;
		rpc_reply_error(s, -EDQUOT, &e);
		return;
	}
	specs = calloc(n ? n : 1, sizeof(*specs));
	if (!specs) {
		rpc_reply_error(s, -ENOMEM, NULL);
		return;
	}
	for (size_t i = 0; i < n && r == 0; i++) {
		e.probe = (int)i;
		r = rpc_spec_read(json_object_array_get_idx(list, i), &specs[i], &e);
	}
	pending = r == 0 ? pending_new(s) : NULL;
	if (!pending) {
		for (size_t i = 0; i < n; i++)
			probe_spec_done(&specs[i]);
		free(specs);
		if (r < 0)
			rpc_reply_error(s, r, &e);
		return;
	}
	probe_set_add(s->server->probes, &s->who, specs, n,
		      is_daemon ? LIFETIME_DAEMON : LIFETIME_CONNECTION, is_dry_run, on_added,
		      pending);
}

static void handle_add(struct session *s, struct json_object *parameters)
{
	add(s, parameters, false);
}

static void handle_check(struct session *s, struct json_object *parameters)
{
	add(s, parameters, true);
}

static void on_acted(int r, const struct kp_error *error, struct probe *const *probes, size_t n,
		     void *data)
{
	struct session *s = pending_end(data);

	if (!s)
		return;
	if (r < 0)
		rpc_reply_error(s, r, error);
	else
		session_reply(s, NULL, false);
}

static void act(struct session *s, struct json_object *parameters, enum probe_action action)
{
	struct json_object *list = json_object_object_get(parameters, "probes");
	size_t n = json_object_array_length(list);
	_cleanup_free_ char **selectors = NULL;
	struct kp_error e = KP_ERROR_INIT;
	struct pending *pending;

	if (n > s->server->config->limits.selectors) {
		kp_error_set(&e, KP_LIMIT_REACHED, EDQUOT, "selectors",
			     "one request may have %u selectors at most",
			     s->server->config->limits.selectors);
		e.value = s->server->config->limits.selectors;
		rpc_reply_error(s, -EDQUOT, &e);
		return;
	}
	selectors = calloc(n ? n : 1, sizeof(*selectors));
	if (!selectors) {
		rpc_reply_error(s, -ENOMEM, NULL);
		return;
	}
	for (size_t i = 0; i < n; i++)
		selectors[i] = (char *)json_object_get_string(json_object_array_get_idx(list, i));
	pending = pending_new(s);
	if (pending)
		probe_set_act(s->server->probes, &s->who, action, selectors, n, on_acted, pending);
}

static void handle_remove(struct session *s, struct json_object *parameters)
{
	act(s, parameters, ACTION_REMOVE);
}

static void handle_enable(struct session *s, struct json_object *parameters)
{
	act(s, parameters, ACTION_ENABLE);
}

static void handle_disable(struct session *s, struct json_object *parameters)
{
	act(s, parameters, ACTION_DISABLE);
}

static const char *selector_at(struct json_object *selection, size_t i)
{
	return json_object_get_string(json_object_array_get_idx(selection, i));
}

static bool is_listed(const struct probe *p, struct json_object *selection)
{
	if (!selection)
		return true;
	for (size_t i = 0; i < json_object_array_length(selection); i++)
		if (probe_matches(p, selector_at(selection, i)))
			return true;
	return false;
}

/* Probes of others have a name and no id. */
static bool foreign_matches(const struct foreign_probe *p, const char *selector)
{
	return strcmp(p->event, selector) == 0 ||
	       (str_is_glob(selector) && str_glob_match(selector, p->event));
}

static bool is_foreign_listed(const struct foreign_probe *p, struct json_object *selection)
{
	if (!selection)
		return true;
	for (size_t i = 0; i < json_object_array_length(selection); i++)
		if (foreign_matches(p, selector_at(selection, i)))
			return true;
	return false;
}

/* The first selector that means no probe and is no glob; NULL: all mean something. */
static const char *find_missing(const struct registry *r, const struct foreign_list *foreign,
				struct json_object *selection)
{
	for (size_t i = 0; selection && i < json_object_array_length(selection); i++) {
		const char *text = selector_at(selection, i);
		bool is_found = str_is_glob(text);
		struct probe *p;

		DL_FOREACH (r->all, p) {
			is_found |= p->owners && probe_matches(p, text);
		}
		for (size_t k = 0; foreign && k < foreign->n; k++)
			is_found |= foreign_matches(&foreign->probes[k], text);
		if (!is_found)
			return text;
	}
	return NULL;
}

static struct json_object *foreign_to_json(const struct foreign_probe *p)
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
	json_object_object_add(o, "maxactive",
			       is_return ? json_object_new_int64(p->maxactive) : NULL);
	json_object_object_add(o, "event", new_text(p->event));
	json_object_object_add(o, "group", new_text(p->group));
	json_object_object_add(o, "filter", NULL);
	json_object_object_add(o, "stack", json_object_new_boolean(false));
	json_object_object_add(o, "foreign", json_object_new_boolean(true));
	json_object_object_add(o, "createdUsec", NULL);
	json_object_object_add(o, "kernelLine", new_text(p->definition));
	json_object_object_add(o, "notes", json_object_new_array());
	return o;
}

static void reply_list(struct session *s, struct json_object *list, bool continues)
{
	struct json_object *reply = json_object_new_object();

	json_object_object_add(reply, "probes", list);
	session_reply(s, reply, continues);
}

static void on_refreshed(int r, const struct foreign_list *foreign, void *data)
{
	struct pending *pending = data;
	struct server *server = pending->server;
	struct json_object *selection = json_object_get(pending->selection), *list;
	struct session *s = pending_end(pending);
	const struct registry *registry = probe_set_registry(server->probes);
	const char *missing = find_missing(registry, foreign, selection);
	struct kp_error e = KP_ERROR_INIT;
	struct probe *p;

	if (s && missing)
		r = kp_error_set(&e, KP_NO_SUCH_PROBE, ENOENT, missing,
				 "there is no probe called %s", missing);
	if (!s || r < 0) {
		if (s)
			rpc_reply_error(s, r, &e);
		json_object_put(selection);
		return;
	}
	list = json_object_new_array();
	DL_FOREACH (registry->all, p) {
		if (!p->owners || !is_listed(p, selection))
			continue;
		if (s->call.wants_more && json_object_array_length(list) == LIST_PAGE) {
			reply_list(s, list, true);
			list = json_object_new_array();
		}
		json_object_array_add(list, rpc_probe_to_json(server, p));
	}
	for (size_t i = 0; foreign && i < foreign->n; i++) {
		if (!is_foreign_listed(&foreign->probes[i], selection))
			continue;
		if (s->call.wants_more && json_object_array_length(list) == LIST_PAGE) {
			reply_list(s, list, true);
			list = json_object_new_array();
		}
		json_object_array_add(list, foreign_to_json(&foreign->probes[i]));
	}
	reply_list(s, list, false);
	json_object_put(selection);
}

static void handle_list(struct session *s, struct json_object *parameters)
{
	struct json_object *foreign = json_object_object_get(parameters, "foreign");
	struct pending *pending = pending_new(s);

	if (!pending)
		return;
	pending->selection = json_object_get(json_object_object_get(parameters, "probes"));
	probe_set_refresh(s->server->probes, foreign && json_object_get_boolean(foreign),
			  on_refreshed, pending);
}

static void handle_watch(struct session *s, struct json_object *parameters)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "change", NULL);
	json_object_object_add(o, "probe", NULL);
	json_object_object_add(o, "by", NULL);
	s->is_watching = true;
	session_reply(s, o, true);
}

static const char *const change_names[] = {
	[CHANGE_ADDED] = "added",	[CHANGE_REMOVED] = "removed", [CHANGE_ENABLED] = "enabled",
	[CHANGE_DISABLED] = "disabled", [CHANGE_JOINED] = "joined",   [CHANGE_LEFT] = "left",
	[CHANGE_GONE] = "gone",		[CHANGE_ARMED] = "armed",
};

/* The audit line: who did what to which probe. */
static void log_change(enum probe_change change, const struct probe *p, const struct requester *by)
{
	char name[96], action[48], definition[640], who[96];
	const char *fields[] = {name, action, definition, who, NULL};

	snprintf(name, sizeof(name), "KPROBED_PROBE=%s", p->name);
	snprintf(action, sizeof(action), "KPROBED_CHANGE=%s", change_names[change]);
	snprintf(definition, sizeof(definition), "KPROBED_DEFINITION=%.600s", p->definition);
	snprintf(who, sizeof(who), "KPROBED_UID=%d", by ? (int)by->uid : -1);
	if (by)
		log_fields(LOG_INFO, fields, "probe %s %s by %s (pid %d, uid %d): %.200s", p->name,
			   change_names[change], by->comm, by->pid, (int)by->uid, p->definition);
	else
		log_fields(change == CHANGE_ARMED ? LOG_INFO : LOG_WARNING, fields,
			   "probe %s is %s: %.200s", p->name, change_names[change], p->definition);
}

void rpc_probe_changed(struct server *server, enum probe_change change, const struct probe *probe,
		       const struct requester *by)
{
	struct session *s, *tmp;

	log_change(change, probe, by);
	HASH_ITER (hh, server->sessions, s, tmp) {
		if (s->is_closing)
			continue;
		if (change == CHANGE_ADDED && (s->subscriber || s->wakeup))
			rpc_subscription_add(s, probe);
		if (s->is_watching) {
			struct json_object *o = json_object_new_object();

			json_object_object_add(o, "change", new_text(change_names[change]));
			json_object_object_add(o, "probe", rpc_probe_to_json(server, probe));
			json_object_object_add(o, "by", by ? owner_to_json(by) : NULL);
			session_reply(s, o, true);
		}
	}
}

const struct rpc_method rpc_probes_methods[] = {
	{.name = "Add", .permission = MAY_ADD, .needs_probes = true, .handle = handle_add},
	{.name = "Check", .permission = MAY_ADD, .needs_probes = true, .handle = handle_check},
	{.name = "Remove", .permission = MAY_ADD, .needs_probes = true, .handle = handle_remove},
	{.name = "Enable", .permission = MAY_ADD, .needs_probes = true, .handle = handle_enable},
	{.name = "Disable", .permission = MAY_ADD, .needs_probes = true, .handle = handle_disable},
	{.name = "List", .permission = MAY_OBSERVE, .needs_probes = true, .handle = handle_list},
	{.name = "Watch",
	 .permission = MAY_OBSERVE,
	 .needs_more = true,
	 .needs_probes = true,
	 .handle = handle_watch},
	{0},
};
