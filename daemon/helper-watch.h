/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tells when the helper module's device appears: inotify on its folder. Main thread. */
#ifndef KP_HELPER_WATCH_H
#define KP_HELPER_WATCH_H

#include <event2/event.h>

#include "cleanup.h"

struct helper_watch;

/*
 * Calls @notice each time a file of the device's name appears in @folder (NULL: the device's). 0 or
 * a negative errno.
 */
int helper_watch_new(struct event_base *base, const char *folder, void (*notice)(void *data),
		     void *data, struct helper_watch **ret);
struct helper_watch *helper_watch_free(struct helper_watch *w);
DEFINE_CLEANUP(struct helper_watch *, helper_watch_free);

#endif
