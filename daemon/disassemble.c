/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See disassemble.h. */
#include "disassemble.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel-text.h"
#include "listing.h"
#include "probeable.h"
#include "strutil.h"
#include "symbol-choice.h"
#include "tracefs.h"

/* A function whose end is not known, the last of a module, is read so far. */
#define UNKNOWN_SIZE 4096
#define REFERS_MAX   4096

struct disassembler {
	struct disasm *decoder; /* owned */
	bool has_layout, has_reserved;
	int layout_result; /* of loading it */
	struct kprobe_layout layout;
	struct text_reserved reserved;
};

/* One request while it is carried out. */
struct work {
	struct disassembler *dis;
	struct disassembly *d;
	const struct symbols *symbols;
	const uint8_t *live; /* borrowed: d->size bytes */
	size_t n;
	struct text_patch *patches; /* owned */
	size_t n_patches, patches_size;
	bool is_short; /* memory was */
};

int disassembler_new(struct disassembler **ret)
{
	_cleanup_(disassembler_freep) struct disassembler *dis = calloc(1, sizeof(*dis));
	int r;

	if (!dis)
		return -ENOMEM;
	r = disasm_new(&dis->decoder);
	if (r < 0)
		return r;
	*ret = take_ptr(dis);
	return 0;
}

struct disassembler *disassembler_free(struct disassembler *d)
{
	if (d->decoder)
		disasm_free(d->decoder);
	text_reserved_done(&d->reserved);
	free(d);
	return NULL;
}

void disassembly_done(struct disassembly *d)
{
	for (size_t i = 0; i < d->n_rows; i++) {
		free(d->rows[i].text);
		free(d->rows[i].target);
		free(d->rows[i].refers);
		free(d->rows[i].probes);
	}
	free(d->rows);
	free(d->probes);
	free(d->others);
	free(d->found);
	free(d->found_module);
	free(d->symbol);
	free(d->module);
	*d = (struct disassembly){0};
}

static void *grow(void *items, size_t *size, size_t n, size_t item)
{
	size_t want = *size ? 2 * *size : 16;
	void *p = n < *size ? items : realloc(items, want * item);

	if (p && n >= *size)
		*size = want;
	return p;
}

static struct disassemble_probe *add_probe(struct disassembly *d)
{
	struct disassemble_probe *p =
		grow(d->probes, &d->probes_size, d->n_probes, sizeof(*d->probes));

	if (!p)
		return NULL;
	d->probes = p;
	p = &d->probes[d->n_probes++];
	*p = (struct disassemble_probe){0};
	return p;
}

/* "vfs_read", "mod:foo+4", "vfs_read+0x10", "0xffff…" as kprobe_events has it. */
static void take_site(struct disassemble_probe *p, const char *site, size_t n)
{
	char text[SYMBOL_TEXT_MAX], *plus, *name = text;

	snprintf(text, sizeof(text), "%.*s", (int)n, site);
	if (str_starts_with(text, "0x")) {
		p->address = strtoull(text, NULL, 16);
		return;
	}
	plus = strchr(text, '+');
	p->offset = 0;
	if (plus) {
		*plus = '\0';
		p->offset = strtoull(plus + 1, NULL, 0);
	}
	if (strchr(text, ':'))
		name = strchr(text, ':') + 1;
	snprintf(p->symbol, sizeof(p->symbol), "%s", name);
}

int disassembly_note(struct disassembly *d, const struct probe *probe)
{
	struct disassemble_probe *p = add_probe(d);

	if (!p)
		return -ENOMEM;
	snprintf(p->name, sizeof(p->name), "%s", probe->name);
	p->is_return = probe->spec.kind == PROBE_RETURN;
	p->offset = probe->spec.offset;
	if (probe->spec.place)
		take_site(p, probe->spec.place, strlen(probe->spec.place));
	else if (probe->spec.symbol)
		snprintf(p->symbol, sizeof(p->symbol), "%s", probe->spec.symbol);
	else
		p->address = probe->spec.address;
	return 0;
}

static int note_foreign(const struct tracefs_probe *line, void *data)
{
	struct work *w = data;
	struct disassemble_probe *p;

	if (strcmp(line->group, TRACEFS_GROUP) == 0)
		return 0;
	p = add_probe(w->d);
	if (!p)
		return -ENOMEM;
	p->is_foreign = true;
	p->is_return = line->kind == 'r';
	snprintf(p->name, sizeof(p->name), "%.30s/%.30s", line->group, line->event);
	take_site(p, line->rest, strcspn(line->rest, " "));
	return 0;
}

