/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Logging: to the journal with structured fields when stderr is connected to it (systemd sets
 * $JOURNAL_STREAM), else to stderr with a level in front.
 *
 * A function either logs or returns an error, never both. Priorities are syslog's (LOG_ERR, ...).
 */
#ifndef KP_LOG_H
#define KP_LOG_H

#include <syslog.h>

/* Messages above @priority are dropped. Looks at $JOURNAL_STREAM once. */
void log_init(int priority);

void log_msg(int priority, const char *fmt, ...) __attribute__((__format__(__printf__, 2, 3)));

/*
 * As log_msg(), with fields for the journal: @fields is a NULL-terminated array of "NAME=value"
 * strings, or NULL.
 */
void log_fields(int priority, const char *const *fields, const char *fmt, ...)
	__attribute__((__format__(__printf__, 3, 4)));

#define log_error(...)	 log_msg(LOG_ERR, __VA_ARGS__)
#define log_warning(...) log_msg(LOG_WARNING, __VA_ARGS__)
#define log_notice(...)	 log_msg(LOG_NOTICE, __VA_ARGS__)
#define log_info(...)	 log_msg(LOG_INFO, __VA_ARGS__)
#define log_debug(...)	 log_msg(LOG_DEBUG, __VA_ARGS__)

#endif
