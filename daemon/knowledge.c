/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See knowledge.h. */
#include "knowledge.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct knowledge {
	bool is_fixed;		      /* for a test */
	struct symbols *symbols;      /* a reference */
	uint64_t modules_hash;	      /* of /proc/modules when they were loaded */
	struct btf_store *types;      /* owned; NULL: not asked for yet */
	struct function_lists *lists; /* owned, of these symbols; NULL: not asked for yet */
};

int knowledge_new(struct knowledge **ret)
{
	struct knowledge *k = calloc(1, sizeof(*k));

	if (!k)
		return -ENOMEM;
	*ret = k;
	return 0;
}

struct knowledge *knowledge_free(struct knowledge *k)
{
	if (k->types)
		btf_store_free(k->types);
	if (k->lists)
		function_lists_free(k->lists);
	if (k->symbols)
		symbols_free(k->symbols);
	free(k);
	return NULL;
}

void knowledge_set(struct knowledge *k, struct symbols *symbols, struct function_lists *lists)
{
	k->is_fixed = true;
	k->symbols = symbols;
	k->lists = lists;
}

/*
 * Of each module's name and address, and of the inode of its folder in sysfs, which each loading
 * makes anew: another build may come back to the same place. Use counts change all the time and
 * mean nothing here.
 */
static uint64_t hash_modules(void)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/modules", "re");
	_cleanup_free_ char *line = NULL;
	_cleanup_close_ int folder = open("/sys/module", O_PATH | O_DIRECTORY | O_CLOEXEC);
	uint64_t h = 14695981039346656037ULL; /* FNV-1a */
	size_t size = 0;
	struct stat st;

	/* "dummy 16384 0 - Live 0xffffffffc0a00000" */
	while (f && getline(&line, &size, f) > 0) {
		char *address = strstr(line, " 0x");

		line[strcspn(line, " ")] = '\0';
		for (const char *p = line; *p; p++)
			h = (h ^ (unsigned char)*p) * 1099511628211ULL;
		if (folder >= 0 && fstatat(folder, line, &st, 0) == 0)
			h = (h ^ st.st_ino) * 1099511628211ULL;
		for (const char *p = address; p && *p; p++)
			h = (h ^ (unsigned char)*p) * 1099511628211ULL;
	}
	return h;
}

int knowledge_refresh(struct knowledge *k)
{
	uint64_t h = hash_modules();
	struct symbols *loaded;
	int r;

	if (k->is_fixed)
		return 0;
	if (k->symbols && k->modules_hash == h)
		return 0;
	r = symbols_load(NULL, &loaded);
	if (r < 0)
		return r;
	if (k->symbols)
		symbols_free(k->symbols);
	if (k->lists)
		k->lists = function_lists_free(k->lists);
	k->symbols = loaded;
	k->modules_hash = h;
	return 0;
}

struct symbols *knowledge_symbols(const struct knowledge *k)
{
	return k->symbols;
}

const struct function_lists *knowledge_lists(struct knowledge *k)
{
	if (!k->lists && !k->is_fixed && k->symbols &&
	    function_lists_load(k->symbols, &k->lists) < 0)
		return NULL;
	return k->lists;
}

struct btf_store *knowledge_types(struct knowledge *k)
{
	if (!k->types && btf_store_new(NULL, &k->types) < 0)
		return NULL;
	return k->types;
}
