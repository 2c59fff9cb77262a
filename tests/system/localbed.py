"""A real culver-lspawn and its culver-locals, with culver-send and culver-queued
made of Python: what the first is told and the second is given, the test says
and sees."""
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time
import zlib

from sendbed import (BIN, NOBODY, PATIENCE, VERSION, Frames, Result, Server, head,
                     job, wait_for)

SPLIT = 4
ARRIVED = 1795229420000000


class Queued(Server):
    """Keeps what is submitted: (message, records)."""

    def __init__(self, path):
        self.messages = []
        super().__init__(path)

    def serve(self, frames):
        message, records = b"", b""
        while True:
            kind, payload = frames.read()
            if kind is None:
                return
            if kind == "M":
                message += payload
            elif kind == "E":
                records += payload
            elif kind == "C":
                self.messages.append((message, records.split(b"\0")[:-1]))
                message, records = b"", b""
                frames.write("K", struct.pack(">Q16sI", 7, bytes(16), 4242))


def alive(pid):
    """It has not ended, or nobody has heard yet that it has."""
    return os.path.exists(f"/proc/{pid}")


def sanitized():
    return b"__asan_report_load" in (BIN / "culver-lspawn").read_bytes()


class LocalBed:
    spawner, socket, worker = "culver-lspawn", "queue/lspawn", "culver-local"
    programs = ("culver-lspawn", "culver-local")

    def __init__(self):
        self.root = os.geteuid() == 0
        programs = [(name, (BIN / name).read_bytes())
                    for name in self.programs]
        self.become(NOBODY)
        self.dir = tempfile.TemporaryDirectory(dir="/var/tmp")
        self.home = pathlib.Path(self.dir.name)
        for name in ("bin", "control", "users", "alias", "domains", "queue",
                     "state"):
            (self.home / name).mkdir()
        for name, data in programs:
            (self.home / "bin" / name).write_bytes(data)
            (self.home / "bin" / name).chmod(0o755)
        for i in range(SPLIT):
            (self.home / "queue/mess" / str(i)).mkdir(parents=True)
        (self.home / "queue/format").write_text(
            "culver-queue 1\nsplit %d\n" % SPLIT)
        (self.home / "control/me").write_text("mail.example\n")
        if sanitized():  # it maps more than any program should
            (self.home / "control/programmemory").write_text("0\n")
        self.maildir("alias")
        (self.home / "alias/.qmail-box").write_text("./Maildir/\n")
        self.queued = Queued(self.home / "queue/submit")
        self.process = self.frames = None
        self.env, self.pass_fds = {}, ()
        self.jobs = 0

    def become(self, uid):
        if self.root:
            os.seteuid(0)
            os.setegid(uid)
            os.seteuid(uid)

    def who(self):
        if not self.root:
            return {}
        return {"user": NOBODY, "group": NOBODY, "extra_groups": []}

    def maildir(self, folder):
        for part in ("tmp", "new", "cur"):
            (self.home / folder / "Maildir" / part).mkdir(parents=True)

    def new(self, folder="alias"):
        return sorted((self.home / folder / "Maildir/new").iterdir())

    def start(self, prefix=()):
        self.log = open(self.home / "log", "ab")
        self.become(0)
        self.process = subprocess.Popen(
            [*prefix, self.home / "bin" / self.spawner], stderr=self.log,
            env={"CULVER_HOME": str(self.home), "PATH": "/usr/bin:/bin",
                 "SECRET": "x", **self.env}, pass_fds=self.pass_fds,
            **self.who())
        self.become(NOBODY)
        wait_for((self.home / self.socket).exists)
        return self

    def connect(self):
        def try_it():
            sock = socket.socket(socket.AF_UNIX)
            sock.settimeout(PATIENCE)
            try:
                sock.connect(str(self.home / self.socket))
                return sock
            except OSError:
                sock.close()
                return None
        sock = wait_for(try_it)
        self.frames = Frames(sock)
        kind, payload = self.frames.read()
        assert (kind, payload) == ("H", struct.pack(">I", VERSION))
        return self

    def put(self, body=b"Subject: x\n\nhello\n", token=None):
        """A message in the queue: its number and token."""
        token = token or os.urandom(16)
        envelope = b"Fs@example.net\0Tr@example.org\0"
        file = self.home / "queue/mess/new"
        file.write_bytes(head(ARRIVED, token, body, body.count(b"\n"),
                              envelope) + body + envelope)
        ino = file.stat().st_ino
        file.rename(self.mess(ino))
        return ino, token

    def mess(self, ino):
        return self.home / "queue/mess" / str(ino % SPLIT) / str(ino)

    def send(self, message, recipient, sender="s@example.net", flags=0,
             number=0):
        self.jobs += 1
        self.frames.write("J", job(self.jobs, *message, [recipient], sender,
                                   flags, first=number))
        return self.jobs

    def result(self):
        kind, payload = self.frames.read()
        assert kind == "R"
        return Result(payload)

    def deliver(self, message, recipient, **more):
        job_number = self.send(message, recipient, **more)
        result = self.result()
        assert (result.job, result.number) == (job_number, None)
        return result

    def workers(self):
        text = subprocess.run(
            ["ps", "-o", "pid=,comm=", "--ppid", str(self.process.pid)],
            capture_output=True, text=True).stdout
        return [int(line.split()[0]) for line in text.splitlines()
                if self.worker in line]

    def kill(self, pid, number=signal.SIGKILL):
        self.become(0)
        os.kill(pid, number)
        if number == signal.SIGKILL:
            wait_for(lambda: not alive(pid))
        self.become(NOBODY)

    def stop(self, number=signal.SIGTERM):
        self.become(0)
        self.process.send_signal(number)
        code = self.process.wait(PATIENCE)
        self.become(NOBODY)
        self.log.close()
        return code

    def close(self):
        self.become(0)
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.become(NOBODY)
        self.queued.close()
        self.dir.cleanup()
        self.become(0)
