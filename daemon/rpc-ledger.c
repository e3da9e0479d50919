/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See rpc-ledger.h. */
#include "rpc-ledger.h"

#include <inttypes.h>
#include <stdio.h>

#include <json-c/json.h>
#include <utlist.h>

#include "access.h"
#include "advice.h"
#include "probe-ledger.h"
#include "rpc-probe-json.h"

#define ADVICE_MAX 256
#define LOG_MAX	   (4ULL << 30)

static void add_int(struct json_object *o, const char *key, uint64_t value)
{
	json_object_object_add(o, key, json_object_new_int64((int64_t)value));
}

static void add_text(struct json_object *list, const char *fmt, ...)
	__attribute__((__format__(__printf__, 2, 3)));

static void add_text(struct json_object *list, const char *fmt, ...)
{
	char text[ADVICE_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	json_object_array_add(list, json_object_new_string(text));
}

/* @lost events, of whoever @whose says. */
static void advise_ring(struct json_object *list, const struct server *server, uint64_t bytes,
			uint64_t lost, const char *whose)
{
	uint64_t now = server->config->instance.buffer_size;
	char size[ADVICE_SIZE_MAX], present[ADVICE_SIZE_MAX];

	if (!lost || bytes <= now)
		return;
	add_text(list,
		 "the kernel's ring has overwritten %" PRIu64
		 " %s: set buffer-size under [instance] to %s (it is %s), or record less",
		 lost, whose, advice_size_text(bytes, size), advice_size_text(now, present));
}

static void advise_missed(struct json_object *list, const struct probe *p)
{
	unsigned int now = probe_ledger_maxactive(p), most = probe_kind_maxactive(p->spec.kind);
	unsigned int wanted = p->ledger.maxactive;
	uint64_t missed = p->missed - p->missed_base;

	if (p->spec.kind == PROBE_ENTRY && p->type && missed)
		add_text(list,
			 "%" PRIu64 " hits were missed inside the handling of another probe, where "
			 "the kernel runs none: probe a caller instead, or remove the other probe",
			 missed);
	if (!wanted || wanted <= now)
		return;
	if (wanted <= most)
		add_text(list, "%" PRIu64 " calls were missed: set maxactive to %u (it is %u)",
			 missed, wanted, now);
	else
		add_text(list,
			 "%" PRIu64 " calls were missed: about %u were under way at once, and "
			 "maxactive can be %u at most (it is %u)",
			 missed, wanted, most, now);
}

static struct json_object *advice_on_probe(const struct server *server, const struct probe *p)
{
	struct json_object *list = json_object_new_array();
	uint64_t overrun;

	if (probe_ledger_overrun(server->log, p, &overrun))
		advise_ring(list, server, p->ledger.ring_bytes, overrun, "events of this probe");
	advise_missed(list, p);
	return list;
}

void rpc_ledger_add_probe(struct json_object *o, const struct server *server, const struct probe *p)
{
	uint64_t n;

	add_int(o, "unrecorded", p->ledger.unrecorded);
	json_object_object_add(o, "overrun",
			       probe_ledger_overrun(server->log, p, &n)
				       ? json_object_new_int64((int64_t)n)
				       : NULL);
	json_object_object_add(o, "advice", advice_on_probe(server, p));
}

void rpc_ledger_add_totals(struct json_object *o, const struct server *server)
{
	const struct delivery_totals *sent = delivery_totals(server->delivery);

	add_int(o, "delivered", sent->events);
	add_int(o, "filtered", sent->filtered);
	add_int(o, "sampled", sent->sampled);
	add_int(o, "rateLimited", sent->rate_limited);
	add_int(o, "overtaken", sent->overtaken);
	add_int(o, "readers", wakeups_count(server->wakeups));
	add_int(o, "published", wakeups_published(server->wakeups));
}

static void advise_overtaken(struct json_object *list, const struct server *server,
			     const struct delivery_totals *n, const char *who)
{
	uint64_t now = event_log_size(server->log);
	uint64_t wanted =
		advice_bytes(now, n->events + n->filtered + n->rate_limited, n->overtaken, LOG_MAX);
	char size[ADVICE_SIZE_MAX], present[ADVICE_SIZE_MAX];

	if (!n->overtaken)
		return;
	if (wanted < LOG_MAX)
		add_text(list,
			 "%s overtaken by %" PRIu64 " events: read faster, select less with a "
			 "filter, or set size under [log] to %s (it is %s)",
			 who, n->overtaken, advice_size_text(wanted, size),
			 advice_size_text(now, present));
	else
		add_text(list,
			 "%s overtaken by %" PRIu64 " events: read faster, or select less with a "
			 "filter",
			 who, n->overtaken);
}

struct json_object *rpc_ledger_advice(const struct server *server)
{
	struct json_object *list = json_object_new_array();
	const struct registry *registry =
		server->probes ? probe_set_registry(server->probes) : NULL;
	uint64_t ring_bytes = 0;
	const struct probe *p;

	for (p = registry ? registry->all : NULL; p; p = p->next)
		if (p->owners && p->ledger.ring_bytes > ring_bytes)
			ring_bytes = p->ledger.ring_bytes;
	advise_ring(list, server, ring_bytes, reader_totals(server->reader)->overrun, "events");
	for (p = registry ? registry->all : NULL; p; p = p->next) {
		unsigned int now =
			p->spec.maxactive ? p->spec.maxactive : probe_default_maxactive();

		if (p->owners && p->ledger.maxactive > now) {
			add_text(list,
				 "return probes miss calls, %s among them: kprobectl list says "
				 "which maxactive they need",
				 p->name);
			break;
		}
	}
	advise_overtaken(list, server, delivery_totals(server->delivery), "subscribers were");
	return list;
}

static struct json_object *selectors_to_json(const struct session *s)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < s->n_selectors; i++)
		json_object_array_add(list, json_object_new_string(s->selectors[i]));
	return list;
}

