"""Real clients read the same mailbox by POP3, through culver-popup and
culver-authd, and what each of them keeps is what was delivered.

What a client changes by its own documentation is said where it is undone."""

import os
import poplib
import pty
import re
import select
import shutil
import signal
import subprocess
import time

import pytest

from popbed import AS_NOBODY, PATIENCE, give, on_the_wire
from popbed import home, place  # noqa: F401, fixtures

USER, SECRET = "alice@mail.test", "secret"

# Each has a Message-ID, since clients sort by it or miss it.
MESSAGES = {
    "plain": b"body\n",
    "dots": b".\n..\n.a\n a.\n.\n",
    "From": b"From here\n>From there\n\nFrom end\n",
    "8-bit": bytes(range(0xa0, 0x100)) + b"\n",
    "UTF-8": "gr\u00fc\u00dfe \u2603\n".encode(),
    "blank lines": b"\n\na\n\n\n",
    "no body": b"",
    "no final LF": b"last",
    "long lines": b"x" * 900 + b"\n" + b"y" * 998 + b"\n",
    "many lines": b"line of a message that is not small\n" * 20000,
}


def messages():
    return [b"Return-Path: <s@example.org>\n"
            b"From: S <s@example.org>\nTo: alice@mail.test\n"
            b"Subject: %s\nDate: Wed, 25 Nov 2026 10:00:00 +0000\n"
            b"Message-ID: <%d@example.org>\n\n%s"
            % (name.encode(), i, body)
            for i, (name, body) in enumerate(MESSAGES.items())]


@pytest.fixture
def door(home):
    """A full mailbox behind a port."""
    box = home.user(USER, SECRET)
    for i, data in enumerate(messages()):
        box.put("%d.m" % (i + 1), data)
    home.authd()
    home.port = home.ucspi()
    home.box = box
    return home


def delivered():
    """What RETR sends, with the line ends of a Unix file."""
    return sorted(on_the_wire(data).replace(b"\r\n", b"\n")
                  for data in messages())


def run(*command, **how):
    r = subprocess.run(command, capture_output=True, timeout=PATIENCE, **how)
    assert r.returncode == 0, r.stdout + r.stderr
    return r.stdout


def kept(path):
    return sorted(f.read_bytes() for folder in ("new", "cur")
                  for f in (path / folder).iterdir())


def make_maildir(path):
    for name in ("tmp", "new", "cur"):
        (path / name).mkdir(parents=True)
    return path


def needs(name):
    return pytest.mark.skipif(not shutil.which(name),
                              reason=name + " is not installed")


def test_poplib(door):
    p = poplib.POP3("127.0.0.1", door.port, PATIENCE)
    p.user(USER)
    p.pass_(SECRET)
    got = [b"".join(line + b"\n" for line in p.retr(i + 1)[1])
           for i in range(len(MESSAGES))]
    p.quit()
    assert sorted(got) == delivered()


@needs("curl")
def test_curl(door):
    got = [run("curl", "-sS", "-u", "%s:%s" % (USER, SECRET),
               "pop3://127.0.0.1:%d/%d" % (door.port, i + 1))
           for i in range(len(MESSAGES))]
    assert sorted(g.replace(b"\r\n", b"\n") for g in got) == delivered()


@needs("mpop")
def test_mpop(door, place):
    box = make_maildir(place / "got")
    run("mpop", "--host=127.0.0.1", "--port=%d" % door.port, "--auth=user",
        "--user=" + USER, "--passwordeval=echo " + SECRET, "--tls=off",
        "--keep=on", "--received-header=off", "--uidls-file=%s/uidls" % place,
        "--delivery=maildir,%s" % box, env=dict(os.environ, HOME=str(place)))
    assert kept(box) == delivered()


GETMAILRC = """\
[retriever]
type = SimplePOP3Retriever
server = 127.0.0.1
port = {port}
username = {user}
password = {secret}
[destination]
type = Maildir
path = {box}/
[options]
delivered_to = false
received = false
read_all = true
verbose = 0
"""


@needs("getmail")
def test_getmail(door, place):
    box = make_maildir(place / "got")
    (place / "getmail").mkdir()
    (place / "getmail" / "getmailrc").write_text(GETMAILRC.format(
        port=door.port, user=USER, secret=SECRET, box=box))
    give(place)  # it refuses to be root
    run("getmail", "--getmaildir", place / "getmail",
        env=dict(os.environ, HOME=str(place)), **AS_NOBODY)
    assert kept(box) == delivered()


@needs("fetchmail")
def test_fetchmail(door, place):
    got = place / "got"
    got.mkdir()
    script = place / "keep"
    script.write_text("#!/bin/sh\ncat >$(mktemp %s/XXXXXX)\n" % got)
    script.chmod(0o755)
    rc = place / "fetchmailrc"
    rc.write_text(
        'set invisible\npoll 127.0.0.1 protocol pop3 port %d auth password\n'
        'user "%s" password "%s" sslproto "" keep fetchall no rewrite\n'
        'mda "%s"\n' % (door.port, USER, SECRET, script))
    rc.chmod(0o600)
    run("fetchmail", "-f", rc, "--pidfile", place / "pid", "--idfile",
        place / "ids", env=dict(os.environ, HOME=str(place)))
    assert sorted(f.read_bytes() for f in got.iterdir()) == delivered()


def on_a_terminal(command, home):
    """Run it to its end; what it has shown."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.update(HOME=str(home), TERM="xterm", LC_ALL="C.UTF-8")
        os.execvp(command[0], command)
    end = time.monotonic() + PATIENCE
    shown = b""
    try:
        while time.monotonic() < end:
            if select.select([terminal], [], [], 1)[0]:
                shown += os.read(terminal, 1 << 16)
    except OSError:  # it has closed its end
        assert os.waitpid(pid, 0)[1] == 0, shown[-2000:]
        return shown
    finally:
        os.close(terminal)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    raise AssertionError("it does not end: %r" % shown[-2000:])


@needs("neomutt")
def test_neomutt(door, place):
    box = make_maildir(place / "got")
    rc = place / "muttrc"
    rc.write_text(
        "set pop_user='%s'\nset pop_pass='%s'\nset pop_authenticators=user\n"
        "set mbox_type=Maildir\nset confirmappend=no\nset confirmcreate=no\n"
        "set pop_delete=no\nset pop_checkinterval=0\nset wait_key=no\n"
        "set ssl_force_tls=no\nset ssl_starttls=no\nset quit=yes\n"
        "set folder=%s\n"
        "set message_cachedir=\nset copy=no\n"
        "push '<tag-pattern>~A<enter><tag-prefix><copy-message>%s<enter>"
        "<exit>'\n" % (USER, SECRET, place, box))
    shown = on_a_terminal(
        ["neomutt", "-n", "-F", str(rc), "-f",
         "pop://127.0.0.1:%d" % door.port], place)
    # It ends the header of what it keeps with two fields of its own.
    got = [re.sub(rb"\nContent-Length: \d+\nLines: \d+\n\n", b"\n\n", data, 1)
           for data in kept(box)]
    assert sorted(got) == delivered(), shown[-2000:]
