/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See probe-args.h. Names, types, and typed expressions; fetch-arg.c has what an argument fetches.
 */
#include "probe-args.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "btf-expr.h"
#include "cleanup.h"
#include "fetch-arg.h"
#include "fetch-type.h"
#include "probe-head.h"

/* trace_probe.h: MAX_PROBE_EVENT_SIZE */
enum { EVENT_SIZE_MAX = 3072 };

/* trace_probe.c: reserved_field_names */
static const char *const reserved_names[] = {
	"common_type", "common_flags", "common_preempt_count", "common_pid",
	"common_tgid", "__probe_ip",   "__probe_ret_ip",       "__probe_func",
};

/*
 * The argument that comes next. Inside the parentheses of a typed expression blanks are part of it,
 * "(struct sock *)sk->sk_family"; everywhere else they end it, as they do for the kernel.
 */
static struct span next_arg(struct span *rest)
{
	struct span before = *rest, word = span_next_word(rest), body;
	size_t equals = span_find(word, '='), depth = 0, i;

	body = equals < word.n ? span_from(word, equals + 1) : word;
	if (!btf_expr_is_one(body))
		return word;
	for (i = (size_t)(body.p - before.p); i < before.n; i++) {
		if (before.p[i] == '(')
			depth++;
		else if (before.p[i] == ')' && depth > 0)
			depth--;
		else if (char_is_space(before.p[i]) && depth == 0)
			break;
	}
	/* One that is never closed is a mistake of this word's, not of all behind it. */
	if (depth > 0)
		return word;
	word.n = (size_t)(before.p + i - word.p);
	*rest = span_from(before, i);
	return word;
}

static struct fetch_site site_of(const struct probe_spec *spec)
{
	return (struct fetch_site){
		/* At an address the kernel knows of no function, and so of no return value. */
		.is_return = spec->kind == PROBE_RETURN && spec->symbol,
		/* A call begins at a function's start, wherever that is. */
		.is_call = spec->kind == PROBE_CALL,
		.has_args = spec->kind == PROBE_CALL ||
			    (spec->symbol && probe_head_is_entry(spec->offset)),
	};
}

bool probe_spec_has_name(const struct probe_spec *spec, const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(reserved_names); i++)
		if (strcmp(reserved_names[i], name) == 0)
			return true;
	for (size_t i = 0; i < spec->n_args; i++)
		if (strcmp(spec->args[i].name, name) == 0)
			return true;
	return false;
}

/* The name in front of "=", or the one the kernel makes, into @arg->name */
static int parse_arg_name(const struct probe_spec *spec, struct span text, int position,
			  struct probe_arg *arg, struct kp_error *reterr)
{
	size_t equals = span_find(text, '=');
	struct span name = span_first(text, equals);
	int r = 0;

	arg->is_named = equals < text.n;
	if (!arg->is_named) {
		r = asprintf(&arg->name, "arg%zu", spec->n_args + 1);
		if (r < 0)
			arg->name = NULL;
	} else if (name.n > PROBE_ARG_NAME_MAX) {
		return kp_error_definition(reterr, "argNameTooLong", position, NULL,
					   "An argument's name has %d characters at most.",
					   PROBE_ARG_NAME_MAX);
	} else if (name.n == 0) {
		return kp_error_definition(reterr, "noArgName", position, NULL,
					   "In front of the = is no name.");
	} else if (!span_is_name(name)) {
		return kp_error_definition(reterr, "badArgName", position,
					   "letters, digits and _, not starting with a digit",
					   "\"%.*s\" cannot be an argument's name.", (int)name.n,
					   name.p);
	} else {
		arg->name = strndup(name.p, name.n);
	}
	if (!arg->name)
		return -ENOMEM;
	if (probe_spec_has_name(spec, arg->name))
		return kp_error_definition(reterr, "usedArgName", position,
					   "give it a name: NAME=...",
					   "The argument's name \"%s\" is taken.", arg->name);
	return 0;
}

