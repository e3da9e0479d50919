/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See btf-store.h.
 *
 * An index is a table of type numbers, hashed by name, with open addressing and at most half full.
 * It has the types of one BTF: those of a module come in front of the kernel's, which have their
 * own.
 */
#include "btf-store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "btf-type.h"
#include "name-distance.h"
#include "probe-spec.h"

/* Where the kernel has them: kernel/bpf/sysfs_btf.c */
#define BTF_DIRECTORY "/sys/kernel/btf"
/* As many modules' types are kept; with one more, the one asked for longest ago goes. */
#define MODULES_MAX 64
/* include/linux/module.h: MODULE_NAME_LEN, 56 with its NUL */
#define MODULE_NAME_MAX 55
/* Largest file taken: the kernel's are 5 to 20 MiB. */
#define FILE_BYTES_MAX (256U << 20)

struct index {
	uint32_t *ids; /* owned; 0: free */
	size_t mask;   /* of places in the table */
};

struct types {
	char module[MODULE_NAME_MAX + 1];
	struct btf *btf; /* owned */
	struct index index;
	struct stat file;   /* as it was read */
	uint64_t last_used; /* in calls */
};

struct btf_store {
	char *directory;     /* owned */
	struct types kernel; /* btf NULL: not read */
	int kernel_result;   /* of reading it, when that has failed for good; 0: not so */
	struct types modules[MODULES_MAX];
	size_t n_modules;
	uint64_t calls;
	bool keeps_arguments;
};

static int be_silent(enum libbpf_print_level level, const char *format, va_list ap)
{
	return 0;
}

bool btf_store_keeps_arguments(const struct btf_store *s)
{
	return s->keeps_arguments;
}

void btf_store_set_keeps_arguments(struct btf_store *s, bool keeps)
{
	s->keeps_arguments = keeps;
}

/* "6.9": tracing/probes: Support $argN in return probe (kprobe and fprobe) */
static bool is_since_6_9(void)
{
	unsigned int major, minor;
	struct utsname name;

	return uname(&name) == 0 && sscanf(name.release, "%u.%u", &major, &minor) == 2 &&
	       (major > 6 || (major == 6 && minor >= 9));
}

int btf_store_new(const char *directory, struct btf_store **ret)
{
	struct btf_store *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->directory = strdup(directory ? directory : BTF_DIRECTORY);
	if (!s->directory) {
		free(s);
		return -ENOMEM;
	}
	s->keeps_arguments = is_since_6_9();
	/* What is wrong with a file is told to whoever asked for it, not to stderr. */
	libbpf_set_print(be_silent);
	*ret = s;
	return 0;
}

static void types_done(struct types *t)
{
	btf__free(t->btf);
	free(t->index.ids);
	*t = (struct types){.btf = NULL};
}

struct btf_store *btf_store_free(struct btf_store *s)
{
	/* A module's types refer to the kernel's. */
	for (size_t i = 0; i < s->n_modules; i++)
		types_done(&s->modules[i]);
	types_done(&s->kernel);
	free(s->directory);
	free(s);
	return NULL;
}

static uint32_t hash_name(const char *name)
{
	uint32_t h = 2166136261U; /* FNV-1a */

	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * 16777619U;
	return h;
}

/* The first type that is not the kernel's */
static uint32_t first_type(const struct btf *btf)
{
	const struct btf *base = btf__base_btf(btf);

	return base ? btf__type_cnt(base) : 1;
}

static int index_make(const struct btf *btf, struct index *ret)
{
	uint32_t first = first_type(btf), end = btf__type_cnt(btf);
	struct index index = {.mask = 15};

	while (index.mask < 2 * (size_t)(end - first))
		index.mask = 2 * index.mask + 1;
	index.ids = calloc(index.mask + 1, sizeof(*index.ids));
	if (!index.ids)
		return -ENOMEM;
	/* In the order of the types, so that of two of one name the first is met first. */
	for (uint32_t id = first; id < end; id++) {
		const char *name = btf_type_name(btf, btf__type_by_id(btf, id));
		size_t i = hash_name(name) & index.mask;

		if (name[0] == '\0')
			continue;
		while (index.ids[i])
			i = (i + 1) & index.mask;
		index.ids[i] = id;
	}
	*ret = index;
	return 0;
}

/*
 * The next type called @name behind the place *@at, which starts with SIZE_MAX; 0: no more.
 */
