/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The definition language: a line of text to a parsed probe_spec and back.
 *
 * Pure: no kernel, no files, no JSON. The grammar is that of kprobe_events, checked here so that an
 * error has a position and a hint before anything is written; the kernel's own limits and the names
 * of its errors are those of kernel/trace/trace_probe.[ch] (EM(...) list), in lower camel case.
 * Where kernels differ it is 6.12 that is followed: $argN in a return probe is taken, though 6.1
 * will not.
 *
 * On top of it: "SYM#2" and "SYM#*", the second of several functions of that name, and all of them;
 * a glob for the symbol, which means all functions that match. What they stand for is for others to
 * find out (probe-resolve.h).
 *
 * Taken and left out: a group ("p:GROUP/NAME", all of ours are in one), what follows "#". Refused
 * though the kernel would take it: text behind the last ")" of an argument, which it ignores in
 * silence; bytes beyond ASCII; a command letter with more letters behind it ("pfoo vfs_read").
 * What the kernel has no name for: badCharacter, newline, lineTooLong, noDefinition, noProbePoint,
 * tooManyArgs, notADefinition, badOrdinal, badPattern, badFilter.
 *
 * Two kinds are the helper module's: "c[MAXACTIVE][:NAME] SYM [ARGS]", a call, and "a[:NAME]
 * SYM[+OFFS] [ARGS]", what is behind an instruction. Their arguments are those of the kernel's
 * grammar and within the kernel's limits, so that one may be tried as the other. A call has its
 * parameters as they are at the entry, and $retval. Without arguments it records all parameters, as
 * a line without a letter does; "c SYM -" records none. "c:SYM ARGS" is taken for "c SYM ARGS"
 * where no name and symbol can be meant (and by probe-resolve.h, where there is no such symbol).
 */
#ifndef KP_PROBE_SPEC_H
#define KP_PROBE_SPEC_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "flag-set.h"
#include "hist-spec.h"
#include "span.h"
#include "value-names.h"

enum probe_kind {
	PROBE_ENTRY,
	PROBE_RETURN,
	PROBE_CALL,  /* entry and return as one event; the helper module's, as is the next one */
	PROBE_AFTER, /* behind an instruction, with what it has done to the registers */
};

/* How a recorded value is shown; its width is probe_arg.size. */
enum arg_show {
	ARG_UNSIGNED,
	ARG_SIGNED,
	ARG_HEX,
	ARG_CHAR,
	ARG_SYMBOL, /* an address, shown as symbol+offset */
	ARG_STRING, /* string, ustring, $comm, %pd, %pD, an immediate string */
	/* From here on: what the kernel has no type for, see probe_arg.kernel_type. */
	ARG_ERRNO, /* signed: a negative errno by its name */
	ARG_BOOL,
	ARG_MODE,   /* octal */
	ARG_DEVICE, /* a dev_t */
	ARG_PORT,   /* in network byte order, as are the next three */
	ARG_IP4,
	ARG_IP6,
	ARG_MAC,
	ARG_FLAGS, /* by the names of probe_arg.flags */
	ARG_ENUM,  /* by the names of probe_arg.names */
};

/* kernel/trace/trace_probe.h: MAX_TRACE_ARGS, MAX_ARG_NAME_LEN, MAX_ARGSTR_LEN, MAX_ARRAY_LEN */
#define PROBE_ARGS_MAX	     128
#define PROBE_ARG_NAME_MAX   32
#define PROBE_ARG_STRING_MAX 63
/* "b63@63/64" is the longest of the kernel's that is more than a word, "flags(clone)/64" of ours.
 */
#define PROBE_TYPE_MAX	24
#define PROBE_ARRAY_MAX 64
/* MAX_EVENT_NAME_LEN 64 with its NUL; trace_kprobe.c: KRETPROBE_MAXACTIVE_MAX */
#define PROBE_NAME_MAX	    63
#define PROBE_MAXACTIVE_MAX 4096
/* kprobed-ioctl.h: KPROBED_MAXACTIVE_MAX */
#define PROBE_CALL_MAXACTIVE_MAX 65536
/* "SYM#*" */
#define PROBE_NTH_ALL UINT_MAX
/* The module's name that means the kernel itself: "vmlinux:SYM" */
#define PROBE_VMLINUX "vmlinux"
/* A line of kprobe_events: kernel/trace/trace.c: WRITE_BUFSIZE */
#define PROBE_LINE_MAX 4094

