/* SPDX-License-Identifier: GPL-2.0-or-later */
/* io.kprobed.Events. See rpc.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>
#include <utlist.h>

#include "cleanup.h"
#include "rpc-choice.h"
#include "rpc.h"
#include "strutil.h"

#define LATENCY_DEFAULT 100
#define LATENCY_MAX	10000
#define BATCH_DEFAULT	1024
#define BATCH_MAX	65536

/* Whether @selector means the source: by name, by glob, or by the id of its probe. */
static bool source_matches(const struct log_source *source, const char *selector)
{
	char id[24];

	if (source->kind != LOG_SOURCE_PROBE)
		return false;
	snprintf(id, sizeof(id), "%llu", (unsigned long long)source->tag);
	return strcmp(source->name, selector) == 0 || strcmp(id, selector) == 0 ||
	       (str_is_glob(selector) && str_glob_match(selector, source->name));
}

static int add_to_view(void *to, unsigned int slot)
{
	return subscription_add_source(to, slot);
}

static int add_to_subscriber(void *to, unsigned int slot)
{
	return subscriber_add_source(to, slot);
}

/* A ring's source stays when its instance has gone, for cursors. */
int rpc_select_sources(const struct event_log *log, char *const *selectors, size_t n,
		       int (*add)(void *to, unsigned int slot), void *to, bool needs_match,
		       struct kp_error *e)
{
	_cleanup_free_ bool *is_found = calloc(n + 1, sizeof(*is_found));
	int r = is_found ? add(to, LOG_SOURCE_GLOBAL) : -ENOMEM;

	for (unsigned int slot = 1; slot < event_log_source_limit() && r == 0; slot++) {
		const struct log_source *source = event_log_source(log, slot);
		bool is_wanted;

		if (!source)
			continue;
		is_wanted = n == 0 || source->kind == LOG_SOURCE_RING;
		for (size_t i = 0; i < n; i++)
			if (source_matches(source, selectors[i]))
				is_wanted = is_found[i] = true;
		if (is_wanted)
			r = add(to, slot);
	}
	for (size_t i = 0; i < n && r == 0 && needs_match; i++)
		if (!is_found[i] && !str_is_glob(selectors[i]))
			r = kp_error_set(e, KP_NO_SUCH_PROBE, ENOENT, selectors[i],
					 "there is no probe called %s", selectors[i]);
	return r;
}

static int check_range(struct json_object *parameters, const char *key, int64_t min, int64_t max,
		       int64_t fallback, int64_t *ret, struct kp_error *e)
{
	struct json_object *v = json_object_object_get(parameters, key);

	*ret = v ? json_object_get_int64(v) : fallback;
	if (*ret < min || *ret > max)
		return kp_error_set(e, KP_INVALID_PARAMETER, ERANGE, key, "%s must be %lld to %lld",
				    key, (long long)min, (long long)max);
	return 0;
}

static int read_cursor(const struct event_log *log, struct json_object *parameters,
		       uint64_t fallback, uint64_t *ret, struct kp_error *e)
{
	struct json_object *v = json_object_object_get(parameters, "cursor");
	const char *text;
	int r;

	*ret = fallback;
	if (!v)
		return 0;
	text = json_object_get_string(v);
	r = cursor_parse(log, text, ret);
	if (r == -ESTALE)
		return kp_error_set(e, KP_INVALID_CURSOR, ESTALE, text,
				    "the cursor is of another log: the one it was for is gone");
	if (r < 0)
		return kp_error_set(e, KP_INVALID_CURSOR, EINVAL, text, "this is no cursor");
	return 0;
}

static int check_selectors(const struct session *s, size_t n, struct kp_error *e)
{
	unsigned int limit = s->server->config->limits.selectors;

	if (n <= limit)
		return 0;
	kp_error_set(e, KP_LIMIT_REACHED, EDQUOT, "selectors",
		     "one request may have %u selectors at most", limit);
	e->value = limit;
	return -EDQUOT;
}

