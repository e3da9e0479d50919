/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kprobectl describe: what is known of one name, for a person who wants to probe it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "kprobectl.h"
#include "output-error.h"
#include "output-text.h"

#define INDENT 2

/* "[MODULE:]SYMBOL[+OFFSET]" as parameters; false: the offset is no number. */
static bool read_place(const char *place, json_object *parameters)
{
	const char *colon = strchr(place, ':'), *symbol = colon ? colon + 1 : place;
	const char *plus = strrchr(symbol, '+');
	size_t len = plus ? (size_t)(plus - symbol) : strlen(symbol);
	char *end = NULL;

	if (colon)
		json_object_object_add(parameters, "module",
				       json_object_new_string_len(place, (int)(colon - place)));
	json_object_object_add(parameters, "symbol", json_object_new_string_len(symbol, (int)len));
	if (!plus)
		return true;
	json_object_object_add(parameters, "offset",
			       json_object_new_int64((int64_t)strtoull(plus + 1, &end, 0)));
	return end > plus + 1 && *end == '\0' && plus[1] != '-';
}

static void put_line(struct text *t, size_t indent, const char *prefix, const char *value)
{
	text_repeat(t, ' ', indent);
	text_puts(t, prefix);
	text_safe(t, value, strlen(value));
	text_putc(t, '\n');
}

static const char *kind_of(json_object *symbol)
{
	const char *type = member_string(symbol, "type");

	return *type && strchr("tTwW", *type) ? "function" : "data";
}

/* "function (T) of the kernel, 864 bytes at 0xffffffff816bab70" */
static void put_symbol(const struct ctl *ctl, struct text *t, json_object *symbol)
{
	json_object *probeable = json_object_object_get(symbol, "probeable");
	const char *module = member_string(symbol, "module");
	const char *address = member_string(symbol, "address");
	_cleanup_text_ struct text line = {0};

	text_printf(&line, "%s (%s) of %s%s", kind_of(symbol), member_string(symbol, "type"),
		    *module ? "module " : "the kernel", module);
	if (json_object_object_get(symbol, "size"))
		text_printf(&line, ", %lld bytes", member_int(symbol, "size"));
	if (*address)
		text_printf(&line, " at %s", address);
	put_line(t, INDENT, "", line.data ? line.data : "");
	text_repeat(t, ' ', INDENT);
	if (!probeable || json_object_get_boolean(probeable)) {
		text_puts(t, probeable ? "can be probed\n"
				       : "whether it can be probed is not known: ");
	} else {
		text_color(t, ctl->color, COLOR_GAP);
		text_puts(t, "cannot be probed");
		text_plain(t, ctl->color);
		text_puts(t, ": ");
	}
	if (!probeable || !json_object_get_boolean(probeable))
		put_line(t, 0, "", member_string(symbol, "message"));
}

static size_t width_of(json_object *list, const char *member)
{
	size_t width = 0;

	for (size_t i = 0; i < json_object_array_length(list); i++) {
		size_t n =
			text_safe_width(member_string(json_object_array_get_idx(list, i), member));

		width = n > width ? n : width;
	}
	return width;
}

/* The parameters, each with what a definition calls it. */
static void put_arguments(struct text *t, json_object *arguments)
{
	size_t names, types;

	if (!json_object_is_type(arguments, json_type_array) ||
	    json_object_array_length(arguments) == 0)
		return;
	names = INDENT + width_of(arguments, "name") + 2;
	types = names + width_of(arguments, "type") + 2;
	text_puts(t, "parameters:\n");
	for (size_t i = 0; i < json_object_array_length(arguments); i++) {
		json_object *a = json_object_array_get_idx(arguments, i);
		const char *name = member_string(a, "name"), *type = member_string(a, "type");
		const char *place = member_string(a, "place");
		size_t at = INDENT;

		text_repeat(t, ' ', INDENT);
		at += text_safe(t, name, strlen(name));
		text_pad(t, at, names);
		at = names + text_safe(t, type, strlen(type));
		if (*place) {
			text_pad(t, at, types);
			text_safe(t, place, strlen(place));
		}
		text_putc(t, '\n');
	}
}

