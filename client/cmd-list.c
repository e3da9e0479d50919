/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kprobectl list: the probes as a table. They come in several replies; a table needs all of them
 * before its first line, JSON does not.
 */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

#include "kprobectl.h"
#include "loss-advice.h"
#include "output-error.h"
#include "output-table.h"
#include "output-text.h"

enum {
	COLUMN_ID,
	COLUMN_NAME,
	COLUMN_STATE,
	COLUMN_HITS,
	COLUMN_MISSED,
	COLUMN_LOST,
	COLUMN_MAXACTIVE,
	COLUMN_OWNER,
	COLUMN_SITE,
	COLUMN_DEFINITION,
	N_COLUMNS,
};

/* "root/kprobectl", and how many owners there are besides. */
static void put_owner(json_object *probe, char *out, size_t size)
{
	json_object *owner = json_object_object_get(probe, "owner");
	json_object *owners = json_object_object_get(probe, "owners");
	size_t n =
		json_object_is_type(owners, json_type_array) ? json_object_array_length(owners) : 0;
	struct passwd *user;
	char more[32] = "", uid[16];

	if (!owner) {
		snprintf(out, size, "%s", member_bool(probe, "foreign") ? "(foreign)" : "-");
		return;
	}
	if (n > 1)
		snprintf(more, sizeof(more), " +%zu", n - 1);
	user = getpwuid((uid_t)member_int(owner, "uid"));
	snprintf(uid, sizeof(uid), "%lld", member_int(owner, "uid"));
	snprintf(out, size, "%s/%s%s", user ? user->pw_name : uid, member_string(owner, "comm"),
		 more);
}

static void add_row(struct table *table, json_object *probe)
{
	char hits[24], missed[24], lost[24], maxactive[24] = "", owner[128];
	const char *cells[N_COLUMNS] = {
		[COLUMN_ID] = member_string(probe, "id"),
		[COLUMN_NAME] = member_string(probe, "name"),
		[COLUMN_STATE] = member_string(probe, "state"),
		[COLUMN_HITS] = hits,
		[COLUMN_MISSED] = missed,
		[COLUMN_LOST] = lost,
		[COLUMN_MAXACTIVE] = maxactive,
		[COLUMN_OWNER] = owner,
		[COLUMN_SITE] = member_string(probe, "site"),
		[COLUMN_DEFINITION] = member_string(probe, "definition"),
	};

	snprintf(hits, sizeof(hits), "%lld", member_int(probe, "hits"));
	snprintf(missed, sizeof(missed), "%lld", member_int(probe, "missed"));
	/* Not what is "unrecorded", which has kprobed's own hits too: nobody has lost those. */
	snprintf(lost, sizeof(lost), "%lld", member_int(probe, "overrun"));
	if (member_int(probe, "overrun"))
		table->columns[COLUMN_LOST].is_hidden = false;
	if (json_object_object_get(probe, "maxactive")) {
		snprintf(maxactive, sizeof(maxactive), "%lld", member_int(probe, "maxactive"));
		table->columns[COLUMN_MAXACTIVE].is_hidden = false;
	}
	put_owner(probe, owner, sizeof(owner));
	table_add(table, cells);
}

/* "note: opens: ..." */
static void put_notes(struct text *t, json_object *probe)
{
	json_object *notes = json_object_object_get(probe, "notes");
	const char *name = member_string(probe, "name");

	for (size_t i = 0;
	     json_object_is_type(notes, json_type_array) && i < json_object_array_length(notes);
	     i++) {
		const char *note = json_object_get_string(json_object_array_get_idx(notes, i));

		text_puts(t, "note: ");
		text_safe(t, name, strlen(name));
		text_puts(t, ": ");
		text_safe(t, note, strlen(note));
		text_putc(t, '\n');
	}
}

static int take_reply(const struct ctl *ctl, const char *text, struct table *table,
		      struct text *notes)
{
	_cleanup_json_ json_object *reply = json_tokener_parse(text);
	json_object *probes = json_object_object_get(reply, "probes");

