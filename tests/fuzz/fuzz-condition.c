/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Filters as anybody may write them, as conditions of the helper module: what is refused is told
 * with its place, what is taken keeps within what the module allows, and where a filter of events
 * compares the same, a hit counts exactly if its event meets it.
 *
 * A byte for the type of the result, then the filter up to the first newline, then the seed of the
 * hits.
 */
#include "../unit/condition-world.h"

#define HITS 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Numbers that events show as numbers, or as words that are compared as numbers. */
static bool is_number(const struct filter_term *t)
{
	static const char *const fields[] = {"a", "b", "c", "d", "f", "g", "r", "t"};
	static const char *const common[] = {"pid",    "tid",	   "uid",	 "ret",
					     "cgroup", "duration", "durationNs", "kthread"};

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (strcmp(t->name, fields[i]) == 0)
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(common); i++)
		if (!t->is_arg && strcmp(t->name, common[i]) == 0)
			return true;
	return false;
}

static bool is_string(const struct filter_term *t)
{
	return strcmp(t->name, "e") == 0 || strcmp(t->name, "s") == 0 ||
	       (!t->is_arg && strcmp(t->name, "comm") == 0);
}

/* Whether each of its comparisons means the same of a hit and of its event: helper-condition.h. */
static bool is_alike(const struct filter *f)
{
	for (size_t i = 0; i < f->n_terms; i++) {
		const struct filter_term *t = &f->terms[i];

		if (t->literal == FILTER_STRING ? !is_string(t) : !is_number(t))
			return false;
	}
	return true;
}

static void check_hits(const struct world *w, const struct filter *f,
		       const struct helper_condition *c, uint64_t seed)
{
	struct random random = {seed | 1};
	bool alike = is_alike(f);

	for (int i = 0; i < HITS; i++) {
		static char event[4096];
		struct hit h;
		size_t len;
		bool wanted, counted;

		make_hit(&h, &random);
		len = put_event(w, &h, event);
		wanted = filter_match_text(f, event, len);
		counted = counts(&h, c);
		world_require(!alike || wanted == counted);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct world w;
	_cleanup_(filter_freep) struct filter *f = NULL;
	_cleanup_free_ char *text = NULL;
	const uint8_t *newline = memchr(data, '\n', size);
	struct helper_condition c;
	struct kp_error e = KP_ERROR_INIT;
	uint64_t seed = 1;
	size_t len;

	if (!w.program.n_args)
		world_new(&w);
	if (size == 0)
		return 0;
	len = newline && newline > data ? (size_t)(newline - data) - 1 : size - 1;
	text = strndup((const char *)data + 1, len);
	if (!text)
		abort();
	if (filter_parse(text, &f, &e) < 0)
		return 0;
	w.spec.result = w.results[*data % ARRAY_SIZE(w.results)];
	if (helper_condition_compile(f, &w.spec, &w.program, &c, &e) < 0) {
		world_require(e.code == KP_INVALID_FILTER && e.reason[0] && e.message[0]);
		world_require(e.position >= -1 && e.position <= (int)strlen(text));
		return 0;
	}
	for (const uint8_t *p = newline; p && p < data + size; p++)
		seed = seed * 31 + *p;
	check_hits(&w, f, &c, seed);
	helper_condition_done(&c);
	return 0;
}
