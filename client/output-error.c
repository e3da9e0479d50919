/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What went wrong, on stderr.
 *
 * Typed errors come with a sentence of the daemon's; what is added here is where in the definition
 * it is and what to do. An error of the connection gets a sentence with the remedy.
 */
#include "output-error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "output-caret.h"
#include "output-text.h"

#define INDENT 2

/* One line on stderr: "kprobectl: ..." */
static void put_heading(const struct ctl *ctl, struct text *t, const char *sentence)
{
	text_color(t, ctl->error_color, COLOR_ERROR);
	text_puts(t, "kprobectl:");
	text_plain(t, ctl->error_color);
	text_putc(t, ' ');
	text_safe(t, sentence, strlen(sentence));
	text_putc(t, '\n');
}

static void put_note(struct text *t, const char *label, const char *sentence)
{
	if (!*sentence)
		return;
	text_printf(t, "%s: ", label);
	text_safe(t, sentence, strlen(sentence));
	text_putc(t, '\n');
}

/* Where a definition came from, if from a file, and the definition with the place if it is known.
 */
static void put_definition(const struct ctl *ctl, struct text *t, const struct specs *specs,
			   json_object *parameters)
{
	json_object *position = json_object_object_get(parameters, "position");
	json_object *probe = json_object_object_get(parameters, "probe");
	long long index = probe ? json_object_get_int64(probe) : specs && specs->n == 1 ? 0 : -1;
	const char *definition = member_string(parameters, "definition");
	const char *own = specs_definition(specs, index);

	/* A pattern has places as well. */
	if (!*definition)
		definition = member_string(parameters, "pattern");
	if (!own && !*definition)
		return;
	if (own && specs->lines[index] > 0)
		text_printf(t, "%s:%d:\n", specs->file, specs->lines[index]);
	/* A position counts in the definition that comes with it. */
	if (!*definition)
		definition = own;
	if (position && json_object_get_int64(position) >= 0) {
		text_caret(t, definition, json_object_get_int64(position), terminal_width(stderr),
			   ctl->error_color);
	} else if (specs && specs->n > 1) {
		text_repeat(t, ' ', INDENT);
		text_safe(t, definition, strlen(definition));
		text_putc(t, '\n');
	}
}

/* The names in the member @key of an error. */
static void put_names(struct text *t, json_object *parameters, const char *key, const char *label)
{
	json_object *similar = json_object_object_get(parameters, key);
	_cleanup_text_ struct text names = {0};
	size_t n = json_object_is_type(similar, json_type_array) ? json_object_array_length(similar)
								 : 0;

	for (size_t i = 0; i < n; i++)
		text_printf(&names, "%s%s", i ? ", " : "",
			    json_object_get_string(json_object_array_get_idx(similar, i)));
	if (n > 0 && !names.failed)
		put_note(t, label, names.data);
}

/* A line that lost its quotes in the shell falls apart into arguments that are no definitions. */
static bool looks_unquoted(const struct specs *specs)
{
	for (int i = 0; specs && i < specs->n; i++) {
		const char *d = specs_definition(specs, i);

		if (specs->lines[i] == 0 && i > 0 && !strpbrk(d, " \t") && strpbrk(d, "%$@=("))
			return true;
	}
	return false;
}

static void put_typed(const struct ctl *ctl, struct kprobed *k, struct text *t,
		      const struct specs *specs)
{
	_cleanup_json_ json_object *parameters = json_tokener_parse(kprobed_error_parameters(k));
	const char *name = strrchr(kprobed_error_name(k), '.');
	const char *message = kprobed_error_message(k);
	_cleanup_text_ struct text sentence = {0};

	name = name ? name + 1 : kprobed_error_name(k);
	if (strcmp(name, "InvalidDefinition") == 0)
		text_puts(&sentence, "invalid definition: ");
	text_puts(&sentence, message);
	put_heading(ctl, t, sentence.data ? sentence.data : message);

	put_definition(ctl, t, specs, parameters);
	put_note(t, "the kernel says", member_string(parameters, "log"));
	put_names(t, parameters, "similar", "similar");
	put_names(t, parameters, "alternatives", "instead");
	put_note(t, "hint", member_string(parameters, "hint"));
	if (looks_unquoted(specs))
		put_note(t, "hint", "a definition is one argument: put it in quotes");
}

static void put_json_error(struct text *t, const char *name, const char *parameters)
{
	text_puts(t, "{\"error\":");
	text_json_string(t, name);
	text_puts(t, ",\"parameters\":");
	text_safe_json(t, parameters, strlen(parameters));
	text_puts(t, "}\n");
}

static void print(struct text *t)
{
	fflush(stdout);
	if (!text_write(t, stderr))
		fputs("kprobectl: out of memory\n", stderr);
}

int print_own_failure(const struct ctl *ctl, int error, const char *fmt, ...)
{
	_cleanup_text_ struct text t = {0};
	_cleanup_free_ char *sentence = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&sentence, fmt, ap);
	va_end(ap);
	if (n < 0)
		sentence = NULL;
	if (ctl->json) {
		_cleanup_text_ struct text parameters = {0};

		text_printf(&parameters, "{\"errno\":%d,\"message\":", -error);
		text_json_string(&parameters, sentence ? sentence : "");
		text_putc(&parameters, '}');
		if (!parameters.failed)
			put_json_error(&t, "io.kprobed.Client.Failed", parameters.data);
	} else {
		put_heading(ctl, &t, sentence ? sentence : strerror(-error));
	}
	print(&t);
	return EXIT_FAILURE;
}

int print_failure(const struct ctl *ctl, struct kprobed *k, int error, const struct specs *specs)
{
	_cleanup_text_ struct text t = {0};

	switch (error) {
	case -EREMOTEIO:
		if (ctl->json)
			put_json_error(&t, kprobed_error_name(k), kprobed_error_parameters(k));
		else
			put_typed(ctl, k, &t, specs);
		print(&t);
		return EXIT_FAILURE;
	case -ECONNRESET:
		return print_own_failure(ctl, error, "kprobed closed the connection");
	case -ETIMEDOUT:
		return print_own_failure(ctl, error, "kprobed does not answer");
	case -EPROTO:
		return print_own_failure(ctl, error, "what answers is not kprobed: no valid reply");
	case -EMSGSIZE:
		return print_own_failure(ctl, error, "a message is longer than %u bytes",
					 KPROBED_MESSAGE_MAX);
	default:
		return print_own_failure(ctl, error, "%s", strerror(-error));
	}
}

int print_bad_filter(const struct ctl *ctl, struct kprobed *k, const char *filter)
{
	_cleanup_json_ json_object *parameters = json_tokener_parse(kprobed_error_parameters(k));
	_cleanup_text_ struct text t = {0}, sentence = {0};
	const char *reason = member_string(parameters, "reason");

	if (ctl->json)
		return print_failure(ctl, k, -EREMOTEIO, NULL);
	text_puts(&sentence, "invalid condition: ");
	text_puts(&sentence, kprobed_error_message(k));
	put_heading(ctl, &t, sentence.data ? sentence.data : kprobed_error_message(k));
	/* Of fields there is no place in the condition. */
	if (strcmp(reason, "badField") != 0 && strcmp(reason, "tooManyFields") != 0)
		text_caret(&t, filter, member_int(parameters, "position"), terminal_width(stderr),
			   ctl->error_color);
	put_note(&t, "hint", member_string(parameters, "hint"));
	print(&t);
	return EXIT_FAILURE;
}
