/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Typed expressions: arguments as a C programmer writes them, "file->f_path.dentry->d_name.name".
 *
 * Pure: this is the grammar only; what the names mean, btf-compile.c finds out. An expression is a
 * base (a parameter's name, $argN, $retval, a register) and steps that are taken from it one after
 * the other:
 *
 *	expression = "*" expression | operand { "->" NAME | "." NAME | "[" NUMBER "]" }
 *	operand    = "(" type ")" operand | "(" expression ")" | NAME | $argN | $retval | %REG |
 *	             "container_of(" expression "," type "," NAME { "." NAME | "[" NUMBER "]" } ")"
 *	type       = ["const"] ["struct" | "union" | "enum"] NAME {"*"}
 *
 * Inside parentheses a cast is one of C. Outside of all it binds to what is right behind it, and
 * "(struct sock *)sk->sk_family" is "((struct sock *)sk)->sk_family": in C it would make a pointer
 *of a number, which nobody means who writes it here.
 */
#ifndef KP_BTF_EXPR_H
#define KP_BTF_EXPR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "span.h"

/* Nothing the kernel can fetch has that many. */
#define BTF_STEPS_MAX 40
/* Characters of an expression */
#define BTF_EXPRESSION_MAX 255

enum btf_step_kind {
	BTF_STEP_ARROW,
	BTF_STEP_DOT,
	BTF_STEP_INDEX,
	BTF_STEP_DEREF,
	BTF_STEP_CAST,
	BTF_STEP_CONTAINER, /* of the member that the DOT and INDEX steps behind it lead to */
	BTF_STEP_CONTAINER_END,
};

/* A type as it is written */
struct btf_type_name {
	struct span keyword; /* "struct", "union", "enum", or empty */
	struct span name;    /* may have blanks in it: "unsigned int" */
	unsigned int pointers;
	int position;
};

struct btf_step {
	enum btf_step_kind kind;
	int position;		   /* of the name, number or operator in the definition */
	int operator_position;	   /* of "->", "." or "[" */
	struct span name;	   /* ARROW, DOT */
	uint64_t index;		   /* INDEX */
	struct btf_type_name type; /* CAST, CONTAINER */
};

struct btf_expr {
	struct span base; /* "file", "$arg1", "$retval", "%di" */
	int base_position;
	struct btf_step steps[BTF_STEPS_MAX];
	size_t n_steps;
};

/* Whether @text is meant as an expression, and is nothing that the kernel's own grammar has. */
bool btf_expr_is_one(struct span text);

/*
 * Parses all of @text, which stands at @position and outlives @ret. 0 or -EINVAL with @reterr
 * (reason "badExpression", "tooManyOps", or "argTooLong").
 */
int btf_expr_parse(struct span text, int position, struct btf_expr *ret, struct kp_error *reterr);

/* What its value is called when nobody has given it a name: its last member's or parameter's. */
struct span btf_expr_name(const struct btf_expr *e);

#endif
