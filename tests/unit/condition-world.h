/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A call probe with arguments of many kinds, hits of it, and what the helper module does with a
 * condition, as kprobed-ioctl.h says it: what the unit test and the fuzzer of conditions in the
 * kernel have in common.
 */
#ifndef KP_TEST_CONDITION_WORLD_H
#define KP_TEST_CONDITION_WORLD_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "filter-text.h"
#include "helper-condition.h"
#include "json-text.h"
#include "random.h"
#include "value-text.h"

/* What holds of every condition that is taken, or the program ends. */
#define world_require(what) ((what) ? (void)0 : world_broken(#what, __FILE__, __LINE__))

static void __attribute__((noreturn)) world_broken(const char *what, const char *file, int line)
{
	fprintf(stderr, "%s:%d: %s does not hold\n", file, line, what);
	abort();
}

#define ENTRY_FIXED 48
#define PART_MAX    256

/* What a hit has, as the module sees it. */
struct hit {
	unsigned char parts[2][PART_MAX];
	uint64_t faults, ret, duration, cgroup;
	uint32_t pid, tid, uid;
	bool is_kthread;
	char comm[KPROBED_COMM_LEN];
};

struct world {
	struct probe_spec spec, results_spec;
	struct probe_arg *results[9]; /* what a function may return; NULL: nobody knows */
	struct helper_program program;
};

/* Each argument: how it is defined, where it lies, and whether it is followed through memory. */
static const struct {
	const char *definition;
	struct helper_arg place;
	bool may_fault;
} world_args[] = {
	{"a=%di:s32", {HELPER_ENTRY, HELPER_SIGNED, 0, 4, 0, 0}, false},
	{"b=%si:u64", {HELPER_ENTRY, HELPER_NUMBER, 4, 8, 0, 1}, false},
	{"c=%dx:x16", {HELPER_ENTRY, HELPER_NUMBER, 12, 2, 0, 2}, false},
	{"d=+0(%di):s8", {HELPER_ENTRY, HELPER_SIGNED, 14, 1, 0, 3}, true},
	{"e=+0(%di):string", {HELPER_ENTRY, HELPER_STRING, 15, 4, 0, 4}, true},
	{"f=+8(%di):bool", {HELPER_ENTRY, HELPER_NUMBER, 19, 1, 0, 5}, true},
	{"g=+2(%si):port", {HELPER_ENTRY, HELPER_NUMBER, 20, 2, 0, 6}, true},
	{"h=%cx:errno", {HELPER_ENTRY, HELPER_SIGNED, 22, 4, 0, 7}, false},
	{"i=+2(%si):mode", {HELPER_ENTRY, HELPER_NUMBER, 26, 2, 0, 8}, true},
	{"j=+4(%si):ip4", {HELPER_ENTRY, HELPER_NUMBER, 28, 4, 0, 9}, true},
	{"k=%cx:dev", {HELPER_ENTRY, HELPER_NUMBER, 32, 4, 0, 10}, false},
	{"l=%cx:s32", {HELPER_ENTRY, HELPER_SIGNED, 36, 4, 0, 11}, false},
	{"m=%cx:char", {HELPER_ENTRY, HELPER_NUMBER, 40, 1, 0, 12}, false},
	{"n=+0(%di):x8[2]", {HELPER_ENTRY, HELPER_NUMBER, 41, 1, 2, 13}, true},
	{"o=%di:symbol", {HELPER_ENTRY, HELPER_NUMBER, 43, 4, 0, 14}, false},
	{"r=%ax:s32", {HELPER_RETURN, HELPER_SIGNED, 0, 4, 0, 15}, false},
	{"s=+0(%ax):string", {HELPER_RETURN, HELPER_STRING, 4, 4, 0, 16}, true},
	{"t=%ax:u8", {HELPER_RETURN, HELPER_NUMBER, 8, 1, 0, 17}, false},
};

#define N_ARGS ARRAY_SIZE(world_args)

#define PICK(array, r) ((array)[random_below((r), ARRAY_SIZE(array))])