void probe_arg_done(struct probe_arg *arg)
{
	free(arg->name);
	free(arg->expression);
	free(arg->fetch);
	free(arg->type);
	value_names_unref(arg->names);
}

static int too_many_args(int position, struct kp_error *reterr)
{
	return kp_error_definition(reterr, "tooManyArgs", position, NULL,
				   "A probe has %d arguments at most.", PROBE_ARGS_MAX);
}

int probe_spec_check_size(const struct probe_spec *spec, struct kp_error *reterr)
{
	unsigned int size = 0;

	for (size_t i = 0; i < spec->n_args; i++) {
		size += fetch_type_stored(spec->args[i].size, spec->args[i].count);
		if (size > EVENT_SIZE_MAX)
			return kp_error_definition(
				reterr, "eventTooBig", spec->args[i].fetch_position, NULL,
				"The arguments are more than the %d bytes of an event.",
				EVENT_SIZE_MAX);
	}
	if (spec->n_args > PROBE_ARGS_MAX)
		return too_many_args(spec->args[PROBE_ARGS_MAX].position, reterr);
	return 0;
}

bool probe_arg_is_all(const struct probe_arg *arg)
{
	return arg->expression && strcmp(arg->expression, "$arg*") == 0;
}

int probe_arg_make_name(struct span name, unsigned int n, char **ret)
{
	char suffix[16] = "";
	int room;

	if (n > 1)
		snprintf(suffix, sizeof(suffix), "_%u", n);
	room = PROBE_ARG_NAME_MAX - 1 - (int)strlen(suffix);
	if (asprintf(ret, "%.*s%s", (int)name.n < room ? (int)name.n : room, name.p, suffix) < 0) {
		*ret = NULL;
		return -ENOMEM;
	}
	return 0;
}

/* An expression's name is what it ends in. */
static int name_expression(const struct probe_spec *spec, struct span name, struct probe_arg *arg)
{
	int r = 0;

	for (unsigned int n = 1; r == 0; n++) {
		free(take_ptr(arg->name));
		r = probe_arg_make_name(name, n, &arg->name);
		if (r == 0 && !probe_spec_has_name(spec, arg->name))
			break;
	}
	return r;
}

/* Where the type's colon is, the length if there is none */
static size_t find_type(struct span text)
{
	size_t colon = span_find_last(text, ':'), close = span_find_last(text, ')');

	/* "flags(open)" */
	if (close < text.n && colon < close && span_find(span_from(text, colon), '(') == 6 &&
	    span_starts(span_from(text, colon), ":flags"))
		return colon;
	return colon < text.n && (close == text.n || close < colon) ? colon : text.n;
}

static int parse_given_type(struct span text, int position, struct probe_arg *arg,
			    struct kp_error *reterr)
{
	struct fetch_type type = {.is_given = true};
	int r = fetch_type_parse(text, position, false, &type, reterr);

	if (r == 0)
		r = fetch_type_check_bits(span_first(text, span_find(text, '[')), position, &type,
					  reterr);
	if (r < 0)
		return r;
	free(arg->type);
	arg->type = strdup(type.name);
	if (!arg->type)
		return -ENOMEM;
	memcpy(arg->kernel_type, type.kernel, sizeof(arg->kernel_type));
	arg->parts = type.parts ? type.parts : 1;
	arg->flags = type.flags;
	arg->show = type.show;
	arg->size = type.size;
	arg->count = type.count;
	arg->is_typed = true;
	arg->type_position = position;
	return 0;
}

/* A typed expression is kept as it is: what it means, the kernel's types say later. */
static int parse_expression(const struct probe_spec *spec, struct span text, int position,
			    struct probe_arg *arg, struct kp_error *reterr)
{
	size_t colon = find_type(text);
	struct span body = span_first(text, colon), name;
	struct btf_expr e;
	int r = 0;

