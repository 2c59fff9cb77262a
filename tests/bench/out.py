#!/usr/bin/python3
"""Show, with figures, that mail for other hosts goes out as it should.

usage: tests/bench/out.py [--size N] [--most N] [--folder DIR] [SHOW ...]

Runs culver-send, culver-rspawn and culver-remote against hosts of its own in a
network namespace, as root, and prints for each promise what was wanted and what
was seen.  The exit code is 1 when one was missed.  The shows are

  few       10,000 messages for 50 domains on one host, by MX and by smtproutes:
            connections, and what goes together
  fair      a flood for a host that takes 30 s for each: what others' mail waits
  dead      a flood for a host that is down: attempts, reads, how it comes back
  restart   a start with a flood of messages that were put off
  memory    what culver-send holds for very many messages, and does meanwhile

--size    messages of a flood, 100000
--most    messages of the last show, 1000000
--folder  where queues are made, /var/tmp; a message takes 4 KiB there, one that
          was put off 8.  /dev/shm is quicker, and where a disk discards what is
          removed (mount -o discard) cleaning up takes longer than the shows
It takes about a quarter of an hour and needs two processors; figures of time
say little on a machine that is busy otherwise.
"""
import argparse
import collections
import os
import pathlib
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests" / "system"))

from netbed import (Knocks, Net, OutBed, address, many_files, sink,  # noqa: E402
                    subject)
from sendbed import NOBODY, wait_for  # noqa: E402

FRIEND, TAR, DEAD = "192.0.2.25", "192.0.2.30", "192.0.2.66"
AGES = 600  # seconds after which something has not come
TICK = 1 / os.sysconf("SC_CLK_TCK")


class Table:
    """Rows are printed as they come."""

    def __init__(self):
        self.missed = 0

    def row(self, what, goal, seen, good):
        self.missed += not good
        print("%-50s %12s %12s  %s" % (
            what, goal, seen, "" if good else "MISSED"), flush=True)

    def most(self, what, goal, seen, form="%d"):
        self.row(what, "<= " + form % goal, form % seen, seen <= goal)

    def least(self, what, goal, seen, form="%d"):
        self.row(what, ">= " + form % goal, form % seen, seen >= goal)


class Times:
    """When a host began with a message and took it, by its sender's name."""

    def __init__(self):
        self.begun, self.taken = {}, {}

    def script(self, pause=0):
        def mail(connection, argument):
            self.begun.setdefault(argument, time.time())
            return "250 ok"

        def end(connection, _):
            time.sleep(pause)
            said = connection.sink.transactions
            for one in reversed(said[-50:]):
                if one.connection is connection:
                    self.taken.setdefault(one.mail, time.time())
                    break
            return "250 taken"
        return {"MAIL": mail, "EOD": end}


def cpu(pid):
    """Seconds of CPU that a process has used."""
    words = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")")[1].split()
    return (int(words[11]) + int(words[12])) * TICK


def until_quiet(pid):
    """It has used next to nothing for two seconds."""
    end = time.monotonic() + AGES
    while time.monotonic() < end:
        before = cpu(pid)
        time.sleep(2)
        if cpu(pid) - before < 0.05:
            return
    raise AssertionError("it does not come to rest")


def private(bed, pid):
    """Bytes of memory that are a process's own."""
    bed.become(0)
    text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    bed.become(NOBODY)
    return 1024 * sum(int(line.split()[1]) for line in text.splitlines()
                      if line.startswith("Private_"))


def few(table, options):
    for way in "MX", "smtproutes":
        count = min(10000, options.size)
        with Net() as net, Knocks() as knocks:
            for d in range(50):
                net.domain("d%d.example" % d, FRIEND, "mx.far.example")
            mail = [("s@a.example", [
                "r%d@d%d.example" % (k, i % 50) for k in range(1 + i % 3)])
                for i in range(count)]
            how = {"smtproutes": ":" + FRIEND} if way == "smtproutes" else {}
            with sink(FRIEND) as host, OutBed(
                    net, options.folder, **how) as bed:
                bed.fill(mail)
                begin = time.monotonic()
                bed.start()
                wait_for(lambda: len(host.transactions) >= count, AGES)
                took = time.monotonic() - begin
                got = collections.Counter(
                    (subject(t), tuple(sorted(map(address, t.rcpts))))
                    for t in host.transactions)
                whole = sum(got[i, tuple(sorted(to))] == 1
                            for i, (_, to) in enumerate(mail))
            table.most(f"{count} messages, 50 domains, {way}: connections", 299,
                       len(knocks.times[FRIEND]))
            table.least("  messages that went in one transaction", count, whole)
            table.most("  transactions", count, len(host.transactions))
            print("  (%.0f messages a second)" % (count / took))


