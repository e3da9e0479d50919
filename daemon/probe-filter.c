/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * probe_spec_check_filter() of probe-spec.h: the kernel's event filter,
 *
 *     filter     = term { ("&&" | "||") term }
 *     term       = { "!" } ( predicate | "(" filter ")" )
 *     predicate  = FIELD [".ustring" | ".function"] OPERATOR VALUE
 *
 * as predicate_parse() and parse_pred() in kernel/trace/trace_events_filter.c (6.12) have it. One
 * pass from left to right, with a counter in place of a stack: what "&&" and "||" bind makes no
 * difference to whether a filter is well formed.
 */
#include "probe-spec.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "span.h"

/* trace_events.c: event_filter_write() takes less than a page */
enum { FILTER_MAX = 4094 };
/* trace_events_filter.c: num_buf; include/linux/trace_events.h: MAX_FILTER_STR_VAL */
enum { NUMBER_MAX = 23, STRING_MAX = 255 };

enum field_kind {
	FIELD_SIGNED,
	FIELD_UNSIGNED,
	FIELD_STRING,
	FIELD_ARRAY,   /* too wide to be compared */
	FIELD_NETWORK, /* in another byte order */
	FIELD_UNKNOWN, /* of an expression that is not compiled yet */
};

struct field {
	const char *name;
	enum field_kind kind;
	int kind_of_probe; /* -1: any */
};

/* trace_events.c: trace_define_common_fields() and trace_define_generic_fields(); trace_kprobe.c */
static const struct field fields[] = {
	{"common_type", FIELD_UNSIGNED, -1},
	{"common_flags", FIELD_UNSIGNED, -1},
	{"common_preempt_count", FIELD_UNSIGNED, -1},
	{"common_pid", FIELD_SIGNED, -1},
	{"common_cpu", FIELD_SIGNED, -1},
	{"cpu", FIELD_SIGNED, -1},
	{"CPU", FIELD_SIGNED, -1},
	{"comm", FIELD_STRING, -1},
	{"COMM", FIELD_STRING, -1},
	{"__probe_ip", FIELD_UNSIGNED, PROBE_ENTRY},
	{"__probe_func", FIELD_UNSIGNED, PROBE_RETURN},
	{"__probe_ret_ip", FIELD_UNSIGNED, PROBE_RETURN},
};

/* The longer ones first, as in the kernel's OPS */
static const char *const operators[] = {"!=", "==", "<=", "<", ">=", ">", "&", "~"};

struct parser {
	const struct probe_spec *spec;
	struct span text;
	size_t at;
	struct kp_error *reterr;
};

static int refuse(const struct parser *p, size_t position, const char *hint, const char *fmt, ...)
	__attribute__((__format__(__printf__, 4, 5)));

static int refuse(const struct parser *p, size_t position, const char *hint, const char *fmt, ...)
{
	char message[192];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	return kp_error_definition(p->reterr, "badFilter", position, hint, "%s", message);
}

static char peek(const struct parser *p)
{
	return span_at(p->text, p->at);
}

static void skip_space(struct parser *p)
{
	while (char_is_space(peek(p)))
		p->at++;
}

static bool accept(struct parser *p, const char *word)
{
	if (!span_starts(span_from(p->text, p->at), word))
		return false;
	p->at += strlen(word);
	return true;
}

static enum field_kind kind_of(const struct probe_arg *arg)
{
	unsigned int bytes = arg->size * (arg->count ? arg->count : 1);

	if (arg->expression && !arg->is_compiled)
		return FIELD_UNKNOWN;
	if (arg->show == ARG_STRING)
		return FIELD_STRING;
	/* The kernel compares what is as wide as a number, an array of two u32 included. */
	if (bytes != 1 && bytes != 2 && bytes != 4 && bytes != 8)
		return FIELD_ARRAY;
	/* These lie as the network has them, and the kernel would compare them turned around. */
	if (arg->show == ARG_PORT || arg->show == ARG_IP4)
		return FIELD_NETWORK;
	return probe_arg_is_signed(arg) ? FIELD_SIGNED : FIELD_UNSIGNED;
}

