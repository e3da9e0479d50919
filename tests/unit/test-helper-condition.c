/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Filters as conditions of the helper module: which part gets what, what is refused, and that a hit
 * counts exactly if its event meets the filter. What the module does with a condition is done here
 * as kprobed-ioctl.h says it.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cleanup.h"
#include "filter-text.h"
#include "helper-condition.h"
#include "json-text.h"
#include "random.h"
#include "value-text.h"

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

static int world_begin(void **state)
{
	static const struct value_name names[] = {{-1, "BELOW"}, {0, "NONE"}, {1, "ONE"}};
	static struct world w;
	static struct kprobed_insn loads[2][N_ARGS];
	static struct helper_arg places[N_ARGS];
	struct kp_error e = KP_ERROR_INIT;

	w.spec = PROBE_SPEC_INIT;
	assert_int_equal(probe_spec_parse("p:x vfs_read", &w.spec, &e), 0);
	w.spec.kind = PROBE_CALL;
	for (size_t i = 0; i < N_ARGS; i++) {
		enum helper_part part = world_args[i].place.part;
		size_t *n = part == HELPER_ENTRY ? &w.program.n_entry : &w.program.n_ret;

		if (probe_spec_add_arg(&w.spec, world_args[i].definition, &e) < 0)
			fail_msg("%s: %s", world_args[i].definition, e.message);
		places[i] = world_args[i].place;
		loads[part][(*n)++] = (struct kprobed_insn){
			.op = world_args[i].may_fault ? KPROBED_FETCH_DEREF : KPROBED_FETCH_REG,
			.arg = (uint8_t)i,
		};
	}
	w.results_spec = PROBE_SPEC_INIT;
	assert_int_equal(
		probe_spec_parse("r vfs_read $retval:s32 $retval:u32 $retval:s8 "
				 "$retval:bool $retval:s64 $retval:u64 $retval:u16 $retval:x64",
				 &w.results_spec, &e),
		0);
	for (size_t i = 0; i < w.results_spec.n_args; i++)
		w.results[i + 1] = &w.results_spec.args[i];
	w.spec.args[11].show = ARG_ENUM;
	assert_int_equal(value_names_new(names, ARRAY_SIZE(names), &w.spec.args[11].names), 0);
	w.program.entry = loads[HELPER_ENTRY];
	w.program.ret = loads[HELPER_RETURN];
	w.program.args = places;
	w.program.n_args = N_ARGS;
	*state = &w;
	return 0;
}

static int world_end(void **state)
{
	struct world *w = *state;

	value_names_unref(w->spec.args[11].names);
	w->spec.args[11].names = NULL;
	probe_spec_done(&w->spec);
	probe_spec_done(&w->results_spec);
	return 0;
}

/* What the module does. */

static uint64_t load_number(const struct hit *h, const struct kprobed_insn *insn)
{
	unsigned int size = insn->imm & 0xff, unused = 64 - 8 * size;
	uint64_t v = 0;

	assert_true(size == 1 || size == 2 || size == 4 || size == 8);
	memcpy(&v, h->parts[insn->n] + insn->len, size);
	return insn->imm & KPROBED_SIGNED ? (uint64_t)((int64_t)(v << unused) >> unused) : v;
}

static bool is_text(const char *s, size_t n, const struct helper_condition *c, uint64_t imm,
		    bool is_prefix)
{
	size_t at = (uint32_t)imm, len = imm >> 32;

	assert_true(at + len <= c->text_len);
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
		assert_true(is_return || insn->n == 0);
		return load_number(h, insn);
	case KPROBED_COND_FAULTED:
		return h->faults >> insn->arg & 1;
	case KPROBED_COND_RET:
	case KPROBED_COND_DURATION:
		assert_true(is_return);
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
		assert_true(is_return || insn->n == 0);
		return compare_text(h, c, insn);
	default:
		fail_msg("no such instruction: %d", insn->op);
		return 0;
	}
}

