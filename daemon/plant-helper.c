/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See plant-helper.h. */
#include "plant-helper.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "helper-hist.h"
#include "plant.h"
#include "refusal.h"
#include "tracefs.h"

/* Of a cookie's lowest bit: a hit is recorded in the one instance it is for. */
static int set_filter(struct instance *i, bool is_needed)
{
	return instance_set_filter(i, PLANT_HIT_EVENT,
				   !is_needed	   ? NULL
				   : i->has_stacks ? "cookie & 1"
						   : "!(cookie & 1)");
}

static int record_in(struct helper_use *use, struct instance *i)
{
	struct instance *other = use->instances[!i->has_stacks];
	int r;

	/* Before it records. What has a stack must not come without one, even if nobody is there to
	   take it; a filter that is not needed costs time at each hit. */
	r = set_filter(i, i->has_stacks || other);
	if (r == 0 && other)
		r = set_filter(other, true);
	return r < 0 ? r : instance_enable(i, PLANT_HIT_EVENT, true);
}

static int learn_format(struct helper_use *use, struct reader *reader)
{
	_cleanup_free_ char *text = NULL;
	unsigned int offset;
	int r;

	r = tracefs_read_format(-1, PLANT_HIT_EVENT, &text);
	if (r == 0)
		r = event_format_parse(text, &use->format);
	if (r < 0)
		return r;
	r = decoder_hit_cookie(&use->format, &offset);
	if (r < 0)
		event_format_done(&use->format);
	else
		reader_set_hits(reader, use->format.id, offset);
	return r;
}

int helper_use_open(struct helper_use *use, struct reader *reader, const char *feature,
		    struct kp_error *e)
{
	int r;

	if (use->device)
		return 0;
	r = helper_open(NULL, &use->device, e);
	if (r < 0) {
		if (e->code == KP_HELPER_REQUIRED)
			snprintf(e->subject, sizeof(e->subject), "%s", feature);
		return r;
	}
	r = learn_format(use, reader);
	/* The module has been loaded anew, and its event with it. */
	for (size_t k = 0; k < ARRAY_SIZE(use->instances) && r == 0; k++)
		if (use->instances[k])
			r = record_in(use, use->instances[k]);
	if (r == 0)
		return 0;
	helper_use_close(use, reader);
	return kp_error_set(e, KP_HELPER_REQUIRED, -r, feature,
			    "the helper module is loaded, and its event " TRACEFS_GROUP
			    "/" PLANT_HIT_EVENT " cannot be used: %s",
			    strerror(-r));
}

void helper_use_close(struct helper_use *use, struct reader *reader)
{
	if (!use->device)
		return;
	use->device = helper_free(use->device);
	if (reader)
		reader_set_hits(reader, 0, 0);
	event_format_done(&use->format);
}

int helper_use_join(struct helper_use *use, struct instance *instance)
{
	int r = record_in(use, instance);

	if (r == 0)
		use->instances[instance->has_stacks] = instance;
	return r;
}

void helper_use_leave(struct helper_use *use, const struct instance *instance)
{
	struct instance *plain = use->instances[0];

	if (use->instances[instance->has_stacks] != instance)
		return;
	use->instances[instance->has_stacks] = NULL;
	if (instance->has_stacks && plain && use->device)
		set_filter(plain, false);
}

/* What was there before maxactive was raised: its calls are over, or are given up. */
static void drop_old(const struct helper_use *use, struct probe_helper *h)
{
	if (!h->old_id)
		return;
	if (use->device) {
		helper_counters(use->device, h->old_id, &h->old);
		helper_remove(use->device, h->old_id);
	}
	helper_sum_counters(&h->before, &h->old);
	h->old = (struct kprobed_counters){0};
	h->old_id = 0;
}

void plant_helper_poll(const struct helper_use *use, struct probe *probe)
{
	struct probe_helper *h = &probe->helper;

	if (h->id && use->device)
		helper_counters(use->device, h->id, &h->now);
	if (!h->old_id || !use->device)
		return;
	helper_counters(use->device, h->old_id, &h->old);
	if (h->old.in_flight == 0)
		drop_old(use, h);
}

void plant_helper_unmake(const struct helper_use *use, struct probe *probe)
{
	struct probe_helper *h = &probe->helper;

	drop_old(use, h);
	if (!h->id)
		return;
	/* In this order the last counts are final: but for calls that have not returned. */
	if (use->device) {
		helper_enable(use->device, h->id, false);
		helper_counters(use->device, h->id, &h->now);
		helper_remove(use->device, h->id);
	}
	helper_sum_counters(&h->before, &h->now);
	h->now = (struct kprobed_counters){0};
	h->id = 0;
	h->left_at = now_nsec();
	probe->is_enabled = false;
}

