/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Histograms of the helper module: what a probe asks for in the module's words, and the rows that
 * it answers, one for each CPU and key, as one for each key.
 *
 * Pure.
 */
#ifndef KP_HELPER_HIST_H
#define KP_HELPER_HIST_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "helper-program.h"
#include "hist-spec.h"
#include "kprobed-ioctl.h"
#include "probe-spec.h"

/*
 * spec->hist as the module takes it; without one all of *@ret is zero. What only the histogram
 * needs is added to @program: a result that does not fill its register. 0, -ENOMEM, or -EINVAL with
 * @reterr (KP_INVALID_DEFINITION: badHistogram): there is no such argument, or it is no number.
 */
int helper_hist_compile(const struct probe_spec *spec, struct helper_program *program,
			struct kprobed_hist *ret, struct kp_error *reterr);

/* A key's counts, of all CPUs. */
struct hist_row {
	uint64_t key[2]; /* as in kprobed_hist_row; an argument's sign has been extended */
	uint64_t under, over, sum;
	uint64_t count;	   /* of all, under and over included */
	uint64_t *buckets; /* borrowed from the histogram */
};

struct histogram {
	struct hist_row *rows; /* owned: those with most counts first */
	size_t n_rows;
	unsigned int n_buckets;
	uint64_t *buckets; /* owned: all rows' */
};

/*
 * Merges the @n rows at @rows (changed), each as large as the module's of @n_buckets. 0 or -ENOMEM;
 * *@ret is the caller's.
 */
int histogram_merge(struct kprobed_hist_row *rows, size_t n, unsigned int n_buckets,
		    struct histogram *ret);
void histogram_done(struct histogram *h);

/*
 * Leaves the first @n rows, and adds the others up in *@ret. Returns how many others there were; if
 * there were none *@ret is not written.
 */
size_t histogram_cut(struct histogram *h, size_t n, struct hist_row *ret);

#endif
