"""The programs for .qmail files, run by culver-local as a user would have it."""
import os
import subprocess

import pytest
from localbed import BIN, LocalBed

NAMES = ("forward", "condredirect", "bouncesaying", "except", "preline",
         "maildirmake")
BODY = b"From: s@example.net\nTo: p@x.example\nSubject: Hi\n\nhello\n"
SENDER = "s@example.net"

pytestmark = pytest.mark.skipif(
    not (BIN / "culver-lspawn").exists(), reason="culver-lspawn is not built")


class HelperBed(LocalBed):
    programs = LocalBed.programs + NAMES + ("culver-autorespond",)

    def lines(self, *lines):
        (self.home / "alias/.qmail-p").write_text("\n".join(lines) + "\n")
        return self

    def result_of(self, body=BODY, **more):
        result = self.deliver(self.put(body), "p@x.example", **more)
        return result.letter, result.text


@pytest.fixture
def bed():
    b = HelperBed()
    b.start().connect()
    yield b
    b.close()


DT = b"Delivered-To: p@x.example\n"


@pytest.mark.parametrize("line,letter,text,queued", [
    ("|forward a@y b@y", "K", b"forward: qp 4242\ndid 0+0+1\n",
     [b"Fs@example.net", b"Ta@y", b"Tb@y"]),
    ("|forward", "D", None, None),
    ("|condredirect a@y grep -q '^Subject: Hi'\n./none/", "K",
     b"condredirect: qp 4242\ndid 0+0+1\n", [b"Fs@example.net", b"Ta@y"]),
    ("|condredirect a@y false\n./Maildir/", "K", b"did 1+0+1\n", None),
    ("|condredirect a@y sh -c 'exit 100'", "K", b"did 0+0+1\n", None),
    ("|condredirect a@y sh -c 'exit 111'", "Z", None, None),
    ("|condredirect a@y sh -c 'kill -9 $$'", "Z", None, None),
    ("|condredirect a@y", "D", None, None),
    ("|bouncesaying 'Not for you. (#5.7.1)'", "D", b"Not for you. (#5.7.1)\n",
     None),
    ("|bouncesaying no grep -q '^Subject: Hi'", "D", b"no\n", None),
    ("|bouncesaying no grep -q '^Subject: Ho'", "K", b"did 0+0+1\n", None),
    ("|bouncesaying no sh -c 'exit 111'", "Z", None, None),
    ("|bouncesaying no except true", "K", b"did 0+0+1\n", None),
    ("|bouncesaying no except false", "D", b"no\n", None),
    ("|bouncesaying no except sh -c 'exit 111'", "Z", None, None),
    ("|except true", "D", None, None),
    ("|except sh -c 'exit 100'", "K", b"did 0+0+1\n", None),
    ("|except /nonexistent", "K", None, None),
    ("|preline cat >file", "K", b"did 0+0+1\n", None),
    ("|preline false", "Z", None, None),
    ("|preline sh -c 'exit 100'", "D", None, None),
    ("|preline true", "K", b"did 0+0+1\n", None),
    ("|preline /nonexistent", "D", None, None),
    ("|preline -x cat", "D", None, None),
    ("|preline", "D", None, None),
    ("|maildirmake box\n./box/", "K", b"did 1+0+1\n", None),
    ("|maildirmake Maildir", "Z", None, None),
])
def test_helpers_end_as_qmails(bed, line, letter, text, queued):
    got = bed.lines(line).result_of()
    assert got[0] == letter
    assert text is None or got[1] == text
    assert bed.queued.messages == ([(DT + BODY, queued)] if queued else [])


@pytest.mark.parametrize("options,lines", [
    ("", [b"From s@example.net ", b"Return-Path: <s@example.net>",
          b"Delivered-To: p@x.example"]),
    ("-f", [b"Return-Path: <s@example.net>", b"Delivered-To: p@x.example"]),
    ("-rd", [b"From s@example.net "]),
    ("-frd -F", [b"From s@example.net "]),
    ("-frd --", []),
])
def test_preline_writes_the_lines_that_are_wanted(bed, options, lines):
    assert bed.lines(f"|preline {options} cat >file").result_of()[0] == "K"
    text = (bed.home / "alias/file").read_bytes()
    assert text.endswith(BODY)
    got = text[:-len(BODY)].split(b"\n")[:-1]
    assert len(got) == len(lines)
    assert all(g.startswith(w) for g, w in zip(got, lines))


