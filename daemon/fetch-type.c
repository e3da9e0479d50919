/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See fetch-type.h. The order of the checks is the kernel's, parse_probe_arg_type() and
 * __parse_bitfield_probe_arg() in kernel/trace/trace_probe.c: of two mistakes in one type both find
 * the same one first.
 */
#include "fetch-type.h"

#include <errno.h>
#include <stdio.h>

#include "cleanup.h"
#include "show-type.h"

/* DEFAULT_FETCH_TYPE: "x" and the width of a long */
const struct fetch_type fetch_type_default = {"x64", FETCH_NUMBER, ARG_HEX, .size = 8};
const struct fetch_type fetch_type_string = {"string", FETCH_STRING, ARG_STRING, .size = 0};

_Static_assert(sizeof(long) == 8, "the kernel's default type is x32 on 32 bits");

/* The data of a string in an event: offset and length in 32 bits */
enum { STRING_STORED = 4 };

static const struct fetch_type types[] = {
	{"string", FETCH_STRING, ARG_STRING, 0, .is_given = true},
	{"ustring", FETCH_STRING, ARG_STRING, 0, .is_given = true},
	{"symstr", FETCH_SYMSTR, ARG_SYMBOL, 8, .is_given = true},
	{"symbol", FETCH_NUMBER, ARG_SYMBOL, 8, .is_given = true},
	{"char", FETCH_NUMBER, ARG_CHAR, 1, .is_given = true},
	{"u8", FETCH_NUMBER, ARG_UNSIGNED, 1, .is_given = true},
	{"u16", FETCH_NUMBER, ARG_UNSIGNED, 2, .is_given = true},
	{"u32", FETCH_NUMBER, ARG_UNSIGNED, 4, .is_given = true},
	{"u64", FETCH_NUMBER, ARG_UNSIGNED, 8, .is_given = true},
	{"s8", FETCH_NUMBER, ARG_SIGNED, 1, .is_given = true},
	{"s16", FETCH_NUMBER, ARG_SIGNED, 2, .is_given = true},
	{"s32", FETCH_NUMBER, ARG_SIGNED, 4, .is_given = true},
	{"s64", FETCH_NUMBER, ARG_SIGNED, 8, .is_given = true},
	{"x8", FETCH_NUMBER, ARG_HEX, 1, .is_given = true},
	{"x16", FETCH_NUMBER, ARG_HEX, 2, .is_given = true},
	{"x32", FETCH_NUMBER, ARG_HEX, 4, .is_given = true},
	{"x64", FETCH_NUMBER, ARG_HEX, 8, .is_given = true},
};

/* traceprobe_expand_dentry_args() takes them at the very end of an argument, so never as arrays. */
static const struct fetch_type paths[] = {
	{"%pd", FETCH_PATH, ARG_STRING, 0, .is_given = true},
	{"%pD", FETCH_PATH, ARG_STRING, 0, .is_given = true},
};

static int parse_array(struct span inside, int position, struct fetch_type *type,
		       struct kp_error *reterr)
{
	size_t close = span_find(inside, ']');
	uint64_t count;

	if (close == inside.n)
		return kp_error_definition(reterr, "arrayNoClose", position + inside.n,
					   "an array ends with ]: u8[16]",
					   "The array is not closed.");
	if (close + 1 != inside.n)
		return kp_error_definition(reterr, "badArraySuffix", position + close + 1, NULL,
					   "Nothing may follow the array's closing bracket.");
	if (span_to_u64(span_first(inside, close), 0, &count) < 0 || count == 0 ||
	    count > UINT32_MAX)
		return kp_error_definition(reterr, "badArrayNum", position,
					   "how many elements, from 1 to 64",
					   "The array's size is not a number.");
	if (count > PROBE_ARRAY_MAX)
		return kp_error_definition(reterr, "arrayTooBig", position, NULL,
					   "An array has %d elements at most.", PROBE_ARRAY_MAX);
	type->count = count;
	return 0;
}

/* "b4@3/32": only the container is looked at here, like find_fetch_type() does. */
static bool find_bitfield(struct span name, struct fetch_type *ret)
{
	size_t slash = span_find(name, '/');
	uint64_t bits;

	if (span_at(name, 0) != 'b' || slash == name.n)
		return false;
	if (span_to_u64(span_from(name, slash + 1), 0, &bits) < 0)
		return false;
	if (bits != 8 && bits != 16 && bits != 32 && bits != 64)
		return false;
	/* The kernel prints a bitfield with the container's format, "%u". */
	*ret = (struct fetch_type){"", FETCH_BITFIELD, ARG_UNSIGNED, bits / 8, .is_given = true};
	return true;
}