int plant_helper_enable(const struct helper_use *use, struct probe *probe, bool enable)
{
	int r = use->device && probe->helper.id
			? helper_enable(use->device, probe->helper.id, enable)
			: -ENODEV;

	if (r == 0)
		probe->is_enabled = enable;
	else if (r == -ENODEV)
		probe->is_enabled = false;
	return r;
}

/* The address of "SYM+0x12", a place as symbol-choice.c writes it. 0: it is not known. */
static uint64_t find_address(const struct symbols *symbols, const char *module, const char *symbol,
			     uint64_t offset)
{
	uint32_t cursor = SYMBOL_NONE;

	if (!symbols ||
	    symbols_next_named(symbols, symbol, module ? module : "", &cursor) == SYMBOL_NONE)
		return 0;
	return symbols_address(symbols, cursor) + offset;
}

/* A place whose name is not enough is counted from another: the module takes its address. */
static int locate_by_address(const struct plant *p, const char *text, struct helper_place *ret)
{
	_cleanup_free_ char *copy = strdup(text);
	char *plus, *colon, *symbol = copy;
	uint64_t offset = 0;

	if (!copy)
		return -ENOMEM;
	if (strncmp(copy, "0x", 2) == 0) {
		ret->address = strtoull(copy, NULL, 16);
		return 0;
	}
	plus = strrchr(copy, '+');
	if (plus) {
		*plus = '\0';
		offset = strtoull(plus + 1, NULL, 0);
	}
	colon = strchr(copy, ':');
	if (colon) {
		*colon = '\0';
		symbol = colon + 1;
	}
	ret->address = find_address(p->symbols, colon ? copy : NULL, symbol, offset);
	return ret->address ? 0 : -ENOENT;
}

/* @ret_text (the caller's) holds what the place borrows. */
static int locate(const struct plant *p, const struct probe *probe, struct helper_place *ret,
		  char **ret_text)
{
	const struct probe_spec *spec = &probe->spec;
	char *text;
	int r;

	*ret = (struct helper_place){0};
	if (spec->place)
		return locate_by_address(p, spec->place, ret);
	if (!spec->symbol) {
		ret->address = spec->address;
		return 0;
	}
	r = asprintf(&text, "%s%s%s", spec->module ? spec->module : "", spec->module ? ":" : "",
		     spec->symbol);
	if (r < 0)
		return -ENOMEM;
	*ret_text = text;
	ret->symbol = text;
	ret->offset = spec->offset;
	return 0;
}

static int explain(const struct plant *p, const struct probe *probe, int r,
		   const struct kprobed_add *add, struct kp_error *e)
{
	const struct kprobed_version *version = helper_version(p->helper->device);

	if (r == -EINVAL && add->bad_insn != ~0U)
		return kp_error_set(e, KP_KERNEL_REFUSED, EINVAL, probe->spec.symbol,
				    "the helper module refuses instruction %u of program %u",
				    add->bad_insn & 0xffff, add->bad_insn >> 16);
	if (r == -ENOSPC) {
		e->value = (long long)version->bytes_max;
		return kp_error_set(e, KP_LIMIT_REACHED, ENOSPC, "max_bytes",
				    "the helper module's memory is used up (its parameter "
				    "max_bytes, %" PRIu64 " bytes), or it has %u probes already",
				    (uint64_t)version->bytes_max, version->probes_max);
	}
	return refusal_explain(&probe->spec, probe->event, -r, p->symbols, e);
}

/* All that the module is given of a probe; the request borrows it. */
struct parts {
	struct helper_condition condition;
	struct kprobed_hist hist;
	char *place;
};

static void parts_done(struct parts *parts)
{
	helper_condition_done(&parts->condition);
	free(parts->place);
}

/*
 * Our own hits are filtered first of all. The instance has them excluded as well (design 9.1), but
 * the module would count as recorded what then is in no ring. A condition that has no room for this
 * goes without.
 */
static int exclude_own(struct helper_condition *c)
{
	const struct kprobed_insn insns[] = {
		{.op = KPROBED_COND_PID},
		{.op = KPROBED_COND_IMM, .imm = (uint64_t)getpid()},
		{.op = KPROBED_COND_NE},
		{.op = KPROBED_COND_AND},
	};
	size_t n = c->n_entry ? 4 : 3;
	struct kprobed_insn *all;

	if (c->n_entry + n > KPROBED_COND_MAX)
		return 0;
	all = realloc(c->entry, (c->n_entry + n) * sizeof(*all));
	if (!all)
		return -ENOMEM;
	memcpy(all + c->n_entry, insns, n * sizeof(*all));
	c->entry = all;
	c->n_entry += n;
	return 0;
}

