"""What the tests of POP3 stand on: Maildirs, clients, culver-pop3d alone, and
culver-popup in front of a real culver-authd in a HOME."""

import atexit
import contextlib
import functools
import os
import pathlib
import poplib
import pwd
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("CULVER_BIN", ROOT / "build" / "bin"))
PATIENCE = 60  # seconds for what is sure to come
poplib._MAXLINE = 1 << 26  # our lines are as long as the mail's

# pop3d refuses to be root, and a private instance is never root's.
NOBODY = pwd.getpwnam("nobody") if os.getuid() == 0 else None
AS_NOBODY = dict(user=NOBODY.pw_uid, group=NOBODY.pw_gid, extra_groups=[]) \
    if NOBODY else {}


def give(path):
    """To whoever the programs run as."""
    if NOBODY:
        for folder, _, files in os.walk(path):
            for name in [folder] + [os.path.join(folder, f) for f in files]:
                os.chown(name, NOBODY.pw_uid, NOBODY.pw_gid,
                         follow_symlinks=False)


def wait_for(what, message):
    end = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < end, message
        time.sleep(0.001)


@pytest.fixture
def place():
    path = pathlib.Path(tempfile.mkdtemp(prefix="culver-pop3.",
                                         dir="/var/tmp"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


class Maildir:
    """A Maildir and what was put into it: {name: bytes}."""

    def __init__(self, path):
        self.path = pathlib.Path(path)
        for name in ("tmp", "new", "cur"):
            (self.path / name).mkdir(parents=True, exist_ok=True)

    def put(self, name, data, folder="new"):
        path = self.path / folder / name
        path.write_bytes(data)
        if NOBODY:
            os.chown(path, NOBODY.pw_uid, NOBODY.pw_gid)

    def names(self):
        return sorted(f + "/" + n for f in ("new", "cur")
                      for n in os.listdir(self.path / f))


@pytest.fixture
def maildir(place):
    box = Maildir(place / "Maildir")
    give(place)
    return box


def on_the_wire(data):
    """What RETR sends of a file, without doubled dots (RFC 1939, 11)."""
    data = re.sub(rb"(?<!\r)\n", b"\r\n", data)
    return data if not data or data.endswith(b"\n") else data + b"\r\n"


class Client:
    """POP3 a byte at a time: nothing is read as anything but what it is."""

    def __init__(self, sock):
        self.sock = sock
        self.sock.settimeout(PATIENCE)
        self.file = sock.makefile("rb")

    def send(self, data):
        self.sock.sendall(data)

    def line(self):
        return self.file.readline()

    def ask(self, command):
        self.send(command + b"\r\n")
        return self.line()

    def body(self):
        """Lines up to the dot, dots undone."""
        out = []
        while True:
            line = self.file.readline()
            assert line.endswith(b"\n"), "ended within an answer"
            if line == b".\r\n":
                return b"".join(out)
            out.append(line[1:] if line.startswith(b".") else line)

    def retr(self, number):
        assert self.ask(b"RETR %d" % number) == b"+OK\r\n"
        return self.body()

    def rest(self):
        return self.file.read()

    def close(self):
        self.file.close()
        self.sock.close()


@functools.lru_cache(maxsize=None)
def program():
    """culver-pop3d where nobody may go: the tree may be in root's folder."""
    if not NOBODY:
        return BIN / "culver-pop3d"
    folder = pathlib.Path(tempfile.mkdtemp(prefix="culver-bin.",
                                           dir="/var/tmp"))
    atexit.register(shutil.rmtree, folder)
    folder.chmod(0o755)
    return shutil.copy(BIN / "culver-pop3d", folder)


@contextlib.contextmanager
def pop3d(maildir, *options, cwd=None):
    """culver-pop3d with its greeting read; ends when its client closes."""
    ours, theirs = socket.socketpair()
    process = subprocess.Popen(
        [program(), *options, maildir], stdin=theirs,
        stdout=theirs, stderr=subprocess.PIPE, cwd=cwd, **AS_NOBODY)
    theirs.close()
    client = Client(ours)
    client.process = process
    try:
        assert client.line() == b"+OK\r\n"
        yield client
    finally:
        client.close()
        process.communicate(timeout=PATIENCE)


MESSAGES = {
    "plain": b"Subject: plain\n\nbody\n",
    "dots": b"Subject: dots\n\n.\n..\n.a\n a.\n.\n",
    "no final LF": b"Subject: no end\n\nlast",
    "no final LF, dot": b"Subject: no end\n\n.",
    "8-bit": b"Subject: \xc3\xa4\n\n" + bytes(range(128, 256)) + b"\n",
    "NUL and bare CR": b"A: b\n\n\0\r\0\n\ra\r\r\nx\r",
    "CRLF already": b"A: b\r\n\r\nbody\r\n.\r\n",
    "long line": b"A: b\n\n" + b"x" * 3000000 + b"\n",
    "empty": b"",
    "header alone": b"A: b\n",
    "10 MiB": b"A: b\n\n" + (b"." + b"y" * 70 + b"\n") * (10 * 1024 * 1024
                                                           // 72),
}


class Home:
    """A private instance with culver-authd running, and culver-popup started
    for each connection as a UCSPI server does it."""

    prefix = []     # of every command
    who = AS_NOBODY

    def __init__(self, path):
        self.path = path
        for name in ("bin", "control", "users", "domains", "state",
                     "state/authd"):
            (path / name).mkdir()
        for program in ("authd", "popup", "pop3d", "user"):
            shutil.copy(BIN / ("culver-" + program), path / "bin")
        (path / "control" / "me").write_text("mail.test\n")
        (path / "control" / "rcpthosts").write_text("mail.test\n")
        self.give()
        self.env = {"CULVER_HOME": str(path), "PATH": os.environ["PATH"]}
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS"):
            if name in os.environ:
                self.env[name] = os.environ[name]
        self.log = path / "log"
        self.stop = []

    def give(self):
        give(self.path)

    def command(self, program, arguments):
        return [*self.prefix, self.path / "bin" / ("culver-" + program),
                *arguments]

    def run(self, program, *arguments, **how):
        return subprocess.run(
            self.command(program, arguments), env=self.env,
            capture_output=True, timeout=PATIENCE, **self.who, **how)

    def start(self, program, *arguments, **how):
        with open(self.log, "ab") as log:
            p = subprocess.Popen(
                self.command(program, arguments),
                env=dict(self.env, **how.pop("environment", {})),
                stderr=log, **self.who, **how)
        self.stop.append(p)
        return p

    def user(self, address, password, *settings):
        r = self.run("user", "add", address, "--password-stdin", *settings,
                     input=password.encode() + b"\n")
        assert r.returncode == 0, r.stderr
        local, domain = address.lower().split("@")
        return Maildir(self.path / "domains" / domain / local / "Maildir")

    def authd(self):
        p = self.start("authd")
        wait_for(self.answers, "authd does not listen")
        return p

    def answers(self):
        with socket.socket(socket.AF_UNIX) as s:
            return s.connect_ex(str(self.path / "state" / "auth")) == 0

    def ucspi(self):
        """Listen, and run one popup for each connection.  The port."""
        server = socket.create_server(("127.0.0.1", 0))

        def accept():
            while True:
                try:
                    s, (ip, port) = server.accept()
                except OSError:
                    return
                self.start("popup", stdin=s, stdout=s, environment={
                    "PROTO": "TCP", "TCPREMOTEIP": ip,
                    "TCPREMOTEPORT": str(port), "TCPLOCALIP": "127.0.0.1",
                    "TCPLOCALPORT": str(server.getsockname()[1])})
                s.close()
        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        self.server, self.accepting = server, thread
        return server.getsockname()[1]

    def lines(self, text):
        return [line for line in self.log.read_text().splitlines()
                if text in line]

    def end(self):
        if hasattr(self, "server"):
            # Its thread must be gone before its number is another listener's.
            self.server.shutdown(socket.SHUT_RDWR)
            self.accepting.join(PATIENCE)
            self.server.close()
        for p in self.stop:
            if p.poll() is None:
                p.kill()
        for p in self.stop:
            p.wait(PATIENCE)


@pytest.fixture
def home(place):
    h = Home(place)
    yield h
    h.end()


def connect(port):
    return Client(socket.create_connection(("127.0.0.1", port), PATIENCE))


def login(port, user, password):
    p = poplib.POP3("127.0.0.1", port, PATIENCE)
    p.user(user)
    p.pass_(password)
    return p


def children(pid):
    out = subprocess.run(["ps", "--ppid", str(pid), "-o", "pid="],
                         capture_output=True, text=True).stdout
    return [int(p) for p in out.split()]


def gone(pid):
    try:
        return pathlib.Path("/proc/%d/stat" % pid).read_text() \
            .rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


def listening_popup(home):
    """culver-popup -l, and its port."""
    with socket.create_server(("127.0.0.1", 0)) as s:
        port = s.getsockname()[1]
    p = home.start("popup", "-l", "127.0.0.1:%d" % port)

    def up():
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", port)) == 0
    wait_for(up, "popup does not listen")
    return p, port


ACCOUNTS = {"culverp": 47001, "culveru": 47002, "culverv": 47003,
            "culverd": 47004}


class RealHome(Home):
    """Root's, with accounts that only its own processes see."""

    who = {}

    def __init__(self, path, people=()):
        """people: further lines of /etc/passwd."""
        for name, line in (("passwd", "%s:x:%d:%d::/:/bin/false\n"),
                           ("group", "%s:x:%d:\n")):
            kept = [line for line in open("/etc/" + name)
                    if line.split(":")[0] not in ACCOUNTS]
            (path / name).write_text("".join(kept + [
                line % (a, *[n] * line.count("%d"))
                for a, n in ACCOUNTS.items()] +
                [p for p in people if name == "passwd"]))
        self.prefix = [
            "unshare", "-m", "sh", "-c",
            "mount --bind %s/passwd /etc/passwd && "
            "mount --bind %s/group /etc/group && exec \"$@\"" % (path, path),
            "sh"]
        super().__init__(path)

    def give(self):
        os.chown(self.path / "domains", *[ACCOUNTS["culverv"]] * 2)
        os.chown(self.path / "state/authd", *[ACCOUNTS["culveru"]] * 2)


def can_unshare():
    return NOBODY is not None and shutil.which("unshare") and \
        subprocess.run(["unshare", "-m", "true"],
                       capture_output=True).returncode == 0
