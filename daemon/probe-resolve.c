/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See probe-resolve.h. */
#include "probe-resolve.h"

void resolve_run(struct knowledge *k, struct resolve *r)
{
	struct symbols *symbols;

	r->error = KP_ERROR_INIT;
	r->result = 0;
	/* Without them addresses stay numbers, and Status says why. */
	r->symbols_result = knowledge_refresh(k);
	symbols = knowledge_symbols(k);
	r->symbols = symbols ? symbols_ref(symbols) : NULL;
}
