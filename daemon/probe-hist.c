/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading histograms out of the helper module: see probe-set.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "helper.h"
#include "plant-helper.h"
#include "probe-set-internal.h"

struct hist_op {
	struct control_op op;
	struct probe_set *set;
	struct requester who;
	char *selector; /* owned */
	bool wants_reset;
	struct probe *probe;
	struct probe_histogram answer;
	int result;
	struct kp_error error;
	hist_done_fn done;
	void *data;
};

static struct probe *find_probe(const struct probe_set *set, const char *selector)
{
	struct probe *p;

	DL_FOREACH (set->registry.all, p) {
		if (p->owners &&
		    (strcmp(p->id_text, selector) == 0 || strcmp(p->name, selector) == 0))
			return p;
	}
	return NULL;
}

static bool plan_hist(struct control_op *op)
{
	struct hist_op *h = (struct hist_op *)op;
	struct probe *p = find_probe(h->set, h->selector);

	if (!p)
		h->result = kp_error_set(&h->error, KP_NO_SUCH_PROBE, ENOENT, h->selector,
					 "there is no probe called %s", h->selector);
	else if (!p->spec.hist)
		h->result = kp_error_set(&h->error, KP_NO_HISTOGRAM, ENOENT, p->name,
					 "the probe %s has no histogram", p->name);
	else if (h->wants_reset && !h->who.is_manager && !probe_find_claim(p, &h->who))
		h->result = kp_error_set(&h->error, KP_ACCESS_DENIED, EACCES, "manage",
					 "the probe %s belongs to others", p->name);
	else if (!p->helper.id || !h->set->helper.device)
		h->result = kp_error_set(&h->error, KP_UNAVAILABLE, ENODEV, "histogram",
					 "the probe %s is not planted (it is %s), and its "
					 "histogram with it",
					 p->name, probe_state(p));
	else
		h->probe = p;
	return h->probe != NULL;
}

static void run_hist(struct control_op *op)
{
	struct hist_op *h = (struct hist_op *)op;
	const struct probe_helper *at = &h->probe->helper;
	const struct helper *device = h->set->helper.device;
	struct kprobed_hist_row *rows = calloc(at->hist_rows, at->hist_row_bytes);
	uint32_t n = 0;

	if (!rows) {
		h->result = -ENOMEM;
		return;
	}
	h->result = helper_read_hist(device, at->id, h->wants_reset, rows, at->hist_rows, &n);
	if (h->result == 0)
		h->result = histogram_merge(rows, n, hist_spec_buckets(h->probe->spec.hist),
					    &h->answer.histogram);
	if (h->result == 0)
		h->result = helper_counters(device, at->id, &h->answer.counters);
	free(rows);
}

static void done_hist(struct control_op *op)
{
	struct hist_op *h = (struct hist_op *)op;

	h->answer.probe = h->probe;
	h->done(h->probe || h->result < 0 ? h->result : -ECANCELED, &h->error, &h->answer, h->data);
	histogram_done(&h->answer.histogram);
	free(h->selector);
	free(h);
}

void probe_set_read_hist(struct probe_set *set, const struct requester *who, const char *selector,
			 bool wants_reset, hist_done_fn done, void *data)
{
	struct hist_op *h = calloc(1, sizeof(*h));

	if (h)
		h->selector = strdup(selector);
	if (!h || !h->selector) {
		free(h);
		done(-ENOMEM, NULL, NULL, data);
		return;
	}
	h->op = (struct control_op){.plan = plan_hist, .run = run_hist, .done = done_hist};
	h->set = set;
	h->who = *who;
	h->wants_reset = wants_reset;
	h->error = KP_ERROR_INIT;
	h->done = done;
	h->data = data;
	control_submit(set->o.control, &h->op);
}
