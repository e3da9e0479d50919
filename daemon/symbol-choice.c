/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See symbol-choice.h. */
#include "symbol-choice.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIMILAR_MAX 5
/* Functions below a place that are tried for an anchor. */
#define ANCHORS_MAX 32

/* The snapshot's name for "the kernel's own". */
static const char *module_of(const struct probe_spec *spec)
{
	bool is_kernel = spec->module && strcmp(spec->module, PROBE_VMLINUX) == 0;

	return is_kernel ? "" : spec->module;
}

static void note_place(uint32_t index, const struct symbol *symbol, struct symbol_places *places,
		       size_t *n)
{
	/* One function may be listed twice, as weak and as strong symbol. */
	if (places->n && places->items[places->n - 1].address == symbol->address)
		return;
	++*n;
	if (places->n == SYMBOL_PLACES_MAX)
		return;
	places->indexes[places->n] = index;
	places->items[places->n++] = *symbol;
}

size_t symbol_places_find(const struct symbols *s, const char *module, const char *name,
			  struct symbol_places *ret)
{
	size_t n = 0;

	ret->n = 0;
	for (int round = 0; round < 2; round++) {
		uint32_t cursor = SYMBOL_NONE, i;

		while ((i = symbols_next_named(s, name, module, &cursor)) != SYMBOL_NONE) {
			struct symbol symbol;

			symbols_get(s, i, &symbol);
			if (symbol_is_text(symbol.type) && !symbol.module == (round == 0))
				note_place(i, &symbol, ret, &n);
		}
	}
	return n;
}

struct variants {
	const char *found[SIMILAR_MAX]; /* different names */
	size_t n;
};

static void find_variants(const struct symbols *s, const struct probe_spec *spec,
			  struct variants *ret)
{
	uint32_t found[SYMBOL_PLACES_MAX];
	size_t n = symbols_variants(s, spec->symbol, module_of(spec), found, SYMBOL_PLACES_MAX);

	ret->n = 0;
	for (size_t i = 0; i < n && i < SYMBOL_PLACES_MAX; i++) {
		const char *name = symbols_name(s, found[i]);
		bool is_known = false;

		/* The seldom taken half of a function is no function, and cannot be probed. */
		if (strstr(name, ".cold"))
			continue;
		for (size_t k = 0; k < ret->n; k++)
			is_known |= strcmp(ret->found[k], name) == 0;
		if (!is_known && ret->n < SIMILAR_MAX)
			ret->found[ret->n++] = name;
	}
}

static void list_names(const char *const *names, size_t n, struct kp_error *e)
{
	size_t len = 0;

	for (size_t i = 0; i < n && len < sizeof(e->detail) - 1; i++)
		len += (size_t)snprintf(e->detail + len, sizeof(e->detail) - len, "%s%s",
					i ? "\n" : "", names[i]);
}

int symbol_choice_missing(const struct symbols *s, const struct probe_spec *spec,
			  struct kp_error *reterr)
{
	const char *module = module_of(spec);
	bool is_kernel = module && !*module;
	const char *similar[SIMILAR_MAX];
	struct variants v;
	size_t n;

	find_variants(s, spec, &v);
	if (v.n > 1)
		kp_error_set(reterr, KP_NO_SUCH_SYMBOL, ENOENT, spec->symbol,
			     "%s was compiled into %zu functions: %s, %s%s", spec->symbol, v.n,
			     v.found[0], v.found[1], v.n > 2 ? " and more" : "");
	else
		kp_error_set(reterr, KP_NO_SUCH_SYMBOL, ENOENT, spec->symbol,
			     "the kernel has no function called %s%s%s%s", spec->symbol,
			     is_kernel	    ? " outside of modules"
			     : spec->module ? " in module "
					    : "",
			     spec->module && !is_kernel ? spec->module : "",
			     spec->nth ? " that is counted" : "");
	reterr->position = spec->symbol_position;
	if (v.n > 1) {
		list_names(v.found, v.n, reterr);
	} else {
		n = symbols_similar(s, spec->symbol, similar, SIMILAR_MAX);
		list_names(similar, n, reterr);
	}
	return -ENOENT;
}

