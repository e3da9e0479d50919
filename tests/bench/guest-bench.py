#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Benchmarks that need a kernel: run in the guest by tests/bench/in-guest. Everything to be compared is measured here, in
one boot, in turns. Times of an emulated machine mean nothing by themselves: look at the ratios.

Usage: guest-bench.py PART...   (latency, control, memory, end-to-end, idle)"""

import os
import re
import resource
import statistics
import subprocess
import sys
import time

sys.path.insert(0, os.environ.get("KPROBED_TESTS", "/opt/kprobed-tests"))
import kptest  # noqa: E402

PROGRAMS = os.path.join(os.environ.get("KPROBED_TESTS", "/opt/kprobed-tests"), "programs")
TRACEFS = kptest.TRACEFS
HITS = "hits __x64_sys_getpgid pid=+112(%di):s32"
LAST = 0x7FFFFFFF
FILTER = "pid >= 16777216"
TICKS = os.sysconf("SC_CLK_TCK")


def write(path, text, is_append=False):
	"""One write(); Python's own "a" seeks, which tracefs will not have."""
	file = os.open(os.path.join(TRACEFS, path), os.O_WRONLY | (os.O_APPEND if is_append else 0))
	try:
		os.write(file, text.encode("ascii"))
	finally:
		os.close(file)


class BareInstance:
	"""The same probe without kprobed: a tracefs instance of ours, as one makes it by hand."""

	def __init__(self, name="bench", buffer_kb=1408):
		self.name = name
		self.folder = os.path.join(TRACEFS, "instances", name)
		write("kprobe_events", f"p:{name}/{HITS}\n", True)
		os.mkdir(self.folder)
		self.write("trace_clock", "mono")
		self.write("buffer_size_kb", str(buffer_kb))
		self.write(f"events/{name}/hits/filter", FILTER)

	def write(self, path, text):
		write(os.path.join("instances", self.name, path), text)

	def enable(self, on=True):
		self.write(f"events/{self.name}/hits/enable", str(int(on)))

	def overrun(self):
		"""Records that the rings lost."""
		total = 0
		for cpu in range(os.cpu_count()):
			stats = kptest.read(os.path.join(self.folder, f"per_cpu/cpu{cpu}/stats"))
			total += int(re.search(r"overrun: (\d+)", stats)[1]) + int(re.search(r"dropped events: (\d+)", stats)[1])
		return total

	def remove(self):
		self.enable(False)
		os.rmdir(self.folder)
		write("kprobe_events", f"-:{self.name}/hits\n", True)


class Listener:
	"""programs/latency, which has said that it is ready"""

	def __init__(self, *arguments):
		self.process = subprocess.Popen([os.path.join(PROGRAMS, "latency"), *arguments], stdout=subprocess.PIPE, text=True)
		kptest.assert_eq(self.process.stdout.readline(), "ready\n", "latency's first line")

	def result(self):
		line = self.process.stdout.readline()
		kptest.assert_eq(self.process.wait(120), 0, "latency's exit status")
		return [float(word) for word in line.split()]


def pace(count, rate=None):
	"""Runs pacer; returns its CPU seconds and those by the clock."""
	command = [os.path.join(PROGRAMS, "pacer"), str(count)] + ([str(rate)] if rate else [])
	cpu, wall = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.split()
	return int(cpu) / 1e9, int(wall) / 1e9


def cpu_seconds(pid):
	fields = kptest.read(f"/proc/{pid}/stat").rpartition(")")[2].split()
	return (int(fields[11]) + int(fields[12])) / TICKS


def memory_kb(pid):
	"""Memory that is the process's own: not the log, not what it shares."""
	return int(re.search(r"RssAnon:\s+(\d+)", kptest.read(f"/proc/{pid}/status"))[1])


def latency():
	"""From the hit to the client, at steady rates."""
	print("## latency: microseconds from hit to client; kprobed with maxLatencyMs 0, and a blocking reader of trace_pipe")
	print(f"  {'rate/s':>8} {'':<12} {'events':>8} {'lost':>6} {'p50':>9} {'p99':>9} {'max':>9}")
	ratios = []
	for rate, count in ((100, 1000), (1000, 10000), (10000, 50000)):
		p99 = {}
		for name in ("trace_pipe", "kprobed", "trace_pipe", "kprobed"):
			if name == "kprobed":
				client = kptest.Client()
				client.call("io.kprobed.Probes.Add", {"probes": [{"definition": f"p:{HITS}", "filter": FILTER}]})
				listener = Listener("kprobed", "0", "hits")
				pace(count, rate)
				result = listener.result()
				client.close()
				kptest.wait_for(60, lambda: not kptest.kernel_probes(), "the probe has gone")
			else:
				bare = BareInstance()
				bare.enable()
				listener = Listener("trace_pipe", os.path.join(bare.folder, "trace_pipe"))
				pace(count, rate)
				result = listener.result()
				bare.remove()
			p99.setdefault(name, []).append(result[3])
			print(f"  {rate:>8} {name:<12} {result[0]:>8.0f} {result[1]:>6.0f} {result[2]:>9.0f} {result[3]:>9.0f} {result[4]:>9.0f}",
			      flush=True)
		ratios.append((rate, min(p99["kprobed"]) / min(p99["trace_pipe"])))
	for rate, ratio in ratios:
		print(f"  p99 at {rate}/s: {ratio:.2f} x trace_pipe's")


