"""Every way to end a message wrongly, cut at every byte (attacks 3.1).

The first piece is read before the second is sent, so that the program really
sees the cut; long messages place the bytes across its buffers' ends.
"""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import talk  # noqa: E402

TAIL = (b"MAIL FROM:<evil@a.test>\r\nRCPT TO:<u@local.test>\r\nDATA\r\n"
        b"Subject: smuggled\r\n\r\nx\r\n.\r\n")
REFUSED = [b"\n.\n", b"\n.\r\n", b"\n.\r", b"\r.\r", b"\r.\n", b"\r.\r\n",
           b"\r\n.\n", b"\r\n.\r", b"\r\n.\r\r\n", b"\r\r\n.\r\r\n",
           b"\r\n..\n"]
TAKEN = [b"\r\n\0.\r\n", b"\r\n.\0\r\n", b"\r\n. \r\n", b"\r\n.\t\r\n"]
BOUNDARIES = [1023, 1024, 4095, 4096, 65535, 65536]


class Talk:
    """A session that sends one message after another."""

    def __init__(self):
        self.case = talk.Case("smtpd")
        self.case.do_control("me mail.example")
        self.case.do_control("rcpthosts local.test")
        self.case.do_hello("")
        self.client = self.case.client
        self.queued = self.sent = 0

    def message(self, pieces):
        self.client.send(b"MAIL FROM:<a@b.test>\r\n"
                         b"RCPT TO:<u@local.test>\r\nDATA\r\n")
        for code in ("250", "250", "354"):
            assert self.client.line()[:3] == code
        for piece in pieces:
            self.client.send(piece)
            self.client.wait_until_read()
        return self.client.line()[:3]

    def refused(self, pieces):
        assert self.message(pieces) == "550"
        self.sent += 1
        if self.sent % 15 == 0:  # or the session ends for its errors
            self.taken([b"x\r\n.\r\n"])

    def taken(self, pieces):
        assert self.message(pieces) == "250"
        self.queued += 1

    def finish(self):
        self.case.do_queued(self.queued)


@pytest.fixture
def session():
    started = Talk()
    yield started
    try:
        started.finish()
    finally:
        started.case.clean_up()



@pytest.mark.parametrize("end", REFUSED, ids=repr)
def test_a_wrong_end_never_begins_a_message_at_any_cut(session, end):
    data = b"Subject: a\r\n\r\na" + end + TAIL
    for at in range(1, len(data)):
        session.refused([data[:at], data[at:]])


@pytest.mark.parametrize("end", TAKEN, ids=repr)
def test_what_only_looks_like_an_end_is_data_at_any_cut(session, end):
    data = b"Subject: a\r\n\r\na" + end + b"MAIL FROM:<a@b>\r\n.\r\n"
    for at in range(1, len(data)):
        session.taken([data[:at], data[at:]])


@pytest.mark.parametrize("size", BOUNDARIES)
def test_wrong_ends_across_a_buffers_end(session, size):
    for end in REFUSED:
        for before in range(size - 6, size + 1):
            session.refused([b"\r\n" + b"x" * (before - 2) + end + TAIL])


@pytest.mark.parametrize("size", BOUNDARIES)
def test_the_true_end_across_a_buffers_end(session, size):
    for before in range(size - 6, size + 1):
        session.taken([b"\r\n" + b"x" * (before - 2) + b"\r\n.\r\n"])
