/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The answer of io.kprobed.Symbols.Describe, without who asked: benchmarks ask as well. */
#ifndef KP_RPC_DESCRIBE_JSON_H
#define KP_RPC_DESCRIBE_JSON_H

#include "btf-store.h"
#include "function-lists.h"
#include "symbols.h"

struct json_object;

struct describe_request {
	const char *symbol, *module; /* borrowed; module NULL: any, "vmlinux": the kernel itself */
	uint64_t offset;
	bool sees_addresses;
};

/*
 * The reply, or (*@ret_is_missing) the parameters of NoSuchSymbol; the caller's. @lists, of the
 * same snapshot, and @types may be NULL: not known. Any thread, but one at a time for the types.
 */
struct json_object *describe_to_json(const struct describe_request *r, const struct symbols *s,
				     const struct function_lists *lists, struct btf_store *types,
				     bool *ret_is_missing);

#endif
