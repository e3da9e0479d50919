/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The command that is traced while it runs.
 *
 * A pipe that closes on exec tells whether it could be executed, so that a wrong name is an error
 * of kprobectl's and not the silence of a command that did nothing.
 */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"

static void run(char *const *argv, const sigset_t *mask, int report)
{
	int error;

	signal(SIGPIPE, SIG_DFL);
	sigprocmask(SIG_SETMASK, mask, NULL);
	execvp(argv[0], argv);
	error = errno;
	while (write(report, &error, sizeof(error)) < 0 && errno == EINTR)
		continue;
	_exit(127);
}

int child_start(char *const *argv, const sigset_t *mask, pid_t *ret)
{
	_cleanup_close_ int in = -1, out = -1;
	int fds[2], error;
	ssize_t n;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	in = fds[0];
	out = fds[1];
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0)
		run(argv, mask, out);
	close(take_fd(&out));
	do
		n = read(in, &error, sizeof(error));
	while (n < 0 && errno == EINTR);
	if (n == (ssize_t)sizeof(error)) {
		waitpid(pid, NULL, 0);
		return -error;
	}
	*ret = pid;
	return 0;
}

void child_wait(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return;
	if (WIFSIGNALED(status))
		fprintf(stderr, "kprobectl: the command was ended by signal %d (%s)\n",
			WTERMSIG(status), strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status) != 0)
		fprintf(stderr, "kprobectl: the command ended with status %d\n",
			WEXITSTATUS(status));
}