/* The world is one: @w points into it. */
static void world_new(struct world *w)
{
	static const struct value_name names[] = {{-1, "BELOW"}, {0, "NONE"}, {1, "ONE"}};
	static struct kprobed_insn loads[2][N_ARGS];
	static struct helper_arg places[N_ARGS];
	struct kp_error e = KP_ERROR_INIT;

	*w = (struct world){0};
	w->spec = PROBE_SPEC_INIT;
	world_require(probe_spec_parse("p:x vfs_read", &w->spec, &e) == 0);
	w->spec.kind = PROBE_CALL;
	for (size_t i = 0; i < N_ARGS; i++) {
		enum helper_part part = world_args[i].place.part;
		size_t *n = part == HELPER_ENTRY ? &w->program.n_entry : &w->program.n_ret;

		world_require(probe_spec_add_arg(&w->spec, world_args[i].definition, &e) == 0);
		places[i] = world_args[i].place;
		loads[part][(*n)++] = (struct kprobed_insn){
			.op = world_args[i].may_fault ? KPROBED_FETCH_DEREF : KPROBED_FETCH_REG,
			.arg = (uint8_t)i,
		};
	}
	w->results_spec = PROBE_SPEC_INIT;
	world_require(
		probe_spec_parse("r vfs_read $retval:s32 $retval:u32 $retval:s8 "
				 "$retval:bool $retval:s64 $retval:u64 $retval:u16 $retval:x64",
				 &w->results_spec, &e) == 0);
	world_require(w->results_spec.n_args + 1 <= ARRAY_SIZE(w->results));
	for (size_t i = 0; i < w->results_spec.n_args; i++)
		w->results[i + 1] = &w->results_spec.args[i];
	w->spec.args[11].show = ARG_ENUM;
	world_require(value_names_new(names, ARRAY_SIZE(names), &w->spec.args[11].names) == 0);
	w->program.entry = loads[HELPER_ENTRY];
	w->program.ret = loads[HELPER_RETURN];
	w->program.args = places;
	w->program.n_args = N_ARGS;
}

static inline void world_done(struct world *w)
{
	value_names_unref(w->spec.args[11].names);
	w->spec.args[11].names = NULL;
	probe_spec_done(&w->spec);
	probe_spec_done(&w->results_spec);
}

/* What the module does. */

static uint64_t load_number(const struct hit *h, const struct kprobed_insn *insn)
{
	unsigned int size = insn->imm & 0xff, unused = 64 - 8 * size;
	uint64_t v = 0;

	world_require(size == 1 || size == 2 || size == 4 || size == 8);
	memcpy(&v, h->parts[insn->n] + insn->len, size);
	return insn->imm & KPROBED_SIGNED ? (uint64_t)((int64_t)(v << unused) >> unused) : v;
}

static bool is_text(const char *s, size_t n, const struct helper_condition *c, uint64_t imm,
		    bool is_prefix)
{
	size_t at = (uint32_t)imm, len = imm >> 32;

	world_require(at + len <= c->text_len);
	return (is_prefix ? n >= len : n == len) && memcmp(s, c->text + at, len) == 0;
}

static bool compare_text(const struct hit *h, const struct helper_condition *c,
			 const struct kprobed_insn *insn)
{
	const char *part = (const char *)h->parts[insn->n];
	uint32_t loc;

	memcpy(&loc, part + insn->len, sizeof(loc));
	return is_text(part + (loc & 0xffff), loc >> 16 ? (loc >> 16) - 1 : 0, c, insn->imm,
		       insn->op == KPROBED_COND_STRPREFIX);
}

static uint64_t combine(enum kprobed_cond_op op, uint64_t a, uint64_t b)
{
	switch (op) {
	case KPROBED_COND_EQ:
		return a == b;
	case KPROBED_COND_NE:
		return a != b;
	case KPROBED_COND_LT:
		return a < b;
	case KPROBED_COND_LE:
		return a <= b;
	case KPROBED_COND_GT:
		return a > b;
	case KPROBED_COND_GE:
		return a >= b;
	case KPROBED_COND_SLT:
		return (int64_t)a < (int64_t)b;
	case KPROBED_COND_SLE:
		return (int64_t)a <= (int64_t)b;
	case KPROBED_COND_SGT:
		return (int64_t)a > (int64_t)b;
	case KPROBED_COND_SGE:
		return (int64_t)a >= (int64_t)b;
	case KPROBED_COND_BITAND:
		return a & b;
	case KPROBED_COND_AND:
		return a && b;
	default:
		return a || b;
	}
}

