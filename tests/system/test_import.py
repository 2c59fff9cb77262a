"""culver queue import: the queue of a qmail becomes ours.

Queues of every state are made by hand; a culver-send between Python's ends then
delivers what was taken.
"""
import collections
import fcntl
import json
import os
import random
import shutil
import signal
import subprocess

import pytest
from qmailbed import OldQueue
from sendbed import BIN, NOBODY, PATIENCE, TOP, Bed, wait_for

pytestmark = pytest.mark.skipif(
    not (BIN / "culver-import").exists(), reason="culver-import is not built")

WRITTEN = 1_700_000_000  # when the old messages were queued
STRACE = shutil.which("strace")


class ImportBed(Bed):
    """A Bed with an old queue, and that qmail's control/ beside it."""

    def __init__(self, split=23, flat=("intd", "todo", "bounce"), **how):
        super().__init__(remote=lambda job: "K", **how)
        (self.home / "doc").mkdir()
        shutil.copyfile(TOP / "hier", self.home / "doc/hier")
        (self.home / "queue/mess/tmp").mkdir()
        self.become(0)
        self.qmail = self.home.parent / (self.home.name + ".qmail")
        self.qmail.mkdir()
        self.old = OldQueue(self.qmail / "queue", split, flat)
        control = self.qmail / "control"
        control.mkdir()
        (control / "me").write_text("mail.example.org\n")
        (control / "locals").write_text("local.example\n")
        (control / "virtualdomains").write_text(
            "virtual.example:joe\none@half.example:ann-x\n.sub.example:web\n")
        self.own()

    def own(self):
        """All of it is the private instance's, as the importer is."""
        self.become(0)
        if os.geteuid() != 0:
            return  # whose they all are already
        for path in [self.qmail, *self.qmail.glob("**/*")]:
            os.chown(path, NOBODY, NOBODY)

    def take(self, *options, code=0, wrap=()):
        self.own()
        done = subprocess.run(
            [*wrap, BIN / "culver", "queue", "import", *options,
             self.qmail / "queue"],
            env={"CULVER_HOME": str(self.home), "PATH": "/usr/bin:/bin"},
            capture_output=True, text=True, timeout=120, check=False)
        self.become(NOBODY)
        if code is not None:
            assert done.returncode == code, done.stdout + done.stderr
        self.said, self.returned = done.stderr, done.returncode
        return done.stdout

    def told(self, *options, code=0):
        return json.loads(self.take("--json", *options, code=code))

    def names(self, kind="mess"):
        return {p.name for p in (self.home / "queue" / kind).glob("*/*")
                if p.parent.name != "tmp"}

    def read(self, ino):
        """Head line "arrived", body, envelope of one of our messages."""
        data = self.path("mess", ino).read_bytes()
        head = data[:448].decode()
        body = int(head.split("body at ")[1].split()[2])
        arrived = float(head.split("arrived ")[1].split()[0])
        return arrived, data[448:448 + body], data[448 + body:]

    def deliver(self):
        """Whom culver-send delivers to, each how often."""
        for spawner in (self.spawner, self.remote):
            spawner.jobs.clear()
        self.start()
        wait_for(lambda: not self.names(), PATIENCE)
        assert self.stop() == 0
        return collections.Counter(
            r for s in (self.spawner, self.remote) for j in s.jobs
            for r in j.recipients)

    def close(self):
        if self.qmail.exists():
            super().close()
            self.become(0)
            shutil.rmtree(self.qmail)


@pytest.fixture
def bed():
    beds = []

    def make(**how):
        beds.append(ImportBed(**how))
        return beds[-1]
    yield make
    for b in beds:
        b.close()


