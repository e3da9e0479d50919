/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See module-watch.h. */
#include "module-watch.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* The kernel rounds up to two pages a CPU; an event is 40 bytes, and one would do. */
#define BUFFER_BYTES 8192

struct module_watch {
	struct instance *instance; /* owned */
	struct event **readable;   /* owned: of each CPU; NULL where there is none */
	void (*notice)(void *data);
	void *data;
};

int module_watch_prepare(struct instance **ret)
{
	static const struct instance_options options = {.buffer_bytes = BUFFER_BYTES};
	_cleanup_(instance_freep) struct instance *i = NULL;
	int r;

	r = instance_new(MODULE_WATCH_INSTANCE, &options, &i);
	if (r == 0)
		r = instance_enable_system(i, "module", "module_load");
	if (r == 0)
		r = instance_enable_system(i, "module", "module_free");
	if (r < 0)
		return r;
	*ret = take_ptr(i);
	return 0;
}

static void on_readable(evutil_socket_t fd, short what, void *data)
{
	const struct module_watch *w = data;
	char page[65536]; /* a ring's page has 4 KiB, or what sub-buffers were made (64 KiB at most)
			   */

	while (read(fd, page, sizeof(page)) > 0)
		;
	w->notice(w->data);
}

static void stop_reading(struct module_watch *w)
{
	for (unsigned int cpu = 0; w->readable && cpu < w->instance->n_cpus; cpu++)
		if (w->readable[cpu])
			event_free(w->readable[cpu]);
	free(w->readable);
}

int module_watch_new(struct event_base *base, struct instance *instance, void (*notice)(void *data),
		     void *data, struct module_watch **ret)
{
	struct module_watch *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	w->instance = instance;
	w->notice = notice;
	w->data = data;
	w->readable = calloc(instance->n_cpus, sizeof(*w->readable));
	for (unsigned int cpu = 0; w->readable && cpu < instance->n_cpus; cpu++) {
		struct event *e;

		if (instance->fds[cpu] < 0)
			continue;
		e = event_new(base, instance->fds[cpu], EV_READ | EV_PERSIST, on_readable, w);
		if (!e || event_add(e, NULL) < 0) {
			if (e)
				event_free(e);
			stop_reading(w);
			free(w);
			return -ENOMEM;
		}
		w->readable[cpu] = e;
	}
	if (!w->readable) {
		free(w);
		return -ENOMEM;
	}
	*ret = w;
	return 0;
}

struct instance *module_watch_free(struct module_watch *w)
{
	struct instance *i = w->instance;

	stop_reading(w);
	free(w);
	return i;
}
