#!/usr/bin/python3
"""The power-cut rounds on any mail server that an adapter describes."""
import argparse
import collections
import fcntl
import os
import pathlib
import random
import shutil
import signal
import struct
import subprocess
import sys
import time

import disk
import host as hosts
import mail
import points
import scenarios
from mail import ANN, BOB, NUMBER
from tracer import CUTS, TOP, Tracer

ADAPTERS = pathlib.Path(__file__).resolve().parent / "adapters"
UNPACKED = TOP / "build/deps/peers"
PORT = 10025
LATE = 3      # seconds that a message may come after the queue was empty
NUDGE = 0.5   # seconds without a change after which the server is nudged
STARTS = 5    # starts of the server between two cuts that are borne
PAUSE = 0.3   # seconds between its end and another start
SLOW = 30     # seconds that a verb may take
SHUTDOWN, SHUTDOWN_NO_LOG = 0x8004587D, 2  # of the kernel's ext4.h
OURS = ("/etc", "/run", "/usr", "/var/lib", "/var/log", "/var/spool")


class Adapter:
    """One executable file; tests/crash/README says what its verbs are."""

    def __init__(self, name):
        path = pathlib.Path(name)
        self.path = path if "/" in str(name) else ADAPTERS / name
        self.name, self.can_nudge = self.path.name, True
        self.env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
        for word in ("CULVER_BIN", "LD_LIBRARY_PATH"):
            if word in os.environ:
                self.env[word] = os.environ[word]

    def argv(self, verb, *words):
        return [str(self.path.resolve()), verb, *map(str, words)]

    def run(self, verb, *words, codes=(0,)):
        """What the verb prints, and how it ended."""
        done = subprocess.run(
            self.argv(verb, *words), env=self.env, text=True, timeout=SLOW,
            stdin=subprocess.DEVNULL, capture_output=True, check=False)
        if codes and done.returncode not in codes:
            raise RuntimeError(f"{self.name} {verb}: {done.returncode} "
                               f"{done.stdout}{done.stderr}")
        return done.stdout.strip(), done.returncode

    # Where the server's program is

    def folder(self):
        """What the packages were unpacked into."""
        return UNPACKED / self.name

    def program(self):
        return pathlib.Path(self.run("program")[0])

    def there(self):
        """Whether the program is installed, or unpacked."""
        program = self.program()
        return program.exists() or self.unpacked(program).exists()

    def unpacked(self, program):
        return self.folder() / program.relative_to("/")

    def unpack(self):
        """Get its Debian packages without installing them: most mail
        servers cannot be installed beside each other."""
        packages = self.run("packages")[0].split()
        debs = self.folder().with_suffix(".debs")
        debs.mkdir(parents=True, exist_ok=True)
        if packages:
            subprocess.run(["apt-get", "-q", "download", *packages],
                           cwd=debs, check=True)
        self.folder().mkdir(exist_ok=True)
        for deb in sorted(debs.glob("*.deb")):
            subprocess.run(["dpkg", "-x", deb, self.folder()], check=True)
        shutil.rmtree(debs)

    def enter(self, place):
        """In a namespace of ours: what is written to the system's folders
        is gone with us, and what was unpacked lies where it belongs."""
        program = self.program()
        extra = self.folder() if not program.exists() else None
        for folder in OURS:
            overlay(place, folder, extra)


def overlay(place, folder, extra):
    """Lay extra's folder over the system's; what is written stays in
    place."""
    layers = [folder]
    if extra is not None and (extra / folder[1:]).is_dir():
        layers.insert(0, str(extra / folder[1:]))
    upper = place / "upper" / folder[1:].replace("/", ".")
    for part in ("new", "work"):
        (upper / part).mkdir(parents=True)
    options = (f"lowerdir={':'.join(layers)},upperdir={upper}/new,"
               f"workdir={upper}/work")
    disk.call("mount", b"overlay", folder.encode(), b"overlay", 0,
              options.encode())


class PeerDisk(disk.Disk):
    """A disk that the adapter fills, with room for what is not as small as
    a test wants it."""

    times = 4

    def cut(self):
        """Lose the power now, whoever does what."""
        fd = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.ioctl(fd, SHUTDOWN, struct.pack("I", SHUTDOWN_NO_LOG))
        finally:
            os.close(fd)

    def fill(self, template):
        self.path.chmod(0o755)
        template.run("prepare", self.path, PORT)


