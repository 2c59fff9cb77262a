"""What the tests of other people's clients over TLS share: an instance with a
certificate that they check, and services that are started by their own run
scripts, as a supervisor does it."""
import os
import shutil
import signal
import subprocess

from conftest import PATIENCE, TOP, free_base, wait_for
from tlsdoor import Talk, make_pem, put_pem

HOST = "localhost"
PASSWORD = "words of $(id) & more"


def give(one):
    """What root made is the instance's."""
    if os.geteuid() == 0:
        for folder, _, files in os.walk(one.home):
            for name in [folder, *(os.path.join(folder, f) for f in files)]:
                os.chown(name, one.uid, one.gid, follow_symlinks=False)


class Doors:
    """Further services of an instance, and what its clients trust."""

    def __init__(self, instance):
        self.instance = instance
        self.children = []
        self.ports = {}
        pem = make_pem(instance.folder, HOST)
        put_pem(instance, "servercert.pem", pem)
        self.trust = instance.folder / "trust.pem"
        self.trust.write_text(pem[pem.index("-----BEGIN CERTIFICATE"):])
        self.trust.chmod(0o644)

    def open(self, name, port, **env):
        """Start run/optional/NAME at a port of its own for PORT."""
        one = self.instance
        self.ports[name] = free_base((port,)) + port
        folder = one.home / "service" / name
        shutil.copytree(TOP / "run/optional" / name, folder)
        (folder / "env").mkdir(exist_ok=True)
        env["LISTEN"] = "127.0.0.1:%d" % self.ports[name]
        for key, value in env.items():
            (folder / "env" / key).write_text(value + "\n")
        log = one.home / "log" / name
        log.mkdir()
        identity = {"user": one.uid, "group": one.gid, "extra_groups": []} \
            if os.geteuid() == 0 else {}
        with open(log / "test", "wb") as out:
            self.children.append(subprocess.Popen(
                [folder / "run"], cwd=folder, env=one.env, stdout=out,
                stderr=out, stdin=subprocess.DEVNULL, **identity))
        wait_for(lambda: self.up(name), why=name + " to listen")

    def up(self, name):
        try:
            Talk(self.ports[name]).socket.close()
        except OSError:
            return False
        return True

    def log_text(self, name):
        return (self.instance.home / "log" / name / "test").read_text(
            errors="replace")

    def close(self):
        for child in self.children:
            child.send_signal(signal.SIGTERM)
        for child in self.children:
            assert child.wait(PATIENCE) == 0


def run(*words, data=b"", code=0, **more):
    """A client of somebody else's; all it said."""
    done = subprocess.run([str(w) for w in words], input=data, timeout=120,
                          capture_output=True, check=False, **more)
    said = done.stdout + done.stderr
    assert code in (None, done.returncode), said
    return said
