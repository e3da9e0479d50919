/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kprobectl hist: a histogram that the kernel keeps, for as long as one looks at it.
 *
 * The probe records no events and has the connection's lifetime, so that it goes away however this
 * process ends. On a terminal the histogram is drawn over the one before.
 */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "child.h"
#include "kprobectl.h"
#include "output-added.h"
#include "output-error.h"
#include "output-hist.h"
#include "output-text.h"
#include "signals.h"
#include "specs.h"
#include "stream.h"

#define KEYS_SHOWN 16

struct hist_options {
	const char *value, *key, *linear, *filter; /* borrowed from argv */
	long long keys, top;
	uint64_t interval_msec; /* 0: only at the end */
	uint64_t msec;		/* end after so much time; 0: no limit */
};

struct live {
	const struct ctl *ctl; /* borrowed, as the next two */
	struct kprobed *k;
	const struct hist_options *options;
	const char *id;
	int signal_fd;
	pid_t *child;
	bool draws;   /* over what was there before */
	size_t drawn; /* lines of it */
	bool is_ended;
};

static uint64_t now_msec(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static bool is_name(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");

	return n > 0 && s[n] == '\0' && !isdigit((unsigned char)*s);
}

/* What @name stands for: a field that there is anyway, an argument, or an expression that is made
 * one. */
static void put_argument(struct text *t, const char *name, const char *const *fields,
			 const char *as, const char **ret)
{
	*ret = name;
	for (; *fields; fields++)
		if (strcmp(name, *fields) == 0)
			return;
	text_putc(t, ' ');
	if (!is_name(name)) {
		text_printf(t, "%s=", as);
		*ret = as;
	}
	text_puts(t, name);
}

/*
 * A function alone becomes a call probe with just what is counted; *@value and *@key then name
 * arguments. Anything else is a definition as it is.
 */
static char *make_definition(const char *given, const char **value, const char **key)
{
	static const char *const values[] = {"duration", "durationNs", "ret", NULL};
	static const char *const keys[] = {"comm", "tid", "pid", NULL};
	_cleanup_text_ struct text t = {0};
	size_t before;

	if (strpbrk(given, " \t%+")) {
		/* "vfs_read count" is that as well, but for its arguments. */
		if (strcspn(given, " \t") > 1 && !strpbrk(given, "%+") &&
		    strcspn(given, ":") > strcspn(given, " \t") &&
		    !isdigit((unsigned char)given[1]))
			text_puts(&t, "c ");
		text_puts(&t, given);
		return text_take(&t);
	}
	text_printf(&t, "c %s", given);
	before = t.length;
	put_argument(&t, *value, values, "value", value);
	if (*key && strcmp(*key, *value) != 0)
		put_argument(&t, *key, keys, "key", key);
	if (t.length == before)
		text_puts(&t, " -");
	return text_take(&t);
}

static void add_string(json_object *o, const char *name, const char *value)
{
	json_object_object_add(o, name, json_object_new_string(value));
}

static void add_linear(const struct ctl *ctl, json_object *histogram, const char *linear)
{
	static const char *const names[] = {"min", "width", "buckets"};
	const char *p = linear;

	add_string(histogram, "scale", "linear");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char *end, word[64];
		long long number;

		snprintf(word, sizeof(word), "%.*s", (int)strcspn(p, ":"), p);
		errno = 0;
		number = strtoll(word, &end, 0);
		/* Durations have units. */
		if (end != word && *end)
			number = (long long)parse_duration(word);
		p += strcspn(p, ":");
		if (errno || end == word || (*end && !number) || (*p == ':') != (i < 2))
			usage_error(ctl, "--linear: \"%s\" is not MIN:WIDTH:BUCKETS", linear);
		json_object_object_add(histogram, names[i], json_object_new_int64(number));
		p++;
	}
}

static json_object *make_spec(const struct ctl *ctl, const struct hist_options *o,
			      const char *given)
{
	json_object *spec = json_object_new_object(), *histogram = json_object_new_object();
	const char *value = o->value ? o->value : "duration", *key = o->key;
	_cleanup_free_ char *definition = make_definition(given, &value, &key);

	add_string(spec, "definition", definition ? definition : given);
	if (o->filter)
		add_string(spec, "filter", o->filter);
	add_string(histogram, "value", value);
	if (o->linear)
		add_linear(ctl, histogram, o->linear);
	if (key) {
		add_string(histogram, "key", key);
		if (o->keys)
			json_object_object_add(histogram, "keys", json_object_new_int64(o->keys));
	}
	json_object_object_add(histogram, "eventless", json_object_new_boolean(true));
	json_object_object_add(spec, "histogram", histogram);
	return spec;
}

