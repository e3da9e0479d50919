/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See probe-head.h. The first half of __trace_kprobe_create() in kernel/trace/trace_kprobe.c
 * (6.12).
 */
#include "probe-head.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* enum probe_kind, as the commands' letters */
static const char LETTERS[] = "prca";

char probe_head_letter(enum probe_kind kind)
{
	return LETTERS[kind];
}

bool probe_head_is_command(struct span word, struct span next)
{
	size_t i = 1, colon = span_find(word, ':');
	char first = span_at(next, 0);

	if (word.n == 0 || !strchr(LETTERS, word.p[0]))
		return false;
	while (i < colon && char_is_digit(word.p[i]))
		i++;
	if (i == colon)
		return true;
	if (i == 1 || span_find(next, '=') < next.n ||
	    !(char_is_name(first) || first == '.' || first == '_'))
		return false;
	while (i < colon && (char_is_digit(word.p[i]) || char_is_alpha(word.p[i])))
		i++;
	return i == colon;
}

bool probe_head_is_argument(struct span word)
{
	return word.n == 0 || strchr("%$+-@\\(&", word.p[0]) || span_find(word, '=') < word.n ||
	       span_find(word, '>') < word.n;
}

int probe_head_parse_command(struct span command, int position, struct probe_spec *spec,
			     struct kp_error *reterr)
{
	struct span number = span_from(span_first(command, span_find(command, ':')), 1);
	unsigned int max;
	char hint[64];
	uint64_t n;

	spec->command_position = position;
	spec->kind = (enum probe_kind)(strchr(LETTERS, command.p[0]) - LETTERS);
	if (number.n == 0)
		return 0;
	max = probe_kind_maxactive(spec->kind);
	if (max == 0)
		return kp_error_definition(
			reterr, "badMaxactType", position + 1,
			"a return probe starts with r, a call probe with c: r100",
			"Only return and call probes have a number of calls at once.");
	snprintf(hint, sizeof(hint), "from 1 to %u; without it the kernel chooses", max);
	if (number.n > PROBE_NAME_MAX || span_to_u64(number, 0, &n) < 0 || n == 0 || n > UINT32_MAX)
		return kp_error_definition(reterr, "badMaxact", position + 1, hint,
					   "The number of calls at once is not a number.");
	if (n > max)
		return kp_error_definition(reterr, "maxactTooBig", position + 1, NULL,
					   "At most %u calls at once can be followed.", max);
	spec->maxactive = n;
	return 0;
}

static bool is_glob(struct span s)
{
	return span_find(s, '*') < s.n || span_find(s, '?') < s.n || span_find(s, '[') < s.n;
}

static bool is_symbol(struct span s)
{
	bool is_pattern = is_glob(s);

	if (s.n == 0 || char_is_digit(s.p[0]))
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!char_is_name(s.p[i]) && s.p[i] != '.' && s.p[i] != '$' &&
		    !(is_pattern && strchr("*?[]!^-", s.p[i])))
			return false;
	return true;
}

/* "#2" or "#*" in front of what may end a place */
static bool is_ordinal(struct span s)
{
	size_t n = 1;

	if (span_at(s, 1) == '*')
		n = 2;
	else
		while (char_is_digit(span_at(s, n)))
			n++;
	return n > 1 && (n == s.n || char_is_space(s.p[n]) || s.p[n] == '+' || s.p[n] == '%');
}

size_t probe_head_find_comment(struct span line)
{
	unsigned int word = 0;
	bool is_place = true; /* nothing so far that a symbol has not */

	for (size_t i = 0; i < line.n; i++) {
		bool is_first = i == 0 || char_is_space(line.p[i - 1]);

		word += is_first && !char_is_space(line.p[i]);
		is_place &= is_first || char_is_name(line.p[i - 1]) ||
			    strchr(".:*?[]!^-", line.p[i - 1]);
		is_place |= is_first;
		if (line.p[i] == '#' &&
		    (is_first || word > 2 || !is_place || !is_ordinal(span_from(line, i))))
			return i;
	}
	return line.n;
}

