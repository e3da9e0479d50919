/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whose hit an event of the helper module is: from the cookie that it carries to a decoder.
 *
 * All of the module's probes share one trace event, so its type says nothing. A cookie has the slot
 * of its probe in this table, which so finds it at once, and the probe's id, so that a record which
 * was made before its slot had another owner is told from those of now: it belongs to nobody.
 *
 * Slots are taken and given back by the main thread, which also looks up. The worker may bind a
 * cookie of which no hit can be under way yet.
 */
#ifndef KP_HIT_TABLE_H
#define KP_HIT_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "cleanup.h"
#include "decode.h"

/* The module takes 4096 probes from one file; and as many may wait until their ring is read. */
#define HIT_SLOTS 8192

/* The lowest bit of a cookie: whether the probe wants stacks, for a filter of the kernel's. */
#define HIT_HAS_STACK 1

struct hit_binding {
	uint64_t cookie;
	const struct decoder *decoder; /* borrowed; NULL: none */
	unsigned int source;
};

struct hit_table;

int hit_table_new(struct hit_table **ret);
struct hit_table *hit_table_free(struct hit_table *t);
DEFINE_CLEANUP(struct hit_table *, hit_table_free);

/* A cookie for the probe @id, which is never 0. 0, or -ENOSPC when all slots are taken. */
int hit_table_take(struct hit_table *t, uint32_t id, bool has_stack, uint64_t *ret);
/* Nothing is known of the cookie any more. 0 is no cookie and does nothing. */
void hit_table_give_back(struct hit_table *t, uint64_t cookie);

/* Hits with that cookie, which was taken, are @decoder's (borrowed) and belong to @source. */
void hit_table_bind(struct hit_table *t, uint64_t cookie, const struct decoder *decoder,
		    unsigned int source);
/* NULL: nobody's. */
const struct hit_binding *hit_table_find(const struct hit_table *t, uint64_t cookie);

#endif