class Server(hosts.Host):
    """A mail server under faultrun; what Host is to culver."""

    # What a culver instance has is not set up.
    # pylint: disable=super-init-not-called
    def __init__(self, adapter, one, base, every_call):
        self.adapter, self.disk, self.home = adapter, one, one.path
        self.ports, self.wanted = {"smtpd": PORT}, ()
        self.logs = pathlib.Path(base) / "log"
        self.logs.mkdir()
        self.tracer = Tracer(adapter.env, every_call)
        self.names, self.pids, self.starts = {}, {}, 0
        self.met, self.sink = set(), None
        self.ends, self.pokes = collections.deque(maxlen=20), 0
        self.mend = lambda: None

    def argv(self, name):
        return self.adapter.argv("serve", self.home, PORT)

    def spawn(self, name):
        if self.starts == STARTS:
            raise AssertionError("the server does not stay up")
        if self.starts:  # as a supervisor does
            time.sleep(PAUSE)
        self.starts += 1
        pid = self.tracer.run(str(self.logs / name), *self.argv(name))
        self.pids[name], self.names[pid] = pid, name

    def forget(self):
        super().forget()
        self.starts = 0

    def waiting(self):
        """The messages in its queue, as the adapter names them; None when
        that could not be told."""
        text, code = self.adapter.run("queue", self.home, codes=())
        return text if code == 0 else None

    def settle(self, stop=lambda: False, steps=()):
        """Until the queue is empty.  True when it is, False when stop()
        came first."""
        del steps
        end = time.monotonic() + hosts.PATIENCE
        seen, quiet, empty = None, time.monotonic(), 0
        while not stop():
            self.keep_up()
            now = self.waiting()
            # A message may be on its way from one folder to the next.
            empty = empty + 1 if now == "" else 0
            if empty == 2:
                return True
            if now != seen:
                seen, quiet = now, time.monotonic()
            if time.monotonic() - quiet > NUDGE:
                self.nudge()
                quiet = time.monotonic()
            if time.monotonic() > end:
                raise AssertionError(f"the queue does not empty: {now}")
            self.tracer.listen(0.01)
        return False

    def nudge(self):
        """Have it try again what waits, if it can be told to."""
        if self.adapter.can_nudge:
            code = self.adapter.run("nudge", self.home, codes=())[1]
            self.adapter.can_nudge = code != 2

    def flush(self, stop=lambda: False):
        pass

    def maildir(self, address):
        user = hosts.MAILBOXES[address]
        if user not in self.__dict__:
            self.__dict__[user] = pathlib.Path(
                self.adapter.run("maildir", self.home, user)[0])
        return self.__dict__[user]

    def files(self):
        """(address, path) of all that was delivered."""
        for address in hosts.MAILBOXES:
            for part in ("new", "cur"):
                folder = self.maildir(address) / part
                if folder.is_dir():
                    for name in os.listdir(folder):
                        yield address, folder / name

    def collect(self):
        found = [(address, path, path.read_bytes())
                 for address, path in self.files()]
        for _, path, _ in found:
            path.unlink()
        self.disk.sync()
        return [(address, data) for address, _, data in found]

    def delivered(self):
        """{(message's number, address)}, as far as it can be read."""
        found = set()
        try:
            for address, path in self.files():
                number = NUMBER.search(path.read_bytes())
                if number:
                    found.add((int(number.group(1)), address))
        except OSError:  # the power has just been cut
            pass
        return found


class Books(mail.Books):
    """Copies too many are counted, and nothing stops for them: most servers
    deliver at least once, and say so."""

    def accuse(self, promise, text):
        super().accuse(promise, text)
        if promise == "twice":
            self.wrong.pop()


class Mail(scenarios.Mail):
    """Messages to mailboxes that are there."""

    wanted = ("smtpd",)

    def __init__(self, host, seed):
        super().__init__(host, seed)
        self.books = Books()

    @staticmethod
    def choose(chance):
        return chance.choices(
            [((ANN,), 0), ((ANN, BOB), 100), ((BOB,), 200000)], (4, 2, 1))[0]

    def settle(self, over):
        """Nothing is called lost before it had time to come."""
        if not self.host.settle(over):
            return
        owed = {(m.number, to) for m in self.books.open.values()
                if m.state == "acked" for to in m.recipients}
        end = time.monotonic() + LATE
        while not over() and time.monotonic() < end:
            if owed <= self.host.delivered():
                return
            self.host.tracer.listen(0.01)


class Bench:
    """What points.Bench is to culver, for one adapter."""

    root = True

    def __init__(self, adapter):
        self.adapter, self.disks = adapter, {}
        disk.enter_namespace()
        self.place = hosts.scratch()
        adapter.enter(self.place)

    def disk(self, kind):
        if kind not in self.disks:
            base = self.place / kind
            base.mkdir(mode=0o755)
            self.disks[kind] = PeerDisk(base, kind, self.adapter)
        return self.disks[kind]

    def host(self, one, base, every_call):
        return Server(self.adapter, one, base, every_call)

    @staticmethod
    def scenario(_, host, seed):
        return Mail(host, seed)

    def close(self):
        for one in self.disks.values():
            one.close()
        shutil.rmtree(self.place, ignore_errors=True)