static uint64_t operand(const struct hit *h, const struct helper_condition *c,
			const struct kprobed_insn *insn, bool is_return)
{
	switch (insn->op) {
	case KPROBED_COND_IMM:
		return insn->imm;
	case KPROBED_COND_ARG:
		world_require(is_return || insn->n == 0);
		return load_number(h, insn);
	case KPROBED_COND_FAULTED:
		return h->faults >> insn->arg & 1;
	case KPROBED_COND_RET:
	case KPROBED_COND_DURATION:
		world_require(is_return);
		return insn->op == KPROBED_COND_RET ? h->ret : h->duration;
	case KPROBED_COND_PID:
		return h->pid;
	case KPROBED_COND_TID:
		return h->tid;
	case KPROBED_COND_UID:
		return h->uid;
	case KPROBED_COND_CGROUP:
		return h->cgroup;
	case KPROBED_COND_KTHREAD:
		return h->is_kthread;
	case KPROBED_COND_COMMEQ:
	case KPROBED_COND_COMMPREFIX:
		return is_text(h->comm, strnlen(h->comm, sizeof(h->comm)), c, insn->imm,
			       insn->op == KPROBED_COND_COMMPREFIX);
	case KPROBED_COND_STREQ:
	case KPROBED_COND_STRPREFIX:
		world_require(is_return || insn->n == 0);
		return compare_text(h, c, insn);
	default:
		world_require(!"an instruction");
		return 0;
	}
}

static bool run(const struct hit *h, const struct helper_condition *c, bool is_return)
{
	const struct kprobed_insn *insns = is_return ? c->ret : c->entry;
	size_t n = is_return ? c->n_ret : c->n_entry, depth = 0;
	uint64_t stack[KPROBED_DEPTH_MAX];

	world_require(n <= KPROBED_COND_MAX);
	if (n == 0)
		return true;
	for (size_t i = 0; i < n; i++) {
		enum kprobed_cond_op op = insns[i].op;

		if (op >= KPROBED_COND_EQ && op <= KPROBED_COND_OR) {
			world_require(depth-- >= 2);
			stack[depth - 1] = combine(op, stack[depth - 1], stack[depth]);
		} else if (op == KPROBED_COND_NOT) {
			world_require(depth >= 1);
			stack[depth - 1] = !stack[depth - 1];
		} else {
			world_require(depth < KPROBED_DEPTH_MAX);
			stack[depth++] = operand(h, c, &insns[i], is_return);
		}
	}
	world_require(depth == 1);
	return stack[0];
}

static bool counts(const struct hit *h, const struct helper_condition *c)
{
	if (c->flags & KPROBED_SKIP_KTHREADS && h->is_kthread)
		return false;
	return run(h, c, false) && run(h, c, true);
}

/* What the event says. */

static char *put_arg(char *p, const struct probe_arg *arg, const struct helper_arg *at,
		     const struct hit *h)
{
	const unsigned char *v = h->parts[at->part] + at->offset;
	uint64_t u = 0;
	int64_t s;

	memcpy(&u, v, at->size < 8 ? at->size : 8);
	s = (int64_t)(u << (64 - 8 * at->size)) >> (64 - 8 * at->size);
	if (h->faults >> at->number & 1)
		return put_literal(p, "null");
	switch (arg->show) {
	case ARG_SIGNED:
		return put_s64(p, s);
	case ARG_HEX:
	case ARG_SYMBOL:
		return put_hex(p, u);
	case ARG_STRING:
		return put_string(p, (const char *)h->parts[at->part] + (u & 0xffff),
				  (u >> 16) - 1);
	case ARG_BOOL:
		return u ? put_literal(p, "true") : put_literal(p, "false");
	case ARG_PORT:
		return put_u64(p, (uint64_t)v[0] << 8 | v[1]);
	case ARG_ERRNO:
		return put_errno(p, s);
	case ARG_MODE:
		return put_octal(p, u);
	case ARG_IP4:
		return put_ip4(p, v);
	case ARG_DEVICE:
		return put_device(p, (uint32_t)u);
	case ARG_ENUM:
		return put_name(p, arg->names, s, true);
	case ARG_CHAR:
		return put_string(p, (const char *)v, *v != 0);
	default:
		return put_u64(p, u);
	}
}