static int copy_selectors(struct session *s, struct json_object *list, struct kp_error *e)
{
	size_t n = json_object_array_length(list);
	int r = check_selectors(s, n, e);

	if (r < 0)
		return r;
	s->selectors = calloc(n ? n : 1, sizeof(*s->selectors));
	if (!s->selectors)
		return -ENOMEM;
	for (; s->n_selectors < n; s->n_selectors++) {
		struct json_object *v = json_object_array_get_idx(list, s->n_selectors);

		s->selectors[s->n_selectors] = strdup(json_object_get_string(v));
		if (!s->selectors[s->n_selectors])
			return -ENOMEM;
	}
	return 0;
}

static void drop_selectors(struct session *s)
{
	for (size_t i = 0; i < s->n_selectors; i++)
		free(s->selectors[i]);
	free(s->selectors);
	s->selectors = NULL;
	s->n_selectors = 0;
}

static void on_subscriber(enum subscriber_event event, void *data)
{
	struct session *s = data;

	if (event == SUBSCRIBER_FAILED)
		session_close(s);
	else
		event_add(s->writable, NULL);
}

/* Without a cursor only what is to come counts: a name must mean a probe that is there. */
static int check_live(const struct session *s, struct kp_error *e)
{
	const struct registry *r = probe_set_registry(s->server->probes);

	for (size_t i = 0; i < s->n_selectors; i++) {
		bool is_found = str_is_glob(s->selectors[i]);
		const struct probe *p;

		for (p = r->all; p; p = p->next)
			is_found |= p->owners && probe_matches(p, s->selectors[i]);
		if (!is_found)
			return kp_error_set(e, KP_NO_SUCH_PROBE, ENOENT, s->selectors[i],
					    "there is no probe called %s", s->selectors[i]);
	}
	return 0;
}

static int check_subscriptions(const struct server *server, struct kp_error *e)
{
	unsigned int limit = server->config->limits.subscriptions;

	if (delivery_count(server->delivery) + wakeups_count(server->wakeups) < limit)
		return 0;
	kp_error_set(e, KP_LIMIT_REACHED, EDQUOT, "subscriptions",
		     "there may be %u subscriptions at most", limit);
	e->value = limit;
	return -EDQUOT;
}

static int read_options(struct session *s, struct json_object *parameters,
			struct subscriber_options *options, struct kp_error *e)
{
	struct event_log *log = s->server->log;
	int64_t latency, batch;
	int r;

	r = check_range(parameters, "maxLatencyMs", 0, LATENCY_MAX, LATENCY_DEFAULT, &latency, e);
	if (r == 0)
		r = check_range(parameters, "maxBatch", 1, BATCH_MAX, BATCH_DEFAULT, &batch, e);
	if (r == 0)
		r = read_cursor(log, parameters, event_log_next(log), &options->position, e);
	if (r < 0)
		return r;
	options->max_latency_msec = (unsigned int)latency;
	options->max_batch = (unsigned int)batch;
	return 0;
}

/* Makes the subscriber; what it does not take over of @options and @choice stays theirs. */
static int make_subscriber(struct session *s, struct subscriber_options *options,
			   struct rpc_choice *choice, struct kp_error *e)
{
	int r = 0;

	options->sample = choice->sample;
	options->rate = choice->rate;
	options->fields = choice->fields;
	if (choice->filter)
		r = rpc_choice_view(s->server, choice, &options->view, e);
	if (r < 0)
		return r;
	r = subscriber_new(s->server->delivery, options, &s->subscriber);
	if (r < 0) {
		if (options->view)
			shared_view_unref(options->view);
		return r;
	}
	choice->fields = NULL;
	return 0;
}

