/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Events.Subscribe with transport "memory": the client is given the log's memory to read, and a
 * pipe that wakes it. The connection stays open as the lease; nothing more is sent over it.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <json-c/json.h>

#include "cleanup.h"
#include "rpc.h"

/* What is applied on the way to a socket; here nothing is on the way. */
static const char *const unsupported[] = {"filter", "fields", "sample", "rateLimit"};

bool rpc_memory_is_wanted(struct json_object *parameters)
{
	struct json_object *v = json_object_object_get(parameters, "transport");

	return v && strcmp(json_object_get_string(v), "memory") == 0;
}

static int check(const struct session *s, struct json_object *parameters, struct kp_error *e)
{
	int r = access_check_log(s->permissions, s->server->config, e);

	for (size_t i = 0; i < ARRAY_SIZE(unsupported) && r == 0; i++)
		if (json_object_object_get(parameters, unsupported[i]))
			r = kp_error_set(e, KP_INVALID_PARAMETER, EINVAL, unsupported[i],
					 "%s is not for the memory transport", unsupported[i]);
	return r;
}

static int add_to_wakeup(void *to, unsigned int slot)
{
	return wakeup_add_source(to, slot);
}

/* The numbers under "memory" are the descriptors' places in what comes with the reply. */
static int greet(struct session *s, uint64_t position, int log_fd, int wakeup_fd)
{
	const int fds[] = {log_fd, wakeup_fd};
	char cursor[CURSOR_TEXT_MAX], text[160 + CURSOR_TEXT_MAX];
	int n;

	cursor_format(s->server->log, position, cursor);
	n = snprintf(text, sizeof(text),
		     "{\"parameters\":{\"events\":[],\"cursor\":\"%s\",\"memory\":{\"log\":0,"
		     "\"wakeup\":1}},"
		     "\"continues\":true}",
		     cursor);
	rights_attach(&s->rights, s->out, fds, ARRAY_SIZE(fds));
	if (evbuffer_add(s->out, text, (size_t)n + 1) == 0)
		return 0;
	s->rights.n = 0; /* they stay the caller's */
	return -ENOMEM;
}

int rpc_memory_subscribe(struct session *s, struct json_object *parameters,
			 const struct memory_options *o, struct kp_error *e)
{
	_cleanup_(wakeup_freep) struct wakeup *wakeup = NULL;
	_cleanup_close_ int log_fd = -1, wakeup_fd = -1;
	struct event_log *log = s->server->log;
	int r;

	r = check(s, parameters, e);
	if (r == 0)
		r = wakeup_new(s->server->wakeups, o->max_latency_msec, o->max_batch, &wakeup_fd,
			       &wakeup);
	if (r == 0 && s->n_selectors)
		r = rpc_select_sources(log, s->selectors, s->n_selectors, add_to_wakeup, wakeup,
				       true, e);
	if (r < 0)
		return r;
	log_fd = event_log_open_reader(log);
	r = log_fd < 0 ? log_fd : greet(s, o->position, log_fd, wakeup_fd);
	if (r < 0)
		return r;
	log_fd = wakeup_fd = -1;
	s->wakeup = take_ptr(wakeup);
	return 0;
}

int rpc_memory_add(struct session *s, const struct probe *p)
{
	int r = wakeup_add_source(s->wakeup, p->source);

	return r < 0 ? r : wakeup_add_source(s->wakeup, p->instance->source);
}