struct probe_arg {
	char *name; /* owned: as given, or made the way the kernel makes it ("arg1") */
	/*
	 * Owned: a typed expression as it was written, "file->f_flags" or "$arg*", without its
	 * type; NULL: the argument is one of the kernel's own grammar. Until btf_compile_spec() has
	 * compiled it, fetch is the same text, and nothing is known of what it fetches but a given
	 * type.
	 */
	char *expression;
	char *fetch; /* owned: normalised for the kernel: "+0(%si)" */
	char *type;  /* owned: in its normal form without array, "s32", "b4@3/32"; never NULL */
	enum arg_show show;
	/*
	 * What the kernel is told in place of type, "" where that is a type of its own. One element
	 * is @parts of these: an ip6 is 16 of u8.
	 */
	char kernel_type[PROBE_TYPE_MAX];
	unsigned int parts;
	const struct flag_set *flags; /* constant; of ARG_FLAGS */
	struct value_names *names;    /* ref; of ARG_ENUM, where it may still be NULL */
	unsigned int size;	      /* bytes of one element; 0 for strings */
	unsigned int count;	      /* array elements; 0: not an array */
	int position;		      /* of the argument in the definition */
	int fetch_position;	      /* of what is fetched, behind "name=" */
	int fetch_length;	      /* as it was written, before it was made normal */
	int type_position;	      /* of the type, behind ":"; -1: not given */
	bool is_named;		      /* the name was given, not made */
	bool is_typed;		      /* the type was given, not the default */
	bool is_compiled;	      /* of an expression */
	bool is_expanded;	      /* one of those that "$arg*" stands for; the first has it */
};

struct probe_spec {
	enum probe_kind kind;
	char *name;   /* owned, NULL: none given */
	char *module; /* owned, NULL: none */
	char *symbol; /* owned, NULL: by address; a glob when is_pattern */
	uint64_t address;
	uint64_t offset;  /* from the symbol */
	unsigned int nth; /* "SYM#2": of several of that name; 0: not said, or PROBE_NTH_ALL */
	bool is_pattern;  /* stands for all functions that match */
	unsigned int max_matches; /* of a pattern; 0: as many as a request may add */
	unsigned int maxactive;	  /* 0: the kernel's default */
	bool auto_maxactive;	  /* raised when calls are missed; maxactive is where it begins */
	struct probe_arg *args;	  /* owned */
	size_t n_args;
	bool wants_all; /* nothing was said of arguments: all that are known, if there are none */
	/*
	 * Of a call: its result, "$retval" with the type that it has (size: what of the register
	 * counts); NULL: nothing is known of it, or has_no_result. Comes with the types: it is no
	 * part of what makes two specs equal.
	 */
	struct probe_arg *result; /* owned */
	bool has_no_result;	  /* the function returns nothing */
	bool knows_result;	  /* as much as can be known of it */
	char *filter;		  /* owned, NULL: none */
	/* Of filter-parse.h, for the helper module; else the kernel's own: see filter-place.h. */
	bool is_helper_filter;
	struct hist_spec *hist; /* owned, NULL: none */
	bool stack;
	bool enabled;
	bool pending;
	bool waits;  /* cannot be written before its module is there and it has been resolved */
	char *place; /* owned: what the kernel is told instead of module, symbol and offset; NULL */
	char *notes; /* owned: what resolving has to say, in lines; NULL: nothing */
	int command_position; /* of the letter in the definition; -1: a line without one */
	int symbol_position;  /* of the symbol or address */
	int name_position;    /* -1: none given */
};

#define PROBE_SPEC_INIT                                                                            \
	((struct probe_spec){.enabled = true, .command_position = -1, .name_position = -1})

/*
 * Parses @definition into @ret (overwritten on success; the caller releases it with
 * probe_spec_done()). Returns 0, -EINVAL with @reterr filled (KP_INVALID_DEFINITION and the
 * position), or -ENOMEM.
 */
int probe_spec_parse(const char *definition, struct probe_spec *ret, struct kp_error *reterr);

/*
 * Appends one fetch argument ("dfd=%di:s32") to @spec, as if it stood in the definition; positions
 * in errors count from the start of @text. Kind, symbol and offset must be there: what may be
 * fetched depends on them. Returns as probe_spec_parse(), @spec untouched on failure.
 */
int probe_spec_add_arg(struct probe_spec *spec, const char *text, struct kp_error *reterr);

/* "probe", "return", "call", "after": as the wire has it. Static. */
const char *probe_kind_name(enum probe_kind kind);
/* The kind of that name. False: there is none. */
bool probe_kind_of_name(const char *name, enum probe_kind *ret);
/* Whether such probes are the helper module's, and tracefs has none. */
bool probe_kind_is_helpers(enum probe_kind kind);
/* The most calls at once that one may follow; 0: it follows none. */
unsigned int probe_kind_maxactive(enum probe_kind kind);

