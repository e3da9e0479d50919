/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A probe of the helper module from its definition to its events. An input is a definition, a
 * condition, and a record, with NULs between them.
 *
 * What holds for every input: the programs made of the definition are such as the module takes, by
 * the rules of kprobed-ioctl.h as they are written here once more; every argument lies within its
 * part, behind the one before it; the record, whatever it is, becomes a text within its bound; and
 * the condition judges record and text alike. An error has a reason and a position in the text.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/hit-record.h"
#include "cleanup.h"
#include "filter-eval.h"
#include "filter-text.h"

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition);  \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *next_text(const uint8_t **data, size_t *size)
{
	size_t n = strnlen((const char *)*data, *size);
	char *text = strndup((const char *)*data, n);

	CHECK(text);
	n += n < *size;
	*data += n;
	*size -= n;
	return text;
}

static void check_insn(const struct kprobed_insn *insn, bool is_return)
{
	bool has_n = insn->op == KPROBED_FETCH_STORE || insn->op == KPROBED_FETCH_BITS;
	bool has_len = insn->op == KPROBED_FETCH_BITS ||
		       (insn->op >= KPROBED_FETCH_MEM && insn->op <= KPROBED_FETCH_USTR);

	CHECK(insn->op >= KPROBED_FETCH_REG && insn->op <= KPROBED_FETCH_COMM);
	CHECK(insn->arg < KPROBED_ARGS_MAX && (has_n || !insn->n) && (has_len || !insn->len));
	switch (insn->op) {
	case KPROBED_FETCH_REG:
		CHECK(insn->imm % 8 == 0 && insn->imm < 21 * 8);
		break;
	case KPROBED_FETCH_STACK:
		CHECK(insn->imm < 512);
		break;
	case KPROBED_FETCH_RET:
		CHECK(is_return && !insn->imm);
		break;
	case KPROBED_FETCH_BITS:
		CHECK(insn->len >= 1 && insn->n + insn->len <= 64 && insn->imm <= 1);
		break;
	case KPROBED_FETCH_STORE:
		CHECK((insn->n == 1 || insn->n == 2 || insn->n == 4 || insn->n == 8) && !insn->imm);
		break;
	case KPROBED_FETCH_MEM:
	case KPROBED_FETCH_UMEM:
		CHECK(insn->len >= 1 && insn->len <= KPROBED_PART_MAX);
		break;
	case KPROBED_FETCH_STR:
	case KPROBED_FETCH_USTR:
		CHECK(insn->len >= 2 && insn->len <= KPROBED_STRING_MAX);
		break;
	case KPROBED_FETCH_SP:
	case KPROBED_FETCH_TASK:
	case KPROBED_FETCH_COMM:
		CHECK(!insn->imm);
		break;
	}
}

static void check_program(const struct kprobed_insn *insns, size_t n, bool is_return)
{
	size_t strings = 0;

	CHECK(n <= KPROBED_FETCH_MAX);
	for (size_t i = 0; i < n; i++) {
		check_insn(&insns[i], is_return);
		if (insns[i].op == KPROBED_FETCH_STR || insns[i].op == KPROBED_FETCH_USTR)
			strings += insns[i].len;
	}
	CHECK(hit_fixed(insns, n) + strings <= KPROBED_PART_MAX);
}

static void check_args(const struct probe_spec *spec, const struct helper_program *program)
{
	size_t ends[2] = {KPROBED_COMM_LEN, 0};

	CHECK(program->comm_offset == 0 && program->n_args == spec->n_args);
	for (size_t i = 0; i < program->n_args; i++) {
		const struct helper_arg *a = &program->args[i];

		CHECK(a->number == i && a->size > 0 && a->count == spec->args[i].count);
		CHECK(a->part == HELPER_ENTRY || spec->kind == PROBE_CALL);
		CHECK(a->offset == ends[a->part]);
		ends[a->part] += (size_t)a->size * (a->count ? a->count : 1);
	}
	CHECK(ends[0] == hit_fixed(program->entry, program->n_entry));
	CHECK(ends[1] == hit_fixed(program->ret, program->n_ret));
}

static void check_record(const struct decoder *d, const char *condition, const uint8_t *data,
			 size_t size)
{
	const struct record_context context = {.seq = 1, .ts = 2, .cpu = 3};
	size_t len = size < RECORD_HEADER_SIZE ? RECORD_HEADER_SIZE : size;
	size_t bound = decoder_bound(d, len, 0), n;
	_cleanup_free_ unsigned char *record = calloc(1, len);
	_cleanup_free_ char *text = malloc(bound);
	_cleanup_(filter_freep) struct filter *f = NULL;
	_cleanup_(filter_program_freep) struct filter_program *p = NULL;

	CHECK(record && text);
	memcpy(record, data, size);
	n = decoder_write(d, record, len, &context, text);
	CHECK(n > 0 && n <= bound && text[0] == '{' && text[n - 1] == '}');
	if (filter_parse(condition, &f, NULL) < 0)
		return;
	CHECK(filter_compile(f, d, &p) == 0);
	CHECK(filter_eval(p, d, record, len, &context) == filter_match_text(f, text, n));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *definition = next_text(&data, &size);
	_cleanup_free_ char *condition = next_text(&data, &size);
	_cleanup_(probe_spec_done) struct probe_spec spec = PROBE_SPEC_INIT;
	_cleanup_(helper_program_done) struct helper_program program = {.entry = NULL};
	_cleanup_(decoder_freep) struct decoder *d = NULL;
	struct kp_error e = KP_ERROR_INIT;
	struct event_format format;

	if (probe_spec_parse(definition, &spec, NULL) < 0 || spec.kind == PROBE_RETURN)
		return 0;
	/* Their text is no fetch argument yet. */
	for (size_t i = 0; i < spec.n_args; i++)
		if (spec.args[i].expression)
			return 0;
	if (helper_program_compile(&spec, &program, &e) < 0) {
		CHECK(e.code == KP_INVALID_DEFINITION && e.reason[0] && e.message[0]);
		CHECK(e.position >= 0 && (size_t)e.position < strlen(definition));
		return 0;
	}
	check_program(program.entry, program.n_entry, false);
	check_program(program.ret, program.n_ret, true);
	check_args(&spec, &program);
	CHECK(event_format_parse(hit_format, &format) == 0);
	CHECK(decoder_new_hit(&spec, &program, &format, "name", "site+0x0", &d) == 0);
	event_format_done(&format);
	check_record(d, condition, data, size);
	return 0;
}