static char *put_result(char *p, const struct probe_arg *result, uint64_t v)
{
	unsigned int unused = result ? 64 - 8 * result->size : 0;

	if (!result || probe_arg_is_signed(result))
		return put_s64(p, (int64_t)(v << unused) >> unused);
	v = v << unused >> unused;
	if (result->show == ARG_BOOL)
		return v ? put_literal(p, "true") : put_literal(p, "false");
	return result->show == ARG_HEX ? put_hex(p, v) : put_u64(p, v);
}

/* With what is in no event, so that the judge of texts knows it. */
static size_t put_event(const struct world *w, const struct hit *h, char *text)
{
	char *p = text;

	p += sprintf(p, "{\"seq\":1,\"ts\":2,\"cpu\":0,\"tid\":%u,\"pid\":%u,\"comm\":", h->tid,
		     h->pid);
	p = put_string(p, h->comm, strnlen(h->comm, sizeof(h->comm)));
	p += sprintf(p, ",\"uid\":%u,\"cgroup\":%llu,\"kthread\":%d,\"durationNs\":%llu,\"ret\":",
		     h->uid, (unsigned long long)h->cgroup, h->is_kthread,
		     (unsigned long long)h->duration);
	p = put_result(p, w->spec.result, h->ret);
	p = put_literal(p, ",\"args\":{");
	for (size_t i = 0; i < N_ARGS; i++) {
		p += sprintf(p, "%s\"%s\":", i ? "," : "", w->spec.args[i].name);
		p = put_arg(p, &w->spec.args[i], &w->program.args[i], h);
	}
	p = put_literal(p, "}}");
	*p = '\0';
	return (size_t)(p - text);
}

/* Any hit; few values, so that comparisons are true now and then. */
static void make_hit(struct hit *h, struct random *r)
{
	static const char *const strings[] = {"", "a", "abc", "cat", "\xff", "\\xff", "ab\"c", "ü"};
	static const uint64_t numbers[] = {0,	      1,	  5,
					   255,	      0xffffffff, 0xfffffffe,
					   INT64_MAX, UINT64_MAX, (uint64_t)INT64_MIN,
					   1000000};
	size_t at[2] = {ENTRY_FIXED, 16};

	memset(h, 0, sizeof(*h));
	for (size_t i = 0; i < ENTRY_FIXED; i++) {
		h->parts[0][i] =
			(unsigned char)"\x00\x00\x00\x01\xff\x80\x1f\x90"[random_below(r, 8)];
		h->parts[1][i] = (unsigned char)"\x00\x00\x01\xff\x80"[random_below(r, 5)];
	}
	for (size_t i = 0; i < N_ARGS; i++) {
		const struct helper_arg *p = &world_args[i].place;
		bool is_faulted = world_args[i].may_fault && random_below(r, 4) == 0;
		const char *s = strings[random_below(r, ARRAY_SIZE(strings))];
		uint32_t loc = (uint32_t)(strlen(s) + 1) << 16 | (uint32_t)at[p->part];

		if (is_faulted) {
			h->faults |= UINT64_C(1) << i;
			memset(h->parts[p->part] + p->offset, 0, p->size);
		} else if (p->value == HELPER_STRING) {
			memcpy(h->parts[p->part] + p->offset, &loc, sizeof(loc));
			memcpy(h->parts[p->part] + at[p->part], s, strlen(s) + 1);
			at[p->part] += strlen(s) + 1;
		} else if (random_below(r, 2)) {
			uint64_t small = random_below(r, 3) - random_below(r, 2);

			memcpy(h->parts[p->part] + p->offset, &small, p->size);
		}
	}
	h->ret = numbers[random_below(r, ARRAY_SIZE(numbers))];
	h->duration = numbers[random_below(r, ARRAY_SIZE(numbers))];
	h->cgroup = random_below(r, 3);
	h->pid = (uint32_t)random_below(r, 3);
	h->tid = h->pid + (uint32_t)random_below(r, 2);
	h->uid = random_below(r, 3) ? 0 : UINT32_MAX;
	h->is_kthread = random_below(r, 3) == 0;
	snprintf(h->comm, sizeof(h->comm), "%s", strings[random_below(r, ARRAY_SIZE(strings))]);
}

#endif
