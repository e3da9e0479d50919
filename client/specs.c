/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The probes a command line asks for.
 */
#include "specs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "output-error.h"
#include "output-hist.h"
#include "text.h"

void specs_done(struct specs *specs)
{
	json_object_put(specs->array);
	free(specs->file);
	free(specs->lines);
	*specs = (struct specs){0};
}

bool specs_option(const struct ctl *ctl, struct spec_options *options, int c, const char *value)
{
	switch (c) {
	case 'f':
		options->file = value;
		return true;
	case 'N':
		options->name = value;
		return true;
	case 'F':
		options->filter = value;
		return true;
	case 'S':
		options->stack = true;
		return true;
	case 'W':
		options->slower = parse_duration(value);
		if (!options->slower)
			usage_error(ctl, "--slower: \"%s\" is no time such as 500us, 1ms or 2s",
				    value);
		return true;
	case 'X':
		options->max_matches = option_number(ctl, "--max-matches", value, 1, INT32_MAX);
		return true;
	case 'A':
		options->auto_maxactive = strcmp(value, "auto") == 0;
		options->maxactive = options->auto_maxactive
					     ? 0
					     : option_number(ctl, "--maxactive", value, 1, 65536);
		return true;
	default:
		return false;
	}
}

/* "c", "c8" or "c:name", and something behind it */
static bool is_call(const char *definition)
{
	size_t n = strcspn(definition, " \t");

	return definition[0] == 'c' && definition[n] &&
	       1 + strspn(definition + 1, "0123456789") ==
		       (n < strcspn(definition, ":") ? n : strcspn(definition, ":"));
}

/* "p", "r", "a" and the like: what the definition is, it says. */
static bool has_letter(const char *definition)
{
	size_t n = strcspn(definition, " \t:");

	return definition[n] && strchr("prac", definition[0]) &&
	       1 + strspn(definition + 1, "0123456789") == n;
}

static int add_text(json_object *spec, const char *key, struct text *t)
{
	_cleanup_free_ char *text = text_take(t);

	if (!text)
		return -ENOMEM;
	json_object_object_add(spec, key, json_object_new_string(text));
	return 0;
}

/* What is to be true of what is recorded; of calls the kernel knows how they ended. */
static int add_filter(json_object *spec, const struct spec_options *o, bool is_a_call)
{
	_cleanup_text_ struct text t = {0};

	if (!is_a_call || !(o->slower || o->failed)) {
		if (o->filter)
			json_object_object_add(spec, "filter", json_object_new_string(o->filter));
		return 0;
	}
	if (o->filter)
		text_printf(&t, "(%s)", o->filter);
	if (o->slower)
		text_printf(&t, "%sdurationNs >= %llu", t.length ? " && " : "", o->slower);
	if (o->failed)
		text_printf(&t, "%s" FAILED_CONDITION, t.length ? " && " : "");
	return add_text(spec, "filter", &t);
}

/* A function alone is a call probe where its duration is asked for. */
static int add_definition(json_object *spec, const struct spec_options *o, const char *definition,
			  bool *ret_is_call)
{
	_cleanup_text_ struct text t = {0};

	*ret_is_call = is_call(definition);
	if (o->slower && !has_letter(definition) && !strstr(definition, "%return")) {
		text_printf(&t, "c %s", definition);
		*ret_is_call = true;
		return add_text(spec, "definition", &t);
	}
	json_object_object_add(spec, "definition", json_object_new_string(definition));
	return 0;
}

