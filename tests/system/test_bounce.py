"""culver-bounce: the notices it makes, read by Python's own mail parser."""
import email
import email.policy
import os
import signal
import socket
import struct
import subprocess

import pytest
from localbed import LocalBed
from sendbed import BIN, NOBODY, PATIENCE, Frames, head, line, wait_for

pytestmark = pytest.mark.skipif(
    not (BIN / "culver-bounce").exists(), reason="culver-bounce is not built")

TOKEN = bytes(range(16))
HOST = "smtp\\x20mx.example[192.0.2.1]:25"
BODY = b"From: s@example.net\nSubject: my mail\n\nthe text\n"


class BounceBed(LocalBed):
    def __init__(self):
        program = (BIN / "culver-bounce").read_bytes()
        super().__init__()
        (self.home / "bin/culver-bounce").write_bytes(program)
        (self.home / "bin/culver-bounce").chmod(0o755)
        for i in range(4):
            (self.home / "queue/info" / str(i)).mkdir(parents=True)

    def start(self):
        self.log = open(self.home / "log", "ab")
        self.become(0)
        self.process = subprocess.Popen(
            [self.home / "bin/culver-bounce"], stderr=self.log,
            env={"CULVER_HOME": str(self.home)}, **self.who())
        self.become(NOBODY)

        def connect():
            sock = socket.socket(socket.AF_UNIX)
            sock.settimeout(PATIENCE)
            try:
                sock.connect(str(self.home / "queue/bounce"))
                return sock
            except OSError:
                sock.close()
                return None
        self.frames = Frames(wait_for(connect))
        return self

    def failed(self, records, events, body=BODY, token=TOKEN):
        """A message in the queue and its journal; its number."""
        envelope = b"".join(r + b"\0" for r in records)
        file = self.home / "queue/mess/new"
        file.write_bytes(head(1795229420000000, token, body,
                              body.count(b"\n"), envelope) + body + envelope)
        ino = file.stat().st_ino
        file.rename(self.mess(ino))
        journal = line("culver-journal 1 %d %s" % (ino, token.hex()))
        for event in events:
            journal += line("1795229421.000000 " + event)
        (self.home / "queue/info" / str(ino % 4) / str(ino)).write_text(
            journal)
        return ino

    def ask(self, ino, token=TOKEN, kind="F", unasked=False, until=0):
        self.frames.write("B", struct.pack(
            ">BcBQ16sQ", 2, kind.encode(), unasked, ino, token, until))
        return self.frames.read()

    def notice(self, *args, ask={}, **kwargs):
        """The notice made of what failed: raw, parsed, its envelope."""
        kind, payload = self.ask(self.failed(*args, **kwargs), **ask)
        assert (kind, payload) == ("K", struct.pack(
            ">Q16sI", 7, bytes(16), 4242)), payload
        raw, records = self.queued.messages.pop()
        message = email.message_from_bytes(
            raw, policy=email.policy.default)
        for part in message.walk():
            assert part.defects == []
        return raw, message, records


@pytest.fixture
def bed():
    b = BounceBed()
    yield b
    b.close()


def escape(text):
    return "".join(c if "!" <= c <= "~" and c != "\\"
                   else "\\x%02x" % ord(c) for c in text)


def fail(number, reply="no\n", status="5.1.1"):
    return "fail r=%d a=1 status=%s reply=%s" % (
        number, status, escape(reply))


def done(number, act="delivered", via="maildir\\x20/x"):
    return "ok r=%d a=1 act=%s via=%s status=2.0.0 reply=did" % (
        number, act, via)


def defer(number, reply="later\n", told=""):
    return "defer r=%d a=1 next=1795229900.000000%s status=4.4.1 " \
        "via=%s reply=%s" % (number, told, HOST, escape(reply))


def parts(message):
    assert message.get_content_type() == "multipart/report"
    assert message.get_param("report-type") == "delivery-status"
    text, status, copy = message.iter_parts()
    assert text.get_content_type() == "text/plain"
    assert status.get_content_type() == "message/delivery-status"
    return text, status.get_payload(), copy


