/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Events to the terminal.
 *
 * A stream that is to end at a moment (the command has ended, the time is up, Ctrl-C) is not cut
 * off there: what happened before is still on its way. It is read on until an event of after that
 * moment comes, or nothing for longer than an event may wait in the daemon.
 */
#include "stream.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "child.h"
#include "loss-advice.h"
#include "output-error.h"
#include "output-text.h"
#include "signals.h"

#define NSEC_PER_SEC  UINT64_C(1000000000)
#define NSEC_PER_MSEC UINT64_C(1000000)
/* How long an event may take to get here, on top of the latency that was asked for. */
#define DRAIN_MARGIN_MS 400
/* A daemon that is too busy to be asked is not waited for. */
#define MISSES_TIMEOUT_MS  3000
#define LATENCY_DEFAULT_MS 100
#define LOST_KINDS_MAX	   8

enum phase {
	RUNNING,
	DRAINING, /* until_nsec is set */
	ENDED,
};

/* Probes of which losses are advised on: the first ones are enough to begin with. */
#define MISSED_MAX 8

struct lost {
	char kind[24];
	uint64_t count;
	bool is_unknown; /* more than the count, by a number that nobody knows */
};

struct stream {
	const struct ctl *ctl; /* borrowed, as the next four */
	struct kprobed *k;
	const struct stream_options *options;
	pid_t *child;
	int signal_fd; /* owned */
	struct event_format format;
	struct text text;
	enum phase phase;
	uint64_t deadline_nsec; /* CLOCK_MONOTONIC, as the next two; UINT64_MAX: none */
	uint64_t until_nsec;	/* younger events are not shown */
	uint64_t quiet_nsec;	/* when draining, nothing until here is the end */
	uint64_t shown;
	int write_error; /* negative errno; -EPIPE: nobody reads stdout any more */
	struct lost lost[LOST_KINDS_MAX];
	char missed[MISSED_MAX][64]; /* probes that gaps were about */
	size_t n_missed;
};

static uint64_t now_nsec(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NSEC_PER_SEC + (uint64_t)now.tv_nsec;
}

bool stream_option(const struct ctl *ctl, struct stream_options *options, int c, const char *value)
{
	double seconds;
	char *end;

	switch (c) {
	case 'n':
		options->count = (uint64_t)option_number(ctl, "--count", value, 1, LLONG_MAX);
		return true;
	case 'd':
		seconds = strtod(value, &end);
		if (end == value || *end || !(seconds > 0 && seconds < 1e9))
			usage_error(ctl, "--duration: \"%s\" is not a number of seconds", value);
		options->nsec = (uint64_t)(seconds * (double)NSEC_PER_SEC);
		return true;
	case 'L':
		options->max_latency_ms = (int)option_number(ctl, "--max-latency", value, 0, 10000);
		return true;
	case 'T':
		if (strcmp(value, "memory") == 0)
			options->transport = KPROBED_TRANSPORT_MEMORY;
		else if (strcmp(value, "socket") == 0)
			options->transport = KPROBED_TRANSPORT_SOCKET;
		else
			usage_error(ctl, "--transport: \"%s\" is neither socket nor memory", value);
		return true;
	case 'r':
		options->relative = true;
		return true;
	case 'w':
		options->where = value;
		return true;
	case 'E':
		options->failed = true;
		return true;
	case 'I':
		options->fields = value;
		return true;
	case 'M':
		options->sample =
			(unsigned int)option_number(ctl, "--sample", value, 1, 1000000000);
		return true;
	case 'R':
		options->rate = (unsigned int)option_number(ctl, "--rate", value, 1, 1000000000);
		return true;
	default:
		return false;
	}
}

void stream_check(const struct ctl *ctl, const struct stream_options *o)
{
	if (o->transport == KPROBED_TRANSPORT_MEMORY &&
	    (o->where || o->failed || o->fields || o->sample || o->rate))
		usage_error(
			ctl,
			"--where, --failed, --fields, --sample and --rate are done by the daemon, "
			"which --transport memory leaves out");
}

