"""Rounds with one fault, or two: every call of a counting pass in turn.

A task is one scenario with one seed on one kind of disk.  Its host lives on
from round to round, so that each crash meets what the last one left; after
CHAIN rounds it begins anew.
"""
import collections
import os
import pathlib
import random
import shutil
import tempfile
import time

import disk
import host as hosts
import scenarios
import stories
from mail import ANN, BOB, damaged
from tracer import CUTS, ENDS

CHAIN = 60
PATIENCE = 60  # seconds after which a wait has failed
STAY = 0.25    # seconds that a lasting fault is borne before it ends
POKED = 60     # calls that a signal to culver-send is good for
BUSY = 3000    # more calls of one program in a round: it only spins

Point = collections.namedtuple("Point", "program calls at action call")
SCENARIOS = {**scenarios.SCENARIOS, **stories.STORIES}
# Whose death, or trouble, between the last reply of a host and the journal's
# word of it has a message sent again.
SENDERS = ("send", "rspawn", "remote")
NO_SPACE = ("ENOSPC", "EDQUOT", "EIO")
DESCRIPTORS = ("EMFILE", "ENFILE", "ENOMEM")

# What each call may answer when the machine is in trouble.
ERRORS = {
    "open": (*DESCRIPTORS, "EIO"),
    "openat": (*DESCRIPTORS, "EIO", "ENOSPC", "EDQUOT"),
    "write": (*NO_SPACE, "EINTR", "short=1"),
    "pwrite64": (*NO_SPACE, "EINTR", "short=1", "EFBIG"),
    "writev": (*NO_SPACE, "EINTR"),
    "sendto": ("EINTR", "ENOBUFS", "EPIPE", "short=1"),
    "sendmsg": ("ENOBUFS", "ENOMEM", "EPIPE"),
    "fsync": ("EIO", "ENOSPC", "EDQUOT"),
    "fdatasync": ("EIO", "ENOSPC", "EDQUOT"),
    "link": NO_SPACE, "linkat": (*NO_SPACE, "EMLINK"),
    "unlink": ("EIO", "EROFS"), "unlinkat": ("EIO", "EROFS"),
    "rename": NO_SPACE, "renameat": NO_SPACE, "renameat2": NO_SPACE,
    "mkdir": NO_SPACE, "mkdirat": NO_SPACE,
    "ftruncate": ("EIO", "EINTR"), "fallocate": NO_SPACE,
    "fchmod": ("EIO",), "fchown": ("EIO",), "utimensat": ("EIO",),
    "clone": ("EAGAIN", "ENOMEM"), "clone3": ("EAGAIN", "ENOMEM"),
    "fork": ("EAGAIN", "ENOMEM"), "vfork": ("EAGAIN", "ENOMEM"),
    "read": ("EIO", "EINTR", "short=1"), "pread64": ("EIO", "short=1"),
    "recvfrom": ("EINTR", "ENOMEM", "ECONNRESET", "short=1"),
    "recvmsg": ("EINTR", "ENOMEM", "EMFILE"),
    "poll": ("EINTR", "ENOMEM"), "ppoll": ("EINTR", "ENOMEM"),
    "accept": ("EMFILE", "ENFILE", "ENOMEM", "ECONNABORTED", "EINTR"),
    "accept4": ("EMFILE", "ENFILE", "ENOMEM", "ECONNABORTED", "EINTR"),
    "socket": DESCRIPTORS, "socketpair": DESCRIPTORS,
    "pipe2": DESCRIPTORS, "connect": ("EAGAIN", "EINTR", "ECONNREFUSED"),
    "fstat": ("EIO",), "newfstatat": ("EIO", "ENOMEM"), "statfs": ("EIO",),
    "fstatfs": ("EIO",), "access": ("EIO", "ENOMEM"),
    "getdents64": ("EIO",), "lseek": ("EIO",), "fcntl": ("ENOMEM",),
    "flock": ("ENOLCK", "EINTR"), "mmap": ("ENOMEM",), "brk": ("ENOMEM",),
    "execve": ("ENOMEM", "EIO"), "wait4": ("EINTR",),
    "getrandom": ("EINTR",), "close": ("EIO",), "chdir": ("EIO",),
    "dup2": ("EMFILE",), "dup": ("EMFILE",), "readlink": ("EIO", "ENOMEM"),
    "clock_nanosleep": ("EINTR",), "nanosleep": ("EINTR",),
    "kill": ("EPERM",), "setsockopt": ("ENOBUFS",), "prctl": ("ENOMEM",),
    "setuid": ("EAGAIN",), "setgid": ("EPERM",), "setgroups": ("ENOMEM",),
}

