/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See listing.h. */
#include "listing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct pass {
	const struct listing *l;
	const uint8_t *original; /* borrowed */
	size_t end;		 /* of the last instruction that is more than filling */
	size_t shown;		 /* up to here the live bytes have been given */
	int (*each)(const struct listing_row *row, void *data);
	void *data;
};

static const struct text_patch *patch_at(const struct listing *l, size_t offset)
{
	for (size_t i = 0; i < l->n_patches; i++)
		if (l->patches[i].address == l->address + offset)
			return &l->patches[i];
	return NULL;
}

/* The code as it is without its probes, as far as that is known. */
static void restore(const struct listing *l, uint8_t *code)
{
	memcpy(code, l->live, l->n);
	for (size_t i = 0; i < l->n_patches; i++) {
		const struct text_patch *p = &l->patches[i];
		size_t at = p->address - l->address;

		if (p->address >= l->address && at + p->n_original <= l->n)
			memcpy(code + at, p->original, p->n_original);
	}
}

static int find_end(const struct disasm_insn *insn, void *data)
{
	struct pass *pass = data;
	bool is_filling = insn->kind == DISASM_NOP || insn->kind == DISASM_TRAP;

	if (!is_filling || patch_at(pass->l, insn->offset))
		pass->end = insn->offset + insn->size;
	return 0;
}

static const char *reason_of(const struct listing *l, const struct listing_row *row)
{
	if (l->forbidden)
		return l->forbidden;
	if (row->is_unsure)
		return "what a probe has overwritten here is not known";
	switch (row->insn.kind) {
	case DISASM_TRAP:
		return "a breakpoint of the kernel's own";
	case DISASM_BUG:
		return "the trap of a BUG() or WARN()";
	case DISASM_UNKNOWN:
		return "no instruction that is known here";
	default:
		return l->reserved
			       ? text_reserved_reason(l->reserved, l->address + row->insn.offset)
			       : NULL;
	}
}

static int give_row(const struct disasm_insn *insn, void *data)
{
	struct pass *pass = data;
	const struct listing *l = pass->l;
	const struct text_patch *patch = patch_at(l, insn->offset);
	struct listing_row row = {
		.insn = *insn,
		.bytes = pass->original + insn->offset,
		.patch = patch,
		.is_unsure = patch && patch->n_original == 0,
	};

	if (insn->offset >= pass->end)
		return 0;
	/* A jump may reach over several instructions: it is shown with the first. */
	if (insn->offset >= pass->shown &&
	    memcmp(row.bytes, l->live + insn->offset, insn->size) != 0) {
		row.live = l->live + insn->offset;
		row.n_live =
			patch && patch->n_original > insn->size ? patch->n_original : insn->size;
		pass->shown = insn->offset + row.n_live;
	}
	row.reason = reason_of(l, &row);
	return pass->each(&row, pass->data);
}

int listing_each(const struct listing *l, struct disasm *d,
		 int (*each)(const struct listing_row *row, void *data), void *data)
{
	_cleanup_free_ uint8_t *original = malloc(l->n + 1);
	struct pass pass = {.l = l, .original = original, .each = each, .data = data};

	if (!original)
		return -ENOMEM;
	restore(l, original);
	disasm_each(d, original, l->n, l->address, NULL, NULL, find_end, &pass);
	return disasm_each(d, original, l->n, l->address, l->name, l->name_data, give_row, &pass);
}
