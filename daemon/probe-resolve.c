/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See probe-resolve.h. */
#include "probe-resolve.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "btf-compile.h"
#include "probe.h"
#include "probeable.h"
#include "span.h"
#include "symbol-choice.h"

/* The batch as it is made. */
struct batch {
	struct resolve *r;
	struct probe_spec *specs; /* owned */
	int *origins;		  /* owned */
	size_t n, size;
	int origin; /* what is being resolved */
};

/* Takes @spec over, also when it fails. */
static int append(struct batch *b, struct probe_spec *spec)
{
	if (b->n == b->size) {
		size_t size = b->size ? 2 * b->size : 16;
		void *specs = reallocarray(b->specs, size, sizeof(*b->specs));
		void *origins;

		if (specs)
			b->specs = specs;
		origins = specs ? reallocarray(b->origins, size, sizeof(*b->origins)) : NULL;
		if (!origins) {
			probe_spec_done(spec);
			return -ENOMEM;
		}
		b->origins = origins;
		b->size = size;
	}
	b->specs[b->n] = *spec;
	b->origins[b->n++] = b->origin;
	*spec = PROBE_SPEC_INIT;
	return 0;
}

static int skip(struct batch *b, const char *symbol, const char *reason)
{
	struct resolve *r = b->r;
	struct resolve_skip *skips;

	r->n_skipped++;
	if (r->n_skips == RESOLVE_SKIPS_MAX)
		return 0;
	skips = reallocarray(r->skips, r->n_skips + 1, sizeof(*skips));
	if (!skips)
		return -ENOMEM;
	r->skips = skips;
	skips[r->n_skips] = (struct resolve_skip){.symbol = strdup(symbol), .probe = b->origin};
	if (!skips[r->n_skips].symbol)
		return -ENOMEM;
	snprintf(skips[r->n_skips].reason, sizeof(skips->reason), "%s", reason);
	r->n_skips++;
	return 0;
}

static const char *hint_for(const char *reason)
{
	if (strcmp(reason, "blacklisted") == 0 || strcmp(reason, "notrace") == 0)
		return "probe a function that calls it, or one that it calls";
	if (strcmp(reason, "outOfFunction") == 0)
		return "offsets are of the instructions that \"kprobectl disasm\" shows";
	return "";
}

/* What is the same for all probes: everything behind the choice of the function. */
static int finish(struct batch *b, struct knowledge *k, struct probe_spec *spec, uint32_t index,
		  struct kp_error *e)
{
	char text[PROBEABLE_TEXT_MAX];
	struct probeable probeable;

	probeable_check(b->r->symbols, b->r->is_hasty ? NULL : knowledge_lists(k), index,
			spec->offset, &probeable);
	if (probeable.answer != PROBEABLE_NO)
		return 0;
	snprintf(e->reason, sizeof(e->reason), "%s", probeable.reason);
	snprintf(e->hint, sizeof(e->hint), "%s", hint_for(probeable.reason));
	e->position = spec->symbol_position;
	return kp_error_set(e, KP_NOT_PROBEABLE, EINVAL, spec->symbol, "%s",
			    probeable_explain(&probeable, b->r->symbols, index, spec->offset, text,
					      sizeof(text)));
}

static bool is_module_missing(const struct probe_spec *spec)
{
	return spec->module && strcmp(spec->module, PROBE_VMLINUX) != 0 &&
	       !probe_module_is_loaded(spec->module);
}

static int refuse_module(const struct probe_spec *spec, struct kp_error *e)
{
	e->position = spec->symbol_position;
	return kp_error_set(e, KP_NO_SUCH_SYMBOL, ENOENT, spec->symbol,
			    "the module %s is not loaded; \"pending\" (kprobectl add --pending) "
			    "lets the probe wait for it",
			    spec->module);
}

/*
 * Of several functions of one name often all but one ran while the kernel booted: then that one is
 * meant.
 */
