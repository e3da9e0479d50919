// SPDX-License-Identifier: GPL-2.0
/*
 * Histograms: per CPU, so that a hit touches no memory that another CPU writes, and by key in a
 * table of fixed size per CPU.
 *
 * A handler owns its CPU's table: counts are local64_t, which an NMI on the same CPU can come in
 * between without harm, and a key's place is claimed with a compare-and-exchange. A reset puts a
 * new table in the old one's place, waits until no handler uses that one any more, and reads it
 * then: every value is in exactly one of them.
 */
#include <asm/local64.h>
#include <linux/cpumask.h>
#include <linux/hash.h>
#include <linux/kernel.h>
#include <linux/kprobes.h>
#include <linux/log2.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "kprobed_module.h"

#define LOG2_BUCKETS 65
/* places looked at for a key, before it counts as overflow */
#define PROBES_MAX 32

enum place_state { PLACE_FREE, PLACE_CLAIMED, PLACE_USED };

struct place {
	int state;
	u64 key[2];
	local64_t under, over, sum;
	local64_t buckets[];
};

struct table {
	struct kprobed_histogram *hist; /* borrowed: it owns the table */
	void *cpu[]; /* owned: hist->places of hist->place_bytes each, for each possible CPU */
};

struct kprobed_histogram {
	struct table *table; /* owned */
	struct kprobed_hist spec;
	u32 buckets, places;
	size_t place_bytes;
	u64 bytes; /* charged */
	bool is_signed;
};

static struct place *place_at(const struct kprobed_histogram *hist, void *places, u32 i)
{
	return places + i * hist->place_bytes;
}
NOKPROBE_SYMBOL(place_at);

static void table_free(struct table *table)
{
	int cpu;

	if (!table)
		return;
	for_each_possible_cpu(cpu) kvfree(table->cpu[cpu]);
	kfree(table);
}

static struct table *table_new(struct kprobed_histogram *hist)
{
	struct table *table = kzalloc(struct_size(table, cpu, nr_cpu_ids), GFP_KERNEL_ACCOUNT);
	int cpu;

	if (!table)
		return NULL;
	table->hist = hist;
	for_each_possible_cpu(cpu)
	{
		table->cpu[cpu] = kvzalloc_node(hist->place_bytes * hist->places,
						GFP_KERNEL_ACCOUNT, cpu_to_node(cpu));
		if (!table->cpu[cpu]) {
			table_free(table);
			return NULL;
		}
		if (hist->spec.key == KPROBED_KEY_NONE)
			place_at(hist, table->cpu[cpu], 0)->state = PLACE_USED;
	}
	return table;
}

static bool value_ok(const struct kprobed_probe *probe, const struct kprobed_hist *spec)
{
	if (spec->value == KPROBED_HIST_ARG)
		return kprobed_number_ok(probe, spec->value_n, spec->value_len, spec->value_imm);
	if (spec->value != KPROBED_HIST_DURATION && spec->value != KPROBED_HIST_RET)
		return false;
	return probe->kind == KPROBED_CALL && !spec->value_n && !spec->value_len &&
	       (spec->value == KPROBED_HIST_RET ? kprobed_ret_ok(spec->value_imm)
						: !spec->value_imm);
}

static bool scale_ok(const struct kprobed_hist *spec)
{
	if (spec->scale == KPROBED_LOG2)
		return !spec->min && !spec->width && !spec->buckets;
	return spec->scale == KPROBED_LINEAR && spec->width && spec->buckets &&
	       spec->buckets <= KPROBED_BUCKETS_MAX;
}

static bool key_ok(const struct kprobed_probe *probe, const struct kprobed_hist *spec)
{
	if (spec->key == KPROBED_KEY_ARG) {
		if (!kprobed_number_ok(probe, spec->key_n, spec->key_len, spec->key_imm))
			return false;
	} else if (spec->key > KPROBED_KEY_ARG || spec->key_n || spec->key_len || spec->key_imm) {
		return false;
	}
	if (spec->key == KPROBED_KEY_NONE)
		return !spec->keys;
	return spec->keys && spec->keys <= KPROBED_KEYS_MAX;
}

