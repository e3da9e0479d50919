/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How large something would have had to be for nothing to be lost, worked out from what was.
 *
 * Estimates for people, on the side of too much: a loss says that there was too little room and,
 * against what did find room meanwhile, about how much was missing.
 */
#ifndef KP_ADVICE_H
#define KP_ADVICE_H

#include <stddef.h>
#include <stdint.h>

/*
 * The size, a power of two up to @max, that a buffer of @bytes should have in which @kept entries
 * found room while @lost did not: twice as large at least.
 */
uint64_t advice_bytes(uint64_t bytes, uint64_t kept, uint64_t lost, uint64_t max);

/*
 * The maxactive for a return probe with @maxactive instances, of whose calls @returned came to
 * their end while @missed found no instance. As all instances were taken, calls under way stand to
 * instances as all calls do to those that had one (Little's law, the durations being alike).
 */
unsigned int advice_maxactive(unsigned int maxactive, uint64_t returned, uint64_t missed);

/* "1408K", as kprobed.conf has sizes. Returns @buf, of ADVICE_SIZE_MAX bytes. */
#define ADVICE_SIZE_MAX 24
const char *advice_size_text(uint64_t bytes, char *buf);

#endif