def test_notice_says_what_failed_to_people_and_machines(bed):
    bed.start()
    raw, message, records = bed.notice(
        [b"Fs@example.net", b"Tann@example.org", b"Tbob@example.org",
         b"Tcat@example.com"],
        [fail(0, "Sorry, no mailbox here by that name. (#5.1.1)\n"),
         "ok r=1 a=1", fail(2, "550 5.7.1 go\n\naway\n", "5.7.1")])
    assert records == [b"F", b"Ts@example.net"]
    assert message["From"] == "MAILER-DAEMON@mail.example"
    assert message["To"] == "s@example.net"
    assert message["Subject"] == "failure notice"
    assert message["Auto-Submitted"] == "auto-replied"
    assert message["Date"].datetime is not None
    assert message["Message-ID"].endswith("@mail.example>")
    text, status, copy = parts(message)
    assert text.get_content() == (
        "Hi. This is the culver-send program at mail.example.\n"
        "I'm afraid I wasn't able to deliver your message to the following "
        "addresses.\n"
        "This is a permanent error; I've given up. Sorry it didn't work out."
        "\n\n"
        "<ann@example.org>:\n"
        "Sorry, no mailbox here by that name. (#5.1.1)\n\n"
        "<cat@example.com>:\n550 5.7.1 go\n/away\n\n"
        "--- Below this line is a copy of the message.\n")
    whole, first, second = status
    assert whole["Reporting-MTA"] == "dns; mail.example"
    assert "2026" in whole["Arrival-Date"]
    assert first.items()[:3] == [
        ("Final-Recipient", "rfc822;ann@example.org"),
        ("Action", "failed"), ("Status", "5.1.1")]
    assert first["Diagnostic-Code"].startswith("x-culver; Sorry")
    assert second["Diagnostic-Code"] == "smtp; 550 5.7.1 go /  / away"
    assert second["Status"] == "5.7.1"
    assert copy.get_content_type() == "message/rfc822"
    assert b"\nReturn-Path: <s@example.net>\n" + BODY + b"\n--" in raw
    assert copy.get_payload()[0]["Subject"] == "my mail"


def test_told_once_is_told(bed):
    bed.start()
    _, message, _ = bed.notice(
        [b"Fs@x", b"Ta@y", b"Tb@y"],
        [fail(0), "bounce id=5 token=00", fail(1)])
    _, status, _ = parts(message)
    assert [s["Final-Recipient"] for s in status[1:]] == ["rfc822;b@y"]


def test_null_sender_makes_a_double_bounce(bed):
    bed.start()
    (bed.home / "control/doublebounceto").write_text("boss\n")
    raw, message, records = bed.notice([b"F", b"Ta@y"], [fail(0)])
    assert records == [b"F#@[]", b"Tboss@mail.example"]
    text = parts(message)[0].get_content()
    assert "I tried to deliver a bounce message to this address, but the " \
        "bounce bounced!\n\n<a@y>:\n" in text
    assert text.endswith("--- Below this line is the original bounce.\n")
    (bed.home / "control/doublebounceto").write_text("\n")
    assert bed.ask(bed.failed([b"F", b"Ta@y"], [fail(0)])) == (
        "N", b"double bounce: discarding bounce/")


def test_double_bounce_is_the_last(bed):
    bed.start()
    assert bed.ask(bed.failed([b"F#@[]", b"Ta@y"], [fail(0)])) == (
        "N", b"triple bounce: discarding bounce/")
    assert bed.queued.messages == []


def test_verp_sender_hears_of_it_in_its_own_form(bed):
    bed.start()
    _, _, records = bed.notice([b"Flist-@h.example-@[]", b"Ta@y"], [fail(0)])
    assert records == [b"F", b"Tlist-@h.example"]


def test_rfc_3461_is_honoured(bed):
    bed.start()
    _, message, _ = bed.notice(
        [b"Fs@x", b"RHDRS", b"Eid 1", b"Ta@y", b"NNEVER", b"Tb@y",
         b"NFAILURE,DELAY", b"Orfc822;b+2Bc@z", b"Tc@y", b"NSUCCESS"],
        [fail(0), fail(1), fail(2)])
    text, status, copy = parts(message)
    assert status[0]["Original-Envelope-Id"] == "id 1"
    assert [s["Final-Recipient"] for s in status[1:]] == ["rfc822;b@y"]
    assert status[1]["Original-Recipient"] == "rfc822;b+c@z"
    assert "<a@y>" not in text.get_content()
    assert copy.get_content_type() == "text/rfc822-headers"
    assert bed.ask(bed.failed(
        [b"Fs@x", b"Ta@y", b"NNEVER"], [fail(0)]))[0] == "N"