# A socket does not fail so for ever; and a message in whose hand five
# connections were lost is held, as P9 says.  A connection that was aborted
# is none any more.
UNREAL = {("read", "EIO", "+"), ("sendto", "EPIPE", "+"),
          ("accept", "ECONNABORTED", "+"), ("accept4", "ECONNABORTED", "+")}


class Bench:
    """A worker's own corner: programs, template, disks by kind."""

    def __init__(self, built=hosts.BUILT):
        self.root = os.geteuid() == 0
        if self.root:
            disk.enter_namespace()
        self.place = hosts.scratch()
        self.slow = pathlib.Path(tempfile.mkdtemp(
            prefix="culver-crash.", dir="/var/tmp"))
        self.slow.chmod(0o755)
        self.programs = hosts.stage_programs(self.place, built)
        self.template = hosts.make_template(self.slow, self.programs, built)
        self.disks = {}

    def disk(self, kind):
        if kind not in self.disks:
            base = self.place / kind
            base.mkdir(mode=0o755)
            self.disks[kind] = disk.Folder(base, self.template) \
                if kind == "folder" else disk.Disk(base, kind, self.template)
        return self.disks[kind]

    def host(self, one, base, every_call):
        """What runs on that disk."""
        return hosts.Host(one, base, self.programs, every_call,
                          hosts.DOORS if self.root else hosts.free_ports())

    @staticmethod
    def scenario(name, host, seed):
        return SCENARIOS[name](host, seed)

    def close(self):
        for one in self.disks.values():
            one.close()
        shutil.rmtree(self.place, ignore_errors=True)
        shutil.rmtree(self.slow, ignore_errors=True)


