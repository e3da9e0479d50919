# SPDX-License-Identifier: GPL-2.0-or-later
"""Subscribers of three kinds, and the programs that make events, for the tests of streams (import clients)."""

import collections
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading

import kptest

PROGRAMS = os.path.join(os.environ.get("KPROBED_TESTS", "/opt/kprobed-tests"), "programs")
# Generous: a guest under emulation shares its host with others, and a sanitized daemon is slow.
PATIENCE = 120

# What hitter does, one event a call. Its own calls only: the others' arguments are no such numbers.
HITS = {
	"definition": "p:hits __x64_sys_getpgid pid=+112(%di):s32",
	"filter": "pid >= 16777216",
}
LAST_HIT = 0x7FFFFFFF


def make_folder():
	"""A folder in memory, for files that come and go; the guest ends with the tests."""
	return tempfile.mkdtemp(dir="/dev/shm", prefix="kprobed-test-")


def drop_folder(folder):
	shutil.rmtree(folder, ignore_errors=True)


def status():
	with kptest.Client() as client:
		return client.call("io.kprobed.Service.Status")


def totals():
	return status()["totals"]


class Stream:
	"""What one subscriber has received: events as dicts in their order, and gaps as (kind, count)."""

	def __init__(self, name):
		self.name = name
		self.events = []
		self.gaps = []

	def add(self, message):
		"""An object as kprobectl and the daemon write it."""
		if "gap" in message:
			self.gaps.append((message["gap"]["kind"], message["gap"].get("count")))
		else:
			self.events.append(message)

	def lost(self, *kinds):
		return sum(count for kind, count in self.gaps if kind in kinds)


class Program:
	"""A program that subscribes and writes what it receives to a file of its name, or to a Hits."""

	end_signal = signal.SIGTERM

	def __init__(self, name, command, folder, hits):
		self.name = name
		self.path = os.path.join(folder, name)
		self.errors = os.path.join(folder, f"{name}.stderr")
		before = totals()["subscribers"]
		with open(self.errors, "wb") as errors, open(self.path, "wb") as output:
			self.process = subprocess.Popen(command, stdout=hits.input if hits else output, stderr=errors,
							stdin=subprocess.DEVNULL)
		if hits:
			hits.input.close()
		kptest.wait_for(PATIENCE, lambda: self.failed() or totals()["subscribers"] > before, f"{name} subscribed")
		self.check()

	def failed(self):
		return self.process.poll() is not None

	def check(self):
		if self.failed():
			kptest.fail(f"{self.name} ended with status {self.process.returncode}: {kptest.read(self.errors)}")

	def saw(self, marker):
		"""Whether the marker is at the end of what came so far."""
		self.check()
		with open(self.path, "rb") as file:
			file.seek(max(0, os.path.getsize(self.path) - 4096))
			return marker in file.read()

	def stop(self):
		"""Lets it write what it has, and end."""
		self.process.send_signal(self.end_signal)
		self.process.wait(PATIENCE)
		if self.process.returncode:
			kptest.fail(f"{self.name} ended with status {self.process.returncode}: {kptest.read(self.errors)}")


class Kprobectl(Program):
	"""kprobectl watch --json"""

	end_signal = signal.SIGINT

	def __init__(self, folder, *selectors, hits=None):
		super().__init__("kprobectl", ["kprobectl", "watch", "--json", *selectors], folder, hits)

	def stream(self):
		stream = Stream(self.name)
		with open(self.path, "rb") as file:
			for line in file:
				stream.add(json.loads(line))
		return stream


