"""A real Dovecot reads the same Maildir by POP3: unique-ids are the same, so
that nobody fetches his mail twice when one takes over from the other; and both
may be at it at once."""

import os
import poplib
import re
import shutil
import signal
import socket
import subprocess

import pytest

from popbed import NOBODY, PATIENCE, on_the_wire, pop3d, wait_for
from popbed import maildir, place  # noqa: F401, fixtures

pytestmark = [
    pytest.mark.skipif(not shutil.which("dovecot"),
                       reason="dovecot-pop3d is not installed"),
    pytest.mark.skipif(not NOBODY, reason="Dovecot's accounts need root")]

CONFIG = """\
base_dir = {place}/run
state_dir = {place}/run
log_path = {place}/dovecot.log
protocols = pop3
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
mail_location = maildir:{maildir}
first_valid_uid = 1
pop3_uidl_format = %f
passdb {{
  driver = static
  args = nopassword=y
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={place}/home
}}
service pop3-login {{
  inet_listener pop3 {{
    port = {port}
  }}
  inet_listener pop3s {{
    port = 0
  }}
}}
service stats {{
  unix_listener stats-writer {{
    mode = 0666
  }}
}}
"""


class Dovecot:
    def __init__(self, place, maildir):
        with socket.create_server(("127.0.0.1", 0)) as s:
            self.port = s.getsockname()[1]
        (place / "home").mkdir()
        os.chown(place / "home", NOBODY.pw_uid, NOBODY.pw_gid)
        config = place / "dovecot.conf"
        config.write_text(CONFIG.format(
            place=place, maildir=maildir.path, port=self.port,
            uid=NOBODY.pw_uid, gid=NOBODY.pw_gid))
        self.log = place / "dovecot.log"
        self.process = subprocess.Popen(
            ["dovecot", "-F", "-c", config], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True)
        wait_for(self.listens, "Dovecot does not listen")

    def listens(self):
        assert self.process.poll() is None, "Dovecot has ended"
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", self.port)) == 0

    def login(self):
        p = poplib.POP3("127.0.0.1", self.port, PATIENCE)
        p.user("u")
        p.pass_("x")
        return p

    def end(self):
        self.process.terminate()
        try:
            self.process.wait(PATIENCE)
        finally:
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass


@pytest.fixture
def dovecot(place, maildir):
    d = Dovecot(place, maildir)
    yield d
    d.end()


NAMES = ["1795229420.q0123456789abcdef0123456789abcdefr0.mail.example",
         "1795229421.q0123456789abcdef0123456789abcdefr1.m,S=%d,W=%d",
         "1795229422.M1P2.host", "1795229423.M2P3Q4.host,S=%d",
         "1795229424.123.host:2,", "1795229425.124.host:2,FS",
         "1795229426.V801I1M5.host,S=%d,W=%d:2,S",
         "1795229427.odd=name+with~signs"]


def fill(maildir):
    for i, name in enumerate(NAMES):
        data = b"Subject: %d\n\n" % i + b".body\n" * i
        if "%d" in name:
            sizes = (len(data), len(on_the_wire(data)))
            name = name % sizes[:name.count("%d")]
        maildir.put(name, data, "cur" if ":" in name else "new")


def uidl(p):
    return [line.split(b" ", 1)[1] for line in p.uidl()[1]]


def ours(c):
    c.send(b"UIDL\r\n")
    assert c.line() == b"+OK\r\n"
    return [line.split(b" ", 1)[1][:-2] for line in c.body().splitlines(True)]


def test_unique_ids_and_sizes_are_dovecots(maildir, dovecot):
    fill(maildir)
    with pop3d(maildir.path) as c:
        before = ours(c)
        c.send(b"LIST\r\n")
        assert c.line() == b"+OK\r\n"
        sizes = c.body()
        texts = [c.retr(i + 1) for i in range(len(NAMES))]
    p = dovecot.login()
    theirs = uidl(p)
    assert dict(zip(theirs, [line.split()[1] for line in p.list()[1]])) == \
        dict(zip(before, [line.split()[1] for line in sizes.splitlines()]))
    for i, base in enumerate(theirs):
        got = b"".join(line + b"\r\n" for line in p.retr(i + 1)[1])
        assert got == texts[before.index(base)]
    p.quit()
    # Dovecot has moved all of them and given some flags.
    assert all(name.startswith("cur/") for name in maildir.names())
    with pop3d(maildir.path) as c:
        assert ours(c) == before
        assert c.ask(b"QUIT") == b"+OK\r\n"
    p = dovecot.login()
    assert uidl(p) == theirs
    p.quit()


def test_both_at_once_lose_nothing(maildir, dovecot):
    fill(maildir)
    with pop3d(maildir.path) as c:
        ids = ours(c)
        p = dovecot.login()
        theirs = uidl(p)
        # Each deletes one, and one is deleted by both.
        assert c.ask(b"DELE 1") == b"+OK\r\n"
        assert c.ask(b"DELE 2") == b"+OK\r\n"
        for base in (ids[1], ids[2]):
            p.dele(theirs.index(base) + 1)
        assert c.ask(b"QUIT") == b"+OK\r\n"
        p.quit()
    left = {re.sub(r"^.*/|:.*", "", name).encode()
            for name in maildir.names()}
    assert left == set(ids[3:])
    with pop3d(maildir.path) as c:
        assert ours(c) == ids[3:]
