/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * The ioctls of /dev/kprobed, kprobed's helper module: call probes, after-instruction probes, early
 * filters and histograms.
 *
 * A probe belongs to the open file that added it and ends with it. Its events are the trace event
 * kprobed:kprobed_hit, told apart by the cookie they carry.
 *
 * Every request points to a structure that begins with its own size, and may grow: what a caller
 * leaves out counts as zero, what the module does not know must be zero. All fields called
 * "reserved" must be zero. Pointers are passed as u64. What every request may fail with:
 *
 *   EFAULT   a pointer that cannot be read or written
 *   EINVAL   a size smaller than the first version's, or a field out of its range
 *   E2BIG    a size over 4096, or bytes that are not zero behind what the module knows
 *   ENOTTY   an unknown request
 *   EINTR    a signal while it waited for another request on the same file
 *
 * The size in the request's number is not looked at.
 */
#ifndef KPROBED_IOCTL_H
#define KPROBED_IOCTL_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define KPROBED_DEVICE "/dev/kprobed"
/* Raised when something that is here changes its meaning; never for what is only added. */
#define KPROBED_ABI 2

/* Limits. KPROBED_VERSION tells those of the module that is there. */
#define KPROBED_FETCH_MAX     256   /* instructions of a fetch program */
#define KPROBED_COND_MAX      128   /* instructions of a condition */
#define KPROBED_DEPTH_MAX     16    /* values on a condition's stack */
#define KPROBED_ARGS_MAX      64    /* arguments of a probe, both programs together */
#define KPROBED_TEXT_MAX      4096  /* bytes of literals that conditions compare with */
#define KPROBED_PART_MAX      1536  /* bytes that one fetch program may record */
#define KPROBED_STRING_MAX    1024  /* bytes of one string, its NUL included */
#define KPROBED_SYMBOL_MAX    256   /* bytes of a symbol, its NUL included */
#define KPROBED_MAXACTIVE_MAX 65536 /* calls under way */
#define KPROBED_BUCKETS_MAX   1024  /* of a linear histogram */
#define KPROBED_KEYS_MAX      4096  /* of a histogram, on each CPU */
#define KPROBED_COMM_LEN      16

/* Bits of kprobed_version.features */
#define KPROBED_FEATURE_CALL  (1ULL << 0)
#define KPROBED_FEATURE_AFTER (1ULL << 1)
#define KPROBED_FEATURE_ENTRY (1ULL << 2)
#define KPROBED_FEATURE_COND  (1ULL << 3)
#define KPROBED_FEATURE_HIST  (1ULL << 4)

/* KPROBED_VERSION: all of it is answered. */
struct kprobed_version {
	__u32 size;
	__u32 abi; /* KPROBED_ABI of the module */
	__u64 features;
	__u32 fetch_max, cond_max, args_max, part_max;
	__u32 maxactive_max, probes_max; /* probes of one open file */
	__u64 bytes_max,
		bytes_used; /* memory for instances and histograms, of all files together */
};

/*
 * An instruction of a fetch program or of a condition.
 *
 * A FETCH PROGRAM has one value, at first zero, that instructions load, follow and record. What is
 * recorded is one part of an event's data: first the fixed bytes, in the order of the program and
 * packed, numbers in the machine's byte order; behind them the bytes of strings. A string's fixed
 * bytes are a u32: in the low half where it begins, from the part's first byte, in the high
 * half how many bytes it has, its NUL included. A string that could not be read has the length 0.
 *
 * A value that cannot be read leaves zeros, and its argument's bit set in the event's "faults". It
 * does so until the next instruction that loads. `arg` is the argument's number, for that bit.
 *
 * Where the addresses of programs and of the kernel do not overlap (x86-64), an address of a
 * program is read as such by all instructions: those for the kernel's memory as well.
 */
struct kprobed_insn {
	__u8 op;
	__u8 arg;
	__u16 n;
	__u32 len;
	__u64 imm;
};

