/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kprobectl disasm: a function's instructions as they are in the running kernel, with the probes in
 * them, and where another may be.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "kprobectl.h"
#include "output-error.h"
#include "output-text.h"

#define OFFSET_WIDTH 8
#define MARK_WIDTH   18
/* Ten bytes; longer instructions push their text to the right. */
#define BYTES_WIDTH 31
#define TEXT_WIDTH  40

struct request {
	char *symbol;		  /* owned */
	char *module;		  /* owned; NULL: anywhere */
	long long offset, length; /* length 0: to the end */
};

static void request_done(struct request *r)
{
	free(r->symbol);
	free(r->module);
}

static long long number_of(const struct ctl *ctl, const char *what, const char *value)
{
	long long number;
	char *end;

	errno = 0;
	number = strtoll(value, &end, 0);
	if (errno || end == value || *end || number < 0)
		usage_error(ctl, "%s: \"%s\" is no number of bytes", what, value);
	return number;
}

/* [MODULE:]SYMBOL[+OFFSET] */
static bool take_symbol(const struct ctl *ctl, const char *text, struct request *r)
{
	const char *colon = strchr(text, ':'), *name = colon ? colon + 1 : text;
	const char *plus = strchr(name, '+');

	if (plus)
		r->offset = number_of(ctl, "offset", plus + 1);
	r->symbol = strndup(name, plus ? (size_t)(plus - name) : strlen(name));
	r->module = colon ? strndup(text, (size_t)(colon - text)) : NULL;
	return r->symbol && (r->module || !colon);
}

static void put_bytes(struct text *t, const char *hex)
{
	for (size_t i = 0; hex[i] && hex[i + 1]; i += 2)
		text_printf(t, "%s%c%c", i ? " " : "", hex[i], hex[i + 1]);
}

static size_t bytes_width(const char *hex)
{
	size_t n = strlen(hex) / 2;

	return n ? 3 * n - 1 : 0;
}

static const char *mark_of(json_object *row)
{
	const char *method = member_string(row, "method");

	if (strcmp(method, "jump") == 0)
		return "[optimized jump]";
	if (strcmp(method, "ftrace") == 0)
		return "[ftrace]";
	if (strcmp(method, "breakpoint") == 0)
		return "[breakpoint]";
	return member_bool(row, "probeable") ? "" : "x";
}

/* "<- opens, perf_probe/x (return)" */
static void put_probes(const struct ctl *ctl, struct text *t, json_object *row)
{
	json_object *list = json_object_object_get(row, "probes");
	size_t n = json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;

	for (size_t i = 0; i < n; i++) {
		json_object *probe = json_object_array_get_idx(list, i);
		const char *name = member_string(probe, "name");

		text_puts(t, i ? ", " : "  <- ");
		text_color(t, ctl->color, COLOR_PROBE);
		text_safe(t, name, strlen(name));
		text_plain(t, ctl->color);
		if (strcmp(member_string(probe, "kind"), "return") == 0)
			text_puts(t, " (return)");
	}
}

/* What an instruction refers to and what stands against a probe, unless that is said once for all.
 */
static void put_remarks(const struct ctl *ctl, struct text *t, json_object *row, bool is_forbidden,
			size_t width)
{
	const char *refers = member_string(row, "refers"), *reason = member_string(row, "reason");

	if (is_forbidden)
		reason = "";
	if (!*refers && !*reason)
		return;
	text_pad(t, width, TEXT_WIDTH);
	text_color(t, ctl->color, COLOR_DIM);
	text_puts(t, "  # ");
	text_safe(t, refers, strlen(refers));
	text_puts(t, *refers && *reason ? "; " : "");
	text_safe(t, reason, strlen(reason));
	text_plain(t, ctl->color);
}

