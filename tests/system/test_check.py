"""culver queue check: what it finds, and what --repair makes of a restore.

Queues are made as cp -r, tar or rsync leave them: no file has the inode that
its name says.  A culver-send between Python's ends then delivers from them.
"""
import collections
import json
import os
import pathlib
import random
import re
import shutil
import signal
import struct
import subprocess
import tempfile

import pytest
from conftest import accounts_alone
from sendbed import BIN, NOBODY, TOP, Bed, head, line, wait_for

pytestmark = pytest.mark.skipif(
    not (BIN / "culver-check").exists(), reason="culver-check is not built")

DUE = 1_900_000_000  # the next attempt of what was deferred
STRACE = shutil.which("strace")


def token_of(n):
    return b"%016d" % n


class Message:
    """One message of a restored queue; done and waiting are recipients."""

    def __init__(self, n, done=(), waiting=(), fresh=(), extra=""):
        self.n, self.token = n, token_of(n)
        self.done, self.waiting, self.fresh = done, waiting, fresh
        self.extra = extra
        self.ino = self.name = None

    @property
    def recipients(self):
        return [*self.done, *self.waiting, *self.fresh]

    def addresses(self):
        return ["r%d.%s@example.org" % (self.n, r) for r in self.recipients]

    def bytes(self):
        body = b"Subject: x\n\nnumber %d\n" % self.n
        envelope = b"Fs@example.net\0" + b"".join(
            b"T" + a.encode() + b"\0" for a in self.addresses())
        return head(1_700_000_000_000000 + self.n, self.token, body, 3,
                    envelope) + body + envelope

    def lines(self):
        text = "".join(line("1700000001.000000 ok r=%d a=1" % r)
                       for r in range(len(self.done)))
        first = len(self.done)
        text += "".join(
            line("1700000001.000000 defer r=%d a=1 next=%d.000000" % (r, DUE))
            for r in range(first, first + len(self.waiting)))
        return text + self.extra

    def journal(self, name):
        """Its journal; empty where it has no history."""
        lines = self.lines()
        return lines and line("culver-journal 1 %d %s" % (
            name, self.token.hex())) + lines


def mixed(n):
    """Messages of every sort: without history, deferred, partly done."""
    for i in range(n):
        yield [Message(i, fresh="a"),
               Message(i, waiting="a"),
               Message(i, done="ab", waiting="c"),
               Message(i, done="a", waiting="bc", fresh="d",
                       extra="1700000002.0 defer r=9 cut sho"),
               Message(i, done="a", waiting="b",
                       extra=line("1700000003.000000 crash signal=11"))][i % 5]


