/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See output-hist.h. */
#include "output-hist.h"

#include <inttypes.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kprobectl.h"
#include "output-text.h"

#define BAR_MAX	      60
#define BAR_MIN	      8
#define BAR_OF_A_PIPE 40
#define LABEL_MAX     80
/* So many empty buckets in a row are shown, of more there is one line. */
#define EMPTY_MAX 4

static const struct {
	const char *name;
	double nsec;
} units[] = {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}};

/* What is shown of one row, line by line. */
struct drawing {
	const struct hist_format *f;
	struct text *t;
	bool is_duration;
	bool is_linear;
	int64_t width;
	size_t label_width, count_width, bar_width;
	uint64_t most;
	size_t lines, left_out;
};

struct bucket {
	uint64_t from, to;
	bool has_end;
	uint64_t count;
};

void format_duration(double nsec, char *buf, size_t size)
{
	size_t i = 0;

	while (i + 1 < ARRAY_SIZE(units) && nsec >= 999.5 * units[i].nsec)
		i++;
	nsec /= units[i].nsec;
	if (nsec < 9.95 && fabs(nsec - round(nsec)) >= 0.05)
		snprintf(buf, size, "%.1f%s", nsec, units[i].name);
	else
		snprintf(buf, size, "%.0f%s", nsec, units[i].name);
}

unsigned long long parse_duration(const char *text)
{
	char *end;
	double n = strtod(text, &end);

	/* In digits, so that neither "inf" nor "0x1p3" is one. */
	if (end == text || strspn(text, "0123456789.") != (size_t)(end - text))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (strcmp(end, units[i].name) == 0) {
			n = n * units[i].nsec + 0.5;
			return n >= 1 && n < 1e18 ? (unsigned long long)n : 0;
		}
	return 0;
}

/* A bound of a bucket; of log2 ones these are powers of two. */
static void format_bound(const struct drawing *d, uint64_t v, char *buf, size_t size)
{
	static const char letters[] = "KMGTPE";
	int i = -1;

	if (d->is_duration && !(d->is_linear && (int64_t)v < 0)) {
		format_duration((double)v, buf, size);
		return;
	}
	if (d->is_linear) {
		snprintf(buf, size, "%" PRId64, (int64_t)v);
		return;
	}
	while (v >= 1024 && v % 1024 == 0) {
		v /= 1024;
		i++;
	}
	snprintf(buf, size, i < 0 ? "%" PRIu64 : "%" PRIu64 "%c", v, i < 0 ? ' ' : letters[i]);
}

static void format_label(const struct drawing *d, const struct bucket *b, char *buf, size_t size)
{
	char from[32], to[32];

	format_bound(d, b->from, from, sizeof(from));
	format_bound(d, b->to, to, sizeof(to));
	if (!b->has_end)
		snprintf(buf, size, "[%s, ...", from);
	else if (b->to == b->from + 1 && !d->is_duration)
		snprintf(buf, size, "%s", from);
	else
		snprintf(buf, size, "[%s, %s)", from, to);
}

/* Whether there is room for one more line. */
static bool take_line(struct drawing *d)
{
	if (d->f->max_lines && d->lines >= d->f->max_lines) {
		d->left_out++;
		return false;
	}
	d->lines++;
	return true;
}

static void draw_bar(struct drawing *d, const char *label, uint64_t count)
{
	size_t bar = d->most ? (size_t)((double)count / (double)d->most * (double)d->bar_width) : 0;

	if (!take_line(d))
		return;
	if (bar == 0 && count)
		bar = 1;
	text_printf(d->t, "  %-*s %*" PRIu64 " |", (int)d->label_width, label, (int)d->count_width,
		    count);
	text_color(d->t, d->f->color, COLOR_PROBE);
	text_repeat(d->t, '@', bar);
	text_plain(d->t, d->f->color);
	text_repeat(d->t, ' ', d->bar_width - bar);
	text_puts(d->t, "|\n");
}

static struct bucket read_bucket(json_object *o)
{
	json_object *to = json_object_object_get(o, "to");

	return (struct bucket){
		/* In two's complement, or unsigned: of one histogram all are the same. */
		.from = json_object_get_int64(json_object_object_get(o, "from")) < 0
				? (uint64_t)member_int(o, "from")
				: json_object_get_uint64(json_object_object_get(o, "from")),
		.to = json_object_get_int64(to) < 0 ? (uint64_t)json_object_get_int64(to)
						    : json_object_get_uint64(to),
		.has_end = to != NULL,
		.count = (uint64_t)member_int(o, "count"),
	};
}

/* The bucket behind one that ends at @at. */
static struct bucket next_bucket(const struct drawing *d, uint64_t at)
{
	return (struct bucket){
		.from = at,
		.to = d->is_linear ? at + (uint64_t)d->width : 2 * at,
		.has_end = true,
	};
}

static void measure_label(struct drawing *d, const struct bucket *b)
{
	char label[LABEL_MAX];
	size_t width;

	format_label(d, b, label, sizeof(label));
	width = strlen(label);
	d->label_width = width > d->label_width ? width : d->label_width;
}

