/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is known of the running kernel: its symbols, of modules as well.
 *
 * It belongs to the knowledge worker: every function here is called from an operation of that
 * worker (control.h), and takes as long as reading the kernel's files takes. What other threads
 * need of it is counted and immutable (a snapshot of symbols).
 */
#ifndef KP_KNOWLEDGE_H
#define KP_KNOWLEDGE_H

#include "btf-store.h"
#include "cleanup.h"
#include "function-lists.h"
#include "symbols.h"

struct knowledge;

int knowledge_new(struct knowledge **ret);
/* The worker must have been freed before. */
struct knowledge *knowledge_free(struct knowledge *k);
DEFINE_CLEANUP(struct knowledge *, knowledge_free);

/*
 * For tests: @symbols and @lists (may be NULL), which it takes over, are what is known, for good.
 */
void knowledge_set(struct knowledge *k, struct symbols *symbols, struct function_lists *lists);

/*
 * Brings it up to date when modules have come or gone. What could not be read anew stays as it was.
 * 0, or the errno of loading the symbols (symbols_load()).
 */
int knowledge_refresh(struct knowledge *k);

/* The newest snapshot, borrowed until the next refresh; NULL: none could be loaded. */
struct symbols *knowledge_symbols(const struct knowledge *k);

/*
 * What ftrace can reach and what kprobes must not touch, for the newest snapshot; borrowed until
 * the next refresh. Read when asked for: 40,000 lines and more, which take the kernel a while.
 * NULL: there are no symbols, or no memory.
 */
const struct function_lists *knowledge_lists(struct knowledge *k);

/* The kernel's types, which read themselves when they are asked for; NULL: no memory. */
struct btf_store *knowledge_types(struct knowledge *k);

#endif
