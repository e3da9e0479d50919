/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Speaks with the helper module by its ioctls, without the daemon, and checks what it answers and
 * records. Each check is one function; the first that does not hold is printed and ends it with
 * status 1.
 *
 * Usage: ioctl-check CHECK...     (ioctl-check alone names them)
 */
#include "ioctl-check.h"

static void check_version(void)
{
	struct {
		struct kprobed_version v;
		uint64_t more;
	} big = {.v.size = sizeof(big)};
	struct kprobed_version v = {.size = sizeof(v)};

	check(ioctl(device, KPROBED_VERSION, &v) == 0);
	check_eq(v.abi, KPROBED_ABI);
	check((v.features & KPROBED_FEATURE_CALL) && (v.features & KPROBED_FEATURE_HIST));
	check_eq(v.part_max, KPROBED_PART_MAX);
	check(v.bytes_max > 0 && v.bytes_used == 0);
	/* A newer caller, that wants nothing new; and one that does. */
	check(ioctl(device, KPROBED_VERSION, &big) == 0);
	big.v.size = sizeof(big);
	big.more = 1;
	check_errno(ioctl(device, KPROBED_VERSION, &big), E2BIG);
	v.size = 4;
	check_errno(ioctl(device, KPROBED_VERSION, &v), EINVAL);
	v.size = 1 << 20;
	check_errno(ioctl(device, KPROBED_VERSION, &v), E2BIG);
	check_errno(ioctl(device, _IO(KPROBED_MAGIC, 99), &v), ENOTTY);
	check_errno(ioctl(device, _IO(0x12, 0), &v), ENOTTY);
	check_errno(ioctl(device, KPROBED_VERSION, NULL), EFAULT);
}

static void check_life(void)
{
	struct kprobed_add add = {.kind = KPROBED_ENTRY, .symbol = PTR("__x64_sys_getpgid")};
	struct kprobed_id id = {.size = sizeof(id), .id = 4711};
	struct kprobed_counters c;
	uint64_t before;

	check_errno(ioctl(device, KPROBED_REMOVE, &id), ENOENT);
	add_probe(&add);
	check_eq(counters_of(add.id).state, KPROBED_IS_ENABLED);
	getpgid(0);
	/* Others may call it too. */
	c = counters_of(add.id);
	check(c.hits >= 1);
	request(KPROBED_DISABLE, add.id);
	check_eq(counters_of(add.id).state, 0);
	before = counters_of(add.id).hits;
	getpgid(0);
	check_eq(counters_of(add.id).hits, before);
	request(KPROBED_ENABLE, add.id);
	getpgid(0);
	c = counters_of(add.id);
	check(c.hits > before);
	check_eq(c.unheard, c.hits);
	request(KPROBED_REMOVE, add.id);
	id.id = add.id;
	check_errno(ioctl(device, KPROBED_ENABLE, &id), ENOENT);

	add.symbol = PTR("no_such_function_anywhere");
	check(ioctl(device, KPROBED_ADD, &add) == -1 && (errno == ENOENT || errno == EINVAL));
	add.symbol = PTR("notifier_call_chain");
	add.offset = 1;
	check(ioctl(device, KPROBED_ADD, &add) == -1);
	add = (struct kprobed_add){.size = sizeof(add), .kind = 9, .symbol = add.symbol};
	check_errno(ioctl(device, KPROBED_ADD, &add), EINVAL);
}

static const struct {
	const char *name;
	void (*run)(void);
} checks[] = {
	{"version", check_version},
	{"life", check_life},
	{"calls", check_calls},
	{"exact", check_exact},
	{"overwritten", check_overwritten},
	{"joined", check_joined},
	{"conditions", check_conditions},
	{"refused", check_refused},
	{"histograms", check_histograms},
	{"kinds", check_kinds},
	{"maxactive", check_maxactive},
};

int main(int argc, char **argv)
{
	if (argc < 2)
		for (size_t i = 0; i < N(checks); i++)
			puts(checks[i].name);
	for (int a = 1; a < argc; a++) {
		bool is_known = false;

		for (size_t i = 0; i < N(checks); i++) {
			if (strcmp(checks[i].name, argv[a]) != 0)
				continue;
			is_known = true;
			device = open(KPROBED_DEVICE, O_RDWR | O_CLOEXEC);
			if (device < 0)
				fail("%s cannot be opened", KPROBED_DEVICE);
			checks[i].run();
			close(device);
		}
		if (!is_known)
			fail("there is no check %s", argv[a]);
	}
	return 0;
}
