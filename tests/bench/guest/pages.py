# SPDX-License-Identifier: GPL-2.0-or-later
"""Pages: what a page of the kernel's ring costs its reader, copied by read() and mapped (Linux 6.10 and later)."""

import os
import subprocess

from common import BUFFER_KB, PROGRAMS, TRACEFS, write

ROUNDS = 20


def pages():
	folder = os.path.join(TRACEFS, "instances/pages")
	os.mkdir(folder)
	write("instances/pages/buffer_size_kb", str(BUFFER_KB))
	result = subprocess.run([os.path.join(PROGRAMS, "ring-pages"), folder, str(ROUNDS)], stdout=subprocess.PIPE,
				stderr=subprocess.STDOUT, text=True, check=False)
	os.rmdir(folder)
	if result.returncode:
		print(f"## pages: this kernel's rings cannot be mapped ({result.stdout.strip()})")
		return
	copied, mapped, n, m = map(int, result.stdout.split())
	print(f"## pages: {copied} ns of CPU for each page by read(), {mapped} ns mapped, {mapped / copied:.2f} x "
	      f"(the least of {ROUNDS} rounds; {n} and {m} pages)", flush=True)
