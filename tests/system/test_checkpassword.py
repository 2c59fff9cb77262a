"""control/checkpassword: culver-authd's root half runs somebody else's program,
which checks the password, becomes the user, and runs culver-pop3d."""

import base64
import hashlib
import os
import pathlib
import poplib
import re
import shutil
import signal
import socket
import struct
import subprocess
import time

import pytest

from popbed import (BIN, NOBODY, PATIENCE, ROOT, Maildir, RealHome,
                    can_unshare, children, connect, give, gone,
                    listening_popup, login, wait_for)
from popbed import home, place  # noqa: F401, fixtures
from test_auth import Visitor, attempt

FOREIGN = shutil.which(
    "checkpw", path=f"{ROOT}/build/deps/tools/usr/bin:/usr/bin")

WRONG = b"-ERR [AUTH] authorization failed\r\n"
LATER = b"-ERR [SYS/TEMP] cannot check passwords now\r\n"

# As Bernstein's interface has it, with what tests want to know written down.
CHECKPW = r'''#!/usr/bin/python3
import hashlib, os, sys, time
data = b""
while piece := os.read(3, 7):
    data += piece
os.close(3)
where = sys.argv[1]
user, password, stamp, nothing = data.split(b"\0")
assert nothing == b"" and len(data) <= 512
with open(where + "/seen", "wb") as f:
    f.write(data + b"\n" + b"\n".join(
        b"%s=%s" % pair for pair in os.environb.items()) + b"\n")
    f.write(open("/proc/self/status", "rb").read())
    f.write(b"\n".join(a.encode() for a in sys.argv) + b"\n")
if user.startswith(b"exit"):
    sys.exit(int(user[4:]))
if user == b"crash":
    os.abort()
if user == b"hang":
    time.sleep(1000)
secrets = {b"alice": b"pass word", b"root": b"root", b"lost": b"lost"}
secret = secrets.get(user)
digest = hashlib.md5(stamp + (secret or b"")).hexdigest().encode()
if secret is None or password not in (secret, digest):
    sys.exit(1)
if os.getuid() == 0 and user != b"root":
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
try:
    os.chdir(where + "/" + user.decode())
except OSError:
    sys.exit(111)
os.environ.update(USER=user.decode(), HOME=os.getcwd(), SHELL="/bin/sh")
os.execvp(sys.argv[2], sys.argv[2:])
'''


def prepare(home):
    """The program and its users' homes; two blanks between its words."""
    path = home.path / "homes"
    path.mkdir()
    (path / "root").mkdir()
    box = Maildir(path / "alice" / "Maildir")
    box.put("1.m", b"A: b\n")
    (path / "checkpw").write_text(CHECKPW)
    (path / "checkpw").chmod(0o755)
    give(path)
    (home.path / "control" / "checkpassword").write_text(
        "%s/checkpw  %s\n" % (path, path))
    home.give()
    return box


def seen(home):
    return (home.path / "homes" / "seen").read_bytes()


def test_program_checks_and_starts_the_mailbox(home):
    box = prepare(home)
    home.authd()
    port = home.ucspi()
    p = login(port, "alice", "pass word")
    assert p.retr(1)[1] == [b"A: b"]
    p.dele(1)
    p.quit()
    assert box.names() == []
    assert home.lines("authd: success service=pop3 ip=127.0.0.1 user=alice")
    wait_for(lambda: home.lines("pop3d: end ip=127.0.0.1 user=alice how=quit "),
             "no last line")
    got = seen(home)
    assert re.match(rb"alice\0pass word\0<\d+\.\d+\.[0-9a-f]+@mail\.test>\0\n",
                    got)
    assert b"\nTCPREMOTEIP=127.0.0.1\n" in got
    assert re.search(rb"\nTCPREMOTEPORT=[1-9]\d*\n", got)
    assert b"\nTCPLOCALIP=127.0.0.1\n" in got
    assert b"\nTCPLOCALPORT=%d\n" % port in got
    assert b"\nPROTO=TCP\n" in got
    assert re.search(rb"\nNoNewPrivs:\s+0\n", got)
    assert re.search(rb"\nSeccomp:\s+0\n", got)
    assert got.endswith(b"\n%s/bin/culver-pop3d\n-t\n0\nMaildir\n"
                        % bytes(home.path))


ROWS = [("alice", "wrong", WRONG, "password"),
        ("alice", "", WRONG, "password"),
        ("nobody", "pass word", WRONG, "password"),
        ("exit1", "x", WRONG, "password"),
        ("exit111", "x", LATER, "program"),
        ("exit2", "x", LATER, "program"),
        ("exit0", "x", LATER, "program"),
        ("crash", "x", LATER, "program"),
        ("lost", "lost", LATER, "program")]


