/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Events and gaps as lines.
 *
 *	TIME             CPU  COMM-TID              PROBE  ARGS
 *	14:03:22.518231    1  cat-412               opens  dfd=-100 name="/etc/passwd"
 *
 * and a call as strace(1) has it, with what it returned and how long it took:
 *
 *	14:03:22.518231    1  cat-412               opens  name="/nowhere" = -2 ENOENT <0.012 ms>
 */
#include "output-event.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "cleanup.h"
#include "output-quick.h"
#include "output-text.h"

#define NSEC_PER_SEC UINT64_C(1000000000)
#define TIME_WIDTH   15
/* include/linux/err.h: MAX_ERRNO */
#define ERRNO_MAX 4095

/* Whether @name is one of @fields, which have commas between them. */
static bool has_field(const char *fields, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = fields; p; p = strchr(p, ',')) {
		p += *p == ',';
		if (strncmp(p, name, n) == 0 && (p[n] == ',' || p[n] == '\0'))
			return true;
	}
	return false;
}

void format_choose(struct event_format *f, const char *fields)
{
	f->no_time = !has_field(fields, "ts");
	f->no_cpu = !has_field(fields, "cpu");
	f->no_comm = !has_field(fields, "comm");
	f->no_tid = !has_field(fields, "tid");
	f->no_probe = !has_field(fields, "probe");
	f->has_pid = has_field(fields, "pid");
}

void format_titles(const struct event_format *f, struct text *t)
{
	if (f->json)
		return;
	text_color(t, f->color, COLOR_BOLD);
	if (!f->no_time)
		text_printf(t, "%-*s  ", TIME_WIDTH, f->relative ? "SECONDS" : "TIME");
	if (!f->no_cpu)
		text_puts(t, "CPU  ");
	if (!f->no_comm || !f->no_tid)
		text_printf(t, "%-*s  ", (int)f->comm_width,
			    f->no_comm	? "TID"
			    : f->no_tid ? "COMM"
					: "COMM-TID");
	if (!f->no_probe)
		text_printf(t, "%-*s  ", (int)f->probe_width, "PROBE");
	text_puts(t, "ARGS");
	text_plain(t, f->color);
	text_putc(t, '\n');
}

static void put_microseconds(uint64_t nsec, struct text *t)
{
	text_putc(t, '.');
	text_uint(t, nsec % NSEC_PER_SEC / 1000, 6, '0');
}

static void put_time(struct event_format *f, uint64_t ts_nsec, struct text *t)
{
	struct tm tm;
	time_t seconds;
	uint64_t nsec;

	if (f->relative) {
		if (!f->has_first) {
			f->first_nsec = ts_nsec;
			f->has_first = true;
		}
		/* Events of before a stream's first may come late. */
		nsec = ts_nsec < f->first_nsec ? 0 : ts_nsec - f->first_nsec;
		text_uint(t, nsec / NSEC_PER_SEC, 8, ' ');
		put_microseconds(nsec, t);
		return;
	}
	nsec = ts_nsec + (uint64_t)f->realtime_offset;
	seconds = (time_t)(nsec / NSEC_PER_SEC);
	if (seconds != f->clock_seconds || !f->clock[0]) {
		if (!localtime_r(&seconds, &tm))
			tm = (struct tm){0};
		strftime(f->clock, sizeof(f->clock), "%H:%M:%S", &tm);
		f->clock_seconds = seconds;
	}
	text_puts(t, f->clock);
	put_microseconds(nsec, t);
}

/* -1 is what is not known. */
static void put_int(int value, unsigned int width, struct text *t)
{
	if (value < 0)
		text_printf(t, "%*d", (int)width, value);
	else
		text_uint(t, (uint64_t)value, width, ' ');
}

