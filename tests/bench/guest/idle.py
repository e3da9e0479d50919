# SPDX-License-Identifier: GPL-2.0-or-later
"""Idle: what the daemon does while nothing happens, with a probe that nothing hits and a subscriber."""

import os
import re
import time

from common import cpu_of, hits_probe, kptest, wait_until_gone

# Until what the setting up has left to do is done, and then the time of the measurement.
SETTLE, SECONDS = 8, 40


def wakeups(pid):
	"""Voluntary context switches of all threads: how often it went to sleep again."""
	total = 0
	for tid in os.listdir(f"/proc/{pid}/task"):
		status = kptest.read(f"/proc/{pid}/task/{tid}/status")
		total += int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", status, re.MULTILINE)[1])
	return total


def idle():
	with kptest.Client() as client:
		hits_probe(client)
		client.send("io.kprobed.Events.Subscribe", {"probes": ["hits"]}, more=True)
		client.reply()
		pid = kptest.kprobed_pid()
		time.sleep(SETTLE)
		before, cpu, begin = wakeups(pid), cpu_of(pid)[0], time.monotonic()
		time.sleep(SECONDS)
		seconds = time.monotonic() - begin
		print(f"## idle: {(wakeups(pid) - before) / seconds:.2f} wakeups a second, "
		      f"{(cpu_of(pid)[0] - cpu) / seconds * 100:.3f} % of a CPU, over {seconds:.0f} s", flush=True)
	wait_until_gone()
