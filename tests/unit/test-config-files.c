/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which files make the configuration, in which order, and what happens when one cannot be read. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "config-keys.h"
#include "config.h"

/* A struct config has padding: equal is what is dumped alike. */
static void assert_config_equal(const struct config *a, const struct config *b)
{
	char left[CONFIG_PATH_MAX], right[CONFIG_PATH_MAX];
	size_t i;

	for (i = 0; i < CONFIG_KEYS_COUNT; i++) {
		config_key_format(&config_keys[i], a, left, sizeof(left));
		config_key_format(&config_keys[i], b, right, sizeof(right));
		assert_string_equal(left, right);
	}
}

static void write_file(const char *dir, const char *name, const char *text)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

/* A folder with kprobed.conf and kprobed.conf.d, made anew for each test. */
struct files {
	char dir[64];
	char main[128];
	char drop_ins[160];
};

static int set_up_files(void **state)
{
	static struct files the_files;
	struct files *files = &the_files;
	char dir[] = "/tmp/kprobed-test-XXXXXX";

	if (!mkdtemp(dir))
		return -1;
	snprintf(files->dir, sizeof(files->dir), "%s", dir);
	snprintf(files->main, sizeof(files->main), "%s/kprobed.conf", dir);
	snprintf(files->drop_ins, sizeof(files->drop_ins), "%s/kprobed.conf.d", dir);
	if (mkdir(files->drop_ins, 0755) < 0)
		return -1;
	*state = files;
	return 0;
}

static int tear_down_files(void **state)
{
	struct files *files = *state;
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", files->dir);
	return system(command);
}

static void test_untouched_file_sets_nothing(void **state)
{
	struct config config, defaults;
	char err[CONFIG_ERROR_MAX] = "";

	config_defaults(&defaults);
	if (config_load(CONF_FILE, &config, err, sizeof(err)) < 0)
		fail_msg("%s", err);
	assert_config_equal(&config, &defaults);
}

static void test_drop_ins_come_later_and_by_name(void **state)
{
	struct files *files = *state;
	struct config config;
	char err[CONFIG_ERROR_MAX] = "";

	write_file(files->dir, "kprobed.conf",
		   "[log]\nsize=1M\n[delivery]\ntick-ms=1\n"
		   "order-window-us=1\n");
	write_file(files->drop_ins, "b.conf", "[log]\nsize=4M\n[limits]\nprobes=5\n");
	write_file(files->drop_ins, "a.conf", "[log]\nsize=8M\n[delivery]\ntick-ms=2\n");
	write_file(files->drop_ins, "B.conf", "[limits]\nprobes=4\n");
	write_file(files->drop_ins, "10-first.conf", "[delivery]\ntick-ms=3\n");
	write_file(files->drop_ins, "a.conf.orig", "nonsense");
	write_file(files->drop_ins, "README", "nonsense");
	write_file(files->drop_ins, ".hidden.conf", "nonsense");
	if (config_load(files->main, &config, err, sizeof(err)) < 0)
		fail_msg("%s", err);
	assert_int_equal(config.log.size, 4 << 20);
	assert_int_equal(config.delivery.tick_ms, 2);
	assert_int_equal(config.delivery.order_window_us, 1);
	assert_int_equal(config.limits.probes, 5);
}

static void test_error_in_drop_in_applies_nothing(void **state)
{
	struct files *files = *state;
	struct config config, before;
	char err[CONFIG_ERROR_MAX] = "", expected[CONFIG_ERROR_MAX];

	config_defaults(&config);
	config.delivery.tick_ms = 77;
	before = config;
	write_file(files->dir, "kprobed.conf", "[log]\nsize=1M\n");
	write_file(files->drop_ins, "a.conf", "[delivery]\ntick-ms=2\n");
	write_file(files->drop_ins, "b.conf", "[delivery]\nticks=2\n");
	write_file(files->drop_ins, "c.conf", "nonsense");
	assert_int_equal(config_load(files->main, &config, err, sizeof(err)), -EINVAL);
	snprintf(expected, sizeof(expected), "%s/b.conf:2: unknown key 'ticks' in [delivery]",
		 files->drop_ins);
	assert_string_equal(err, expected);
	assert_config_equal(&config, &before);
}

static void test_files_that_cannot_be_read_are_refused(void **state)
{
	struct files *files = *state;
	struct config config;
	char err[CONFIG_ERROR_MAX], expected[CONFIG_ERROR_MAX], path[256];

	/* Named, but not there. */
	assert_int_equal(config_load(files->main, &config, err, sizeof(err)), -ENOENT);
	snprintf(expected, sizeof(expected), "%s: No such file or directory", files->main);
	assert_string_equal(err, expected);

	assert_int_equal(config_load(files->dir, &config, err, sizeof(err)), -EISDIR);
	snprintf(path, sizeof(path), "%s/fifo", files->dir);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(config_load(path, &config, err, sizeof(err)), -EINVAL);
	assert_int_equal(config_load("/dev/zero", &config, err, sizeof(err)), -EINVAL);

	/* A drop-in must be readable: a dangling link is a mistake. */
	write_file(files->dir, "kprobed.conf", "");
	snprintf(path, sizeof(path), "%s/x.conf", files->drop_ins);
	assert_int_equal(symlink("nowhere", path), 0);
	assert_int_equal(config_load(files->main, &config, err, sizeof(err)), -ENOENT);
	assert_memory_equal(err, path, strlen(path));
	assert_int_equal(unlink(path), 0);

	/* The folder of drop-ins may be missing, but not be a file. */
	assert_int_equal(rmdir(files->drop_ins), 0);
	assert_int_equal(config_load(files->main, &config, err, sizeof(err)), 0);
	write_file(files->dir, "kprobed.conf.d", "");
	assert_int_equal(config_load(files->main, &config, err, sizeof(err)), -ENOTDIR);

	/* Root reads what nobody may. */
	if (geteuid() != 0) {
		assert_int_equal(chmod(files->main, 0), 0);
		assert_int_equal(config_load(files->main, &config, err, sizeof(err)), -EACCES);
	}
}

static void test_file_size_is_limited(void **state)
{
	struct files *files = *state;
	struct config config;
	char err[CONFIG_ERROR_MAX];

	write_file(files->dir, "kprobed.conf", "");
	assert_int_equal(truncate(files->main, (1 << 20) + 1), 0);
	assert_int_equal(config_load(files->main, &config, err, sizeof(err)), -EFBIG);
}

static void test_without_any_file_there_are_the_defaults(void **state)
{
	struct config config, defaults;
	char err[CONFIG_ERROR_MAX] = "";

	if (access(CONFIG_FILE, F_OK) == 0 || access(CONFIG_FILE ".d", F_OK) == 0)
		skip(); /* this machine has a configuration of its own */
	config_defaults(&defaults);
	if (config_load(NULL, &config, err, sizeof(err)) < 0)
		fail_msg("%s", err);
	assert_config_equal(&config, &defaults);
}

int main(void)
{
#define with_files(test) cmocka_unit_test_setup_teardown(test, set_up_files, tear_down_files)
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_untouched_file_sets_nothing),
		cmocka_unit_test(test_without_any_file_there_are_the_defaults),
		with_files(test_drop_ins_come_later_and_by_name),
		with_files(test_error_in_drop_in_applies_nothing),
		with_files(test_files_that_cannot_be_read_are_refused),
		with_files(test_file_size_is_limited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
