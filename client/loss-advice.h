/* SPDX-License-Identifier: GPL-2.0-or-later */
/* After a stream that has lost something: what the daemon says can be done about it. */
#ifndef KP_LOSS_ADVICE_H
#define KP_LOSS_ADVICE_H

#include <stddef.h>

#include "kprobectl.h"
#include "output-text.h"

/*
 * Appends the advice of the service to @t, a line for each sentence, and that of the probes called
 * @names. Asked for on a connection of its own, as the stream's is busy; nothing when that fails,
 * since it is only advice.
 */
void loss_advice(const struct ctl *ctl, char (*names)[64], size_t n_names, struct text *t);

/* "advice: ..." for each sentence of the array; @name: what it is about, NULL: everything. */
void put_advice(struct text *t, json_object *advice, const char *name);

#endif
