// SPDX-License-Identifier: GPL-2.0
/*
 * What runs at a hit. The kernel calls these with preemption off and never one inside another on
 * the same CPU, but perhaps in an NMI; a kprobe that is hit in here is not run but counted by the
 * kernel as missed. So the only thing to watch is the CPU's buffer, of which there are two.
 *
 * A call probe sits between the kernel's return probe and the function (kprobed_call_pre calls the
 * kernel's own handler): that lets calls be filtered before an instance is taken, and counts
 * exactly where the kernel's nmissed, which CPUs raise at the same time, may not. Arguments that
 * were fetched for a condition are copied into the instance: fetched again, they might be others.
 */
#define CREATE_TRACE_POINTS
#include "kprobed_trace.h"

#include <linux/kprobes.h>
#include <linux/ktime.h>
#include <linux/percpu.h>
#include <linux/ptrace.h>
#include <linux/sched.h>
#include <linux/timekeeping.h>

#include "kprobed_compat.h"
#include "kprobed_module.h"

#define BUFFERS 2

struct buffers {
	int used;
	/* What a call's arguments were found to be before an instance was taken for it. */
	const struct kprobed_hit *fetched;
	u8 data[BUFFERS][KPROBED_PART_MAX + KPROBED_FETCH_SLACK];
};

/* What a call probe keeps of a call, in the kernel's instance. */
struct instance {
	u64 start;
	u64 faults;
	u16 entry_len;
	u8 entry[] __aligned(8);
};

static struct buffers __percpu *cpu_buffers;

int kprobed_handler_init(void)
{
	cpu_buffers = alloc_percpu(struct buffers);
	return cpu_buffers ? 0 : -ENOMEM;
}

void kprobed_handler_done(void)
{
	free_percpu(cpu_buffers);
}

size_t kprobed_instance_size(const struct kprobed_probe *probe)
{
	return offsetof(struct instance, entry) + probe->entry_fetch.size + KPROBED_FETCH_SLACK;
}

static __always_inline u8 *buffer_get(void)
{
	int used = this_cpu_inc_return(cpu_buffers->used);

	if (likely(used <= BUFFERS))
		return this_cpu_ptr(cpu_buffers)->data[used - 1];
	this_cpu_dec(cpu_buffers->used);
	return NULL;
}

static __always_inline void buffer_put(void)
{
	this_cpu_dec(cpu_buffers->used);
}

static __always_inline struct kprobed_probe *probe_of(struct kprobe *kp)
{
	return container_of(kp, struct kprobed_probe, rp.kp);
}

/* Whether a hit is not wanted, by what can be said without fetching anything. */
static __always_inline bool is_filtered_early(const struct kprobed_probe *probe)
{
	const struct kprobed_cond *cond = &probe->entry_cond;

	if (likely(!probe->is_choosy))
		return false;
	if (probe->flags & KPROBED_SKIP_KTHREADS && current->flags & PF_KTHREAD)
		return true;
	return cond->n && !cond->needs_entry && !kprobed_cond_run(cond, probe->text, NULL);
}

static __always_inline bool is_filtered_late(const struct kprobed_probe *probe,
					     const struct kprobed_hit *hit)
{
	const struct kprobed_cond *cond = &probe->entry_cond;

	return cond->n && cond->needs_entry && !kprobed_cond_run(cond, probe->text, hit);
}

/* The end of a hit that counts. */
static __always_inline void report(struct kprobed_probe *probe, const struct kprobed_hit *hit)
{
	if (unlikely(hit->faults))
		this_cpu_inc(probe->stats->faults);
	if (probe->hist && !kprobed_hist_count(probe->hist, hit))
		this_cpu_inc(probe->stats->hist_overflow);
	if (probe->flags & KPROBED_NO_EVENT) {
		this_cpu_inc(probe->stats->counted);
	} else if (trace_kprobed_hit_enabled()) {
		trace_kprobed_hit(hit);
		this_cpu_inc(probe->stats->recorded);
	} else {
		this_cpu_inc(probe->stats->unheard);
	}
}

static __always_inline int take_instance(struct kprobed_probe *probe, struct kprobe *kp,
					 struct pt_regs *regs)
{
	u64 started = this_cpu_read(probe->stats->started);
	int r = probe->call_pre(kp, regs);

	/* It did not come to kprobed_call_entry(). */
	if (unlikely(started == this_cpu_read(probe->stats->started)))
		this_cpu_inc(probe->stats->missed_instance);
	return r;
}

/* A call with a condition on its arguments. */
static int call_if_wanted(struct kprobed_probe *probe, struct kprobe *kp, struct pt_regs *regs)
{
	const struct kprobed_hit *outer;
	struct kprobed_hit hit;
	int r = 0;

	hit.entry = buffer_get();
	if (unlikely(!hit.entry)) {
		this_cpu_inc(probe->stats->dropped);
		return 0;
	}
	hit.faults = 0;
	hit.entry_len = kprobed_fetch_run(&probe->entry_fetch, regs, (u8 *)hit.entry, &hit.faults);
	if (kprobed_cond_run(&probe->entry_cond, probe->text, &hit)) {
		outer = this_cpu_read(cpu_buffers->fetched);
		this_cpu_write(cpu_buffers->fetched, &hit);
		r = take_instance(probe, kp, regs);
		this_cpu_write(cpu_buffers->fetched, outer);
	} else {
		this_cpu_inc(probe->stats->filtered);
	}
	buffer_put();
	return r;
}
NOKPROBE_SYMBOL(call_if_wanted);

