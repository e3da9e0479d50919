/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel's tracing files, from a folder of our own that holds what kernels wrote into theirs
 * (error_log, kprobe_profile and header_page are from guests with 6.1).
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <tracefs.h>

#include "cleanup.h"
#include "foreign.h"
#include "refusal.h"
#include "tracefs.h"

static char dir[64];

static const char header_page[] = "\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;\n"
				  "\tfield: local_t commit;\toffset:8;\tsize:8;\tsigned:1;\n"
				  "\tfield: int overwrite;\toffset:8;\tsize:1;\tsigned:1;\n"
				  "\tfield: char data;\toffset:16;\tsize:4080;\tsigned:1;\n";

static void write_file(const char *name, const char *text)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "we");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void make_dir(const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_int_equal(mkdir(path, 0700), 0);
}

static int make_tracing_dir(void **state)
{
	snprintf(dir, sizeof(dir), "/tmp/test-tracefs-XXXXXX");
	if (!mkdtemp(dir) || tracefs_set_tracing_dir(dir) < 0)
		return -1;
	make_dir("events");
	write_file("events/header_page", header_page);
	write_file("kprobe_events", "");
	return tracefs_open(NULL);
}

static int remove_tracing_dir(void **state)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command);
}

static void assert_open_fails(int err, const char *subject)
{
	struct kp_error error = KP_ERROR_INIT;

	assert_int_equal(tracefs_open(&error), -err);
	assert_int_equal(error.code, KP_UNAVAILABLE);
	assert_string_equal(error.subject, subject);
	assert_int_not_equal(error.message[0], '\0');
}

static void test_open_says_what_is_missing(void **state)
{
	char path[256];
	int fd;

	assert_int_equal(tracefs_open(NULL), 0);
	assert_string_equal(tracefs_dir(), dir);

	write_file("events/header_page",
		   "\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;\n"
		   "\tfield: local_t commit;\toffset:8;\tsize:4;\tsigned:1;\n"
		   "\tfield: char data;\toffset:12;\tsize:4084;\tsigned:1;\n");
	assert_open_fails(EOPNOTSUPP, "kprobes");
	write_file("events/header_page", header_page);

	snprintf(path, sizeof(path), "%s/kprobe_events", dir);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), -1); /* ours */
	assert_int_equal(unlink(path), 0);
	assert_open_fails(ENOENT, "kprobes");
	close(fd);
	write_file("kprobe_events", "");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
	assert_open_fails(EBUSY, "kprobes");
	close(fd);
	assert_int_equal(tracefs_open(NULL), 0);
}

static void test_probes_are_appended_and_nothing_is_wiped(void **state)
{
	_cleanup_free_ char *text = NULL;
	size_t len;

	write_file("kprobe_events", "p:perf/theirs vfs_read\n");
	assert_int_equal(tracefs_append_probes("p:kprobed/a vfs_open\np:kprobed/b vfs_open\n"), 0);
	assert_int_equal(tracefs_append_probes("-:kprobed/a\n"), 0);
	assert_int_equal(tracefs_read("kprobe_events", &text, &len), 0);
	assert_string_equal(text, "p:perf/theirs vfs_read\np:kprobed/a vfs_open\n"
				  "p:kprobed/b vfs_open\n-:kprobed/a\n");
	assert_int_equal(len, strlen(text));
}

static void test_files_of_any_size_are_read(void **state)
{
	static char text[100001];

	for (size_t len = 0; len <= 100000; len += 4096 - 5) {
		_cleanup_free_ char *got = NULL;
		size_t got_len;

		for (size_t i = 0; i < len; i++)
			text[i] = (char)('a' + i % 23);
		text[len] = '\0';
		write_file("big", text);
		assert_int_equal(tracefs_read("big", &got, &got_len), 0);
		assert_int_equal(got_len, len);
		assert_string_equal(got, text);
	}
}

