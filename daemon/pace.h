/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One event in so many, and no more than so many a second: what a reader takes of the events that
 * meet its condition.
 *
 * Seconds are those of the events' own clock, so that what is left out does not depend on when it
 * is read: the first @rate events of each are taken.
 */
#ifndef KP_PACE_H
#define KP_PACE_H

#include <stdbool.h>
#include <stdint.h>

#define PACE_NSEC_PER_SEC 1000000000ULL

struct pace {
	uint32_t sample; /* 0 or 1: every event */
	uint32_t rate;	 /* a second; 0: any */
	uint32_t to_skip;
	uint32_t in_second;
	uint64_t second;
};

enum pace_verdict {
	PACE_TAKEN,
	PACE_SAMPLED_OUT,
	PACE_OVER_RATE,
};

static inline bool pace_is_set(const struct pace *p)
{
	return p->sample > 1 || p->rate;
}

/* What becomes of the next event; changes nothing. */
static inline enum pace_verdict pace_judge(const struct pace *p, uint64_t ts)
{
	if (p->to_skip)
		return PACE_SAMPLED_OUT;
	if (p->rate && p->in_second >= p->rate && ts / PACE_NSEC_PER_SEC == p->second)
		return PACE_OVER_RATE;
	return PACE_TAKEN;
}

/* It became @verdict. */
static inline void pace_count(struct pace *p, uint64_t ts, enum pace_verdict verdict)
{
	if (p->to_skip) {
		p->to_skip--;
		return;
	}
	if (p->sample > 1)
		p->to_skip = p->sample - 1;
	if (!p->rate || verdict != PACE_TAKEN)
		return;
	if (ts / PACE_NSEC_PER_SEC != p->second) {
		p->second = ts / PACE_NSEC_PER_SEC;
		p->in_second = 0;
	}
	p->in_second++;
}

#endif
