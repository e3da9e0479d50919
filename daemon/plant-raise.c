/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See plant-raise.h. */
#include "plant-raise.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tracefs.h"

static int write_event(const struct probe *probe, unsigned int maxactive, const char *event)
{
	_cleanup_free_ char *line = NULL, *text = NULL;
	struct probe_spec spec = probe->spec; /* all but a number is borrowed */
	int r;

	spec.maxactive = maxactive;
	r = probe_spec_format_kernel(&spec, TRACEFS_GROUP, event, COMM_FIELD "=$comm", &line);
	if (r < 0)
		return r;
	return asprintf(&text, "%s\n", line) < 0 ? -ENOMEM : tracefs_append_probes(text);
}

static void delete_event(const char *event)
{
	char text[PROBE_NAME_MAX + 32];

	snprintf(text, sizeof(text), "-:" TRACEFS_GROUP "/%s\n", event);
	tracefs_append_probes(text);
}

static int learn_event(struct plant *p, const struct probe *probe, struct raised *raised)
{
	_cleanup_free_ char *text = NULL;
	struct event_format format;
	int r;

	r = tracefs_read_format(probe->instance->dir_fd, raised->event, &text);
	if (r == 0)
		r = event_format_parse(text, &format);
	if (r < 0)
		return r;
	r = decoder_new(&probe->spec, &format, probe->name, probe->site, &raised->decoder);
	raised->type = format.id;
	event_format_done(&format);
	if (r == 0)
		reader_bind(p->reader, raised->type, raised->decoder, probe->source);
	if (r == 0 && probe->spec.filter)
		r = instance_set_filter(probe->instance, raised->event, probe->spec.filter);
	return r;
}

static int change_over(const struct probe *probe, const struct raised *raised)
{
	int r = instance_enable(probe->instance, probe->event, false);

	if (r < 0)
		return r;
	r = instance_enable(probe->instance, raised->event, true);
	if (r < 0)
		instance_enable(probe->instance, probe->event, true);
	return r;
}

static int raise_event(struct plant *p, struct probe *probe, unsigned int maxactive,
		       struct raised *raised)
{
	int r = write_event(probe, maxactive, raised->event);

	if (r < 0)
		return r;
	r = learn_event(p, probe, raised);
	if (r == 0)
		r = change_over(probe, raised);
	if (r == 0)
		return 0;
	if (raised->type)
		reader_unbind(p->reader, raised->type);
	delete_event(raised->event);
	return r;
}

int plant_raise(struct plant *p, struct probe *probe, unsigned int maxactive, struct raised *raised)
{
	int r;

	p->error = KP_ERROR_INIT;
	if (probe->helper.is_used)
		r = plant_helper_raise(p, probe, maxactive);
	else
		r = raise_event(p, probe, maxactive, raised);
	return r < 0 ? kp_error_set(&p->error, KP_KERNEL_REFUSED, -r, probe->name,
				    "cannot make it anew: %s", strerror(-r))
		     : 0;
}
