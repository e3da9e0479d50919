/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Counts what the program takes from the heap: allocations.c stands in for malloc() and its kin, in
 * this program and in the libraries it uses.
 */
#ifndef KP_BENCH_ALLOCATIONS_H
#define KP_BENCH_ALLOCATIONS_H

#include <stdint.h>

/* Calls of malloc(), calloc(), realloc() and free() since the program began. */
uint64_t allocations_count(void);

#endif
