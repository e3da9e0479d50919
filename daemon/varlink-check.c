/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See varlink-check.h.
 *
 * The path of the value under inspection is a chain of steps on the stack; text is made of it only
 * when there is an error to tell.
 */
#include "varlink-check.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "strutil.h"

struct step {
	const struct step *outer; /* borrowed from the caller's frame; NULL: the outermost */
	const char *name;	  /* of a field; NULL: an element */
	size_t index;		  /* of the element */
};

static int check(const struct varlink_type *type, struct json_object *value,
		 const struct step *step, struct kp_error *reterr);

/* Appends, and cuts off what does not fit. */
static void append(char *buf, size_t size, const char *text)
{
	size_t len = strlen(buf);

	snprintf(buf + len, size - len, "%s", text);
}

static void append_path(const struct step *step, char *buf, size_t size)
{
	char index[32];

	if (!step)
		return;
	append_path(step->outer, buf, size);
	if (step->name) {
		append(buf, size, buf[0] ? "." : "");
		append(buf, size, step->name);
	} else {
		snprintf(index, sizeof(index), "[%zu]", step->index);
		append(buf, size, index);
	}
}

static int fail(const struct step *step, struct kp_error *reterr, const char *what)
{
	char path[sizeof(reterr->subject)] = "", shown[128];

	append_path(step, path, sizeof(path));
	if (!path[0])
		append(path, sizeof(path), "parameters");
	/* A path has names out of the request, and goes back as a string. */
	utf8_trim(path);
	str_escape(path, shown, sizeof(shown));
	return kp_error_set(reterr, KP_INVALID_PARAMETER, EINVAL, path, "%s: %s", shown, what);
}

static int fail_type(const struct varlink_type *type, const struct step *step,
		     struct kp_error *reterr)
{
	static const char *const names[] = {
		[VARLINK_BOOL] = "must be true or false", [VARLINK_INT] = "must be an integer",
		[VARLINK_FLOAT] = "must be a number",	  [VARLINK_STRING] = "must be a string",
		[VARLINK_OBJECT] = "must be an object",	  [VARLINK_ENUM] = "must be a string",
		[VARLINK_STRUCT] = "must be an object",	  [VARLINK_ARRAY] = "must be an array",
		[VARLINK_DICT] = "must be an object",
	};

	return fail(step, reterr, names[type->kind]);
}

static int check_int(struct json_object *value, const struct step *step, struct kp_error *reterr)
{
	/* Above INT64_MAX json-c holds a uint64_t and clamps what it gives as an int64_t. */
	if (json_object_get_int64(value) == INT64_MAX &&
	    json_object_get_uint64(value) != (uint64_t)INT64_MAX)
		return fail(step, reterr, "is larger than 9223372036854775807");
	return 0;
}

static int check_string(struct json_object *value, const struct step *step, struct kp_error *reterr)
{
	size_t len = (size_t)json_object_get_string_len(value);

	if (memchr(json_object_get_string(value), '\0', len))
		return fail(step, reterr, "has a NUL character");
	return 0;
}

static int check_enum(const struct varlink_type *type, struct json_object *value,
		      const struct step *step, struct kp_error *reterr)
{
	const struct varlink_field *field;
	char what[160] = "must be one of ";
	int r;

	r = check_string(value, step, reterr);
	if (r < 0 || varlink_type_find(type, json_object_get_string(value)))
		return r;

	for (field = type->fields; field; field = field->next) {
		append(what, sizeof(what), field->name);
		append(what, sizeof(what), field->next ? ", " : "");
	}
	return fail(step, reterr, what);
}

static int check_struct(const struct varlink_type *type, struct json_object *value,
			const struct step *outer, struct kp_error *reterr)
{
	const struct varlink_field *field;
	int r;

	/* Before what is missing: a misspelt name is both, and better told as unknown. */
	json_object_object_foreach (value, name, unused) {
		struct step step = {.outer = outer, .name = name};

		if (!varlink_type_find(type, step.name))
			return fail(&step, reterr, "is not known here");
	}
	for (field = type->fields; field; field = field->next) {
		struct step step = {.outer = outer, .name = field->name};
		struct json_object *member = NULL;

		if (!json_object_object_get_ex(value, field->name, &member) &&
		    !field->type->nullable)
			return fail(&step, reterr, "is missing");
		r = check(field->type, member, &step, reterr);
		if (r < 0)
			return r;
	}
	return 0;
}

