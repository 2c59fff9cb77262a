"""One stream is one message (attacks 3.1), in and out of a real instance.

In: each sequence that some server took for the end of a message, over DATA and
over BDAT, in pieces that are cut at each of its bytes and across the ends of
every read buffer.  A second message behind it, to a mailbox that exists, must
never come into being: the mailbox is counted, and the replies are.

Out: a message with such bytes that was handed in locally is one message to a
client of POP3 that reads as RFC 1939 says, and to a host that reads SMTP as
RFC 5321 says, over DATA and over BDAT, wherever they lie in a buffer.

tests/talk/test_cuts.py does each cut of the whole stream with a queue that is
played.
"""
import os
import re
import signal
import subprocess

import pytest
from attackbed import as_owner, connect, module_instance, wait_until_read
from conftest import DOMAIN, wait_for
from sinkbed import OFFERS, Sink

ANN = b"ann@" + DOMAIN.encode()
TAIL = (b"MAIL FROM:<evil@a.test>\r\nRCPT TO:<" + ANN + b">\r\nDATA\r\n"
        b"Subject: smuggled\r\n\r\nx")
END = b"\r\n.\r\n"
BOUNDARIES = [1023, 1024, 4095, 4096, 65535, 65536]

# What stands between two messages.  BARE ones hold a CR or LF by itself: the
# whole is refused.  S14 is ordinary data.  A NUL is that, or refused for good.
BARE = {
    "S1": b"\n.\n", "S2": b"\n.\r\n", "S3": b"\n.\r", "S4": b"\r.\r",
    "S5": b"\r.\n", "S6": b"\r.\r\n", "S7": b"\r\n.\n", "S8": b"\r\n.\r",
    "S11": b"\r\n.\r\r\n", "S12": b"\r\r\n.\r\r\n", "S14 LF": b"\r\n..\n",
}
DATA = {
    "S9": b"\r\n\0.\r\n", "S13": b"\r\n.\0\r\n", "S14 space": b"\r\n. \r\n",
    "S14 tab": b"\r\n.\t\r\n", "S14 dots": b"\r\n..\r\n",
}
WRONG = BARE | DATA

pytestmark = pytest.mark.attack("3.1")


class Door:
    """An instance and the messages that it has said it took."""

    def __init__(self, instance):
        self.instance = instance
        self.session = None
        self.refusals = 0
        self.noop = None
        self.taken = 0

    def begin(self, sender=b"a@b.test"):
        """A transaction; on a new connection before there are too many
        refused ones on this."""
        if self.session is None or self.refusals == 5:
            self.leave()
            self.session = s = connect(self.instance.smtp)
            assert s.reply()[0] == 220
            assert s.ask(b"EHLO client.example") == 250
            self.noop = self.ask_noop()
        s = self.session
        assert s.ask(b"MAIL FROM:<" + sender + b">") == 250
        assert s.ask(b"RCPT TO:<" + ANN + b">") == 250
        return s

    def ask_noop(self):
        self.session.send(b"NOOP\r\n")
        return self.session.reply()

    def leave(self):
        """Nothing is said on this connection that was not asked for."""
        if self.session is not None:
            assert self.session.ask(b"QUIT") == 221
            assert self.session.line() == b""
            self.session.close()
        self.session, self.refusals = None, 0

    def judge(self, code, name):
        """The reply at the true end: never one that is tried again for
        days, and nothing behind it but the answer to what comes next."""
        if name in BARE:
            assert code == 550
        elif name not in ("S9", "S13"):
            assert code == 250
        assert code == 250 or 500 <= code < 600, code
        self.taken += code == 250
        self.refusals += code != 250
        assert self.ask_noop() == self.noop

    def data(self, pieces, name):
        """A message in pieces, each read before the next is sent."""
        s = self.begin()
        assert s.ask(b"DATA") == 354
        for piece in pieces[:-1]:
            s.send(piece)
            wait_until_read(s)
        s.send(pieces[-1])
        code, _ = s.reply()
        self.judge(code, name)

    def bdat(self, chunks, name):
        """A message in chunks.  The reply to the last one counts; once one
        is refused, what follows is swallowed all the same."""
        s = self.begin()
        for chunk in chunks[:-1]:
            s.send(b"BDAT %d\r\n" % len(chunk) + chunk)
            code, _ = s.reply()
            assert code == 250 or 500 <= code < 600, code
        s.send(b"BDAT %d LAST\r\n" % len(chunks[-1]) + chunks[-1])
        code, _ = s.reply()
        if len(chunks) > 1 and code == 503:
            code = 550  # the chunk before had been refused
        self.judge(code, name)

    def count(self):
        """As many messages as were taken, none with the second's marks."""
        self.leave()
        if self.taken:
            self.instance.wait_mails(self.taken)
        self.instance.wait_empty()
        found = [f.read_bytes() for f in self.instance.mails()]
        assert len(found) == self.taken
        for text in found:
            head = text.split(b"\n\n", 1)[0]
            assert b"smuggled" not in head and b"evil@" not in head
        return found


