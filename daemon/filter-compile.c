/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See filter-compile.h. */
#include "filter-compile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "filter-value.h"

/* One row of the edit distance is kept; longer names are like none. */
#define NAME_MAX_LENGTH PROBE_ARG_NAME_MAX

/* Whether @t means @f, by its name or the other one it has. */
static bool is_field(const struct filter_term *t, const struct decoder_field *f)
{
	if (f->is_arg || t->common == FILTER_NO_COMMON)
		return strcmp(f->name, t->name) == 0 && (f->is_arg || !t->is_arg);
	return strcmp(f->name, filter_common_name(t->common)) == 0;
}

static bool find_field(const struct filter_term *t, const struct decoder *d,
		       struct decoder_field *ret)
{
	struct decoder_field f;
	bool is_found = false;

	/* An argument hides what is none. */
	for (unsigned int i = 0; decoder_field(d, i, &f); i++) {
		if (!is_field(t, &f) || (is_found && !f.is_arg))
			continue;
		*ret = f;
		is_found = true;
	}
	return is_found;
}

static enum filter_test_kind common_kind(enum filter_common field)
{
	switch (field) {
	case FILTER_TS:
		return FILTER_TEST_TS;
	case FILTER_CPU:
		return FILTER_TEST_CPU;
	case FILTER_TID:
		return FILTER_TEST_TID;
	case FILTER_COMM:
		return FILTER_TEST_COMM;
	default:
		return FILTER_TEST_NEVER;
	}
}

static void compile_field(const struct filter_term *t, const struct decoder_field *f,
			  struct filter_test *ret)
{
	bool is_text = t->literal == FILTER_STRING;

	ret->kind = FILTER_TEST_SHOWN;
	ret->offset = (uint16_t)f->index;
	if (f->count)
		return;
	if (f->value == DECODER_STRING ? !is_text : is_text || f->value == DECODER_SHOWN)
		return;
	if (f->value == DECODER_DURATION) {
		ret->kind = FILTER_TEST_DURATION;
		return;
	}
	ret->offset = (uint16_t)f->offset;
	ret->next = (uint16_t)f->next;
	ret->part = (uint8_t)f->part;
	ret->number = (uint8_t)f->number;
	ret->size = (uint8_t)f->size;
	ret->kind = f->value == DECODER_STRING	 ? FILTER_TEST_STRING
		    : f->value == DECODER_SIGNED ? FILTER_TEST_SIGNED
						 : FILTER_TEST_UNSIGNED;
	if (t->common == FILTER_RET && !f->is_arg && f->is_text && f->size == 8 &&
	    ret->kind == FILTER_TEST_UNSIGNED && filter_has_signed_result(t))
		ret->kind = FILTER_TEST_SIGNED;
}

static void compile_common(const struct filter_term *t, const struct decoder *d,
			   struct filter_test *ret)
{
	struct span text = t->common == FILTER_PROBE ? decoder_name(d) : decoder_site(d);

	ret->kind = (uint8_t)common_kind(t->common);
	if (t->common == FILTER_PROBE || t->common == FILTER_SITE)
		ret->kind = filter_test_json(t, text.p, text.n) ? FILTER_TEST_ALWAYS
								: FILTER_TEST_NEVER;
}

int filter_compile(const struct filter *f, const struct decoder *d, struct filter_program **ret)
{
	struct filter_program *p = calloc(1, sizeof(*p) + f->n_terms * sizeof(p->tests[0]));
	struct decoder_field field;

	if (!p)
		return -ENOMEM;
	p->serial = decoder_serial(d);
	p->n_tests = f->n_terms;
	for (size_t i = 0; i < f->n_terms; i++) {
		const struct filter_term *t = &f->terms[i];

		p->tests[i] = (struct filter_test){.yes = t->yes, .no = t->no, .term = t};
		if (find_field(t, d, &field))
			compile_field(t, &field, &p->tests[i]);
		else
			compile_common(t, d, &p->tests[i]);
	}
	*ret = p;
	return 0;
}

struct filter_program *filter_program_free(struct filter_program *p)
{
	free(p);
	return NULL;
}

enum filter_fit filter_term_fit(const struct filter_term *t, const struct decoder *d)
{
	bool is_number = t->literal == FILTER_NUMBER || t->op == FILTER_TRUE;
	struct decoder_field f;

