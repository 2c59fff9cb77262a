"""Which notices culver-send asks for, and that nobody is told twice or not at
all: doc/INTERNALS 3, Notices."""
import os
import re
import shutil
import signal
import struct
import threading

import pytest
from conftest import write_clock
from sendbed import BIN, NOBODY, PATIENCE, Bed, line, wait_for

pytestmark = pytest.mark.skipif(
    not (BIN / "culver-send").exists(), reason="culver-send is not built")

HOUR = 3600
TRACED = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("strace"),
    reason="strace of a jailed program wants root")


@pytest.fixture
def bed():
    beds = []

    def make(*args, **kwargs):
        if beds:
            beds[-1].become(0)
        beds.append(Bed(*args, **kwargs))
        return beds[-1]
    yield make
    for b in beds:
        b.close()


def by_name(job):
    """What becomes of a recipient is the beginning of his name."""
    return {"ok": "K", "no": ("D", "no such\n"), "later": ("Z", "later\n"),
            "forward": [dict(letter="K", text="did 0+2+0\nqp 5\n",
                             via="forward")],
            }[job.recipient.split("-")[0]]


def force(b, done):
    """Attempts for whoever waits, until it is done; a message in hand is not
    reached by the signal."""
    wait_for(lambda: done() or b.kill(signal.SIGALRM))


def retry(b, ino):
    """One more attempt at least; its deferral is on the disk."""
    before = b.events(ino).count("defer")
    force(b, lambda: b.events(ino).count("defer") > before)


@pytest.mark.parametrize("sender, known", [
    ("s@example.net", True), ("", False), ("#@[]", False)])
@pytest.mark.parametrize("notify, success, failure", [
    (None, False, True), ("NEVER", False, True), ("FAILURE", False, True),
    ("DELAY", False, True), ("SUCCESS", True, True),
    ("SUCCESS,FAILURE,DELAY", True, True)])
@pytest.mark.parametrize("name, outcome", [
    ("ok", "S"), ("forward", "S"), ("no", "F")])
def test_notify_and_outcome_say_what_is_asked_for(
        bed, sender, known, notify, success, failure, name, outcome):
    """NOTIFY without FAILURE is culver-bounce's to honour."""
    b = bed(plan=by_name).start()
    ino = b.queue([(name + "-a@example.org", notify)], sender=sender)
    b.gone(ino)
    wanted = failure if outcome == "F" else success and known
    assert b.bounce.kinds == ([outcome] if wanted else [])


def test_success_is_on_the_disk_before_the_notice_is_asked_for(bed):
    b = bed(plan=by_name).start()
    ino = b.queue([("ok-a@example.org", "SUCCESS"),
                   ("forward-b@example.org", "SUCCESS")])
    b.gone(ino)
    (asked,) = b.bounce.asked
    assert re.search(r" ok r=0 a=1 act=delivered ", asked[1])
    assert re.search(r" ok r=1 a=1 act=expanded via=forward ", asked[1])
    wait_for(lambda: "success notice msg %d qp 77" % ino in b.lines())
    assert not any(x.startswith("bounce msg") for x in b.lines())


def test_success_and_failure_are_two_notices(bed):
    b = bed(plan=by_name).start()
    ino = b.queue([("ok-a@example.org", "SUCCESS,FAILURE"),
                   ("no-b@example.org", "SUCCESS,FAILURE")])
    b.gone(ino)
    assert b.bounce.kinds == ["S", "F"]
    # The first is known to be told before the second is asked for.
    assert " success id=999 token=" + "0" * 32 in b.bounce.asked[1][1]
    wait_for(lambda: "end msg %d" % ino in b.lines())
    assert "bounce msg %d qp 77" % ino in b.lines()


def test_success_is_told_while_others_wait(bed):
    b = bed(plan=by_name).start()
    ino = b.queue([("ok-a@example.org", "SUCCESS"),
                   ("later-b@example.org", "SUCCESS")])
    wait_for(lambda: "success" in b.events(ino))
    retry(b, ino)
    retry(b, ino)
    b.spawner.plan = lambda job: "K"
    force(b, lambda: not b.path("mess", ino).exists())
    assert b.bounce.kinds == ["S", "S"]


def test_delay_is_told_once_and_not_again_after_a_start(bed):
    b = bed(plan=by_name)
    b.control("delaynotice", str(HOUR))
    b.start()
    ino = b.queue(["later-a@example.org"], age=2 * HOUR)
    wait_for(lambda: "delay" in b.events(ino))
    (kind, unasked, until), = b.bounce.requests
    assert (kind, unasked) == ("D", True)
    arrived = int(re.search(rb"arrived (\d+)",
                            b.path("mess", ino).read_bytes())[1])
    assert until == (arrived + 604800) * 1000000
    wait_for(lambda: "delay notice msg %d qp 77" % ino in b.lines())
    retry(b, ino)
    b.stop(signal.SIGKILL)
    b.start()
    retry(b, ino)
    retry(b, ino)
    assert " told=1 " in b.journal(ino)
    assert b.events(ino).count("delay") == 1
    b.spawner.plan = lambda job: "K"
    force(b, lambda: not b.path("mess", ino).exists())
    assert b.bounce.kinds == ["D"]