def fill(old, rounds=1):
    """Messages in every state; whom they still wait for, once each."""
    waits = collections.Counter()
    for n in range(rounds):
        body = b"Received: x\nSubject: %d\n\nhello\n" % n
        to = ["t%d@elsewhere.example" % n, "u%d@local.example" % n]
        old.todo(body, "s@example.net", to, WRITTEN + n)
        waits.update(to)
        old.sorted(body, "s@example.net", WRITTEN + n, WRITTEN + n + 5,
                   local=["Ta%d@local.example" % n, "Db%d@local.example" % n,
                          "Tjoe-c%d@virtual.example" % n],
                   remote=["De%d@elsewhere.example" % n,
                           "Tf%d@elsewhere.example" % n])
        waits.update(["a%d@local.example" % n, "joe-c%d@virtual.example" % n,
                      "f%d@elsewhere.example" % n])
        old.sorted(body, "", WRITTEN + n, WRITTEN + n + 5,
                   remote=["Tg%d@elsewhere.example" % n])
        waits["g%d@elsewhere.example" % n] += 1
    return waits


def test_what_waits_is_delivered_and_what_is_done_is_not(bed):
    b = bed()
    b.control("locals", "local.example\n")
    b.control("virtualdomains", "virtual.example:joe\n")
    waits = fill(b.old)
    told = b.told()
    assert told["messages"] == 3 and told["recipients_waiting"] == 6
    assert told["recipients_done"] == 2 and told["left"] == []
    assert b.old.files() == []
    assert not (b.home / "queue/importing").exists()
    assert b.deliver() == waits


def test_age_submitter_and_bytes_are_kept(bed):
    b = bed()
    body = b"Received: y\n\n" + bytes(range(128, 256)) + b"\nno end of line"
    b.old.todo(body, "s@example.net", ["a@x.example"], WRITTEN, 1234, 77)
    b.old.sorted(body, "s@example.net", WRITTEN, WRITTEN + 9,
                 remote=["Tb@x.example"])
    b.take()
    seen = {}
    for ino in b.names():
        arrived, text, envelope = b.read(int(ino))
        assert text == body + b"\n"
        seen[envelope] = arrived
        path = b.path("mess", int(ino))
        st = path.stat()
        assert (st.st_mode & 0o7777, st.st_uid) == \
            (0o640, b.home.stat().st_uid)
        assert st.st_ino == int(ino)
    assert seen == {b"Fs@example.net\0Ta@x.example\0": WRITTEN,
                    b"Fs@example.net\0Tb@x.example\0": WRITTEN + 9}
    heads = b"".join(b.path("mess", int(i)).read_bytes()[:448]
                     for i in b.names())
    assert b"uid 0000001234 writer 0000000077" in heads


def test_a_large_message_and_a_long_envelope_are_taken_whole(bed):
    """Larger than what is kept in memory, and more than one read of it."""
    b = bed()
    body = b"".join(b"line %d\n" % i for i in range(60000))
    to = ["r%d@x.example" % i for i in range(20000)]
    b.old.sorted(body, "s@example.net", WRITTEN, WRITTEN,
                 remote=["DT"[i % 2] + a for i, a in enumerate(to)])
    told = b.told()
    assert told["recipients_waiting"] == told["recipients_done"] == 10000
    (ino,) = b.names()
    _, text, envelope = b.read(int(ino))
    assert text == body
    assert envelope == b"Fs@example.net\0" + b"".join(
        b"T%s\0" % a.encode() for a in to[1::2])


def test_a_local_recipient_loses_what_virtualdomains_put_before_it(bed):
    b = bed()
    b.old.sorted(b"x\n", "s@example.net", WRITTEN, WRITTEN,
                 local=["Tjoe-joe-a@virtual.example",
                        "Tann-x-one@half.example",
                        "Tweb-b@deep.sub.example", "Tplain-c@local.example"])
    b.take()
    (ino,) = b.names()
    assert b.read(int(ino))[2] == (
        b"Fs@example.net\0Tjoe-a@virtual.example\0Tone@half.example\0"
        b"Tb@deep.sub.example\0Tplain-c@local.example\0")


