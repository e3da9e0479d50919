/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See symbol-query.h.
 *
 * Regular expressions come from clients: PCRE2 bounds what one match may take, and the whole run is
 * bounded here. Most patterns contain a piece of literal text, which is looked for first.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cleanup.h"
#include "strutil.h"
#include "symbol-query.h"

/* Of one name: far more than a sensible expression takes, milliseconds for a bad one. */
#define MATCH_STEPS_MAX 20000
#define MATCH_HEAP_KIB	256
#define NESTING_MAX	50
/* Of all names together. */
#define RUN_NSEC_MAX 2000000000ULL
#define CHECK_EVERY  1024

struct symbol_query {
	char *pattern; /* owned: glob or name; NULL: a regular expression */
	bool is_glob;
	char literal[64];	     /* part of every name that matches the glob; may be empty */
	pcre2_code *code;	     /* owned */
	pcre2_match_data *match;     /* owned */
	pcre2_match_context *limits; /* owned */
	char *types, *module;	     /* owned; NULL: all */
	unsigned int answers;
	uint32_t skip, limit;
};

static uint64_t cpu_nsec(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
}

/* The longest piece of @glob that stands for itself. */
static void find_literal(const char *glob, char *buf, size_t size)
{
	const char *best = glob;
	size_t best_len = 0;

	for (const char *p = glob; *p;) {
		size_t n = strcspn(p, "*?[\\");

		if (n > best_len) {
			best = p;
			best_len = n;
		}
		p += n;
		/* What is in brackets, or behind a backslash, is not text of its own. */
		if (*p == '[' || *p == '\\')
			break;
		p += *p != '\0';
	}
	snprintf(buf, size, "%.*s", (int)best_len, best);
}

static int compile_regex(struct symbol_query *q, const char *text, size_t len,
			 struct kp_error *reterr)
{
	pcre2_compile_context *context = pcre2_compile_context_create(NULL);
	PCRE2_UCHAR words[160];
	PCRE2_SIZE at = 0;
	int code = 0;

	if (!context)
		return -ENOMEM;
	pcre2_set_max_pattern_length(context, SYMBOL_PATTERN_MAX);
	pcre2_set_parens_nest_limit(context, NESTING_MAX);
	q->code = pcre2_compile((PCRE2_SPTR)text, len,
				PCRE2_NEVER_UTF | PCRE2_NEVER_UCP | PCRE2_NEVER_BACKSLASH_C |
					PCRE2_NO_AUTO_CAPTURE,
				&code, &at, context);
	pcre2_compile_context_free(context);
	if (!q->code) {
		pcre2_get_error_message(code, words, sizeof(words));
		kp_error_set(reterr, KP_INVALID_PARAMETER, EINVAL, "pattern", "%s", (char *)words);
		if (reterr)
			reterr->position = (int)at + 1; /* behind the slash */
		return -EINVAL;
	}
	q->match = pcre2_match_data_create_from_pattern(q->code, NULL);
	q->limits = pcre2_match_context_create(NULL);
	if (!q->match || !q->limits)
		return -ENOMEM;
	pcre2_set_match_limit(q->limits, MATCH_STEPS_MAX);
	pcre2_set_depth_limit(q->limits, MATCH_STEPS_MAX);
	pcre2_set_heap_limit(q->limits, MATCH_HEAP_KIB);
	return 0;
}

static int set_pattern(struct symbol_query *q, const char *pattern, struct kp_error *reterr)
{
	size_t len = strlen(pattern);

	if (len == 0 || len > SYMBOL_PATTERN_MAX) {
		kp_error_set(reterr, KP_INVALID_PARAMETER, EINVAL, "pattern",
			     "a pattern has 1 to %d characters", SYMBOL_PATTERN_MAX);
		return -EINVAL;
	}
	if (len >= 2 && pattern[0] == '/' && pattern[len - 1] == '/')
		return compile_regex(q, pattern + 1, len - 2, reterr);
	q->pattern = strdup(pattern);
	if (!q->pattern)
		return -ENOMEM;
	q->is_glob = strpbrk(pattern, "*?[\\") != NULL;
	find_literal(pattern, q->literal, sizeof(q->literal));
	return 0;
}

