/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See config-keys.h. What each key means is told in conf/kprobed.conf, which a test holds to this.
 */
#include "config-keys.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "cleanup.h"
#include "strutil.h"

#define KIB (UINT64_C(1) << 10)
#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

#define KEY(section_, name_, kind_, member_, initial_, ...)                                        \
	{                                                                                          \
		section_, name_, kind_, offsetof(struct config, member_), initial_, __VA_ARGS__    \
	}

/* clang-format off */
const struct config_key config_keys[] = {
	KEY("socket", "path", CONFIG_PATH, socket.path, "/run/kprobed/io.kprobed"),
	KEY("socket", "mode", CONFIG_MODE, socket.mode, "0660", 0, 0777),
	KEY("socket", "group", CONFIG_GROUP, socket.group, "kprobed"),

	KEY("instance", "buffer-size", CONFIG_SIZE, instance.buffer_size, "1408K", 64 * KIB, GIB),
	KEY("instance", "parked-max", CONFIG_UINT, instance.parked_max, "64", 0, 4096),
	KEY("instance", "max-instances", CONFIG_UINT, instance.max_instances, "8", 1, 64),
	KEY("instance", "bulk-threshold", CONFIG_UINT, instance.bulk_threshold, "16", 1, 4096),

	KEY("log", "size", CONFIG_SIZE_POW2, log.size, "64M", MIB, 16 * GIB),

	KEY("delivery", "tick-ms", CONFIG_UINT, delivery.tick_ms, "10", 1, 1000),
	KEY("delivery", "order-window-us", CONFIG_UINT, delivery.order_window_us, "0", 0, 1000000),

	KEY("limits", "connections", CONFIG_UINT, limits.connections, "1024", 1, 65536),
	KEY("limits", "connections-per-uid", CONFIG_UINT,
	    limits.connections_per_uid, "600", 1, 65536),
	KEY("limits", "message-size", CONFIG_SIZE, limits.message_size, "1M", 4 * KIB, 64 * MIB),
	KEY("limits", "probes", CONFIG_UINT, limits.probes, "2048", 1, 65536),
	KEY("limits", "probes-per-uid", CONFIG_UINT, limits.probes_per_uid, "1024", 1, 65536),
	KEY("limits", "probes-per-request", CONFIG_UINT, limits.probes_per_request, "512", 1, 4096),
	KEY("limits", "subscriptions", CONFIG_UINT, limits.subscriptions, "1024", 1, 65536),
	KEY("limits", "selectors", CONFIG_UINT, limits.selectors, "256", 1, 4096),
	KEY("limits", "filters", CONFIG_UINT, limits.filters, "64", 1, 1024),
	KEY("limits", "histogram-counts", CONFIG_UINT, limits.histogram_counts, "65536", 65,
	    4194304),
	KEY("limits", "auto-maxactive", CONFIG_UINT, limits.auto_maxactive, "1024", 1, 65536),
	KEY("limits", "partial-message-timeout-sec", CONFIG_UINT,
	    limits.partial_message_timeout_sec, "30", 1, 3600),

	KEY("access", "observe-group", CONFIG_GROUP, access.observe_group, "kprobed"),
	KEY("access", "add-group", CONFIG_GROUP, access.add_group, ""),

	KEY("daemon", "log-level", CONFIG_LEVEL, daemon.log_level, "info"),
};
/* clang-format on */

static const struct {
	const char *name;
	int priority;
} levels[] = {
	{"error", LOG_ERR}, {"warning", LOG_WARNING}, {"notice", LOG_NOTICE},
	{"info", LOG_INFO}, {"debug", LOG_DEBUG},
};

bool config_section_is_known(const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < CONFIG_KEYS_COUNT; i++) {
		if (strlen(config_keys[i].section) == len &&
		    memcmp(config_keys[i].section, name, len) == 0)
			return true;
	}
	return false;
}

const struct config_key *config_key_find(const char *section, const char *name)
{
	size_t i;

	for (i = 0; i < CONFIG_KEYS_COUNT; i++) {
		if (strcmp(config_keys[i].section, section) == 0 &&
		    strcmp(config_keys[i].name, name) == 0)
			return &config_keys[i];
	}
	return NULL;
}

static int fail(char *reterr, size_t reterr_size, const char *what)
{
	snprintf(reterr, reterr_size, "%s", what);
	return -EINVAL;
}

