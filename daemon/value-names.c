/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See value-names.h. One piece of memory: the rows by value, behind them the names. Most
 * enumerations have every value from the first to the last, and a row is then where its value says.
 */
#include "value-names.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "span.h"

struct row {
	int64_t value;
	uint32_t at; /* of the name in the text */
	uint32_t len;
	uint32_t order; /* in which it was given */
};

struct value_names {
	unsigned int refs;
	size_t n;
	const char *text; /* behind the rows */
	struct row rows[];
};

static int compare(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	if (x->value != y->value)
		return x->value < y->value ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

static void sort(struct value_names *names)
{
	size_t kept = 0;

	qsort(names->rows, names->n, sizeof(*names->rows), compare);
	for (size_t i = 0; i < names->n; i++)
		if (kept == 0 || names->rows[kept - 1].value != names->rows[i].value)
			names->rows[kept++] = names->rows[i];
	names->n = kept;
}

int value_names_new(const struct value_name *rows, size_t n, struct value_names **ret)
{
	struct value_names *names;
	size_t bytes = 0, at = 0;
	char *text;

	if (n > VALUE_NAMES_MAX)
		return -E2BIG;
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(rows[i].name);

		if (len > VALUE_NAME_TEXT_MAX)
			return -E2BIG;
		if (!span_is_name(span_of(rows[i].name)))
			return -EINVAL;
		bytes += len;
	}
	names = malloc(sizeof(*names) + n * sizeof(*names->rows) + bytes);
	if (!names)
		return -ENOMEM;
	text = (char *)(names->rows + n);
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(rows[i].name);

		memcpy(text + at, rows[i].name, len);
		names->rows[i] = (struct row){
			.value = rows[i].value,
			.at = (uint32_t)at,
			.len = (uint32_t)len,
			.order = (uint32_t)i,
		};
		at += len;
	}
	names->refs = 1;
	names->n = n;
	names->text = text;
	sort(names);
	*ret = names;
	return 0;
}

struct value_names *value_names_ref(struct value_names *names)
{
	if (names)
		__atomic_add_fetch(&names->refs, 1, __ATOMIC_RELAXED);
	return names;
}

struct value_names *value_names_unref(struct value_names *names)
{
	if (names && __atomic_sub_fetch(&names->refs, 1, __ATOMIC_ACQ_REL) == 0)
		free(names);
	return NULL;
}

static const struct row *find_row(const struct value_names *names, int64_t value)
{
	size_t low = 0, high = names->n;
	uint64_t index;

	if (names->n == 0 || value < names->rows[0].value)
		return NULL;
	index = (uint64_t)value - (uint64_t)names->rows[0].value;
	if (index < names->n && names->rows[index].value == value)
		return &names->rows[index];
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (names->rows[middle].value == value)
			return &names->rows[middle];
		if (names->rows[middle].value < value)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

const char *value_names_find(const struct value_names *names, int64_t value, size_t *ret_len)
{
	const struct row *row = find_row(names, value);

	if (!row)
		return NULL;
	*ret_len = row->len;
	return names->text + row->at;
}

bool value_names_value(const struct value_names *names, struct span name, int64_t *ret)
{
	for (size_t i = 0; names && i < names->n; i++) {
		const struct row *row = &names->rows[i];

		if (row->len == name.n && memcmp(names->text + row->at, name.p, name.n) == 0) {
			*ret = row->value;
			return true;
		}
	}
	return false;
}