class CheckBed(Bed):
    """A Bed with a culver-check, and queues as a restore leaves them."""

    def __init__(self, **how):
        super().__init__(**how)
        (self.home / "doc").mkdir()
        shutil.copyfile(TOP / "hier", self.home / "doc/hier")
        (self.home / "queue/mess/tmp").mkdir()

    def check(self, *options, code=0, wrap=()):
        """What culver queue check says."""
        self.become(0)
        done = subprocess.run(
            [*wrap, BIN / "culver", "queue", "check", *options],
            env={"CULVER_HOME": str(self.home), "PATH": "/usr/bin:/bin"},
            capture_output=True, text=True, timeout=120, check=False)
        self.become(NOBODY)
        if code is not None:
            assert done.returncode == code, done.stdout + done.stderr
        self.said, self.returned = done.stderr, done.returncode
        return done.stdout

    def findings(self, *options, code=100):
        return json.loads(self.check("--json", *options, code=code))

    def settle(self):
        """Owners and modes as they should be, so that names alone are left."""
        self.check("--repair", code=None)
        self.check()

    def clear(self):
        for kind in ("mess", "info"):
            for path in (self.home / "queue" / kind).glob("*/*"):
                path.unlink()
        for name in ("repairing", "trying"):
            (self.home / "queue" / name).unlink(missing_ok=True)

    def restore(self, messages, naming):
        """Put messages there; naming(inodes) gives the name of each."""
        for m in messages:
            path = self.home / "queue" / ("new%d" % m.n)
            path.write_bytes(m.bytes())
            path.chmod(0o640)
            m.ino = path.stat().st_ino
        names = naming([m.ino for m in messages])
        while any(self.path("mess", n).exists() for n in names):
            names = [n + 1 for n in names]  # other messages have these
        assert len(set(names)) == len(messages)
        for m, m.name in zip(messages, names):
            os.rename(self.home / "queue" / ("new%d" % m.n),
                      self.path("mess", m.name))
            if m.lines():
                path = self.path("info", m.name)
                path.write_text(m.journal(m.name))
                path.chmod(0o640)
                os.utime(path, (DUE, DUE))
        return messages

    def names(self, kind="mess"):
        """Name: inode of every message or journal."""
        found = {}
        for folder in (self.home / "queue" / kind).iterdir():
            with os.scandir(folder) as entries:
                for e in entries:
                    found["%s/%s" % (folder.name, e.name)] = e.inode()
        return found

    def whole(self, messages):
        """Each message has its right name, and its journal is as it was."""
        places = {"%d/%d" % (m.ino % self.split, m.ino) for m in messages}
        assert set(self.names()) == places
        for m in messages:
            assert self.path("mess", m.ino).stat().st_ino == m.ino
            assert self.path("mess", m.ino).stat().st_nlink == 1
            assert self.path("mess", m.ino).read_bytes() == m.bytes()
            assert self.journal(m.ino) == m.journal(m.ino)
            if m.lines():
                st = self.path("info", m.ino).stat()
                assert (int(st.st_mtime), st.st_nlink) == (DUE, 1)
        assert len(self.names("info")) == sum(bool(m.lines())
                                              for m in messages)
        assert not (self.home / "queue/repairing").exists()

    def deliver(self, messages):
        """culver-send delivers to whom it should, to each of them once."""
        self.spawner.jobs.clear()
        self.start()
        self.kill(signal.SIGALRM)  # what waits is due now
        wait_for(lambda: not self.names())
        assert self.stop() == 0
        got = collections.Counter(j.recipient for j in self.spawner.jobs)
        want = collections.Counter(
            a for m in messages for a in m.addresses()[len(m.done):])
        assert got == want
        assert self.names("info") == {}


def foreign(inodes):
    """Numbers that no file here has, in other folders as well."""
    return [max(inodes) + 1000 + 7 * i for i in range(len(inodes))]


def circles(inodes):
    """A swap, a circle of three, one in place, and the rest a chain: each has
    the name of the next, the last a foreign one."""
    a, b, c, d, e, f, *rest = inodes
    return [b, a, d, e, c, f, *rest[1:], max(inodes) + 1000]


NAMINGS = {"foreign": foreign, "circles": circles,
           "turned": lambda inodes: [*inodes[1:], inodes[0]]}


@pytest.fixture
def bed():
    beds = []

    def make(**how):
        beds.append(CheckBed(**how))
        return beds[-1]
    yield make
    for b in beds:
        b.close()


def test_a_good_queue_is_well_and_nothing_is_changed(bed):
    b = bed()
    b.settle()
    messages = b.restore(list(mixed(10)), lambda inodes: inodes)
    before = b.names(), b.names("info")
    assert b.check() == "10 messages, 8 journals: all is well; " \
        "2 left to culver-send\n"
    assert b.check("--repair").startswith("10 messages, 8 journals: all is")
    assert before == (b.names(), b.names("info"))
    assert b.findings(code=0)["findings"] == []
    b.deliver(messages)


@pytest.mark.parametrize("naming", NAMINGS)
def test_restored_messages_get_their_names_and_are_delivered_once(bed, naming):
    b = bed()
    b.settle()
    messages = b.restore(list(mixed(40)), NAMINGS[naming])
    wrong = sum(m.ino != m.name for m in messages)
    before = b.names(), b.names("info")
    found = b.findings()
    assert [f["kind"] for f in found["findings"]] == ["place"] * wrong
    assert before == (b.names(), b.names("info"))
    out = b.check("--repair")
    assert out.splitlines()[-1].startswith(
        "40 messages, 32 journals: %d findings, 0 left" % wrong)
    assert all(len(x) <= 80 for x in out.splitlines())
    b.whole(messages)
    b.check()
    b.deliver(messages)