def test_preline_and_a_program_that_reads_a_part_of_much(bed):
    body = BODY + b"x" * 79 + b"\n"
    assert bed.lines("|preline head -n 1 >file").result_of(
        body * 10000) == ("K", b"did 0+0+1\n")


def test_forward_from_a_list_has_its_owners_sender(bed):
    (bed.home / "alias/.qmail-p-owner").write_text("./Maildir/\n")
    (bed.home / "alias/.qmail-p-owner-default").write_text("./Maildir/\n")
    assert bed.lines("|forward a@y").result_of()[0] == "K"
    assert bed.queued.messages[0][1] == [b"Fp-owner-@x.example-@[]", b"Ta@y"]


def test_outside_of_a_delivery_they_say_so(bed):
    for name in ("forward", "preline"):
        done = subprocess.run([BIN / name, "x"], env={}, input=b"",
                              capture_output=True)
        assert done.returncode == 100
        assert b"is not set" in done.stderr


def respond(bed, body=BODY, **more):
    (bed.home / "alias/away").write_text("Away till Monday.")
    bed.lines("|culver-autorespond away .answered").result_of(body, **more)
    messages = list(bed.queued.messages)
    bed.queued.messages.clear()
    return messages


def test_autorespond_answers_each_sender_once(bed):
    ((message, records),) = respond(bed)
    assert records == [b"F", b"Ts@example.net"]
    header, text = message.split(b"\n\n", 1)
    assert text == b"Away till Monday.\n"
    for field in (b"From: p@x.example", b"To: s@example.net",
                  b"Subject: Auto: Hi", b"Auto-Submitted: auto-replied"):
        assert field in header.split(b"\n")
    assert respond(bed) == []
    assert respond(bed, sender="S@example.net") == []
    assert len(respond(bed, sender="other@example.net")) == 1


# attacks.md 3.14: what must not be answered, lest machines talk to machines.
@pytest.mark.parametrize("sender,field", [
    ("", b""), ("#@[]", b""), ("MAILER-DAEMON@x", b""), ("l-request@x", b""),
    ("owner-l@x", b""), ("l-owner@x", b""),
    (SENDER, b"Auto-Submitted: auto-replied\n"), (SENDER, b"Precedence: bulk\n"),
    (SENDER, b"List-Id: <l>\n"), (SENDER, b"Precedence: list\n"),
])
def test_autorespond_is_silent_to_machines_and_lists(bed, sender, field):
    assert respond(bed, field + BODY, sender=sender) == []
    assert not (bed.home / "alias/.answered").exists()


def test_autorespond_is_silent_where_it_is_not_addressed(bed):
    assert respond(bed, b"To: others@x.example\n\nhi\n") == []


def test_autorespond_does_not_remember_what_was_not_queued(bed):
    os.rename(bed.home / "queue/submit", bed.home / "queue/away")
    (bed.home / "alias/away").write_text("Away.")
    bed.lines("|culver-autorespond away .answered")
    assert bed.result_of()[0] == "Z"
    os.rename(bed.home / "queue/away", bed.home / "queue/submit")
    assert len(respond(bed)) == 1


def test_autorespond_does_not_answer_what_it_cannot_remember(bed):
    """It would answer again at each attempt."""
    (bed.home / "alias/away").write_text("Away.")
    bed.lines("|trap '' XFSZ; ulimit -f 0; culver-autorespond away .answered")
    assert bed.result_of()[0] == "Z"
    assert bed.queued.messages == []
    assert len(respond(bed)) == 1


@pytest.mark.parametrize("line,letter", [
    ("|culver-autorespond", "D"),
    ("|culver-autorespond away", "D"),
    ("|culver-autorespond --days x away .answered", "D"),
    ("|culver-autorespond none .answered", "Z"),
    ("|culver-autorespond away Maildir", "Z"),
])
def test_autorespond_asked_wrongly(bed, line, letter):
    (bed.home / "alias/away").write_text("Away.")
    assert bed.lines(line).result_of()[0] == letter
    assert bed.queued.messages == []
