/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Scope-bound release of resources.
 *
 * _cleanup_(fn) calls fn(&variable) when the variable leaves its scope. A pointer that is handed on
 * is taken out of its variable with take_ptr() or take_fd(), so that nothing is released twice.
 */
#ifndef KP_CLEANUP_H
#define KP_CLEANUP_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(fn) __attribute__((__cleanup__(fn)))

/* Defines fn##p(T *p), which calls fn(*p) unless *p is NULL. */
#define DEFINE_CLEANUP(type, fn)                                                                   \
	static inline void fn##p(type *p)                                                          \
	{                                                                                          \
		if (*p)                                                                            \
			fn(*p);                                                                    \
	}                                                                                          \
	struct kp_swallow_semicolon

#define take_ptr(ptr)                                                                              \
	({                                                                                         \
		__typeof__(ptr) take_tmp_ = (ptr);                                                 \
		(ptr) = NULL;                                                                      \
		take_tmp_;                                                                         \
	})

static inline int take_fd(int *fd)
{
	int tmp = *fd;

	*fd = -1;
	return tmp;
}

static inline void kp_freep(void *p)
{
	free(*(void **)p);
}

static inline void kp_closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void kp_fclosep(FILE **f)
{
	if (*f)
		fclose(*f);
}

#define _cleanup_free_	 _cleanup_(kp_freep)
#define _cleanup_close_	 _cleanup_(kp_closep)
#define _cleanup_fclose_ _cleanup_(kp_fclosep)

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#endif
