/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See text-reserved.h. */
#include "text-reserved.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*
 * struct jump_entry { s32 code; s32 target; long key; } and struct static_call_site { s32 addr;
 * s32 key; }: the first member is the distance from itself to the instruction.
 */
#define JUMP_ENTRY_SIZE	 16
#define STATIC_CALL_SIZE 8
/* A distribution's kernel has 10000 of them. */
#define TABLE_BYTES_MAX (16u << 20)

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static int load(struct kernel_text *text, const struct text_table *table, size_t entry_size,
		uint64_t **ret, size_t *ret_n)
{
	_cleanup_free_ uint8_t *bytes = NULL;
	_cleanup_free_ uint64_t *found = NULL;
	size_t n;
	int r;

	if (!table->start || table->stop == table->start)
		return 0;
	if (table->stop < table->start || table->stop - table->start > TABLE_BYTES_MAX)
		return -EBADMSG;
	n = (table->stop - table->start) / entry_size;
	bytes = malloc(n * entry_size + 1);
	found = calloc(n + 1, sizeof(*found));
	if (!bytes || !found)
		return -ENOMEM;
	r = kernel_text_read(text, table->start, bytes, n * entry_size);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		int32_t distance;

		memcpy(&distance, bytes + i * entry_size, sizeof(distance));
		found[i] = table->start + i * entry_size + (uint64_t)(int64_t)distance;
	}
	qsort(found, n, sizeof(*found), compare);
	*ret = take_ptr(found);
	*ret_n = n;
	return 0;
}

int text_reserved_load(struct kernel_text *text, const struct text_table *jump_labels,
		       const struct text_table *static_calls, struct text_reserved *ret)
{
	struct text_reserved loaded = {0};
	int r;

	r = load(text, jump_labels, JUMP_ENTRY_SIZE, &loaded.jump_labels, &loaded.n_jump_labels);
	if (r == 0)
		r = load(text, static_calls, STATIC_CALL_SIZE, &loaded.static_calls,
			 &loaded.n_static_calls);
	if (r < 0) {
		text_reserved_done(&loaded);
		return r;
	}
	*ret = loaded;
	return 0;
}

void text_reserved_done(struct text_reserved *r)
{
	free(r->jump_labels);
	free(r->static_calls);
	*r = (struct text_reserved){0};
}

const char *text_reserved_reason(const struct text_reserved *r, uint64_t address)
{
	if (r->n_jump_labels &&
	    bsearch(&address, r->jump_labels, r->n_jump_labels, sizeof(address), compare))
		return "a static branch, which the kernel rewrites (jump label)";
	if (r->n_static_calls &&
	    bsearch(&address, r->static_calls, r->n_static_calls, sizeof(address), compare))
		return "a static call, which the kernel rewrites";
	return NULL;
}