@pytest.mark.parametrize("size, whole", [(50000, True), (50001, False),
                                         (10000000, False)])
def test_large_messages_go_along_by_their_header(bed, size, whole):
    bed.start()
    body = BODY + b"x" * (size - len(BODY) - 1) + b"\n"
    raw, message, _ = bed.notice([b"Fs@x", b"Ta@y"], [fail(0)], body=body)
    copy = parts(message)[2]
    assert copy.get_content_type() == (
        "message/rfc822" if whole else "text/rfc822-headers")
    assert (b"the text" in raw) == whole
    assert b"Subject: my mail\n" in raw
    assert len(raw) < 60000


def test_header_without_end_is_cut_at_a_line(bed):
    bed.start()
    body = b"X: " + b"y" * 60 + b"\n"
    raw, message, _ = bed.notice(
        [b"Fs@x", b"Ta@y"], [fail(0)], body=body * 1000)
    assert len(raw) < 60000
    copy = raw.split(b"Return-Path: <s@x>\n")[1].split(b"\n--")[0]
    assert copy.endswith(b"y\n") and len(copy) % len(body) == 0


def test_eight_bit_mail_is_said_to_be(bed):
    bed.start()
    body = b"Subject: \xc3\xa4\n\n\xff\n"
    raw, message, records = bed.notice(
        [b"Fs@x", b"Ta@y"], [fail(0)], body=body)
    assert records == [b"F", b"B8BITMIME", b"Ts@x"]
    assert message["Content-Transfer-Encoding"] == "8bit"
    assert body in raw


def test_what_a_host_says_cannot_leave_its_place(bed):
    bed.start()
    evil = "550 \x1b[2J\r\n\n--x\nSubject: evil\n\n<root@y>:\nno\x00"
    raw, message, _ = bed.notice(
        [b"F\"a> \"@x", b"Ta b\xff@y"], [fail(0, evil)])
    text, status, copy = parts(message)
    for byte in raw.split(b"Return-Path:")[0]:
        assert byte in (9, 10) or 32 <= byte < 127
    assert text.get_content().count(">:\n") == 2
    assert "\n\n<root" not in text.get_content()
    assert len(status) == 2
    assert status[1]["Final-Recipient"] == "rfc822;a?b?@y"
    assert status[1]["Subject"] is None


def test_what_cannot_be_known_waits(bed):
    bed.start()
    ino = bed.failed([b"Fs@x", b"Ta@y"], [fail(0)])
    assert bed.ask(ino, bytes(16))[0] == "Z"
    assert bed.ask(ino + (1 << 40))[0] == "Z"
    assert bed.ask(bed.failed([b"Fs@x", b"Ta@y"], ["ok r=0 a=1"]))[0] == "Z"
    assert bed.ask(bed.failed([b"Fs@x", b"Ta@y"], [fail(9)]))[0] == "Z"
    (bed.home / "control/bouncehost").mkdir()
    assert bed.ask(ino)[0] == "Z"
    (bed.home / "control/bouncehost").rmdir()
    os.rename(bed.home / "queue/submit", bed.home / "queue/away")
    bed.queued.hang_up() if bed.queued.frames else None
    assert bed.ask(ino)[0] == "Z"
    os.rename(bed.home / "queue/away", bed.home / "queue/submit")
    assert bed.ask(ino)[0] == "K"
    assert bed.process.poll() is None


def test_a_hundred_thousand_recipients(bed):
    bed.start()
    records = [b"Fs@x"] + [b"Tuser%d@y" % i for i in range(100000)]
    raw, message, _ = bed.notice(records, [fail(i) for i in range(0, 100000, 2)])
    assert raw.count(b"\nFinal-Recipient: rfc822;") == 50000
    assert raw.count(b">:\nno\n\n") == 50000
    text = open("/proc/%d/status" % bed.process.pid).read()
    peak = int(text.split("VmHWM:")[1].split()[0])
    assert peak < 64 * 1024


