/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kprobectl call: any request, and its replies as they come.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kprobectl.h"
#include "output-error.h"
#include "output-text.h"

#define INTERFACE_PREFIX "io.kprobed."

/* "Probes.List" for "io.kprobed.Probes.List": whole names begin with a small letter. */
static void whole_name(const char *given, struct text *t)
{
	if (given[0] >= 'A' && given[0] <= 'Z')
		text_puts(t, INTERFACE_PREFIX);
	text_puts(t, given);
}

/* All of stdin. */
static char *read_stdin(void)
{
	_cleanup_text_ struct text t = {0};
	char buffer[4096];
	size_t n;

	while ((n = fread(buffer, 1, sizeof(buffer), stdin)) > 0)
		text_append(&t, buffer, n);
	return text_take(&t);
}

static bool print_reply(const char *reply)
{
	_cleanup_text_ struct text t = {0};

	text_safe_json(&t, reply, strlen(reply));
	text_putc(&t, '\n');
	return text_write(&t, stdout) && fflush(stdout) == 0;
}

static int call(const struct ctl *ctl, const char *method, const char *parameters,
		unsigned int flags)
{
	_cleanup_kprobed_ struct kprobed *k = NULL;
	bool continues = !(flags & KPROBED_CALL_ONEWAY);
	const char *reply;
	int r;

	if (!ctl_connect(ctl, &k))
		return EXIT_FAILURE;
	r = kprobed_call_start(k, method, parameters, flags);
	if (r == -EINVAL)
		usage_error(ctl, "the parameters are not a JSON object: %s", parameters);
	while (r >= 0 && continues) {
		r = kprobed_call_next(k, -1, &reply, &continues);
		if (r > 0 && !print_reply(reply))
			return errno == EPIPE ? EXIT_SUCCESS
					      : print_own_failure(ctl, -errno, "cannot write: %s",
								  strerror(errno));
	}
	/* What is not sent when we leave is lost, and nobody will answer. */
	while (r >= 0 && kprobed_get_events(k) != POLLIN) {
		struct pollfd fd = {.fd = kprobed_get_fd(k), .events = kprobed_get_events(k)};

		if (poll(&fd, 1, -1) < 0 && errno != EINTR)
			break;
		r = kprobed_process(k);
	}
	return r < 0 ? print_failure(ctl, k, r, NULL) : EXIT_SUCCESS;
}

static int run(struct ctl *ctl, int argc, char **argv)
{
	static const struct option longs[] = {
		{"more", no_argument, NULL, 'm'},
		{"oneway", no_argument, NULL, 'o'},
		{0},
	};
	_cleanup_text_ struct text method = {0};
	_cleanup_free_ char *input = NULL;
	const char *parameters = NULL;
	unsigned int flags = 0;
	int c;

	while ((c = ctl_getopt(ctl, argc, argv, "", longs)) != -1)
		flags |= c == 'm' ? KPROBED_CALL_MORE : KPROBED_CALL_ONEWAY;
	if (argc - optind < 1 || argc - optind > 2)
		usage_error(ctl, "it takes a method, and parameters as JSON");
	if (argc - optind == 2)
		parameters = argv[optind + 1];
	if (parameters && strcmp(parameters, "-") == 0)
		parameters = input = read_stdin();
	whole_name(argv[optind], &method);
	if (method.failed)
		return print_own_failure(ctl, -ENOMEM, "out of memory");
	return call(ctl, method.data, parameters, flags);
}

const struct cmd_entry cmd_call = {
	.name = "call",
	.arguments = "METHOD [JSON]",
	.summary = "Send any request and print its replies as JSON",
	.help = "\"Probes.List\" is short for \"io.kprobed.Probes.List\". The parameters are a\n"
		"JSON object; \"-\" reads them from stdin.\n"
		"\nOptions:\n"
		"  --more              ask for several replies, and print each on a line\n"
		"  --oneway            ask for no reply\n"
		"\nExamples:\n"
		"  kprobectl call Service.Status\n"
		"  kprobectl call org.varlink.service.GetInfo\n"
		"  kprobectl call --more Events.Subscribe '{\"probes\":[\"*\"]}'\n"
		"  kprobectl call Probes.Check '{\"probes\":[{\"definition\":\"p vfs_read\"}]}'\n",
	.run = run,
};
