/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The daemon as a whole: makes its parts, runs the loop, and takes everything down again. */
#ifndef KP_MANAGER_H
#define KP_MANAGER_H

#include "cleanup.h"
#include "config.h"

struct manager;

/*
 * Makes everything up to a socket that listens. @config is borrowed (outlives the manager).
 * 0 or a negative errno; what went wrong has been logged.
 */
int manager_new(const struct config *config, struct manager **ret);
struct manager *manager_free(struct manager *m);
DEFINE_CLEANUP(struct manager *, manager_free);

/*
 * Tells systemd that the service is ready, and serves until SIGTERM or SIGINT. Then nothing of ours
 * is left in the kernel. 0 or a negative errno, logged.
 */
int manager_run(struct manager *m);

/* The whole program, for main(). Returns its exit status. */
int kprobed_main(int argc, char **argv);

#endif
