/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See instance.h. */
#include "instance.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <tracefs.h>

#include "tracefs.h"

#define PREFIX "kprobed-"

/* libtracefs says -1 and leaves the reason in errno. */
static int check(int r)
{
	return r < 0 ? (errno ? -errno : -EIO) : 0;
}

static int write_file(struct instance *i, const char *file, const char *text)
{
	errno = 0;
	return check(tracefs_instance_file_write(i->tracefs, file, text));
}

static int exclude_own_threads(struct instance *i, const struct instance_options *options)
{
	char text[256];
	size_t len = 0;

	for (size_t k = 0; k < options->n_own_tids && len < sizeof(text) - 16; k++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%d ",
					options->own_tids[k]);
	return len ? write_file(i, "set_event_notrace_pid", text) : 0;
}

static int prepare(struct instance *i, const struct instance_options *options)
{
	int r;

	errno = 0;
	r = check(tracefs_instance_set_buffer_size(i->tracefs, options->buffer_bytes / 1024, -1));
	if (r == 0)
		r = write_file(i, "trace_clock", "mono");
	if (r == 0)
		r = exclude_own_threads(i, options);
	/* 0: wake a waiting reader at the first event, not at half a buffer (design 9.11). */
	if (r == 0)
		r = write_file(i, "buffer_percent", "0");
	if (r == 0 && options->has_stacks)
		r = write_file(i, "options/stacktrace", "1");
	return r;
}

static int open_cpu_file(struct instance *i, unsigned int cpu, const char *name, int *ret)
{
	char file[64];

	snprintf(file, sizeof(file), "per_cpu/cpu%u/%s", cpu, name);
	errno = 0;
	*ret = tracefs_instance_file_open(i->tracefs, file, O_RDONLY | O_NONBLOCK);
	return *ret >= 0 || errno == ENOENT ? 0 : errno ? -errno : -EIO;
}

static int open_rings(struct instance *i)
{
	unsigned int n = (unsigned int)sysconf(_SC_NPROCESSORS_CONF);
	int r = 0;

	i->fds = malloc(n * sizeof(*i->fds));
	i->stats_fds = malloc(n * sizeof(*i->stats_fds));
	if (!i->fds || !i->stats_fds)
		return -ENOMEM;
	for (; i->n_cpus < n && r == 0; i->n_cpus++) {
		i->stats_fds[i->n_cpus] = -1;
		r = open_cpu_file(i, i->n_cpus, "trace_pipe_raw", &i->fds[i->n_cpus]);
		if (r == 0)
			r = open_cpu_file(i, i->n_cpus, "stats", &i->stats_fds[i->n_cpus]);
	}
	return r;
}

int instance_new(const char *name, const struct instance_options *options, struct instance **ret)
{
	_cleanup_(instance_freep) struct instance *i = NULL;
	_cleanup_free_ char *dir = NULL;
	int r;

	i = calloc(1, sizeof(*i));
	if (!i)
		return -ENOMEM;
	snprintf(i->name, sizeof(i->name), "%s", name);
	i->has_stacks = options->has_stacks;
	i->dir_fd = -1;
	errno = 0;
	i->tracefs = tracefs_instance_create(name);
	if (!i->tracefs)
		return errno ? -errno : -EIO;
	dir = tracefs_instance_get_dir(i->tracefs);
	i->dir_fd = dir ? open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
	r = i->dir_fd < 0 ? -errno : prepare(i, options);
	if (r == 0)
		r = open_rings(i);
	if (r < 0)
		return r;

	*ret = take_ptr(i);
	return 0;
}

struct instance *instance_free(struct instance *i)
{
	for (unsigned int cpu = 0; cpu < i->n_cpus; cpu++) {
		kp_closep(&i->fds[cpu]);
		kp_closep(&i->stats_fds[cpu]);
	}
	free(i->fds);
	free(i->stats_fds);
	kp_closep(&i->dir_fd);
	if (i->tracefs) {
		tracefs_instance_destroy(i->tracefs);
		tracefs_instance_free(i->tracefs);
	}
	free(i);
	return NULL;
}

unsigned int instance_remove_leftovers(void)
{
	char path[512];
	unsigned int n = 0;
	struct dirent *e;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/instances", tracefs_dir());
	dir = opendir(path);
	if (!dir)
		return 0;
	while ((e = readdir(dir))) {
		if (strncmp(e->d_name, PREFIX, strlen(PREFIX)) != 0)
			continue;
		snprintf(path, sizeof(path), "%s/instances/%s/events/enable", tracefs_dir(),
			 e->d_name);
		/* Enabled events would keep their probes busy when those are deleted next. */
		{
			_cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);

			if (fd >= 0 && write(fd, "0", 1) < 0)
				continue;
		}
		snprintf(path, sizeof(path), "%s/instances/%s", tracefs_dir(), e->d_name);
		n += rmdir(path) == 0;
	}
	closedir(dir);
	return n;
}

/*
 * Hundreds of these in a row are a part of what it takes to add and remove as many probes:
 * libtracefs looks for each file before it opens it, both by the whole path, and to enable an event
 * would list all systems and events first, to match names as patterns.
 */
static int write_event_file(const struct instance *i, const char *system, const char *event,
			    const char *file, const char *text)
{
	_cleanup_close_ int fd = -1;
	char path[256];

	if ((size_t)snprintf(path, sizeof(path), "events/%s/%s/%s", system, event, file) >=
	    sizeof(path))
		return -ENAMETOOLONG;
	fd = openat(i->dir_fd, path, O_WRONLY | O_CLOEXEC);
	return fd < 0 || write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

int instance_enable(struct instance *i, const char *event, bool enable)
{
	return write_event_file(i, TRACEFS_GROUP, event, "enable", enable ? "1" : "0");
}

int instance_enable_system(struct instance *i, const char *system, const char *event)
{
	return write_event_file(i, system, event, "enable", "1");
}

int instance_set_filter(struct instance *i, const char *event, const char *filter)
{
	return write_event_file(i, TRACEFS_GROUP, event, "filter", filter ? filter : "0");
}

void instance_filter_error(struct instance *i, const char *event, char *buf, size_t size)
{
	char *text, *line;

	buf[0] = '\0';
	text = tracefs_event_file_read(i->tracefs, TRACEFS_GROUP, event, "filter", NULL);
	if (!text)
		return;
	/* The filter, a caret, and the parser's complaint, a line each. */
	line = strstr(text, "parse_error: ");
	if (line)
		snprintf(buf, size, "%.*s", (int)strcspn(line + 13, "\n"), line + 13);
	free(text);
}

/* "\noverrun: 12": the newline tells it from "commit overrun: 0". */
static int read_count(const char *stats, const char *key, uint64_t *ret)
{
	const char *at = strstr(stats, key);
	unsigned long long v;

	if (!at || sscanf(at + strlen(key), "%llu", &v) != 1)
		return -EBADMSG;
	*ret = v;
	return 0;
}

int instance_overrun(const struct instance *i, unsigned int cpu, uint64_t *ret)
{
	uint64_t overrun, commit_overrun;
	char text[512];
	ssize_t n;
	int r;

	if (i->stats_fds[cpu] < 0)
		return -ENOENT;
	n = pread(i->stats_fds[cpu], text, sizeof(text) - 1, 0);
	if (n < 0)
		return -errno;
	text[n] = '\0';
	r = read_count(text, "\noverrun: ", &overrun);
	if (r == 0)
		r = read_count(text, "\ncommit overrun: ", &commit_overrun);
	if (r == 0)
		*ret = overrun + commit_overrun;
	return r;
}
