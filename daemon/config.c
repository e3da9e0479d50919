/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See config.h. config-keys.c knows the keys, libinih the form of a file; here are the files, their
 * order, and what libinih lets pass: it cuts long lines in pieces and long section names short,
 * skips what stands behind a "]", says nothing of a section without keys, takes an indented line
 * for more of the value above, and does not tell its caller the line. All of that is caught in the
 * function that hands it the lines.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ini.h>

#include "cleanup.h"
#include "config-keys.h"
#include "strutil.h"

#define FILE_SIZE_MAX (1U << 20)

struct parser {
	const char *name; /* of the file */
	const char *p;	  /* the next line */
	const char *end;
	unsigned int line;    /* the one being parsed */
	struct config config; /* what came of it so far */
	bool seen[CONFIG_KEYS_COUNT];
	bool failed; /* reterr says why */
	char *reterr;
	size_t reterr_size;
};

static __attribute__((__format__(__printf__, 2, 3))) void fail(struct parser *p, const char *fmt,
							       ...)
{
	char reason[CONFIG_ERROR_MAX];
	va_list ap;

	if (p->failed)
		return;
	va_start(ap, fmt);
	vsnprintf(reason, sizeof(reason), fmt, ap);
	va_end(ap);
	snprintf(p->reterr, p->reterr_size, "%s:%u: %s", p->name, p->line, reason);
	p->failed = true;
}

static int fail_file(const char *name, int err, char *reterr, size_t reterr_size)
{
	snprintf(reterr, reterr_size, "%s: %s", name, strerror(err));
	return -err;
}

static bool is_text(const char *line, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		unsigned char c = (unsigned char)line[i];

		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return false;
	}
	return utf8_is_valid(line, len);
}

/* @line is a C string that begins with "[". */
static void check_section(struct parser *p, const char *line)
{
	size_t len = strcspn(line + 1, "]");
	const char *rest = line + 1 + len;

	if (*rest == ']')
		rest += 1 + strspn(rest + 1, " \t");
	else
		rest = NULL;
	if (!rest || (*rest && *rest != ';' && *rest != '#'))
		fail(p, "expected [section] alone on its line");
	else if (!config_section_is_known(line + 1, len))
		fail(p, "unknown section [%.*s]", (int)len, line + 1);
}

static void check_line(struct parser *p, const char *line)
{
	switch (line[0]) {
	case '\0':
	case ';':
	case '#':
		return;
	case '[':
		check_section(p, line);
		return;
	case 'a' ... 'z':
	case 'A' ... 'Z':
		if (line[strcspn(line, "=:")] == '=')
			return;
		break;
	case ' ':
	case '\t':
		if (line[strspn(line, " \t")] == '\0')
			return;
		fail(p, "a line must not begin with a blank");
		return;
	}
	fail(p, "expected key=value, [section] or a comment");
}

/* fgets() for libinih: the next line with its newline, NULL at the end and after an error. */
static char *read_line(char *buf, int size, void *userdata)
{
	struct parser *p = userdata;
	const char *newline;
	size_t len;

	if (p->failed || p->p == p->end)
		return NULL;
	p->line++;
	newline = memchr(p->p, '\n', (size_t)(p->end - p->p));
	len = (size_t)((newline ? newline : p->end) - p->p);

	if (len + 2 > (size_t)size) {
		fail(p, "the line is longer than %d characters", size - 2);
		return NULL;
	}
	memcpy(buf, p->p, len);
	p->p += len + (newline ? 1 : 0);
	if (len > 0 && buf[len - 1] == '\r')
		len--;
	buf[len] = '\0';
	if (is_text(buf, len))
		check_line(p, buf);
	else
		fail(p, "the line has a control character or is no UTF-8");
	if (p->failed)
		return NULL;
	memcpy(buf + len, "\n", 2);
	return buf;
}

/* Called by libinih while it deals with the line that read_line() gave last; 0 is an error. */
static int take_value(void *userdata, const char *section, const char *name, const char *value)
{
	struct parser *p = userdata;
	const struct config_key *key = config_key_find(section, name);
	char reason[256];

	if (p->failed)
		return 0;
	if (!key) {
		if (*section)
			fail(p, "unknown key '%s' in [%s]", name, section);
		else
			fail(p, "'%s' stands in no section", name);
		return 0;
	}
	if (p->seen[key - config_keys]) {
		fail(p, "%s is set twice in this file", name);
		return 0;
	}
	p->seen[key - config_keys] = true;
	if (config_key_set(key, &p->config, value, reason, sizeof(reason)) < 0) {
		fail(p, "%s %s, not '%s'", name, reason, value);
		return 0;
	}
	return 1;
}