def test_one_that_no_line_makes_local_is_left(bed):
    b = bed()
    b.old.sorted(b"x\n", "s@example.net", WRITTEN, WRITTEN,
                 local=["Tjoe-a@gone.example"])
    told = b.told(code=100)
    assert told["messages_left"] == 1 and "local/" in told["left"][0]
    assert b.names() == set() and b.old.files() != []
    b.start()  # nothing half done keeps culver-send from starting
    assert b.stop() == 0


REPORT = (b"<old@local.example>:\nSorry, no mailbox here by that name. "
          b"(#5.1.1)\n\n<far@x.example>:\n192.0.2.1 does not like recipient.\n"
          b"Remote host said: 550 no\n/Giving up on 192.0.2.1.\n\n")


def test_failures_that_were_not_told_of_are_told_of(bed):
    b = bed()
    b.old.sorted(b"Subject: q\n\nx\n", "s@example.net", WRITTEN, WRITTEN,
                 local=["Dold@local.example", "Dgood@local.example"],
                 remote=["Dfar@x.example", "Twait@x.example"], bounce=REPORT)
    told = b.told()
    assert (told["recipients_failed"], told["recipients_done"]) == (2, 1)
    (ino,) = b.names()
    assert b.read(int(ino))[2] == (
        b"Fs@example.net\0Told@local.example\0Tfar@x.example\0"
        b"Twait@x.example\0")
    journal = b.journal(int(ino))
    assert "fail r=0 a=1 status=5.1.1" in journal
    assert "Giving\\x20up\\x20on\\x20192.0.2.1" in journal
    assert b.path("info", int(ino)).stat().st_mode & 0o7777 == 0o640
    assert b.deliver() == {"wait@x.example": 1}
    assert [asked[0] for asked in b.bounce.asked] == [int(ino)]


def test_the_last_failure_alone_is_told_of(bed):
    b = bed()
    b.old.sorted(b"x\n", "s@example.net", WRITTEN, WRITTEN,
                 remote=["Dfar@x.example"], bounce=REPORT)
    b.take()
    assert b.deliver() == {}
    assert len(b.bounce.asked) == 1


def test_a_message_that_is_done_is_only_removed(bed):
    b = bed()
    b.old.sorted(b"x\n", "s@example.net", WRITTEN, WRITTEN,
                 remote=["Da@x.example"])
    b.old.sorted(b"x\n", "s@example.net", WRITTEN, WRITTEN)
    told = b.told()
    assert told["messages"] == 0 and told["messages_finished"] == 2
    assert b.names() == set() and b.old.files() == []


def test_what_was_never_queued_is_named_and_left(bed):
    b = bed()
    s2 = b.old.message(b"x\n", WRITTEN)
    s3 = b.old.message(b"y\n", WRITTEN)
    b.old.put("intd", s3, b"u1\0p1\0Fa\0")
    b.old.put("intd", 999999, b"u1\0p1\0Fa\0")
    told = b.told(code=100)
    assert told["messages_left"] == 3
    for number in (s2, s3, 999999):
        assert any("/%d: " % number in why for why in told["left"])
    assert len(b.old.files()) == 4


@pytest.mark.parametrize("part, data, why", [
    ("info", b"", "it has no sender"),
    ("info", b"Fs@x.example", "its last record has no end"),
    ("remote", b"Ta@x.example\0Xb@x.example\0", "unknown kind"),
    ("remote", b"Ta@x.example\0\0", "a record is empty"),
    ("todo", b"uX\0p1\0Fs\0Ta@x.example\0", "its uid is no number"),
    ("todo", b"u1\0p1\0Fs\0Ta\x01b@x.example\0", "bytes that our queue"),
    ("todo", b"u1\0p1\0Fs\0T" + b"a" * 3000 + b"@x.example\0", "longer"),
])
def test_a_malformed_file_is_named_and_its_message_left(bed, part, data, why):
    b = bed()
    number = b.old.sorted(b"x\n", "s@x.example", WRITTEN, WRITTEN,
                          remote=["Ta@x.example"])
    b.old.put(part, number, data)
    good = b.old.todo(b"good\n", "s@x.example", ["c@x.example"], WRITTEN)
    told = b.told(code=100)
    assert told["messages_left"] == 1 and why in told["left"][0]
    assert str(number) in told["left"][0]
    assert told["messages"] == 1
    assert not b.old.file("mess", good).exists()
    assert b.old.file("mess", number).exists()


