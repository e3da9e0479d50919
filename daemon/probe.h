/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A probe, and the registry of all of them.
 *
 * A probe is one kernel event in the group "kprobed", with the owners that asked for it. One
 * without owners is *parked*: its event stays in the kernel, disabled, until its instance goes
 * (design 9.2) or the same definition comes back. A probe knows its owners by uid and by the id of
 * their session, never the session itself.
 *
 * The registry belongs to the main thread. While an operation runs (control.h), the kernel side of
 * the probes it concerns belongs to the worker.
 */
#ifndef KP_PROBE_H
#define KP_PROBE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <uthash.h>

#include "cleanup.h"
#include "decode.h"
#include "helper-program.h"
#include "instance.h"
#include "probe-spec.h"

#define PROBE_COMM_MAX 16 /* TASK_COMM_LEN */

/* Who asks for something. */
struct requester {
	uint64_t session;
	uid_t uid;
	gid_t gid;
	pid_t pid;
	char comm[PROBE_COMM_MAX];
	bool is_manager; /* may act on the probes of others */
};

enum probe_lifetime {
	LIFETIME_CONNECTION,
	LIFETIME_DAEMON,
};

struct probe_owner {
	struct requester who;
	enum probe_lifetime lifetime;
	bool is_disabled;
	struct probe_owner *next, *prev;
};

/*
 * What the helper module has of a probe. The kernel side, but for what is said to be the main
 * thread's.
 */
struct probe_helper {
	bool is_used;	  /* it is planted through the module, not through tracefs; never changes */
	bool is_leaving;  /* the main thread's: to be taken out, not only disabled */
	uint32_t id;	  /* the module's; 0: it has none */
	uint32_t old_id;  /* disabled when maxactive was raised, with calls under way; 0: none */
	uint64_t cookie;  /* the main thread's: taken from the reader's hit table; 0: none */
	uint64_t left_at; /* CLOCK_MONOTONIC ns when it was taken out, 0: was not, or all is read */
	struct helper_program program; /* owned */
	unsigned int maxactive;
	uint32_t hist_rows, hist_row_bytes;
	struct kprobed_counters now;	/* as last read, of id */
	struct kprobed_counters old;	/* as last read, of old_id */
	struct kprobed_counters before; /* of what it was before it was made anew */
};

/* What probe-ledger.c has worked out, of this life of the probe. */
struct probe_ledger {
	/* At the last look: hits that were run, those that should become events, and misses. */
	uint64_t ran, expected, no_instance;
	uint64_t expected_base; /* of the helper's: when this life began */
	bool is_quiet;		/* it was the same at the look before */
	bool is_open;		/* not settled yet */
	uint64_t recorded;	/* when it was */
	uint64_t unrecorded;	/* hits that have not become events, and will not */
	/* What would have been enough; 0: what there is, is. */
	uint64_t ring_bytes;
	unsigned int maxactive;
};

struct probe {
	uint32_t id;
	char id_text[12];
	char name[PROBE_NAME_MAX + 1];
	struct probe_spec spec; /* owned */
	char *definition;	/* owned: the normal form */
	char site[SYMBOL_TEXT_MAX];
	struct probe_owner *owners; /* owned; none: parked */
	uint64_t created_usec;	    /* CLOCK_REALTIME */

	/* The kernel side. */
	char event[PROBE_NAME_MAX + 1];
	struct instance *instance;   /* borrowed */
	struct decoder *decoder;     /* owned */
	struct decoder *old_decoder; /* owned: what it was before the probe was made anew */
	unsigned int type;	     /* the event's id; 0: none of its own in the kernel */
	unsigned int source;	     /* in the event log; 0: none */
	bool is_enabled;
	bool was_enabled;	 /* ever, in this instance */
	bool is_temporary;	 /* for a dry run: never seen again */
	unsigned int maxactive;	 /* what it was raised to; 0: as the spec says */
	uint64_t missed_lately;	 /* with auto_maxactive: since it was looked at */
	bool is_maxactive_final; /* it is not raised any more */
	bool is_gone;		 /* somebody else removed the event */
	uint64_t module_id; /* of its module as it was last seen; 0: not loaded, or no module */
	bool was_armed;	    /* its module has been there */
	char *trouble;	    /* owned: why it is not armed though its module is there; NULL */

