/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See probe.h. */
#include "probe.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utlist.h>

#include "helper.h"
#include "strutil.h"

int probe_new(struct probe_spec *spec, struct probe **ret)
{
	_cleanup_(probe_freep) struct probe *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return -ENOMEM;
	r = probe_spec_format(spec, &p->definition);
	if (r < 0)
		return r;
	if (spec->symbol)
		snprintf(p->site, sizeof(p->site), "%s+0x%llx", spec->symbol,
			 (unsigned long long)spec->offset);
	else
		snprintf(p->site, sizeof(p->site), "0x%llx", (unsigned long long)spec->address);
	p->module_id = spec->module ? probe_module_id(spec->module) : 0;
	p->was_armed = p->module_id != 0;
	p->helper.is_used = probe_spec_is_helpers(spec);
	p->spec = *spec;
	*spec = PROBE_SPEC_INIT;
	*ret = take_ptr(p);
	return 0;
}

struct probe *probe_free(struct probe *p)
{
	while (p->owners)
		probe_drop_owner(p, p->owners);
	if (p->decoder)
		decoder_free(p->decoder);
	probe_drop_old_decoder(p);
	helper_program_done(&p->helper.program);
	probe_spec_done(&p->spec);
	free(p->definition);
	free(p->trouble);
	free(p);
	return NULL;
}

bool probe_is_planted(const struct probe *p)
{
	return p->type || p->helper.id;
}

struct kprobed_counters probe_counters(const struct probe *p)
{
	struct kprobed_counters c = p->helper.now;

	helper_sum_counters(&c, &p->helper.old);
	helper_sum_counters(&c, &p->helper.before);
	return c;
}

void probe_drop_old_decoder(struct probe *p)
{
	if (p->old_decoder)
		p->old_decoder = decoder_free(p->old_decoder);
}

bool probe_is_parked(const struct probe *p)
{
	return !p->owners;
}

unsigned int probe_default_maxactive(void)
{
	static unsigned int most; /* glibc reads a file each time; possible CPUs stay the same */

	if (!most) {
		long n = 2 * sysconf(_SC_NPROCESSORS_CONF);

		most = n > 10 ? (unsigned int)n : 10;
	}
	return most;
}

uint64_t probe_module_id(const char *module)
{
	char path[128];
	struct stat st;

	/* What is built in has a folder there as well, but never begins. */
	snprintf(path, sizeof(path), "/sys/module/%s/initstate", module);
	return stat(path, &st) == 0 ? st.st_ino : 0;
}

bool probe_module_is_loaded(const char *module)
{
	return probe_module_id(module) != 0;
}

const char *probe_method(const struct probe *p)
{
	if (!p->is_enabled)
		return NULL;
	return p->helper.is_used ? "helper" : p->method;
}

const char *probe_state(const struct probe *p)
{
	if (p->is_gone)
		return "gone";
	if (p->spec.module && (p->module_id == 0 || p->trouble || p->spec.waits))
		return p->was_armed ? "gone" : "pending";
	return p->is_enabled ? "enabled" : "disabled";
}

bool probe_is_wanted(const struct probe *p)
{
	const struct probe_owner *o;

	DL_FOREACH (p->owners, o) {
		if (!o->is_disabled)
			return true;
	}
	return false;
}

struct probe_owner *probe_find_claim(const struct probe *p, const struct requester *who)
{
	struct probe_owner *o;

	DL_FOREACH (p->owners, o) {
		if (o->who.session == who->session)
			return o;
	}
	DL_FOREACH (p->owners, o) {
		if (o->lifetime == LIFETIME_DAEMON && o->who.uid == who->uid)
			return o;
	}
	return NULL;
}

int probe_add_owner(struct probe *p, const struct requester *who, enum probe_lifetime lifetime,
		    bool is_disabled)
{
	struct probe_owner *o = calloc(1, sizeof(*o));

	if (!o)
		return -ENOMEM;
	o->who = *who;
	o->lifetime = lifetime;
	o->is_disabled = is_disabled;
	DL_APPEND(p->owners, o);
	return 0;
}

void probe_drop_owner(struct probe *p, struct probe_owner *owner)
{
	DL_DELETE(p->owners, owner);
	free(owner);
}