/* "comm-tid", as the kernel's own trace has it. Returns its width. */
static size_t put_task(const struct event_format *f, struct kprobed_event *event, struct text *t)
{
	const char *comm = kprobed_event_get_comm(event);
	int tid = (int)kprobed_event_get_tid(event);
	size_t width = 0, before;

	if (comm)
		width = text_safe(t, comm, strlen(comm));
	before = t->length;
	if (!f->no_tid && !f->no_comm)
		text_putc(t, '-');
	if (!f->no_tid)
		put_int(tid, 0, t);
	return width + t->length - before;
}

static void put_args(const struct event_format *f, struct kprobed_event *event, struct text *t)
{
	struct slice value;
	const char *name;
	size_t position = 0;

	while (kprobed_event_next_arg(event, &position, &name, &value.text, &value.length) > 0) {
		text_putc(t, ' ');
		text_safe(t, name, strlen(name));
		text_putc(t, '=');
		text_color(t, f->color, COLOR_VALUE);
		text_value(t, value);
		text_plain(t, f->color);
	}
}

const char *format_error_name(int64_t ret)
{
	return ret < 0 && ret >= -ERRNO_MAX ? strerrorname_np((int)-ret) : NULL;
}

static void put_ret(const struct event_format *f, const struct hit_end *end, struct text *t)
{
	text_puts(t, " = ");
	text_color(t, f->color, end->error ? COLOR_ERROR : COLOR_VALUE);
	text_value(t, end->ret);
	if (end->error) {
		text_putc(t, ' ');
		text_puts(t, end->error);
	}
	text_plain(t, f->color);
}

static void put_duration(const struct event_format *f, uint64_t nsec, struct text *t)
{
	bool is_long = nsec >= NSEC_PER_SEC;
	uint64_t thousandths = is_long ? nsec / 1000000 : nsec / 1000;

	text_putc(t, ' ');
	text_color(t, f->color, COLOR_DIM);
	text_putc(t, '<');
	if (nsec < 1000) {
		text_uint(t, nsec, 0, ' ');
		text_puts(t, " ns>");
	} else {
		text_uint(t, thousandths / 1000, 0, ' ');
		text_putc(t, '.');
		text_uint(t, thousandths % 1000, 3, '0');
		text_puts(t, is_long ? " s>" : " ms>");
	}
	text_plain(t, f->color);
}

void format_end(const struct event_format *f, const struct hit_end *end, struct text *t)
{
	if (end->ret.text)
		put_ret(f, end, t);
	if (end->is_call) {
		put_duration(f, end->duration_nsec, t);
	} else if (end->caller.text) {
		/* Of a call it is where strace has nothing, and seldom worth the room. */
		text_color(t, f->color, COLOR_DIM);
		text_puts(t, " (to ");
		text_safe(t, end->caller.text, end->caller.length);
		text_putc(t, ')');
		text_plain(t, f->color);
	}
	/* The last column may have been padded for nothing. */
	while (t->length > 0 && t->data[t->length - 1] == ' ')
		t->length--;
	text_putc(t, '\n');
}

static struct hit_end end_of(struct kprobed_event *event)
{
	const char *caller = kprobed_event_get_caller(event);
	struct hit_end end = {.ret = {NULL, 0}};
	int64_t ret;

	kprobed_event_get_ret(event, &end.ret.text, &end.ret.length);
	if (kprobed_event_get_ret_int(event, &ret) == 0)
		end.error = format_error_name(ret);
	end.is_call = kprobed_event_get_duration_nsec(event, &end.duration_nsec) == 0;
	if (caller)
		end.caller = (struct slice){caller, strlen(caller)};
	return end;
}

static void put_stack(const struct event_format *f, struct kprobed_event *event, struct text *t)
{
	const char *frame;
	size_t position = 0;

	while (kprobed_event_next_frame(event, &position, &frame) > 0) {
		text_repeat(t, ' ', TIME_WIDTH + 7);
		text_color(t, f->color, COLOR_DIM);
		text_safe(t, frame, strlen(frame));
		text_plain(t, f->color);
		text_putc(t, '\n');
	}
}