static void put_live(const struct ctl *ctl, struct text *t, json_object *row)
{
	const char *live = member_string(row, "live");

	if (!*live)
		return;
	text_pad(t, 0, OFFSET_WIDTH);
	text_color(t, ctl->color, COLOR_DIM);
	text_puts(t, "  now");
	text_pad(t, 3, MARK_WIDTH);
	put_bytes(t, live);
	text_plain(t, ctl->color);
	text_putc(t, '\n');
}

static void put_row(const struct ctl *ctl, struct text *t, json_object *row, bool is_forbidden)
{
	const char *text = member_string(row, "text"), *bytes = member_string(row, "bytes");
	const char *mark = mark_of(row);
	char offset[32];
	size_t width;

	if (is_forbidden && strcmp(mark, "x") == 0)
		mark = "";
	snprintf(offset, sizeof(offset), "+0x%llx", member_int(row, "offset"));
	text_pad(t, strlen(offset), OFFSET_WIDTH);
	text_puts(t, offset);
	text_puts(t, "  ");
	text_color(t, ctl->color, *mark == '[' ? COLOR_PROBE : COLOR_DIM);
	text_puts(t, mark);
	text_plain(t, ctl->color);
	text_pad(t, strlen(mark), MARK_WIDTH);
	text_color(t, ctl->color, COLOR_DIM);
	put_bytes(t, bytes);
	text_plain(t, ctl->color);
	text_puts(t, "  ");
	text_pad(t, bytes_width(bytes) + 2, BYTES_WIDTH);
	width = text_safe(t, text, strlen(text));
	put_remarks(ctl, t, row, is_forbidden, width);
	put_probes(ctl, t, row);
	text_putc(t, '\n');
	put_live(ctl, t, row);
}

/* The reason that all of them have, borrowed; NULL: some may be probed, or the reasons differ. */
static const char *common_reason(json_object *rows)
{
	const char *first = NULL;
	size_t n = json_object_array_length(rows);

	for (size_t i = 0; i < n; i++) {
		const char *reason = member_string(json_object_array_get_idx(rows, i), "reason");

		if (!*reason || (first && strcmp(first, reason) != 0))
			return NULL;
		first = reason;
	}
	return n > 1 ? first : NULL;
}

static void put_heading(const struct ctl *ctl, struct text *t, json_object *reply)
{
	const char *symbol = member_string(reply, "symbol"), *reason;
	const char *module = member_string(reply, "module");
	json_object *others = json_object_object_get(reply, "others");
	size_t n =
		json_object_is_type(others, json_type_array) ? json_object_array_length(others) : 0;

	text_color(t, ctl->color, COLOR_BOLD);
	text_safe(t, symbol, strlen(symbol));
	text_plain(t, ctl->color);
	text_printf(t, "%s%s%s at %s, %lld bytes\n", *module ? " [" : "", module,
		    *module ? "]" : "", member_string(reply, "address"), member_int(reply, "size"));
	for (size_t i = 0; i < n; i++)
		text_printf(t, "another function of that name: kprobectl disasm %s\n",
			    json_object_get_string(json_object_array_get_idx(others, i)));
	reason = common_reason(json_object_object_get(reply, "instructions"));
	if (reason) {
		text_puts(t, "no probe can be planted here: ");
		text_safe(t, reason, strlen(reason));
		text_putc(t, '\n');
	}
}

static void print_reply_json(const struct ctl *ctl, json_object *reply, json_object *rows)
{
	for (size_t i = 0; i < json_object_array_length(rows); i++) {
		json_object *row = json_object_array_get_idx(rows, i);
		char site[256];

		snprintf(site, sizeof(site), "%s+0x%llx", member_string(reply, "symbol"),
			 member_int(row, "offset"));
		json_object_object_add(row, "site", json_object_new_string(site));
		print_json(ctl, row);
	}
}

