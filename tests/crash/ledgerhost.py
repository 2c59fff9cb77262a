"""The ledger's host: a private instance whose programs are ended at random and
started again as a supervisor does it.  Standard library only."""
import ctypes
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("CULVER_BIN", TOP / "build" / "bin"))
SUBREAPER = 36  # prctl
PAUSE = 1.0     # seconds that a supervisor waits
FIRST = 3.0     # seconds between two deaths of a service's first process
CRASHES = {signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGILL,
           signal.SIGFPE, signal.SIGSYS}
PROGRAMS = ("queued", "lspawn", "rspawn", "bounce", "authd", "send", "smtpd",
            "popup")

# Every kind of process, and how often it is the first to be looked for.
ROLES = {("queued", "first"): 1, ("lspawn", "first"): 1,
         ("rspawn", "first"): 1,
         ("bounce", "first"): 1, ("authd", "first"): 1,
         ("send", "first"): 1, ("smtpd", "first"): 1, ("popup", "first"): 1,
         ("queued", "worker"): 6, ("local", "worker"): 8,
         ("smtpd", "worker"): 6, ("authd", "worker"): 1,
         ("popup", "worker"): 1, ("pop3d", "worker"): 1}


def draws(seed):
    """For ever: the roles in the order in which a victim is looked for."""
    order = random.Random(f"victims {seed}")
    while True:
        first, *rest = sorted(
            ROLES, key=lambda r: order.random() ** (1 / ROLES[r]),
            reverse=True)
        # Where nobody has the first of them, workers are taken instead, lest
        # the services were down most of the time.
        yield [first, *sorted(rest, key=lambda r: r[1] == "first")]


def free_base():
    """N such that nothing listens on N+25 and N+110."""
    for _ in range(100):
        base = random.randrange(10000, 30000)
        try:
            for offset in (25, 110):
                with socket.socket() as s:
                    s.bind(("127.0.0.1", base + offset))
            return base
        except OSError:
            continue
    raise RuntimeError("no free ports")


class Process:
    """A line of /proc/PID/stat."""

    def __init__(self, pid):
        text = pathlib.Path(f"/proc/{pid}/stat").read_text()
        name, rest = text.split("(", 1)[1].rsplit(")", 1)
        self.pid, self.name, self.dead = pid, name, rest.split()[0] in "ZX"


def below(pid):
    """The processes below pid, at any depth, pid not among them."""
    found = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            text = pathlib.Path(f"/proc/{pid}/task/{task}/children")
            for child in text.read_text().split():
                found += [Process(int(child)), *below(int(child))]
    except OSError:
        pass  # it ended just now
    return found


