"""The power-cut rounds through an adapter: on culver, and on each other mail
server that is installed or was unpacked by peer.py --unpack."""
import os
import re
import subprocess
import sys

import peer
import pytest
from tracer import FAULTRUN

OTHERS = ("postfix", "exim", "opensmtpd")
CULVER = 8   # points
OTHER = 10
PATIENCE = 300  # seconds after which a run has failed

root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
built = pytest.mark.skipif(not FAULTRUN.exists(),
                           reason="make harness has not been run")


def run(*words):
    return subprocess.run(
        [sys.executable, peer.__file__, *map(str, words)], text=True,
        capture_output=True, timeout=PATIENCE, check=False)


def figures(done, kind):
    """The row of one file system in what peer.py printed."""
    row = re.search(rf"^{kind} +([ 0-9]+)$", done.stdout, re.M)
    assert row, done.stdout + done.stderr
    return dict(zip(peer.COLUMNS, map(int, row.group(1).split())))


@root
@built
@pytest.mark.parametrize("kind", ["ext4-ordered", "xfs"])
def test_culver_loses_nothing_through_its_adapter(kind):
    done = run("--points", CULVER, "--seed", 5, "--disk", kind, "culver")
    row = figures(done, kind)
    assert done.returncode == 0, done.stdout
    assert row["points"] + row["missed"] == CULVER + 1
    assert row["points"] > 0 and row["acked"] > CULVER
    for word in ("lost", "half", "twice", "bounced", "stalled"):
        assert row[word] == 0, done.stdout


@root
@built
@pytest.mark.parametrize("name", OTHERS)
def test_another_server_meets_the_same_cuts(name):
    """What it loses is its own affair; that it is counted is ours."""
    adapter = peer.Adapter(name)
    if not adapter.there():
        pytest.skip(f"{adapter.program()} is not installed")
    done = run("--points", OTHER, "--seed", 4, "--disk", "ext4-ordered", name)
    row = figures(done, "ext4-ordered")
    assert row["points"] + row["missed"] == OTHER + 1
    assert row["points"] > 0 and row["acked"] > OTHER
    assert done.returncode == (row["lost"] + row["half"] > 0)


@root
@built
def test_a_server_that_loses_mail_is_found_out(tmp_path):
    """One that says 250 with nothing on the disk, to show that the rounds
    see it."""
    adapter = tmp_path / "liar"
    adapter.write_text(LIAR.format(python=sys.executable))
    adapter.chmod(0o755)
    done = run("--points", 4, "--disk", "ext4-ordered", adapter)
    row = figures(done, "ext4-ordered")
    assert done.returncode == 1
    assert row["losing"] > 0 and row["lost"] > 0, done.stdout
    assert row["twice"] == 0


@root
@built
def test_a_server_that_does_not_start_is_said_to_be_the_trouble(tmp_path):
    adapter = tmp_path / "broken"
    adapter.write_text("#!/bin/sh\ncase $1 in\nprogram) echo /bin/sh ;;\n"
                       "serve) echo nothing to serve; exit 1 ;;\nesac\n")
    adapter.chmod(0o755)
    done = run("--disk", "ext4-ordered", adapter)
    assert done.returncode != 0
    assert "the server does not stay up" in done.stderr
    assert "nothing to serve" in done.stderr


@pytest.mark.parametrize("name", ("culver",) + OTHERS)
def test_an_adapter_says_what_it_needs_and_refuses_other_verbs(name):
    adapter = peer.Adapter(name)
    assert adapter.program().is_absolute()
    adapter.run("packages")
    adapter.run("no-such-verb", codes=(2,))


def test_a_program_that_is_not_there_is_named(tmp_path):
    adapter = tmp_path / "absent"
    adapter.write_text("#!/bin/sh\ncase $1 in\nprogram) echo /no/program ;;\n"
                       "packages) echo absent-server ;;\nesac\n")
    adapter.chmod(0o755)
    done = run(adapter)
    assert done.returncode == 1
    assert "/no/program is not there" in done.stderr
    assert "absent-server" in done.stderr


# A whole mail server: each message becomes a file in new/ without fsync.
LIAR = '''#!{python}
import os, socketserver, sys
verb, top = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else ""


class Session(socketserver.StreamRequestHandler):
    def handle(self):
        to, number = [], 0
        self.wfile.write(b"220 liar\\r\\n")
        for line in self.rfile:
            word = line[:4].upper()
            if word == b"RCPT":
                to.append(line.split(b"<")[1].split(b"@")[0].decode())
            if word != b"DATA":
                self.wfile.write(b"250 ok\\r\\n")
                continue
            self.wfile.write(b"354 go on\\r\\n")
            text = b""
            for line in self.rfile:
                if line == b".\\r\\n":
                    break
                text += line.replace(b"\\r\\n", b"\\n").removeprefix(b".")
            for user in to:
                name = f"{{os.urandom(8).hex()}}.liar"
                for part in ("tmp", "new"):
                    os.makedirs(f"{{top}}/{{user}}/{{part}}", exist_ok=True)
                with open(f"{{top}}/{{user}}/tmp/{{name}}", "wb") as f:
                    f.write(text)
                os.rename(f"{{top}}/{{user}}/tmp/{{name}}",
                          f"{{top}}/{{user}}/new/{{name}}")
            to = []
            self.wfile.write(b"250 of course\\r\\n")


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True


if verb == "program":
    print(sys.executable)
elif verb == "serve":
    Server(("127.0.0.1", int(sys.argv[3])), Session).serve_forever()
elif verb == "maildir":
    print(top + "/" + sys.argv[3])
elif verb not in ("prepare", "queue", "packages"):
    sys.exit(2)
'''
