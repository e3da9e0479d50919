/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Adding and removing probes: the two calls every client makes, without JSON.
 */
#include "libkprobed-internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"

static void write_specs(struct text *t, const char *const *definitions, size_t n,
			unsigned int flags)
{
	text_puts(t, "{\"probes\":[");
	for (size_t i = 0; i < n; i++) {
		text_puts(t, i ? ",{\"definition\":" : "{\"definition\":");
		text_json_string(t, definitions[i]);
		if (flags & KPROBED_ADD_DISABLED)
			text_puts(t, ",\"enabled\":false");
		if (flags & KPROBED_ADD_STACK)
			text_puts(t, ",\"stack\":true");
		if (flags & KPROBED_ADD_PENDING)
			text_puts(t, ",\"pending\":true");
		text_putc(t, '}');
	}
	text_printf(t, "],\"lifetime\":\"%s\"}",
		    flags & KPROBED_ADD_DAEMON ? "daemon" : "connection");
}

/* From the reply to k->added_cursor. A daemon that gives none is no error. */
static int keep_cursor(struct kprobed *k, const char *reply)
{
	struct slice object, cursor;
	char *text;

	if (slice_scan(reply, strlen(reply), &object) < 0)
		return -EPROTO;
	if (slice_get(object, "cursor", &cursor) < 0 || slice_type_of(cursor) != SLICE_STRING)
		return 0;
	text = slice_dup(cursor);
	if (!text)
		return -ENOMEM;
	free(k->added_cursor);
	k->added_cursor = text;
	return 0;
}

/*
 * The ids of @n probes in a reply, as an array of strings in one piece of memory. Returns 0,
 * -EPROTO (the reply has not as many) or -ENOMEM.
 */
static int read_ids(const char *reply, size_t n, char ***ret)
{
	struct slice object, probes, probe, id;
	_cleanup_free_ char **ids = NULL;
	struct slice_iter it;
	size_t length = strlen(reply), i = 0;
	char *at;

	/* No id is longer than the text it comes in. */
	ids = malloc((n + 1) * sizeof(*ids) + length);
	if (!ids)
		return -ENOMEM;
	at = (char *)(ids + n + 1);
	if (slice_scan(reply, length, &object) < 0 || slice_get(object, "probes", &probes) < 0)
		return -EPROTO;
	slice_iter_init(&it, probes);
	while (slice_iter_element(&it, &probe) > 0) {
		if (i == n || slice_get(probe, "id", &id) < 0 || slice_type_of(id) != SLICE_STRING)
			return -EPROTO;
		ids[i++] = at;
		at += slice_decode(id, at) + 1;
	}
	if (i != n)
		return -EPROTO;
	ids[n] = NULL;
	*ret = take_ptr(ids);
	return 0;
}

EXPORT int kprobed_add(struct kprobed *k, const char *const *definitions, size_t n,
		       unsigned int flags, char ***ret_ids)
{
	const unsigned int known =
		KPROBED_ADD_DAEMON | KPROBED_ADD_DISABLED | KPROBED_ADD_STACK | KPROBED_ADD_PENDING;
	_cleanup_text_ struct text request = {0};
	_cleanup_free_ char *reply = NULL;
	int r;

	if (n == 0 || flags & ~known)
		return -EINVAL;
	write_specs(&request, definitions, n, flags);
	if (request.failed)
		return -ENOMEM;
	r = kprobed_call(k, "io.kprobed.Probes.Add", request.data, &reply);
	if (r == 0)
		r = keep_cursor(k, reply);
	if (r < 0)
		return r;
	return ret_ids ? read_ids(reply, n, ret_ids) : 0;
}

EXPORT const char *kprobed_added_cursor(const struct kprobed *k)
{
	return k->added_cursor;
}

EXPORT int kprobed_remove(struct kprobed *k, const char *const *selectors, size_t n)
{
	_cleanup_text_ struct text request = {0};

	if (n == 0)
		return -EINVAL;
	text_puts(&request, "{\"probes\":[");
	for (size_t i = 0; i < n; i++) {
		if (i)
			text_putc(&request, ',');
		text_json_string(&request, selectors[i]);
	}
	text_puts(&request, "]}");
	if (request.failed)
		return -ENOMEM;
	return kprobed_call(k, "io.kprobed.Probes.Remove", request.data, NULL);
}