/* An event's own fields hide the common ones: trace_find_event_field(). */
static bool find_field(const struct probe_spec *spec, struct span name, enum field_kind *ret)
{
	for (size_t i = 0; i < spec->n_args; i++)
		if (span_is(name, spec->args[i].name)) {
			*ret = kind_of(&spec->args[i]);
			return true;
		}
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (span_is(name, fields[i].name) &&
		    (fields[i].kind_of_probe < 0 || fields[i].kind_of_probe == (int)spec->kind)) {
			*ret = fields[i].kind;
			return true;
		}
	*ret = FIELD_UNKNOWN;
	return probe_spec_has_unknown_names(spec);
}

static int parse_field(struct parser *p, enum field_kind *ret)
{
	size_t start = p->at;
	char hint[224] = "";
	struct span name;
	size_t n = 0;

	while (char_is_name(peek(p)))
		p->at++;
	name = (struct span){p->text.p + start, p->at - start};
	if (name.n == 0)
		return refuse(p, start, "a condition is FIELD OPERATOR VALUE: dfd == -100",
			      start == p->text.n
				      ? "The filter ends where a condition should follow."
				      : "A condition starts with the name of a field.");
	if (find_field(p->spec, name, ret))
		return 0;
	for (size_t i = 0; i < p->spec->n_args && n < sizeof(hint); i++)
		n += snprintf(hint + n, sizeof(hint) - n, "%s%s",
			      i ? " " : "fields of this probe: ", p->spec->args[i].name);
	return refuse(p, start, n ? hint : "common_pid, comm and cpu are in every event",
		      "There is no field \"%.*s\".", (int)(name.n > 64 ? 64 : name.n), name.p);
}

static int parse_string(struct parser *p, enum field_kind kind, const char *operator,
			size_t operator_at)
{
	size_t start = p->at;
	char quote = peek(p);

	if (kind != FIELD_STRING && kind != FIELD_UNKNOWN)
		return refuse(p, start, "compare it with a number",
			      "The field is a number, and this is a string.");
	if (strcmp(operator, "==") != 0 && strcmp(operator, "!=") != 0 &&
	    strcmp(operator, "~") != 0)
		return refuse(p, operator_at, "strings: == != ~",
			      "Strings have no \"%s\".", operator);
	for (p->at++; p->at < p->text.n && peek(p) != quote;)
		p->at++;
	if (p->at == p->text.n)
		return refuse(p, start, NULL, "The string is not closed.");
	if (p->at - start - 1 > STRING_MAX)
		return refuse(p, start, NULL, "A string has %d characters at most.", STRING_MAX);
	p->at++;
	return 0;
}

static int parse_number(struct parser *p, enum field_kind kind, const char *operator,
			size_t operator_at)
{
	size_t start = p->at;
	struct span number;
	uint64_t value;
	int64_t signed_value;
	int r;

	if (kind == FIELD_STRING)
		return refuse(p, start, "quote it: \"...\"",
			      "The field is a string, and this is a number.");
	if (kind == FIELD_ARRAY)
		return refuse(p, start, NULL, "An array cannot be compared.");
	if (kind == FIELD_NETWORK)
		return refuse(p, start, "filter where the events are read: a subscription's filter",
			      "The kernel cannot compare a value in network byte order.");
	if (strcmp(operator, "~") == 0)
		return refuse(p, operator_at, "numbers: == != < <= > >= &",
			      "Numbers match no pattern.");
	if (peek(p) == '-')
		p->at++;
	while (char_is_digit(peek(p)) || char_is_alpha(peek(p)))
		p->at++;
	number = (struct span){p->text.p + start, p->at - start};
	r = number.n > NUMBER_MAX ? -ERANGE
	    : kind == FIELD_SIGNED || (kind == FIELD_UNKNOWN && span_at(number, 0) == '-')
		    ? span_to_s64(number, 0, &signed_value)
		    : span_to_u64(number, 0, &value);
	if (r < 0 && number.p[0] == '-' && kind == FIELD_UNSIGNED)
		return refuse(p, start, "give the argument a signed type, such as s32",
			      "The field has no sign and is never negative.");
	if (r < 0)
		return refuse(p, start, "decimal, or hexadecimal with 0x", "This is no number.");
	return 0;
}