static int read_histogram(struct live *l, json_object **ret)
{
	_cleanup_json_ json_object *parameters = json_object_new_object();

	add_string(parameters, "probe", l->id);
	json_object_object_add(parameters, "limit", json_object_new_int64(l->options->top));
	return ctl_call(l->k, "io.kprobed.Probes.Histogram", parameters, ret);
}

static size_t terminal_lines(void)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_row < 4)
		return 24;
	return size.ws_row;
}

static int show(struct live *l, bool is_last)
{
	_cleanup_json_ json_object *reply = NULL;
	_cleanup_text_ struct text t = {0};
	struct hist_format format = {
		.width = terminal_width(stdout),
		.max_lines = l->draws && !is_last ? terminal_lines() - 2 : 0,
		.color = l->ctl->color,
	};
	int r = read_histogram(l, &reply);

	if (r < 0)
		return r;
	if (l->ctl->json) {
		print_json(l->ctl, reply);
		return fflush(stdout) == 0 ? 0 : -errno;
	}
	/* Back to where the one before began, and away with it. */
	if (l->drawn)
		text_printf(&t, "\x1b[%zuA\x1b[J", l->drawn);
	l->drawn = format_histogram(&format, reply, &t);
	if (!l->draws) {
		l->drawn = 0;
		if (!is_last)
			text_putc(&t, '\n');
	}
	return text_write(&t, stdout) && fflush(stdout) == 0 ? 0 : -EPIPE;
}

static void take_signals(struct live *l)
{
	struct signalfd_siginfo info;

	while (read(l->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGCHLD) {
			if (*l->child && (pid_t)info.ssi_pid == *l->child) {
				child_wait(*l->child);
				*l->child = 0;
				l->is_ended = true;
			}
			continue;
		}
		/* The terminal sends its signals to the command too, anyone else does not. */
		if (*l->child && info.ssi_code != SI_KERNEL)
			kill(*l->child, (int)info.ssi_signo);
		if (!*l->child)
			l->is_ended = true;
	}
}

static int loop(struct live *l)
{
	struct pollfd fds[] = {{.fd = l->signal_fd, .events = POLLIN},
			       {.fd = kprobed_get_fd(l->k)}};
	uint64_t now = now_msec(), step = l->options->interval_msec;
	uint64_t next = step ? now + step : UINT64_MAX;
	uint64_t end = l->options->msec ? now + l->options->msec : UINT64_MAX;
	int r;

	while (!l->is_ended) {
		uint64_t until = next < end ? next : end;
		int timeout = -1;

		now = now_msec();
		if (until != UINT64_MAX)
			timeout = until <= now		  ? 0
				  : until - now < INT_MAX ? (int)(until - now)
							  : INT_MAX;
		if (poll(fds, ARRAY_SIZE(fds), timeout) < 0 && errno != EINTR)
			return -errno;
		take_signals(l);
		if (fds[1].revents)
			return -ENODATA;
		now = now_msec();
		if (now >= end)
			break;
		if (!l->is_ended && now >= next) {
			r = show(l, false);
			if (r < 0)
				return r;
			/* What took longer than a step is not caught up with. */
			next = now_msec() + step;
		}
	}
	return show(l, true);
}

static void announce(const struct ctl *ctl, json_object *probe, bool has_command)
{
	const char *site = member_string(probe, "site");
	_cleanup_text_ struct text t = {0};

	if (ctl->json)
		return;
	text_puts(&t, "counting ");
	text_safe(&t, site, strlen(site));
	text_puts(&t, has_command ? " until the command ends\n" : "; Ctrl-C ends\n");
	text_write(&t, stderr);
}

