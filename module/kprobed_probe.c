// SPDX-License-Identifier: GPL-2.0
/*
 * Probes: made from a request, registered, counted and taken away. All of it with the file's lock
 * held, in process context; the handlers take no part in it.
 *
 * A probe is registered disabled, and enabled when all of it is in place. Unregistering waits until
 * no handler runs; calls that are still under way return without one.
 */
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/kprobes.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "kprobed_module.h"

/* Programs, text and the probe itself, about: what counts is that there is some. */
#define PROBE_BYTES 4096
/* what the kernel needs for an instance beside our data, about */
#define INSTANCE_BYTES 64

static void probe_free(struct kprobed_probe *probe)
{
	if (!probe)
		return;
	kprobed_fetch_done(&probe->entry_fetch);
	kprobed_fetch_done(&probe->return_fetch);
	kprobed_cond_done(&probe->entry_cond);
	kprobed_cond_done(&probe->return_cond);
	kprobed_hist_free(probe->hist);
	kfree(probe->text);
	kfree(probe->symbol);
	free_percpu(probe->stats);
	kprobed_uncharge(probe->bytes);
	kfree(probe);
}

static int copy_insns(u64 from, u32 n, u32 max, struct kprobed_insn **ret_insns, u32 *ret_n)
{
	struct kprobed_insn *insns;

	if (!n)
		return from ? -EINVAL : 0;
	if (n > max)
		return -EINVAL;
	insns = memdup_user(u64_to_user_ptr(from), n * sizeof(*insns));
	if (IS_ERR(insns))
		return PTR_ERR(insns);
	*ret_insns = insns;
	*ret_n = n;
	return 0;
}

/* Whether the request's plain fields fit together. */
static bool add_ok(const struct kprobed_add *add)
{
	if (add->kind < KPROBED_CALL || add->kind > KPROBED_ENTRY)
		return false;
	if (add->flags & ~(KPROBED_SKIP_KTHREADS | KPROBED_DISABLED | KPROBED_NO_EVENT))
		return false;
	if (!add->symbol == !add->address || (add->address && add->offset) || add->reserved)
		return false;
	/* The kernel's own type for an offset. */
	if (add->offset > UINT_MAX || add->text_len > KPROBED_TEXT_MAX)
		return false;
	if (add->kind == KPROBED_CALL)
		return add->maxactive <= KPROBED_MAXACTIVE_MAX && !add->offset;
	return !add->maxactive && !add->n_return_fetch && !add->return_fetch &&
	       !add->n_return_cond && !add->return_cond;
}

static int copy_programs(struct kprobed_probe *probe, const struct kprobed_add *add)
{
	int r;

	r = copy_insns(add->entry_fetch, add->n_entry_fetch, KPROBED_FETCH_MAX,
		       &probe->entry_fetch.insns, &probe->entry_fetch.n);
	if (!r)
		r = copy_insns(add->return_fetch, add->n_return_fetch, KPROBED_FETCH_MAX,
			       &probe->return_fetch.insns, &probe->return_fetch.n);
	if (!r)
		r = copy_insns(add->entry_cond, add->n_entry_cond, KPROBED_COND_MAX,
			       &probe->entry_cond.insns, &probe->entry_cond.n);
	if (!r)
		r = copy_insns(add->return_cond, add->n_return_cond, KPROBED_COND_MAX,
			       &probe->return_cond.insns, &probe->return_cond.n);
	if (r)
		return r;
	if (!add->text_len)
		return add->text ? -EINVAL : 0;
	probe->text = memdup_user(u64_to_user_ptr(add->text), add->text_len);
	if (IS_ERR(probe->text)) {
		r = PTR_ERR(probe->text);
		probe->text = NULL;
	}
	return r;
}

/* In the order of what refers to what. */
static int verify_programs(struct kprobed_probe *probe, struct kprobed_add *add)
{
	u32 bad = 0, program;
	int r;

	program = KPROBED_PROGRAM_ENTRY_FETCH;
	r = kprobed_fetch_verify(&probe->entry_fetch, false, &bad);
	if (!r) {
		program = KPROBED_PROGRAM_RETURN_FETCH;
		r = kprobed_fetch_verify(&probe->return_fetch, true, &bad);
	}
	if (!r) {
		program = KPROBED_PROGRAM_ENTRY_COND;
		r = kprobed_cond_verify(&probe->entry_cond, probe, add->text_len, false, &bad);
	}
	if (!r) {
		program = KPROBED_PROGRAM_RETURN_COND;
		r = kprobed_cond_verify(&probe->return_cond, probe, add->text_len, true, &bad);
	}
	if (!r) {
		program = KPROBED_PROGRAM_HIST;
		r = kprobed_hist_new(probe, &add->hist, &probe->hist, &bad);
	}
	if (r == -EINVAL)
		add->bad_insn = program << 16 | bad;
	return r;
}