def test_queue_copied_with_cp_is_repaired(bed):
    b = bed()
    b.settle()
    messages = b.restore(list(mixed(40)), lambda inodes: inodes)
    kept = b.home / "kept"
    subprocess.run(["cp", "-r", "--preserve=timestamps", b.home / "queue",
                    kept], check=True)
    for m in messages:
        m.name = m.ino
    b.clear()
    for kind in ("mess", "info"):
        shutil.rmtree(b.home / "queue" / kind)
    subprocess.run(["cp", "-r", "--preserve=timestamps", kept / "mess",
                    kept / "info", b.home / "queue"], check=True)
    shutil.rmtree(kept)
    for m in messages:
        m.ino = b.path("mess", m.name).stat().st_ino
    assert any(m.ino != m.name for m in messages)
    b.check("--repair")
    b.whole(messages)
    b.deliver(messages)


def test_queue_of_another_split_is_put_into_the_right_folders(bed):
    b = bed()
    b.settle()
    b.split = 7
    for kind in ("mess", "info"):
        for i in range(7):
            (b.home / "queue" / kind / str(i)).mkdir(exist_ok=True)
    messages = b.restore(list(mixed(20)), lambda inodes: inodes)
    b.split = 4
    b.check("--repair")
    b.whole(messages)
    b.deliver(messages)


def test_missing_folders_and_the_fifo_are_made(bed):
    b = bed()
    b.settle()
    shutil.rmtree(b.home / "queue/mess/3")
    shutil.rmtree(b.home / "queue/info")
    (b.home / "queue/hint").unlink()
    (b.home / "queue/mess/1").chmod(0o700)
    found = {(f["path"], f["kind"]) for f in b.findings()["findings"]}
    assert found == {("mess/3", "missing"), ("info", "missing"),
                     ("hint", "missing"), ("mess/1", "mode")}
    b.check("--repair")
    b.check()
    messages = b.restore(list(mixed(5)), lambda inodes: inodes)
    b.deliver(messages)


def test_damaged_messages_are_named_held_and_kept(bed):
    # The body is looked at by culver-local, which the plan stands for.
    b = bed(plan=lambda j: ("H", "damaged")
            if j.recipient.startswith("r102.") else "K")
    b.settle()
    good = b.restore(list(mixed(5)), foreign)
    bad = b.restore([Message(100 + i, waiting="a") for i in range(4)], foreign)
    kinds = ["head", "envelope", "body", "head"]
    for m, at in zip(bad, (20, -3, 460, None)):
        path = b.path("mess", m.name)
        data = bytearray(path.read_bytes())
        if at is None:
            data = data[:-1]
        else:
            data[at] ^= 1
        path.write_bytes(data)
        m.damaged = bytes(data)
    found = b.findings()["findings"]
    assert sorted(f["kind"] for f in found if not f["mendable"]) == \
        sorted(kinds)
    b.check("--repair", code=100)
    assert b.findings()["count"] == 4
    for m in bad:
        path = b.path("mess", m.ino)
        assert path.read_bytes() == m.damaged
        assert path.stat().st_ino == m.ino
        assert b.journal(m.ino) == m.journal(m.ino)
    b.spawner.jobs.clear()
    b.start()
    b.kill(signal.SIGALRM)
    wait_for(lambda: len(b.names()) == 4)
    wait_for(lambda: b.lines_text().count("send: held ") == 4)
    assert b.stop() == 0
    assert {j.recipient for j in b.spawner.jobs} == \
        {"r102.a@example.org",
         *(a for m in good for a in m.addresses()[len(m.done):])}
    for m in bad:
        assert b.path("mess", m.ino).read_bytes() == m.damaged


def test_what_is_no_file_stops_names_and_is_named(bed):
    b = bed()
    b.settle()
    messages = b.restore(list(mixed(5)), foreign)
    in_the_way = b.path("mess", messages[0].ino)
    in_the_way.symlink_to("/etc/passwd")
    (b.home / "queue/mess/1/README").write_text("hello")
    before = b.names()
    kinds = collections.Counter(f["kind"] for f in b.findings()["findings"])
    assert kinds == {"place": 5, "no-file": 1, "stray": 1}
    b.check("--repair", code=100)
    assert "no name is changed" in b.said
    assert b.names() == before
    in_the_way.unlink()
    (b.home / "queue/mess/1/README").unlink()
    b.check("--repair")
    b.whole(messages)


