/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One comparison of a condition against one value. Pure; what filter-eval.c and filter-text.c have
 * in common, so that a raw record and its JSON text are judged alike.
 */
#ifndef KP_FILTER_VALUE_H
#define KP_FILTER_VALUE_H

#include <stdbool.h>
#include <stddef.h>

#include "filter-parse.h"

static inline struct filter_number filter_unsigned(uint64_t v)
{
	return (struct filter_number){.value = v};
}

static inline struct filter_number filter_signed(int64_t v)
{
	return (struct filter_number){.value = (uint64_t)v, .is_negative = v < 0};
}

/* Whether @t is true of the number @n; false if it compares with a string. */
static inline bool filter_test_number(const struct filter_term *t, struct filter_number n)
{
	uint64_t v = t->number.value;
	int order;

	if (t->literal == FILTER_STRING)
		return false;
	if (n.is_negative != t->number.is_negative)
		order = n.is_negative ? -1 : 1;
	else
		order = n.value < v ? -1 : n.value > v;
	switch (t->op) {
	case FILTER_EQUAL:
		return order == 0;
	case FILTER_UNEQUAL:
		return order != 0;
	case FILTER_LESS:
		return order < 0;
	case FILTER_LESS_EQUAL:
		return order <= 0;
	case FILTER_GREATER:
		return order > 0;
	case FILTER_GREATER_EQUAL:
		return order >= 0;
	case FILTER_BITS:
		return n.value & v;
	case FILTER_TRUE:
		return n.value != 0;
	default:
		return false;
	}
}

/*
 * Whether @t takes a call's result, where that is a pointer, for a number with a sign: what is an
 * error instead of one, ERR_PTR(), is negative. An address may be given as the number that it is.
 */
static inline bool filter_has_signed_result(const struct filter_term *t)
{
	return t->number.is_negative || t->number.value <= INT64_MAX;
}

/* Whether @t is true of a text as it is shown (valid UTF-8); false if it compares with a number. */
bool filter_test_string(const struct filter_term *t, const char *s, size_t len);

/*
 * Whether @t is true of a value of an event: a number, a string (0x and digits, 0 and octal ones,
 * and the name of an errno are numbers where one is compared), true or false (1 and 0), or an array
 * of these.
 */
bool filter_test_json(const struct filter_term *t, const char *json, size_t len);

/* The same of the result of a call, "ret". */
bool filter_test_result(const struct filter_term *t, const char *json, size_t len);

/* Whether all of @s matches: * ? [a-z] [!a-z], and a backslash before what means itself. */
bool filter_glob_match(const char *pattern, size_t pattern_len, const char *s, size_t len);

#endif
