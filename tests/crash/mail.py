"""Messages, the client that sends them, and the account of what became of
each: see class Books."""
import collections
import re
import socket
import zlib

import sink

DOMAIN = "demo.example"
ANN, BOB = "ann@" + DOMAIN, "bob@" + DOMAIN
HERE, THERE = "local.example", "remote.example"
NOBODY = "no-such-user@" + HERE  # bounces at the first attempt
FAR = "far@" + THERE             # nobody listens there, until it has expired
LATE = "late@" + HERE            # bounces until there is such a mailbox
FORWARD = "postmaster@" + HERE   # goes on to ann
KINDS = {ANN: "local", BOB: "local", NOBODY: "fails", FAR: "fails",
         LATE: "either", FORWARD: "local",
         sink.REFUSED: "fails", sink.SPOILT: "fails",
         **dict.fromkeys((sink.TAKEN, sink.OTHER, sink.LATER, sink.FULL,
                          sink.MUTE), "remote")}
LANDS = {FORWARD: ANN}  # in another mailbox than its own
PATIENCE = 60

NUMBER = re.compile(rb"^X-Number: (\d+)$", re.M)
FAILED = re.compile(rb"^<([^<>\n]+)>:\n((?:.+\n)*)", re.M)
AGED = b"this message has been in the queue too long"

HEAD_SIZE = 448
HEAD = re.compile(
    rb"\nbody at (\d+) length (\d+) lines \d+ crc32 ([0-9a-f]+)\n"
    rb"envelope at (\d+) length (\d+) crc32 ([0-9a-f]+)\n")