@pytest.mark.parametrize("setting, age, notify, sender, asked", [
    (None, 90 * HOUR, None, "s@example.net", False),
    ("0", 90 * HOUR, None, "s@example.net", False),
    ("0", 90 * HOUR, "DELAY", "s@example.net", True),
    ("0", 3 * HOUR, "DELAY", "s@example.net", False),
    ("3600", HOUR // 2, None, "s@example.net", False),
    ("3600", HOUR // 2, "DELAY", "s@example.net", False),
    ("3600", 2 * HOUR, "FAILURE,SUCCESS", "s@example.net", False),
    ("3600", 2 * HOUR, "NEVER", "s@example.net", False),
    ("3600", 2 * HOUR, None, "", False),
    ("3600", 2 * HOUR, "DELAY", "#@[]", False),
    ("3600", 2 * HOUR, None, "list-@example.net-@[]", False),
    ("3600", 2 * HOUR, "DELAY", "list-@example.net-@[]", True)])
def test_who_hears_of_a_delay(bed, setting, age, notify, sender, asked):
    b = bed(plan=by_name)
    if setting is not None:
        b.control("delaynotice", setting)
    b.start()
    ino = b.queue([("later-a@example.org", notify)], sender=sender, age=age)
    wait_for(lambda: "defer" in b.events(ino))
    retry(b, ino)
    retry(b, ino)
    assert b.bounce.kinds == (["D"] if asked else [])


def test_who_is_deferred_later_is_told_later(bed):
    b = bed(plan=lambda job: by_name(job) if job.number == 0 else None)
    b.control("delaynotice", str(HOUR))
    b.start()
    ino = b.queue(["later-a@example.org", "later-b@example.org"],
                  age=2 * HOUR)
    wait_for(lambda: len(b.spawner.jobs) == 2)
    wait_for(lambda: b.events(ino) == ["defer"])
    assert b.bounce.kinds == []  # one of them is under way
    b.stop(signal.SIGKILL)
    b.spawner.plan = by_name
    b.start()
    wait_for(lambda: b.events(ino) == ["defer", "defer", "delay"])
    assert b.bounce.kinds == ["D"]


@pytest.mark.parametrize("answer", ["Z", None])
def test_no_delivery_waits_for_a_notice_of_delay(bed, answer):
    b = bed(plan=by_name)
    b.control("delaynotice", str(HOUR))
    if answer is None:
        os.unlink(b.home / "queue/bounce")
    b.bounce.answers = [("Z", b"disk full")] * 2
    b.start()
    ino = b.queue(["later-a@example.org"], age=2 * HOUR)
    wait_for(lambda: b.events(ino) == ["defer"])
    retry(b, ino)
    assert b.events(ino) == ["defer", "defer"]
    if answer is not None:
        retry(b, ino)
        wait_for(lambda: "delay" in b.events(ino))
        assert b.bounce.kinds == ["D", "D", "D"]
        return
    b.spawner.plan = lambda job: "K"
    force(b, lambda: not b.path("mess", ino).exists())


def test_who_another_host_tells_is_owed_nothing(bed):
    """marks=1: that host does not speak DSN."""
    b = bed(remote=lambda job: [
        dict(letter="K", number=0, text="250 ok\n", marks=1,
             via="smtp mx.a.example[192.0.2.1]:25"),
        dict(letter="K", text="250 ok\n")])
    b.start()
    ino = b.queue([("kim@a.example", "SUCCESS"), ("bob@a.example", "SUCCESS")])
    b.gone(ino)
    assert b.bounce.kinds == ["S"]
    journal = b.bounce.asked[0][1]
    assert " ok r=0 a=1 act=relayed " in journal
    assert " ok r=1 a=1 reply=" in journal


class Held(list):
    """Answers that wait until they are let go."""

    def __init__(self, answers):
        super().__init__(answers)
        self.go = threading.Event()

    def pop(self, i):
        assert self.go.wait(PATIENCE)
        return super().pop(i)


def test_no_job_begins_between_a_notice_and_its_line(bed):
    """What it was asked about would not be what the line covers."""
    b = bed(plan=by_name)
    b.bounce.answers = Held([("K", struct.pack(">Q16sI", 9, bytes(16), 7))])
    clock = b.home / "clock"
    b.env["CULVER_CLOCK"] = str(write_clock(clock, 0, 0))
    b.start()
    ino = b.queue([("ok-a@example.org", "SUCCESS"), "later-b@example.org"])
    wait_for(lambda: b.bounce.kinds == ["S"])
    write_clock(clock, 600, 600)  # it is due, and the answer not yet late
    for _ in range(3):
        b.gone(b.queue(["ok-c@example.org"]))
    assert [j.number for j in b.spawner.jobs if j.ino == ino] == [0, 1]
    b.bounce.answers.go.set()
    retry(b, ino)
    assert b.events(ino)[:4] == ["ok", "defer", "success", "defer"]


@pytest.mark.parametrize("answer", ["Z", "N"])
def test_what_is_answered_otherwise_ends(bed, answer):
    b = bed(plan=by_name)
    b.bounce.answers = [(answer, b"notify never: discarding bounce/")]
    b.start()
    b.gone(b.queue([("ok-a@example.org", "SUCCESS")]))
    assert b.bounce.kinds == ["S"] * (2 if answer == "Z" else 1)


def test_journal_of_an_earlier_version_owes_no_word_of_success(bed):
    b = bed(plan=by_name)
    ino = b.queue([("ok-a@example.org", "SUCCESS"),
                   ("no-b@example.org", "SUCCESS")], hint=False)
    b.path("info", ino).write_text(
        line("culver-journal 1 %d %s" % (ino, b.token.hex())) +
        line("1.000000 ok r=0 a=1 via=maildir\\x20/x reply=did") +
        line("1.000000 fail r=1 a=1 reply=no") +
        line("1.000000 bounce id=5 token=" + "00" * 16))
    b.start()
    b.gone(ino)
    assert b.bounce.kinds == []
    assert b.spawner.jobs == []


CALLS = ["pwrite64", "fdatasync", "fsync", "sendto", "recvfrom", "unlink"]


def until_killed(b, call, number):
    """Start culver-send so that it dies at its call of this number.  A
    sanitizer of leaks would not run under strace."""
    b.env["ASAN_OPTIONS"] = "detect_leaks=0"
    b.start(check=False, wrap=[
        "strace", "-qq", "-o", "/dev/null", "-e", "trace=" + call,
        "-e", "inject=%s:signal=KILL:when=%d" % (call, number)])


def ended(b):
    """culver-send has died of it, and strace with it."""
    return b.process.poll() is not None


def end(b):
    """It lives on: strace ends with it, not it with strace."""
    children = "/proc/%d/task/%d/children" % (b.process.pid, b.process.pid)
    b.become(0)
    for pid in open(children).read().split():
        os.kill(int(pid), signal.SIGKILL)
    b.become(NOBODY)
    b.process.wait(PATIENCE)


@TRACED
@pytest.mark.parametrize("call", CALLS[:-1])
def test_delay_is_told_wherever_culver_send_dies(bed, call):
    for number in range(1, 9):
        b = bed(plan=by_name)
        b.control("delaynotice", str(HOUR))
        ino = b.queue(["later-a@example.org"], age=2 * HOUR, hint=False)
        until_killed(b, call, number)
        wait_for(lambda: ended(b) or "delay" in b.events(ino))
        died = ended(b)
        if not died:
            end(b)
        b.log.close()
        b.start()
        force(b, lambda: "delay" in b.events(ino))
        before = len(b.bounce.kinds)
        retry(b, ino)
        retry(b, ino)
        assert b.events(ino).count("delay") == 1
        assert len(b.bounce.kinds) == before
        assert before in ((1, 2) if died else (1,))
        if not died:
            assert number > 1
            return
    raise AssertionError("it died at every call")


@TRACED
@pytest.mark.parametrize("call", CALLS)
def test_success_and_failure_are_told_wherever_culver_send_dies(bed, call):
    """At worst twice, and a failure never without its recipient's fail."""
    for number in range(1, 14):
        b = bed(plan=by_name)
        ino = b.queue([("ok-a@example.org", "SUCCESS"),
                       ("no-b@example.org", None)], hint=False)
        until_killed(b, call, number)
        gone = lambda: not b.path("mess", ino).exists()
        wait_for(lambda: ended(b) or gone())
        died = ended(b)
        if not died:
            end(b)
        b.log.close()
        b.start()
        b.gone(ino)
        most = 2 if died else 1
        for kind in "SF":
            assert 1 <= b.bounce.kinds.count(kind) <= most
        for kind, (_, journal) in zip(b.bounce.kinds, b.bounce.asked):
            assert (" ok r=0 " if kind == "S" else " fail r=1 ") in journal
        if not died:
            assert number > 1
            return
    raise AssertionError("it died at every call")