static int hist(const struct ctl *ctl, const struct hist_options *options, struct specs *specs,
		char **command, pid_t *child)
{
	_cleanup_json_ json_object *parameters = json_object_new_object(), *reply = NULL;
	struct live l = {.ctl = ctl, .options = options, .child = child};
	_cleanup_kprobed_ struct kprobed *k = NULL;
	json_object *probe;
	sigset_t mask;
	int r;

	if (!ctl_connect(ctl, &k))
		return EXIT_FAILURE;
	json_object_object_add(parameters, "probes", json_object_get(specs->array));
	r = ctl_call(k, "io.kprobed.Probes.Add", parameters, &reply);
	if (r < 0)
		return print_failure(ctl, k, r, specs);
	probe = json_object_array_get_idx(json_object_object_get(reply, "probes"), 0);
	if (!probe || json_object_array_length(json_object_object_get(reply, "probes")) > 1)
		return print_own_failure(ctl, -E2BIG, "a histogram is of one function");
	print_added(ctl, reply);
	announce(ctl, probe, command != NULL);
	l.k = k;
	l.id = member_string(probe, "id");
	l.draws = !ctl->json && options->interval_msec && isatty(STDOUT_FILENO);

	signals_block(&mask);
	l.signal_fd = signals_open();
	if (l.signal_fd < 0)
		return print_own_failure(ctl, -errno, "signalfd: %s", strerror(errno));
	r = command ? child_start(command, &mask, child) : 0;
	if (r < 0)
		print_own_failure(ctl, r, "cannot run %s: %s", command[0], strerror(-r));
	else
		r = loop(&l);
	close(l.signal_fd);
	if (r == -EPIPE)
		return EXIT_SUCCESS;
	if (r == -ENODATA)
		return print_own_failure(ctl, -ECONNRESET, "kprobed has ended the connection");
	if (r < 0 && (*child || !command))
		return print_failure(ctl, k, r, NULL);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static uint64_t seconds(const struct ctl *ctl, const char *option, const char *value)
{
	char *end;
	double n = strtod(value, &end);

	if (end == value || *end || !(n >= 0.01 && n < 1e9))
		usage_error(ctl, "%s: \"%s\" is not a number of seconds", option, value);
	return (uint64_t)(n * 1000);
}

static void take_option(const struct ctl *ctl, struct hist_options *o, int c)
{
	switch (c) {
	case 'b':
		o->key = optarg;
		break;
	case 'v':
		o->value = optarg;
		break;
	case 'l':
		o->linear = optarg;
		break;
	case 'F':
		o->filter = optarg;
		break;
	case 'i':
		o->interval_msec = seconds(ctl, "--interval", optarg);
		break;
	case 'd':
		o->msec = seconds(ctl, "--duration", optarg);
		break;
	case 'K':
		o->keys = option_number(ctl, "--keys", optarg, 1, 4096);
		break;
	case 't':
		o->top = option_number(ctl, "--top", optarg, 1, 4096);
		break;
	}
}

static int run(struct ctl *ctl, int argc, char **argv)
{
	static const struct option longs[] = {{"by", required_argument, NULL, 'b'},
					      {"value", required_argument, NULL, 'v'},
					      {"linear", required_argument, NULL, 'l'},
					      {"filter", required_argument, NULL, 'F'},
					      {"interval", required_argument, NULL, 'i'},
					      {"duration", required_argument, NULL, 'd'},
					      {"keys", required_argument, NULL, 'K'},
					      {"top", required_argument, NULL, 't'},
					      {0}};
	struct hist_options options = {.top = KEYS_SHOWN};
	char **command = ctl_split_command(ctl, &argc, argv);
	_cleanup_specs_ struct specs specs = {0};
	pid_t child = 0;
	int c, status;

	while ((c = ctl_getopt(ctl, argc, argv, "b:v:i:d:", longs)) != -1)
		take_option(ctl, &options, c);
	if (argc - optind != 1)
		usage_error(ctl, "it takes one definition");
	if (!options.interval_msec && !ctl->json && isatty(STDOUT_FILENO))
		options.interval_msec = 1000;
	if (options.keys && !options.key)
		usage_error(ctl, "--keys is of --by");
	if (!specs_of(ctl, make_spec(ctl, &options, argv[optind]), &specs))
		return EXIT_FAILURE;
	status = hist(ctl, &options, &specs, command, &child);
	if (child)
		child_wait(child);
	return status;
}

const struct cmd_entry cmd_hist = {
	.name = "hist",
	.arguments = "DEFINITION [-- COMMAND [ARGUMENT...]]",
	.summary = "Count durations or values in the kernel, and draw them",
	.help = "Needs the helper module. A function's name alone means how long its calls take.\n"
		"On a terminal the histogram is drawn anew each second; Ctrl-C, or the end of a\n"
		"COMMAND, prints the last one, and the probe goes with it.\n"
		"\nOptions:\n"
		"  -v, --value V       count V: duration, ret, or an argument\n"
		"  -b, --by KEY        a histogram for each KEY: comm, tid, pid, or an argument\n"
		"  --linear MIN:WIDTH:BUCKETS   buckets of one width, not powers of two\n"
		"  --filter FILTER     count only what FILTER accepts: 'comm == \"cat\"'\n"
		"  -i, --interval SEC  print one each SEC seconds (1 on a terminal)\n"
		"  -d, --duration SEC  end after SEC seconds\n"
		"  --keys N            room for N keys on each CPU (256)\n"
		"  --top N             show the N keys with most values (16), add up the others\n"
		"\nExamples:\n"
		"  kprobectl hist vfs_read\n"
		"  kprobectl hist vfs_read --by comm -d 10\n"
		"  kprobectl hist vfs_read --value count --filter 'comm != \"kprobed\"'\n"
		"  kprobectl hist vfs_fsync_range --linear 0:1ms:20 -- sync\n"
		"  kprobectl hist vfs_write --value ret --by pid --json -d 5\n",
	.run = run,
};