# The cut after the last call of a round.
END = points.Point("nobody", "changing", 0, "cut", "all is done")


class Chain(points.Chain):
    """Rounds whose next one meets a server that has just done its work, as
    the counting pass does."""

    def begin(self):
        try:
            super().begin()
        except AssertionError as error:
            raise RuntimeError(f"{error}\n{self.host.story()}") from error

    def count(self, kinds):
        """The counting pass, in which all must go well."""
        try:
            found = super().count(kinds)
        except AssertionError as error:
            raise RuntimeError(f"{error}\n{self.host.story()}") from error
        figures = self.scenario.books.figures
        if set(figures) != {"acked"}:
            raise RuntimeError(f"without a cut: {dict(figures)} "
                               f"{self.wrong}\n{self.host.story()}")
        return found

    def fresh(self):
        super().fresh()
        self.warm()

    def finish(self, point):
        super().finish(point)
        self.warm()

    def round(self, point):
        if point is not END:
            return super().round(point)
        # By no call of a program: none may come any more.
        self.host.tracer.arm("*", "changing", 0, "count")
        self.warm(check=False)
        self.disk.cut()
        self.host.kill()
        self.disk.power_back()
        self.finish(point)
        return True

    def lost(self):
        """How many copies were lost up to now."""
        return self.figures["lost"] + self.scenario.books.figures["lost"]

    def warm(self, check=True):
        """A round without a fault."""
        self.scenario.act(lambda: False)
        self.scenario.settle(lambda: False)
        if check:
            self.scenario.check()


def cuts(bench, kind, seed, limit=None, action="cut",
         tell=lambda text: None):
    """Every changing call of the counting pass, or a sample of limit of
    them, meets the end of the power; so does a server that is done."""
    chain = Chain(bench, kind, bench.adapter.name, seed)
    calls = chain.count("changing")
    if limit is not None and len(calls) > limit:
        some = random.Random(seed).sample(range(len(calls)), limit)
        calls = [calls[n] for n in sorted(some)]
    todo = [points.Point(program, "changing", at, action, call)
            for program, at, call in calls] + [END]
    for n, point in enumerate(todo):
        name = points.label(point)
        tell(f"{kind} {n + 1}/{len(todo)} {name}")
        before = chain.lost()
        reached = chain.guarded(lambda p=point: chain.round(p), name)
        chain.figures["points" if reached else "missed"] += 1
        chain.figures["losing"] += chain.lost() > before
    return chain.result()


# losing: points at which an acknowledged message was lost.
COLUMNS = ("points", "missed", "acked", "losing", "lost", "half", "twice",
           "bounced", "stalled")


def report(adapter, figures):
    """The figures of each file system, as a table."""
    lines = [f"{adapter.name}, Linux {os.uname().release}",
             f"{'':16}" + "".join(f"{c:>9}" for c in COLUMNS)]
    for kind, row in figures.items():
        lines.append(f"{kind:16}" + "".join(f"{row[c]:9}" for c in COLUMNS))
        for other in sorted(set(row) - {*COLUMNS, "refused", "unsure"}):
            lines.append(f"{'':16} {other}: {row[other]}")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(
        prog="peer.py", description=__doc__ + "  Root only; the exit code is "
        "1 when an acknowledged message was lost or half a message was seen.",
        epilog="example: python3 tests/crash/peer.py --points 50 postfix")
    parser.add_argument("--disk", default=",".join(disk.KINDS),
                        help="file systems, with commas between them")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--points", type=int, metavar="N",
                        help="a sample of N points, not all")
    parser.add_argument("--action", choices=CUTS, default="cut",
                        help="what each point meets; see faultrun --help")
    parser.add_argument("--unpack", action="store_true",
                        help="get its packages into build/deps/peers first")
    parser.add_argument("--logs", action="store_true",
                        help="print what the server said, too")
    parser.add_argument("adapter", metavar="ADAPTER",
                        help="a name in tests/crash/adapters, or a path")
    options = parser.parse_args()
    adapter = Adapter(options.adapter)
    if options.unpack:
        adapter.unpack()
    if not adapter.there():
        sys.exit(f"peer.py: {adapter.program()} is not there; "
                 f"packages: {adapter.run('packages')[0]}")
    # Nothing stays behind, loop devices above all.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    bench, figures, wrong = Bench(adapter), {}, []

    def tell(text):
        print(text, file=sys.stderr, flush=True)
    try:
        for kind in options.disk.split(","):
            result = cuts(bench, kind, options.seed, options.points,
                          options.action, tell)
            figures[kind] = collections.Counter(result["figures"])
            wrong += result["wrong"]
    finally:
        bench.close()
    for text in wrong:
        print(text if options.logs else text.split("\n")[0])
    print(report(adapter, figures))
    sys.exit(any(row["lost"] or row["half"] for row in figures.values()))


if __name__ == "__main__":
    main()