static void test_files_that_are_not_there(void **state)
{
	char *text = NULL, name[700];

	assert_int_equal(tracefs_read("nothing", &text, NULL), -ENOENT);
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(tracefs_read(name, &text, NULL), -ENAMETOOLONG);
	assert_int_equal(tracefs_read_format(-1, name, &text), -ENAMETOOLONG);
	assert_int_equal(tracefs_read_format(-1, "nothing", &text), -ENOENT);
	assert_null(text);
}

static void test_format_is_read_from_our_group(void **state)
{
	_cleanup_free_ char *text = NULL;
	char path[256];
	int dir_fd;

	make_dir("events/kprobed");
	make_dir("events/kprobed/opens_1");
	write_file("events/kprobed/opens_1/format", "name: opens_1\nID: 5\n");
	assert_int_equal(tracefs_read_format(-1, "opens_1", &text), 0);
	assert_string_equal(text, "name: opens_1\nID: 5\n");

	make_dir("instances");
	make_dir("instances/ours");
	make_dir("instances/ours/events");
	make_dir("instances/ours/events/kprobed");
	make_dir("instances/ours/events/kprobed/closes_1");
	write_file("instances/ours/events/kprobed/closes_1/format", "name: closes_1\nID: 6\n");
	free(take_ptr(text));
	snprintf(path, sizeof(path), "%s/instances/ours", dir);
	dir_fd = open(path, O_PATH | O_CLOEXEC);
	assert_true(dir_fd >= 0);
	assert_int_equal(tracefs_read_format(dir_fd, "closes_1", &text), 0);
	assert_string_equal(text, "name: closes_1\nID: 6\n");
	free(take_ptr(text));
	assert_int_equal(tracefs_read_format(dir_fd, "opens_1", &text), -ENOENT);
	close(dir_fd);
}

struct lines {
	struct tracefs_probe probes[16];
	char text[16][128], rest[16][128];
	size_t n, stop_at;
};

static int note_line(const struct tracefs_probe *probe, void *data)
{
	struct lines *lines = data;

	lines->probes[lines->n] = *probe;
	snprintf(lines->text[lines->n], sizeof(lines->text[0]), "%s", probe->text);
	snprintf(lines->rest[lines->n], sizeof(lines->rest[0]), "%s", probe->rest);
	return ++lines->n == lines->stop_at ? 77 : 0;
}

static void assert_line(const struct lines *lines, size_t i, char kind, unsigned int maxactive,
			const char *group, const char *event, const char *rest)
{
	const struct tracefs_probe *p = &lines->probes[i];

	assert_int_equal(p->kind, kind);
	assert_int_equal(p->maxactive, maxactive);
	assert_string_equal(p->group, group);
	assert_string_equal(p->event, event);
	assert_string_equal(lines->rest[i], rest);
}

static void test_lines_of_all_kinds_are_parsed(void **state)
{
	static const char text[] =
		"p:kprobed/opens_17 do_sys_openat2 dfd=%di:s32 name=+0(%si):ustring\n"
		"r8:g/rr do_sys_openat2 ret=$retval:s32\n"
		"r:g/plain vfs_read\n"
		"p:kprobes/mod nosuchmod:foo+0x10\n"
		"p:g/adr 0x00000000d70fc2f5\n"
		"p:perf_probe/a_b vfs_read+4 s=\"a/b c\":string\n";
	struct lines lines = {0};

	write_file("kprobe_events", text);
	assert_int_equal(tracefs_each_probe(note_line, &lines), 0);
	assert_int_equal(lines.n, 6);
	assert_line(&lines, 0, 'p', 0, "kprobed", "opens_17",
		    "do_sys_openat2 dfd=%di:s32 name=+0(%si):ustring");
	assert_line(&lines, 1, 'r', 8, "g", "rr", "do_sys_openat2 ret=$retval:s32");
	assert_line(&lines, 2, 'r', 0, "g", "plain", "vfs_read");
	assert_line(&lines, 3, 'p', 0, "kprobes", "mod", "nosuchmod:foo+0x10");
	assert_line(&lines, 4, 'p', 0, "g", "adr", "0x00000000d70fc2f5");
	assert_line(&lines, 5, 'p', 0, "perf_probe", "a_b", "vfs_read+4 s=\"a/b c\":string");
	assert_string_equal(lines.text[1], "r8:g/rr do_sys_openat2 ret=$retval:s32");
}

