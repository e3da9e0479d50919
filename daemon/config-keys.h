/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The keys of kprobed.conf: one table of what each is called, what it takes, and what it is when
 * nobody sets it. Values are text here and typed in a struct config.
 */
#ifndef KP_CONFIG_KEYS_H
#define KP_CONFIG_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"

enum config_kind {
	CONFIG_UINT,	  /* unsigned int */
	CONFIG_SIZE,	  /* uint64_t; K, M, G, T */
	CONFIG_SIZE_POW2, /* the same, rounded up to a power of two */
	CONFIG_MODE,	  /* unsigned int; octal */
	CONFIG_PATH,	  /* char[CONFIG_PATH_MAX]; absolute */
	CONFIG_GROUP,	  /* char[CONFIG_GROUP_MAX]; may be empty */
	CONFIG_LEVEL,	  /* int; the name of a syslog priority */
};

struct config_key {
	const char *section;
	const char *name;
	enum config_kind kind;
	size_t offset;	     /* in struct config */
	const char *initial; /* the default */
	uint64_t min;	     /* numbers: the range */
	uint64_t max;
};

#define CONFIG_KEYS_COUNT 25

/* The keys of one section stand together. */
extern const struct config_key config_keys[CONFIG_KEYS_COUNT];

/* Whether any key is in the section called by the first @len bytes of @name. */
bool config_section_is_known(const char *name, size_t len);

/* The key; NULL: there is none. */
const struct config_key *config_key_find(const char *section, const char *name);

/* Sets @key in @config. 0, or -EINVAL with what the value must be in @reterr ("must be ..."). */
int config_key_set(const struct config_key *key, struct config *config, const char *value,
		   char *reterr, size_t reterr_size);

/* Writes the value of @key in @config into @buf (CONFIG_PATH_MAX bytes are enough). Returns @buf.
 */
char *config_key_format(const struct config_key *key, const struct config *config, char *buf,
			size_t size);

#endif
