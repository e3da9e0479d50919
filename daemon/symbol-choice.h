/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which function a place means: the variants that compilers make of a function, several functions
 * of one name, and how each of them is named to the kernel.
 *
 * Pure, over a snapshot of symbols. Functions of one name are counted from 1, the kernel's own
 * first, then those of modules, both by address: what a number means among the kernel's own does
 * not depend on which modules are loaded. The kernel looks names up and refuses, or takes the first
 * of, several (number_of_same_symbols() in trace_kprobe.c, 6.6 on); so one of several is told as an
 * offset from the start of the kernel's text, in a module from the nearest function below it whose
 * name is there only once. That is as good as its name, for return probes too: _kprobe_addr() in
 * kernel/kprobes.c looks up the function an address is in, where "r ADDRESS" could not fetch
 * $retval.
 */
#ifndef KP_SYMBOL_CHOICE_H
#define KP_SYMBOL_CHOICE_H

#include <stddef.h>

#include "error.h"
#include "probe-spec.h"
#include "symbols.h"

/* More functions of one name than this are not told apart: SYM#65 is there for nobody. */
#define SYMBOL_PLACES_MAX 64

struct symbol_places {
	struct symbol items[SYMBOL_PLACES_MAX];
	uint32_t indexes[SYMBOL_PLACES_MAX]; /* theirs in the snapshot */
	size_t n;
};

/*
 * The functions called @name, in the order they are counted in; in @module only, unless NULL
 * (PROBE_VMLINUX: the kernel itself). Returns how many there are, which may be more than fit.
 */
size_t symbol_places_find(const struct symbols *s, const char *module, const char *name,
			  struct symbol_places *ret);

/*
 * Makes @spec, which has a symbol and is neither a pattern nor meant for all of a name, the one
 * function it means: its symbol becomes the variant that there is, its module the one the function
 * is in, its number goes where the name is enough, and spec->place is what the kernel takes for it.
 * spec->notes says what could surprise. *@ret is the function's index in @s, or that of the data
 * which has the name where no function has it. 0, -ENOMEM, or a
 * negative errno with @reterr: KP_NO_SUCH_SYMBOL, or KP_NOT_PROBEABLE ("ambiguous").
 */
int symbol_choose(const struct symbols *s, struct probe_spec *spec, uint32_t *ret,
		  struct kp_error *reterr);

/* Fills @reterr with what there is instead of @spec's symbol. Returns -ENOENT. */
int symbol_choice_missing(const struct symbols *s, const struct probe_spec *spec,
			  struct kp_error *reterr);

#endif