	if (!json_object_is_type(probes, json_type_array))
		return -EPROTO;
	for (size_t i = 0; i < json_object_array_length(probes); i++) {
		json_object *probe = json_object_array_get_idx(probes, i);

		if (ctl->json) {
			print_json(ctl, probe);
			continue;
		}
		add_row(table, probe);
		put_notes(notes, probe);
		put_advice(notes, json_object_object_get(probe, "advice"),
			   member_string(probe, "name"));
	}
	return table->failed ? -ENOMEM : 0;
}

static int list(const struct ctl *ctl, struct kprobed *k, json_object *parameters,
		struct table *table, struct text *notes)
{
	bool continues = true;
	const char *reply;
	int r;

	r = kprobed_call_start(k, "io.kprobed.Probes.List",
			       json_object_to_json_string_ext(parameters, JSON_C_TO_STRING_PLAIN),
			       KPROBED_CALL_MORE);
	while (r >= 0 && continues) {
		r = kprobed_call_next(k, 60000, &reply, &continues);
		if (r == 0)
			r = -ETIMEDOUT;
		if (r > 0)
			r = take_reply(ctl, reply, table, notes);
	}
	return r;
}

static int run(struct ctl *ctl, int argc, char **argv)
{
	static const struct option longs[] = {{"foreign", no_argument, NULL, 'F'}, {0}};
	struct table_column columns[N_COLUMNS] = {
		[COLUMN_ID] = {"ID", .is_number = true},
		[COLUMN_NAME] = {"NAME"},
		[COLUMN_STATE] = {"STATE"},
		[COLUMN_HITS] = {"HITS", .is_number = true},
		[COLUMN_MISSED] = {"MISSED", .is_number = true},
		[COLUMN_LOST] = {"LOST", .is_number = true, .is_hidden = true},
		[COLUMN_MAXACTIVE] = {"MAXACT", .is_number = true, .is_hidden = true},
		[COLUMN_OWNER] = {"OWNER"},
		[COLUMN_SITE] = {"SITE"},
		[COLUMN_DEFINITION] = {"DEFINITION"},
	};
	_cleanup_table_ struct table table = {.columns = columns, .n_columns = N_COLUMNS};
	_cleanup_kprobed_ struct kprobed *k = NULL;
	_cleanup_json_ json_object *parameters = NULL;
	_cleanup_text_ struct text t = {0}, notes = {0};
	bool foreign = false;
	int r;

	while ((r = ctl_getopt(ctl, argc, argv, "", longs)) != -1)
		foreign = true;
	if (!ctl_connect(ctl, &k))
		return EXIT_FAILURE;
	parameters = selection(argv + optind, argc - optind);
	if (foreign)
		json_object_object_add(parameters, "foreign", json_object_new_boolean(true));
	r = list(ctl, k, parameters, &table, &notes);
	if (r < 0)
		return print_failure(ctl, k, r, NULL);
	if (ctl->json)
		return EXIT_SUCCESS;
	if (table.n_rows == 0) {
		fputs("no probes\n", stderr);
		return EXIT_SUCCESS;
	}
	table_format(&table, terminal_width(stdout), ctl->color, &t);
	text_write(&t, stdout);
	text_write(&notes, stderr);
	return EXIT_SUCCESS;
}

const struct cmd_entry cmd_list = {
	.name = "list",
	.arguments = "[PROBE...]",
	.summary = "Show probes, how often they were hit, and whose they are",
	.help = "A PROBE is an id, a name, or a glob over names in quotes; without one, all.\n"
		"HITS and MISSED are as the kernel counts them since the probe was planted;\n"
		"LOST, if there are any, are events that were overwritten in the kernel's ring.\n"
		"What to do about losses is said below the table.\n"
		"\nOptions:\n"
		"  --foreign           also what perf, a shell and others have planted\n"
		"\nExamples:\n"
		"  kprobectl list\n"
		"  kprobectl list 'tcp_*' --json | jq -r '[.name, .hits] | @tsv'\n",
	.run = run,
};