static int prefer_probeable(struct batch *b, struct knowledge *k, struct probe_spec *spec)
{
	bool is_kernel = spec->module && strcmp(spec->module, PROBE_VMLINUX) == 0;
	struct symbol_places places;
	unsigned int found = 0, nth = 0;
	char note[256];
	size_t n;

	if (spec->nth || b->r->is_hasty)
		return 0;
	n = symbol_places_find(b->r->symbols, is_kernel ? "" : spec->module, spec->symbol, &places);
	if (n < 2 || n > places.n)
		return 0;
	for (size_t i = 0; i < n; i++) {
		struct probeable probeable;

		probeable_check(b->r->symbols, knowledge_lists(k), places.indexes[i], 0,
				&probeable);
		if (probeable.answer == PROBEABLE_NO && strcmp(probeable.reason, "initText") == 0)
			continue;
		found++;
		nth = i + 1;
	}
	if (found != 1)
		return 0;
	spec->nth = nth;
	snprintf(note, sizeof(note),
		 "of %zu functions called %.128s only the one that is left after boot is meant", n,
		 spec->symbol);
	return probe_spec_note(spec, note);
}

/* What the arguments mean: @function of @module, NULL where the kernel's symbols are not known. */
static int compile(struct knowledge *k, struct probe_spec *spec, const char *module,
		   struct kp_error *e)
{
	struct btf_store *types;

	if (!btf_compile_is_needed(spec))
		return 0;
	types = knowledge_types(k);
	return types ? btf_compile_spec(spec, types, module, spec->symbol, e) : -ENOMEM;
}

static bool is_function(const struct symbols *s, const char *name)
{
	return symbols_has(s, NULL, name) || symbols_variants(s, name, NULL, NULL, 0) > 0;
}

/*
 * "c:vfs_read count" is a call of count to be known as vfs_read. Where there is no such function,
 * but one of that name, it is that one's argument that was meant.
 */
static int take_name_for_symbol(const struct batch *b, struct probe_spec *spec)
{
	const struct symbols *s = b->r->symbols;
	_cleanup_free_ char *text = NULL;
	struct probe_spec meant;
	char note[256], *colon;
	int r;

	if (spec->kind != PROBE_CALL || !spec->name || !spec->symbol || spec->module ||
	    spec->offset || spec->nth || (spec->n_args == 0 && !spec->wants_all) ||
	    is_function(s, spec->symbol) || !is_function(s, spec->name))
		return 0;
	r = probe_spec_format(spec, &text);
	if (r < 0)
		return r;
	colon = strchr(text, ':');
	*colon = ' ';
	r = probe_spec_copy(spec, text, &meant);
	/* What is no argument either is an unknown symbol. */
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	snprintf(note, sizeof(note),
		 "there is no function called %.64s: taken for \"c %.64s %.64s\"", spec->symbol,
		 spec->name, spec->symbol);
	probe_spec_done(spec);
	*spec = meant;
	return probe_spec_note(spec, note);
}

static int resolve_one(struct batch *b, struct knowledge *k, struct probe_spec *spec,
		       struct kp_error *e)
{
	struct symbol symbol;
	uint32_t index;
	int r;

	r = take_name_for_symbol(b, spec);
	if (r == 0)
		r = prefer_probeable(b, k, spec);
	if (r == 0)
		r = symbol_choose(b->r->symbols, spec, &index, e);
	if (r == 0)
		r = finish(b, k, spec, index, e);
	if (r < 0)
		return r;
	symbols_get(b->r->symbols, index, &symbol);
	return compile(k, spec, symbol.module, e);
}

static bool is_name_in_batch(const struct batch *b, const char *name)
{
	for (size_t i = 0; i < b->n; i++)
		if (b->specs[i].name && strcmp(b->specs[i].name, name) == 0)
			return true;
	return false;
}

/* "tcp_tcp_sendmsg", and "tcp_helper_2" for the second helper. */
static void make_name(const struct batch *b, const char *prefix, const char *symbol,
		      char name[PROBE_NAME_MAX + 1])
{
	size_t n;

	n = (size_t)snprintf(name, PROBE_NAME_MAX + 1, "%s_%s", prefix, symbol);
	if (n > PROBE_NAME_MAX - 6)
		n = PROBE_NAME_MAX - 6;
	for (char *p = name; *p; p++)
		if (!char_is_name(*p))
			*p = '_';
	for (unsigned int i = 2; is_name_in_batch(b, name); i++)
		snprintf(name + n, PROBE_NAME_MAX + 1 - n, "_%u", i);
}

/*
 * One of those that @base stands for: @symbol in place of its own. It is parsed anew, since what an
 * argument means depends on the function.
 */
