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

static void refuse(struct probeable *p, const char *reason)
{
	p->answer = PROBEABLE_NO;
	p->reason = reason;
}

static void check_place(const struct text_bounds *b, const struct symbol *symbol, uint64_t offset,
			struct probeable *p)
{
	if (!symbol_is_text(symbol->type)) {
		refuse(p, "notFunction");
		snprintf(p->message, sizeof(p->message),
			 "%s is data (type %c), not a function: it can be read by a probe "
			 "(@%s), not probed",
			 symbol->name, symbol->type, symbol->name);
	} else if (is_generated(symbol)) {
		refuse(p, "generatedCode");
		snprintf(p->message, sizeof(p->message),
			 "%s is code that was generated at run time; only the kernel's own and "
			 "its modules' can be probed",
			 symbol->name);
	} else if (b && !symbol->module &&
		   (is_between(symbol->address, b->init) ||
		    is_between(symbol->address, b->init_text))) {
		refuse(p, "initText");
		snprintf(p->message, sizeof(p->message),
			 "%s runs while the kernel boots, and its memory has been freed since",
			 symbol->name);
	} else if (b && b->text[0] && !symbol->module && !is_between(symbol->address, b->text)) {
		refuse(p, "notFunction");
		snprintf(p->message, sizeof(p->message), "%s is outside of the kernel's functions",
			 symbol->name);
	} else if (symbol->size && offset >= symbol->size) {
		refuse(p, "outOfFunction");
		snprintf(p->message, sizeof(p->message),
			 "%s has %llu bytes, and 0x%llx is behind them", symbol->name,
			 (unsigned long long)symbol->size, (unsigned long long)offset);
	}
}

static void check_lists(const struct symbol *symbol, enum list_answer blacklisted,
			enum list_answer traceable, struct probeable *p)
{
	if (blacklisted == LIST_YES) {
		refuse(p, "blacklisted");
		snprintf(p->message, sizeof(p->message),
			 "%s is on the kernel's list of functions that must not be probed",
			 symbol->name);
	} else if (traceable == LIST_NO) {
		refuse(p, "notrace");
		snprintf(p->message, sizeof(p->message),
			 "%s cannot be traced (notrace), and this kernel plants no probes in such "
			 "functions",
			 symbol->name);
	} else if (blacklisted == LIST_UNKNOWN || traceable == LIST_UNKNOWN) {
		p->answer = PROBEABLE_UNKNOWN;
		snprintf(p->message, sizeof(p->message), "%s could not be read",
			 blacklisted == LIST_UNKNOWN
				 ? "the list of functions that must not be probed (debugfs)"
				 : "the list of functions that can be traced (tracefs)");
	}
}

void probeable_check(const struct symbols *s, const struct function_lists *lists, uint32_t index,
		     uint64_t offset, struct probeable *ret)
{
	struct symbol symbol;
	uint32_t base;

	symbols_get(s, index, &symbol);
	ret->answer = PROBEABLE_YES;
	ret->reason = NULL;
	ret->message[0] = '\0';
	check_place(lists ? function_lists_bounds(lists) : NULL, &symbol, offset, ret);
	if (ret->answer == PROBEABLE_NO)
		return;
	base = find_base(s, &symbol);
	check_lists(&symbol, ask(function_lists_blacklisted, lists, index, base),
		    ask(function_lists_traceable, lists, index, base), ret);
}