static void test_lines_that_are_none_are_passed_over(void **state)
{
	struct lines lines = {0};

	write_file("kprobe_events", "\n\np\np:\np:g\np:g/e\nx:g/e sym\ne:g/e sched/switch\n"
				    "p:g/good sym\nno newline");
	assert_int_equal(tracefs_each_probe(note_line, &lines), 0);
	assert_int_equal(lines.n, 1);
	assert_string_equal(lines.probes[0].event, "good");
	write_file("kprobe_events", "");
	assert_int_equal(tracefs_each_probe(note_line, &lines), 0);
	assert_int_equal(lines.n, 1);
}

static void test_reading_lines_can_be_stopped(void **state)
{
	struct lines lines = {.stop_at = 2};

	write_file("kprobe_events", "p:g/a x\np:g/b x\np:g/c x\n");
	assert_int_equal(tracefs_each_probe(note_line, &lines), 77);
	assert_int_equal(lines.n, 2);
}

static void test_long_names_are_cut(void **state)
{
	struct lines lines = {0};
	char text[256], name[101];

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	snprintf(text, sizeof(text), "p:%s/%s sym\n", name, name);
	write_file("kprobe_events", text);
	assert_int_equal(tracefs_each_probe(note_line, &lines), 0);
	assert_int_equal(strlen(lines.probes[0].group), 63);
	assert_int_equal(strlen(lines.probes[0].event), 63);
}

struct counts {
	char text[512];
};

static void note_count(const char *event, uint64_t hits, uint64_t missed, void *data)
{
	char *text = ((struct counts *)data)->text;

	sprintf(text + strlen(text), "%s=%llu/%llu ", event, (unsigned long long)hits,
		(unsigned long long)missed);
}

static void test_profile_is_read(void **state)
{
	struct counts counts = {""};

	write_file(
		"kprobe_profile",
		"  a                                                        335               0\n"
		"  opens_17                                18446744073709551615              12\n"
		"  a_name_that_is_longer_than_its_column_by_far_and_then_some 1 2\n"
		"  half 5\n\n  words x y\n");
	assert_int_equal(tracefs_each_profile(note_count, &counts), 0);
	assert_string_equal(counts.text,
			    "a=335/0 opens_17=18446744073709551615/12 "
			    "a_name_that_is_longer_than_its_column_by_far_and_then_some=1/2 ");
}

static const char error_log[] =
	"[   30.590967] trace_kprobe: error: String accepts only memory argument\n"
	"  Command: p:g/a do_sys_openat2 a=%di:s32 b=+0(%si):ustring c=%si:x8[4]\n"
	"                                                                  ^\n"
	"[   30.603636] trace_kprobe: error: Invalid probed address or symbol\n"
	"  Command: p:x nosuchfn\n"
	"               ^\n"
	"[   30.605993] trace_kprobe: error: Invalid register name\n"
	"  Command: p:kprobed/yy do_sys_openat2 a=%nope\n"
	"                                         ^\n"
	"[   30.605994] hist:kprobed:yy: error: Couldn't find field\n"
	"  Command: keys=:kprobed/yy \n"
	"           ^\n"
	"[   30.607182] trace_kprobe: error: Retprobe address must be an function entry\n"
	"  Command: r16:kprobed/zz do_sys_openat2+4 a=%di\n"
	"                          ^\n"
	"[   31.000000] trace_kprobe: error: Invalid fetch argument type\n"
	"  Command: p:kprobed/yyy vfs_read a=%di:nope\n"
	"                                       ^\n";

static void assert_error(const char *command, const char *text, int position)
{
	struct tracefs_error error;

	assert_int_equal(tracefs_find_error(command, &error), 0);
	assert_string_equal(error.text, text);
	assert_int_equal(error.position, position);
}

