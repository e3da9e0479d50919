/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kprobectl symbols: what there is to be probed. Without --limit all that matches is fetched, page
 * by page; a table needs all of it before its first line, JSON does not.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "kprobectl.h"
#include "output-error.h"
#include "output-table.h"
#include "output-text.h"

/* The most that kprobed answers one call with. */
#define PAGE 20000

enum {
	COLUMN_ADDRESS,
	COLUMN_SIZE,
	COLUMN_TYPE,
	COLUMN_PROBEABLE,
	COLUMN_MODULE,
	COLUMN_NAME,
	N_COLUMNS,
};

struct search {
	const struct ctl *ctl;
	json_object *parameters; /* owned */
	struct table table;
	long long limit; /* 0: none */
	long long n;	 /* shown so far */
	long long total; /* that match; -1: not told yet */
};

static const char *probeable_text(json_object *symbol)
{
	json_object *probeable = json_object_object_get(symbol, "probeable");

	if (!probeable)
		return "?";
	return json_object_get_boolean(probeable) ? "yes" : member_string(symbol, "reason");
}

static void add_row(struct search *s, json_object *symbol)
{
	const char *module = member_string(symbol, "module");
	char size[24] = "";
	const char *cells[N_COLUMNS] = {
		[COLUMN_ADDRESS] = member_string(symbol, "address"),
		[COLUMN_SIZE] = size,
		[COLUMN_TYPE] = member_string(symbol, "type"),
		[COLUMN_PROBEABLE] = probeable_text(symbol),
		[COLUMN_MODULE] = module,
		[COLUMN_NAME] = member_string(symbol, "name"),
	};

	if (json_object_object_get(symbol, "size"))
		snprintf(size, sizeof(size), "%lld", member_int(symbol, "size"));
	if (*cells[COLUMN_ADDRESS])
		s->table.columns[COLUMN_ADDRESS].is_hidden = false;
	if (*module)
		s->table.columns[COLUMN_MODULE].is_hidden = false;
	table_add(&s->table, cells);
}

static int take_reply(struct search *s, const char *text)
{
	_cleanup_json_ json_object *reply = json_tokener_parse(text);
	json_object *symbols = json_object_object_get(reply, "symbols");

	if (!json_object_is_type(symbols, json_type_array))
		return -EPROTO;
	for (size_t i = 0; i < json_object_array_length(symbols); i++) {
		json_object *symbol = json_object_array_get_idx(symbols, i);

		s->n++;
		if (s->ctl->json)
			print_json(s->ctl, symbol);
		else
			add_row(s, symbol);
	}
	if (json_object_object_get(reply, "total"))
		s->total = member_int(reply, "total");
	return s->table.failed ? -ENOMEM : 0;
}

/* One call of Find, for what is missing still. */
static int fetch_page(struct search *s, struct kprobed *k)
{
	long long left = s->limit && s->limit - s->n < PAGE ? s->limit - s->n : PAGE;
	bool continues = true;
	const char *reply;
	int r;

	json_object_object_add(s->parameters, "limit", json_object_new_int64(left));
	json_object_object_add(s->parameters, "skip", json_object_new_int64(s->n));
	r = kprobed_call_start(
		k, "io.kprobed.Symbols.Find",
		json_object_to_json_string_ext(s->parameters, JSON_C_TO_STRING_PLAIN),
		KPROBED_CALL_MORE);
	while (r >= 0 && continues) {
		r = kprobed_call_next(k, 60000, &reply, &continues);
		if (r == 0)
			r = -ETIMEDOUT;
		if (r > 0)
			r = take_reply(s, reply);
	}
	return r;
}

static int fetch_all(struct search *s, struct kprobed *k)
{
	long long before;
	int r;

	do {
		before = s->n;
		r = fetch_page(s, k);
	} while (r >= 0 && s->n > before && s->n < s->total && (!s->limit || s->n < s->limit));
	return r;
}

/* A regular expression goes between slashes. */
static json_object *pattern_to_json(const char *pattern, bool is_regex)
{
	_cleanup_free_ char *text = NULL;

	if (is_regex && asprintf(&text, "/%s/", pattern) < 0)
		text = NULL;
	return json_object_new_string(text ? text : pattern);
}

