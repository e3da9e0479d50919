# SPDX-License-Identifier: GPL-2.0-or-later
"""What the benchmarks in the guest share: the probe that they all hit, the same without kprobed, calls at a steady rate or as
fast as one CPU makes them, and what processes use."""

import errno
import itertools
import os
import re
import subprocess
import sys
import time

TESTS = os.environ.get("KPROBED_TESTS", "/opt/kprobed-tests")
sys.path.insert(0, TESTS)
import kptest  # noqa: E402

PROGRAMS = os.path.join(TESTS, "programs")
TRACEFS = kptest.TRACEFS
FUNCTION = "__x64_sys_getpgid"
ARGUMENT = "pid=+112(%di):s32"
HITS = f"hits {FUNCTION} {ARGUMENT}"
# pacer's calls and nobody else's.
FILTER = "pid >= 16777216"
# The argument of pacer's last call.
LAST = b"2147483647"
# Of each CPU's ring, for whoever can be told: what kprobed and tracefs have by default.
BUFFER_KB = 1408


def write(path, text, is_append=False):
	"""One write(); Python's own "a" seeks, which tracefs will not have."""
	file = os.open(os.path.join(TRACEFS, path), os.O_WRONLY | (os.O_APPEND if is_append else 0))
	try:
		os.write(file, text.encode("ascii"))
	finally:
		os.close(file)


class BareInstance:
	"""The same probe without kprobed: a tracefs instance of ours, as one makes it by hand."""

	def __init__(self, name="bench"):
		self.name = name
		self.folder = os.path.join(TRACEFS, "instances", name)
		write("kprobe_events", f"p:{name}/{HITS}\n", True)
		os.mkdir(self.folder)
		self.write("trace_clock", "mono")
		self.write("buffer_size_kb", str(BUFFER_KB))
		self.write(f"events/{name}/hits/filter", FILTER)

	def write(self, path, text):
		write(os.path.join("instances", self.name, path), text)

	def enable(self, on=True):
		self.write(f"events/{self.name}/hits/enable", str(int(on)))

	def overrun(self):
		return ring_losses(self.folder)

	def is_removed(self):
		"""Not as long as a reader has one of its files: one that has been killed may still be on its way out."""
		try:
			os.rmdir(self.folder)
		except OSError as error:
			if error.errno != errno.EBUSY:
				raise
		return not os.path.exists(self.folder)

	def remove(self):
		self.enable(False)
		kptest.wait_for(30, self.is_removed, "the instance can be removed")
		write("kprobe_events", f"-:{self.name}/hits\n", True)


def ring_losses(folder):
	"""Records that the rings of an instance lost."""
	total = 0
	for cpu in range(os.cpu_count()):
		stats = kptest.read(os.path.join(folder, f"per_cpu/cpu{cpu}/stats"))
		total += int(re.search(r"^overrun: (\d+)", stats, re.MULTILINE)[1])
		total += int(re.search(r"^dropped events: (\d+)", stats, re.MULTILINE)[1])
	return total


class Listener:
	"""programs/latency, which has said that it is ready"""

	def __init__(self, *arguments):
		self.process = subprocess.Popen([os.path.join(PROGRAMS, "latency"), *arguments], stdout=subprocess.PIPE, text=True)
		kptest.assert_eq(self.process.stdout.readline(), "ready\n", "latency's first line")

	def result(self):
		"""Events, events told as lost, and microseconds: median, 99th percentile, most."""
		line = self.process.stdout.readline()
		kptest.assert_eq(self.process.wait(120), 0, "latency's exit status")
		return [float(word) for word in line.split()]


def pace(count, rate=None):
	"""Runs pacer; returns its CPU seconds and those by the clock."""
	command = [os.path.join(PROGRAMS, "pacer"), str(count)] + ([str(rate)] if rate else [])
	cpu, wall, _ = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.split()
	return int(cpu) / 1e9, int(wall) / 1e9


def hits_probe(client):
	client.call("io.kprobed.Probes.Add", {"probes": [{"definition": f"p:{HITS}", "filter": FILTER}]})


def in_turn(ways, i):
	"""The ways to do something in the order of round i: each is the first now and then, and behind another."""
	orders = list(itertools.permutations(ways))
	return orders[i * len(orders) // len(ways) % len(orders)]


# What there is in events/kprobed without any probe: of the kernel, and of the helper module.
NO_PROBES = {"enable", "filter", "kprobed_hit"}


def wait_until_gone():
	"""Until none of kprobed's events is in the kernel. Looks at a folder: to read kprobe_events would be in the way."""
	deadline = time.monotonic() + 120
	folder = os.path.join(TRACEFS, "events", kptest.GROUP)
	while os.path.exists(folder) and set(os.listdir(folder)) - NO_PROBES:
		if time.monotonic() > deadline:
			kptest.fail("kprobed's events are still in the kernel")
		time.sleep(0.01)


def family(pid):
	"""A process and all that it has started."""
	found = [pid]
	for tid in os.listdir(f"/proc/{pid}/task"):
		for child in kptest.read(f"/proc/{pid}/task/{tid}/children").split():
			found += family(int(child))
	return found


def cpu_of(pid):
	"""CPU seconds of a process, all of its threads, and of its children: (in all, of them in the kernel)."""
	total, ticks, kernel = 0, 0, 0
	for member in family(pid):
		for tid in os.listdir(f"/proc/{member}/task"):
			total += int(kptest.read(f"/proc/{member}/task/{tid}/schedstat").split()[0])
			fields = kptest.read(f"/proc/{member}/task/{tid}/stat").rpartition(")")[2].split()
			ticks += int(fields[11]) + int(fields[12])
			kernel += int(fields[12])
	return total / 1e9, (total / 1e9) * kernel / max(ticks, 1)


def cpu_of_all(pids):
	return sum(cpu_of(pid)[0] for pid in pids)


def memory_kb(pid, key="RssAnon"):
	"""Memory that is the process's own: not the log, not what it shares."""
	return int(re.search(rf"^{key}:\s+(\d+)", kptest.read(f"/proc/{pid}/status"), re.MULTILINE)[1])


def seldom_called(n):
	"""Functions of the kernel that one can have a probe on by ftrace, whose name is theirs alone, and that nothing here calls."""
	subjects = "acpi|aa|apparmor|audit|bpf|clk|dma|drm|fib6|hugetlb|ip6|ipv6|key|nfs|pci|perf|pm|quota|regulator|snd|swap|thermal|usb|xfrm"
	taboo = {line.split()[-1] for line in kptest.read("/sys/kernel/debug/kprobes/blacklist").splitlines()}
	count = {}
	for match in re.finditer(r"^\S+ [tT] (\S+)$", kptest.read("/proc/kallsyms"), re.MULTILINE):
		count[match[1]] = count.get(match[1], 0) + 1
	# Spread over the kernel's text, as with what people choose.
	names = [name for name in kptest.read(os.path.join(TRACEFS, "available_filter_functions")).splitlines()
		 if re.fullmatch(rf"({subjects})_\w+", name) and count.get(name) == 1 and name not in taboo]
	if len(names) < n:
		kptest.fail(f"only {len(names)} functions")
	return names[:: len(names) // n][:n]