static uint64_t symbol_address(const struct symbols *s, const char *name)
{
	uint32_t cursor = SYMBOL_NONE, i = symbols_next_named(s, name, "", &cursor);
	struct symbol symbol;

	if (i == SYMBOL_NONE)
		return 0;
	symbols_get(s, i, &symbol);
	return symbol.address;
}

/* "SYM#2": the second of that name, as definitions have it. 0: no number, and @symbol is untouched.
 */
static unsigned long take_number(char *symbol)
{
	char *hash = strchr(symbol, '#'), *end;
	unsigned long n;

	if (!hash || hash[1] < '1' || hash[1] > '9')
		return 0;
	n = strtoul(hash + 1, &end, 10);
	if (*end)
		return 0;
	*hash = '\0';
	return n;
}

/* The functions of that name: one is meant, the first if it is not said, and the others are told.
 */
static int find_named(const struct symbols *s, struct disassembly *d, uint32_t *ret)
{
	_cleanup_free_ struct symbol_places *places = malloc(sizeof(*places));
	bool is_kernel = d->module && strcmp(d->module, PROBE_VMLINUX) == 0;
	const char *module = is_kernel ? "" : d->module;
	unsigned long nth = take_number(d->symbol), n;
	uint32_t variant;

	*ret = SYMBOL_NONE;
	if (!places)
		return -ENOMEM;
	n = symbol_places_find(s, module, d->symbol, places);
	if (n > 0 && nth <= n && nth <= SYMBOL_PLACES_MAX) {
		*ret = places->indexes[nth ? nth - 1 : 0];
		d->others = calloc(SYMBOL_PLACES_MAX, sizeof(*d->others));
		if (!d->others)
			return -ENOMEM;
		for (size_t i = 0; i < places->n; i++)
			if (places->indexes[i] != *ret)
				d->others[d->n_others++] = places->items[i].address;
	} else if (n == 0 && nth == 0 && symbols_variants(s, d->symbol, module, &variant, 1) == 1) {
		/* The compiler has left foo.isra.0 only. */
		*ret = variant;
	}
	return 0;
}

static int refuse_symbol(const struct symbols *s, const struct disassembly *d,
			 struct kp_error *reterr)
{
	struct probe_spec spec = PROBE_SPEC_INIT;

	spec.symbol = d->symbol;
	spec.module = d->module;
	return symbol_choice_missing(s, &spec, reterr);
}

static int find_function(const struct symbols *s, struct disassembly *d, uint32_t *ret,
			 struct kp_error *reterr)
{
	struct symbol symbol;
	int r = 0;

	if (str_starts_with(d->symbol, "0x")) {
		uint64_t address = strtoull(d->symbol, NULL, 16);

		*ret = symbols_is_code(s, address) ? symbols_below(s, address) : SYMBOL_NONE;
	} else {
		r = find_named(s, d, ret);
	}
	if (r < 0)
		return r;
	if (*ret == SYMBOL_NONE)
		return refuse_symbol(s, d, reterr);
	symbols_get(s, *ret, &symbol);
	d->found = strdup(symbol.name);
	d->found_module = symbol.module ? strdup(symbol.module) : NULL;
	d->address = symbol.address;
	d->size = symbol.size ? symbol.size : UNKNOWN_SIZE;
	if (d->size > DISASSEMBLE_BYTES_MAX)
		d->size = DISASSEMBLE_BYTES_MAX;
	return d->found && (d->found_module || !symbol.module) ? 0 : -ENOMEM;
}

/* An address as "vfs_read+0x1f", or as "vfs_read" at its start; false: in nothing that is known. */
static bool name_address(const struct symbols *s, uint64_t address, bool is_short, char *buf,
			 size_t size)
{
	uint32_t i = symbols_below(s, address);
	struct symbol symbol;
	uint64_t offset;

	if (i == SYMBOL_NONE)
		return false;
	symbols_get(s, i, &symbol);
	offset = address - symbol.address;
	if (offset && offset >= (symbol.size ? symbol.size : UNKNOWN_SIZE))
		return false;
	if (is_short && offset == 0)
		snprintf(buf, size, "%s", symbol.name);
	else
		snprintf(buf, size, "%s+0x%llx", symbol.name, (unsigned long long)offset);
	return true;
}

static bool name_target(uint64_t address, char *buf, size_t size, void *data)
{
	return name_address(data, address, true, buf, size);
}