class Message:
    """What a client hands over; state tells what it knows of it."""

    def __init__(self, number, recipients=(ANN,), size=0, sender=BOB):
        self.number, self.recipients = number, recipients
        self.sender, self.state = sender, "refused"
        # Nothing is missing that a server would add.
        lines = [b"From: <%s>" % sender.encode(),
                 b"Date: Thu, 01 Jan 2026 00:00:00 +0000",
                 b"Message-ID: <%d@crash.example>" % number,
                 b"Subject: crash", b"X-Number: %d" % number, b""]
        text = b"line of message %d, which is long enough" % number
        lines += [b".", b"..dots, which are to be stuffed"]
        lines += [text] * (1 + size // (len(text) + 1))
        self.data = b"\n".join(lines) + b"\n"

    def wire(self):
        return (self.data.replace(b"\n.", b"\n..").replace(b"\n", b"\r\n")
                + b".\r\n")

    def is_sent(self, data):
        """That is what another host was sent of it: every byte, behind the
        lines that servers add."""
        text = self.data.replace(b"\n", b"\r\n")
        head = data[:len(data) - len(text)]
        return data.endswith(text) and all(
            line.startswith((b"Received: ", b" ", b"\t"))
            for line in head.split(b"\r\n")[:-1]) and (
                head.count(b"\n") == head.count(b"\r\n"))


class Client:
    """One SMTP session; what it asks is answered or raises OSError."""

    def __init__(self, port, patience=PATIENCE):
        self.sock = socket.create_connection(("127.0.0.1", port), patience)
        self.data = b""
        try:
            if self.reply() != 220 or self.ask(b"EHLO crash.example") != 250:
                raise OSError("not greeted")
        except OSError:
            self.close()
            raise

    def line(self):
        while b"\n" not in self.data:
            more = self.sock.recv(65536)
            if not more:
                raise ConnectionError("the server hung up")
            self.data += more
        line, self.data = self.data.split(b"\n", 1)
        return line

    def reply(self):
        while True:
            line = self.line()
            if line[3:4] != b"-":
                return int(line[:3])

    def ask(self, line):
        self.sock.sendall(line + b"\r\n")
        return self.reply()

    def send(self, message):
        """Hand it over; the last code heard.  The message's state says what
        follows from it: acked, refused, or unsure when an answer to its end
        never came or was temporary."""
        return self.offer(message) or self.outcome(message)

    def offer(self, message):
        """All but the last answer.  None, or the code that said no."""
        message.state = "refused"
        steps = [b"MAIL FROM:<%s>" % message.sender.encode()]
        steps += [b"RCPT TO:<%s>" % r.encode() for r in message.recipients]
        for step in steps:
            code = self.ask(step)
            if code != 250:
                return code
        code = self.ask(b"DATA")
        if code != 354:
            return code
        message.state = "unsure"
        self.sock.sendall(message.wire())
        return None

    def outcome(self, message):
        """The last answer to a message that was offered."""
        code = self.reply()
        if code == 250:
            message.state = "acked"
        return code

    def close(self):
        self.sock.close()


class Books:
    """Every message ever sent to an instance, and what is wrong with it.

    Delivered files are read and taken away; wrong holds a line for each
    promise that was broken.  A message whose client went without an answer may
    still be in the hands of a culver-smtpd when the books are closed: it is
    late, and judged when it comes, if it does.
    """

    def __init__(self):
        self.next, self.open, self.late = 0, {}, {}
        # Each crash between B2 and B3 makes one more notice (P4).  Where the
        # answer to it is lost again and again so it is queued: lasting.
        self.crashes = 1
        self.lasting = False
        # What died, or lost a reply, once the other host had the message has
        # it sent again (P3): so many times in this round.
        self.spare = 0
        self.wrong, self.unheard = [], collections.Counter()
        self.aged = set()  # told that they were given up for their age
        self.figures = collections.Counter()

    def message(self, *args, **named):
        self.next += 1
        message = Message(self.next, *args, **named)
        self.open[message.number] = message
        return message

    def accuse(self, promise, text):
        self.figures[promise] += 1
        self.wrong.append(f"{promise}: {text}")

    def answered(self, message, code):
        """Nothing but a success or a temporary failure may be said."""
        if code is not None and 500 <= code:
            self.accuse("wrong answer", f"{message.number}: {code}")

    def settle(self, files, taken=()):
        """Account for all messages, with all files that lie in Maildirs:
        (mailbox, bytes) each; and all that another host took, as sink.Taken.
        The books are closed after that."""
        copies, notices = collections.Counter(), collections.Counter()
        self.unheard, self.aged = collections.Counter(), set()
        for mailbox, data in files:
            self.file(mailbox, data, copies, notices)
        for one in taken:
            self.take(one, copies)
        come = {number for number, _ in [*copies, *notices]}
        for message in self.open.values():
            self.judge(message, copies, notices)
            if message.state == "unsure" and message.number not in come:
                self.late[message.number] = message
        for number in come & self.late.keys():
            self.judge(self.late.pop(number), copies, notices)
            self.figures["late"] += 1
        for number, to in copies:
            self.accuse("from nowhere", f"message {number} to {to}")
        self.open.clear()
        self.spare = 0

    def take(self, one, copies):
        """What a host took, who may not have been heard."""
        found = NUMBER.search(one.data.replace(b"\r\n", b"\n"))
        number = int(found.group(1)) if found else None
        message = self.open.get(number) or self.late.get(number)
        if message is None or not message.is_sent(one.data):
            self.accuse("half", f"at {one.to}: {one.data[-300:]!r}")
            return
        copies[number, one.to] += 1
        self.unheard[number, one.to] += not one.heard

    def file(self, mailbox, data, copies, notices):
        found = NUMBER.search(data)
        number = int(found.group(1)) if found else None
        message = self.open.get(number) or self.late.get(number)
        if message is None:
            self.accuse("half", f"in {mailbox}: {data[-300:]!r}")
        elif data.startswith(b"Return-Path: <>\n"):
            if not data.rstrip(b"\n").endswith(b"--"):
                self.accuse("half", f"notice about {message.number}")
            part = data.split(b"\n\n--", 1)[0]
            told = dict(FAILED.findall(data[:found.start()] or part))
            for address, why in told.items():
                key = message.number, address.decode()
                notices[key] += 1
                self.aged |= {key} if AGED in why else set()
        elif data.endswith(b"\n" + message.data) or data == message.data:
            copies[message.number, mailbox] += 1
        else:
            self.accuse("half", f"{message.number}: {len(data)} bytes")

    def judge(self, message, copies, notices):
        for to in message.recipients:
            got = copies.pop((message.number, LANDS.get(to, to)), 0)
            told = notices.pop((message.number, to), 0)
            what = f"message {message.number} to {to}, {message.state}"
            ours = KINDS[to] in ("local", "remote")
            most, unheard = 1, self.unheard[message.number, to]
            if KINDS[to] == "remote":
                most += self.spare + unheard
            # After a fault the next attempt may be the last there is.  When
            # that one comes to nothing it is told for its age; and when its
            # reply is lost nobody knows that it was taken.
            aged = (message.number, to) in self.aged
            excused = self.spare > 0 and got == unheard and (got or aged)
            if message.state == "acked" and got + told == 0:
                self.accuse("lost", what)
            if got > most:
                self.accuse("twice", f"{what}: {got} copies")
            if got and told and not excused:
                self.accuse("delivered and bounced", what)
            if told and ours and not excused:
                self.accuse("bounced", what)
            if told > 1:
                self.figures["notices twice"] += 1
            if told > 1 + self.crashes and not self.lasting:
                self.accuse("bounced", f"{what}: {told} notices")
            if (got and KINDS[to] == "fails") or (
                    message.state == "refused" and got + told):
                self.accuse("from nowhere", what)
        self.figures[message.state] += 1


def damaged(folder):
    """The files below mess/ that are no whole messages."""
    for file in folder.glob("*/*"):
        try:
            data = file.read_bytes()
        except FileNotFoundError:
            continue
        if not is_whole(data):
            yield f"{file.name}, {len(data)} bytes"


def is_whole(data):
    """A queue file, as wire/message.h has it."""
    head = HEAD.search(data[:HEAD_SIZE])
    seal = data[:HEAD_SIZE].rfind(b"head crc32 ")
    if head is None or seal < 0 or zlib.crc32(data[:seal]) != int(
            data[seal + 11:HEAD_SIZE], 16):
        return False
    at, size, envelope_at, envelope_size = (
        int(head[n]) for n in (1, 2, 4, 5))
    body, envelope = data[at:at + size], data[envelope_at:]
    return len(envelope) == envelope_size and (
        zlib.crc32(body), zlib.crc32(envelope)) == (
            int(head[3], 16), int(head[6], 16))
