# SPDX-License-Identifier: GPL-2.0-or-later
"""End to end: one CPU makes calls as fast as it can, and a tool is to say every one of them as a line of text in a file.

All tools have rings of the same size or larger. A tool listens when the kernel has its probe armed and it has come to rest, and is
through when its output ends with the last call, or neither output nor CPU time grow any more. CPU times are those from the first
call on: of the tool's processes, with what the kernel does in them, and, as "hit", what a call takes longer than without a probe."""

import os
import re
import shutil
import signal
import subprocess
import time

from common import (ARGUMENT, BUFFER_KB, FILTER, FUNCTION, LAST, TRACEFS, BareInstance, cpu_of, hits_probe, kptest, pace, ring_losses,
		    wait_until_gone, write)

COUNT = 200000
ROUNDS = 2
FOLDER = "/dev/shm/bench"
PERF_PAGES = 512  # a power of two; at least BUFFER_KB
# pacer's numbers, however a tool writes "pid=16777216"
FIRST = 1 << 24
PRINTED = 'pid[^0-9]{1,4}1[67][0-9]{6}'


class Result:
	"""What came of one run."""

	def __init__(self, printed, reported, generator, tool, clients=0.0, n=1):
		self.printed, self.reported, self.generator, self.tool, self.clients, self.n = printed, reported, generator, tool, clients, n

	def cost(self):
		"""CPU seconds for a million lines of text."""
		return (self.tool + self.clients) / max(self.printed * self.n, 1) * 1e6


def path(name):
	return os.path.join(FOLDER, name)


def count_calls(file):
	"""Calls that are said in the file; a call that is said twice is one, and what is no call of pacer's is none."""
	command = ["grep", "-aoE", PRINTED, file]
	found = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, env={"LC_ALL": "C"}).stdout.splitlines()
	calls = {number for number in (int(text[-8:]) for text in found) if FIRST <= number < FIRST + COUNT}
	if len(found) > len(calls):
		print(f"  {os.path.basename(file)}: {len(found) - len(calls)} lines are of no call, or of one that has its line already")
	return len(calls)


def has_last(file):
	with open(file, "rb") as f:
		f.seek(max(0, os.path.getsize(file) - 4096))
		return LAST in f.read()


def is_armed():
	"""Whether a probe on the function is armed, whoever has put it there."""
	lines = kptest.read("/sys/kernel/debug/kprobes/list").splitlines()
	return any(re.search(rf"\b{FUNCTION}\+", line) and "[DISABLED]" not in line for line in lines)


def wait_for_rest(pid, files, is_over=lambda: False):
	"""Until for a second the files do not grow, and the process and its children take less than a twentieth of a CPU."""
	deadline = time.monotonic() + 120
	sizes, cpu, since = None, 0, 0
	while time.monotonic() < deadline:
		now = [os.path.getsize(file) for file in files if os.path.exists(file)]
		used = cpu_of(pid)[0]
		if now != sizes or used - cpu > 0.05:
			sizes, cpu, since = now, used, time.monotonic()
		elif is_over() or time.monotonic() - since > 1:
			return
		time.sleep(0.1)
	kptest.fail("no end in sight")


def used_by(child, patience=15):
	"""CPU seconds of a process and of its children; it is waited for, and killed if its end does not come."""
	deadline = time.monotonic() + patience
	while time.monotonic() < deadline:
		pid, status, usage = os.wait4(child.pid, os.WNOHANG)
		if pid:
			child.returncode = os.waitstatus_to_exitcode(status)
			return usage.ru_utime + usage.ru_stime
		time.sleep(0.05)
	used = cpu_of(child.pid)[0]
	os.killpg(child.pid, signal.SIGKILL)
	child.wait()
	return used


class KprobedRun:
	"""Subscribers that print: kprobectl, each into a file of its own."""

	def __init__(self, n, arguments=("--json",)):
		self.n, self.arguments = n, list(arguments)

	def run(self):
		files = [path(f"kprobed-{i}") for i in range(self.n)]
		pid = kptest.kprobed_pid()
		with kptest.Client() as client:
			hits_probe(client)
			listeners = []
			for file in files:
				with open(file, "wb") as output:
					command = ["kprobectl", "watch", *self.arguments, "hits"]
					listeners.append(subprocess.Popen(command, stdout=output))
			kptest.wait_for(60, lambda: client.call("io.kprobed.Service.Status")["totals"]["subscribers"] == self.n, "subscribers")
			wait_for_rest(pid, files)
			tool, clients = cpu_of(pid)[0], sum(cpu_of(listener.pid)[0] for listener in listeners)
			generator, _ = pace(COUNT)
			kptest.wait_for(240, lambda: all(map(has_last, files)), "the last event")
			tool = cpu_of(pid)[0] - tool
			for listener in listeners:
				listener.send_signal(signal.SIGKILL)
			clients = sum(map(used_by, listeners)) - clients
		printed = min(count_calls(file) for file in files)
		reported = max(self.told(file) for file in files)
		for file in files:
			os.unlink(file)
		wait_until_gone()
		return Result(printed, reported, generator, tool, clients, self.n)

	@staticmethod
	def told(file):
		"""Sum of what the gaps say that lost something."""
		lines = subprocess.run(["grep", "-aE", '^({"gap"|-- lost)', file], stdout=subprocess.PIPE, text=True, check=False).stdout
		json = re.findall(r'"kind":"(?:overrun|overtaken|missed)"[^}]*"count":(\d+)', lines)
		return sum(map(int, json + re.findall(r"^-- lost (\d+)", lines, re.M)))