/* How wide labels are, those of empty buckets included, and the highest count. */
static void measure(struct drawing *d, json_object *buckets, uint64_t extra)
{
	size_t n = json_object_array_length(buckets);
	struct bucket b = {0}, empty;

	d->most = extra;
	d->label_width = 0;
	for (size_t i = 0; i < n; i++) {
		uint64_t end = b.to;

		b = read_bucket(json_object_array_get_idx(buckets, i));
		d->most = b.count > d->most ? b.count : d->most;
		measure_label(d, &b);
		if (i == 0 || d->is_linear)
			continue;
		for (empty = next_bucket(d, end); empty.from != b.from && empty.from;
		     empty = next_bucket(d, empty.to))
			measure_label(d, &empty);
	}
}

/* The empty ones between two: all of them, or a line that says so. */
static void draw_empty(struct drawing *d, uint64_t from, uint64_t to)
{
	char label[LABEL_MAX];
	struct bucket b;
	size_t n = 0;

	for (b = next_bucket(d, from); b.from != to && n <= EMPTY_MAX; n++)
		b = next_bucket(d, b.to);
	if (n > EMPTY_MAX && d->is_linear) {
		if (take_line(d))
			text_puts(d->t, "  ...\n");
		return;
	}
	for (b = next_bucket(d, from); b.from != to && b.from; b = next_bucket(d, b.to)) {
		format_label(d, &b, label, sizeof(label));
		draw_bar(d, label, 0);
	}
}

static void draw_buckets(struct drawing *d, json_object *row)
{
	json_object *buckets = json_object_object_get(row, "buckets");
	uint64_t under = (uint64_t)member_int(row, "under"),
		 over = (uint64_t)member_int(row, "over");
	size_t n = json_object_array_length(buckets), room;
	char label[LABEL_MAX], count[32];

	measure(d, buckets, under > over ? under : over);
	if ((under || over) && d->label_width < strlen("below"))
		d->label_width = strlen("beyond");
	d->count_width = (size_t)snprintf(count, sizeof(count), "%" PRIu64, d->most);
	d->bar_width = BAR_OF_A_PIPE;
	if (d->f->width) {
		room = d->label_width + d->count_width + 6;
		d->bar_width = d->f->width > room + BAR_MIN ? d->f->width - room : BAR_MIN;
		d->bar_width = d->bar_width < BAR_MAX ? d->bar_width : BAR_MAX;
	}
	if (under)
		draw_bar(d, "below", under);
	for (size_t i = 0; i < n; i++) {
		struct bucket b = read_bucket(json_object_array_get_idx(buckets, i));

		format_label(d, &b, label, sizeof(label));
		draw_bar(d, label, b.count);
		if (i + 1 < n)
			draw_empty(d, b.to,
				   read_bucket(json_object_array_get_idx(buckets, i + 1)).from);
	}
	if (over)
		draw_bar(d, "beyond", over);
}

static void draw_row(struct drawing *d, const char *key_name, const char *key, json_object *row)
{
	long long count = member_int(row, "count");
	char mean[48];

	if (take_line(d)) {
		if (key_name) {
			text_puts(d->t, key_name);
			text_putc(d->t, ' ');
			text_color(d->t, d->f->color, COLOR_BOLD);
			text_safe(d->t, key, strlen(key));
			text_plain(d->t, d->f->color);
			text_puts(d->t, ": ");
		}
		text_printf(d->t, "%lld value%s", count, count == 1 ? "" : "s");
		if (count) {
			double m = (double)member_int(row, "sum") / (double)count;

			if (d->is_duration)
				format_duration(m, mean, sizeof(mean));
			else
				snprintf(mean, sizeof(mean), "%.4g", m);
			text_printf(d->t, ", mean %s", mean);
		}
		text_putc(d->t, '\n');
	}
	draw_buckets(d, row);
}

size_t format_histogram(const struct hist_format *f, json_object *reply, struct text *t)
{
	json_object *histogram = json_object_object_get(reply, "histogram"), *rest;
	json_object *rows = json_object_object_get(reply, "rows");
	const char *key = member_string(histogram, "key");
	struct drawing d = {
		.f = f,
		.t = t,
		.is_duration = strcmp(member_string(histogram, "value"), "duration") == 0,
		.is_linear = strcmp(member_string(histogram, "scale"), "linear") == 0,
		.width = member_int(histogram, "width"),
	};
	long long overflow = member_int(reply, "overflow");
	char others[64];

	for (size_t i = 0; i < json_object_array_length(rows); i++) {
		json_object *row = json_object_array_get_idx(rows, i);

		draw_row(&d, *key ? key : NULL, member_string(row, "key"), row);
	}
	rest = json_object_object_get(reply, "rest");
	if (rest) {
		snprintf(others, sizeof(others), "%lld others", member_int(reply, "restKeys"));
		draw_row(&d, key, others, rest);
	}
	if (json_object_array_length(rows) == 0 && take_line(&d))
		text_puts(t, "nothing counted yet\n");
	if (overflow && take_line(&d))
		text_printf(t, "%lld value%s whose %s found no room; more with --keys\n", overflow,
			    overflow == 1 ? "" : "s", key);
	if (d.left_out) {
		text_printf(t, "(%zu more lines at the end)\n", d.left_out);
		d.lines++;
	}
	return d.lines;
}
