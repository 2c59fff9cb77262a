#!/usr/bin/python3
"""Measure what a million domains and mailboxes cost at RCPT.

usage: tests/bench/domains.py [--many N] [--rounds N]

Makes two private instances below /var/tmp, one of ten domains with ten mailboxes
and one of as many as --many says (1,000,000, a mailbox in each), has their
tables built, and lets a culver-smtpd of each, on a TCP connection, answer for
random mailboxes of its own: one after the other, each waited for, and a thousand
in one write.  The two take turns, so that what the machine does meanwhile is
done to both; printed are medians, and what the many cost to the few.  The exit
code is 1 when the answer takes more than 1.2 times as long, or the tables took a
minute.  What CPU it costs is told, and has no goal: it is memory that no cache
has.

As root or not.  Example: make bench-domains
"""
import argparse
import os
import pathlib
import random
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
BIN = TOP / "build" / "bin"
FEW = 10
SINGLE = 3000    # asked one after the other, in a round
AT_ONCE = 20000  # asked in writes of a thousand
WRITE = 1000
WAITED = "one after the other, us each"
MOST_RATIO, MOST_SECONDS = 1.2, 60


class Host:
    """An instance of so many domains, and a culver-smtpd of it."""

    def __init__(self, folder, count):
        self.count, self.home = count, folder / str(count)
        self.env = {"PATH": os.environ["PATH"], "CULVER_HOME": str(self.home)}
        self.process = None
        subprocess.run([BIN / "culver", "setup", "--private", "--home",
                        self.home, "--domain", "bench.example"], env=self.env,
                       check=True, stdout=subprocess.DEVNULL)
        owner = self.home.stat()
        self.who = {} if os.geteuid() else {
            "user": owner.st_uid, "group": owner.st_gid, "extra_groups": []}
        self.write("control/maxrcpt", (f"{AT_ONCE}\n",))
        self.write("control/morercpthosts",
                   (f"d{n:07}.example\n" for n in range(count)))
        self.write("users/passwd",
                   (f"user@d{n:07}.example::0::\n" for n in range(count)))

    def write(self, name, lines):
        path = self.home / name
        with open(path, "w", encoding="ascii") as file:
            file.writelines(lines)
        if self.who:
            os.chown(path, self.who["user"], self.who["group"])

    def build(self):
        """Seconds, seconds of CPU, and MiB at most, of culver control build."""
        begun = time.monotonic()
        child = subprocess.Popen([BIN / "culver-control", "build"],
                                 env=self.env, stdout=subprocess.DEVNULL)
        _, status, used = os.wait4(child.pid, 0)
        assert status == 0
        return (time.monotonic() - begun, used.ru_utime + used.ru_stime,
                used.ru_maxrss / 1024)

    def open(self):
        with socket.create_server(("127.0.0.1", 0)) as door:
            self.sock = socket.create_connection(door.getsockname())
            theirs, _ = door.accept()
        for end in self.sock, theirs:
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.process = subprocess.Popen([BIN / "culver-smtpd"], stdin=theirs,
                                        stdout=theirs, env=self.env,
                                        stderr=subprocess.DEVNULL, **self.who)
        theirs.close()
        self.read = self.sock.makefile("rb")
        self.reply(b"220")
        self.ask(b"EHLO client.example")

    def close(self):
        self.sock.close()
        self.read.close()
        self.process.wait()

    def reply(self, code=b"250"):
        line = self.read.readline()
        while line[3:4] == b"-":
            line = self.read.readline()
        assert line.startswith(code), line

    def ask(self, line):
        self.sock.sendall(line + b"\r\n")
        self.reply()

    def recipients(self, count):
        numbers = [random.randrange(self.count) for _ in range(count)]
        return [b"RCPT TO:<user@d%07d.example>" % n for n in numbers]

    def cpu(self):
        words = pathlib.Path(f"/proc/{self.process.pid}/schedstat").read_text()
        return int(words.split()[0]) / 1000

    def begin(self):
        self.ask(b"RSET")
        self.ask(b"MAIL FROM:<you@client.example>")

    def single(self):
        """Microseconds until the answer, in the middle."""
        took = []
        self.begin()
        for line in self.recipients(SINGLE):
            begun = time.perf_counter()
            self.ask(line)
            took.append((time.perf_counter() - begun) * 1e6)
        return statistics.median(took)

    def at_once(self):
        """Microseconds of CPU for each."""
        lines = self.recipients(AT_ONCE)
        self.begin()
        before = self.cpu()
        for n in range(0, AT_ONCE, WRITE):
            self.sock.sendall(b"\r\n".join(lines[n:n + WRITE]) + b"\r\n")
            for _ in range(WRITE):
                self.reply()
        return (self.cpu() - before) / AT_ONCE


def measure(hosts, rounds):
    """What: for each host, its figures of all rounds."""
    found = {WAITED: ([], []),
             "a thousand in a write, us of CPU each": ([], []),
             "the same, by a process that has just begun": ([], [])}
    single, at_once, fresh = found.values()
    for _ in range(rounds):
        for k, host in enumerate(hosts):
            host.open()
            fresh[k].append(host.at_once())
            for _ in range(4):
                host.at_once()
            at_once[k].append(host.at_once())
            single[k].append(host.single())
            host.close()
    return found


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("\n")[2][7:])
    parser.add_argument("--many", type=int, default=1000000)
    parser.add_argument("--rounds", type=int, default=9)
    args = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="culver-domains.",
                                           dir="/var/tmp"))
    folder.chmod(0o755)
    missed = False
    try:
        hosts = [Host(folder, FEW), Host(folder, args.many)]
        for host in hosts:
            took, cpu, memory = host.build()
            missed = missed or took >= MOST_SECONDS
            print(f"{host.count:>8} domains and mailboxes: tables built in "
                  f"{took:.1f} s, {cpu:.1f} s of CPU, {memory:.0f} MiB")
        print(f"{'RCPT':44}{FEW:>9}{args.many:>9}  ratio")
        for what, figures in measure(hosts, args.rounds).items():
            few, many = map(statistics.median, figures)
            goal = ""
            if what == WAITED:
                missed = missed or many / few > MOST_RATIO
                goal = f" of {MOST_RATIO} at most"
            print(f"{what:44}{few:9.2f}{many:9.2f}  {many / few:.2f}{goal}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
