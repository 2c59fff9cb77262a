"""A real culver-rspawn whose workers are made of Python: each writes down what it
is told, and answers as the recipients' local parts say."""
import json
import sys

from localbed import LocalBed
from sendbed import Result, job

WORKER = r"""#!%s
import array, json, os, signal, socket, struct, sys, time
s = socket.socket(fileno=0)
os.umask(0)
END = 0xffffffff


def say(job, number, letter="K", text="", group="", killed=0):
    s.send(struct.pack(">III", job, number, killed) + letter.encode() +
           b"\0\0" + b"".join(t.encode() + b"\0" for t in
                              ("", text, "", "", group)))


s.send(b"H")
while True:
    packet, control, _, _ = s.recvmsg(65536, socket.CMSG_SPACE(8))
    if not packet:
        sys.exit(0)
    fd = struct.unpack("i", control[0][2][:4])[0]
    job, count = struct.unpack(">I", packet[:4])[0], packet[35]
    end = 36 + 4 * count
    numbers = struct.unpack(">%%dI" %% count, packet[36:end])
    texts = packet[end:].split(b"\0")[:3 + count]
    to = [t.decode().split("@")[0] for t in texts[3:]]
    with open(os.path.join(os.environ["CULVER_HOME"], "told"), "a") as f:
        f.write(json.dumps([os.getpid(), texts[0].decode(),
                            struct.unpack(">QQQQIQQ", packet[-52:]),
                            os.pread(fd, 14, 0).decode()]) + "\n")
    os.close(fd)
    for number, what in zip(numbers, to):
        if what == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        elif what == "lie":
            say(job + 1, number)
        elif what == "stray":
            say(job, max(numbers) + 1)
        elif what == "twice":
            say(job, number)
            say(job, number)
        elif what == "wait":
            open(os.path.join(os.environ["CULVER_HOME"], "waits"), "w")
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            while not os.path.exists(
                    os.path.join(os.environ["CULVER_HOME"], "go")):
                time.sleep(0.005)
        elif what != "silent":
            say(job, number, what[0].upper(), what + "\n")
    say(job, END, "Z", "the rest\n", group="mx")
"""


class RemoteBed(LocalBed):
    spawner, socket, worker = "culver-rspawn", "queue/rspawn", "culver-remote"
    programs = ("culver-rspawn",)

    def __init__(self):
        super().__init__()
        worker = self.home / "bin/culver-remote"
        worker.write_text(WORKER % sys.executable)
        worker.chmod(0o755)

    def send(self, message, recipients, group="mx", lane="example.org"):
        """A job for recipients, numbered from 0; its number."""
        self.jobs += 1
        self.frames.write("J", job(
            self.jobs, *message, recipients, group=group, lane=lane))
        return self.jobs

    def results(self, number):
        """The results of a job, up to its end, which is last."""
        got = []
        while not got or got[-1].number is not None:
            got.append(self.result())
            assert got[-1].job == number
        return got

    def told(self):
        """What workers were told: (pid, group, bounds, the file's start)."""
        return [json.loads(t) for t in
                (self.home / "told").read_text().splitlines()]