static void test_error_is_found_by_its_command(void **state)
{
	struct tracefs_error error;

	write_file("error_log", error_log);
	assert_error(":kprobed/zz ", "Retprobe address must be an function entry", 15);
	assert_error(":kprobed/yyy ", "Invalid fetch argument type", 28);
	assert_error(":g/a ", "String accepts only memory argument", 55);
	assert_int_equal(tracefs_find_error(":kprobed/y ", &error), -ENOENT);
	assert_int_equal(tracefs_find_error(":kprobed/nothing ", &error), -ENOENT);
	write_file("error_log", "");
	assert_int_equal(tracefs_find_error(":kprobed/zz ", &error), -ENOENT);
}

static void test_newest_error_is_the_one(void **state)
{
	write_file("error_log", "[    1.000000] trace_kprobe: error: Old\n"
				"  Command: p:kprobed/a one\n"
				"           ^\n"
				"[    2.000000] trace_kprobe: error: New\n"
				"  Command: p:kprobed/a two\n"
				"            ^\n");
	assert_error(":kprobed/a ", "New", 1);
}

static void test_error_log_that_was_cut_is_no_harm(void **state)
{
	struct tracefs_error error;

	write_file("error_log", "  Command: p:kprobed/a one\n           ^\n");
	assert_int_equal(tracefs_find_error(":kprobed/a ", &error), -ENOENT);
	write_file("error_log", "error: x\n  Command: p:kprobed/a one");
	assert_error(":kprobed/a ", "x", -1);
	write_file("error_log", "error: x\n  Command: p:kprobed/a one\nno caret\n");
	assert_error(":kprobed/a ", "x", -1);
	write_file("error_log", "error: x\n  Command: p:kprobed/a one\n    ^\n");
	assert_error(":kprobed/a ", "x", -1);
	write_file("error_log", "nothing\n  Command: p:kprobed/a one\n           ^\n");
	assert_int_equal(tracefs_find_error(":kprobed/a ", &error), -ENOENT);
	/* Every beginning of a real one */
	for (size_t len = 0; len < sizeof(error_log); len += 3) {
		char text[sizeof(error_log)];

		memcpy(text, error_log, len);
		text[len] = '\0';
		write_file("error_log", text);
		tracefs_find_error(":kprobed/yy ", &error);
		tracefs_find_error(":kprobed/zz ", &error);
	}
}

static void test_probes_of_others_are_read(void **state)
{
	struct foreign_list list;

	write_file("kprobe_events",
		   "p:kprobed/ours vfs_read\nr4:perf/theirs vfs_write+0 a=$retval\n"
		   "p:g/other vfs_open\n");
	write_file("kprobe_profile", "  ours 1 2\n  theirs 3 4\n");
	make_dir("events/perf");
	make_dir("events/perf/theirs");
	write_file("events/perf/theirs/enable", "1\n");
	assert_int_equal(foreign_read(&list), 0);
	assert_int_equal(list.n, 2);
	assert_string_equal(list.probes[0].event, "theirs");
	assert_string_equal(list.probes[0].site, "vfs_write+0");
	assert_string_equal(list.probes[0].definition, "r4:perf/theirs vfs_write+0 a=$retval");
	assert_true(list.probes[0].is_enabled);
	assert_int_equal(list.probes[0].maxactive, 4);
	assert_int_equal(list.probes[0].hits, 3);
	assert_int_equal(list.probes[0].missed, 4);
	assert_string_equal(list.probes[1].event, "other");
	assert_false(list.probes[1].is_enabled);
	assert_int_equal(list.probes[1].hits, 0);
	foreign_done(&list);
}