def test_others_are_not_served(bed):
    bed.start()
    bed.frames.write("X", b"")
    assert bed.frames.read() == (None, None)
    assert bed.process.poll() is None


SUCCESS, DELAY = {"kind": "S"}, {"kind": "D", "until": 1795834220000000}
ASKED = [b"Fs@x", b"RFULL", b"Eid 1", b"Ta@y", b"NSUCCESS", b"Orfc822;a+40z",
         b"Tb@y", b"NFAILURE", b"Tc@y", b"NSUCCESS,FAILURE", b"Td@y",
         b"NNEVER", b"Te@y", b"Tf@y", b"NDELAY,SUCCESS"]


def test_success_is_told_to_who_asked(bed):
    bed.start()
    raw, message, records = bed.notice(
        ASKED, [done(0), done(1), done(2, "relayed", HOST), done(3), done(4),
                done(5, "expanded", "forward")],
        ask=SUCCESS)
    assert records == [b"F", b"Ts@x"]
    assert message["Subject"] == "success notice"
    assert message["Auto-Submitted"] == "auto-replied"
    text, status, copy = parts(message)
    # No reader of QSBMF may take it for a bounce.
    assert not text.get_content().startswith("Hi. This is")
    assert text.get_content().count(">:\n") == 3
    assert status[0]["Original-Envelope-Id"] == "id 1"
    assert [(s["Final-Recipient"], s["Action"], s["Status"])
            for s in status[1:]] == [
        ("rfc822;a@y", "delivered", "2.0.0"),
        ("rfc822;c@y", "relayed", "2.0.0"),
        ("rfc822;f@y", "expanded", "2.0.0")]
    assert status[1]["Original-Recipient"] == "rfc822;a@z"
    assert [s["Remote-MTA"] for s in status[1:]] == [
        None, "dns; mx.example", None]
    assert [s["Will-Retry-Until"] for s in status[1:]] == [None] * 3
    # RFC 3461, 4.3: RET is for failures.
    assert copy.get_content_type() == "text/rfc822-headers"
    assert b"the text" not in raw


def test_delay_is_told_with_the_last_reply(bed):
    bed.start()
    records = [b"Fs@x", b"Ta@y", b"Tb@y", b"NDELAY", b"Tc@y", b"NFAILURE",
               b"Td@y", b"NNEVER", b"Te@y", b"NDELAY", b"Tf@y", b"NDELAY"]
    events = [defer(0, "first\n"), defer(0, "450 4.2.1 busy\n"), defer(1),
              defer(2), defer(3), defer(4), done(4), fail(5)]
    _, message, _ = bed.notice(records, events,
                               ask=dict(DELAY, unasked=True))
    text, status, copy = parts(message)
    assert message["Subject"] == "delay notice"
    assert "first" not in text.get_content()
    assert "<a@y>:\n450 4.2.1 busy\n\n<b@y>:\nlater\n\n" in \
        text.get_content()
    assert [s["Final-Recipient"] for s in status[1:]] == [
        "rfc822;a@y", "rfc822;b@y"]
    first = status[1]
    assert first["Action"] == "delayed"
    assert first["Status"] == "4.4.1"
    assert first["Remote-MTA"] == "dns; mx.example"
    assert first["Diagnostic-Code"] == "smtp; 450 4.2.1 busy"
    assert first["Will-Retry-Until"] == "Sat, 28 Nov 2026 02:50:20 +0000"
    assert first["Last-Attempt-Date"] == "Sat, 21 Nov 2026 02:50:21 +0000"
    assert copy.get_content_type() == "text/rfc822-headers"
    _, message, _ = bed.notice(records, events, ask=DELAY)
    assert [s["Final-Recipient"] for s in parts(message)[1][1:]] == [
        "rfc822;b@y"]


