"""culver-popup speaks TLS, and holds no key: STLS, TLS from the first byte, and
what attackers try (attacks 3.6, T2)."""
import os
import poplib
import signal
import ssl
import subprocess

import pytest
from conftest import BIN, DOMAIN, PATIENCE, free_base, kill, wait_for
from tlsdoor import Talk, client_context, make_pem, put_pem

ANN = "ann@" + DOMAIN
ATTACK = pytest.mark.attack("3.6")


@pytest.fixture
def door(make_instance):
    """A running instance whose certificate is for default.example."""
    one = make_instance(users=("ann:secret",))
    put_pem(one, "servercert.pem", make_pem(one.folder, "default.example"))
    one.start("authd", "keyd", "popup")
    return one


def put_mail(door, data):
    new = door.maildir() / "new"
    path = new / "1.a.host"
    path.write_bytes(data)
    os.chown(path, door.uid, door.gid)


def answer(talk, line):
    talk.socket.sendall(line.encode() + b"\r\n")
    return talk.line().decode()


def greeted(door):
    talk = Talk(door.pop3)
    assert talk.line().startswith(b"+OK")
    return talk


def secured(door, context=None):
    talk = greeted(door)
    assert answer(talk, "STLS").startswith("+OK")
    talk.secure(context=context)
    return talk


LARGE = b"Subject: large\n\n" + b"0123456789abcdef" * 4096 * 16 + b"\n"


def test_a_mailbox_is_read_by_stls(door):
    put_mail(door, LARGE)
    box = poplib.POP3("127.0.0.1", door.pop3, timeout=PATIENCE)
    assert "STLS" in box.capa()
    box.stls(context=client_context())
    assert "STLS" not in box.capa()
    box.user(ANN)
    box.pass_("secret")
    poplib._MAXLINE, saved = 1 << 22, poplib._MAXLINE
    try:
        lines = box.retr(1)[1]
    finally:
        poplib._MAXLINE = saved
    assert b"\n".join(lines) + b"\n" == LARGE
    box.dele(1)
    box.quit()
    wait_for(lambda: not door.mails(), why="the message to be removed")
    assert "cipher=TLSv1.3_" in door.log_text("popup")


def test_curl_reads_by_stls(door):
    put_mail(door, b"Subject: a\n\nhello\n")
    done = subprocess.run(
        ["curl", "-sSk", "--ssl-reqd", "-u", f"{ANN}:secret",
         f"pop3://127.0.0.1:{door.pop3}/1"], check=True,
        capture_output=True, timeout=PATIENCE)
    assert done.stdout == b"Subject: a\r\n\r\nhello\r\n"


@pytest.mark.parametrize("behind", ("CAPA", "USER ann", "QUIT", "NOOP"))
@ATTACK
def test_nothing_is_injected_behind_stls(door, behind):
    """T2"""
    with greeted(door) as talk:
        talk.socket.sendall(f"STLS\r\n{behind}\r\n".encode())
        heard = b""
        try:
            while more := talk.socket.recv(4096):
                heard += more
        except ConnectionError:
            pass
        assert heard in (b"-ERR improper pipelining\r\n", b"")
    wait_for(lambda: "how=pipelining" in door.log_text("popup"),
             why="the log")


@ATTACK
def test_stls_begins_anew_and_once(door):
    with greeted(door) as talk:
        assert answer(talk, f"USER {ANN}").startswith("+OK")
        assert answer(talk, "STLS").startswith("+OK")
        talk.secure()
        assert answer(talk, "PASS secret").startswith("-ERR USER first")
        assert answer(talk, "STLS").startswith("-ERR")
        assert answer(talk, "STLS now").startswith("-ERR")
        assert answer(talk, f"USER {ANN}").startswith("+OK")
        assert answer(talk, "PASS secret").startswith("+OK")
        assert answer(talk, "STLS").startswith("-ERR")
        assert answer(talk, "QUIT").startswith("+OK")


def test_commands_that_come_together_are_answered(door):
    """More than one record at once, and all before the first answer is read."""
    put_mail(door, b"Subject: a\n\nhello\n")
    with secured(door) as talk:
        talk.socket.sendall(f"USER {ANN}\r\nPASS secret\r\n".encode() +
                            b"NOOP\r\n" * 2000 + b"QUIT\r\n")
        heard = b""
        while more := talk.socket.recv(65536):
            heard += more
    assert heard.count(b"\r\n") == 2003
    assert heard.count(b"-ERR") == 0


@ATTACK
def test_old_versions_and_junk_are_refused(door):
    with pytest.raises((ssl.SSLError, OSError)):
        secured(door, client_context(ssl.TLSVersion.TLSv1,
                                     ssl.TLSVersion.TLSv1_1))
    with greeted(door) as talk:
        assert answer(talk, "STLS").startswith("+OK")
        talk.socket.sendall(b"USER ann\r\nPASS secret\r\n")
        with pytest.raises((ssl.SSLError, OSError)):
            talk.secure()
    secured(door).socket.close()


def test_without_keyd_it_is_not_offered_and_passwords_work(door):
    door.stop("keyd")
    box = poplib.POP3("127.0.0.1", door.pop3, timeout=PATIENCE)
    assert "STLS" not in box.capa()
    with pytest.raises(poplib.error_proto):
        box.stls(context=client_context())
    box.user(ANN)
    box.pass_("secret")
    box.quit()


def test_a_keyd_that_hangs_ends_a_handshake_and_nothing_else(door):
    with secured(door) as talk:
        kill(door.running["keyd"].pid, signal.SIGSTOP)
        try:
            with greeted(door) as other:
                answer(other, "STLS")
                with pytest.raises((ssl.SSLError, OSError)):
                    other.secure()
            assert answer(talk, f"USER {ANN}").startswith("+OK")
            assert answer(talk, "PASS secret").startswith("+OK")
        finally:
            kill(door.running["keyd"].pid, signal.SIGCONT)


def test_tls_from_the_first_byte(door):
    put_mail(door, LARGE)
    port = free_base((995,)) + 995
    log = door.folder / "pop3s.log"
    with open(log, "wb") as out:
        child = subprocess.Popen(
            [BIN / "culver-popup", "-t", "-l", f"127.0.0.1:{port}"],
            env=door.env, stdout=out, stderr=out, user=door.uid,
            group=door.gid,
            extra_groups=[] if os.geteuid() == 0 else None)

    def connected():
        try:
            return poplib.POP3_SSL("127.0.0.1", port, timeout=PATIENCE,
                                   context=client_context())
        except ConnectionError:
            return None
    try:
        box = wait_for(connected, why="the door")
        assert "STLS" not in box.capa()
        box.user(ANN)
        box.pass_("secret")
        assert box.stat()[0] == 1
        box.quit()
        with Talk(port) as talk:
            talk.socket.sendall(b"CAPA\r\nQUIT\r\n")
            try:
                assert not talk.line().startswith(b"+OK")
            except ConnectionError:
                pass
    finally:
        child.terminate()
        child.wait(PATIENCE)
