/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See loss-advice.h. */
#include "loss-advice.h"

#include <string.h>

void put_advice(struct text *t, json_object *advice, const char *name)
{
	size_t n =
		json_object_is_type(advice, json_type_array) ? json_object_array_length(advice) : 0;

	for (size_t i = 0; i < n; i++) {
		const char *line = json_object_get_string(json_object_array_get_idx(advice, i));

		text_puts(t, "advice: ");
		if (name) {
			text_safe(t, name, strlen(name));
			text_puts(t, ": ");
		}
		text_safe(t, line, strlen(line));
		text_putc(t, '\n');
	}
}

static void put_of_probes(struct kprobed *k, char (*names)[64], size_t n_names, struct text *t)
{
	_cleanup_json_ json_object *parameters = json_object_new_object(), *reply = NULL;
	json_object *list = json_object_new_array(), *probes;

	for (size_t i = 0; i < n_names; i++)
		json_object_array_add(list, json_object_new_string(names[i]));
	json_object_object_add(parameters, "probes", list);
	if (n_names == 0 || ctl_call(k, "io.kprobed.Probes.List", parameters, &reply) < 0)
		return;
	probes = json_object_object_get(reply, "probes");
	for (size_t i = 0;
	     json_object_is_type(probes, json_type_array) && i < json_object_array_length(probes);
	     i++) {
		json_object *probe = json_object_array_get_idx(probes, i);

		put_advice(t, json_object_object_get(probe, "advice"),
			   member_string(probe, "name"));
	}
}

void loss_advice(const struct ctl *ctl, char (*names)[64], size_t n_names, struct text *t)
{
	_cleanup_kprobed_ struct kprobed *k = NULL;
	_cleanup_json_ json_object *reply = NULL;

	if (kprobed_open(ctl->socket, &k) < 0)
		return;
	put_of_probes(k, names, n_names, t);
	if (ctl_call(k, "io.kprobed.Service.Status", NULL, &reply) == 0)
		put_advice(t, json_object_object_get(reply, "advice"), NULL);
}
