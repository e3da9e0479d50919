/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kprobectl remove, enable, disable: commands that take selectors and answer nothing.
 */
#include "kprobectl.h"
#include "output-error.h"

static int run(struct ctl *ctl, int argc, char **argv, const char *method)
{
	_cleanup_kprobed_ struct kprobed *k = NULL;
	_cleanup_json_ json_object *parameters = NULL, *reply = NULL;
	int r;

	while (ctl_getopt(ctl, argc, argv, "", NULL) != -1)
		continue;
	if (optind == argc)
		usage_error(ctl, "no probe; a probe is an id, a name, or a glob like 'tcp_*'");
	if (!ctl_connect(ctl, &k))
		return EXIT_FAILURE;
	parameters = selection(argv + optind, argc - optind);
	r = ctl_call(k, method, parameters, &reply);
	return r < 0 ? print_failure(ctl, k, r, NULL) : EXIT_SUCCESS;
}

static int run_remove(struct ctl *ctl, int argc, char **argv)
{
	return run(ctl, argc, argv, "io.kprobed.Probes.Remove");
}

static int run_enable(struct ctl *ctl, int argc, char **argv)
{
	return run(ctl, argc, argv, "io.kprobed.Probes.Enable");
}

static int run_disable(struct ctl *ctl, int argc, char **argv)
{
	return run(ctl, argc, argv, "io.kprobed.Probes.Disable");
}

const struct cmd_entry cmd_remove = {
	.name = "remove",
	.arguments = "PROBE...",
	.summary = "Give up probes; each goes with its last owner",
	.help = "A PROBE is an id, a name, or a glob over names in quotes.\n"
		"\nExamples:\n"
		"  kprobectl remove opens\n"
		"  kprobectl remove 17 'tcp_*'\n"
		"  kprobectl remove '*'\n",
	.run = run_remove,
};

const struct cmd_entry cmd_enable = {
	.name = "enable",
	.arguments = "PROBE...",
	.summary = "Let probes record again",
	.help = "A PROBE is an id, a name, or a glob over names in quotes.\n"
		"\nExamples:\n"
		"  kprobectl enable opens\n",
	.run = run_enable,
};

const struct cmd_entry cmd_disable = {
	.name = "disable",
	.arguments = "PROBE...",
	.summary = "Leave probes planted, but stop them recording",
	.help = "A PROBE is an id, a name, or a glob over names in quotes. A probe with several\n"
		"owners stops recording when all of them have disabled it.\n"
		"\nExamples:\n"
		"  kprobectl disable 'tcp_*'\n",
	.run = run_disable,
};
