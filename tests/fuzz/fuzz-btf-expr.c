/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fuzzes typed expressions over the types of tests/unit/btf-world.h. An input is a definition.
 *
 * What holds for every input: an error has a reason, a sentence and a position inside the text;
 * what is compiled has a line that the kernel's grammar accepts and that fetches the same; its
 * normal form compiles to an equal probe.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/btf-world.h"
#include "btf-compile.h"
#include "cleanup.h"

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition);  \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct btf_store *store(void)
{
	static struct btf_store *made;
	struct btf *btf;
	const void *raw;
	uint32_t n;

	if (made)
		return made;
	btf = world_new();
	CHECK(btf && btf_store_new("/nonexistent", &made) == 0);
	raw = btf__raw_data(btf, &n);
	CHECK(btf_store_set_kernel(made, raw, n) == 0);
	btf__free(btf);
	return made;
}

static void check_error(int r, const struct kp_error *e, size_t length)
{
	CHECK(r == -EINVAL || r == -EOPNOTSUPP);
	CHECK(e->code == KP_INVALID_DEFINITION || e->code == KP_HELPER_REQUIRED);
	CHECK(e->reason[0] && e->message[0]);
	CHECK(e->position >= 0 && (size_t)e->position <= length);
}

static void check_line(const struct probe_spec *spec)
{
	_cleanup_(probe_spec_done) struct probe_spec again = PROBE_SPEC_INIT;
	_cleanup_free_ char *line = NULL;

	if (probe_spec_format_kernel(spec, "kprobed", "ev", NULL, &line) < 0)
		return;
	CHECK(probe_spec_parse(line, &again, NULL) == 0);
	CHECK(again.n_args == spec->n_args);
	for (size_t i = 0; i < spec->n_args; i++) {
		CHECK(!again.args[i].expression);
		CHECK(strcmp(again.args[i].name, spec->args[i].name) == 0);
		CHECK(strcmp(again.args[i].fetch, spec->args[i].fetch) == 0);
	}
}

static void check_normal_form(const struct probe_spec *spec)
{
	_cleanup_(probe_spec_done) struct probe_spec again = PROBE_SPEC_INIT;
	_cleanup_free_ char *normal = NULL;

	CHECK(probe_spec_format(spec, &normal) == 0);
	if (strlen(normal) > PROBE_LINE_MAX)
		return;
	CHECK(probe_spec_parse(normal, &again, NULL) == 0);
	CHECK(btf_compile_spec(&again, store(), again.module, again.symbol, NULL) == 0);
	CHECK(probe_spec_equal(spec, &again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(probe_spec_done) struct probe_spec spec = PROBE_SPEC_INIT;
	_cleanup_free_ char *text = strndup((const char *)data, size);
	struct kp_error e = KP_ERROR_INIT;
	int r;

	CHECK(text);
	btf_store_set_keeps_arguments(store(), strlen(text) % 2);
	r = probe_spec_parse(text, &spec, &e);
	if (r == 0) {
		r = btf_compile_spec(&spec, store(), spec.module, spec.symbol, &e);
		/* An event may be too large only now. */
		CHECK(r != -EINVAL || e.position >= 0);
	}
	if (r < 0) {
		check_error(r, &e, strlen(text));
		return 0;
	}
	check_line(&spec);
	check_normal_form(&spec);
	return 0;
}