static bool run(const struct hit *h, const struct helper_condition *c, bool is_return)
{
	const struct kprobed_insn *insns = is_return ? c->ret : c->entry;
	size_t n = is_return ? c->n_ret : c->n_entry, depth = 0;
	uint64_t stack[KPROBED_DEPTH_MAX];

	assert_true(n <= KPROBED_COND_MAX);
	if (n == 0)
		return true;
	for (size_t i = 0; i < n; i++) {
		enum kprobed_cond_op op = insns[i].op;

		if (op >= KPROBED_COND_EQ && op <= KPROBED_COND_OR) {
			assert_true(depth-- >= 2);
			stack[depth - 1] = combine(op, stack[depth - 1], stack[depth]);
		} else if (op == KPROBED_COND_NOT) {
			assert_true(depth >= 1);
			stack[depth - 1] = !stack[depth - 1];
		} else {
			assert_true(depth < KPROBED_DEPTH_MAX);
			stack[depth++] = operand(h, c, &insns[i], is_return);
		}
	}
	assert_int_equal(depth, 1);
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

#define PICK(array, r) ((array)[random_below((r), ARRAY_SIZE(array))])

static size_t put_comparison(char *p, struct random *r)
{
	/* Those whose text and number are compared alike in both places. */
	static const char *const numeric[] = {
		"a",	    "b",       "c",   "d",	"f",	      "g",   "h",      "i",
		"t",	    "pid",     "tid", "uid",	"ret",	      "t",   "cgroup", "d",
		"duration", "kthread", "f",   "args.r", "durationNs", "ret", "ret"};
	static const char *const ops[] = {"==", "!=", "<", "<=", ">", ">=", "&"};
	static const char *const numbers[] = {"0",
					      "1",
					      "-1",
					      "255",
					      "256",
					      "0xffff",
					      "-128",
					      "1ms",
					      "-2",
					      "65536",
					      "8080",
					      "0x1f90",
					      "-9223372036854775808",
					      "18446744073709551615",
					      "9223372036854775807",
					      "2147483648",
					      "31",
					      "127"};
	static const char *const textual[] = {"e", "s", "comm", "e", "s", "comm", "c",
					      "h", "i", "j",	"k", "l", "m"};
	static const char *const text_ops[] = {"==", "!="}, *const more_ops[] = {"~", "^="};
	static const char *const strings[] = {
		"",	  "a",	 "ab",	   "abc",     "cat*",	 "a*",	    "*",
		"-EPERM", "0x1", "0x1f90", "0.0.0.0", "0.0.0.1", "NONE",    "ONE",
		"BELOW",  "0:0", "0:1",	   "0",	      "01",	 "ab\\\"c", "255.255.255.255",
		"\\\\*",  "ü",	 "\\\\x"};
	const char *field;

	if (random_below(r, 12) == 0)
		return (size_t)sprintf(p, "%s", PICK(numeric, r));
	if (random_below(r, 2))
		return (size_t)sprintf(p, "%s %s %s", PICK(numeric, r), PICK(ops, r),
				       PICK(numbers, r));
	field = PICK(textual, r);
	if (strchr("es", *field) || strcmp(field, "comm") == 0)
		return (size_t)sprintf(p, "%s %s \"%s\"", field,
				       random_below(r, 2) ? PICK(text_ops, r) : PICK(more_ops, r),
				       PICK(strings, r));
	/* What has no name is a number in events, of which no comparison with a name is true. */
	return (size_t)sprintf(p, "%s %s \"%s\"", field,
			       strchr("hl", *field) ? "==" : PICK(text_ops, r), PICK(strings, r));
}

static size_t put_condition(char *p, struct random *r, unsigned int depth)
{
	const char *begin = p;

	if (random_below(r, 4) == 0)
		*p++ = '!';
	*p++ = '(';
	if (depth == 0 || random_below(r, 3) == 0) {
		p += put_comparison(p, r);
	} else {
		p += put_condition(p, r, depth - 1);
		p += sprintf(p, "%s", random_below(r, 3) ? " && " : " || ");
		p += put_condition(p, r, depth - 1);
	}
	*p++ = ')';
	*p = '\0';
	return (size_t)(p - begin);
}

/* 0, or the error's reason in @e. The filter is parsed and compiled. */
static int compile(const struct world *w, const char *text, struct filter **ret_filter,
		   struct helper_condition *ret, struct kp_error *e)
{
	int r;

	*e = KP_ERROR_INIT;
	if (filter_parse(text, ret_filter, e) < 0)
		fail_msg("%s: %s", text, e->message);
	r = helper_condition_compile(*ret_filter, &w->spec, &w->program, ret, e);
	if (r < 0)
		filter_free(*ret_filter);
	return r;
}

static void test_hit_counts_exactly_if_its_event_meets_the_filter(void **state)
{
	struct world *w = *state;
	struct random random = {4242};
	unsigned int n[2] = {0}, refused = 0, too_long = 0, split = 0;
	static char text[65536], event[4096];

	for (int i = 0; i < 30000; i++) {
		struct helper_condition c;
		struct kp_error e;
		struct filter *f;
		struct hit h;

		w->spec.result = PICK(w->results, &random);
		put_condition(text, &random, (unsigned int)random_below(&random, 5));
		if (compile(w, text, &f, &c, &e) < 0) {
			assert_int_equal(e.code, KP_INVALID_FILTER);
			if (strcmp(e.reason, "tooLong") == 0)
				too_long++;
			else
				assert_string_equal(e.reason, "notInKernel");
			refused++;
			continue;
		}
		split += c.n_entry && c.n_ret;
		for (int k = 0; k < 20; k++) {
			size_t len;
			bool want;

			make_hit(&h, &random);
			len = put_event(w, &h, event);
			want = filter_match_text(f, event, len);
			if (counts(&h, &c) != want)
				fail_msg("%s\nis %d of %s, faults %llx", text, want, event,
					 (unsigned long long)h.faults);
			n[want]++;
		}
		helper_condition_done(&c);
		filter_free(f);
	}
	w->spec.result = NULL;
	assert_true(n[0] > 50000 && n[1] > 50000 && split > 1000);
	assert_true(refused < 10000 && too_long < 3000);
}

static void test_what_the_entry_knows_is_said_there(void **state)
{
	static const struct {
		const char *text;
		bool entry, ret, skips;
	} rows[] = {
		{"a == 1", true, false, false},
		{"args.r < 0", false, true, false},
		{"durationNs >= 1ms", false, true, false},
		{"duration >= 1ms && pid == 7", true, true, false},
		{"a == 1 && (e == 'x' && ret < 0) && comm == 'y'", true, true, false},
		{"a == 1 || ret < 0", false, true, false},
		{"!(a == 1 || ret < 0)", true, true, false},
		{"!(a == 1 && ret < 0)", false, true, false},
		{"!!(a == 1 && ret < 0)", true, true, false},
		{"!kthread", false, false, true},
		{"kthread == 0 && ret < 0", false, true, true},
		{"a == 1 && !(kthread || b == 2)", true, false, true},
		{"kthread", true, false, false},
		{"!kthread || a == 1", true, false, false},
		{"s ^= 'x' && e ^= 'x'", true, true, false},
	};
	const struct world *w = *state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct helper_condition c;
		struct kp_error e;
		struct filter *f;

		if (compile(w, rows[i].text, &f, &c, &e) < 0)
			fail_msg("%s: %s", rows[i].text, e.message);
		if ((c.n_entry > 0) != rows[i].entry || (c.n_ret > 0) != rows[i].ret ||
		    (c.flags == KPROBED_SKIP_KTHREADS) != rows[i].skips)
			fail_msg("%s: %zu at entry, %zu at return, %#llx", rows[i].text, c.n_entry,
				 c.n_ret, (unsigned long long)c.flags);
		helper_condition_done(&c);
		filter_free(f);
	}
}

