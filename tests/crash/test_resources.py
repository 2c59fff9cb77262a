"""The real thing: a file system of a MiB, or without inodes, or a limit on
descriptors or on the size of files.  Nothing is lost, nothing is refused for
ever, nobody is busy meanwhile, and mail flows as soon as there is room again.
"""
import contextlib
import os
import pathlib
import re
import shutil
import signal
import smtplib
import subprocess
import time

import pytest

import disk
from instances import DOMAIN, wait_for

ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts")
AGAIN = 5       # seconds in which mail flows again: what the issue promises
STAY = 3        # seconds in the faulty state, at least
BUSY = 1.0      # seconds of CPU that nobody may use in it
BODY = 6000     # bytes of a message
KNOWN, UNKNOWN = "ann@" + DOMAIN, "zz-nobody@mail." + DOMAIN
SENDER = "bob@" + DOMAIN
TICKS = os.sysconf("SC_CLK_TCK")


@pytest.fixture(scope="module", autouse=True)
def own_mounts():
    """What is mounted here is seen by nobody else and ends with us."""
    if os.geteuid() == 0:
        disk.call("unshare", disk.CLONE_NEWNS)
        disk.call("mount", b"none", b"/", None,
                  disk.MS_REC | disk.MS_PRIVATE, None)


class Small:
    """A tmpfs in the place of a folder, with what was in the folder."""

    def __init__(self, folder, options):
        self.folder = folder
        old = folder.with_name(folder.name + ".old")
        folder.rename(old)
        folder.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs",
                        folder], check=True)
        subprocess.run(["cp", "-a", f"{old}/.", folder], check=True)
        shutil.rmtree(old)

    def fill(self):
        """Take every byte that is left."""
        fd = os.open(self.folder / "filler", os.O_WRONLY | os.O_CREAT)
        try:
            while os.write(fd, bytes(4096)):
                pass
        except OSError:
            pass
        os.close(fd)

    def take_inodes(self):
        try:
            for n in range(10000):
                os.mkdir(self.folder / f"filler{n}")
        except OSError:
            pass

    def give_back(self):
        for one in self.folder.glob("filler*"):
            if one.is_dir():
                one.rmdir()
            else:
                one.unlink()

    def close(self):
        subprocess.run(["umount", "-l", self.folder], check=False)


@pytest.fixture
def small():
    """small(folder, options), ended before its instance is."""
    with contextlib.ExitStack() as stack:
        def make(*args):
            one = Small(*args)
            stack.callback(one.close)
            return one
        yield make


class Limit:
    """A soft limit of every process of a program, which is taken back."""

    def __init__(self, instance, program, name, value):
        self.instance, self.name = instance, name
        self.before = {}
        for pid in instance.processes(program):
            now = self._prlimit(pid, "--raw", "--noheadings", "-o", "SOFT")
            self.before[pid] = now.split()[0]
            self._set(pid, value)

    def _prlimit(self, pid, *words):
        who = {}
        if os.geteuid() == 0:
            # Without CAP_SYS_RESOURCE root may not do it.
            who = {"user": self.instance.uid, "group": self.instance.gid,
                   "extra_groups": []}
        return subprocess.run(
            ["prlimit", "--pid", str(pid), *words, *(
                [] if "=" in words[-1] else [f"--{self.name}"])],
            check=True, capture_output=True, text=True, **who).stdout

    def _set(self, pid, value):
        self._prlimit(pid, f"--{self.name}={value}:")

    def lift(self):
        for pid, value in self.before.items():
            if os.path.exists(f"/proc/{pid}"):
                self._set(pid, value)


def cpu(instance):
    """pid: seconds of CPU of every process of the instance."""
    used = {}
    for name in ("queued", "lspawn", "local", "bounce", "send", "smtpd",
                 "popup", "authd"):
        for pid in instance.processes(name):
            try:
                text = pathlib.Path(f"/proc/{pid}/stat").read_text()
            except OSError:
                continue
            words = text.rsplit(")", 1)[1].split()
            used[pid] = sum(map(int, words[11:15])) / TICKS
    return used


class Stay:
    """In the faulty state, for STAY seconds at least: nobody is busy in it."""

    def __init__(self, instance):
        self.instance = instance

    def __enter__(self):
        self.begun, self.before = time.monotonic(), cpu(self.instance)

    def __exit__(self, kind, *_):
        if kind is not None:
            return
        wait_for(lambda: time.monotonic() > self.begun + STAY)
        for pid, now in cpu(self.instance).items():
            assert now - self.before.get(pid, 0) < BUSY, pid


