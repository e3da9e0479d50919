/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See value-text.h. */
#include "value-text.h"

#include <errno.h>
#include <string.h>

#include "cleanup.h"
#include "json-text.h"

/* include/linux/errno.h: what the kernel says to itself and libc has no names for */
static const struct {
	int number;
	const char *name;
} kernel_errors[] = {
	{512, "ERESTARTSYS"},
	{513, "ERESTARTNOINTR"},
	{514, "ERESTARTNOHAND"},
	{515, "ENOIOCTLCMD"},
	{516, "ERESTART_RESTARTBLOCK"},
	{517, "EPROBE_DEFER"},
	{518, "EOPENSTALE"},
	{519, "ENOPARAM"},
	{521, "EBADHANDLE"},
	{522, "ENOTSYNC"},
	{523, "EBADCOOKIE"},
	{524, "ENOTSUPP"},
	{525, "ETOOSMALL"},
	{526, "ESERVERFAULT"},
	{527, "EBADTYPE"},
	{528, "EJUKEBOX"},
	{529, "EIOCBQUEUED"},
	{530, "ERECALLCONFLICT"},
	{531, "ENOGRACE"},
};

static const char *errno_name(int number)
{
	const char *name = NULL;

	for (size_t i = 0; number >= 512 && i < ARRAY_SIZE(kernel_errors); i++)
		if (kernel_errors[i].number == number)
			return kernel_errors[i].name;
	if (number < 512)
		name = strerrorname_np(number);
	return name;
}

char *put_errno(char *p, int64_t v)
{
	const char *name = v < 0 && v >= -VALUE_ERRNO_MAX ? errno_name((int)-v) : NULL;

	if (!name)
		return put_s64(p, v);
	p = put_literal(p, "\"-");
	p = put_bytes(p, name, strlen(name));
	*p++ = '"';
	return p;
}

int errno_of_name(struct span name)
{
	/* Of two names of one number libc gives one. */
	if (span_is(name, "EWOULDBLOCK"))
		return EAGAIN;
	if (span_is(name, "ENOTSUP"))
		return EOPNOTSUPP;
	if (span_is(name, "EDEADLOCK"))
		return EDEADLOCK;
	for (int i = 1; i < 512; i++) {
		const char *have = strerrorname_np(i);

		if (have && span_is(name, have))
			return i;
	}
	for (size_t i = 0; i < ARRAY_SIZE(kernel_errors); i++)
		if (span_is(name, kernel_errors[i].name))
			return kernel_errors[i].number;
	return 0;
}

char *put_octal(char *p, uint64_t v)
{
	int shift = (63 - __builtin_clzll(v | 1)) / 3 * 3;

	p = put_literal(p, "\"0");
	for (; v && shift >= 0; shift -= 3)
		*p++ = (char)('0' + (v >> shift & 7));
	*p++ = '"';
	return p;
}

char *put_device(char *p, uint32_t v)
{
	*p++ = '"';
	p = put_u64(p, v >> 20);
	*p++ = ':';
	p = put_u64(p, v & 0xfffff);
	*p++ = '"';
	return p;
}

static char *put_dotted(char *p, const unsigned char *v)
{
	for (int i = 0; i < 4; i++) {
		if (i > 0)
			*p++ = '.';
		p = put_u64(p, v[i]);
	}
	return p;
}

char *put_ip4(char *p, const unsigned char *v)
{
	*p++ = '"';
	p = put_dotted(p, v);
	*p++ = '"';
	return p;
}

static const char hex_digits[] = "0123456789abcdef";

static char *put_group(char *p, unsigned int v)
{
	int shift = v >= 0x1000 ? 12 : v >= 0x100 ? 8 : v >= 0x10 ? 4 : 0;

	for (; shift >= 0; shift -= 4)
		*p++ = hex_digits[v >> shift & 15];
	return p;
}

/* The longest run of two zero groups or more, the first of equals; returns its length or 0. */
static int find_zeros(const unsigned int groups[8], int *ret_start)
{
	int best = 1, run = 0;

	for (int i = 0; i < 8; i++) {
		run = groups[i] == 0 ? run + 1 : 0;
		if (run > best) {
			best = run;
			*ret_start = i + 1 - run;
		}
	}
	return best > 1 ? best : 0;
}

char *put_ip6(char *p, const unsigned char *v)
{
	static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
	int start = 8, length;
	unsigned int groups[8];

	if (memcmp(v, mapped, sizeof(mapped)) == 0) {
		p = put_literal(p, "\"::ffff:");
		p = put_dotted(p, v + 12);
		*p++ = '"';
		return p;
	}
	for (int i = 0; i < 8; i++)
		groups[i] = (unsigned int)v[2 * i] << 8 | v[2 * i + 1];
	length = find_zeros(groups, &start);
	*p++ = '"';
	for (int i = 0; i < 8; i++) {
		if (length && i == start) {
			p = put_literal(p, "::");
			i += length - 1;
			continue;
		}
		if (i > 0 && i != start + length)
			*p++ = ':';
		p = put_group(p, groups[i]);
	}
	*p++ = '"';
	return p;
}

char *put_mac(char *p, const unsigned char *v)
{
	*p++ = '"';
	for (int i = 0; i < 6; i++) {
		if (i > 0)
			*p++ = ':';
		*p++ = hex_digits[v[i] >> 4];
		*p++ = hex_digits[v[i] & 15];
	}
	*p++ = '"';
	return p;
}

char *put_flags(char *p, const struct flag_set *set, uint64_t v)
{
	*p++ = '"';
	p = flag_set_put(p, set, v);
	*p++ = '"';
	return p;
}

char *put_name(char *p, const struct value_names *names, int64_t v, bool is_signed)
{
	size_t len = 0;
	const char *name = names ? value_names_find(names, v, &len) : NULL;

	if (!name)
		return is_signed ? put_s64(p, v) : put_u64(p, (uint64_t)v);
	*p++ = '"';
	p = put_bytes(p, name, len);
	*p++ = '"';
	return p;
}