/* Whether @spec can only be planted through the helper module: its kind, filter or histogram. */
bool probe_spec_is_helpers(const struct probe_spec *spec);
/* Of such one what it is that needs the module, for programs: "callProbes". Static. */
const char *probe_spec_feature(const struct probe_spec *spec);

/* Whether names may yet come of what is not compiled: "$arg*", or all that is known. */
bool probe_spec_has_unknown_names(const struct probe_spec *spec);

/* Whether @arg is "$arg*". */
bool probe_arg_is_all(const struct probe_arg *arg);

/* Releases what @arg owns. */
void probe_arg_done(struct probe_arg *arg);

/*
 * An argument's name from @name, cut to what the kernel takes, with "_@n" behind it when @n is
 * above
 * 1. *@ret is the caller's. 0 or -ENOMEM.
 */
int probe_arg_make_name(struct span name, unsigned int n, char **ret);

/* Whether @spec is at a place where its function's parameters, or its result, are to be had. */
bool probe_spec_has_parameters(const struct probe_spec *spec);

/* Whether an argument of @spec, or a field that every event has, is called @name. */
bool probe_spec_has_name(const struct probe_spec *spec, const char *name);

/* Whether the arguments have room in one event. 0 or -EINVAL with @reterr ("eventTooBig"). */
int probe_spec_check_size(const struct probe_spec *spec, struct kp_error *reterr);

/* Whether @name may be a probe's: [A-Za-z_][A-Za-z0-9_]*, 63 characters at most. */
bool probe_name_is_valid(const char *name);

/*
 * Whether @filter looks like a kernel event filter: balanced, known field names (the arguments of
 * @spec and the common_ fields), known operators that fit the field, below the kernel's page limit.
 * The kernel stays the judge; this one has positions, which count from the start of @filter. Fields
 * that come of expressions are known once those are compiled, and taken as they are before. 0 or
 * -EINVAL with @reterr (reason "badFilter").
 */
int probe_spec_check_filter(const struct probe_spec *spec, const char *filter,
			    struct kp_error *reterr);

/*
 * The definition in its normal form, as List shows it: parsing it gives an equal spec, but for
 * filter, histogram, stack, enabled, pending and wants_all, which a definition does not say. *@ret
 * is the caller's. 0 or -ENOMEM.
 */
int probe_spec_format(const struct probe_spec *spec, char **ret);

/*
 * The line for kprobe_events that plants @spec as @group/@event, every argument with its name and
 * an explicit type that all kernels from 6.1 on take (char as u8, symbol and symstr as x64), and
 * @extra (may be NULL) appended as a last argument. *@ret is the caller's. 0, -ENOMEM, -EOPNOTSUPP
 * for what is the helper module's, or -E2BIG when the line is longer, or has more arguments, than
 * the kernel takes. The one type not all
 * kernels know is %pd or %pD (6.9), which is written as it is.
 */
int probe_spec_format_kernel(const struct probe_spec *spec, const char *group, const char *event,
			     const char *extra, char **ret);

/*
 * Where character @kernel_position of the line made by probe_spec_format_kernel() stands in the
 * definition the spec was parsed from; -1 when it has no counterpart. Inside an argument that was
 * written otherwise than in its normal form it is the argument's start.
 */
int probe_spec_map_position(const struct probe_spec *spec, const char *group, const char *event,
			    int kernel_position);

/* Whether what the kernel fetches for @arg has a sign: its type begins with an s and is a number.
 */
bool probe_arg_is_signed(const struct probe_arg *arg);

/*
 * Same site, kind, maxactive, arguments, filter, histogram and stack: one kernel event can serve
 * both. Of compiled ones; wants_all is not looked at.
 */
bool probe_spec_equal(const struct probe_spec *a, const struct probe_spec *b);

/*
 * Parses @definition, a form of @base's, into @ret, with what a definition does not say (filter,
 * stack, enabled, pending) from @base. 0, -ENOMEM, or -EINVAL.
 */
int probe_spec_copy(const struct probe_spec *base, const char *definition, struct probe_spec *ret);

/* Adds a line to spec->notes. 0 or -ENOMEM. */
int probe_spec_note(struct probe_spec *spec, const char *note);

/* Releases what @spec owns; @spec may be used again after PROBE_SPEC_INIT. */
void probe_spec_done(struct probe_spec *spec);

#endif
