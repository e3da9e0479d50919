/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Values as people read them, written as JSON: errors, addresses, modes, devices, flags, names.
 *
 * As in json-text.h each put_* writes at @p and returns the end of what it wrote: VALUE_SHORT_MAX
 * bytes at most, with its quotes, put_flags() FLAG_TEXT_MAX + 2 and put_name() VALUE_NAME_TEXT_MAX
 * + 2. Nothing is allocated, and nothing a record holds needs an escape.
 */
#ifndef KP_VALUE_TEXT_H
#define KP_VALUE_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "flag-set.h"
#include "span.h"
#include "value-names.h"

/* What is no set of flags and no name from a table: IPv6 has 39 characters, and room for put_u64()
 */
#define VALUE_SHORT_MAX 64

/* include/linux/err.h: MAX_ERRNO */
#define VALUE_ERRNO_MAX 4095

/* "-ENOENT" for a negative errno that has a name, the number for all else. */
char *put_errno(char *p, int64_t v);
/* The errno called @name ("ENOENT"), those that only the kernel has included; 0: none. */
int errno_of_name(struct span name);

/* "0644": octal, with a 0 in front. */
char *put_octal(char *p, uint64_t v);
/* "8:1", of a dev_t as the kernel has it inside: include/linux/kdev_t.h, 20 bits of minor. */
char *put_device(char *p, uint32_t v);
/* "127.0.0.1", of the four bytes at @v. */
char *put_ip4(char *p, const unsigned char *v);
/* "::1", of the 16 bytes at @v, as RFC 5952 wants it. */
char *put_ip6(char *p, const unsigned char *v);
/* "52:54:00:12:34:56", of the six bytes at @v. */
char *put_mac(char *p, const unsigned char *v);
/* "O_WRONLY|O_CREAT" */
char *put_flags(char *p, const struct flag_set *set, uint64_t v);
/* The name in quotes, or the number where it has none or @names is NULL. */
char *put_name(char *p, const struct value_names *names, int64_t v, bool is_signed);

#endif