static void test_what_the_module_cannot_do_is_refused_with_its_place(void **state)
{
	static const struct {
		const char *text, *reason, *hint;
		int position;
	} rows[] = {
		{"a == 1 && e ~ '*x'", "notInKernel", "kprobectl's --where", 10},
		{"e ~ 'a?'", "notInKernel", "", 0},
		{"e ~ 'a[bc]*'", "notInKernel", "", 0},
		{"n == 1", "notInKernel", "", 0},
		{"cpu == 1", "notInKernel", "", 0},
		{"pid == 1 || ts > 1s", "notInKernel", "", 12},
		{"probe == 'x'", "notInKernel", "", 0},
		{"o == 'vfs_read+0x0'", "notInKernel", "", 0},
		{"c ^= '0x1'", "notInKernel", "", 0},
		{"e == '\\\\xff'", "notInKernel", "", 0},
		{"aa == 1 && bbbb", "unknownField", "", 0},
		{"durationsNs > 1", "unknownField", "did you mean durationNs?", 0},
		{"args.pid == 1", "unknownField", "", 0},
		{"a == 1 && e == 5", "wrongType", "quotes", 15},
		{"e", "wrongType", "quotes", 0},
		{"b == 'x'", "wrongType", "", 5},
		{"pid == 'x'", "wrongType", "", 7},
		{"j == 5", "wrongType", "quotes", 5},
	};
	struct world *w = *state;
	struct helper_condition c;
	struct kp_error e;
	struct filter *f;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (compile(w, rows[i].text, &f, &c, &e) != -EINVAL)
			fail_msg("%s was taken", rows[i].text);
		assert_int_equal(e.code, KP_INVALID_FILTER);
		if (strcmp(e.reason, rows[i].reason) != 0 || e.position != rows[i].position ||
		    !strstr(e.hint, rows[i].hint))
			fail_msg("%s: %s at %d: %s (%s)", rows[i].text, e.reason, e.position,
				 e.message, e.hint);
	}
	w->spec.kind = PROBE_ENTRY;
	assert_int_equal(compile(w, "a == 1 && duration > 1ms", &f, &c, &e), -EINVAL);
	assert_string_equal(e.reason, "onlyAtReturn");
	assert_int_equal(e.position, 10);
	w->spec.kind = PROBE_CALL;
}