@pytest.fixture(scope="module")
def house():
    with module_instance(users=("ann:secret",)) as instance:
        yield instance


@pytest.fixture
def door(house):
    """With an empty mailbox; at the end it is counted."""
    for file in house.maildir().glob("[nc]*/*"):  # new and cur
        file.unlink()
    one = Door(house)
    yield one
    if one.session is not None:
        one.count()


def stream(wrong):
    return b"Subject: a\r\n\r\na" + wrong + TAIL


def unstuffed(text):
    return re.sub(rb"(?m)^\.", b"", text)


def stored(wire):
    """What of a message on the wire comes into the Maildir, but its head."""
    return wire.replace(b"\r\n", b"\n")


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_end_at_each_of_its_cuts(door, name):
    wrong = WRONG[name]
    data = stream(wrong) + END
    first = data.index(b"\r\n\r\na") + 5
    for at in range(first - 1, first + len(wrong) + 3):
        door.data([data[:at], data[at:]], name)
    single = [bytes([b]) for b in wrong]
    door.data([data[:first], *single, data[first + len(wrong):]], name)
    for text in door.count():
        assert text.endswith(stored(unstuffed(stream(wrong))) + b"\n")


def test_S10_the_true_end_in_single_bytes(door):
    door.data([b"Subject: a\r\n\r\na", *[bytes([b]) for b in END]], "S10")
    assert door.taken == 1
    door.count()


@pytest.mark.parametrize("size", BOUNDARIES)
@pytest.mark.parametrize("name", WRONG)
def test_S15_a_wrong_end_across_a_buffers_end(door, name, size):
    wrong = WRONG[name]
    head = b"Subject: a\r\n\r\n"
    for before in range(size - len(wrong), size + 2):
        body = head + b"x" * (before - len(head)) + wrong + TAIL + END
        door.data([body], name)
    body = head + b"x" * (size - len(head) - 1) + wrong + TAIL + END
    door.data([body[:size], body[size:]], name)
    door.count()


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_end_in_one_chunk(door, name):
    wrong = WRONG[name]
    door.bdat([stream(wrong) + END], name)
    for text in door.count():
        assert text.endswith(stored(stream(wrong) + END))


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_end_cut_by_chunks(door, name):
    wrong = WRONG[name]
    data = stream(wrong) + b"\r\n"
    first = data.index(b"\r\n\r\na") + 5
    for at in range(first - 1, first + len(wrong) + 3):
        door.bdat([data[:at], data[at:]], name)
    for text in door.count():
        assert text.endswith(stored(data))


@pytest.mark.parametrize("size", BOUNDARIES)
@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_end_in_a_chunk_across_a_buffers_end(door, name, size):
    wrong = WRONG[name]
    head = b"Subject: a\r\n\r\n"
    for before in range(size - len(wrong), size + 2):
        door.bdat([head + b"x" * (before - len(head)) + wrong + TAIL],
                  name)
    door.count()


def test_the_end_of_DATA_is_data_in_a_chunk(door):
    data = stream(END) + END
    door.bdat([data], "S10")
    first = data.index(END)
    for at in range(first, first + len(END) + 1):
        door.bdat([data[:at], data[at:]], "S10")
    assert door.taken == 2 + len(END)
    for text in door.count():
        assert text.endswith(stored(data))