enum kprobed_fetch_op {
	/* Load. imm of REG: the register's offset in struct pt_regs (<asm/ptrace.h>), a multiple
	   of 8. */
	KPROBED_FETCH_REG = 1,
	KPROBED_FETCH_STACK, /* imm: which word of the stack, from 0, at most 511 */
	KPROBED_FETCH_SP,    /* the stack pointer */
	KPROBED_FETCH_IMM,   /* imm */
	KPROBED_FETCH_RET,   /* the return value; only in a return program */
	KPROBED_FETCH_TASK,  /* the current task's address */
	/* Follow. */
	KPROBED_FETCH_ADD,    /* imm is added */
	KPROBED_FETCH_DEREF,  /* the u64 at value + imm, in the kernel's memory */
	KPROBED_FETCH_UDEREF, /* the same in the user's */
	KPROBED_FETCH_BITS,   /* n: lowest bit, len: how many (n + len <= 64), imm: 1 if signed */
	/* Record. */
	KPROBED_FETCH_STORE, /* the low n bytes of the value: 1, 2, 4 or 8 */
	KPROBED_FETCH_MEM,   /* len bytes at value + imm, in the kernel's memory: 1 to part_max */
	KPROBED_FETCH_UMEM,  /* the same in the user's */
	KPROBED_FETCH_STR,   /* the string at value + imm, cut at len - 1 bytes: len 2 to string max
			      */
	KPROBED_FETCH_USTR,  /* the same in the user's */
	KPROBED_FETCH_COMM,  /* the current task's name: KPROBED_COMM_LEN bytes */
};

/*
 * A CONDITION is postfix: instructions push values of 64 bits and take them off again; exactly one
 * is left in the end, and the hit counts if it is not zero. Comparisons push 0 or 1.
 *
 * ARG and the string comparisons name what a fetch program has recorded by where: n & 1 is the part
 * (0 entry, 1 return) and len the offset of its fixed bytes; there must be a record that
 * begins there. ARG reads a number of 1, 2, 4 or 8 bytes, recorded by STORE, MEM or UMEM: the size
 * is in imm, with KPROBED_SIGNED for one whose sign counts. An argument that could not be read is
 * 0, or an empty string; FAULTED (arg: its number) tells.
 * RET has the return value: all of it if imm is 0, else as many bytes as imm says, given as ARG
 * gives them. What is above the width of a function's result is undefined.
 * The string comparisons find their literal in the text of kprobed_add: imm is its offset in the
 * low 32 bits, and its length, without a NUL, in the high 32.
 *
 * The entry condition may use neither the return part nor RET and DURATION. A condition without
 * ARG, FAULTED and strings is evaluated before anything is fetched.
 */
enum kprobed_cond_op {
	KPROBED_COND_IMM = 1,
	KPROBED_COND_ARG,
	KPROBED_COND_FAULTED,
	KPROBED_COND_RET,
	KPROBED_COND_DURATION, /* nanoseconds */
	KPROBED_COND_PID,      /* of the process, in the first namespace, as TID */
	KPROBED_COND_TID,
	KPROBED_COND_UID,     /* in the first namespace */
	KPROBED_COND_CGROUP,  /* the id of the task's group in cgroup v2, 0 if there is none */
	KPROBED_COND_KTHREAD, /* 1 for a kernel thread, else 0 */
	KPROBED_COND_EQ,
	KPROBED_COND_NE,
	KPROBED_COND_LT, /* unsigned, as LE, GT and GE */
	KPROBED_COND_LE,
	KPROBED_COND_GT,
	KPROBED_COND_GE,
	KPROBED_COND_SLT, /* signed */
	KPROBED_COND_SLE,
	KPROBED_COND_SGT,
	KPROBED_COND_SGE,
	KPROBED_COND_BITAND, /* of both values' bits */
	KPROBED_COND_AND,    /* logical, as OR and NOT */
	KPROBED_COND_OR,
	KPROBED_COND_NOT,
	KPROBED_COND_STREQ,	/* the string is the literal */
	KPROBED_COND_STRPREFIX, /* the string begins with it */
	KPROBED_COND_COMMEQ,	/* the same of the current task's name */
	KPROBED_COND_COMMPREFIX,
};
#define KPROBED_SIGNED 0x100

/* What a histogram counts, and by what it tells apart */
enum kprobed_hist_value {
	KPROBED_HIST_NONE = 0, /* there is no histogram: all else of kprobed_hist is zero */
	KPROBED_HIST_DURATION,
	KPROBED_HIST_RET,
	KPROBED_HIST_ARG, /* a number, given as COND_ARG gives it */
};

enum kprobed_hist_scale {
	KPROBED_LOG2 =
		0,	/* 65 buckets: bucket 0 holds 0, bucket i what is from 2^(i-1) below 2^i */
	KPROBED_LINEAR, /* bucket i holds what is from min + i * width below min + (i + 1) * width
			 */
};