static bool find_type(struct span name, bool is_last, struct fetch_type *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (span_is(name, types[i].name)) {
			*ret = types[i];
			return true;
		}
	for (size_t i = 0; is_last && i < ARRAY_SIZE(paths); i++)
		if (span_is(name, paths[i].name)) {
			*ret = paths[i];
			return true;
		}
	return find_bitfield(name, ret);
}

/* What C programmers write, and what the kernel calls it */
static const char *suggest_type(struct span name)
{
	static const struct {
		const char *written, *kernel;
	} words[] = {
		{"int", "write s32"},
		{"unsigned", "write u32"},
		{"long", "write s64"},
		{"short", "write s16"},
		{"uint", "write u32"},
		{"ulong", "write u64"},
		{"_Bool", "write bool"},
		{"size_t", "write u64"},
		{"ssize_t", "write s64"},
		{"hex", "write x64"},
		{"ptr", "write x64, or symbol to see a function's name"},
		{"pointer", "write x64, or symbol to see a function's name"},
		{"void*", "write x64, or symbol to see a function's name"},
		{"char*", "write string, on a dereferenced pointer: +0(%di):string"},
		{"str", "write string, or ustring for user memory"},
		{"sym", "write symbol"},
		{"u128", "the widest is u64"},
		{"int32_t", "write s32"},
		{"uint32_t", "write u32"},
		{"int64_t", "write s64"},
		{"uint64_t", "write u64"},
		{"ipv4", "write ip4"},
		{"ipv6", "write ip6"},
		{"umode_t", "write mode"},
		{"oct", "write mode"},
		{"dev_t", "write dev"},
		{"device", "write dev"},
		{"error", "write errno"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (span_is(name, words[i].written))
			return words[i].kernel;
	if (span_at(name, 0) == 'b' && char_is_digit(span_at(name, 1)))
		return "a bitfield is b<width>@<offset>/<8, 16, 32 or 64>: b4@3/32";
	return "types: u8 to u64, s8 to s64, x8 to x64, char, string, ustring, symbol, errno, "
	       "bool, mode, dev, port, ip4, ip6, mac, flags(SET), "
	       "b<width>@<offset>/<container>, and arrays such as u8[16]";
}

int fetch_type_parse(struct span text, int position, bool is_text, struct fetch_type *ret,
		     struct kp_error *reterr)
{
	struct fetch_type type = {.is_given = true};
	size_t open = span_find(text, '[');
	struct fetch_type found;
	int r;

	if (open < text.n) {
		r = parse_array(span_from(text, open + 1), position + open + 1, &type, reterr);
		if (r < 0)
			return r;
	}
	if (is_text && (type.count || !span_is(text, "string")))
		return kp_error_definition(reterr, "needStringType", position, "leave the type out",
					   "The type of $comm and of a string is string.");
	r = show_type_parse(span_first(text, open), position, &found, reterr);
	if (r < 0)
		return r;
	if (r == 0 && !find_type(span_first(text, open), open == text.n, &found))
		return kp_error_definition(reterr, "badType", position,
					   suggest_type(span_first(text, open)),
					   "There is no type \"%.*s\".", (int)open, text.p);
	found.count = type.count;
	if (found.parts > 1 && found.count * found.parts > PROBE_ARRAY_MAX)
		return kp_error_definition(reterr, "arrayTooBig", position + open + 1, NULL,
					   "An array of %s has %u elements at most.", found.name,
					   PROBE_ARRAY_MAX / found.parts);
	*ret = found;
	return 0;
}

int fetch_type_check_bits(struct span text, int position, struct fetch_type *type,
			  struct kp_error *reterr)
{
	uint64_t width, offset, bits = type->size * 8;
	size_t n, m;

	if (type->class != FETCH_BITFIELD)
		return 0;

	if (span_leading_u64(span_from(text, 1), &width, &n) < 0 || width == 0 || n == 0 ||
	    span_at(text, 1 + n) != '@' ||
	    span_leading_u64(span_from(text, 2 + n), &offset, &m) < 0 || m == 0 ||
	    span_at(text, 2 + n + m) != '/')
		return kp_error_definition(reterr, "badBitfield", position,
					   "a bitfield is b<width>@<offset>/<container>: b4@3/32",
					   "The bitfield's width or offset is not a number.");
	if (width > bits || offset > bits - width)
		return kp_error_definition(reterr, "badBitfield", position, NULL,
					   "The bitfield reaches beyond its %u bits.",
					   (unsigned int)bits);
	snprintf(type->name, sizeof(type->name), "b%u@%u/%u", (unsigned int)width,
		 (unsigned int)offset, (unsigned int)bits);
	return 0;
}

unsigned int fetch_type_stored(unsigned int size, unsigned int count)
{
	return (size ? size : STRING_STORED) * (count ? count : 1);
}