@pytest.mark.parametrize("name", ["S1", "S3", "S4", "S5", "S7", "S8"])
def test_a_chunk_that_ends_in_a_wrong_end(door, name):
    """Nothing comes behind it that would show what it was."""
    wrong = WRONG[name]
    for end in range(1, len(wrong) + 1):
        data = b"Subject: a\r\n\r\na" + wrong[:end]
        if data.endswith((b"a\r\n", b".")):
            continue  # ended well so far, or refused by what stands before
        for cut in (0, 1, 2):
            door.bdat([data] if not cut else [data[:-cut], data[-cut:]], name)
    door.count()


# ------------------------------------------------------------------------ out

OUT = WRONG | {
    "S10": END,
    "CR": b"\r", "CR at the end": b"a\r", "LF dot LF": b"\n.\n",
    "CR dot CR": b"\r.\r", "dot CR": b".\r", "dot at the end": b"\n.",
    "CRLF dot at the end": b"\r\n.", "dots": b"\n..\n...\n.\n",
    "an answer": b"\n.\n+OK\n.\r\n-ERR\r\n.\n",
}


class Mailbox:
    """POP3 read as RFC 1939 says, and no other way."""

    def __init__(self, instance):
        self.pop = connect(instance.pop3)
        assert self.pop.line().startswith(b"+OK")
        self.line(b"USER " + ANN)
        self.line(b"PASS secret")

    def line(self, command):
        self.pop.send(command + b"\r\n")
        line = self.pop.line()
        assert line.startswith(b"+OK"), line
        return line

    def octets(self, number):
        return int(self.line(b"LIST %d" % number).split()[2])

    def message(self, command):
        """What is said up to the first CR LF dot CR LF, dots undone."""
        self.line(command)
        s = self.pop
        while not s.got.startswith(b".\r\n") and END not in s.got:
            data = s.sock.recv(1 << 20)
            assert data, "ended within an answer"
            s.got += data
        if s.got.startswith(b".\r\n"):
            wire, s.got = b"", s.got[3:]
        else:
            wire, s.got = s.got.split(END, 1)
            wire += b"\r\n"
        assert b"\n" not in wire.replace(b"\r\n", b""), "LF without CR"
        return re.sub(rb"(\A|\r\n)\.", rb"\1", wire)

    def leave(self):
        """Nothing was left over that would be taken for an answer."""
        assert self.pop.got == b""
        assert self.line(b"NOOP") and self.pop.got == b""
        self.line(b"QUIT")
        assert self.pop.line() == b""
        self.pop.close()


def on_the_wire(file):
    """A file's bytes with CR LF for LF, and at the end."""
    text = re.sub(rb"(?<!\r)\n", b"\r\n", file)
    return text if text.endswith(b"\n") else text + b"\r\n"


def by_queue(instance, data, to=ANN):
    """As qmail-queue is handed a message."""
    reading, writing = os.pipe()
    os.write(writing, b"Fa@b.test\0T" + to + b"\0\0")
    os.close(writing)
    try:
        process = subprocess.Popen(
            [instance.home / "bin/culver-queue"], env=instance.env,
            stdin=subprocess.PIPE, stdout=reading, **as_owner(instance))
        process.communicate(data, timeout=60)
    finally:
        os.close(reading)
    assert process.returncode == 0


def by_sendmail(instance, data):
    """Its messages have LF line ends: a CR before one is left out."""
    subprocess.run(
        [instance.home / "bin/sendmail", "-i", "-f", "a@b.test",
         ANN.decode()], input=data, env=instance.env, timeout=60, check=True,
        **as_owner(instance))


def empty(instance):
    instance.wait_empty()
    for file in instance.maildir().glob("[nc]*/*"):  # new and cur
        file.unlink()


