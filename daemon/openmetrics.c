/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See openmetrics.h. */
#include "openmetrics.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

static const struct {
	const char *name, *suffix;
} types[] = {
	[METRIC_COUNTER] = {"counter", "_total"},
	[METRIC_GAUGE] = {"gauge", ""},
	[METRIC_INFO] = {"info", "_info"},
};

static void put(struct metrics *m, const char *fmt, ...)
	__attribute__((__format__(__printf__, 2, 3)));

static void put(struct metrics *m, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	m->is_short |= evbuffer_add_vprintf(m->out, fmt, ap) < 0;
	va_end(ap);
}

/* A text in which a line's end and a backslash are escaped, and, in a label, quotes. */
static void put_escaped(struct metrics *m, const char *text, bool is_label)
{
	while (*text) {
		size_t n = strcspn(text, is_label ? "\n\\\"" : "\n\\");

		put(m, "%.*s", (int)n, text);
		text += n;
		if (!*text)
			return;
		if (*text == '\n')
			put(m, "\\n");
		else
			put(m, "\\%c", *text);
		text++;
	}
}

void metrics_family(struct metrics *m, const char *name, enum metric_type type, const char *help)
{
	m->name = name;
	m->type = type;
	put(m, "# TYPE " METRICS_PREFIX "%s %s\n# HELP " METRICS_PREFIX "%s ", name,
	    types[type].name, name);
	put_escaped(m, help, false);
	put(m, "\n");
}

static void put_name(struct metrics *m)
{
	put(m, METRICS_PREFIX "%s%s", m->name, types[m->type].suffix);
}

void metrics_sample(struct metrics *m, const struct metric_label *labels, size_t n_labels,
		    uint64_t value)
{
	put_name(m);
	for (size_t i = 0; i < n_labels; i++) {
		put(m, "%c%s=\"", i ? ',' : '{', labels[i].name);
		put_escaped(m, labels[i].value, true);
		put(m, "\"");
	}
	put(m, "%s %" PRIu64 "\n", n_labels ? "}" : "", value);
}

void metrics_sample_seconds(struct metrics *m, uint64_t usec)
{
	put_name(m);
	put(m, " %" PRIu64 ".%06" PRIu64 "\n", usec / 1000000, usec % 1000000);
}

void metrics_single(struct metrics *m, const char *name, enum metric_type type, const char *help,
		    uint64_t value)
{
	metrics_family(m, name, type, help);
	metrics_sample(m, NULL, 0, value);
}

void metrics_end(struct metrics *m)
{
	put(m, "# EOF\n");
}
