/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See varlink-idl.h. A recursive descent with one token of look-ahead; each parse_*() begins at the
 * token it is named after, and the first error ends everything.
 *
 * A named type may be used above its definition. So a use is remembered, and filled in from the
 * definition at the end; definitions are structs or enums, never names, so one step is enough.
 */
#include "varlink-idl.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "varlink-lexer.h"

/* Parentheses, brackets and question marks inside each other. */
#define DEPTH_MAX 16

/* Everything is allocated with this in front, and released in one go. */
struct varlink_allocation {
	struct varlink_allocation *next; /* owned */
	max_align_t data[];
};

struct use {
	struct varlink_type *type;
	const char *name;
	unsigned int line;
	struct use *next;
};

struct parser {
	struct varlink_interface *iface; /* borrowed from varlink_interface_parse() */
	struct varlink_lexer lexer;
	struct use *uses;	/* allocated in iface */
	unsigned int name_line; /* of the last name */
	unsigned int depth;
	char *reterr;
	size_t reterr_size;
};

DEFINE_CLEANUP(struct varlink_interface *, varlink_interface_free);

static int parse_type(struct parser *p, const struct varlink_type **ret);

static __attribute__((__format__(__printf__, 3, 4))) int fail(struct parser *p, unsigned int line,
							      const char *fmt, ...)
{
	va_list ap;
	int n;

	n = snprintf(p->reterr, p->reterr_size, "line %u: ", line);
	if (n >= 0 && (size_t)n < p->reterr_size) {
		va_start(ap, fmt);
		vsnprintf(p->reterr + n, p->reterr_size - (size_t)n, fmt, ap);
		va_end(ap);
	}
	return -EINVAL;
}

static int fail_expected(struct parser *p, const char *what)
{
	const struct varlink_lexer *l = &p->lexer;

	if (l->token == TOKEN_END)
		return fail(p, l->line, "expected %s, not the end", what);
	return fail(p, l->line, "expected %s, not '%.*s'", what, l->len > 40 ? 40 : l->len,
		    l->start);
}

static void *allocate(struct varlink_interface *iface, size_t size)
{
	struct varlink_allocation *a = calloc(1, sizeof(*a) + size);

	if (!a)
		return NULL;
	a->next = iface->allocations;
	iface->allocations = a;
	return a->data;
}

static int expect(struct parser *p, enum varlink_token token, const char *what)
{
	if (p->lexer.token != token)
		return fail_expected(p, what);
	varlink_lexer_next(&p->lexer);
	return 0;
}

/* [A-Z][A-Za-z0-9]* */
static bool is_member_name(const char *s, int len)
{
	int i;

	if (!isupper((unsigned char)s[0]))
		return false;
	for (i = 1; i < len; i++) {
		if (!isalnum((unsigned char)s[i]))
			return false;
	}
	return true;
}

/* [A-Za-z](_?[A-Za-z0-9])* */
static bool is_field_name(const char *s, int len)
{
	int i;

	if (!isalpha((unsigned char)s[0]) || s[len - 1] == '_')
		return false;
	for (i = 1; i < len; i++) {
		if (!isalnum((unsigned char)s[i]) && (s[i] != '_' || s[i - 1] == '_'))
			return false;
	}
	return true;
}

/* Two or more parts with dots between, each of letters, digits and inner dashes. */
static bool is_interface_name(const char *s, int len)
{
	int i, dots = 0;

	if (!isalpha((unsigned char)s[0]) || !isalnum((unsigned char)s[len - 1]))
		return false;
	for (i = 1; i < len; i++) {
		if (s[i] == '.') {
			dots++;
			if (!isalnum((unsigned char)s[i - 1]) || !isalnum((unsigned char)s[i + 1]))
				return false;
		} else if (!isalnum((unsigned char)s[i]) && s[i] != '-') {
			return false;
		}
	}
	return dots > 0;
}

static int parse_name(struct parser *p, bool (*is_valid)(const char *s, int len), const char *what,
		      const char **ret)
{
	char *name;

	if (p->lexer.token != TOKEN_WORD || !is_valid(p->lexer.start, p->lexer.len))
		return fail_expected(p, what);
	name = allocate(p->iface, (size_t)p->lexer.len + 1);
	if (!name)
		return -ENOMEM;
	memcpy(name, p->lexer.start, (size_t)p->lexer.len);
	p->name_line = p->lexer.line;
	varlink_lexer_next(&p->lexer);
	*ret = name;
	return 0;
}

