/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See advice.h. */
#include "advice.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>

/* @n * @factor, UINT64_MAX for what is more. */
static uint64_t times(uint64_t n, uint64_t factor)
{
	uint64_t product;

	return __builtin_mul_overflow(n, factor, &product) ? UINT64_MAX : product;
}

/* @n * (@kept + @lost) / @kept, rounded up. */
static uint64_t scale(uint64_t n, uint64_t kept, uint64_t lost)
{
	uint64_t part = times(n, lost);

	if (kept == 0 || part == UINT64_MAX)
		return UINT64_MAX;
	part = part / kept + (part % kept != 0);
	return part > UINT64_MAX - n ? UINT64_MAX : n + part;
}

uint64_t advice_bytes(uint64_t bytes, uint64_t kept, uint64_t lost, uint64_t max)
{
	uint64_t wanted = scale(bytes, kept, lost), size = 1;

	if (wanted < times(bytes, 2))
		wanted = times(bytes, 2);
	while (size < wanted && size < max)
		size *= 2;
	return size < max ? size : max;
}

unsigned int advice_maxactive(unsigned int maxactive, uint64_t returned, uint64_t missed)
{
	/* None has come back yet: those that were missed were all under way besides. */
	uint64_t most = missed > UINT_MAX - maxactive ? UINT_MAX : maxactive + missed;
	uint64_t wanted = returned ? scale(maxactive, returned, missed) : most;

	return (unsigned int)(wanted < most ? wanted : most);
}

const char *advice_size_text(uint64_t bytes, char *buf)
{
	static const char units[] = "\0KMG";
	size_t unit = 0;

	while (bytes && bytes % 1024 == 0 && units[unit + 1]) {
		bytes /= 1024;
		unit++;
	}
	snprintf(buf, ADVICE_SIZE_MAX, "%" PRIu64 "%.1s", bytes, units + unit);
	return buf;
}
