"""Much of everything (attacks 3.2 L1 and L3, 3.3, 3.9): the program's memory
stays where it was, and the next command is answered."""

import fcntl
import pathlib
import re
import select
import socket
import sys
import termios
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import talk  # noqa: E402

pytestmark = pytest.mark.attack("3.3")

GROWTH = 8 << 20  # bytes of memory that a session may come to need
MEBIBYTE = 1 << 20


class Talk:
    def __init__(self, **control):
        self.case = talk.Case("smtpd")
        self.case.do_control("me mail.example")
        self.case.do_control("rcpthosts local.test")
        for name, value in control.items():
            self.case.do_control("%s %s" % (name, value))
        self.case.do_hello("")
        self.client = self.case.client
        self.before = self.memory()

    def memory(self):
        """The most that the program has had, in bytes."""
        status = pathlib.Path(
            "/proc/%d/status" % self.client.process.pid).read_text()
        return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024

    def say(self, data, *codes):
        self.client.send(data)
        for code in codes:
            line = self.client.line()
            while line[3:4] == "-":
                line = self.client.line()
            assert line.startswith(code), line

    def flat(self):
        assert self.memory() - self.before < GROWTH


@pytest.fixture
def session():
    started = []

    def start(**control):
        started.append(Talk(**control))
        return started[-1]
    yield start
    for s in started:
        try:
            s.client.got = b""
            s.case.finish()
        finally:
            s.case.clean_up()


class Sink(talk.Queue):
    """A queue that only counts."""

    def __init__(self, home):
        super().__init__(home)
        self.total = 0

    def converse(self, client):
        while True:
            head = self.read(client, 5)
            if head is None:
                return
            left = int.from_bytes(head[:4], "big") - 1
            if head[4:] == b"M":
                self.total += left
            while left > 0:
                left -= len(client.recv(min(left, MEBIBYTE)))
            if head[4:] == b"C" and not self.answer(client, b"", b""):
                return


def test_L1_a_hundred_mebibytes_without_a_line_end(session):
    s = session()
    for _ in range(100):
        s.client.send(b"x" * MEBIBYTE)
    s.say(b"", "554 5.5.0")


def test_L3_a_line_of_64_mebibytes_by_data_and_by_bdat(session, monkeypatch):
    monkeypatch.setattr(talk, "Queue", Sink)
    s = session()
    s.say(b"MAIL FROM:<a@b.test>\r\nRCPT TO:<u@local.test>\r\nDATA\r\n",
          "250", "250", "354")
    s.client.send(b"\r\n")
    for _ in range(64):
        s.client.send(b"x" * MEBIBYTE)
    s.say(b"\r\n.\r\n", "250 2.0.0 ok")
    s.say(b"MAIL FROM:<a@b.test>\r\nRCPT TO:<u@local.test>\r\n"
          b"BDAT %d LAST\r\n\r\n" % (64 * MEBIBYTE + 2), "250", "250")
    for _ in range(64):
        s.client.send(b"x" * MEBIBYTE)
    s.say(b"", "250 2.0.0 ok")
    s.flat()
    assert s.case.queue.total > 2 * 64 * MEBIBYTE


def test_V2_a_million_recipients_too_many(session):
    s = session(maxrcpt="100")
    s.say(b"MAIL FROM:<a@b.test>\r\n", "250")
    s.say(b"RCPT TO:<u@local.test>\r\n" * 100, *["250"] * 100)
    for _ in range(100):
        s.client.send(b"RCPT TO:<u@local.test>\r\n" * 10000)
        lines = 0
        while lines < 10000:
            if b"\n" not in s.client.got:
                assert s.client.receive(talk.PATIENCE)
            whole = s.client.got[:s.client.got.rfind(b"\n") + 1]
            lines += whole.count(b"\n")
            assert whole == (b"452 4.5.3 too many recipients\r\n" *
                             whole.count(b"\n"))
            s.client.got = s.client.got[len(whole):]
    s.say(b"DATA\r\n", "354")
    s.say(b".\r\n", "250 2.0.0 ok")
    s.flat()
    s.case.do_log("*rcpts=100*")


def test_V4_a_million_hops_in_a_second(session):
    s = session()
    s.say(b"MAIL FROM:<a@b.test>\r\nRCPT TO:<u@local.test>\r\nDATA\r\n",
          "250", "250", "354")
    s.client.send(b"Received: from a by b; c d e\r\n" * 1000000)
    s.say(b"\r\n.\r\n", "554 5.4.6")
    stat = pathlib.Path("/proc/%d/stat" % s.client.process.pid).read_text()
    user, system = map(int, stat.rpartition(")")[2].split()[11:13])
    assert user + system < 100  # ticks of a hundredth
    s.flat()
    s.case.do_queued("0")


def test_V6_a_thousand_pieces_of_a_byte_each(session):
    s = session()
    s.say(b"MAIL FROM:<a@b.test>\r\nRCPT TO:<u@local.test>\r\n", "250", "250")
    s.say(b"BDAT 1\r\nx" * 1000, *["250 2.0.0 1 octets"] * 1000)
    s.say(b"BDAT 0 LAST\r\n", "250 2.0.0 ok")
    s.flat()


def test_X9_a_client_that_never_reads_is_given_up(session):
    """Its receive window is full: writing ends as reading does."""
    s = session(maxrcpt="100", timeoutsmtpd="1")
    s.say(b"MAIL FROM:<a@b.test>\r\n", "250")
    flood, limit = b"RCPT TO:<u@local.test>\r\n" * 1000, \
        time.monotonic() + talk.PATIENCE
    while s.client.process.poll() is None:
        assert time.monotonic() < limit, "it waits for ever"
        if select.select([], [s.client.socket], [], 0.01)[1]:
            try:
                s.client.socket.send(flood)
            except (BlockingIOError, BrokenPipeError, ConnectionResetError):
                pass
    s.client.log.seek(0)
    assert b"why=lost" in s.client.log.read()
    unread = fcntl.ioctl(s.client.socket, termios.FIONREAD, b"\0" * 4)
    assert int.from_bytes(unread, sys.byteorder) > 0
    assert s.client.process.returncode == 0
    s.client.socket.shutdown(socket.SHUT_RDWR)