static int replace(char **text, const char *with)
{
	char *copy = with ? strdup(with) : NULL;

	if (with && !copy)
		return -ENOMEM;
	free(*text);
	*text = copy;
	return 0;
}

/* "foo" where there is only foo.isra.0 */
static int take_variant(const struct symbols *s, struct probe_spec *spec)
{
	struct variants v;
	char note[512];
	int r;

	find_variants(s, spec, &v);
	if (v.n != 1)
		return -ENOENT;
	snprintf(note, sizeof(note),
		 "%s is there as %s only: the compiler has changed it, and its arguments may lie "
		 "elsewhere than its source says",
		 spec->symbol, v.found[0]);
	r = probe_spec_note(spec, note);
	return r < 0 ? r : replace(&spec->symbol, v.found[0]);
}

/* How one of several is asked for: "dummy:foo", "foo#2". */
static size_t format_choice(const struct symbol_places *places, size_t i, char *buf, size_t size)
{
	const struct symbol *place = &places->items[i];
	unsigned int nth = 0, n = 0;

	for (size_t k = 0; k < places->n; k++) {
		/* One module's name is one text in a snapshot. */
		if (!place->module || places->items[k].module != place->module)
			continue;
		n++;
		nth = k == i ? n : nth;
	}
	if (!place->module)
		n = snprintf(buf, size, "%s#%zu", place->name, i + 1);
	else if (n == 1)
		n = snprintf(buf, size, "%s:%s", place->module, place->name);
	else
		n = snprintf(buf, size, "%s:%s#%u", place->module, place->name, nth);
	return n;
}

static int refuse_ambiguous(const struct probe_spec *spec, const struct symbol_places *places,
			    size_t n, struct kp_error *e)
{
	char text[160] = "", choice[600];
	size_t len = 0, text_len = 0;

	for (size_t i = 0; i < places->n; i++) {
		size_t need = format_choice(places, i, choice, sizeof(choice)) + 1;

		if (i < 3 && text_len + need + 24 < sizeof(text))
			text_len += (size_t)snprintf(text + text_len, sizeof(text) - text_len,
						     "%s%s at 0x%" PRIx64, i ? ", " : "", choice,
						     places->items[i].address);
		if (len + need < sizeof(e->detail))
			len += (size_t)snprintf(e->detail + len, sizeof(e->detail) - len, "%s%s",
						i ? "\n" : "", choice);
	}
	snprintf(e->reason, sizeof(e->reason), "ambiguous");
	snprintf(e->hint, sizeof(e->hint), "%s#* means all of them", spec->symbol);
	e->position = spec->symbol_position;
	return kp_error_set(e, KP_NOT_PROBEABLE, EINVAL, spec->symbol,
			    "there are %zu functions called %s: %s%s", n, spec->symbol, text,
			    n > 3 ? ", …" : "");
}

/* Whether the kernel finds one symbol of that name, of any type; in a module it looks there only.
 */
static bool is_only_one(const struct symbols *s, const char *name, const char *module)
{
	uint32_t cursor = SYMBOL_NONE;

	return symbols_next_named(s, name, module, &cursor) != SYMBOL_NONE &&
	       symbols_next_named(s, name, module, &cursor) == SYMBOL_NONE;
}

/*
 * Where the kernel's text begins, or SYMBOL_NONE. It is no function to BTF, so that the kernel does
 * not take it for the one that is probed: 6.12 refuses $retval where that returns nothing.
 */
static uint32_t find_text(const struct symbols *s)
{
	static const char *const names[] = {"_stext", "_text"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		uint32_t cursor = SYMBOL_NONE;

		if (is_only_one(s, names[i], NULL))
			return symbols_next_named(s, names[i], NULL, &cursor);
	}
	return SYMBOL_NONE;
}

