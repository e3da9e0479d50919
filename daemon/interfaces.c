/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See interfaces.h. INTERFACE_DIR is the source tree's include/, absolute or relative to where the
 * compiler runs; the assembler copies the files in, so make must know that this object depends on
 * them.
 */
#include "interfaces.h"
#include "interfaces-stamp.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"

/* The bytes of a file, and a NUL, as a hidden symbol. */
#define EMBED(symbol, file)                                                                        \
	__asm__(".pushsection .rodata\n"                                                           \
		".globl " #symbol "\n"                                                             \
		".hidden " #symbol "\n" #symbol ":\n"                                              \
		".incbin \"" INTERFACE_DIR "/" file "\"\n"                                         \
		".byte 0\n"                                                                        \
		".popsection\n");                                                                  \
	extern const char symbol[] __attribute__((__visibility__("hidden")))

EMBED(interface_org_varlink_service, "org.varlink.service.varlink");
EMBED(interface_io_kprobed_events, "io.kprobed.Events.varlink");
EMBED(interface_io_kprobed_probes, "io.kprobed.Probes.varlink");
EMBED(interface_io_kprobed_service, "io.kprobed.Service.varlink");
EMBED(interface_io_kprobed_symbols, "io.kprobed.Symbols.varlink");

const struct interface_text interface_texts[INTERFACES_COUNT] = {
	{"org.varlink.service", interface_org_varlink_service},
	{"io.kprobed.Events", interface_io_kprobed_events},
	{"io.kprobed.Probes", interface_io_kprobed_probes},
	{"io.kprobed.Service", interface_io_kprobed_service},
	{"io.kprobed.Symbols", interface_io_kprobed_symbols},
};

struct interfaces {
	struct varlink_interface *parsed[INTERFACES_COUNT]; /* owned; as interface_texts */
};

DEFINE_CLEANUP(struct interfaces *, interfaces_free);

int interfaces_load(struct interfaces **ret, char *reterr, size_t reterr_size)
{
	_cleanup_(interfaces_freep) struct interfaces *interfaces = NULL;
	char err[VARLINK_IDL_ERROR_MAX];
	size_t i;
	int r;

	interfaces = calloc(1, sizeof(*interfaces));
	if (!interfaces)
		return -ENOMEM;
	for (i = 0; i < INTERFACES_COUNT; i++) {
		const struct interface_text *text = &interface_texts[i];

		r = varlink_interface_parse(text->text, &interfaces->parsed[i], err, sizeof(err));
		if (r == -EINVAL)
			snprintf(reterr, reterr_size, "%s: %s", text->name, err);
		if (r < 0)
			return r;
		if (strcmp(interfaces->parsed[i]->name, text->name) != 0) {
			snprintf(reterr, reterr_size, "%s: describes %s", text->name,
				 interfaces->parsed[i]->name);
			return -EINVAL;
		}
	}

	*ret = take_ptr(interfaces);
	return 0;
}

struct interfaces *interfaces_free(struct interfaces *interfaces)
{
	size_t i;

	if (!interfaces)
		return NULL;
	for (i = 0; i < INTERFACES_COUNT; i++)
		varlink_interface_free(interfaces->parsed[i]);
	free(interfaces);
	return NULL;
}

/* By the first @len bytes of @name; INTERFACES_COUNT: there is none. */
static size_t find_index(const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < INTERFACES_COUNT; i++) {
		if (strlen(interface_texts[i].name) == len &&
		    memcmp(interface_texts[i].name, name, len) == 0)
			break;
	}
	return i;
}

const struct varlink_interface *interfaces_find(const struct interfaces *interfaces,
						const char *name)
{
	size_t i = find_index(name, strlen(name));

	return i < INTERFACES_COUNT ? interfaces->parsed[i] : NULL;
}

const char *interfaces_find_text(const char *name)
{
	size_t i = find_index(name, strlen(name));

	return i < INTERFACES_COUNT ? interface_texts[i].text : NULL;
}

int interfaces_find_member(const struct interfaces *interfaces, enum varlink_member_kind kind,
			   const char *full_name, const struct varlink_member **ret)
{
	const char *dot = strrchr(full_name, '.');
	const struct varlink_member *member;
	size_t i;

	if (!dot || dot == full_name || dot[1] == '\0')
		return -EINVAL;
	i = find_index(full_name, (size_t)(dot - full_name));
	if (i == INTERFACES_COUNT)
		return -ENXIO;
	member = varlink_interface_find(interfaces->parsed[i], kind, dot + 1);
	if (!member)
		return -ENOENT;

	*ret = member;
	return 0;
}
