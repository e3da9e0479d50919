/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See probe-spec.h: from a parsed definition back to text, the normal form and the kernel's line,
 * and from a position in the kernel's line back to the definition.
 *
 * The kernel's line names and types every argument. A default is not the same on all kernels: 6.12
 * takes the type of $retval, and names and types of "$argN", from BTF.
 */
#include "probe-spec.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "probe-head.h"

/* A text under construction. After a failure it stays as it is, and @is_failed says so. */
struct text {
	char *p; /* owned */
	size_t n, size;
	bool is_failed;
};

static void text_done(struct text *t)
{
	free(t->p);
}

static void append(struct text *t, const char *fmt, ...)
	__attribute__((__format__(__printf__, 2, 3)));

static void append(struct text *t, const char *fmt, ...)
{
	va_list ap, again;
	int n;

	if (t->is_failed)
		return;
	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n >= 0 && t->n + n + 1 > t->size) {
		size_t size = 2 * (t->n + n + 1);
		char *p = realloc(t->p, size);

		t->is_failed = !p;
		if (p) {
			t->p = p;
			t->size = size;
		}
	}
	if (n < 0)
		t->is_failed = true;
	if (!t->is_failed)
		t->n += vsnprintf(t->p + t->n, t->size - t->n, fmt, again);
	va_end(again);
}

static int text_finish(struct text *t, char **ret)
{
	if (t->is_failed || !t->p)
		return -ENOMEM;
	*ret = take_ptr(t->p);
	return 0;
}

static void append_place(struct text *t, const struct probe_spec *spec)
{
	if (!spec->symbol) {
		append(t, "0x%" PRIx64, spec->address);
		return;
	}
	append(t, "%s%s%s", spec->module ? spec->module : "", spec->module ? ":" : "",
	       spec->symbol);
	if (spec->nth == PROBE_NTH_ALL)
		append(t, "#*");
	else if (spec->nth)
		append(t, "#%u", spec->nth);
	if (spec->offset)
		append(t, "+0x%" PRIx64, spec->offset);
}

static void append_array(struct text *t, const struct probe_arg *arg)
{
	if (arg->count)
		append(t, "[%u]", arg->count);
}

int probe_spec_format(const struct probe_spec *spec, char **ret)
{
	_cleanup_(text_done) struct text t = {.p = NULL};

	append(&t, "%c", probe_head_letter(spec->kind));
	if (spec->maxactive)
		append(&t, "%u", spec->maxactive);
	if (spec->name)
		append(&t, ":%s", spec->name);
	append(&t, " ");
	append_place(&t, spec);
	for (size_t i = 0; i < spec->n_args; i++) {
		const struct probe_arg *arg = &spec->args[i];

		if (arg->is_expanded && !arg->expression)
			continue;
		append(&t, " ");
		if (arg->is_named)
			append(&t, "%s=", arg->name);
		append(&t, "%s", arg->expression ? arg->expression : arg->fetch);
		if (arg->is_typed) {
			append(&t, ":%s", arg->type);
			append_array(&t, arg);
		}
	}
	/* Without arguments a call would have all of them. */
	if (spec->kind == PROBE_CALL && spec->n_args == 0 && !spec->wants_all)
		append(&t, " -");
	return text_finish(&t, ret);
}

/* What the kernel is told for @arg's type; char is younger than 6.1, and the others are addresses.
 */
static const char *kernel_type(const struct probe_arg *arg)
{
	if (arg->kernel_type[0])
		return arg->kernel_type;
	if (arg->show == ARG_CHAR)
		return "u8";
	if (arg->show == ARG_SYMBOL)
		return "x64";
	return arg->type;
}

bool probe_arg_is_signed(const struct probe_arg *arg)
{
	return arg->show != ARG_STRING && arg->show != ARG_SYMBOL && kernel_type(arg)[0] == 's';
}

/*
 * The body of an argument has 63 characters at most, and one that was written without its type may
 * have none left for it. Only $retval has another default than x64, and that is short.
 */
static bool has_room_for_type(const struct probe_arg *arg)
{
	return arg->is_typed ||
	       strlen(arg->fetch) + 1 + strlen(kernel_type(arg)) <= PROBE_ARG_STRING_MAX;
}

static void append_command(struct text *t, const struct probe_spec *spec, const char *group,
			   const char *event)
{
	append(t, spec->kind == PROBE_RETURN ? "r" : "p");
	if (spec->maxactive)
		append(t, "%u", spec->maxactive);
	append(t, ":%s/%s", group, event);
}

static void append_kernel_array(struct text *t, const struct probe_arg *arg)
{
	unsigned int parts = arg->parts ? arg->parts : 1;

	if (arg->count || parts > 1)
		append(t, "[%u]", (arg->count ? arg->count : 1) * parts);
}

static void append_kernel_arg(struct text *t, const struct probe_arg *arg)
{
	append(t, "%s=%s", arg->name, arg->fetch);
	if (has_room_for_type(arg)) {
		append(t, ":%s", kernel_type(arg));
		append_kernel_array(t, arg);
	}
}

static void append_kernel_place(struct text *t, const struct probe_spec *spec)
{
	if (spec->place)
		append(t, "%s", spec->place);
	else
		append_place(t, spec);
}

int probe_spec_format_kernel(const struct probe_spec *spec, const char *group, const char *event,
			     const char *extra, char **ret)
{
	_cleanup_(text_done) struct text t = {.p = NULL};

	if (probe_kind_is_helpers(spec->kind))
		return -EOPNOTSUPP;
	append_command(&t, spec, group, event);
	append(&t, " ");
	append_kernel_place(&t, spec);
	for (size_t i = 0; i < spec->n_args; i++) {
		append(&t, " ");
		append_kernel_arg(&t, &spec->args[i]);
	}
	if (extra)
		append(&t, " %s", extra);
	if (t.n > PROBE_LINE_MAX || spec->n_args + !!extra > PROBE_ARGS_MAX)
		return -E2BIG;
	return text_finish(&t, ret);
}

/* How much there is so far, or -1 after a failure */
static int measure(const struct text *t)
{
	return t->is_failed ? -1 : (int)t->n;
}

static int map_argument(const struct probe_arg *arg, int offset)
{
	int name_length = strlen(arg->name) + 1;
	int fetch_length = strlen(arg->fetch);

	if (offset < name_length)
		return arg->position + (arg->is_named ? offset : 0);
	offset -= name_length;
	if (offset < fetch_length)
		return arg->fetch_position + (fetch_length == arg->fetch_length ? offset : 0);
	return arg->type_position >= 0 ? arg->type_position : arg->fetch_position;
}

int probe_spec_map_position(const struct probe_spec *spec, const char *group, const char *event,
			    int kernel_position)
{
	_cleanup_(text_done) struct text t = {.p = NULL};
	int start;

	append_command(&t, spec, group, event);
	if (measure(&t) < 0 || kernel_position < 0)
		return -1;
	if (kernel_position < measure(&t)) {
		int colon = measure(&t) - strlen(group) - strlen(event) - 2;

		return kernel_position > colon ? spec->name_position : spec->command_position;
	}
	append(&t, " ");
	append_kernel_place(&t, spec);
	if (kernel_position < measure(&t))
		return spec->symbol_position;
	for (size_t i = 0; i < spec->n_args; i++) {
		append(&t, " ");
		start = measure(&t);
		append_kernel_arg(&t, &spec->args[i]);
		if (measure(&t) < 0)
			return -1;
		if (kernel_position < start)
			return -1;
		if (kernel_position <= measure(&t))
			return map_argument(&spec->args[i], kernel_position - start);
	}
	return -1;
}