/* The nearest below @place whose name is there once, of its module, or SYMBOL_NONE. */
static uint32_t find_neighbour(const struct symbols *s, const struct symbol *place)
{
	uint32_t i = symbols_at(s, place->address);

	for (unsigned int n = 0; i != SYMBOL_NONE && i > 0 && n < ANCHORS_MAX; n++) {
		struct symbol anchor;

		symbols_get(s, --i, &anchor);
		if (anchor.module == place->module && symbol_is_text(anchor.type) &&
		    is_only_one(s, anchor.name, place->module))
			return i;
	}
	return SYMBOL_NONE;
}

/* What the kernel takes for @place, whose name is not enough, @offset bytes on. */
static int format_place(const struct symbols *s, const struct symbol *place, uint64_t offset,
			char **ret)
{
	uint32_t i = place->module ? SYMBOL_NONE : find_text(s);
	struct symbol anchor;
	int r;

	if (i == SYMBOL_NONE)
		i = find_neighbour(s, place);
	if (i != SYMBOL_NONE)
		symbols_get(s, i, &anchor);
	/* BAD_PROBE_ADDR beyond 32 bits */
	if (i == SYMBOL_NONE || place->address < anchor.address ||
	    place->address - anchor.address + offset > UINT32_MAX)
		r = asprintf(ret, "0x%" PRIx64, place->address + offset);
	else
		r = asprintf(ret, "%s%s%s+0x%" PRIx64, place->module ? place->module : "",
			     place->module ? ":" : "", anchor.name,
			     place->address - anchor.address + offset);
	return r < 0 ? -ENOMEM : 0;
}

/* The normal form of the choice: a module where that says it, a number where it takes one. */
static int settle(const struct symbols *s, const struct symbol *place, struct probe_spec *spec)
{
	struct symbol_places same;
	size_t n = symbol_places_find(s, place->module, place->name, &same);
	int r = replace(&spec->module, place->module);

	if (r < 0)
		return r;
	spec->nth = 0;
	for (size_t i = 0; n > 1 && i < same.n; i++)
		if (same.items[i].address == place->address)
			spec->nth = i + 1;
	free(spec->place);
	spec->place = NULL;
	/* With a module the kernel finds it again when that is loaded again. */
	return is_only_one(s, place->name, place->module)
		       ? 0
		       : format_place(s, place, spec->offset, &spec->place);
}

int symbol_choose(const struct symbols *s, struct probe_spec *spec, uint32_t *ret,
		  struct kp_error *reterr)
{
	struct symbol_places places;
	size_t n = symbol_places_find(s, module_of(spec), spec->symbol, &places), i;
	int r;

	if (n == 0) {
		uint32_t cursor = SYMBOL_NONE;

		r = take_variant(s, spec);
		/* Data: for others to say that it is no function. */
		if (r == -ENOENT &&
		    symbols_next_named(s, spec->symbol, module_of(spec), &cursor) != SYMBOL_NONE) {
			*ret = cursor;
			return 0;
		}
		if (r == -ENOENT)
			return symbol_choice_missing(s, spec, reterr);
		if (r < 0)
			return r;
		n = symbol_places_find(s, module_of(spec), spec->symbol, &places);
	}
	if (n > 1 && spec->nth == 0)
		return refuse_ambiguous(spec, &places, n, reterr);
	if (spec->nth > places.n) {
		if (reterr)
			reterr->position = spec->symbol_position;
		return kp_error_set(reterr, KP_NO_SUCH_SYMBOL, ENOENT, spec->symbol,
				    "there is no %s#%u: %zu function%s called so", spec->symbol,
				    spec->nth, n, n == 1 ? " is" : "s are");
	}
	i = spec->nth ? spec->nth - 1 : 0;
	*ret = places.indexes[i];
	return settle(s, &places.items[i], spec);
}
