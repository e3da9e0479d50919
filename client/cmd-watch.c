/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kprobectl watch, kprobectl read: events of probes that are there, from now on or from the log.
 */
#include <stdio.h>
#include <string.h>

#include "kprobectl.h"
#include "output-error.h"
#include "signals.h"
#include "stream.h"

struct watch_options {
	struct stream_options stream;
	const char *cursor; /* borrowed from argv */
	bool show_cursor;
	bool is_read;
};

static int begin(struct kprobed *k, struct watch_options *options, char **probes, int n,
		 struct stream_choice *choice)
{
	static const char *const all[] = {"*"};
	struct kprobed_stream_options wanted = KPROBED_STREAM_OPTIONS_INIT;
	const char *const *selectors = (const char *const *)probes;
	int r = stream_choose(&options->stream, &wanted, choice);

	if (r < 0)
		return r;
	wanted.cursor = options->cursor;
	wanted.max_latency_ms = options->stream.max_latency_ms;
	wanted.transport = options->stream.transport;
	/* A cursor moves with whole batches; this one is to stand behind the last event shown. */
	if (options->show_cursor && options->stream.count)
		wanted.max_batch = 1;
	if (options->is_read)
		return kprobed_read(k, selectors, (size_t)n, &wanted);
	return n ? kprobed_subscribe(k, selectors, (size_t)n, &wanted)
		 : kprobed_subscribe(k, all, 1, &wanted);
}

static int watch(const struct ctl *ctl, struct watch_options *options, char **probes, int n)
{
	_cleanup_kprobed_ struct kprobed *k = NULL;
	_cleanup_choice_ struct stream_choice choice = {0};
	int64_t offset = 0;
	pid_t child = 0;
	sigset_t mask;
	int r = 0, status;

	if (!ctl_connect(ctl, &k))
		return EXIT_FAILURE;
	if (!ctl->json)
		r = stream_clock(k, &offset);
	if (r == 0)
		r = begin(k, options, probes, n, &choice);
	if (r < 0)
		return stream_failure(ctl, k, r, &options->stream);
	signals_block(&mask);
	status = stream_run(ctl, k, &options->stream, offset, &child);
	if (status == EXIT_SUCCESS && options->show_cursor && kprobed_cursor(k))
		fprintf(stderr, ctl->json ? "{\"cursor\":\"%s\"}\n" : "cursor: %s\n",
			kprobed_cursor(k));
	return status;
}

static int run(struct ctl *ctl, int argc, char **argv, bool is_read)
{
	static const struct option longs[] = {
		STREAM_LONGS,
		{"cursor", required_argument, NULL, 'C'},
		{"show-cursor", no_argument, NULL, 'O'},
		/* The last one: read does not have it. */
		TRANSPORT_LONGS,
		{0},
	};
	struct watch_options options = {.stream = STREAM_OPTIONS_INIT, .is_read = is_read};
	struct option mine[ARRAY_SIZE(longs)];
	int c;

	memcpy(mine, longs, sizeof(mine));
	if (is_read)
		mine[ARRAY_SIZE(mine) - 2] = (struct option){0};
	options.stream.until_now = is_read;
	while ((c = ctl_getopt(ctl, argc, argv, STREAM_SHORTS, mine)) != -1) {
		if (c == 'C')
			options.cursor = optarg;
		else if (c == 'O')
			options.show_cursor = true;
		else
			stream_option(ctl, &options.stream, c, optarg);
	}
	stream_check(ctl, &options.stream);
	return watch(ctl, &options, argv + optind, argc - optind);
}

static int run_watch(struct ctl *ctl, int argc, char **argv)
{
	return run(ctl, argc, argv, false);
}

static int run_read(struct ctl *ctl, int argc, char **argv)
{
	return run(ctl, argc, argv, true);
}

#define CURSOR_HELP                                                                                \
	"  --cursor CURSOR     go on where an earlier watch or read ended\n"                       \
	"  --show-cursor       say on stderr in the end where that is\n"

const struct cmd_entry cmd_watch = {
	.name = "watch",
	.arguments = "[PROBE...]",
	.summary = "Print the events of probes that are there, as they happen",
	.help = "A PROBE is an id, a name, or a glob over names in quotes, which also takes\n"
		"probes that are added later; without one, all. Ends with Ctrl-C.\n"
		"\nOptions:\n" STREAM_HELP TRANSPORT_HELP CURSOR_HELP "\nExamples:\n"
		"  kprobectl watch opens\n"
		"  kprobectl watch 'tcp_*' -d 60 --json >events.jsonl\n"
		"  kprobectl watch opens -w 'dfd == -100 && comm ^= \"cat\"' --fields ts,name\n",
	.run = run_watch,
};

const struct cmd_entry cmd_read = {
	.name = "read",
	.arguments = "[PROBE...]",
	.summary = "Print what kprobed's log still holds",
	.help = "A PROBE is an id, a name, or a glob over names in quotes; without one, all,\n"
		"those that were removed included.\n"
		"\nOptions:\n" STREAM_HELP CURSOR_HELP "\nExamples:\n"
		"  kprobectl read opens\n"
		"  kprobectl read --show-cursor >events 2>where\n"
		"  kprobectl read --cursor \"$(sed -n 's/cursor: //p' where)\" >>events\n",
	.run = run_read,
};
