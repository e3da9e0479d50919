/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the names in an expression mean: see btf-name.h.
 *
 * A name that means nothing is answered with the one that it resembles, or with all there are.
 */
#include "btf-name.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "name-distance.h"
#include "registers.h"

int btf_name_shown(struct span s)
{
	enum { SHOWN_MAX = 64 };

	return (int)(s.n < SHOWN_MAX ? s.n : SHOWN_MAX);
}

/* Why nothing is known of the function, where something has to be. */
static int no_prototype(const struct btf_scope *scope, int position, struct kp_error *reterr)
{
	const char *hint = "use a register or $arg1 and a cast: ((struct file *)$arg1)->f_flags";
	const char *of = scope->module ? scope->module : "the kernel";

	if (!scope->function)
		return kp_error_definition(reterr, "noPrototype", position, hint,
					   "At an address no parameters are known.");
	switch (scope->why_none) {
	case -ENOENT:
		return kp_error_definition(
			reterr, "noPrototype", position,
			strchr(scope->function, '.')
				? "the compiler made it from another function and may have changed "
				  "its parameters: use registers, and kprobectl disasm"
				: hint,
			"The types (BTF) of %s have no function %.64s.", of, scope->function);
	case -ENODATA:
		return kp_error_definition(
			reterr, "noBtf", position,
			"without CONFIG_DEBUG_INFO_BTF only registers, $arg1 and memory are to be "
			"had",
			"There are no types (BTF) of %s.", of);
	case -ENOTUNIQ:
		return kp_error_definition(
			reterr, "ambiguousPrototype", position, hint,
			"There are several functions %.64s with different parameters.",
			scope->function);
	case -ENOMEM:
		return -ENOMEM;
	}
	return kp_error_definition(reterr, "badBtf", position, hint,
				   "The types (BTF) of %s cannot be read: %s.", of,
				   strerror(-scope->why_none));
}

static void list_params(const struct btf_prototype *p, char *text, size_t size)
{
	size_t n = (size_t)snprintf(text, size, "parameters: ");

	for (size_t i = 0; i < p->n_params && n < size; i++)
		n += (size_t)snprintf(text + n, size - n, "%s%s", i ? ", " : "", p->params[i].name);
	if (p->n_params == 0)
		snprintf(text, size, "it has no parameters");
}

static int unknown_param(const struct btf_scope *scope, struct span name, int position,
			 struct kp_error *reterr)
{
	const struct btf_prototype *p = scope->prototype;
	struct name_search search = name_search_of(name);
	const char *reg = register_find(name);
	char list[192], hint[256];

	for (size_t i = 0; i < p->n_params; i++)
		name_search_try(&search, p->params[i].name);
	list_params(p, list, sizeof(list));
	if (search.best)
		snprintf(hint, sizeof(hint), "did you mean %.40s? %s", search.best, list);
	else if (reg)
		snprintf(hint, sizeof(hint), "registers have a %% in front: %%%s; %s", reg, list);
	else
		snprintf(hint, sizeof(hint), "%s", list);
	return kp_error_definition(reterr, "unknownParameter", position, hint,
				   "%.64s has no parameter \"%.*s\".", scope->function,
				   btf_name_shown(name), name.p);
}

/*
 * At return the registers are long used for other things. A kernel from 6.9 on keeps $argN from the
 * entry; it counts registers, so each in front must take up one.
 */
static int place_at_return(const struct btf_scope *scope, size_t i, int position,
			   struct btf_value *v, struct kp_error *reterr)
{
	const struct btf_prototype *p = scope->prototype;
	bool is_simple = btf_store_keeps_arguments(scope->store);