	if (find_field(t, d, &f)) {
		if (f.value == DECODER_STRING && is_number)
			return FILTER_IS_A_STRING;
		if ((f.value == DECODER_SIGNED || f.value == DECODER_UNSIGNED ||
		     f.value == DECODER_DURATION) &&
		    !f.is_text && !is_number)
			return FILTER_IS_A_NUMBER;
		return FILTER_FITS;
	}
	switch (t->common) {
	case FILTER_TS:
	case FILTER_CPU:
	case FILTER_TID:
		return is_number ? FILTER_FITS : FILTER_IS_A_NUMBER;
	case FILTER_COMM:
	case FILTER_PROBE:
	case FILTER_SITE:
		return is_number ? FILTER_IS_A_STRING : FILTER_FITS;
	case FILTER_CALLER:
	case FILTER_NO_COMMON:
		return FILTER_HAS_NO_FIELD;
	default:
		return FILTER_IS_THE_HELPERS;
	}
}

/* How many insertions, removals and replacements lie between the two. */
static unsigned int distance(const char *a, const char *b)
{
	unsigned int row[NAME_MAX_LENGTH + 1];
	size_t n = strlen(b);

	if (n > NAME_MAX_LENGTH)
		return NAME_MAX_LENGTH;
	for (unsigned int j = 0; j <= n; j++)
		row[j] = j;
	for (unsigned int i = 0; a[i]; i++) {
		unsigned int diagonal = row[0];

		row[0] = i + 1;
		for (size_t j = 0; j < n; j++) {
			unsigned int replaced = diagonal + (a[i] != b[j]);
			unsigned int other = (row[j] < row[j + 1] ? row[j] : row[j + 1]) + 1;

			diagonal = row[j + 1];
			row[j + 1] = replaced < other ? replaced : other;
		}
	}
	return row[n];
}

/* The field that was meant, perhaps: of the probes, or common to all of them. */
static void suggest(const struct filter_term *t, const struct decoder *const *probes, size_t n,
		    char *hint, size_t size)
{
	unsigned int best = strlen(t->name) < 4 ? 2 : 3; /* further away, it is a guess */
	const char *nearest = NULL;
	struct decoder_field f;

	for (size_t i = 0; i < n; i++)
		for (unsigned int k = 0; decoder_field(probes[i], k, &f); k++)
			if (distance(t->name, f.name) < best) {
				nearest = f.name;
				best = distance(t->name, f.name);
			}
	for (enum filter_common c = 0; c < FILTER_PID && !t->is_arg; c++)
		if (distance(t->name, filter_common_name(c)) < best) {
			nearest = filter_common_name(c);
			best = distance(t->name, nearest);
		}
	if (nearest)
		snprintf(hint, size, "did you mean %s?", nearest);
}

/* What is said when no probe has what @t compares; @fit is the nearest any of them came. */
static int refuse(const struct filter_term *t, enum filter_fit fit,
		  const struct decoder *const *probes, size_t n, struct kp_error *e)
{
	char hint[128] = "";

	switch (fit) {
	case FILTER_IS_A_NUMBER:
		return filter_error(e, "wrongType", t->value_position, NULL,
				    "%s is a number, and is compared with a string", t->name);
	case FILTER_IS_A_STRING:
		return filter_error(e, "wrongType",
				    t->literal == FILTER_NUMBER ? t->value_position : t->position,
				    "strings are put in quotes",
				    "%s is a string, and is compared with a number", t->name);
	case FILTER_IS_THE_HELPERS:
		if (t->common == FILTER_RET)
			return filter_error(e, "unknownField", t->position,
					    "fetch it with the probe: r SYMBOL ret=$retval:s32",
					    "no probe selected has an argument called ret");
		if (t->common == FILTER_UID || t->common == FILTER_CGROUP ||
		    t->common == FILTER_KTHREAD)
			return filter_error(e, "unknownField", t->position,
					    "the filter of a probe knows it: kprobectl's --filter",
					    "%s is in no event", t->name);
		kp_error_set(e, KP_HELPER_REQUIRED, EOPNOTSUPP, t->name,
			     "%s is recorded by the helper module only", t->name);
		if (e)
			e->position = t->position;
		return -EOPNOTSUPP;
	default:
		suggest(t, probes, n, hint, sizeof(hint));
		return filter_error(e, "unknownField", t->position, hint,
				    "no probe selected has a field called %s", t->name);
	}
}

int filter_check(const struct filter *f, const struct decoder *const *probes, size_t n,
		 struct kp_error *reterr)
{
	for (size_t i = 0; i < f->n_terms; i++) {
		const struct filter_term *t = &f->terms[i];
		enum filter_fit fit = FILTER_HAS_NO_FIELD;

		for (size_t k = 0; k < n && fit != FILTER_FITS; k++) {
			enum filter_fit now = filter_term_fit(t, probes[k]);

			if (now == FILTER_FITS || fit == FILTER_HAS_NO_FIELD)
				fit = now;
		}
		if (fit != FILTER_FITS)
			return refuse(t, fit, probes, n, reterr);
	}
	return 0;
}