int probe_head_check_line(const char *definition, struct span *ret, struct kp_error *reterr)
{
	size_t n = strnlen(definition, PROBE_LINE_MAX + 1);
	struct span line = {definition, n};
	size_t newline = span_find(line, '\n');

	if (newline < n)
		return kp_error_definition(reterr, "newline", newline,
					   "give several definitions one by one",
					   "A definition is one line.");
	if (n > PROBE_LINE_MAX)
		return kp_error_definition(reterr, "lineTooLong", PROBE_LINE_MAX, NULL,
					   "A definition has %d characters at most.",
					   PROBE_LINE_MAX);
	line = span_first(line, probe_head_find_comment(line));
	for (size_t i = 0; i < line.n; i++)
		if ((line.p[i] < ' ' || line.p[i] > '~') && !char_is_space(line.p[i]))
			return kp_error_definition(
				reterr, "badCharacter", i, NULL,
				"A definition is made of printable ASCII characters.");
	*ret = line;
	return 0;
}

/* What follows the symbol: the ordinal. */
static int parse_ordinal(struct span text, int position, struct probe_spec *spec,
			 struct kp_error *reterr)
{
	uint64_t n;

	if (span_is(text, "#*")) {
		spec->nth = PROBE_NTH_ALL;
		return 0;
	}
	if (span_to_u64(span_from(text, 1), 10, &n) < 0 || n == 0 || n >= PROBE_NTH_ALL)
		return kp_error_definition(reterr, "badOrdinal", position, "SYMBOL#1, or SYMBOL#*",
					   "Functions of one name are counted from 1.");
	spec->nth = n;
	return 0;
}

/* With indirect branch tracking the entry is behind an ENDBR of 4 bytes: arch_adjust_kprobe_addr().
 */
bool probe_head_is_entry(uint64_t offset)
{
#if defined(__x86_64__)
	return offset == 0 || offset == 4;
#else
	return offset == 0;
#endif
}

static int bad_address(struct span word, int position, struct kp_error *reterr)
{
	const char *hint = "SYMBOL, SYMBOL+OFFSET, MODULE:SYMBOL, or an address such as "
			   "0xffffffff81000000";

	if (span_find(word, '/') < word.n)
		hint = "user-space probes are not kprobed's";
	return kp_error_definition(reterr, "badProbeAddr", position, hint,
				   "\"%.*s\" is no place for a probe.", (int)word.n, word.p);
}

int probe_head_parse_place(struct span word, int position, struct probe_spec *spec,
			   struct kp_error *reterr)
{
	size_t percent = span_find(word, '%');
	struct span place = span_first(word, percent);
	size_t sign = span_find(place, '+'), colon, hash;
	struct span symbol, module;
	int64_t offset = 0;
	int r;

	spec->symbol_position = position;
	if (span_to_u64(word, 0, &spec->address) == 0)
		return 0;
	if (percent < word.n && !span_is(span_from(word, percent), "%return"))
		return kp_error_definition(reterr, "badAddrSuffix", position + percent,
					   "SYMBOL%return is a return probe",
					   "There is no suffix \"%.*s\".", (int)(word.n - percent),
					   word.p + percent);
	if (percent < word.n && probe_kind_is_helpers(spec->kind))
		return kp_error_definition(reterr, "badAddrSuffix", position + percent,
					   spec->kind == PROBE_CALL
						   ? "leave it out: a call has both"
						   : "c in place of a is a call",
					   "\"%%return\" makes a return probe, and this is none.");
	if (percent < word.n)
		spec->kind = PROBE_RETURN;