static uint32_t index_next(const struct types *t, const char *name, uint32_t kinds, size_t *at)
{
	size_t i = *at == SIZE_MAX ? hash_name(name) & t->index.mask : (*at + 1) & t->index.mask;

	for (; t->index.ids[i]; i = (i + 1) & t->index.mask) {
		const struct btf_type *type = btf__type_by_id(t->btf, t->index.ids[i]);

		if (!(kinds & 1U << btf_kind(type)) ||
		    strcmp(btf_type_name(t->btf, type), name) != 0)
			continue;
		*at = i;
		return t->index.ids[i];
	}
	return 0;
}

/* Takes @btf over. */
static int types_set(struct types *t, struct btf *btf)
{
	struct index index;
	int r;

	/* Offsets and the places of arguments are those of this machine. */
	if (btf__set_pointer_size(btf, 8) < 0 ||
	    btf__endianness(btf) != (enum btf_endianness)(__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)) {
		btf__free(btf);
		return -EINVAL;
	}
	r = index_make(btf, &index);
	if (r < 0) {
		btf__free(btf);
		return r;
	}
	t->btf = btf;
	t->index = index;
	return 0;
}

int btf_store_set_kernel(struct btf_store *s, const void *data, uint32_t size)
{
	struct btf *btf;

	errno = 0;
	btf = btf__new(data, size);
	if (!btf)
		return errno == ENOMEM ? -ENOMEM : -EINVAL;
	for (size_t i = 0; i < s->n_modules; i++)
		types_done(&s->modules[i]);
	s->n_modules = 0;
	types_done(&s->kernel);
	return types_set(&s->kernel, btf);
}

/* What libbpf says of a file that is no BTF: ELF without the section, or neither (EPROTO, ENODATA)
 */
static int reading_error(int err)
{
	switch (err) {
	case ENOMEM:
	case EACCES:
	case EPERM:
	case ENOENT:
	case EIO:
		return -err;
	}
	return -EINVAL;
}

static int types_read(const struct btf_store *s, const char *name, struct btf *base,
		      struct types *t)
{
	_cleanup_free_ char *path = NULL;
	struct stat st;
	struct btf *btf;

