/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * io.kprobed.Service.Metrics: all that is counted, as text that Prometheus and others take.
 *
 * The form is OpenMetrics 1.0: families with a type and a sentence, "# EOF" at the end. Counts of
 * probes are those of the last look at the kernel's (probe-poll.c), so that asking costs nothing.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <event2/buffer.h>
#include <json-c/json.h>
#include <utlist.h>

#include "cleanup.h"
#include "rpc.h"

struct metrics {
	struct evbuffer *out; /* borrowed */
	bool is_short;	      /* of memory */
};

static void put(struct metrics *m, const char *fmt, ...)
	__attribute__((__format__(__printf__, 2, 3)));

static void put(struct metrics *m, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	m->is_short |= evbuffer_add_vprintf(m->out, fmt, ap) < 0;
	va_end(ap);
}

static void put_family(struct metrics *m, const char *name, const char *type, const char *help)
{
	put(m, "# TYPE kprobed_%s %s\n# HELP kprobed_%s %s\n", name, type, name, help);
}

static void put_counter(struct metrics *m, const char *name, const char *help, uint64_t value)
{
	put_family(m, name, "counter", help);
	put(m, "kprobed_%s_total %" PRIu64 "\n", name, value);
}

static void put_gauge(struct metrics *m, const char *name, const char *help, uint64_t value)
{
	put_family(m, name, "gauge", help);
	put(m, "kprobed_%s %" PRIu64 "\n", name, value);
}

/* A label's value: what would end it is escaped. */
static void put_label(struct metrics *m, const char *name, const char *value)
{
	put(m, "%s=\"", name);
	for (const char *p = value; *p; p++)
		if (*p == '\n')
			put(m, "\\n");
		else
			put(m, *p == '"' || *p == '\\' ? "\\%c" : "%c", *p);
	put(m, "\"");
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
	const struct log_source *source = event_log_source(server->log, p->source);

	return source ? source->events - p->events_base : 0;
}

static uint64_t enabled_of(const struct server *server, const struct probe *p)
{
	return p->is_enabled;
}

static const struct {
	const char *name, *type, *suffix, *help;
	uint64_t (*value)(const struct server *server, const struct probe *p);
} of_probes[] = {
	{"probe_hits", "counter", "_total", "Hits of the probe that the kernel ran.", hits_of},
	{"probe_missed", "counter", "_total", "Hits of the probe that the kernel could not run.",
	 missed_of},
	{"probe_recorded", "counter", "_total", "Events of the probe that came to the log.",
	 recorded_of},
	{"probe_enabled", "gauge", "", "Whether the probe records.", enabled_of},
};

static void put_probes(struct metrics *m, const struct server *server)
{
	const struct registry *registry = probe_set_registry(server->probes);
	const struct probe *p;

	for (size_t i = 0; i < ARRAY_SIZE(of_probes); i++) {
		put_family(m, of_probes[i].name, of_probes[i].type, of_probes[i].help);
		DL_FOREACH (registry->all, p) {
			if (!p->owners)
				continue;
			put(m, "kprobed_%s%s{", of_probes[i].name, of_probes[i].suffix);
			put_label(m, "probe", p->name);
			put(m, ",");
			put_label(m, "id", p->id_text);
			put(m, ",");
			put_label(m, "site", p->site);
			put(m, "} %" PRIu64 "\n", of_probes[i].value(server, p));
		}
	}
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
	put_counter(m, "rate_limited_events", "Events left out by subscribers' rate limits.",
		    sent->rate_limited);
	put_counter(m, "overtaken_events", "Events lost by subscribers slower than the log.",
		    sent->overtaken);
	put_gauge(m, "probes", "Probes that somebody has asked for.", registry->n_live);
	put_gauge(m, "parked_probes", "Probes kept disabled in the kernel.", registry->n_parked);
	put_gauge(m, "instances", "Trace instances.", probe_set_instances(server->probes));
	put_gauge(m, "connections", "Clients.", HASH_COUNT(server->sessions));
	put_gauge(m, "subscribers", "Clients that are sent events.",
		  delivery_count(server->delivery));
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
	const struct server *server = s->server;
	struct json_object *o;

	if (!m.out) {
		rpc_reply_error(s, -ENOMEM, NULL);
		return;
	}
	put_family(&m, "build", "info", "The daemon.");
	put(&m, "kprobed_build_info{version=\"%s\"} 1\n", PACKAGE_VERSION);
	put_family(&m, "start_time_seconds", "gauge", "When the daemon started.");
	put(&m, "kprobed_start_time_seconds %" PRIu64 ".%06" PRIu64 "\n",
	    server->started_usec / 1000000, server->started_usec % 1000000);
	put_totals(&m, server);
	put_probes(&m, server);
	put(&m, "# EOF\n");
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
