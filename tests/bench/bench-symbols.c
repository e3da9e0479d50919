/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Usage: bench-symbols [-r REPETITIONS] FOLDER
 *
 * What the knowledge of symbols costs: FOLDER has kallsyms, functions (available_filter_functions),
 * optionally addresses (available_filter_functions_addrs), blacklist (kprobes/blacklist) and btf
 * (of /sys/kernel), as tests/bench/record-symbols copies them from a guest. For each operation the
 * median, the least and the most of the repetitions, in CPU time of the one thread, by the daemon's
 * own code; and the memory that stays resident once everything is loaded and every operation has
 * run.
 *
 * The exit status is 1 when a file cannot be read, when a Find over all symbols takes 50 ms or
 * more, a Describe 1 ms or more, or the memory that stays is 12 MiB or more, which is without the
 * types.
 */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <json-c/json.h>

#include "rpc-describe-json.h"
#include "symbol-query.h"
#include "timing.h"

#define REPETITIONS_MAX 99

#define FIND_MSEC_MAX	  50.0
#define DESCRIBE_MSEC_MAX 1.0
#define MEMORY_MIB_MAX	  12.0

static const char *folder;
static unsigned int repetitions = 21;
static bool is_too_slow;

static double cpu_msec(void)
{
	return cpu_nsec() / 1e6;
}

/* Resident memory of the process, in MiB. */
static double resident_mib(void)
{
	FILE *f = fopen("/proc/self/statm", "re");
	long pages = 0;

	if (f && fscanf(f, "%*d %ld", &pages) != 1)
		pages = 0;
	if (f)
		fclose(f);
	return (double)pages * (double)sysconf(_SC_PAGESIZE) / (1 << 20);
}

static char *read_file(const char *name)
{
	_cleanup_free_ char *path = NULL, *text = NULL;
	_cleanup_fclose_ FILE *f = NULL;
	struct stat st;

	if (asprintf(&path, "%s/%s", folder, name) < 0)
		return NULL;
	f = fopen(path, "re");
	if (!f || fstat(fileno(f), &st) < 0)
		return NULL;
	text = calloc(1, (size_t)st.st_size + 1);
	if (!text || fread(text, 1, (size_t)st.st_size, f) != (size_t)st.st_size)
		return NULL;
	return take_ptr(text);
}

static void report(const char *what, double *msec, unsigned int n, double limit)
{
	qsort(msec, n, sizeof(*msec), compare_double);
	printf("%-44s %9.3f %9.3f %9.3f\n", what, msec[n / 2], msec[0], msec[n - 1]);
	if (limit > 0 && msec[n / 2] >= limit) {
		printf("  that is more than %.0f ms\n", limit);
		is_too_slow = true;
	}
}

static int load(struct symbols **ret_symbols, struct function_lists **ret_lists)
{
	_cleanup_free_ char *functions = read_file("functions"),
			    *addresses = read_file("addresses"),
			    *blacklist = read_file("blacklist"), *path = NULL;
	const struct function_lists_text text = {
		.functions = functions,
		.addresses = addresses && addresses[0] ? addresses : NULL,
		.blacklist = blacklist,
	};
	int r;

	if (asprintf(&path, "%s/kallsyms", folder) < 0)
		return -ENOMEM;
	r = symbols_load(path, ret_symbols);
	return r < 0 ? r : function_lists_new(*ret_symbols, &text, ret_lists);
}

static int time_loading(void)
{
	double msec[REPETITIONS_MAX];

	for (unsigned int i = 0; i < repetitions; i++) {
		_cleanup_(symbols_freep) struct symbols *s = NULL;
		_cleanup_(function_lists_freep) struct function_lists *l = NULL;
		double start = cpu_msec();
		int r = load(&s, &l);

		if (r < 0)
			return r;
		msec[i] = cpu_msec() - start;
	}
	report("load symbols and lists", msec, repetitions, 0);
	return 0;
}

