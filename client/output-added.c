/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See output-added.h. */
#include "output-added.h"

#include <stdio.h>
#include <string.h>

#include "output-text.h"

/* So many names are printed for each reason. */
#define NAMES_MAX 5
/* Different reasons that are told apart. */
#define REASONS_MAX 16

static size_t length(json_object *array)
{
	return json_object_is_type(array, json_type_array) ? json_object_array_length(array) : 0;
}

static void put_notes(struct text *t, json_object *probes)
{
	for (size_t i = 0; i < length(probes); i++) {
		json_object *notes =
			json_object_object_get(json_object_array_get_idx(probes, i), "notes");

		for (size_t k = 0; k < length(notes); k++) {
			const char *note =
				json_object_get_string(json_object_array_get_idx(notes, k));

			text_puts(t, "note: ");
			text_safe(t, note, strlen(note));
			text_putc(t, '\n');
		}
	}
}

static const char *reason_at(json_object *skipped, size_t i)
{
	return member_string(json_object_array_get_idx(skipped, i), "reason");
}

/* "left out (notrace): tcp_a, tcp_b and 12 more" */
static void put_reason(struct text *t, json_object *skipped, const char *reason)
{
	size_t n = 0;

	text_puts(t, "left out (");
	text_safe(t, reason, strlen(reason));
	text_puts(t, "): ");
	for (size_t i = 0; i < length(skipped); i++) {
		const char *symbol = member_string(json_object_array_get_idx(skipped, i), "symbol");

		if (strcmp(reason_at(skipped, i), reason) != 0 || n++ >= NAMES_MAX)
			continue;
		text_puts(t, n > 1 ? ", " : "");
		text_safe(t, symbol, strlen(symbol));
	}
	if (n > NAMES_MAX)
		text_printf(t, " and %zu more", n - NAMES_MAX);
	text_putc(t, '\n');
}

static void put_skipped(struct text *t, json_object *skipped, long long count)
{
	const char *told[REASONS_MAX];
	size_t n = 0;

	for (size_t i = 0; i < length(skipped) && n < REASONS_MAX; i++) {
		const char *reason = reason_at(skipped, i);
		bool is_told = false;

		for (size_t k = 0; k < n; k++)
			is_told |= strcmp(told[k], reason) == 0;
		if (is_told)
			continue;
		told[n++] = reason;
		put_reason(t, skipped, reason);
	}
	if (count > (long long)length(skipped))
		text_printf(t, "left out: %lld in all\n", count);
}

void print_added(const struct ctl *ctl, json_object *reply)
{
	json_object *skipped = json_object_object_get(reply, "skipped");
	long long count = member_int(reply, "skippedCount");
	_cleanup_text_ struct text t = {0};

	if (ctl->json) {
		json_object *o;

		if (count == 0)
			return;
		o = json_object_new_object();
		json_object_object_add(o, "skipped", json_object_get(skipped));
		json_object_object_add(o, "skippedCount", json_object_new_int64(count));
		fprintf(stderr, "%s\n",
			json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN |
								  JSON_C_TO_STRING_NOSLASHESCAPE));
		json_object_put(o);
		return;
	}
	put_notes(&t, json_object_object_get(reply, "probes"));
	put_skipped(&t, skipped, count);
	text_write(&t, stderr);
}
