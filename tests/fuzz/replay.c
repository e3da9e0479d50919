/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A main for the fuzz targets without libFuzzer: runs each file it is given, and each file of each
 * folder, once. With it "make check" replays the corpus under any compiler.
 */
#include <dirent.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path)
{
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	_cleanup_free_ uint8_t *data = NULL;
	struct stat st;

	if (!f || fstat(fileno(f), &st) < 0)
		return -errno;
	data = malloc(st.st_size ? st.st_size : 1);
	if (!data)
		return -ENOMEM;
	if (fread(data, 1, st.st_size, f) != (size_t)st.st_size)
		return -EIO;
	LLVMFuzzerTestOneInput(data, st.st_size);
	return 0;
}

/* 0, or what went wrong first */
static int replay_folder(const char *path, unsigned int *n)
{
	struct dirent **entries;
	int count = scandir(path, &entries, NULL, alphasort);
	int r = 0;

	if (count < 0)
		return -errno;
	for (int i = 0; i < count; i++) {
		_cleanup_free_ char *file = NULL;

		if (r == 0 && entries[i]->d_name[0] != '.') {
			r = asprintf(&file, "%s/%s", path, entries[i]->d_name) < 0
				    ? -ENOMEM
				    : replay_file(file);
			*n += 1;
		}
		free(entries[i]);
	}
	free(entries);
	return r;
}

int main(int argc, char **argv)
{
	unsigned int n = 0;

	for (int i = 1; i < argc; i++) {
		int r = replay_file(argv[i]);

		if (r == -EISDIR || r == -EIO)
			r = replay_folder(argv[i], &n);
		else
			n++;
		if (r < 0) {
			fprintf(stderr, "%s: %s: %s\n", argv[0], argv[i], strerror(-r));
			return 1;
		}
	}
	printf("%u inputs replayed\n", n);
	return 0;
}