int kprobed_hist_new(const struct kprobed_probe *probe, const struct kprobed_hist *spec,
		     struct kprobed_histogram **ret_hist, u32 *ret_bad)
{
	static const struct kprobed_hist none;
	struct kprobed_histogram *hist;
	int r;

	*ret_bad = 0;
	if (spec->value == KPROBED_HIST_NONE)
		return memcmp(spec, &none, sizeof(none)) ? -EINVAL : 0;
	if (!value_ok(probe, spec) || !scale_ok(spec))
		return -EINVAL;
	*ret_bad = 1;
	if (!key_ok(probe, spec))
		return -EINVAL;

	hist = kzalloc(sizeof(*hist), GFP_KERNEL_ACCOUNT);
	if (!hist)
		return -ENOMEM;
	hist->spec = *spec;
	hist->is_signed =
		(spec->value == KPROBED_HIST_RET && !spec->value_imm) ||
		(spec->value != KPROBED_HIST_DURATION && spec->value_imm & KPROBED_SIGNED);
	hist->buckets = spec->scale == KPROBED_LOG2 ? LOG2_BUCKETS : spec->buckets;
	hist->places = spec->keys ? roundup_pow_of_two(spec->keys) : 1;
	hist->place_bytes = sizeof(struct place) + hist->buckets * sizeof(local64_t);
	hist->bytes = (u64)hist->place_bytes * hist->places * num_possible_cpus();
	r = kprobed_charge(hist->bytes);
	if (r) {
		kfree(hist);
		return r;
	}
	hist->table = table_new(hist);
	if (!hist->table) {
		kprobed_hist_free(hist);
		return -ENOMEM;
	}
	*ret_hist = hist;
	return 0;
}

void kprobed_hist_free(struct kprobed_histogram *hist)
{
	if (!hist)
		return;
	table_free(hist->table);
	kprobed_uncharge(hist->bytes);
	kfree(hist);
}

u32 kprobed_hist_rows(const struct kprobed_histogram *hist)
{
	return hist ? hist->places * num_possible_cpus() : 0;
}

u32 kprobed_hist_row_bytes(const struct kprobed_histogram *hist)
{
	return hist ? sizeof(struct kprobed_hist_row) + hist->buckets * sizeof(u64) : 0;
}

static void get_key(const struct kprobed_hist *spec, const struct kprobed_hit *hit, u64 *key)
{
	size_t len;

	key[0] = 0;
	key[1] = 0;
	switch (spec->key) {
	case KPROBED_KEY_COMM:
		len = strnlen(current->comm, KPROBED_COMM_LEN);
		memcpy(key, current->comm, len);
		break;
	case KPROBED_KEY_TID:
		key[0] = current->pid;
		break;
	case KPROBED_KEY_PID:
		key[0] = current->tgid;
		break;
	default:
		key[0] = kprobed_number_get(hit, spec->key_n, spec->key_len, spec->key_imm);
	}
}
NOKPROBE_SYMBOL(get_key);

static struct place *find_place(const struct kprobed_histogram *hist, void *places,
				const struct kprobed_hit *hit)
{
	u32 tries = min_t(u32, hist->places, PROBES_MAX), at;
	u64 key[2];

	if (hist->spec.key == KPROBED_KEY_NONE)
		return places;
	get_key(&hist->spec, hit, key);
	at = hash_64(key[0] ^ key[1] * GOLDEN_RATIO_64, 32);
	for (; tries; tries--, at++) {
		struct place *place = place_at(hist, places, at & (hist->places - 1));
		int state = READ_ONCE(place->state);

		/* An NMI that comes in between claiming and using takes another place for its key.
		 */
		if (state == PLACE_FREE &&
		    cmpxchg(&place->state, PLACE_FREE, PLACE_CLAIMED) == PLACE_FREE) {
			place->key[0] = key[0];
			place->key[1] = key[1];
			/* Readers on other CPUs see the key before the state. */
			smp_store_release(&place->state, PLACE_USED);
			return place;
		}
		if (READ_ONCE(place->state) == PLACE_USED && place->key[0] == key[0] &&
		    place->key[1] == key[1])
			return place;
	}
	return NULL;
}
NOKPROBE_SYMBOL(find_place);