static int probe_charge(struct kprobed_probe *probe, const struct kprobed_add *add)
{
	u64 bytes = PROBE_BYTES + sizeof(struct kprobed_stats) * num_possible_cpus();
	int r;

	if (add->kind == KPROBED_CALL)
		bytes += (u64)add->maxactive * (kprobed_instance_size(probe) + INSTANCE_BYTES);
	r = kprobed_charge(bytes);
	if (!r)
		probe->bytes = bytes;
	return r;
}

static int probe_new(struct kprobed_add *add, struct kprobed_probe **ret_probe)
{
	struct kprobed_probe *probe = kzalloc(sizeof(*probe), GFP_KERNEL_ACCOUNT);
	int r = -ENOMEM;

	if (!probe)
		return -ENOMEM;
	probe->kind = add->kind;
	probe->flags = add->flags;
	probe->cookie = add->cookie;
	probe->stats = alloc_percpu(struct kprobed_stats);
	if (!probe->stats)
		goto fail;
	r = copy_programs(probe, add);
	if (!r)
		r = verify_programs(probe, add);
	if (!r)
		r = probe_charge(probe, add);
	if (r)
		goto fail;
	probe->is_choosy = probe->flags & KPROBED_SKIP_KTHREADS || probe->entry_cond.n;
	/* What is fetched at the return would else be counted as the call's time. */
	probe->is_timed = probe->return_fetch.n || probe->return_cond.needs_time ||
			  add->hist.value == KPROBED_HIST_DURATION;
	if (add->symbol) {
		char *symbol = strndup_user(u64_to_user_ptr(add->symbol), KPROBED_SYMBOL_MAX);

		if (IS_ERR(symbol)) {
			r = PTR_ERR(symbol);
			goto fail;
		}
		probe->symbol = symbol;
	}
	*ret_probe = probe;
	return 0;
fail:
	probe_free(probe);
	return r;
}

static void probe_unregister(struct kprobed_probe *probe)
{
	if (probe->kind == KPROBED_CALL)
		unregister_kretprobe(&probe->rp);
	else
		unregister_kprobe(&probe->rp.kp);
}

/* Tells the kernel's structure, from nothing, where the probe is: registering leaves traces in it.
 */
static void probe_locate(struct kprobed_probe *probe, const struct kprobed_add *add)
{
	memset(&probe->rp, 0, sizeof(probe->rp));
	probe->rp.kp.symbol_name = probe->symbol;
	probe->rp.kp.addr = (kprobe_opcode_t *)(unsigned long)add->address;
	probe->rp.kp.offset = add->offset;
	/* No handler runs before everything is in place. */
	probe->rp.kp.flags = KPROBE_FLAG_DISABLED;
}

static int register_call(struct kprobed_probe *probe, const struct kprobed_add *add)
{
	struct kretprobe *rp = &probe->rp;
	int r;

	rp->entry_handler = kprobed_call_entry;
	rp->handler = kprobed_call_return;
	rp->maxactive = add->maxactive;
	rp->data_size = kprobed_instance_size(probe);
	r = register_kretprobe(rp);
	if (r)
		return r;
	probe->call_pre = rp->kp.pre_handler;
	rp->kp.pre_handler = kprobed_call_pre;
	return 0;
}

/*
 * A function's beginning is ftrace's nop, where the kernel must never be given a post_handler: if
 * another kprobe is there already, tracefs's for instance, it takes that one's post_handler to
 * mean that both were armed in another way than they were, fails to disarm them ("Failed to
 * disarm kprobe-ftrace") and goes on calling what is freed. Seen on 6.12. The nop changes nothing,
 * so that after it is the same as before it. What is there is only known once a probe is
 * registered.
 */
static int register_after(struct kprobed_probe *probe, const struct kprobed_add *add)
{
	struct kprobe *kp = &probe->rp.kp;
	int r;

	kp->pre_handler = kprobed_entry_pre;
	r = register_kprobe(kp);
	if (r || kprobe_ftrace(kp))
		return r;
	unregister_kprobe(kp);
	probe_locate(probe, add);
	kp->post_handler = kprobed_after_post;
	return register_kprobe(kp);
}

static int probe_register(struct kprobed_probe *probe, const struct kprobed_add *add)
{
	struct kprobe *kp = &probe->rp.kp;
	int r;

	probe_locate(probe, add);
	if (probe->kind == KPROBED_CALL) {
		r = register_call(probe, add);
	} else if (probe->kind == KPROBED_AFTER) {
		r = register_after(probe, add);
	} else {
		kp->pre_handler = kprobed_entry_pre;
		r = register_kprobe(kp);
	}
	if (r || add->flags & KPROBED_DISABLED)
		return r;
	r = enable_kprobe(kp);
	if (r)
		probe_unregister(probe);
	return r;
}

