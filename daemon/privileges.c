/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See privileges.h. */
#include "privileges.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

int privileges_drop_rawio(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3];
	const uint32_t mask = ~CAP_TO_MASK(CAP_SYS_RAWIO);
	const unsigned int i = CAP_TO_INDEX(CAP_SYS_RAWIO);

	if (syscall(SYS_capget, &header, sets) < 0)
		return -errno;
	if (!((sets[i].effective | sets[i].permitted | sets[i].inheritable) & ~mask))
		return 0;
	sets[i].effective &= mask;
	sets[i].permitted &= mask;
	sets[i].inheritable &= mask;
	return syscall(SYS_capset, &header, sets) < 0 ? -errno : 0;
}
