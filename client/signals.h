/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The signals that end a command that runs for long, and the one that tells of its child's end, as
 * something to poll(): SIGINT, SIGTERM, SIGHUP and SIGCHLD.
 */
#ifndef KP_SIGNALS_H
#define KP_SIGNALS_H

#include <signal.h>

/* From here on they wait. @ret_mask is what a child is to be started with. */
void signals_block(sigset_t *ret_mask);

/* A signalfd of them that does not block; the caller's. -1 with errno. */
int signals_open(void);

#endif