static void test_longest_condition_fits_the_stack_and_the_next_is_refused(void **state)
{
	const struct world *w = *state;
	struct helper_condition c;
	struct kp_error e;
	struct filter *f;
	char text[4096];
	size_t n = 0;

	/* 31 comparisons of four instructions, and one less to join them */
	for (int i = 0; i < 32; i++)
		n += (size_t)sprintf(text + n, "%sa == %d", i ? " || " : "", i);
	assert_int_equal(compile(w, text, &f, &c, &e), 0);
	assert_int_equal(c.n_entry, KPROBED_COND_MAX - 1);
	helper_condition_done(&c);
	filter_free(f);
	sprintf(text + n, " || a == 1");
	assert_int_equal(compile(w, text, &f, &c, &e), -EINVAL);
	assert_string_equal(e.reason, "tooLong");

	/* As deep as the language has it, to the right and to the left: the stack has room. */
	for (int is_left = 0; is_left < 2; is_left++) {
		struct hit h;

		memset(&h, 0, sizeof(h));
		n = 0;
		for (int i = 0; i < FILTER_DEPTH_MAX; i++)
			n += (size_t)sprintf(text + n, is_left ? "(" : "a == 1 || (");
		n += (size_t)sprintf(text + n, "a == 0");
		for (int i = 0; i < FILTER_DEPTH_MAX; i++)
			n += (size_t)sprintf(text + n, is_left ? " && b == 0)" : ")");
		assert_int_equal(compile(w, text, &f, &c, &e), 0);
		assert_true(counts(&h, &c));
		h.parts[0][0] = 2;
		assert_false(counts(&h, &c));
		helper_condition_done(&c);
		filter_free(f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hit_counts_exactly_if_its_event_meets_the_filter),
		cmocka_unit_test(test_what_the_entry_knows_is_said_there),
		cmocka_unit_test(test_what_the_module_cannot_do_is_refused_with_its_place),
		cmocka_unit_test(test_longest_condition_fits_the_stack_and_the_next_is_refused),
	};

	return cmocka_run_group_tests(tests, world_begin, world_end);
}