static int specs_append(struct specs *specs, const struct spec_options *options,
			const char *definition, int line)
{
	json_object *spec = json_object_new_object();
	int *lines = realloc(specs->lines, (size_t)(specs->n + 1) * sizeof(*lines));
	bool is_a_call;
	int r;

	if (lines)
		specs->lines = lines;
	if (!spec || !lines) {
		json_object_put(spec);
		return -ENOMEM;
	}
	r = add_definition(spec, options, definition, &is_a_call);
	if (r == 0)
		r = add_filter(spec, options, is_a_call);
	if (r < 0) {
		json_object_put(spec);
		return r;
	}
	specs->are_calls = is_a_call && (specs->are_calls || specs->n == 0);
	if (options->name)
		json_object_object_add(spec, "name", json_object_new_string(options->name));
	if (options->stack)
		json_object_object_add(spec, "stack", json_object_new_boolean(true));
	if (options->disabled)
		json_object_object_add(spec, "enabled", json_object_new_boolean(false));
	if (options->pending)
		json_object_object_add(spec, "pending", json_object_new_boolean(true));
	if (options->max_matches)
		json_object_object_add(spec, "maxMatches",
				       json_object_new_int64(options->max_matches));
	if (options->maxactive)
		json_object_object_add(spec, "maxactive",
				       json_object_new_int64(options->maxactive));
	if (options->auto_maxactive)
		json_object_object_add(spec, "autoMaxactive", json_object_new_boolean(true));
	json_object_array_add(specs->array, spec);
	specs->lines[specs->n++] = line;
	return 0;
}

/* A line without its comment and the space around it. A "#" inside a word is part of it. */
static char *strip(char *line)
{
	char *end;

	for (char *p = line; *p; p++) {
		if (*p == '#' && (p == line || p[-1] == ' ' || p[-1] == '\t')) {
			*p = '\0';
			break;
		}
	}
	line += strspn(line, " \t");
	end = line + strlen(line);
	while (end > line && strchr(" \t\r\n", end[-1]))
		end--;
	*end = '\0';
	return line;
}

static int specs_read(struct specs *specs, const struct spec_options *options)
{
	_cleanup_fclose_ FILE *f = NULL;
	_cleanup_free_ char *line = NULL;
	bool is_stdin = strcmp(options->file, "-") == 0;
	size_t size = 0;
	int number = 0, r;

	specs->file = strdup(is_stdin ? "stdin" : options->file);
	if (!specs->file)
		return -ENOMEM;
	f = is_stdin ? fdopen(dup(STDIN_FILENO), "re") : fopen(options->file, "re");
	if (!f)
		return -errno;
	errno = 0;
	while (getline(&line, &size, f) >= 0) {
		const char *definition = strip(line);

		number++;
		if (!*definition)
			continue;
		r = specs_append(specs, options, definition, number);
		if (r < 0)
			return r;
	}
	return ferror(f) ? -errno : 0;
}

bool specs_gather(const struct ctl *ctl, const struct spec_options *options, int argc, char **argv,
		  struct specs *ret)
{
	_cleanup_specs_ struct specs specs = {.array = json_object_new_array()};
	int r = specs.array ? 0 : -ENOMEM;

	for (int i = 0; i < argc && r == 0; i++)
		r = specs_append(&specs, options, argv[i], 0);
	if (r < 0) {
		print_own_failure(ctl, r, "%s", strerror(-r));
		return false;
	}
	if (options->file) {
		r = specs_read(&specs, options);
		if (r < 0) {
			print_own_failure(ctl, r, "%s: %s", options->file, strerror(-r));
			return false;
		}
	}
	if (specs.n == 0)
		usage_error(ctl, options->file ? "no definition in the file" : "no definition");
	if (options->slower && !specs.are_calls)
		usage_error(ctl,
			    "--slower is of call probes: a function alone, or \"c SYMBOL ...\"");
	if (options->name && specs.n > 1)
		usage_error(ctl, "--name is for one probe, and there are %d definitions", specs.n);
	*ret = specs;
	specs = (struct specs){0};
	return true;
}

bool specs_of(const struct ctl *ctl, json_object *spec, struct specs *ret)
{
	struct specs specs = {.array = json_object_new_array(), .lines = calloc(1, sizeof(int))};

	if (!specs.array || !specs.lines || !spec) {
		json_object_put(spec);
		specs_done(&specs);
		print_own_failure(ctl, -ENOMEM, "%s", strerror(ENOMEM));
		return false;
	}
	json_object_array_add(specs.array, spec);
	specs.n = 1;
	*ret = specs;
	return true;
}

const char *specs_definition(const struct specs *specs, long long index)
{
	json_object *spec, *definition;

	if (!specs || index < 0 || index >= specs->n)
		return NULL;
	spec = json_object_array_get_idx(specs->array, (size_t)index);
	if (!json_object_object_get_ex(spec, "definition", &definition))
		return NULL;
	return json_object_get_string(definition);
}