enum kprobed_hist_key {
	KPROBED_KEY_NONE = 0,
	KPROBED_KEY_COMM,
	KPROBED_KEY_TID,
	KPROBED_KEY_PID,
	KPROBED_KEY_ARG, /* a number, given as COND_ARG gives it */
};

struct kprobed_hist {
	__u32 value;
	__u32 scale;
	__u64 value_imm; /* of KPROBED_HIST_ARG: as imm, n and len of COND_ARG; of RET: as COND_RET
			  */
	__u32 value_len;
	__u16 value_n;
	__u16 key_n;
	__u32 key_len;
	__u32 key;
	__u64 key_imm;
	__s64 min;     /* of a linear one; all values are signed there */
	__u64 width;   /* at least 1 */
	__u32 buckets; /* of a linear one: 1 to KPROBED_BUCKETS_MAX; log2: 0 */
	__u32 keys;    /* room for them on each CPU: 1 to KPROBED_KEYS_MAX; no key: 0 */
};

enum kprobed_kind {
	KPROBED_CALL = 1, /* one event a call, at its return, with what it got and gave */
	KPROBED_AFTER,	  /* after the instruction; where a function begins, its nop for tracers */
	KPROBED_ENTRY,	  /* before it is */
};

/* Bits of kprobed_add.flags */
#define KPROBED_SKIP_KTHREADS (1ULL << 0) /* hits in kernel threads are filtered, first of all */
#define KPROBED_DISABLED      (1ULL << 1) /* added, but not enabled */
#define KPROBED_NO_EVENT      (1ULL << 2) /* counters and histogram only */

/*
 * KPROBED_ADD. `return_*` and `maxactive` are for call probes; for others they are zero. On failure
 * nothing was added.
 *
 *   ENOENT   there is no such symbol, or no code at the address
 *   EINVAL   a program that is refused: bad_insn says which. With ~0 in bad_insn: fields
 *            that do not fit together, or a place that the kernel refuses so: it is
 *            blacklisted, within an instruction, or for a call probe not where a
 *            function begins; on some kernels also an unknown symbol
 *   ENOSPC   the file has all probes that it may have, or memory is used up (bytes_max)
 *   ENOMEM   the kernel has no memory
 * and whatever else register_kprobe() says of the place (EBUSY, EILSEQ, ...).
 */
struct kprobed_add {
	__u32 size;
	__u32 kind;
	__u64 flags;
	__u64 cookie;  /* comes with each event */
	__u64 symbol;  /* NUL-terminated, "SYM" or "MODULE:SYM"; or 0 and: */
	__u64 address; /* where, if there is no symbol; else 0 */
	__u64 offset;  /* from the symbol; 0 with an address and for call probes */
	__u64 entry_fetch, return_fetch; /* struct kprobed_insn[] */
	__u64 entry_cond, return_cond;	 /* struct kprobed_insn[] */
	__u64 text;			 /* of the conditions' literals */
	__u32 n_entry_fetch, n_return_fetch;
	__u32 n_entry_cond, n_return_cond; /* 0: no condition */
	__u32 text_len;
	__u32 maxactive; /* calls under way; 0: the kernel's default */
	struct kprobed_hist hist;
	/* Answered: */
	__u32 id; /* of the probe, for all other requests on this file; never 0 */
	__u32 maxactive_used;
	__u32 entry_bytes, return_bytes; /* fixed bytes of each part */
	__u32 hist_row_bytes;		 /* of a row that KPROBED_HIST gives */
	__u32 hist_rows;		 /* at most; fixed for the probe's life */
	__u32 bad_insn; /* also when refused with EINVAL: program << 16 | instruction, else ~0 */
	__u32 reserved;
};

enum kprobed_program {
	KPROBED_PROGRAM_ENTRY_FETCH = 1,
	KPROBED_PROGRAM_RETURN_FETCH,
	KPROBED_PROGRAM_ENTRY_COND,
	KPROBED_PROGRAM_RETURN_COND,
	KPROBED_PROGRAM_HIST, /* instruction 0: its value, 1: its key */
};

/* KPROBED_REMOVE, KPROBED_ENABLE, KPROBED_DISABLE. ENOENT: the file has no such probe. ENODEV: what
 * it was in is gone (a module was unloaded); only removing is left. */
