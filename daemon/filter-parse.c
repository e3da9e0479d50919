/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See filter-parse.h. Recursive descent to a small tree, whose comparisons are then linked; both
 * are bounded by the limits.
 */
#include "filter-parse.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "span.h"
#include "strutil.h"

static const char *const common_names[] = {
	[FILTER_TS] = "ts",
	[FILTER_CPU] = "cpu",
	[FILTER_TID] = "tid",
	[FILTER_COMM] = "comm",
	[FILTER_PROBE] = "probe",
	[FILTER_SITE] = "site",
	[FILTER_CALLER] = "caller",
	[FILTER_PID] = "pid",
	[FILTER_UID] = "uid",
	[FILTER_CGROUP] = "cgroup",
	[FILTER_KTHREAD] = "kthread",
	[FILTER_RET] = "ret",
	[FILTER_DURATION] = "durationNs",
};

/* The longer ones first. */
static const struct {
	const char *text;
	enum filter_op op;
} operators[] = {
	{"==", FILTER_EQUAL},	      {"!=", FILTER_UNEQUAL}, {"<=", FILTER_LESS_EQUAL},
	{">=", FILTER_GREATER_EQUAL}, {"^=", FILTER_PREFIX},  {"<", FILTER_LESS},
	{">", FILTER_GREATER},	      {"~", FILTER_GLOB},
};

static const struct {
	const char *text;
	uint64_t nsec;
} units[] = {{"ns", 1}, {"us", 1000}, {"ms", 1000000}, {"s", 1000000000}};

struct parser {
	struct span text;
	size_t at;
	unsigned int depth;
	struct filter *filter;
	size_t strings_len;
	struct kp_error *reterr;
	int error; /* negative errno */
};

const char *filter_common_name(enum filter_common field)
{
	return common_names[field];
}