class PeerRun:
	"""Another tool. Its probe is made by hand, unless it makes one itself."""

	group = "bench"

	def __init__(self, command, output="stdout", lost=None, instance=False, own_probe=False, then=None, environment=None):
		self.command, self.output, self.lost, self.then = command, output, lost, then
		self.instance, self.own_probe, self.environment = instance, own_probe, environment or {}

	def prepare(self):
		if self.instance:
			self.bare = BareInstance()
			self.bare.enable()
		elif not self.own_probe:
			write("kprobe_events", f"p:bench/hits {FUNCTION} {ARGUMENT}\n", True)

	def clean_up(self):
		if self.instance:
			self.bare.remove()
		elif not self.own_probe:
			write("events/bench/hits/enable", "0")
			write("kprobe_events", "-:bench/hits\n", True)

	def run(self):
		files = {name: path(name) for name in ("stdout", "stderr", "data", "text")}
		self.prepare()
		command = [word.format(**files, folder=self.bare.folder if self.instance else "") for word in self.command]
		with open(files["stdout"], "wb") as stdout, open(files["stderr"], "wb") as stderr:
			process = subprocess.Popen(command, stdout=stdout, stderr=stderr, env={**os.environ, **self.environment}, cwd=FOLDER,
						   start_new_session=True)
		kptest.wait_for(120, lambda: is_armed() or process.poll() is not None, f"{self.command[0]} listens")
		if process.poll() is not None:
			kptest.fail(f"{' '.join(command)}: {kptest.read(files['stderr'])}")
		wait_for_rest(process.pid, files.values())
		tool = cpu_of(process.pid)[0]
		generator, _ = pace(COUNT)
		text = files[self.output]
		wait_for_rest(process.pid, files.values(), is_over=lambda: self.then is None and has_last(text))
		# As Ctrl-C does it.
		os.killpg(process.pid, signal.SIGINT)
		tool = used_by(process) - tool
		if self.then:
			text = files["text"]
			with open(text, "wb") as output, open(files["stderr"], "ab") as stderr:
				second = subprocess.Popen([word.format(**files) for word in self.then], stdout=output, stderr=stderr, cwd=FOLDER,
							  start_new_session=True)
			tool += used_by(second, 120)
		printed = count_calls(text)
		reported = self.lost(self, files) if self.lost else None
		self.clean_up()
		for name in os.listdir(FOLDER):
			os.unlink(path(name))
		return Result(printed, reported, generator, tool)


def lost_in_text(pattern):
	"""Sum of the numbers that the pattern finds in what the tool has said."""
	def find(_, files):
		total = 0
		for file in files.values():
			if not os.path.exists(file) or file == files["data"]:
				continue
			lines = subprocess.run(["grep", "-aoE", pattern, file], stdout=subprocess.PIPE, text=True, check=False,
					       env={"LC_ALL": "C"}).stdout
			total += sum(map(int, re.findall(r"\d+", re.sub(r"CPU:?\s*\d+", "", lines))))
		return total
	return find


BPFTRACE = f"kprobe:{FUNCTION} /((struct pt_regs *)arg0)->di >= 16777216/ " \
	   '{ printf("{\\"ts\\":%llu,\\"cpu\\":%d,\\"tid\\":%d,\\"comm\\":\\"%s\\",\\"pid\\":%d}\\n", nsecs, cpu, tid, comm, ' \
	   "((struct pt_regs *)arg0)->di) }"
