/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See tracefs.h. kprobe_events is opened with O_APPEND and never with O_TRUNC, which would wipe the
 * probes of everybody (kernel/trace/trace_kprobe.c: probes_open()). Its lines are written and read
 * here, as libtracefs 1.6 gets maxactive wrong and cannot tell kprobes from uprobes.
 */
#include "tracefs.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include <tracefs.h>

#include "cleanup.h"

/* kernel/trace/trace.c: CMD_PREFIX, put before the command and skipped by the caret's line */
#define COMMAND_PREFIX "  Command: "

#define KPROBES_LIST	  "/sys/kernel/debug/kprobes/list"
#define KPROBES_BLACKLIST "/sys/kernel/debug/kprobes/blacklist"

static const char *tracing_dir;
/* Holds the lock; never closed. */
static int owner_fd = -1;

static int open_file(const char *file, int flags)
{
	char path[512];
	int fd;

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", tracing_dir, file) >= sizeof(path))
		return -ENAMETOOLONG;
	fd = open(path, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int read_all(int fd, char **ret, size_t *ret_len)
{
	_cleanup_free_ char *buf = NULL;
	size_t len = 0, size = 0;

	for (;;) {
		ssize_t n;

		if (size - len < 4096) {
			char *p = realloc(buf, size = size ? 2 * size : 16384);

			if (!p)
				return -ENOMEM;
			buf = p;
		}
		n = read(fd, buf + len, size - len - 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	buf[len] = '\0';
	*ret = take_ptr(buf);
	if (ret_len)
		*ret_len = len;
	return 0;
}

static int read_path(const char *path, char **ret)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : read_all(fd, ret, NULL);
}

int tracefs_read(const char *file, char **ret, size_t *ret_len)
{
	_cleanup_close_ int fd = open_file(file, O_RDONLY);

	return fd < 0 ? fd : read_all(fd, ret, ret_len);
}

/* The header of a page must be what ring.c takes it for: time at 0, commit at 8, data at 16. */
static int check_page_layout(struct kp_error *reterr)
{
	_cleanup_free_ char *text = NULL;
	int r = tracefs_read("events/header_page", &text, NULL);

	if (r < 0)
		return kp_error_set(reterr, KP_UNAVAILABLE, -r, "kprobes",
				    "cannot read events/header_page: %s", strerror(-r));
	if (!strstr(text, "timestamp;\toffset:0;\tsize:8;") ||
	    !strstr(text, "commit;\toffset:8;\tsize:8;") || !strstr(text, "data;\toffset:16;"))
		return kp_error_set(
			reterr, KP_UNAVAILABLE, EOPNOTSUPP, "kprobes",
			"this kernel's ring buffer pages have a layout that kprobed does not "
			"know");
	return 0;
}

int tracefs_open(struct kp_error *reterr)
{
	_cleanup_close_ int fd = -1;

	kp_closep(&owner_fd);
	owner_fd = -1;
	tracing_dir = tracefs_tracing_dir();
	if (!tracing_dir)
		return kp_error_set(reterr, KP_UNAVAILABLE, ENOENT, "tracefs",
				    "tracefs is not mounted: mount -t tracefs nodev "
				    "/sys/kernel/tracing");
	fd = open_file("kprobe_events", O_WRONLY | O_APPEND);
	if (fd == -ENOENT)
		return kp_error_set(reterr, KP_UNAVAILABLE, ENOENT, "kprobes",
				    "%s has no kprobe_events: the kernel was built without "
				    "CONFIG_KPROBE_EVENTS",
				    tracing_dir);
	if (fd < 0)
		return kp_error_set(reterr, KP_UNAVAILABLE, -fd, "kprobes",
				    "cannot write %s/kprobe_events: %s%s", tracing_dir,
				    strerror(-fd), fd == -EPERM ? " (kernel lockdown?)" : "");
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return kp_error_set(reterr, KP_UNAVAILABLE, EBUSY, "kprobes",
				    "another kprobed owns the probes of this host");
	owner_fd = take_fd(&fd);
	return check_page_layout(reterr);
}

const char *tracefs_dir(void)
{
	return tracing_dir;
}

int tracefs_append_probes(const char *text)
{
	_cleanup_close_ int fd = open_file("kprobe_events", O_WRONLY | O_APPEND);
	size_t len = strlen(text);
	ssize_t n;

	if (fd < 0)
		return fd;
	do {
		n = write(fd, text, len);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return (size_t)n == len ? 0 : -EIO;
}

/* The caret stands below the command, as many blanks in as the prefix and the position say. */
static int caret_position(const char *line)
{
	size_t blanks = strspn(line, " ");

	if (line[blanks] != '^' || blanks < strlen(COMMAND_PREFIX))
		return -1;
	return (int)(blanks - strlen(COMMAND_PREFIX));
}

int tracefs_find_error(const char *command, struct tracefs_error *ret)
{
	_cleanup_free_ char *log = NULL;
	const char *found = NULL, *begin, *end;
	size_t len = strlen(command);
	int r = tracefs_read("error_log", &log, NULL);

	if (r < 0)
		return r;
	for (const char *p = log; (p = strstr(p, "\n" COMMAND_PREFIX)); p++) {
		const char *text = p + 1 + strlen(COMMAND_PREFIX);

		/* Kind and maxactive stand before what is looked for. */
		text += strcspn(text, ":\n");
		if (strncmp(text, command, len) == 0)
			found = p;
	}
	if (!found)
		return -ENOENT;

	/* "[  123.456789] trace_kprobe: error: Invalid probed address or symbol" */
	for (begin = found; begin > log && begin[-1] != '\n'; begin--)
		;
	begin = strstr(begin, "error: ");
	if (!begin || begin > found)
		return -ENOENT;
	begin += strlen("error: ");
	snprintf(ret->text, sizeof(ret->text), "%.*s", (int)(found - begin), begin);
	end = strchr(found + 1, '\n');
	ret->position = end ? caret_position(end + 1) : -1;
	return 0;
}

/* "r8:kprobed/opens_17 do_sys_openat2 ret=$retval:s32" */
static bool parse_line(const char *line, struct tracefs_probe *ret)
{
	const char *colon = strchr(line, ':'), *slash, *space;

	if ((line[0] != 'p' && line[0] != 'r') || !colon)
		return false;
	slash = strchr(colon, '/');
	space = slash ? strchr(slash, ' ') : NULL;
	if (!space)
		return false;
	ret->kind = line[0];
	ret->maxactive = (unsigned int)strtoul(line + 1, NULL, 10);
	snprintf(ret->group, sizeof(ret->group), "%.*s", (int)(slash - colon - 1), colon + 1);
	snprintf(ret->event, sizeof(ret->event), "%.*s", (int)(space - slash - 1), slash + 1);
	ret->text = line;
	ret->rest = space + 1;
	return true;
}

int tracefs_each_probe(int (*fn)(const struct tracefs_probe *probe, void *data), void *data)
{
	_cleanup_free_ char *text = NULL;
	char *save = NULL;
	int r = tracefs_read("kprobe_events", &text, NULL);

	if (r < 0)
		return r;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		struct tracefs_probe probe;

		if (!parse_line(line, &probe))
			continue;
		r = fn(&probe, data);
		if (r)
			return r;
	}
	return 0;
}

int tracefs_each_profile(void (*fn)(const char *event, uint64_t hits, uint64_t missed, void *data),
			 void *data)
{
	_cleanup_free_ char *text = NULL;
	char *save = NULL;
	int r = tracefs_read("kprobe_profile", &text, NULL);

	if (r < 0)
		return r;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		unsigned long long hits, missed;
		char event[128];

		if (sscanf(line, "%127s %llu %llu", event, &hits, &missed) == 3)
			fn(event, hits, missed, data);
	}
	return 0;
}

/* kernel/kprobes.c: report_probe(). [DISABLED], [GONE] and the like say that it is not armed. */
static const char *method_of(const char *flags)
{
	if (strstr(flags, "[DISABLED]") || strstr(flags, "[GONE]"))
		return NULL;
	if (strstr(flags, "[FTRACE]"))
		return "ftrace";
	return strstr(flags, "[OPTIMIZED]") ? "jump" : "breakpoint";
}

int tracefs_each_kprobe(void (*fn)(uint64_t address, char type, const char *site,
				   const char *method, void *data),
			void *data)
{
	_cleanup_free_ char *text = NULL;
	char *save = NULL;
	int r = read_path(KPROBES_LIST, &text);

	if (r < 0)
		return r;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char type, site[256];
		unsigned long long address;
		int at = 0;

		/* The address without 0x, or "(____ptrval____)" and the like. */
		if (sscanf(line, "%llx", &address) != 1)
			address = 0;
		if (sscanf(line, "%*s %c %255s %n", &type, site, &at) >= 2)
			fn(address, type, site, method_of(line + at), data);
	}
	return 0;
}

int tracefs_read_blacklist(char **ret)
{
	return read_path(KPROBES_BLACKLIST, ret);
}

int tracefs_read_format(int dir_fd, const char *event, char **ret)
{
	_cleanup_close_ int fd = -1;
	char file[256];

	if ((size_t)snprintf(file, sizeof(file), "events/" TRACEFS_GROUP "/%s/format", event) >=
	    sizeof(file))
		return -ENAMETOOLONG;
	if (dir_fd < 0)
		return tracefs_read(file, ret, NULL);
	fd = openat(dir_fd, file, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : read_all(fd, ret, NULL);
}