def delays(bed, host, times, name, count):
    """Of count messages, one after the other: seconds to the begin of their
    delivery, and to its end."""
    first, last = [], []
    for n in range(count):
        sender = "%s%d@joe.example" % (name, n)
        key = b"FROM:<%s>" % sender.encode()
        begin = time.time()
        bed.queue(["r@friend.example"], sender=sender)
        mine = wait_for(lambda: [m for m in list(times.taken)
                                 if m.startswith(key)], AGES)[0]
        first.append(times.begun[mine] - begin)
        last.append(times.taken[mine] - begin)
        time.sleep(0.05)
    return first, last


def fair(table, options):
    over, times = threading.Event(), Times()
    tar = {"EOD": lambda *_: over.wait(30) and "421 over" or "250 taken"}
    with Net() as net:
        net.domain("tar.example", TAR)
        net.domain("friend.example", FRIEND)
        with sink(TAR, tar) as slow, sink(FRIEND, times.script(0.1)) as host, \
                OutBed(net, options.folder, laneinitial=20) as bed:
            bed.start()
            _, idle = delays(bed, host, times, "idle", 50)
            bed.stop()
            bed.fill([("spam@spam.example", ["r@tar.example"])] * options.size)
            bed.start()
            first, _ = delays(bed, host, times, "soon", 1)
            table.most("flood for a slow host: begin, at the start, s", 1,
                       first[0], "%.3f")
            until_quiet(bed.process.pid)
            first, last = delays(bed, host, times, "busy", 50)
            table.most("  begin, later, the slowest of 50, s", 1, max(first),
                       "%.3f")
            table.most("  median, of the idle one", 1.5,
                       statistics.median(last) / statistics.median(idle),
                       "%.3f")
            print("  (medians %.1f ms idle, %.1f ms; %d at once at the slow "
                  "host)" % (1000 * statistics.median(idle),
                             1000 * statistics.median(last),
                             len(slow.connections)))
            over.set()
            bed.kill(signal.SIGKILL)


def traced(bed, work):
    """The calls of culver-send while work() goes on."""
    with tempfile.NamedTemporaryFile() as file:
        bed.become(0)
        tracer = subprocess.Popen(
            ["strace", "-f", "-e", "trace=openat,pread64,read", "-o",
             file.name, "-p", str(bed.process.pid)],
            stderr=subprocess.DEVNULL)
        bed.become(NOBODY)
        wait_for(lambda: "TracerPid:\t0" not in pathlib.Path(
            f"/proc/{bed.process.pid}/status").read_text())
        work()
        bed.become(0)
        tracer.send_signal(signal.SIGINT)
        tracer.wait()
        text = pathlib.Path(file.name).read_text()
        bed.become(NOBODY)
        return text.splitlines()


def dead(table, options):
    times = Times()
    with Net() as net, Knocks() as knocks:
        net.domain("dead.example", DEAD)
        net.domain("friend.example", FRIEND)
        tried = knocks.times[DEAD]
        with sink(FRIEND, times.script()) as host, OutBed(
                net, options.folder, concurrencyremote=40) as bed:
            bed.fill([("s@c%d.example" % (i % 100), ["r@dead.example"])
                      for i in range(options.size)])
            bed.start()
            until_quiet(bed.process.pid)
            table.most("flood for a dead host: attempts until it is known", 5,
                       len(tried))
            before = len(tried)

            def wait():
                for minute in range(1, 6):
                    bed.move_clock(60 * minute)
                    time.sleep(2)
            calls = traced(bed, wait)
            opened = [c for c in calls if '"queue/mess/' in c]
            table.most("  5 minutes: attempts", 5, len(tried) - before)
            table.most("  5 minutes: message files opened, of attempts alone",
                       len(tried) - before, len(opened))
            print("  (%d openat, pread64 and read in all)" % len(calls))
            before, waits = len(tried), []
            for minute in range(6, 66):
                bed.move_clock(60 * minute)
                waits += delays(bed, host, times, "m%d-" % minute, 1)[0]
            table.most("  60 minutes: attempts", 60, len(tried) - before)
            table.most("  others' mail begins, the slowest of 60, s", 1,
                       max(waits), "%.3f")
            lock, now, most = threading.Lock(), [0], [0]

            def end(*_):
                with lock:
                    now[0] += 1
                    most[0] = max(most[0], now[0])
                time.sleep(1)
                with lock:
                    now[0] -= 1
                return "250 taken"
            with sink(DEAD, {"EOD": end}):
                begin = time.monotonic()
                try:
                    wait_for(lambda: most[0] >= 20, 180)
                except AssertionError:
                    pass
                table.most("  up again: seconds to full concurrency", 120,
                           time.monotonic() - begin, "%.1f")
                table.least("  up again: at once", 20, most[0])
                bed.kill(signal.SIGKILL)


