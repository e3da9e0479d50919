/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See btf-compile.h.
 *
 * An expression becomes text of the kernel's own grammar, and that text goes through the parser of
 * fetch arguments, which knows the kernel's limits and the types: what comes out of it is what a
 * person would have got who had written the offsets by hand.
 */
#include "btf-compile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "btf-expr.h"
#include "btf-show.h"
#include "btf-type.h"
#include "btf-walk.h"
#include "cleanup.h"
#include "fetch-arg.h"
#include "filter-place.h"
#include "probe-head.h"

/* The arguments under construction */
struct output {
	struct probe_arg *args; /* owned */
	size_t n;
};

static void output_done(struct output *o)
{
	for (size_t i = 0; i < o->n; i++)
		probe_arg_done(&o->args[i]);
	free(o->args);
}

static struct fetch_site site_of(const struct btf_scope *scope)
{
	return (struct fetch_site){
		.is_return = scope->is_return,
		.is_call = scope->is_call,
		.has_args = scope->is_entry,
	};
}

/* The kernel's limits, in terms of what was written */
static int refused(const struct kp_error *e, const char *text, int position,
		   struct kp_error *reterr)
{
	char hint[224];

	snprintf(hint, sizeof(hint), "for the kernel it is %.160s", text);
	return kp_error_definition(reterr, e->reason, position, hint,
				   "The kernel cannot fetch this: %.160s", e->message);
}

/* Puts what @fetch says into @arg, whose name, expression and positions stay. */
static int set_fetch(const struct btf_scope *scope, struct btf_fetch *fetch, struct probe_arg *arg,
		     struct kp_error *reterr)
{
	struct fetch_site site = site_of(scope);
	struct probe_arg parsed = {.fetch = NULL};
	struct kp_error e = KP_ERROR_INIT;
	int r;

	r = fetch_arg_parse(span_of(fetch->text), 0, &site, &parsed, &e);
	if (r == -EINVAL)
		return refused(&e, fetch->text, arg->fetch_position, reterr);
	if (r < 0)
		return r;
	free(arg->fetch);
	free(arg->type);
	arg->fetch = parsed.fetch;
	arg->type = parsed.type;
	memcpy(arg->kernel_type, parsed.kernel_type, sizeof(arg->kernel_type));
	arg->parts = parsed.parts;
	arg->flags = parsed.flags;
	arg->show = parsed.show;
	arg->size = parsed.size;
	arg->count = parsed.count;
	arg->is_compiled = true;
	if (fetch->names) {
		arg->names = take_ptr(fetch->names);
		arg->show = ARG_ENUM;
	}
	return 0;
}

static int set_value(const struct btf_scope *scope, struct btf_value *v, struct probe_arg *arg,
		     struct kp_error *reterr)
{
	struct btf_fetch fetch;
	int r;

	if (arg->is_typed)
		r = btf_show_as(v, arg, arg->fetch_position, &fetch, reterr);
	else
		r = btf_show_value(scope, v, arg->fetch_position, &fetch, reterr);
	if (r < 0)
		return r;
	r = set_fetch(scope, &fetch, arg, reterr);
	value_names_unref(fetch.names);
	return r;
}

static int compile_expression(const struct btf_scope *scope, struct probe_arg *arg,
			      struct kp_error *reterr)
{
	struct btf_value v = {.type = 0};
	struct btf_expr e;
	int r;

	r = btf_expr_parse(span_of(arg->expression), arg->fetch_position, &e, reterr);
	if (r == 0)
		r = btf_value_of_expr(scope, &e, &v, reterr);
	return r < 0 ? r : set_value(scope, &v, arg, reterr);
}

