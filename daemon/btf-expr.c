/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See btf-expr.h. A parser by recursive descent; parentheses go NESTING_MAX deep.
 */
#include "btf-expr.h"

#include <errno.h>

#include "cleanup.h"

enum { NESTING_MAX = 16 };

struct parser {
	struct span text;
	size_t at;
	int start; /* of the text in the definition */
	int nesting;
	int depth; /* of parentheses around an expression */
	struct btf_expr *e;
	struct kp_error *reterr;
};

static int here(const struct parser *p)
{
	return p->start + (int)p->at;
}

static void skip_space(struct parser *p)
{
	while (char_is_space(span_at(p->text, p->at)))
		p->at++;
}

static char peek(struct parser *p)
{
	skip_space(p);
	return span_at(p->text, p->at);
}

static bool accept(struct parser *p, const char *token)
{
	skip_space(p);
	if (!span_starts(span_from(p->text, p->at), token))
		return false;
	p->at += strlen(token);
	return true;
}

static bool is_name_start(char c)
{
	return char_is_alpha(c) || c == '_';
}

/* The identifier that comes next; empty: none */
static struct span read_name(struct parser *p)
{
	size_t start, n = 0;

	skip_space(p);
	start = p->at;
	if (is_name_start(span_at(p->text, start)))
		while (char_is_name(span_at(p->text, start + n)))
			n++;
	p->at += n;
	return (struct span){p->text.p + start, n};
}

static int wrong(struct parser *p, int position, const char *hint, const char *message)
{
	return kp_error_definition(p->reterr, "badExpression", position, hint, "%s", message);
}

static int add_step(struct parser *p, struct btf_step step)
{
	if (p->e->n_steps == BTF_STEPS_MAX)
		return kp_error_definition(p->reterr, "tooManyOps", step.position, NULL,
					   "The expression has more than %d steps.", BTF_STEPS_MAX);
	p->e->steps[p->e->n_steps++] = step;
	return 0;
}

static bool is_any(struct span s, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (span_is(s, words[i]))
			return true;
	return false;
}

static const char *const qualifiers[] = {"const", "volatile"};
static const char *const keywords[] = {"struct", "union", "enum"};
/* Words that may stand in front of others in the name of a number's type */
static const char *const int_words[] = {"unsigned", "signed", "long", "short", "int", "char"};

/* "const struct sock *"; false, and nowhere in particular, when it is no type. */
static bool read_type(struct parser *p, struct btf_type_name *ret)
{
	struct btf_type_name t = {.position = here(p)};
	struct span word = read_name(p);

	while (is_any(word, qualifiers, ARRAY_SIZE(qualifiers)))
		word = read_name(p);
	if (is_any(word, keywords, ARRAY_SIZE(keywords))) {
		t.keyword = word;
		word = read_name(p);
	}
	t.name = word;
	while (is_any(word, int_words, ARRAY_SIZE(int_words)) && is_name_start(peek(p))) {
		word = read_name(p);
		t.name.n = (size_t)(word.p + word.n - t.name.p);
	}
	if (t.name.n == 0)
		return false;
	while (accept(p, "*"))
		t.pointers++;
	*ret = t;
	return true;
}

/*
 * Whether "(" begins a cast: "(u32 *)", "(struct sock)", and "(u32)" only when something follows
 * that could be cast. Leaves the parser behind the ")" then, and where it was if not.
 */
static bool accept_cast(struct parser *p, struct btf_type_name *ret)
{
	size_t start = p->at;
	struct btf_type_name t;
	char next;

	if (accept(p, "(") && read_type(p, &t) && accept(p, ")")) {
		next = peek(p);
		if (t.pointers || t.keyword.n || is_name_start(next) ||
		    (next != '\0' && strchr("($%", next))) {
			*ret = t;
			return true;
		}
	}
	p->at = start;
	return false;
}

static int parse_expression(struct parser *p);

static int parse_index(struct parser *p, int operator_position)
{
	struct btf_step step = {.kind = BTF_STEP_INDEX, .operator_position = operator_position};
	struct span rest;
	size_t n = 0;

	skip_space(p);
	step.position = here(p);
	rest = span_from(p->text, p->at);
	while (char_is_name(span_at(rest, n)))
		n++;
	if (n == 0 || span_to_u64(span_first(rest, n), 0, &step.index) < 0)
		return wrong(p, step.position, "an index is a number: name[3]",
			     "The index is not a number.");
	p->at += n;
	if (!accept(p, "]"))
		return wrong(p, here(p), NULL, "The index is not closed.");
	return add_step(p, step);
}

/* Behind "->" and "." */
static int parse_member(struct parser *p, enum btf_step_kind kind, int operator_position)
{
	struct btf_step step = {.kind = kind, .operator_position = operator_position};

	skip_space(p);
	step.position = here(p);
	step.name = read_name(p);
	if (step.name.n == 0)
		return wrong(p, step.position, NULL, "Here the name of a member is missing.");
	return add_step(p, step);
}

/* "[3].name"; @has_arrow: "->" as well */
static int parse_path(struct parser *p, bool has_arrow)
{
	int r = 0;

	while (r == 0) {
		int position;

		skip_space(p);
		position = here(p);
		if (has_arrow && accept(p, "->"))
			r = parse_member(p, BTF_STEP_ARROW, position);
		else if (accept(p, "."))
			r = parse_member(p, BTF_STEP_DOT, position);
		else if (accept(p, "["))
			r = parse_index(p, position);
		else
			return 0;
	}
	return r;
}

