"""A real culver-remote, with the culver-rspawn that starts it made of Python."""
import os
import pathlib
import socket
import struct
import subprocess
import tempfile
import zlib

from sendbed import BIN, JOB_END, NOBODY, PATIENCE

ARRIVED = 1795229420000000
FAULTS = ("served", "slow", "dead")


class Result:
    def __init__(self, payload):
        (self.job, self.number, self.signal, letter, fault,
         marks) = struct.unpack(">IIIBBB", payload[:15])
        self.letter, self.fault = chr(letter), FAULTS[fault]
        self.relayed = bool(marks & 1)
        (self.status, self.text, self.via, self.tls, self.group,
         rest) = (part.decode(errors="replace")
                  for part in payload[15:].split(b"\0"))
        assert rest == ""

    def __repr__(self):
        return "%s %s %s %r" % (self.letter, self.fault, self.status,
                                self.text)


class Results(dict):
    """By a recipient's number; end is the job's.  one(n) is what holds for
    recipient n."""

    def one(self, number=0):
        return self.get(number, self.end)


class ErrandBed:
    """route(domain, way) writes smtproutes; errand() is a delivery."""

    def __init__(self):
        self.root = os.geteuid() == 0
        program = (BIN / "culver-remote").read_bytes()
        self.dir = tempfile.TemporaryDirectory(dir="/var/tmp")
        self.home = pathlib.Path(self.dir.name)
        for name in ("bin", "control", "state"):
            (self.home / name).mkdir()
        (self.home / "bin/culver-remote").write_bytes(program)
        (self.home / "bin/culver-remote").chmod(0o755)
        self.control("me", "mail.example")
        self.process = self.sock = None
        self.jobs = 0
        self.log = open(self.home / "log", "w+b")

    def control(self, name, text):
        (self.home / "control" / name).write_text(text + "\n")

    def route(self, way, domain=""):
        self.control("smtproutes", "%s:%s" % (domain, way))
        return self

    def start(self, env=None):
        ours, theirs = socket.socketpair(
            socket.AF_UNIX, socket.SOCK_SEQPACKET)
        who = {}
        if self.root:
            subprocess.run(["chown", "-R", "%d:%d" % (NOBODY, NOBODY),
                            self.home], check=True)
            who = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        self.process = subprocess.Popen(
            [self.home / "bin/culver-remote"], stdin=theirs, stderr=self.log,
            env={"CULVER_HOME": str(self.home), "PATH": "/usr/bin:/bin",
                 **(env or {})}, **who)
        theirs.close()
        ours.settimeout(PATIENCE)
        self.sock = ours
        assert ours.recv(65536) == b"H"
        return self

    def send(self, recipients=("r@far.example",), body=b"Subject: x\n\nhi\n",
             sender="s@example.net", flags=0, records=(), params=None,
             crc=None, numbers=None):
        """records are the message's (b"U"), params those of a recipient."""
        if isinstance(recipients, str):
            recipients = (recipients,)
        self.jobs += 1
        numbers = range(len(recipients)) if numbers is None else numbers
        envelope = b"F" + sender.encode() + b"\0"
        envelope += b"".join(r + b"\0" for r in records)
        there = dict(zip(numbers, recipients))
        for i in range(max(numbers) + 1):
            envelope += b"T" + there.get(i, "x@other.example").encode() + b"\0"
            envelope += b"".join(
                r + b"\0" for r in (params or {}).get(i, ()))
        envelope += b"Tlast@other.example\0NNEVER\0"
        with tempfile.TemporaryFile(dir=self.home) as file:
            file.write(b"head" + body + envelope)
            file.flush()
            packet = struct.pack(
                ">IQ16sII", self.jobs, 77, bytes(16), flags, len(recipients))
            packet += b"".join(struct.pack(">I", n) for n in numbers)
            packet += b"group\0lane\0" + sender.encode() + b"\0"
            packet += b"".join(r.encode() + b"\0" for r in recipients)
            packet += struct.pack(
                ">qQQQIQQ", ARRIVED, 4, len(body), body.count(b"\n"),
                zlib.crc32(body) if crc is None else crc, 4 + len(body),
                len(envelope))
            socket.send_fds(self.sock, [packet], [file.fileno()])
        return self.jobs

    def hear(self):
        results = Results()
        while True:
            packet = self.sock.recv(65536)
            assert packet, self.said()
            result = Result(packet)
            assert result.job == self.jobs
            if result.number == JOB_END:
                results.end = result
                return results
            assert result.number not in results
            results[result.number] = result

    def errand(self, *args, **more):
        self.send(*args, **more)
        return self.hear()

    def said(self):
        return (self.home / "log").read_text()

    def stop(self):
        """Its exit code, after its socket has ended."""
        self.sock.close()
        return self.process.wait(PATIENCE)

    def close(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self.sock is not None:
            self.sock.close()
        self.log.close()
        self.dir.cleanup()
