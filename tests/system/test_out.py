"""Mail for other hosts, by the real culver-send, culver-rspawn and
culver-remote: few connections, hardly any for a dead host, and nothing lost
whoever is killed.
tests/bench/out.py shows the same at full size, with times."""
import collections
import os
import re
import shutil
import signal
import subprocess
import time

import pytest
from netbed import Knocks, Net, OutBed, address, sink, subject
from sendbed import BIN, wait_for
from test_syscalls import can_trace

LIVE, DEAD = "192.0.2.25", "192.0.2.66"


def namespaces():
    return os.geteuid() == 0 and shutil.which("ip") and subprocess.run(
        ["unshare", "-n", "true"], check=False).returncode == 0


pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(not namespaces(), reason="no network namespace"),
    pytest.mark.skipif(not (BIN / "culver-remote").exists(),
                       reason="culver-remote is not built")]


@pytest.fixture
def net():
    with Net() as made:
        yield made


def taken(host):
    """(message, recipients) of each transaction: how often."""
    return collections.Counter(
        (subject(t), tuple(sorted(map(address, t.rcpts))))
        for t in host.transactions)


@pytest.mark.parametrize("way", ["exchangers", "smtproutes"])
def test_mail_for_many_domains_of_a_host_needs_few_connections(net, way):
    """Of a message the recipients of one next hop go in one transaction: those
    of a domain, or all for a relay."""
    for d in range(20):
        net.domain("d%d.example" % d, LIVE, "mx.far.example")
    routes = {"smtproutes": ":" + LIVE} if way == "smtproutes" else {}
    mail = [("s@a.example", ["r%d@d%d.example" % (k, i % 20)
                             for k in range(1 + i % 3)] +
             ["x@d%d.example" % ((i + 1) % 20)]) for i in range(300)]
    want = collections.Counter()
    for n, (_, to) in enumerate(mail):
        for hop in {"" if routes else r.split("@")[1] for r in to}:
            want[n, tuple(sorted(r for r in to if r.endswith(hop)))] += 1
    with sink(LIVE) as host, Knocks() as knocks, OutBed(net, **routes) as bed:
        inos = bed.fill(mail)
        bed.start()
        for ino in inos:
            bed.gone(ino)
        assert taken(host) == want
        assert len(host.connections) <= 60 < len(want)
        assert len(knocks.times[LIVE]) == len(host.connections)


def trace_opens(bed, work):
    """The message files that culver-send opens while work() goes on."""
    out = bed.home / "trace"
    out.touch()
    bed.become(0)
    tracer = subprocess.Popen(
        ["strace", "-f", "-e", "trace=openat", "-o", out, "-p",
         str(bed.process.pid)], stderr=subprocess.DEVNULL)
    bed.become(65534)
    wait_for(lambda: "TracerPid:\t0\n" not in open(
        f"/proc/{bed.process.pid}/status", encoding="ascii").read())
    work()
    bed.become(0)
    tracer.send_signal(signal.SIGINT)
    tracer.wait()
    text = out.read_text()
    bed.become(65534)
    return [int(n) for n in re.findall(r'"queue/mess/\d+/(\d+)"', text)]


@pytest.mark.skipif(can_trace() is not None, reason=str(can_trace()))
def test_a_dead_host_is_tried_once_a_minute_and_what_waits_is_not_read(net):
    net.domain("dead.example", DEAD)
    net.domain("live.example", LIVE)
    with sink(LIVE) as host, Knocks() as knocks, OutBed(net) as bed:
        tried = knocks.times[DEAD]
        waits = bed.fill([("s@c%d.example" % (i % 7), ["r@dead.example"])
                          for i in range(500)])
        bed.start()
        wait_for(lambda: tried)
        bed.gone(bed.queue(["r@live.example"]))
        before = len(tried)
        assert before <= 5

        def ten_minutes():
            for step in range(1, 61):
                bed.move_clock(10 * step)
                bed.gone(bed.queue(["r@live.example"]))
        opened = trace_opens(bed, ten_minutes)
        assert len(tried) - before <= 10
        assert len(set(opened) & set(waits)) <= len(tried)
        assert len(host.transactions) == 61
        with sink(DEAD) as back:
            for minute in range(11, 13):
                bed.move_clock(60 * minute)
                bed.gone(bed.queue(["r@live.example"]))
            wait_for(lambda: len(back.transactions) >= 100)


def in_flight(text):
    """Recipients of deliveries that the log of one culver-send has begun and
    not ended, and of those that did not end well."""
    begun, lost = {}, collections.Counter()
    for number, to in re.findall(
            r"^starting delivery (\d+): msg \d+ to remote (\S+)", text, re.M):
        begun[number] = to
    for number, what in re.findall(r"^delivery (\d+): (.*)", text, re.M):
        to = begun.pop(number)
        if not what.startswith("success"):
            lost[to] += 1
    lost.update(begun.values())
    return lost


# both: culver-rspawn and all of its workers
VICTIMS = ["remote", "rspawn", "send", "remote", "both"]


def test_whoever_is_killed_only_what_was_in_flight_goes_twice(net):
    for d in range(5):
        net.domain("d%d.example" % d, LIVE, "mx.far.example")
    mail = [("s@a.example", ["m%d-%d@d%d.example" % (i, k, i % 5)
                             for k in range(2)]) for i in range(220)]

    def slow(*_):
        time.sleep(0.01)
        return "250 ok"
    with sink(LIVE, {"MAIL": slow}) as host, OutBed(net) as bed:
        bed.fill(mail)
        bed.start()
        starts = [0]
        for turn, victim in enumerate(VICTIMS):
            wait_for(lambda t=turn: len(host.transactions) > 20 * (t + 1))
            kill(bed, victim, starts)
        left = collections.Counter(r for _, to in mail for r in to)
        go_on_until_empty(bed)
        got = collections.Counter(
            address(r) for t in host.transactions for r in t.rcpts)
        twice = got - left
        assert left - got == collections.Counter()
        log, lost = bed.lines_text(), collections.Counter()
        for begin, end in zip(starts, [*starts[1:], len(log)]):
            lost += in_flight(log[begin:end])
        assert twice - lost == collections.Counter()
        assert sum(lost.values()) > 0
        assert sum(twice.values()) <= 2 * 20 * len(VICTIMS)
        assert bed.bounce.asked == []


def go_on_until_empty(bed):
    """What was put off is tried again, each time that nothing is under way."""
    def empty():
        return not list((bed.home / "queue/mess").glob("*/*"))

    def idle():
        return empty() or bed.lines()[-1].endswith("remote 0/20") or \
            bed.lines()[-1].startswith("end msg")
    while not empty():
        wait_for(idle)
        bed.kill(signal.SIGALRM)
        before = len(bed.lines())
        wait_for(lambda n=before: empty() or len(bed.lines()) > n)


def kill(bed, victim, starts):
    """starts: where in the log each culver-send begins."""
    if victim == "remote":
        bed.kill_hard(wait_for(bed.workers)[0])
    elif victim in ("rspawn", "both"):
        workers = bed.workers() if victim == "both" else []
        for pid in [bed.rspawn.pid, *workers]:
            bed.kill_hard(pid)
        bed.rspawn.wait()
        bed.start_rspawn()
    else:
        bed.stop(signal.SIGKILL)
        starts.append(len(bed.lines_text()))
        bed.start()
