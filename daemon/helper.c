/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See helper.h. */
#include "helper.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

struct helper {
	int fd; /* owned */
	struct kprobed_version version;
};

static int request(int fd, unsigned long number, void *arg)
{
	/* Interrupted while it waited for another request: there are no others. */
	while (ioctl(fd, number, arg) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

static int refuse(struct kp_error *e, const char *reason, int err, const char *message,
		  const char *hint)
{
	if (!e || e->code != KP_OK)
		return -err;
	kp_error_set(e, KP_HELPER_REQUIRED, err, NULL, "%s", message);
	snprintf(e->reason, sizeof(e->reason), "%s", reason);
	snprintf(e->hint, sizeof(e->hint), "%s", hint);
	return -err;
}

static int refuse_open(struct kp_error *e, int err)
{
	char message[128];

	if (err == ENOENT || err == ENXIO || err == ENODEV)
		return refuse(
			e, "notLoaded", err,
			"the helper module kprobed.ko is not loaded: there is no " KPROBED_DEVICE,
			"load it with `modprobe kprobed`; if there is none for this kernel, "
			"`make install-dkms` and `dkms install kprobed/" PACKAGE_VERSION
			"` in kprobed's source build it");
	if (err == EACCES || err == EPERM)
		return refuse(
			e, "notAllowed", err, "kprobed may not open " KPROBED_DEVICE,
			"it takes root with CAP_PERFMON, and DeviceAllow= in kprobed.service");
	snprintf(message, sizeof(message), "cannot open " KPROBED_DEVICE ": %s", strerror(err));
	return refuse(e, "failed", err, message, "");
}

int helper_check(const struct kprobed_version *version, struct kp_error *reterr)
{
	char message[160];

	if (version->abi == KPROBED_ABI)
		return 0;
	snprintf(message, sizeof(message),
		 "the helper module has version %u of the interface, kprobed needs %d",
		 version->abi, KPROBED_ABI);
	return refuse(
		reterr, "otherVersion", EPROTO, message,
		version->abi < KPROBED_ABI
			? "build the module of this version of kprobed, unload the old one, "
			  "load the new one"
			: "the helper module is newer than kprobed: update and restart kprobed");
}

int helper_read_version(const struct helper *h, struct kprobed_version *ret)
{
	struct kprobed_version version = {.size = sizeof(version)};
	int r = request(h->fd, KPROBED_VERSION, &version);

	if (r == 0)
		*ret = version;
	return r;
}

int helper_open(const char *path, struct helper **ret, struct kp_error *reterr)
{
	_cleanup_(helper_freep) struct helper *h = calloc(1, sizeof(*h));
	char message[128];
	int r;

	if (!h)
		return -ENOMEM;
	h->fd = open(path ? path : KPROBED_DEVICE, O_RDWR | O_CLOEXEC);
	if (h->fd < 0)
		return refuse_open(reterr, errno);
	r = helper_read_version(h, &h->version);
	if (r < 0) {
		snprintf(message, sizeof(message), "%s does not answer as the module does: %s",
			 path ? path : KPROBED_DEVICE, strerror(-r));
		return refuse(reterr, "otherVersion", -r, message, "");
	}
	r = helper_check(&h->version, reterr);
	if (r < 0)
		return r;

	*ret = take_ptr(h);
	return 0;
}

struct helper *helper_free(struct helper *h)
{
	kp_closep(&h->fd);
	free(h);
	return NULL;
}

const struct kprobed_version *helper_version(const struct helper *h)
{
	return &h->version;
}

static uint64_t pointer(const void *p)
{
	return (uint64_t)(uintptr_t)p;
}

void helper_fill(const struct helper_probe *probe, struct kprobed_add *ret)
{
	const struct helper_program *program = probe->program;
	const struct helper_condition *condition = probe->condition;

	*ret = (struct kprobed_add){
		.size = sizeof(*ret),
		.kind = probe->kind,
		.flags = probe->flags,
		.cookie = probe->cookie,
		.symbol = pointer(probe->place.symbol),
		.address = probe->place.symbol ? 0 : probe->place.address,
		.offset = probe->place.offset,
		.maxactive = probe->maxactive,
		.bad_insn = ~0U, /* stays so when it is refused for something else */
	};
	/* The module takes no pointer to nothing. */
	if (program && program->n_entry) {
		ret->entry_fetch = pointer(program->entry);
		ret->n_entry_fetch = (uint32_t)program->n_entry;
	}
	if (program && program->n_ret) {
		ret->return_fetch = pointer(program->ret);
		ret->n_return_fetch = (uint32_t)program->n_ret;
	}
	if (condition && condition->n_entry) {
		ret->entry_cond = pointer(condition->entry);
		ret->n_entry_cond = (uint32_t)condition->n_entry;
	}
	if (condition && condition->n_ret) {
		ret->return_cond = pointer(condition->ret);
		ret->n_return_cond = (uint32_t)condition->n_ret;
	}
	if (condition && condition->text_len) {
		ret->text = pointer(condition->text);
		ret->text_len = (uint32_t)condition->text_len;
	}
	if (condition)
		ret->flags |= condition->flags;
	if (probe->hist)
		ret->hist = *probe->hist;
}

int helper_add(struct helper *h, const struct helper_probe *probe, struct kprobed_add *ret)
{
	helper_fill(probe, ret);
	return request(h->fd, KPROBED_ADD, ret);
}

int helper_remove(struct helper *h, uint32_t id)
{
	struct kprobed_id arg = {.size = sizeof(arg), .id = id};

	return request(h->fd, KPROBED_REMOVE, &arg);
}

int helper_enable(struct helper *h, uint32_t id, bool enable)
{
	struct kprobed_id arg = {.size = sizeof(arg), .id = id};

	return request(h->fd, enable ? KPROBED_ENABLE : KPROBED_DISABLE, &arg);
}

int helper_counters(const struct helper *h, uint32_t id, struct kprobed_counters *ret)
{
	struct kprobed_counters counters = {.size = sizeof(counters), .id = id};
	int r = request(h->fd, KPROBED_COUNTERS, &counters);

	if (r == 0)
		*ret = counters;
	return r;
}

void helper_sum_counters(struct kprobed_counters *to, const struct kprobed_counters *c)
{
	to->hits += c->hits;
	to->recorded += c->recorded;
	to->unheard += c->unheard;
	to->counted += c->counted;
	to->filtered += c->filtered;
	to->dropped += c->dropped;
	to->missed_instance += c->missed_instance;
	to->missed_recursion += c->missed_recursion;
	to->in_flight += c->in_flight;
	to->faults += c->faults;
	to->hist_overflow += c->hist_overflow;
}

int helper_read_hist(const struct helper *h, uint32_t id, bool reset, void *rows, uint32_t n_rows,
		     uint32_t *ret_n)
{
	struct kprobed_hist_read arg = {
		.size = sizeof(arg),
		.id = id,
		.rows = pointer(rows),
		.n_rows = n_rows,
		.flags = reset ? KPROBED_HIST_RESET : 0,
	};
	int r = request(h->fd, KPROBED_HIST, &arg);

	if (r == 0)
		*ret_n = arg.n_rows;
	return r;
}
