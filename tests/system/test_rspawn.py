"""culver-rspawn: jobs of many recipients to the worker that knows the host, and
what becomes of them when a worker or a connection dies."""
import os
import signal
import socket

import pytest

from localbed import ARRIVED, alive
from remotebed import RemoteBed
from sendbed import BIN, HEAD, Frames, wait_for

pytestmark = pytest.mark.skipif(
    not (BIN / "culver-rspawn").exists(), reason="culver-rspawn is not built")


@pytest.fixture
def bed():
    b = RemoteBed()
    yield b
    b.close()


def said(results):
    return [(r.number, r.letter, r.text) for r in results]


def test_each_recipient_has_a_result_and_the_job_one_end(bed):
    bed.start().connect()
    body = b"Subject: x\n\nhello\n"
    job = bed.send(bed.put(body), ["kim@example.org", "silent@example.org",
                                   "dora@example.org"])
    got = bed.results(job)
    assert said(got) == [(0, "K", b"kim\n"), (2, "D", b"dora\n"),
                         (None, "Z", b"the rest\n")]
    assert got[-1].group == b"mx"
    _, group, bounds, start = bed.told()[0]
    assert (group, start) == ("mx", "culver-message")
    assert bounds[:4] == [ARRIVED, HEAD, len(body), 3]
    assert bounds[5:] == [HEAD + len(body), 30]


def test_a_worker_serves_its_group_again_and_no_other(bed):
    bed.start().connect()
    message = bed.put()
    for group in ("one", "two", "one", "two"):
        bed.results(bed.send(message, ["k@example.org"], group=group))
    pids = [told[0] for told in bed.told()]
    assert pids[0] == pids[2] != pids[1] == pids[3]


def test_where_many_wait_the_one_that_waited_longest_takes_another_group(bed):
    bed.start().connect()
    message = bed.put()
    for i in range(20):
        bed.results(bed.send(message, ["k@example.org"], group=f"g{i}"))
    pids = [told[0] for told in bed.told()]
    assert len(set(pids[:16])) == 16 and pids[16:] == pids[:4]


def test_what_a_worker_said_before_it_died_stands(bed):
    bed.start().connect()
    job = bed.send(bed.put(), ["kim@example.org", "die@example.org",
                               "ken@example.org"])
    got = bed.results(job)
    assert said(got) == [(0, "K", b"kim\n"),
                         (None, "Z", b"culver-remote crashed.\n")]
    assert got[-1].signal == signal.SIGKILL
    assert said(bed.results(bed.send(bed.put(), ["k@example.org"])))[0] == (
        0, "K", b"k\n")


@pytest.mark.parametrize("lie, letters", [
    ("lie", ["Z"]),
    ("stray", ["Z"]),
    ("twice", ["K", "Z"]),
])
def test_a_worker_that_lies_is_ended(bed, lie, letters):
    bed.start().connect()
    job = bed.send(bed.put(), [f"{lie}@example.org", "k@example.org"])
    got = bed.results(job)
    assert [r.letter for r in got] == letters
    # It is the death of a program with this message in hand, and no other.
    assert got[-1].signal == signal.SIGKILL
    assert said(bed.results(bed.send(bed.put(), ["k@example.org"])))[0] == (
        0, "K", b"k\n")


def test_a_worker_that_cannot_be_run_puts_the_job_off(bed):
    (bed.home / "bin/culver-remote").unlink()
    bed.start().connect()
    end, = bed.results(bed.send(bed.put(), ["k@example.org"]))
    # It is gone before it was given the job, or behind.
    assert end.text in (b"Unable to run culver-remote.\n",
                        b"Unable to start culver-remote: Broken pipe. "
                        b"(#4.3.0)\n")
    assert (end.letter, end.signal) == ("Z", 0)


def test_a_message_that_is_gone_or_another_or_damaged_is_not_passed_on(bed):
    bed.start().connect()
    ino, token = bed.put()
    other = bed.results(bed.send((ino, bytes(16)), ["k@example.org"]))
    gone = bed.results(bed.send((ino + 1, token), ["k@example.org"]))
    assert said(other) == said(gone) == [
        (None, "Z", b"The message is gone, or another is in its place. "
                    b"(#4.3.0)\n")]
    with open(bed.mess(ino), "r+b") as f:
        f.write(b"X")
    damaged = bed.results(bed.send((ino, token), ["k@example.org"]))
    assert [r.letter for r in damaged] == ["H"]
    assert not (bed.home / "told").exists()


def test_nonsense_ends_the_connection_and_its_workers(bed):
    bed.start().connect()
    bed.results(bed.send(bed.put(), ["k@example.org"]))
    pid = bed.told()[0][0]
    bed.frames.write("J", b"nonsense")
    assert bed.frames.read() == (None, None)
    wait_for(lambda: not alive(pid))
    bed.connect()
    bed.results(bed.send(bed.put(), ["k@example.org"]))


def test_at_sigterm_what_is_under_way_ends(bed):
    bed.start().connect()
    job = bed.send(bed.put(), ["wait@example.org", "k@example.org"])
    wait_for((bed.home / "waits").exists)
    bed.become(0)
    bed.process.send_signal(signal.SIGTERM)
    bed.become(65534)
    (bed.home / "go").touch()
    assert said(bed.results(job))[0] == (1, "K", b"k\n")
    assert bed.process.wait(20) == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="needs another account")
def test_nobody_else_is_served(bed):
    bed.start()
    bed.become(0)
    os.chmod(bed.home, 0o755)
    try:
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(20)
        sock.connect(str(bed.home / "queue/rspawn"))
        assert Frames(sock).read() == (None, None)
    finally:
        bed.become(65534)
    bed.connect()
