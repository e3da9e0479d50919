/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The types of the running kernel and of its modules, from /sys/kernel/btf.
 *
 * The kernel's are read when they are first asked for (5 MiB and more), a module's likewise, and
 * dropped when the module is gone or has come anew. Each has an index of its names, so that a
 * function's prototype is found in about a microsecond. What the store gives out is borrowed from
 * it until the next call with the same module. One thread: the knowledge worker.
 */
#ifndef KP_BTF_STORE_H
#define KP_BTF_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "calling.h"
#include "cleanup.h"

struct btf;
struct btf_store;

/* The kernel's functions have up to 20 or so parameters (6.12). */
#define BTF_PARAMS_MAX 32

/*
 * @directory holds "vmlinux" and a file for each module, raw BTF as the kernel gives it or ELF with
 * a .BTF section; NULL: /sys/kernel/btf. Reads nothing yet. -ENOMEM.
 */
int btf_store_new(const char *directory, struct btf_store **ret);
struct btf_store *btf_store_free(struct btf_store *s);
DEFINE_CLEANUP(struct btf_store *, btf_store_free);

/*
 * Takes the types in @data (copied) as the kernel's, in place of a file: for tests. -EINVAL when
 * they are none that can be used.
 */
int btf_store_set_kernel(struct btf_store *s, const void *data, uint32_t size);

/*
 * Whether the kernel keeps arguments from a function's entry to its return ($argN in a return
 * probe, 6.9 and on). It is the running kernel, unless a test says otherwise.
 */
bool btf_store_keeps_arguments(const struct btf_store *s);
void btf_store_set_keeps_arguments(struct btf_store *s, bool keeps);

/*
 * The types of @module (NULL or "vmlinux": the kernel's), those of the kernel included. -ENOENT:
 * the kernel has none (CONFIG_DEBUG_INFO_BTF, CONFIG_DEBUG_INFO_BTF_MODULES), or no such module;
 * -EINVAL: they are damaged; -ENOMEM, or the errno of reading. That there are none is remembered
 * for the kernel, as it will not change.
 */
int btf_store_get(struct btf_store *s, const char *module, const struct btf **ret);

/*
 * The number of the type called @name among those of @btf (given out by this store) whose kind is
 * in
 * @kinds, bits 1 << BTF_KIND_*; 0: there is none. Of several it is the first.
 */
uint32_t btf_store_find(const struct btf_store *s, const struct btf *btf, const char *name,
			uint32_t kinds);

/*
 * The name among those of @kinds most like @name (NUL-terminated, borrowed); NULL: none is. Goes
 * over all of them: for error messages.
 */
const char *btf_store_similar(const struct btf_store *s, const struct btf *btf, const char *name,
			      uint32_t kinds);

struct btf_argument {
	const char *name; /* borrowed from the BTF; "" when it has none */
	uint32_t type;
	uint64_t size; /* bytes; 0: unknown or none */
	struct call_place place;
};

struct btf_prototype {
	const struct btf *btf; /* borrowed from the store */
	const char *name;      /* of the function, borrowed from the BTF */
	uint32_t id;	       /* of the BTF_KIND_FUNC_PROTO */
	uint32_t result;       /* type; 0: void */
	bool is_variadic;
	size_t n_params;
	struct btf_argument params[BTF_PARAMS_MAX];
};

/*
 * The prototype of @function in @module (NULL: of the kernel). -ENOENT: there are types, and no
 * such function among them; -ENODATA: there are no types (what btf_store_get() has -ENOENT for);
 * -ENOTUNIQ: several functions of that name with different prototypes; -E2BIG: more parameters than
 * BTF_PARAMS_MAX; -EINVAL: damaged; or as btf_store_get().
 */
int btf_find_func(struct btf_store *s, const char *module, const char *function,
		  struct btf_prototype *ret);

/*
 * The prototype as a person writes it, "int vfs_stat(const char *name, struct kstat *stat)". *@ret
 * is the caller's. -ENOMEM.
 */
int btf_prototype_text(const struct btf_prototype *p, char **ret);

#endif