int config_parse(const char *name, const char *text, size_t len, struct config *config,
		 char *reterr, size_t reterr_size)
{
	struct parser p = {
		.name = name,
		.p = text,
		.end = text + len,
		.config = *config,
		.reterr = reterr,
		.reterr_size = reterr_size,
	};
	int r;

	r = ini_parse_stream(read_line, &p, take_value, &p);
	if (p.failed)
		return -EINVAL;
	if (r < 0)
		return fail_file(name, ENOMEM, reterr, reterr_size);
	if (r > 0) {
		p.line = (unsigned int)r;
		fail(&p, "expected key=value, [section] or a comment");
		return -EINVAL;
	}

	*config = p.config;
	return 0;
}

/* The @max first bytes of the file, which must be a regular one. *@ret is the caller's. */
static int read_file(const char *path, size_t max, char **ret, size_t *ret_len)
{
	_cleanup_close_ int fd = -1;
	_cleanup_free_ char *text = NULL;
	struct stat st;
	size_t len = 0;
	ssize_t n;

	/* Not to wait for the other end of a FIFO. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
	text = malloc(max);
	if (!text)
		return -ENOMEM;
	while (len < max) {
		n = read(fd, text + len, max - len);
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		len += (size_t)n;
	}

	*ret = take_ptr(text);
	*ret_len = len;
	return 0;
}

static int load_file(const char *path, bool required, struct config *config, char *reterr,
		     size_t reterr_size)
{
	_cleanup_free_ char *text = NULL;
	size_t len = 0;
	int r;

	r = read_file(path, FILE_SIZE_MAX + 1, &text, &len);
	if (r == -ENOENT && !required)
		return 0;
	if (r == 0 && len > FILE_SIZE_MAX)
		r = -EFBIG;
	if (r < 0)
		return fail_file(path, -r, reterr, reterr_size);
	return config_parse(path, text, len, config, reterr, reterr_size);
}

static int is_drop_in(const struct dirent *entry)
{
	return entry->d_name[0] != '.' && str_ends_with(entry->d_name, ".conf");
}

/* alphasort() would go by the locale. */
static int compare_names(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int load_drop_ins(const char *dir, struct config *config, char *reterr, size_t reterr_size)
{
	struct dirent **entries;
	char path[PATH_MAX];
	int n, i, r = 0;

	n = scandir(dir, &entries, is_drop_in, compare_names);
	if (n < 0)
		return errno == ENOENT ? 0 : fail_file(dir, errno, reterr, reterr_size);
	for (i = 0; i < n; i++) {
		if (r == 0) {
			if (snprintf(path, sizeof(path), "%s/%s", dir, entries[i]->d_name) >=
			    (int)sizeof(path))
				r = fail_file(dir, ENAMETOOLONG, reterr, reterr_size);
			else
				r = load_file(path, true, config, reterr, reterr_size);
		}
		free(entries[i]);
	}
	free(entries);
	return r;
}

void config_defaults(struct config *ret)
{
	struct config config = {0};
	char reason[256];
	size_t i;

	for (i = 0; i < CONFIG_KEYS_COUNT; i++) {
		if (config_key_set(&config_keys[i], &config, config_keys[i].initial, reason,
				   sizeof(reason)) < 0)
			abort(); /* the table contradicts itself; no input leads here */
	}
	*ret = config;
}

int config_load(const char *path, struct config *ret, char *reterr, size_t reterr_size)
{
	struct config config;
	char dir[PATH_MAX];
	bool required = path != NULL;
	int r;

	if (!path)
		path = CONFIG_FILE;
	if (snprintf(dir, sizeof(dir), "%s.d", path) >= (int)sizeof(dir))
		return fail_file(path, ENAMETOOLONG, reterr, reterr_size);

	config_defaults(&config);
	r = load_file(path, required, &config, reterr, reterr_size);
	if (r == 0)
		r = load_drop_ins(dir, &config, reterr, reterr_size);
	if (r < 0)
		return r;

	*ret = config;
	return 0;
}

int config_dump(const struct config *config, FILE *f)
{
	const char *section = "";
	char value[CONFIG_PATH_MAX];
	size_t i;

	for (i = 0; i < CONFIG_KEYS_COUNT; i++) {
		const struct config_key *key = &config_keys[i];

		if (strcmp(section, key->section) != 0)
			fprintf(f, "%s[%s]\n", *section ? "\n" : "", key->section);
		section = key->section;
		fprintf(f, "%s=%s\n", key->name,
			config_key_format(key, config, value, sizeof(value)));
	}
	return fflush(f) == 0 && !ferror(f) ? 0 : -EIO;
}
