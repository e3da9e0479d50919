/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See access.h. */
#include "access.h"

#include <ctype.h>
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* The name of the program, made safe to show: a task may call itself anything. */
static void read_comm(pid_t pid, char *buf, size_t size)
{
	_cleanup_fclose_ FILE *f = NULL;
	char path[64];
	size_t n = 0;

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	f = fopen(path, "re");
	if (f)
		n = fread(buf, 1, size - 1, f);
	if (n && buf[n - 1] == '\n')
		n--;
	for (size_t i = 0; i < n; i++)
		if (!isprint((unsigned char)buf[i]) || (buf[i] & 0x80))
			buf[i] = '?';
	buf[n] = '\0';
}

static bool is_in_group(int fd, const struct ucred *cred, const char *name)
{
	_cleanup_free_ gid_t *groups = NULL;
	const struct group *group;
	socklen_t len = 0;

	if (name[0] == '\0')
		return false;
	group = getgrnam(name);
	if (!group)
		return false;
	if (cred->gid == group->gr_gid)
		return true;

	/* Asked once for the size, once for the groups. */
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &len) == 0 || errno != ERANGE)
		return false;
	groups = malloc(len);
	if (!groups || getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len) < 0)
		return false;
	for (size_t i = 0; i < len / sizeof(*groups); i++)
		if (groups[i] == group->gr_gid)
			return true;
	return false;
}

int access_identify(int fd, const struct config *config, struct requester *ret,
		    unsigned int *ret_permissions)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);
	unsigned int may = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return -errno;
	ret->uid = cred.uid;
	ret->gid = cred.gid;
	ret->pid = cred.pid;
	read_comm(cred.pid, ret->comm, sizeof(ret->comm));

	if (cred.uid == 0)
		may = MAY_OBSERVE | MAY_ADD | MAY_MANAGE;
	else if (is_in_group(fd, &cred, config->access.add_group))
		may = MAY_OBSERVE | MAY_ADD;
	else if (is_in_group(fd, &cred, config->access.observe_group))
		may = MAY_OBSERVE;
	ret->is_manager = may & MAY_MANAGE;
	*ret_permissions = may;
	return 0;
}

int access_check(unsigned int permissions, enum permission needed, const struct config *config,
		 struct kp_error *reterr)
{
	if (permissions & needed)
		return 0;
	if (needed == MAY_OBSERVE)
		return kp_error_set(reterr, KP_ACCESS_DENIED, EACCES, "observe-group",
				    "only root and members of the group \"%s\" may observe",
				    config->access.observe_group);
	if (needed == MAY_ADD && config->access.add_group[0])
		return kp_error_set(reterr, KP_ACCESS_DENIED, EACCES, "add-group",
				    "only root and members of the group \"%s\" may add probes",
				    config->access.add_group);
	return kp_error_set(reterr, KP_ACCESS_DENIED, EACCES,
			    needed == MAY_ADD ? "add-group" : "manage",
			    "only root may %s (kprobed.conf can name a group: add-group)",
			    needed == MAY_ADD ? "add probes" : "manage the probes of others");
}

int access_check_log(unsigned int permissions, const struct config *config, struct kp_error *reterr)
{
	/* Whoever observes observes everything, as long as there are no rules by probe. */
	return access_check(permissions, MAY_OBSERVE, config, reterr);
}
