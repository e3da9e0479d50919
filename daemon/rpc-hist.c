/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See rpc-hist.h. */
#include "rpc-hist.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "cleanup.h"
#include "event-text.h"
#include "json-text.h"
#include "probe-set.h"
#include "rpc.h"

/* Keys of one reply, where nothing was said, and counts of all of them. */
#define ROWS_DEFAULT   100
#define ROW_COUNTS_MAX 65536

static const char *get_string(struct json_object *o, const char *key)
{
	struct json_object *v = json_object_object_get(o, key);

	return v ? json_object_get_string(v) : NULL;
}

static int64_t get_int(struct json_object *o, const char *key, int64_t otherwise)
{
	struct json_object *v = json_object_object_get(o, key);

	return v ? json_object_get_int64(v) : otherwise;
}

static int refuse(struct kp_error *e, const char *message)
{
	return kp_error_definition(e, "badHistogram", 0, NULL, "%s", message);
}

static int read_linear(struct json_object *o, struct hist_spec *h, struct kp_error *e)
{
	int64_t width = get_int(o, "width", 0), buckets = get_int(o, "buckets", 0), end;

	h->min = get_int(o, "min", 0);
	if (width < 1 || buckets < 1 || buckets > HIST_BUCKETS_MAX)
		return refuse(e,
			      "a linear histogram has a width, 1 or more, and 1 to 1024 buckets");
	if (__builtin_mul_overflow(width, buckets, &end) ||
	    __builtin_add_overflow(end, h->min, &end))
		return refuse(e, "the histogram's last bucket ends beyond 2^63");
	h->is_linear = true;
	h->width = (uint64_t)width;
	h->buckets = (unsigned int)buckets;
	return 0;
}

static int read_scale(struct json_object *o, struct hist_spec *h, struct kp_error *e)
{
	const char *scale = get_string(o, "scale");

	if (scale && strcmp(scale, "linear") == 0)
		return read_linear(o, h, e);
	if (json_object_object_get(o, "min") || json_object_object_get(o, "width") ||
	    json_object_object_get(o, "buckets"))
		return refuse(e, "min, width and buckets are of linear histograms");
	return 0;
}

static int read_key(struct json_object *o, struct hist_spec *h, struct kp_error *e)
{
	int64_t keys = get_int(o, "keys", HIST_KEYS_DEFAULT);
	const char *key = get_string(o, "key");

	if (!key)
		return json_object_object_get(o, "keys") ? refuse(e, "there are keys of no key")
							 : 0;
	if (!hist_spec_set_key(h, key))
		return refuse(e, "no argument has a name like that: key");
	if (keys < 1 || keys > HIST_KEYS_MAX)
		return refuse(e, "the histogram may have room for 1 to 4096 keys");
	h->keys = (unsigned int)keys;
	return 0;
}

int rpc_hist_read_spec(struct json_object *o, struct probe_spec *spec, struct kp_error *e)
{
	struct json_object *eventless = json_object_object_get(o, "eventless");
	struct hist_spec h = {.is_eventless = eventless && json_object_get_boolean(eventless)};
	int r;

	if (spec->kind == PROBE_RETURN)
		return refuse(e, "a return probe has no histogram: make it a call probe, c SYMBOL");
	if (!hist_spec_set_value(&h, get_string(o, "value")))
		return refuse(e, "no argument has a name like that: value");
	if (h.value != HIST_ARG && spec->kind != PROBE_CALL)
		return refuse(e, "duration and ret are of calls: make it a call probe, c SYMBOL");
	r = read_scale(o, &h, e);
	if (r == 0)
		r = read_key(o, &h, e);
	if (r < 0)
		return r;
	spec->hist = hist_spec_copy(&h);
	return spec->hist ? 0 : -ENOMEM;
}

struct json_object *rpc_hist_spec_to_json(const struct hist_spec *h)
{
	char name[HIST_NAME_MAX + 8];
	struct json_object *o;

	if (!h)
		return NULL;
	o = json_object_new_object();
	hist_spec_value_name(h, name, sizeof(name));
	json_object_object_add(o, "value", json_object_new_string(name));
	json_object_object_add(o, "scale",
			       json_object_new_string(h->is_linear ? "linear" : "log2"));
	if (h->is_linear) {
		json_object_object_add(o, "min", json_object_new_int64(h->min));
		json_object_object_add(o, "width", json_object_new_int64((int64_t)h->width));
		json_object_object_add(o, "buckets", json_object_new_int64(h->buckets));
	}
	if (h->key != HIST_KEY_NONE) {
		hist_spec_key_name(h, name, sizeof(name));
		json_object_object_add(o, "key", json_object_new_string(name));
		json_object_object_add(o, "keys", json_object_new_int64(h->keys));
	}
	json_object_object_add(o, "eventless", json_object_new_boolean(h->is_eventless));
	return o;
}

/* A request whose answer comes later, when its session may be gone. */
struct pending {
	struct server *server;
	uint64_t session;
	size_t limit;
};

