"""A running culver-queued, programs that submit to it, and what is queued."""
import os
import re
import subprocess

NOBODY = 65534
FRIEND = 12345  # a uid that nobody has


class Queued:
    """One message of the queue: head, body and the records of its envelope."""

    def __init__(self, path):
        data = path.read_bytes()
        self.head = data[:448].decode()
        field = dict(re.findall(r"(?m)^(\w+) at (\d+ length \d+)", self.head))
        parts = {}
        for name, text in field.items():
            at, length = map(int, re.findall(r"\d+", text))
            parts[name] = data[at:at + length]
        self.body = parts["body"]
        self.records = parts["envelope"].split(b"\0")[:-1]
        self.uid = int(re.search(r"submitter uid (\d+)", self.head).group(1))
        # What it is without the field that every local message gets.
        self.stamp, self.message = self.body.split(b"\n", 1)

    def of(self, kind):
        return [r[1:].decode() for r in self.records
                if r[:1] == kind.encode()]

    @property
    def sender(self):
        return self.of("F")[0]

    @property
    def recipients(self):
        return self.of("T")

    def header(self, name):
        head = self.message.split(b"\n\n", 1)[0].decode()
        return re.findall(rf"(?mi)^{name}: (.*(?:\n[ \t].*)*)$", head)

    @property
    def text(self):
        return self.message.split(b"\n\n", 1)[1]


def messages(instance):
    """Every message in the queue, the oldest first."""
    files = (instance.home / "queue/mess").glob("*/*")
    return sorted((Queued(f) for f in files), key=lambda m: m.head)


def forget(instance):
    for f in (instance.home / "queue/mess").glob("*/*"):
        f.unlink()


def submit(instance, *argv, data=b"", uid=None, env=None, code=0, **more):
    """Run HOME/bin/ARGV[0], or a program by its path, with data on its
    standard input; what it printed.  code None: whatever it exits with."""
    identity = {}
    if os.geteuid() == 0:
        who = instance.uid if uid is None else uid
        identity = {"user": who, "group": who, "extra_groups": []}
    base = {"CULVER_HOME": str(instance.home), "PATH": os.environ["PATH"]}
    for name in ("LD_LIBRARY_PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS"):
        if name in instance.env:
            base[name] = instance.env[name]
    base.update(env or {})
    program = argv[0]
    if "/" not in program:
        program = str(instance.home / "bin" / program)
    done = subprocess.run([program, *argv[1:]], input=data, env=base,
                          executable=program, capture_output=True,
                          timeout=60, check=False, cwd="/", **identity,
                          **more)
    assert code in (None, done.returncode), (done.returncode, done.stdout,
                                             done.stderr)
    return done


def submitted(instance, *argv, **named):
    """The one message that this submitted."""
    forget(instance)
    submit(instance, *argv, **named)
    found = messages(instance)
    assert len(found) == 1, found
    return found[0]
