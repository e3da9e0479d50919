/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See error.h. */
#include "error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "strutil.h"

int kp_error_set(struct kp_error *e, enum kp_error_code code, int err, const char *subject,
		 const char *fmt, ...)
{
	va_list ap;

	if (!e || e->code != KP_OK)
		return -err;

	e->code = code;
	e->err = err;
	snprintf(e->subject, sizeof(e->subject), "%s", subject ? subject : "");
	utf8_trim(e->subject);
	va_start(ap, fmt);
	vsnprintf(e->message, sizeof(e->message), fmt, ap);
	va_end(ap);
	utf8_trim(e->message);
	return -err;
}

int kp_error_vplace(struct kp_error *e, enum kp_error_code code, const char *reason, int position,
		    const char *hint, const char *fmt, va_list ap)
{
	if (!e || e->code != KP_OK)
		return -EINVAL;

	e->code = code;
	e->err = EINVAL;
	e->position = position;
	snprintf(e->reason, sizeof(e->reason), "%s", reason);
	snprintf(e->hint, sizeof(e->hint), "%s", hint ? hint : "");
	utf8_trim(e->hint);
	vsnprintf(e->message, sizeof(e->message), fmt, ap);
	utf8_trim(e->message);
	return -EINVAL;
}

int kp_error_definition(struct kp_error *e, const char *reason, int position, const char *hint,
			const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	kp_error_vplace(e, KP_INVALID_DEFINITION, reason, position, hint, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

void kp_error_quote(struct kp_error *e, const char *text)
{
	size_t len = strlen(text);

	if (len < sizeof(e->detail))
		memcpy(e->detail, text, len + 1);
}

const char *kp_errno_name(int err)
{
	const char *name = strerrorname_np(err);

	return name ? name : "E?";
}