static struct json_object *account_to_json(const struct session *s)
{
	struct subscriber_account a = subscriber_account(s->subscriber);
	struct json_object *o = json_object_new_object();
	struct json_object *advice = json_object_new_array();

	json_object_object_add(o, "client", rpc_owner_to_json(&s->who));
	json_object_object_add(o, "probes", selectors_to_json(s));
	add_int(o, "delivered", a.sent.events);
	add_int(o, "missed", a.sent.missed);
	add_int(o, "recursion", a.sent.recursion);
	add_int(o, "overrun", a.sent.overrun);
	add_int(o, "overtaken", a.sent.overtaken);
	add_int(o, "filtered", a.sent.filtered);
	add_int(o, "sampled", a.sent.sampled);
	add_int(o, "rateLimited", a.sent.rate_limited);
	add_int(o, "waiting", a.waiting);
	json_object_object_add(o, "exact", json_object_new_boolean(!a.is_uncounted));
	advise_overtaken(advice, s->server, &a.sent, "this subscriber was");
	json_object_object_add(o, "advice", advice);
	return o;
}

/* Who reads the log's memory: what became of the events is not known here. */
static struct json_object *reader_to_json(const struct session *s)
{
	struct wakeup_account a = wakeup_account(s->wakeup);
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "client", rpc_owner_to_json(&s->who));
	json_object_object_add(o, "probes", selectors_to_json(s));
	add_int(o, "published", a.published);
	add_int(o, "missed", a.missed);
	add_int(o, "recursion", a.recursion);
	add_int(o, "overrun", a.overrun);
	add_int(o, "pending", a.pending);
	json_object_object_add(o, "behind", json_object_new_boolean(a.is_behind));
	return o;
}

/* What others read is theirs to know, and a manager's. */
void rpc_service_ledger(struct session *s, struct json_object *parameters)
{
	struct json_object *o = json_object_new_object(), *list = json_object_new_array();
	struct json_object *readers = json_object_new_array();
	struct session *other, *tmp;

	HASH_ITER (hh, s->server->sessions, other, tmp) {
		if (other->is_closing)
			continue;
		if (!(s->permissions & MAY_MANAGE) && other->who.uid != s->who.uid)
			continue;
		if (other->subscriber)
			json_object_array_add(list, account_to_json(other));
		else if (other->wakeup)
			json_object_array_add(readers, reader_to_json(other));
	}
	json_object_object_add(o, "subscribers", list);
	json_object_object_add(o, "readers", readers);
	session_reply(s, o, false);
}
