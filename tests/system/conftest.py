"""Private instances for the system tests; see class Instance."""
import contextlib
import fcntl
import os
import pathlib
import random
import shutil
import signal
import smtplib
import socket
import subprocess
import tempfile
import threading
import time

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("CULVER_BIN", TOP / "build" / "bin")).resolve()
PATIENCE = 60  # seconds after which a wait has failed
DOMAIN = "demo.example"
CRASHES = {signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGILL,
           signal.SIGFPE, signal.SIGSYS}

# In the order in which they are started; ended in the opposite one.
PROGRAMS = ("queued", "lspawn", "rspawn", "bounce", "authd", "send", "smtpd",
            "popup")


def pytest_configure(config):
    config.addinivalue_line("markers", "root: runs only as root")
    config.addinivalue_line(
        "markers", "attack(section): a case of a catalogue of attacks")


@pytest.fixture(autouse=True)
def counted_attack(request):
    """The report says which tests are cases of which section."""
    mark = request.node.get_closest_marker("attack")
    if mark:
        request.node.user_properties.append(("attack", mark.args[0]))


@contextlib.contextmanager
def accounts_alone():
    """Nobody else of the tests changes the host's accounts meanwhile."""
    with open("/run/lock/culver-tests", "w", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def wait_for(what, seconds=PATIENCE, why=""):
    """The first true value of what(), asked again and again until a deadline.

    What is asserted is that it comes at all, never how soon.
    """
    end = time.monotonic() + seconds
    while True:
        value = what()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited in vain: {why or what}")
        time.sleep(0.02)


def free_base(offsets=(25, 110)):
    """N such that nothing listens on N+25 and N+110."""
    for _ in range(100):
        base = random.randrange(10000, 30000)
        taken = []
        try:
            for offset in offsets:
                s = socket.socket()
                taken.append(s)
                s.bind(("127.0.0.1", base + offset))
            return base
        except OSError:
            continue
        finally:
            for s in taken:
                s.close()
    raise AssertionError("no free ports")


def children(pid):
    """The processes below pid, at any depth."""
    found = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            text = pathlib.Path(f"/proc/{pid}/task/{task}/children").read_text()
            for child in map(int, text.split()):
                found += [child, *children(child)]
    except OSError:
        pass
    return found


def kill(pid, sig=signal.SIGKILL):
    try:
        os.kill(pid, sig)
        return True
    except ProcessLookupError:
        return False


def write_clock(path, wall, boot):
    """What lib/clock.h reads; in place, because programs have it mapped."""
    text = b"%+020d\n%+020d\n" % (wall * 1000000, boot * 1000000)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT, 0o644)
    try:
        os.fchmod(fd, 0o644)
        os.pwrite(fd, text, 0)
    finally:
        os.close(fd)
    return path


