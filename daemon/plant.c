/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See plant.h. */
#include "plant.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "refusal.h"
#include "tracefs.h"

/* kernel/trace/trace.c: trace_parse_run_command() takes WRITE_BUFSIZE - 1 bytes at a time */
#define WRITE_MAX 4095

/* Lines collected for one write. */
struct lines {
	char text[WRITE_MAX + 1];
	size_t len;
};

int plant_format_line(const struct probe *probe, const char *event, char **ret)
{
	struct probe_spec spec = probe->spec; /* all but a number is borrowed */

	if (probe->maxactive)
		spec.maxactive = probe->maxactive;
	return probe_spec_format_kernel(&spec, TRACEFS_GROUP, event, COMM_FIELD "=$comm", ret);
}

static int make_line(const struct probe *probe, char **ret)
{
	return plant_format_line(probe, probe->event, ret);
}

/* Whether the probe has a line in kprobe_events. */
static bool is_written(const struct probe *probe)
{
	return !probe->spec.waits && !probe->helper.is_used;
}

unsigned int plant_target_of(const struct probe *probe)
{
	return probe->spec.stack + 2 * probe->helper.is_used;
}

struct present {
	struct probe **probes;
	size_t n;
	bool *is_there;
};

static int note_present(const struct tracefs_probe *line, void *data)
{
	struct present *present = data;

	if (strcmp(line->group, TRACEFS_GROUP) != 0)
		return 0;
	for (size_t i = 0; i < present->n; i++)
		if (strcmp(present->probes[i]->event, line->event) == 0)
			present->is_there[i] = true;
	return 0;
}

/*
 * A write of several lines failed: the kernel has carried out those before the bad one. Deletes
 * what there is of all probes of the batch and returns the index of the first that is missing.
 */
static size_t undo_create(struct plant *p)
{
	_cleanup_free_ bool *is_there = calloc(p->n_create, sizeof(*is_there));
	struct present present = {p->create, p->n_create, is_there};
	size_t missing = 0;

	if (!is_there)
		return 0;
	tracefs_each_probe(note_present, &present);
	while (missing < p->n_create && (is_there[missing] || !is_written(p->create[missing])))
		missing++;
	for (size_t i = 0; i < p->n_create; i++)
		if (is_there[i])
			plant_delete(&p->create[i], 1);
	return missing < p->n_create ? missing : p->n_create - 1;
}

static int fail_create(struct plant *p, int r)
{
	size_t bad = undo_create(p);

	p->error.probe = p->indexes[bad];
	return refusal_explain(&p->create[bad]->spec, p->create[bad]->event, -r, p->symbols,
			       &p->error);
}

static int create_events(struct plant *p)
{
	struct lines lines = {0};
	int r;

	for (size_t i = 0; i <= p->n_create; i++) {
		_cleanup_free_ char *line = NULL;
		size_t len = 0;

		if (i < p->n_create && !is_written(p->create[i]))
			continue;
		if (i < p->n_create) {
			r = make_line(p->create[i], &line);
			if (r < 0) {
				undo_create(p);
				p->error.probe = p->indexes[i];
				return kp_error_definition(&p->error, "lineTooLong", 0, NULL,
							   "the definition is longer than the "
							   "kernel takes");
			}
			len = strlen(line) + 1;
		}
		if (lines.len && (i == p->n_create || lines.len + len > WRITE_MAX)) {
			r = tracefs_append_probes(lines.text);
			if (r < 0)
				return fail_create(p, r);
			lines.len = 0;
		}
		if (line)
			lines.len += (size_t)snprintf(lines.text + lines.len,
						      sizeof(lines.text) - lines.len, "%s\n", line);
	}
	return 0;
}

/* After tracefs's: what the module takes back leaves nothing behind. */
static int create_in_module(struct plant *p)
{
	for (size_t i = 0; i < p->n_create; i++) {
		struct probe *probe = p->create[i];
		int r;

		if (!probe->helper.is_used || probe->spec.waits)
			continue;
		p->error.probe = p->indexes[i];
		r = plant_helper_make(p, probe);
		if (r < 0)
			return r;
	}
	p->error.probe = -1;
	return 0;
}

static void take_out_of_module(struct plant *p)
{
	for (size_t i = 0; i < p->n_create; i++)
		plant_helper_unmake(p->helper, p->create[i]);
}

