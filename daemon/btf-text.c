/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Types and prototypes as they are written in C. See btf-type.h and btf-store.h.
 *
 * A declaration is written from its name outwards: what is in front of it grows to the left, what
 * is behind it to the right.
 */
#include "btf-type.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "btf-store.h"
#include "cleanup.h"

struct declaration {
	char text[BTF_TEXT_MAX];
};

/* What is too long is cut, and ends in dots to say so. */
static void wrap(struct declaration *d, const char *before, const char *after)
{
	char text[BTF_TEXT_MAX];

	if (snprintf(text, sizeof(text), "%s%s%s", before, d->text, after) >= (int)sizeof(text))
		memcpy(text + sizeof(text) - 4, "...", 4);
	memcpy(d->text, text, sizeof(d->text));
}

/* "const" in front of what is in @d, which may be nothing */
static void prefix(struct declaration *d, const char *word)
{
	wrap(d, d->text[0] ? " " : "", "");
	wrap(d, word, "");
}

static const char *tag_of(const struct btf_type *t)
{
	switch (btf_kind(t)) {
	case BTF_KIND_STRUCT:
		return "struct ";
	case BTF_KIND_UNION:
		return "union ";
	case BTF_KIND_ENUM:
	case BTF_KIND_ENUM64:
		return "enum ";
	case BTF_KIND_FWD:
		return btf_kflag(t) ? "union " : "struct ";
	}
	return "";
}

/* What a chain of references ends in: a name, with what qualifies it in front */
static void finish(struct declaration *d, const struct btf *btf, const struct btf_type *t,
		   const char *qualifiers)
{
	const char *name = btf_type_name(btf, t);
	char text[BTF_TEXT_MAX];

	snprintf(text, sizeof(text), "%s%s%s", qualifiers, t ? tag_of(t) : "",
		 !t	   ? "void"
		 : name[0] ? name
			   : "{...}");
	prefix(d, text);
}

static const char *qualifier_of(const struct btf_type *t)
{
	switch (btf_kind(t)) {
	case BTF_KIND_CONST:
		return "const ";
	case BTF_KIND_VOLATILE:
		return "volatile ";
	case BTF_KIND_RESTRICT:
		return "restrict ";
	}
	return "";
}

static void add_parameters(struct declaration *d, const struct btf *btf, const struct btf_type *t,
			   int depth);

/* @depth: of functions inside functions' parameters */
static void declare(struct declaration *d, const struct btf *btf, uint32_t id, int depth)
{
	char qualifiers[32] = "", number[24];
	bool is_pointer = false; /* the last step was one */

	for (int step = 0; step < BTF_DEPTH_MAX; step++) {
		const struct btf_type *t = id ? btf__type_by_id(btf, id) : NULL;

		switch (t ? btf_kind(t) : BTF_KIND_UNKN) {
		case BTF_KIND_CONST:
		case BTF_KIND_VOLATILE:
		case BTF_KIND_RESTRICT:
			if (strlen(qualifiers) + 10 < sizeof(qualifiers))
				strcat(qualifiers, qualifier_of(t));
			id = t->type;
			continue;
		case BTF_KIND_TYPE_TAG:
			id = t->type;
			continue;
		case BTF_KIND_PTR:
			if (qualifiers[0]) {
				qualifiers[strlen(qualifiers) - 1] = '\0';
				prefix(d, qualifiers);
			}
			wrap(d, "*", "");
			is_pointer = true;
			break;
		case BTF_KIND_ARRAY:
			if (is_pointer)
				wrap(d, "(", ")");
			snprintf(number, sizeof(number), "[%u]", btf_array(t)->nelems);
			wrap(d, "", number);
			is_pointer = false;
			id = btf_array(t)->type;
			continue;
		case BTF_KIND_FUNC_PROTO:
			if (is_pointer)
				wrap(d, "(", ")");
			add_parameters(d, btf, t, depth + 1);
			is_pointer = false;
			break;
		default:
			finish(d, btf, t, qualifiers);
			return;
		}
		qualifiers[0] = '\0';
		id = t->type;
	}
	wrap(d, "... ", "");
}

char *btf_type_text(const struct btf *btf, uint32_t id, const char *name, char *text, size_t size)
{
	struct declaration d;

	snprintf(d.text, sizeof(d.text), "%s", name);
	declare(&d, btf, id, 0);
	snprintf(text, size, "%s", d.text);
	return text;
}

static void add_parameters(struct declaration *d, const struct btf *btf, const struct btf_type *t,
			   int depth)
{
	const struct btf_param *p = btf_params(t);
	unsigned int n = btf_vlen(t);

	wrap(d, "", "(");
	for (unsigned int i = 0; i < n && depth < 3; i++) {
		const char *name = btf__name_by_offset(btf, p[i].name_off);
		struct declaration one;

		snprintf(one.text, sizeof(one.text), "%s", name ? name : "");
		if (p[i].type == 0 && i + 1 == n)
			snprintf(one.text, sizeof(one.text), "...");
		else
			declare(&one, btf, p[i].type, depth);
		wrap(d, "", i ? ", " : "");
		wrap(d, "", one.text);
	}
	if (depth == 3 && n)
		wrap(d, "", "...");
	wrap(d, "", n ? ")" : "void)");
}

int btf_prototype_text(const struct btf_prototype *p, char **ret)
{
	_cleanup_free_ char *text = NULL;
	char one[BTF_TEXT_MAX];
	size_t size;
	FILE *f = open_memstream(&text, &size);
	bool has_failed;

	if (!f)
		return -ENOMEM;
	fputs(btf_type_text(p->btf, p->result, p->name, one, sizeof(one)), f);
	fputc('(', f);
	for (size_t i = 0; i < p->n_params; i++)
		fprintf(f, "%s%s", i ? ", " : "",
			btf_type_text(p->btf, p->params[i].type, p->params[i].name, one,
				      sizeof(one)));
	if (p->is_variadic)
		fputs(p->n_params ? ", ..." : "...", f);
	else if (p->n_params == 0)
		fputs("void", f);
	fputc(')', f);
	has_failed = ferror(f);
	if (fclose(f) != 0 || has_failed)
		return -ENOMEM;
	*ret = take_ptr(text);
	return 0;
}