def test_a_link_in_the_old_queue_is_not_followed(bed):
    b = bed()
    number = b.old.todo(b"x\n", "s@x.example", ["c@x.example"], WRITTEN)
    path = b.old.file("mess", number)
    path.unlink()
    path.symlink_to("/etc/passwd")
    told = b.told(code=100)
    assert told["messages_left"] == 1 and b.names() == set()


def test_dry_run_changes_nothing(bed):
    b = bed()
    fill(b.old)
    before = b.old.files()
    told = b.told("--dry-run")
    assert told["messages"] == 3 and told["recipients_waiting"] == 6
    assert b.old.files() == before and b.names() == set()


def test_a_running_qmail_send_is_refused(bed):
    b = bed()
    fill(b.old)
    with open(b.old.path / "lock/sendmutex", "wb") as lock:
        for take in (fcntl.flock, fcntl.lockf):
            take(lock, fcntl.LOCK_EX)
            b.take(code=111)
            assert "qmail-send runs" in b.said and b.names() == set()
            take(lock, fcntl.LOCK_UN)


def test_a_running_culver_send_is_refused(bed):
    b = bed()
    fill(b.old)
    b.start()
    b.take(code=111)
    assert "end culver-send first" in b.said
    assert b.stop() == 0 and b.names() == set()


def test_what_is_no_queue_is_refused(bed):
    b = bed()
    shutil.rmtree(b.old.path / "bounce")
    b.take(code=100)
    assert "no queue of a qmail" in b.said


@pytest.mark.parametrize("split, flat", [
    (1, ("intd", "todo", "bounce")), (101, ()),
    (23, ("mess", "intd", "todo", "info", "local", "remote", "bounce"))])
def test_any_split_is_read(bed, split, flat):
    """Also todo and intd, as of the big-todo patch."""
    b = bed(split=split, flat=flat)
    b.control("locals", "local.example\n")
    b.control("virtualdomains", "virtual.example:joe\n")
    waits = fill(b.old, 3)
    b.take()
    assert b.old.files() == [] and b.deliver() == waits


def test_an_unfinished_import_keeps_culver_send_from_starting(bed):
    b = bed()
    (b.home / "queue/importing").write_text("/elsewhere/queue\n")
    b.start(check=False)
    assert b.process.wait(PATIENCE) == 111
    fill(b.old)
    b.take(code=100)
    assert "names another queue" in b.said and b.names() == set()


CALLS = ("openat", "linkat", "unlinkat", "fsync", "pwrite64", "write",
         "syncfs", "pread64")


@pytest.mark.skipif(STRACE is None, reason="no strace")
@pytest.mark.parametrize("call", CALLS)
def test_killed_at_any_call_it_goes_on_and_nothing_is_lost_or_twice(bed, call):
    """Ended at the n-th of one call, for every n, in a queue that is made
    anew each time; the next run ends it, and each recipient has one."""
    n, ended = 0, True
    while ended:
        n += 1
        b = bed()
        b.control("locals", "local.example\n")
        b.control("virtualdomains", "virtual.example:joe\n")
        waits = fill(b.old)
        b.old.sorted(b"x\n", "s@example.net", WRITTEN, WRITTEN,
                     remote=["Dfar@x.example"], bounce=REPORT)
        b.take(code=None, wrap=(
            STRACE, "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}",
            "-e", f"inject={call}:signal=KILL:when={n}"))
        ended = b.returned in (-signal.SIGKILL, 137)
        b.take()
        assert b.old.files() == []
        assert not (b.home / "queue/importing").exists()
        assert b.deliver() == waits and len(b.bounce.asked) == 1
        b.close()
        n += random.randrange(1 + n // 8)  # every early one, fewer later
    assert n > 1
