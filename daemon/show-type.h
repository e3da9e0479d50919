/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Types that say how a value is shown: errno, bool, mode, dev, port, ip4, ip6, mac, flags(SET).
 *
 * The kernel does not know them. Each is fetched as one of its types, or as several elements of
 * one, and only the decoder knows better. A width in bits may stand behind those that come in
 * several, as it does in the kernel's bitfields: "errno/64". Pure.
 */
#ifndef KP_SHOW_TYPE_H
#define KP_SHOW_TYPE_H

#include "error.h"
#include "fetch-type.h"
#include "span.h"

/*
 * Parses @text, a type at @position without its array, into @ret. 1 if it is one of these types, 0
 * if not (and @ret is untouched), -EINVAL with @reterr if it tries to be one.
 */
int show_type_parse(struct span text, int position, struct fetch_type *ret,
		    struct kp_error *reterr);

#endif