/* Appends an argument called @name, or as like it as is free. */
static int add_arg(struct output *o, const struct probe_spec *spec, struct span name,
		   const struct probe_arg *base, struct probe_arg **ret)
{
	struct probe_arg *args = reallocarray(o->args, o->n + 1, sizeof(*args));
	struct probe_arg arg = {
		.position = base->position,
		.fetch_position = base->fetch_position,
		.fetch_length = base->fetch_length,
		.type_position = -1,
	};
	int r;

	if (!args)
		return -ENOMEM;
	o->args = args;
	/* Names may be taken by arguments in front, and by those still to come. */
	for (unsigned int n = 1;; n++) {
		bool is_used = false;

		r = probe_arg_make_name(name, n, &arg.name);
		if (r < 0)
			return r;
		for (size_t i = 0; i < o->n; i++)
			is_used |= strcmp(o->args[i].name, arg.name) == 0;
		if (!is_used && !probe_spec_has_name(spec, arg.name))
			break;
		free(take_ptr(arg.name));
	}
	o->args[o->n] = arg;
	*ret = &o->args[o->n++];
	return 0;
}

/* A struct by value that is no single value: its words. */
static int add_words(const struct btf_scope *scope, const struct probe_spec *spec,
		     const struct btf_value *v, uint64_t size, const struct probe_arg *base,
		     struct output *o, struct kp_error *reterr)
{
	unsigned int words =
		(unsigned int)(size < 8 * PROBE_ARRAY_MAX ? (size + 7) / 8 : PROBE_ARRAY_MAX);
	struct btf_fetch fetch = {.names = NULL};
	struct probe_arg *arg;
	int r = 0;

	for (unsigned int i = 0; r == 0 && i < words; i++) {
		struct btf_value word = *v;
		char text[BTF_FETCH_SIZE];

		word.bit = 64 * (uint64_t)i;
		r = btf_value_load(&word, text);
		if (r == 0)
			r = add_arg(o, spec, v->name, base, &arg);
		if (r < 0)
			break;
		snprintf(fetch.text, sizeof(fetch.text), "%s:x64", text);
		if (v->in_memory) {
			snprintf(fetch.text, sizeof(fetch.text), "%s:x64[%u]", text, words);
			words = 1;
		}
		r = set_fetch(scope, &fetch, arg, reterr);
	}
	return r;
}

/* The parameters in place of @base. One that is no single value is shown in words, not refused. */
static int add_params(const struct btf_scope *scope, const struct probe_spec *spec,
		      const struct probe_arg *base, struct output *o, struct kp_error *reterr)
{
	const struct btf_prototype *p = scope->prototype;
	int r = 0;

	for (size_t i = 0; i < p->n_params && r == 0; i++) {
		struct kp_error e = KP_ERROR_INIT;
		struct btf_fetch fetch;
		struct btf_value v, again;
		struct probe_arg *arg;
		char number[24];

		if (!scope->is_return && p->params[i].place.kind == CALL_NOWHERE)
			continue;
		r = btf_value_of_param(scope, i, base->fetch_position, &v, reterr);
		if (r < 0)
			return r;
		snprintf(number, sizeof(number), "arg%zu", i + 1);
		if (v.name.n == 0)
			v.name = span_of(number);
		again = v;
		r = btf_show_value(scope, &v, base->fetch_position, &fetch, &e);
		if (r == -EINVAL) {
			r = add_words(scope, spec, &again, p->params[i].size, base, o, reterr);
			continue;
		}
		if (r == 0)
			r = add_arg(o, spec, again.name, base, &arg);
		if (r == 0)
			r = set_fetch(scope, &fetch, arg, reterr);
		value_names_unref(fetch.names);
	}
	return r;
}

static int add_result(const struct btf_scope *scope, const struct probe_spec *spec,
		      const struct probe_arg *base, struct output *o)
{
	struct btf_value v = {
		.btf = scope->prototype->btf,
		.type = scope->prototype->result,
		.inner = "$retval",
		.name = span_of("ret"),
	};
	struct kp_error e = KP_ERROR_INIT;
	struct btf_fetch fetch;
	struct probe_arg *arg;
	int r;

	if (v.type == 0)
		return 0;
	r = btf_show_value(scope, &v, 0, &fetch, &e);
	/* A struct: where it comes back there is no saying. */
	if (r == -EINVAL)
		return 0;
	if (r == 0)
		r = add_arg(o, spec, v.name, base, &arg);
	if (r == 0)
		r = set_fetch(scope, &fetch, arg, &e);
	value_names_unref(fetch.names);
	/* What it came to is its normal form: "ret=$retval:s32". */
	if (r == 0)
		arg->is_named = arg->is_typed = true;
	return r;
}