static void test_refusal_is_explained_in_the_kernels_words(void **state)
{
	static const char definition[] = "p:mine do_sys_openat2 a=%di:u64";
	struct kp_error error = KP_ERROR_INIT;
	struct probe_spec spec;

	assert_int_equal(probe_spec_parse(definition, &spec, NULL), 0);
	write_file("error_log", "[   31.0] trace_kprobe: error: Something else is wrong\n"
				"  Command: p:kprobed/zz do_sys_openat2 a=%di\n"
				"                        ^\n");
	assert_int_equal(refusal_explain(&spec, "zz", EINVAL, NULL, &error), -EINVAL);
	assert_int_equal(error.code, KP_KERNEL_REFUSED);
	assert_string_equal(error.detail, "Something else is wrong");
	assert_int_equal(error.position, strstr(definition, "do_sys") - definition);

	/* Without an entry there is only the number. */
	error = KP_ERROR_INIT;
	write_file("error_log", "");
	assert_int_equal(refusal_explain(&spec, "zz", EBUSY, NULL, &error), -EBUSY);
	assert_int_equal(error.code, KP_KERNEL_REFUSED);
	assert_int_equal(error.position, -1);
	assert_non_null(strstr(error.message, strerror(EBUSY)));
	probe_spec_done(&spec);
}

static void test_refusal_that_is_known_gets_its_own_name(void **state)
{
	static const char definition[] = "r16:mine do_sys_openat2+4 a=%di:u64";
	struct kp_error error = KP_ERROR_INIT;
	struct probe_spec spec;

	assert_int_equal(probe_spec_parse(definition, &spec, NULL), 0);
	write_file("error_log", error_log);
	assert_int_equal(refusal_explain(&spec, "zz", EINVAL, NULL, &error), -EINVAL);
	assert_int_equal(error.code, KP_INVALID_DEFINITION);
	assert_string_equal(error.reason, "badRetprobe");
	assert_int_equal(error.position, strstr(definition, "do_sys") - definition);
	probe_spec_done(&spec);
}

static void test_refusal_of_a_missing_symbol_names_similar_ones(void **state)
{
	struct kp_error error = KP_ERROR_INIT;
	struct probe_spec spec;
	struct symbols *symbols;
	char path[256];

	write_file("kallsyms", "ffffffff81000000 T vfs_read\nffffffff81000100 t vfs_write\n");
	snprintf(path, sizeof(path), "%s/kallsyms", dir);
	assert_int_equal(symbols_load(path, &symbols), 0);
	assert_int_equal(probe_spec_parse("p:x vfs_reed", &spec, NULL), 0);
	assert_int_equal(refusal_explain(&spec, "x_1", ENOENT, symbols, &error), -ENOENT);
	assert_int_equal(error.code, KP_NO_SUCH_SYMBOL);
	assert_string_equal(error.subject, "vfs_reed");
	assert_string_equal(error.detail, "vfs_read");
	assert_int_equal(error.position, 4);
	probe_spec_done(&spec);
	symbols_free(symbols);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_open_says_what_is_missing),
		cmocka_unit_test(test_probes_are_appended_and_nothing_is_wiped),
		cmocka_unit_test(test_files_of_any_size_are_read),
		cmocka_unit_test(test_files_that_are_not_there),
		cmocka_unit_test(test_format_is_read_from_our_group),
		cmocka_unit_test(test_lines_of_all_kinds_are_parsed),
		cmocka_unit_test(test_lines_that_are_none_are_passed_over),
		cmocka_unit_test(test_reading_lines_can_be_stopped),
		cmocka_unit_test(test_long_names_are_cut),
		cmocka_unit_test(test_profile_is_read),
		cmocka_unit_test(test_error_is_found_by_its_command),
		cmocka_unit_test(test_newest_error_is_the_one),
		cmocka_unit_test(test_error_log_that_was_cut_is_no_harm),
		cmocka_unit_test(test_probes_of_others_are_read),
		cmocka_unit_test(test_refusal_is_explained_in_the_kernels_words),
		cmocka_unit_test(test_refusal_that_is_known_gets_its_own_name),
		cmocka_unit_test(test_refusal_of_a_missing_symbol_names_similar_ones),
	};

	return cmocka_run_group_tests(tests, make_tracing_dir, remove_tracing_dir);
}
