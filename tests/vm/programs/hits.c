/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Checks what a subscriber has received of hitter's calls, however many: replies of Subscribe,
 * lines of "kprobectl watch --json", or lines of programs/subscriber.
 *
 * Usage: hits <STREAM
 *
 * The events must be in the order of seq and ts, those of a thread on one CPU, their "pid" counting
 * up by one. What is not so is printed and ends it with status 1. With --holes "pid" may jump; each
 * time it does, "hole TID COUNT" is printed. For each gap "gap KIND COUNT" is, "?" where nobody
 * knows how many; "count N" now and then; and "last" when hitter's last call has come. In the end
 * there is a line "thread TID CPU FIRST COUNT" for each thread.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define THREADS_MAX 64
/* hitter's last call */
#define LAST 0x7fffffff

struct hit {
	uint64_t seq, ts;
	unsigned int cpu, tid, pid;
};

struct thread {
	unsigned int tid, cpu, first, count, next;
	uint64_t ts; /* of its last event */
};

static struct thread threads[THREADS_MAX];
static size_t n_threads;
static struct hit last;
static uint64_t n_taken;
static bool may_have_holes;

static void die(const char *what, const struct hit *h)
{
	printf("%s: seq %" PRIu64 " ts %" PRIu64 " cpu %u tid %u pid %#x after seq %" PRIu64
	       " ts %" PRIu64 "\n",
	       what, h->seq, h->ts, h->cpu, h->tid, h->pid, last.seq, last.ts);
	for (const struct thread *t = threads; t < threads + n_threads; t++)
		printf("the last of CPU %u before: ts %" PRIu64 "\n", t->cpu, t->ts);
	exit(1);
}

static struct thread *find_thread(const struct hit *h)
{
	struct thread *t;

	for (t = threads; t < threads + n_threads; t++)
		if (t->tid == h->tid)
			return t;
	if (n_threads == THREADS_MAX)
		die("too many threads", h);
	n_threads++;
	*t = (struct thread){.tid = h->tid, .cpu = h->cpu, .first = h->pid, .next = h->pid};
	return t;
}

static void take(const struct hit *h)
{
	struct thread *t = find_thread(h);

	if (h->seq <= last.seq || h->ts < last.ts)
		die("out of order", h);
	last = *h;
	if (h->cpu != t->cpu)
		die("from another CPU", h);
	if (h->pid != t->next && (!may_have_holes || h->pid < t->next)) {
		printf("expected pid %#x\n", t->next);
		die("not the next call of its thread", h);
	}
	if (h->pid != t->next)
		printf("hole %u %u\n", t->tid, h->pid - t->next);
	t->ts = h->ts;
	t->count++;
	t->next = h->pid + 1;
	if (++n_taken % 500 == 0)
		printf("count %" PRIu64 "\n", n_taken);
	if (h->pid == LAST)
		puts("last");
	if (n_taken % 500 == 0 || h->pid == LAST)
		fflush(stdout);
}

static bool parse_json(const char *p, struct hit *ret)
{
	const char *pid = strstr(p, "\"pid\":");

	return pid &&
	       sscanf(p, "{\"seq\":%" SCNu64 ",\"ts\":%" SCNu64 ",\"cpu\":%u,\"tid\":%u,",
		      &ret->seq, &ret->ts, &ret->cpu, &ret->tid) == 4 &&
	       sscanf(pid, "\"pid\":%u", &ret->pid) == 1;
}

static bool parse_line(const char *p, struct hit *ret)
{
	const char *pid = strstr(p, "\tpid=");

	return pid &&
	       sscanf(p, "event\t%" SCNu64 "\t%" SCNu64 "\t%u\t%u\t", &ret->seq, &ret->ts,
		      &ret->cpu, &ret->tid) == 4 &&
	       sscanf(pid, "\tpid=%u", &ret->pid) == 1;
}

/* One event or gap, or what stands around them in a reply. */
static void take_piece(const char *p)
{
	char kind[32], count[32];
	struct hit h;

	if (strncmp(p, "{\"seq\":", 7) == 0 ? parse_json(p, &h) : parse_line(p, &h))
		take(&h);
	else if (sscanf(p, "{\"kind\":\"%31[^\"]\",\"count\":%31[0-9]", kind, count) == 2 ||
		 sscanf(p, "gap\t%31s\t%31s", kind, count) == 2)
		printf("gap %s %s\n", kind, count);
	else if (sscanf(p, "{\"kind\":\"%31[^\"]\",\"count\":null", kind) == 1)
		printf("gap %s ?\n", kind);
	else if (strncmp(p, "{\"seq\"", 6) == 0 || strncmp(p, "{\"kind\"", 7) == 0 ||
		 strncmp(p, "event", 5) == 0 || strncmp(p, "gap", 3) == 0)
		printf("not understood: %.200s\n", p);
}

/* Where the next event or gap begins; replies have many in one line. */
static char *find_object(char *p)
{
	while ((p = strchr(p, '{'))) {
		if (strncmp(p, "{\"seq\":", 7) == 0 || strncmp(p, "{\"kind\":", 8) == 0)
			return p;
		p++;
	}
	return NULL;
}

int main(int argc, char **argv)
{
	char *line = NULL;
	size_t size = 0;

	may_have_holes = argc > 1 && strcmp(argv[1], "--holes") == 0;
	while (getline(&line, &size, stdin) > 0) {
		for (char *p = line, *next; p; p = next) {
			next = find_object(p + 1);
			/* What stands between two of them is a comma or a bracket. */
			if (next)
				next[-1] = '\0';
			take_piece(p);
		}
	}
	for (struct thread *t = threads; t < threads + n_threads; t++)
		printf("thread %u %u %#x %u\n", t->tid, t->cpu, t->first, t->count);
	free(line);
	return 0;
}