int kprobed_call_pre(struct kprobe *kp, struct pt_regs *regs)
{
	struct kprobed_probe *probe = probe_of(kp);

	this_cpu_inc(probe->stats->hits);
	if (is_filtered_early(probe)) {
		this_cpu_inc(probe->stats->filtered);
		return 0;
	}
	if (probe->entry_cond.needs_entry)
		return call_if_wanted(probe, kp, regs);
	return take_instance(probe, kp, regs);
}
NOKPROBE_SYMBOL(kprobed_call_pre);

int kprobed_call_entry(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	struct kprobed_probe *probe = container_of(get_kretprobe(ri), struct kprobed_probe, rp);
	struct instance *instance = (struct instance *)ri->data;

	this_cpu_inc(probe->stats->started);
	if (probe->entry_cond.needs_entry) {
		const struct kprobed_hit *hit = this_cpu_read(cpu_buffers->fetched);

		instance->faults = hit->faults;
		instance->entry_len = hit->entry_len;
		kprobed_copy_part(instance->entry, hit->entry, hit->entry_len);
	} else {
		instance->faults = 0;
		instance->entry_len = kprobed_fetch_run(&probe->entry_fetch, regs, instance->entry,
							&instance->faults);
	}
	instance->start = ktime_get_mono_fast_ns();
	return 0;
}
NOKPROBE_SYMBOL(kprobed_call_entry);

static __always_inline bool return_counts(const struct kprobed_probe *probe,
					  const struct kprobed_hit *hit, bool has_result)
{
	const struct kprobed_cond *cond = &probe->return_cond;

	return !cond->n || cond->needs_return != has_result ||
	       kprobed_cond_run(cond, probe->text, hit);
}

int kprobed_call_return(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	struct kprobed_probe *probe = container_of(get_kretprobe(ri), struct kprobed_probe, rp);
	const struct instance *instance = (const struct instance *)ri->data;
	struct kprobed_hit hit = {
		.cookie = probe->cookie,
		.time = instance->start,
		.ret = regs_return_value(regs),
		.caller = kprobed_caller(ri, regs),
		.faults = instance->faults,
		.entry = instance->entry,
		.entry_len = instance->entry_len,
		.kind = KPROBED_CALL,
		.flags = KPROBED_HIT_BEGAN,
	};
	bool has_buffer = probe->return_fetch.n;
	u8 *buffer;

	/* The event's own time is read anyhow; a clock is a good part of what an event costs. */
	if (probe->is_timed) {
		hit.time = ktime_get_mono_fast_ns() - instance->start;
		hit.flags = 0;
	}
	if (!return_counts(probe, &hit, false))
		goto filtered;
	if (has_buffer) {
		buffer = buffer_get();
		if (unlikely(!buffer)) {
			this_cpu_inc(probe->stats->dropped);
			this_cpu_inc(probe->stats->ended);
			return 0;
		}
		hit.result = buffer;
		hit.result_len = kprobed_fetch_run(&probe->return_fetch, regs, buffer, &hit.faults);
	}
	if (return_counts(probe, &hit, true)) {
		report(probe, &hit);
		if (has_buffer)
			buffer_put();
		return 0;
	}
	if (has_buffer)
		buffer_put();
filtered:
	this_cpu_inc(probe->stats->filtered);
	this_cpu_inc(probe->stats->ended);
	return 0;
}
NOKPROBE_SYMBOL(kprobed_call_return);

/* A hit of a probe at one instruction. */
static void hit_once(struct kprobed_probe *probe, struct pt_regs *regs)
{
	struct kprobed_hit hit;
	u8 *buffer;

	this_cpu_inc(probe->stats->hits);
	if (is_filtered_early(probe)) {
		this_cpu_inc(probe->stats->filtered);
		return;
	}
	buffer = buffer_get();
	if (!buffer) {
		this_cpu_inc(probe->stats->dropped);
		return;
	}
	hit.faults = 0;
	hit.entry = buffer;
	hit.entry_len = kprobed_fetch_run(&probe->entry_fetch, regs, buffer, &hit.faults);
	/* One by one: the compiler clears all at once with what is slow to begin. */
	hit.cookie = probe->cookie;
	hit.time = 0;
	hit.ret = 0;
	hit.caller = 0;
	hit.result_len = 0;
	hit.kind = probe->kind;
	hit.flags = 0;
	if (is_filtered_late(probe, &hit))
		this_cpu_inc(probe->stats->filtered);
	else
		report(probe, &hit);
	buffer_put();
}
NOKPROBE_SYMBOL(hit_once);

int kprobed_entry_pre(struct kprobe *kp, struct pt_regs *regs)
{
	hit_once(probe_of(kp), regs);
	return 0;
}
NOKPROBE_SYMBOL(kprobed_entry_pre);

void kprobed_after_post(struct kprobe *kp, struct pt_regs *regs, unsigned long flags)
{
	hit_once(probe_of(kp), regs);
}
NOKPROBE_SYMBOL(kprobed_after_post);