def functions(n):
	"""Functions of the kernel that one can have a probe on and that are seldom called."""
	names = []
	for line in kptest.read(os.path.join(TRACEFS, "available_filter_functions")).splitlines():
		if re.fullmatch(r"(ext4|jbd2|xattr|posix_acl|squashfs|fat|nfs|quota|swap|hugetlb|ksys|do|vfs)_\w+", line):
			names.append(line)
	symbols = re.findall(r"^\S+ [tT] (\S+)$", kptest.read("/proc/kallsyms"), re.MULTILINE)
	count = {}
	for name in symbols:
		count[name] = count.get(name, 0) + 1
	names = [name for name in names if count.get(name) == 1]
	kptest.assert_eq(len(names) >= n, True, f"only {len(names)} functions")
	return names[:n]


def usable_functions(n):
	"""Those of them the kernel really takes."""
	taken = []
	for name in functions(n + 100):
		try:
			write("kprobe_events", f"p:try/t{len(taken)} {name}\n", True)
			taken.append(name)
		except OSError:
			pass
		if len(taken) == n:
			break
	write("kprobe_events", "".join(f"-:try/t{i}\n" for i in range(len(taken))), True)
	return taken


def timed(function, *arguments):
	begin = time.monotonic()
	function(*arguments)
	return time.monotonic() - begin


def control_bare(names, in_one_write):
	"""What the kernel takes for the same, by hand: times to add and enable, and to disable and remove."""
	os.mkdir(os.path.join(TRACEFS, "instances/bare"))
	lines = [f"p:bare/b{i} {name} __comm=$comm\n" for i, name in enumerate(names)]

	def add():
		for text in ["".join(lines)] if in_one_write else lines:
			write("kprobe_events", text, True)
		if in_one_write:
			write("instances/bare/events/bare/enable", "1")
		else:
			for i in range(len(names)):
				write(f"instances/bare/events/bare/b{i}/enable", "1")

	def remove():
		if in_one_write:
			write("instances/bare/events/bare/enable", "0")
		else:
			for i in range(len(names)):
				write(f"instances/bare/events/bare/b{i}/enable", "0")
		os.rmdir(os.path.join(TRACEFS, "instances/bare"))
		gone = [f"-:bare/b{i}\n" for i in range(len(names))]
		for text in ["".join(gone)] if in_one_write else gone:
			write("kprobe_events", text, True)

	return timed(add), timed(remove)


def control_kprobed(names):
	client = kptest.Client(timeout=600)
	specs = [{"definition": f"p:k{i} {name}"} for i, name in enumerate(names)]
	added = timed(client.call, "io.kprobed.Probes.Add", {"probes": specs})
	removed = timed(client.call, "io.kprobed.Probes.Remove", {"probes": ["k*"]})
	begin = time.monotonic()
	client.close()
	kptest.wait_for(300, lambda: not kptest.kernel_probes(), "the probes have gone")
	return added, removed, removed + time.monotonic() - begin


def control():
	"""Adding and removing."""
	print("## control: seconds to add and enable probes, and to disable and remove them; of three runs the median")
	print(f"  {'probes':>6} {'':<28} {'add':>8} {'remove':>8}   ratio of kprobed's: add, remove until nothing is in the kernel")
	for n in (1, 10, 100, 500):
		names = usable_functions(n)
		rows = {"line by line": [], "in one write": [], "kprobed": []}
		for _ in range(3 if n < 500 else 1):
			rows["line by line"].append(control_bare(names, False))
			rows["in one write"].append(control_bare(names, True))
			rows["kprobed"].append(control_kprobed(names))
		medians = {key: [statistics.median(column) for column in zip(*runs)] for key, runs in rows.items()}
		ours = medians.pop("kprobed")
		for key, (added, removed) in medians.items():
			print(f"  {n:>6} {key:<28} {added:>8.3f} {removed:>8.3f}   {ours[0] / added:.2f} {ours[2] / removed:.2f}")
		print(f"  {n:>6} {'kprobed (reply; all gone)':<28} {ours[0]:>8.3f} {ours[1]:>8.3f}   {ours[2]:.3f} s until all are gone",
		      flush=True)


