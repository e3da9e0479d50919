# SPDX-License-Identifier: GPL-2.0-or-later
"""Latency: from the hit to the client, at steady rates, of kprobed, of a reader of trace_pipe that blocks in read(), and of the
barest relay, which has two hops as kprobed has."""

import os

from common import BareInstance, Listener, hits_probe, kptest, pace, wait_until_gone
from stages import stages

# Calls a second, and how many.
RATES = ((100, 1000), (1000, 8000), (10000, 40000))
ROUNDS = 2


def run_kprobed(rate, count, transport="kprobed"):
	with kptest.Client() as client:
		hits_probe(client)
		listener = Listener(transport, "0", "hits")
		pace(count, rate)
		result = listener.result()
	wait_until_gone()
	return result


def run_memory(rate, count):
	return run_kprobed(rate, count, "memory")


def run_bare(rate, count, how, file):
	bare = BareInstance()
	bare.write("buffer_percent", "0")
	bare.enable()
	listener = Listener(how, os.path.join(bare.folder, file))
	pace(count, rate)
	result = listener.result()
	bare.remove()
	return result


def run_trace_pipe(rate, count):
	return run_bare(rate, count, "trace_pipe", "trace_pipe")


def run_relay(rate, count):
	# pacer's CPU
	return run_bare(rate, count, "relay", "per_cpu/cpu0/trace_pipe_raw")


RUNS = (("trace_pipe", run_trace_pipe), ("bare relay", run_relay), ("kprobed", run_kprobed), ("memory", run_memory))


def latency():
	print("## latency: microseconds from hit to client; kprobed with maxLatencyMs 0, by the socket and in memory; a blocking reader of")
	print("   trace_pipe; and, as the least that two hops can take, a process that hands pages of the ring on to another by a socket")
	print(f"  {'rate/s':>8} {'':<12} {'events':>8} {'lost':>6} {'p50':>9} {'p99':>9} {'max':>9}")
	ratios = []
	for rate, count in RATES:
		best = {}
		for name, run in RUNS * ROUNDS:
			events, lost, p50, p99, most = run(rate, count)
			best.setdefault(name, []).append((p50, p99))
			print(f"  {rate:>8} {name:<12} {events:>8.0f} {lost:>6.0f} {p50:>9.0f} {p99:>9.0f} {most:>9.0f}", flush=True)
		least = {name: [min(x[i] for x in results) for i in (0, 1)] for name, results in best.items()}
		for to in ("trace_pipe", "bare relay"):
			for name in ("kprobed", "memory"):
				ratios.append((rate, name, to, [a / b for a, b in zip(least[name], least[to])]))
	for rate, name, to, (p50, p99) in ratios:
		print(f"  at {rate}/s, the better of the rounds: {name} to {to}: p50 {p50:.2f} x, p99 {p99:.2f} x")
	stages(1000, 8000)
