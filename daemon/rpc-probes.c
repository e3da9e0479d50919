/* SPDX-License-Identifier: GPL-2.0-or-later */
/* io.kprobed.Probes. See rpc.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>
#include <utlist.h>

#include "cleanup.h"
#include "log.h"
#include "rpc-hist.h"
#include "rpc-probe-json.h"
#include "rpc-spec.h"
#include "rpc.h"
#include "strutil.h"
#include "subscription.h"

/* Probes in one reply of List. */
#define LIST_PAGE 64

/* A request whose answer comes later, when its session may be gone. */
struct pending {
	struct server *server;
	uint64_t session;
	bool is_dry_run;
	uint64_t position;	       /* Add: where the log ended when it was asked for */
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

static void on_added(int r, const struct kp_error *error, struct probe *const *probes, size_t n,
		     const struct resolve *resolved, void *data)
{
	struct pending *pending = data;
	struct server *server = pending->server;
	bool is_dry_run = pending->is_dry_run;
	char cursor[CURSOR_TEXT_MAX];
	struct json_object *reply, *list;
	struct session *s;

	cursor_format(server->log, pending->position, cursor);
	s = pending_end(pending);

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
	json_object_object_add(reply, "skipped", rpc_skips_to_json(resolved));
	json_object_object_add(reply, "skippedCount",
			       json_object_new_int64((int64_t)resolved->n_skipped));
	if (!is_dry_run)
		json_object_object_add(reply, "cursor", json_object_new_string(cursor));
	session_reply(s, reply, false);
}

/* What one histogram may take of the kernel's memory. */
static int check_histogram(const struct session *s, const struct probe_spec *spec,
			   struct kp_error *e)
{
	unsigned int limit = s->server->config->limits.histogram_counts;

	if (!spec->hist || hist_spec_counts(spec->hist) <= limit)
		return 0;
	e->value = limit;
	return kp_error_set(e, KP_LIMIT_REACHED, EDQUOT, "histogram-counts",
			    "a histogram may have %u counts, which are its buckets times its keys",
			    limit);
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
		if (r == 0)
			r = check_histogram(s, &specs[i], &e);
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
	pending->is_dry_run = is_dry_run;
	pending->position = event_log_next(s->server->log);
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
		json_object_array_add(list, rpc_foreign_to_json(&foreign->probes[i]));
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

			json_object_object_add(o, "change",
					       json_object_new_string(change_names[change]));
			json_object_object_add(o, "probe", rpc_probe_to_json(server, probe));
			json_object_object_add(o, "by", by ? rpc_owner_to_json(by) : NULL);
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
	{.name = "Histogram",
	 .permission = MAY_OBSERVE,
	 .needs_probes = true,
	 .handle = rpc_probes_histogram},
	{.name = "Watch",
	 .permission = MAY_OBSERVE,
	 .needs_more = true,
	 .needs_probes = true,
	 .handle = handle_watch},
	{0},
};