int kprobed_probe_add(struct kprobed_file *file, struct kprobed_add *add)
{
	struct kprobed_probe *probe;
	int r;

	add->bad_insn = ~0U;
	if (!add_ok(add))
		return -EINVAL;
	if (file->n_probes >= KPROBED_PROBES_MAX)
		return -ENOSPC;
	r = probe_new(add, &probe);
	if (r)
		return r;
	r = xa_alloc(&file->probes, &probe->id, probe, XA_LIMIT(1, INT_MAX), GFP_KERNEL_ACCOUNT);
	if (r) {
		probe_free(probe);
		return r == -EBUSY ? -ENOSPC : r;
	}
	r = probe_register(probe, add);
	if (r) {
		xa_erase(&file->probes, probe->id);
		probe_free(probe);
		return r;
	}
	file->n_probes++;
	add->id = probe->id;
	add->maxactive_used = probe->kind == KPROBED_CALL ? probe->rp.maxactive : 0;
	add->entry_bytes = probe->entry_fetch.fixed;
	add->return_bytes = probe->return_fetch.fixed;
	add->hist_row_bytes = kprobed_hist_row_bytes(probe->hist);
	add->hist_rows = kprobed_hist_rows(probe->hist);
	return 0;
}

int kprobed_probe_remove(struct kprobed_file *file, u32 id)
{
	struct kprobed_probe *probe = xa_erase(&file->probes, id);

	if (!probe)
		return -ENOENT;
	file->n_probes--;
	probe_unregister(probe);
	probe_free(probe);
	return 0;
}

int kprobed_probe_enable(struct kprobed_file *file, u32 id, bool enable)
{
	struct kprobed_probe *probe = xa_load(&file->probes, id);

	if (!probe)
		return -ENOENT;
	if (kprobe_gone(&probe->rp.kp))
		return -ENODEV;
	return enable ? enable_kprobe(&probe->rp.kp) : disable_kprobe(&probe->rp.kp);
}

int kprobed_probe_counters(struct kprobed_file *file, struct kprobed_counters *counters)
{
	struct kprobed_probe *probe = xa_load(&file->probes, counters->id);
	u64 started = 0, ended = 0;
	int cpu;

	if (!probe)
		return -ENOENT;
	*counters = (struct kprobed_counters){.size = counters->size, .id = counters->id};
	for_each_possible_cpu(cpu)
	{
		const struct kprobed_stats *stats = per_cpu_ptr(probe->stats, cpu);

		/* Ends before beginnings, so that no more calls seem to have ended than began. */
		ended += READ_ONCE(stats->ended);
		counters->recorded += READ_ONCE(stats->recorded);
		counters->unheard += READ_ONCE(stats->unheard);
		counters->counted += READ_ONCE(stats->counted);
		counters->filtered += READ_ONCE(stats->filtered);
		counters->dropped += READ_ONCE(stats->dropped);
		counters->missed_instance += READ_ONCE(stats->missed_instance);
		counters->faults += READ_ONCE(stats->faults);
		counters->hist_overflow += READ_ONCE(stats->hist_overflow);
	}
	smp_rmb();
	for_each_possible_cpu(cpu)
	{
		started += READ_ONCE(per_cpu_ptr(probe->stats, cpu)->started);
		counters->hits += READ_ONCE(per_cpu_ptr(probe->stats, cpu)->hits);
	}
	/* Only calls that have returned are reported. */
	if (probe->kind == KPROBED_CALL)
		counters->in_flight = started - ended - counters->recorded - counters->unheard -
				      counters->counted;
	counters->missed_recursion = READ_ONCE(probe->rp.kp.nmissed);
	if (kprobe_gone(&probe->rp.kp))
		counters->state |= KPROBED_IS_GONE;
	else if (!kprobe_disabled(&probe->rp.kp))
		counters->state |= KPROBED_IS_ENABLED;
	return 0;
}

int kprobed_probe_hist(struct kprobed_file *file, struct kprobed_hist_read *read)
{
	struct kprobed_probe *probe = xa_load(&file->probes, read->id);

	return probe ? kprobed_hist_read(probe->hist, read) : -ENOENT;
}

/* One at a time if there is no memory for doing it all at once, where the kernel waits once. */
void kprobed_probe_remove_all(struct kprobed_file *file)
{
	struct kprobed_probe *probe;
	struct kretprobe **calls = NULL;
	struct kprobe **others = NULL;
	int n_calls = 0, n_others = 0;
	unsigned long id;

	if (file->n_probes) {
		calls = kvcalloc(file->n_probes, sizeof(*calls), GFP_KERNEL);
		others = kvcalloc(file->n_probes, sizeof(*others), GFP_KERNEL);
	}
	xa_for_each(&file->probes, id, probe)
	{
		if (!calls || !others)
			probe_unregister(probe);
		else if (probe->kind == KPROBED_CALL)
			calls[n_calls++] = &probe->rp;
		else
			others[n_others++] = &probe->rp.kp;
	}
	if (n_calls)
		unregister_kretprobes(calls, n_calls);
	if (n_others)
		unregister_kprobes(others, n_others);
	xa_for_each(&file->probes, id, probe) probe_free(probe);
	xa_destroy(&file->probes);
	kvfree(calls);
	kvfree(others);
}