int filter_error(struct kp_error *e, const char *reason, int position, const char *hint,
		 const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	kp_error_vplace(e, KP_INVALID_FILTER, reason, position, hint, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

#define refuse(p, reason, position, hint, ...)                                                     \
	((p)->error = filter_error((p)->reterr, reason, (int)(position), hint, __VA_ARGS__))

static char peek(const struct parser *p)
{
	return span_at(p->text, p->at);
}

static void skip_space(struct parser *p)
{
	while (char_is_space(peek(p)) || peek(p) == '\n')
		p->at++;
}

static bool accept(struct parser *p, const char *word)
{
	skip_space(p);
	if (!span_starts(span_from(p->text, p->at), word))
		return false;
	p->at += strlen(word);
	return true;
}

/* What stands at the parser's place, for a message. */
static const char *describe(const struct parser *p, char buf[16])
{
	unsigned int n = utf8_sequence(p->text.p + p->at, p->text.n - p->at);

	if (p->at >= p->text.n)
		return "the end";
	if (n <= 1 && (unsigned char)peek(p) < ' ')
		snprintf(buf, 16, "a control");
	else
		snprintf(buf, 16, "\"%.*s\"", n ? (int)n : 1, n ? p->text.p + p->at : "?");
	return buf;
}

static struct filter_node *add_node(struct parser *p, enum filter_node_kind kind,
				    const struct filter_node *left, const struct filter_node *right)
{
	struct filter *f = p->filter;
	struct filter_node *node = &f->nodes[f->n_nodes++];

	*node = (struct filter_node){.kind = (uint8_t)kind};
	if (left && right) {
		node->left = (uint8_t)(left - f->nodes);
		node->right = (uint8_t)(right - f->nodes);
		node->term = left->term;
	}
	return node;
}

static void parse_name(struct parser *p, struct filter_term *t)
{
	size_t begin = p->at, n;
	char buf[16];

	t->position = (int)begin;
	if (!char_is_name(peek(p)) || char_is_digit(peek(p))) {
		refuse(p, "fieldExpected", begin,
		       "a field is an argument's name, or comm, tid, cpu, ts, ...",
		       "a field was expected, not %s", describe(p, buf));
		return;
	}
	if (span_starts(span_from(p->text, begin), "args.")) {
		t->is_arg = true;
		begin += strlen("args.");
		p->at = begin;
	}
	while (char_is_name(peek(p)))
		p->at++;
	n = p->at - begin;
	if (n == 0 || n > PROBE_ARG_NAME_MAX) {
		refuse(p, "fieldExpected", begin, NULL,
		       n ? "no field has a name this long"
			 : "the name of an argument was expected");
		return;
	}
	memcpy(t->name, p->text.p + begin, n);
	t->name_len = n;
	t->common = FILTER_NO_COMMON;
	for (enum filter_common i = 0; i < FILTER_NO_COMMON && !t->is_arg; i++)
		if (strcmp(common_names[i], t->name) == 0)
			t->common = i;
	if (!t->is_arg && strcmp(t->name, "duration") == 0)
		t->common = FILTER_DURATION;
}

/* False where none stands: the field is alone. */
static bool parse_operator(struct parser *p, enum filter_op *ret)
{
	skip_space(p);
	/* "&" but not "&&" */
	if (peek(p) == '&' && span_at(p->text, p->at + 1) != '&') {
		p->at++;
		*ret = FILTER_BITS;
		return true;
	}
	for (size_t i = 0; i < ARRAY_SIZE(operators); i++)
		if (accept(p, operators[i].text)) {
			*ret = operators[i].op;
			return true;
		}
	if (peek(p) == '=')
		refuse(p, "badOperator", p->at, "write ==", "there is no operator \"=\"");
	*ret = FILTER_TRUE;
	return false;
}

static void parse_unit(struct parser *p, struct filter_number *n, size_t begin)
{
	size_t end = p->at;
	struct span word;

	while (char_is_name(span_at(p->text, end)))
		end++;
	if (end == p->at)
		return;
	word = (struct span){p->text.p + p->at, end - p->at};
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		if (!span_is(word, units[i].text))
			continue;
		p->at = end;
		if (__builtin_mul_overflow(n->value, units[i].nsec, &n->value))
			refuse(p, "numberTooLarge", begin, NULL, "the number is too large");
		return;
	}
	refuse(p, "badNumber", p->at, "units are ns, us, ms and s",
	       "\"%.*s\" behind a number is no unit", (int)(word.n < 20 ? word.n : 20), word.p);
}

static void parse_number(struct parser *p, struct filter_term *t)
{
	size_t begin = p->at, n = 0;
	bool is_negative = peek(p) == '-';
	int r;

	t->literal = FILTER_NUMBER;
	if (is_negative || peek(p) == '+')
		p->at++;
	r = span_leading_u64(span_from(p->text, p->at), &t->number.value, &n);
	if (r == -ERANGE) {
		refuse(p, "numberTooLarge", begin, NULL, "the number is too large");
		return;
	}
	if (r < 0 || n == 0) {
		refuse(p, "badNumber", begin, NULL, "a number was expected");
		return;
	}
	p->at += n;
	parse_unit(p, &t->number, begin);
	if (p->error || !is_negative || t->number.value == 0)
		return;
	if (t->number.value > (uint64_t)INT64_MAX + 1) {
		refuse(p, "numberTooLarge", begin, NULL, "the number is too small");
		return;
	}
	t->number.value = -t->number.value;
	t->number.is_negative = true;
}

/*
 * What the backslash at the parser's place makes; moves to its last character. A glob has
 * backslashes of its own, which stay: only one before a quote is the string's.
 */
static char *unescape(struct parser *p, const struct filter_term *t, char *out)
{
	char c = span_at(p->text, p->at + 1);

	if (c != '"' && c != '\'' && t->op == FILTER_GLOB) {
		*out++ = '\\';
		if (p->at + 1 < p->text.n)
			*out++ = p->text.p[++p->at];
		return out;
	}
	switch (c) {
	case '"':
	case '\'':
	case '\\':
		break;
	case 'n':
		c = '\n';
		break;
	case 't':
		c = '\t';
		break;
	default:
		refuse(p, "badEscape", p->at, "write \\\\ for a backslash",
		       "a string knows \\\\, \\\", \\', \\n and \\t");
		return out;
	}
	p->at++;
	*out++ = c;
	return out;
}

static void parse_string(struct parser *p, struct filter_term *t)
{
	char quote = peek(p), *out = p->filter->strings + p->strings_len;
	size_t begin = p->at++;

	t->literal = FILTER_STRING;
	t->string = out;
	for (; peek(p) != quote; p->at++) {
		if (p->at >= p->text.n) {
			refuse(p, "unclosedString", begin, NULL, "the string has no end");
			return;
		}
		if (peek(p) == '\\')
			out = unescape(p, t, out);
		else
			*out++ = peek(p);
		if (p->error)
			return;
	}
	p->at++;
	t->string_len = (size_t)(out - t->string);
	p->strings_len += t->string_len;
	if (t->string_len > FILTER_STRING_MAX)
		refuse(p, "stringTooLong", begin, NULL, "a string may have %d bytes",
		       FILTER_STRING_MAX);
	else if (!utf8_is_valid(t->string, t->string_len))
		refuse(p, "badString", begin,
		       "events show bytes that are no UTF-8 as \\xHH: write \\\\xHH",
		       "the string is not UTF-8");
}

static void parse_value(struct parser *p, struct filter_term *t)
{
	bool is_text = t->op == FILTER_GLOB || t->op == FILTER_PREFIX;
	char c, buf[16];

	skip_space(p);
	c = peek(p);
	t->value_position = (int)p->at;
	if (c == '"' || c == '\'') {
		if (!is_text && t->op != FILTER_EQUAL && t->op != FILTER_UNEQUAL)
			refuse(p, "badOperator", t->value_position, "strings know ==, !=, ~ and ^=",
			       "a string cannot be compared like that");
		else
			parse_string(p, t);
	} else if (char_is_digit(c) || c == '-' || c == '+') {
		if (is_text)
			refuse(p, "valueExpected", p->at, "put it in quotes",
			       "~ and ^= compare with a string");
		else
			parse_number(p, t);
	} else {
		refuse(p, "valueExpected", p->at,
		       char_is_alpha(c) ? "a string is put in quotes" : NULL,
		       "a number or a string was expected, not %s", describe(p, buf));
	}
}

static struct filter_node *parse_comparison(struct parser *p)
{
	struct filter *f = p->filter;
	struct filter_term *t = &f->terms[f->n_terms];
	struct filter_node *node;

	skip_space(p);
	if (f->n_terms == FILTER_TERMS_MAX) {
		refuse(p, "tooManyTerms", p->at, NULL, "a condition may have %d comparisons",
		       FILTER_TERMS_MAX);
		return NULL;
	}
	parse_name(p, t);
	if (!p->error && parse_operator(p, &t->op))
		parse_value(p, t);
	if (p->error)
		return NULL;
	node = add_node(p, FILTER_NODE_TERM, NULL, NULL);
	node->term = (uint8_t)f->n_terms++;
	return node;
}

static struct filter_node *parse_or(struct parser *p);

static struct filter_node *parse_group(struct parser *p)
{
	size_t begin = p->at - 1;
	struct filter_node *node = parse_or(p);

	if (node && !accept(p, ")")) {
		char buf[16];

		refuse(p, "parenthesis", begin, NULL, "this is not closed before %s",
		       describe(p, buf));
		return NULL;
	}
	return node;
}

static struct filter_node *parse_not(struct parser *p)
{
	bool is_not, is_group;
	struct filter_node *node;

	skip_space(p);
	is_not = accept(p, "!");
	is_group = !is_not && accept(p, "(");
	if (!is_not && !is_group)
		return parse_comparison(p);
	if (p->depth == FILTER_DEPTH_MAX) {
		refuse(p, "tooDeep", p->at - 1, NULL,
		       "no more than %d of ( and ! inside each other", FILTER_DEPTH_MAX);
		return NULL;
	}
	p->depth++;
	node = is_not ? parse_not(p) : parse_group(p);
	p->depth--;
	if (node && is_not)
		node->is_negated = !node->is_negated;
	return node;
}

static struct filter_node *parse_and(struct parser *p)
{
	struct filter_node *left = parse_not(p);

	while (left && accept(p, "&&")) {
		struct filter_node *right = parse_not(p);

		if (!right)
			return NULL;
		left = add_node(p, FILTER_NODE_AND, left, right);
	}
	return left;
}

static struct filter_node *parse_or(struct parser *p)
{
	struct filter_node *left = parse_and(p);

	while (left && accept(p, "||")) {
		struct filter_node *right = parse_and(p);

		if (!right)
			return NULL;
		left = add_node(p, FILTER_NODE_OR, left, right);
	}
	return left;
}

/* Says where each comparison below @node goes on. As deep as the tree: FILTER_NODES_MAX at most. */
static void link_terms(struct filter *f, const struct filter_node *node, uint8_t yes, uint8_t no)
{
	if (node->is_negated) {
		uint8_t tmp = yes;

		yes = no;
		no = tmp;
	}
	if (node->kind == FILTER_NODE_TERM) {
		f->terms[node->term].yes = yes;
		f->terms[node->term].no = no;
	} else {
		const struct filter_node *left = &f->nodes[node->left];
		const struct filter_node *right = &f->nodes[node->right];

		if (node->kind == FILTER_NODE_AND)
			link_terms(f, left, right->term, no);
		else
			link_terms(f, left, yes, right->term);
		link_terms(f, right, yes, no);
	}
}

static const struct filter_node *parse_all(struct parser *p)
{
	const struct filter_node *root;
	char buf[16];

	skip_space(p);
	if (p->at == p->text.n) {
		refuse(p, "empty", 0, NULL, "the condition is empty");
		return NULL;
	}
	root = parse_or(p);
	skip_space(p);
	if (!root || p->at == p->text.n)
		return root;
	refuse(p, peek(p) == ')' ? "parenthesis" : "operatorExpected", p->at,
	       peek(p) == '&' || peek(p) == '|' ? "comparisons are joined by && and ||" : NULL,
	       "an operator or the end was expected, not %s", describe(p, buf));
	return NULL;
}

int filter_parse(const char *text, struct filter **ret, struct kp_error *reterr)
{
	_cleanup_(filter_freep) struct filter *f = calloc(1, sizeof(*f));
	struct parser p = {.text = span_of(text), .filter = f, .reterr = reterr};
	const struct filter_node *root;

	if (p.text.n > FILTER_TEXT_MAX)
		return filter_error(reterr, "tooLong", FILTER_TEXT_MAX, NULL,
				    "a condition may have %d bytes", FILTER_TEXT_MAX);
	if (!f)
		return -ENOMEM;
	f->terms = calloc(FILTER_TERMS_MAX, sizeof(*f->terms));
	f->nodes = calloc(FILTER_NODES_MAX, sizeof(*f->nodes));
	f->strings = malloc(p.text.n + 1);
	if (!f->terms || !f->nodes || !f->strings)
		return -ENOMEM;
	root = parse_all(&p);
	if (!root)
		return p.error;
	f->root = (unsigned int)(root - f->nodes);
	link_terms(f, root, FILTER_ACCEPT, FILTER_REJECT);

	*ret = take_ptr(f);
	return 0;
}

struct filter *filter_free(struct filter *f)
{
	free(f->terms);
	free(f->nodes);
	free(f->strings);
	free(f);
	return NULL;
}
