/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See show-type.h. */
#include "show-type.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "flag-set.h"

struct show_type {
	const char *name;
	enum arg_show show;
	char kernel;	    /* the letter of the kernel's type: u, s */
	unsigned int bytes; /* of one part */
	unsigned int parts;
	bool has_widths; /* another may be given */
};

/*
 * The widths are those of the usual C types: an int that is an error, a _Bool, a umode_t. What is
 * said in parentheses is a set's name.
 */
static const struct show_type types[] = {
	{"errno", ARG_ERRNO, 's', 4, 1, true}, {"bool", ARG_BOOL, 'u', 1, 1, true},
	{"mode", ARG_MODE, 'u', 2, 1, true},   {"flags", ARG_FLAGS, 'u', 4, 1, true},
	{"dev", ARG_DEVICE, 'u', 4, 1, false}, {"port", ARG_PORT, 'u', 2, 1, false},
	{"ip4", ARG_IP4, 'u', 4, 1, false},    {"ip6", ARG_IP6, 'u', 1, 16, false},
	{"mac", ARG_MAC, 'u', 1, 6, false},
};

static const struct show_type *find(struct span name)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (span_is(name, types[i].name))
			return &types[i];
	return NULL;
}

/* "(open)" at the start of @text, which becomes what follows */
static int parse_set(struct span *text, int *position, const struct flag_set **ret,
		     struct kp_error *reterr)
{
	size_t close = span_find(*text, ')');
	struct span name;
	char hint[96];

	snprintf(hint, sizeof(hint), "flags(SET), the sets: %s", flag_set_list());
	if (span_at(*text, 0) != '(' || close == text->n)
		return kp_error_definition(reterr, "badType", *position, hint,
					   "The type does not say which flags.");
	name = span_from(span_first(*text, close), 1);
	*ret = flag_set_find(name);
	if (!*ret)
		return kp_error_definition(reterr, "badType", *position + 1, hint,
					   "There is no set of flags \"%.*s\".", (int)name.n,
					   name.p);
	*text = span_from(*text, close + 1);
	*position += close + 1;
	return 0;
}

/* "/64" at the start of @text, or nothing */
static int parse_width(struct span text, int position, const struct show_type *type,
		       unsigned int *bytes, struct kp_error *reterr)
{
	uint64_t bits;

	if (text.n == 0)
		return 0;
	if (text.p[0] != '/')
		return kp_error_definition(reterr, "badType", position, NULL,
					   "Nothing may follow the type \"%s\" here.", type->name);
	if (!type->has_widths)
		return kp_error_definition(reterr, "badType", position, "leave the width out",
					   "The type \"%s\" has one width only.", type->name);
	if (span_to_u64(span_from(text, 1), 10, &bits) < 0 ||
	    (bits != 8 && bits != 16 && bits != 32 && bits != 64))
		return kp_error_definition(reterr, "badType", position + 1, "/8, /16, /32 or /64",
					   "This is no width of a number.");
	*bytes = (unsigned int)bits / 8;
	return 0;
}

/* The normal form names the width only if it is not the usual one. */
static void set_names(struct fetch_type *t, const struct show_type *type, unsigned int bytes)
{
	int n;

	if (t->flags)
		n = snprintf(t->name, sizeof(t->name), "%s(%s)", type->name,
			     flag_set_name(t->flags));
	else
		n = snprintf(t->name, sizeof(t->name), "%s", type->name);
	if (bytes != type->bytes)
		snprintf(t->name + n, sizeof(t->name) - (size_t)n, "/%u", 8 * bytes);
	snprintf(t->kernel, sizeof(t->kernel), "%c%u", type->kernel, 8 * bytes);
}

int show_type_parse(struct span text, int position, struct fetch_type *ret, struct kp_error *reterr)
{
	struct fetch_type t = {.class = FETCH_NUMBER, .is_given = true};
	const struct show_type *type;
	unsigned int bytes;
	size_t n = 0;
	int r = 0;

	while (char_is_name(span_at(text, n)))
		n++;
	type = find(span_first(text, n));
	if (!type && span_is(span_first(text, n), "enum"))
		return kp_error_definition(reterr, "badType", position,
					   "name the parameter: its enumeration is known then",
					   "The type does not say which enumeration.");
	if (!type)
		return 0;
	text = span_from(text, n);
	position += n;
	bytes = type->bytes;
	if (type->show == ARG_FLAGS)
		r = parse_set(&text, &position, &t.flags, reterr);
	if (r == 0)
		r = parse_width(text, position, type, &bytes, reterr);
	if (r < 0)
		return r;
	t.show = type->show;
	t.size = bytes * type->parts;
	t.parts = type->parts;
	set_names(&t, type, bytes);
	*ret = t;
	return 1;
}
