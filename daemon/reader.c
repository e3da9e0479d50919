/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See reader.h. */
#include "reader-internal.h"

#include <cpuid.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <utlist.h>

#include "tracefs.h"

/* A CPU of real hardware commits within microseconds; a virtual one can be put aside in between. */
#define WINDOW_METAL_NSEC   (2 * NSEC_PER_MSEC)
#define WINDOW_VIRTUAL_NSEC (20 * NSEC_PER_MSEC)

uint64_t now_nsec(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
}

/* CPUID leaf 1, ECX bit 31 (Intel SDM and AMD APM: reserved for hypervisors, 0 on hardware). */
static bool is_virtual_machine(void)
{
#if defined(__x86_64__) || defined(__i386__)
	unsigned int a, b, c, d;

	return __get_cpuid(1, &a, &b, &c, &d) && (c & (1U << 31));
#else
	return true;
#endif
}

/* kernel/trace/trace_entries.h: kernel_stack; the layout is asked for where it can be. */
static void find_stack_layout(struct stack_layout *ret)
{
	_cleanup_free_ char *text = NULL;
	struct event_format format;

	*ret = (struct stack_layout){.type = 4, .size_offset = 8, .callers_offset = 16};
	if (!tracefs_dir() || tracefs_read("events/ftrace/kernel_stack/format", &text, NULL) < 0 ||
	    event_format_parse(text, &format) < 0)
		return;
	ret->type = format.id;
	for (size_t i = 0; i < format.n_fields; i++) {
		if (strcmp(format.fields[i].name, "size") == 0)
			ret->size_offset = format.fields[i].offset;
		else if (strcmp(format.fields[i].name, "caller") == 0)
			ret->callers_offset = format.fields[i].offset;
	}
	event_format_done(&format);
}

void reader_drain(struct reader *r)
{
	struct pass_result result;
	struct stream *s;

	if (!r->streams)
		return;
	/* A pass may find the queues full of what was held back: the next reads what is behind. */
	do {
		result = reader_run_pass(r, ALL_RINGS, 0);
		if (result.n_pages == 0 && result.n_appended == 0)
			reader_merge(r, UINT64_MAX, NO_FUTURE);
	} while (result.is_partial);
	reader_merge(r, UINT64_MAX, NO_FUTURE);
	DL_FOREACH (r->streams, s)
		reader_tell_overrun(r, s, now_nsec());
	r->on_pass(r->data);
}

int reader_new(const struct reader_options *options, struct reader **ret)
{
	_cleanup_(reader_freep) struct reader *r = calloc(1, sizeof(*r));
	int err;

	if (!r)
		return -ENOMEM;
	r->base = options->base;
	r->log = options->log;
	r->tick_nsec = options->tick_msec * NSEC_PER_MSEC;
	r->window_nsec = options->window_usec	? options->window_usec * NSEC_PER_USEC
			 : is_virtual_machine() ? WINDOW_VIRTUAL_NSEC
						: WINDOW_METAL_NSEC;
	r->is_strict = options->window_usec != 0;
	r->pause_nsec = r->tick_nsec;
	r->is_urgent = options->is_urgent;
	r->on_pass = options->on_pass;
	r->on_append = options->on_append;
	r->data = options->data;
	find_stack_layout(&r->stack);
	r->bindings = calloc(BINDINGS, sizeof(*r->bindings));
	if (!r->bindings || hit_table_new(&r->hits) < 0)
		return -ENOMEM;
	r->wake = evtimer_new(r->base, reader_on_wake, r);
	if (!r->wake)
		return -ENOMEM;
	err = fine_timer_new(r->base, reader_on_tick, r, &r->tick);
	if (err < 0)
		return err;

	*ret = take_ptr(r);
	return 0;
}

struct reader *reader_free(struct reader *r)
{
	struct stream *s, *tmp;

	DL_FOREACH_SAFE (r->streams, s, tmp) {
		DL_DELETE(r->streams, s);
		stream_free(s);
	}
	if (r->tick)
		fine_timer_free(r->tick);
	if (r->wake)
		event_free(r->wake);
	free(r->bindings);
	if (r->hits)
		hit_table_free(r->hits);
	free(r);
	return NULL;
}

int reader_add_instance(struct reader *r, struct instance *instance)
{
	for (unsigned int cpu = 0; cpu < instance->n_cpus; cpu++) {
		struct stream *s;

		if (instance->fds[cpu] < 0)
			continue;
		if (stream_new(instance, cpu, &s) < 0) {
			reader_remove_instance(r, instance);
			return -ENOMEM;
		}
		DL_APPEND(r->streams, s);
		s->reader = r;
		s->readable =
			event_new(r->base, s->fd, EV_READ | EV_PERSIST, reader_on_readable, s);
		if (!s->readable) {
			reader_remove_instance(r, instance);
			return -ENOMEM;
		}
	}
	/* The new rings are waited on with the others the next time. */
	if (r->is_waiting)
		reader_stop_waiting(r);
	reader_begin_ticks(r);
	return 0;
}

bool reader_is_drained(const struct reader *r, const struct instance *instance)
{
	const struct stream *s;

	DL_FOREACH (r->streams, s) {
		if (s->instance == instance && (s->front.kind != ITEM_NONE || !s->is_drained))
			return false;
	}
	return true;
}

bool reader_is_past(const struct reader *r, const struct instance *instance, uint64_t ts)
{
	const struct stream *s;

	DL_FOREACH (r->streams, s) {
		if (s->instance != instance)
			continue;
		if (s->front.kind != ITEM_NONE ? s->front.ts <= ts
					       : !s->is_drained && s->newest <= ts)
			return false;
	}
	return true;
}

void reader_remove_instance(struct reader *r, struct instance *instance)
{
	struct stream *s, *tmp;

	DL_FOREACH_SAFE (r->streams, s, tmp) {
		if (s->instance == instance) {
			reader_tell_overrun(r, s, now_nsec());
			DL_DELETE(r->streams, s);
			stream_free(s);
		}
	}
}

void reader_bind(struct reader *r, unsigned int id, const struct decoder *decoder,
		 unsigned int source)
{
	r->bindings[id].source = source;
	__atomic_store_n(&r->bindings[id].decoder, decoder, __ATOMIC_RELEASE);
}

void reader_unbind(struct reader *r, unsigned int id)
{
	__atomic_store_n(&r->bindings[id].decoder, NULL, __ATOMIC_RELEASE);
}

void reader_set_hits(struct reader *r, unsigned int id, unsigned int cookie_offset)
{
	__atomic_store_n(&r->hit_type, id ? id | cookie_offset << 16 : 0, __ATOMIC_RELEASE);
}

struct hit_table *reader_hits(struct reader *r)
{
	return r->hits;
}

void reader_set_symbols(struct reader *r, struct symbols *symbols)
{
	r->symbols = symbols;
}

void reader_deliver(struct reader *r)
{
	r->on_pass(r->data);
}

const struct reader_totals *reader_totals(const struct reader *r)
{
	return &r->totals;
}
