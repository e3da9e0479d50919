/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See probe-spec.h. This file has the line as a whole, its words and the names of arguments;
 * probe-head.c has the command and the place, fetch-arg.c what an argument fetches,
 * probe-spec-format.c the way back to text.
 *
 * The order is that of __trace_kprobe_create() in kernel/trace/trace_kprobe.c (6.12), so that of
 * several mistakes the one found first is the kernel's: maxactive, place, event name, arguments.
 * Nothing here recurses, and a line is gone over a fixed number of times.
 */
#include "probe-spec.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "btf-expr.h"
#include "cleanup.h"
#include "fetch-arg.h"
#include "fetch-type.h"
#include "probe-head.h"
#include "span.h"

/* trace_probe.h: MAX_PROBE_EVENT_SIZE */
enum { EVENT_SIZE_MAX = 3072 };
/* What a normal form can be longer than what was written by: its letter, and a hexadecimal offset
 */
enum { NORMAL_FORM_GROWTH = 16 };

/* trace_probe.c: reserved_field_names */
static const char *const reserved_names[] = {
	"common_type", "common_flags", "common_preempt_count", "common_pid",
	"common_tgid", "__probe_ip",   "__probe_ret_ip",       "__probe_func",
};

bool probe_name_is_valid(const char *name)
{
	struct span s = span_of(name);

	return s.n <= PROBE_NAME_MAX && span_is_name(s);
}

/* The words of a line: argv_split() */
static struct span next_word(struct span *rest)
{
	struct span word;
	size_t i = 0;

	while (i < rest->n && char_is_space(rest->p[i]))
		i++;
	*rest = span_from(*rest, i);
	for (i = 0; i < rest->n && !char_is_space(rest->p[i]);)
		i++;
	word = span_first(*rest, i);
	*rest = span_from(*rest, i);
	return word;
}

/*
 * The argument that comes next. Inside the parentheses of a typed expression blanks are part of it,
 * "(struct sock *)sk->sk_family"; everywhere else they end it, as they do for the kernel.
 */
