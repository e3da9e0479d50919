/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See probe-spec.h. This file has the line as a whole; probe-head.c has the command and the place,
 * probe-args.c the arguments, probe-spec-format.c the way back to text.
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

#include "cleanup.h"
#include "probe-args.h"
#include "probe-head.h"
#include "span.h"

/* What a normal form can be longer than what was written by: its letter, and a hexadecimal offset
 */
enum { NORMAL_FORM_GROWTH = 16 };

bool probe_name_is_valid(const char *name)
{
	struct span s = span_of(name);

	return s.n <= PROBE_NAME_MAX && span_is_name(s);
}

static const struct {
	const char *name;
	unsigned int maxactive;
	bool is_helpers;
} kinds[] = {
	[PROBE_ENTRY] = {"probe", 0, false},
	[PROBE_RETURN] = {"return", PROBE_MAXACTIVE_MAX, false},
	[PROBE_CALL] = {"call", PROBE_CALL_MAXACTIVE_MAX, true},
	[PROBE_AFTER] = {"after", 0, true},
};

const char *probe_kind_name(enum probe_kind kind)
{
	return kinds[kind].name;
}

bool probe_kind_of_name(const char *name, enum probe_kind *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (strcmp(kinds[i].name, name) == 0) {
			*ret = (enum probe_kind)i;
			return true;
		}
	return false;
}

bool probe_kind_is_helpers(enum probe_kind kind)
{
	return kinds[kind].is_helpers;
}

unsigned int probe_kind_maxactive(enum probe_kind kind)
{
	return kinds[kind].maxactive;
}

bool probe_spec_has_parameters(const struct probe_spec *spec)
{
	return spec->symbol && (spec->kind == PROBE_RETURN || probe_head_is_entry(spec->offset));
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

/* Lines that define no probe */
static int refuse_others(struct span word, int position, struct kp_error *reterr)
{
	if (word.n == 0)
		return kp_error_definition(reterr, "noDefinition", 0, "for instance: p vfs_read",
					   "The definition is empty.");
	if (word.p[0] == '-' || word.p[0] == '!')
		return kp_error_definition(
			reterr, "notADefinition", position,
			"to remove a probe use remove (io.kprobed.Probes.Remove)",
			"This removes a probe, it does not define one.");
	return 0;
}

int probe_spec_parse(const char *definition, struct probe_spec *ret, struct kp_error *reterr)
{
	_cleanup_(probe_spec_done) struct probe_spec spec = PROBE_SPEC_INIT;
	struct span line, rest, again, command, place;
	bool has_command, is_ours;
	size_t colon;
	int r;

	r = probe_head_check_line(definition, &line, reterr);
	if (r < 0)
		return r;
	rest = line;
	command = span_next_word(&rest);
	place = span_next_word(&(struct span){rest.p, rest.n});
	has_command = probe_head_is_command(command, place);
	r = refuse_others(command, command.p - definition, reterr);
	if (r < 0)
		return r;

	colon = span_find(command, ':');
	if (has_command && command.p[0] == 'c' && colon + 1 < command.n &&
	    probe_head_is_argument(place)) {
		/* "c:SYM ARGS": what is behind the colon is the place, as no other is there. */
		place = span_from(command, colon + 1);
		command = span_first(command, colon);
		r = probe_head_parse_command(command, command.p - definition, &spec, reterr);
		if (r < 0)
			return r;
	} else if (has_command) {
		span_next_word(&rest);
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
	/* What is not the kernel's is ours: nothing means all, and "-" means none. */
	is_ours = !has_command || spec.kind == PROBE_CALL;
	spec.wants_all = is_ours && probe_spec_has_parameters(&spec);
	again = rest;
	if (is_ours && span_is(span_next_word(&again), "-") && span_next_word(&again).n == 0) {
		spec.wants_all = false;
		rest = again;
	}
	r = probe_args_parse(&spec, rest, definition, reterr);
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
	    a->auto_maxactive != b->auto_maxactive || a->stack != b->stack ||
	    a->n_args != b->n_args || !is_same_text(a->symbol, b->symbol) ||
	    !is_same_text(a->module, b->module) || !is_same_text(a->filter, b->filter) ||
	    !hist_spec_equal(a->hist, b->hist))
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
	spec.hist = base->hist ? hist_spec_copy(base->hist) : NULL;
	if ((base->filter && !spec.filter) || (base->hist && !spec.hist))
		return -ENOMEM;
	spec.is_helper_filter = base->is_helper_filter;
	spec.stack = base->stack;
	spec.enabled = base->enabled;
	spec.pending = base->pending;
	spec.auto_maxactive = base->auto_maxactive;
	spec.wants_all = base->wants_all && spec.n_args == 0;
	*ret = spec;
	spec = PROBE_SPEC_INIT;
	return 0;
}

bool probe_spec_is_helpers(const struct probe_spec *spec)
{
	return probe_kind_is_helpers(spec->kind) || spec->is_helper_filter || spec->hist;
}

const char *probe_spec_feature(const struct probe_spec *spec)
{
	if (spec->kind == PROBE_CALL)
		return "callProbes";
	if (spec->kind == PROBE_AFTER)
		return "afterProbes";
	return spec->hist ? "histograms" : "conditions";
}

bool probe_spec_has_unknown_names(const struct probe_spec *spec)
{
	for (size_t i = 0; i < spec->n_args; i++)
		if (probe_arg_is_all(&spec->args[i]) && !spec->args[i].is_compiled)
			return true;
	return spec->wants_all && spec->n_args == 0;
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
	if (spec->result)
		probe_arg_done(spec->result);
	free(spec->result);
	free(spec->name);
	free(spec->module);
	free(spec->symbol);
	free(spec->filter);
	free(spec->hist);
	free(spec->place);
	free(spec->notes);
	*spec = PROBE_SPEC_INIT;
}