int symbol_query_new(const struct symbol_query_options *options, struct symbol_query **ret,
		     struct kp_error *reterr)
{
	_cleanup_(symbol_query_freep) struct symbol_query *q = calloc(1, sizeof(*q));
	int r;

	if (!q)
		return -ENOMEM;
	q->answers = options->answers;
	q->skip = options->skip;
	q->limit = options->limit;
	if (options->types && !(q->types = strdup(options->types)))
		return -ENOMEM;
	if (options->module && !(q->module = strdup(options->module)))
		return -ENOMEM;
	r = set_pattern(q, options->pattern, reterr);
	if (r < 0)
		return r;
	*ret = take_ptr(q);
	return 0;
}

struct symbol_query *symbol_query_free(struct symbol_query *q)
{
	pcre2_match_context_free(q->limits);
	pcre2_match_data_free(q->match);
	pcre2_code_free(q->code);
	free(q->pattern);
	free(q->types);
	free(q->module);
	free(q);
	return NULL;
}

/* 1, 0, or -EDQUOT when it takes too long. */
static int matches_name(const struct symbol_query *q, const char *name)
{
	int n;

	if (q->pattern && !q->is_glob)
		return strcmp(name, q->pattern) == 0;
	if (q->pattern)
		return (!q->literal[0] || strstr(name, q->literal)) &&
		       str_glob_match(q->pattern, name);
	n = pcre2_match(q->code, (PCRE2_SPTR)name, strlen(name), 0, 0, q->match, q->limits);
	if (n >= 0)
		return 1;
	return n == PCRE2_ERROR_NOMATCH ? 0 : -EDQUOT;
}

static bool matches_module(const struct symbol_query *q, const char *module)
{
	if (!q->module)
		return true;
	if (!module)
		return strcmp(q->module, "vmlinux") == 0;
	return str_glob_match(q->module, module);
}

/* 1, 0, or -EDQUOT. The cheapest questions come first. */
static int matches(const struct symbol_query *q, const struct symbols *s,
		   const struct function_lists *lists, uint32_t index)
{
	struct probeable p;
	int r;

	if (q->types && !strchr(q->types, symbols_type(s, index)))
		return 0;
	r = matches_name(q, symbols_name(s, index));
	if (r <= 0)
		return r;
	if (!matches_module(q, symbols_module(s, index)))
		return 0;
	if (!q->answers)
		return 1;
	probeable_check(s, lists, index, 0, &p);
	return q->answers >> p.answer & 1;
}

static int add_match(const struct symbol_query *q, uint32_t index, uint32_t *size,
		     struct symbol_matches *m)
{
	m->total++;
	if (m->total <= q->skip || m->n >= q->limit)
		return 0;
	if (m->n == *size) {
		uint32_t want = *size ? 2 * *size : 64;
		uint32_t *p = realloc(m->indexes, want * sizeof(*p));

		if (!p)
			return -ENOMEM;
		m->indexes = p;
		*size = want;
	}
	m->indexes[m->n++] = index;
	return 0;
}

int symbol_query_run(struct symbol_query *q, const struct symbols *s,
		     const struct function_lists *lists, struct symbol_matches *ret,
		     struct kp_error *reterr)
{
	const uint64_t end = cpu_nsec() + RUN_NSEC_MAX;
	struct symbol_matches m = {0};
	uint32_t size = 0;
	int r = 0;

	for (uint32_t i = 0; i < symbols_count(s) && r >= 0; i++) {
		r = i % CHECK_EVERY == 0 && cpu_nsec() > end ? -EDQUOT : matches(q, s, lists, i);
		if (r > 0)
			r = add_match(q, i, &size, &m);
	}
	if (r < 0) {
		free(m.indexes);
		if (r == -EDQUOT) {
			kp_error_set(reterr, KP_LIMIT_REACHED, EDQUOT, "pattern-time",
				     "the pattern takes too long to match");
			if (reterr)
				reterr->value = (long long)(RUN_NSEC_MAX / 1000000);
		}
		return r;
	}
	*ret = m;
	return 0;
}
