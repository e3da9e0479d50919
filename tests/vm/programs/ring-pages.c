/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a page of the kernel's ring costs its reader: through read(), which copies it, and mapped
 * (Linux 6.10 and later), where an ioctl() hands over the next one.
 *
 * Usage: ring-pages INSTANCE ROUNDS
 *
 * Fills the ring of CPU 0 of a tracing instance (its folder) with 112-byte messages and empties it,
 * in turns both ways. The words of each page are added up, so that both have looked at all of it.
 * Prints for read() and for the mapping the nanoseconds of CPU time per page, the least of the
 * rounds, and how many pages there were in all.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define PAGE	    4096
#define HEADER	    16 /* time stamp and commit */
#define MESSAGES    9000
#define COMMIT_MASK 0xfffff

/* include/uapi/linux/trace_mmap.h, which the headers of this machine may not have */
struct meta {
	uint32_t meta_page_size, meta_struct_len, subbuf_size, nr_subbufs;
	struct {
		uint64_t lost_events;
		uint32_t id, read;
	} reader;
};

#define GET_READER _IO('R', 0x20)

struct way {
	uint64_t pages, least;
};

static volatile uint64_t sum;

static void die(const char *what)
{
	fprintf(stderr, "ring-pages: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
}

static uint32_t commit_of(const void *page)
{
	uint32_t commit;

	memcpy(&commit, (const char *)page + 8, sizeof(commit));
	return commit & COMMIT_MASK;
}

static void look_at(const void *page)
{
	const uint64_t *words = page;
	uint32_t n = (HEADER + commit_of(page)) / 8;
	uint64_t s = 0;

	for (uint32_t i = 0; i < n; i++)
		s += words[i];
	sum += s;
}

static void fill(int marker)
{
	static const char message[112] = "a message of a hundred bytes or so, about as long as the "
					 "record of a probe with some arguments";

	for (int i = 0; i < MESSAGES; i++)
		if (write(marker, message, sizeof(message)) < 0)
			die("trace_marker");
}

static unsigned int empty_by_read(int fd)
{
	static uint64_t page[PAGE / 8];
	unsigned int n = 0;

	while (read(fd, page, sizeof(page)) > 0) {
		look_at(page);
		n++;
	}
	return n;
}

static unsigned int empty_mapped(int fd, const struct meta *meta, const char *pages)
{
	uint32_t id = UINT32_MAX, commit = 0;
	unsigned int n = 0;

	for (;;) {
		const char *page;

		if (ioctl(fd, GET_READER) < 0)
			die("TRACE_MMAP_IOCTL_GET_READER");
		page = pages + (size_t)meta->reader.id * meta->subbuf_size;
		if (meta->reader.id == id && commit_of(page) == commit)
			return n;
		id = meta->reader.id;
		commit = commit_of(page);
		look_at(page);
		n++;
	}
}

static void note(struct way *way, uint64_t nsec, unsigned int n)
{
	if (n == 0)
		return;
	if (way->least == 0 || nsec / n < way->least)
		way->least = nsec / n;
	way->pages += n;
}

static int open_in(const char *folder, const char *name, int flags)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, flags | O_CLOEXEC);
	if (fd < 0)
		die(path);
	return fd;
}

int main(int argc, char **argv)
{
	int rounds = argc == 3 ? atoi(argv[2]) : 0, marker, fd;
	struct way copied = {0}, mapped = {0};
	cpu_set_t set;

	if (rounds <= 0)
		return 2;
	CPU_ZERO(&set);
	CPU_SET(0, &set);
	if (sched_setaffinity(0, sizeof(set), &set) < 0)
		die("sched_setaffinity");
	marker = open_in(argv[1], "trace_marker", O_WRONLY);
	for (int i = 0; i < rounds; i++) {
		const struct meta *meta;
		const char *pages;
		uint64_t begin;
		unsigned int n;
		size_t size;

		fd = open_in(argv[1], "per_cpu/cpu0/trace_pipe_raw", O_RDONLY | O_NONBLOCK);
		fill(marker);
		begin = now();
		n = empty_by_read(fd);
		note(&copied, now() - begin, n);

		meta = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
		if (meta == MAP_FAILED)
			die("mmap");
		size = (size_t)meta->subbuf_size * meta->nr_subbufs;
		pages = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, meta->meta_page_size);
		if (pages == MAP_FAILED)
			die("mmap of the pages");
		fill(marker);
		begin = now();
		n = empty_mapped(fd, meta, pages);
		note(&mapped, now() - begin, n);
		munmap((void *)(uintptr_t)pages, size);
		munmap((void *)(uintptr_t)meta, PAGE);
		close(fd);
	}
	printf("%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", copied.least, mapped.least,
	       copied.pages, mapped.pages);
	return 0;
}
