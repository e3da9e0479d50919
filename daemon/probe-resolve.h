/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Resolving: from what was asked for to what can be planted. Runs on the knowledge worker, before
 * the control worker plants (plant.h), and writes nothing.
 *
 * Each spec becomes the function it means (symbol-choice.h); a pattern, or "SYM#*", becomes as many
 * specs as there are functions it stands for. What a pattern matches and cannot be had is left out
 * and told; what was asked for by name and cannot be had is an error.
 */
#ifndef KP_PROBE_RESOLVE_H
#define KP_PROBE_RESOLVE_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"
#include "knowledge.h"
#include "probe-spec.h"

/* As many of those left out are told one by one; a reply has room for more important things. */
#define RESOLVE_SKIPS_MAX 256

/* What a pattern matched and was left out. */
struct resolve_skip {
	char *symbol; /* owned */
	char reason[64];
	int probe; /* which of those asked for */
};

struct resolve {
	struct probe_spec *specs; /* the caller's, the array as well; changed and replaced */
	size_t n_specs;
	size_t max_specs; /* of what patterns make */
	bool is_hasty; /* the lists of what cannot be probed are left to the kernel: 40,000 lines */
	int *origins;  /* out, the caller's: of each spec, which of those asked for it was */
	struct resolve_skip *skips; /* out, the caller's */
	size_t n_skips;		    /* RESOLVE_SKIPS_MAX at most */
	size_t n_skipped;	    /* all of them */
	struct symbols *symbols;    /* out: a reference for the caller; NULL: not to be had */
	int symbols_result;	    /* of loading them */
	int result;		    /* 0, or a negative errno with error filled */
	struct kp_error error;
};

void resolve_run(struct knowledge *k, struct resolve *r);

/* Releases all that is the caller's. */
void resolve_done(struct resolve *r);

#endif
