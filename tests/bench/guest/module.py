# SPDX-License-Identifier: GPL-2.0-or-later
"""The helper module by itself: what a hit costs the one who makes it. One CPU makes the same call over and over, bare and with
each kind of probe on it, in turns; a probe's cost is the CPU time of a call with it, less that of a bare one. Nobody reads the
rings meanwhile, which are as large for all."""

import contextlib
import os
import re
import statistics
import subprocess

from common import ARGUMENT, BUFFER_KB, FUNCTION, PROGRAMS, TRACEFS, kptest, pace, write

# A round's calls are in pieces: short ones are more often not disturbed.
PIECES, CALLS, ROUNDS = 8, 5000, 7
BPFTRACE = {
	"bpftrace-map": f"kprobe:{FUNCTION} {{ @start[tid] = nsecs; }} "
	f"kretprobe:{FUNCTION} /@start[tid]/ {{ @took[tid] = nsecs - @start[tid]; delete(@start[tid]); }}",
	"bpftrace-hist": f"kprobe:{FUNCTION} {{ @start[tid] = nsecs; }} "
	f"kretprobe:{FUNCTION} /@start[tid]/ {{ @took = hist(nsecs - @start[tid]); delete(@start[tid]); }}",
}
MODES = ("call", "call-early", "call-late", "call-slow", "call-hist", "entry", "entry-late")


class Instance:
	"""Rings to record into."""

	def __init__(self, name, event):
		self.folder = f"instances/{name}"
		self.event = event
		os.mkdir(os.path.join(TRACEFS, self.folder))
		write(f"{self.folder}/trace_clock", "mono")
		write(f"{self.folder}/buffer_size_kb", str(BUFFER_KB))
		self.enable("1")

	def enable(self, on):
		for event in self.event.split():
			write(f"{self.folder}/events/{event}/enable", on)

	def remove(self):
		self.enable("0")
		os.rmdir(os.path.join(TRACEFS, self.folder))


@contextlib.contextmanager
def held(mode):
	"""The module's probe of that mode."""
	process = subprocess.Popen([os.path.join(PROGRAMS, "ioctl-hold"), mode, FUNCTION], stdin=subprocess.PIPE,
				   stdout=subprocess.PIPE, text=True)
	kptest.assert_eq(process.stdout.readline(), "ready\n", "ioctl-hold's first line")
	instance = Instance("module", "kprobed/kprobed_hit")
	yield
	rest, _ = process.communicate()
	instance.remove()
	kptest.assert_eq(process.returncode, 0, "ioctl-hold's exit status")
	# A probe that was not hit costs nothing.
	recorded, filtered, counted = (int(word) for word in rest.split())
	hits = filtered if re.search("early|late|slow", mode) else counted if "hist" in mode else recorded
	if hits < PIECES * CALLS or hits != recorded + filtered + counted:
		kptest.fail(f"{mode}: {recorded} recorded, {filtered} filtered, {counted} counted")


@contextlib.contextmanager
def pair():
	"""An event at the entry and another at the return, as tracefs has them."""
	write("kprobe_events", f"p:pair/in {FUNCTION} {ARGUMENT}\n", True)
	write("kprobe_events", f"r:pair/out {FUNCTION} ret=$retval:s64\n", True)
	instance = Instance("pair", "pair/in pair/out")
	yield
	instance.remove()
	write("kprobe_events", "-:pair/in\n", True)
	write("kprobe_events", "-:pair/out\n", True)


@contextlib.contextmanager
def single():
	"""An event at the entry, as tracefs has it."""
	write("kprobe_events", f"p:pair/in {FUNCTION} {ARGUMENT}\n", True)
	instance = Instance("pair", "pair/in")
	yield
	instance.remove()
	write("kprobe_events", "-:pair/in\n", True)


@contextlib.contextmanager
def bpftrace(name):
	process = subprocess.Popen(["bpftrace", "-e", 'BEGIN { printf("ready\\n"); } ' + BPFTRACE[name]], stdout=subprocess.PIPE,
				   text=True)
	while "ready" not in (line := process.stdout.readline()):
		if not line:
			kptest.fail("bpftrace did not begin")
	yield
	process.terminate()
	rest, _ = process.communicate()
	if "@took" not in rest:
		kptest.fail(f"bpftrace has nothing to say: {rest[:200]}")


@contextlib.contextmanager
def bare():
	yield


def contexts():
	found = {"bare": bare, "pair": pair, "single": single}
	found.update({mode: lambda mode=mode: held(mode) for mode in MODES})
	found.update({name: lambda name=name: bpftrace(name) for name in BPFTRACE})
	return found


def module():
	kptest.run("modprobe", "kprobed")
	ways = contexts()
	seconds = {name: [] for name in ways}
	for _ in range(ROUNDS):
		for name, way in ways.items():
			with way():
				pace(2000)
				for _ in range(PIECES):
					seconds[name].append(pace(CALLS)[0] / CALLS)
	# The quickest of several: what else the machine did can only have made one slower.
	cost = {name: (min(taken) - min(seconds["bare"])) * 1e9 for name, taken in seconds.items()}
	spread = {name: statistics.median(taken) * 1e9 - statistics.median(seconds["bare"]) * 1e9 for name, taken in seconds.items()}
	print(f"## module: nanoseconds that a hit adds to a call, {CALLS} calls, least of {ROUNDS * PIECES} times (median)")
	for name in ways:
		if name != "bare":
			print(f"{name:16} {cost[name]:8.0f} ({spread[name]:.0f})")
	for name, ours, theirs in (("call : pair of tracefs", "call", "pair"), ("call : bpftrace, entry and return with a map", "call", "bpftrace-map"),
				   ("rejected by the thread : recorded", "call-early", "call"), ("rejected by the argument : recorded", "call-late", "call"),
				   ("rejected by the duration : recorded", "call-slow", "call"), ("entry : tracefs", "entry", "single"),
				   ("entry rejected : recorded", "entry-late", "entry"), ("histogram : bpftrace's", "call-hist", "bpftrace-hist")):
		print(f"{name:46} {cost[ours] / cost[theirs]:.2f} ({spread[ours] / spread[theirs]:.2f})", flush=True)
