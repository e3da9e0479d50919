/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See helper-hist.h. */
#include "helper-hist.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"

static int refuse(const char *what, const char *name, const char *why, struct kp_error *e)
{
	return kp_error_definition(e, "badHistogram", 0, NULL, "the histogram's %s: %s %s", what,
				   name, why);
}

/* Where the number called @name is, as an instruction would have it. */
static int find_number(const struct probe_spec *spec, const struct helper_program *program,
		       const char *what, const char *name, struct kprobed_insn *ret,
		       struct kp_error *e)
{
	for (size_t i = 0; i < spec->n_args && i < program->n_args; i++) {
		const struct helper_arg *a = &program->args[i];

		if (strcmp(spec->args[i].name, name) != 0)
			continue;
		if (a->count || (a->value != HELPER_NUMBER && a->value != HELPER_SIGNED))
			return refuse(what, name, "is no number", e);
		*ret = (struct kprobed_insn){
			.n = (uint16_t)a->part,
			.len = a->offset,
			.imm = a->size | (a->value == HELPER_SIGNED ? KPROBED_SIGNED : 0),
		};
		return 0;
	}
	return refuse(what, name, "is no argument of this probe", e);
}

/* How many fixed bytes the program records. */
static unsigned int fixed_bytes(const struct kprobed_insn *insns, size_t n)
{
	unsigned int bytes = 0;

	for (size_t i = 0; i < n; i++)
		switch (insns[i].op) {
		case KPROBED_FETCH_STORE:
			bytes += insns[i].n;
			break;
		case KPROBED_FETCH_MEM:
		case KPROBED_FETCH_UMEM:
			bytes += insns[i].len;
			break;
		case KPROBED_FETCH_STR:
		case KPROBED_FETCH_USTR:
			bytes += sizeof(uint32_t);
			break;
		case KPROBED_FETCH_COMM:
			bytes += KPROBED_COMM_LEN;
			break;
		default:
			break;
		}
	return bytes;
}

/*
 * The module counts a result as the 64 bits of its register, of which an int's upper half is
 * anything: one of its own width is recorded beside, where no decoder looks.
 */
static int add_result(const struct probe_spec *spec, struct helper_program *program,
		      struct kprobed_hist *ret)
{
	unsigned int size = spec->result->size;
	bool is_signed = spec->result->show == ARG_ERRNO || probe_arg_is_signed(spec->result);
	unsigned int offset = fixed_bytes(program->ret, program->n_ret);
	struct kprobed_insn *insns;

	insns = reallocarray(program->ret, program->n_ret + 2, sizeof(*insns));
	if (!insns)
		return -ENOMEM;
	program->ret = insns;
	insns[program->n_ret++] = (struct kprobed_insn){.op = KPROBED_FETCH_RET};
	insns[program->n_ret++] =
		(struct kprobed_insn){.op = KPROBED_FETCH_STORE, .n = (uint16_t)size};
	ret->value = KPROBED_HIST_ARG;
	ret->value_n = HELPER_RETURN;
	ret->value_len = offset;
	ret->value_imm = size | (is_signed ? KPROBED_SIGNED : 0);
	return 0;
}

static bool is_narrow(const struct probe_arg *result)
{
	return result && !result->count &&
	       (result->size == 1 || result->size == 2 || result->size == 4 ||
		(result->size == 8 && !probe_arg_is_signed(result)));
}

static int compile_value(const struct probe_spec *spec, struct helper_program *program,
			 struct kprobed_hist *ret, struct kp_error *e)
{
	struct kprobed_insn at;
	int r;

	if (spec->hist->value != HIST_ARG) {
		if (spec->kind != PROBE_CALL)
			return refuse("value", spec->hist->value == HIST_RET ? "ret" : "duration",
				      "is of calls: make it a call probe, c SYMBOL", e);
		if (spec->hist->value == HIST_RET && spec->has_no_result)
			return refuse("value", "ret", "is nothing: the function returns void", e);
		if (spec->hist->value == HIST_RET && is_narrow(spec->result))
			return add_result(spec, program, ret);
		ret->value =
			spec->hist->value == HIST_RET ? KPROBED_HIST_RET : KPROBED_HIST_DURATION;
		return 0;
	}
	r = find_number(spec, program, "value", spec->hist->value_name, &at, e);
	if (r < 0)
		return r;
	ret->value = KPROBED_HIST_ARG;
	ret->value_n = at.n;
	ret->value_len = at.len;
	ret->value_imm = at.imm;
	return 0;
}

