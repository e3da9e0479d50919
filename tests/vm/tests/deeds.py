# SPDX-License-Identifier: GPL-2.0-or-later
"""A program called "deeds" that does one thing of each kind, with values that nothing else on the host uses, and says
what the kernel must have been asked: import deeds; deeds.run(folder) in a process of its own.

What was done is a list of (probe, {argument: value}): an event of that probe with all of these values has to be there
(tests/data/definitions-150 has the probes). Not told is what system calls do that the compiler has put whole into the
system call on some kernel: lseek, pread64, fsync, shmget."""

import ctypes
import errno
import mmap
import os
import resource
import select
import signal
import socket
import struct
import time

COMM = "deeds"
DISK = "ram0"
LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.mmap.restype = ctypes.c_void_p
LIBC.shmat.restype = ctypes.c_void_p
PR_SET_NAME = 15
SCHED_BATCH = 3
CLONE_FS = 0x200
LENGTH = 0x35000  # of a mapping

done = []


def did(probe, **args):
	done.append((probe, args))


def files(folder):
	path = f"{folder}/deed-file"
	fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
	did("open_all", dfd=-100, filename=path)
	did("open_named", dfd=-100, filename=path, flags="O_RDWR|O_CREAT|O_LARGEFILE|O_CLOEXEC")
	did("open_mode", mode="0640")
	did("open_regs", arg1=-100, name=path, flags="O_RDWR|O_CREAT|O_LARGEFILE|O_CLOEXEC")
	did("open_ret", ret=fd)
	did("path_open", name=path)
	did("vopen_name", name="deed-file")
	did("vopen_ret", ret=0)
	dev, inode = os.fstat(fd).st_dev, os.fstat(fd).st_ino
	did("vopen_dev", dev=f"{os.major(dev)}:{os.minor(dev)}", fs=filesystem(dev))

	os.write(fd, b"what was written\0")
	did("write_all", fd=fd, count=17)
	did("write_data", fd=fd, data="what was written", count=17)
	did("write_ret", ret=17)
	did("vwrite_name", name="deed-file", count=17)
	did("vwrite_ino", ino=inode)
	os.lseek(fd, 5, os.SEEK_SET)
	os.read(fd, 4321)
	did("read_all", fd=fd, count=4321)
	did("read_fd", fd=fd, count=4321)
	did("read_regs", fd=fd, count=4321)
	did("read_ret", ret=12)
	did("vread_all", count=4321)
	did("vread_name", name="deed-file", count=4321)
	did("vread_mode", mode="0100640", size=17)
	os.pread(fd, 1234, 7)
	os.fsync(fd)
	os.posix_fallocate(fd, 4096, 8192)
	did("fallocate_all", mode=0, offset=4096, len=8192)
	did("fallocate_range", mode=0, offset=4096, len=8192)
	os.posix_fadvise(fd, 3, 77, os.POSIX_FADV_RANDOM)
	did("advise_all", fd=fd, offset=3, len=77, advice=1)
	did("advise_range", offset=3, len=77, advice=1)
	copy = os.dup2(fd, 99, inheritable=False)
	did("dup_all", oldfd=fd, newfd=99)
	did("dup_fds", oldfd=fd, newfd=99, flags="O_RDONLY|O_CLOEXEC")
	did("dup_ret", ret=99)
	os.truncate(path, 4242)
	did("truncate_len", length=4242, name="deed-file")
	did("truncate_size", length=4242, size=12288)
	os.chmod(path, 0o601)
	did("chmod_mode", mode="0601", name="deed-file")
	did("attr_name", name="deed-file")
	os.chown(path, 4711, 4712)
	did("chown_ids", user=4711, group=4712, name="deed-file")
	os.stat(path)
	did("stat_all", dfd=-100, flags=0x800)  # AT_NO_AUTOMOUNT, of the kernel's own
	did("stat_name", dfd=-100, name=path)
	os.access(path, os.R_OK | os.W_OK)
	did("access_path", dfd=-100, filename=path, mode=6)
	expect_error(errno.ENOENT, os.stat, f"{folder}/nowhere")
	did("stat_ret", ret="-ENOENT")
	expect_error(errno.EBADF, os.read, 12345, 1)
	did("read_ret", ret="-EBADF")
	expect_error(errno.EISDIR, os.open, folder, os.O_WRONLY)
	did("open_ret", ret="-EISDIR")
	os.close(copy)
	os.close(fd)


