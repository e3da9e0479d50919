/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who may do what. The peer of a connection is what the kernel said it was when it connected
 * (SO_PEERCRED, SO_PEERGROUPS); it may observe, add probes of its own, and manage those of others,
 * by uid and group as kprobed.conf has it. Root may all.
 */
#ifndef KP_ACCESS_H
#define KP_ACCESS_H

#include <stdbool.h>

#include "config.h"
#include "error.h"
#include "probe.h"

enum permission {
	MAY_OBSERVE = 1,
	MAY_ADD = 2,
	MAY_MANAGE = 4,
};

/*
 * Reads the peer of the socket @fd into @ret (its session is left alone) and what it may do into
 * @ret_permissions, a set of enum permission. 0 or -errno.
 */
int access_identify(int fd, const struct config *config, struct requester *ret,
		    unsigned int *ret_permissions);

/* 0, or -EACCES with @reterr (KP_ACCESS_DENIED), naming the rule. */
int access_check(unsigned int permissions, enum permission needed, const struct config *config,
		 struct kp_error *reterr);

/*
 * Whether the caller may see all that is in the event log, whatever probe it is of: who is given
 * the log's memory cannot be kept from any of it. Returns as access_check().
 */
int access_check_log(unsigned int permissions, const struct config *config,
		     struct kp_error *reterr);

#endif
