/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See wire.h. */
#include "wire.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include <json-c/json.h>

#include "cleanup.h"
#include "json-scan.h"
#include "strutil.h"

DEFINE_CLEANUP(struct json_tokener *, json_tokener_free);
DEFINE_CLEANUP(struct json_object *, json_object_put);

int wire_framer_next(struct wire_framer *framer, const char *data, size_t len, size_t *ret_len)
{
	const char *nul = NULL;

	if (len > framer->scanned)
		nul = memchr(data + framer->scanned, '\0', len - framer->scanned);
	if (nul)
		len = (size_t)(nul - data);
	if (len > framer->max)
		return -EMSGSIZE;
	if (!nul) {
		framer->scanned = len;
		return 0;
	}

	framer->scanned = 0;
	*ret_len = len;
	return 1;
}

/* Counts the members of all objects under @value; false: there is a number that JSON lacks. */
static bool count_members(struct json_object *value, size_t *members)
{
	size_t i, n;

	switch (json_object_get_type(value)) {
	case json_type_double:
		return isfinite(json_object_get_double(value));
	case json_type_array:
		n = json_object_array_length(value);
		for (i = 0; i < n; i++) {
			if (!count_members(json_object_array_get_idx(value, i), members))
				return false;
		}
		return true;
	case json_type_object:
		*members += (size_t)json_object_object_length(value);
		json_object_object_foreach (value, name, member) {
			(void)name;
			if (!count_members(member, members))
				return false;
		}
		return true;
	default:
		return true;
	}
}

static int parse(const char *msg, size_t len, const struct json_scan_limits *limits,
		 struct json_object **ret)
{
	_cleanup_(json_tokener_freep) struct json_tokener *tokener = NULL;
	_cleanup_(json_object_putp) struct json_object *object = NULL;
	size_t members_text, members_tree = 0;
	int r;

	if (len > INT_MAX)
		return -E2BIG;
	r = json_scan(msg, len, limits, &members_text);
	if (r < 0)
		return r;

	/* json-c counts what lies in the innermost container as a level. */
	tokener = json_tokener_new_ex((int)limits->depth + 1);
	if (!tokener)
		return -ENOMEM;
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	object = json_tokener_parse_ex(tokener, msg, (int)len);
	/* Valid as the text is, all that can be missing is memory; which error that is varies. */
	if (!object)
		return -ENOMEM;

	/* Of two members with one name json-c keeps the last: then the tree has fewer. */
	if (!count_members(object, &members_tree) || members_tree != members_text)
		return -EBADMSG;

	*ret = take_ptr(object);
	return 0;
}

int wire_parse(const char *msg, size_t len, struct json_object **ret)
{
	static const struct json_scan_limits limits = {
		.depth = WIRE_DEPTH_MAX,
		.containers = WIRE_CONTAINERS_MAX,
	};

	return parse(msg, len, &limits, ret);
}

int wire_parse_reply(const char *msg, size_t len, struct json_object **ret)
{
	static const struct json_scan_limits limits = {
		.depth = WIRE_DEPTH_MAX,
		.containers = SIZE_MAX,
		.allow_nul = true,
	};

	return parse(msg, len, &limits, ret);
}

int wire_encode(struct json_object *message, char **ret, size_t *ret_len)
{
	const char *text;
	size_t len, members = 0;
	char *copy;

	if (!count_members(message, &members))
		return -EINVAL;
	text = json_object_to_json_string_length(
		message, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &len);
	if (!text)
		return -ENOMEM;
	if (!utf8_is_valid(text, len))
		return -EILSEQ;

	copy = malloc(len + 1);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, text, len);
	copy[len] = '\0';

	*ret = copy;
	*ret_len = len + 1;
	return 0;
}