/* "CPUS{1-3}": since 6.6 */
static int parse_cpus(struct parser *p)
{
	size_t start = p->at;

	p->at += 4;
	if (!accept(p, "{"))
		return refuse(p, start, "for instance: CPUS{0-3}", "CPUS has no { behind it.");
	while (p->at < p->text.n && peek(p) != '}')
		p->at++;
	if (!accept(p, "}"))
		return refuse(p, start, NULL, "The } of CPUS is missing.");
	return 0;
}

/* "FIELD.function == vfs_read": since 6.3, without quotes and up to the next space */
static int parse_function(struct parser *p)
{
	size_t start = p->at;

	while (p->at < p->text.n && !char_is_space(peek(p)))
		p->at++;
	if (p->at == start)
		return refuse(p, start, NULL, "Here the name of a function is missing.");
	return 0;
}

static int parse_predicate(struct parser *p)
{
	const char *operator= NULL;
	enum field_kind kind = FIELD_UNSIGNED;
	size_t operator_at;
	bool is_function;
	int r;

	r = parse_field(p, &kind);
	if (r < 0)
		return r;
	accept(p, ".ustring");
	is_function = accept(p, ".function");
	skip_space(p);
	operator_at = p->at;
	for (size_t i = 0; i < ARRAY_SIZE(operators) && !operator; i++)
		if (accept(p, operators[i]))
			operator= operators[i];
	if (!operator)
		return refuse(p, p->at,
			      peek(p) == '=' ? "equal is ==" : "operators: == != < <= > >= & ~",
			      "Behind the field is no operator.");
	skip_space(p);
	if (is_function)
		return parse_function(p);
	if (span_starts(span_from(p->text, p->at), "CPUS"))
		return parse_cpus(p);
	if (peek(p) == '"' || peek(p) == '\'')
		return parse_string(p, kind, operator, operator_at);
	if (char_is_digit(peek(p)) || peek(p) == '-')
		return parse_number(p, kind, operator, operator_at);
	return refuse(p, p->at,
		      kind == FIELD_STRING ? "quote it: \"...\"" : "a number such as -1 or 0x10",
		      "Behind the operator is no value.");
}

/* From where a term is expected, to the end of the filter */
static int parse_filter(struct parser *p)
{
	size_t depth = 0, open = 0;
	int r;

	for (;;) {
		for (skip_space(p); peek(p) == '(' || peek(p) == '!'; p->at++, skip_space(p)) {
			if (peek(p) == '!')
				continue;
			if (depth++ == 0)
				open = p->at;
		}
		r = parse_predicate(p);
		if (r < 0)
			return r;
		for (skip_space(p); peek(p) == ')'; p->at++, skip_space(p))
			if (depth-- == 0)
				return refuse(p, p->at, NULL, "There is no ( for this ).");
		if (p->at == p->text.n)
			break;
		if (!accept(p, "&&") && !accept(p, "||"))
			return refuse(p, p->at, "conditions are combined with && and ||",
				      "Behind the condition something else follows.");
	}
	if (depth > 0)
		return refuse(p, open, NULL, "The parenthesis is not closed.");
	return 0;
}

int probe_spec_check_filter(const struct probe_spec *spec, const char *filter,
			    struct kp_error *reterr)
{
	struct parser p = {
		.spec = spec,
		.text = {filter, strnlen(filter, FILTER_MAX + 1)},
		.reterr = reterr,
	};

	if (p.text.n > FILTER_MAX)
		return refuse(&p, FILTER_MAX, NULL, "A filter has %d characters at most.",
			      FILTER_MAX);
	/* Strings may hold what they like, but for what would be two lines in a list. */
	for (size_t i = 0; i < p.text.n; i++)
		if ((unsigned char)filter[i] < ' ' && !char_is_space(filter[i]))
			return refuse(&p, i, NULL, "A filter has no control characters.");
	return parse_filter(&p);
}
