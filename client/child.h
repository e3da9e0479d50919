/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The command that is traced while it runs.
 */
#ifndef KP_CHILD_H
#define KP_CHILD_H

#include <signal.h>
#include <sys/types.h>

/*
 * Starts @argv (found in $PATH) with the signal mask @mask.
 *
 * Returns 0 once it runs, or a negative errno: also why it could not be executed.
 */
int child_start(char *const *argv, const sigset_t *mask, pid_t *ret);

/* Waits for its end and says on stderr how it ended, if that was not with success. */
void child_wait(pid_t pid);

#endif