def test_journal_renamed_by_hand_is_written_anew(bed):
    b = bed()
    b.settle()
    messages = b.restore(list(mixed(10)), lambda inodes: inodes)
    for m in messages:
        if m.lines():
            b.path("info", m.ino).write_text(m.journal(m.ino + 4))
            os.utime(b.path("info", m.ino), (DUE, DUE))
    kinds = {f["kind"] for f in b.findings()["findings"]}
    assert kinds == {"number"}
    b.check("--repair")
    b.whole(messages)
    b.deliver(messages)


def test_journals_that_stayed_where_they_belong_are_found(bed):
    """Somebody moved the messages alone, and moved them wrongly."""
    b = bed()
    b.settle()
    messages = b.restore(list(mixed(10)), lambda inodes: inodes)
    turn = [*range(1, 10), 0]
    for m in messages:
        os.rename(b.path("mess", m.ino), b.home / "queue" / str(m.n))
    for m, to in zip(messages, turn):
        os.rename(b.home / "queue" / str(m.n),
                  b.path("mess", messages[to].ino))
    b.check("--repair")
    b.whole(messages)
    b.deliver(messages)


@pytest.mark.parametrize("known", (True, False))
def test_message_held_for_crashes_is_held_under_its_new_name(bed, known):
    """queue/trying, too, speaks of numbers, and not always of tokens."""
    b = bed()
    b.settle()
    b.start()
    assert b.stop() == 0
    messages = b.restore([Message(i, fresh="a") for i in range(7)], circles)
    held = messages[0]
    trying = b.home / "queue/trying"
    data = bytearray(trying.read_bytes())
    data[8:12] = struct.pack("=I", 1)
    data[48:80] = struct.pack("=Q16sII", held.name,
                              held.token if known else bytes(16), 2, 0)
    trying.write_bytes(data)
    b.check("--repair")
    b.spawner.jobs.clear()
    b.start()
    wait_for(lambda: set(b.names()) == {"%d/%d" % (held.ino % 4, held.ino)})
    assert b.stop() == 0
    assert {j.token for j in b.spawner.jobs} == {m.token for m in messages[1:]}
    assert any("send: held ino=%d " % held.ino in x for x in b.lines())


def test_repair_is_refused_while_culver_send_runs(bed):
    b = bed()
    b.settle()
    b.start()
    messages = b.restore(list(mixed(5)), foreign)
    before = b.names()
    assert b.check("--repair", code=111) == ""
    assert "end culver-send first" in b.said
    assert b.names() == before
    assert b.findings()["count"] == 5  # looking is allowed
    assert b.stop() == 0
    b.check("--repair")
    b.whole(messages)


def test_culver_send_does_not_start_in_the_middle_of_a_repair(bed):
    b = bed()
    b.settle()
    (b.home / "queue/repairing").write_text("")
    (b.home / "queue/repairing").chmod(0o644)
    b.start(check=False)
    assert b.process.wait(20) == 111
    assert "culver queue check --repair" in b.lines()[-1]
    assert [f["kind"] for f in b.findings()["findings"]] == ["unfinished"]
    b.check("--repair")
    b.start()
    assert b.stop() == 0


def test_leftovers_of_a_crash_are_no_findings(bed):
    b = bed()
    b.settle()
    messages = b.restore(list(mixed(5)), lambda inodes: inodes)
    lone = max(m.ino for m in messages) + 1000
    b.path("info", lone).write_text(Message(50, done="a").journal(lone))
    b.path("info", lone + 4).write_text("culver-jour")
    b.path("info", messages[0].ino).write_text(
        Message(51, done="a").journal(messages[0].ino))
    (b.home / "queue/info/0/5.tmp.77").write_text("")
    for path in (b.home / "queue/info").glob("*/*"):
        path.chmod(0o640)
    out = b.check()
    assert out == "5 messages, 7 journals: all is well; " \
        "5 left to culver-send\n"
    b.check("--repair")
    b.deliver(messages)


