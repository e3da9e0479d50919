/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fuzzes the definition language. An input is up to three texts separated by NULs: a definition,
 * one more argument for it, and a filter.
 *
 * What holds for every input: an error has a reason, a sentence and a position inside the text;
 * what is accepted has a normal form that is accepted, equal, and its own normal form; the kernel's
 * line is short enough, is itself a definition that fetches the same, and its positions map into
 * the text.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "probe-spec.h"

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition);  \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_error(int r, const struct kp_error *e, const char *text)
{
	CHECK(r == -EINVAL);
	CHECK(e->code == KP_INVALID_DEFINITION);
	CHECK(e->reason[0] && e->message[0]);
	CHECK(e->position >= 0 && (size_t)e->position <= strlen(text));
}

static void check_args(const struct probe_spec *spec)
{
	CHECK(spec->n_args <= PROBE_ARGS_MAX);
	for (size_t i = 0; i < spec->n_args; i++) {
		const struct probe_arg *arg = &spec->args[i];

		CHECK(strlen(arg->name) <= PROBE_ARG_NAME_MAX);
		CHECK((arg->expression || strlen(arg->fetch) <= PROBE_ARG_STRING_MAX) &&
		      strlen(arg->type) > 0);
		CHECK(arg->count <= PROBE_ARRAY_MAX);
		CHECK((arg->size == 0) == (arg->show == ARG_STRING));
		CHECK(arg->position <= arg->fetch_position);
		CHECK(arg->parts >= 1 && arg->count * arg->parts <= PROBE_ARRAY_MAX);
		/* What an expression becomes is measured when it has been compiled. */
		CHECK(arg->expression || !arg->kernel_type[0] ||
		      strlen(arg->fetch) + 1 + strlen(arg->kernel_type) <= PROBE_ARG_STRING_MAX);
		CHECK((arg->show == ARG_FLAGS) == (arg->flags != NULL));
	}
}

static void check_normal_form(const struct probe_spec *spec)
{
	_cleanup_(probe_spec_done) struct probe_spec again = PROBE_SPEC_INIT;
	_cleanup_free_ char *normal = NULL, *twice = NULL;

	CHECK(probe_spec_format(spec, &normal) == 0);
	CHECK(probe_spec_parse(normal, &again, NULL) == 0);
	CHECK(probe_spec_equal(spec, &again) && probe_spec_equal(&again, spec));
	CHECK(spec->kind != PROBE_CALL || spec->wants_all == again.wants_all);
	CHECK(!spec->name == !again.name && (!spec->name || strcmp(spec->name, again.name) == 0));
	CHECK(probe_spec_format(&again, &twice) == 0);
	CHECK(strcmp(normal, twice) == 0);
}

/* An ip6 is one of 16 bytes to us and 16 of one to the kernel. */
static unsigned int bytes(const struct probe_arg *arg)
{
	return arg->size * (arg->count ? arg->count : 1);
}

static void check_kernel_line(const struct probe_spec *spec, size_t length)
{
	_cleanup_(probe_spec_done) struct probe_spec again = PROBE_SPEC_INIT;
	_cleanup_free_ char *line = NULL;
	int r;

	/* What has to be resolved is nothing for the kernel before. */
	if (spec->is_pattern || spec->nth || probe_kind_is_helpers(spec->kind))
		return;
	for (size_t i = 0; i < spec->n_args; i++)
		if (spec->args[i].expression)
			return;
	r = probe_spec_format_kernel(spec, "kprobed", "ev", NULL, &line);
	CHECK(r == 0 || r == -E2BIG);
	if (r < 0)
		return;
	CHECK(strlen(line) <= PROBE_LINE_MAX && !strpbrk(line, "\n#"));
	CHECK(probe_spec_parse(line, &again, NULL) == 0);
	CHECK(again.kind == spec->kind && again.n_args == spec->n_args);
	for (size_t i = 0; i < spec->n_args; i++) {
		CHECK(strcmp(spec->args[i].name, again.args[i].name) == 0);
		CHECK(strcmp(spec->args[i].fetch, again.args[i].fetch) == 0);
		CHECK(bytes(&spec->args[i]) == bytes(&again.args[i]));
	}
	for (int i = -1; i < (int)strlen(line) + 2; i += 1 + i / 64) {
		int position = probe_spec_map_position(spec, "kprobed", "ev", i);

		CHECK(position >= -1 && position <= (int)length);
	}
}

/* A copy of its exact size, so that the sanitizer sees a byte read too far; "" past the end */
static char *next_text(const uint8_t **data, size_t *size)
{
	size_t n = strnlen((const char *)*data, *size);
	char *text = strndup((const char *)*data, n);

	CHECK(text);
	n += n < *size;
	*data += n;
	*size -= n;
	return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *definition = next_text(&data, &size);
	_cleanup_free_ char *arg = next_text(&data, &size);
	_cleanup_free_ char *filter = next_text(&data, &size);
	_cleanup_(probe_spec_done) struct probe_spec spec = PROBE_SPEC_INIT;
	struct kp_error e = KP_ERROR_INIT;
	int r;

	r = probe_spec_parse(definition, &spec, &e);
	if (r < 0) {
		check_error(r, &e, definition);
		CHECK(spec.n_args == 0 && !spec.symbol);
		return 0;
	}
	check_args(&spec);
	check_normal_form(&spec);
	check_kernel_line(&spec, strlen(definition));

	r = probe_spec_check_filter(&spec, filter, &e);
	if (r < 0)
		check_error(r, &e, filter);
	e = KP_ERROR_INIT;
	r = probe_spec_add_arg(&spec, arg, &e);
	if (r < 0)
		check_error(r, &e, arg);
	check_args(&spec);
	return 0;
}