/* The list in parentheses of a struct or, when its first entry has no type, of an enum. */
static int parse_fields(struct parser *p, struct varlink_type *type)
{
	const struct varlink_field **tail = &type->fields;
	bool first = true;
	int r;

	type->kind = VARLINK_STRUCT;
	varlink_lexer_next(&p->lexer);
	if (p->lexer.token == TOKEN_CLOSE) {
		varlink_lexer_next(&p->lexer);
		return 0;
	}
	for (;; varlink_lexer_next(&p->lexer)) {
		struct varlink_field *field = allocate(p->iface, sizeof(*field));

		if (!field)
			return -ENOMEM;
		r = parse_name(p, is_field_name, "the name of a field or value", &field->name);
		if (r < 0)
			return r;
		if (varlink_type_find(type, field->name))
			return fail(p, p->name_line, "'%s' stands here twice", field->name);

		if (first && p->lexer.token != TOKEN_COLON)
			type->kind = VARLINK_ENUM;
		first = false;
		if (type->kind == VARLINK_STRUCT) {
			r = expect(p, TOKEN_COLON, "':'");
			if (r == 0)
				r = parse_type(p, &field->type);
			if (r < 0)
				return r;
		}
		*tail = field;
		tail = &field->next;
		if (p->lexer.token != TOKEN_COMMA)
			break;
	}
	return expect(p, TOKEN_CLOSE, "',' or ')'");
}

static int parse_word_type(struct parser *p, struct varlink_type *type)
{
	static const struct {
		const char *word;
		enum varlink_kind kind;
	} builtin[] = {
		{"bool", VARLINK_BOOL},	    {"int", VARLINK_INT},	{"float", VARLINK_FLOAT},
		{"string", VARLINK_STRING}, {"object", VARLINK_OBJECT},
	};
	struct use *use;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(builtin); i++) {
		if (varlink_lexer_is_word(&p->lexer, builtin[i].word)) {
			type->kind = builtin[i].kind;
			varlink_lexer_next(&p->lexer);
			return 0;
		}
	}

	use = allocate(p->iface, sizeof(*use));
	if (!use)
		return -ENOMEM;
	use->type = type;
	use->line = p->lexer.line;
	use->next = p->uses;
	p->uses = use;
	return parse_name(p, is_member_name, "a type", &use->name);
}

static int parse_type(struct parser *p, const struct varlink_type **ret)
{
	struct varlink_type *type = allocate(p->iface, sizeof(*type));
	int r;

	if (!type)
		return -ENOMEM;
	if (p->depth == DEPTH_MAX)
		return fail(p, p->lexer.line, "types are nested too deeply");
	p->depth++;

	if (p->lexer.token == TOKEN_NULLABLE) {
		type->nullable = true;
		varlink_lexer_next(&p->lexer);
	}
	switch (p->lexer.token) {
	case TOKEN_ARRAY:
	case TOKEN_DICT:
		type->kind = p->lexer.token == TOKEN_ARRAY ? VARLINK_ARRAY : VARLINK_DICT;
		varlink_lexer_next(&p->lexer);
		r = parse_type(p, &type->element);
		break;
	case TOKEN_OPEN:
		r = parse_fields(p, type);
		break;
	case TOKEN_WORD:
		r = parse_word_type(p, type);
		break;
	default:
		r = fail_expected(p, "a type");
	}

	p->depth--;
	*ret = type;
	return r;
}

/* What a method takes or gives, and what an error carries, is a struct written out in place. */
static int parse_parameters(struct parser *p, const struct varlink_type **ret)
{
	unsigned int line = p->lexer.line;
	int r;

	if (p->lexer.token != TOKEN_OPEN)
		return fail_expected(p, "'('");
	r = parse_type(p, ret);
	if (r < 0)
		return r;
	if ((*ret)->kind != VARLINK_STRUCT)
		return fail(p, line, "parameters need types");
	return 0;
}