static void load_layout(struct disassembler *dis)
{
	if (!dis->has_layout) {
		dis->layout_result = kprobe_layout_load(&dis->layout);
		dis->has_layout = true;
	}
}

/* Once: the kernel's own tables do not change. Without them less is known, and no more. */
static void load_reserved(struct disassembler *dis, struct kernel_text *text,
			  const struct symbols *s)
{
	const struct text_table jumps = {symbol_address(s, "__start___jump_table"),
					 symbol_address(s, "__stop___jump_table")};
	const struct text_table calls = {symbol_address(s, "__start_static_call_sites"),
					 symbol_address(s, "__stop_static_call_sites")};

	if (!dis->has_reserved)
		dis->has_reserved = text_reserved_load(text, &jumps, &calls, &dis->reserved) == 0;
}

static void note_patch(uint64_t address, char type, const char *site, const char *method,
		       void *data)
{
	struct work *w = data;
	struct text_patch patch = {.address = address, .how = text_patch_of_method(method)};
	uint64_t at = address - w->d->address;
	void *p;

	if (address < w->d->address || at >= w->n || patch.how == TEXT_PATCH_NONE ||
	    !text_patch_settle(&patch, w->live + at, w->n - at))
		return;
	for (size_t i = 0; i < w->n_patches; i++)
		if (w->patches[i].address == address)
			return;
	p = grow(w->patches, &w->patches_size, w->n_patches, sizeof(patch));
	if (!p) {
		w->is_short = true;
		return;
	}
	w->patches = p;
	w->patches[w->n_patches++] = patch;
}

static int find_patches(struct work *w)
{
	uint64_t table = symbol_address(w->symbols, "kprobe_table");

	/* Without debugfs nothing is known of patches; what is in memory is shown. */
	tracefs_each_kprobe(note_patch, w);
	if (w->is_short)
		return -ENOMEM;
	if (w->n_patches)
		load_layout(w->dis);
	for (size_t i = 0; i < w->n_patches; i++)
		text_patch_find_original(&w->patches[i], w->d->text, table,
					 w->dis->layout_result == 0 ? &w->dis->layout : NULL);
	return 0;
}

static bool is_patched(const struct work *w, uint64_t address)
{
	for (size_t i = 0; i < w->n_patches; i++)
		if (w->patches[i].address == address)
			return true;
	return false;
}

/* Where the probe sits in the function; false: elsewhere. */
static bool place_probe(const struct work *w, const struct disassemble_probe *p, uint64_t *ret)
{
	uint64_t address = p->address;

	if (!address && strcmp(p->symbol, w->d->found) == 0)
		address = w->d->address + p->offset;
	else if (!address)
		address = symbol_address(w->symbols, p->symbol) + p->offset;
	if (address < w->d->address || address >= w->d->address + w->n)
		return false;
	/* Behind an endbr64 at the entry: arch_adjust_kprobe_addr(). */
	if (address == w->d->address && !is_patched(w, address) && is_patched(w, address + 4))
		address += 4;
	*ret = address;
	return true;
}

static int place_probes(const struct work *w, struct disassemble_row *row)
{
	uint64_t address;
	size_t size = 0;

	for (size_t i = 0; i < w->d->n_probes; i++) {
		void *p;

		if (!place_probe(w, &w->d->probes[i], &address) ||
		    address != w->d->address + row->offset)
			continue;
		p = grow(row->probes, &size, row->n_probes, sizeof(*row->probes));
		if (!p)
			return -ENOMEM;
		row->probes = p;
		row->probes[row->n_probes++] = i;
	}
	return 0;
}

/*
 * Data without a symbol of its own (strings, tables of the compiler's) lies behind some that has
 * one: far behind, the name would say nothing.
 */
static bool refers_to(const struct symbols *s, uint64_t address, char *buf, size_t size)
{
	uint32_t i = symbols_below(s, address);
	struct symbol symbol;

	if (i == SYMBOL_NONE)
		return false;
	symbols_get(s, i, &symbol);
	return address - symbol.address < REFERS_MAX && name_address(s, address, false, buf, size);
}

static int name_row(const struct work *w, const struct disasm_insn *insn,
		    struct disassemble_row *row)
{
	char name[DISASM_NAME_MAX];

	row->text = strdup(insn->text);
	if (insn->has_target && name_address(w->symbols, insn->target, false, name, sizeof(name)))
		row->target = strdup(name);
	if (insn->refers && refers_to(w->symbols, insn->refers, name, sizeof(name)))
		row->refers = strdup(name);
	return row->text ? 0 : -ENOMEM;
}