def test_usage_is_checked_and_help_tells(bed):
    b = bed()
    assert "--repair" in b.check("--help")
    b.check("--frobnicate", code=100)
    b.check("more", code=100)
    (b.home / "queue/format").unlink()
    b.check(code=111)
    assert "culver setup" in b.said


# A repair that is killed.

CHANGES = ("openat", "linkat", "unlinkat", "pwrite64", "fsync", "fchmod",
           "utimensat", "flock")


def can_trace():
    return STRACE is not None and subprocess.run(
        [STRACE, "-o", "/dev/null", "true"], check=False,
        capture_output=True).returncode == 0


def bent_repair(b, call, n, how):
    """Repair, its n-th call bent.  True when that was met."""
    trace = b.home / "trace"
    b.check("--repair", code=None, wrap=[
        STRACE, "-o", str(trace), "-e", "trace=" + call,
        "-e", "inject=%s:%s:when=%d" % (call, how, n)])
    text = trace.read_text()
    return "INJECTED" in text or "killed by" in text


def killed_repair(b, call, n):
    """Repair, killed at the entry of the n-th call."""
    return bent_repair(b, call, n, "signal=KILL")


def refused_or_whole(b, messages):
    """What the supervisor does right after: culver-send does not start; where
    nothing keeps it from that, all names are as before, or as they shall be."""
    if (b.home / "queue/repairing").exists():
        b.start(check=False)
        assert b.process.wait(20) == 111
        b.log.close()
        return
    names = [{m.name for m in messages}, {m.ino for m in messages}]
    assert {int(x.split("/")[1]) for x in b.names()} in names
    assert not [x for x in b.names("info") if "." in x]


@pytest.mark.skipif(not can_trace(), reason="strace cannot trace here")
@pytest.mark.parametrize("call", CHANGES)
def test_killed_at_any_call_and_done_again_it_loses_nothing(bed, call):
    """Of openat, some: most open what is there, and what was made by one is
    there at the next of the other calls, each of which is a point."""
    b = bed()
    b.settle()
    n, points = 0, 0
    while True:
        n += 9 if call == "openat" else 1
        b.clear()
        messages = b.restore(list(mixed(7)), circles)
        killed = killed_repair(b, call, n)
        refused_or_whole(b, messages)
        b.check("--repair")
        b.whole(messages)
        if not killed:
            break
        points += 1
        b.deliver(messages)
    assert points > 0


FAILURES = {"openat": ("ENOMEM", 3), "pread64": ("EIO", 1),
            "newfstatat": ("EIO", 3), "getdents64": ("EIO", 3),
            "linkat": ("ENOSPC", 1), "unlinkat": ("EIO", 1),
            "pwrite64": ("ENOSPC", 1), "fsync": ("EIO", 2),
            "fchmod": ("EIO", 1), "utimensat": ("EIO", 1)}


@pytest.mark.skipif(not can_trace(), reason="strace cannot trace here")
@pytest.mark.parametrize("call", FAILURES)
def test_call_that_fails_is_never_taken_for_nothing_there(bed, call):
    """What could not be looked at is no missing journal."""
    error, step = FAILURES[call]
    b = bed()
    b.settle()
    n, points = 1, 0
    while True:
        b.clear()
        messages = b.restore(list(mixed(7)), circles)
        if not bent_repair(b, call, n, "error=" + error):
            break
        refused_or_whole(b, messages)
        b.check("--repair")
        b.whole(messages)
        n, points = n + step, points + 1
    assert points > 0


@pytest.mark.skipif(not can_trace(), reason="strace cannot trace here")
def test_killed_again_and_again_it_comes_to_its_end(bed):
    b = bed()
    b.settle()
    dice = random.Random(3)
    kills = 0
    for _ in range(12):
        b.clear()
        messages = b.restore(list(mixed(7)), circles)
        # A later and later call of each run, so that it gets somewhere.
        for n in range(1, 60, 3):
            if not killed_repair(b, dice.choice(CHANGES[1:5]),
                                 dice.randrange(1, n + 1)):
                break
            kills += 1
            refused_or_whole(b, messages)
        b.check("--repair")
        b.whole(messages)
        b.deliver(messages)
    assert kills > 12


