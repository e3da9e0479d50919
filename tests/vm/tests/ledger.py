# SPDX-License-Identifier: GPL-2.0-or-later
"""For the tests of the ledger (import ledger): hits that are counted as they are made, ways to lose them, subscribers that add up
what their streams tell, and the accounts that must say the same: List, Ledger, Status and Metrics."""

import collections
import ctypes
import os
import re
import signal

import clients
import kptest

SERVICE = "io.kprobed.Service"
PROBES = "io.kprobed.Probes"
EVENTS = "io.kprobed.Events"
THREADS, ROOM, ROUNDS = 32, 8, 2
SYS_MQ_UNLINK = 241
# What a batch is depends on what the rings take while the daemon reads; what the log holds is far less than all of it.
BATCH, BATCHES, BURST = 200, 120, 6000
LOSSES = ("missed", "recursion", "overrun", "overtaken", "filtered", "rateLimited")
# The rings as small as they can be, and a log that one who does not read falls out of.
CONFIG = "[log]\nsize=1M\n[instance]\nbuffer-size=64K\n"


class Hits:
	"""A system call that nothing else makes, made and counted: with a name, and with its number where a second argument would be."""

	def __init__(self):
		self.libc = ctypes.CDLL(None)
		self.made = 0

	def make(self, n):
		cpus = sorted(os.sched_getaffinity(0))
		os.sched_setaffinity(0, {cpus[self.made // BATCH % len(cpus)]})
		for i in range(self.made, self.made + n):
			self.libc.syscall(SYS_MQ_UNLINK, b"/n%d" % i, i)
		self.made += n
		os.sched_setaffinity(0, cpus)


class Subscriber:
	"""A subscription, known by a selector that means no probe, and what its stream has said."""

	def __init__(self, tag, *probes, **options):
		self.tag = f"tag-{tag}-*"
		self.events = collections.Counter()
		self.told = collections.Counter()
		self.client = kptest.Client()
		self.client.send(f"{EVENTS}.Subscribe", {"probes": [*probes, self.tag], "maxLatencyMs": 10, **options}, more=True)
		self.take()

	def take(self):
		reply, _ = self.client.reply()
		self.events.update(event["probe"] for event in reply["events"])
		for gap in reply.get("gaps") or []:
			kptest.assert_eq(isinstance(gap["count"], int), True, f"a gap has its count: {gap}")
			self.told[gap["kind"]] += gap["count"]
			self.told["sampled"] += gap.get("sampled", 0)

	def drain(self):
		"""What has come, and no waiting."""
		while self.client.has_message():
			self.take()

	def settled(self):
		return self.events.total() + self.told["filtered"] + self.told["rateLimited"] + self.told["overtaken"]


def find_inner(client, symbol):
	"""The instruction behind the place for ftrace: a probe right there would not be run inside another one's handling, but
	neither would the kernel count it as missed."""
	(nop,) = [i for i in client.call("io.kprobed.Symbols.Disassemble", {"symbol": symbol})["instructions"]
		if i["bytes"].replace(" ", "") in ("0f1f440000",)][:1]
	return f"{symbol}+{nop['offset'] + 5:#x}"


def listed(client):
	return {probe["name"]: probe for probe in client.call(f"{PROBES}.List")["probes"]}


def accounts(client):
	return {account["probes"][-1]: account for account in client.call(f"{SERVICE}.Ledger")["subscribers"]}


def lose(client, hits, fast, others):
	"""All of it. The subscribers are there before the first hit."""
	for _ in range(BATCHES):
		hits.make(BATCH)
		for subscriber in (fast, *others):
			subscriber.drain()
	pid = kptest.kprobed_pid()
	os.kill(pid, signal.SIGSTOP)
	# The page that the daemon reads from takes events until it is full, and is not overwritten.
	for _ in range(2 * os.cpu_count()):
		hits.make(BATCH)
	kptest.run(f"{clients.PROGRAMS}/sleepers", str(THREADS), str(ROUNDS))
	for _ in range(2 * BURST // BATCH):
		hits.make(BATCH)
	os.kill(pid, signal.SIGCONT)
	# And some with the daemon awake, so that no loss is the last there is.
	kptest.run(f"{clients.PROGRAMS}/sleepers", str(THREADS), str(ROUNDS))
	hits.make(BATCH)
	client.call(f"{PROBES}.Disable", {"probes": ["*"]})


def hits_of(probe):
	"""All there were. The helper module counts those without an instance as hits too, and leaves out what its filter rejects."""
	if probe["filtered"] is None:
		return probe["hits"] + probe["missed"]
	return probe["hits"] + probe["missedRecursion"] - probe["filtered"]


def check_totals(probes):
	"""What List says of each probe is what Status has of all."""
	totals = clients.totals()
	for key in ("overrun", "missed", "recorded"):
		kptest.assert_eq(sum(p[key] for p in probes.values()), totals[key], f"{key} of all probes")
	return totals


def check_sums(client, probes, got):
	"""The subscribers' accounts, Status and Metrics say the same."""
	totals = clients.totals()
	for key in ("delivered", "filtered", "sampled", "rateLimited", "overtaken"):
		kptest.assert_eq(totals[key], sum(account[key] for account in got), f"{key} in Status")
	text = client.call(f"{SERVICE}.Metrics")["text"]
	counted = dict(re.findall(r"^kprobed_(\w+)_total (\d+)$", text, re.M))
	for name, key in (("recorded_events", "recorded"), ("overrun_events", "overrun"), ("missed_hits", "missed"),
			("delivered_events", "delivered"), ("filtered_events", "filtered"), ("sampled_events", "sampled"),
			("rate_limited_events", "rateLimited"), ("overtaken_events", "overtaken"), ("published_events", "published")):
		kptest.assert_eq(int(counted[name]), totals[key], f"{name} in Metrics")
	for name, probe in probes.items():
		counted = dict(re.findall(rf'^kprobed_probe_(\w+)_total{{probe="{name}",[^}}]*}} (\d+)$', text, re.M))
		kptest.assert_eq({key: int(value) for key, value in counted.items()},
			{key: probe[key] for key in ("hits", "missed", "recorded", "unrecorded")}, f"{name} in Metrics")


def check_subscriber(client, subscriber, probes, names, ring_lost):
	"""Its stream, its account, and the probes it has read: each hit is in one place."""
	mine = [probes[name] for name in names]
	recorded = sum(p["recorded"] for p in mine)
	kptest.wait_for(60, lambda: subscriber.drain() or subscriber.settled() >= recorded, f"{subscriber.tag} has its account")
	told = subscriber.told
	kinds = (*LOSSES, "sampled")

	def account_is_so():
		subscriber.drain()
		account = accounts(client)[subscriber.tag]
		return account["waiting"] == 0 and (account["delivered"], *(account[k] for k in kinds)) == \
			(subscriber.events.total(), *(told[k] for k in kinds)) and account

	account = kptest.wait_for(60, account_is_so, f"{subscriber.tag}: {subscriber.events} {told}")
	print(subscriber.tag, {k: account[k] for k in ("delivered", *kinds)}, flush=True)
	kptest.assert_eq(account["exact"], True, f"{subscriber.tag} is exact")
	kptest.assert_eq(subscriber.settled(), recorded, f"{subscriber.tag}: delivered and left out of {recorded} recorded")
	# By cause, whether the gaps came one by one or were overtaken.
	recursion = sum(p["missedRecursion"] or 0 for p in mine)
	kptest.assert_eq((told["missed"], told["recursion"]), (sum(p["missed"] for p in mine) - recursion, recursion),
		f"{subscriber.tag}: missed, and inside another probe's handling")
	kptest.assert_eq(told["overrun"], ring_lost, f"{subscriber.tag}: overrun")
	others = sum(p["overrun"] for name, p in probes.items() if name not in names)
	kptest.assert_eq(subscriber.events.total() + sum(told[k] for k in LOSSES) - others, sum(map(hits_of, mine)),
		f"{subscriber.tag}: all hits")
	return account
