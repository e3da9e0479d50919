/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kprobed.conf: everything an administrator can set.
 *
 * The main file is read first, then the *.conf of the folder "<main file>.d" in the order of their
 * names; a later value replaces an earlier one. Reading is strict: whatever is not understood is
 * refused with file, line and reason, and then nothing of it is applied.
 *
 * A struct config owns no memory: it is copied by assignment and needs no release.
 */
#ifndef KP_CONFIG_H
#define KP_CONFIG_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define CONFIG_FILE SYSCONFDIR "/kprobed/kprobed.conf"

#define CONFIG_PATH_MAX	 108 /* as sun_path, with the NUL */
#define CONFIG_GROUP_MAX 33  /* as Linux names, with the NUL */
#define CONFIG_ERROR_MAX 512

struct config {
	struct {
		char path[CONFIG_PATH_MAX]; /* absolute */
		unsigned int mode;
		char group[CONFIG_GROUP_MAX]; /* empty: stays root's */
	} socket;
	struct {
		uint64_t buffer_size; /* bytes per CPU */
		unsigned int parked_max;
		unsigned int max_instances;
		unsigned int bulk_threshold;
	} instance;
	struct {
		uint64_t size; /* bytes, a power of two */
	} log;
	struct {
		unsigned int tick_ms;
		unsigned int order_window_us; /* 0: as the load asks for */
	} delivery;
	struct {
		unsigned int connections;
		unsigned int connections_per_uid;
		uint64_t message_size; /* bytes */
		unsigned int probes;
		unsigned int probes_per_uid;
		unsigned int probes_per_request;
		unsigned int subscriptions;
		unsigned int selectors;
		unsigned int filters;
		unsigned int histogram_counts;
		unsigned int auto_maxactive;
		unsigned int partial_message_timeout_sec;
	} limits;
	struct {
		char observe_group[CONFIG_GROUP_MAX]; /* empty: only root */
		char add_group[CONFIG_GROUP_MAX];     /* empty: only root */
	} access;
	struct {
		int log_level; /* LOG_ERR to LOG_DEBUG */
	} daemon;
};

/* All defaults, which are those that conf/kprobed.conf documents. */
void config_defaults(struct config *ret);

/*
 * The effective configuration. With @path NULL that is the defaults, CONFIG_FILE if there is one,
 * and its drop-ins; otherwise @path, which must be there, and its drop-ins. 0, or a negative errno
 * (-EINVAL: a line is wrong) with "FILE:LINE: reason" or "FILE: reason" in @reterr, for which
 * CONFIG_ERROR_MAX bytes are enough.
 */
int config_load(const char *path, struct config *ret, char *reterr, size_t reterr_size);

/*
 * Applies the text of one file on top of @config; @name is what errors call it. Returns as
 * config_load(), and leaves @config alone when it fails.
 */
int config_parse(const char *name, const char *text, size_t len, struct config *config,
		 char *reterr, size_t reterr_size);

/* Writes @config as a text that config_parse() takes and that sets every key. 0 or -EIO. */
int config_dump(const struct config *config, FILE *f);

#endif
