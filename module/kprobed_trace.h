/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The one trace event of all of the module's probes: kprobed:kprobed_hit. Its fields are described
 * at the end of kprobed-ioctl.h.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM kprobed

#if !defined(KPROBED_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define KPROBED_TRACE_H

#include <linux/tracepoint.h>
#include "kprobed_module.h"

/* The kernel's macros, laid out as the kernel does. */
/* clang-format off */
TRACE_EVENT(kprobed_hit,

	TP_PROTO(const struct kprobed_hit *hit),

	TP_ARGS(hit),

	TP_STRUCT__entry(
		__field(u64, cookie)
		__field(u64, time)
		__field(u64, ret)
		__field(u64, caller)
		__field(u64, faults)
		__field(u32, pid)
		__field(u16, entry_len)
		__field(u8, kind)
		__field(u8, flags)
		__dynamic_array(u8, data, hit->entry_len + hit->result_len)
	),

	TP_fast_assign(
		__entry->cookie = hit->cookie;
		__entry->time = hit->time;
		__entry->ret = hit->ret;
		__entry->caller = hit->caller;
		__entry->faults = hit->faults;
		__entry->pid = current->tgid;
		__entry->entry_len = hit->entry_len;
		__entry->kind = hit->kind;
		__entry->flags = hit->flags;
		kprobed_copy_part(__get_dynamic_array(data), hit->entry, hit->entry_len);
		kprobed_copy_part((u8 *)__get_dynamic_array(data) + hit->entry_len, hit->result,
				  hit->result_len);
	),

	TP_printk("cookie=%llu kind=%u flags=%u time=%llu ret=0x%llx caller=%pS faults=0x%llx pid=%u entry_len=%u data=%s",
		  __entry->cookie, __entry->kind, __entry->flags, __entry->time, __entry->ret,
		  (void *)(unsigned long)__entry->caller, __entry->faults, __entry->pid,
		  __entry->entry_len,
		  __print_hex(__get_dynamic_array(data), __get_dynamic_array_len(data)))
);
/* clang-format on */

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE kprobed_trace
#include <trace/define_trace.h>