def filesystem(dev):
	with open("/proc/self/mountinfo", encoding="utf-8") as mounts:
		for line in mounts:
			fields = line.split()
			if fields[2] == f"{os.major(dev)}:{os.minor(dev)}":
				return fields[fields.index("-") + 1]
	return "?"


def expect_error(number, function, *args):
	try:
		function(*args)
	except OSError as error:
		if error.errno == number:
			return
		raise
	raise AssertionError(f"{function} did not fail")


def names(folder):
	os.mkdir(f"{folder}/deed-folder", 0o711)
	did("mkdir_name", name="deed-folder")
	did("mkdir_dir", dir=os.stat(folder).st_ino)
	os.listdir(f"{folder}/deed-folder")
	did("readdir_name", name="deed-folder", pos=0)
	os.symlink("deed-target", f"{folder}/deed-symlink")
	did("symlink_to", name="deed-symlink", to="deed-target")
	os.readlink(f"{folder}/deed-symlink")
	did("readlink_path", dfd=-100, pathname=f"{folder}/deed-symlink")
	did("readlink_ret", ret=11)
	os.link(f"{folder}/deed-file", f"{folder}/deed-link")
	did("link_names", old="deed-file", new="deed-link")
	os.rename(f"{folder}/deed-link", f"{folder}/deed-renamed")
	did("rename_names", old="deed-link", new="deed-renamed", flags=0)
	inode = os.stat(f"{folder}/deed-renamed").st_ino
	os.unlink(f"{folder}/deed-renamed")
	did("unlink_name", name="deed-renamed", parent=os.path.basename(folder))
	did("unlink_links", nlink=2, ino=inode)
	did("unlink_ret", arg1=0)
	with open(f"{folder}/deed-folder/stays", "w", encoding="utf-8"):
		pass
	expect_error(errno.ENOTEMPTY, os.rmdir, f"{folder}/deed-folder")
	did("rmdir_name", name="deed-folder")
	did("rmdir_ret", ret="-ENOTEMPTY")


def pipes(folder):
	ends = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
	did("pipe_flags", flags="O_RDONLY|O_NONBLOCK|O_CLOEXEC")
	did("pipe_files", flags="O_RDONLY|O_NONBLOCK|O_CLOEXEC")
	fd = os.open(f"{folder}/deed-file", os.O_RDONLY)
	os.sendfile(ends[1], fd, 0, 321)
	did("sendfile_fds", out_fd=ends[1], in_fd=fd, count=321)
	did("sendfile_ret", ret=321)
	epoll = select.epoll()
	epoll.register(ends[0], select.EPOLLIN | select.EPOLLET)
	did("epoll_op", epfd=epoll.fileno(), op=1, fd=ends[0], events="POLLIN|EPOLLET", nonblock=False)
	poll = select.poll()
	for end in (*ends, fd):
		poll.register(end)
	poll.poll(0)
	did("poll_n", nfds=3)
	for end in (*ends, fd):
		os.close(end)


