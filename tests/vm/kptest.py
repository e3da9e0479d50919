# SPDX-License-Identifier: GPL-2.0-or-later
"""For the tests in Python that run in the guest (import kptest): a Varlink client on the standard library alone,
which can also say what no well-behaved client would, and helpers like those of lib.sh."""

import inspect
import json
import os
import re
import select
import socket
import subprocess
import sys
import time

SOCKET = "/run/kprobed/io.kprobed"
TRACEFS = "/sys/kernel/tracing"
GROUP = "kprobed"


class VarlinkError(Exception):
	"""An error reply: its name in .error, its parameters in .parameters."""

	def __init__(self, error, parameters):
		super().__init__(f"{error} {json.dumps(parameters)}")
		self.error = error
		self.parameters = parameters


class Disconnected(Exception):
	"""The service closed the connection."""


class Client:
	"""One connection. Calls can be made one by one (call, call_more) or in pieces (send, receive, send_raw)."""

	def __init__(self, path=SOCKET, timeout=180):
		self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
		self.socket.settimeout(timeout)
		self.socket.connect(path)
		self._buffer = bytearray()

	def __enter__(self):
		return self

	def __exit__(self, *_):
		self.close()

	def close(self):
		self.socket.close()

	def fileno(self):
		return self.socket.fileno()

	def send_raw(self, data):
		self.socket.sendall(data)

	def send(self, method, parameters=None, **flags):
		"""Sends a call and does not wait: flags are more=True, oneway=True. Many before a receive() are pipelined."""
		self.send_raw(encode(method, parameters, **flags))

	def receive_frame(self):
		"""The next message as the bytes it came in, without its NUL."""
		searched = 0
		while True:
			end = self._buffer.find(b"\0", searched)
			if end >= 0:
				frame = bytes(self._buffer[:end])
				del self._buffer[: end + 1]
				return frame
			searched = len(self._buffer)
			try:
				data = self.socket.recv(1 << 20)
			except ConnectionResetError as error:
				raise Disconnected("reset") from error
			if not data:
				raise Disconnected(f"closed, with {len(self._buffer)} bytes of a message")
			self._buffer += data

	def has_message(self):
		"""Whether a message is there, or the beginning of one."""
		return b"\0" in self._buffer or bool(select.select([self.socket], [], [], 0)[0])

	def receive(self):
		"""The next message, parsed: a reply as it is, errors included."""
		return json.loads(self.receive_frame())

	def reply(self):
		"""The next reply's (parameters, continues); raises VarlinkError when it is an error."""
		message = self.receive()
		if "error" in message:
			raise VarlinkError(message["error"], message.get("parameters", {}))
		return message.get("parameters", {}), message.get("continues", False)

	def call(self, method, parameters=None):
		self.send(method, parameters)
		return self.reply()[0]

	def call_more(self, method, parameters=None):
		"""Yields the parameters of each reply, as long as the service says there are more."""
		self.send(method, parameters, more=True)
		continues = True
		while continues:
			answer, continues = self.reply()
			yield answer


def encode(method, parameters=None, **flags):
	message = {"method": method, **flags}
	if parameters is not None:
		message["parameters"] = parameters
	return json.dumps(message).encode() + b"\0"


def _where():
	for frame in inspect.stack():
		if frame.filename != __file__:
			return f"{os.path.basename(frame.filename)}:{frame.lineno}"
	return "?"


def fail(why):
	print(f"FAIL {_where()}: {why}", flush=True)
	sys.exit(1)


def skip(why):
	print(why, flush=True)
	sys.exit(77)


def assert_eq(actual, expected, what="not equal"):
	if actual != expected:
		fail(f"{what}\n  expected: {expected!r}\n  actual:   {actual!r}")


def assert_error(name, function, *args, **kwargs):
	"""Calls the function, which must raise the VarlinkError of that name (its last part is enough); returns it."""
	try:
		answer = function(*args, **kwargs)
	except VarlinkError as error:
		if error.error != name and error.error.rpartition(".")[2] != name:
			fail(f"expected the error {name}, got {error}")
		return error
	return fail(f"expected the error {name}, got {answer!r}")


def wait_for(seconds, condition, what=None):
	"""Until condition() is true, which it returns; fails the test when it never is."""
	deadline = time.monotonic() + seconds
	while True:
		value = condition()
		if value:
			return value
		if time.monotonic() >= deadline:
			fail(f"not within {seconds} seconds: {what or condition}")
		time.sleep(0.1)


def run(*command, check=True, **kwargs):
	"""A command's result, output captured as text; its failure is the test's."""
	result = subprocess.run(command, capture_output=True, text=True, check=False, **kwargs)
	if check and result.returncode:
		fail(f"{' '.join(command)}: exit status {result.returncode}\n{result.stdout}{result.stderr}")
	return result


# For who checks that events come in the order of their times: without it kprobed hands on single events at once.
IN_ORDER = "[delivery]\norder-window-us=20000\n"


def kprobed_start_with(config):
	"""Started anew with these lines of kprobed.conf."""
	path = "/etc/kprobed/kprobed.conf.d/50-test.conf"
	os.makedirs(os.path.dirname(path), exist_ok=True)
	with open(path, "w", encoding="utf-8") as file:
		file.write(config)
	kprobed_stop()
	kprobed_start()
	os.unlink(path)


def kprobed_start():
	run("systemctl", "reset-failed", "kprobed.service", "kprobed.socket", check=False)
	if run("systemctl", "start", "kprobed.service", check=False).returncode:
		status = run("systemctl", "status", "--no-pager", "--full", "kprobed.service", check=False)
		fail(f"kprobed.service does not start\n{status.stdout}")
	wait_for(30, lambda: os.path.exists(SOCKET), SOCKET)


def kprobed_stop():
	run("systemctl", "stop", "kprobed.socket", check=False)
	run("systemctl", "stop", "kprobed.service", check=False)


def kprobed_pid():
	return int(run("systemctl", "show", "-P", "MainPID", "kprobed.service").stdout)


def read(path):
	with open(path, encoding="utf-8", errors="surrogateescape") as file:
		return file.read()


def kernel_probes():
	"""kprobed's lines of kprobe_events"""
	return [line for line in read(f"{TRACEFS}/kprobe_events").splitlines() if re.match(rf"[pr]\d*:{GROUP}/", line)]


def assert_no_probes_left():
	assert_eq(kernel_probes(), [], "kprobe_events after the service stopped")
	left = [name for name in os.listdir(f"{TRACEFS}/instances") if name.startswith("kprobed")]
	assert_eq(left, [], "instances after the service stopped")
