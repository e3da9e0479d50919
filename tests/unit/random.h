/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers that are the same in every run: what a test of many random steps did can be done again.
 */
#ifndef KP_TEST_RANDOM_H
#define KP_TEST_RANDOM_H

#include <stdint.h>

struct random {
	uint64_t state; /* the seed, not 0 */
};

/* xorshift64* (Vigna 2016) */
static inline uint64_t random_next(struct random *r)
{
	r->state ^= r->state >> 12;
	r->state ^= r->state << 25;
	r->state ^= r->state >> 27;
	return r->state * 0x2545f4914f6cdd1dULL;
}

/* 0 to @n - 1 */
static inline uint64_t random_below(struct random *r, uint64_t n)
{
	return (random_next(r) >> 16) % n;
}

#endif
