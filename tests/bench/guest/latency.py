# SPDX-License-Identifier: GPL-2.0-or-later
"""Latency: from the hit to the client, at steady rates, of kprobed, of a reader of trace_pipe that blocks in read(), and of the
barest relay, which has two hops as kprobed has."""

import os
import statistics

from common import BareInstance, Listener, hits_probe, in_turn, kptest, pace, wait_until_gone
from stages import stages

# Calls a second, how many, and so many rounds of each, in turns: the host's other work comes in some of them, and the median
# leaves it out on both sides.
RATES = ((100, 500, 3), (1000, 4000, 7), (10000, 20000, 3))


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


def times(rows, name):
	"""The row's multiples of the others'."""
	if name not in ("kprobed", "memory"):
		return ""
	return "".join(f"   {to}'s: {rows[name][0] / rows[to][0]:.2f} x, {rows[name][1] / rows[to][1]:.2f} x" for to in ("trace_pipe", "bare relay"))


def latency():
	print("## latency: microseconds from hit to client; kprobed with maxLatencyMs 0, by the socket and in memory; a blocking reader of")
	print("   trace_pipe; and, as the least that two hops can take, a process that hands pages of the ring on to another by a socket")
	print(f"  {'rate/s':>8} {'':<12} {'events':>8} {'lost':>6} {'p50':>9} {'p99':>9} {'max':>9}")
	medians = {}
	for rate, count, rounds in RATES:
		results = {name: [] for name, _ in RUNS}
		# Who comes after whom changes too: what one leaves behind in the kernel for a while is in the way of the next.
		for name, run in (way for i in range(rounds) for way in in_turn(RUNS, i)):
			events, lost, p50, p99, most = run(rate, count)
			results[name].append((p50, p99))
			print(f"  {rate:>8} {name:<12} {events:>8.0f} {lost:>6.0f} {p50:>9.0f} {p99:>9.0f} {most:>9.0f}", flush=True)
		medians[rate] = {name: [statistics.median(column) for column in zip(*rows)] for name, rows in results.items()}
	print("  the medians of the rounds")
	for rate, rows in medians.items():
		for name, (p50, p99) in rows.items():
			print(f"  {rate:>8} {name:<12} {'':>15} {p50:>9.0f} {p99:>9.0f}{times(rows, name)}")
	stages(1000, 8000)
