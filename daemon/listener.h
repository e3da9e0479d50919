/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The listening socket: passed by systemd or bound here, and the accepting of connections. */
#ifndef KP_LISTENER_H
#define KP_LISTENER_H

#include "cleanup.h"
#include "error.h"
#include "server.h"

struct listener;

/*
 * Listens on @fd, which it takes over, or (@fd < 0) on the path of the configuration. 0 or a
 * negative errno with @reterr saying what to do about it; -EADDRINUSE when another kprobed answers
 * there.
 */
int listener_new(struct server *server, int fd, struct listener **ret, struct kp_error *reterr);
/* Removes the socket it has bound itself. */
struct listener *listener_free(struct listener *l);
DEFINE_CLEANUP(struct listener *, listener_free);

#endif
