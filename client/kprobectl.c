/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kprobectl: kernel probes from the command line.
 *
 * This file reads the options that all commands have and hands over to a command from the table.
 */
#include "kprobectl.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "output-error.h"

static const struct cmd_entry *const commands[] = {
	&cmd_trace,   &cmd_hist,   &cmd_add,	 &cmd_check,	&cmd_remove, &cmd_enable,
	&cmd_disable, &cmd_list,   &cmd_watch,	 &cmd_read,	&cmd_status, &cmd_metrics,
	&cmd_whoami,  &cmd_doctor, &cmd_symbols, &cmd_describe, &cmd_disasm, &cmd_call,
};

enum {
	OPTION_SOCKET = 256,
	OPTION_JSON,
	OPTION_COLOR,
	OPTION_HELP,
	OPTION_VERSION,
};

static const struct option common_options[] = {
	{"socket", required_argument, NULL, OPTION_SOCKET},
	{"json", no_argument, NULL, OPTION_JSON},
	{"color", required_argument, NULL, OPTION_COLOR},
	{"help", no_argument, NULL, OPTION_HELP},
	{"version", no_argument, NULL, OPTION_VERSION},
};

static const char common_help[] =
	"  --json              one JSON object a line; errors as JSON on stderr\n"
	"  --socket PATH       where kprobed listens (/run/kprobed/io.kprobed)\n"
	"  --color WHEN        auto (on a terminal, without $NO_COLOR), always, never\n"
	"  -h, --help          this text\n";

static void print_help(const struct cmd_entry *cmd)
{
	if (cmd) {
		printf("Usage: kprobectl %s [OPTION...]%s%s\n%s.\n\n%s", cmd->name,
		       *cmd->arguments ? " " : "", cmd->arguments, cmd->summary, cmd->help);
		printf("\nOptions of every command:\n%s", common_help);
		return;
	}
	puts("Usage: kprobectl [OPTION...] COMMAND [ARGUMENT...]\n"
	     "Plants kernel probes through kprobed and shows what they record.\n"
	     "\nCommands:");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		printf("  %-9s %s\n", commands[i]->name, commands[i]->summary);
	printf("\nOptions:\n%s", common_help);
	puts("  --version           the version\n"
	     "\n\"kprobectl COMMAND --help\" has examples; see also kprobectl(1).\n"
	     "\n  kprobectl trace do_sys_openat2          # a line for every call, until Ctrl-C");
}

void usage_error(const struct ctl *ctl, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "kprobectl%s%s: ", ctl->cmd ? " " : "", ctl->cmd ? ctl->cmd->name : "");
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\nTry \"kprobectl%s%s --help\".\n", ctl->cmd ? " " : "",
		ctl->cmd ? ctl->cmd->name : "");
	exit(EXIT_USAGE);
}

long long option_number(const struct ctl *ctl, const char *option, const char *value, long long min,
			long long max)
{
	long long number;
	char *end;

	errno = 0;
	number = strtoll(value, &end, 10);
	if (errno || end == value || *end)
		usage_error(ctl, "%s: \"%s\" is not a number", option, value);
	if (number < min || number > max)
		usage_error(ctl, "%s: %s is not between %lld and %lld", option, value, min, max);
	return number;
}

static bool want_color(const struct ctl *ctl, int fd)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	if (strcmp(ctl->color_mode, "auto") != 0)
		return strcmp(ctl->color_mode, "always") == 0;
	return isatty(fd) && !(no_color && *no_color) && !(term && strcmp(term, "dumb") == 0);
}

static void common_option(struct ctl *ctl, int c)
{
	switch (c) {
	case OPTION_SOCKET:
		ctl->socket = optarg;
		break;
	case OPTION_JSON:
		ctl->json = true;
		break;
	case OPTION_COLOR:
		if (strcmp(optarg, "auto") != 0 && strcmp(optarg, "always") != 0 &&
		    strcmp(optarg, "never") != 0)
			usage_error(ctl, "--color is auto, always or never");
		ctl->color_mode = optarg;
		break;
	case OPTION_VERSION:
		puts("kprobectl " VERSION);
		exit(EXIT_SUCCESS);
	case OPTION_HELP:
	case 'h':
		print_help(ctl->cmd);
		exit(EXIT_SUCCESS);
	}
}

int ctl_getopt(struct ctl *ctl, int argc, char **argv, const char *shorts,
	       const struct option *longs)
{
	struct option all[ARRAY_SIZE(common_options) + 32] = {0};
	char all_shorts[64];
	size_t n = 0;
	int c;

	memcpy(all, common_options, sizeof(common_options));
	while (longs && longs[n].name && n < 31) {
		all[ARRAY_SIZE(common_options) + n] = longs[n];
		n++;
	}
	/* Without arguments of the command's own, options end where the command begins. */
	snprintf(all_shorts, sizeof(all_shorts), "%s:h%s", ctl->cmd ? "" : "+", shorts);
	opterr = 0;
	for (;;) {
		c = getopt_long(argc, argv, all_shorts, all, NULL);
		if (c == ':')
			usage_error(ctl, "%s needs a value", argv[optind - 1]);
		if (c == '?' && optopt > 0 && optopt < 256)
			usage_error(ctl, "unknown option -%c", optopt);
		if (c == '?')
			usage_error(ctl, "unknown option %s", argv[optind - 1]);
		if (c != 'h' && c < 256)
			break;
		common_option(ctl, c);
	}
	if (c == -1) {
		ctl->color = want_color(ctl, STDOUT_FILENO);
		ctl->error_color = want_color(ctl, STDERR_FILENO);
	}
	return c;
}

static const struct cmd_entry *find_command(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	return NULL;
}

int main(int argc, char **argv)
{
	struct ctl ctl = {.color_mode = "auto"};
	const struct cmd_entry *cmd;
	int r;

	/* A reader that goes away is noticed when writing, and ends us in our own way. */
	signal(SIGPIPE, SIG_IGN);

	while (ctl_getopt(&ctl, argc, argv, "", NULL) != -1)
		continue;
	argc -= optind;
	argv += optind;
	if (argc > 0 && strcmp(argv[0], "help") == 0) {
		cmd = argc > 1 ? find_command(argv[1]) : NULL;
		if (argc > 1 && !cmd)
			usage_error(&ctl, "no command \"%s\"", argv[1]);
		print_help(cmd);
		return EXIT_SUCCESS;
	}
	if (argc == 0)
		usage_error(&ctl, "no command");
	cmd = find_command(argv[0]);
	if (!cmd)
		usage_error(&ctl, "no command \"%s\"", argv[0]);
	ctl.cmd = cmd;
	optind = 0; /* getopt starts over */
	r = cmd->run(&ctl, argc, argv);
	if (fflush(stdout) != 0 && errno != EPIPE && r == EXIT_SUCCESS)
		r = print_own_failure(&ctl, -errno, "cannot write: %s", strerror(errno));
	return r;
}
