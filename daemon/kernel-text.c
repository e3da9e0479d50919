/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See kernel-text.h. */
#include "kernel-text.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* A header for each piece of memory: a hundred on large machines. */
#define HEADERS_MAX 4096

struct kernel_text {
	int fd;		      /* owned */
	Elf64_Phdr *segments; /* owned; as they were at the last look */
	size_t n_segments;
};

static bool is_locked_down(void)
{
	_cleanup_close_ int fd = open("/sys/kernel/security/lockdown", O_RDONLY | O_CLOEXEC);
	char text[128];
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (n <= 0)
		return false;
	text[n] = '\0';
	return strstr(text, "[confidentiality]");
}

static int explain(struct kp_error *reterr, int err)
{
	if (err == ENOENT)
		return kp_error_set(reterr, KP_UNAVAILABLE, err, "disassembly",
				    "there is no /proc/kcore: the kernel was built without "
				    "CONFIG_PROC_KCORE, or a container hides it");
	if ((err == EPERM || err == EACCES) && is_locked_down())
		return kp_error_set(reterr, KP_UNAVAILABLE, err, "disassembly",
				    "the kernel is locked down (confidentiality): nobody may read "
				    "its memory");
	if (err == EPERM || err == EACCES)
		return kp_error_set(
			reterr, KP_UNAVAILABLE, err, "disassembly",
			"kprobed may not read /proc/kcore: it was started without root's "
			"CAP_SYS_RAWIO");
	return kp_error_set(reterr, KP_UNAVAILABLE, err, "disassembly",
			    "/proc/kcore cannot be read: %s", strerror(err));
}

static int read_all(int fd, void *buf, size_t n, uint64_t at)
{
	char *p = buf;

	while (n > 0) {
		ssize_t r = pread(fd, p, n, (off_t)at);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		if (r == 0)
			return -EFAULT;
		p += r;
		at += (size_t)r;
		n -= (size_t)r;
	}
	return 0;
}

/* The kernel writes the headers anew for each read: memory and modules come and go. */
static int read_segments(struct kernel_text *t)
{
	_cleanup_free_ Elf64_Phdr *segments = NULL;
	Elf64_Ehdr head;
	int r;

	r = read_all(t->fd, &head, sizeof(head), 0);
	if (r < 0)
		return r == -EFAULT ? -EBADMSG : r;
	if (memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 || head.e_ident[EI_CLASS] != ELFCLASS64 ||
	    head.e_type != ET_CORE || head.e_phentsize != sizeof(*segments) || head.e_phnum == 0 ||
	    head.e_phnum > HEADERS_MAX)
		return -EBADMSG;
	segments = calloc(head.e_phnum, sizeof(*segments));
	if (!segments)
		return -ENOMEM;
	r = read_all(t->fd, segments, head.e_phnum * sizeof(*segments), head.e_phoff);
	if (r < 0)
		return r == -EFAULT ? -EBADMSG : r;
	free(t->segments);
	t->segments = take_ptr(segments);
	t->n_segments = head.e_phnum;
	return 0;
}

int kernel_text_open(const char *path, struct kernel_text **ret, struct kp_error *reterr)
{
	_cleanup_(kernel_text_freep) struct kernel_text *t = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return -ENOMEM;
	t->fd = open(path ? path : "/proc/kcore", O_RDONLY | O_CLOEXEC);
	if (t->fd < 0)
		return explain(reterr, errno);
	r = read_segments(t);
	if (r < 0)
		return explain(reterr, -r);
	*ret = take_ptr(t);
	return 0;
}

struct kernel_text *kernel_text_free(struct kernel_text *t)
{
	kp_closep(&t->fd);
	free(t->segments);
	free(t);
	return NULL;
}

/* Where the @n bytes at @address lie in the file; false: nowhere as a whole. */
static bool find_range(const struct kernel_text *t, uint64_t address, size_t n, uint64_t *ret)
{
	for (size_t i = 0; i < t->n_segments; i++) {
		const Elf64_Phdr *s = &t->segments[i];

		if (s->p_type == PT_LOAD && address >= s->p_vaddr &&
		    address - s->p_vaddr < s->p_filesz &&
		    n <= s->p_filesz - (address - s->p_vaddr)) {
			*ret = s->p_offset + (address - s->p_vaddr);
			return true;
		}
	}
	return false;
}

int kernel_text_read(struct kernel_text *t, uint64_t address, void *buf, size_t n)
{
	uint64_t at;

	if (!find_range(t, address, n, &at)) {
		int r = read_segments(t);

		if (r < 0)
			return r;
		if (!find_range(t, address, n, &at))
			return -EFAULT;
	}
	return read_all(t->fd, buf, n, at);
}