static bool print_reply(const struct ctl *ctl, json_object *reply, bool is_first)
{
	json_object *rows = json_object_object_get(reply, "instructions");
	_cleanup_text_ struct text t = {0};
	bool is_forbidden;

	if (!json_object_is_type(rows, json_type_array))
		return false;
	if (ctl->json) {
		print_reply_json(ctl, reply, rows);
		return true;
	}
	if (is_first)
		put_heading(ctl, &t, reply);
	is_forbidden = common_reason(rows);
	for (size_t i = 0; i < json_object_array_length(rows); i++)
		put_row(ctl, &t, json_object_array_get_idx(rows, i), is_forbidden);
	return text_write(&t, stdout);
}

static json_object *parameters_of(const struct request *r, long long offset, long long length)
{
	json_object *o = json_object_new_object();

	json_object_object_add(o, "symbol", json_object_new_string(r->symbol));
	if (r->module)
		json_object_object_add(o, "module", json_object_new_string(r->module));
	json_object_object_add(o, "offset", json_object_new_int64(offset));
	if (length)
		json_object_object_add(o, "length", json_object_new_int64(length));
	return o;
}

/* All of it, however many answers that takes. */
static int disassemble(struct ctl *ctl, const struct request *request)
{
	_cleanup_kprobed_ struct kprobed *k = NULL;
	long long at = request->offset, end = request->offset + request->length;
	bool is_first = true, goes_on;

	if (!ctl_connect(ctl, &k))
		return EXIT_FAILURE;
	do {
		_cleanup_json_ json_object *parameters =
			parameters_of(request, at, request->length ? end - at : 0);
		_cleanup_json_ json_object *reply = NULL;
		int r = ctl_call(k, "io.kprobed.Symbols.Disassemble", parameters, &reply);

		if (r < 0)
			return print_failure(ctl, k, r, NULL);
		if (!print_reply(ctl, reply, is_first))
			return print_failure(ctl, k, -EPROTO, NULL);
		is_first = false;
		goes_on = json_object_object_get(reply, "nextOffset") != NULL &&
			  member_int(reply, "nextOffset") > at;
		at = member_int(reply, "nextOffset");
	} while (goes_on && (!request->length || at < end));
	return EXIT_SUCCESS;
}

static int run(struct ctl *ctl, int argc, char **argv)
{
	static const struct option longs[] = {
		{"offset", required_argument, NULL, 'o'},
		{"length", required_argument, NULL, 'l'},
		{0},
	};
	__attribute__((__cleanup__(request_done))) struct request request = {0};
	long long offset = -1;
	int c;

	while ((c = ctl_getopt(ctl, argc, argv, "", longs)) != -1) {
		if (c == 'o')
			offset = number_of(ctl, "--offset", optarg);
		else
			request.length = number_of(ctl, "--length", optarg);
	}
	if (argc - optind != 1)
		usage_error(ctl, "it takes one function");
	if (!take_symbol(ctl, argv[optind], &request))
		return print_own_failure(ctl, -ENOMEM, "out of memory");
	if (offset >= 0)
		request.offset = offset;
	return disassemble(ctl, &request);
}

const struct cmd_entry cmd_disasm = {
	.name = "disasm",
	.arguments = "[MODULE:]SYMBOL[+OFFSET]",
	.summary = "Show a function's instructions, the probes there, and where one may be",
	.help = "The instructions are those in memory now, as they are without probes; under one\n"
		"that a probe has changed is what is there instead. A probe may be planted at\n"
		"the offset of every line that has no x. SYMBOL may be an address, too. It takes\n"
		"the permission to add probes.\n"
		"\nOptions:\n"
		"  --offset BYTES      begin with the instruction there\n"
		"  --length BYTES      so much of it\n"
		"\nExamples:\n"
		"  kprobectl disasm kernel_clone\n"
		"  kprobectl disasm kernel_clone | grep 'callq pid_'\n"
		"  kprobectl disasm --json vfs_read | jq -r 'select(.probeable) | .site'\n",
	.run = run,
};
