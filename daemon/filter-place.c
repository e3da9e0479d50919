/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See filter-place.h. */
#include "filter-place.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "filter-parse.h"
#include "name-distance.h"
#include "span.h"

static bool has_arg(const struct probe_spec *spec, const char *name)
{
	for (size_t i = 0; i < spec->n_args; i++)
		if (strcmp(spec->args[i].name, name) == 0)
			return true;
	return false;
}

static bool is_known(const struct probe_spec *spec, const struct filter_term *t)
{
	if (has_arg(spec, t->name) || probe_spec_has_unknown_names(spec))
		return true;
	return !t->is_arg && t->common != FILTER_NO_COMMON;
}

void filter_place_error(struct kp_error *e)
{
	if (!e || e->code != KP_INVALID_FILTER)
		return;
	e->code = KP_INVALID_DEFINITION;
	snprintf(e->reason, sizeof(e->reason), "badFilter");
}

static int check_names(const struct probe_spec *spec, const struct filter *f,
		       struct kp_error *reterr)
{
	for (size_t i = 0; i < f->n_terms; i++) {
		const struct filter_term *t = &f->terms[i];
		struct name_search search = name_search_of((struct span){t->name, t->name_len});
		char hint[128] = "";

		if (is_known(spec, t))
			continue;
		for (size_t k = 0; k < spec->n_args; k++)
			name_search_try(&search, spec->args[k].name);
		if (search.best)
			snprintf(hint, sizeof(hint), "did you mean %s?", search.best);
		return filter_error(reterr, "unknownField", t->position, hint,
				    "this probe has no field %s", t->name);
	}
	return 0;
}

static int check_condition(const struct probe_spec *spec, struct kp_error *reterr)
{
	_cleanup_(filter_freep) struct filter *f = NULL;
	int r;

	r = filter_parse(spec->filter, &f, reterr);
	if (r == 0)
		r = check_names(spec, f, reterr);
	if (r == -EINVAL)
		filter_place_error(reterr);
	return r;
}

/* Whether the number at @text has a unit: "1ms". */
static bool has_unit(const char *text)
{
	text += strspn(text, "-");
	if (strncmp(text, "0x", 2) == 0)
		return false;
	return char_is_alpha(text[strspn(text, "0123456789")]);
}

/* Whether a comparison says what the kernel's language has no words for. */
static bool is_beyond_tracefs(const struct probe_spec *spec, const struct filter_term *t)
{
	if (t->op == FILTER_PREFIX || t->is_arg)
		return true;
	for (size_t i = 0; i < spec->n_args; i++)
		if (strcmp(spec->args[i].name, t->name) == 0)
			return spec->args[i].show >= ARG_ERRNO ||
			       (t->literal == FILTER_NUMBER &&
				has_unit(spec->filter + t->value_position));
	return t->common == FILTER_TID || t->common >= FILTER_PID;
}

/* A condition that the kernel does not take only because it is put badly is not the helper's. */
static int check_beyond_tracefs(struct probe_spec *spec)
{
	_cleanup_(filter_freep) struct filter *f = NULL;
	int r = filter_parse(spec->filter, &f, NULL);

	if (r < 0)
		return r;
	for (size_t i = 0; i < f->n_terms; i++)
		if (is_beyond_tracefs(spec, &f->terms[i]))
			return check_condition(spec, NULL);
	return -EINVAL;
}

int filter_place(struct probe_spec *spec, struct kp_error *reterr)
{
	struct kp_error kernels = KP_ERROR_INIT;
	int r;

	spec->is_helper_filter = false;
	if (!spec->filter)
		return 0;
	if (spec->hist || probe_kind_is_helpers(spec->kind)) {
		r = check_condition(spec, reterr);
		spec->is_helper_filter = r == 0;
		return r;
	}
	r = probe_spec_check_filter(spec, spec->filter, &kernels);
	if (r != -EINVAL)
		return r;
	if (spec->kind == PROBE_ENTRY) {
		r = check_beyond_tracefs(spec);
		if (r != -EINVAL) {
			spec->is_helper_filter = r == 0;
			return r;
		}
	}
	if (reterr && reterr->code == KP_OK) {
		kernels.probe = reterr->probe;
		*reterr = kernels;
	}
	return -EINVAL;
}