class Library(Program):
	"""programs/subscriber, on libkprobed"""

	def __init__(self, folder, *selectors, hits=None):
		super().__init__("libkprobed", [os.path.join(PROGRAMS, "subscriber"), *selectors], folder, hits)

	def stop_still(self):
		"""Stopped, but not before it has begun: kprobed knows of a reader of its memory before that has looked at it."""
		kptest.wait_for(PATIENCE, lambda: "subscribed\n" in kptest.read(self.path), f"{self.name} has begun")
		self.process.send_signal(signal.SIGSTOP)

	def stream(self):
		stream = Stream(self.name)
		lines = kptest.read(self.path).splitlines()
		kptest.assert_eq(lines[0], "subscribed", "the first line of subscriber")
		for line in lines[1:]:
			kind, *rest = line.split("\t")
			if kind == "gap":
				stream.gaps.append((rest[0], None if rest[1] == "?" else int(rest[1])))
			elif kind == "event":
				stream.events.append(self.event(rest))
			else:
				kptest.assert_eq(kind, "cursor", "a line of subscriber")
		return stream

	@staticmethod
	def event(fields):
		seq, ts, cpu, tid, comm, probe, site, caller, *args = fields
		event = {"seq": int(seq), "ts": int(ts), "cpu": int(cpu), "tid": int(tid), "comm": comm, "probe": probe,
			 "site": site, "args": {}}
		if caller != "-":
			event["caller"] = caller
		for arg in args:
			name, _, value = arg.partition("=")
			if re.fullmatch(r"-?\d+", value):
				value = int(value)
			event["args"][name] = None if value == "null" else value
		return event


class Python:
	"""A thread with a connection of kptest's: takes what comes as fast as it can and understands it later."""

	def __init__(self, folder, *selectors, hits=None, **options):
		self.name = "python"
		self.path = os.path.join(folder, self.name)
		self.output = hits.input if hits else open(self.path, "wb")
		self.last_frame = b""
		self.error = None
		self.is_stopping = False
		self.client = kptest.Client(timeout=None)
		self.client.send("io.kprobed.Events.Subscribe", {"probes": list(selectors), **options}, more=True)
		first, continues = self.client.reply()
		kptest.assert_eq((first["events"], continues), ([], True), "the first reply of Subscribe")
		self.thread = threading.Thread(target=self.run, daemon=True)
		self.thread.start()

	def run(self):
		try:
			with self.output as output:
				while True:
					frame = self.client.receive_frame()
					output.write(frame + b"\n")
					output.flush()
					self.last_frame = frame
					self.on_frame(frame)
		except (OSError, ValueError, kptest.Disconnected) as error:
			if not self.is_stopping:
				self.error = error

	def on_frame(self, frame):
		"""For those who want to know when one comes."""

	def check(self):
		if self.error:
			kptest.fail(f"the client in Python: {self.error}")

	def saw(self, marker):
		self.check()
		return marker in self.last_frame

	def stop(self):
		self.check()
		self.is_stopping = True
		self.client.socket.shutdown(2)
		self.thread.join(PATIENCE)
		self.client.close()

	def stream(self):
		stream = Stream(self.name)
		with open(self.path, "rb") as file:
			for frame in file:
				message = json.loads(frame)
				kptest.assert_eq(message.get("continues"), True, f"{self.name}: continues")
				for gap in message["parameters"].get("gaps") or []:
					stream.add({"gap": gap})
				for event in message["parameters"]["events"]:
					stream.add(event)
		return stream


class Hitter:
	"""programs/hitter: BATCH calls for each token."""

	def __init__(self, batch=1000):
		self.batch = batch
		self.granted = 0
		self.lock = threading.Lock()
		self.process = subprocess.Popen([os.path.join(PROGRAMS, "hitter"), str(batch)], stdin=subprocess.PIPE,
						stdout=subprocess.PIPE)

	def grant(self, tokens=1):
		with self.lock:
			if self.process.stdin.closed:
				return
			self.process.stdin.write(b"." * tokens)
			self.process.stdin.flush()
			self.granted += tokens

	def finish(self):
		"""Lets it do what it may and end; {tid: how many calls} with their CPUs' numbers checked."""
		with self.lock:
			self.process.stdin.close()
		output = self.process.stdout.read().decode()
		kptest.assert_eq(self.process.wait(PATIENCE), 0, "hitter's exit status")
		made = {}
		for line in output.splitlines():
			cpu, tid, done = map(int, line.split())
			made[tid] = (cpu, done)
		kptest.assert_eq(sum(done for _, done in made.values()), self.granted * self.batch, "hitter's calls")
		return made


