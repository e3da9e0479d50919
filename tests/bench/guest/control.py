# SPDX-License-Identifier: GPL-2.0-or-later
"""Control: what it takes to add, disable, enable and remove probes, and what the kernel takes for the same.

By hand there are two ways: line by line, as a shell loop does it, and all lines in one write with one write to the
group's "enable". Both write the very lines that kprobed has written for its probes."""

import os
import signal
import statistics
import subprocess
import time

from common import PROGRAMS, TRACEFS, Listener, hits_probe, in_turn, kptest, seldom_called, wait_until_gone, write

# Of each number of probes so many rounds, in turns.
ROUNDS = {1: 5, 10: 3, 100: 3, 500: 3}
STEPS = ("add", "disable", "enable", "remove")


class Clock:
	"""The seconds of each step."""

	def __init__(self):
		self.seconds = []

	def time(self, function, *arguments):
		begin = time.monotonic()
		function(*arguments)
		self.seconds.append(time.monotonic() - begin)


class ByHand:
	"""Probes in an instance of ours, as one makes them with a shell. The instance is made and removed in the steps, too:
	without one, somebody else's reader would get the events."""

	def __init__(self, lines, in_one_write):
		self.lines = [line.replace(f":{kptest.GROUP}/", ":bare/") + "\n" for line in lines]
		self.events = [line.split()[0].split("/")[1] for line in self.lines]
		self.in_one_write = in_one_write

	def define(self, lines):
		for text in ["".join(lines)] if self.in_one_write else lines:
			write("kprobe_events", text, True)

	def enable(self, on):
		for name in ["/"] if self.in_one_write else [f"/{event}/" for event in self.events]:
			write(f"instances/bare/events/bare{name}enable", on)

	def add(self):
		os.mkdir(os.path.join(TRACEFS, "instances/bare"))
		self.define(self.lines)
		self.enable("1")

	def remove(self):
		self.enable("0")
		os.rmdir(os.path.join(TRACEFS, "instances/bare"))
		self.define([f"-:bare/{event}\n" for event in self.events])

	def run(self):
		clock = Clock()
		clock.time(self.add)
		clock.time(self.enable, "0")
		clock.time(self.enable, "1")
		clock.time(self.remove)
		return clock.seconds


def lines_of(client, specs):
	"""The lines that kprobed writes for them."""
	client.call("io.kprobed.Probes.Add", {"probes": specs})
	lines = kptest.kernel_probes()
	client.call("io.kprobed.Probes.Remove", {"probes": ["k*"]})
	wait_until_gone()
	return lines


def run_kprobed(client, specs):
	"""The four steps, and from the request to remove until nothing is left in the kernel."""
	clock = Clock()
	clock.time(client.call, "io.kprobed.Probes.Add", {"probes": specs})
	for method in ("Disable", "Enable", "Remove"):
		clock.time(client.call, f"io.kprobed.Probes.{method}", {"probes": ["k*"]})
	clock.time(wait_until_gone)
	clock.seconds[4] += clock.seconds[3]
	return clock.seconds


def show(n, name, seconds, ours):
	cells = "".join(f"{s:>9.3f}" for s in seconds[:4])
	if name == "kprobed":
		print(f"  {n:>6} {name:<14}{cells}{seconds[4]:>9.3f}", flush=True)
		return
	ratios = [ours[i] / seconds[i] for i in range(3)] + [ours[4] / seconds[3]]
	print(f"  {n:>6} {name:<14}{cells}{'':>9}   {'  '.join(f'{r:.2f}' for r in ratios)}", flush=True)


def listen_while(seconds_or_work, what):
	"""Calls 200 times a second, for so long or while the work is done; says when the events of them came."""
	listener = Listener("kprobed", "0", "hits")
	command = [os.path.join(PROGRAMS, "pacer"), str(1 << 20), "200"]
	with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as pacer:
		if callable(seconds_or_work):
			seconds_or_work()
		else:
			time.sleep(seconds_or_work)
		pacer.send_signal(signal.SIGTERM)
		calls = int(pacer.stdout.read().split()[2])
	events, lost, p50, p99, most = listener.result()
	print(f"  {what:<32}{calls:>7}{events:>9.0f}{lost:>7.0f}{p50:>9.0f}{p99:>9.0f}{most:>9.0f}", flush=True)


def others(names):
	"""The events of somebody else, while all the probes come and go."""
	print("  somebody else's events, 200 a second, and the microseconds until they came:")
	print(f"  {'':<32}{'calls':>7}{'events':>9}{'lost':>7}{'p50':>9}{'p99':>9}{'max':>9}")
	with kptest.Client(timeout=600) as other:
		hits_probe(other)

		def come_and_go():
			with kptest.Client(timeout=600) as client:
				specs = [{"definition": f"p:k{i} {name}"} for i, name in enumerate(names)]
				client.call("io.kprobed.Probes.Add", {"probes": specs})
				client.call("io.kprobed.Probes.Remove", {"probes": ["k*"]})
			kptest.wait_for(300, lambda: len(kptest.kernel_probes()) == 1, "the probes have gone")

		listen_while(5, "nothing else goes on")
		listen_while(come_and_go, f"{len(names)} probes come and go")
	wait_until_gone()


def control():
	print("## control: seconds for adding and enabling probes, disabling, enabling and removing them; medians of " +
	      ", ".join(f"{rounds} rounds of {n}" for n, rounds in ROUNDS.items()))
	print(f"  {'probes':>6} {'':<14}{''.join(f'{step:>9}' for step in STEPS)}{'all gone':>9}   "
	      "kprobed's times by these: add, disable, enable, remove until all are gone")
	functions = seldom_called(max(ROUNDS))
	with kptest.Client(timeout=600) as client:
		# Symbols are loaded once in the life of the service.
		client.call("io.kprobed.Probes.Check", {"probes": [{"definition": f"p:k {functions[0]}"}]})
		for n, rounds in ROUNDS.items():
			names = functions[:: len(functions) // n][:n]
			specs = [{"definition": f"p:k{i} {name}"} for i, name in enumerate(names)]
			rows = {"line by line": [], "in one write": [], "kprobed": []}
			lines = lines_of(client, specs)
			kptest.assert_eq(len(lines), n, "lines of kprobe_events")
			ways = {
				"kprobed": lambda: run_kprobed(client, specs),
				"line by line": lambda: ByHand(lines, False).run(),
				"in one write": lambda: ByHand(lines, True).run(),
			}
			# Each is the first, the second and the last in turn: what a kernel has done once it does a little slower or faster.
			for i in range(rounds):
				for name in in_turn(list(ways), i):
					rows[name].append(ways[name]())
			medians = {key: [statistics.median(column) for column in zip(*runs)] for key, runs in rows.items()}
			for name, seconds in medians.items():
				show(n, name, seconds, medians["kprobed"])
	others(functions)