class Host:
    """A private instance in a folder of its own.

    Whatever loses its parent becomes a child of ours, so that it is still a
    victim, and none outlives us.
    """

    def __init__(self, boxes, where):
        ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0)
        self.folder = pathlib.Path(
            tempfile.mkdtemp(prefix="culver-ledger.", dir=where))
        self.folder.chmod(0o755)
        self.home = self.folder / "home"
        base = free_base()
        self.smtp, self.pop3 = base + 25, base + 110
        self.env = {"PATH": os.environ["PATH"], "CULVER_HOME": str(self.home),
                    "CULVER_CLOCK": str(self.folder / "clock")}
        for name in ("LD_LIBRARY_PATH", "UBSAN_OPTIONS"):
            if name in os.environ:
                self.env[name] = os.environ[name]
        # A sanitizer's search for leaks is a process, and would be killed.
        self.env["ASAN_OPTIONS"] = "detect_leaks=0"
        subprocess.run(
            [BIN / "culver", "setup", "--home", self.home, "--domain",
             "demo.example", "--private", "--base-port", str(base),
             *(w for b in boxes for w in ("--user", b + ":secret"))],
            check=True, stdout=subprocess.DEVNULL)
        # Mail for nobody is to bounce.
        (self.home / "control" / "usercheck").write_text("0\n")
        self.owner = self.home.stat()
        self.set_clock(0)
        self.pids = {}      # program: pid of its first process
        self.due = {}       # program: when it is started again
        self.last_kill = dict.fromkeys(PROGRAMS, 0.0)
        self.kills = {}     # role: how many
        self.crashes = []   # (what, signal)
        self.others = set()  # our children that are no part of the instance
        self.order = []     # the role that was looked for first, each time
        self.draws = None

    def set_clock(self, seconds):
        """How far the programs' clocks are ahead."""
        fd = os.open(self.folder / "clock", os.O_RDWR | os.O_CREAT, 0o644)
        os.pwrite(fd, b"%+020d\n" % (seconds * 1000000) * 2, 0)
        os.close(fd)

    def maildir(self, box):
        return self.home / "domains" / "demo.example" / box / "Maildir"

    # A supervisor

    def start(self):
        for name in PROGRAMS:
            self._spawn(name)

    def _spawn(self, name):
        argv = [str(self.home / "bin" / f"culver-{name}")]
        listen = self.home / "service" / name / "env" / "LISTEN"
        if listen.exists():
            for endpoint in listen.read_text().split():
                argv += ["-l", endpoint]
        pid = os.fork()
        if pid == 0:
            try:
                self._become(name, argv)
            finally:
                os._exit(111)
        self.pids[name] = pid

    def _become(self, name, argv):
        os.setsid()
        log = os.open(self.home / "log" / name / "test",
                      os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        null = os.open("/dev/null", os.O_RDONLY)
        for fd, to in ((null, 0), (log, 1), (log, 2)):
            os.dup2(fd, to)
        if os.geteuid() == 0:
            os.setgroups([])
            os.setgid(self.owner.st_gid)
            os.setuid(self.owner.st_uid)
        os.execve(argv[0], argv, self.env)

    def look_after(self):
        """Bury who ended; start again what ended a while ago."""
        now = time.monotonic()
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if pid == 0:
                break
            self._bury(pid, status, now)
        for name, when in list(self.due.items()):
            if now >= when:
                del self.due[name]
                self._spawn(name)

    def _bury(self, pid, status, now):
        if os.WIFSIGNALED(status) and os.WTERMSIG(status) in CRASHES:
            self.crashes.append(f"{pid} by signal {os.WTERMSIG(status)}")
        if pid in self.others:
            self.others.discard(pid)
            if status != 0:
                self.crashes.append(f"a client: {status}")
        for name, first in list(self.pids.items()):
            if first == pid:
                del self.pids[name]
                self.due[name] = now + PAUSE

    # The deaths

    def present(self):
        """Role: the pids that have it now, the instance's alone."""
        found, firsts = {}, {p: n for n, p in self.pids.items()}
        for p in below(os.getpid()):
            if p.pid in self.others or p.dead or \
                    not p.name.startswith("culver-"):
                continue
            role = ((firsts[p.pid], "first") if p.pid in firsts
                    else (p.name[len("culver-"):], "worker"))
            found.setdefault(role, []).append(p.pid)
        return found

    def end_one(self, seed):
        """SIGKILL for the first process in the drawn order of roles."""
        if self.draws is None:
            self.draws = draws(seed)
            self.which = random.Random(f"workers {seed}")
        order, part = next(self.draws), self.which.random()
        self.order.append(order[0])
        present, now = self.present(), time.monotonic()
        for role in order:
            pids = sorted(present.get(role, ()))
            if not pids or (role[1] == "first" and
                            now - self.last_kill[role[0]] < FIRST):
                continue
            try:
                os.kill(pids[int(part * len(pids))], signal.SIGKILL)
            except ProcessLookupError:
                continue
            if role[1] == "first":
                self.last_kill[role[0]] = now
            self.kills[role] = self.kills.get(role, 0) + 1
            return

    def signal(self, name, sig):
        if name in self.pids:
            os.kill(self.pids[name], sig)

    # What is left

    def queue(self):
        return sum(len(f) for at, _, f in os.walk(self.home / "queue/mess"))

    def journals(self):
        return [pathlib.Path(at, name)
                for at, _, names in os.walk(self.home / "queue/info")
                for name in names]

    def held(self):
        """Messages that wait for somebody's release."""
        found = 0
        for path in self.journals():
            try:
                found += " hold " in path.read_text()
            except FileNotFoundError:
                pass
        return found

    def log_text(self, name):
        return (self.home / "log" / name / "test").read_text(errors="replace")

    def tell_crashes(self):
        """What the logs say of processes that crashed."""
        words = [f"killed by signal {int(s)}\n" for s in CRASHES] + \
            [": bug: ", "Sanitizer", "runtime error"]
        for name in PROGRAMS:
            for line in self.log_text(name).splitlines(keepends=True):
                if any(w in line for w in words):
                    self.crashes.append(line.strip()[:200])

    def stop(self):
        """End every process below us."""
        self.due.clear()
        end = time.monotonic() + 10
        while True:
            self._reap()
            left = [p.pid for p in below(os.getpid()) if not p.dead]
            if not left:
                return
            for pid in left:
                client = pid in self.others or time.monotonic() > end
                try:
                    os.kill(pid, signal.SIGKILL if client else signal.SIGTERM)
                except ProcessLookupError:
                    pass
            time.sleep(0.05)

    def remove(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    def _reap(self):
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            pass
