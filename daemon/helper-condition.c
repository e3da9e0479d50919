/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See helper-condition.h. The conjuncts of the filter, those that De Morgan finds in it included,
 * are sorted by where they can be said, and each place's are joined again.
 *
 * Of two operands the one that takes more of the module's stack comes first: so the depth grows
 * with the logarithm of the number of comparisons, and FILTER_TERMS_MAX never reach
 * KPROBED_DEPTH_MAX.
 */
#include "helper-condition.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "filter-place.h"
#include "filter-value.h"
#include "helper-compare.h"

struct compiler {
	const struct filter *filter;
	struct comparer comparer;
	enum helper_part parts[FILTER_TERMS_MAX]; /* where each comparison can be made */
	unsigned int needs[FILTER_NODES_MAX];	  /* stack of each node; 0: not known yet */
	struct condition_code code[2];		  /* of each part */
	uint64_t flags;
	struct kp_error *reterr;
};

/* Every comparison by itself, in the order of the text: the first mistake is the one that is told.
 */
static int check_terms(struct compiler *c)
{
	for (size_t i = 0; i < c->filter->n_terms; i++) {
		struct comparer scratch = c->comparer;
		struct condition_code code = {.n = 0};
		int r = compare_emit(&scratch, &c->filter->terms[i], &code, &c->parts[i],
				     c->reterr);

		if (r < 0)
			return r;
	}
	return 0;
}

static enum helper_part part_of(const struct compiler *c, const struct filter_node *node)
{
	const struct filter_node *nodes = c->filter->nodes;

	if (node->kind == FILTER_NODE_TERM)
		return c->parts[node->term];
	return part_of(c, &nodes[node->left]) == HELPER_RETURN ? HELPER_RETURN
							       : part_of(c, &nodes[node->right]);
}

static unsigned int need_of(struct compiler *c, unsigned int index)
{
	const struct filter_node *node = &c->filter->nodes[index];
	unsigned int left, right;

	if (c->needs[index])
		return c->needs[index];
	if (node->kind == FILTER_NODE_TERM) {
		c->needs[index] = 1;
	} else {
		left = need_of(c, node->left);
		right = need_of(c, node->right);
		c->needs[index] = left == right ? left + 1 : left > right ? left : right;
	}
	return c->needs[index];
}

static int emit_node(struct compiler *c, unsigned int index, struct condition_code *code)
{
	const struct filter_node *node = &c->filter->nodes[index];
	enum helper_part part;
	bool is_left_first;
	int r;

	if (node->kind == FILTER_NODE_TERM) {
		r = compare_emit(&c->comparer, &c->filter->terms[node->term], code, &part,
				 c->reterr);
	} else {
		is_left_first = need_of(c, node->left) >= need_of(c, node->right);
		r = emit_node(c, is_left_first ? node->left : node->right, code);
		if (r == 0)
			r = emit_node(c, is_left_first ? node->right : node->left, code);
		condition_emit(code,
			       node->kind == FILTER_NODE_AND ? KPROBED_COND_AND : KPROBED_COND_OR,
			       0);
	}
	if (node->is_negated)
		condition_emit(code, KPROBED_COND_NOT, 0);
	return r;
}

/* Whether the conjunct says no more than that the task is no kernel thread. */
static bool is_skip_kthreads(const struct compiler *c, const struct filter_node *node,
			     bool is_negated)
{
	const struct filter_term *t = &c->filter->terms[node->term];

	if (node->kind != FILTER_NODE_TERM || t->common != FILTER_KTHREAD ||
	    compare_find_arg(&c->comparer, t) >= 0)
		return false;
	return filter_test_number(t, filter_unsigned(0)) != is_negated &&
	       filter_test_number(t, filter_unsigned(1)) == is_negated;
}

/* Emits the conjuncts of what is below @index, each where it belongs. */
static int split(struct compiler *c, unsigned int index, bool is_negated)
{
	const struct filter_node *node = &c->filter->nodes[index];
	bool is_false = node->is_negated != is_negated;
	struct condition_code *code;
	bool is_first;
	int r;

	if (node->kind == (is_false ? FILTER_NODE_OR : FILTER_NODE_AND)) {
		r = split(c, node->left, is_false);
		return r < 0 ? r : split(c, node->right, is_false);
	}
	if (is_skip_kthreads(c, node, is_false)) {
		c->flags |= KPROBED_SKIP_KTHREADS;
		return 0;
	}
	code = &c->code[part_of(c, node)];
	is_first = code->n == 0;
	r = emit_node(c, index, code);
	if (is_negated)
		condition_emit(code, KPROBED_COND_NOT, 0);
	if (!is_first)
		condition_emit(code, KPROBED_COND_AND, 0);
	return r;
}

static int take(const struct condition_code *code, struct kprobed_insn **ret, size_t *ret_n,
		struct kp_error *reterr)
{
	if (code->n > KPROBED_COND_MAX)
		return filter_error(reterr, "tooLong", 0,
				    "leave some of it to who reads the events: kprobectl's --where",
				    "the condition takes %zu steps, and the kernel has %d of them",
				    code->n, KPROBED_COND_MAX);
	if (code->n == 0)
		return 0;
	*ret = malloc(code->n * sizeof(**ret));
	if (!*ret)
		return -ENOMEM;
	memcpy(*ret, code->insns, code->n * sizeof(**ret));
	*ret_n = code->n;
	return 0;
}

int helper_condition_compile(const struct filter *f, const struct probe_spec *spec,
			     const struct helper_program *program, struct helper_condition *ret,
			     struct kp_error *reterr)
{
	struct helper_condition condition = {.entry = NULL};
	struct compiler c = {
		.filter = f,
		.comparer = {.spec = spec, .program = program},
		.reterr = reterr,
	};
	size_t room = 1;
	int r;

	for (size_t i = 0; i < f->n_terms; i++)
		room += f->terms[i].string_len;
	condition.text = c.comparer.text = malloc(room);
	if (!condition.text)
		return -ENOMEM;
	r = check_terms(&c);
	if (r == 0)
		r = split(&c, f->root, false);
	if (r == 0)
		r = take(&c.code[HELPER_ENTRY], &condition.entry, &condition.n_entry, reterr);
	if (r == 0)
		r = take(&c.code[HELPER_RETURN], &condition.ret, &condition.n_ret, reterr);
	if (r < 0) {
		helper_condition_done(&condition);
		return r;
	}
	condition.text_len = c.comparer.text_len;
	condition.flags = c.flags;
	*ret = condition;
	return 0;
}

int helper_condition_of(const struct probe_spec *spec, const struct helper_program *program,
			struct helper_condition *ret, struct kp_error *reterr)
{
	_cleanup_(filter_freep) struct filter *f = NULL;
	int r = 0;

	if (!spec->filter) {
		*ret = (struct helper_condition){.entry = NULL};
		return 0;
	}
	r = filter_parse(spec->filter, &f, reterr);
	if (r == 0)
		r = helper_condition_compile(f, spec, program, ret, reterr);
	if (r == -EINVAL && reterr && reterr->code == KP_INVALID_FILTER) {
		filter_place_error(reterr);
		kp_error_quote(reterr, spec->filter);
	}
	return r;
}

void helper_condition_done(struct helper_condition *condition)
{
	free(condition->entry);
	free(condition->ret);
	free(condition->text);
	*condition = (struct helper_condition){.entry = NULL};
}
