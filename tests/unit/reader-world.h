/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A reader with rings of our own, sockets that carry pages, for the tests of it. To be included
 * behind cmocka.h.
 */
#ifndef KP_TEST_READER_WORLD_H
#define KP_TEST_READER_WORLD_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>

#include "reader.h"
#include "ring-pages.h"

#define CPUS 3
#define TYPE 100
#define MSEC 1000000ULL

static const char format_text[] =
	"name: p\nID: 100\nformat:\n"
	"\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n"
	"\tfield:u32 n;\toffset:8;\tsize:4;\tsigned:0;\n";

struct ring {
	struct instance instance;
	int fds[CPUS], stats_fds[CPUS], write_fds[CPUS];
};

struct world {
	struct event_base *base;
	struct event_log *log;
	struct reader *reader;
	struct decoder *decoder;
	struct probe_spec spec;
	struct event_format format;
	unsigned int source, ring_source;
	unsigned int n_passes;
	uint64_t n_appended;
	uint64_t passed_at; /* the last pass that appended */
	bool is_urgent;
};

static inline bool is_urgent(void *data)
{
	return ((struct world *)data)->is_urgent;
}

static inline void on_pass(void *data)
{
	struct world *w = data;

	w->n_passes++;
	w->passed_at = now_nsec();
}

static inline void on_append(unsigned int source, uint64_t seq, const struct raw_record *record,
			     void *data)
{
	struct world *w = data;

	assert_int_equal(event_log_entry(w->log, seq)->source, source);
	assert_int_equal(event_log_next(w->log), seq + 1);
	w->n_appended++;
}

static inline struct world *world_with(unsigned int tick_msec, unsigned int window_usec)
{
	struct world *w = calloc(1, sizeof(*w));
	struct reader_options options = {
		.tick_msec = tick_msec,
		.window_usec = window_usec,
		.is_urgent = is_urgent,
		.on_pass = on_pass,
		.on_append = on_append,
		.data = w,
	};

	assert_non_null(w);
	options.base = w->base = event_base_new();
	assert_int_equal(event_log_new(1 << 22, -1, &w->log), 0);
	options.log = w->log;
	assert_int_equal(reader_new(&options, &w->reader), 0);
	event_log_source_open(w->log, LOG_SOURCE_PROBE, "p", 1, &w->source);
	event_log_source_open(w->log, LOG_SOURCE_RING, "ring", 0, &w->ring_source);
	assert_int_equal(probe_spec_parse("p:p vfs_read n=%di:u32", &w->spec, NULL), 0);
	assert_int_equal(event_format_parse(format_text, &w->format), 0);
	assert_int_equal(decoder_new(&w->spec, &w->format, "p", "vfs_read+0x0", &w->decoder), 0);
	reader_bind(w->reader, TYPE, w->decoder, w->source);
	return w;
}

static inline struct world *world_new(unsigned int window_usec)
{
	return world_with(1, window_usec);
}

static inline void world_free(struct world *w)
{
	reader_free(w->reader);
	decoder_free(w->decoder);
	event_format_done(&w->format);
	probe_spec_done(&w->spec);
	event_log_free(w->log);
	event_base_free(w->base);
	free(w);
}

static inline struct ring *ring_new(struct world *w, bool has_stacks)
{
	struct ring *r = calloc(1, sizeof(*r));

	assert_non_null(r);
	r->instance = (struct instance){
		.source = w->ring_source,
		.has_stacks = has_stacks,
		.n_cpus = CPUS,
		.fds = r->fds,
		.stats_fds = r->stats_fds,
	};
	for (int i = 0; i < CPUS; i++) {
		int fds[2], size = 1 << 20;

		assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, fds), 0);
		setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
		r->fds[i] = fds[0];
		r->write_fds[i] = fds[1];
		r->stats_fds[i] = memfd_create("stats", MFD_CLOEXEC);
	}
	assert_int_equal(reader_add_instance(w->reader, &r->instance), 0);
	return r;
}

static inline void ring_free(struct world *w, struct ring *r)
{
	reader_remove_instance(w->reader, &r->instance);
	for (int i = 0; i < CPUS; i++) {
		close(r->fds[i]);
		close(r->write_fds[i]);
		close(r->stats_fds[i]);
	}
	free(r);
}

static inline void send_page(struct ring *r, unsigned int cpu, struct page *p, uint32_t flags)
{
	page_end(p, flags);
	assert_int_equal(write(r->write_fds[cpu], p->bytes, sizeof(p->bytes)), sizeof(p->bytes));
}

/* A page with @n events @step apart, the first at @ts. */
static inline void send_events(struct ring *r, unsigned int cpu, uint64_t ts, uint32_t step,
			       uint32_t n)
{
	struct page p;

	page_begin(&p, ts);
	for (uint32_t i = 0; i < n; i++)
		page_event(&p, i ? step : 0, TYPE, 1, &i, sizeof(i));
	send_page(r, cpu, &p, 0);
}

static inline void set_overrun(struct ring *r, unsigned int cpu, unsigned int n)
{
	char text[200];
	int len = snprintf(text, sizeof(text),
			   "entries: 1\noverrun: %u\ncommit overrun: 0\nbytes: 5\n", n);

	assert_int_equal(pwrite(r->stats_fds[cpu], text, (size_t)len, 0), len);
}

static inline void run_until_idle(struct world *w)
{
	do
		assert_int_equal(event_base_loop(w->base, EVLOOP_ONCE), 0);
	while (!reader_is_idle(w->reader));
}

static inline uint64_t count_entries(const struct world *w)
{
	return event_log_next(w->log) - event_log_first(w->log);
}

static inline void assert_ordered(const struct world *w)
{
	for (uint64_t seq = event_log_first(w->log) + 1; seq < event_log_next(w->log); seq++)
		assert_true(event_log_entry(w->log, seq)->ts >=
			    event_log_entry(w->log, seq - 1)->ts);
}

static inline void run_until_waiting(struct world *w)
{
	while (event_base_loop(w->base, EVLOOP_ONCE) == 0 && !reader_is_waiting(w->reader))
		;
}

#endif