static int subscribe(struct session *s, struct json_object *parameters, struct kp_error *e)
{
	struct event_log *log = s->server->log;
	struct rpc_choice choice = {0};
	struct subscriber_options options = {
		.fd = s->fd,
		.out = s->out,
		.on_event = on_subscriber,
		.data = s,
	};
	int r;

	r = check_subscriptions(s->server, e);
	if (r == 0)
		r = read_options(s, parameters, &options, e);
	if (r == 0)
		r = copy_selectors(s, json_object_object_get(parameters, "probes"), e);
	if (r == 0 && !json_object_object_get(parameters, "cursor"))
		r = check_live(s, e);
	if (r == 0 && rpc_memory_is_wanted(parameters)) {
		const struct memory_options memory = {options.position, options.max_latency_msec,
						      options.max_batch};

		return rpc_memory_subscribe(s, parameters, &memory, e);
	}
	if (r == 0)
		r = rpc_choice_read(s->server, parameters, s->selectors, s->n_selectors, &choice,
				    e);
	if (r == 0)
		r = make_subscriber(s, &options, &choice, e);
	rpc_choice_done(&choice);
	if (r == 0 && s->n_selectors)
		r = rpc_select_sources(log, s->selectors, s->n_selectors, add_to_subscriber,
				       s->subscriber, true, e);
	if (r == 0)
		r = delivery_greet(log, options.position, s->out);
	if (r < 0 && s->subscriber)
		s->subscriber = subscriber_free(s->subscriber);
	return r;
}

static void handle_subscribe(struct session *s, struct json_object *parameters)
{
	struct kp_error e = KP_ERROR_INIT;
	int r = subscribe(s, parameters, &e);

	if (r < 0) {
		drop_selectors(s);
		rpc_reply_error(s, r, &e);
		return;
	}
	session_flush(s);
	if (!s->is_closing && s->subscriber)
		subscriber_start(s->subscriber);
}

void rpc_subscription_add(struct session *s, const struct probe *p)
{
	for (size_t i = 0; i < s->n_selectors; i++) {
		if (!probe_matches(p, s->selectors[i]))
			continue;
		/* Without memory for it the stream would be silently incomplete. */
		if (s->wakeup) {
			if (rpc_memory_add(s, p) < 0)
				session_close(s);
			return;
		}
		if (subscriber_add_source(s->subscriber, p->source) < 0 ||
		    subscriber_add_source(s->subscriber, p->instance->source) < 0)
			session_close(s);
		return;
	}
}

static void handle_read(struct session *s, struct json_object *parameters)
{
	struct json_object *list = json_object_object_get(parameters, "probes");
	size_t n = list ? json_object_array_length(list) : 0;
	_cleanup_free_ char **selectors = calloc(n + 1, sizeof(*selectors));
	struct event_log *log = s->server->log;
	struct kp_error e = KP_ERROR_INIT;
	struct rpc_choice choice = {0};
	struct subscription view;
	uint64_t position;
	int64_t limit;
	int r;

	r = selectors ? check_range(parameters, "limit", 1, BATCH_MAX, BATCH_DEFAULT, &limit, &e)
		      : -ENOMEM;
	if (r == 0)
		r = check_selectors(s, n, &e);
	if (r == 0)
		r = read_cursor(log, parameters, event_log_first(log), &position, &e);
	for (size_t i = 0; i < n && r == 0; i++)
		selectors[i] = (char *)json_object_get_string(json_object_array_get_idx(list, i));
	if (r == 0)
		r = rpc_choice_read(s->server, parameters, selectors, n, &choice, &e);
	if (r < 0) {
		rpc_reply_error(s, r, &e);
		return;
	}
	subscription_init(&view, log, position);
	subscription_set_filter(&view, choice.filter, NULL);
	view.pace = (struct pace){.sample = choice.sample, .rate = choice.rate};
	if (!list || n)
		r = rpc_select_sources(log, selectors, n, add_to_view, &view, true, &e);
	if (r == 0)
		r = delivery_read(&view, (size_t)limit, choice.fields, s->out);
	subscription_done(&view);
	rpc_choice_done(&choice);
	if (r < 0)
		rpc_reply_error(s, r, &e);
	else
		session_finish(s);
}

const struct rpc_method rpc_events_methods[] = {
	{.name = "Subscribe",
	 .permission = MAY_OBSERVE,
	 .needs_more = true,
	 .handle = handle_subscribe},
	{.name = "Read", .permission = MAY_OBSERVE, .is_query = true, .handle = handle_read},
	{0},
};
