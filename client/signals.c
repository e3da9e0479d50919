/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See signals.h. */
#include "signals.h"

#include <sys/signalfd.h>

static void fill(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGHUP);
	sigaddset(set, SIGCHLD);
}

void signals_block(sigset_t *ret_mask)
{
	sigset_t set;

	fill(&set);
	sigprocmask(SIG_BLOCK, &set, ret_mask);
}

int signals_open(void)
{
	sigset_t set;

	fill(&set);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}
