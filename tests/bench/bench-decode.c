/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Usage: bench-decode [-r REPETITIONS] [-s STAGE] FOLDER [NAME...]
 *
 * How fast recorded events become JSON in the log: for each recording in FOLDER (made by
 * tests/bench/record), each stage of the way from the ring's pages to the event log, by the
 * daemon's own code, and beside it "trace-cmd report" of the same file, in turns with the stages so
 * that whatever else the machine does strikes both. Times are CPU times of one thread, without
 * start-up or reading the recording from disk; those of trace-cmd are its process's, output to
 * /dev/null, less what it takes for the same file and a CPU that recorded nothing: its start. Each
 * number is the median of the repetitions, with the least and the most. ALLOCS counts calls of
 * malloc(), calloc(), realloc() and free() in all repetitions of the stage.
 *
 * Nothing fails for being slow. The exit status is 1 when a recording cannot be read, when
 * trace-cmd sees another number of events, or when a stage allocates.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include "allocations.h"
#include "shape.h"
#include "timing.h"

#define LOG_BYTES	(64UL << 20) /* the daemon's default */
#define STAGES_MAX	8
#define REPETITIONS_MAX 99
#define NO_CPU		"63" /* that nothing was recorded on */

struct times {
	double nsec[REPETITIONS_MAX]; /* per event */
	unsigned int n;
	uint64_t allocations;
};

/* What was measured on one shape. */
struct result {
	struct times stages[STAGES_MAX];
	struct times report;	   /* trace-cmd's CPU time from the first event on */
	struct times report_start; /* before it */
	struct times report_wall;  /* all of it by the clock */
};

struct sum {
	double events, stages[STAGES_MAX], report;
};

/* Sorts, too: the first and the last are then the least and the most. */
static double median(struct times *t)
{
	if (t->n == 0)
		return 0;
	qsort(t->nsec, t->n, sizeof(t->nsec[0]), compare_double);
	return t->nsec[t->n / 2];
}

/* The first run of a stage warms up and is not counted. */
static void run_stage(struct shape *s, const struct stage *stage, struct times *t, bool is_counted)
{
	uint64_t allocations;
	double begin;

	if (stage->prepare)
		stage->prepare(s);
	allocations = allocations_count();
	begin = cpu_nsec();
	stage->run(s);
	if (is_counted) {
		t->nsec[t->n++] = (cpu_nsec() - begin) / (double)s->n_events;
		t->allocations += allocations_count() - allocations;
	}
}

static double seconds(struct timeval tv)
{
	return (double)tv.tv_sec + (double)tv.tv_usec / 1e6;
}

