/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What can be seen of the kernel without kprobed. See doctor.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "doctor.h"

static void path_of(const struct doctor *d, const char *path, char *buf, size_t size)
{
	snprintf(buf, size, "%s%s", d->root, path);
}

static int check_access(const struct doctor *d, const char *path, int mode)
{
	char full[512];

	path_of(d, path, full, sizeof(full));
	return access(full, mode) == 0 ? 0 : -errno;
}

int doctor_read(const struct doctor *d, const char *path, char *buf, size_t size)
{
	_cleanup_close_ int fd = -1;
	char full[512];
	ssize_t n;

	path_of(d, path, full, sizeof(full));
	fd = open(full, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, buf, size - 1);
	if (n < 0)
		return -errno;
	if (n > 0 && buf[n - 1] == '\n')
		n--;
	buf[n] = '\0';
	return 0;
}

static void look_at_release(struct doctor *d)
{
	struct utsname u;
	unsigned int major = 0, minor = 0;

	uname(&u);
	if (sscanf(u.release, "%u.%u", &major, &minor) != 2)
		doctor_find(d, "kernel", FINDING_UNKNOWN, NULL, "%s on %s", u.release, u.machine);
	else if (strcmp(u.machine, "x86_64") != 0 && strcmp(u.machine, "aarch64") != 0)
		doctor_find(d, "kernel", FINDING_MISSING, NULL,
			    "%s on %s: kprobed knows x86_64 and aarch64 only", u.release,
			    u.machine);
	else if (major < 6 || (major == 6 && minor < 1))
		doctor_find(d, "kernel", FINDING_LIMITED, "use Linux 6.1 or later",
			    "%s on %s is older than what kprobed is tested with", u.release,
			    u.machine);
	else
		doctor_find(d, "kernel", FINDING_OK, NULL, "%s on %s", u.release, u.machine);
}

/* What the kernel must have been built with, and what for. */
static const struct option_use {
	const char *name;
	bool is_essential;
	const char *use;
} options[] = {
	{"CONFIG_KPROBES", true, "probes at all"},
	{"CONFIG_KPROBE_EVENTS", true, "probes through tracefs"},
	{"CONFIG_KRETPROBES", false, "return probes"},
	{"CONFIG_KALLSYMS", true, "functions by name"},
	{"CONFIG_KPROBES_ON_FTRACE", false, "cheap probes at the start of functions"},
	{"CONFIG_OPTPROBES", false, "probes by a jump in the place of a breakpoint"},
	{"CONFIG_DEBUG_INFO_BTF", false, "arguments by name and type"},
	{"CONFIG_DEBUG_FS", false, "how a probe is reached"},
	{"CONFIG_PROC_KCORE", false, "disassembly"},
};

static FILE *open_config(const struct doctor *d)
{
	static const char *const places[] = {"/boot/config-%s", "/lib/modules/%s/config",
					     "/lib/modules/%s/build/.config"};
	char path[256], full[512];
	struct utsname u;

	uname(&u);
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		FILE *f;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(path, sizeof(path), places[i], u.release);
#pragma GCC diagnostic pop
		path_of(d, path, full, sizeof(full));
		f = fopen(full, "re");
		if (f)
			return f;
	}
	return NULL;
}

/* Whether the line "CONFIG_X=y" (or =m) is about @option. */
static bool is_set(const char *line, const char *option)
{
	size_t n = strlen(option);

	return strncmp(line, option, n) == 0 && line[n] == '=' &&
	       (line[n + 1] == 'y' || line[n + 1] == 'm');
}

