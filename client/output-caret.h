/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A definition with a mark under a place in it.
 */
#ifndef KP_OUTPUT_CARET_H
#define KP_OUTPUT_CARET_H

#include <stdbool.h>
#include <stddef.h>

#include "text.h"

/*
 * Appends @definition and under it a caret at @position, in characters from 0. Tabs are shown as
 * far as they reach, everything else as text_safe() does.
 *
 * @columns: of the terminal, of which only the part around the caret is shown when the definition
 *	is longer; 0: all of it
 */
void text_caret(struct text *t, const char *definition, long long position, size_t columns,
		bool color);

#endif