def restart(table, options):
    times = Times()
    with Net() as net:
        net.domain("friend.example", FRIEND)
        with sink(FRIEND, times.script()) as host, OutBed(
                net, options.folder) as bed:
            begin, late = int(time.time()), []
            ahead = 60 + options.size // 2000  # seconds that it may take

            def due(n):
                if n % 1000 == 0:
                    return begin + ahead + n // 1000 % 30
                return begin + 7200 + n % 3600 if n % 1000 > 1 else begin
            bed.fill([("n%d@a.example" % n, ["r@friend.example"])
                      for n in range(options.size)], due)
            assert time.time() < begin + ahead
            started = time.time()
            bed.start()
            wait_for(lambda: times.taken, AGES)
            table.most("put off, and a restart: first delivery after, s", 1,
                       min(times.begun.values()) - started, "%.3f")
            first, _ = delays(bed, host, times, "new", 1)
            table.most("  one that is new begins after, s", 1, first[0],
                       "%.3f")
            time.sleep(max(0, begin + ahead + 32 - time.time()))
            soon = 2 * (options.size // 1000)
            wait_for(lambda: len(times.taken) > soon, 30)
            for mail, at in times.begun.items():
                name = mail.split(b"@")[0].rsplit(b"<")[1]
                if name.startswith(b"n") and name[1:].isdigit():
                    late.append(at - due(int(name[1:])))
            table.least("  least seconds of an attempt behind its time", 0,
                        min(late), "%.3f")
            table.row("  attempts by then", soon, len(late), len(late) == soon)


def memory(table, options):
    with Net() as net:
        for d in range(10):
            net.domain("dead%d.example" % d, DEAD, "mx.dead.example")
        with OutBed(net, options.folder) as bed:
            begin = time.monotonic()
            bed.fill(("s@c%d.example" % (i % 1000),
                      ["r%d@dead%d.example" % (i, i % 10)])
                     for i in range(options.most))
            filled = time.monotonic()
            print("(%d files in %.0f s)" % (options.most, filled - begin))
            bed.start()
            listed = time.monotonic()
            until_quiet(bed.process.pid)
            print("(listed in %.1f s, read in %.0f s)" % (
                listed - filled, time.monotonic() - listed))
            table.most(f"{options.most} messages: MiB of its own", 100,
                       private(bed, bed.process.pid) / 2**20, "%.1f")
            used = cpu(bed.process.pid)
            time.sleep(60)
            table.most("  % of a processor in a minute", 1,
                       (cpu(bed.process.pid) - used) / 60 * 100, "%.2f")
            bed.kill(signal.SIGKILL)


SHOWS = {"few": few, "fair": fair, "dead": dead, "restart": restart,
         "memory": memory}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--size", type=int, default=100000)
    parser.add_argument("--most", type=int, default=1000000)
    parser.add_argument("--folder", default="/var/tmp")
    parser.add_argument("shows", nargs="*", metavar="SHOW")
    options = parser.parse_args()
    if set(options.shows) - set(SHOWS):
        parser.error("a SHOW is one of " + ", ".join(SHOWS))
    if os.geteuid() != 0:
        parser.error("a network namespace needs root")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(111))  # and tidy up
    many_files()
    table = Table()
    for name in options.shows or SHOWS:
        SHOWS[name](table, options)
    return table.missed > 0


if __name__ == "__main__":
    sys.exit(main())