static int compile_key(const struct probe_spec *spec, const struct helper_program *program,
		       struct kprobed_hist *ret, struct kp_error *e)
{
	static const uint8_t keys[] = {
		[HIST_KEY_NONE] = KPROBED_KEY_NONE, [HIST_KEY_COMM] = KPROBED_KEY_COMM,
		[HIST_KEY_TID] = KPROBED_KEY_TID,   [HIST_KEY_PID] = KPROBED_KEY_PID,
		[HIST_KEY_ARG] = KPROBED_KEY_ARG,
	};
	struct kprobed_insn at;
	int r;

	ret->key = keys[spec->hist->key];
	ret->keys = spec->hist->key == HIST_KEY_NONE ? 0 : spec->hist->keys;
	if (spec->hist->key != HIST_KEY_ARG)
		return 0;
	r = find_number(spec, program, "key", spec->hist->key_name, &at, e);
	if (r < 0)
		return r;
	ret->key_n = at.n;
	ret->key_len = at.len;
	ret->key_imm = at.imm;
	return 0;
}

int helper_hist_compile(const struct probe_spec *spec, struct helper_program *program,
			struct kprobed_hist *ret, struct kp_error *reterr)
{
	const struct hist_spec *h = spec->hist;
	struct kprobed_hist hist = {0};
	int r;

	if (h) {
		hist.scale = h->is_linear ? KPROBED_LINEAR : KPROBED_LOG2;
		hist.min = h->min;
		hist.width = h->width;
		hist.buckets = h->is_linear ? h->buckets : 0;
		r = compile_value(spec, program, &hist, reterr);
		if (r == 0)
			r = compile_key(spec, program, &hist, reterr);
		if (r < 0)
			return r;
	}
	*ret = hist;
	return 0;
}

static int compare_keys(const void *a, const void *b)
{
	const struct kprobed_hist_row *const *x = a, *const *y = b;

	return memcmp((*x)->key, (*y)->key, sizeof((*x)->key));
}

static int compare_counts(const void *a, const void *b)
{
	const struct hist_row *x = a, *y = b;

	if (x->count != y->count)
		return x->count > y->count ? -1 : 1;
	return memcmp(x->key, y->key, sizeof(x->key));
}

static void add_row(struct hist_row *to, const struct hist_row *from, unsigned int n_buckets)
{
	to->under += from->under;
	to->over += from->over;
	to->sum += from->sum;
	to->count += from->count;
	for (unsigned int i = 0; i < n_buckets; i++)
		to->buckets[i] += from->buckets[i];
}

static struct hist_row take_row(struct kprobed_hist_row *row, unsigned int n_buckets)
{
	struct hist_row taken = {
		.key = {row->key[0], row->key[1]},
		.under = row->under,
		.over = row->over,
		.sum = row->sum,
		.count = row->under + row->over,
		.buckets = (uint64_t *)row->buckets,
	};

	for (unsigned int i = 0; i < n_buckets; i++)
		taken.count += row->buckets[i];
	return taken;
}

int histogram_merge(struct kprobed_hist_row *rows, size_t n, unsigned int n_buckets,
		    struct histogram *ret)
{
	_cleanup_free_ struct kprobed_hist_row **sorted = calloc(n + 1, sizeof(*sorted));
	_cleanup_(histogram_done) struct histogram h = {.n_buckets = n_buckets};
	size_t size = sizeof(*rows) + n_buckets * sizeof(uint64_t);

	h.rows = calloc(n + 1, sizeof(*h.rows));
	h.buckets = calloc(n * n_buckets + 1, sizeof(*h.buckets));
	if (!sorted || !h.rows || !h.buckets)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		sorted[i] = (struct kprobed_hist_row *)((char *)rows + i * size);
	qsort(sorted, n, sizeof(*sorted), compare_keys);
	for (size_t i = 0; i < n; i++) {
		struct hist_row row = take_row(sorted[i], n_buckets);
		struct hist_row *to = &h.rows[h.n_rows];

		if (i > 0 && compare_keys(&sorted[i - 1], &sorted[i]) == 0) {
			add_row(to - 1, &row, n_buckets);
			continue;
		}
		memcpy(to->key, row.key, sizeof(to->key));
		to->buckets = h.buckets + h.n_rows++ * n_buckets;
		add_row(to, &row, n_buckets);
	}
	qsort(h.rows, h.n_rows, sizeof(*h.rows), compare_counts);
	*ret = h;
	h = (struct histogram){0};
	return 0;
}

void histogram_done(struct histogram *h)
{
	free(h->rows);
	free(h->buckets);
	*h = (struct histogram){0};
}

size_t histogram_cut(struct histogram *h, size_t n, struct hist_row *ret)
{
	size_t others;

	if (h->n_rows <= n)
		return 0;
	*ret = h->rows[n];
	others = h->n_rows - n;
	for (size_t i = n + 1; i < h->n_rows; i++)
		add_row(ret, &h->rows[i], h->n_buckets);
	h->n_rows = n;
	return others;
}
