/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A configuration file. Besides not crashing: what is refused has a reason with a line and changes
 * nothing, and what is taken is dumped as a file that says the same.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "config.h"
#include "config-keys.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool is_true)
{
	if (!is_true)
		abort();
}

/* The caller's. */
static char *dump(const struct config *config)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	require(f && config_dump(config, f) == 0);
	fclose(f);
	return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *before = NULL, *after = NULL, *again = NULL;
	char err[CONFIG_ERROR_MAX] = "";
	struct config config;

	config_defaults(&config);
	before = dump(&config);
	if (config_parse("fuzz", (const char *)data, size, &config, err, sizeof(err)) < 0) {
		after = dump(&config);
		require(strcmp(before, after) == 0);
		require(strncmp(err, "fuzz:", 5) == 0 && strstr(err + 5, ": "));
		return 0;
	}

	require(!err[0]);
	after = dump(&config);
	config_defaults(&config);
	require(config_parse("dump", after, strlen(after), &config, err, sizeof(err)) == 0);
	again = dump(&config);
	require(strcmp(after, again) == 0);
	return 0;
}