@pytest.mark.parametrize("user,password,answer,reason", ROWS)
def test_ends_of_the_program(home, user, password, answer, reason):
    prepare(home)
    home.authd()
    c = connect(home.ucspi())
    c.line()
    began = time.monotonic()
    c.send(b"USER %s\r\nPASS %s\r\n" % (user.encode(), password.encode()))
    assert c.line() == b"+OK\r\n"
    assert c.line() == answer
    assert time.monotonic() - began > 1
    assert home.lines("authd: failure service=pop3 ip=127.0.0.1 user=%s "
                      "reason=%s" % (user, reason))
    c.close()


def test_users_passwd_says_nothing_beside_a_program(home):
    home.user("alice@mail.test", "secret")
    prepare(home)
    home.authd()
    port = home.ucspi()
    with pytest.raises(poplib.error_proto, match=r"\[AUTH\]"):
        login(port, "alice@mail.test", "secret")
    # A change counts from the next login on, in both halves.
    (home.path / "control" / "checkpassword").unlink()
    login(port, "alice@mail.test", "secret").quit()
    with pytest.raises(poplib.error_proto, match=r"\[AUTH\]"):
        login(port, "alice", "pass word")


@pytest.mark.parametrize("line", ["/nonexistent/checkpw\n", "/\n"])
def test_program_that_cannot_be_run_is_temporary(home, line):
    home.user("alice@mail.test", "secret")
    (home.path / "control" / "checkpassword").write_text(line)
    home.give()
    home.authd()
    with pytest.raises(poplib.error_proto, match=r"\[SYS/TEMP\]"):
        login(home.ucspi(), "alice@mail.test", "secret")


def test_mailbox_that_cannot_be_opened_says_so(home):
    prepare(home)
    home.authd()
    shutil.rmtree(home.path / "homes" / "alice" / "Maildir")
    with pytest.raises(poplib.error_proto, match=r"\[SYS/TEMP\]"):
        login(home.ucspi(), "alice", "pass word")


def test_apop_brings_the_digest_and_the_stamp(home):
    prepare(home)
    (home.path / "control" / "pop3apop").write_text("1\n")
    home.give()
    home.authd()
    p = poplib.POP3("127.0.0.1", home.ucspi(), PATIENCE)
    stamp = p.welcome.split()[1]
    p.apop("alice", "pass word")
    p.quit()
    digest = hashlib.md5(stamp + b"pass word").hexdigest().encode()
    assert seen(home).startswith(
        b"alice\0%s\0%s\0\n" % (digest, stamp))


def test_login_longer_than_the_interface_is_wrong(home):
    prepare(home)
    home.authd()
    c = connect(home.ucspi())
    c.line()
    c.send(b"USER %s\r\nPASS %s\r\n" % (b"u" * 240, b"p" * 248))
    assert c.line() == b"+OK\r\n"
    assert c.line() == WRONG
    assert not (home.path / "homes" / "seen").exists()
    c.close()


@pytest.mark.skipif(not shutil.which("setuidgid"),
                    reason="daemontools is not installed")
@pytest.mark.skipif(not can_unshare(), reason="needs root and unshare")
def test_words_of_the_line_may_be_other_programs(place):
    """As in a run script: checkpw ... setuidgid nobody culver-pop3d."""
    home = RealHome(place)
    try:
        prepare(home)
        line = (home.path / "control" / "checkpassword").read_text().strip()
        (home.path / "homes" / "checkpw").write_text(CHECKPW.replace(
            'user != b"root"', "False"))
        (home.path / "control" / "checkpassword").write_text(
            line + " setuidgid nobody\n")
        home.authd()
        popup, port = listening_popup(home)
        p = login(port, "alice", "pass word")
        assert p.retr(1)[1] == [b"A: b"]
        p.quit()
    finally:
        home.end()


def facts(pid):
    status = pathlib.Path("/proc/%d/status" % pid).read_text()
    return (re.search(r"^Name:\s+(\S+)", status, re.M).group(1),
            int(re.search(r"^Uid:\s+(\d+)", status, re.M).group(1)),
            re.search(r"^Seccomp:\s+(\d)", status, re.M).group(1))