static int parse_member(struct parser *p, struct varlink_member *member)
{
	int r;

	if (varlink_lexer_is_word(&p->lexer, "type"))
		member->kind = VARLINK_TYPE;
	else if (varlink_lexer_is_word(&p->lexer, "method"))
		member->kind = VARLINK_METHOD;
	else if (varlink_lexer_is_word(&p->lexer, "error"))
		member->kind = VARLINK_ERROR;
	else
		return fail_expected(p, "'type', 'method' or 'error'");
	varlink_lexer_next(&p->lexer);

	r = parse_name(p, is_member_name, "a name with a capital", &member->name);
	if (r < 0)
		return r;
	if (varlink_interface_find(p->iface, VARLINK_TYPE, member->name) ||
	    varlink_interface_find(p->iface, VARLINK_METHOD, member->name) ||
	    varlink_interface_find(p->iface, VARLINK_ERROR, member->name))
		return fail(p, p->name_line, "'%s' is defined twice", member->name);

	switch (member->kind) {
	case VARLINK_TYPE:
		return p->lexer.token == TOKEN_OPEN ? parse_type(p, &member->type)
						    : fail_expected(p, "'('");
	case VARLINK_ERROR:
		return parse_parameters(p, &member->type);
	case VARLINK_METHOD:
		break;
	}
	r = parse_parameters(p, &member->in);
	if (r == 0)
		r = expect(p, TOKEN_ARROW, "'->'");
	if (r == 0)
		r = parse_parameters(p, &member->out);
	return r;
}

/* Puts the definitions where the names stand. */
static int resolve(struct parser *p)
{
	struct use *use;

	for (use = p->uses; use; use = use->next) {
		const struct varlink_member *definition =
			varlink_interface_find(p->iface, VARLINK_TYPE, use->name);

		if (!definition)
			return fail(p, use->line, "unknown type '%s'", use->name);
		use->type->kind = definition->type->kind;
		use->type->fields = definition->type->fields;
	}
	return 0;
}

int varlink_interface_parse(const char *text, struct varlink_interface **ret, char *reterr,
			    size_t reterr_size)
{
	_cleanup_(varlink_interface_freep) struct varlink_interface *iface = NULL;
	struct parser p = {
		.lexer = VARLINK_LEXER_INIT(text), .reterr = reterr, .reterr_size = reterr_size};
	struct varlink_member **tail;
	int r;

	iface = calloc(1, sizeof(*iface));
	if (!iface)
		return -ENOMEM;
	p.iface = iface;
	tail = &iface->members;

	varlink_lexer_next(&p.lexer);
	if (!varlink_lexer_is_word(&p.lexer, "interface"))
		return fail_expected(&p, "'interface'");
	varlink_lexer_next(&p.lexer);
	r = parse_name(&p, is_interface_name, "the name of an interface", &iface->name);
	if (r < 0)
		return r;

	while (p.lexer.token != TOKEN_END) {
		struct varlink_member *member = allocate(iface, sizeof(*member));

		if (!member)
			return -ENOMEM;
		r = parse_member(&p, member);
		if (r < 0)
			return r;
		*tail = member;
		tail = &member->next;
	}
	r = resolve(&p);
	if (r < 0)
		return r;

	*ret = take_ptr(iface);
	return 0;
}

struct varlink_interface *varlink_interface_free(struct varlink_interface *iface)
{
	struct varlink_allocation *a, *next;

	if (!iface)
		return NULL;
	for (a = iface->allocations; a; a = next) {
		next = a->next;
		free(a);
	}
	free(iface);
	return NULL;
}

const struct varlink_member *varlink_interface_find(const struct varlink_interface *iface,
						    enum varlink_member_kind kind, const char *name)
{
	const struct varlink_member *member;

	for (member = iface->members; member; member = member->next) {
		if (member->kind == kind && strcmp(member->name, name) == 0)
			return member;
	}
	return NULL;
}

const struct varlink_field *varlink_type_find(const struct varlink_type *type, const char *name)
{
	const struct varlink_field *field;

	for (field = type->fields; field; field = field->next) {
		if (strcmp(field->name, name) == 0)
			return field;
	}
	return NULL;
}