/* The event is there: learn its format, make its decoder, and tell the reader. */
static int bind_event(struct plant *p, struct probe *probe)
{
	_cleanup_free_ char *text = NULL;
	struct event_format format;
	int r;

	r = tracefs_read_format(probe->instance->dir_fd, probe->event, &text);
	if (r == 0)
		r = event_format_parse(text, &format);
	if (r < 0)
		return r;
	r = decoder_new(&probe->spec, &format, probe->name, probe->site, &probe->decoder);
	probe->type = format.id;
	event_format_done(&format);
	if (r == 0)
		reader_bind(p->reader, probe->type, probe->decoder, probe->source);
	return r;
}

static int prepare_events(struct plant *p)
{
	int r;

	for (size_t i = 0; i < p->n_create; i++) {
		struct probe *probe = p->create[i];

		probe->instance = p->targets[plant_target_of(probe)].instance;
		if (!is_written(probe))
			continue;
		p->error.probe = p->indexes[i];
		r = bind_event(p, probe);
		if (r < 0)
			return kp_error_set(&p->error, KP_KERNEL_REFUSED, -r, NULL,
					    "the event %s was made, but its format cannot be read: "
					    "%s",
					    probe->event, strerror(-r));
		if (!probe->spec.filter)
			continue;
		r = instance_set_filter(probe->instance, probe->event, probe->spec.filter);
		if (r < 0) {
			char reason[160];

			instance_filter_error(probe->instance, probe->event, reason,
					      sizeof(reason));
			kp_error_quote(&p->error, probe->spec.filter);
			return kp_error_definition(&p->error, "badFilter", 0, NULL,
						   "the kernel does not take the filter: %s",
						   reason[0] ? reason : strerror(-r));
		}
	}
	p->error.probe = -1;
	return 0;
}

int plant_enable(struct helper_use *use, struct probe *probe, struct kp_error *e)
{
	int r;

	if (probe->is_enabled)
		return 0;
	if (probe->helper.is_used)
		r = plant_helper_enable(use, probe, true);
	else
		r = instance_enable(probe->instance, probe->event, true);
	if (r < 0)
		return kp_error_set(e, KP_KERNEL_REFUSED, -r, probe->name,
				    "cannot enable the probe %s: %s", probe->name, strerror(-r));
	probe->is_enabled = probe->was_enabled = true;
	return 0;
}

static int enable_events(struct plant *p)
{
	for (size_t i = 0; i < p->n_enable; i++) {
		int r = plant_enable(p->helper, p->enable[i], &p->error);

		if (r < 0) {
			for (size_t k = 0; k < i; k++)
				plant_disable(p->helper, p->enable[k]);
			return r;
		}
	}
	return 0;
}

static void unbind_all(struct plant *p)
{
	for (size_t i = 0; i < p->n_create; i++) {
		struct probe *probe = p->create[i];

		if (probe->type && !probe->was_enabled)
			reader_unbind(p->reader, probe->type);
	}
}

/* One that records the module's event is of no use when it cannot. */
static int make_instance(struct plant *p, struct plant_target *target)
{
	bool is_helpers = target >= &p->targets[2];
	int r;

	if (target->instance || target->new_instance[0] == '\0')
		return 0;
	r = instance_new(target->new_instance, &target->options, &target->instance);
	if (r == 0 && is_helpers) {
		target->instance->is_helpers = true;
		r = helper_use_join(p->helper, target->instance);
		if (r < 0)
			target->instance = instance_free(target->instance);
	}
	if (r < 0)
		return kp_error_set(&p->error, KP_KERNEL_REFUSED, -r, NULL,
				    "cannot make the tracing instance %s: %s", target->new_instance,
				    strerror(-r));
	return 0;
}

/*
 * A probe by address is said to sit where the symbols have that address. One outside of all
 * functions would be taken by some kernels, to wait in silence for a module that is never loaded
 * there.
 */
static int locate_sites(struct plant *p)
{
	for (size_t i = 0; i < p->n_create && p->symbols; i++) {
		struct probe *probe = p->create[i];

		if (probe->spec.symbol)
			continue;
		symbols_locate(p->symbols, probe->spec.address, probe->site);
		if (strchr(probe->site, '+'))
			continue;
		p->error.probe = p->indexes[i];
		snprintf(p->error.reason, sizeof(p->error.reason), "notText");
		return kp_error_set(&p->error, KP_NOT_PROBEABLE, EINVAL, probe->site,
				    "there is no function at the address %s", probe->site);
	}
	return 0;
}

