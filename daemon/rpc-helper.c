/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Service.ReleaseHelper and UseHelper: so that the helper module can be unloaded while it has
 * probes, and used again. And what Status says of it. See rpc.h.
 */
#include <errno.h>
#include <stdlib.h>

#include "helper.h"
#include "rpc.h"

/* Who waits; the session may end meanwhile. */
struct waiting {
	struct server *server;
	uint64_t session;
};

static struct waiting *waiting_new(struct session *s)
{
	struct waiting *w = calloc(1, sizeof(*w));

	if (!w) {
		rpc_reply_error(s, -ENOMEM, NULL);
		return NULL;
	}
	w->server = s->server;
	w->session = s->who.session;
	return w;
}

static void on_done(int r, const struct kp_error *error, struct probe *const *probes, size_t n,
		    void *data)
{
	struct waiting *w = data;
	struct session *s = session_find(w->server, w->session);

	free(w);
	if (!s || s->is_closing)
		return;
	if (r < 0)
		rpc_reply_error(s, r, error);
	else
		session_reply(s, NULL, false);
}

void rpc_release_helper(struct session *s, struct json_object *parameters)
{
	struct waiting *w = waiting_new(s);

	if (w)
		probe_set_release_helper(s->server->probes, &s->who, on_done, w);
}

void rpc_use_helper(struct session *s, struct json_object *parameters)
{
	struct waiting *w = waiting_new(s);

	if (w)
		probe_set_use_helper(s->server->probes, on_done, w);
}

/*
 * Opening the device for a moment waits for nobody and tells what no other look at it does: whether
 * it is there, may be opened from here, and is of a version that can be used.
 */
bool rpc_helper_is_available(struct kp_error *reterr)
{
	_cleanup_(helper_freep) struct helper *h = NULL;

	return helper_open(NULL, &h, reterr) == 0;
}
