/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kprobectl metrics: what is counted, as Prometheus and others take it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "kprobectl.h"
#include "output-error.h"

static int run(struct ctl *ctl, int argc, char **argv)
{
	_cleanup_kprobed_ struct kprobed *k = NULL;
	_cleanup_json_ json_object *reply = NULL;
	const char *text;
	int r;

	while (ctl_getopt(ctl, argc, argv, "", NULL) != -1)
		continue;
	if (optind < argc)
		usage_error(ctl, "it takes no argument");
	if (!ctl_connect(ctl, &k))
		return EXIT_FAILURE;
	r = ctl_call(k, "io.kprobed.Service.Metrics", NULL, &reply);
	if (r < 0)
		return print_failure(ctl, k, r, NULL);
	if (ctl->json) {
		print_json(ctl, reply);
		return EXIT_SUCCESS;
	}
	text = member_string(reply, "text");
	if (fputs(text, stdout) < 0 || fflush(stdout) != 0)
		return print_own_failure(ctl, -errno, "cannot write: %s", strerror(errno));
	return EXIT_SUCCESS;
}

const struct cmd_entry cmd_metrics = {
	.name = "metrics",
	.arguments = "",
	.summary = "Print all counters in the OpenMetrics text format",
	.help = "For Prometheus' node exporter a timer writes them to a file; the manual says\n"
		"where the script for that is.\n"
		"\nExamples:\n"
		"  kprobectl metrics\n"
		"  kprobectl metrics | grep probe_missed\n",
	.run = run,
};
