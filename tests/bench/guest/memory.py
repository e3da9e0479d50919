# SPDX-License-Identifier: GPL-2.0-or-later
"""Memory: what the daemon's own memory (anonymous, resident; not the log, which is one for all) grows by."""

import resource
import time

from common import HITS, FILTER, kptest, memory_kb, pace, seldom_called

SUBSCRIBERS = 1000
PROBES = 1000
PATIENCE = 90
EVENTS = 20000
# More than by default, where that is less than is asked for here.
CONFIG = f"[limits]\nconnections={SUBSCRIBERS + 16}\nconnections-per-uid={SUBSCRIBERS + 16}\nprobes-per-uid={PROBES + 16}\n" \
	 f"probes-per-request={PROBES}\n"


def row(what, kb, before=None, n=1):
	each = "" if before is None else f"{(kb - before) / n:>10.2f}"
	print(f"  {what:<58}{kb:>8}{each}", flush=True)


def total_events(client):
	return client.call("io.kprobed.Service.Status")["totals"]["recorded"]


def subscribers(pid, client):
	clients = []
	before = memory_kb(pid)
	row("one probe, no subscriber", before)
	while len(clients) < SUBSCRIBERS:
		# Not more at a time than wait to be accepted.
		coming = [kptest.Client() for _ in range(20)]
		for subscriber in coming:
			subscriber.send("io.kprobed.Events.Subscribe", {"probes": ["hits"]}, more=True)
		for subscriber in coming:
			subscriber.reply()
		clients += coming
	row(f"{SUBSCRIBERS} subscribers", memory_kb(pid), before, SUBSCRIBERS)
	recorded = total_events(client)
	pace(EVENTS)
	kptest.wait_for(120, lambda: total_events(client) - recorded >= EVENTS, "events in the log")
	for subscriber in clients:
		subscriber.receive_frame()
	row(f"the same, {EVENTS} events later, of which they have read few", memory_kb(pid), before, SUBSCRIBERS)
	for subscriber in clients:
		subscriber.close()
	kptest.wait_for(60, lambda: client.call("io.kprobed.Service.Status")["totals"]["subscribers"] == 0, "subscribers' end")
	row("they have gone", memory_kb(pid))


def probes(pid, client):
	functions = seldom_called(PROBES)
	# Symbols, and the types of arguments, are loaded with the first that needs them.
	client.call("io.kprobed.Probes.Check", {"probes": [{"definition": f"p:k {functions[0]}"}]})
	before = memory_kb(pid)
	row("symbols are loaded", before)
	client.call("io.kprobed.Probes.Add", {"probes": [{"definition": f"p:k{i} {name}"} for i, name in enumerate(functions)]})
	row(f"{PROBES} probes more", memory_kb(pid), before, PROBES)


def show_end():
	"""With its client's connection end its probes. How soon is control's to measure; that they do is looked at here."""
	begin = time.monotonic()
	while kptest.kernel_probes():
		if time.monotonic() - begin > PATIENCE:
			with kptest.Client() as client:
				print(f"  {len(kptest.kernel_probes())} probes are still in the kernel {PATIENCE} s after their client: "
				      f"{client.call('io.kprobed.Service.Status')['totals']}", flush=True)
			return
		time.sleep(1)
	print(f"  all probes have gone {time.monotonic() - begin:.0f} s after their client", flush=True)


def memory():
	kptest.kprobed_start_with(CONFIG)
	resource.setrlimit(resource.RLIMIT_NOFILE, (65536, 65536))
	pid = kptest.kprobed_pid()
	print(f"## memory: kilobytes of the daemon's own  {'':<12} {'kB':>7} {'kB each':>9}")
	row("just started", memory_kb(pid))
	with kptest.Client(timeout=600) as client:
		client.call("io.kprobed.Probes.Add", {"probes": [{"definition": f"p:{HITS}", "filter": FILTER}]})
		subscribers(pid, client)
		probes(pid, client)
	show_end()
	# The next benchmark begins with the defaults.
	kptest.kprobed_stop()
	kptest.kprobed_start()