class Chain:
    """Rounds of one scenario on one host."""

    def __init__(self, bench, kind, scenario, seed, every_call=False,
                 cold=False):
        self.bench, self.disk = bench, bench.disk(kind)
        self.kind, self.name, self.seed = kind, scenario, seed
        self.every_call, self.cold = every_call, cold
        self.figures, self.wrong = collections.Counter(), []
        self.path, self.rounds, self.host = [], 0, None
        self.usual = 0  # calls of a round in which nothing goes wrong
        self.begin()

    def begin(self):
        """A fresh disk and a fresh host on it."""
        self.end()
        self.disk.fresh()
        base = self.bench.place / f"{self.kind}.host"
        shutil.rmtree(base, ignore_errors=True)
        base.mkdir(mode=0o755)
        self.host = self.bench.host(self.disk, base, self.every_call)
        self.scenario = self.bench.scenario(self.name, self.host, self.seed)
        if self.bench.root:
            self.host.tracer.ask("power", self.disk.path)
        self.rounds = 0
        self.host.start(self.scenario.wanted)

    def end(self):
        if self.host is not None:
            self.host.kill()
            self.host.close()
        self.host = None

    # One round

    def count(self, kinds):
        """The counting pass: [(program, number, call)]."""
        counts = self.bench.place / "counts"
        if self.cold:
            self.host.kill()
        else:  # workers are there before the first point, too
            self.scenario.prepare()
            self.scenario.act(lambda: False)
            self.scenario.settle(lambda: False)
            self.scenario.check()
        self.scenario.prepare()
        self.host.tracer.ask("counts", counts)
        self.host.tracer.arm("*", kinds, 0, "count")
        self.host.start(self.scenario.wanted)
        self.scenario.act(lambda: False)
        self.scenario.settle(lambda: False)
        self.host.tracer.ask("counts", "-")
        self.scenario.check()
        self.collect("counting")
        found, numbers = [], collections.Counter()
        for line in counts.read_text().splitlines():
            program, _, call = line.split("\t")
            numbers[program] += 1
            found.append((program, numbers[program], call))
        self.usual = len(found)
        # Programs run side by side; each by itself does the same each time.
        return sorted(found)

    def strike(self, point):
        """A round in which the point's call goes wrong; whether it came."""
        tracer = self.host.tracer
        if self.cold:
            self.host.kill()
        self.scenario.prepare()
        self.host.pokes = 0
        tracer.arm(point.program, point.calls, point.at, point.action)
        self.scenario.hasty = point.action.endswith("+")
        self.scenario.books.lasting = self.scenario.hasty
        if self.cold:
            self.host.start(self.scenario.wanted, self.scenario.hasty)
        self.scenario.act(tracer.doomed)
        end = time.monotonic() + (STAY if self.scenario.hasty else PATIENCE)
        self.scenario.settle(
            lambda: tracer.doomed() or time.monotonic() > end)
        self.scenario.hasty = False
        return tracer.disarm()

    def recover(self, point):
        """Bring back what the fault took away."""
        tracer = self.host.tracer
        if tracer.hit is not None and (
                point.action in ENDS or tracer.hit.program in SENDERS):
            self.scenario.books.spare += 1
        if tracer.hit is not None and point.action in ENDS:
            tracer.wait_dead()
            # One may have been started just when the others died.
            tracer.kill()
            self.host.forget()
            self.scenario.books.late.clear()  # nobody has it any more
            if tracer.failed:
                raise AssertionError("the power could not be cut")
        if tracer.hit is not None and point.action in CUTS:
            self.disk.power_back()
        for name in damaged(self.host.home / "queue/mess"):
            self.scenario.books.accuse("half", f"queue/mess/{name}")
        if tracer.hit is not None and point.action in ENDS:
            self.host.mend()

    def round(self, point):
        """One fault, and what comes of it."""
        reached = self.strike(point)
        self.note(point, reached)
        self.recover(point)
        if not self.scenario.books.wrong:  # it begins anew anyhow
            self.finish(point)
        return reached

    def finish(self, point):
        """Everything up and well again, and all accounted for."""
        seen = self.host.tracer.seen()
        self.doubt(point)
        # Who is interrupted for ever goes on for ever, byte for byte too.
        patient = "EINTR" in point.action or "short" in point.action
        most = BUSY + 3 * self.usual + POKED * self.host.pokes
        if seen > most and not patient:
            self.scenario.books.accuse("busy loop", f"{seen} calls")
        self.host.start(self.scenario.wanted)
        if point.action not in (*ENDS, "kill"):
            self.scenario.probe()
        self.scenario.settle(lambda: False)
        self.scenario.check()

    def doubt(self, point):
        """Who could not write a message must not say that it is queued."""
        hit, messages = self.host.tracer.hit, self.scenario.books.open.values()
        if hit is None or hit.program != "queued" or hit.call not in (
                "fsync", "fdatasync", "pwrite64", "linkat") or point.action.rstrip(
                    "+") not in ("errno=EIO", "errno=ENOSPC", "errno=EDQUOT"):
            return
        if messages and all(
                m.state == "acked" and {ANN, BOB}.issuperset(m.recipients)
                for m in messages):
            self.scenario.books.accuse(
                "wrong acknowledgement", f"in spite of {hit}")

    def guarded(self, what, label):
        """A round; what it accuses gets the point's name.  After one that
        went wrong the chain begins anew."""
        result = None
        try:
            result = what()
        except AssertionError as error:
            self.figures["stalled"] += 1
            self.wrong.append(f"{label}: {error}\n{self.host.story()}")
            self.scenario.books.wrong.clear()
            self.fresh()
            return result
        self.rounds += 1
        if self.collect(label) or self.rounds >= CHAIN:
            self.fresh()
        return result

    def fresh(self):
        self.figures.update(self.scenario.books.figures)
        self.begin()

    def collect(self, label):
        """Take the books' accusations."""
        wrong = self.scenario.books.wrong
        found = bool(wrong)
        for line in wrong:
            self.wrong.append(f"{self.kind} {self.name} {self.seed} "
                              f"{label}: {line}\n{self.host.story()}")
        wrong.clear()
        return found

    def note(self, point, reached):
        self.path.append((point.program, point.at, point.action, reached))

    def result(self):
        self.figures.update(self.scenario.books.figures)
        self.end()
        return {"figures": dict(self.figures), "wrong": self.wrong,
                "path": self.path}


