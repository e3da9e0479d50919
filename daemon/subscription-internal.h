/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the three parts of a subscription share: where its cursor stands (subscription.c), the way
 * from there over what it takes (walk.c), and what of that makes a batch (batch.c).
 */
#ifndef KP_SUBSCRIPTION_INTERNAL_H
#define KP_SUBSCRIPTION_INTERNAL_H

#include "subscription.h"

/* With so many sources following their chains still costs less than walking the index. */
#define CHAINED_SOURCES_MAX 8

/* The cursor's view of its sources while a batch is put together. */
struct walk {
	const struct subscription *s;
	uint64_t position;
	uint64_t end; /* entries from here on are not looked at */
	uint64_t next[CHAINED_SOURCES_MAX];
	struct pace pace;
	int64_t filtered, rate_limited; /* passed over, the view's apart */
	int64_t sampled;		/* of those filtered: by the sample */
	unsigned int n_judged;
	bool is_partial;
};

/* From where on the view has marks. */
static inline uint64_t marked_from(const struct subscription *s)
{
	return s->view ? s->view->begin : UINT64_MAX;
}

static inline bool is_marked(const struct subscription *s, uint64_t position)
{
	return position >= marked_from(s);
}

static inline bool leaves_out(const struct subscription *s)
{
	return s->filter || pace_is_set(&s->pace);
}

/* NULL: it does not see the slot. */
struct subscription_source *subscription_find(const struct subscription *s, unsigned int slot);

/* The source an entry belongs to, if it is seen and not an earlier user of the slot. */
static inline struct subscription_source *source_of(const struct subscription *s,
						    const struct log_entry *e)
{
	struct subscription_source *source = subscription_find(s, e->source);

	return source && source->id == e->source_id ? source : NULL;
}

void walk_begin(struct walk *w, const struct subscription *s);
/* The next event that is taken, or gap, at or after the walk's position; NULL: no more for now. */
const struct log_entry *walk_next(struct walk *w);
/* The entry is handed out. */
void walk_take(struct walk *w, const struct log_entry *e);
/* What the view left out from where @w began to where it stands. */
int64_t walk_left_out(const struct walk *w);

#endif
