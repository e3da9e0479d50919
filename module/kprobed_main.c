// SPDX-License-Identifier: GPL-2.0
/*
 * kprobed.ko: the device /dev/kprobed. kprobed-ioctl.h describes what it is asked and answers. A
 * file's probes are taken away when it is closed, which the kernel does for a process however it
 * ends; an open file keeps the module from being unloaded.
 */
#include <linux/atomic.h>
#include <linux/capability.h>
#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "kprobed_compat.h"
#include "kprobed_module.h"

/* A request's structure may not be larger, however much newer its caller is. */
#define REQUEST_MAX 4096

static ulong max_bytes = 64UL << 20;
module_param(max_bytes, ulong, 0644);
MODULE_PARM_DESC(max_bytes,
		 "memory for instances of call probes and histograms, in bytes (64 MiB)");

static atomic64_t bytes_used = ATOMIC64_INIT(0);

int kprobed_charge(u64 bytes)
{
	if (bytes > S64_MAX / 2)
		return -ENOSPC;
	if (atomic64_add_return(bytes, &bytes_used) <= (s64)min_t(u64, max_bytes, S64_MAX / 2))
		return 0;
	atomic64_sub(bytes, &bytes_used);
	return -ENOSPC;
}

void kprobed_uncharge(u64 bytes)
{
	atomic64_sub(bytes, &bytes_used);
}

/* The request with the size that its first member says, into `to` of `size` bytes. */
static int request_get(void __user *from, void *to, size_t size, u32 *ret_size)
{
	u32 user_size;
	int r;

	if (get_user(user_size, (u32 __user *)from))
		return -EFAULT;
	/* All structures have the size of their first version still. */
	if (user_size < size)
		return -EINVAL;
	if (user_size > REQUEST_MAX)
		return -E2BIG;
	r = copy_struct_from_user(to, size, from, user_size);
	if (r)
		return r;
	/* It may have been written to meanwhile. */
	*(u32 *)to = user_size;
	*ret_size = user_size;
	return 0;
}

static int request_version(void __user *arg)
{
	struct kprobed_version version;
	u32 size;
	int r;

	r = request_get(arg, &version, sizeof(version), &size);
	if (r)
		return r;
	version = (struct kprobed_version){
		.size = size,
		.abi = KPROBED_ABI,
		.features = KPROBED_FEATURE_CALL | KPROBED_FEATURE_AFTER | KPROBED_FEATURE_ENTRY |
			    KPROBED_FEATURE_COND | KPROBED_FEATURE_HIST,
		.fetch_max = KPROBED_FETCH_MAX,
		.cond_max = KPROBED_COND_MAX,
		.args_max = KPROBED_ARGS_MAX,
		.part_max = KPROBED_PART_MAX,
		.maxactive_max = KPROBED_MAXACTIVE_MAX,
		.probes_max = KPROBED_PROBES_MAX,
		.bytes_max = READ_ONCE(max_bytes),
		.bytes_used = atomic64_read(&bytes_used),
	};
	return copy_to_user(arg, &version, sizeof(version)) ? -EFAULT : 0;
}

static int request_add(struct kprobed_file *file, void __user *arg)
{
	struct kprobed_add add;
	u32 size;
	int r;

	r = request_get(arg, &add, sizeof(add), &size);
	if (r)
		return r;
	r = kprobed_probe_add(file, &add);
	if (r == -EINVAL && copy_to_user(arg, &add, sizeof(add)))
		return -EFAULT;
	if (!r && copy_to_user(arg, &add, sizeof(add))) {
		kprobed_probe_remove(file, add.id);
		return -EFAULT;
	}
	return r;
}

static int request_id(struct kprobed_file *file, unsigned int nr, void __user *arg)
{
	struct kprobed_id id;
	u32 size;
	int r;

	r = request_get(arg, &id, sizeof(id), &size);
	if (r)
		return r;
	if (nr == _IOC_NR(KPROBED_REMOVE))
		return kprobed_probe_remove(file, id.id);
	return kprobed_probe_enable(file, id.id, nr == _IOC_NR(KPROBED_ENABLE));
}

