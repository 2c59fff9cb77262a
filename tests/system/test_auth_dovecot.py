"""A real Dovecot checks the passwords of SMTP and POP3 by its auth socket, and
whoever it says it was is who has logged in."""

import os
import poplib
import shutil
import socket
import subprocess

import pytest

from popbed import NOBODY, PATIENCE, login, wait_for
from popbed import home, place  # noqa: F401, fixtures
from test_auth import SECRET, Scram, attempt, logged, port  # noqa: F401

pytestmark = [
    pytest.mark.skipif(not shutil.which("dovecot"),
                       reason="Dovecot is not installed"),
    pytest.mark.skipif(not NOBODY, reason="Dovecot's accounts need root")]

CONFIG = """\
base_dir = {place}/run
state_dir = {place}/run
log_path = {place}/log
protocols =
ssl = no
auth_mechanisms = plain login
auth_failure_delay = 0
passdb {{
  driver = passwd-file
  args = {place}/passwd
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={place}/home
}}
service auth {{
  unix_listener auth-client {{
    mode = 0666
  }}
}}
service stats {{
  unix_listener stats-writer {{
    mode = 0666
  }}
}}
"""
DAVE = "dave@mail.test"


@pytest.fixture
def dovecot(home):  # noqa: F811
    """Its socket is control/dovecotauth."""
    place = home.path / "dovecot"
    place.mkdir()
    (place / "dovecot.conf").write_text(CONFIG.format(
        place=place, uid=NOBODY.pw_uid, gid=NOBODY.pw_gid))
    (place / "passwd").write_text(
        "%s:{PLAIN}words of dave\nshut@mail.test:{PLAIN}words::::::"
        "user_disabled=y nologin=y\n" % DAVE)
    process = subprocess.Popen(
        ["dovecot", "-F", "-c", place / "dovecot.conf"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, start_new_session=True)
    path = place / "run" / "auth-client"

    def up():
        assert process.poll() is None, (place / "log").read_text()
        with socket.socket(socket.AF_UNIX) as s:
            return s.connect_ex(str(path)) == 0
    try:
        wait_for(up, "Dovecot does not listen")
        (home.path / "control" / "dovecotauth").write_text("%s\n" % path)
        yield process
    finally:
        process.terminate()
        process.wait(PATIENCE)


def plain(port, user, password):  # noqa: F811
    return attempt(port, "PLAIN", lambda _=None: "\0%s\0%s" % (
        user, password))


def test_smtp_by_dovecot(dovecot, home, port):  # noqa: F811
    assert plain(port, "Dave@Mail.test", "words of dave") == \
        (235, b"2.7.0 ok", 250)
    assert attempt(port, "LOGIN", lambda c=None: c and (
        DAVE if b"User" in c else "words of dave"))[0] == 235
    logged(home, "authd: success service=smtp ip=127.0.0.1 "
                 "user=Dave@Mail.test")
    for user, password in ((DAVE, "words"), ("nobody@mail.test", "words"),
                           (DAVE, "words of dave\tx"),
                           ("clear@mail.test", SECRET)):
        assert plain(port, user, password) == \
            (535, b"5.7.8 authentication failed", 553)
    logged(home, "failure service=smtp ip=127.0.0.1 user=nobody@mail.test "
                 "reason=password")


def test_who_it_says_it_was_may_send_as_himself(
        dovecot, home, port):  # noqa: F811
    import smtplib
    (home.path / "control" / "forceauthfrom").write_text("1\n")
    with smtplib.SMTP("127.0.0.1", port, timeout=PATIENCE) as s:
        s.login("DAVE@mail.test", "words of dave")
        assert s.mail("eve@mail.test")[0] == 553
        assert s.mail(DAVE)[0] == 250


def test_pop3_by_dovecot(dovecot, home, port):  # noqa: F811
    box = home.user(DAVE, "another password")
    box.put("1.m", b"A: b\n")
    pop3 = home.ucspi()
    p = login(pop3, "DAVE@mail.test", "words of dave")
    assert p.retr(1)[1] == [b"A: b"]
    p.quit()
    with pytest.raises(poplib.error_proto, match=r"\[AUTH\]"):
        login(pop3, DAVE, "another password")
    logged(home, "success service=pop3 ip=127.0.0.1 user=DAVE@mail.test")


def test_no_scram_and_no_cram_by_dovecot(dovecot, home, port):  # noqa: F811
    assert attempt(port, "SCRAM-SHA-256", Scram(DAVE, "words of dave"))[0] \
        == 454
    logged(home, "failure service=smtp ip=127.0.0.1 user=%s reason=dovecot"
           % DAVE)


def test_trouble_is_temporary(dovecot, home, port):  # noqa: F811
    program = home.path / "control" / "checkpassword"
    program.write_text("/bin/true\n")
    assert plain(port, DAVE, "words of dave")[0] == 454
    logged(home, "control/checkpassword and control/dovecotauth: one of them "
                 "is too many")
    os.unlink(program)
    dovecot.terminate()
    dovecot.wait(PATIENCE)
    assert plain(port, DAVE, "words of dave")[0] == 454
    logged(home, "unable to reach a Dovecot at ")