/* What --where and --failed ask for together. */
static int make_filter(const struct stream_options *options, char **ret)
{
	if (!options->where && !options->failed)
		return 0;
	if (!options->failed)
		*ret = strdup(options->where);
	else if (!options->where)
		*ret = strdup(FAILED_CONDITION);
	else if (asprintf(ret, "(%s) && " FAILED_CONDITION, options->where) < 0)
		*ret = NULL;
	return *ret ? 0 : -ENOMEM;
}

/* The names between the commas, which become their ends, behind pointers to them. */
static int split_fields(const char *list, const char ***ret)
{
	const char **fields;
	size_t n = 1;
	char *text;

	for (const char *p = list; *p; p++)
		n += *p == ',';
	fields = calloc(1, (n + 1) * sizeof(*fields) + strlen(list) + 1);
	if (!fields)
		return -ENOMEM;
	text = strcpy((char *)(fields + n + 1), list);
	n = 0;
	for (char *name; (name = strsep(&text, ","));)
		if (*name)
			fields[n++] = name;
	*ret = fields;
	return 0;
}

int stream_choose(struct stream_options *options, struct kprobed_stream_options *ret,
		  struct stream_choice *memory)
{
	int r = make_filter(options, &memory->filter);

	if (r == 0 && options->fields)
		r = split_fields(options->fields, &memory->fields);
	if (r < 0)
		return r;
	ret->filter = options->condition = memory->filter;
	ret->fields = memory->fields;
	ret->sample = options->sample;
	ret->rate_limit = options->rate;
	return 0;
}

void stream_choice_done(struct stream_choice *memory)
{
	free(memory->filter);
	free(memory->fields);
	*memory = (struct stream_choice){0};
}

int stream_failure(const struct ctl *ctl, struct kprobed *k, int error,
		   const struct stream_options *options)
{
	const char *name = error == -EREMOTEIO ? kprobed_error_name(k) : NULL;

	if (name && options->condition && strcmp(name, "io.kprobed.Events.InvalidFilter") == 0)
		return print_bad_filter(ctl, k, options->condition);
	return print_failure(ctl, k, error, NULL);
}

int stream_clock(struct kprobed *k, int64_t *ret_realtime_offset)
{
	_cleanup_json_ json_object *status = NULL;
	json_object *clocks;
	int r;

	r = ctl_call(k, "io.kprobed.Service.Status", NULL, &status);
	if (r < 0)
		return r;
	clocks = json_object_object_get(status, "clocks");
	*ret_realtime_offset = member_int(clocks, "realtimeNs") - member_int(clocks, "monotonicNs");
	return 0;
}

static void put_off_quiet(struct stream *s)
{
	int latency = s->options->max_latency_ms;

	if (latency < 0)
		latency = LATENCY_DEFAULT_MS;
	s->quiet_nsec = now_nsec() + (uint64_t)(latency + DRAIN_MARGIN_MS) * NSEC_PER_MSEC;
}

/*
 * The kernel announces no misses: the daemon asks for them now and then, and whenever somebody
 * lists probes. So that the stream tells all of them before it ends, somebody does.
 */
static void ask_for_misses(const struct stream *s)
{
	_cleanup_kprobed_ struct kprobed *k = NULL;

	if (kprobed_open(s->ctl->socket, &k) < 0)
		return;
	kprobed_set_timeout(k, MISSES_TIMEOUT_MS);
	kprobed_call(k, "io.kprobed.Probes.List", "{\"probes\":[]}", NULL);
}

/* Ends with what has happened until @moment. */
static void drain(struct stream *s, uint64_t moment)
{
	if (s->phase != RUNNING)
		return;
	s->phase = DRAINING;
	if (moment < s->until_nsec)
		s->until_nsec = moment;
	s->deadline_nsec = UINT64_MAX;
	ask_for_misses(s);
	put_off_quiet(s);
}

