/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See ioctl-check.h. */
#include "ioctl-check.h"

#define INSTANCE "/sys/kernel/tracing/instances/ioctl-check"

int device = -1;

void fail_at(const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fprintf(stderr, "%s:%d: ", file, line);
	vfprintf(stderr, fmt, ap);
	fprintf(stderr, " (errno %d)\n", errno);
	va_end(ap);
	rmdir(INSTANCE);
	_exit(1);
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		fail("%s: cannot write", path);
	close(fd);
}

void listen_begin(void)
{
	if (mkdir(INSTANCE, 0700) < 0 && errno != EEXIST)
		fail("no instance");
	write_file(INSTANCE "/trace_clock", "mono");
	write_file(INSTANCE "/buffer_size_kb", "16384");
	write_file(INSTANCE "/events/kprobed/kprobed_hit/enable", "1");
}

void listen_end(void)
{
	write_file(INSTANCE "/events/kprobed/kprobed_hit/enable", "0");
	if (rmdir(INSTANCE) < 0)
		fail("the instance cannot be removed");
}

static uint64_t number_after(const char *line, const char *name)
{
	const char *at = strstr(line, name);

	if (!at)
		fail("no %s in: %s", name, line);
	return strtoull(at + strlen(name), NULL, 0);
}

/* When the event was recorded, to the microsecond below: "... 12.345678: kprobed_hit: ..." */
static uint64_t time_of(const char *line)
{
	const char *at = strstr(line, ": kprobed_hit:");
	unsigned int sec, usec;

	while (at && at > line && at[-1] != ' ')
		at--;
	if (!at || sscanf(at, "%u.%6u:", &sec, &usec) != 2)
		fail("no time in: %s", line);
	return sec * 1000000000ULL + usec * 1000ULL;
}

size_t read_events(uint64_t cookie, struct event *events, size_t room)
{
	static char line[8192];
	FILE *file = fopen(INSTANCE "/trace", "re");
	size_t n = 0;

	if (!file)
		fail("no trace");
	while (fgets(line, sizeof(line), file)) {
		struct event *e = &events[n];
		char *at;

		if (line[0] == '#' || number_after(line, "cookie=") != cookie)
			continue;
		if (n++ == room)
			fail("more than %zu events", room);
		memset(e, 0, sizeof(*e));
		e->cookie = cookie;
		e->kind = number_after(line, "kind=");
		e->duration = number_after(line, "time=");
		if (number_after(line, "flags=") & KPROBED_HIT_BEGAN)
			e->duration = time_of(line) - e->duration;
		e->ret = number_after(line, "ret=");
		e->faults = number_after(line, "faults=");
		e->pid = number_after(line, " pid=");
		e->entry_len = number_after(line, "entry_len=");
		at = strstr(line, "data=") + 5;
		for (unsigned int byte; *at != '\n' && e->len < sizeof(e->data);
		     at += 2 + (at[2] == ' ')) {
			if (sscanf(at, "%2x", &byte) != 1)
				fail("no data: %s", line);
			e->data[e->len++] = byte;
		}
	}
	fclose(file);
	return n;
}

const char *string_at(const struct event *e, unsigned int part, unsigned int offset)
{
	uint32_t loc;

	memcpy(&loc, e->data + part + offset, sizeof(loc));
	return loc >> 16 ? (const char *)e->data + part + (loc & 0xffff) : "(unreadable)";
}

uint32_t add_probe(struct kprobed_add *add)
{
	add->size = sizeof(*add);
	if (ioctl(device, KPROBED_ADD, add) < 0)
		fail("add: bad_insn %#x", add->bad_insn);
	return add->id;
}

void request(unsigned long what, uint32_t id)
{
	struct kprobed_id arg = {.size = sizeof(arg), .id = id};

	if (ioctl(device, what, &arg) < 0)
		fail("request %#lx", what);
}

struct kprobed_counters counters_of(uint32_t id)
{
	struct kprobed_counters c = {.size = sizeof(c), .id = id};

	if (ioctl(device, KPROBED_COUNTERS, &c) < 0)
		fail("counters");
	return c;
}

uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}