	/* In a glob a "-" stands between brackets. */
	if (span_find(place, '-') < sign && !is_glob(place))
		sign = span_find(place, '-');
	if (sign < place.n && (span_to_s64(span_from(place, sign), 0, &offset) < 0 || offset < 0 ||
			       offset > UINT32_MAX))
		return bad_address(word, position, reterr);
	symbol = span_first(place, sign);
	colon = span_find(symbol, ':');
	module = span_first(symbol, colon);
	if (colon < symbol.n) {
		symbol = span_from(symbol, colon + 1);
		if (module.n == 0)
			return bad_address(word, position, reterr);
	} else {
		module.n = 0;
	}
	/* Modules may have a "-" in their file's name, never in their own. */
	for (size_t i = 0; i < module.n; i++)
		if (!char_is_name(module.p[i]))
			return bad_address(word, position, reterr);
	hash = span_find(symbol, '#');
	if (hash < symbol.n) {
		r = parse_ordinal(span_from(symbol, hash), symbol.p + hash - word.p + position,
				  spec, reterr);
		if (r < 0)
			return r;
		symbol = span_first(symbol, hash);
	}
	if (!is_symbol(symbol))
		return bad_address(word, position, reterr);
	spec->is_pattern = is_glob(symbol);
	if (spec->is_pattern && (offset || spec->nth))
		return kp_error_definition(reterr, "badPattern", position,
					   "leave out what follows the pattern",
					   "A pattern stands for whole functions.");
	if (spec->kind == PROBE_RETURN && !probe_head_is_entry(offset))
		return kp_error_definition(reterr, "badRetprobe", position, "leave the offset out",
					   "A return probe sits at a function's start.");
	if (spec->kind == PROBE_CALL && offset)
		return kp_error_definition(reterr, "badRetprobe", position, "leave the offset out",
					   "A call begins at a function's start.");

	spec->offset = offset;
	spec->symbol = strndup(symbol.p, symbol.n);
	if (!spec->symbol)
		return -ENOMEM;
	if (module.n == 0)
		return 0;
	spec->module = strndup(module.p, module.n);
	return spec->module ? 0 : -ENOMEM;
}

/* traceprobe_parse_event_name() in kernel/trace/trace_probe.c */
int probe_head_parse_name(struct span text, int position, struct probe_spec *spec,
			  struct kp_error *reterr)
{
	size_t slash = span_find(text, '/');

	if (slash == text.n)
		slash = span_find(text, '.');
	if (slash < text.n) {
		struct span group = span_first(text, slash);

		if (group.n == 0)
			return kp_error_definition(reterr, "noGroupName", position,
						   "leave the slash out",
						   "In front of the slash is no group.");
		if (group.n > PROBE_NAME_MAX)
			return kp_error_definition(reterr, "groupTooLong", position, NULL,
						   "A group has %d characters at most.",
						   PROBE_NAME_MAX);
		/* is_good_system_name(): like an identifier, but with "-" */
		for (size_t i = 0; i < group.n; i++)
			if (!(char_is_name(group.p[i]) || group.p[i] == '-') ||
			    (i == 0 && char_is_digit(group.p[i])))
				return kp_error_definition(
					reterr, "badGroupName", position, NULL,
					"A group is made of letters, digits, _ and -.");
		position += slash + 1;
		text = span_from(text, slash + 1);
		if (text.n == 0)
			return 0;
	}
	if (text.n == 0)
		return kp_error_definition(reterr, "noEventName", position,
					   "leave the colon out to have a name made",
					   "Behind the colon is no name.");
	if (text.n > PROBE_NAME_MAX)
		return kp_error_definition(reterr, "eventTooLong", position, NULL,
					   "A name has %d characters at most.", PROBE_NAME_MAX);
	if (!span_is_name(text))
		return kp_error_definition(reterr, "badEventName", position,
					   "letters, digits and _, not starting with a digit",
					   "\"%.*s\" cannot be a probe's name.", (int)text.n,
					   text.p);
	spec->name_position = position;
	spec->name = strndup(text.p, text.n);
	return spec->name ? 0 : -ENOMEM;
}
