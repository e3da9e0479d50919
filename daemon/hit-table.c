/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See hit-table.h. */
#include "hit-table.h"

#include <errno.h>
#include <stdlib.h>

struct hit_table {
	struct hit_binding slots[HIT_SLOTS]; /* pages that are never touched cost nothing */
	bool is_taken[HIT_SLOTS];
	unsigned int next; /* where to look for a free one: those given back last come last */
};

static unsigned int slot_of(uint64_t cookie)
{
	return (unsigned int)(cookie >> 1) % HIT_SLOTS;
}

int hit_table_new(struct hit_table **ret)
{
	struct hit_table *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	*ret = t;
	return 0;
}

struct hit_table *hit_table_free(struct hit_table *t)
{
	free(t);
	return NULL;
}

int hit_table_take(struct hit_table *t, uint32_t id, bool has_stack, uint64_t *ret)
{
	for (unsigned int i = 0; i < HIT_SLOTS; i++) {
		unsigned int slot = (t->next + i) % HIT_SLOTS;

		if (t->is_taken[slot])
			continue;
		t->is_taken[slot] = true;
		t->next = (slot + 1) % HIT_SLOTS;
		*ret = (uint64_t)id << 32 | slot << 1 | (has_stack ? HIT_HAS_STACK : 0);
		return 0;
	}
	return -ENOSPC;
}

void hit_table_give_back(struct hit_table *t, uint64_t cookie)
{
	struct hit_binding *b = &t->slots[slot_of(cookie)];

	if (!cookie)
		return;
	__atomic_store_n(&b->decoder, NULL, __ATOMIC_RELEASE);
	t->is_taken[slot_of(cookie)] = false;
}

void hit_table_bind(struct hit_table *t, uint64_t cookie, const struct decoder *decoder,
		    unsigned int source)
{
	struct hit_binding *b = &t->slots[slot_of(cookie)];

	/* A stale record of this slot may be looked up meanwhile: it must not find half of this. */
	__atomic_store_n(&b->cookie, cookie, __ATOMIC_RELAXED);
	__atomic_store_n(&b->source, source, __ATOMIC_RELAXED);
	__atomic_store_n(&b->decoder, decoder, __ATOMIC_RELEASE);
}

const struct hit_binding *hit_table_find(const struct hit_table *t, uint64_t cookie)
{
	const struct hit_binding *b = &t->slots[slot_of(cookie)];

	if (!__atomic_load_n(&b->decoder, __ATOMIC_ACQUIRE) ||
	    __atomic_load_n(&b->cookie, __ATOMIC_RELAXED) != cookie)
		return NULL;
	return b;
}