static void time_find(const struct symbols *s, const struct function_lists *l, const char *what,
		      const struct symbol_query_options *options)
{
	double msec[REPETITIONS_MAX];
	uint32_t total = 0;
	char text[96];

	for (unsigned int i = 0; i < repetitions; i++) {
		double start = cpu_msec();
		struct symbol_matches m = {0};
		struct symbol_query *q;

		if (symbol_query_new(options, &q, NULL) < 0 ||
		    symbol_query_run(q, s, l, &m, NULL) < 0)
			exit(EXIT_FAILURE);
		total = m.total;
		free(m.indexes);
		symbol_query_free(q);
		msec[i] = cpu_msec() - start;
	}
	snprintf(text, sizeof(text), "Find %s: %u", what, total);
	report(text, msec, repetitions, FIND_MSEC_MAX);
}

/* One Describe with everything, the text of the answer included. */
static double describe_msec(const struct symbols *s, const struct function_lists *l,
			    struct btf_store *types, const char *name, size_t *ret_bytes)
{
	const struct describe_request request = {.symbol = name, .sees_addresses = true};
	double start = cpu_msec();
	struct json_object *answer;
	bool is_missing;

	answer = describe_to_json(&request, s, l, types, &is_missing);
	*ret_bytes = strlen(json_object_to_json_string_ext(answer, JSON_C_TO_STRING_PLAIN));
	json_object_put(answer);
	return cpu_msec() - start;
}

static void time_describe(const struct symbols *s, const struct function_lists *l,
			  struct btf_store *types, const char *name, double limit)
{
	double msec[REPETITIONS_MAX];
	char text[96];
	size_t bytes = 0;

	for (unsigned int i = 0; i < repetitions; i++)
		msec[i] = describe_msec(s, l, types, name, &bytes);
	snprintf(text, sizeof(text), "Describe %s: %zu bytes", name, bytes);
	report(text, msec, repetitions, limit);
}

/* Each of many functions once: other names, other types than a moment ago. */
static void time_describe_many(const struct symbols *s, const struct function_lists *l,
			       struct btf_store *types)
{
	enum { MANY = 2000 };
	static double msec[MANY];
	unsigned int n = 0;
	size_t bytes;

	for (uint32_t i = 0; i < symbols_count(s) && n < MANY; i += symbols_count(s) / MANY / 4 + 1)
		if (function_lists_traceable(l, i) == LIST_YES)
			msec[n++] = describe_msec(s, l, types, symbols_name(s, i), &bytes);
	report("Describe, one function after the other", msec, n, DESCRIBE_MSEC_MAX);
}

static void time_types(void)
{
	double msec[REPETITIONS_MAX];
	_cleanup_free_ char *path = NULL;
	double before = resident_mib(), after = before;

	if (asprintf(&path, "%s/btf", folder) < 0)
		exit(EXIT_FAILURE);
	for (unsigned int i = 0; i < repetitions; i++) {
		_cleanup_(btf_store_freep) struct btf_store *types = NULL;
		const struct btf *btf;
		double start = cpu_msec();

		if (btf_store_new(path, &types) < 0 || btf_store_get(types, NULL, &btf) < 0)
			exit(EXIT_FAILURE);
		msec[i] = cpu_msec() - start;
		after = resident_mib();
	}
	report("load types", msec, repetitions, 0);
	printf("with types: %.1f MiB more than without\n", after - before);
}

static void time_describes(const struct symbols *s, const struct function_lists *l)
{
	_cleanup_(btf_store_freep) struct btf_store *types = NULL;
	_cleanup_free_ char *path = NULL;
	size_t bytes;

	if (asprintf(&path, "%s/btf", folder) < 0 || btf_store_new(path, &types) < 0)
		exit(EXIT_FAILURE);
	printf("%-44s %9.3f\n", "Describe, the first one, with the types",
	       describe_msec(s, l, types, "vfs_read", &bytes));
	time_describe(s, l, types, "vfs_read", DESCRIBE_MSEC_MAX);
	time_describe(s, l, types, "tcp_select_initial_window", DESCRIBE_MSEC_MAX);
	time_describe(s, l, types, "type_show", DESCRIBE_MSEC_MAX);
	time_describe(s, l, types, "tcp_selct_initial_windw", 0);
	time_describe_many(s, l, types);
}

