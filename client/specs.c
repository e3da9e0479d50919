/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The probes a command line asks for.
 */
#include "specs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "output-error.h"

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
	case 'X':
		options->max_matches = option_number(ctl, "--max-matches", value, 1, INT32_MAX);
		return true;
	default:
		return false;
	}
}

static int specs_append(struct specs *specs, const struct spec_options *options,
			const char *definition, int line)
{
	json_object *spec = json_object_new_object();
	int *lines = realloc(specs->lines, (size_t)(specs->n + 1) * sizeof(*lines));

	if (lines)
		specs->lines = lines;
	if (!spec || !lines) {
		json_object_put(spec);
		return -ENOMEM;
	}
	json_object_object_add(spec, "definition", json_object_new_string(definition));
	if (options->name)
		json_object_object_add(spec, "name", json_object_new_string(options->name));
	if (options->filter)
		json_object_object_add(spec, "filter", json_object_new_string(options->filter));
	if (options->stack)
		json_object_object_add(spec, "stack", json_object_new_boolean(true));
	if (options->disabled)
		json_object_object_add(spec, "enabled", json_object_new_boolean(false));
	if (options->pending)
		json_object_object_add(spec, "pending", json_object_new_boolean(true));
	if (options->max_matches)
		json_object_object_add(spec, "maxMatches",
				       json_object_new_int64(options->max_matches));
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
	if (options->name && specs.n > 1)
		usage_error(ctl, "--name is for one probe, and there are %d definitions", specs.n);
	*ret = specs;
	specs = (struct specs){0};
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
