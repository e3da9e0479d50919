/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the commands of kprobectl share: the options all of them have, the table entry each of them
 * is, and ways to call the daemon.
 *
 * A command's run() returns the exit status: EXIT_SUCCESS, EXIT_FAILURE once the failure has been
 * printed, or EXIT_USAGE, which usage_error() gives.
 */
#ifndef KP_KPROBECTL_H
#define KP_KPROBECTL_H

#include <getopt.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stdlib.h>

#include <kprobed.h>

#include "cleanup.h"

#define EXIT_USAGE 2

struct cmd_entry;

struct ctl {
	const struct cmd_entry *cmd;
	const char *socket; /* borrowed from argv; NULL: the library's default */
	bool json;
	const char *color_mode; /* auto, always, never */
	bool color;		/* on stdout */
	bool error_color;	/* on stderr */
};

struct cmd_entry {
	const char *name;
	const char *arguments; /* for the usage line */
	const char *summary;   /* for the list of commands */
	const char *help;      /* options, notes and examples */
	int (*run)(struct ctl *ctl, int argc, char **argv);
};

extern const struct cmd_entry cmd_add, cmd_check, cmd_remove, cmd_enable, cmd_disable, cmd_list,
	cmd_trace, cmd_watch, cmd_read, cmd_status, cmd_whoami, cmd_metrics, cmd_doctor,
	cmd_symbols, cmd_describe, cmd_disasm, cmd_call, cmd_hist;

/*
 * getopt_long() with the common options handled, so that they may stand behind the command too.
 * @longs ends with an empty entry; values below 256 are free for the command. Returns -1 at the
 * end; what is wrong ends the program.
 */
int ctl_getopt(struct ctl *ctl, int argc, char **argv, const char *shorts,
	       const struct option *longs);

/*
 * What --failed asks for: of a call, or of a return probe with an argument of that name. The lower
 * bound is for pointers. include/linux/err.h: MAX_ERRNO
 */
#define FAILED_CONDITION "ret < 0 && ret >= -4095"

/* Prints what was wrong and where help is. Ends the program with EXIT_USAGE. */
void usage_error(const struct ctl *ctl, const char *fmt, ...)
	__attribute__((__noreturn__, __format__(__printf__, 2, 3)));

/* An option's number from @min to @max; else a usage error. */
long long option_number(const struct ctl *ctl, const char *option, const char *value, long long min,
			long long max);

/*
 * What is behind "--" is a command, which getopt is not to see: cut off @argv and borrowed from it.
 * NULL: there is none.
 */
char **ctl_split_command(const struct ctl *ctl, int *argc, char **argv);

/* Connects; a failure has been printed when it returns false. @ret is owned by the caller. */
bool ctl_connect(const struct ctl *ctl, struct kprobed **ret);

DEFINE_CLEANUP(struct kprobed *, kprobed_close);
#define _cleanup_kprobed_ _cleanup_(kprobed_closep)

static inline void json_putp(json_object **object)
{
	json_object_put(*object);
}
#define _cleanup_json_ _cleanup_(json_putp)

/*
 * Calls @method; @parameters (borrowed) may be NULL. The reply's parameters are owned by the
 * caller. Returns 0 or a negative errno, which has not been printed.
 */
int ctl_call(struct kprobed *k, const char *method, json_object *parameters, json_object **ret);

/* {"probes": [...]}, owned by the caller; without the member when @n is 0. */
json_object *selection(char **selectors, int n);

/* Members of a reply; what is missing, null or of another type is "", 0 or false. Borrowed. */
const char *member_string(json_object *object, const char *name);
long long member_int(json_object *object, const char *name);
bool member_bool(json_object *object, const char *name);

/* Prints an object as one line of JSON. */
void print_json(const struct ctl *ctl, json_object *object);

#endif
