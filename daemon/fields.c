/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See fields.h. */
#include "fields.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "event-text.h"
#include "filter-parse.h"

struct wanted {
	char name[PROBE_ARG_NAME_MAX + 1];
	bool is_arg; /* "args." was written */
};

struct fields {
	bool all_args;
	size_t n;
	struct wanted wanted[];
};

/* Members of events that are no arguments: kprobed-protocol(7). */
static const char *const common[] = {"seq",    "ts",	  "cpu",    "tid",	 "comm", "probe",
				     "site",   "args",	  "caller", "stack",	 "pid",	 "uid",
				     "cgroup", "kthread", "ret",    "durationNs"};

bool fields_is_common(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(common); i++)
		if (strcmp(common[i], name) == 0)
			return true;
	return false;
}

int fields_new(const char *const *names, size_t n, struct fields **ret, struct kp_error *reterr)
{
	_cleanup_(fields_freep) struct fields *f = NULL;

	if (n > FIELDS_MAX)
		return filter_error(reterr, "tooManyFields", 0, NULL, "there may be %d fields",
				    FIELDS_MAX);
	f = calloc(1, sizeof(*f) + n * sizeof(f->wanted[0]));
	if (!f)
		return -ENOMEM;
	for (; f->n < n; f->n++) {
		struct wanted *w = &f->wanted[f->n];
		struct span name = span_of(names[f->n]);

		w->is_arg = span_starts(name, "args.");
		if (w->is_arg)
			name = span_from(name, strlen("args."));
		if (!span_is_name(name) || name.n > PROBE_ARG_NAME_MAX)
			return filter_error(reterr, "badField", 0, NULL,
					    "\"%.64s\" is not the name of a field", names[f->n]);
		memcpy(w->name, name.p, name.n);
		f->all_args |= !w->is_arg && span_is(name, "args");
	}
	*ret = take_ptr(f);
	return 0;
}

struct fields *fields_free(struct fields *f)
{
	free(f);
	return NULL;
}

const char *fields_name(const struct fields *f, size_t i, bool *ret_is_arg)
{
	if (i >= f->n)
		return NULL;
	*ret_is_arg = f->wanted[i].is_arg;
	return f->wanted[i].name;
}

static bool is_wanted(const struct fields *f, const struct event_text *t)
{
	if (t->is_arg && f->all_args)
		return true;
	for (size_t i = 0; i < f->n; i++)
		if (span_is(t->key, f->wanted[i].name) && (t->is_arg || !f->wanted[i].is_arg))
			return true;
	return false;
}

static char *put_span(char *p, struct span s)
{
	memcpy(p, s.p, s.n);
	return p + s.n;
}

/* A member with its key, which stands before the value with quotes and a colon. */
static char *put_member(char *p, const struct event_text *t)
{
	*p++ = '"';
	p = put_span(p, t->key);
	*p++ = '"';
	*p++ = ':';
	return put_span(p, t->value);
}

size_t fields_write(const struct fields *f, const char *text, size_t len, char *out)
{
	struct event_text t;
	bool in_args = false;
	char *p = out;

	*p++ = '{';
	event_text_begin(&t, text, len);
	while (event_text_next(&t)) {
		if (in_args && !t.is_arg) {
			*p++ = '}';
			in_args = false;
		}
		if (!is_wanted(f, &t))
			continue;
		if (p > out + 1 && p[-1] != '{')
			*p++ = ',';
		if (t.is_arg && !in_args) {
			p = put_span(p, span_of("\"args\":{"));
			in_args = true;
		}
		p = put_member(p, &t);
	}
	if (in_args)
		*p++ = '}';
	*p++ = '}';
	return (size_t)(p - out);
}
