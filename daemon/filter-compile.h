/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A condition compiled for one probe: where each compared value lies in its raw records.
 *
 * What the record has as a number or as plain text is compared as it lies there; anything else (an
 * address with a name, an array, a string compared with a number) is written as the event will show
 * it and compared like that, so that record and event are judged alike. A comparison that can never
 * be true of the probe, or always is (its name), is settled here.
 */
#ifndef KP_FILTER_COMPILE_H
#define KP_FILTER_COMPILE_H

#include <stdbool.h>
#include <stdint.h>

#include "cleanup.h"
#include "decode.h"
#include "filter-parse.h"

enum filter_test_kind {
	FILTER_TEST_NEVER,
	FILTER_TEST_ALWAYS,
	FILTER_TEST_TS,
	FILTER_TEST_CPU,
	FILTER_TEST_TID,
	FILTER_TEST_COMM,
	FILTER_TEST_DURATION, /* of a call */
	FILTER_TEST_UNSIGNED, /* 1, 2, 4 or 8 bytes at offset */
	FILTER_TEST_SIGNED,
	FILTER_TEST_STRING, /* a __data_loc at offset */
	FILTER_TEST_SHOWN,  /* the decoder's field index */
};

struct filter_test {
	uint8_t kind;
	uint8_t size;
	uint8_t yes, no;		/* as in struct filter_term */
	uint16_t offset;		/* or the index of the field */
	uint16_t next;			/* as in struct decoder_field */
	uint8_t part, number;		/* as in struct decoder_field */
	const struct filter_term *term; /* borrowed from the filter */
};

struct filter_program {
	uint64_t serial; /* of the decoder it is for */
	size_t n_tests;
	struct filter_test tests[];
};

/* @f, which must outlive the program, for what @d decodes. 0 or -ENOMEM. */
int filter_compile(const struct filter *f, const struct decoder *d, struct filter_program **ret);
struct filter_program *filter_program_free(struct filter_program *p);
DEFINE_CLEANUP(struct filter_program *, filter_program_free);

/* Why a comparison is false of all that a probe records. */
enum filter_fit {
	FILTER_FITS,
	FILTER_HAS_NO_FIELD,
	FILTER_IS_A_NUMBER,    /* compared with a string */
	FILTER_IS_A_STRING,    /* compared with a number */
	FILTER_IS_THE_HELPERS, /* only the helper module records it */
};
enum filter_fit filter_term_fit(const struct filter_term *t, const struct decoder *d);

/*
 * Whether @f can be true of any of @n probes: each comparison must fit one of them. 0, -EINVAL
 * (KP_INVALID_FILTER: unknownField, wrongType), or -EOPNOTSUPP (KP_HELPER_REQUIRED).
 */
int filter_check(const struct filter *f, const struct decoder *const *probes, size_t n,
		 struct kp_error *reterr);

#endif
