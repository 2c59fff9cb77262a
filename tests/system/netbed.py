"""Mail that leaves: culver-send, culver-rspawn and culver-remote in a private
HOME, and hosts made of Python, within a network namespace.

    with Net() as net, OutBed() as bed:
        net.domain("far.example", "192.0.2.25")
        with net.sink("192.0.2.25") as sink:
            bed.start(); bed.queue(["r@far.example"]) ...

All of 192.0.2.0/24 is in the namespace, and none of it an address of an
interface: to culver-remote they are other hosts.
"""
import collections
import ctypes
import os
import re
import resource
import signal
import socket
import struct
import subprocess
import threading
import time
import zlib

from conftest import write_clock
from dnsbed import Nameserver
from sendbed import BIN, HEAD, NOBODY, Bed, head, line, wait_for
from sinkbed import Sink

CLONE_NEWNET = 0x40000000
ETH_P_IP = 0x0800  # what is heard with it has come in
LIBC = ctypes.CDLL(None, use_errno=True)


def call(result):
    if result:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


class Net:
    """A namespace for this thread and all that it starts; zone is that of its
    DNS server, dns."""

    def __enter__(self):
        self.before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        call(LIBC.unshare(CLONE_NEWNET))
        for words in ("link set lo up", "addr add 198.51.100.1/32 dev lo",
                      "route add local 192.0.2.0/24 dev lo src 198.51.100.1"):
            subprocess.run(["ip", *words.split()], check=True)
        self.zone = {}
        self.dns = Nameserver(self.zone).__enter__()
        return self

    def __exit__(self, *_):
        self.dns.__exit__()
        call(LIBC.setns(self.before, CLONE_NEWNET))
        os.close(self.before)

    def domain(self, name, address, host=None):
        """Its one exchanger is host at address."""
        host = host or "mx." + name
        self.zone[name, "MX"] = ["10 " + host]
        self.zone[host, "A"] = [address]


def as_root(make):
    """make() with root's rights, whatever a bed has made of us."""
    who = os.geteuid()
    os.seteuid(0)
    try:
        return make()
    finally:
        os.seteuid(who)


def sink(address, script=None):
    return as_root(lambda: Sink(script, host=address, port=25))


class Knocks(threading.Thread):
    """Counts the connections that are asked for, by address: times."""

    def __init__(self):
        super().__init__(daemon=True)
        self.times = collections.defaultdict(list)
        self.ended = False
        self.sock = as_root(lambda: socket.socket(
            socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_IP)))
        self.sock.settimeout(0.1)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.ended = True
        self.join()
        self.sock.close()

    def run(self):
        while not self.ended:
            try:
                packet = self.sock.recv(100)
            except TimeoutError:
                continue
            at = (packet[0] & 15) * 4
            if packet[9] == socket.IPPROTO_TCP and \
                    packet[at + 13] & 0x12 == 2:  # SYN alone
                self.times[socket.inet_ntoa(packet[16:20])].append(
                    time.monotonic())


class OutBed(Bed):
    """folder: where HOME is made.  Its programs are started again by hand."""

    def __init__(self, net, folder="/var/tmp", **controls):
        self.rspawn = None
        programs = {name: (BIN / name).read_bytes()
                    for name in ("culver-rspawn", "culver-remote")}
        super().__init__(split=64, folder=folder)
        for name in ("bin", "state"):
            (self.home / name).mkdir()
        for name, data in programs.items():
            (self.home / "bin" / name).write_bytes(data)
            (self.home / "bin" / name).chmod(0o755)
        self.control("dnsservers", net.dns.control().strip())
        for name, text in controls.items():
            self.control(name, str(text))
        self.clock = self.home / "clock"
        self.move_clock(0)
        self.env["CULVER_CLOCK"] = str(self.clock)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def move_clock(self, seconds):
        """Both clocks are so far ahead, once what waits is woken."""
        self.moved = seconds
        write_clock(self.clock, seconds, seconds)

    def start_rspawn(self):
        with open(self.home / "rlog", "ab") as log:
            self.rspawn = self.popen([self.home / "bin/culver-rspawn"],
                                     stderr=log)
        wait_for((self.home / "queue/rspawn").exists)

    def start(self, *args, **more):
        if self.rspawn is None:
            self.start_rspawn()
        return super().start(*args, **more)

    def workers(self):
        """The pids of culver-remotes."""
        text = subprocess.run(["pgrep", "-P", str(self.rspawn.pid)],
                              capture_output=True, text=True,
                              check=False).stdout
        return [int(pid) for pid in text.split()]

    def kill_hard(self, pid):
        self.become(0)
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.become(NOBODY)

    def close(self):
        if self.process is not None and self.process.poll() is None:
            self.become(0)
            self.process.kill()
            self.process.wait()
        if self.rspawn is not None and self.rspawn.poll() is None:
            self.become(0)
            self.rspawn.kill()
            self.rspawn.wait()
        self.become(NOBODY)
        super().close()

    def fill(self, messages, due=None):
        """Many messages at once, without hints: (sender, recipients) each; the
        body's subject is its place among them.  due(n), where it is given, is
        when message n, which was put off once, is to be tried next.  Their
        numbers, in order."""
        inos, new = [], str(self.home / "queue/mess/new")
        folders = [str(self.home / "queue/mess" / str(i)) + "/"
                   for i in range(self.split)]
        now = int(time.time() + self.moved)
        for n, (sender, recipients) in enumerate(messages):
            token = struct.pack(">QQ", n, 77)
            body = b"Subject: %d\n\nhello\n" % n
            envelope = b"F" + sender.encode() + b"\0" + b"".join(
                b"T" + r.encode() + b"\0" for r in recipients)
            fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640)
            os.write(fd, head(now * 1000000, token, body, 3, envelope) +
                     body + envelope)
            ino = os.fstat(fd).st_ino
            os.close(fd)
            os.rename(new, folders[ino % self.split] + str(ino))
            inos.append(ino)
            if due is not None:
                self.put_off(ino, token, len(recipients), now, due(n))
        return inos

    def put_off(self, ino, token, count, now, due):
        text = line("culver-journal 1 %d %s" % (ino, token.hex())) + "".join(
            line("%d.000000 defer r=%d a=1 next=%d.000000" % (now, r, due))
            for r in range(count))
        path = str(self.path("info", ino))
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640)
        os.write(fd, text.encode())
        os.close(fd)
        os.utime(path, ns=(due * 10**9, due * 10**9 + due - now + 1))


def subject(transaction):
    return int(re.search(rb"Subject: (\d+)", transaction.data)[1])


def address(rcpt):
    """That of the argument of RCPT."""
    return re.search(rb"<(.*?)>", rcpt)[1].decode()


def many_files():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