static void tell_options(struct doctor *d, const bool *has)
{
	char lacking[256] = "";
	size_t used = 0;

	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		if (has[i])
			continue;
		if (options[i].is_essential) {
			doctor_find(d, "config", FINDING_MISSING, "use a kernel that has it",
				    "the kernel was built without %s, which gives %s",
				    options[i].name, options[i].use);
			return;
		}
		used += (size_t)snprintf(lacking + used, sizeof(lacking) - used, "%s%s (%s)",
					 used ? ", " : "", options[i].name, options[i].use);
		if (used >= sizeof(lacking))
			break;
	}
	if (lacking[0])
		doctor_find(d, "config", FINDING_LIMITED, NULL, "the kernel was built without %s",
			    lacking);
	else
		doctor_find(d, "config", FINDING_OK, NULL,
			    "the kernel was built with all that kprobed uses");
}

static void read_options(FILE *f, bool *has)
{
	_cleanup_free_ char *line = NULL;
	size_t size = 0;

	while (getline(&line, &size, f) > 0)
		for (size_t i = 0; i < ARRAY_SIZE(options); i++)
			has[i] |= is_set(line, options[i].name);
}

/* What the kernel itself has of it, of this machine's only. False: nothing, or no gzip. */
static bool read_compressed(const struct doctor *d, bool *has)
{
	FILE *pipe;

	if (d->root[0] || access("/proc/config.gz", R_OK) < 0)
		return false;
	pipe = popen("gzip -dc /proc/config.gz 2>/dev/null", "re");
	if (!pipe)
		return false;
	read_options(pipe, has);
	return pclose(pipe) == 0;
}

static void look_at_config(struct doctor *d)
{
	_cleanup_fclose_ FILE *f = open_config(d);
	bool has[ARRAY_SIZE(options)] = {false};

	if (f)
		read_options(f, has);
	else if (!read_compressed(d, has)) {
		doctor_find(d, "config", FINDING_UNKNOWN, NULL,
			    "the kernel's configuration is not in /boot, /lib/modules or /proc");
		return;
	}
	tell_options(d, has);
}

/* Where a file system of @type is mounted. False: nowhere. */
static bool find_mount(const struct doctor *d, const char *type, char *buf, size_t size)
{
	_cleanup_fclose_ FILE *f = NULL;
	_cleanup_free_ char *line = NULL;
	char full[512], where[256], fs[64];
	size_t n = 0;

	path_of(d, "/proc/self/mounts", full, sizeof(full));
	f = fopen(full, "re");
	while (f && getline(&line, &n, f) > 0)
		if (sscanf(line, "%*s %255s %63s", where, fs) == 2 && strcmp(fs, type) == 0) {
			snprintf(buf, size, "%s", where);
			return true;
		}
	return false;
}

static void look_at_events(struct doctor *d, const char *tracefs)
{
	char path[300];
	int r;

	snprintf(path, sizeof(path), "%s/kprobe_events", tracefs);
	r = check_access(d, path, F_OK);
	if (r == 0)
		doctor_find(d, "probes", FINDING_OK, NULL, "the kernel takes probes");
	else if (r == -EACCES)
		doctor_find(d, "probes", FINDING_UNKNOWN, NULL,
			    "whether the kernel takes probes is shown to root only");
	else
		doctor_find(d, "probes", FINDING_MISSING, "use a kernel with CONFIG_KPROBE_EVENTS",
			    "the kernel takes no probes: there is no kprobe_events in tracefs");
}

static void look_at_mounts(struct doctor *d)
{
	char where[256];

	if (find_mount(d, "tracefs", where, sizeof(where))) {
		doctor_find(d, "tracefs", FINDING_OK, NULL, "mounted on %s", where);
		look_at_events(d, where);
	} else {
		doctor_find(d, "tracefs", FINDING_MISSING,
			    "systemctl start sys-kernel-tracing.mount (or: mount -t tracefs "
			    "tracefs /sys/kernel/tracing)",
			    "tracefs is not mounted");
	}
	if (find_mount(d, "debugfs", where, sizeof(where)))
		doctor_find(d, "debugfs", FINDING_OK, NULL, "mounted on %s", where);
	else
		doctor_find(d, "debugfs", FINDING_LIMITED,
			    "systemctl start sys-kernel-debug.mount (or: mount -t debugfs debugfs "
			    "/sys/kernel/debug)",
			    "debugfs is not mounted: how a probe is reached, and which functions "
			    "are forbidden, is not known");
}