/*
 * The module's device, if any probe of the batch is the module's; even one that waits is refused
 * without it.
 */
static int open_helper(struct plant *p)
{
	for (size_t i = 0; i < p->n_create; i++) {
		const struct probe *probe = p->create[i];
		int r;

		if (!probe->helper.is_used)
			continue;
		p->error.probe = p->indexes[i];
		p->error.position = probe->spec.command_position;
		r = helper_use_open(p->helper, p->reader, probe_spec_feature(&probe->spec),
				    &p->error);
		if (r < 0)
			return r;
		p->error.probe = p->error.position = -1;
		return 0;
	}
	return 0;
}

static int plant_all(struct plant *p)
{
	int r;

	r = locate_sites(p);
	if (r == 0)
		r = open_helper(p);
	for (size_t i = 0; i < PLANT_TARGETS && r == 0; i++)
		r = make_instance(p, &p->targets[i]);
	if (r == 0)
		r = create_events(p);
	if (r < 0)
		return r;

	r = create_in_module(p);

	if (r == 0 && !p->is_dry_run) {
		r = prepare_events(p);
		if (r == 0)
			r = enable_events(p);
		if (r == 0)
			return 0;
	}
	take_out_of_module(p);
	/* Those that were enabled for a moment cannot be deleted: they are left to be parked. */
	unbind_all(p);
	for (size_t i = 0; i < p->n_create; i++)
		if (!p->create[i]->was_enabled && is_written(p->create[i])) {
			plant_delete(&p->create[i], 1);
			p->create[i]->type = 0;
		}
	return r;
}

void plant_run(struct plant *p)
{
	p->error = KP_ERROR_INIT;
	p->result = plant_all(p);
}

void plant_stop(struct helper_use *use, struct probe *probe)
{
	if (!probe->is_enabled)
		return;
	if (probe->helper.is_used)
		plant_helper_enable(use, probe, false);
	else if (instance_enable(probe->instance, probe->event, false) == 0)
		probe->is_enabled = false;
}

void plant_disable(struct helper_use *use, struct probe *probe)
{
	if (probe->helper.is_leaving)
		plant_helper_unmake(use, probe);
	plant_stop(use, probe);
	if (probe->type && !probe->was_enabled) {
		plant_delete(&probe, 1);
		probe->type = 0;
	}
}

void plant_delete(struct probe *const *probes, size_t n)
{
	char text[WRITE_MAX + 1];
	size_t len = 0, first = 0;

	for (size_t i = 0; i <= n; i++) {
		size_t need =
			i < n ? strlen(probes[i]->event) + sizeof("-:" TRACEFS_GROUP "/\n") : 0;

		if (len && (i == n || len + need > WRITE_MAX)) {
			/* One that is gone already stops the others: then each by itself. */
			if (tracefs_append_probes(text) < 0 && i - first > 1)
				for (size_t k = first; k < i; k++)
					plant_delete(&probes[k], 1);
			len = 0;
			first = i;
		}
		if (i < n)
			len += (size_t)snprintf(text + len, sizeof(text) - len,
						"-:" TRACEFS_GROUP "/%s\n", probes[i]->event);
	}
}

struct leftover {
	char event[PROBE_NAME_MAX + 1];
	struct leftover *next;
};

static int note_leftover(const struct tracefs_probe *line, void *data)
{
	struct leftover **list = data, *item;

	if (strcmp(line->group, TRACEFS_GROUP) != 0)
		return 0;
	item = calloc(1, sizeof(*item));
	if (!item)
		return -ENOMEM;
	snprintf(item->event, sizeof(item->event), "%s", line->event);
	item->next = *list;
	*list = item;
	return 0;
}

unsigned int plant_delete_leftovers(void)
{
	struct leftover *list = NULL, *item;
	unsigned int n = 0;

	tracefs_each_probe(note_leftover, &list);
	while ((item = list)) {
		char text[128];

		snprintf(text, sizeof(text), "-:" TRACEFS_GROUP "/%s\n", item->event);
		n += tracefs_append_probes(text) < 0;
		list = item->next;
		free(item);
	}
	return n;
}