	if (asprintf(&path, "%s/%s", s->directory, name) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	if (stat(path, &st) < 0)
		return reading_error(errno);
	if (st.st_size > FILE_BYTES_MAX || !S_ISREG(st.st_mode))
		return -EINVAL;
	errno = 0;
	btf = base ? btf__parse_split(path, base) : btf__parse(path, NULL);
	if (!btf)
		return reading_error(errno);
	t->file = st;
	return types_set(t, btf);
}

static int get_kernel(struct btf_store *s)
{
	int r;

	if (s->kernel.btf)
		return 0;
	if (s->kernel_result < 0)
		return s->kernel_result;
	r = types_read(s, PROBE_VMLINUX, NULL, &s->kernel);
	if (r < 0 && r != -ENOMEM)
		s->kernel_result = r;
	return r;
}

/* Whether the module is still the one that was read: a file of sysfs is made anew with it. */
static bool is_current(const struct btf_store *s, const struct types *t)
{
	_cleanup_free_ char *path = NULL;
	struct stat st;

	if (asprintf(&path, "%s/%s", s->directory, t->module) < 0) {
		path = NULL;
		return false;
	}
	return stat(path, &st) == 0 && st.st_ino == t->file.st_ino && st.st_dev == t->file.st_dev &&
	       st.st_size == t->file.st_size && st.st_mtim.tv_sec == t->file.st_mtim.tv_sec &&
	       st.st_mtim.tv_nsec == t->file.st_mtim.tv_nsec;
}

static void drop_module(struct btf_store *s, size_t i)
{
	types_done(&s->modules[i]);
	s->modules[i] = s->modules[--s->n_modules];
	s->modules[s->n_modules] = (struct types){.btf = NULL};
}

static void drop_oldest_module(struct btf_store *s)
{
	size_t oldest = 0;

	for (size_t i = 1; i < s->n_modules; i++)
		if (s->modules[i].last_used < s->modules[oldest].last_used)
			oldest = i;
	drop_module(s, oldest);
}

static int get_module(struct btf_store *s, const char *module, struct types **ret)
{
	struct types *t;
	int r;

	if (strlen(module) > MODULE_NAME_MAX || strchr(module, '/') || module[0] == '.')
		return -ENOENT;
	for (size_t i = 0; i < s->n_modules; i++) {
		if (strcmp(s->modules[i].module, module) != 0)
			continue;
		if (is_current(s, &s->modules[i])) {
			s->modules[i].last_used = ++s->calls;
			*ret = &s->modules[i];
			return 0;
		}
		drop_module(s, i);
		break;
	}
	if (s->n_modules == MODULES_MAX)
		drop_oldest_module(s);
	t = &s->modules[s->n_modules];
	r = types_read(s, module, s->kernel.btf, t);
	if (r < 0)
		return r;
	snprintf(t->module, sizeof(t->module), "%s", module);
	t->last_used = ++s->calls;
	s->n_modules++;
	*ret = t;
	return 0;
}

int btf_store_get(struct btf_store *s, const char *module, const struct btf **ret)
{
	struct types *t = &s->kernel;
	int r = get_kernel(s);

	if (r == 0 && module && strcmp(module, PROBE_VMLINUX) != 0)
		r = get_module(s, module, &t);
	if (r < 0)
		return r;
	*ret = t->btf;
	return 0;
}

static const struct types *types_of(const struct btf_store *s, const struct btf *btf)
{
	for (size_t i = 0; i < s->n_modules; i++)
		if (s->modules[i].btf == btf)
			return &s->modules[i];
	return &s->kernel;
}

uint32_t btf_store_find(const struct btf_store *s, const struct btf *btf, const char *name,
			uint32_t kinds)
{
	const struct types *t = types_of(s, btf);
	size_t at = SIZE_MAX;
	uint32_t id = index_next(t, name, kinds, &at);

	at = SIZE_MAX;
	if (id == 0 && t != &s->kernel)
		id = index_next(&s->kernel, name, kinds, &at);
	return id;
}

const char *btf_store_similar(const struct btf_store *s, const struct btf *btf, const char *name,
			      uint32_t kinds)
{
	struct name_search search = name_search_of(span_of(name));

	for (uint32_t id = 1; id < btf__type_cnt(btf); id++) {
		const struct btf_type *t = btf__type_by_id(btf, id);

		if (kinds & 1U << btf_kind(t))
			name_search_try(&search, btf_type_name(btf, t));
	}
	return search.best;
}

/* Fills what follows from @p->id. */
static int read_prototype(struct btf_prototype *p)
{
	const struct btf_type *t = btf__type_by_id(p->btf, p->id);
	struct call_param calls[BTF_PARAMS_MAX], result;
	struct call_place places[BTF_PARAMS_MAX];
	const struct btf_param *params;

	if (!t || !btf_is_func_proto(t))
		return -EINVAL;
	p->result = t->type;
	p->n_params = btf_vlen(t);
	params = btf_params(t);
	/* "..." is a parameter without a type. */
	p->is_variadic = p->n_params > 0 && params[p->n_params - 1].type == 0;
	p->n_params -= p->is_variadic;
	if (p->n_params > BTF_PARAMS_MAX)
		return -E2BIG;
	for (size_t i = 0; i < p->n_params; i++)
		calls[i] = btf_type_call(p->btf, params[i].type);
	result = btf_type_call(p->btf, p->result);
	call_layout(CALL_ARCH_OURS, &result, calls, p->n_params, places);
	for (size_t i = 0; i < p->n_params; i++) {
		const char *name = btf__name_by_offset(p->btf, params[i].name_off);

		p->params[i] = (struct btf_argument){
			.name = name ? name : "",
			.type = params[i].type,
			.size = calls[i].size,
			.place = places[i],
		};
	}
	return 0;
}

int btf_find_func(struct btf_store *s, const char *module, const char *function,
		  struct btf_prototype *ret)
{
	struct btf_prototype p = {.id = 0};
	const struct types *t;
	size_t at = SIZE_MAX;
	uint32_t id;
	int r;

	r = btf_store_get(s, module, &p.btf);
	if (r < 0)
		return r == -ENOENT ? -ENODATA : r;
	/* A module's function is among its own. */
	t = types_of(s, p.btf);
	while ((id = index_next(t, function, 1U << BTF_KIND_FUNC, &at))) {
		const struct btf_type *func = btf__type_by_id(p.btf, id);

		if (p.id && p.id != func->type)
			return -ENOTUNIQ;
		p.id = func->type;
		p.name = btf_type_name(p.btf, func);
	}
	if (p.id == 0)
		return -ENOENT;
	r = read_prototype(&p);
	if (r == 0)
		*ret = p;
	return r;
}