static void time_variants(const struct symbols *s)
{
	double msec[REPETITIONS_MAX];
	uint32_t variants[8];

	for (unsigned int i = 0; i < repetitions; i++) {
		double start = cpu_msec();

		symbols_variants(s, "tcp_select_initial_window", NULL, variants, 8);
		msec[i] = cpu_msec() - start;
	}
	report("variants of a name", msec, repetitions, DESCRIBE_MSEC_MAX);
}

static void time_similar(const struct symbols *s)
{
	double msec[REPETITIONS_MAX];
	const char *similar[5];

	for (unsigned int i = 0; i < repetitions; i++) {
		double start = cpu_msec();

		symbols_similar(s, "tcp_selct_initial_windw", similar, 5);
		msec[i] = cpu_msec() - start;
	}
	report("names that resemble a wrong one", msec, repetitions, 0);
}

static void time_all(const struct symbols *s, const struct function_lists *l)
{
	static const struct {
		const char *what;
		struct symbol_query_options o;
	} finds[] = {
		{"tcp_*", {.pattern = "tcp_*"}},
		{"*", {.pattern = "*"}},
		{"*lock*[st]", {.pattern = "*lock*[st]"}},
		{"?*_*?", {.pattern = "?*_*?"}},
		{"/^tcp_.*sk$/", {.pattern = "/^tcp_.*sk$/"}},
		{"/(read|write).*page/", {.pattern = "/(read|write).*page/"}},
		{"* that are probeable", {.pattern = "*", .answers = 1u << PROBEABLE_YES}},
		{"* that are not", {.pattern = "*", .answers = 1u << PROBEABLE_NO}},
	};

	for (size_t i = 0; i < ARRAY_SIZE(finds); i++) {
		struct symbol_query_options o = finds[i].o;

		o.limit = 20000;
		time_find(s, l, finds[i].what, &o);
	}
	time_variants(s);
	time_similar(s);
}

static int run(void)
{
	_cleanup_(symbols_freep) struct symbols *s = NULL;
	_cleanup_(function_lists_freep) struct function_lists *l = NULL;
	double before = resident_mib(), after;
	int r;

	printf("%-44s %9s %9s %9s\n", "", "MS", "LEAST", "MOST");
	r = load(&s, &l);
	if (r < 0)
		return r;
	time_all(s, l);
	malloc_trim(0);
	after = resident_mib();
	printf("%u symbols, %.1f MiB in the table; resident: %.1f MiB more than before\n",
	       symbols_count(s), (double)symbols_memory(s) / (1 << 20), after - before);
	if (after - before >= MEMORY_MIB_MAX) {
		printf("  that is more than %.0f MiB\n", MEMORY_MIB_MAX);
		is_too_slow = true;
	}
	time_describes(s, l);
	time_types();
	return time_loading();
}

int main(int argc, char **argv)
{
	int c, r;

	while ((c = getopt(argc, argv, "r:")) == 'r')
		repetitions = (unsigned int)strtoul(optarg, NULL, 10);
	if (c != -1 || argc - optind != 1 || repetitions < 1 || repetitions > REPETITIONS_MAX) {
		fprintf(stderr, "Usage: bench-symbols [-r REPETITIONS] FOLDER\n");
		return EXIT_FAILURE;
	}
	folder = argv[optind];
	r = run();
	if (r < 0)
		fprintf(stderr, "%s: %s\n", folder, strerror(-r));
	return r < 0 || is_too_slow ? EXIT_FAILURE : EXIT_SUCCESS;
}
