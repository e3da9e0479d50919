/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The probes a command line asks for: definitions as arguments or from a file, and what the options
 * say about all of them.
 */
#ifndef KP_SPECS_H
#define KP_SPECS_H

#include "kprobectl.h"

struct specs {
	json_object *array; /* owned: []Spec */
	int n;
	char *file;	/* owned: where the rest came from, NULL: all were arguments */
	int *lines;	/* owned: of each, its line in the file, 0: an argument */
	bool are_calls; /* all of them are call probes */
};

struct spec_options {
	const char *file; /* all borrowed from argv */
	const char *name;
	const char *filter;
	bool stack;
	bool disabled;
	bool pending;
	long long max_matches;	   /* 0: the daemon's limit */
	unsigned long long slower; /* only calls that take so many nanoseconds, or 0 */
	bool failed;		   /* of call probes only those that return an error */
	long long maxactive;	   /* 0: the definition's */
	bool auto_maxactive;
};

/* For a command's own options: long ones, short ones and their help. */
#define SPEC_SHORTS "f:"
#define SPEC_LONGS                                                                                 \
	{"file", required_argument, NULL, 'f'}, {"name", required_argument, NULL, 'N'},            \
		{"filter", required_argument, NULL, 'F'},                                          \
		{"max-matches", required_argument, NULL, 'X'},                                     \
		{"maxactive", required_argument, NULL, 'A'},                                       \
	{                                                                                          \
		"stack", no_argument, NULL, 'S'                                                    \
	}
#define SPEC_HELP                                                                                  \
	"  -f, --file FILE     definitions from FILE too, one a line; \"#\" begins a\n"            \
	"                      comment, and \"-\" is stdin\n"                                      \
	"  --name NAME         name the probe, if there is one\n"                                  \
	"  --filter FILTER     record only what FILTER accepts: 'dfd == -100'\n"                   \
	"  --stack             record the kernel stack with every event\n"                         \
	"  --max-matches N     fail if a glob stands for more than N functions\n"                  \
	"  --maxactive N|auto  follow up to N calls at once; auto: more when some are\n"           \
	"                      missed\n"

/* For commands that show events, besides. */
#define CALL_LONGS                                                                                 \
	{                                                                                          \
		"slower", required_argument, NULL, 'W'                                             \
	}
#define CALL_HELP "  --slower TIME       only calls that take TIME or longer: 500us, 1ms, 2s\n"

void specs_done(struct specs *specs);
#define _cleanup_specs_ _cleanup_(specs_done)

/* Takes an option of SPEC_LONGS or CALL_LONGS; a wrong value is a usage error. False: it is none of
 * them. */
bool specs_option(const struct ctl *ctl, struct spec_options *options, int c, const char *value);

/*
 * Gathers definitions from arguments and from the options' file. Returns false when the failure has
 * been printed; no definition at all is a usage error.
 */
bool specs_gather(const struct ctl *ctl, const struct spec_options *options, int argc, char **argv,
		  struct specs *ret);

/* One spec, taken over (NULL: there was no memory for it). False when the failure was printed. */
bool specs_of(const struct ctl *ctl, json_object *spec, struct specs *ret);

/* The definition of one of them, borrowed; NULL if there is none of that index. */
const char *specs_definition(const struct specs *specs, long long index);

#endif