# A queue that was copied in the middle of a repair.

@pytest.mark.skipif(not can_trace(), reason="strace cannot trace here")
@pytest.mark.parametrize("links", (True, False))
@pytest.mark.parametrize("call", ("linkat", "unlinkat", "fsync"))
def test_copy_of_an_unfinished_repair_is_repaired(bed, call, links):
    """As tar makes it, which keeps two names of one file, and as cp -r."""
    b = bed()
    b.settle()
    n, points = 0, 0
    while True:
        n += 1
        b.clear()
        messages = b.restore(list(mixed(7)), circles)
        if not killed_repair(b, call, n):
            break
        points += 1
        for kind in ("mess", "info"):
            old = b.home / "queue" / kind
            old.rename(b.home / "old")
            how = "-a" if links else "-r"
            subprocess.run(["cp", how, "--preserve=timestamps", b.home / "old",
                            old], check=True)
            shutil.rmtree(b.home / "old")
        b.check("--repair")
        assert not [x for x in (*b.names(), *b.names("info")) if "." in x]
        tokens = {}
        for name, ino in b.names().items():
            data = (b.home / "queue/mess" / name).read_bytes()
            token = re.search(rb"token (\w+)", data)[1]
            tokens[bytes.fromhex(token.decode())] = ino
        for m in messages:
            m.ino = tokens[m.token]
        # Journals of numbers that no message has are culver-send's to remove.
        for name in set(b.names("info")) - set(b.names()):
            (b.home / "queue/info" / name).unlink()
        b.whole(messages)
        b.deliver(messages)
    assert points > 0


# A real instance.

@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes accounts")
def test_files_that_root_restored_get_their_owners_and_modes():
    folder = pathlib.Path(tempfile.mkdtemp(dir="/var/tmp"))
    folder.chmod(0o755)
    home = folder / "home"
    env = {"PATH": os.environ["PATH"], "CULVER_HOME": str(home)}

    def run(*words, code=0):
        done = subprocess.run([BIN / "culver", *words], env=env, text=True,
                              capture_output=True, check=False, timeout=120)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    try:
        with accounts_alone():
            run("setup", "--home", str(home), "--domain", "real.example")
        run("queue", "check")
        shutil.rmtree(home / "queue/info/5")
        (home / "queue/hint").unlink()
        (home / "queue/lock").write_text("")
        messages = [Message(i, done="a", waiting="b") for i in range(20)]
        for m in messages:
            name = 1000 + m.n
            for kind, data in (("mess", m.bytes()),
                               ("info", m.journal(name).encode())):
                path = home / "queue" / kind / str(name % 64) / str(name)
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(data)
                path.chmod(0o644)
        # Somebody's second name for a file that is not ours.
        (folder / "precious").write_bytes(messages[0].bytes())
        os.link(folder / "precious", home / "queue/mess/0/64")
        kinds = {f["kind"] for f in
                 json.loads(run("queue", "check", "--json",
                                code=100))["findings"]}
        assert kinds == {"place", "mode", "missing"}
        run("queue", "check", "--repair", code=100)
        left = json.loads(run("queue", "check", "--json", code=100))
        assert [f["kind"] for f in left["findings"]] == ["mode"]
        assert (folder / "precious").stat().st_uid == 0
        (home / "queue" / left["findings"][0]["path"]).unlink()
        run("queue", "check")
        for kind, owner in (("mess", "culverq"), ("info", "culvers")):
            paths = list((home / "queue" / kind).glob("*/*"))
            assert len(paths) == len(messages)
            for path in paths:
                assert (path.owner(), path.group()) == (owner, "culverm")
                assert path.stat().st_mode & 0o7777 == 0o640
        with open(folder / "log", "wb") as log:
            send = subprocess.Popen([BIN / "culver-send"], env=env, stderr=log)
        wait_for(lambda: "send: listed messages=20" in
                 (folder / "log").read_text())
        send.terminate()
        assert send.wait(20) == 0
        assert "held" not in (folder / "log").read_text()
    finally:
        shutil.rmtree(folder)
