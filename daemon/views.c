/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See views.h. */
#include "views.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "filter-eval.h"
#include "filter-text.h"

/* A view's place in the list of a source. */
struct view_source {
	struct shared_view *view;
	uint32_t source_id; /* the slot may be another's by now */
	uint16_t slot;
	struct filter_program *program;	       /* owned; NULL: none yet */
	struct view_source *next, *prev;       /* of the slot */
	struct view_source *of_next, *of_prev; /* of the view */
};

struct views {
	const struct event_log *log;
	struct view_source **slots; /* owned, by slot */
	struct shared_view *all;
	struct shared_view *touched;
	unsigned int count;
};

int views_new(const struct event_log *log, struct views **ret)
{
	_cleanup_(views_freep) struct views *v = calloc(1, sizeof(*v));

	if (!v)
		return -ENOMEM;
	v->log = log;
	v->slots = calloc(event_log_source_limit(), sizeof(struct view_source *));
	if (!v->slots)
		return -ENOMEM;
	*ret = take_ptr(v);
	return 0;
}

struct views *views_free(struct views *v)
{
	free(v->slots);
	free(v);
	return NULL;
}

unsigned int views_count(const struct views *v)
{
	return v->count;
}

struct shared_view *views_find(const struct views *v, const char *key, size_t key_len)
{
	struct shared_view *view;

	DL_FOREACH (v->all, view)
		if (view->key_len == key_len && memcmp(view->key, key, key_len) == 0)
			return view;
	return NULL;
}

int views_get(struct views *v, const char *key, size_t key_len, struct filter **filter,
	      struct shared_view **ret)
{
	struct shared_view *view = views_find(v, key, key_len);

	if (!view) {
		view = calloc(1, sizeof(*view));
		if (view)
			view->key = malloc(key_len + 1);
		if (!view || !view->key || view_new(v->log, *filter, &view->marks) < 0) {
			if (view)
				free(view->key);
			free(view);
			return -ENOMEM;
		}
		*filter = NULL;
		memcpy(view->key, key, key_len);
		view->key_len = key_len;
		view->views = v;
		DL_APPEND(v->all, view);
		v->count++;
	}
	view->refs++;
	*ret = view;
	return 0;
}

struct shared_view *shared_view_unref(struct shared_view *view)
{
	struct view_source *s, *tmp;

	if (--view->refs > 0)
		return NULL;
	shared_view_settle(view);
	DL_FOREACH_SAFE2(view->sources, s, tmp, of_next)
	{
		DL_DELETE(view->views->slots[s->slot], s);
		if (s->program)
			filter_program_free(s->program);
		free(s);
	}
	DL_DELETE(view->views->all, view);
	view->views->count--;
	view_free(view->marks);
	free(view->key);
	free(view);
	return NULL;
}

int shared_view_add_source(struct shared_view *view, unsigned int slot)
{
	const struct log_source *from = event_log_source(view->views->log, slot);
	struct view_source *s;

	if (!from)
		return 0;
	DL_FOREACH (view->views->slots[slot], s) {
		if (s->view != view)
			continue;
		s->source_id = from->id;
		return 0;
	}
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->view = view;
	s->source_id = from->id;
	s->slot = (uint16_t)slot;
	DL_APPEND(view->views->slots[slot], s);
	DL_APPEND2(view->sources, s, of_prev, of_next);
	return 0;
}

/* Whether the entry meets the view's condition. */
static bool judge(const struct views *v, struct view_source *s, uint64_t seq,
		  const struct raw_record *record)
{
	const struct filter *filter = s->view->marks->filter;
	const struct log_entry *e;

	if (!s->program || s->program->serial != decoder_serial(record->decoder)) {
		if (s->program)
			filter_program_free(take_ptr(s->program));
		/* Without memory the text says the same. */
		if (filter_compile(filter, record->decoder, &s->program) < 0) {
			e = event_log_entry(v->log, seq);
			return filter_match_text(filter, event_log_text(v->log, e), e->text_len);
		}
	}
	return filter_eval(s->program, record->decoder, record->data, record->len, record->context);
}

static void touch(struct shared_view *view, bool is_news)
{
	if (is_news)
		view->has_news = true;
	else
		view->has_left_out = true;
	if (view->is_touched)
		return;
	view->is_touched = true;
	DL_APPEND2(view->views->touched, view, touched_prev, touched_next);
}

void views_append(struct views *v, unsigned int slot, uint64_t seq, const struct raw_record *record)
{
	struct view_source *s;

	DL_FOREACH (v->slots[slot], s) {
		enum view_mark mark = VIEW_GAP;

		if (s->source_id != event_log_entry(v->log, seq)->source_id)
			continue;
		if (record)
			mark = judge(v, s, seq, record) ? VIEW_EVENT : VIEW_LEFT_OUT;
		view_mark(s->view->marks, seq, mark);
		touch(s->view, mark != VIEW_LEFT_OUT);
	}
}

struct shared_view *views_touched(const struct views *v)
{
	return v->touched;
}

void shared_view_settle(struct shared_view *view)
{
	view->has_news = view->has_left_out = false;
	if (!view->is_touched)
		return;
	view->is_touched = false;
	DL_DELETE2(view->views->touched, view, touched_prev, touched_next);
}
