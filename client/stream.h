/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Events to the terminal, until a count, a time, a signal, or the end of a command: what trace,
 * watch and read have in common.
 */
#ifndef KP_STREAM_H
#define KP_STREAM_H

#include <stdint.h>

#include "kprobectl.h"
#include "output-event.h"

struct stream_options {
	uint64_t count;	    /* end after so many events; 0: no limit */
	uint64_t nsec;	    /* end after so much time; 0: no limit */
	int max_latency_ms; /* -1: as the daemon likes */
	enum kprobed_transport transport;
	bool relative;
	const char *where;  /* borrowed from argv, NULL: every event */
	bool failed;	    /* only calls that returned less than 0 */
	const char *fields; /* borrowed from argv: with commas; NULL: all */
	unsigned int sample, rate;
	const char *condition; /* borrowed from the choice: what the daemon was given */
	size_t probe_width;    /* of the longest name that is known */
	bool until_now;	       /* end with the first event that is younger than the stream */
};

#define STREAM_OPTIONS_INIT ((struct stream_options){.max_latency_ms = -1})

/* For a command's own options. */
#define STREAM_SHORTS "n:d:rw:"
#define STREAM_LONGS                                                                               \
	{"count", required_argument, NULL, 'n'}, {"duration", required_argument, NULL, 'd'},       \
		{"relative", no_argument, NULL, 'r'}, {"where", required_argument, NULL, 'w'},     \
		{"failed", no_argument, NULL, 'E'}, {"fields", required_argument, NULL, 'I'},      \
		{"sample", required_argument, NULL, 'M'}, {"rate", required_argument, NULL, 'R'},  \
	{                                                                                          \
		"max-latency", required_argument, NULL, 'L'                                        \
	}
/* For commands that subscribe, besides. */
#define TRANSPORT_LONGS                                                                            \
	{                                                                                          \
		"transport", required_argument, NULL, 'T'                                          \
	}
#define TRANSPORT_HELP                                                                             \
	"  --transport WHICH   socket, or memory: read kprobed's log, for many events\n"
#define STREAM_HELP                                                                                \
	"  -n, --count N       end after N events\n"                                               \
	"  -d, --duration SEC  end after SEC seconds\n"                                            \
	"  -r, --relative      times in seconds from the first event\n"                            \
	"  -w, --where EXPR    only events that meet EXPR: 'dfd < 0 && comm ~ \"cat*\"'\n"         \
	"  --failed            only calls that returned an error: ret < 0\n"                       \
	"  --fields A,B,...    only these parts of each event: ts, comm, an argument, ...\n"       \
	"  --sample N          one event in N\n"                                                   \
	"  --rate N            N events a second at most\n"                                        \
	"  --max-latency MS    how long an event may wait for company (100)\n"

/* Takes an option of STREAM_LONGS. False: it is none of them. */
bool stream_option(const struct ctl *ctl, struct stream_options *options, int c, const char *value);

/* Ends the program when options were given that exclude each other. */
void stream_check(const struct ctl *ctl, const struct stream_options *options);

/*
 * What of it the daemon has to know, for kprobed_subscribe() and kprobed_read(), in @ret, whose
 * other members stay. @memory: owned by the caller, released with stream_choice_done(). 0 or
 * -ENOMEM.
 */
struct stream_choice {
	char *filter;	     /* owned */
	const char **fields; /* owned, one block */
};
int stream_choose(struct stream_options *options, struct kprobed_stream_options *ret,
		  struct stream_choice *memory);
void stream_choice_done(struct stream_choice *memory);
#define _cleanup_choice_ _cleanup_(stream_choice_done)

/*
 * Prints what subscribing or reading failed with: an error in the condition with its place. Returns
 * EXIT_FAILURE.
 */
int stream_failure(const struct ctl *ctl, struct kprobed *k, int error,
		   const struct stream_options *options);

/* The wall clock for event times, asked from the daemon. Returns 0 or an error of the library. */
int stream_clock(struct kprobed *k, int64_t *ret_realtime_offset);

/*
 * Shows what the stream of @k has until it ends, then a summary on stderr. The subscription has
 * been made, and signals are blocked.
 *
 * @child: a command with which the stream ends, set to 0 when that has happened; 0: none
 *
 * Returns the exit status.
 */
int stream_run(const struct ctl *ctl, struct kprobed *k, const struct stream_options *options,
	       int64_t realtime_offset, pid_t *child);

#endif