static void put_variants(struct text *t, json_object *variants)
{
	if (!json_object_is_type(variants, json_type_array) ||
	    json_object_array_length(variants) == 0)
		return;
	text_puts(t, "made of it by the compiler:\n");
	for (size_t i = 0; i < json_object_array_length(variants); i++) {
		json_object *v = json_object_array_get_idx(variants, i);
		json_object *probeable = json_object_object_get(v, "probeable");
		bool is_known = probeable && !json_object_get_boolean(probeable);
		_cleanup_text_ struct text line = {0};

		text_puts(&line, member_string(v, "name"));
		if (is_known)
			text_printf(&line, " (%s)", member_string(v, "reason"));
		put_line(t, INDENT, "", line.data ? line.data : "");
	}
}

static void format_reply(const struct ctl *ctl, struct text *t, json_object *reply)
{
	json_object *symbols = json_object_object_get(reply, "symbols");
	const char *prototype = member_string(reply, "prototype");
	const char *file = member_string(reply, "file");
	size_t n = json_object_is_type(symbols, json_type_array) ? json_object_array_length(symbols)
								 : 0;

	text_color(t, ctl->color, COLOR_BOLD);
	text_safe(t, *prototype ? prototype : member_string(reply, "name"),
		  strlen(*prototype ? prototype : member_string(reply, "name")));
	text_plain(t, ctl->color);
	text_putc(t, '\n');
	if (*file)
		put_line(t, INDENT, "in ", file);
	for (size_t i = 0; i < n; i++) {
		if (n > 1)
			text_printf(t, "#%zu\n", i + 1);
		put_symbol(ctl, t, json_object_array_get_idx(symbols, i));
	}
	put_arguments(t, json_object_object_get(reply, "arguments"));
	put_variants(t, json_object_object_get(reply, "variants"));
}

static int run(struct ctl *ctl, int argc, char **argv)
{
	static const struct option longs[] = {{0}};
	_cleanup_json_ json_object *parameters = json_object_new_object(), *reply = NULL;
	_cleanup_kprobed_ struct kprobed *k = NULL;
	_cleanup_text_ struct text t = {0};
	int r;

	while (ctl_getopt(ctl, argc, argv, "", longs) != -1)
		;
	if (argc - optind != 1)
		usage_error(ctl, "one [MODULE:]SYMBOL[+OFFSET] is needed");
	if (!read_place(argv[optind], parameters))
		usage_error(ctl, "%s: the offset is no number", argv[optind]);
	if (!ctl_connect(ctl, &k))
		return EXIT_FAILURE;
	r = ctl_call(k, "io.kprobed.Symbols.Describe", parameters, &reply);
	if (r < 0)
		return print_failure(ctl, k, r, NULL);
	if (ctl->json) {
		print_json(ctl, reply);
		return EXIT_SUCCESS;
	}
	format_reply(ctl, &t, reply);
	text_write(&t, stdout);
	return EXIT_SUCCESS;
}

const struct cmd_entry cmd_describe = {
	.name = "describe",
	.arguments = "[MODULE:]SYMBOL[+OFFSET]",
	.summary = "Show a function's parameters, and whether it can be probed",
	.help = "Shows every symbol of that name, where its parameters are, and what the\n"
		"compiler has made of it. With an OFFSET in bytes: whether a probe can be\n"
		"planted there.\n"
		"\nExamples:\n"
		"  kprobectl describe tcp_sendmsg\n"
		"  kprobectl describe ext4:ext4_file_open\n"
		"  kprobectl describe vfs_read --json | jq '.symbols[].probeable'\n",
	.run = run,
};
