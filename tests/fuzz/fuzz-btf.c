/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fuzzes the types themselves: an input is raw BTF, which everything here that reads types is let
 * loose on.
 *
 * The kernel checks the BTF it hands out, and libbpf what it loads; but chains that go round,
 * members beyond their struct, sizes that overflow and names that are none still come through here.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/btf.h>

#include "btf-compile.h"
#include "btf-type.h"
#include "cleanup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void compile(struct btf_store *store, const char *definition)
{
	struct kp_error e = KP_ERROR_INIT;
	struct probe_spec spec;

	if (probe_spec_parse(definition, &spec, NULL) < 0)
		abort();
	if (btf_compile_spec(&spec, store, spec.module, spec.symbol, &e) < 0 && !e.reason[0])
		abort();
	probe_spec_done(&spec);
}

static void use_function(struct btf_store *store, const char *name)
{
	char definition[512];
	struct btf_prototype p;
	char *text;

	if (btf_find_func(store, NULL, name, &p) < 0)
		return;
	if (btf_prototype_text(&p, &text) == 0)
		free(text);
	for (size_t i = 0; i < strlen(name); i++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_", name[i]))
			return;
	if (strlen(name) > 60 || strlen(name) < 2)
		return;
	snprintf(definition, sizeof(definition), "p:probe %s $arg*", name);
	compile(store, definition);
	snprintf(definition, sizeof(definition), "p:probe %s node->next->inner.text", name);
	compile(store, definition);
	snprintf(definition, sizeof(definition),
		 "p:probe %s ((struct node *)$arg1)->many[3]->color", name);
	compile(store, definition);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct btf_store *store;
	const struct btf *btf;
	uint32_t n;

	if (size > 1 << 20 || btf_store_new("/nonexistent", &store) < 0)
		return 0;
	if (btf_store_set_kernel(store, data, (uint32_t)size) < 0 ||
	    btf_store_get(store, NULL, &btf) < 0) {
		btf_store_free(store);
		return 0;
	}
	n = btf__type_cnt(btf) < 300 ? btf__type_cnt(btf) : 300;
	for (uint32_t id = 0; id < n + 2; id++) {
		char text[BTF_TEXT_MAX];
		struct btf_place place;

		btf_type_size(btf, id);
		btf_type_call(btf, id);
		btf_type_text(btf, id, "name", text, sizeof(text));
		btf_member_list(btf, id, text, sizeof(text));
		btf_member_nearest(btf, id, span_of("nxt"));
		btf_member_find(btf, id, span_of("color"), &place);
		if (id && id < n && btf_is_func(btf__type_by_id(btf, id)))
			use_function(store, btf_type_name(btf, btf__type_by_id(btf, id)));
	}
	btf_store_similar(store, btf, "nod", ~0U);
	btf_store_free(store);
	return 0;
}
