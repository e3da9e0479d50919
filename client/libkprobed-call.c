/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Calls and their replies.
 *
 * A typed error ends its call and leaves the connection good; it is copied, since the message it
 * came in is overwritten by the next one.
 */
#include "libkprobed-internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"

/*
 * A sentence for people: the daemon's own or, for the errors of org.varlink.service, which have
 * none, one of ours and what it is about.
 */
static char *error_sentence(const char *name, struct slice parameters)
{
	static const struct {
		const char *error, *sentence, *subject;
	} rows[] = {
		{"InterfaceNotFound", "no such interface", "interface"},
		{"MethodNotFound", "no such method", "method"},
		{"MethodNotImplemented", "not implemented", "method"},
		{"InvalidParameter", "a parameter is missing, unknown or of another type",
		 "parameter"},
		{"PermissionDenied", "permission denied", NULL},
		{"ExpectedMore", "the method answers in several replies: \"more\" is needed", NULL},
	};
	_cleanup_text_ struct text sentence = {0};
	_cleanup_free_ char *subject = NULL;
	const char *word = strrchr(name, '.');
	struct slice value;
	size_t i;

	if (slice_get(parameters, "message", &value) == 0 && slice_type_of(value) == SLICE_STRING &&
	    value.length > 2)
		return slice_dup(value);
	word = word ? word + 1 : name;
	for (i = 0; i < ARRAY_SIZE(rows) && strcmp(rows[i].error, word) != 0; i++)
		continue;
	text_puts(&sentence, i < ARRAY_SIZE(rows) ? rows[i].sentence : word);
	if (i < ARRAY_SIZE(rows) && rows[i].subject &&
	    slice_get(parameters, rows[i].subject, &value) == 0)
		subject = slice_dup(value);
	if (subject)
		text_printf(&sentence, ": %s", subject);
	return text_take(&sentence);
}

static int error_store(struct kprobed *k, const struct reply *reply)
{
	error_clear(k);
	k->error_name = slice_dup(reply->error);
	if (!k->error_name)
		return -ENOMEM;
	k->error_message = error_sentence(k->error_name, reply->parameters);
	k->error_parameters = reply->parameters.text
				      ? strndup(reply->parameters.text, reply->parameters.length)
				      : strdup("{}");
	if (!k->error_message || !k->error_parameters) {
		error_clear(k);
		return -ENOMEM;
	}
	return -EREMOTEIO;
}

int reply_receive(struct kprobed *k, int64_t deadline, struct reply *ret)
{
	bool is_batch =
		k->is_subscribing || k->state == KPROBED_STREAMING || k->state == KPROBED_READING;
	struct reply reply;
	size_t length;
	char *message;
	int r;

	r = io_receive(k, deadline, &message, &length);
	if (r <= 0)
		return r;
	/* Who calls a method raw gets what has been checked as a whole. */
	r = reply_parse(message, length, is_batch ? &k->events : NULL, &reply);
	if (r < 0)
		return connection_break(k, r == -ENOMEM ? r : -EPROTO);
	if (reply.error.text)
		return error_store(k, &reply);
	*ret = reply;
	return 1;
}

int reply_wait(struct kprobed *k, int64_t deadline, struct reply *ret)
{
	int r;

	do
		r = reply_receive(k, deadline, ret);
	while (r == -EINTR);
	/* A reply that comes later would be taken for that of the next call. */
	return r == 0 ? connection_break(k, -ETIMEDOUT) : r;
}

int call_begin(struct kprobed *k)
{
	if (k->broken)
		return k->broken;
	if (k->state != KPROBED_IDLE)
		return -EBUSY;
	error_clear(k);
	return 0;
}

EXPORT int kprobed_call_start(struct kprobed *k, const char *method, const char *parameters,
			      unsigned int flags)
{
	struct slice object;
	int r;

	if (!method || !*method || flags & ~(unsigned int)(KPROBED_CALL_MORE | KPROBED_CALL_ONEWAY))
		return -EINVAL;
	if (parameters && (slice_scan(parameters, strlen(parameters), &object) < 0 ||
			   slice_type_of(object) != SLICE_OBJECT))
		return -EINVAL;
	r = call_begin(k);
	if (r < 0)
		return r;
	r = io_send(k, method, parameters, flags);
	if (r < 0)
		return r;
	if (!(flags & KPROBED_CALL_ONEWAY))
		k->state = KPROBED_CALLING;
	return 0;
}

/* The parameters as a string, ended by NUL where the message goes on behind them. */
static const char *reply_text(struct kprobed *k, const struct reply *reply)
{
	if (!reply->parameters.text)
		return "{}";
	k->in[reply->parameters.text - k->in + (ptrdiff_t)reply->parameters.length] = '\0';
	return reply->parameters.text;
}

EXPORT int kprobed_call_next(struct kprobed *k, int timeout_ms, const char **ret_parameters,
			     bool *ret_continues)
{
	struct reply reply;
	int r;

	if (k->broken)
		return k->broken;
	if (k->state != KPROBED_CALLING)
		return -ENODATA;
	r = reply_receive(k, deadline_after(timeout_ms), &reply);
	if (r == -EREMOTEIO || (r > 0 && !reply.continues))
		k->state = KPROBED_IDLE;
	if (r <= 0)
		return r;
	*ret_parameters = reply_text(k, &reply);
	if (ret_continues)
		*ret_continues = reply.continues;
	return 1;
}

EXPORT int kprobed_call(struct kprobed *k, const char *method, const char *parameters,
			char **ret_parameters)
{
	struct reply reply;
	char *text = NULL;
	int r;

	r = kprobed_call_start(k, method, parameters, 0);
	if (r < 0)
		return r;
	r = reply_wait(k, deadline_after(k->timeout_ms), &reply);
	k->state = KPROBED_IDLE;
	if (r < 0)
		return r;
	if (reply.continues)
		return connection_break(k, -EPROTO);
	if (ret_parameters) {
		text = strdup(reply_text(k, &reply));
		if (!text)
			return -ENOMEM;
		*ret_parameters = text;
	}
	return 0;
}
