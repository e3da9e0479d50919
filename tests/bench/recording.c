/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See recording.h. */
#include "recording.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

/* The group of kprobed's events (daemon/tracefs.h: TRACEFS_GROUP). */
#define GROUP "kprobed"

struct cursor {
	const char *p;
	size_t left;
	bool is_bad;
};

static const char *take(struct cursor *c, size_t n)
{
	const char *p = c->p;

	if (n > c->left) {
		c->is_bad = true;
		n = c->left;
	}
	c->p += n;
	c->left -= n;
	return p;
}

static uint64_t take_int(struct cursor *c, size_t n)
{
	uint64_t v = 0;
	const char *p = take(c, n);

	if (!c->is_bad)
		memcpy(&v, p, n);
	return v;
}

static const char *take_string(struct cursor *c)
{
	size_t n = strnlen(c->p, c->left);
	const char *p = take(c, n + 1);

	return c->is_bad ? "" : p;
}

/* A block with its size in front, of @n bytes. */
static struct recording_part take_part(struct cursor *c, size_t n)
{
	size_t len = take_int(c, n);

	return (struct recording_part){.data = take(c, len), .len = c->is_bad ? 0 : len};
}

static bool take_literal(struct cursor *c, const char *s, size_t n)
{
	const char *p = take(c, n);

	return !c->is_bad && memcmp(p, s, n) == 0;
}

/* Formats by system; that of the one event in our group is what is looked for. */
static void read_formats(struct cursor *c, struct recording *r)
{
	uint64_t n_systems;

	for (uint64_t n = take_int(c, 4); n > 0 && !c->is_bad; n--)
		take_part(c, 8); /* ftrace's own events */
	n_systems = take_int(c, 4);
	for (uint64_t i = 0; i < n_systems && !c->is_bad; i++) {
		bool is_ours = strcmp(take_string(c), GROUP) == 0;

		for (uint64_t n = take_int(c, 4); n > 0 && !c->is_bad; n--) {
			struct recording_part format = take_part(c, 8);

			if (is_ours)
				r->format = format;
		}
	}
}

/* Clock, counters and the like: id, size, data; 0 ends them. */
static void skip_options(struct cursor *c)
{
	while (take_int(c, 2) != 0 && !c->is_bad)
		take_part(c, 4);
}

static int read_head(struct recording *r)
{
	struct cursor c = {.p = r->map, .left = r->size};

	if (!take_literal(&c, "\x17\x08\x44tracing6", 12) || take_int(&c, 1) != 0 ||
	    take_int(&c, 1) != 8 || take_int(&c, 4) != RECORDING_PAGE_SIZE)
		return -EBADMSG;
	if (!take_literal(&c, "header_page", 12))
		return -EBADMSG;
	take_part(&c, 8);
	if (!take_literal(&c, "header_event", 13))
		return -EBADMSG;
	take_part(&c, 8);
	read_formats(&c, r);
	r->kallsyms = take_part(&c, 4);
	take_part(&c, 4); /* printk formats */
	take_part(&c, 8); /* the names of tasks */
	r->n_cpus = (unsigned int)take_int(&c, 4);
	if (take_literal(&c, "options  ", 10)) {
		skip_options(&c);
		if (!take_literal(&c, "flyrecord", 10))
			return -EBADMSG;
	}
	if (c.is_bad || r->n_cpus > RECORDING_CPUS_MAX || !r->format.len)
		return -EBADMSG;

	for (unsigned int i = 0; i < r->n_cpus; i++) {
		uint64_t offset = take_int(&c, 8), size = take_int(&c, 8);

		if (c.is_bad || offset > r->size || size > r->size - offset)
			return -EBADMSG;
		r->cpus[i] = (struct recording_part){r->map + offset, size};
	}
	return 0;
}

int recording_open(const char *path, struct recording *ret)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct recording r = {0};
	struct stat st;
	int err;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	r.size = (size_t)st.st_size;
	r.map = mmap(NULL, r.size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
	if (r.map == MAP_FAILED)
		return -errno;
	err = read_head(&r);
	if (err < 0) {
		recording_close(&r);
		return err;
	}
	*ret = r;
	return 0;
}

void recording_close(struct recording *r)
{
	munmap(r->map, r->size);
}
