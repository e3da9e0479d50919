/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the parts of the daemon that face clients share: the service as a whole.
 *
 * Made by manager.c, which owns everything in it; sessions and request handlers borrow.
 */
#ifndef KP_SERVER_H
#define KP_SERVER_H

#include <stdint.h>

#include <event2/event.h>

#include "config.h"
#include "control.h"
#include "delivery.h"
#include "disassemble.h"
#include "event-log.h"
#include "interfaces.h"
#include "kernel-text.h"
#include "knowledge.h"
#include "probe-set.h"
#include "reader.h"
#include "wakeup.h"

struct session;

struct server {
	const struct config *config;
	struct event_base *base;
	struct interfaces *interfaces;
	struct event_log *log;
	struct reader *reader;
	struct delivery *delivery;
	struct wakeups *wakeups;
	struct control *control;	  /* writes to tracefs */
	struct control *knowledge_worker; /* looks things up; owns the knowledge while it runs */
	struct knowledge *knowledge;
	struct probe_set *probes;
	struct session *sessions; /* all, by id (uthash) */
	uint64_t next_session;
	uint64_t started_usec;		   /* CLOCK_REALTIME */
	struct kp_error unavailable;	   /* why there are no probes; code KP_OK: there are */
	struct kernel_text *text;	   /* the knowledge worker's; NULL: see no_text */
	struct kp_error no_text;	   /* why the kernel's text cannot be read */
	struct disassembler *disassembler; /* the knowledge worker's; NULL: not needed yet */
};

#endif
