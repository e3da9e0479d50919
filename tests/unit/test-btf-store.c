/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Types from files: the kernel's, a module's on top of them, a module that goes, files that are
 * none. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "btf-store.h"
#include "btf-world.h"
#include "cleanup.h"

struct place {
	char directory[64];
	struct btf *kernel; /* owned */
};

static void path_of(const struct place *p, const char *name, char path[128])
{
	snprintf(path, 128, "%s/%s", p->directory, name);
}

static void write_file(const struct place *p, const char *name, const void *data, size_t size)
{
	char path[128];
	FILE *f;

	path_of(p, name, path);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, size, f), size);
	assert_int_equal(fclose(f), 0);
}

static void remove_file(const struct place *p, const char *name)
{
	char path[128];

	path_of(p, name, path);
	assert_int_equal(unlink(path), 0);
}

/* A module with one function that takes a struct node of the kernel's. */
static void write_module(const struct place *p, const char *name, const char *function, int depth)
{
	struct btf *b = btf__new_empty_split(p->kernel);
	int node = btf__find_by_name_kind(p->kernel, "node", BTF_KIND_STRUCT);
	int pointer = btf__add_ptr(b, node);
	const void *data;
	uint32_t size;

	while (depth-- > 0)
		pointer = btf__add_ptr(b, pointer);
	btf__add_func_proto(b, 0);
	btf__add_func_param(b, "node", pointer);
	btf__add_func(b, function, BTF_FUNC_STATIC, (int)btf__type_cnt(b) - 1);
	data = btf__raw_data(b, &size);
	write_file(p, name, data, size);
	btf__free(b);
}

static int set_up(void **state)
{
	static struct place p;
	const void *data;
	uint32_t size;

	strcpy(p.directory, "/tmp/kprobed-btf-XXXXXX");
	if (!mkdtemp(p.directory))
		return -1;
	p.kernel = world_new();
	data = btf__raw_data(p.kernel, &size);
	write_file(&p, "vmlinux", data, size);
	*state = &p;
	return 0;
}

static int tear_down(void **state)
{
	struct place *p = *state;

	remove_file(p, "vmlinux");
	btf__free(p->kernel);
	return rmdir(p->directory);
}

static struct btf_store *new_store(const struct place *p)
{
	struct btf_store *s;

	assert_int_equal(btf_store_new(p->directory, &s), 0);
	return s;
}

static void test_a_module_has_its_own_and_the_kernels(void **state)
{
	struct btf_store *s = new_store(*state);
	struct btf_prototype p;
	char *text;

	write_module(*state, "mod", "mod_walk", 0);
	assert_int_equal(btf_find_func(s, "mod", "mod_walk", &p), 0);
	assert_int_equal(btf_prototype_text(&p, &text), 0);
	assert_string_equal(text, "void mod_walk(struct node *node)");
	free(text);
	assert_int_equal(btf_find_func(s, NULL, "mod_walk", &p), -ENOENT);
	assert_int_equal(btf_find_func(s, "mod", "walk", &p), -ENOENT);
	assert_int_equal(btf_find_func(s, "vmlinux", "walk", &p), 0);
	assert_int_equal(p.n_params, 8);
	assert_int_not_equal(btf_store_find(s, p.btf, "pair", 1U << BTF_KIND_STRUCT), 0);
	assert_int_equal(btf_store_find(s, p.btf, "pair", 1U << BTF_KIND_UNION), 0);
	assert_string_equal(btf_store_similar(s, p.btf, "pear", 1U << BTF_KIND_STRUCT), "pair");
	remove_file(*state, "mod");
	btf_store_free(s);
}

static void test_a_module_that_goes_or_changes_is_read_anew(void **state)
{
	struct btf_store *s = new_store(*state);
	struct btf_prototype p;

	write_module(*state, "mod", "before", 0);
	assert_int_equal(btf_find_func(s, "mod", "before", &p), 0);
	remove_file(*state, "mod");
	assert_int_equal(btf_find_func(s, "mod", "before", &p), -ENODATA);
	write_module(*state, "mod", "behind_it", 1);
	assert_int_equal(btf_find_func(s, "mod", "before", &p), -ENOENT);
	assert_int_equal(btf_find_func(s, "mod", "behind_it", &p), 0);
	remove_file(*state, "mod");
	btf_store_free(s);
}

static void test_many_modules_are_kept_in_bounds(void **state)
{
	struct btf_store *s = new_store(*state);
	struct btf_prototype p;
	char name[16];

	for (int round = 0; round < 2; round++)
		for (int i = 0; i < 100; i++) {
			snprintf(name, sizeof(name), "m%d", i);
			if (round == 0)
				write_module(*state, name, name, 0);
			assert_int_equal(btf_find_func(s, name, name, &p), 0);
		}
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "m%d", i);
		remove_file(*state, name);
	}
	btf_store_free(s);
}

static void test_what_is_no_btf_is_an_error(void **state)
{
	struct btf_store *s = new_store(*state);
	struct btf_prototype p;

	write_file(*state, "bad", "this is no BTF at all", 21);
	write_file(*state, "empty", "", 0);
	assert_int_equal(btf_find_func(s, "bad", "walk", &p), -EINVAL);
	assert_int_equal(btf_find_func(s, "empty", "walk", &p), -EIO);
	assert_int_equal(btf_find_func(s, "../vmlinux", "walk", &p), -ENODATA);
	assert_int_equal(btf_find_func(s, ".", "walk", &p), -ENODATA);
	assert_int_equal(btf_find_func(s, "none", "walk", &p), -ENODATA);
	assert_int_equal(btf_store_set_kernel(s, "nonsense", 8), -EINVAL);
	remove_file(*state, "bad");
	remove_file(*state, "empty");
	btf_store_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_module_has_its_own_and_the_kernels),
		cmocka_unit_test(test_a_module_that_goes_or_changes_is_read_anew),
		cmocka_unit_test(test_many_modules_are_kept_in_bounds),
		cmocka_unit_test(test_what_is_no_btf_is_an_error),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
