"""Commands in any order, held against a model of RFC 5321 and RFC 3030.

Whatever comes after whatever, in pieces of any size: each command has the
reply that the model gives it, the bytes of a message are never run as commands
(most of them look like some), and what is queued is what was sent.
"""

import pathlib
import random
import re
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import talk  # noqa: E402

pytestmark = pytest.mark.attack("3.8")

PARTS = [b"QUIT\r\n", b"RSET\r\n", b"MAIL FROM:<evil@a.test>\r\n",
         b"RCPT TO:<u@local.test>\r\n", b"DATA\r\n", b".\r\n", b"..\r\n",
         b"BDAT 6 LAST\r\n", b"\r\n", b"x", b"\0", b"\xff\r\n"]
WRONG = [b"\n", b"\r", b"\n.\n", b"\r\r\n"]
BARE = re.compile(rb"\r(?!\n)|(?<!\r)\n")


class Model:
    """What the server ought to say; a code for each command."""

    def __init__(self):
        self.phase, self.queue = "greeted", []
        self.reset()

    def reset(self):
        self.phase, self.refused, self.body = "greeted", False, b""

    def mail(self):
        if self.phase not in ("greeted", "refused"):
            return "503"
        self.reset()
        self.phase = "mail"
        return "250"

    def rcpt(self, ours):
        if self.phase not in ("mail", "rcpt"):
            return "503"
        if not ours:
            self.refused = True
            return "553"
        self.phase = "rcpt"
        return "250"

    def rset(self):
        self.reset()
        return "250"

    def bdat(self, data, last):
        if self.phase not in ("rcpt", "bdat", "refused"):
            return "554" if self.phase == "mail" and self.refused else "503"
        self.body += data
        seen = self.body
        if not last and seen.endswith(b"\r"):
            seen = seen[:-1]  # its LF may be in the next piece
        bad = self.phase == "refused" or BARE.search(seen)
        if last:
            return self.end(bad)
        self.phase = "refused" if bad else "bdat"
        return "550" if bad else "250"

    def data(self, text):
        self.body = text
        return self.end(BARE.search(text))

    def end(self, bad):
        if not bad:
            self.queue.append(self.body.replace(b"\r\n", b"\n"))
        self.reset()
        return "550" if bad else "250"


class Session:
    def __init__(self, seed):
        self.random, self.model = random.Random(seed), Model()
        self.case = talk.Case("smtpd")
        self.case.do_control("me mail.example")
        self.case.do_control("rcpthosts local.test")
        self.case.do_hello("")
        self.client = self.case.client
        self.waiting, self.sent = b"", []  # not yet sent; codes to come
        self.errors = 0  # since the last message; the session ends at 20

    def body(self):
        parts = self.random.choices(PARTS, k=self.random.randrange(12))
        if self.random.random() < 0.15:
            parts.insert(self.random.randrange(len(parts) + 1),
                         self.random.choice(WRONG))
        # A blank in front, and a header, would be another test.
        return b"".join([b"\r\n"] + parts)

    def say(self, data, code, again=False):
        """A command; again: its refusal was counted with an earlier one."""
        if self.errors == 20:
            return
        self.waiting += data
        self.sent.append(code)
        self.errors += code >= "500" and not again
        if self.errors == 20:
            self.sent.append("421")

    def settle(self):
        """Send what is waiting in pieces, and read what is said to it."""
        while self.waiting:
            n = self.random.randrange(1, 2 * len(self.waiting) + 1)
            self.client.send(self.waiting[:n])
            if self.random.random() < 0.5:
                self.client.wait_until_read()
            self.waiting = self.waiting[n:]
        for code in self.sent:
            assert self.client.line()[:3] == code
        self.sent = []

    def pieces(self):
        """A message by BDAT, begun or gone on with, perhaps not to its end."""
        data = self.body()
        while data and self.random.random() < 0.8:
            n = self.random.randrange(len(data) + 1)
            self.piece(data[:n], False)
            data = data[n:]
        self.piece(data, self.random.random() < 0.7)

    def piece(self, data, last):
        again, queued = self.model.phase == "refused", len(self.model.queue)
        code = self.model.bdat(data, last)
        self.say(b"BDAT %d%s\r\n" % (len(data), b" LAST" if last else b"") +
                 data, code, again)
        if len(self.model.queue) > queued:
            self.accepted()

    def accepted(self):
        """If the session had not ended before."""
        if self.errors == 20:
            self.model.queue.pop()
        else:
            self.errors = 0

    def data(self):
        if self.model.phase != "rcpt":
            self.settle()  # what follows DATA must wait for its reply
            self.say(b"DATA\r\n", "503")
            self.settle()
            return
        self.say(b"DATA\r\n", "354")
        self.settle()
        if self.errors == 20:
            return
        text, queued = self.body() + b"\r\n", len(self.model.queue)
        self.say(re.sub(rb"(?<=\r\n)\.", b"..", text) + b".\r\n",
                 self.model.data(text))
        if len(self.model.queue) > queued:
            self.accepted()

    def step(self):
        m = self.model
        act = self.random.choices(
            ["mail", "rcpt", "third", "rset", "noop", "pieces", "data"],
            [5, 6, 1, 1, 1, 6, 2])[0]
        if act == "mail":
            self.say(b"MAIL FROM:<a@example.org>\r\n", m.mail())
        elif act == "rcpt":
            self.say(b"RCPT TO:<u@local.test>\r\n", m.rcpt(True))
        elif act == "third":
            self.say(b"RCPT TO:<n@third.test>\r\n", m.rcpt(False))
        elif act == "rset":
            self.say(b"RSET\r\n", m.rset())
        elif act == "noop":
            self.say(b"NOOP\r\n", "250")
        else:
            getattr(self, act)()

    def run(self):
        for _ in range(40):
            self.step()
        self.settle()
        self.case.finish()
        got = [m.body for m in self.case.queue.messages]
        assert got == self.model.queue
        return len(got)


@pytest.mark.parametrize("tens", range(20))
def test_any_commands_in_any_pieces_have_their_replies(tens):
    queued = 0
    for seed in range(10 * tens, 10 * tens + 10):
        session = Session(seed)
        try:
            queued += session.run()
        finally:
            session.case.clean_up()
    assert queued > 0
