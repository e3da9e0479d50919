/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the commands of kprobectl share: connecting, calling, and reading replies.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "kprobectl.h"
#include "output-error.h"
#include "output-text.h"

static const char *socket_name(const struct ctl *ctl)
{
	const char *path = ctl->socket ? ctl->socket : getenv("KPROBED_SOCKET");

	return path && *path ? path : "/run/kprobed/io.kprobed";
}

bool ctl_connect(const struct ctl *ctl, struct kprobed **ret)
{
	const char *path = socket_name(ctl);
	int r;

	r = kprobed_open(ctl->socket, ret);
	switch (r) {
	case 0:
		return true;
	case -ENOENT:
	case -ECONNREFUSED:
		print_own_failure(ctl, r,
				  "kprobed is not running (%s: %s); start it with "
				  "\"systemctl start kprobed\"",
				  path, strerror(-r));
		return false;
	case -EACCES:
	case -EPERM:
		print_own_failure(ctl, r,
				  "you may not connect to %s; have yourself added to the group "
				  "kprobed (\"usermod -aG kprobed USER\") and log in again",
				  path);
		return false;
	default:
		print_own_failure(ctl, r, "cannot connect to %s: %s", path, strerror(-r));
		return false;
	}
}

char **ctl_split_command(const struct ctl *ctl, int *argc, char **argv)
{
	for (int i = 1; i < *argc; i++) {
		if (strcmp(argv[i], "--") != 0)
			continue;
		if (i + 1 == *argc)
			usage_error(ctl, "no command behind \"--\"");
		*argc = i;
		argv[i] = NULL;
		return argv + i + 1;
	}
	return NULL;
}

int ctl_call(struct kprobed *k, const char *method, json_object *parameters, json_object **ret)
{
	const char *text = NULL;
	_cleanup_free_ char *reply = NULL;
	json_object *object;
	int r;

	if (parameters)
		text = json_object_to_json_string_ext(parameters, JSON_C_TO_STRING_PLAIN);
	r = kprobed_call(k, method, text, &reply);
	if (r < 0)
		return r;
	object = json_tokener_parse(reply);
	if (!object)
		return -EPROTO;
	*ret = object;
	return 0;
}

json_object *selection(char **selectors, int n)
{
	json_object *parameters = json_object_new_object(), *array;

	if (n == 0)
		return parameters;
	array = json_object_new_array();
	for (int i = 0; i < n; i++)
		json_object_array_add(array, json_object_new_string(selectors[i]));
	json_object_object_add(parameters, "probes", array);
	return parameters;
}

const char *member_string(json_object *object, const char *name)
{
	json_object *value = json_object_object_get(object, name);

	return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : "";
}

long long member_int(json_object *object, const char *name)
{
	json_object *value = json_object_object_get(object, name);

	return json_object_is_type(value, json_type_int) ? json_object_get_int64(value) : 0;
}

bool member_bool(json_object *object, const char *name)
{
	return json_object_get_boolean(json_object_object_get(object, name));
}

void print_json(const struct ctl *ctl, json_object *object)
{
	_cleanup_text_ struct text t = {0};
	const char *json = json_object_to_json_string_ext(
		object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);

	text_safe_json(&t, json, strlen(json));
	text_putc(&t, '\n');
	text_write(&t, stdout);
}
