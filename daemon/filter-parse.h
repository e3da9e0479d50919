/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The condition language: what a subscriber wants of events, as text and parsed.
 *
 *     condition  = and { "||" and }            and = not { "&&" not }
 *     not        = "!" not | "(" condition ")" | comparison
 *     comparison = FIELD [ OPERATOR VALUE ]
 *     OPERATOR   = "==" "!=" "<" "<=" ">" ">=" "&" (any of these bits) "~" (glob) "^=" (begins
 * with) VALUE      = NUMBER [ "ns" | "us" | "ms" | "s" ] | STRING
 *
 * A field is an argument by its name, with "args." in front or without, or one of the common fields
 * (enum filter_common), of which durationNs is duration as well; without "args." an argument hides
 * the common field of its name. A field
 * alone is a number that is not 0. Numbers are decimal, 0x hexadecimal or 0 octal, with a sign or
 * without; a unit makes nanoseconds of them. Strings stand in '"' or "'", with \\, \", \', \n and
 * \t; they are compared with ==, !=, ~ and ^= only, and what they are compared with is the text
 * that the event shows.
 *
 * A comparison whose field the event does not have, or has as something else (a string where a
 * number is compared), or could not be read, is false; so "!" in front of it is true. Of an array
 * it is true if it is true of any element.
 *
 * Pure. A parsed condition is a row of comparisons, in the order of the text, each with where to go
 * on: whoever evaluates it needs no stack and no recursion. What makes something else of it
 * (helper-condition.c) has the tree as well.
 */
#ifndef KP_FILTER_PARSE_H
#define KP_FILTER_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cleanup.h"
#include "error.h"
#include "probe-spec.h"

#define FILTER_TEXT_MAX	  4096
#define FILTER_TERMS_MAX  64
#define FILTER_DEPTH_MAX  16 /* "(" and "!" inside each other */
#define FILTER_STRING_MAX 255

enum filter_op {
	FILTER_EQUAL,
	FILTER_UNEQUAL,
	FILTER_LESS,
	FILTER_LESS_EQUAL,
	FILTER_GREATER,
	FILTER_GREATER_EQUAL,
	FILTER_BITS,
	FILTER_GLOB,
	FILTER_PREFIX,
	FILTER_TRUE, /* the field alone */
};

/* What is no argument. Those from FILTER_PID on are not in what tracefs records. */
enum filter_common {
	FILTER_TS,
	FILTER_CPU,
	FILTER_TID,
	FILTER_COMM,
	FILTER_PROBE,
	FILTER_SITE,
	FILTER_CALLER,
	FILTER_PID,
	FILTER_UID,
	FILTER_CGROUP,
	FILTER_KTHREAD,
	FILTER_RET,
	FILTER_DURATION,
	FILTER_NO_COMMON,
};

/* Any int64 or uint64: the value in two's complement, and which of the two it is. */
struct filter_number {
	uint64_t value;
	bool is_negative;
};

enum filter_literal {
	FILTER_NOTHING,
	FILTER_NUMBER,
	FILTER_STRING,
};

/* Instead of a comparison to go on with: the condition is true, or false. */
#define FILTER_ACCEPT 254
#define FILTER_REJECT 255

struct filter_term {
	enum filter_op op;
	enum filter_common common;	   /* what the name means if it is no argument's */
	bool is_arg;			   /* "args." was written */
	char name[PROBE_ARG_NAME_MAX + 1]; /* without "args." */
	size_t name_len;
	enum filter_literal literal;
	struct filter_number number;
	const char *string; /* borrowed from the filter, unescaped, not terminated */
	size_t string_len;
	int position;	    /* of the field in the text */
	int value_position; /* of the literal */
	uint8_t yes, no;    /* index of the next comparison, FILTER_ACCEPT or FILTER_REJECT */
};

enum filter_node_kind {
	FILTER_NODE_TERM,
	FILTER_NODE_AND,
	FILTER_NODE_OR,
};

struct filter_node {
	uint8_t kind;	     /* enum filter_node_kind */
	bool is_negated;     /* all of it */
	uint8_t term;	     /* the comparison; of others their leftmost one */
	uint8_t left, right; /* nodes */
};

/* Each comparison but the first comes with one "&&" or "||", and "!" is no node. */
#define FILTER_NODES_MAX (2 * FILTER_TERMS_MAX)

struct filter {
	struct filter_term *terms; /* owned; the first is where to begin */
	size_t n_terms;
	struct filter_node *nodes; /* owned */
	size_t n_nodes;
	unsigned int root; /* of the nodes */
	char *strings;	   /* owned */
};

/*
 * Parses @text. 0, -ENOMEM, or -EINVAL with @reterr filled: KP_INVALID_FILTER, a reason, and the
 * position as an offset in bytes.
 */
int filter_parse(const char *text, struct filter **ret, struct kp_error *reterr);
struct filter *filter_free(struct filter *f);
DEFINE_CLEANUP(struct filter *, filter_free);

/* The name of a common field; static. */
const char *filter_common_name(enum filter_common field);

/* Fills @e with KP_INVALID_FILTER; -EINVAL. */
int filter_error(struct kp_error *e, const char *reason, int position, const char *hint,
		 const char *fmt, ...) __attribute__((__format__(__printf__, 5, 6)));

#endif
