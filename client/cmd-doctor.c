/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kprobectl doctor: what this kernel and this caller can and cannot do, each with the reason and
 * what to do about it. Works without kprobed too.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "doctor.h"
#include "output-text.h"

#define STATE_WIDTH 9
#define CHECK_WIDTH 14

static const struct {
	const char *name;
	enum color color;
} states[] = {
	[FINDING_OK] = {"ok", COLOR_VALUE},
	[FINDING_LIMITED] = {"limited", COLOR_GAP},
	[FINDING_MISSING] = {"missing", COLOR_ERROR},
	[FINDING_UNKNOWN] = {"unknown", COLOR_DIM},
};

struct finding *doctor_get(struct doctor *d, const char *check)
{
	for (size_t i = 0; i < d->n; i++)
		if (strcmp(d->findings[i].check, check) == 0)
			return &d->findings[i];
	return NULL;
}

void doctor_find(struct doctor *d, const char *check, enum finding_state state, const char *remedy,
		 const char *fmt, ...)
{
	struct finding *f = &d->findings[d->n];
	va_list ap;

	if (d->n == FINDINGS_MAX || doctor_get(d, check))
		return;
	f->check = check;
	f->state = state;
	snprintf(f->remedy, sizeof(f->remedy), "%s", remedy ? remedy : "");
	va_start(ap, fmt);
	vsnprintf(f->text, sizeof(f->text), fmt, ap);
	va_end(ap);
	d->n++;
}

static void put_finding(const struct ctl *ctl, struct text *t, const struct finding *f)
{
	text_color(t, ctl->color, states[f->state].color);
	text_puts(t, states[f->state].name);
	text_plain(t, ctl->color);
	text_pad(t, strlen(states[f->state].name), STATE_WIDTH);
	text_puts(t, f->check);
	text_pad(t, strlen(f->check), CHECK_WIDTH);
	text_safe(t, f->text, strlen(f->text));
	text_putc(t, '\n');
	if (!f->remedy[0])
		return;
	text_repeat(t, ' ', STATE_WIDTH + CHECK_WIDTH);
	text_puts(t, "-> ");
	text_safe(t, f->remedy, strlen(f->remedy));
	text_putc(t, '\n');
}

static void print_finding_json(const struct ctl *ctl, const struct finding *f)
{
	_cleanup_json_ json_object *o = json_object_new_object();

	json_object_object_add(o, "check", json_object_new_string(f->check));
	json_object_object_add(o, "state", json_object_new_string(states[f->state].name));
	json_object_object_add(o, "text", json_object_new_string(f->text));
	json_object_object_add(o, "remedy",
			       f->remedy[0] ? json_object_new_string(f->remedy) : NULL);
	print_json(ctl, o);
}

static void put_summary(struct text *t, size_t n_missing, size_t n_limited)
{
	text_putc(t, '\n');
	if (n_missing)
		text_printf(t, "%zu thing%s missing without which kprobed does not work here.\n",
			    n_missing, n_missing == 1 ? " is" : "s are");
	else if (n_limited)
		text_printf(t, "kprobed works here; %zu thing%s limited.\n", n_limited,
			    n_limited == 1 ? " is" : "s are");
	else
		text_puts(t, "kprobed works here, with all it can do.\n");
}

static int run(struct ctl *ctl, int argc, char **argv)
{
	static const struct option longs[] = {{"root", required_argument, NULL, 'R'}, {0}};
	struct doctor d = {.ctl = ctl, .root = ""};
	_cleanup_text_ struct text t = {0};
	size_t n_missing = 0, n_limited = 0;

	while (ctl_getopt(ctl, argc, argv, "", longs) != -1)
		d.root = optarg;
	if (optind < argc)
		usage_error(ctl, "it takes no argument");
	doctor_look_at_kernel(&d);
	doctor_look_at_service(&d);
	for (size_t i = 0; i < d.n; i++) {
		n_missing += d.findings[i].state == FINDING_MISSING;
		n_limited += d.findings[i].state == FINDING_LIMITED;
		if (ctl->json)
			print_finding_json(ctl, &d.findings[i]);
		else
			put_finding(ctl, &t, &d.findings[i]);
	}
	if (!ctl->json) {
		put_summary(&t, n_missing, n_limited);
		text_write(&t, stdout);
	}
	return n_missing ? EXIT_FAILURE : EXIT_SUCCESS;
}

const struct cmd_entry cmd_doctor = {
	.name = "doctor",
	.arguments = "",
	.summary = "Show what is missing here, why, and what to do about it",
	.help = "Looks at the kernel's configuration and settings, at kprobed, and at what you\n"
		"may do there; kprobed need not run. A line is ok, limited (kprobed works, with\n"
		"less), missing (it does not work, or not for you) or unknown (you may not\n"
		"look), with a remedy where there is one. Exit status 1: something is missing.\n"
		"\nOptions:\n"
		"  --root DIR          look at DIR/proc, DIR/sys, DIR/boot and DIR/dev\n"
		"\nExamples:\n"
		"  kprobectl doctor\n"
		"  kprobectl doctor --json | jq -r 'select(.state != \"ok\") | .remedy'\n",
	.run = run,
};
