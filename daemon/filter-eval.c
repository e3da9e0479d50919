/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See filter-eval.h. */
#include "filter-eval.h"

#include <string.h>

#include "event-text.h"
#include "filter-value.h"

static char shown[DECODER_VALUE_MAX];

static bool load(const struct filter_test *t, const unsigned char *record, size_t len,
		 struct filter_number *ret)
{
	bool is_signed = t->kind == FILTER_TEST_SIGNED;
	const unsigned char *p = record + t->offset;
	uint64_t v = 0;

	/* What a short record does not have is shown as 0. */
	if ((size_t)t->offset + t->size <= len)
		switch (t->size) {
		case 1:
			v = is_signed ? (uint64_t)(int8_t)*p : *p;
			break;
		case 2: {
			uint16_t u;

			memcpy(&u, p, sizeof(u));
			v = is_signed ? (uint64_t)(int16_t)u : u;
			break;
		}
		case 4: {
			uint32_t u;

			memcpy(&u, p, sizeof(u));
			v = is_signed ? (uint64_t)(int32_t)u : u;
			break;
		}
		default:
			memcpy(&v, p, sizeof(v));
		}
	*ret = is_signed ? filter_signed((int64_t)v) : filter_unsigned(v);
	return true;
}

/*
 * As filter_test_string(), of bytes that may not be UTF-8 and are then shown otherwise. A number is
 * compared with what is shown, as in the text of an event: "0x5" is 5 there.
 */
static bool test_bytes(const struct filter_term *t, struct span s)
{
	bool by_text = t->literal != FILTER_STRING;
	char *end;

	for (size_t i = 0; i < s.n && !by_text; i++)
		by_text = (unsigned char)s.p[i] >= 0x80;
	if (!by_text)
		return filter_test_string(t, s.p, s.n);
	end = put_string(shown, s.p, s.n);
	return filter_test_json(t, shown, (size_t)(end - shown));
}

/* A value in one of the parts that records of the helper module have. */
static bool test_in_part(const struct filter_test *t, const struct decoder *d,
			 const unsigned char *record, size_t len)
{
	const struct decoder_field field = {
		.part = (enum decoder_part)t->part,
		.number = t->number,
		.value = t->kind == FILTER_TEST_STRING ? DECODER_STRING : DECODER_UNSIGNED,
	};
	struct filter_number n;
	struct span part, s;

	if (!decoder_part(d, record, len, &field, &part))
		return false;
	if (t->kind == FILTER_TEST_STRING)
		return decoder_string(part.p, part.n, t->offset, 0, &s) && test_bytes(t->term, s);
	return load(t, (const unsigned char *)part.p, part.n, &n) && filter_test_number(t->term, n);
}

static bool test(const struct filter_test *t, const struct decoder *d, const unsigned char *record,
		 size_t len, const struct record_context *context)
{
	struct filter_number n;
	struct span s;
	uint32_t tid;
	size_t size;

	if (t->part != DECODER_RECORD)
		return test_in_part(t, d, record, len);
	switch ((enum filter_test_kind)t->kind) {
	case FILTER_TEST_NEVER:
		return false;
	case FILTER_TEST_ALWAYS:
		return true;
	case FILTER_TEST_TS:
		return filter_test_number(t->term, filter_unsigned(context->ts));
	case FILTER_TEST_CPU:
		return filter_test_number(t->term, filter_unsigned(context->cpu));
	case FILTER_TEST_TID:
		memcpy(&tid, record + RECORD_PID_OFFSET, sizeof(tid));
		return filter_test_number(t->term, filter_signed((int32_t)tid));
	case FILTER_TEST_COMM:
		return test_bytes(t->term, decoder_comm(d, record, len));
	case FILTER_TEST_UNSIGNED:
	case FILTER_TEST_SIGNED:
		return load(t, record, len, &n) && filter_test_number(t->term, n);
	case FILTER_TEST_DURATION:
		n = filter_unsigned(decoder_duration(d, record, len, context->ts));
		return filter_test_number(t->term, n);
	case FILTER_TEST_STRING:
		return decoder_string(record, len, t->offset, t->next, &s) &&
		       test_bytes(t->term, s);
	case FILTER_TEST_SHOWN:
		size = decoder_write_value(d, t->offset, record, len, context, shown);
		return filter_test_json(t->term, shown, size);
	}
	return false;
}

bool filter_eval(const struct filter_program *p, const struct decoder *d, const void *record,
		 size_t len, const struct record_context *context)
{
	unsigned int at = 0;

	while (at < p->n_tests) {
		const struct filter_test *t = &p->tests[at];

		at = test(t, d, record, len, context) ? t->yes : t->no;
	}
	return at == FILTER_ACCEPT;
}
