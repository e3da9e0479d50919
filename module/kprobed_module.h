/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the module's files share. A probe is made whole before the kernel is told of it, and what
 * its handlers read of it never changes afterwards, but for the per-CPU counters and the pointer to
 * the histogram's table.
 *
 * "In a handler" means: preemption is off, any context up to NMI, nothing may sleep, allocate or
 * take a lock; and what runs there is neither traced nor probed (NOKPROBE_SYMBOL).
 */
#ifndef KPROBED_MODULE_H
#define KPROBED_MODULE_H

#include <linux/kprobes.h>
#include <linux/string.h>
#include <linux/types.h>
#include <linux/xarray.h>
#include <linux/mutex.h>

#include "kprobed-ioctl.h"

/* Probes of one open file */
#define KPROBED_PROBES_MAX 4096

/* A field that a fetch program records: what conditions and histograms may refer to */
struct kprobed_field {
	u16 offset;
	u16 size; /* of its fixed bytes */
	bool is_string;
};

/* Bytes that a fetch program may spoil behind the last one that it records: see kprobed_fetch.c. */
#define KPROBED_FETCH_SLACK 8

struct kprobed_fetch {
	struct kprobed_insn *insns;   /* owned */
	struct kprobed_field *fields; /* owned */
	u32 n, n_fields;
	u32 fixed; /* bytes before the strings */
	u32 size;  /* bytes at most */
};

struct kprobed_step;

struct kprobed_cond {
	struct kprobed_insn *insns; /* owned, until it is verified */
	struct kprobed_step *steps; /* owned, from then on */
	u32 n, n_steps;
	u32 depth;			/* of the steps' stack */
	bool needs_entry, needs_return; /* a part of the event's data */
	bool needs_time;		/* a call's duration */
};

/* One hit, while it is looked at. The parts are NULL until they are fetched. */
struct kprobed_hit {
	u64 cookie;
	u64 time, ret, caller, faults; /* time: see the event in kprobed-ioctl.h */
	const u8 *entry, *result;
	u16 entry_len, result_len;
	u8 kind, flags;
};

struct kprobed_stats {
	u64 hits, recorded, unheard, counted, filtered, dropped, missed_instance;
	u64 started; /* calls whose return is awaited, or was */
	u64 ended;   /* of these, those that were filtered or dropped when they returned */
	u64 faults, hist_overflow;
};

struct kprobed_histogram;

struct kprobed_probe {
	struct kretprobe rp;	       /* of which all but call probes use rp.kp only */
	kprobe_pre_handler_t call_pre; /* the kernel's own for a return probe */
	bool is_choosy;		       /* not every hit counts, by what is known at entry */
	bool is_timed;		       /* the duration is asked for before the event is */
	u32 id, kind;
	u64 flags, cookie;
	struct kprobed_fetch entry_fetch, return_fetch;
	struct kprobed_cond entry_cond, return_cond;
	char *text;			/* owned: the conditions' literals */
	char *symbol;			/* owned, or NULL */
	struct kprobed_histogram *hist; /* owned, or NULL */
	struct kprobed_stats __percpu *stats;
	u64 bytes; /* charged */
};

struct kprobed_file {
	struct mutex lock; /* one request at a time */
	struct xarray probes;
	u32 n_probes;
};

/* A part of an event, in a handler: most are a few numbers, less work than calling memcpy(). */
static __always_inline void kprobed_copy_part(u8 *to, const u8 *from, u32 len)
{
	if (unlikely(len > 64)) {
		memcpy(to, from, len);
		return;
	}
	for (; len >= 8; len -= 8, to += 8, from += 8)
		memcpy(to, from, 8);
	if (len & 4) {
		memcpy(to, from, 4);
		to += 4;
		from += 4;
	}
	for (len &= 3; len; len--)
		*to++ = *from++;
}

/* kprobed_main.c: the limit on memory. Charging fails with -ENOSPC. */
int kprobed_charge(u64 bytes);
void kprobed_uncharge(u64 bytes);

/* kprobed_probe.c */
int kprobed_probe_add(struct kprobed_file *file, struct kprobed_add *add);
int kprobed_probe_remove(struct kprobed_file *file, u32 id);
int kprobed_probe_enable(struct kprobed_file *file, u32 id, bool enable);
int kprobed_probe_counters(struct kprobed_file *file, struct kprobed_counters *counters);
int kprobed_probe_hist(struct kprobed_file *file, struct kprobed_hist_read *read);
void kprobed_probe_remove_all(struct kprobed_file *file);

/* kprobed_handler.c */
int kprobed_handler_init(void);
void kprobed_handler_done(void);
/* bytes of an instance's data, for a call probe */
size_t kprobed_instance_size(const struct kprobed_probe *probe);
int kprobed_call_pre(struct kprobe *kp, struct pt_regs *regs);
int kprobed_call_entry(struct kretprobe_instance *ri, struct pt_regs *regs);
int kprobed_call_return(struct kretprobe_instance *ri, struct pt_regs *regs);
int kprobed_entry_pre(struct kprobe *kp, struct pt_regs *regs);
void kprobed_after_post(struct kprobe *kp, struct pt_regs *regs, unsigned long flags);

/*
 * kprobed_fetch.c. verify() takes fetch->insns and n, and fills in the rest; -EINVAL and *ret_bad
 * if it refuses an instruction. run() writes at most fetch->size bytes and returns how many; it
 * needs KPROBED_FETCH_SLACK more to write to.
 */
int kprobed_fetch_verify(struct kprobed_fetch *fetch, bool is_return, u32 *ret_bad);
void kprobed_fetch_done(struct kprobed_fetch *fetch);
u32 kprobed_fetch_run(const struct kprobed_fetch *fetch, struct pt_regs *regs, u8 *data,
		      u64 *faults);
const struct kprobed_field *kprobed_fetch_field(const struct kprobed_fetch *fetch, u32 offset);

/*
 * kprobed_cond.c. verify() takes cond->insns and n, and makes steps of them. number_*() are of
 * operands as COND_ARG has them, which histograms use too.
 */
int kprobed_cond_verify(struct kprobed_cond *cond, const struct kprobed_probe *probe, u32 text_len,
			bool is_return, u32 *ret_bad);
void kprobed_cond_done(struct kprobed_cond *cond);
bool kprobed_cond_run(const struct kprobed_cond *cond, const char *text,
		      const struct kprobed_hit *hit);
bool kprobed_number_ok(const struct kprobed_probe *probe, u32 n, u32 len, u64 imm);
u64 kprobed_number_get(const struct kprobed_hit *hit, u32 n, u32 len, u64 imm);
/* The return value as wide as COND_RET's imm says. */
bool kprobed_ret_ok(u64 imm);
u64 kprobed_ret_get(const struct kprobed_hit *hit, u64 imm);

/* kprobed_hist.c. new() is -EINVAL with *ret_bad, -ENOSPC or -ENOMEM. */
int kprobed_hist_new(const struct kprobed_probe *probe, const struct kprobed_hist *spec,
		     struct kprobed_histogram **ret_hist, u32 *ret_bad);
void kprobed_hist_free(struct kprobed_histogram *hist);
u32 kprobed_hist_rows(const struct kprobed_histogram *hist);
u32 kprobed_hist_row_bytes(const struct kprobed_histogram *hist);
/* In a handler. Returns false if there was no room for the key. */
bool kprobed_hist_count(struct kprobed_histogram *hist, const struct kprobed_hit *hit);
int kprobed_hist_read(struct kprobed_histogram *hist, struct kprobed_hist_read *read);

#endif