@pytest.mark.parametrize("ask", [SUCCESS, dict(DELAY, unasked=True)])
@pytest.mark.parametrize("sender", [b"F", b"F#@[]"])
def test_nobody_hears_of_success_or_delay(bed, ask, sender):
    bed.start()
    ino = bed.failed([sender, b"Ta@y", b"NSUCCESS,DELAY", b"Tb@y",
                      b"NSUCCESS,DELAY"], [done(0), defer(1)])
    assert bed.ask(ino, **ask) == ("N", b"no sender: discarding notice/")
    assert bed.queued.messages == []


def test_kinds_of_one_message_are_notices_of_their_own(bed):
    bed.start()
    records = [b"Fs@x", b"Ta@y", b"NSUCCESS", b"Tb@y", b"NFAILURE", b"Tc@y",
               b"NDELAY"]
    events = [done(0), fail(1), defer(2)]
    for ask, who, action in (({}, "b", "failed"), (SUCCESS, "a", "delivered"),
                             (DELAY, "c", "delayed")):
        _, message, _ = bed.notice(records, events, ask=ask)
        assert [(s["Final-Recipient"], s["Action"])
                for s in parts(message)[1][1:]] == [
            ("rfc822;%s@y" % who, action)]
    told = events + ["success id=5 token=00", "bounce id=6 token=00",
                     "delay id=7 token=00"]
    for ask in ({}, SUCCESS, DELAY):
        assert bed.ask(bed.failed(records, told), **ask)[0] == "Z"


def test_notices_of_smtputf8_mail_are_in_its_form(bed):
    bed.start()
    body = "Subject: \u00e4\n\n\u00f6\n".encode()
    raw, message, records = bed.notice(
        ["Fs\u00e9@x".encode(), b"U", "Tj\u00fcrg\x80@y".encode(),
         b"Outf-8;j\\x{FC}rg@y", "Tb@y".encode()],
        [fail(0), fail(1)], body=body)
    assert records == [b"F", b"B8BITMIME", b"U", "Ts\u00e9@x".encode()]
    assert raw.decode()
    assert "\nTo: s\u00e9@x\n".encode() in raw
    assert b"\nContent-Type: message/global-delivery-status\n" \
        b"Content-Transfer-Encoding: 8bit\n\nReporting-MTA:" in raw
    assert "\nFinal-Recipient: utf-8;j\u00fcrg??@y\n".encode() in raw
    assert b"\nOriginal-Recipient: utf-8;j\\x{FC}rg@y\n" in raw
    assert b"\nFinal-Recipient: rfc822;b@y\n" in raw
    assert b"\nContent-Type: message/global\n" in raw
    text = next(message.iter_parts())
    assert "<j\u00fcrg??@y>:" in text.get_content()
    assert message["Content-Transfer-Encoding"] == "8bit"


def test_smtputf8_mail_that_did_not_need_it_is_told_of_plainly(bed):
    bed.start()
    _, message, records = bed.notice([b"Fs@x", b"U", b"Ta@y"], [fail(0)])
    assert records == [b"F", b"Ts@x"]
    parts(message)


def test_sender_that_is_no_utf8_is_made_harmless(bed):
    bed.start()
    raw, message, records = bed.notice([b"Fs\xff@x", b"Ta@y"], [fail(0)])
    assert records == [b"F", b"U", b"Ts\xff@x"]
    assert message["To"] == "s?@x"
    parts(message)


@pytest.mark.parametrize("limit, size, whole", [
    ("1000", 1000, True), ("1000", 1001, False), ("0", 3000000, True)])
def test_bouncemaxbytes_says_what_goes_along(bed, limit, size, whole):
    bed.start()
    (bed.home / "control/bouncemaxbytes").write_text(limit + "\n")
    line = b"x" * 70 + b"\n"
    body = (BODY + line * (size // len(line) + 1))[:size - 1] + b"\n"
    raw, message, _ = bed.notice([b"Fs@x", b"Ta@y"], [fail(0)], body=body)
    assert (body + b"\n--" in raw) == whole
    assert whole or b"xxx" not in raw
    parts(message)


def test_long_replies_make_no_long_lines(bed):
    bed.start()
    raw, message, _ = bed.notice(
        [b"Fs@x", b"Ta@y"], [fail(0, "550 " + "x" * 1020)])
    assert max(map(len, raw.split(b"\n"))) < 998
    parts(message)