/* Behind "container_of(" */
static int parse_container(struct parser *p, int position)
{
	struct btf_step step = {.kind = BTF_STEP_CONTAINER, .position = position};
	int r = parse_expression(p);

	if (r < 0)
		return r;
	if (!accept(p, ","))
		return wrong(p, here(p), "container_of(pointer, struct type, member)",
			     "Behind container_of's pointer the type is missing.");
	skip_space(p);
	if (!read_type(p, &step.type))
		return wrong(p, here(p), "container_of(pointer, struct type, member)",
			     "container_of's second argument is no type.");
	if (!accept(p, ","))
		return wrong(p, here(p), "container_of(pointer, struct type, member)",
			     "Behind container_of's type the member is missing.");
	r = add_step(p, step);
	if (r == 0)
		r = parse_member(p, BTF_STEP_DOT, here(p));
	if (r == 0)
		r = parse_path(p, false);
	if (r == 0)
		r = add_step(
			p, (struct btf_step){.kind = BTF_STEP_CONTAINER_END, .position = position});
	if (r == 0 && !accept(p, ")"))
		return wrong(p, here(p), NULL, "container_of's parenthesis is not closed.");
	return r;
}

static int parse_base(struct parser *p)
{
	int position;
	size_t n = 0;

	skip_space(p);
	position = here(p);
	if (span_at(p->text, p->at) == '$' || span_at(p->text, p->at) == '%')
		n++;
	while (char_is_name(span_at(p->text, p->at + n)))
		n++;
	p->e->base = (struct span){p->text.p + p->at, n};
	p->e->base_position = position;
	p->at += n;
	if (n > 0 && !char_is_digit(p->e->base.p[0]) && (n > 1 || is_name_start(p->e->base.p[0])))
		return 0;
	if (span_at(p->text, position - p->start) == '&')
		return wrong(p, position, "a pointer's own name gives its address",
			     "Addresses of members cannot be fetched.");
	return wrong(p, position,
		     "for instance: file->f_flags, $arg1->f_flags, ((struct file *)%di)->f_flags",
		     "Here the name of a parameter is missing.");
}

static int parse_operand(struct parser *p)
{
	struct btf_step cast = {.kind = BTF_STEP_CAST};
	int position, r;
	size_t start;

	if (++p->nesting > NESTING_MAX)
		return kp_error_definition(p->reterr, "tooManyOps", here(p), NULL,
					   "The parentheses are more than %d deep.", NESTING_MAX);
	skip_space(p);
	position = here(p);
	start = p->at;
	if (accept_cast(p, &cast.type)) {
		cast.position = cast.type.position;
		r = parse_operand(p);
		if (r == 0 && p->depth > 0)
			r = parse_path(p, true);
		return r < 0 ? r : add_step(p, cast);
	}
	if (accept(p, "(")) {
		p->depth++;
		r = parse_expression(p);
		p->depth--;
		if (r == 0 && !accept(p, ")"))
			return wrong(p, here(p), NULL, "The parenthesis is not closed.");
		return r;
	}
	if (span_is(read_name(p), "container_of") && accept(p, "("))
		return parse_container(p, position);
	p->at = start;
	return parse_base(p);
}

static int parse_expression(struct parser *p)
{
	int first = -1, r;
	size_t derefs = 0;

	while (peek(p) == '*') {
		if (derefs++ == 0)
			first = here(p);
		p->at++;
	}
	r = parse_operand(p);
	if (r == 0)
		r = parse_path(p, true);
	while (r == 0 && derefs-- > 0)
		r = add_step(p, (struct btf_step){.kind = BTF_STEP_DEREF, .position = first});
	return r;
}

int btf_expr_parse(struct span text, int position, struct btf_expr *ret, struct kp_error *reterr)
{
	struct parser p = {.text = text, .start = position, .e = ret, .reterr = reterr};
	int r;

	ret->n_steps = 0;
	if (text.n > BTF_EXPRESSION_MAX)
		return kp_error_definition(reterr, "argTooLong", position, NULL,
					   "An expression has %d characters at most.",
					   BTF_EXPRESSION_MAX);
	r = parse_expression(&p);
	if (r < 0)
		return r;
	if (peek(&p) != '\0')
		return wrong(&p, here(&p), "members: ->name .name [3]; a type: :u32",
			     "What follows here is no part of an expression.");
	return 0;
}

bool btf_expr_is_one(struct span text)
{
	char first = span_at(text, 0);
	size_t n = 1;

	if (is_name_start(first) || first == '(' || first == '*' ||
	    (first == '&' && is_name_start(span_at(text, 1))))
		return true;
	if (first != '$' && first != '%')
		return false;
	while (char_is_name(span_at(text, n)))
		n++;
	return span_at(text, n) == '.' || span_at(text, n) == '[' ||
	       (span_at(text, n) == '-' && span_at(text, n + 1) == '>');
}

struct span btf_expr_name(const struct btf_expr *e)
{
	bool is_inside = false; /* container_of's path, from behind */
	struct span name = e->base;

	for (size_t i = e->n_steps; i > 0; i--) {
		const struct btf_step *s = &e->steps[i - 1];

		if (s->kind == BTF_STEP_CONTAINER_END)
			is_inside = true;
		else if (s->kind == BTF_STEP_CONTAINER)
			is_inside = false;
		else if (!is_inside && (s->kind == BTF_STEP_ARROW || s->kind == BTF_STEP_DOT))
			return s->name;
	}
	if (span_at(name, 0) == '$' || span_at(name, 0) == '%')
		return span_from(name, 1);
	return name;
}