def label(*points):
    return " then ".join(f"{p.program}#{p.at} {p.call} {p.action}"
                         for p in points)


def single(bench, kind, scenario, seed, action, limit=None):
    """Every changing call of the counting pass meets action."""
    chain = Chain(bench, kind, scenario, seed)
    calls = chain.count("changing")
    for program, _, call in calls:
        chain.figures[f"seen {program} {call}"] += 1
    if limit is not None and len(calls) > limit:
        calls = sorted(random.Random(seed).sample(calls, limit))
    for program, at, call in calls:
        point = Point(program, "changing", at, action, call)
        reached = chain.guarded(lambda p=point: chain.round(p), label(point))
        chain.figures["points" if reached else "missed"] += 1
        chain.figures[f"calls {program} {call}"] += bool(reached)
    return chain.result()


def error_points(calls, seed, limit):
    """Each error of each call, once and from then on.  A call is known by its
    name and its number among those of that name: what is between may differ
    from round to round, and each kind has errors of its own."""
    numbers, points = collections.Counter(), []
    for program, _, call in calls:
        numbers[program, call] += 1
        at = numbers[program, call]
        points += [Point(program, call, at, word + sticky, call)
                   for error in ERRORS.get(call, ())
                   for word in [error if "=" in error else f"errno={error}"]
                   for sticky in ("", "+")
                   if (call, error, sticky) not in UNREAL]
    if limit is not None and len(points) > limit:
        points = random.Random(seed).sample(points, limit)
    return points


def errors(bench, kind, scenario, seed, limit=None):
    """Every call fails in every way that it may fail; those that programs
    make when they start, too, where the seed is odd."""
    chain = Chain(bench, kind, scenario, seed, every_call=True,
                  cold=seed % 2 == 1)
    for point in error_points(chain.count("all"), seed, limit):
        reached = chain.guarded(lambda p=point: chain.round(p), label(point))
        chain.figures["points" if reached else "missed"] += 1
    return chain.result()


def doubles(bench, kind, scenario, seed, limit=20):
    """A second fault while the first is recovered from, or after an error
    that nobody may have passed over."""
    chain = Chain(bench, kind, scenario, seed)
    calls, chance = chain.count("changing"), random.Random(seed)
    for _ in range(limit):
        program, at, call = chance.choice(calls)
        first = Point(program, "changing", at, chance.choice(
            ("cut", "cut", "killall", "errno=EIO", "errno=ENOSPC")), call)
        second = Point("*", "changing", chance.randrange(1, 80),
                       chance.choice(("cut", "cut", "killall", "kill",
                                      "errno=EIO", "errno=ENOSPC")), "?")
        reached = chain.guarded(lambda f=first, s=second: chain_two(
            chain, f, s), label(first, second))
        chain.figures["points" if reached else "missed"] += 1
    return chain.result()


def chain_two(chain, first, second):
    """True when both came."""
    tracer = chain.host.tracer
    chain.scenario.books.crashes = 2
    reached = chain.strike(first)
    chain.recover(first)
    tracer.arm(second.program, second.calls, second.at, second.action)
    chain.host.start(chain.scenario.wanted)
    chain.scenario.settle(tracer.doomed)
    # What was not met while recovering is met by the next message.
    if tracer.hit is None:
        chain.scenario.act(tracer.doomed)
        chain.scenario.settle(tracer.doomed)
    both = tracer.disarm() and reached
    chain.note(first, reached)
    chain.note(second, tracer.hit is not None)
    chain.recover(second)
    chain.finish(second)
    return both


def again(bench, kind, scenario, seed, cold, program, calls, at, action):
    """One point alone, as when something was found there."""
    chain = Chain(bench, kind, scenario, seed, every_call=True, cold=cold)
    chain.count("all")
    point = Point(program, calls, at, action, calls)
    reached = chain.guarded(lambda: chain.round(point), label(point))
    chain.figures["points" if reached else "missed"] += 1
    return chain.result()