static struct span next_arg(struct span *rest)
{
	struct span before = *rest, word = next_word(rest), body;
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

/* Cuts off the comment, and sees to it that the rest of the parser meets only printable ASCII. */
static int check_line(const char *definition, struct span *ret, struct kp_error *reterr)
{
	size_t n = strnlen(definition, PROBE_LINE_MAX + 1);
	struct span line = {definition, n};
	size_t newline = span_find(line, '\n');

	if (newline < n)
		return kp_error_definition(reterr, "newline", newline,
					   "give several definitions one by one",
					   "A definition is one line.");
	if (n > PROBE_LINE_MAX)
		return kp_error_definition(reterr, "lineTooLong", PROBE_LINE_MAX, NULL,
					   "A definition has %d characters at most.",
					   PROBE_LINE_MAX);
	line = span_first(line, probe_head_find_comment(line));
	for (size_t i = 0; i < line.n; i++)
		if ((line.p[i] < ' ' || line.p[i] > '~') && !char_is_space(line.p[i]))
			return kp_error_definition(
				reterr, "badCharacter", i, NULL,
				"A definition is made of printable ASCII characters.");
	*ret = line;
	return 0;
}

static struct fetch_site site_of(const struct probe_spec *spec)
{
	return (struct fetch_site){
		/* At an address the kernel knows of no function, and so of no return value. */
		.is_return = spec->kind == PROBE_RETURN && spec->symbol,
		.has_args = spec->symbol && probe_head_is_entry(spec->offset),
	};
}

bool probe_spec_has_parameters(const struct probe_spec *spec)
{
	return spec->symbol && (spec->kind == PROBE_RETURN || probe_head_is_entry(spec->offset));
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

	r = check_line(text, &s, reterr);
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

static int parse_args(struct probe_spec *spec, struct span rest, const char *definition,
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

/* The normal form has to be a definition as well, and may be the longer one. */
static int check_normal_form(const struct probe_spec *spec, struct kp_error *reterr)
{
	_cleanup_free_ char *text = NULL;
	int r;

	r = probe_spec_format(spec, &text);
	if (r < 0)
		return r;
	if (strlen(text) > PROBE_LINE_MAX)
		return kp_error_definition(reterr, "lineTooLong", PROBE_LINE_MAX, NULL,
					   "A definition has %d characters at most.",
					   PROBE_LINE_MAX);
	return 0;
}

/* Lines that define no probe, or none that can be had here */
static int refuse_others(struct span word, bool is_a_command, int position, struct kp_error *reterr)
{
	if (word.n == 0)
		return kp_error_definition(reterr, "noDefinition", 0, "for instance: p vfs_read",
					   "The definition is empty.");
	if (word.p[0] == '-' || word.p[0] == '!')
		return kp_error_definition(
			reterr, "notADefinition", position,
			"to remove a probe use remove (io.kprobed.Probes.Remove)",
			"This removes a probe, it does not define one.");
	if (!is_a_command || word.p[0] != 'c')
		return 0;

	kp_error_set(reterr, KP_HELPER_REQUIRED, EOPNOTSUPP, "callProbes",
		     "Call probes need the helper module.");
	if (reterr && reterr->code == KP_HELPER_REQUIRED) {
		reterr->position = position;
		snprintf(reterr->reason, sizeof(reterr->reason), "helperRequired");
		snprintf(reterr->hint, sizeof(reterr->hint),
			 "a probe (p) and a return probe (r) make two events of a call");
	}
	return -EOPNOTSUPP;
}

int probe_spec_parse(const char *definition, struct probe_spec *ret, struct kp_error *reterr)
{
	_cleanup_(probe_spec_done) struct probe_spec spec = PROBE_SPEC_INIT;
	struct span line, rest, again, command, place;
	bool has_command;
	int r;

	r = check_line(definition, &line, reterr);
	if (r < 0)
		return r;
	rest = line;
	command = next_word(&rest);
	place = next_word(&(struct span){rest.p, rest.n});
	has_command = probe_head_is_command(command, place);
	r = refuse_others(command, has_command, command.p - definition, reterr);
	if (r < 0)
		return r;

	if (has_command) {
		next_word(&rest);
		if (place.n == 0)
			return kp_error_definition(reterr, "noProbePoint", line.n,
						   "for instance: p vfs_read",
						   "The definition does not say where.");
		r = probe_head_parse_command(command, command.p - definition, &spec, reterr);
		if (r < 0)
			return r;
	} else {
		place = command;
	}
	r = probe_head_parse_place(place, place.p - definition, &spec, reterr);
	if (r < 0)
		return r;
	if (has_command && span_find(command, ':') < command.n) {
		struct span name = span_from(command, span_find(command, ':') + 1);

		r = probe_head_parse_name(name, name.p - definition, &spec, reterr);
		if (r < 0)
			return r;
	}
	/* A line without a letter is ours: nothing means all, and "-" means none. */
	spec.wants_all = !has_command && probe_spec_has_parameters(&spec);
	again = rest;
	if (!has_command && span_is(next_word(&again), "-") && next_word(&again).n == 0) {
		spec.wants_all = false;
		rest = again;
	}
	r = parse_args(&spec, rest, definition, reterr);
	if (r < 0)
		return r;
	if (line.n > PROBE_LINE_MAX - NORMAL_FORM_GROWTH) {
		r = check_normal_form(&spec, reterr);
		if (r < 0)
			return r;
	}
	*ret = spec;
	spec = PROBE_SPEC_INIT;
	return 0;
}

static bool is_same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

bool probe_spec_equal(const struct probe_spec *a, const struct probe_spec *b)
{
	if (a->kind != b->kind || a->address != b->address || a->offset != b->offset ||
	    a->nth != b->nth || a->is_pattern != b->is_pattern || a->maxactive != b->maxactive ||
	    a->stack != b->stack || a->n_args != b->n_args || !is_same_text(a->symbol, b->symbol) ||
	    !is_same_text(a->module, b->module) || !is_same_text(a->filter, b->filter))
		return false;
	for (size_t i = 0; i < a->n_args; i++)
		if (strcmp(a->args[i].name, b->args[i].name) != 0 ||
		    !is_same_text(a->args[i].expression, b->args[i].expression) ||
		    strcmp(a->args[i].fetch, b->args[i].fetch) != 0 ||
		    strcmp(a->args[i].type, b->args[i].type) != 0 ||
		    a->args[i].count != b->args[i].count)
			return false;
	return true;
}

int probe_spec_copy(const struct probe_spec *base, const char *definition, struct probe_spec *ret)
{
	_cleanup_(probe_spec_done) struct probe_spec spec = PROBE_SPEC_INIT;
	int r = probe_spec_parse(definition, &spec, NULL);

	if (r < 0)
		return r;
	spec.filter = base->filter ? strdup(base->filter) : NULL;
	if (base->filter && !spec.filter)
		return -ENOMEM;
	spec.stack = base->stack;
	spec.enabled = base->enabled;
	spec.pending = base->pending;
	spec.wants_all = base->wants_all && spec.n_args == 0;
	*ret = spec;
	spec = PROBE_SPEC_INIT;
	return 0;
}

int probe_spec_note(struct probe_spec *spec, const char *note)
{
	char *text = NULL;

	if (asprintf(&text, "%s%s%s", spec->notes ? spec->notes : "", spec->notes ? "\n" : "",
		     note) < 0)
		return -ENOMEM;
	free(spec->notes);
	spec->notes = text;
	return 0;
}

void probe_spec_done(struct probe_spec *spec)
{
	for (size_t i = 0; i < spec->n_args; i++)
		probe_arg_done(&spec->args[i]);
	free(spec->args);
	free(spec->name);
	free(spec->module);
	free(spec->symbol);
	free(spec->filter);
	free(spec->place);
	free(spec->notes);
	*spec = PROBE_SPEC_INIT;
}
