/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See allocations.h. glibc exports its own under these names for exactly this use. */
#include "allocations.h"

#include <stddef.h>
#include <stdlib.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);
void __libc_free(void *p);

static uint64_t n_calls;

static void count(void)
{
	__atomic_fetch_add(&n_calls, 1, __ATOMIC_RELAXED);
}

void *malloc(size_t size)
{
	count();
	return __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	count();
	return __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
	count();
	return __libc_realloc(p, size);
}

void free(void *p)
{
	count();
	__libc_free(p);
}

uint64_t allocations_count(void)
{
	return __atomic_load_n(&n_calls, __ATOMIC_RELAXED);
}
