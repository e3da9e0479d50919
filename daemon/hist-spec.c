/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See hist-spec.h. */
#include "hist-spec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"

static const char *const value_names[] = {[HIST_DURATION] = "duration", [HIST_RET] = "ret"};
static const char *const key_names[] = {
	[HIST_KEY_COMM] = "comm",
	[HIST_KEY_TID] = "tid",
	[HIST_KEY_PID] = "pid",
};

struct hist_spec *hist_spec_copy(const struct hist_spec *h)
{
	struct hist_spec *copy = malloc(sizeof(*copy));

	if (copy)
		*copy = *h;
	return copy;
}

bool hist_spec_equal(const struct hist_spec *a, const struct hist_spec *b)
{
	if (!a || !b)
		return a == b;
	return a->value == b->value && a->key == b->key && a->is_linear == b->is_linear &&
	       a->is_eventless == b->is_eventless && a->buckets == b->buckets &&
	       a->keys == b->keys && a->min == b->min && a->width == b->width &&
	       strcmp(a->value_name, b->value_name) == 0 && strcmp(a->key_name, b->key_name) == 0;
}

static bool set_arg(char buf[HIST_NAME_MAX], const char *name)
{
	if (strncmp(name, "args.", 5) == 0)
		name += 5;
	return *name && (size_t)snprintf(buf, HIST_NAME_MAX, "%s", name) < HIST_NAME_MAX;
}

bool hist_spec_set_value(struct hist_spec *h, const char *name)
{
	if (strcmp(name, "duration") == 0 || strcmp(name, "durationNs") == 0) {
		h->value = HIST_DURATION;
		return true;
	}
	if (strcmp(name, "ret") == 0) {
		h->value = HIST_RET;
		return true;
	}
	h->value = HIST_ARG;
	return set_arg(h->value_name, name);
}

bool hist_spec_set_key(struct hist_spec *h, const char *name)
{
	for (size_t i = HIST_KEY_COMM; i < ARRAY_SIZE(key_names); i++)
		if (strcmp(name, key_names[i]) == 0) {
			h->key = (enum hist_key)i;
			return true;
		}
	h->key = HIST_KEY_ARG;
	return set_arg(h->key_name, name);
}

void hist_spec_value_name(const struct hist_spec *h, char *buf, size_t size)
{
	struct hist_spec plain;
	const char *name = h->value == HIST_ARG ? h->value_name : value_names[h->value];

	hist_spec_set_value(&plain, name);
	snprintf(buf, size, "%s%s", plain.value == h->value ? "" : "args.", name);
}

void hist_spec_key_name(const struct hist_spec *h, char *buf, size_t size)
{
	struct hist_spec plain;
	const char *name = h->key == HIST_KEY_ARG ? h->key_name : key_names[h->key];

	hist_spec_set_key(&plain, name);
	snprintf(buf, size, "%s%s", plain.key == h->key ? "" : "args.", name);
}

unsigned int hist_spec_buckets(const struct hist_spec *h)
{
	return h->is_linear ? h->buckets : HIST_LOG2_BUCKETS;
}

uint64_t hist_spec_counts(const struct hist_spec *h)
{
	return (uint64_t)hist_spec_buckets(h) * (h->key == HIST_KEY_NONE ? 1 : h->keys);
}

bool hist_spec_bounds(const struct hist_spec *h, unsigned int i, int64_t *from, int64_t *to)
{
	if (h->is_linear) {
		*from = (int64_t)((uint64_t)h->min + i * h->width);
		*to = (int64_t)((uint64_t)*from + h->width);
		return true;
	}
	*from = i == 0 ? 0 : (int64_t)(UINT64_C(1) << (i - 1));
	*to = i == 0 ? 1 : (int64_t)(UINT64_C(1) << (i & 63));
	return i < HIST_LOG2_BUCKETS - 1;
}