void registry_insert(struct registry *r, struct probe *p)
{
	DL_APPEND(r->all, p);
	HASH_ADD_KEYPTR(by_event, r->events, p->event, strlen(p->event), p);
	r->n_parked++;
	if (p->owners)
		registry_unpark(r, p);
}

void registry_park(struct registry *r, struct probe *p)
{
	HASH_DELETE(by_name, r->names, p);
	r->n_live--;
	r->n_parked++;
}

void registry_unpark(struct registry *r, struct probe *p)
{
	HASH_ADD_KEYPTR(by_name, r->names, p->name, strlen(p->name), p);
	r->n_live++;
	r->n_parked--;
}

void registry_remove(struct registry *r, struct probe *p)
{
	if (p->owners)
		registry_park(r, p);
	r->n_parked--;
	HASH_DELETE(by_event, r->events, p);
	DL_DELETE(r->all, p);
}

void registry_change_event(struct registry *r, struct probe *p, const char *event)
{
	HASH_DELETE(by_event, r->events, p);
	snprintf(p->event, sizeof(p->event), "%s", event);
	HASH_ADD_KEYPTR(by_event, r->events, p->event, strlen(p->event), p);
}

struct probe *registry_find_name(const struct registry *r, const char *name)
{
	struct probe *p;

	HASH_FIND(by_name, r->names, name, strlen(name), p);
	return p;
}

struct probe *registry_find_event(const struct registry *r, const char *event)
{
	struct probe *p;

	HASH_FIND(by_event, r->events, event, strlen(event), p);
	return p;
}

struct probe *registry_find_equal(const struct registry *r, const struct probe_spec *spec,
				  const char *name)
{
	struct probe *p;

	DL_FOREACH (r->all, p) {
		if (p->owners && !p->is_gone && (!name || strcmp(p->name, name) == 0) &&
		    probe_spec_equal(&p->spec, spec))
			return p;
	}
	return NULL;
}

struct probe *registry_find_parked(const struct registry *r, const struct probe_spec *spec,
				   const char *name)
{
	struct probe *p;

	DL_FOREACH (r->all, p) {
		if (!p->owners && p->type && !p->is_gone && strcmp(p->name, name) == 0 &&
		    probe_spec_equal(&p->spec, spec))
			return p;
	}
	return NULL;
}

bool probe_matches(const struct probe *p, const char *selector)
{
	return strcmp(p->name, selector) == 0 || strcmp(p->id_text, selector) == 0 ||
	       (str_is_glob(selector) && str_glob_match(selector, p->name));
}

void registry_make_name(const struct registry *r, const struct probe_spec *spec, char *buf,
			size_t size)
{
	char base[48];
	int n;

	if (spec->symbol)
		n = snprintf(base, sizeof(base), "%.40s", spec->symbol);
	else
		n = snprintf(base, sizeof(base), "at_%llx", (unsigned long long)spec->address);
	for (int i = 0; i < n && i < (int)sizeof(base); i++)
		if (!isalnum((unsigned char)base[i]))
			base[i] = '_';
	if (isdigit((unsigned char)base[0]))
		base[0] = '_';

	if (spec->kind == PROBE_RETURN || spec->kind == PROBE_CALL)
		n = snprintf(buf, size, "%s_%s", base, probe_kind_name(spec->kind));
	else if (spec->offset)
		n = snprintf(buf, size, "%s_0x%x", base, (unsigned int)spec->offset);
	else
		n = snprintf(buf, size, "%s", base);
	for (unsigned int i = 2; registry_find_name(r, buf); i++)
		snprintf(buf + n, size - (size_t)n, "_%u", i);
}

unsigned int registry_count_session(const struct registry *r, uint64_t session)
{
	const struct probe *p;
	unsigned int n = 0;

	DL_FOREACH (r->all, p) {
		n += p->owners && p->owners->who.session == session;
	}
	return n;
}

unsigned int registry_count_uid(const struct registry *r, uid_t uid)
{
	const struct probe *p;
	unsigned int n = 0;

	DL_FOREACH (r->all, p) {
		n += p->owners && p->owners->who.uid == uid;
	}
	return n;
}