struct kprobed_id {
	__u32 size;
	__u32 id;
};

/*
 * KPROBED_COUNTERS. Each hit is in exactly one of recorded, unheard, counted, filtered, dropped,
 * missed_instance, or for a call probe `in_flight` until it returns:
 *   hits = recorded + unheard + counted + filtered + dropped + missed_instance + in_flight
 * as soon as nothing is on its way; a reader that is quicker may find a hit in none of them yet.
 * missed_recursion is beside `hits`: the kernel did not call the probe at all. ENOENT as above.
 */
struct kprobed_counters {
	__u32 size;
	__u32 id;
	__u64 hits;
	__u64 recorded;		/* given to the trace event */
	__u64 unheard;		/* not, because nobody has it enabled */
	__u64 counted;		/* not, because of KPROBED_NO_EVENT */
	__u64 filtered;		/* by SKIP_KTHREADS or a condition */
	__u64 dropped;		/* hit inside another hit's handling (NMI), with no buffer left */
	__u64 missed_instance;	/* no free instance: more calls under way than maxactive */
	__u64 missed_recursion; /* inside another kprobe's handling */
	__u64 in_flight;	/* calls that have not returned */
	__u64 faults;		/* hits that had an argument that could not be read */
	__u64 hist_overflow;	/* values that found no room for their key */
	__u32 state;		/* KPROBED_IS_ENABLED | KPROBED_IS_GONE */
	__u32 reserved;
};
#define KPROBED_IS_ENABLED 1
#define KPROBED_IS_GONE	   2

/*
 * KPROBED_HIST: rows into `rows`, which has room for `n_rows` of hist_row_bytes each: one for each
 * CPU and key that has counted anything. `n_rows` is answered. With KPROBED_HIST_RESET all counts
 * and keys are taken out: each value is in exactly one such answer. A reset that fails with EFAULT
 * has lost them.
 *
 *   ENOENT  no such probe, or it has no histogram
 *   ENOSPC  n_rows is less than the probe's hist_rows; nothing was read
 *   ENOMEM  the kernel has no memory; nothing was read
 */
struct kprobed_hist_read {
	__u32 size;
	__u32 id;
	__u64 rows;
	__u32 n_rows;
	__u32 flags;
};
#define KPROBED_HIST_RESET 1

struct kprobed_hist_row {
	__u32 cpu;
	__u32 reserved;
	__u64 key[2]; /* a number and 0; or the name, zeros behind it; or zeros */
	__u64 under;  /* values below a linear one's min */
	__u64 over;   /* and above its last bucket */
	__u64 sum;    /* of all values, modulo 2^64 */
	__u64 buckets[];
};

#define KPROBED_MAGIC	 0xB7
#define KPROBED_VERSION	 _IOWR(KPROBED_MAGIC, 0, struct kprobed_version)
#define KPROBED_ADD	 _IOWR(KPROBED_MAGIC, 1, struct kprobed_add)
#define KPROBED_REMOVE	 _IOW(KPROBED_MAGIC, 2, struct kprobed_id)
#define KPROBED_ENABLE	 _IOW(KPROBED_MAGIC, 3, struct kprobed_id)
#define KPROBED_DISABLE	 _IOW(KPROBED_MAGIC, 4, struct kprobed_id)
#define KPROBED_COUNTERS _IOWR(KPROBED_MAGIC, 5, struct kprobed_counters)
#define KPROBED_HIST	 _IOWR(KPROBED_MAGIC, 6, struct kprobed_hist_read)

/*
 * The trace event kprobed:kprobed_hit, field by field as in its format file (which counts):
 *   u64 cookie       kprobed_add.cookie
 *   u64 time         of a call: the nanoseconds that it took; or, with KPROBED_HIT_BEGAN, when it
 *                    began (CLOCK_MONOTONIC), and it ended when the event was recorded, whose own
 *                    time says so where the buffer's clock is "mono". Else 0
 *   u64 ret          what the call returned, else 0
 *   u64 caller       where the call returns to, else 0
 *   u64 faults       a bit for each argument that could not be read
 *   u32 pid          of the process (common_pid is the thread's)
 *   u16 entry_len    bytes of the entry part at the beginning of data
 *   u8  kind         enum kprobed_kind
 *   u8  flags        KPROBED_HIT_*
 *   u8[] data        the entry part, then the return part
 */
#define KPROBED_HIT_BEGAN 1

#endif
