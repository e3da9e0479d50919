/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What kprobed says: whether it is there, what the kernel gives it, and what it takes the caller
 * for. See doctor.h.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "doctor.h"

/* Features of Service.Status, by the check they are about. */
static const struct feature_use {
	const char *feature;
	const char *check;
	enum finding_state state; /* when it is not there */
	const char *remedy;
} features[] = {
	{"probes", "probes", FINDING_MISSING,
	 "see the message; then \"systemctl restart kprobed\""},
	{"armed", "armed", FINDING_MISSING, "echo 1 > /sys/kernel/debug/kprobes/enabled"},
	{"symbols", "symbols", FINDING_LIMITED, "sysctl kernel.kptr_restrict=1"},
	{"btf", "btf", FINDING_LIMITED, "use a kernel with CONFIG_DEBUG_INFO_BTF"},
	{"methods", "debugfs", FINDING_LIMITED, "systemctl start sys-kernel-debug.mount"},
	{"disassembly", "disassembly", FINDING_LIMITED, NULL},
	{"helper", "helper", FINDING_LIMITED,
	 "modprobe kprobed (optional: everything in tracefs works without)"},
};

static void take_feature(struct doctor *d, const struct feature_use *use, json_object *feature)
{
	struct finding *f = doctor_get(d, use->check);
	bool available = member_bool(feature, "available");
	const char *reason = member_string(feature, "reason");

	if (!f) {
		doctor_find(d, use->check, available ? FINDING_OK : use->state,
			    available ? NULL : use->remedy, "%s",
			    available ? "kprobed has what it takes" : reason);
		return;
	}
	/* It looks from where it counts: from within its sandbox. */
	if (available && f->state == FINDING_UNKNOWN) {
		f->state = FINDING_OK;
		snprintf(f->text, sizeof(f->text), "kprobed has what it takes");
	} else if (!available && (f->state == FINDING_OK || f->state == FINDING_UNKNOWN)) {
		f->state = use->state;
		snprintf(f->text, sizeof(f->text), "%s", reason);
		snprintf(f->remedy, sizeof(f->remedy), "%s", use->remedy ? use->remedy : "");
	}
}

static void take_status(struct doctor *d, json_object *status)
{
	json_object *list = json_object_object_get(status, "features");
	size_t n = json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;

	doctor_find(d, "service", FINDING_OK, NULL, "kprobed %s serves, pid %lld",
		    member_string(status, "version"), member_int(status, "pid"));
	for (size_t i = 0; i < n; i++) {
		json_object *feature = json_object_array_get_idx(list, i);

		for (size_t k = 0; k < ARRAY_SIZE(features); k++)
			if (strcmp(member_string(feature, "name"), features[k].feature) == 0)
				take_feature(d, &features[k], feature);
	}
}

static bool list_has(json_object *list, const char *word)
{
	size_t n = json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;

	for (size_t i = 0; i < n; i++) {
		const char *s = json_object_get_string(json_object_array_get_idx(list, i));

		if (s && strcmp(s, word) == 0)
			return true;
	}
	return false;
}

static void take_caller(struct doctor *d, json_object *caller)
{
	json_object *may = json_object_object_get(caller, "may");
	long long uid = member_int(caller, "uid");

	if (list_has(may, "manage"))
		doctor_find(d, "access", FINDING_OK, NULL,
			    "you (uid %lld) may add probes and manage those of others", uid);
	else if (list_has(may, "add"))
		doctor_find(d, "access", FINDING_OK, NULL, "you (uid %lld) may add probes", uid);
	else if (list_has(may, "observe"))
		doctor_find(d, "access", FINDING_LIMITED,
			    "be root, or have root set add-group= in kprobed.conf(5) to a group of "
			    "yours",
			    "you (uid %lld) may see probes and events, but add none", uid);
	else
		doctor_find(d, "access", FINDING_MISSING,
			    "usermod -aG kprobed USER, and log in again",
			    "you (uid %lld) may do nothing: you are not in the group that may "
			    "observe",
			    uid);
}

static void take_foreign(struct doctor *d, json_object *reply)
{
	json_object *list = json_object_object_get(reply, "probes");
	size_t n = json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
	char names[160] = "";
	size_t used = 0, found = 0;

	for (size_t i = 0; i < n; i++) {
		json_object *p = json_object_array_get_idx(list, i);

		if (!member_bool(p, "foreign"))
			continue;
		if (found++ < 3 && used < sizeof(names))
			used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s/%s",
						 used ? ", " : "", member_string(p, "group"),
						 member_string(p, "event"));
	}
	if (found == 0)
		doctor_find(d, "foreign", FINDING_OK, NULL, "nobody else has probes planted");
	else
		doctor_find(d, "foreign", FINDING_OK,
			    "\"kprobectl list --foreign\" shows them; if what made them is gone: "
			    "echo '-:GROUP/EVENT' >> /sys/kernel/tracing/kprobe_events",
			    "others have planted %zu probe%s (%s%s): kprobed leaves them alone",
			    found, found == 1 ? "" : "s", names, found > 3 ? ", …" : "");
}

static void take_connection_error(struct doctor *d, int r)
{
	switch (r) {
	case -ENOENT:
	case -ECONNREFUSED:
		doctor_find(d, "service", FINDING_MISSING,
			    "systemctl enable --now kprobed.socket (or: systemctl start kprobed)",
			    "kprobed is not running: %s", strerror(-r));
		break;
	case -EACCES:
	case -EPERM:
		doctor_find(d, "service", FINDING_UNKNOWN, NULL,
			    "you may not connect to kprobed's socket");
		doctor_find(d, "access", FINDING_MISSING,
			    "usermod -aG kprobed USER, and log in again",
			    "you are not in the group kprobed");
		break;
	default:
		doctor_find(d, "service", FINDING_MISSING, "systemctl status kprobed",
			    "cannot connect to kprobed: %s", strerror(-r));
		break;
	}
}

void doctor_look_at_service(struct doctor *d)
{
	_cleanup_kprobed_ struct kprobed *k = NULL;
	_cleanup_json_ json_object *status = NULL, *caller = NULL, *probes = NULL;
	_cleanup_json_ json_object *parameters = NULL;
	int r;

	r = kprobed_open(d->ctl->socket, &k);
	if (r < 0) {
		take_connection_error(d, r);
		return;
	}
	r = ctl_call(k, "io.kprobed.Service.Status", NULL, &status);
	if (r == 0)
		take_status(d, status);
	if (r == 0)
		r = ctl_call(k, "io.kprobed.Service.WhoAmI", NULL, &caller);
	if (r == 0)
		take_caller(d, caller);
	else
		doctor_find(d, "service", FINDING_MISSING, "systemctl status kprobed",
			    "what listens on the socket does not answer as kprobed does");
	parameters = json_object_new_object();
	json_object_object_add(parameters, "foreign", json_object_new_boolean(true));
	/* Who may not observe is told nothing about the probes of others. */
	if (r == 0 && ctl_call(k, "io.kprobed.Probes.List", parameters, &probes) == 0)
		take_foreign(d, probes);
}
