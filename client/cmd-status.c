/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kprobectl status, kprobectl whoami: how the daemon is, and what it takes the caller for.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "kprobectl.h"
#include "loss-advice.h"
#include "output-error.h"
#include "output-text.h"

#define LABEL_WIDTH 12

static void put_field(const struct ctl *ctl, struct text *t, const char *label, const char *value)
{
	text_color(t, ctl->color, COLOR_BOLD);
	text_puts(t, label);
	text_plain(t, ctl->color);
	text_pad(t, strlen(label), LABEL_WIDTH);
	text_safe(t, value, strlen(value));
	text_putc(t, '\n');
}

static void format_bytes(long long bytes, char *out, size_t size)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
	double value = (double)bytes;
	size_t unit = 0;

	while (value >= 1024 && unit + 1 < ARRAY_SIZE(units)) {
		value /= 1024;
		unit++;
	}
	snprintf(out, size, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
}

/* In the two largest units that fit. */
static void format_age(long long seconds, char *out, size_t size)
{
	if (seconds < 60)
		snprintf(out, size, "%lld s", seconds < 0 ? 0 : seconds);
	else if (seconds < 3600)
		snprintf(out, size, "%lld min %lld s", seconds / 60, seconds % 60);
	else if (seconds < 86400)
		snprintf(out, size, "%lld h %lld min", seconds / 3600, seconds / 60 % 60);
	else
		snprintf(out, size, "%lld d %lld h", seconds / 86400, seconds / 3600 % 24);
}

static void format_started(long long usec, char *out, size_t size)
{
	time_t started = (time_t)(usec / 1000000);
	char date[32] = "", age[64];
	struct tm tm;

	if (localtime_r(&started, &tm))
		strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S", &tm);
	format_age((long long)(time(NULL) - started), age, sizeof(age));
	snprintf(out, size, "%s, %s ago", date, age);
}

static void put_features(const struct ctl *ctl, struct text *t, json_object *features)
{
	size_t n = json_object_is_type(features, json_type_array)
			   ? json_object_array_length(features)
			   : 0;

	for (size_t i = 0; i < n; i++) {
		json_object *feature = json_object_array_get_idx(features, i);
		const char *name = member_string(feature, "name");
		const char *reason = member_string(feature, "reason");
		bool available = member_bool(feature, "available");

		if (i == 0)
			text_putc(t, '\n');
		text_puts(t, "  ");
		text_color(t, ctl->color, available ? COLOR_VALUE : COLOR_GAP);
		text_puts(t, available ? "yes" : "no ");
		text_plain(t, ctl->color);
		text_putc(t, ' ');
		text_safe(t, name, strlen(name));
		if (*reason) {
			text_puts(t, ": ");
			text_safe(t, reason, strlen(reason));
		}
		text_putc(t, '\n');
	}
}

static void put_totals(const struct ctl *ctl, struct text *t, json_object *totals)
{
	char line[256], used[32], size[32], sampled[48] = "";

	snprintf(line, sizeof(line),
		 "%lld, %lld of them enabled, %lld parked; %lld trace instances",
		 member_int(totals, "probes"), member_int(totals, "enabled"),
		 member_int(totals, "parked"), member_int(totals, "instances"));
	put_field(ctl, t, "probes", line);
	snprintf(line, sizeof(line), "%lld connected, %lld of them with subscriptions",
		 member_int(totals, "connections"), member_int(totals, "subscribers"));
	put_field(ctl, t, "clients", line);
	snprintf(line, sizeof(line), "%lld recorded, %lld missed, %lld overrun, %lld out of order",
		 member_int(totals, "recorded"), member_int(totals, "missed"),
		 member_int(totals, "overrun"), member_int(totals, "reordered"));
	put_field(ctl, t, "events", line);
	if (member_int(totals, "sampled"))
		snprintf(sampled, sizeof(sampled), " (%lld by samples)",
			 member_int(totals, "sampled"));
	snprintf(line, sizeof(line),
		 "%lld delivered; %lld filtered%s, %lld over a rate, %lld overtaken",
		 member_int(totals, "delivered"), member_int(totals, "filtered"), sampled,
		 member_int(totals, "rateLimited"), member_int(totals, "overtaken"));
	put_field(ctl, t, "sent", line);
	/* What they read and lost is theirs to know. */
	if (member_int(totals, "readers") || member_int(totals, "published")) {
		snprintf(line, sizeof(line), "%lld events, for those who read it; %lld do now",
			 member_int(totals, "published"), member_int(totals, "readers"));
		put_field(ctl, t, "in memory", line);
	}
	format_bytes(member_int(totals, "logUsedBytes"), used, sizeof(used));
	format_bytes(member_int(totals, "logBytes"), size, sizeof(size));
	snprintf(line, sizeof(line), "%s of %s used, %lld events", used, size,
		 member_int(totals, "logNextSeq") - member_int(totals, "logFirstSeq"));
	put_field(ctl, t, "log", line);
}

