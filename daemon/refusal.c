/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See refusal.h. */
#include "refusal.h"

#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "function-lists.h"
#include "tracefs.h"

#define SIMILAR_MAX 5

static bool is_blacklisted(const char *symbol)
{
	_cleanup_free_ char *text = NULL;

	return tracefs_read_blacklist(&text) == 0 && function_lists_names_blacklisted(text, symbol);
}

static int explain_missing(const struct probe_spec *spec, int err, const struct symbols *symbols,
			   struct kp_error *reterr)
{
	const char *similar[SIMILAR_MAX];
	size_t n = symbols_similar(symbols, spec->symbol, similar, SIMILAR_MAX), len = 0;

	kp_error_set(reterr, KP_NO_SUCH_SYMBOL, err, spec->symbol,
		     "the kernel has no function called %s%s%s", spec->symbol,
		     spec->module ? " in module " : "", spec->module ? spec->module : "");
	reterr->position = spec->symbol_position;
	for (size_t i = 0; i < n; i++)
		len += (size_t)snprintf(reterr->detail + len, sizeof(reterr->detail) - len, "%s%s",
					i ? "\n" : "", similar[i]);
	return -err;
}

/*
 * What the kernel says (trace_probe.h: ERRORS, the same in all kernels that say anything), and what
 * the same is called where kprobed finds it first. It cannot find these: they are about bytes of
 * the function, and about what the CPU has of control-flow enforcement, which decides whether +4 is
 * an entry.
 */
static const struct known {
	const char *log;
	enum kp_error_code code;
	const char *reason, *message, *hint;
} known[] = {
	{"Retprobe address must be an function entry", KP_INVALID_DEFINITION, "badRetprobe",
	 "A return probe sits at a function's start.", "leave the offset out"},
	{"Probe point is not an instruction boundary", KP_NOT_PROBEABLE, "notAnInstruction",
	 "no instruction begins there",
	 "offsets are of the instructions that \"kprobectl disasm\" shows"},
};

static int explain_known(const struct probe_spec *spec, const struct known *k, int err,
			 struct kp_error *reterr)
{
	int r;

	reterr->position = spec->symbol_position;
	if (k->code == KP_INVALID_DEFINITION)
		return kp_error_definition(reterr, k->reason, spec->symbol_position, k->hint, "%s",
					   k->message);
	r = kp_error_set(reterr, k->code, err, spec->symbol, "%s+%llu: %s",
			 spec->symbol ? spec->symbol : "address", (unsigned long long)spec->offset,
			 k->message);
	snprintf(reterr->reason, sizeof(reterr->reason), "%s", k->reason);
	snprintf(reterr->hint, sizeof(reterr->hint), "%s", k->hint);
	return r;
}

int refusal_explain(const struct probe_spec *spec, const char *event, int err,
		    const struct symbols *symbols, struct kp_error *reterr)
{
	struct tracefs_error log = {.position = -1};
	char command[160];
	int r;

	snprintf(command, sizeof(command), ":" TRACEFS_GROUP "/%s ", event);
	r = tracefs_find_error(command, &log);

	if (spec->symbol && symbols && !symbols_has(symbols, spec->module, spec->symbol))
		return explain_missing(spec, err, symbols, reterr);
	if (spec->symbol && is_blacklisted(spec->symbol)) {
		snprintf(reterr->reason, sizeof(reterr->reason), "blacklisted");
		return kp_error_set(
			reterr, KP_NOT_PROBEABLE, err, spec->symbol,
			"%s is on the kernel's list of functions that must not be probed",
			spec->symbol);
	}
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(known); i++)
		if (strcmp(log.text, known[i].log) == 0)
			return explain_known(spec, &known[i], err, reterr);
	kp_error_set(reterr, KP_KERNEL_REFUSED, err, spec->symbol,
		     "the kernel refused the probe: %s", r == 0 ? log.text : strerror(err));
	if (r == 0) {
		kp_error_quote(reterr, log.text);
		reterr->position =
			probe_spec_map_position(spec, TRACEFS_GROUP, event, log.position);
	}
	return -err;
}
