"""Every way to end a message wrongly, cut at every byte, by DATA and by BDAT
(attacks 3.1 S1 to S15, 3.8; 3.2 L9).

The first piece is read before the second is sent, so that the program really
sees the cut; long messages place the bytes across its buffers' ends.
"""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import talk  # noqa: E402

pytestmark = pytest.mark.attack("3.1")

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

    def chunked(self, data, cut):
        """One BDAT, its command and its bytes cut at cut."""
        self.client.send(b"MAIL FROM:<a@b.test>\r\nRCPT TO:<u@local.test>\r\n")
        assert self.client.line()[:3] == self.client.line()[:3] == "250"
        whole = b"BDAT %d LAST\r\n" % len(data) + data
        for piece in (whole[:cut], whole[cut:] + b"NOOP\r\n"):
            self.client.send(piece)
            self.client.wait_until_read()
        code = self.client.line()[:3]
        assert self.client.line() == "250 2.0.0 ok"
        return code

    def refused(self, pieces):
        assert self.message(pieces) == "550"
        self.count_refused()

    def count_refused(self):
        self.sent += 1
        if self.sent % 15 == 0:  # or the session ends for its errors
            self.taken([b"x\r\n.\r\n"])

    def taken(self, pieces):
        assert self.message(pieces) == "250"
        self.queued += 1

    def refused_chunk(self, data, cut):
        assert self.chunked(data, cut) == "550"
        self.count_refused()

    def taken_chunk(self, data, cut):
        assert self.chunked(data, cut) == "250"
        self.queued += 1
        assert self.case.queue.messages[-1].body == \
            data.replace(b"\r\n", b"\n")

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


@pytest.mark.parametrize("end", REFUSED, ids=repr)
def test_a_wrong_end_in_a_piece_is_refused_at_any_cut(session, end):
    data = b"Subject: a\r\n\r\na" + end + TAIL
    for at in range(len(data) + 16):
        session.refused_chunk(data, at)


@pytest.mark.parametrize("end", TAKEN + [b"\r\n.\r\n"], ids=repr)
def test_a_piece_is_data_whatever_is_in_it_at_any_cut(session, end):
    data = b"Subject: a\r\n\r\na" + end + TAIL
    for at in range(len(data) + 16):
        session.taken_chunk(data, at)


@pytest.mark.parametrize("size", BOUNDARIES)
def test_ends_in_a_piece_across_a_buffers_end(session, size):
    for before in range(size - 20, size + 1):
        filler = b"\r\n" + b"x" * (before - 2)
        session.taken_chunk(filler + b"\r\n.\r\n" + TAIL, 5)
        session.refused_chunk(filler + b"\r\n.\n" + TAIL, 5)


@pytest.mark.parametrize("size", BOUNDARIES)
def test_a_message_in_pieces_is_the_same_wherever_they_end(session, size):
    data = b"\r\n" + b"..\r\n" * (size // 4) + b"x\r\n.\r\n"
    for at in list(range(40)) + list(range(size - 3, size + 4)):
        session.client.send(
            b"MAIL FROM:<a@b.test>\r\nRCPT TO:<u@local.test>\r\n"
            b"BDAT %d\r\n" % at + data[:at] +
            b"BDAT %d LAST\r\n" % (len(data) - at) + data[at:])
        assert [session.client.line()[:3] for _ in range(4)] == ["250"] * 4
        session.queued += 1
        assert session.case.queue.messages[-1].body == \
            data.replace(b"\r\n", b"\n")


WHOLE = (b"EHLO client.example\r\n",
         b"MAIL FROM:<a@b.test>\r\nRCPT TO:<u@local.test>\r\n")
BY_DATA = (b"DATA\r\n", b"Subject: a\r\n\r\nhello\r\n.\r\n")
BY_BDAT = (b"BDAT 12\r\nSubject: a\r\nBDAT 9 LAST\r\n\r\nhello\r\n",)


def leave(sent, how):
    """Say these, and go before their last byte."""
    case = talk.Case("smtpd")
    try:
        case.do_control("me mail.example")
        case.do_control("rcpthosts local.test")
        case.do_S("220 *")
        for data in sent:
            case.client.send(data)
            case.client.wait_until_read()
            # What must not be overtaken has been answered.
            for _ in range({WHOLE[0]: 1, b"DATA\r\n": 3}.get(data, 0)):
                case.do_reply("*")
        if how == "close":
            case.client.receive(0)
            case.client.got = b""
            case.client.socket.shutdown(talk.socket.SHUT_RDWR)
        case.client.shut()
        while not case.client.ended:
            case.client.receive(talk.PATIENCE)
        case.client.got = b""
        case.do_queued("0")
        assert case.queue.answers == 0
        assert len(case.logged) <= 3
    finally:
        case.clean_up()


@pytest.mark.parametrize("how", ["close", "shut"])
@pytest.mark.parametrize("way", [BY_DATA, BY_BDAT], ids=["DATA", "BDAT"])
def test_a_client_that_goes_at_any_byte_leaves_nothing(way, how):
    parts = WHOLE + way
    for i, part in enumerate(parts):
        for at in range(len(part)):
            leave(parts[:i] + (part[:at],), how)