class Mail:
    """What was sent, and what was said to it."""

    def __init__(self, instance):
        self.instance = instance
        self.stored, self.unsure = set(), set()
        self.number = 0

    def try_one(self, to=KNOWN, size=BODY, patience=60):
        """Send one; its number when the answer was 250, else None.  Anything
        but a yes, a 4xx, silence or a closed connection is wrong."""
        self.number += 1
        number, code = self.number, 0
        text = b"Subject: %d\r\n\r\n%s\r\nend of %d\r\n" % (
            number, b"%070d\r\n" % number * (size // 72), number)
        try:
            with contextlib.closing(self.instance.client(patience)) as c:
                for code, _ in (c.mail(SENDER), c.rcpt(to), c.docmd("DATA")):
                    if code not in (250, 354):
                        break
                else:
                    self.unsure.add(number)
                    c.send(text + b".\r\n")
                    code, _ = c.getreply()
        except smtplib.SMTPResponseException as e:
            code = e.smtp_code
        except (OSError, smtplib.SMTPException, AssertionError):
            return None
        assert code < 300 or 400 <= code < 500, code
        if code != 250:
            return None
        self.unsure.discard(number)
        self.stored.add(number)
        return number

    def must(self, to=KNOWN, **more):
        assert self.try_one(to, **more), "no 250"

    def until_refused(self, to=KNOWN, **more):
        while self.try_one(to, **more):
            assert self.number < 2000
        self.unsure.discard(self.number)

    def delivered(self, user="ann"):
        """The numbers in a mailbox, sorted; each is whole."""
        found = []
        for file in self.instance.mails(user):
            data = file.read_bytes()
            number = int(re.search(rb"^Subject: (\d+)$", data, re.M).group(1))
            assert data.endswith(b"end of %d\n" % number)
            found.append(number)
        return sorted(found)

    def noticed(self):
        """The numbers that bob was told of, sorted."""
        return sorted(
            int(re.search(rb"^Subject: (\d+)$", f.read_bytes(), re.M).group(1))
            for f in self.instance.mails("bob"))

    def flows(self):
        """Within five seconds a message passes, all the way."""
        end = time.monotonic() + AGAIN
        number = wait_for(lambda: self.try_one(size=100, patience=AGAIN),
                          AGAIN, "a message to pass")
        wait_for(lambda: number in self.delivered(), end - time.monotonic(),
                 "it to arrive")

    def settle(self, failing=(), doubtful=()):
        """All is there, once; one notice tells of each that failed, and at
        most one of each that would have and had no answer."""
        inst = self.instance

        def push():
            inst.running["send"].send_signal(signal.SIGALRM)
            return not inst.queued() and not inst.journals()
        wait_for(push, why="an empty queue")
        found = self.delivered()
        assert len(set(found)) == len(found)
        assert self.stored - set(failing) <= set(found)
        assert set(found) <= self.stored | self.unsure
        told = self.noticed()
        assert len(set(told)) == len(told)
        assert set(failing) <= set(told) <= set(failing) | set(doubtful)



@pytest.fixture
def bed(make_instance):
    instance = make_instance(users=("ann:secret", "bob:hidden"))
    # Mail for nobody is to bounce.
    (instance.home / "control/usercheck").write_text("0\n")
    return instance


# A MiB, or as many inodes as the folders have and some more.
KINDS = pytest.mark.parametrize("options,reserve", [
    ("size=1m", 256 << 10), ("size=64m,nr_inodes=250", 1 << 20)])


def keep(bed, reserve):
    """The journals of all that is in hand at once fit into it, and more."""
    (bed.home / "control" / "queuereserve").write_text(f"{reserve}\n")


def files(folder):
    return [f for f in folder.rglob("*") if f.is_file()]


@ROOT
@KINDS
def test_a_full_queue_refuses_for_now_and_keeps_what_it_took(
        bed, small, options, reserve):
    small(bed.home / "queue", options)
    keep(bed, reserve)
    bed.start("queued", "lspawn", "bounce", "smtpd")
    mail = Mail(bed)
    mail.until_refused()
    assert len(bed.queued()) == len(mail.stored) >= 10
    with Stay(bed):
        for _ in range(20):
            assert mail.try_one() is None
    mail.unsure.clear()  # a 4xx from a writer that lives is a no
    assert len(bed.queued()) == len(mail.stored)
    bed.start("send")
    wait_for(lambda: not bed.queued(), why="the queue to drain")
    mail.flows()
    mail.settle()


@ROOT
@KINDS
def test_journals_and_bounces_have_the_reserve(
        bed, small, options, reserve):
    small(bed.home / "queue", options)
    keep(bed, reserve)
    bed.start("queued", "lspawn", "bounce", "smtpd")
    mail = Mail(bed)
    mail.until_refused(UNKNOWN)
    failing = set(mail.stored)
    assert len(failing) >= 10
    # Nothing leaves the queue before its notice is in the queue.
    bed.start("send")
    wait_for(lambda: mail.noticed() == sorted(failing), why="the notices")
    mail.flows()
    mail.settle(failing)


def block(fault, bed, place, program):
    """Cause it; what takes it back."""
    if fault == "bytes":
        place.fill()
        return place.give_back
    if fault == "inodes":
        place.take_inodes()
        return place.give_back
    return Limit(bed, program, *fault.split("=")).lift


@pytest.mark.parametrize("fault", [
    pytest.param("bytes", marks=ROOT), pytest.param("inodes", marks=ROOT),
    "fsize=10", "nofile=4"])
def test_what_cannot_be_recorded_is_not_acted_upon(bed, small, fault):
    place = None
    if os.geteuid() == 0:
        place = small(bed.home / "queue",
                      "size=64m,nr_inodes=300" if fault == "inodes"
                      else "size=1m")
    keep(bed, 64 << 10)
    # A writer that finds no room makes some: it unlinks what is in the pool.
    (bed.home / "control/queuepool").write_text("0\n")
    bed.start()
    mail = Mail(bed)
    mail.flows()
    # The spawner is away: the queue's disk gets full before they are tried.
    bed.stop("lspawn")
    away = bed.maildir().with_name("away")
    bed.maildir().rename(away)
    mail.must()
    mail.must(UNKNOWN)
    failing = {mail.number}
    lift = block(fault, bed, place, "send")
    with Stay(bed):
        bed.start("lspawn")
        for _ in range(10):
            mail.try_one(patience=2)
            time.sleep(STAY / 10)
        assert mail.noticed() == []
        assert not any(" fail " in j for j in bed.journals().values())
        # One beginning for each at most, however long it takes.
        begun = bed.log_text("send").count("to local " + UNKNOWN)
        assert begun <= 1
    lift()
    wait_for(lambda: mail.noticed() == sorted(failing), AGAIN, "the notice")
    away.rename(bed.maildir())
    mail.flows()
    mail.settle(failing)


@pytest.mark.parametrize("fault", [
    pytest.param("bytes", marks=ROOT), pytest.param("inodes", marks=ROOT),
    "fsize=3000", "nofile=5"])
def test_a_mailbox_without_room_gets_its_mail_later(bed, small, fault):
    place = None
    if os.geteuid() == 0:
        place = small(bed.home / "domains", "size=1m,nr_inodes=60")
    bed.start()
    bed.keep_up()
    mail = Mail(bed)
    mail.flows()
    lifts = [block(fault, bed, place, "lspawn")]
    if "=" in fault:
        lifts.append(block(fault, bed, place, "local"))
    before = mail.delivered()
    with Stay(bed):
        for _ in range(8):
            mail.must()
        wait_for(lambda: sum(" defer " in j for j in bed.journals().values())
                 == 8, why="eight deferrals")
        assert mail.delivered() == before
        assert not [f for f in files(bed.maildir()) if f.parent.name == "tmp"]
        for text in bed.journals().values():
            assert text.count(" defer ") == 1
            assert " hold " not in text and " fail " not in text
    for lift in lifts:
        lift()
    mail.flows()
    mail.settle()


@pytest.mark.parametrize("program,fault", [
    ("smtpd", "nofile=3"), ("smtpd", "nofile=6"), ("smtpd", "nofile=9"),
    ("queued", "nofile=3"), ("queued", "nofile=20"), ("queued", "fsize=500"),
    ("bounce", "nofile=3"), ("bounce", "nofile=6"),
    ("send", "nofile=3"), ("send", "nofile=12"), ("send", "fsize=10"),
    ("lspawn", "nofile=3"), ("lspawn", "nofile=6"), ("local", "nofile=3"),
    ("local", "nofile=8")])
def test_a_program_at_its_limit_loses_nothing(bed, program, fault):
    bed.start()
    bed.keep_up()
    mail = Mail(bed)
    mail.flows()
    lift = block(fault, bed, None, program)
    failing, doubtful = set(), set()
    with Stay(bed):
        for n in range(10):
            bad = n % 3 == 2
            if mail.try_one(UNKNOWN if bad else KNOWN, patience=1):
                failing |= {mail.number} if bad else set()
            elif bad:
                doubtful.add(mail.number)
    lift()
    mail.flows()
    # What could not be delivered is deferred as ever; settle makes it due.
    if program not in ("lspawn", "local"):
        wait_for(lambda: set(mail.noticed()) >= failing, AGAIN, "the notices")
    mail.settle(failing, doubtful)


def end(bed, program):
    """What prlimit has become is no tracer, but the program itself."""
    child = bed.running[program]
    child.terminate()
    child.wait(60)
    bed.stop(program)


@pytest.mark.parametrize("program", [
    "queued", "lspawn", "bounce", "send", "smtpd"])
def test_a_start_with_few_descriptors_is_no_loss(bed, program):
    bed.start()
    mail = Mail(bed)
    mail.flows()
    # The loader needs one besides the first three.
    for few in range(4, 14):
        end(bed, program)
        bed.wrapped[program] = ["prlimit", f"--nofile={few}:"]
        bed.spawn(program)
        child = bed.running[program]
        wait_for(lambda: child.poll() is not None or bed.reachable(program),
                 why=f"{program} to begin or to end")
        before = cpu(bed)
        mail.try_one(patience=0.3)
        mail.try_one(patience=0.3)
        for pid, now in cpu(bed).items():
            assert now - before.get(pid, 0) < BUSY
        assert child.poll() in (None, 111)
    end(bed, program)
    del bed.wrapped[program]
    bed.start(program)
    mail.flows()
    mail.settle()
