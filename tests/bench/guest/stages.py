# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the time goes between a hit and its event's reader: the steps of kprobed and of its client as the kernel saw them, by
tracepoints of the scheduler and of system calls in an instance of their own, with the clock of the events. Tracing takes time
too, so that the sum is more than what latency says; what it is for is the share of each step."""

import bisect
import os
import re

from common import Listener, hits_probe, kptest, pace, wait_until_gone, write

NAME = "stages"
FOLDER = os.path.join("instances", NAME)
# "pacer-412     [000] .....    81.234567: sys_getpgid(pid: 1000000)"
LINE = re.compile(r"^\s*.+-(\d+)\s+\[\d+\] \S+\s+(\d+\.\d+): (\S+?)(?:\(|:? )(.*)$")
STEPS = (("the kernel wakes kprobed", "waking"), ("kprobed gets a CPU", "running"), ("the ring is read", "read"),
	 ("decoded, logged, to be sent", "send"), ("the kernel wakes the client", "client waking"),
	 ("the client gets a CPU", "client running"), ("recv() returns", "received"))


def enable(daemon, client):
	os.mkdir(os.path.join(kptest.TRACEFS, FOLDER))
	write(f"{FOLDER}/trace_clock", "mono")
	write(f"{FOLDER}/buffer_size_kb", "16384")
	for event, condition in (
		("syscalls/sys_enter_getpgid", "pid >= 16777216"),
		("sched/sched_waking", f"pid == {daemon} || pid == {client}"),
		("sched/sched_switch", f"next_pid == {daemon} || next_pid == {client}"),
		("syscalls/sys_exit_read", f"common_pid == {daemon}"),
		("syscalls/sys_enter_writev", f"common_pid == {daemon}"),
		("syscalls/sys_exit_recvfrom", f"common_pid == {client}"),
	):
		write(f"{FOLDER}/events/{event}/filter", condition)
		write(f"{FOLDER}/events/{event}/enable", "1")


def disable():
	write(f"{FOLDER}/events/enable", "0")
	os.rmdir(os.path.join(kptest.TRACEFS, FOLDER))


def read_times(daemon):
	"""Microseconds at which each kind of thing happened."""
	times = {name: [] for _, name in (("", "hit"),) + STEPS}
	for line in kptest.read(os.path.join(kptest.TRACEFS, FOLDER, "trace")).splitlines():
		match = LINE.match(line)
		if not match:
			continue
		at, what, rest = float(match[2]) * 1e6, match[3], match[4]
		who = re.search(r"\b(?:next_)?pid=(\d+)", rest.split("==>")[-1])
		prefix = "" if who and int(who[1]) == daemon else "client "
		if what == "sched_waking":
			times[prefix + "waking"].append(at)
		elif what == "sched_switch":
			times[prefix + "running"].append(at)
		elif what == "sys_getpgid":
			times["hit"].append(at)
		elif what == "sys_writev":
			times["send"].append(at)
		elif what == "sys_read" and int(rest.split()[-1], 16) < 1 << 31:
			times["read"].append(at)
		elif what == "sys_recvfrom" and 0 < int(rest.split()[-1], 16) < 1 << 31:
			times["received"].append(at)
	return times


def first_after(times, at):
	i = bisect.bisect_left(times, at)
	return times[i] if i < len(times) else None


def last_between(times, begin, end):
	"""The last one, or begin where there is none: who is awake need not be woken."""
	i = bisect.bisect_right(times, end)
	return max(times[i - 1], begin) if i else begin


def steps_of(times):
	"""For each hit the microseconds of its steps. Each read, send and recv() takes what has come by then."""
	for hit in times["hit"]:
		read = first_after(times["read"], hit)
		send = first_after(times["send"], read) if read else None
		received = first_after(times["received"], send) if send else None
		if not received:
			continue
		waking = last_between(times["waking"], hit, read)
		client_waking = last_between(times["client waking"], send, received)
		at = (hit, waking, last_between(times["running"], waking, read), read, send, client_waking,
		      last_between(times["client running"], client_waking, received), received)
		yield [b - a for a, b in zip(at, at[1:])]


def stages(rate, count):
	daemon = kptest.kprobed_pid()
	with kptest.Client() as client:
		hits_probe(client)
		listener = Listener("kprobed", "0", "hits")
		enable(daemon, listener.process.pid)
		pace(count, rate)
		listener.result()
		steps = list(steps_of(read_times(daemon)))
		disable()
	wait_until_gone()
	print(f"  the steps of kprobed's {len(steps)} events at {rate}/s, traced (which takes time of its own): microseconds")
	print(f"  {'':<32} {'p50':>9} {'p99':>9}")
	for name, took in [(step[0], [s[i] for s in steps]) for i, step in enumerate(STEPS)] + [("in all", [sum(s) for s in steps])]:
		took.sort()
		print(f"  {name:<32} {took[len(took) // 2]:>9.0f} {took[len(took) * 99 // 100]:>9.0f}", flush=True)
