/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Events to the terminal, until a count, a time, a signal, or the end of a command: what trace,
 * watch and read have in common.
 */
#ifndef KP_STREAM_H
#define KP_STREAM_H

#include <signal.h>
#include <stdint.h>

#include "kprobectl.h"
#include "output-event.h"

struct stream_options {
	uint64_t count;	    /* end after so many events; 0: no limit */
	uint64_t nsec;	    /* end after so much time; 0: no limit */
	int max_latency_ms; /* -1: as the daemon likes */
	bool relative;
	size_t probe_width; /* of the longest name that is known */
	bool until_now;	    /* end with the first event that is younger than the stream */
};

#define STREAM_OPTIONS_INIT ((struct stream_options){.max_latency_ms = -1})

/* For a command's own options. */
#define STREAM_SHORTS "n:d:r"
#define STREAM_LONGS                                                                               \
	{"count", required_argument, NULL, 'n'}, {"duration", required_argument, NULL, 'd'},       \
		{"relative", no_argument, NULL, 'r'},                                              \
	{                                                                                          \
		"max-latency", required_argument, NULL, 'L'                                        \
	}
#define STREAM_HELP                                                                                \
	"  -n, --count N       end after N events\n"                                               \
	"  -d, --duration SEC  end after SEC seconds\n"                                            \
	"  -r, --relative      times in seconds from the first event\n"                            \
	"  --max-latency MS    how long an event may wait for company (100)\n"

/* Takes an option of STREAM_LONGS. False: it is none of them. */
bool stream_option(const struct ctl *ctl, struct stream_options *options, int c, const char *value);

/* The wall clock for event times, asked from the daemon. Returns 0 or an error of the library. */
int stream_clock(struct kprobed *k, int64_t *ret_realtime_offset);

/*
 * From here on SIGINT, SIGTERM, SIGHUP and SIGCHLD wait for stream_run(). @ret_mask is what a
 * command is to be started with.
 */
void stream_block_signals(sigset_t *ret_mask);

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