static int make_instance(const struct batch *b, const struct probe_spec *base,
			 const struct symbol *symbol, unsigned int nth, struct probe_spec *ret)
{
	struct probe_spec shell = *base;
	_cleanup_free_ char *text = NULL;
	char name[PROBE_NAME_MAX + 1];
	int r;

	shell.symbol = (char *)symbol->name;
	shell.module = (char *)(symbol->module ? symbol->module : PROBE_VMLINUX);
	shell.nth = nth;
	shell.name = NULL;
	r = probe_spec_format(&shell, &text);
	if (r == 0)
		r = probe_spec_copy(base, text, ret);
	if (r < 0 || !base->name)
		return r;
	make_name(b, base->name, symbol->name, name);
	ret->name = strdup(name);
	return ret->name ? 0 : -ENOMEM;
}

/* One function that a pattern or "#*" has found; one that cannot be had is left out. */
static int add_match(struct batch *b, struct knowledge *k, const struct probe_spec *base,
		     const struct symbol *symbol, unsigned int nth)
{
	struct kp_error e = KP_ERROR_INIT;
	struct probe_spec spec = PROBE_SPEC_INIT;
	int r;

	r = make_instance(b, base, symbol, nth, &spec);
	if (r == 0)
		r = resolve_one(b, k, &spec, &e);
	if (r == 0)
		return append(b, &spec);
	probe_spec_done(&spec);
	if (r == -ENOMEM)
		return r;
	return skip(b, symbol->name, e.reason[0] ? e.reason : "noSuchSymbol");
}

/* "SYM#*" */
static int resolve_all(struct batch *b, struct knowledge *k, const struct probe_spec *base,
		       struct kp_error *e)
{
	bool is_kernel = base->module && strcmp(base->module, PROBE_VMLINUX) == 0;
	size_t before = b->n, n;
	struct symbol_places places;
	int r = 0;

	n = symbol_places_find(b->r->symbols, is_kernel ? "" : base->module, base->symbol, &places);
	if (n == 0)
		return symbol_choice_missing(b->r->symbols, base, e);
	if (b->n + n > b->r->max_specs) {
		e->value = (long long)b->r->max_specs;
		return kp_error_set(e, KP_LIMIT_REACHED, EDQUOT, "probes-per-request",
				    "there are %zu functions called %s, and one request may add "
				    "%zu probes at most",
				    n, base->symbol, b->r->max_specs);
	}
	for (size_t i = 0; i < places.n && r == 0; i++) {
		unsigned int nth = i + 1;

		/* In a module they are counted anew. */
		for (size_t m = 0; m < i && places.items[i].module; m++)
			nth -= places.items[m].module != places.items[i].module;
		r = add_match(b, k, base, &places.items[i], nth);
	}
	if (r == 0 && b->n == before) {
		snprintf(e->reason, sizeof(e->reason), "noneProbeable");
		return kp_error_set(e, KP_NOT_PROBEABLE, EINVAL, base->symbol,
				    "none of the %zu functions called %s can be probed", n,
				    base->symbol);
	}
	return r;
}

static bool is_match(const struct probe_spec *base, const struct symbol *symbol)
{
	if (!symbol_is_text(symbol->type) || fnmatch(base->symbol, symbol->name, 0) != 0)
		return false;
	if (!base->module)
		return true;
	if (strcmp(base->module, PROBE_VMLINUX) == 0)
		return !symbol->module;
	return symbol->module && strcmp(symbol->module, base->module) == 0;
}

/* Which of those of its name in its module (or the kernel) a symbol is; 0: the only one. */
static unsigned int count_among(const struct symbols *s, const struct symbol *symbol)
{
	struct symbol_places places;
	size_t n =
		symbol_places_find(s, symbol->module ? symbol->module : "", symbol->name, &places);

	for (size_t i = 0; n > 1 && i < places.n; i++)
		if (places.items[i].address == symbol->address)
			return i + 1;
	return 0;
}

/* What stands beside functions under names made from theirs, and nobody means. */
static bool is_by_product(const char *name)
{
	return strncmp(name, "__pfx_", 6) == 0 || strncmp(name, "__cfi_", 6) == 0 ||
	       strstr(name, ".cold");
}

static int resolve_pattern(struct batch *b, struct knowledge *k, const struct probe_spec *base,
			   struct kp_error *e)
{
	const struct symbols *s = b->r->symbols;
	size_t before = b->n, n = 0, max = b->r->max_specs;
	struct symbol symbol;
	bool is_over = false;
	uint64_t last = 0;
	int r = 0;

