/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The head of a definition: its command ("r8:name") and its place ("mod:symbol+0x10").
 *
 * Private to probe-spec.c and probe-args.c. Pure. All return 0, -EINVAL with @reterr, or -ENOMEM;
 * what they have put into @spec by then is released with it.
 */
#ifndef KP_PROBE_HEAD_H
#define KP_PROBE_HEAD_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"
#include "probe-spec.h"
#include "span.h"

/*
 * Whether @word is a command ("p", "r8:name") and not the symbol of a line without one. "p9_read"
 * is a symbol; "r1a1" is a command with a wrong number when a place follows, and not an argument.
 */
bool probe_head_is_command(struct span word, struct span next);

/* "p" and so on: what a command begins with. */
char probe_head_letter(enum probe_kind kind);

/* Whether @word can only be an argument, behind a command: empty, or "%di", "$arg*", "file->f_pos".
 */
bool probe_head_is_argument(struct span word);

/* The kind, and the number of calls at once behind the letter. */
int probe_head_parse_command(struct span command, int position, struct probe_spec *spec,
			     struct kp_error *reterr);

/*
 * Where the comment of @line begins, its length if there is none: at a "#" that is not the ordinal
 * of a place, which is one of the first two words ("p foo#2 # the second").
 */
size_t probe_head_find_comment(struct span line);

/*
 * Cuts the comment off @definition, and sees to it that the rest of the parser meets only printable
 * ASCII.
 */
int probe_head_check_line(const char *definition, struct span *ret, struct kp_error *reterr);

/* "[MOD:]SYM[#N|#*][+OFFS][%return]" or an address; the symbol may be a glob. */
int probe_head_parse_place(struct span word, int position, struct probe_spec *spec,
			   struct kp_error *reterr);

/* "[GRP/]NAME" behind the command's colon; the group is checked and left out. */
int probe_head_parse_name(struct span text, int position, struct probe_spec *spec,
			  struct kp_error *reterr);

/* Whether @offset is, or may be, where a function is entered. */
bool probe_head_is_entry(uint64_t offset);

#endif