# Name, whether it prints each event as it comes, and how it is run.
PEERS = (
	("trace_pipe", True, PeerRun(["cat", "{folder}/trace_pipe"], instance=True, lost=lost_in_text(r"LOST [0-9]+ EVENTS"))),
	("bpftrace", True, PeerRun(["bpftrace", "-e", BPFTRACE.replace("{", "{{").replace("}", "}}")], own_probe=True,
				   lost=lost_in_text("Lost [0-9]+ events"), environment={"BPFTRACE_PERF_RB_PAGES": str(PERF_PAGES)})),
	("trace-cmd stream", True, PeerRun(["trace-cmd", "stream", "-b", str(BUFFER_KB), "-e", "bench:hits", "-f", FILTER],
					   lost=lambda run, files: ring_losses(TRACEFS))),
	("perf trace", True, PeerRun(["perf", "trace", "--no-syscalls", "-a", "-m", str(PERF_PAGES), "-e", "bench:hits", "--filter", FILTER,
				      "-o", "{text}"], output="text", lost=lost_in_text("LOST [0-9]+ events"))),
	("trace-cmd record+report", False, PeerRun(["trace-cmd", "record", "-q", "-b", str(BUFFER_KB), "-o", "{data}", "-e", "bench:hits",
						    "-f", FILTER], lost=lambda run, files: ring_losses(TRACEFS),
						   then=["trace-cmd", "report", "-i", "{data}"])),
	("perf record+script", False, PeerRun(["perf", "record", "-q", "-a", "-m", str(PERF_PAGES), "-o", "{data}", "-e", "bench:hits",
					       "--filter", FILTER], lost=lost_in_text("lost [0-9]+"), then=["perf", "script", "-i", "{data}"])),
)
COMPARED = ("kprobed, 1 subscriber", "kprobed, 1, not JSON", "kprobed, 8", "kprobed, 8, not JSON", "kprobed, 8 in memory", "trace_pipe", "bpftrace")
OURS = (("kprobed, 1 subscriber", KprobedRun(1)), ("kprobed, 1, not JSON", KprobedRun(1, [])), ("kprobed, 8", KprobedRun(8)),
	("kprobed, 8, not JSON", KprobedRun(8, [])),
	("kprobed, 8 in memory", KprobedRun(8, ["--json", "--transport", "memory"])))


def show(name, result, plain):
	reported = "-" if result.reported is None else str(result.reported)
	million = max(result.printed, 1) / 1e6
	print(f"  {name:<24}{result.printed:>9}{COUNT - result.printed:>9}{reported:>9}{result.generator / COUNT * 1e6 - plain:>8.2f}"
	      f"{result.tool / million:>9.2f}{result.clients / million / result.n:>9.2f}{result.cost():>9.2f}", flush=True)


def show_calls(n):
	"""The daemon's system calls, from the first subscriber's coming to the last one's end."""
	names = ("read", "writev", "epoll_wait", "epoll_ctl")
	events = ",".join(["raw_syscalls:sys_enter", *(f"syscalls:sys_enter_{name}" for name in names)])
	command = ["perf", "stat", "-x,", "-e", events, "-p", str(kptest.kprobed_pid())]
	with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as perf:
		time.sleep(2)
		delivered = KprobedRun(n).run().printed * n
		perf.send_signal(signal.SIGINT)
		counts = [int(line.split(",")[0]) for line in perf.stderr.read().splitlines() if re.match(r"\d+,", line)]
	if len(counts) != 1 + len(names) or not delivered:
		print(f"  system calls of kprobed with {n} subscribers: perf stat has not counted them")
		return
	print(f"  system calls of kprobed with {n} subscribers: {counts[0]} for {delivered} deliveries, {counts[0] / delivered * 1000:.1f} "
	      f"for a thousand: " + ", ".join(f"{name} {count}" for name, count in zip(names, counts[1:])), flush=True)


def fill_log():
	"""Each page of the log's memory is cleared by the kernel once, when it is first written: that is no cost of an event."""
	with kptest.Client() as client:
		hits_probe(client)
		for _ in range(20):
			pace(COUNT // 2)
			totals = client.call("io.kprobed.Service.Status")["totals"]
			if totals["logFirstSeq"] > 1:
				break
		else:
			kptest.fail(f"the log is not full: {totals}")
	wait_until_gone()


def end_to_end():
	os.makedirs(FOLDER, exist_ok=True)
	fill_log()
	plain = min(pace(COUNT)[0] for _ in range(3)) / COUNT * 1e6
	print(f"## end to end: {COUNT} calls as fast as one CPU makes them ({plain:.2f} us each without a probe), to tools that print text; "
	      "seconds of CPU for a million")
	print(f"  {'':<24}{'printed':>9}{'lost':>9}{'told':>9}{'hit':>8}{'tool':>9}{'client':>9}{'a line':>9}")
	costs = {}
	for turn in range(ROUNDS):
		for name, run in [*OURS, *((name, run) for name, _, run in PEERS)]:
			if isinstance(run, PeerRun) and not shutil.which(run.command[0]):
				print(f"  {name}: not here")
				continue
			# Those that are far off need no second look.
			if turn and name not in COMPARED:
				continue
			result = run.run()
			show(name, result, plain)
			costs.setdefault(name, []).append(result.cost())
	printing = [name for name, is_live, _ in PEERS if is_live and name in costs]
	cheapest = min(printing, key=lambda name: min(costs[name]))
	for name, _ in OURS:
		print(f"  {name}: a line takes {min(costs[name]) / min(costs[cheapest]):.2f} x that of {cheapest}, the cheapest that prints as it comes")
	if shutil.which("perf"):
		show_calls(8)
	shutil.rmtree(FOLDER)