static int check_array(const struct varlink_type *type, struct json_object *value,
		       const struct step *outer, struct kp_error *reterr)
{
	struct step step = {.outer = outer};
	size_t n = json_object_array_length(value);
	int r;

	for (; step.index < n; step.index++) {
		r = check(type->element, json_object_array_get_idx(value, step.index), &step,
			  reterr);
		if (r < 0)
			return r;
	}
	return 0;
}

static int check_dict(const struct varlink_type *type, struct json_object *value,
		      const struct step *outer, struct kp_error *reterr)
{
	int r;

	json_object_object_foreach (value, name, element) {
		struct step step = {.outer = outer, .name = name};

		r = check(type->element, element, &step, reterr);
		if (r < 0)
			return r;
	}
	return 0;
}

static bool has_type(const struct varlink_type *type, struct json_object *value)
{
	static const enum json_type types[] = {
		[VARLINK_BOOL] = json_type_boolean,  [VARLINK_INT] = json_type_int,
		[VARLINK_FLOAT] = json_type_double,  [VARLINK_STRING] = json_type_string,
		[VARLINK_OBJECT] = json_type_object, [VARLINK_ENUM] = json_type_string,
		[VARLINK_STRUCT] = json_type_object, [VARLINK_ARRAY] = json_type_array,
		[VARLINK_DICT] = json_type_object,
	};
	enum json_type is = json_object_get_type(value);

	/* JSON has one kind of number: 1 is a float as well, while 1.0 was not meant as an int. */
	return is == types[type->kind] || (type->kind == VARLINK_FLOAT && is == json_type_int);
}

static int check(const struct varlink_type *type, struct json_object *value,
		 const struct step *step, struct kp_error *reterr)
{
	if (!value)
		return type->nullable ? 0 : fail(step, reterr, "must not be null");
	if (!has_type(type, value))
		return fail_type(type, step, reterr);

	switch (type->kind) {
	case VARLINK_INT:
		return check_int(value, step, reterr);
	case VARLINK_STRING:
		return check_string(value, step, reterr);
	case VARLINK_ENUM:
		return check_enum(type, value, step, reterr);
	case VARLINK_STRUCT:
		return check_struct(type, value, step, reterr);
	case VARLINK_ARRAY:
		return check_array(type, value, step, reterr);
	case VARLINK_DICT:
		return check_dict(type, value, step, reterr);
	case VARLINK_BOOL:
	case VARLINK_FLOAT:
	case VARLINK_OBJECT:
		break;
	}
	return 0;
}

int varlink_check_value(const struct varlink_type *type, struct json_object *value,
			struct kp_error *reterr)
{
	return check(type, value, NULL, reterr);
}

/* Against a struct whose absence means that no field is given. */
static int check_parameters(const struct varlink_type *type, struct json_object *parameters,
			    struct kp_error *reterr)
{
	const struct varlink_field *field;

	if (parameters)
		return check(type, parameters, NULL, reterr);
	for (field = type->fields; field; field = field->next) {
		struct step step = {.name = field->name};

		if (!field->type->nullable)
			return fail(&step, reterr, "is missing");
	}
	return 0;
}

int varlink_check_call(const struct varlink_member *method, struct json_object *parameters,
		       struct kp_error *reterr)
{
	return check_parameters(method->in, parameters, reterr);
}

int varlink_check_reply(const struct varlink_member *method, struct json_object *parameters,
			struct kp_error *reterr)
{
	return check_parameters(method->out, parameters, reterr);
}

int varlink_check_error(const struct varlink_member *error, struct json_object *parameters,
			struct kp_error *reterr)
{
	return check_parameters(error->type, parameters, reterr);
}
