/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kprobectl trace: probes for as long as one looks at them.
 *
 * They have the connection's lifetime, so that they go away however this process ends. Their events
 * are subscribed to by id, since a name may be another's.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "kprobectl.h"
#include "output-added.h"
#include "output-error.h"
#include "output-text.h"
#include "signals.h"
#include "specs.h"
#include "stream.h"

static int plant(struct kprobed *k, const struct specs *specs, json_object **ret)
{
	_cleanup_json_ json_object *parameters = json_object_new_object();

	json_object_object_add(parameters, "probes", json_object_get(specs->array));
	json_object_object_add(parameters, "lifetime", json_object_new_string("connection"));
	return ctl_call(k, "io.kprobed.Probes.Add", parameters, ret);
}

/* Says on stderr what is traced. Returns how long names are. */
static size_t announce(const struct ctl *ctl, json_object *probes, bool has_command)
{
	_cleanup_text_ struct text t = {0};
	size_t n = json_object_array_length(probes), width = 0;

	if (ctl->json)
		return 0;
	for (size_t i = 0; i < n; i++) {
		size_t w = strlen(member_string(json_object_array_get_idx(probes, i), "name"));

		width = w > width ? w : width;
	}
	text_puts(&t, "tracing ");
	for (size_t i = 0; i < n && i < 8; i++) {
		json_object *probe = json_object_array_get_idx(probes, i);
		const char *name = member_string(probe, "name"),
			   *site = member_string(probe, "site");

		text_puts(&t, i ? ", " : "");
		text_color(&t, ctl->error_color, COLOR_PROBE);
		text_safe(&t, name, strlen(name));
		text_plain(&t, ctl->error_color);
		text_puts(&t, " (");
		text_safe(&t, site, strlen(site));
		text_putc(&t, ')');
	}
	if (n > 8)
		text_printf(&t, " and %zu more", n - 8);
	text_puts(&t, has_command ? " until the command ends\n" : "; Ctrl-C ends\n");
	text_write(&t, stderr);
	return width;
}

/* From when the probes were asked for on: they have been recording since they are there. */
static int subscribe(struct kprobed *k, json_object *reply, struct stream_options *options,
		     struct stream_choice *choice)
{
	struct kprobed_stream_options wanted = KPROBED_STREAM_OPTIONS_INIT;
	json_object *probes = json_object_object_get(reply, "probes");
	const char *cursor = member_string(reply, "cursor");
	size_t n = json_object_array_length(probes);
	_cleanup_free_ const char **ids = calloc(n + 1, sizeof(*ids));
	int r;

	if (!ids)
		return -ENOMEM;
	r = stream_choose(options, &wanted, choice);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++)
		ids[i] = member_string(json_object_array_get_idx(probes, i), "id");
	wanted.max_latency_ms = options->max_latency_ms;
	wanted.transport = options->transport;
	wanted.cursor = *cursor ? cursor : NULL;
	return kprobed_subscribe(k, ids, n, &wanted);
}

static int trace(const struct ctl *ctl, const struct specs *specs, struct stream_options *options,
		 char **command, pid_t *child)
{
	_cleanup_kprobed_ struct kprobed *k = NULL;
	_cleanup_json_ json_object *reply = NULL;
	_cleanup_choice_ struct stream_choice choice = {0};
	json_object *probes;
	int64_t offset = 0;
	sigset_t mask;
	int r = 0;

	if (!ctl_connect(ctl, &k))
		return EXIT_FAILURE;
	if (!ctl->json)
		r = stream_clock(k, &offset);
	if (r == 0)
		r = plant(k, specs, &reply);
	if (r < 0)
		return print_failure(ctl, k, r, specs);
	probes = json_object_object_get(reply, "probes");
	if (!json_object_is_type(probes, json_type_array))
		return print_failure(ctl, k, -EPROTO, NULL);
	r = subscribe(k, reply, options, &choice);
	if (r < 0)
		return stream_failure(ctl, k, r, options);
	print_added(ctl, reply);
	options->probe_width = announce(ctl, probes, command != NULL);

	signals_block(&mask);
	if (command) {
		r = child_start(command, &mask, child);
		if (r < 0)
			return print_own_failure(ctl, r, "cannot run %s: %s", command[0],
						 strerror(-r));
	}
	return stream_run(ctl, k, options, offset, child);
}

static int run(struct ctl *ctl, int argc, char **argv)
{
	static const struct option longs[] = {
		SPEC_LONGS, STREAM_LONGS, TRANSPORT_LONGS, CALL_LONGS, {0}};
	struct stream_options options = STREAM_OPTIONS_INIT;
	struct spec_options spec_options = {0};
	_cleanup_specs_ struct specs specs = {0};
	char **command = ctl_split_command(ctl, &argc, argv);
	pid_t child = 0;
	int c, status;

	while ((c = ctl_getopt(ctl, argc, argv, SPEC_SHORTS STREAM_SHORTS, longs)) != -1)
		if (!specs_option(ctl, &spec_options, c, optarg))
			stream_option(ctl, &options, c, optarg);
	stream_check(ctl, &options);
	/* Of call probes the kernel knows before it records. */
	spec_options.failed = options.failed;
	if (!specs_gather(ctl, &spec_options, argc - optind, argv + optind, &specs))
		return EXIT_FAILURE;
	options.failed = options.failed && !specs.are_calls;
	status = trace(ctl, &specs, &options, command, &child);
	/* The probes are gone by now; a command that still runs has the terminal until its end. */
	if (child)
		child_wait(child);
	return status;
}

const struct cmd_entry cmd_trace = {
	.name = "trace",
	.arguments = "DEFINITION... [-- COMMAND [ARGUMENT...]]",
	.summary = "Plant probes, print their events, and remove them at the end",
	.help = "Ends with Ctrl-C; the probes go with it, however it ends. With a COMMAND it\n"
		"ends with that: the probes are there before it begins, and everything up to\n"
		"its exit is shown. The events are those of the whole host, not of the command\n"
		"alone. A DEFINITION is one argument, in quotes; \"kprobectl add --help\" has\n"
		"the forms.\n"
		"\nOptions:\n" STREAM_HELP TRANSPORT_HELP CALL_HELP SPEC_HELP "\nExamples:\n"
		"  kprobectl trace do_sys_openat2\n"
		"  kprobectl trace 'p do_sys_openat2 dfd=%di:s32 name=+0(%si):ustring' -n 20\n"
		"  kprobectl trace 'r do_sys_openat2 fd=$retval:s32' --filter 'fd < 0' -d 10\n"
		"  kprobectl trace 'r do_sys_openat2 ret=$retval:s32' --failed -w 'comm != "
		"\"sh\"'\n"
		"  kprobectl trace 'c:do_sys_openat2 filename' --failed\n"
		"  kprobectl trace --slower 1ms vfs_fsync_range\n"
		"  kprobectl trace --stack vfs_unlink -- rm -rf build\n"
		"  kprobectl trace do_sys_openat2 --json | jq .comm\n",
	.run = run,
};
