/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See probeable.h. The rules are those of kernel/kprobes.c (check_kprobe_address_safe(),
 * within_kprobe_blacklist()) and kernel/trace/trace_kprobe.c (within_notrace_func()).
 */
#include "probeable.h"

#include <stdio.h>
#include <string.h>

#include "strutil.h"

static bool is_between(uint64_t address, const uint64_t *bounds)
{
	return address >= bounds[0] && address < bounds[1];
}

/* Programs of BPF, trampolines and slots: in kallsyms, but no part of the kernel or a module. */
static bool is_generated(const struct symbol *symbol)
{
	return symbol->module && (strcmp(symbol->module, "bpf") == 0 ||
				  str_starts_with(symbol->module, "__builtin__"));
}

/* The function that "foo.cold" or "foo.isra.0" was cut out of, or SYMBOL_NONE. */
static uint32_t find_base(const struct symbols *s, const struct symbol *symbol)
{
	uint32_t cursor = SYMBOL_NONE;
	char name[512];
	size_t n = strcspn(symbol->name, ".");

	if (symbol->name[n] == '\0' || n >= sizeof(name))
		return SYMBOL_NONE;
	memcpy(name, symbol->name, n);
	name[n] = '\0';
	return symbols_next_named(s, name, symbol->module ? symbol->module : "", &cursor);
}

/* Yes if @is of the symbol or of its base, as the kernel has it for both lists. */
static enum list_answer ask(enum list_answer (*list)(const struct function_lists *, uint32_t),
			    const struct function_lists *lists, uint32_t index, uint32_t base)
{
	enum list_answer a = lists ? list(lists, index) : LIST_UNKNOWN;

	return a == LIST_NO && base != SYMBOL_NONE ? list(lists, base) : a;
}

static const char *check_place(const struct text_bounds *b, const struct symbol *symbol,
			       uint64_t offset)
{
	if (!symbol_is_text(symbol->type))
		return "notFunction";
	if (is_generated(symbol))
		return "generatedCode";
	if (b && !symbol->module &&
	    (is_between(symbol->address, b->init) || is_between(symbol->address, b->init_text)))
		return "initText";
	if (b && b->text[0] && !symbol->module && !is_between(symbol->address, b->text))
		return "notFunction";
	return symbol->size && offset >= symbol->size ? "outOfFunction" : NULL;
}

void probeable_check(const struct symbols *s, const struct function_lists *lists, uint32_t index,
		     uint64_t offset, struct probeable *ret)
{
	enum list_answer blacklisted, traceable;
	struct symbol symbol;
	uint32_t base;

	symbols_get(s, index, &symbol);
	ret->answer = PROBEABLE_NO;
	ret->reason = check_place(lists ? function_lists_bounds(lists) : NULL, &symbol, offset);
	if (ret->reason)
		return;
	base = find_base(s, &symbol);
	blacklisted = ask(function_lists_blacklisted, lists, index, base);
	traceable = ask(function_lists_traceable, lists, index, base);
	if (blacklisted == LIST_YES)
		ret->reason = "blacklisted";
	else if (traceable == LIST_NO)
		ret->reason = "notrace";
	else if (blacklisted == LIST_UNKNOWN || traceable == LIST_UNKNOWN)
		ret->answer = PROBEABLE_UNKNOWN;
	else
		ret->answer = PROBEABLE_YES;
}

static const struct {
	const char *reason, *text;
} texts[] = {
	{"initText", "runs while the kernel boots, and its memory has been freed since"},
	{"generatedCode", "is code that was generated at run time; only the kernel's own and its "
			  "modules' can be probed"},
	{"blacklisted", "is on the kernel's list of functions that must not be probed"},
	{"notrace", "cannot be traced (notrace), and the kernel plants no probes in such functions "
		    "unless it has CONFIG_KPROBE_EVENTS_ON_NOTRACE"},
	{"notFunction", "is outside of the kernel's functions"},
};

char *probeable_explain(const struct probeable *p, const struct symbols *s, uint32_t index,
			uint64_t offset, char *buf, size_t size)
{
	struct symbol symbol;

	symbols_get(s, index, &symbol);
	buf[0] = '\0';
	if (p->answer == PROBEABLE_UNKNOWN) {
		snprintf(buf, size,
			 "the lists that say so cannot be read: kprobes/blacklist in debugfs, or "
			 "available_filter_functions in tracefs");
	} else if (p->answer == PROBEABLE_NO && strcmp(p->reason, "outOfFunction") == 0) {
		snprintf(buf, size, "%s has %llu bytes: +%llu is behind its end", symbol.name,
			 (unsigned long long)symbol.size, (unsigned long long)offset);
	} else if (p->answer == PROBEABLE_NO && !symbol_is_text(symbol.type)) {
		snprintf(
			buf, size,
			"%s is data (type %c), not a function: a probe elsewhere can read it (@%s)",
			symbol.name, symbol.type, symbol.name);
	} else if (p->answer == PROBEABLE_NO) {
		for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
			if (strcmp(texts[i].reason, p->reason) == 0)
				snprintf(buf, size, "%s %s", symbol.name, texts[i].text);
	}
	return buf;
}