bool kprobed_hist_count(struct kprobed_histogram *hist, const struct kprobed_hit *hit)
{
	const struct kprobed_hist *spec = &hist->spec;
	struct table *table = READ_ONCE(hist->table);
	struct place *place = find_place(hist, table->cpu[raw_smp_processor_id()], hit);
	u64 value, bucket;

	if (!place)
		return false;
	if (spec->value == KPROBED_HIST_DURATION)
		value = hit->time;
	else if (spec->value == KPROBED_HIST_RET)
		value = kprobed_ret_get(hit, spec->value_imm);
	else
		value = kprobed_number_get(hit, spec->value_n, spec->value_len, spec->value_imm);

	local64_add(value, &place->sum);
	if (spec->scale == KPROBED_LOG2) {
		if (hist->is_signed && (s64)value < 0)
			local64_inc(&place->under);
		else
			local64_inc(&place->buckets[fls64(value)]);
		return true;
	}
	if ((s64)value < spec->min) {
		local64_inc(&place->under);
		return true;
	}
	bucket = div64_u64(value - (u64)spec->min, spec->width);
	local64_inc(bucket < hist->buckets ? &place->buckets[bucket] : &place->over);
	return true;
}
NOKPROBE_SYMBOL(kprobed_hist_count);

/* A place as a row; false if it has counted nothing. */
static bool make_row(const struct kprobed_histogram *hist, struct place *place, int cpu,
		     struct kprobed_hist_row *row)
{
	bool has_any;
	u32 i;

	if (smp_load_acquire(&place->state) != PLACE_USED)
		return false;
	row->cpu = cpu;
	row->key[0] = place->key[0];
	row->key[1] = place->key[1];
	row->under = local64_read(&place->under);
	row->over = local64_read(&place->over);
	row->sum = local64_read(&place->sum);
	has_any = row->under || row->over;
	for (i = 0; i < hist->buckets; i++) {
		row->buckets[i] = local64_read(&place->buckets[i]);
		has_any |= !!row->buckets[i];
	}
	return has_any;
}

static int copy_table(struct table *table, struct kprobed_hist_row *row,
		      struct kprobed_hist_read *read)
{
	const struct kprobed_histogram *hist = table->hist;
	u32 bytes = kprobed_hist_row_bytes(hist), n = 0, i;
	u8 __user *to = u64_to_user_ptr(read->rows);
	int cpu;

	for_each_possible_cpu(cpu)
	{
		for (i = 0; i < hist->places; i++) {
			if (!make_row(hist, place_at(hist, table->cpu[cpu], i), cpu, row))
				continue;
			if (copy_to_user(to + (size_t)n * bytes, row, bytes))
				return -EFAULT;
			n++;
		}
		cond_resched();
	}
	read->n_rows = n;
	return 0;
}

int kprobed_hist_read(struct kprobed_histogram *hist, struct kprobed_hist_read *read)
{
	struct kprobed_hist_row *row;
	struct table *fresh, *old;
	int r;

	if (read->flags & ~(u32)KPROBED_HIST_RESET)
		return -EINVAL;
	if (!hist)
		return -ENOENT;
	if (read->n_rows < kprobed_hist_rows(hist))
		return -ENOSPC;
	row = kvzalloc(kprobed_hist_row_bytes(hist), GFP_KERNEL_ACCOUNT);
	if (!row)
		return -ENOMEM;
	if (!(read->flags & KPROBED_HIST_RESET)) {
		r = copy_table(hist->table, row, read);
	} else {
		fresh = table_new(hist);
		if (!fresh) {
			kvfree(row);
			return -ENOMEM;
		}
		old = xchg(&hist->table, fresh);
		/* Handlers run with preemption off: when this is over, none has the old one. */
		synchronize_rcu();
		r = copy_table(old, row, read);
		table_free(old);
	}
	kvfree(row);
	return r;
}