def tcp():
	server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
	did("socket_all", family=2, protocol=0)
	did("socket_kind", family=2, type=socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
	did("socket_regs", family=2, type=socket.SOCK_STREAM | socket.SOCK_CLOEXEC, protocol=0)
	did("socket_ret", ret=server.fileno())
	did("sk_alloc_family", family=2, kern=0, name="TCP")
	server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
	did("sockopt_all", fd=server.fileno(), level=1, optname=2, optlen=4)
	did("sockopt_name", fd=server.fileno(), level=1, optname=2, optlen=4)
	server.bind(("127.0.0.1", 0))
	did("bind_fd", fd=server.fileno(), addrlen=16)
	did("bind_addr", port=0, addr="127.0.0.1")
	did("bind_ret", ret=0)
	did("inet_bind_len", addr_len=16, family=2)
	server.listen(37)
	did("listen_all", fd=server.fileno(), backlog=37)
	did("listen_backlog", backlog=37)
	port = server.getsockname()[1]

	client = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
	client.connect(("127.0.0.1", port))
	near = client.getsockname()[1]
	did("connect_fd", fd=client.fileno(), addrlen=16)
	did("connect_addr", port=port, addr="127.0.0.1")
	did("connect_ret", ret=0)
	did("inet_connect", addr_len=16)
	did("tcp4_connect", addr_len=16, family=2)
	did("tcp4_state", state=7, proto=6)
	did("tcp_conn", daddr="127.0.0.1", dport=port, sport=near)
	did("tcp_conn6", saddr="127.0.0.1")
	did("tcp_conn_ret", ret=0)
	did("tcp_state_to", state=2, old=7)
	did("tcp_window_some", wscale_ok=1)
	served, _ = server.accept()
	did("accept_fd", fd=server.fileno(), flags="O_RDONLY|O_CLOEXEC")
	did("accept_ret", ret=served.fileno())

	client.send(b"x" * 777)
	did("sendto_all", fd=client.fileno(), len=777, flags=0)
	did("sendto_len", fd=client.fileno(), len=777, addr_len=0)
	did("sendto_ret", ret=777)
	did("tcp_send_size", size=777, dport=port)
	did("tcp_send_buf", mark=0)
	did("tcp_send_ret", ret=777)
	served.recv(888)
	did("recvfrom_size", fd=served.fileno(), size=888, flags=0)
	did("recvfrom_ret", ret=777)
	did("tcp_recv_len", len=888, num=port)
	did("tcp_recv_ret", ret=777)
	client.shutdown(socket.SHUT_WR)
	did("inet_down", how=1)
	did("shutdown_all", fd=client.fileno(), how=1)
	for one in (client, served, server):
		one.close()

	closed = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
	expect_error(errno.ECONNREFUSED, closed.connect, ("127.0.0.1", port))
	did("connect_ret", ret="-ECONNREFUSED")
	closed.close()


def other_sockets(folder):
	unix = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
	expect_error(errno.ENOENT, unix.connect, f"{folder}/deed-socket")
	did("unix_connect", path=f"{folder}/deed-socket")
	unix.close()
	with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
		udp.sendto(b"y" * 99, ("127.0.0.1", 9))
		did("udp_send_len", len=99)
		did("udp_send_ret", ret=99)


def processes():
	pid = os.getpid()
	child = os.fork()
	if child == 0:
		os.kill(os.getpid(), signal.SIGCONT)
		os._exit(7)
	did("clone_ret", pid=child)
	did("wake_new", pid=child, tgid=child, comm=COMM)
	did("wake_prio", prio=120, static=120)
	os.waitpid(child, 0)
	did("wait_pid", upid=child, options=0)
	did("wait_ret", ret=child)
	did("exit_code", code=7 << 8)
	did("exit_last", code=7 << 8)
	did("signal_to", sig=signal.SIGCONT, pid=child)
	os.setpriority(os.PRIO_PROCESS, 0, 5)
	did("nice_all", nice=5)
	did("nice_to", nice=5, pid=pid, prio=120)
	os.sched_setscheduler(0, SCHED_BATCH, os.sched_param(0))
	did("setsched_policy", policy=SCHED_BATCH, prio=0, user=True, pi=True)
	did("setsched_ret", ret=0)
	os.sched_setaffinity(0, {0})
	did("affinity_pid", pid=0)
	os.sched_setaffinity(0, range(os.cpu_count()))
	pause = struct.pack("qq", 0, 1500000)
	LIBC.clock_nanosleep(time.CLOCK_MONOTONIC, 0, pause, None)
	did("sleep_for", rqtp=1500000, clockid=time.CLOCK_MONOTONIC)
	did("sleep_mode", mode="HRTIMER_MODE_REL")
	did("sleep_ret", ret=0)
	resource.getrusage(resource.RUSAGE_CHILDREN)
	did("rusage_who", who=-1, pid=pid)
	resource.getrlimit(resource.RLIMIT_NICE)
	did("limit_of", resource=resource.RLIMIT_NICE)
	LIBC.unshare(CLONE_FS)
	did("unshare_flags", flags="CLONE_FS")
	LIBC.prctl(PR_SET_NAME, b"renamed", 0, 0, 0)
	LIBC.prctl(PR_SET_NAME, COMM.encode(), 0, 0, 0)
	did("comm_name", name="renamed", exec=False, old=COMM)
	timer = LIBC.timerfd_create(time.CLOCK_MONOTONIC, 0)
	LIBC.timerfd_settime(timer, 1, struct.pack("qqqq", 0, 0, 1 << 40, 0), None)
	did("timerfd_flags", ufd=timer, flags=1)
	os.close(timer)
	signal.setitimer(signal.ITIMER_VIRTUAL, 1000)
	did("itimer_which", which=1)
	signal.setitimer(signal.ITIMER_VIRTUAL, 0)


def memory():
	prot, flags = mmap.PROT_READ | mmap.PROT_WRITE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
	at = LIBC.mmap(None, ctypes.c_size_t(LENGTH), prot, flags, -1, ctypes.c_long(0))
	shown = {"prot": "PROT_READ|PROT_WRITE", "flags": "MAP_PRIVATE|MAP_ANONYMOUS"}
	did("mmap_all", len=LENGTH, prot=prot, flags=flags)
	did("mmap_args", len=LENGTH, **shown)
	did("vmmap_args", len=LENGTH, prot=shown["prot"], flag=shown["flags"], pgoff=0)
	did("dommap_len", len=LENGTH, **shown)
	did("secmmap", flags=shown["flags"])
	LIBC.mprotect(ctypes.c_void_p(at + 0x2000), ctypes.c_size_t(0x3000), mmap.PROT_READ)
	did("mprotect_range", start=at + 0x2000, end=at + 0x5000)
	LIBC.madvise(ctypes.c_void_p(at + 0x8000), ctypes.c_size_t(0x4000), mmap.MADV_DONTNEED)
	did("madvise_what", len_in=0x4000, behavior=mmap.MADV_DONTNEED)
	LIBC.munmap(ctypes.c_void_p(at), ctypes.c_size_t(LENGTH))
	os.close(os.memfd_create("deed-memory"))
	did("shmem_name", name="memfd:deed-memory", size=0)
	shared = LIBC.shmget(0x4b50, ctypes.c_size_t(12345), 0o1660)
	LIBC.shmdt(ctypes.c_void_p(LIBC.shmat(shared, None, 0o10000)))
	did("shmat_flags", shmid=shared, shmflg=0o10000)
	LIBC.shmctl(shared, 0, None)


def block():
	fd = os.open(f"/dev/{DISK}", os.O_RDWR | os.O_DIRECT)
	did("blkdev_open", ino="1:0")
	page = mmap.mmap(-1, 4096)
	page.write(b"z" * 4096)
	os.pwritev(fd, [page], 8192)
	did("bio_sector", sector=16, size=4096, disk=DISK)
	did("bio_dev", dev="1:0")
	did("bio_noacct", vcnt=1)
	os.close(fd)


def run(folder):
	"""Everything; the list of what was done."""
	LIBC.prctl(PR_SET_NAME, COMM.encode(), 0, 0, 0)
	files(folder)
	names(folder)
	pipes(folder)
	tcp()
	other_sockets(folder)
	processes()
	memory()
	block()
	return done