static int request_counters(struct kprobed_file *file, void __user *arg)
{
	struct kprobed_counters counters;
	u32 size;
	int r;

	r = request_get(arg, &counters, sizeof(counters), &size);
	if (!r)
		r = kprobed_probe_counters(file, &counters);
	if (!r && copy_to_user(arg, &counters, sizeof(counters)))
		return -EFAULT;
	return r;
}

static int request_hist(struct kprobed_file *file, void __user *arg)
{
	struct kprobed_hist_read read;
	u32 size;
	int r;

	r = request_get(arg, &read, sizeof(read), &size);
	if (!r)
		r = kprobed_probe_hist(file, &read);
	if (!r && copy_to_user(arg, &read, sizeof(read)))
		return -EFAULT;
	return r;
}

static long kprobed_ioctl(struct file *filp, unsigned int cmd, unsigned long data)
{
	struct kprobed_file *file = filp->private_data;
	void __user *arg = (void __user *)data;
	long r;

	if (_IOC_TYPE(cmd) != KPROBED_MAGIC)
		return -ENOTTY;
	if (mutex_lock_interruptible(&file->lock))
		return -EINTR;
	switch (_IOC_NR(cmd)) {
	case _IOC_NR(KPROBED_VERSION):
		r = request_version(arg);
		break;
	case _IOC_NR(KPROBED_ADD):
		r = request_add(file, arg);
		break;
	case _IOC_NR(KPROBED_REMOVE):
	case _IOC_NR(KPROBED_ENABLE):
	case _IOC_NR(KPROBED_DISABLE):
		r = request_id(file, _IOC_NR(cmd), arg);
		break;
	case _IOC_NR(KPROBED_COUNTERS):
		r = request_counters(file, arg);
		break;
	case _IOC_NR(KPROBED_HIST):
		r = request_hist(file, arg);
		break;
	default:
		r = -ENOTTY;
	}
	mutex_unlock(&file->lock);
	return r;
}

static int kprobed_open(struct inode *inode, struct file *filp)
{
	struct kprobed_file *file;

	/* A probe reads any memory of the kernel: the device's mode alone is not enough to give
	 * that. */
	if (!capable(CAP_SYS_ADMIN) && !perfmon_capable())
		return -EPERM;
	file = kzalloc(sizeof(*file), GFP_KERNEL_ACCOUNT);
	if (!file)
		return -ENOMEM;
	mutex_init(&file->lock);
	xa_init_flags(&file->probes, XA_FLAGS_ALLOC1);
	filp->private_data = file;
	return nonseekable_open(inode, filp);
}

static int kprobed_release(struct inode *inode, struct file *filp)
{
	struct kprobed_file *file = filp->private_data;

	kprobed_probe_remove_all(file);
	kfree(file);
	return 0;
}

static const struct file_operations kprobed_fops = {
	.owner = THIS_MODULE,
	.open = kprobed_open,
	.release = kprobed_release,
	.unlocked_ioctl = kprobed_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

static struct miscdevice kprobed_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "kprobed",
	.fops = &kprobed_fops,
	.mode = 0600,
};

static int __init kprobed_init(void)
{
	int r;

	r = kprobed_handler_init();
	if (r)
		return r;
	r = misc_register(&kprobed_device);
	if (r)
		kprobed_handler_done();
	return r;
}

static void __exit kprobed_exit(void)
{
	misc_deregister(&kprobed_device);
	kprobed_handler_done();
}

module_init(kprobed_init);
module_exit(kprobed_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("kprobed's helper: call probes, filters before recording, histograms");
#ifdef KPROBED_MODULE_VERSION
MODULE_VERSION(KPROBED_MODULE_VERSION);
#endif