/* The parameters, which the normal form has as "$arg*" */
static int expand(const struct btf_scope *scope, const struct probe_spec *spec,
		  const struct probe_arg *base, struct output *o, struct kp_error *reterr)
{
	size_t first = o->n;
	int r = add_params(scope, spec, base, o, reterr);

	if (r < 0)
		return r;
	for (size_t i = first; i < o->n; i++)
		o->args[i].is_expanded = true;
	if (first == o->n)
		return 0;
	o->args[first].expression = strdup("$arg*");
	return o->args[first].expression ? 0 : -ENOMEM;
}

/* Where nothing was said: as much as is known. */
static int compile_default(const struct btf_scope *scope, struct probe_spec *spec, struct output *o,
			   struct kp_error *reterr)
{
	struct probe_arg base = {.position = spec->symbol_position,
				 .fetch_position = spec->symbol_position};
	char note[224];

	if (!scope->prototype) {
		snprintf(note, sizeof(note),
			 "the arguments of %.80s are not known (%s), so none are recorded",
			 scope->function ? scope->function : "an address",
			 scope->why_none == -ENOTUNIQ ? "several functions have the name"
						      : "it is not among the types, BTF");
		return spec->kind == PROBE_RETURN ? 0 : probe_spec_note(spec, note);
	}
	if (spec->kind == PROBE_RETURN)
		return add_result(scope, spec, &base, o);
	return expand(scope, spec, &base, o, reterr);
}

/* Duplicates what stays as it is; its strings are then the copy's. */
static int copy_arg(const struct probe_arg *from, struct output *o)
{
	struct probe_arg *args = reallocarray(o->args, o->n + 1, sizeof(*args));
	struct probe_arg arg = *from;

	if (!args)
		return -ENOMEM;
	o->args = args;
	arg.name = strdup(from->name);
	arg.fetch = strdup(from->fetch);
	arg.type = strdup(from->type);
	arg.expression = from->expression ? strdup(from->expression) : NULL;
	arg.names = value_names_ref(from->names);
	o->args[o->n++] = arg;
	return arg.name && arg.fetch && arg.type && (!from->expression || arg.expression) ? 0
											  : -ENOMEM;
}

static int compile_all(const struct btf_scope *scope, const struct probe_spec *spec,
		       const struct probe_arg *arg, struct output *o, struct kp_error *reterr)
{
	struct btf_expr e = {.base = span_of("parameters"), .base_position = arg->position};
	struct btf_value v;

	/* A name nobody has tells why nothing is known. */
	if (!scope->prototype)
		return btf_value_of_expr(scope, &e, &v, reterr);
	return expand(scope, spec, arg, o, reterr);
}

static int compile_args(const struct btf_scope *scope, const struct probe_spec *spec,
			struct output *o, struct kp_error *reterr)
{
	int r = 0;

	for (size_t i = 0; i < spec->n_args && r == 0; i++) {
		const struct probe_arg *arg = &spec->args[i];

		if (probe_arg_is_all(arg) && !arg->is_compiled) {
			r = compile_all(scope, spec, arg, o, reterr);
			continue;
		}
		r = copy_arg(arg, o);
		if (r == 0 && arg->expression && !arg->is_compiled)
			r = compile_expression(scope, &o->args[o->n - 1], reterr);
		/* Of arguments that were given one by one, positions count from their own start. */
		if (r == -EINVAL && arg->position == 0 && reterr && reterr->detail[0] == '\0')
			kp_error_quote(reterr, arg->expression);
	}
	return r;
}