/* debugfs is root's; kprobed tells others. */
static void look_at_switches(struct doctor *d)
{
	char text[64];
	int r = doctor_read(d, "/sys/kernel/debug/kprobes/enabled", text, sizeof(text));

	if (r == 0 && text[0] == '0')
		doctor_find(d, "armed", FINDING_MISSING,
			    "echo 1 > /sys/kernel/debug/kprobes/enabled",
			    "all kprobes of this kernel are switched off");
	else if (r == 0)
		doctor_find(d, "armed", FINDING_OK, NULL, "kprobes are switched on");
	else
		doctor_find(d, "armed", FINDING_UNKNOWN, NULL,
			    "whether kprobes are switched on is shown to root only");

	if (doctor_read(d, "/proc/sys/kernel/ftrace_enabled", text, sizeof(text)) == 0 &&
	    text[0] == '0')
		doctor_find(d, "ftrace", FINDING_LIMITED, "sysctl kernel.ftrace_enabled=1",
			    "function tracing is switched off: probes at the start of functions "
			    "never fire");
	if (doctor_read(d, "/proc/sys/debug/kprobes-optimization", text, sizeof(text)) == 0 &&
	    text[0] == '0')
		doctor_find(d, "optimization", FINDING_LIMITED,
			    "sysctl debug.kprobes-optimization=1",
			    "optimized probes are switched off: a probe inside of a function costs "
			    "a breakpoint for each hit");
}

static void look_at_secrecy(struct doctor *d)
{
	char text[128];

	if (doctor_read(d, "/sys/kernel/security/lockdown", text, sizeof(text)) < 0)
		doctor_find(d, "lockdown", FINDING_OK, NULL, "the kernel has no lockdown");
	else if (strstr(text, "[confidentiality]"))
		doctor_find(d, "lockdown", FINDING_MISSING, "boot without lockdown=confidentiality",
			    "the kernel is locked down (confidentiality): it allows no tracing to "
			    "anybody");
	else
		doctor_find(d, "lockdown", FINDING_OK, NULL, "%s",
			    strstr(text, "[integrity]")
				    ? "integrity only, which leaves tracing alone"
				    : "the kernel is not locked down");

	if (doctor_read(d, "/proc/sys/kernel/kptr_restrict", text, sizeof(text)) == 0 &&
	    text[0] == '2')
		doctor_find(d, "symbols", FINDING_LIMITED, "sysctl kernel.kptr_restrict=1",
			    "the kernel hides its addresses from everybody: callers, stacks and "
			    "symbols stay numbers, and names are not checked before planting");
	else
		doctor_find(d, "symbols", FINDING_OK, NULL,
			    "the kernel shows its addresses to those who may see them");
}

static void look_at_extras(struct doctor *d)
{
	if (check_access(d, "/sys/kernel/btf/vmlinux", R_OK) == 0)
		doctor_find(d, "btf", FINDING_OK, NULL, "the kernel describes its types");
	else
		doctor_find(d, "btf", FINDING_LIMITED, "use a kernel with CONFIG_DEBUG_INFO_BTF",
			    "the kernel does not describe its types: no arguments by name");
	if (check_access(d, "/dev/kprobed", F_OK) == 0 ||
	    check_access(d, "/sys/module/kprobed", F_OK) == 0)
		doctor_find(d, "helper", FINDING_OK, NULL, "the kernel module kprobed is loaded");
	else
		doctor_find(d, "helper", FINDING_LIMITED,
			    "modprobe kprobed (optional: everything in tracefs works without)",
			    "the kernel module kprobed is not loaded: no call probes, thresholds "
			    "and histograms");
}

void doctor_look_at_kernel(struct doctor *d)
{
	look_at_release(d);
	look_at_config(d);
	look_at_mounts(d);
	look_at_switches(d);
	look_at_secrecy(d);
	look_at_extras(d);
}