static int set_uint(const struct config_key *key, unsigned int *ret, const char *value,
		    char *reterr, size_t reterr_size)
{
	uint64_t number;

	if (str_to_uint(value, key->min, key->max, &number) < 0) {
		snprintf(reterr, reterr_size, "must be a number from %" PRIu64 " to %" PRIu64,
			 key->min, key->max);
		return -EINVAL;
	}
	*ret = (unsigned int)number;
	return 0;
}

static int set_size(const struct config_key *key, uint64_t *ret, const char *value, char *reterr,
		    size_t reterr_size)
{
	char min[STR_SIZE_MAX], max[STR_SIZE_MAX];
	uint64_t number, power;

	if (str_to_size(value, key->min, key->max, &number) < 0) {
		snprintf(reterr, reterr_size, "must be a size from %s to %s",
			 str_from_size(key->min, min, sizeof(min)),
			 str_from_size(key->max, max, sizeof(max)));
		return -EINVAL;
	}
	if (key->kind == CONFIG_SIZE_POW2) {
		for (power = 1; power < number; power *= 2)
			;
		number = power;
	}
	*ret = number;
	return 0;
}

static int set_mode(unsigned int *ret, const char *value, char *reterr, size_t reterr_size)
{
	static const char what[] = "must be an octal mode from 0000 to 0777";
	size_t len = strlen(value);
	unsigned int mode = 0;

	if (len == 4 && *value == '0')
		value++, len--;
	if (len != 3 || strspn(value, "01234567") != len)
		return fail(reterr, reterr_size, what);
	for (; *value; value++)
		mode = mode << 3 | (unsigned int)(*value - '0');
	*ret = mode;
	return 0;
}

static int set_path(char *ret, const char *value, char *reterr, size_t reterr_size)
{
	if (value[0] != '/' || value[1] == '\0' || strlen(value) >= CONFIG_PATH_MAX)
		return fail(reterr, reterr_size,
			    "must be an absolute path of at most 107 characters");
	strcpy(ret, value);
	return 0;
}

/* Whether there is such a group is only known where it is used. */
static int set_group(char *ret, const char *value, char *reterr, size_t reterr_size)
{
	static const char chars[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789_.-";

	if (value[0] == '-' || strspn(value, chars) != strlen(value) ||
	    strlen(value) >= CONFIG_GROUP_MAX)
		return fail(reterr, reterr_size, "must be the name of a group, or empty");
	strcpy(ret, value);
	return 0;
}

static int set_level(int *ret, const char *value, char *reterr, size_t reterr_size)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(levels); i++) {
		if (strcmp(levels[i].name, value) == 0) {
			*ret = levels[i].priority;
			return 0;
		}
	}
	return fail(reterr, reterr_size, "must be one of error, warning, notice, info, debug");
}

int config_key_set(const struct config_key *key, struct config *config, const char *value,
		   char *reterr, size_t reterr_size)
{
	void *at = (char *)config + key->offset;

	switch (key->kind) {
	case CONFIG_UINT:
		return set_uint(key, at, value, reterr, reterr_size);
	case CONFIG_SIZE:
	case CONFIG_SIZE_POW2:
		return set_size(key, at, value, reterr, reterr_size);
	case CONFIG_MODE:
		return set_mode(at, value, reterr, reterr_size);
	case CONFIG_PATH:
		return set_path(at, value, reterr, reterr_size);
	case CONFIG_GROUP:
		return set_group(at, value, reterr, reterr_size);
	case CONFIG_LEVEL:
		return set_level(at, value, reterr, reterr_size);
	}
	return -EINVAL;
}

char *config_key_format(const struct config_key *key, const struct config *config, char *buf,
			size_t size)
{
	const void *at = (const char *)config + key->offset;
	size_t i;

	switch (key->kind) {
	case CONFIG_UINT:
		snprintf(buf, size, "%u", *(const unsigned int *)at);
		break;
	case CONFIG_SIZE:
	case CONFIG_SIZE_POW2:
		str_from_size(*(const uint64_t *)at, buf, size);
		break;
	case CONFIG_MODE:
		snprintf(buf, size, "%04o", *(const unsigned int *)at);
		break;
	case CONFIG_PATH:
	case CONFIG_GROUP:
		snprintf(buf, size, "%s", (const char *)at);
		break;
	case CONFIG_LEVEL:
		buf[0] = '\0';
		for (i = 0; i < ARRAY_SIZE(levels); i++) {
			if (levels[i].priority == *(const int *)at)
				snprintf(buf, size, "%s", levels[i].name);
		}
		break;
	}
	return buf;
}
