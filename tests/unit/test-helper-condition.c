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

#include <cmocka.h>

#include "condition-world.h"

static int world_begin(void **state)
{
	static struct world w;

	world_new(&w);
	*state = &w;
	return 0;
}

static int world_end(void **state)
{
	world_done(*state);
	return 0;
}

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
