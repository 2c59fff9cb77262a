"""A culver-send between a spawner and a culver-bounce made of Python.

It runs the real program on a real queue in a private HOME; what surrounds it
speaks wire/job.h and wire/bounce.h and does what the test says.
"""
import os
import pathlib
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time
import zlib

TOP = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("CULVER_BIN", TOP / "build" / "bin"))
HEAD = 448
NOBODY = 65534
REPEAT = 1
VERSION = 2
JOB_END = 0xffffffff
PATIENCE = 20  # seconds after which a wait has failed


def wait_for(what, seconds=PATIENCE):
    """The first true value that what() gives, looked for again and again."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = what()
        if value:
            return value
        time.sleep(0.005)
    raise AssertionError("waited in vain")


def head(arrived, token, body, lines, envelope):
    text = (
        "culver-message 1\n"
        "arrived %012d.%06d\n"
        "token %s\n"
        "submitter uid %010d writer %010d\n"
        "body at %020d length %020d lines %020d crc32 %08x\n"
        "envelope at %020d length %020d crc32 %08x\n"
        "message-id %016x\n"
        % (arrived // 1000000, arrived % 1000000, token.hex(), 1000, 4321,
           HEAD, len(body), lines, zlib.crc32(body),
           HEAD + len(body), len(envelope), zlib.crc32(envelope), 0))
    last = "head crc32 %08x\n"
    pad = HEAD - len(text) - len(last % 0)
    text += " " * (pad - 1) + "\n"
    return (text + last % zlib.crc32(text.encode())).encode()


class Frames:
    """Frames of lib/frame.h on a stream socket."""

    def __init__(self, sock):
        self.sock, self.data = sock, b""

    def read(self):
        while True:
            if len(self.data) >= 4:
                size = struct.unpack(">I", self.data[:4])[0]
                if len(self.data) >= 4 + size:
                    whole, self.data = (self.data[4:4 + size],
                                        self.data[4 + size:])
                    return chr(whole[0]), whole[1:]
            more = self.sock.recv(65536)
            if not more:
                return None, None
            self.data += more

    def write(self, kind, payload):
        self.sock.sendall(struct.pack(">I", len(payload) + 1) +
                          kind.encode() + payload)


class Job:
    def __init__(self, payload):
        (self.job, self.ino, self.token, self.flags,
         count) = struct.unpack(">IQ16sII", payload[:36])
        end = 36 + 4 * count
        self.numbers = struct.unpack(">%dI" % count, payload[36:end])
        texts = payload[end:].decode().split("\0")
        assert texts.pop() == "" and len(texts) == 3 + count
        self.group, self.lane, self.sender, *self.recipients = texts
        self.number, self.recipient = self.numbers[0], self.recipients[0]


def job(number, ino, token, recipients, sender="s@example.net", flags=0,
        group="", lane="", first=0):
    """The payload of a J; the recipients have the numbers first and on."""
    count = len(recipients)
    return struct.pack(">IQ16sII%dI" % count, number, ino, token, flags, count,
                       *range(first, first + count)) + "".join(
        t + "\0" for t in (group, lane, sender, *recipients)).encode()


class Result:
    """What an R says; number is None in the end of a job."""

    def __init__(self, payload):
        self.job, self.number, self.signal = struct.unpack(">III", payload[:12])
        self.number = None if self.number == JOB_END else self.number
        self.letter, self.fault, self.marks = (chr(payload[12]), payload[13],
                                               payload[14])
        (self.status, self.text, self.via, self.tls, self.group,
         rest) = payload[15:].split(b"\0")
        assert rest == b""

    def __repr__(self):
        return "%s %s %r" % (self.number, self.letter, self.text)


def result(job, letter, text="", number=JOB_END, status="", via="", tls="",
           killed=0, fault=0, marks=0, group=""):
    """The payload of an R."""
    return struct.pack(">III", job, number, killed) + letter.encode() + bytes(
        (fault, marks)) + "".join(
            t + "\0" for t in (status, text, via, tls, group)).encode()


class Server(threading.Thread):
    """Accepts on a Unix socket and serves one connection after another."""

    def __init__(self, path):
        super().__init__(daemon=True)
        if os.path.exists(path):
            os.unlink(path)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen()
        self.frames = None
        self.start()

    def run(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            self.frames = Frames(sock)
            try:
                self.serve(self.frames)
            except OSError:
                pass
            sock.close()

    def hang_up(self):
        self.frames.sock.shutdown(socket.SHUT_RDWR)

    def close(self):
        """The thread must be gone before its descriptor's number is another
        listener's: it would take that one's connections."""
        self.listener.shutdown(socket.SHUT_RDWR)
        if self.frames is not None:
            try:
                self.hang_up()
            except OSError:
                pass  # it is closed
        self.join(PATIENCE)
        self.listener.close()


class Spawner(Server):
    """Answers jobs as plan(job) says: "K", ("D", text), ("signal", N), a list
    of keywords for result() in which the end's have no number, or None, which
    leaves the job in flight."""

    def __init__(self, path, plan):
        self.plan, self.jobs = plan, []
        super().__init__(path)

    def serve(self, frames):
        frames.write("H", struct.pack(">I", VERSION))
        while True:
            kind, payload = frames.read()
            if kind is None:
                return
            assert kind == "J"
            job = Job(payload)
            self.jobs.append(job)
            answer = self.plan(job)
            if answer is not None:
                self.answer(job, answer)

    def answer(self, job, answer):
        if isinstance(answer, list):
            for one in answer:
                self.frames.write("R", result(job.job, **one))
            return
        letter, text, killed = answer, "did 1+0+0\n", 0
        if isinstance(answer, tuple):
            letter, text = answer
        if letter == "signal":
            letter, text, killed = "Z", "culver-local crashed.\n", answer[1]
        self.frames.write("R", result(job.job, letter, text, killed=killed))


class Bounce(Server):
    """Says that each notice is queued, as message 999, and remembers what the
    journal said at that moment."""

    def __init__(self, bed, path):
        self.bed, self.asked, self.answers = bed, [], []
        self.kinds, self.requests = [], []
        super().__init__(path)

    def serve(self, frames):
        while True:
            kind, payload = frames.read()
            if kind is None:
                return
            assert kind == "B"
            version, kind, unasked, ino, token, until = struct.unpack(
                ">BcBQ16sQ", payload)
            assert version == 2
            self.requests.append((kind.decode(), bool(unasked), until))
            self.kinds.append(kind.decode())
            self.asked.append((ino, self.bed.journal(ino)))
            if self.answers:
                frames.write(*self.answers.pop(0))
            else:
                frames.write("K", struct.pack(">Q16sI", 999, bytes(16), 77))


class Bed:
    def __init__(self, plan=lambda job: "K", split=4, remote=None,
                 folder="/var/tmp"):
        self.root = os.geteuid() == 0
        program = (BIN / "culver-send").read_bytes()
        self.become(NOBODY)
        self.dir = tempfile.TemporaryDirectory(dir=folder)
        self.home = pathlib.Path(self.dir.name)
        (self.home / "culver-send").write_bytes(program)
        (self.home / "culver-send").chmod(0o755)
        self.split, self.process, self.env = split, None, {}
        for kind in ("mess", "info"):
            for i in range(split):
                (self.home / "queue" / kind / str(i)).mkdir(parents=True)
        for name in ("control", "users"):
            (self.home / name).mkdir()
        self.control("me", "mail.example")
        self.control("locals", "example.org")
        (self.home / "queue/format").write_text(
            "culver-queue 1\nsplit %d\n" % split)
        os.mkfifo(self.home / "queue/hint")
        self.spawner = Spawner(self.home / "queue/lspawn", plan)
        self.remote = remote and Spawner(self.home / "queue/rspawn", remote)
        self.bounce = Bounce(self, self.home / "queue/bounce")

    def become(self, uid):
        """A HOME of root's would be a real instance; ours is nobody's."""
        if self.root:
            os.seteuid(0)
            os.setegid(uid)
            os.seteuid(uid)

    def control(self, name, text):
        (self.home / "control" / name).write_text(text + "\n")

    def start(self, check=True, wrap=()):
        """Start culver-send; wrap is a command that runs it."""
        self.log = open(self.home / "log", "ab")
        before = len(self.lines_text())
        self.process = self.popen([*wrap, self.home / "culver-send"],
                                  stderr=self.log)
        if check:
            wait_for(lambda: "send: listed" in self.lines_text()[before:])
        return self

    def popen(self, command, **how):
        who = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        self.become(0)
        process = subprocess.Popen(
            command,
            env={"CULVER_HOME": str(self.home), "PATH": "/usr/bin:/bin",
                 **self.env},
            **how, **(who if self.root else {}))
        self.become(NOBODY)
        return process

    def run(self, command):
        assert self.popen(command).wait(PATIENCE) == 0

    def lines_text(self):
        """The log.  What culver-send has done is in it once it waits."""
        wait_for(self.waits)
        return (self.home / "log").read_text()

    def waits(self):
        """culver-send sleeps, or has ended."""
        if self.process is None or self.process.poll() is not None:
            return True
        stat = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text()
        return stat.rsplit(") ", 1)[1][0] == "S"

    def lines(self):
        return self.lines_text().splitlines()

    def kill(self, number):
        self.process.send_signal(number)

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        code = self.process.wait(PATIENCE)
        self.log.close()
        return code

    def close(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.spawner.close()
        if self.remote:
            self.remote.close()
        self.bounce.close()
        self.dir.cleanup()
        self.become(0)

    def path(self, kind, ino):
        return self.home / "queue" / kind / str(ino % self.split) / str(ino)

    def journal(self, ino):
        try:
            return self.path("info", ino).read_text()
        except FileNotFoundError:
            return ""

    def queue(self, recipients, sender="s@example.net", hint=True,
              body=b"Subject: x\n\nhello\n", token=None, age=0):
        """Put a message into the queue as culver-queued would; its number.  A
        recipient is an address, or one and his NOTIFY."""
        token = token or os.urandom(16)
        envelope = b"F" + sender.encode() + b"\0"
        for r in recipients:
            address, notify = (r, None) if isinstance(r, str) else r
            envelope += b"T" + address.encode() + b"\0"
            if notify is not None:
                envelope += b"N" + notify.encode() + b"\0"
        arrived = max(0, int(time.time() - age)) * 1000000
        new = self.home / "queue/mess/new"
        new.write_bytes(head(arrived, token, body, body.count(b"\n"),
                             envelope) + body + envelope)
        os.chmod(new, 0o640)
        ino = new.stat().st_ino
        os.rename(new, self.path("mess", ino))
        if hint:
            self.hint(ino, token)
        self.token = token
        return ino

    def hint(self, ino, token):
        fd = os.open(self.home / "queue/hint", os.O_WRONLY | os.O_NONBLOCK)
        os.write(fd, b"%020d %s\n" % (ino, token.hex().encode()))
        os.close(fd)

    def gone(self, ino):
        wait_for(lambda: not self.path("mess", ino).exists() and
                 not self.path("info", ino).exists())

    def events(self, ino):
        """Of whole lines: one may be under way."""
        whole = self.journal(ino).rpartition("\n")[0]
        return [line.split()[1] for line in whole.splitlines()[1:]]


def line(text):
    """A journal's line with its crc32."""
    return "%s #%08x\n" % (text, zlib.crc32(text.encode()))
