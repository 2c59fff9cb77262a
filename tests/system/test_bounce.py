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

    def ask(self, ino, token=TOKEN):
        self.frames.write("B", struct.pack(">Q16s", ino, token))
        return self.frames.read()

    def notice(self, *args, **kwargs):
        """The notice made of what failed: raw, parsed, its envelope."""
        kind, payload = self.ask(self.failed(*args, **kwargs))
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


def fail(number, reply="no\n", status="5.1.1"):
    escaped = "".join(c if "!" <= c <= "~" and c != "\\"
                      else "\\x%02x" % ord(c) for c in reply)
    return "fail r=%d a=1 status=%s reply=%s" % (number, status, escaped)


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