static void read_options(struct ctl *ctl, int argc, char **argv, struct search *s, bool *is_regex)
{
	static const struct option longs[] = {
		{"type", required_argument, NULL, 'T'},
		{"module", required_argument, NULL, 'M'},
		{"probeable", no_argument, NULL, 'P'},
		{"unprobeable", no_argument, NULL, 'U'},
		{"regex", no_argument, NULL, 'R'},
		{"limit", required_argument, NULL, 'L'},
		{0},
	};
	json_object *p = s->parameters;
	int c;

	while ((c = ctl_getopt(ctl, argc, argv, "", longs)) != -1) {
		switch (c) {
		case 'T':
			json_object_object_add(p, "type", json_object_new_string(optarg));
			break;
		case 'M':
			json_object_object_add(p, "module", json_object_new_string(optarg));
			break;
		case 'P':
		case 'U':
			json_object_object_add(p, "probeable", json_object_new_boolean(c == 'P'));
			break;
		case 'R':
			*is_regex = true;
			break;
		default:
			s->limit = option_number(ctl, "--limit", optarg, 1, 100000000);
			break;
		}
	}
}

static void print_table(struct search *s)
{
	_cleanup_text_ struct text t = {0};

	if (s->n == 0) {
		fputs("no symbols\n", stderr);
		return;
	}
	table_format(&s->table, terminal_width(stdout), s->ctl->color, &t);
	text_write(&t, stdout);
	if (s->n < s->total)
		fprintf(stderr, "%lld of %lld symbols\n", s->n, s->total);
}

static int run(struct ctl *ctl, int argc, char **argv)
{
	struct table_column columns[N_COLUMNS] = {
		[COLUMN_ADDRESS] = {"ADDRESS", .is_hidden = true},
		[COLUMN_SIZE] = {"SIZE", .is_number = true},
		[COLUMN_TYPE] = {"T"},
		[COLUMN_PROBEABLE] = {"PROBEABLE"},
		[COLUMN_MODULE] = {"MODULE", .is_hidden = true},
		[COLUMN_NAME] = {"NAME"},
	};
	_cleanup_json_ json_object *parameters = json_object_new_object();
	struct search s = {.ctl = ctl,
			   .parameters = parameters,
			   .table = {.columns = columns, .n_columns = N_COLUMNS},
			   .total = -1};
	_cleanup_kprobed_ struct kprobed *k = NULL;
	bool is_regex = false;
	int r;

	read_options(ctl, argc, argv, &s, &is_regex);
	if (argc - optind != 1)
		usage_error(ctl, "one PATTERN is needed");
	json_object_object_add(parameters, "pattern", pattern_to_json(argv[optind], is_regex));
	if (!ctl_connect(ctl, &k))
		return EXIT_FAILURE;
	r = fetch_all(&s, k);
	if (r < 0)
		print_failure(ctl, k, r, NULL);
	else if (!ctl->json)
		print_table(&s);
	table_done(&s.table);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

const struct cmd_entry cmd_symbols = {
	.name = "symbols",
	.arguments = "PATTERN",
	.summary = "Show functions and variables of the kernel, and which can be probed",
	.help = "PATTERN is a name, a glob in quotes ('tcp_send*'), or a regular expression\n"
		"between slashes ('/^tcp_.*sk$/').\n"
		"\nOptions:\n"
		"  --type LETTERS      only these types, as nm(1) has them: t T w W functions,\n"
		"                      d D b B r R data\n"
		"  --module GLOB       only in these modules; vmlinux is the kernel itself\n"
		"  --probeable         only what a probe can be planted on\n"
		"  --unprobeable       only what none can be planted on; PROBEABLE says why\n"
		"  --regex             PATTERN is a regular expression, without slashes\n"
		"  --limit N           at most N of them\n"
		"\nExamples:\n"
		"  kprobectl symbols 'tcp_send*'\n"
		"  kprobectl symbols --unprobeable '*lock*' --type tT\n"
		"  kprobectl symbols '*' --module ext4 --json | jq -r .name\n",
	.run = run,
};