	/* kprobe_profile, and where it stood when the probe began (an event may be used again). */
	uint64_t hits, missed;
	uint64_t hits_base, missed_base;
	uint64_t hits_before, missed_before; /* of the events it had before maxactive was raised */
	/* Of one of the helper's: all it has counted, and what of its misses has been told. */
	struct kprobed_counters counters;
	uint64_t told_instance, told_recursion;
	uint64_t events_base;
	uint64_t polled_at; /* CLOCK_MONOTONIC, ns */
	const char *method; /* static; NULL: not known */
	struct probe_helper helper;
	struct probe_ledger ledger;

	struct probe *next, *prev; /* all of the registry */
	UT_hash_handle by_name;	   /* probes with owners */
	UT_hash_handle by_event;
};

struct registry {
	struct probe *all;
	struct probe *names;
	struct probe *events;
	unsigned int n_live;
	unsigned int n_parked;
	unsigned int n_enabled;
};

/* A probe made of @spec, which it takes over on success. */
int probe_new(struct probe_spec *spec, struct probe **ret);
struct probe *probe_free(struct probe *p);
DEFINE_CLEANUP(struct probe *, probe_free);

bool probe_is_parked(const struct probe *p);
/* What the kernel takes for r without a number: max(10, 2 * possible CPUs), kernel/kprobes.c. */
unsigned int probe_default_maxactive(void);
/* Without it the kernel takes a probe in silence and waits (design 9.6). */
bool probe_module_is_loaded(const char *module);
/* A number that each loading of a module has another of; 0: it is not loaded. */
uint64_t probe_module_id(const char *module);
/* Whether the kernel has it. */
bool probe_is_planted(const struct probe *p);
/* Of a probe of the helper module: all that it has counted. */
struct kprobed_counters probe_counters(const struct probe *p);
/* After an operation that made it anew: nothing uses the old decoder any more. */
void probe_drop_old_decoder(struct probe *p);
/* "enabled", "disabled", "pending" or "gone"; static. */
const char *probe_state(const struct probe *p);
/* How the kernel reaches it, as the wire says it; NULL: disabled, or not known. Static. */
const char *probe_method(const struct probe *p);
/* Whether any owner wants it to record. */
bool probe_is_wanted(const struct probe *p);

/* The claim of @who: its session's, or, of those that live with the daemon, its user's. */
struct probe_owner *probe_find_claim(const struct probe *p, const struct requester *who);
int probe_add_owner(struct probe *p, const struct requester *who, enum probe_lifetime lifetime,
		    bool is_disabled);
void probe_drop_owner(struct probe *p, struct probe_owner *owner);

/* Registers @p under its event and, once it has owners, its name. */
void registry_insert(struct registry *r, struct probe *p);
/* Its last owner has gone, or its first has come. */
void registry_park(struct registry *r, struct probe *p);
void registry_unpark(struct registry *r, struct probe *p);
void registry_remove(struct registry *r, struct probe *p);
/* @p has another event from now on. */
void registry_change_event(struct registry *r, struct probe *p, const char *event);

struct probe *registry_find_name(const struct registry *r, const char *name);
struct probe *registry_find_event(const struct registry *r, const char *event);
/* A live probe with an equal definition, under @name (NULL: any). */
struct probe *registry_find_equal(const struct registry *r, const struct probe_spec *spec,
				  const char *name);
/* A parked one under exactly that name. */
struct probe *registry_find_parked(const struct registry *r, const struct probe_spec *spec,
				   const char *name);

/* Whether @selector (an id, a name or a glob) means @p. */
bool probe_matches(const struct probe *p, const char *selector);

/* A free name made from the symbol of @spec. */
void registry_make_name(const struct registry *r, const struct probe_spec *spec, char *buf,
			size_t size);

unsigned int registry_count_session(const struct registry *r, uint64_t session);
unsigned int registry_count_uid(const struct registry *r, uid_t uid);

#endif
