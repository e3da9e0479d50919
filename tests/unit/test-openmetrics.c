/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is written is read again by a small parser of the format, which takes nothing that the
 * specification does not.
 */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cleanup.h"
#include "openmetrics.h"

struct parser {
	const char *p;
	char family[64], type[16];
	char families[1024]; /* all there were, each in spaces */
	char samples[4096];  /* likewise, name and labels */
	unsigned int n_samples, n_of_family;
	char last_value[256]; /* of the last label, unescaped */
	bool has_help;
};

/* Takes @text, or fails. */
static void take(struct parser *r, const char *text)
{
	if (strncmp(r->p, text, strlen(text)) != 0)
		fail_msg("\"%s\" expected at \"%.40s\"", text, r->p);
	r->p += strlen(text);
}

/* metricname, or with @is_label label-name, which has no colon. */
static void take_name(struct parser *r, bool is_label, char *buf, size_t size)
{
	size_t n = 0;

	while (isalnum((unsigned char)r->p[n]) || r->p[n] == '_' || (!is_label && r->p[n] == ':'))
		n++;
	if (n == 0 || n >= size || isdigit((unsigned char)*r->p))
		fail_msg("a name expected at \"%.40s\"", r->p);
	snprintf(buf, size, "%.*s", (int)n, r->p);
	r->p += n;
}

/* Up to @end, a newline or a quote, with escapes. */
static void take_escaped(struct parser *r, char end, char *buf, size_t size)
{
	size_t n = 0;

	for (; *r->p != end; r->p++) {
		char c = *r->p;

		if (c == '\0' || c == '\n')
			fail_msg("a text without its end");
		if (c == '\\') {
			c = *++r->p;
			if (c == 'n')
				c = '\n';
			else if (c != '\\' && !(c == '"' && end == '"'))
				fail_msg("\\%c is no escape", c);
		}
		assert_true(n + 1 < size);
		buf[n++] = c;
	}
	buf[n] = '\0';
	r->p++;
}

static void remember(char *all, size_t size, const char *what, size_t len)
{
	char word[512];

	snprintf(word, sizeof(word), " %.*s ", (int)len, what);
	if (strstr(all, word))
		fail_msg("%s stands twice", word);
	assert_true(strlen(all) + strlen(word) < size);
	strcat(all, word);
}

static void take_metadata(struct parser *r)
{
	char name[64], help[256];

	if (strncmp(r->p, "TYPE ", 5) == 0) {
		take(r, "TYPE ");
		take_name(r, false, r->family, sizeof(r->family));
		remember(r->families, sizeof(r->families), r->family, strlen(r->family));
		take(r, " ");
		take_name(r, true, r->type, sizeof(r->type));
		take(r, "\n");
		r->n_of_family = 0;
		r->has_help = false;
		return;
	}
	take(r, "HELP ");
	take_name(r, false, name, sizeof(name));
	assert_string_equal(name, r->family);
	assert_false(r->has_help);
	assert_int_equal(r->n_of_family, 0);
	r->has_help = true;
	take(r, " ");
	take_escaped(r, '\n', help, sizeof(help));
	assert_true(strlen(help) > 0);
}

static void take_sample(struct parser *r)
{
	char name[64], wanted[96], label[64], labels[512] = "", *end;
	const char *begin = r->p;
	double value;

	take_name(r, false, name, sizeof(name));
	snprintf(wanted, sizeof(wanted), "%s%s", r->family,
		 strcmp(r->type, "counter") == 0 ? "_total"
		 : strcmp(r->type, "info") == 0	 ? "_info"
						 : "");
	assert_string_equal(name, wanted);
	if (*r->p == '{') {
		do {
			r->p++;
			take_name(r, true, label, sizeof(label));
			remember(labels, sizeof(labels), label, strlen(label));
			take(r, "=\"");
			take_escaped(r, '"', r->last_value, sizeof(r->last_value));
		} while (*r->p == ',');
		take(r, "}");
	}
	remember(r->samples, sizeof(r->samples), begin, (size_t)(r->p - begin));
	take(r, " ");
	assert_true(isdigit((unsigned char)*r->p));
	value = strtod(r->p, &end);
	assert_true(value >= 0);
	if (strcmp(r->type, "info") == 0)
		assert_true(value == 1);
	r->p = end;
	take(r, "\n");
	r->n_samples++;
	r->n_of_family++;
}

/* All of @out, whose end "# EOF" must be. */
static struct parser parse(struct evbuffer *out)
{
	struct parser r = {0};

	assert_int_equal(evbuffer_add(out, "", 1), 0);
	r.p = (const char *)evbuffer_pullup(out, -1);
	while (strcmp(r.p, "# EOF\n") != 0) {
		if (strncmp(r.p, "# ", 2) == 0) {
			r.p += 2;
			take_metadata(&r);
		} else {
			take_sample(&r);
		}
	}
	return r;
}

static void test_families_of_each_type_are_well_formed(void **state)
{
	const struct metric_label version = {"version", "0.1"};
	const struct metric_label both[] = {{"probe", "a"}, {"site", "vfs_read+0x0"}};
	const struct metric_label other[] = {{"probe", "b"}, {"site", "vfs_read+0x0"}};
	struct metrics m = {.out = evbuffer_new()};
	struct parser r;

	metrics_family(&m, "build", METRIC_INFO, "The daemon.");
	metrics_sample(&m, &version, 1, 1);
	metrics_family(&m, "start_time_seconds", METRIC_GAUGE, "When it started.");
	metrics_sample_seconds(&m, 1700000000000001);
	metrics_single(&m, "events", METRIC_COUNTER, "All.", UINT64_MAX);
	metrics_family(&m, "hits", METRIC_COUNTER, "Some.");
	metrics_sample(&m, both, 2, 0);
	metrics_sample(&m, other, 2, 7);
	metrics_family(&m, "none_yet", METRIC_GAUGE, "No samples is no mistake.");
	metrics_end(&m);
	assert_false(m.is_short);
	r = parse(m.out);
	assert_int_equal(r.n_samples, 5);
	assert_non_null(strstr(r.samples, " kprobed_events_total "));
	assert_non_null(strstr(r.samples, " kprobed_build_info{version=\"0.1\"} "));
	assert_non_null(strstr(r.families, " kprobed_none_yet "));
	evbuffer_free(m.out);
}

static void test_any_label_comes_back_as_it_was(void **state)
{
	static const char *const values[] = {
		"",	    "\"",	  "\\",		  "\n",
		"\\n",	    "a\"b\\c\nd", "\\\\\"\"\n\n", "{probe=\"x\"} 1",
		"\xc3\xa4",
	};

	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		const struct metric_label label = {"probe", values[i]};
		struct metrics m = {.out = evbuffer_new()};
		struct parser r;

		metrics_family(&m, "hits", METRIC_COUNTER, "A sentence with \\ and \n in it.");
		metrics_sample(&m, &label, 1, i);
		metrics_end(&m);
		r = parse(m.out);
		assert_string_equal(r.last_value, values[i]);
		evbuffer_free(m.out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_families_of_each_type_are_well_formed),
		cmocka_unit_test(test_any_label_comes_back_as_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
