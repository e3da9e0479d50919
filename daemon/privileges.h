/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The capabilities that only the start needs, given back before anybody is served.
 */
#ifndef KP_PRIVILEGES_H
#define KP_PRIVILEGES_H

/*
 * Gives CAP_SYS_RAWIO up for good, which opening /proc/kcore takes (kernel-text.h): with it a
 * process may reach every device. Acts on the calling thread, so it comes before there are others.
 * 0 or a negative errno.
 */
int privileges_drop_rawio(void);

#endif
