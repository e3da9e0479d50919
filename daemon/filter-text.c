/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See filter-text.h. */
#include "filter-text.h"

#include "event-text.h"
#include "filter-value.h"

/* Whether the member @key is the field that @t compares, by its name or the other one it has. */
static bool is_field(const struct filter_term *t, struct span key, bool is_arg)
{
	if (!is_arg && t->common == FILTER_DURATION)
		return span_is(key, filter_common_name(FILTER_DURATION));
	return t->name_len == key.n && span_is(key, t->name);
}

struct value {
	struct span text;
	bool is_arg;
};

static bool test(const struct filter_term *t, const struct value *v)
{
	return t->common == FILTER_RET && !v->is_arg ? filter_test_result(t, v->text.p, v->text.n)
						     : filter_test_json(t, v->text.p, v->text.n);
}

/* Finds the values that are compared; one pass over the event. */
static void find_values(const struct filter *f, const char *text, size_t len, struct value *values)
{
	struct event_text t;

	event_text_begin(&t, text, len);
	while (event_text_next(&t)) {
		for (size_t i = 0; i < f->n_terms; i++) {
			const struct filter_term *term = &f->terms[i];

			if (!is_field(term, t.key, t.is_arg))
				continue;
			/* Arguments come last but for "stack", and hide what has their name. */
			if (t.is_arg || (!term->is_arg && term->common != FILTER_NO_COMMON))
				values[i] = (struct value){t.value, t.is_arg};
		}
	}
}

bool filter_match_text(const struct filter *f, const char *text, size_t len)
{
	struct value values[FILTER_TERMS_MAX] = {0};
	unsigned int at = 0;

	find_values(f, text, len, values);
	while (at < f->n_terms) {
		const struct filter_term *t = &f->terms[at];
		bool is_true = values[at].text.p && test(t, &values[at]);

		at = is_true ? t->yes : t->no;
	}
	return at == FILTER_ACCEPT;
}
