/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kprobed's command line: see kprobed(8). A straight line from arguments to the loop. */
#include <errno.h>
#include <getopt.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "log.h"
#include "manager.h"

static const char usage[] =
	"Usage: kprobed [OPTION]...\n"
	"Owns the kernel's dynamic probes and serves them over a socket.\n"
	"\n"
	"  -c, --config FILE    read FILE (and FILE.d/*.conf) instead of " CONFIG_FILE "\n"
	"  -s, --socket PATH    listen on PATH (also: $KPROBED_SOCKET)\n"
	"      --check-config   check the configuration, print what is in effect, and exit\n"
	"  -v, --verbose        log more; twice: still more, up to everything\n"
	"  -h, --help           show this and exit\n"
	"  -V, --version        show the version and exit\n"
	"\n"
	"kprobed stays in the foreground; systemd runs it as kprobed.service.\n";

struct arguments {
	const char *config;
	const char *socket;
	bool is_check;
	int verbosity;
};

enum { OPTION_CHECK = 256 };

/* 1: go on; 0: done; -EINVAL: used wrongly. */
static int parse_arguments(int argc, char **argv, struct arguments *ret)
{
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'},
		{"socket", required_argument, NULL, 's'},
		{"check-config", no_argument, NULL, OPTION_CHECK},
		{"verbose", no_argument, NULL, 'v'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "c:s:vhV", options, NULL)) >= 0) {
		switch (c) {
		case 'c':
			ret->config = optarg;
			break;
		case 's':
			ret->socket = optarg;
			break;
		case OPTION_CHECK:
			ret->is_check = true;
			break;
		case 'v':
			ret->verbosity++;
			break;
		case 'h':
			fputs(usage, stdout);
			return 0;
		case 'V':
			puts("kprobed " PACKAGE_VERSION);
			return 0;
		default:
			return -EINVAL;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "kprobed: unexpected argument: %s\n", argv[optind]);
		return -EINVAL;
	}
	return 1;
}

static int load_config(const struct arguments *arguments, struct config *ret)
{
	const char *variable = getenv("KPROBED_SOCKET");
	const char *path = arguments->socket	     ? arguments->socket
			   : variable && variable[0] ? variable
						     : NULL;
	char error[CONFIG_ERROR_MAX];

	if (config_load(arguments->config, ret, error, sizeof(error)) < 0) {
		fprintf(stderr, "kprobed: %s\n", error);
		return -EINVAL;
	}
	if (path && (path[0] != '/' || strlen(path) >= sizeof(ret->socket.path))) {
		fprintf(stderr,
			"kprobed: the socket must be an absolute path of at most %zu bytes\n",
			sizeof(ret->socket.path) - 1);
		return -EINVAL;
	}
	if (path)
		snprintf(ret->socket.path, sizeof(ret->socket.path), "%s", path);
	ret->daemon.log_level += arguments->verbosity;
	if (ret->daemon.log_level > LOG_DEBUG)
		ret->daemon.log_level = LOG_DEBUG;
	return 0;
}

int kprobed_main(int argc, char **argv)
{
	_cleanup_(manager_freep) struct manager *m = NULL;
	struct arguments arguments = {0};
	struct config config;
	int r;

	r = parse_arguments(argc, argv, &arguments);
	if (r <= 0)
		return r < 0 ? 2 : 0;
	/* A status of its own: starting again does not help, and the unit knows (sysexits.h). */
	if (load_config(&arguments, &config) < 0)
		return arguments.is_check ? 1 : EX_CONFIG;
	if (arguments.is_check)
		return config_dump(&config, stdout) < 0;

	/*
	 * What is large (tables of symbols) goes back to the system when it is freed. By default
	 * the first such free() would make the heap keep as much from then on.
	 */
	mallopt(M_MMAP_THRESHOLD, 1 << 20);
	log_init(config.daemon.log_level);
	if (manager_new(&config, &m) < 0)
		return 1;
	return manager_run(m) < 0;
}