def memory():
	"""What the daemon's own memory grows by."""
	print("## memory: anonymous kilobytes of the daemon")
	pid = kptest.kprobed_pid()
	client = kptest.Client(timeout=600)
	client.call("io.kprobed.Probes.Add", {"probes": [{"definition": f"p:{HITS}", "filter": FILTER}]})
	idle = memory_kb(pid)
	print(f"  one probe: {idle} kB")
	clients = []
	resource.setrlimit(resource.RLIMIT_NOFILE, (65536, 65536))
	for _ in range(500):
		subscriber = kptest.Client()
		subscriber.send("io.kprobed.Events.Subscribe", {"probes": ["hits"]}, more=True)
		subscriber.reply()
		clients.append(subscriber)
	after = memory_kb(pid)
	print(f"  500 subscribers: {after} kB, {(after - idle) / 500:.2f} kB each")
	pace(20000)
	kptest.wait_for(60, lambda: sum(map(len, [clients[0].receive_frame()])) > 0, "events")
	after = memory_kb(pid)
	print(f"  the same, 20000 events later, which none of them reads: {after} kB, {(after - idle) / 500:.2f} kB each", flush=True)
	for subscriber in clients:
		subscriber.close()
	names = usable_functions(500)
	before = memory_kb(pid)
	client.call("io.kprobed.Probes.Add", {"probes": [{"definition": f"p:k{i} {name}"} for i, name in enumerate(names)]})
	after = memory_kb(pid)
	print(f"  500 probes: {after - before} kB more, {(after - before) / 500:.2f} kB each", flush=True)
	client.close()
	kptest.wait_for(300, lambda: not kptest.kernel_probes(), "the probes have gone")


def wakeups(pid):
	"""Voluntary context switches of all threads: how often it went to sleep again."""
	total = 0
	for tid in os.listdir(f"/proc/{pid}/task"):
		total += int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", kptest.read(f"/proc/{pid}/task/{tid}/status"), re.MULTILINE)[1])
	return total


def idle():
	"""An idle daemon, with a probe that nothing hits and a subscriber."""
	client = kptest.Client()
	client.call("io.kprobed.Probes.Add", {"probes": [{"definition": f"p:{HITS}", "filter": FILTER}]})
	client.send("io.kprobed.Events.Subscribe", {"probes": ["hits"]}, more=True)
	client.reply()
	pid = kptest.kprobed_pid()
	time.sleep(10)
	before, cpu, begin = wakeups(pid), cpu_seconds(pid), time.monotonic()
	time.sleep(60)
	seconds = time.monotonic() - begin
	print(f"## idle: {(wakeups(pid) - before) / seconds:.2f} wakeups a second, {(cpu_seconds(pid) - cpu) / seconds * 100:.2f} % of a CPU, "
	      f"over {seconds:.0f} s", flush=True)
	client.close()


class Peer:
	"""A tool that listens to the same probe and prints text, and what it costs."""

	def __init__(self, name, command, marker, is_bare=True, by_end=False):
		self.name, self.command, self.marker, self.is_bare, self.by_end = name, command, marker, is_bare, by_end


def children_cpu():
	usage = resource.getrusage(resource.RUSAGE_CHILDREN)
	return usage.ru_utime + usage.ru_stime


def has_last(path):
	with open(path, "rb") as file:
		file.seek(max(0, os.path.getsize(path) - 65536))
		return b"2147483647" in file.read()


def run_kprobed(n, count, folder):
	"""n subscribers, kprobectl among them; CPU of the daemon and of all clients."""
	client = kptest.Client()
	client.call("io.kprobed.Probes.Add", {"probes": [{"definition": f"p:{HITS}", "filter": FILTER}]})
	pid = kptest.kprobed_pid()
	outputs = [os.path.join(folder, f"kprobed-{i}") for i in range(n)]
	listeners = []
	before = client.call("io.kprobed.Service.Status")["totals"]
	for path in outputs:
		with open(path, "wb") as output:
			listeners.append(subprocess.Popen(["kprobectl", "watch", "--json", "hits"], stdout=output))
	kptest.wait_for(60, lambda: client.call("io.kprobed.Service.Status")["totals"]["subscribers"] == n, "subscribers")
	cpu, children = cpu_seconds(pid), children_cpu()
	generator, wall = pace(count)
	children += generator
	kptest.wait_for(300, lambda: all(map(has_last, outputs)), "the last event")
	cpu = cpu_seconds(pid) - cpu
	for listener in listeners:
		listener.send_signal(2)
		listener.wait(60)
	clients = children_cpu() - children
	lost = client.call("io.kprobed.Service.Status")["totals"]["overrun"] - before["overrun"]
	received = []
	for path in outputs:
		with open(path, "rb") as file:
			received.append(sum(line.startswith(b'{"seq"') for line in file) - 1)
		os.unlink(path)
	client.close()
	kptest.wait_for(60, lambda: not kptest.kernel_probes(), "the probe has gone")
	return min(received), lost, generator, cpu, clients