	for (size_t j = 0; j <= i && is_simple; j++)
		is_simple = p->params[j].place.kind == CALL_REGISTERS &&
			    p->params[j].place.n == 1 && p->params[j].place.first == j &&
			    !p->params[j].place.is_reference;
	if (is_simple) {
		snprintf(v->inner, sizeof(v->inner), "$arg%zu", i + 1);
		return 0;
	}
	kp_error_set(
		reterr, KP_HELPER_REQUIRED, EOPNOTSUPP, "entryArguments",
		btf_store_keeps_arguments(scope->store)
			? "At its return a function's arguments are there only if they lie in "
			  "registers."
			: "At its return a function's arguments are gone, and this kernel does "
			  "not keep them (6.9 and later do).");
	if (reterr && reterr->code == KP_HELPER_REQUIRED && reterr->reason[0] == '\0') {
		reterr->position = position;
		snprintf(reterr->reason, sizeof(reterr->reason), "helperRequired");
		snprintf(reterr->hint, sizeof(reterr->hint),
			 "a probe at the entry (p) has them, and so has a call probe (c), which is "
			 "the helper module's; a return probe has $retval");
	}
	return -EOPNOTSUPP;
}

int btf_value_of_param(const struct btf_scope *scope, size_t i, int position, struct btf_value *ret,
		       struct kp_error *reterr)
{
	const struct btf_argument *param = &scope->prototype->params[i];
	struct btf_value v = {
		.btf = scope->prototype->btf,
		.type = param->type,
		.name = span_of(param->name),
	};
	const struct call_place *place = &param->place;

	if (scope->is_return) {
		int r = place_at_return(scope, i, position, &v, reterr);

		if (r == 0)
			*ret = v;
		return r;
	}
	if (place->kind == CALL_NOWHERE)
		return kp_error_definition(reterr, "noPlace", position, NULL,
					   "\"%.64s\" takes no room that could be fetched.",
					   param->name);
	if (place->is_reference) {
		call_place_text(CALL_ARCH_OURS, place, 0, v.inner);
		v.in_memory = true;
	} else if (place->kind == CALL_STACK) {
		snprintf(v.inner, sizeof(v.inner), "%%sp");
		v.offset = (int64_t)place->offset;
		v.in_memory = true;
	} else {
		v.registers = *place;
	}
	*ret = v;
	return 0;
}

static int base_of_variable(const struct btf_scope *scope, const struct btf_expr *e,
			    struct btf_value *ret, struct kp_error *reterr)
{
	struct btf_value v = {.btf = scope->btf, .name = span_from(e->base, 1)};
	uint64_t n;

	if (span_is(e->base, "$retval")) {
		if (!scope->is_return && !scope->is_call)
			return kp_error_definition(
				reterr, "retvalOnProbe", e->base_position,
				"make it a return probe: r in place of p, or SYMBOL%return",
				"$retval is there only in a return probe on a symbol.");
		snprintf(v.inner, sizeof(v.inner), "$retval");
		if (scope->prototype) {
			v.btf = scope->prototype->btf;
			v.type = scope->prototype->result;
		}
		*ret = v;
		return 0;
	}
	if (!span_starts(e->base, "$arg") || span_to_u64(span_from(e->base, 4), 10, &n) < 0)
		return kp_error_definition(reterr, "badVar", e->base_position,
					   "variables that have members: $arg1 and on, $retval",
					   "There is no variable \"%.*s\".",
					   btf_name_shown(e->base), e->base.p);
	if (!scope->is_entry)
		return kp_error_definition(
			reterr, "nofentryArgs", e->base_position,
			"probe the function's start (a symbol without offset), or use a register",
			"Arguments are there only where a function is entered.");
	if (scope->prototype) {
		if (n == 0 || n > scope->prototype->n_params)
			return kp_error_definition(reterr, "badArgNum", e->base_position,
						   "$arg1 is the first argument",
						   "%.64s has no argument %" PRIu64 ".",
						   scope->function, n);
		return btf_value_of_param(scope, n - 1, e->base_position, ret, reterr);
	}
	if (n == 0 || n > call_registers(CALL_ARCH_OURS))
		return no_prototype(scope, e->base_position, reterr);
	snprintf(v.inner, sizeof(v.inner), "$arg%u", (unsigned int)n);
	*ret = v;
	return 0;
}

static int base_of_register(const struct btf_scope *scope, const struct btf_expr *e,
			    struct btf_value *ret, struct kp_error *reterr)
{
	struct btf_value v = {.btf = scope->btf, .name = span_from(e->base, 1)};
	const char *reg = register_find(v.name);
	char hint[96] = "";