@pytest.mark.parametrize("hand_in", [by_queue, by_sendmail])
@pytest.mark.parametrize("name", OUT)
def test_what_was_handed_in_goes_out_as_one_message(house, hand_in, name):
    empty(house)
    for data in (b"Subject: a\n\na" + OUT[name] + b"b\n",
                 b"Subject: a\n\n" + OUT[name]):
        hand_in(house, data)
    files = [f.read_bytes() for f in house.wait_mails(2)]
    box = Mailbox(house)
    heard = []
    for number in (1, 2):
        wire = box.message(b"RETR %d" % number)
        assert len(wire) == box.octets(number)
        assert box.message(b"TOP %d 99999" % number) == wire
        heard.append(wire)
    box.leave()
    assert sorted(heard) == sorted(map(on_the_wire, files))
    body = b"a" + OUT[name] + b"b\n"
    if hand_in == by_sendmail:
        body = body.replace(b"\r\n", b"\n")
    assert any(w.endswith(b"\r\n\r\n" + on_the_wire(body)) for w in heard)
    empty(house)


@pytest.mark.parametrize("size", BOUNDARIES)
def test_what_goes_out_is_dotted_across_a_buffers_end(house, size):
    empty(house)
    texts = []
    for out in OUT.values():
        for before in range(size - len(out) - 1, size + 2):
            head = b"Subject: a\n\n"
            texts.append(head + b"x" * (before - len(head)) + out + b"b\n")
    for n, text in enumerate(texts):
        file = house.maildir() / "tmp" / f"{n:04d}.P1.host"
        file.write_bytes(text)
        os.chown(file, house.uid, house.gid)
        file.rename(house.maildir() / "new" / file.name)
    box = Mailbox(house)
    for n, text in enumerate(texts):
        assert box.message(b"RETR %d" % (n + 1)) == on_the_wire(text)
    box.leave()
    empty(house)


def test_a_reply_is_one_line_that_ends_in_CR_LF(house):
    """What a client says comes back in no reply as a line of its own."""
    s = connect(house.smtp)
    assert s.reply()[0] == 220
    for command in (b"EHLO a\rb", b"MAIL FROM:<a\rb@c.test>", b"X\rY",
                    b"X\nMAIL FROM:<evil@a.test>"):
        s.send(command + b"\r\n")
        code, lines = s.reply()
        assert code == 0 or code >= 250
        for line in lines:
            assert re.fullmatch(rb"\d{3}[ -][\x20-\x7e]*", line)
        if code in (0, 421):
            break
    s.close()
    wait_for(lambda: not house.queued(), why="an empty queue")


# Over SMTP.

@pytest.fixture(scope="module", params=["DATA", "BDAT"])
def far(request, house):
    """A host that takes all, and keeps the bytes; ours sends by the verb."""
    offers = OFFERS + (("CHUNKING",) if request.param == "BDAT" else ())
    with Sink(offers=offers) as sink:
        (house.home / "control/smtproutes").write_text(
            f"far.test:[127.0.0.1]:{sink.port}\n")
        house.running["send"].send_signal(signal.SIGHUP)
        sink.chunked = request.param == "BDAT"
        yield sink


def lines_of(text):
    """Lines of CR LF: a CR or an LF by itself ends one as well."""
    text = re.sub(rb"\r\n|\r|\n", b"\r\n", text)
    return text if text.endswith(b"\r\n") else text + b"\r\n"


@pytest.mark.parametrize("name", OUT)
def test_a_wrong_end_is_no_end_for_the_next_host(house, far, name):
    wrong, head = OUT[name], b"Subject: out\n\n"
    bodies = [head + b"a" + wrong, head + b"a" + wrong + TAIL]
    for size in BOUNDARIES:
        for before in (size - len(wrong), size - 1, size):
            bodies.append(head + b"x" * (before - len(head)) + wrong + TAIL)
    had = len(far.transactions)
    for body in bodies:
        by_queue(house, body, b"n@far.test")
    wait_for(lambda: len(far.transactions) >= had + len(bodies), why="mail")
    house.wait_empty()
    came = far.transactions[had:]
    assert len(came) == len(bodies)
    assert {t.chunked for t in came} == {far.chunked}
    for t in came:
        assert t.mail.startswith(b"FROM:<a@b.test>")
        assert [r.split()[0] for r in t.rcpts] == [b"TO:<n@far.test>"]
        assert b"\n" not in t.data.replace(b"\r\n", b"")
        assert b"\r" not in t.data.replace(b"\r\n", b"")
    sent = [t.data if t.chunked else unstuffed(t.data) for t in came]
    assert sorted(text[text.index(b"Subject: out"):] for text in sent) == \
        sorted(map(lines_of, bodies))
