/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * io.kprobed.Service.Metrics: all that is counted, as text that Prometheus and others take.
 *
 * The form is OpenMetrics (openmetrics.h). Counts of probes are those of the last look at the
 * kernel's (probe-poll.c), so that asking costs nothing.
 */
#include <errno.h>

#include <event2/buffer.h>
#include <json-c/json.h>
#include <utlist.h>

#include "cleanup.h"
#include "openmetrics.h"
#include "probe-ledger.h"
#include "rpc.h"

static void put_counter(struct metrics *m, const char *name, const char *help, uint64_t value)
{
	metrics_single(m, name, METRIC_COUNTER, help, value);
}

static void put_gauge(struct metrics *m, const char *name, const char *help, uint64_t value)
{
	metrics_single(m, name, METRIC_GAUGE, help, value);
}

static uint64_t hits_of(const struct server *server, const struct probe *p)
{
	return p->hits - p->hits_base;
}

static uint64_t missed_of(const struct server *server, const struct probe *p)
{
	return p->missed - p->missed_base;
}

static uint64_t recorded_of(const struct server *server, const struct probe *p)
{
	return probe_ledger_recorded(server->log, p);
}

static uint64_t unrecorded_of(const struct server *server, const struct probe *p)
{
	return p->ledger.unrecorded;
}

static uint64_t enabled_of(const struct server *server, const struct probe *p)
{
	return p->is_enabled;
}

static const struct {
	const char *name;
	enum metric_type type;
	const char *help;
	uint64_t (*value)(const struct server *server, const struct probe *p);
} of_probes[] = {
	{"probe_hits", METRIC_COUNTER, "Hits of the probe that the kernel ran.", hits_of},
	{"probe_missed", METRIC_COUNTER, "Hits of the probe that the kernel could not run.",
	 missed_of},
	{"probe_recorded", METRIC_COUNTER, "Events of the probe that came to the log.",
	 recorded_of},
	{"probe_unrecorded", METRIC_COUNTER,
	 "Hits that were run and did not become events: overwritten in a ring, or filtered.",
	 unrecorded_of},
	{"probe_enabled", METRIC_GAUGE, "Whether the probe records.", enabled_of},
};

static void put_probes(struct metrics *m, const struct server *server)
{
	const struct registry *registry = probe_set_registry(server->probes);
	const struct probe *p;

	for (size_t i = 0; i < ARRAY_SIZE(of_probes); i++) {
		metrics_family(m, of_probes[i].name, of_probes[i].type, of_probes[i].help);
		DL_FOREACH (registry->all, p) {
			const struct metric_label labels[] = {
				{"probe", p->name}, {"id", p->id_text}, {"site", p->site}};

			if (p->owners)
				metrics_sample(m, labels, ARRAY_SIZE(labels),
					       of_probes[i].value(server, p));
		}
	}
}

/* Of all subscribers together: what the log still holds for them. */
static uint64_t waiting_events(const struct server *server)
{
	struct session *s, *tmp;
	uint64_t n = 0;

	HASH_ITER (hh, server->sessions, s, tmp) {
		if (s->subscriber)
			n += subscriber_account(s->subscriber).waiting;
	}
	return n;
}

static void put_totals(struct metrics *m, const struct server *server)
{
	const struct registry *registry = probe_set_registry(server->probes);
	const struct reader_totals *read = reader_totals(server->reader);
	const struct delivery_totals *sent = delivery_totals(server->delivery);
	const struct event_log *log = server->log;

	put_counter(m, "recorded_events", "Events appended to the log.", read->recorded);
	put_counter(m, "overrun_events", "Events overwritten in the kernel's rings.",
		    read->overrun);
	put_counter(m, "missed_hits", "Hits that the kernel could not run, of all probes.",
		    probe_set_missed(server->probes));
	put_counter(m, "unknown_records", "Records that belonged to no known event.",
		    read->unknown);
	put_counter(m, "reordered_events", "Events that came too late for their place in the log.",
		    read->reordered);
	put_counter(m, "delivered_events", "Events sent, to all subscribers together.",
		    sent->events);
	put_counter(m, "filtered_events", "Events left out by subscribers' filters and samples.",
		    sent->filtered);
	put_counter(m, "sampled_events", "Of the filtered events, those left out by samples.",
		    sent->sampled);
	put_counter(m, "rate_limited_events", "Events left out by subscribers' rate limits.",
		    sent->rate_limited);
	put_counter(m, "overtaken_events", "Events lost by subscribers slower than the log.",
		    sent->overtaken);
	put_counter(m, "published_events",
		    "Events that came to the log for those who read its memory.",
		    wakeups_published(server->wakeups));
	put_gauge(m, "probes", "Probes that somebody has asked for.", registry->n_live);
	put_gauge(m, "parked_probes", "Probes kept disabled in the kernel.", registry->n_parked);
	put_gauge(m, "instances", "Trace instances.", probe_set_instances(server->probes));
	put_gauge(m, "connections", "Clients.", HASH_COUNT(server->sessions));
	put_gauge(m, "subscribers", "Clients that are sent events.",
		  delivery_count(server->delivery));
	put_gauge(m, "readers", "Clients that read the log's memory.",
		  wakeups_count(server->wakeups));
	put_gauge(m, "waiting_events", "Events in the log that subscribers are still to be sent.",
		  waiting_events(server));
	put_gauge(m, "filters", "Different filters of subscribers.",
		  views_count(delivery_views(server->delivery)));
	put_gauge(m, "log_bytes", "Size of the log's text.", event_log_size(log));
	put_gauge(m, "log_used_bytes", "How much of it is in use.", event_log_used(log));
	put_gauge(m, "log_entries", "Events and gaps in the log.",
		  event_log_next(log) - event_log_first(log));
}

void rpc_service_metrics(struct session *s, struct json_object *parameters)
{
	struct metrics m = {.out = evbuffer_new()};
	const struct metric_label version = {"version", PACKAGE_VERSION};
	const struct server *server = s->server;
	struct json_object *o;

	if (!m.out) {
		rpc_reply_error(s, -ENOMEM, NULL);
		return;
	}
	metrics_family(&m, "build", METRIC_INFO, "The daemon.");
	metrics_sample(&m, &version, 1, 1);
	metrics_family(&m, "start_time_seconds", METRIC_GAUGE, "When the daemon started.");
	metrics_sample_seconds(&m, server->started_usec);
	put_totals(&m, server);
	put_probes(&m, server);
	metrics_end(&m);
	if (m.is_short) {
		rpc_reply_error(s, -ENOMEM, NULL);
	} else {
		o = json_object_new_object();
		json_object_object_add(
			o, "text",
			json_object_new_string_len((const char *)evbuffer_pullup(m.out, -1),
						   (int)evbuffer_get_length(m.out)));
		session_reply(s, o, false);
	}
	evbuffer_free(m.out);
}
