/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a client sends: framed, parsed, and checked against every method there is.
 *
 * Besides not crashing: a message that parses encodes to one that parses to the same, what a
 * request may be a reply may be as well, and a refusal names its parameter in valid UTF-8.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "cleanup.h"
#include "interfaces.h"
#include "strutil.h"
#include "varlink-check.h"
#include "wire.h"

#define MESSAGE_MAX 4096

/* Every kind of type; our own interfaces have no need of some. */
static const char every_type[] =
	"interface fuzz.types\n"
	"type E (a, b)\n"
	"type T (b: ?bool, i: ?int, f: ?float, s: ?string, o: ?object, e: ?E, t: ?T, a: ?[]T,\n"
	"	d: ?[string]?int, x: ?[][string]E)\n";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

DEFINE_CLEANUP(struct json_object *, json_object_put);

static void require(bool is_true)
{
	if (!is_true)
		abort();
}

static const struct interfaces *get_interfaces(void)
{
	static struct interfaces *interfaces;
	char err[256];

	if (!interfaces)
		require(interfaces_load(&interfaces, err, sizeof(err)) == 0);
	return interfaces;
}

static const struct varlink_interface *get_every_type(void)
{
	static struct varlink_interface *iface;
	char err[VARLINK_IDL_ERROR_MAX];

	if (!iface)
		require(varlink_interface_parse(every_type, &iface, err, sizeof(err)) == 0);
	return iface;
}

static void check_members(const struct varlink_interface *iface, struct json_object *value)
{
	const struct varlink_member *member;

	for (member = iface->members; member; member = member->next) {
		struct kp_error error = KP_ERROR_INIT;
		int r;

		if (member->kind == VARLINK_METHOD)
			varlink_check_reply(member, value, NULL);
		if (member->kind == VARLINK_METHOD)
			r = varlink_check_call(member, value, &error);
		else
			r = varlink_check_value(member->type, value, &error);
		require((r == 0) == (error.code == KP_OK));
		require(r == 0 || error.subject[0]);
		require(utf8_is_valid(error.subject, strlen(error.subject)));
		require(utf8_is_valid(error.message, strlen(error.message)));
	}
}

static void check_all(struct json_object *value)
{
	size_t i;

	for (i = 0; i < INTERFACES_COUNT; i++)
		check_members(interfaces_find(get_interfaces(), interface_texts[i].name), value);
	check_members(get_every_type(), value);
}

static void encode_and_parse_again(struct json_object *object)
{
	_cleanup_(json_object_putp) struct json_object *again = NULL;
	_cleanup_free_ char *text = NULL;
	size_t len;

	require(wire_encode(object, &text, &len) == 0);
	require(text[len - 1] == '\0' && strlen(text) == len - 1);
	require(wire_parse(text, len - 1, &again) == 0);
	require(json_object_equal(object, again));
}

static void take_message(const char *message, size_t len)
{
	_cleanup_(json_object_putp) struct json_object *object = NULL, *reply = NULL;
	struct json_object *value = NULL;
	const struct varlink_member *method;
	int r = wire_parse(message, len, &object);

	/* A reply may be more than a request, never less. */
	if (wire_parse_reply(message, len, &reply) == 0)
		check_all(reply);
	require((r == 0) == (object != NULL));
	require(r != -ENOMEM); /* json-c would not have what json_scan() lets through */
	require(r < 0 || json_object_equal(object, reply));
	if (r < 0)
		return;
	encode_and_parse_again(object);

	if (json_object_object_get_ex(object, "method", &value) &&
	    json_object_is_type(value, json_type_string))
		interfaces_find_member(get_interfaces(), VARLINK_METHOD,
				       json_object_get_string(value), &method);
	if (json_object_object_get_ex(object, "parameters", &value))
		check_all(value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wire_framer framer = WIRE_FRAMER_INIT(MESSAGE_MAX);
	const char *p = (const char *)data;
	size_t len;

	while (size > 0) {
		/* In two steps, as it may come in. */
		int r = wire_framer_next(&framer, p, size / 2, &len);

		if (r == 0)
			r = wire_framer_next(&framer, p, size, &len);
		if (r <= 0)
			break;
		take_message(p, len);
		p += len + 1;
		size -= len + 1;
	}
	return 0;
}
