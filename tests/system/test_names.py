"""culver-lspawn and a name service that does not answer: who need not ask it has
his mail, few wait for it, and nobody for long."""
import os
import socket
import struct
import subprocess
import sys
import tempfile

import pytest
from conftest import write_clock
from localbed import NOBODY, LocalBed, sanitized
from sendbed import PATIENCE, Frames

sys.path.append(os.path.join(os.path.dirname(__file__), "../talk"))
from talk import write_cdb  # noqa: E402

HERE = os.path.dirname(__file__)
MOST = 16  # NAMING_MOST, local/naming.h

pytestmark = pytest.mark.skipif(
    sanitized(), reason="a sanitizer has a getpwnam of its own")


@pytest.fixture(scope="module")
def library():
    """In a folder that every account may enter."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        os.chmod(folder, 0o755)
        path = os.path.join(folder, "nameservice.so")
        subprocess.run(["cc", "-shared", "-fPIC", "-o", path,
                        os.path.join(HERE, "nameservice.c")], check=True)
        yield path


class NamesBed(LocalBed):
    """joe is a system user, ann a mailbox, bob assigned."""

    def __init__(self, library):
        super().__init__()
        self.people = self.home / "people"
        for name in ("people/joe", "people/bob", "domains/x.test/ann"):
            self.maildir(name)
        write_cdb(self.home / "users/rcpt.cdb", [
            (b"@x.test", b""), (b"ann@x.test", b":0::")])
        write_cdb(self.home / "users/cdb", [
            (b"!bob\0", b"bob\0%d\0%d\0%s\0\0" % (
                NOBODY, NOBODY, bytes(self.people / "bob"))), (b"", b"")])
        self.clock = self.home / "clock"
        self.boot = 1000
        self.advance(0)
        self.env = {"LD_PRELOAD": str(library),
                    "NAMESERVICE": str(self.people),
                    "CULVER_CLOCK": str(self.clock)}

    def advance(self, seconds):
        self.boot += seconds
        write_clock(self.clock, 0, self.boot)

    def slow(self, yes):
        file = self.people / "slow"
        file.touch() if yes else file.unlink()


@pytest.fixture
def bed(library):
    b = NamesBed(library)
    yield b.start().connect()
    b.close()


def test_only_who_must_ask_waits(bed):
    assert bed.deliver(bed.put(), "joe@x").letter == "K"
    bed.slow(True)
    waiting = bed.send(bed.put(), "joe-x@x")
    for address in ("ann@x.test", "bob@x", "joe@x"):
        assert bed.deliver(bed.put(), address).letter == "K", address
    bed.slow(False)
    result = bed.result()
    assert (result.job, result.letter, result.status) == (waiting, "D", b"5.1.1")
    assert len(bed.new("people/joe")) == 2


def test_as_many_wait_as_may_and_the_rest_is_put_off(bed):
    bed.slow(True)
    jobs = [bed.send(bed.put(), "joe@x") for _ in range(MOST + 40)]
    off = [bed.result() for _ in range(40)]
    assert {r.letter for r in off} == {"Z"}
    assert {r.job for r in off} == set(jobs[MOST:])
    assert bed.deliver(bed.put(), "ann@x.test").letter == "K"
    bed.slow(False)
    rest = [bed.result() for _ in range(MOST)]
    assert {r.job for r in rest} == set(jobs[:MOST])
    assert {r.letter for r in rest} == {"K"}


def test_a_burst_is_no_trouble(bed):
    """More than may wait, of whom none has been asked for before."""
    for i in range(3):
        jobs = {bed.send(bed.put(), f"joe-{i}-{n}@x") for n in range(100)}
        results = [bed.result() for _ in jobs]
        assert {r.job for r in results} == jobs
        assert {r.status for r in results} == {b"5.1.1"}


def test_after_a_time_out_one_at_a_time_is_tried(bed):
    bed.slow(True)
    jobs = {bed.send(bed.put(), "joe@x") for _ in range(3)}
    for _ in range(2):
        assert bed.deliver(bed.put(), "ann@x.test").letter == "K"
        bed.advance(25)
        results = [bed.result() for _ in jobs]
        assert {r.job for r in results} == jobs
        assert {(r.letter, r.text) for r in results} == {
            ("Z", b"Unable to find the user of joe@x: Connection timed out. "
                  b"(#4.3.0)\n")}
        # One more is asked for, by a half that has been started anew.
        jobs = {bed.send(bed.put(), "joe@x")}
        for _ in range(5):
            assert bed.deliver(bed.put(), "joe@x").letter == "Z"
    bed.slow(False)
    result = bed.result()
    assert ({result.job}, result.letter) == (jobs, "K")
    assert bed.deliver(bed.put(), "joe@x").letter == "K"
    assert bed.process.poll() is None


def ask(bed, address):
    """A connection that has asked of an address."""
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(PATIENCE)
    sock.connect(str(bed.home / "state/who"))
    frames = Frames(sock)
    frames.write("W", struct.pack(">Q", 0) + address.encode())
    return frames


def answered(frames):
    letter = frames.read()[0]
    frames.sock.close()
    return letter


def test_culver_smtpd_waits_for_as_few(bed):
    (bed.people / "joe/.qmail-yes").write_text("./Maildir/\n")
    assert answered(ask(bed, "joe-yes@x")) == "Y"
    bed.slow(True)
    gone = ask(bed, "joe-gone@x")
    waiting = [ask(bed, f"joe-{n}@x") for n in range(MOST - 2)]
    waiting.append(ask(bed, "joe-YES@x"))
    for address, letter in (("ann@x.test", "Y"), ("no@x.test", "N"),
                            ("bob@x", "Y"), ("joe-yes@x", "Y"),
                            ("joe-more@x", "Z"), ("joe-most@x", "Z")):
        assert answered(ask(bed, address)) == letter, address
    gone.sock.close()
    # Who waits has asked more, and is not heard before.
    waiting[0].write("W", struct.pack(">Q", 0) + b"ann@x.test")
    bed.slow(False)
    assert waiting[0].read()[0] == "N"
    assert [answered(w) for w in waiting] == ["Y"] + ["N"] * (MOST - 3) + ["Y"]


def test_culver_smtpd_asks_in_bursts(bed):
    for i in range(3):
        many = [ask(bed, f"joe-{i}-{n}@x") for n in range(100)]
        assert {answered(one) for one in many} == {"N"}


def test_a_time_out_is_trouble_and_no_verdict(bed):
    bed.slow(True)
    waiting = [ask(bed, "joe-x@x") for _ in range(3)]
    assert answered(ask(bed, "ann@x.test")) == "Y"
    bed.advance(25)
    assert [answered(w) for w in waiting] == ["Z"] * 3
    probe = ask(bed, "joe@x")
    assert answered(ask(bed, "joe-y@x")) == "Z"
    bed.slow(False)
    assert answered(probe) == "Y"
    assert answered(ask(bed, "joe-y@x")) == "N"


def test_a_new_connection_is_not_told_of_the_last_ones_jobs(bed):
    bed.slow(True)
    for _ in range(5):
        bed.send(bed.put(), "joe@x")
    assert bed.deliver(bed.put(), "ann@x.test").letter == "K"
    bed.frames.sock.close()
    bed.jobs = 0
    bed.connect()
    assert bed.deliver(bed.put(), "ann@x.test").letter == "K"
    bed.slow(False)
    for _ in range(5):
        assert bed.deliver(bed.put(), "joe@x").letter == "K"
    assert len(bed.new("people/joe")) == 5