def run_peer(name, command, count, folder):
	"""A tool reading an instance of its own, or having its own probe."""
	output = os.path.join(folder, name)
	bare = BareInstance() if name in ("trace_pipe", "trace-cmd stream") else None
	if bare:
		bare.enable()
	children = children_cpu()
	with open(output, "wb") as file, open(output + ".err", "wb") as errors:
		process = subprocess.Popen([word.replace("INSTANCE", bare.folder if bare else "") for word in command], stdout=file,
					   stderr=errors)
	# There is no word from most of them when they listen: calls are made until one is printed.
	def heard():
		subprocess.run([os.path.join(PROGRAMS, "pacer"), "1"], check=True, stdout=subprocess.DEVNULL)
		return has_last(output)
	kptest.wait_for(120, heard, f"{name} listens")
	time.sleep(1)
	skip = os.path.getsize(output)
	children = children_cpu()
	begin_tool = cpu_seconds(process.pid)
	generator, wall = pace(count)
	deadline = time.monotonic() + 300
	with open(output, "rb") as file:
		while time.monotonic() < deadline:
			file.seek(max(skip, os.path.getsize(output) - 4096))
			if b"2147483647" in file.read():
				break
			time.sleep(0.2)
	tool = cpu_seconds(process.pid) - begin_tool
	process.send_signal(2)
	process.wait(60)
	with open(output, "rb") as file:
		file.seek(skip)
		received = sum(b"pid" in line and b"2147483647" not in line for line in file)
	lost = bare.overrun() if bare else None
	if bare:
		bare.remove()
	os.unlink(output)
	return received, lost, generator, tool, 0.0


def end_to_end():
	"""As many calls as one CPU can make, to tools that print every one of them as text."""
	count = 300000
	folder = "/dev/shm/bench"
	os.makedirs(folder, exist_ok=True)
	plain = min(pace(count)[0] for _ in range(3))
	print(f"## end to end: {count} calls as fast as one CPU makes them, to tools that print text; seconds of CPU for a million of "
	      "the events they print")
	print(f"  {'':<22} {'printed':>9} {'lost':>9} {'probe':>8} {'tool':>8} {'clients':>8} {'per subscriber':>15}")
	bpftrace = "kprobe:__x64_sys_getpgid /*/ FILTER /*/ /((struct pt_regs *)arg0)->di >= 16777216/ " \
		   '{ printf("{\\"ts\\":%llu,\\"cpu\\":%d,\\"tid\\":%d,\\"comm\\":\\"%s\\",\\"pid\\":%d}\\n", nsecs, cpu, tid, comm, ' \
		   "((struct pt_regs *)arg0)->di) }"
	bpftrace = bpftrace.replace("/*/ FILTER /*/ ", "")
	rows = [("kprobed, 1", None, 1), ("kprobed, 8", None, 8),
		("trace_pipe", ["cat", "INSTANCE/trace_pipe"], 1),
		("bpftrace", ["bpftrace", "-B", "none", "-e", bpftrace], 1)]
	costs = {}
	for name, command, n in rows * 2:
		if command and not any(os.access(os.path.join(path, command[0]), os.X_OK) for path in os.environ["PATH"].split(":")):
			print(f"  {name}: not here")
			continue
		if command:
			received, lost, generator, tool, clients = run_peer(name, command, count, folder)
		else:
			received, lost, generator, tool, clients = run_kprobed(n, count, folder)
		million = max(received, 1) / 1e6
		each = (tool + clients) / n / million
		costs.setdefault(name, []).append(each)
		print(f"  {name:<22} {received:>9} {count - received:>9} {(generator - plain) / count * 1e6:>8.2f} {tool / million:>8.2f} "
		      f"{clients / million:>8.2f} {each:>15.2f}", flush=True)
	cheapest = min(min(values) for name, values in costs.items() if not name.startswith("kprobed"))
	for name in ("kprobed, 1", "kprobed, 8"):
		print(f"  {name}: {min(costs[name]) / cheapest:.2f} x the cheapest peer, for each subscriber")


PARTS = {"latency": latency, "control": control, "memory": memory, "end-to-end": end_to_end, "idle": idle}


def main():
	kptest.kprobed_start()
	print(f"# Linux {os.uname().release}, {os.cpu_count()} CPUs, emulated")
	for part in sys.argv[1:] or PARTS:
		PARTS[part]()
		print()


main()