/* Runs trace-cmd report on all CPUs, or (@cpu) on one only. -1: it cannot be run. */
static int report(const struct shape *s, const char *cpu, int out, double *ret_cpu,
		  double *ret_wall)
{
	const char *all[] = {"trace-cmd", "report", s->path, NULL};
	const char *one[] = {"trace-cmd", "report", "--cpu", cpu, s->path, NULL};
	struct timespec begin, end;
	struct rusage usage;
	int status;
	pid_t pid;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	pid = fork();
	if (pid == 0) {
		int null = open("/dev/null", O_WRONLY);

		dup2(out >= 0 ? out : null, STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
		execvp("trace-cmd", (char **)(cpu ? one : all));
		_exit(127);
	}
	if (pid < 0 || wait4(pid, &status, 0, &usage) < 0 || !WIFEXITED(status) ||
	    WEXITSTATUS(status) != 0)
		return -1;
	clock_gettime(CLOCK_MONOTONIC, &end);
	*ret_cpu = seconds(usage.ru_utime) + seconds(usage.ru_stime);
	*ret_wall =
		(double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9;
	return 0;
}

static void time_report(const struct shape *s, struct result *result)
{
	double cpu, wall, start, start_wall, n = (double)s->n_events;

	if (report(s, NULL, -1, &cpu, &wall) < 0 || report(s, NO_CPU, -1, &start, &start_wall) < 0)
		return;
	result->report.nsec[result->report.n++] = (cpu - start) * 1e9 / n;
	result->report_start.nsec[result->report_start.n++] = start * 1e9 / n;
	result->report_wall.nsec[result->report_wall.n++] = wall * 1e9 / n;
}

/* Whether trace-cmd prints a line for each of the events we count; also if it is not there. */
static bool check_report(const struct shape *s)
{
	_cleanup_fclose_ FILE *f = tmpfile();
	uint64_t n = 0;
	double cpu, wall;
	int c, last = '\n';

	if (!f || report(s, NULL, fileno(f), &cpu, &wall) < 0)
		return true;
	rewind(f);
	/* Its own lines, "cpus=2" and the like, do not begin with a space. */
	while ((c = getc_unlocked(f)) != EOF) {
		n += last == '\n' && c == ' ';
		last = c;
	}
	if (n != s->n_events)
		printf("  trace-cmd report prints %" PRIu64 " events\n", n);
	return n == s->n_events;
}

static void print_row(const char *name, struct times *t, double beside, const char *what)
{
	double m = median(t);
	char allocations[24] = "-";

	if (t->n == 0)
		return;
	if (what)
		snprintf(allocations, sizeof(allocations), "%" PRIu64, t->allocations);
	printf("  %-18s %9.1f", name, m);
	if (t->n > 1)
		printf(" %9.1f %9.1f", t->nsec[0], t->nsec[t->n - 1]);
	else
		printf(" %9s %9s", "", "");
	printf(" %10.2f %7s", 1e3 / m, allocations);
	if (beside > 0)
		printf(" %9.1f", beside / m);
	else
		printf(" %9s", "-");
	printf("  %s\n", what ? what : "");
}

static bool print_result(const struct shape *s, struct result *result)
{
	double beside = median(&result->report);
	bool is_good = true;

	for (unsigned int i = 0; stages[i].name; i++) {
		print_row(stages[i].name, &result->stages[i], beside, stages[i].what);
		is_good = is_good && result->stages[i].allocations == 0;
	}
	print_row("trace-cmd report", &result->report, beside, NULL);
	print_row("  its start", &result->report_start, 0, NULL);
	print_row("  all, by the clock", &result->report_wall, 0, NULL);
	if (result->report.n == 0)
		printf("  trace-cmd report could not be run\n");
	printf("\n");
	return is_good;
}

static bool measure_shape(struct shape *s, unsigned int repetitions, const char *only,
			  struct sum *sum)
{
	struct result result = {0};
	double n = (double)s->n_events;
	bool is_good = only || check_report(s);

	printf("%s: %" PRIu64 " events, each %.0f bytes in the ring and %.0f of JSON\n",
	       s->spec.name, s->n_events, (double)s->record_bytes / n, (double)s->json_bytes / n);
	if (s->lost)
		printf("  (%" PRIu64 " pages lack events before them)\n", s->lost);
	for (unsigned int r = 0; r <= repetitions; r++) {
		for (unsigned int i = 0; stages[i].name; i++)
			if (!only || strcmp(stages[i].name, only) == 0)
				run_stage(s, &stages[i], &result.stages[i], r > 0);
		/* Slow and steady: every other time will do. */
		if (!only && r % 2)
			time_report(s, &result);
	}
	is_good = print_result(s, &result) && is_good;

	sum->events += n;
	for (unsigned int i = 0; stages[i].name; i++)
		sum->stages[i] += n * median(&result.stages[i]);
	sum->report += n * median(&result.report);
	return is_good;
}

static void print_header(unsigned int repetitions)
{
	printf("median, least and most of %u repetitions; M/s: million events a second on one "
	       "core;\n"
	       "x: times the CPU time of trace-cmd report\n\n",
	       repetitions);
	printf("  %-18s %9s %9s %9s %10s %7s %9s\n", "", "ns/event", "least", "most", "M/s",
	       "allocs", "x");
}

static void print_sum(const struct sum *sum)
{
	struct times t = {.n = 1};

	printf("all: %.0f events\n", sum->events);
	for (unsigned int i = 0; stages[i].name; i++) {
		t.nsec[0] = sum->stages[i] / sum->events;
		if (t.nsec[0] > 0)
			print_row(stages[i].name, &t, sum->report / sum->events, NULL);
	}
	t.nsec[0] = sum->report / sum->events;
	if (t.nsec[0] > 0)
		print_row("trace-cmd report", &t, t.nsec[0], NULL);
}

static bool is_wanted(const char *name, char **wanted)
{
	if (!*wanted)
		return true;
	for (; *wanted; wanted++)
		if (strcmp(*wanted, name) == 0)
			return true;
	return false;
}

/* The lines of FOLDER/shapes, one recording each. */
static bool measure_all(const char *folder, char **wanted, unsigned int repetitions,
			const char *only)
{
	_cleanup_(event_log_freep) struct event_log *log = NULL;
	_cleanup_fclose_ FILE *f = NULL;
	_cleanup_free_ char *line = NULL;
	char path[4096];
	struct sum sum = {0};
	size_t size = 0;
	bool is_good = true;

	snprintf(path, sizeof(path), "%s/shapes", folder);
	f = fopen(path, "re");
	if (!f || event_log_new(LOG_BYTES, -1, &log) < 0) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return false;
	}
	print_header(repetitions);
	while (getline(&line, &size, f) > 0) {
		_cleanup_(shape_closep) struct shape *s = NULL;

		line[strcspn(line, "\n")] = '\0';
		if (!shape_open(folder, line, log, &s))
			return false;
		if (is_wanted(s->spec.name, wanted))
			is_good = measure_shape(s, repetitions, only, &sum) && is_good;
		fflush(stdout);
	}
	print_sum(&sum);
	return is_good;
}

int main(int argc, char **argv)
{
	unsigned int repetitions = 9;
	const char *only = NULL;
	int c;

	while ((c = getopt(argc, argv, "r:s:")) != -1) {
		if (c == 'r')
			repetitions = (unsigned int)atoi(optarg);
		else if (c == 's')
			only = optarg;
		else
			return 2;
	}
	if (optind == argc || repetitions < 1 || repetitions > REPETITIONS_MAX) {
		fprintf(stderr,
			"Usage: bench-decode [-r REPETITIONS] [-s STAGE] FOLDER [NAME...]\n");
		return 2;
	}
	return measure_all(argv[optind], argv + optind + 1, repetitions, only) ? 0 : 1;
}
