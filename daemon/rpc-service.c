/* SPDX-License-Identifier: GPL-2.0-or-later */
/* io.kprobed.Service. See rpc.h. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include <json-c/json.h>

#include "cleanup.h"
#include "rpc-ledger.h"
#include "rpc.h"
#include "tracefs.h"

static void add_feature(struct json_object *list, const char *name, bool is_available,
			const char *reason)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "name", json_object_new_string(name));
	json_object_object_add(o, "available", json_object_new_boolean(is_available));
	json_object_object_add(o, "reason", is_available ? NULL : json_object_new_string(reason));
	json_object_array_add(list, o);
}

/* One byte of debugfs, which no lock guards. */
static bool are_kprobes_armed(void)
{
	_cleanup_close_ int fd = open("/sys/kernel/debug/kprobes/enabled", O_RDONLY | O_CLOEXEC);
	char c = '1';

	return fd < 0 || read(fd, &c, 1) != 1 || c != '0';
}

static struct json_object *features_to_json(const struct server *server)
{
	struct json_object *list = json_object_new_array();
	const struct kp_error *e = &server->unavailable;
	struct kp_error no_helper = KP_ERROR_INIT;
	int symbols = server->probes ? probe_set_symbols_state(server->probes) : -EAGAIN;

	add_feature(list, "probes", e->code == KP_OK, e->message);
	add_feature(list, "armed", are_kprobes_armed(),
		    "all kprobes are switched off (/sys/kernel/debug/kprobes/enabled)");
	add_feature(list, "symbols", symbols == 0 || symbols == -EAGAIN,
		    "the kernel hides its symbols' addresses (kernel.kptr_restrict)");
	add_feature(list, "btf", access("/sys/kernel/btf/vmlinux", R_OK) == 0,
		    "the kernel was built without CONFIG_DEBUG_INFO_BTF");
	add_feature(list, "disassembly", server->text, server->no_text.message);
	add_feature(list, "methods", access("/sys/kernel/debug/kprobes/list", R_OK) == 0,
		    "debugfs is not mounted or may not be read");
	add_feature(list, "helper", rpc_helper_is_available(&no_helper), no_helper.message);
	return list;
}

static int64_t clock_nsec(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static void add_int(struct json_object *o, const char *key, uint64_t value)
{
	json_object_object_add(o, key, json_object_new_int64((int64_t)value));
}

static struct json_object *totals_to_json(const struct server *server)
{
	struct json_object *o = json_object_new_object();
	static const struct registry no_registry;
	const struct registry *registry =
		server->probes ? probe_set_registry(server->probes) : &no_registry;
	const struct reader_totals *totals = reader_totals(server->reader);
	unsigned int n_enabled = 0;
	const struct probe *p;

	for (p = registry->all; p; p = p->next)
		n_enabled += p->owners && p->is_enabled;
	add_int(o, "probes", registry->n_live);
	add_int(o, "enabled", n_enabled);
	add_int(o, "parked", registry->n_parked);
	add_int(o, "instances", server->probes ? probe_set_instances(server->probes) : 0);
	add_int(o, "connections", HASH_COUNT(server->sessions));
	add_int(o, "subscribers",
		delivery_count(server->delivery) + wakeups_count(server->wakeups));
	add_int(o, "recorded", totals->recorded);
	add_int(o, "overrun", totals->overrun);
	add_int(o, "missed", server->probes ? probe_set_missed(server->probes) : 0);
	rpc_ledger_add_totals(o, server);
	add_int(o, "unknown", totals->unknown);
	add_int(o, "reordered", totals->reordered);
	add_int(o, "logFirstSeq", event_log_first(server->log));
	add_int(o, "logNextSeq", event_log_next(server->log));
	add_int(o, "logBytes", event_log_size(server->log));
	add_int(o, "logUsedBytes", event_log_used(server->log));
	return o;
}

static void handle_status(struct session *s, struct json_object *parameters)
{
	struct json_object *o = json_object_new_object(), *clocks = json_object_new_object();
	const char *dir = tracefs_dir();
	struct utsname kernel;

	uname(&kernel);
	json_object_object_add(clocks, "monotonicNs",
			       json_object_new_int64(clock_nsec(CLOCK_MONOTONIC)));
	json_object_object_add(clocks, "realtimeNs",
			       json_object_new_int64(clock_nsec(CLOCK_REALTIME)));
	json_object_object_add(o, "version", json_object_new_string(PACKAGE_VERSION));
	json_object_object_add(o, "pid", json_object_new_int64(getpid()));
	add_int(o, "startedUsec", s->server->started_usec);
	json_object_object_add(o, "kernel", json_object_new_string(kernel.release));
	json_object_object_add(o, "tracefs", dir ? json_object_new_string(dir) : NULL);
	json_object_object_add(o, "features", features_to_json(s->server));
	json_object_object_add(o, "clocks", clocks);
	json_object_object_add(o, "totals", totals_to_json(s->server));
	json_object_object_add(o, "advice", rpc_ledger_advice(s->server));
	session_reply(s, o, false);
}

static void handle_who_am_i(struct session *s, struct json_object *parameters)
{
	struct json_object *o = json_object_new_object(), *may = json_object_new_array();

	json_object_object_add(o, "uid", json_object_new_int64(s->who.uid));
	json_object_object_add(o, "gid", json_object_new_int64(s->who.gid));
	json_object_object_add(o, "pid", json_object_new_int64(s->who.pid));
	json_object_object_add(o, "comm", json_object_new_string(s->who.comm));
	if (s->permissions & MAY_OBSERVE)
		json_object_array_add(may, json_object_new_string("observe"));
	if (s->permissions & MAY_ADD)
		json_object_array_add(may, json_object_new_string("add"));
	if (s->permissions & MAY_MANAGE)
		json_object_array_add(may, json_object_new_string("manage"));
	json_object_object_add(o, "may", may);
	session_reply(s, o, false);
}

const struct rpc_method rpc_service_methods[] = {
	{.name = "Status", .is_query = true, .handle = handle_status},
	{.name = "Ledger",
	 .permission = MAY_OBSERVE,
	 .is_query = true,
	 .handle = rpc_service_ledger},
	{.name = "Metrics",
	 .permission = MAY_OBSERVE,
	 .is_query = true,
	 .handle = rpc_service_metrics},
	{.name = "ReleaseHelper",
	 .permission = MAY_MANAGE,
	 .needs_probes = true,
	 .handle = rpc_release_helper},
	{.name = "UseHelper",
	 .permission = MAY_MANAGE,
	 .needs_probes = true,
	 .handle = rpc_use_helper},
	{.name = "WhoAmI", .is_query = true, .handle = handle_who_am_i},
	{0},
};