void format_hit(struct event_format *f, struct kprobed_event *event, struct text *t)
{
	const char *probe = kprobed_event_get_probe(event);
	struct hit_end end;
	size_t width;

	if (!f->no_time) {
		text_color(t, f->color, COLOR_DIM);
		put_time(f, kprobed_event_get_ts_nsec(event), t);
		text_plain(t, f->color);
		text_puts(t, "  ");
	}
	if (!f->no_cpu) {
		put_int(kprobed_event_get_cpu(event), 3, t);
		text_puts(t, "  ");
	}
	if (!f->no_comm || !f->no_tid) {
		width = put_task(f, event, t);
		if (width > f->comm_width)
			f->comm_width = width;
		text_pad(t, width, f->comm_width + 2);
	}
	if (!f->no_probe) {
		text_color(t, f->color, COLOR_PROBE);
		width = probe ? text_safe(t, probe, strlen(probe)) : 0;
		text_plain(t, f->color);
		if (width > f->probe_width)
			f->probe_width = width;
		text_pad(t, width, f->probe_width + 1);
	}

	if (f->has_pid && kprobed_event_get_pid(event) >= 0)
		text_printf(t, " pid=%d", (int)kprobed_event_get_pid(event));
	put_args(f, event, t);
	end = end_of(event);
	format_end(f, &end, t);
	put_stack(f, event, t);
}

static void put_gap_cause(struct kprobed_event *event, const char *kind, struct text *t)
{
	static const struct {
		const char *kind, *cause;
	} causes[] = {
		{"missed",
		 "the kernel could not run the probe (maxactive, or inside another probe)"},
		{"recursion", "hit inside a probe's handler"},
		{"overrun", "kernel ring full"},
		{"overtaken", "this reader was slower than the log"},
		{"filtered", "left out by the filter"},
		{"rateLimited", "left out by the rate limit"},
		{"restart", "kprobed was not reading"},
	};
	const char *probe = kprobed_event_get_probe(event);
	int cpu = kprobed_event_get_cpu(event);

	if (probe) {
		text_puts(t, " of ");
		text_safe(t, probe, strlen(probe));
	}
	text_puts(t, ": ");
	for (size_t i = 0; i < ARRAY_SIZE(causes); i++) {
		if (strcmp(kind, causes[i].kind) == 0) {
			text_puts(t, causes[i].cause);
			break;
		}
		if (i + 1 == ARRAY_SIZE(causes))
			text_safe(t, kind, strlen(kind));
	}
	if (cpu >= 0)
		text_printf(t, " on cpu %d", cpu);
}

static void put_gap(const struct event_format *f, struct kprobed_event *event, struct text *t)
{
	const char *kind = kprobed_event_get_gap_kind(event);
	uint64_t count;

	text_color(t, f->color, COLOR_GAP);
	if (kprobed_event_get_gap_count(event, &count) == 0)
		text_printf(t, "-- lost %" PRIu64 " event%s", count, count == 1 ? "" : "s");
	else
		text_puts(t, "-- lost an unknown number of events");
	put_gap_cause(event, kind ? kind : "?", t);
	text_puts(t, " --");
	text_plain(t, f->color);
	text_putc(t, '\n');
}

void format_event(struct event_format *f, struct kprobed_event *event, struct text *t)
{
	bool is_gap = kprobed_event_get_type(event) == KPROBED_GAP;
	size_t length;
	const char *json = kprobed_event_get_json(event, &length);

	if (!f->json) {
		if (is_gap)
			put_gap(f, event, t);
		else if (!format_quickly(f, (struct slice){json, length}, t))
			format_hit(f, event, t);
		return;
	}
	if (is_gap)
		text_puts(t, "{\"gap\":");
	/* The library gives objects without line breaks. */
	if (f->safe)
		text_safe_json(t, json, length);
	else
		text_append(t, json, length);
	text_puts(t, is_gap ? "}\n" : "\n");
}
