/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See rpc-hist.h. */
#include "rpc-hist.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "cleanup.h"
#include "rpc.h"

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
