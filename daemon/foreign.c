/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See foreign.h. */
#include "foreign.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "tracefs.h"

static bool is_enabled(const struct tracefs_probe *line)
{
	_cleanup_free_ char *text = NULL;
	char path[192];

	snprintf(path, sizeof(path), "events/%s/%s/enable", line->group, line->event);
	return tracefs_read(path, &text, NULL) == 0 && text[0] == '1';
}

static int add(const struct tracefs_probe *line, void *data)
{
	struct foreign_list *list = data;
	struct foreign_probe *p;

	if (strcmp(line->group, TRACEFS_GROUP) == 0)
		return 0;
	if (list->n == list->size) {
		size_t size = list->size ? 2 * list->size : 16;
		void *q = realloc(list->probes, size * sizeof(*list->probes));

		if (!q)
			return -ENOMEM;
		list->probes = q;
		list->size = size;
	}
	p = &list->probes[list->n];
	*p = (struct foreign_probe){
		.kind = line->kind,
		.maxactive = line->maxactive,
		.is_enabled = is_enabled(line),
	};
	snprintf(p->group, sizeof(p->group), "%s", line->group);
	snprintf(p->event, sizeof(p->event), "%s", line->event);
	/* The kernel leaves an offset of 0 out. */
	snprintf(p->site, sizeof(p->site), "%.*s", (int)strcspn(line->rest, " "), line->rest);
	if (!strchr(p->site, '+') && p->site[0] != '0')
		strncat(p->site, "+0x0", sizeof(p->site) - strlen(p->site) - 1);
	p->definition = strdup(line->text);
	if (!p->definition)
		return -ENOMEM;
	list->n++;
	return 0;
}

static void note_counts(const char *event, uint64_t hits, uint64_t missed, void *data)
{
	struct foreign_list *list = data;

	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->probes[i].event, event) == 0) {
			list->probes[i].hits = hits;
			list->probes[i].missed = missed;
		}
}

int foreign_read(struct foreign_list *ret)
{
	int r;

	*ret = (struct foreign_list){0};
	r = tracefs_each_probe(add, ret);
	if (r == 0 && ret->n)
		r = tracefs_each_profile(note_counts, ret);
	return r;
}

void foreign_done(struct foreign_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->probes[i].definition);
	free(list->probes);
	*list = (struct foreign_list){0};
}