class Instance:
    """A private instance in a folder of its own, on a disk.

    home, smtp and pop3 say where it is.  Its programs are direct children of
    the test, without a supervisor, unless keep_up() plays one.
    """

    def __init__(self, users=("ann:secret",), setup=()):
        self.folder = pathlib.Path(
            tempfile.mkdtemp(prefix="culver-test.", dir="/var/tmp"))
        self.folder.chmod(0o755)
        self.home = self.folder / "home"
        self.base = free_base()
        self.smtp, self.pop3 = self.base + 25, self.base + 110
        self.env = {"PATH": os.environ["PATH"], "CULVER_HOME": str(self.home)}
        for name in ("LD_LIBRARY_PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS"):
            if name in os.environ:
                self.env[name] = os.environ[name]
        self.running = {}
        self.wrapped = {}   # program: argv to put in front of it
        self.died = []      # (program, return code) of what nobody stopped
        self.lock = threading.Lock()
        self.keeper = None
        self.command("setup", "--home", str(self.home), "--domain", DOMAIN,
                     "--private", "--base-port", str(self.base),
                     *(w for u in users for w in ("--user", u)), *setup)
        owner = self.home.stat()
        self.uid, self.gid = owner.st_uid, owner.st_gid

    # Programs

    def command(self, *words, code=0, **more):
        """culver WORDS; its output.  code None: whatever it exits with."""
        done = subprocess.run([BIN / "culver", *words], env=self.env,
                              capture_output=True, text=True, timeout=120,
                              check=False, **more)
        assert code in (None, done.returncode), done.stdout + done.stderr
        return done.stdout

    def log(self, name):
        return self.home / "log" / name / "test"

    def log_text(self, name):
        return self.log(name).read_text(errors="replace")

    def start(self, *names):
        """Start these programs, or all, and wait until they can be reached."""
        for name in names or PROGRAMS:
            self.spawn(name)
        for name in names or PROGRAMS:
            wait_for(lambda n=name: self.reachable(n), why=f"{name} to start")

    def spawn(self, name):
        argv = [str(self.home / "bin" / f"culver-{name}")]
        listen = self.home / "service" / name / "env" / "LISTEN"
        if listen.exists():
            for endpoint in listen.read_text().split():
                argv += ["-l", endpoint]
        argv = self.wrapped.get(name, []) + argv
        identity = {}
        # A tracer stays root, so that it sees into what is not dumpable; the
        # program under it becomes HOME's owner by itself.
        if os.geteuid() == 0 and name not in self.wrapped:
            identity = {"user": self.uid, "group": self.gid,
                        "extra_groups": []}
        with open(self.log(name), "ab") as log:
            os.fchmod(log.fileno(), 0o666)
            child = subprocess.Popen(argv, env=self.env, stdout=log,
                                     stderr=log, stdin=subprocess.DEVNULL,
                                     start_new_session=True, **identity)
        self.running[name] = child

    def reachable(self, name):
        sockets = {"queued": "queue/submit", "lspawn": "queue/lspawn",
                   "rspawn": "queue/rspawn",
                   "bounce": "queue/bounce", "authd": "state/auth",
                   "keyd": "state/key"}
        if name in sockets:
            try:
                with socket.socket(socket.AF_UNIX) as s:
                    s.connect(str(self.home / sockets[name]))
                return True
            except OSError:
                return False
        if name in ("smtpd", "popup"):
            port = self.smtp if name == "smtpd" else self.pop3
            try:
                socket.create_connection(("127.0.0.1", port), 5).close()
                return True
            except OSError:
                return False
        return "running" in self.log_text(name) or \
            self.running[name].poll() is None

    def stop(self, *names):
        """End these programs, or all, by SIGTERM; by SIGKILL in the end."""
        others = [n for n in self.running if n not in PROGRAMS]
        for name in names or (*reversed(PROGRAMS), *others):
            child = self.running.pop(name, None)
            if child is None:
                continue
            below = children(child.pid)
            if child.poll() is None:
                kill(below[0] if name in self.wrapped and below else child.pid,
                     signal.SIGTERM)
            try:
                child.wait(10)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
            for pid in below:
                kill(pid)
            if -child.returncode in CRASHES:
                self.died.append((name, child.returncode))

    def keep_up(self):
        """Play the supervisor: whatever ends is started again."""
        self.stopping = threading.Event()

        def work():
            while not self.stopping.wait(0.05):
                for name, child in list(self.running.items()):
                    if child.poll() is not None:
                        if -child.returncode in CRASHES:
                            self.died.append((name, child.returncode))
                        self.spawn(name)

        self.keeper = threading.Thread(target=work, daemon=True)
        self.keeper.start()

    def tell(self):
        """Print the end of every log, and what is in the queue."""
        for log in sorted((self.home / "log").glob("*/*")):
            lines = log.read_text(errors="replace").splitlines()[-20:]
            print(f"== {log.parent.name}", *lines, sep="\n")
        print("== queued", self.queued(), "journals", self.journals())
        for name, child in self.running.items():
            print(name, child.pid, child.poll(), children(child.pid))

    def close(self):
        if self.keeper is not None:
            self.stopping.set()
            self.keeper.join()
        self.stop()
        for log in (self.home / "log").glob("*/*"):
            text = log.read_text(errors="replace")
            for word in ("Sanitizer", "runtime error", ": bug: "):
                if word in text:
                    self.died.append((log.parent.name, text[-4000:]))
        shutil.rmtree(self.folder, ignore_errors=True)

    def processes(self, name):
        """Pids of culver-NAME below us, parents first."""
        found = []
        for child in list(self.running.values()):
            for pid in [child.pid, *children(child.pid)]:
                try:
                    comm = pathlib.Path(f"/proc/{pid}/comm").read_text()
                except OSError:
                    continue
                if comm.strip() == f"culver-{name}"[:15]:
                    found.append(pid)
        return found

    # Mail

    def client(self, timeout=60):
        """A session that has been greeted."""
        client = smtplib.SMTP("127.0.0.1", self.smtp, "client.example",
                              timeout=timeout)
        assert client.ehlo()[0] == 250
        return client

    def send(self, data, to=("ann@" + DOMAIN,), sender="you@client.example"):
        """Send bytes by SMTP with Python's smtplib."""
        with self.client() as client:
            client.sendmail(sender, list(to), data)

    def maildir(self, user="ann", domain=DOMAIN):
        return self.home / "domains" / domain / user / "Maildir"

    def mails(self, user="ann", domain=DOMAIN):
        """The files in new/ of a mailbox, oldest name first."""
        folder = self.maildir(user, domain) / "new"
        return sorted(folder.iterdir()) if folder.is_dir() else []

    def wait_mails(self, count, user="ann", seconds=PATIENCE):
        return wait_for(lambda: len(self.mails(user)) >= count and
                        self.mails(user), seconds,
                        f"{count} messages for {user}")

    # The queue

    def queued(self):
        """INO of every message in queue/mess."""
        return {int(f.name) for f in (self.home / "queue/mess").glob("*/*")}

    def journals(self):
        """INO: text of every journal."""
        found = {}
        for f in (self.home / "queue/info").glob("*/*"):
            try:
                found[int(f.name)] = f.read_text()
            except FileNotFoundError:
                pass
        return found

    def wait_empty(self, seconds=PATIENCE):
        wait_for(lambda: not self.queued() and not self.journals(), seconds,
                 "an empty queue")

    def set_clock(self, seconds, wall=None):
        """Move the clocks of programs that are started after the first call;
        wall, where it is given, is how far the wall clock is moved."""
        wall = seconds if wall is None else wall
        self.env["CULVER_CLOCK"] = str(
            write_clock(self.folder / "clock", wall, seconds))


@pytest.fixture
def make_instance(request):
    """make_instance(users=..., setup=...): an Instance that is not started.

    Where its test fails, what its programs said last is printed.
    """
    made = []
    failed = request.session.testsfailed

    def make(*args, **named):
        made.append(Instance(*args, **named))
        return made[-1]

    yield make
    for one in made:
        if request.session.testsfailed > failed:
            one.tell()
        one.close()
    assert [one.died for one in made if one.died] == []


@pytest.fixture
def instance(make_instance):
    """A running private instance with the mailboxes ann and bob."""
    one = make_instance(users=("ann:secret", "bob:hidden"))
    one.start()
    return one


