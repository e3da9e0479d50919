# SPDX-License-Identifier: GPL-2.0-or-later
"""Latency: from the hit to the client, at steady rates, of kprobed and of a reader of trace_pipe that blocks in read()."""

import os

from common import BareInstance, Listener, hits_probe, kptest, pace, wait_until_gone

# Calls a second, and how many.
RATES = ((100, 1000), (1000, 8000), (10000, 40000))
ROUNDS = 2


def run_kprobed(rate, count):
	with kptest.Client() as client:
		hits_probe(client)
		listener = Listener("kprobed", "0", "hits")
		pace(count, rate)
		result = listener.result()
	wait_until_gone()
	return result


def run_trace_pipe(rate, count):
	bare = BareInstance()
	bare.enable()
	listener = Listener("trace_pipe", os.path.join(bare.folder, "trace_pipe"))
	pace(count, rate)
	result = listener.result()
	bare.remove()
	return result


def latency():
	print("## latency: microseconds from hit to client; kprobed with maxLatencyMs 0, and a blocking reader of trace_pipe")
	print(f"  {'rate/s':>8} {'':<12} {'events':>8} {'lost':>6} {'p50':>9} {'p99':>9} {'max':>9}")
	ratios = []
	for rate, count in RATES:
		best = {}
		for name, run in (("trace_pipe", run_trace_pipe), ("kprobed", run_kprobed)) * ROUNDS:
			events, lost, p50, p99, most = run(rate, count)
			best.setdefault(name, []).append((p50, p99))
			print(f"  {rate:>8} {name:<12} {events:>8.0f} {lost:>6.0f} {p50:>9.0f} {p99:>9.0f} {most:>9.0f}", flush=True)
		ratios.append((rate, [min(x[i] for x in best["kprobed"]) / min(x[i] for x in best["trace_pipe"]) for i in (0, 1)]))
	for rate, (p50, p99) in ratios:
		print(f"  at {rate}/s, the better of the rounds: p50 {p50:.2f} x trace_pipe's, p99 {p99:.2f} x")
