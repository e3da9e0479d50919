/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The names of registers: what the kernel calls them and what people call them.
 *
 * The kernel knows each register by one name (regs_query_register_offset()), without width: "di"
 * for what assemblers call rdi and edi. The table is that of the machine kprobed is compiled for;
 * the names of other architectures are known only to say so.
 */
#ifndef KP_REGISTERS_H
#define KP_REGISTERS_H

#include <stdbool.h>

#include "span.h"

/* The kernel's name for the register people call @name, or NULL. Static. */
const char *register_find(struct span name);

/* Where it is in struct pt_regs, in bytes. False: there is no such register. */
bool register_offset(struct span name, unsigned int *ret);

/* The architecture @name would be a register of, if it is another than ours, or NULL. Static. */
const char *register_foreign(struct span name);

/* The kernel's name for the register whose name is most like @name, or NULL if none is. Static. */
const char *register_nearest(struct span name);

/* The name of our architecture, "x86-64". */
extern const char *const register_architecture;

#endif