/* The name or number that a row is of, as events show it. */
static struct json_object *key_to_json(const struct probe *p, const struct hist_row *row)
{
	char shown[JSON_STRING_MAX(KPROBED_COMM_LEN) + 8], text[JSON_STRING_MAX(KPROBED_COMM_LEN)];
	const struct hist_spec *h = p->spec.hist;
	bool is_signed = false;
	char *end;

	switch (h->key) {
	case HIST_KEY_NONE:
		return NULL;
	case HIST_KEY_COMM:
		end = put_escaped(shown, (const char *)row->key,
				  strnlen((const char *)row->key, KPROBED_COMM_LEN));
		return json_object_new_string_len(
			text, (int)event_text_unescape((struct span){shown, (size_t)(end - shown)},
						       text, sizeof(text)));
	case HIST_KEY_ARG:
		for (size_t i = 0; i < p->spec.n_args; i++)
			if (strcmp(p->spec.args[i].name, h->key_name) == 0)
				is_signed = probe_arg_is_signed(&p->spec.args[i]);
		break;
	default:
		break;
	}
	if (is_signed)
		snprintf(text, sizeof(text), "%" PRId64, (int64_t)row->key[0]);
	else
		snprintf(text, sizeof(text), "%" PRIu64, row->key[0]);
	return json_object_new_string(text);
}

static struct json_object *bound_to_json(const struct hist_spec *h, int64_t v)
{
	return h->is_linear ? json_object_new_int64(v) : json_object_new_uint64((uint64_t)v);
}

static struct json_object *row_to_json(const struct probe *p, const struct hist_row *row,
				       bool has_key)
{
	const struct hist_spec *h = p->spec.hist;
	struct json_object *o = json_object_new_object(), *buckets = json_object_new_array();

	json_object_object_add(o, "key", has_key ? key_to_json(p, row) : NULL);
	json_object_object_add(o, "count", json_object_new_uint64(row->count));
	json_object_object_add(o, "sum", json_object_new_int64((int64_t)row->sum));
	json_object_object_add(o, "under", json_object_new_uint64(row->under));
	json_object_object_add(o, "over", json_object_new_uint64(row->over));
	for (unsigned int i = 0; i < hist_spec_buckets(h); i++) {
		struct json_object *bucket;
		int64_t from, to;
		bool has_end = hist_spec_bounds(h, i, &from, &to);

		if (!row->buckets[i])
			continue;
		bucket = json_object_new_object();
		json_object_object_add(bucket, "from", bound_to_json(h, from));
		json_object_object_add(bucket, "to", has_end ? bound_to_json(h, to) : NULL);
		json_object_object_add(bucket, "count", json_object_new_uint64(row->buckets[i]));
		json_object_array_add(buckets, bucket);
	}
	json_object_object_add(o, "buckets", buckets);
	return o;
}

static void on_read(int r, const struct kp_error *error, struct probe_histogram *answer, void *data)
{
	struct pending pending = *(struct pending *)data;
	struct session *s = session_find(pending.server, pending.session);
	struct json_object *o, *rows;
	struct hist_row rest;
	size_t others, most;

	free(data);
	if (!s || s->is_closing)
		return;
	if (r < 0) {
		rpc_reply_error(s, r, error);
		return;
	}
	/* However many keys there are, a reply has an end. */
	most = ROW_COUNTS_MAX / answer->histogram.n_buckets;
	others = histogram_cut(&answer->histogram, pending.limit < most ? pending.limit : most,
			       &rest);
	rows = json_object_new_array();
	for (size_t i = 0; i < answer->histogram.n_rows; i++)
		json_object_array_add(rows,
				      row_to_json(answer->probe, &answer->histogram.rows[i], true));
	o = json_object_new_object();
	json_object_object_add(o, "probe", json_object_new_string(answer->probe->name));
	json_object_object_add(o, "histogram", rpc_hist_spec_to_json(answer->probe->spec.hist));
	json_object_object_add(o, "rows", rows);
	json_object_object_add(o, "rest", others ? row_to_json(answer->probe, &rest, false) : NULL);
	json_object_object_add(o, "restKeys", json_object_new_int64((int64_t)others));
	json_object_object_add(o, "overflow",
			       json_object_new_uint64(answer->counters.hist_overflow));
	session_reply(s, o, false);
}

void rpc_probes_histogram(struct session *s, struct json_object *parameters)
{
	struct json_object *reset = json_object_object_get(parameters, "reset");
	int64_t limit = get_int(parameters, "limit", ROWS_DEFAULT);
	struct kp_error e = KP_ERROR_INIT;
	struct pending *pending;

	if (limit < 0 || limit > HIST_KEYS_MAX) {
		rpc_reply_error(s,
				kp_error_set(&e, KP_INVALID_PARAMETER, EINVAL, "limit",
					     "limit is 0 to %d", HIST_KEYS_MAX),
				&e);
		return;
	}
	pending = calloc(1, sizeof(*pending));
	if (!pending) {
		rpc_reply_error(s, -ENOMEM, NULL);
		return;
	}
	*pending = (struct pending){s->server, s->who.session, (size_t)limit};
	probe_set_read_hist(s->server->probes, &s->who, get_string(parameters, "probe"),
			    reset && json_object_get_boolean(reset), on_read, pending);
}