/*
 * How a call's result is shown. A pointer is an address, and not the text it may point to: that
 * would be another argument.
 */
static int compile_result(const struct btf_scope *scope, struct probe_spec *spec)
{
	struct btf_value v = {.inner = "$retval", .name = span_of("ret")};
	_cleanup_free_ struct probe_arg *arg = NULL;
	struct kp_error e = KP_ERROR_INIT;
	struct btf_fetch fetch;
	int r;

	spec->knows_result = true;
	if (!scope->prototype)
		return 0;
	v.btf = scope->prototype->btf;
	v.type = scope->prototype->result;
	spec->has_no_result = v.type == 0;
	if (spec->has_no_result)
		return 0;
	arg = calloc(1, sizeof(*arg));
	if (!arg)
		return -ENOMEM;
	arg->name = strdup("ret");
	if (!arg->name)
		return -ENOMEM;
	r = btf_show_value(scope, &v, 0, &fetch, &e);
	if (r == -EINVAL || (r == 0 && !span_starts(span_of(fetch.text), "$retval:"))) {
		snprintf(fetch.text, sizeof(fetch.text), "$retval:x64");
		r = 0;
	}
	if (r == 0)
		r = set_fetch(scope, &fetch, arg, &e);
	value_names_unref(fetch.names);
	if (r == 0)
		spec->result = take_ptr(arg);
	else
		probe_arg_done(arg);
	return r;
}

bool btf_compile_is_needed(const struct probe_spec *spec)
{
	if (spec->kind == PROBE_CALL && !spec->knows_result)
		return true;
	for (size_t i = 0; i < spec->n_args; i++)
		if (spec->args[i].expression && !spec->args[i].is_compiled)
			return true;
	return spec->wants_all && spec->n_args == 0;
}

int btf_compile_spec(struct probe_spec *spec, struct btf_store *store, const char *module,
		     const char *function, struct kp_error *reterr)
{
	_cleanup_(output_done) struct output o = {.args = NULL};
	struct btf_prototype prototype;
	struct probe_spec compiled;
	struct btf_scope scope = {
		.store = store,
		.function = function,
		.module = module,
		.is_entry = spec->kind == PROBE_CALL ||
			    (spec->symbol && probe_head_is_entry(spec->offset)),
		.is_call = spec->kind == PROBE_CALL,
		.is_return = spec->kind == PROBE_RETURN && spec->symbol,
	};
	int r;

	if (!btf_compile_is_needed(spec))
		return 0;
	scope.why_none = function ? btf_find_func(store, module, function, &prototype) : -ENOENT;
	if (scope.why_none == -ENOMEM)
		return -ENOMEM;
	if (scope.why_none == 0)
		scope.prototype = &prototype;
	/* A module without types of its own can still be probed with the kernel's. */
	r = btf_store_get(store, module, &scope.btf);
	if (r < 0 && module)
		r = btf_store_get(store, NULL, &scope.btf);
	if (r == -ENOMEM)
		return r;
	if (r < 0)
		scope.btf = NULL;

	/* A call of which only the result is to be known has no arguments to be made. */
	r = spec->n_args > 0  ? compile_args(&scope, spec, &o, reterr)
	    : spec->wants_all ? compile_default(&scope, spec, &o, reterr)
			      : 0;
	if (r == 0 && spec->kind == PROBE_CALL && !spec->knows_result)
		r = compile_result(&scope, spec);
	if (r < 0)
		return r;
	compiled = *spec;
	compiled.args = o.args;
	compiled.n_args = o.n;
	compiled.wants_all = false;
	r = probe_spec_check_size(&compiled, reterr);
	if (r == 0)
		r = filter_place(&compiled, reterr);
	if (r == -EINVAL && reterr && reterr->detail[0] == '\0' && spec->filter &&
	    strcmp(reterr->reason, "badFilter") == 0)
		kp_error_quote(reterr, spec->filter);
	if (r < 0)
		return r;
	o.args = spec->args;
	o.n = spec->n_args;
	*spec = compiled;
	return 0;
}