static int take_row(const struct listing_row *from, void *data)
{
	struct work *w = data;
	struct disassembly *d = w->d;
	struct disassemble_row *row;
	int r;

	/* From the instruction that the offset is in. */
	if (from->insn.offset + from->insn.size <= d->offset)
		return 0;
	if (d->n_rows == DISASSEMBLE_ROWS_MAX ||
	    (d->length && from->insn.offset - d->offset >= d->length &&
	     from->insn.offset >= d->offset)) {
		d->is_cut = true;
		d->next = from->insn.offset;
		return -ECANCELED;
	}
	row = grow(d->rows, &d->rows_size, d->n_rows, sizeof(*row));
	if (!row)
		return -ENOMEM;
	d->rows = row;
	row = &d->rows[d->n_rows++];
	*row = (struct disassemble_row){
		.offset = from->insn.offset,
		.size = (uint8_t)from->insn.size,
		.n_live = (uint8_t)from->n_live,
		.how = from->patch ? from->patch->how : TEXT_PATCH_NONE,
		.is_unsure = from->is_unsure,
		.reason = from->reason,
	};
	memcpy(row->bytes, from->bytes, from->insn.size);
	if (from->live)
		memcpy(row->live, from->live, from->n_live);
	r = name_row(w, &from->insn, row);
	return r < 0 ? r : place_probes(w, row);
}

static bool is_zero(const uint8_t *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (bytes[i])
			return false;
	return true;
}

static int read_function(struct disassembly *d, uint8_t *code, struct kp_error *reterr)
{
	int r = kernel_text_read(d->text, d->address, code, d->size);

	if (r < 0)
		return kp_error_set(reterr, KP_UNAVAILABLE, -r, "disassembly",
				    "the code of %s cannot be read: %s", d->found,
				    r == -EFAULT ? "it is not in the memory that /proc/kcore shows"
						 : strerror(-r));
	if (is_zero(code, d->size))
		return kp_error_set(reterr, KP_UNAVAILABLE, ENODATA, "disassembly",
				    "there is no code of %s any more: its memory has been freed",
				    d->found);
	return 0;
}

static int list(struct work *w, struct knowledge *k, uint32_t index)
{
	struct disassembly *d = w->d;
	struct probeable probeable;
	struct listing listing;
	int r;

	r = find_patches(w);
	if (r == 0)
		r = tracefs_each_probe(note_foreign, w);
	if (r < 0 && r != -ENOENT)
		return r;
	load_reserved(w->dis, d->text, w->symbols);
	probeable_check(w->symbols, knowledge_lists(k), index, 0, &probeable);
	if (probeable.answer == PROBEABLE_NO)
		probeable_explain(&probeable, w->symbols, index, 0, d->forbidden,
				  sizeof(d->forbidden));
	listing = (struct listing){
		.address = d->address,
		.live = w->live,
		.n = w->n,
		.patches = w->patches,
		.n_patches = w->n_patches,
		.reserved = w->dis->has_reserved ? &w->dis->reserved : NULL,
		.forbidden = d->forbidden[0] ? d->forbidden : NULL,
		.name = name_target,
		.name_data = (void *)w->symbols,
	};
	r = listing_each(&listing, w->dis->decoder, take_row, w);
	return r == -ECANCELED ? 0 : r;
}

int disassembly_run(struct disassembler *dis, struct knowledge *k, struct disassembly *d,
		    struct kp_error *reterr)
{
	_cleanup_free_ uint8_t *code = NULL;
	struct work w = {.dis = dis, .d = d};
	uint32_t index;
	int r;

	r = knowledge_refresh(k);
	w.symbols = knowledge_symbols(k);
	if (!w.symbols)
		return kp_error_set(reterr, KP_UNAVAILABLE, r < 0 ? -r : EAGAIN, "symbols",
				    "the kernel hides its symbols' addresses "
				    "(kernel.kptr_restrict): nothing can be found by name");
	r = find_function(w.symbols, d, &index, reterr);
	if (r < 0)
		return r;
	if (d->offset >= d->size) {
		return kp_error_set(reterr, KP_INVALID_PARAMETER, EINVAL, "offset",
				    "%s has %llu bytes", d->found, (unsigned long long)d->size);
	}
	code = malloc(d->size);
	if (!code)
		return -ENOMEM;
	r = read_function(d, code, reterr);
	if (r < 0)
		return r;
	w.live = code;
	w.n = d->size;
	r = list(&w, k, index);
	free(w.patches);
	return r;
}
