/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See log.h. log_init() is called before there are threads; after it nothing here is written to,
 * and a message is one write, so that any thread may log.
 */
#include "log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

/* Else every message would claim to come from this file. */
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#include "cleanup.h"
#include "strutil.h"

#define FIELDS_MAX  32
#define MESSAGE_MAX 1024

static int max_priority = LOG_INFO;
static bool to_journal;

/* Whether stderr is the journal's: $JOURNAL_STREAM is inherited also by those who redirect it. */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	char own[64];
	struct stat st;

	if (!stream || fstat(STDERR_FILENO, &st) < 0)
		return false;
	snprintf(own, sizeof(own), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	return strcmp(stream, own) == 0;
}

void log_init(int priority)
{
	max_priority = priority;
	to_journal = stderr_is_journal();
}

static int send_to_journal(int priority, const char *const *fields, const char *message)
{
	struct iovec iov[FIELDS_MAX + 2];
	char priority_field[32], message_field[sizeof("MESSAGE=") + 4 * MESSAGE_MAX];
	int n = 0;

	snprintf(priority_field, sizeof(priority_field), "PRIORITY=%d", priority);
	snprintf(message_field, sizeof(message_field), "MESSAGE=%s", message);
	iov[n++] = (struct iovec){message_field, strlen(message_field)};
	iov[n++] = (struct iovec){priority_field, strlen(priority_field)};
	for (; fields && *fields && n < (int)ARRAY_SIZE(iov); fields++)
		iov[n++] = (struct iovec){(void *)(uintptr_t)*fields, strlen(*fields)};
	return sd_journal_sendv(iov, n);
}

static void write_to_stderr(int priority, const char *message)
{
	static const char *const levels[] = {
		"emergency", "alert", "critical", "error", "warning", "notice", "info", "debug",
	};
	char line[4 * MESSAGE_MAX + 128];
	int n;

	n = snprintf(line, sizeof(line), "%s: %s: %s\n", program_invocation_short_name,
		     levels[priority & LOG_PRIMASK], message);
	if (n >= (int)sizeof(line)) {
		n = (int)sizeof(line) - 1;
		line[n - 1] = '\n';
	}
	/* There is nowhere to say that this failed. */
	if (write(STDERR_FILENO, line, (size_t)n) < 0)
		return;
}

static __attribute__((__format__(__printf__, 3, 0))) void log_va(int priority,
								 const char *const *fields,
								 const char *fmt, va_list ap)
{
	char raw[MESSAGE_MAX], message[4 * MESSAGE_MAX];
	int saved_errno = errno;

	if ((priority & LOG_PRIMASK) > max_priority)
		return;
	/* Nothing above has touched errno: fmt may have a %m. */
	if (vsnprintf(raw, sizeof(raw), fmt, ap) >= (int)sizeof(raw)) {
		raw[sizeof(raw) - sizeof("...")] = '\0';
		utf8_trim(raw);
		strcat(raw, "...");
	}
	str_escape(raw, message, sizeof(message));
	if (!to_journal || send_to_journal(priority, fields, message) < 0)
		write_to_stderr(priority, message);
	errno = saved_errno;
}

void log_msg(int priority, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_va(priority, NULL, fmt, ap);
	va_end(ap);
}

void log_fields(int priority, const char *const *fields, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_va(priority, fields, fmt, ap);
	va_end(ap);
}