	if (base->max_matches && before + base->max_matches < max)
		max = before + base->max_matches;
	for (uint32_t i = 0; i < symbols_count(s) && r == 0; i++) {
		symbols_get(s, i, &symbol);
		if (!is_match(base, &symbol) || is_by_product(symbol.name) ||
		    symbol.address == last)
			continue;
		last = symbol.address;
		n++;
		is_over = b->n == max;
		if (!is_over)
			r = add_match(b, k, base, &symbol, count_among(s, &symbol));
	}
	if (r < 0)
		return r;
	e->position = base->symbol_position;
	if (n == 0)
		return kp_error_set(e, KP_NO_SUCH_SYMBOL, ENOENT, base->symbol,
				    "no function%s%s matches %s", base->module ? " of " : "",
				    base->module ? base->module : "", base->symbol);
	if (is_over) {
		e->value = (long long)(max - before);
		return kp_error_set(e, KP_LIMIT_REACHED, EDQUOT,
				    base->max_matches ? "maxMatches" : "probes-per-request",
				    "%s matches %zu functions, and %zu are the limit: make it "
				    "narrower",
				    base->symbol, n, max - before);
	}
	if (b->n == before) {
		snprintf(e->reason, sizeof(e->reason), "noneProbeable");
		return kp_error_set(e, KP_NOT_PROBEABLE, EINVAL, base->symbol,
				    "none of the %zu functions that match %s can be probed", n,
				    base->symbol);
	}
	return 0;
}

/* Moves what @spec stands for into the batch. */
static int resolve_spec(struct batch *b, struct knowledge *k, struct probe_spec *spec,
			struct kp_error *e)
{
	bool is_many = spec->is_pattern || spec->nth == PROBE_NTH_ALL;
	int r;

	e->position = spec->symbol_position;
	if (is_many && !b->r->symbols)
		return kp_error_set(e, KP_UNAVAILABLE,
				    b->r->symbols_result ? -b->r->symbols_result : EPERM, "symbols",
				    "the kernel hides its symbols (kernel.kptr_restrict), so there "
				    "are none to choose from");
	if (is_module_missing(spec)) {
		if (is_many && spec->pending)
			return kp_error_definition(e, "badPattern", spec->symbol_position,
						   "load the module first (modprobe), or name the "
						   "functions one by one",
						   "What stands for many functions cannot wait for "
						   "a module.");
		spec->waits =
			spec->nth > 0 || btf_compile_is_needed(spec) || probe_spec_is_helpers(spec);
		return spec->pending ? append(b, spec) : refuse_module(spec, e);
	}
	if (spec->is_pattern)
		return resolve_pattern(b, k, spec, e);
	if (is_many)
		return resolve_all(b, k, spec, e);
	if (!b->r->symbols && spec->module && strcmp(spec->module, PROBE_VMLINUX) == 0) {
		free(spec->module);
		spec->module = NULL;
	}
	if (spec->symbol && b->r->symbols)
		r = resolve_one(b, k, spec, e);
	else
		r = compile(k, spec, spec->module, e);
	return r < 0 ? r : append(b, spec);
}

void resolve_run(struct knowledge *k, struct resolve *r)
{
	struct batch b = {.r = r};
	struct symbols *symbols;
	int result = 0;

	r->error = KP_ERROR_INIT;
	/* Without them addresses stay numbers, the kernel judges, and Status says why. */
	r->symbols_result = knowledge_refresh(k);
	symbols = knowledge_symbols(k);
	r->symbols = symbols ? symbols_ref(symbols) : NULL;

	for (size_t i = 0; i < r->n_specs && result == 0; i++) {
		struct kp_error e = KP_ERROR_INIT;

		b.origin = e.probe = (int)i;
		result = resolve_spec(&b, k, &r->specs[i], &e);
		if (result < 0)
			r->error = e;
	}
	/* What was asked for is in the batch now, or an error. */
	for (size_t i = 0; i < r->n_specs; i++)
		probe_spec_done(&r->specs[i]);
	free(r->specs);
	r->specs = b.specs;
	r->origins = b.origins;
	r->n_specs = b.n;
	r->result = result;
}

void resolve_done(struct resolve *r)
{
	for (size_t i = 0; i < r->n_specs; i++)
		probe_spec_done(&r->specs[i]);
	for (size_t i = 0; i < r->n_skips; i++)
		free(r->skips[i].symbol);
	free(r->specs);
	free(r->origins);
	free(r->skips);
	if (r->symbols)
		symbols_free(r->symbols);
}