	if (!reg) {
		if (register_nearest(v.name))
			snprintf(hint, sizeof(hint), "did you mean %%%s?",
				 register_nearest(v.name));
		return kp_error_definition(reterr, "badRegName", e->base_position, hint,
					   "There is no register \"%.*s\".", btf_name_shown(v.name),
					   v.name.p);
	}
	snprintf(v.inner, sizeof(v.inner), "%%%s", reg);
	*ret = v;
	return 0;
}

int btf_name_find_base(const struct btf_scope *scope, const struct btf_expr *e,
		       struct btf_value *ret, struct kp_error *reterr)
{
	if (e->base.p[0] == '$')
		return base_of_variable(scope, e, ret, reterr);
	if (e->base.p[0] == '%')
		return base_of_register(scope, e, ret, reterr);
	if (!scope->prototype)
		return no_prototype(scope, e->base_position, reterr);
	if (!scope->is_entry)
		return kp_error_definition(
			reterr, "nofentryArgs", e->base_position,
			"probe the function's start, or cast a register: ((struct file "
			"*)%di)->f_flags",
			"Parameters are there only where a function is entered.");
	for (size_t i = 0; i < scope->prototype->n_params; i++)
		if (span_is(e->base, scope->prototype->params[i].name))
			return btf_value_of_param(scope, i, e->base_position, ret, reterr);
	return unknown_param(scope, e->base, e->base_position, reterr);
}

static uint32_t kinds_of(struct span keyword)
{
	if (span_is(keyword, "struct"))
		return 1U << BTF_KIND_STRUCT;
	if (span_is(keyword, "union"))
		return 1U << BTF_KIND_UNION;
	if (span_is(keyword, "enum"))
		return 1U << BTF_KIND_ENUM | 1U << BTF_KIND_ENUM64;
	return 1U << BTF_KIND_TYPEDEF | 1U << BTF_KIND_INT;
}

/* C has many names for a number, BTF has one of them (as the compiler writes it). */
static const char *canonical(const char *name)
{
	static const struct {
		const char *written, *known;
	} names[] = {
		{"unsigned", "unsigned int"},
		{"long", "long int"},
		{"unsigned long", "long unsigned int"},
		{"unsigned long int", "long unsigned int"},
		{"long unsigned", "long unsigned int"},
		{"long long", "long long int"},
		{"unsigned long long", "long long unsigned int"},
		{"short", "short int"},
		{"unsigned short", "short unsigned int"},
		{"bool", "_Bool"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(names[i].written, name) == 0)
			return names[i].known;
	return name;
}

int btf_name_find_type(const struct btf_scope *scope, const struct btf_type_name *written,
		       uint32_t *ret, struct kp_error *reterr)
{
	uint32_t kinds = kinds_of(written->keyword), id = 0;
	char name[128] = "", hint[192] = "";
	const char *similar = NULL;
	const struct btf *btf = scope->btf;

	if (!btf)
		return no_prototype(scope, written->position, reterr);
	if (span_is(written->name, "void") && written->keyword.n == 0) {
		*ret = 0;
		return 0;
	}
	if (written->name.n < sizeof(name)) {
		memcpy(name, written->name.p, written->name.n);
		id = btf_store_find(scope->store, btf, canonical(name), kinds);
		/* "bool" is a typedef in the kernel, _Bool in itself. */
		if (id == 0)
			id = btf_store_find(scope->store, btf, name, kinds);
	}
	if (id) {
		*ret = id;
		return 0;
	}
	if (written->keyword.n == 0 && name[0] &&
	    btf_store_find(scope->store, btf, name, 1U << BTF_KIND_STRUCT))
		snprintf(hint, sizeof(hint), "write struct %s", name);
	else if (name[0])
		similar = btf_store_similar(scope->store, btf, name, kinds);
	if (similar)
		snprintf(hint, sizeof(hint), "did you mean %.64s?", similar);
	return kp_error_definition(reterr, "unknownType", written->position, hint,
				   "There is no type \"%.*s%s%.*s\" in the kernel's types (BTF).",
				   btf_name_shown(written->keyword), written->keyword.p,
				   written->keyword.n ? " " : "", btf_name_shown(written->name),
				   written->name.p);
}