/* The program stays, for the decoder and for conditions that are changed later. */
static int compile(const struct plant *p, struct probe *probe, struct parts *ret,
		   struct kp_error *e)
{
	struct helper_program *program = &probe->helper.program;
	int r;

	helper_program_done(program);
	r = helper_program_compile(&probe->spec, program, e);
	if (r == 0)
		r = helper_program_link(program, p->symbols, e);
	if (r == 0)
		r = helper_hist_compile(&probe->spec, program, &ret->hist, e);
	if (r == 0)
		r = helper_condition_of(&probe->spec, program, &ret->condition, e);
	return r < 0 ? r : exclude_own(&ret->condition);
}

static enum kprobed_kind kind_of(const struct probe_spec *spec)
{
	return spec->kind == PROBE_CALL	   ? KPROBED_CALL
	       : spec->kind == PROBE_AFTER ? KPROBED_AFTER
					   : KPROBED_ENTRY;
}

static int add_to_module(struct plant *p, struct probe *probe, unsigned int maxactive,
			 struct kp_error *e)
{
	const struct probe_spec *spec = &probe->spec;
	_cleanup_(parts_done) struct parts parts = {0};
	struct probe_helper *h = &probe->helper;
	struct helper_probe request = {
		.kind = kind_of(spec),
		.flags = KPROBED_DISABLED,
		.cookie = h->cookie,
		.maxactive = maxactive,
		.program = &h->program,
		.condition = &parts.condition,
		.hist = spec->hist ? &parts.hist : NULL,
	};
	struct kprobed_add add;
	int r;

	if (spec->hist && spec->hist->is_eventless)
		request.flags |= KPROBED_NO_EVENT;
	r = compile(p, probe, &parts, e);
	if (r < 0)
		return r;
	r = locate(p, probe, &request.place, &parts.place);
	if (r < 0)
		return kp_error_set(e, KP_NO_SUCH_SYMBOL, -r, spec->symbol,
				    "the address of %s is not known",
				    spec->symbol ? spec->symbol : probe->site);
	r = helper_add(p->helper->device, &request, &add);
	if (r < 0)
		return explain(p, probe, r, &add, e);
	h->id = add.id;
	h->maxactive = add.maxactive_used;
	h->hist_rows = add.hist_rows;
	h->hist_row_bytes = add.hist_row_bytes;
	return 0;
}

/* The decoder before, of a probe that is made anew, is the main thread's to free. */
static int bind_cookie(struct plant *p, struct probe *probe)
{
	struct decoder *decoder;
	int r;

	r = decoder_new_hit(&probe->spec, &probe->helper.program, &p->helper->format, probe->name,
			    probe->site, &decoder);
	if (r < 0)
		return kp_error_set(&p->error, KP_KERNEL_REFUSED, -r, NULL,
				    "the helper module's event is not what kprobed expects: %s",
				    strerror(-r));
	probe->old_decoder = probe->decoder;
	probe->decoder = decoder;
	hit_table_bind(reader_hits(p->reader), probe->helper.cookie, decoder, probe->source);
	return 0;
}

int plant_helper_make(struct plant *p, struct probe *probe)
{
	int r;

	plant_helper_unmake(p->helper, probe);
	r = add_to_module(p, probe, probe->maxactive ? probe->maxactive : probe->spec.maxactive,
			  &p->error);
	if (r == 0 && !p->is_dry_run)
		r = bind_cookie(p, probe);
	if (r < 0)
		plant_helper_unmake(p->helper, probe);
	return r;
}

/* Both have the same cookie, so that calls under way are recorded when they return. */
int plant_helper_raise(struct plant *p, struct probe *probe, unsigned int maxactive)
{
	struct probe_helper *h = &probe->helper;
	struct helper *device = p->helper->device;
	uint32_t old = h->id;
	int r;

	if (!device || !old)
		return -ENODEV;
	drop_old(p->helper, h);
	r = add_to_module(p, probe, maxactive, &p->error);
	if (r < 0)
		return r;
	helper_enable(device, old, false);
	r = helper_enable(device, h->id, true);
	if (r < 0) {
		helper_remove(device, h->id);
		h->id = old;
		helper_enable(device, old, true);
		return r;
	}
	h->old_id = old;
	h->now = (struct kprobed_counters){0};
	plant_helper_poll(p->helper, probe);
	return 0;
}
