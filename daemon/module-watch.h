/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Notice of modules that are loaded and unloaded, from the kernel's own events about that.
 *
 * An instance of its own records module:module_load and module:module_free, and wakes the main
 * loop. What was recorded is thrown away: what there is now is asked for anew. The notice may come
 * before the fact (a module that is being freed is still there), so whoever gets it looks a moment
 * later.
 */
#ifndef KP_MODULE_WATCH_H
#define KP_MODULE_WATCH_H

#include <event2/event.h>

#include "cleanup.h"
#include "instance.h"

/* The instance; "kprobed-" like the others, so that a kprobed that died leaves nothing. */
#define MODULE_WATCH_INSTANCE "kprobed-modules"

struct module_watch;

/* Makes the instance and has it record. Control worker. 0 or a negative errno. */
int module_watch_prepare(struct instance **ret);

/*
 * Calls @notice on the main loop whenever a module has come or is about to go. Takes @instance over
 * on success. 0 or -ENOMEM. Main thread.
 */
int module_watch_new(struct event_base *base, struct instance *instance, void (*notice)(void *data),
		     void *data, struct module_watch **ret);

/* Ends the notices. Returns the instance, which the control worker has to free. Main thread. */
struct instance *module_watch_free(struct module_watch *w);

#endif