class Pace:
	"""Keeps a hitter busy, but no more than AHEAD calls ahead of the slowest of some Hits."""

	def __init__(self, hitter, checks, ahead):
		self.hitter = hitter
		self.checks = checks
		self.ahead = ahead // hitter.batch
		self.is_over = False
		for check in checks:
			check.on_progress = self.go_on
		hitter.grant(self.ahead)

	def received(self):
		return min(check.received for check in self.checks)

	def go_on(self):
		n = self.received() // self.hitter.batch + self.ahead - self.hitter.granted
		if n > 0 and not self.is_over:
			self.hitter.grant(n)

	def end(self):
		self.is_over = True
		return self.hitter.finish()


class Hits:
	"""programs/hits, to be given to a subscriber: checks the order of the hits that it receives and counts them, by
	thread as {tid: (CPU, first, count)}."""

	def __init__(self, *options):
		self.process = subprocess.Popen([os.path.join(PROGRAMS, "hits"), *options], stdin=subprocess.PIPE,
						stdout=subprocess.PIPE, text=False)
		self.input = self.process.stdin
		self.output = []
		self.saw_last = threading.Event()
		self.is_complete = False
		self.received = 0
		self.on_progress = lambda: None
		self.threads = {}
		self.gaps = collections.Counter()
		self.holes = collections.Counter()
		self.reader = threading.Thread(target=self.run, daemon=True)
		self.reader.start()

	def run(self):
		for line in self.process.stdout:
			if line.startswith(b"count "):
				self.received = int(line.split()[1])
				self.on_progress()
			elif line == b"last\n":
				self.is_complete = True
				self.saw_last.set()
			else:
				self.output.append(line.decode())
		self.saw_last.set()

	def finish(self, subscriber):
		"""Waits for the last call, lets the subscriber end, and takes the account."""
		if not self.saw_last.wait(PATIENCE):
			kptest.fail(f"{subscriber.name}: the last call has not come: {self.output[-3:]}")
		if not self.is_complete:
			self.process.wait(PATIENCE)
			kptest.fail(f"{subscriber.name}: {''.join(self.output[-5:])}")
		subscriber.stop()
		self.take(subscriber.name)

	def take(self, name="hits"):
		"""Takes the account, after the end of its input."""
		self.reader.join(PATIENCE)
		if self.process.wait(PATIENCE):
			kptest.fail(f"{name}: {''.join(self.output[-5:])}")
		for line in self.output:
			kind, *rest = line.split()
			if kind == "thread":
				self.threads[int(rest[0])] = int(rest[1]), int(rest[2], 16), int(rest[3])
			elif kind == "gap" and rest[1] != "?":
				self.gaps[rest[0]] += int(rest[1])
			elif kind == "hole":
				self.holes[int(rest[0])] += int(rest[1])
			else:
				kptest.fail(f"{name}: {line}")

	def count(self):
		return sum(count for _, _, count in self.threads.values())

	def check_all(self, subscriber, made):
		"""That every call is there, once."""
		self.finish(subscriber)
		kptest.assert_eq(dict(self.gaps), {}, f"{subscriber.name}: gaps")
		last = [tid for tid, thread in self.threads.items() if thread[1:] == (LAST_HIT, 1)]
		kptest.assert_eq(len(last), 1, f"{subscriber.name}: the last call in {self.threads}")
		del self.threads[last[0]]
		expected = {tid: (cpu, (cpu + 1) << 24, done) for tid, (cpu, done) in made.items() if done}
		kptest.assert_eq(self.threads, expected, f"{subscriber.name}: calls by thread (CPU, first, count)")
