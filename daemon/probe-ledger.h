/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where the hits of a probe are that never became events in the log.
 *
 * The kernel counts hits and misses of each probe (kprobe_profile), but what its rings have lost
 * only of each ring, whoever's events those were. Of one probe it is the difference: hits that the
 * kernel ran less events in the log, once everything that was recorded at the time of the count has
 * been read. That difference is a lower bound while events keep coming, so that it only grows, and
 * exact after a look at which nothing had changed. Of its own probes the helper module counts what
 * it has put into the ring.
 */
#ifndef KP_PROBE_LEDGER_H
#define KP_PROBE_LEDGER_H

#include "probe-set.h"

/* After the kernel's counts have been taken over: works out what they mean. Main thread. */
void probe_ledger_look(struct probe_set *set);

/* Events in the log, of this life of the probe. */
uint64_t probe_ledger_recorded(const struct event_log *log, const struct probe *p);

/* How many calls it can follow at once. */
unsigned int probe_ledger_maxactive(const struct probe *p);

/*
 * What of p->ledger.unrecorded the rings have overwritten. False: it cannot be told from what the
 * probe's own filter left out.
 */
bool probe_ledger_overrun(const struct event_log *log, const struct probe *p, uint64_t *ret);

#endif