static void format_status(const struct ctl *ctl, json_object *status, struct text *t)
{
	const char *tracefs = member_string(status, "tracefs");
	json_object *advice;
	char line[256];

	snprintf(line, sizeof(line), "%s, pid %lld", member_string(status, "version"),
		 member_int(status, "pid"));
	put_field(ctl, t, "kprobed", line);
	format_started(member_int(status, "startedUsec"), line, sizeof(line));
	put_field(ctl, t, "started", line);
	put_field(ctl, t, "kernel", member_string(status, "kernel"));
	put_field(ctl, t, "tracefs", *tracefs ? tracefs : "none");
	put_totals(ctl, t, json_object_object_get(status, "totals"));
	put_features(ctl, t, json_object_object_get(status, "features"));
	advice = json_object_object_get(status, "advice");
	if (json_object_is_type(advice, json_type_array) && json_object_array_length(advice))
		text_putc(t, '\n');
	put_advice(t, advice, NULL);
}

static void format_whoami(const struct ctl *ctl, json_object *caller, struct text *t)
{
	json_object *may = json_object_object_get(caller, "may");
	size_t n = json_object_is_type(may, json_type_array) ? json_object_array_length(may) : 0;
	_cleanup_text_ struct text list = {0};
	char line[128];

	snprintf(line, sizeof(line), "%lld, gid %lld", member_int(caller, "uid"),
		 member_int(caller, "gid"));
	put_field(ctl, t, "uid", line);
	snprintf(line, sizeof(line), "%s, pid %lld", member_string(caller, "comm"),
		 member_int(caller, "pid"));
	put_field(ctl, t, "program", line);
	for (size_t i = 0; i < n; i++)
		text_printf(&list, "%s%s", i ? ", " : "",
			    json_object_get_string(json_object_array_get_idx(may, i)));
	put_field(ctl, t, "may", n && list.data ? list.data : "nothing");
}

static int run(struct ctl *ctl, int argc, char **argv, const char *method,
	       void (*format)(const struct ctl *, json_object *, struct text *))
{
	_cleanup_kprobed_ struct kprobed *k = NULL;
	_cleanup_json_ json_object *reply = NULL;
	_cleanup_text_ struct text t = {0};
	int r;

	while (ctl_getopt(ctl, argc, argv, "", NULL) != -1)
		continue;
	if (optind < argc)
		usage_error(ctl, "it takes no argument");
	if (!ctl_connect(ctl, &k))
		return EXIT_FAILURE;
	r = ctl_call(k, method, NULL, &reply);
	if (r < 0)
		return print_failure(ctl, k, r, NULL);
	if (ctl->json) {
		print_json(ctl, reply);
		return EXIT_SUCCESS;
	}
	format(ctl, reply, &t);
	text_write(&t, stdout);
	return EXIT_SUCCESS;
}

static int run_status(struct ctl *ctl, int argc, char **argv)
{
	return run(ctl, argc, argv, "io.kprobed.Service.Status", format_status);
}

static int run_whoami(struct ctl *ctl, int argc, char **argv)
{
	return run(ctl, argc, argv, "io.kprobed.Service.WhoAmI", format_whoami);
}

const struct cmd_entry cmd_status = {
	.name = "status",
	.arguments = "",
	.summary = "Show how kprobed is, and what this kernel gives it",
	.help = "Examples:\n"
		"  kprobectl status\n"
		"  kprobectl status --json | jq .totals.recorded\n",
	.run = run_status,
};

const struct cmd_entry cmd_whoami = {
	.name = "whoami",
	.arguments = "",
	.summary = "Show what kprobed takes you for, and what you may do",
	.help = "Examples:\n"
		"  kprobectl whoami\n",
	.run = run_whoami,
};