@pytest.mark.skipif(not can_unshare(), reason="needs root and unshare")
def test_in_a_real_instance_the_program_is_root_and_the_mailbox_is_not(place):
    home = RealHome(place)
    try:
        box = prepare(home)
        authd = home.authd()
        popup, port = listening_popup(home)
        p = login(port, "alice", "pass word")
        got = seen(home)
        assert re.search(rb"\nUid:\s+0\s+0\s+0\s", got)
        assert re.search(rb"\nNoNewPrivs:\s+0\n", got)
        [watcher] = [c for c in children(authd.pid) if children(c)]
        [mailbox] = children(watcher)
        assert facts(watcher) == ("culver-authd", 47002, "2")
        assert facts(mailbox) == ("culver-pop3d", NOBODY.pw_uid, "2")
        assert not {os.readlink("/proc/%d/fd/%s" % (watcher, fd))
                    for fd in os.listdir("/proc/%d/fd" % watcher)
                    if os.path.exists("/proc/%d/fd/%s" % (watcher, fd))} & {
                        str(box.path)}
        p.dele(1)
        p.quit()
        assert box.names() == []
        wait_for(lambda: all(
            facts(c)[1:] == (47002, "2") and not children(c)
            for c in children(authd.pid) if facts(c)[0] != "culver-pop3d"),
            "the watcher stays")
        # A program that forgets to become somebody else gets no mailbox.
        with pytest.raises(poplib.error_proto, match=r"\[SYS/TEMP\]"):
            login(port, "root", "root")
    finally:
        home.end()


def test_client_that_is_cut_off_leaves_no_mailbox_behind(home):
    """The watcher must not keep the stream of the mailbox open."""
    prepare(home)
    authd = home.authd()
    popup, port = listening_popup(home)
    c = connect(port)
    c.line()
    c.send(b"USER alice\r\nPASS pass word\r\n")
    assert c.line() == c.line() == b"+OK\r\n"
    [mailbox] = [m for w in children(authd.pid) for m in children(w)]
    # A reset, not an end: culver-popup leaves at once.
    c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                      struct.pack("ii", 1, 0))
    c.close()
    try:
        wait_for(lambda: gone(mailbox), "the mailbox waits for ever")
    finally:
        if not gone(mailbox):
            os.kill(mailbox, signal.SIGKILL)


def test_program_that_hangs_is_ended(home):
    """OPENER_SECONDS of pop3d/opener.h, and then others are served."""
    prepare(home)
    authd = home.authd()
    port = home.ucspi()
    c = connect(port)
    c.line()
    began = time.monotonic()
    c.send(b"USER hang\r\nPASS x\r\n")
    assert c.line() == b"+OK\r\n"
    login(port, "alice", "pass word").quit()
    assert c.line() == LATER
    assert time.monotonic() - began > 30
    c.close()

    def programs():
        out = subprocess.run(["ps", "-eo", "args"], capture_output=True,
                             text=True).stdout
        return [line for line in out.splitlines()
                if str(home.path / "homes" / "checkpw") in line]
    wait_for(lambda: not programs(), "the program lives on")
    assert authd.poll() is None


@pytest.mark.skipif(not can_unshare(), reason="needs root and unshare")
@pytest.mark.skipif(FOREIGN is None, reason="checkpw is not unpacked")
def test_a_program_of_others_checks_by_each_door(place):
    """Debian's checkpw, whose users are the system's: their password stands in
    Maildir/.password, and it becomes them."""
    mia, uid = place / "mia", 47011
    home = RealHome(place, [f"mia:x:{uid}:{uid}::{mia}:/bin/sh\n"])
    try:
        shutil.copy(BIN / "culver-smtpd", home.path / "bin")
        checkpw = shutil.copy(FOREIGN, home.path / "bin")
        box = Maildir(mia / "Maildir")
        box.put("1.m", b"A: b\n")
        (mia / "Maildir" / ".password").write_text("pass word")
        (mia / "Maildir" / ".password").chmod(0o600)
        for folder, _, names in os.walk(mia):
            for path in [folder] + [os.path.join(folder, n) for n in names]:
                os.chown(path, uid, uid)
        for name, text in (("checkpassword", checkpw), ("plainauth", 1)):
            (home.path / "control" / name).write_text("%s\n" % text)
        home.authd()
        popup, port = listening_popup(home)
        p = login(port, "mia", "pass word")
        assert p.retr(1)[1] == [b"A: b"]
        p.quit()
        with pytest.raises(poplib.error_proto, match=r"\[AUTH\]"):
            login(port, "mia", "wrong")
        with socket.create_server(("127.0.0.1", 0)) as s:
            listener = s.getsockname()[1]
        home.start("smtpd", "-l", "127.0.0.1:%d" % listener)
        wait_for(lambda: socket.socket().connect_ex(
            ("127.0.0.1", listener)) == 0, "smtpd does not listen")

        def plain(password):
            return attempt(listener, "PLAIN",
                           lambda _=None: "\0mia\0" + password)[0]
        assert plain("pass word") == 235 and plain("wrong") == 535
        # Under a UCSPI server it runs as culverd, and so has to be set-uid.
        os.chmod(checkpw, 0o4755)
        for password, code in (("pass word", "235"), ("wrong", "535")):
            v = Visitor(home, "smtpd", "mail.test", str(checkpw), "true")
            v.say("EHLO a.test")
            assert v.say("AUTH PLAIN " + base64.b64encode(
                b"\0mia\0" + password.encode()).decode())[:3] == code
            v.close()
    finally:
        home.end()