static void take_signal(struct stream *s, const struct signalfd_siginfo *info)
{
	if (info->ssi_signo == SIGCHLD) {
		if (*s->child && (pid_t)info->ssi_pid == *s->child) {
			child_wait(*s->child);
			*s->child = 0;
			drain(s, now_nsec());
		}
		return;
	}
	if (s->phase != RUNNING) {
		s->phase = ENDED;
		return;
	}
	/* The terminal sends its signals to the command too, anyone else does not. */
	if (*s->child && info->ssi_code != SI_KERNEL)
		kill(*s->child, (int)info->ssi_signo);
	if (!*s->child)
		drain(s, now_nsec());
}

static void take_signals(struct stream *s)
{
	struct signalfd_siginfo info;

	while (read(s->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		take_signal(s, &info);
}

static void note_missed(struct stream *s, const char *probe)
{
	for (size_t i = 0; i < s->n_missed; i++)
		if (strncmp(s->missed[i], probe, sizeof(s->missed[i]) - 1) == 0)
			return;
	if (s->n_missed < MISSED_MAX)
		snprintf(s->missed[s->n_missed++], sizeof(s->missed[0]), "%s", probe);
}

static void count_lost(struct stream *s, struct kprobed_event *gap)
{
	const char *probe = kprobed_event_get_probe(gap);
	const char *kind = kprobed_event_get_gap_kind(gap);
	uint64_t count;

	if (probe)
		note_missed(s, probe);
	for (size_t i = 0; kind && i < LOST_KINDS_MAX; i++) {
		struct lost *lost = &s->lost[i];

		if (lost->kind[0] && strncmp(lost->kind, kind, sizeof(lost->kind) - 1) != 0)
			continue;
		snprintf(lost->kind, sizeof(lost->kind), "%s", kind);
		if (kprobed_event_get_gap_count(gap, &count) == 0)
			lost->count += count;
		else
			lost->is_unknown = true;
		return;
	}
}

/* What the reader asked not to get: the summary has it, and with --json the stream. */
static bool is_left_out(const char *kind)
{
	return kind && (strcmp(kind, "filtered") == 0 || strcmp(kind, "rateLimited") == 0);
}

static void show(struct stream *s, struct kprobed_event *event)
{
	if (kprobed_event_get_type(event) == KPROBED_GAP) {
		count_lost(s, event);
		if (!s->ctl->json && is_left_out(kprobed_event_get_gap_kind(event)))
			return;
	} else if (s->until_nsec != UINT64_MAX &&
		   kprobed_event_get_ts_nsec(event) > s->until_nsec) {
		/* What is told of losses may still come behind it. */
		if (s->phase != DRAINING)
			s->phase = ENDED;
		return;
	} else {
		s->shown++;
		if (s->phase == DRAINING)
			put_off_quiet(s);
	}
	format_event(&s->format, event, &s->text);
	if (s->options->count && s->shown >= s->options->count)
		s->phase = ENDED;
}

/* What was formatted goes out once per batch, whatever stdout is. */
static void flush(struct stream *s)
{
	bool is_short = s->text.failed;

	if (s->write_error || (text_write(&s->text, stdout) && fflush(stdout) == 0))
		return;
	s->write_error = is_short ? -ENOMEM : -errno;
	s->phase = ENDED;
}

/* Waits for events, a signal, or the next moment at which something is to be done. */
static void wait_for_something(struct stream *s)
{
	struct pollfd fds[] = {
		{.fd = kprobed_get_fd(s->k), .events = kprobed_get_events(s->k)},
		{.fd = s->signal_fd, .events = POLLIN},
	};
	uint64_t now = now_nsec(), next = s->deadline_nsec;
	uint64_t left_ms;
	int timeout_ms = -1;

	if (s->phase == DRAINING)
		next = s->quiet_nsec;
	if (next != UINT64_MAX) {
		left_ms = next <= now ? 0 : (next - now) / NSEC_PER_MSEC + 1;
		timeout_ms = left_ms < INT_MAX ? (int)left_ms : INT_MAX;
	}
	if (poll(fds, ARRAY_SIZE(fds), timeout_ms) < 0 && errno != EINTR)
		s->phase = ENDED;
	if (!fds[0].revents && s->phase == DRAINING && now_nsec() >= s->quiet_nsec)
		s->phase = ENDED;
	if (now_nsec() >= s->deadline_nsec)
		drain(s, s->deadline_nsec);
}

/* Returns 0 at the stream's end, or an error of the library. */
static int loop(struct stream *s)
{
	struct kprobed_event *event;
	int r;

	while (s->phase != ENDED) {
		r = kprobed_next(s->k, 0, &event);
		if (r < 0 && r != -EINTR)
			return r == -ENODATA ? 0 : r;
		if (r > 0) {
			show(s, event);
			if (kprobed_has_next(s->k) && s->phase != ENDED)
				continue;
		}
		flush(s);
		take_signals(s);
		if (r == 0 && s->phase != ENDED)
			wait_for_something(s);
		else if (s->phase == RUNNING && s->deadline_nsec != UINT64_MAX &&
			 now_nsec() >= s->deadline_nsec)
			drain(s, s->deadline_nsec);
		/* On a busy host the younger ones never stop coming. */
		if (s->phase == DRAINING && now_nsec() >= s->quiet_nsec)
			s->phase = ENDED;
	}
	return 0;
}

/* "12 overrun", "12+ missed" where the kernel did not count all, "? missed" where it counted none.
 */
static void put_lost(const struct lost *lost, struct text *t)
{
	if (lost->count || !lost->is_unknown)
		text_printf(t, "%" PRIu64 "%s ", lost->count, lost->is_unknown ? "+" : "");
	else
		text_puts(t, "? ");
	text_safe(t, lost->kind, strlen(lost->kind));
}

/* One list of the summary: of losses, or of what was left out. Returns whether there is any. */
static bool put_losses(const struct stream *s, const char *title, bool left_out, struct text *t)
{
	bool is_any = false;

	for (size_t i = 0; i < LOST_KINDS_MAX && s->lost[i].kind[0]; i++) {
		if (is_left_out(s->lost[i].kind) != left_out)
			continue;
		text_puts(t, is_any ? ", " : title);
		put_lost(&s->lost[i], t);
		is_any = true;
	}
	return is_any;
}

static void summary(const struct stream *s)
{
	_cleanup_text_ struct text t = {0};
	bool has_lost;

	if (s->ctl->json)
		return;
	text_printf(&t, "%" PRIu64 " event%s", s->shown, s->shown == 1 ? "" : "s");
	has_lost = put_losses(s, "; lost: ", false, &t);
	if (!has_lost)
		text_puts(&t, ", none lost");
	put_losses(s, "; left out: ", true, &t);
	text_putc(&t, '\n');
	if (has_lost)
		loss_advice(s->ctl, (char(*)[64])s->missed, s->n_missed, &t);
	text_write(&t, stderr);
}

int stream_run(const struct ctl *ctl, struct kprobed *k, const struct stream_options *options,
	       int64_t realtime_offset, pid_t *child)
{
	struct stream s = {
		.ctl = ctl,
		.k = k,
		.options = options,
		.child = child,
		.signal_fd = signals_open(),
		.format = EVENT_FORMAT_INIT,
		.deadline_nsec = options->nsec ? now_nsec() + options->nsec : UINT64_MAX,
		.until_nsec = options->until_now ? now_nsec() : UINT64_MAX,
	};
	int r;

	if (s.signal_fd < 0)
		return print_own_failure(ctl, -errno, "signalfd: %s", strerror(errno));
	s.format.json = ctl->json;
	s.format.safe = isatty(STDOUT_FILENO);
	s.format.color = ctl->color;
	s.format.relative = options->relative;
	if (options->probe_width > s.format.probe_width)
		s.format.probe_width = options->probe_width;
	s.format.realtime_offset = realtime_offset;
	if (options->fields)
		format_choose(&s.format, options->fields);

	format_titles(&s.format, &s.text);
	r = loop(&s);
	flush(&s);
	text_done(&s.text);
	close(s.signal_fd);
	if (s.write_error == -EPIPE)
		return EXIT_SUCCESS;
	if (s.write_error)
		return print_own_failure(ctl, s.write_error, "cannot write: %s",
					 strerror(-s.write_error));
	summary(&s);
	return r < 0 ? stream_failure(ctl, k, r, options) : EXIT_SUCCESS;
}