	if (span_is(body, "$arg*")) {
		if (arg->is_named || colon < text.n)
			return kp_error_definition(
				reterr, "badVar", position,
				"write $arg* alone, or name one: NAME=$arg1",
				"All arguments at once ($arg*) have no name and no type.");
		if (probe_spec_has_name(spec, "$arg*"))
			return kp_error_definition(reterr, "badVar", position, NULL,
						   "All arguments ($arg*) are there already.");
		name = body;
	} else {
		r = btf_expr_parse(body, position, &e, reterr);
		if (r < 0)
			return r;
		name = btf_expr_name(&e);
	}
	if (r == 0 && !arg->is_named)
		r = name_expression(spec, name, arg);
	if (r < 0)
		return r;
	arg->expression = strndup(body.p, body.n);
	arg->fetch = strndup(body.p, body.n);
	arg->type = strdup(fetch_type_default.name);
	if (!arg->expression || !arg->fetch || !arg->type)
		return -ENOMEM;
	arg->show = fetch_type_default.show;
	arg->size = fetch_type_default.size;
	arg->parts = 1;
	arg->fetch_position = position;
	arg->fetch_length = body.n;
	arg->type_position = -1;
	if (colon == text.n)
		return 0;
	return parse_given_type(span_from(text, colon + 1), position + colon + 1, arg, reterr);
}

static int add_arg(struct probe_spec *spec, struct span text, int position, struct kp_error *reterr)
{
	_cleanup_(probe_arg_done) struct probe_arg arg = {.position = position};
	struct fetch_site site = site_of(spec);
	struct probe_arg *args;
	struct span body;
	size_t skip;
	int r;

	r = parse_arg_name(spec, text, position, &arg, reterr);
	if (r < 0)
		return r;
	skip = arg.is_named ? span_find(text, '=') + 1 : 0;
	body = span_from(text, skip);
	if (btf_expr_is_one(body) || span_starts(body, "$arg*"))
		r = parse_expression(spec, body, position + skip, &arg, reterr);
	else
		r = fetch_arg_parse(body, position + skip, &site, &arg, reterr);
	if (r < 0)
		return r;
	args = reallocarray(spec->args, spec->n_args + 1, sizeof(*args));
	if (!args)
		return -ENOMEM;
	spec->args = args;
	spec->args[spec->n_args++] = arg;
	arg = (struct probe_arg){.name = NULL};
	r = probe_spec_check_size(spec, reterr);
	if (r < 0)
		probe_arg_done(&spec->args[--spec->n_args]);
	else
		spec->wants_all = false;
	return r;
}

int probe_spec_add_arg(struct probe_spec *spec, const char *text, struct kp_error *reterr)
{
	struct fetch_site site = site_of(spec);
	struct span s, rest, word;
	int r;

	r = probe_head_check_line(text, &s, reterr);
	if (r < 0)
		return r;
	rest = s;
	word = next_arg(&rest);
	if (word.p != s.p || word.n != s.n || text[s.n] != '\0') {
		int position = word.p == s.p ? (int)word.n : 0;

		return kp_error_definition(reterr, "badCharacter", position, NULL,
					   "An argument has no spaces and no #.");
	}
	if (spec->n_args == PROBE_ARGS_MAX)
		return too_many_args(0, reterr);
	r = fetch_arg_precheck(s, 0, &site, reterr);
	return r < 0 ? r : add_arg(spec, s, 0, reterr);
}

int probe_args_parse(struct probe_spec *spec, struct span rest, const char *definition,
		     struct kp_error *reterr)
{
	struct fetch_site site = site_of(spec);
	struct span again = rest, excess = {NULL, 0};
	size_t n = 0;
	int r;

	for (struct span word = next_arg(&again); word.n > 0; word = next_arg(&again), n++) {
		r = fetch_arg_precheck(word, word.p - definition, &site, reterr);
		if (r < 0)
			return r;
		if (n == PROBE_ARGS_MAX)
			excess = word;
	}
	if (excess.n > 0)
		return too_many_args(excess.p - definition, reterr);
	for (struct span word = next_arg(&rest); word.n > 0; word = next_arg(&rest)) {
		r = add_arg(spec, word, word.p - definition, reterr);
		if (r < 0)
			return r;
	}
	return 0;
}
