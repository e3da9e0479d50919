/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What differs between the kernels that the module is built for (6.1, 6.12, 7.x), and why.
 *
 * strncpy_from_kernel_nofault() and strncpy_from_user_nofault() are exported by none of them:
 * kprobed_fetch.c reads strings with copy_from_*_nofault(), which are.
 */
#ifndef KPROBED_COMPAT_H
#define KPROBED_COMPAT_H

#include <linux/kprobes.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0)
#error "kprobed needs Linux 6.1 or later"
#endif
#ifndef CONFIG_KRETPROBES
#error "kprobed needs a kernel with CONFIG_KRETPROBES"
#endif

/*
 * Where a call returns to, in its return handler. With rethooks (x86 since 6.1) the kernel has put
 * the real address into the registers; an instance's own may be the trampoline of another return
 * probe on the same call.
 */
static __always_inline unsigned long kprobed_caller(struct kretprobe_instance *ri,
						    struct pt_regs *regs)
{
#ifdef CONFIG_KRETPROBE_ON_RETHOOK
	return instruction_pointer(regs);
#else
	return get_kretprobe_retaddr(ri);
#endif
}

#endif
