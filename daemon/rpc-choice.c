/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See rpc-choice.h. */
#include "rpc-choice.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "filter-compile.h"
#include "strutil.h"

#define SAMPLE_MAX 1000000000
#define RATE_MAX   1000000000

static int read_number(struct json_object *parameters, const char *key, int64_t max,
		       unsigned int *ret, struct kp_error *e)
{
	struct json_object *v = json_object_object_get(parameters, key);
	int64_t n = v ? json_object_get_int64(v) : 0;

	if (v && (n < 1 || n > max))
		return kp_error_set(e, KP_INVALID_PARAMETER, ERANGE, key, "%s must be 1 to %lld",
				    key, (long long)max);
	*ret = (unsigned int)n;
	return 0;
}

static int read_filter(struct json_object *parameters, struct filter **ret, struct kp_error *e)
{
	struct json_object *v = json_object_object_get(parameters, "filter");

	return v ? filter_parse(json_object_get_string(v), ret, e) : 0;
}

static int read_fields(struct json_object *parameters, struct fields **ret, struct kp_error *e)
{
	struct json_object *list = json_object_object_get(parameters, "fields");
	size_t n = list ? json_object_array_length(list) : 0;
	_cleanup_free_ const char **names = calloc(n + 1, sizeof(*names));

	if (!names)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		names[i] = json_object_get_string(json_object_array_get_idx(list, i));
	return list ? fields_new(names, n, ret, e) : 0;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The condition's text and the selectors in order, each with its NUL. */
static int make_key(const char *filter, char *const *selectors, size_t n, struct rpc_choice *choice)
{
	_cleanup_free_ char **sorted = calloc(n + 1, sizeof(*sorted));
	size_t len = strlen(filter) + 1;
	char *p;

	if (!sorted)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		sorted[i] = selectors[i];
		len += strlen(selectors[i]) + 1;
	}
	qsort(sorted, n, sizeof(*sorted), compare);
	choice->key = p = malloc(len);
	if (!p)
		return -ENOMEM;
	choice->key_len = len;
	p = stpcpy(p, filter) + 1;
	for (size_t i = 0; i < n; i++)
		p = stpcpy(p, sorted[i]) + 1;
	return 0;
}

/*
 * The decoders of the probes that are meant. *@ret_n is 0 where not all of them are known yet: with
 * a glob, or a probe that is gone or still to come.
 */
static int find_decoders(const struct server *server, char *const *selectors, size_t n,
			 const struct decoder ***ret, size_t *ret_n)
{
	const struct registry *r = probe_set_registry(server->probes);
	const struct decoder **decoders = calloc(r->n_live + 1, sizeof(*decoders));
	_cleanup_free_ bool *is_found = calloc(n + 1, sizeof(*is_found));
	size_t n_decoders = 0;
	bool is_whole = n > 0;

	if (!decoders || !is_found) {
		free(decoders);
		return -ENOMEM;
	}
	for (const struct probe *p = r->all; p; p = p->next) {
		const struct decoder *d;
		bool is_meant = false;

		for (size_t i = 0; p->owners && i < n; i++)
			if (probe_matches(p, selectors[i]))
				is_meant = is_found[i] = true;
		/* Made once, by the worker; then it stays. */
		d = is_meant ? __atomic_load_n(&p->decoder, __ATOMIC_ACQUIRE) : NULL;
		if (d && n_decoders < r->n_live)
			decoders[n_decoders++] = d;
		else if (is_meant)
			is_whole = false;
	}
	for (size_t i = 0; i < n; i++)
		is_whole &= is_found[i] && !str_is_glob(selectors[i]);
	*ret = decoders;
	*ret_n = is_whole ? n_decoders : 0;
	return 0;
}

static bool has_arg(const struct decoder *d, const char *name)
{
	struct decoder_field f;

	for (unsigned int i = 0; decoder_field(d, i, &f); i++)
		if (f.is_arg && strcmp(f.name, name) == 0)
			return true;
	return false;
}

static int check_fields(const struct fields *fields, const struct decoder *const *decoders,
			size_t n, struct kp_error *e)
{
	const char *name;
	bool is_arg;

	for (size_t i = 0; (name = fields_name(fields, i, &is_arg)); i++) {
		bool is_found = !is_arg && fields_is_common(name);

		for (size_t k = 0; k < n; k++)
			is_found |= has_arg(decoders[k], name);
		if (!is_found)
			return filter_error(e, "unknownField", 0, NULL,
					    "no probe selected has a field called %s", name);
	}
	return 0;
}

static int check_choice(const struct server *server, char *const *selectors, size_t n,
			const struct rpc_choice *choice, struct kp_error *e)
{
	_cleanup_free_ const struct decoder **decoders = NULL;
	size_t n_decoders;
	int r = find_decoders(server, selectors, n, &decoders, &n_decoders);

	if (r == 0 && n_decoders && choice->filter)
		r = filter_check(choice->filter, decoders, n_decoders, e);
	if (r == 0 && n_decoders && choice->fields)
		r = check_fields(choice->fields, decoders, n_decoders, e);
	return r;
}

int rpc_choice_read(const struct server *server, struct json_object *parameters,
		    char *const *selectors, size_t n, struct rpc_choice *ret, struct kp_error *e)
{
	struct rpc_choice choice = {0};
	int r;

	r = read_number(parameters, "sample", SAMPLE_MAX, &choice.sample, e);
	if (r == 0)
		r = read_number(parameters, "rateLimit", RATE_MAX, &choice.rate, e);
	if (r == 0)
		r = read_filter(parameters, &choice.filter, e);
	if (r == 0)
		r = read_fields(parameters, &choice.fields, e);
	if (r == 0 && (choice.filter || choice.fields))
		r = check_choice(server, selectors, n, &choice, e);
	if (r == 0 && choice.filter)
		r = make_key(json_object_get_string(json_object_object_get(parameters, "filter")),
			     selectors, n, &choice);
	if (r < 0) {
		rpc_choice_done(&choice);
		return r;
	}
	*ret = choice;
	return 0;
}

void rpc_choice_done(struct rpc_choice *choice)
{
	if (choice->filter)
		filter_free(choice->filter);
	if (choice->fields)
		fields_free(choice->fields);
	free(choice->key);
	*choice = (struct rpc_choice){0};
}

int rpc_choice_view(const struct server *server, struct rpc_choice *choice,
		    struct shared_view **ret, struct kp_error *e)
{
	struct views *views = delivery_views(server->delivery);
	unsigned int limit = server->config->limits.filters;

	if (views_count(views) >= limit && !views_find(views, choice->key, choice->key_len)) {
		kp_error_set(e, KP_LIMIT_REACHED, EDQUOT, "filters",
			     "there may be %u different filters at a time", limit);
		if (e)
			e->value = limit;
		return -EDQUOT;
	}
	return views_get(views, choice->key, choice->key_len, &choice->filter, ret);
}
