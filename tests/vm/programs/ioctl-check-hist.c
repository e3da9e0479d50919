/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Histograms in the kernel: of arguments, results and durations, by keys. */
#include "ioctl-check.h"

static size_t read_hist(const struct kprobed_add *add, uint32_t flags, void *rows)
{
	struct kprobed_hist_read read = {.size = sizeof(read),
					 .id = add->id,
					 .rows = PTR(rows),
					 .n_rows = add->hist_rows,
					 .flags = flags};

	if (ioctl(device, KPROBED_HIST, &read) < 0)
		fail("histogram");
	return read.n_rows;
}

void check_histograms(void)
{
	struct kprobed_insn entry[] = {
		LOAD_REGS, USER_REG(rdi), {.op = KPROBED_FETCH_STORE, .n = 4}};
	struct kprobed_insn mine[] = {OF_THIS_PROCESS};
	struct kprobed_add add = {
		.kind = KPROBED_CALL,
		.symbol = PTR("__x64_sys_getpgid"),
		.entry_fetch = PTR(entry),
		.n_entry_fetch = N(entry),
		.entry_cond = PTR(mine),
		.n_entry_cond = N(mine),
		.flags = KPROBED_NO_EVENT,
		.hist = {.value = KPROBED_HIST_ARG, .value_imm = 4},
	};
	struct kprobed_hist_read small = {.size = sizeof(small)};
	uint64_t log2[65] = {0}, sum = 0, under = 0, over = 0, total = 0, linear[4] = {0};
	struct kprobed_hist_row *row;
	char *rows;
	size_t n;

	add_probe(&add);
	check_eq(add.hist_row_bytes, sizeof(*row) + 65 * 8);
	rows = calloc(add.hist_rows, add.hist_row_bytes);
	small.id = add.id;
	check_errno(ioctl(device, KPROBED_HIST, &small), ENOSPC);
	for (int i = 0; i < 1000; i++)
		syscall(SYS_getpgid, i);
	n = read_hist(&add, KPROBED_HIST_RESET, rows);
	for (size_t i = 0; i < n; i++) {
		row = (void *)(rows + i * add.hist_row_bytes);
		sum += row->sum;
		for (int b = 0; b < 65; b++)
			log2[b] += row->buckets[b];
	}
	check_eq(sum, 999 * 1000 / 2);
	check_eq(log2[0], 1);
	for (int b = 1; b < 10; b++)
		check_eq(log2[b], 1 << (b - 1));
	check_eq(log2[10], 1000 - 512);
	check_eq(read_hist(&add, 0, rows), 0);
	request(KPROBED_REMOVE, add.id);
	free(rows);

	/* Linear, of the result, by an argument: seven keys where there is room for four on each
	 * CPU. */
	add.hist = (struct kprobed_hist){.value = KPROBED_HIST_RET,
					 .scale = KPROBED_LINEAR,
					 .min = -4,
					 .width = 2,
					 .buckets = 4,
					 .key = KPROBED_KEY_ARG,
					 .key_imm = 4,
					 .keys = 4};
	add_probe(&add);
	rows = calloc(add.hist_rows, add.hist_row_bytes);
	for (int i = 1; i <= 7; i++)
		for (int j = 0; j < 3; j++)
			syscall(SYS_getpgid, 0x7f000000 + i);
	n = read_hist(&add, 0, rows);
	check(n >= 4 && n <= 8);
	for (size_t i = 0; i < n; i++) {
		row = (void *)(rows + i * add.hist_row_bytes);
		check(row->key[0] > 0x7f000000 && row->key[0] <= 0x7f000007 && row->key[1] == 0);
		under += row->under;
		over += row->over;
		for (int b = 0; b < 4; b++) {
			linear[b] += row->buckets[b];
			total += row->buckets[b];
		}
	}
	/* -ESRCH is -3. */
	check_eq(linear[0], total);
	check_eq(under + over, 0);
	check_eq(total + counters_of(add.id).hist_overflow, 21);
	check(total >= 12);
	request(KPROBED_REMOVE, add.id);
	free(rows);

	/* Durations by name. */
	prctl(PR_SET_NAME, "hist-comm");
	add.symbol = PTR("__x64_sys_clock_nanosleep");
	add.hist = (struct kprobed_hist){
		.value = KPROBED_HIST_DURATION, .key = KPROBED_KEY_COMM, .keys = 16};
	add_probe(&add);
	rows = calloc(add.hist_rows, add.hist_row_bytes);
	for (int i = 0; i < 5; i++)
		usleep(2000);
	n = read_hist(&add, KPROBED_HIST_RESET, rows);
	check(n >= 1 && n <= 2);
	total = 0;
	for (size_t i = 0; i < n; i++) {
		row = (void *)(rows + i * add.hist_row_bytes);
		check(strcmp((char *)row->key, "hist-comm") == 0);
		for (int b = 0; b < 65; b++)
			if (row->buckets[b] && b >= 21) /* 2^20 is below 2 ms */
				total += row->buckets[b];
	}
	check_eq(total, 5);
	request(KPROBED_REMOVE, add.id);
	free(rows);
}
