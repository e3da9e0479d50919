/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel's memory as it is now, read through /proc/kcore: what the CPUs execute, with
 * alternatives, jump labels and probes patched in, which no file has.
 *
 * Opening takes CAP_SYS_RAWIO, reading takes nothing (fs/proc/kcore.c: open_kcore()). So it is
 * opened once, at the start, and the capability is given back: see privileges.h.
 *
 * Reading never faults: what is not mapped is an error or zeros. One thread at a time.
 */
#ifndef KP_KERNEL_TEXT_H
#define KP_KERNEL_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "cleanup.h"
#include "error.h"

struct kernel_text;

/*
 * Opens @path (NULL: /proc/kcore). 0, or a negative errno with @reterr (KP_UNAVAILABLE,
 * "disassembly") saying what forbids it: lockdown, a missing capability, a kernel without it.
 */
int kernel_text_open(const char *path, struct kernel_text **ret, struct kp_error *reterr);
struct kernel_text *kernel_text_free(struct kernel_text *t);
DEFINE_CLEANUP(struct kernel_text *, kernel_text_free);

/*
 * Reads the @n bytes at @address. 0, -EFAULT when they are not all in memory that /proc/kcore
 * shows, or the errno of reading.
 */
int kernel_text_read(struct kernel_text *t, uint64_t address, void *buf, size_t n);

#endif
